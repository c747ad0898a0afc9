package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"comity/durable"
	"comity/modeler/explain"
	"comity/modeler/explain/fitted"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
)

type learnExplainCommand struct {
	Model        string `arg:"" help:"What comity learn fit wrote."`
	File         string `arg:"" help:"CSV (.gz is fine), Parquet, SQLite, or a folder of them; - reads CSV from standard input."`
	Method       string `enum:"shap,interventional,shape" default:"shap" help:"shap: what each column adds to each score. interventional: the same, against the rows of a background. shape: how the score moves with each column."`
	Out          string `placeholder:"FILE" help:"CSV with a row for each row of the file: a column for each column of the model, then base and score. Of --method shape: a row for each bin."`
	Background   string `placeholder:"FILE" help:"Rows to compare with; without it those of the file. 100 of them are used for trees, by the public coin."`
	Permutations int    `placeholder:"N" help:"Also change the values of each column so often at random, and say how much worse the model fits; the file has its target."`
	SVG          string `name:"svg" placeholder:"DIR" help:"Draw importances, shapes, the strongest pair and one row into this folder."`

	Counterfactual int      `placeholder:"ROW" help:"Find the smallest change that moves the prediction for this row, counted from 1, across the threshold."`
	Threshold      *float64 `placeholder:"NUMBER" help:"Of the prediction: 0.5 for a probability, otherwise say which value."`
	Immutable      []string `placeholder:"COLUMN" help:"Columns that cannot change, separated by commas."`
	Grow           []string `placeholder:"COLUMN" help:"Columns that can only grow."`
	Shrink         []string `placeholder:"COLUMN" help:"Columns that can only shrink."`
	Range          []string `placeholder:"COLUMN=LOW:HIGH" help:"Columns that must stay within a range; give it again for another."`
	Changes        int      `default:"3" help:"How many columns may change at most: 1 to 8."`
	Work           int      `default:"20000" help:"How many candidates are looked at; beyond that the best found is given, without a proof."`
}

// explainedData is the JSON form of an explanation. Numbers that matter are strings.
type explainedData struct {
	Model          string              `json:"model"`
	Method         string              `json:"method"`
	Scale          string              `json:"scale"` // What scores are measured in.
	Rows           int                 `json:"rows"`
	Base           string              `json:"base,omitempty"`
	Basis          string              `json:"basis,omitempty"` // What the base is the mean of.
	Error          string              `json:"error,omitempty"` // The largest difference between a score and its parts.
	Features       []explainedFeature  `json:"features"`        // The most important first.
	Counterfactual *counterfactualData `json:"counterfactual,omitempty"`
	Plots          []string            `json:"plots"`
	Out            string              `json:"out,omitempty"`
}

type explainedFeature struct {
	Name          string `json:"name"`
	Mean          string `json:"mean_abs"`
	SE            string `json:"se"`
	Gain          string `json:"gain,omitempty"`        // Of trees: the share of what all splits gained.
	Permutation   string `json:"permutation,omitempty"` // How much the mean loss grows.
	PermutationSE string `json:"permutation_se,omitempty"`
}

type counterfactualData struct {
	Row       int           `json:"row"`
	Threshold string        `json:"threshold"`
	Found     bool          `json:"found"`
	Proved    bool          `json:"proved"` // That nothing allowed is smaller, or that nothing is enough.
	Reason    string        `json:"reason,omitempty"`
	Before    string        `json:"before,omitempty"`
	After     string        `json:"after,omitempty"`
	Cost      string        `json:"cost,omitempty"`
	Changes   []changedData `json:"changes"`
	Looked    int           `json:"looked,omitempty"`
}

type changedData struct {
	Name   string `json:"name"`
	From   string `json:"from"`
	To     string `json:"to"`
	Within string `json:"within"`
	Cost   string `json:"cost"`
}

// explanation is the state of one command.
type explanation struct {
	*learnExplainCommand

	subject    *fitted.Subject
	rows       *fitted.Rows
	background *fitted.Rows
	data       *explainedData
	order      []explain.Importance // The most important first.
	explainer  *fitted.Explainer
}

// Run explains all rows, and one more deeply.
func (c *learnExplainCommand) Run(ctx context.Context, t *terminal) error {
	if err := c.check(); err != nil {
		return err
	}
	x, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := x.write(ctx, t); err != nil {
		return err
	}
	if c.Counterfactual != 0 {
		if err := x.change(ctx); err != nil {
			return err
		}
	}
	if c.SVG != "" {
		if err := x.draw(ctx); err != nil {
			return err
		}
	}
	return t.result("learn-explain", x.data, x.text())
}

func (c *learnExplainCommand) check() error {
	if c.Out == "" && c.SVG == "" && c.Counterfactual == 0 {
		return usageError{errors.New("say what for: --out FILE, --svg DIR or --counterfactual ROW")}
	}
	if c.File == "-" && c.Background == "-" {
		return usageError{errors.New("only one file can be standard input; name the other")}
	}
	if c.Out != "" {
		return checkOut(c.Out)
	}
	return nil
}

// open reads the model and the rows.
func (c *learnExplainCommand) open(ctx context.Context) (*explanation, error) {
	m, digest, err := readModel(c.Model)
	if err != nil {
		return nil, err
	}
	x := &explanation{learnExplainCommand: c}
	if x.subject, err = fitted.Open(m); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Model, err)
	}
	load := func(file string, want table.Want) (*fitted.Rows, error) {
		rows, err := readTable(ctx, file, want)
		if err != nil {
			return nil, err
		}
		return x.subject.Load(rows)
	}
	want := table.Want{Only: m.Names()}
	if c.Permutations != 0 {
		want.Only, want.Target = append(want.Only, m.Target.Name), m.Target.Name
	}
	if x.rows, err = load(c.File, want); err != nil {
		return nil, err
	}
	x.background = x.rows
	if c.Background != "" {
		if x.background, err = load(c.Background, table.Want{Only: m.Names()}); err != nil {
			return nil, err
		}
	}
	x.data = &explainedData{
		Model: digest, Method: c.Method, Scale: x.subject.Scale, Rows: x.rows.Len(), Out: c.Out,
		Plots: []string{}, Features: []explainedFeature{},
	}
	method := fitted.SHAP
	if c.Method == "interventional" || c.Background != "" {
		method = fitted.Interventional
	}
	if x.explainer, err = x.subject.Explainer(method, x.background); err != nil {
		return nil, err
	}
	x.data.Basis = x.explainer.Basis
	return x, nil
}

// write explains all rows into the file, or only counts what matters without one.
func (x *explanation) write(ctx context.Context, t *terminal) error {
	if x.Out == "" {
		return x.parts(ctx, func([]string) error { return nil })
	}
	return writeTo(t, x.Out, func(out io.Writer) error {
		w := csv.NewWriter(out)
		if x.Method != "shape" {
			if err := x.parts(ctx, w.Write); err != nil {
				return err
			}
			w.Flush()
			return w.Error()
		}
		if err := x.parts(ctx, func([]string) error { return nil }); err != nil {
			return err
		}
		lines, err := x.subject.Shaped(ctx, x.rows)
		if err != nil {
			return err
		}
		return w.WriteAll(lines)
	})
}

// blockOfRows is how many rows are explained before they are written.
const blockOfRows = 1 << 14

// parts explains row by row, and adds up importances.
func (x *explanation) parts(ctx context.Context, write func([]string) error) error {
	names := x.subject.Names()
	if err := write(append(slices.Clone(names), "base", "score")); err != nil {
		return err
	}
	var tally explain.Tally
	var miss float64
	for lo := 0; lo < x.rows.Len(); lo += blockOfRows {
		v, err := x.explainer.Explain(ctx, x.rows, lo, min(lo+blockOfRows, x.rows.Len()))
		if err != nil {
			return err
		}
		tally.Add(v)
		miss, x.data.Base = max(miss, v.Error), fitted.Digits(v.Base)
		cells := make([]string, len(names)+2)
		for r, phi := range v.Phi {
			for f, p := range phi {
				cells[f] = fitted.Digits(p)
			}
			cells[len(names)], cells[len(names)+1] = x.data.Base, fitted.Digits(v.Score[r])
			if err := write(cells); err != nil {
				return err
			}
		}
	}
	x.data.Error = strconv.FormatFloat(miss, 'g', 3, 64)
	x.order = tally.Importances()
	slices.SortStableFunc(x.order, func(a, b explain.Importance) int {
		if a.Mean > b.Mean {
			return -1
		}
		if a.Mean < b.Mean {
			return 1
		}
		return 0
	})
	return x.matter(ctx)
}

// matter says how much each column matters, in all ways that were asked for.
func (x *explanation) matter(ctx context.Context) error {
	gains := x.subject.Gains()
	var permuted []explain.Importance
	if x.Permutations != 0 {
		var err error
		if permuted, err = x.subject.Permutation(ctx, x.rows, x.Permutations); err != nil {
			return err
		}
	}
	for _, i := range x.order {
		f := explainedFeature{Name: x.subject.Names()[i.Feature], Mean: fitted.Digits(i.Mean), SE: fitted.Digits(i.SE)}
		if gains != nil {
			f.Gain = fitted.Digits(gains[i.Feature])
		}
		if permuted != nil {
			p := permuted[i.Feature]
			f.Permutation, f.PermutationSE = fitted.Digits(p.Mean), fitted.Digits(p.SE)
		}
		x.data.Features = append(x.data.Features, f)
	}
	return nil
}

// change looks for the smallest change of one row. That nothing is enough is an answer too.
func (x *explanation) change(ctx context.Context) error {
	q, err := x.question()
	if err != nil {
		return err
	}
	d := &counterfactualData{Row: x.Counterfactual, Threshold: digits(q.Threshold), Changes: []changedData{}}
	x.data.Counterfactual = d
	a, err := x.subject.Counterfactual(ctx, x.rows, q)
	if none, ok := errors.AsType[*explain.NoneError](err); ok {
		d.Reason, d.Proved = none.Error(), none.Proved
		return nil
	}
	if err != nil {
		return fmt.Errorf("row %d: %w", x.Counterfactual, err)
	}
	d.Found, d.Proved, d.Looked, d.Cost = true, a.Proved, a.Looked, digits(a.Cost)
	d.Before, d.After = number.Text(a.Before), number.Text(a.After)
	for _, c := range a.Changes {
		d.Changes = append(d.Changes, changedData{c.Name, c.From, c.To, c.Within, digits(c.Cost)})
	}
	return nil
}

// question reads the flags.
func (x *explanation) question() (*fitted.Question, error) {
	q := &fitted.Question{Row: x.Counterfactual - 1, Rules: map[string]explain.Rule{}, Most: x.Changes, Work: x.Work}
	switch {
	case x.Counterfactual < 1 || x.Counterfactual > x.rows.Len():
		return nil, usageError{fmt.Errorf("--counterfactual %d: %s has rows 1 to %d", x.Counterfactual, x.File, x.rows.Len())}
	case x.Threshold != nil:
		q.Threshold = *x.Threshold
	case x.subject.Model.Target.Task == table.Binary:
		q.Threshold = 0.5
	default:
		return nil, usageError{fmt.Errorf("--threshold: say which value of %s the prediction is to cross", x.subject.Model.Target.Name)}
	}
	rule := func(names []string, set func(*explain.Rule)) {
		for _, name := range names {
			r := q.Rules[name]
			set(&r)
			q.Rules[name] = r
		}
	}
	rule(x.Immutable, func(r *explain.Rule) { r.Immutable = true })
	rule(x.Grow, func(r *explain.Rule) { r.Direction = 1 })
	rule(x.Shrink, func(r *explain.Rule) { r.Direction = -1 })
	for _, text := range x.Range {
		at := strings.LastIndex(text, "=")
		low, high, ok := strings.Cut(text[at+1:], ":")
		least, err := strconv.ParseFloat(low, 64)
		most, err2 := strconv.ParseFloat(high, 64)
		if at < 1 || !ok || err != nil || err2 != nil || !(least <= most) || math.IsInf(least, 0) || math.IsInf(most, 0) {
			return nil, usageError{fmt.Errorf("--range %s: write COLUMN=LOW:HIGH with two numbers, as age=18:65", text)}
		}
		rule([]string{text[:at]}, func(r *explain.Rule) { r.Ranged, r.Min, r.Max = true, least, most })
	}
	return q, nil
}

// mostShapes is how many shapes are drawn, the most important first.
const mostShapes = 20

// draw writes the drawings into the folder.
func (x *explanation) draw(ctx context.Context) error {
	if x.rows.Len() == 0 {
		return usageError{fmt.Errorf("--svg: %s has no rows to draw", x.File)}
	}
	if err := os.MkdirAll(x.SVG, 0o755); err != nil { //nolint:gosec // Drawings are for all to see; the umask may say less.
		return err
	}
	if err := x.save("importance", x.subject.Importance(x.order, x.rows.Len())); err != nil {
		return err
	}
	row := max(0, x.Counterfactual-1)
	v, err := x.explainer.Explain(ctx, x.rows, row, row+1)
	if err != nil {
		return err
	}
	if err := x.save(fmt.Sprintf("row-%d", row+1), x.subject.Waterfall(x.rows, row, v, 0, x.data.Basis)); err != nil {
		return err
	}
	for i, of := range x.order[:min(len(x.order), mostShapes)] {
		lines, err := x.subject.Shape(ctx, x.background, of.Feature)
		if err != nil {
			return err
		}
		shape, ok := x.subject.Curve(x.background, of.Feature, lines)
		if !ok {
			continue
		}
		if err := x.save(fmt.Sprintf("shape-%02d-%s", i+1, slug(x.subject.Names()[of.Feature])), shape); err != nil {
			return err
		}
	}
	return x.pair(ctx)
}

// pair draws the pair that interacts most in some of the rows.
func (x *explanation) pair(ctx context.Context) error {
	const numbers = 1 << 24 // Of the matrices of all rows that are looked at: 128 MiB.
	m := len(x.subject.Names())
	v, err := x.explainer.Interactions(ctx, x.rows, 0, min(x.rows.Len(), max(1, numbers/(m*m)), 2000))
	if errors.Is(err, explain.ErrBounds) {
		return nil // Too many columns for pairs.
	}
	if err != nil {
		return err
	}
	a, b, ok := fitted.Strongest(v)
	if !ok {
		return nil
	}
	return x.save("pair", x.subject.Pair(x.rows, 0, v, a, b))
}

func (x *explanation) save(name string, figure interface{ SVG() ([]byte, error) }) error {
	svg, err := figure.SVG()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	path := filepath.Join(x.SVG, name+".svg")
	x.data.Plots = append(x.data.Plots, path)
	return durable.WriteFile(path, svg)
}

// slug makes a name fit for a file.
func slug(name string) string {
	const most = 40
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String()[:min(b.Len(), most)], "-")
}

// text is what a person reads.
func (x *explanation) text() string {
	var b strings.Builder
	d := x.data
	fmt.Fprintf(&b, "%s explained, by %s, in %s\n", count(d.Rows, "row"), d.Method, d.Scale)
	if d.Base != "" {
		fmt.Fprintf(&b, "%s\n", hang("base    ", fmt.Sprintf("%s: %s", brief(d.Base), d.Basis)))
	}
	const most = 12
	for _, f := range d.Features[:min(len(d.Features), most)] {
		fmt.Fprintf(&b, "  %-28s  %s\n", f.Name, meanText(f))
	}
	if more := len(d.Features) - most; more > 0 {
		fmt.Fprintf(&b, "  and %s that matter less\n", count(more, "column"))
	}
	if c := d.Counterfactual; c != nil {
		b.WriteString(c.text())
	}
	for _, file := range slices.Concat([]string{d.Out}, d.Plots) {
		if file != "" && file != "-" {
			fmt.Fprintf(&b, "        %s\n", file)
		}
	}
	return b.String()
}

// brief shortens a decimal to four digits that count.
func brief(text string) string {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return fmt.Sprintf("%.4g", v)
}

func meanText(f explainedFeature) string {
	text := brief(f.Mean)
	if se, err := strconv.ParseFloat(f.SE, 64); err == nil {
		text += fmt.Sprintf(" ± %.2g", 1.96*se)
	}
	return text
}

// text says the change in words.
func (c *counterfactualData) text() string {
	var b strings.Builder
	if !c.Found {
		return hang("change  ", c.Reason) + "\n"
	}
	fmt.Fprintf(&b, "change  row %d is predicted %s; with these changes %s:\n", c.Row, brief(c.Before), brief(c.After))
	for _, x := range c.Changes {
		from := x.From
		if from == "" {
			from = "missing"
		}
		also := ""
		if x.Within != x.To {
			also = fmt.Sprintf(" (%s does as much)", x.Within)
		}
		fmt.Fprintf(&b, "          %s from %s to %s%s\n", x.Name, from, x.To, also)
	}
	if c.Proved {
		b.WriteString("        proved: no fewer columns are enough, and no smaller change of as many\n")
	} else {
		b.WriteString("        not proved to be the smallest; --work looks further\n")
	}
	return b.String()
}
