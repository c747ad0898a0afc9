package plot_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"comity/modeler/explain/plot"
)

var update = flag.Bool("update", false, "write the golden files anew")

// figure is what all figures do.
type figure interface{ SVG() ([]byte, error) }

// figures are one of each kind, and of each of its forms.
func figures() map[string]figure {
	nan := math.NaN()
	return map[string]figure{
		"bars":      bars(),
		"waterfall": waterfall(),
		"number":    number(),
		"category": plot.Shape{
			Frame: plot.Frame{Title: "What the kind of chest pain adds", Note: "740 rows of 4 hospitals; the band is of 95 %"},
			Axis:  "chest pain", Adds: "adds to the log-odds of heart disease",
			Kinds: []plot.Level{{"typical angina", -0.31, 0.09, 46}, {"atypical angina", -0.74, 0.06, 167}, {"other pain", -0.42, 0.05, 198}, {"no pain", 0.61, nan, 329}},
		},
		"pair": heat(),
		"curve": plot.Curve{
			Frame: plot.Frame{Title: "Skill against privacy", Note: "Accuracy of the private additive model, mean of 20 runs with a 95 % band"},
			X:     "ε (a smaller budget protects more)", Y: "accuracy", LogX: true,
			Points: []plot.CurvePoint{{0.1, 0.58, 0.021}, {0.3, 0.66, 0.014}, {1, 0.74, 0.008}, {3, 0.781, 0.004}, {10, 0.793, 0.002}},
			Lines:  []plot.Reference{{"without noise", 0.802}, {"always the larger class", 0.553}},
		},
		"bare line": plot.Curve{
			Frame: plot.Frame{Title: "No band, one point, no style sheet", Bare: true}, X: "x", Y: "y", Points: []plot.CurvePoint{{1, -2, nan}},
		},
	}
}

func bars() plot.Bars {
	return plot.Bars{
		Frame: plot.Frame{Title: "What matters for the score", Note: "Mean magnitude of what each feature adds, with 95 % intervals, 740 rows"},
		Axis:  "mean |SHAP value|, log-odds",
		Bars: []plot.Bar{
			{"age", 0.31, 0.012},
			{"chest pain", 0.82, 0.03},
			{"resting blood pressure, mm of mercury, at admission", 0.05, 0.004},
			{"cholesterol", 0.22, 0.02},
			{"largest heart rate", 0.41, 0.018},
			{"exercise angina", 0.38, 0.011},
			{"ST depression", 0.47, 0.021},
			{"sex", 0.29, 0.006},
			{"<script>alert(1)</script>", 0.01, 0.01},
			{"sugar", 0.002, math.NaN()},
		},
	}
}

func waterfall() plot.Waterfall {
	return plot.Waterfall{
		Frame: plot.Frame{Title: "Why row 17 scores 1.35", Note: "Each bar is what one feature's value adds; orange raises the score, blue lowers it"},
		Axis:  "log-odds of heart disease", Base: -0.21, Score: 1.35, Most: 8,
		Parts: []plot.Part{
			{"chest pain", "no pain", 0.93},
			{"age", "63", 0.41},
			{"sex", "male", 0.27},
			{"largest heart rate", "171", -0.52},
			{"ST depression", "2.3", 0.64},
			{"cholesterol", "233", -0.08},
			{"exercise angina", "no", -0.33},
			{"sugar", "above 120", 0.11},
			{"blood pressure", "145", 0.05},
			{"oldpeak", "missing", 0.08},
		},
	}
}

func number() plot.Shape {
	s := plot.Shape{
		Frame: plot.Frame{Title: "What age adds", Note: "740 rows of 4 hospitals; the band is of 95 %, the grey bars show where the rows are"},
		Axis:  "age, years", Adds: "adds to the log-odds of heart disease",
		Missing: &plot.Level{Name: "missing", Mean: 0.12, SE: 0.2, Count: 9},
	}
	for i := range 24 {
		x := float64(28 + 2*i)
		s.Steps = append(s.Steps, plot.Step{
			Low: x, High: x + 2, Mean: math.Round(100*math.Tanh((x-54)/9)) / 100,
			SE: 0.04 + math.Abs(x-54)/400, Count: 2 + (24-i)*i,
		})
	}
	return s
}

func heat() plot.Heat {
	h := plot.Heat{
		Frame: plot.Frame{Title: "What age and heart rate add together", Note: "Beyond what each of them adds alone"},
		X:     "age, years", Y: "largest heart rate, beats a minute",
	}
	for i := range 12 {
		h.Columns = append(h.Columns, []string{"28", "32", "36", "40", "44", "48", "52", "56", "60", "64", "68", "72"}[i])
	}
	for j := range 9 {
		h.Rows = append(h.Rows, []string{"70 to 85", "85 to 100", "100 to 115", "115 to 130", "130 to 145", "145 to 160", "160 to 175", "175 to 190", "above 190"}[j])
		row := make([]float64, 12)
		for i := range row {
			row[i] = float64((i-6)*(j-4)) / 80
		}
		h.Adds = append(h.Adds, row)
	}
	h.Adds[8][11] = math.NaN()
	return h
}

// TestGolden holds every byte: run with -update after a change that is meant, and look at it.
func TestGolden(t *testing.T) {
	for name, f := range figures() {
		got, err := f.SVG()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wellFormed(t, got)
		path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".svg")
		if *update {
			if err := os.WriteFile(path, got, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from %s", name, path)
		}
	}
}

// wellFormed reads a drawing as XML that loads and runs nothing.
func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if n := element.Name.Local; n == "script" || n == "image" || n == "a" || n == "foreignObject" {
			t.Fatalf("the drawing has an element %s", n)
		}
		for _, a := range element.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") {
				t.Fatalf("the drawing has an attribute %s", a.Name.Local)
			}
		}
	}
}

// FuzzLabels puts any text into every label of a figure.
func FuzzLabels(f *testing.F) {
	for _, s := range []string{"", "age", "</title><script>", "\x00\x1b\u202e", "\xff\xfe", "年齢", "العمر", "]]>", "&amp;", strings.Repeat("w", 500), "\ufffe\U0010ffff"} {
		f.Add(s, 1.5)
	}
	f.Fuzz(func(t *testing.T, s string, v float64) {
		frame := plot.Frame{Title: s, Note: s}
		for _, x := range []figure{
			plot.Bars{Frame: frame, Axis: s, Bars: []plot.Bar{{s, v, 0.1}}},
			plot.Waterfall{Frame: frame, Axis: s, Parts: []plot.Part{{s, s, v}}, Score: v},
			plot.Shape{Frame: frame, Axis: s, Adds: s, Kinds: []plot.Level{{s, v, 0.1, 3}}},
			plot.Shape{Frame: frame, Axis: s, Adds: s, Steps: []plot.Step{{v, v + 1, v, 0, 1}}, Missing: &plot.Level{Name: s}},
			plot.Heat{Frame: frame, X: s, Y: s, Columns: []string{s}, Rows: []string{s}, Adds: [][]float64{{v}}},
			plot.Curve{Frame: frame, X: s, Y: s, Points: []plot.CurvePoint{{v, v, 0}}, Lines: []plot.Reference{{s, v}}},
			plot.Curve{Frame: frame, X: s, Y: s, LogX: true, Points: []plot.CurvePoint{{v, v, 0}}},
		} {
			svg, err := x.SVG()
			if err != nil {
				if !errors.Is(err, plot.ErrFigure) {
					t.Fatal(err)
				}
				continue
			}
			if !utf8.Valid(svg) || strings.Contains(string(svg), "NaN") && !strings.Contains(s, "NaN") || strings.Contains(string(svg), "+Inf") && !strings.Contains(s, "Inf") {
				t.Fatalf("%q, %v: %s", s, v, svg)
			}
			wellFormed(t, svg)
		}
	})
}

func TestRefuses(t *testing.T) {
	nan := math.NaN()
	step := plot.Step{Low: 0, High: 1}
	for name, f := range map[string]figure{
		"no bars":              plot.Bars{},
		"bar of nothing":       plot.Bars{Bars: []plot.Bar{{"a", nan, 0}}},
		"endless error":        plot.Bars{Bars: []plot.Bar{{"a", 1, math.Inf(1)}}},
		"no parts":             plot.Waterfall{},
		"parts that miss":      plot.Waterfall{Score: 1, Parts: []plot.Part{{"a", "", 0.9}}},
		"part of nothing":      plot.Waterfall{Parts: []plot.Part{{"a", "", nan}}},
		"no shape":             plot.Shape{},
		"both shapes":          plot.Shape{Steps: []plot.Step{step}, Kinds: []plot.Level{{Name: "a"}}},
		"step backwards":       plot.Shape{Steps: []plot.Step{{Low: 1, High: 0}}},
		"gap between steps":    plot.Shape{Steps: []plot.Step{step, {Low: 2, High: 3}}},
		"endless step":         plot.Shape{Steps: []plot.Step{{Low: 0, High: math.Inf(1)}}},
		"negative error":       plot.Shape{Kinds: []plot.Level{{SE: -1}}},
		"negative count":       plot.Shape{Kinds: []plot.Level{{Count: -1}}},
		"no cells":             plot.Heat{},
		"ragged cells":         plot.Heat{Columns: []string{"a"}, Rows: []string{"b"}, Adds: [][]float64{{1, 2}}},
		"rows without names":   plot.Heat{Columns: []string{"a"}, Rows: []string{"b"}},
		"endless cell":         plot.Heat{Columns: []string{"a"}, Rows: []string{"b"}, Adds: [][]float64{{math.Inf(1)}}},
		"no points":            plot.Curve{},
		"points back":          plot.Curve{Points: []plot.CurvePoint{{1, 1, 0}, {1, 2, 0}}},
		"logarithm of nothing": plot.Curve{LogX: true, Points: []plot.CurvePoint{{0, 1, 0}}},
		"line of nothing":      plot.Curve{Points: []plot.CurvePoint{{1, 1, 0}}, Lines: []plot.Reference{{"a", nan}}},
	} {
		if _, err := f.SVG(); !errors.Is(err, plot.ErrFigure) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
