package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"comity/durable"
	"comity/exact"
	"comity/modeler/explain/plot"
	"comity/modeler/learn"
	"comity/modeler/learn/model"
	"comity/modeler/learn/skill"
	"comity/modeler/learn/table"
	"comity/training"
)

type learnCurveCommand struct {
	File     string   `arg:"" help:"CSV (.gz is fine), Parquet, SQLite, or a folder of them; - reads CSV from standard input."`
	Target   string   `required:"" placeholder:"COLUMN" help:"What to learn: a column of numbers, or of no and yes."`
	Epsilons string   `required:"" placeholder:"LIST" help:"Privacy budgets ε to try, separated by commas: 0.5,1,2,4,8."`
	Delta    string   `default:"1e-5" help:"The failure probability δ."`
	Task     string   `enum:",regression,binary" default:"" help:"regression or binary. Without it: binary for a target of two values, otherwise regression."`
	Repeats  int      `default:"4" help:"How often every model is fitted with fresh noise (1 to 100)."`
	Without  []string `placeholder:"COLUMN" help:"Columns not to learn from, separated by commas."`
	Seed     string   `default:"" help:"Of the folds."`
	Out      string   `placeholder:"FILE" help:"Where a drawing of the curve goes, as SVG."`
}

// curveData is the JSON form of a curve. Numbers that matter are strings.
type curveData struct {
	Points  []curvePoint      `json:"points"`
	Score   string            `json:"score"` // The name of what score and error of a point say.
	Exact   map[string]string `json:"exact"` // Scores of the usual additive model, without noise.
	Delta   string            `json:"delta"`
	Unit    string            `json:"unit"` // Whom ε protects.
	Rows    int               `json:"rows"`
	Repeats int               `json:"repeats"`
	// Public lists what was taken for published before anybody looked at a row.
	Public []string `json:"public"`
	Out    string   `json:"out,omitempty"`
}

type curvePoint struct {
	Epsilon string            `json:"epsilon"`
	Spent   string            `json:"spent"` // By exact accounting of all sums, rounded up.
	Score   string            `json:"score"`
	Error   string            `json:"error"` // Standard error over the repeats.
	Scores  map[string]string `json:"scores"`
}

// mostEpsilons bounds the list.
const mostEpsilons = 50

// Run measures every ε of the list.
func (c *learnCurveCommand) Run(ctx context.Context, t *terminal) error {
	epsilons, delta, err := c.budgets()
	if err != nil {
		return err
	}
	fit := learnFitCommand{File: c.File, Target: c.Target, Without: c.Without, Task: c.Task, Model: string(model.Additive), Seed: c.Seed}
	whole, err := fit.read(ctx)
	if err != nil {
		return err
	}
	cfg, parts, err := fit.prepare(whole)
	if err != nil {
		return err
	}
	rows := parts[0].Table
	curve, err := privately(ctx, cfg, rows, delta, c.Repeats)
	if err != nil {
		return err
	}
	reference, err := cfg.Try(ctx, rows, func(ctx context.Context, part *table.Table) (*model.Model, error) {
		return model.Fit(ctx, cfg, part, learn.Pooled{})
	})
	if err != nil {
		return err
	}
	d := &curveData{
		Points: []curvePoint{}, Score: reference[0].Name, Exact: named(reference), Delta: delta.String(), Unit: "row", Rows: rows.Rows(), Repeats: c.Repeats,
		Public: publicly(), Out: c.Out,
	}
	figure := plot.Curve{
		Frame: plot.Frame{Title: fmt.Sprintf("Skill of private models of %s", c.Target), Note: fmt.Sprintf("5-fold cross-validation, %s, δ = %s, band: 95 %% over noise", count(d.Rows, "row"), c.Delta)},
		X:     "ε, the privacy budget of one row", Y: d.Score, LogX: true,
		Lines: []plot.Reference{{Name: "without noise", Y: reference[0].Value}},
	}
	for _, epsilon := range epsilons {
		p, err := curve.Measure(ctx, epsilon, rows)
		if err != nil {
			return err
		}
		d.add(p)
		x, _ := epsilon.Big().Float64()
		figure.Points = append(figure.Points, plot.CurvePoint{X: x, Y: p.Scores[0].Value, SE: p.Error})
		t.say("ε = %s: %s %s", decimalText(epsilon), d.Score, p.Scores[0])
	}
	if c.Out != "" {
		if err := draw(c.Out, figure); err != nil {
			return err
		}
	}
	return t.result("learn-privacy-curve", d, d.text())
}

// publicly lists what a private fit takes for published before it looks at a row.
func publicly() []string {
	return []string{"names and kinds of the columns", "the task, and the two values of a binary target"}
}

// privately prepares private fits of rows. It settles the task and the columns of the recipe.
func privately(ctx context.Context, cfg *model.Config, rows *table.Table, delta exact.Rat, repeats int) (*training.Curve, error) {
	frame, err := table.Survey(ctx, &cfg.Table, rows, learn.Pooled{})
	if err != nil {
		return nil, err
	}
	cfg.Table.Task, cfg.Table.Columns = frame.Target.Task, nil
	for _, col := range frame.Columns {
		cfg.Table.Columns = append(cfg.Table.Columns, col.Name)
	}
	return &training.Curve{Config: *cfg, Public: table.PublicOf(frame), Delta: delta, Repeats: repeats, Secret: rand.Reader}, nil
}

// readDelta reads a probability.
func readDelta(text string) (exact.Rat, error) {
	delta, err := readDecimal(text)
	if err != nil || delta.Sign() <= 0 || delta.Cmp(exact.Int(1)) >= 0 {
		return delta, usageError{fmt.Errorf("--delta %s: give a probability above 0 and below 1, such as 1e-5", text)}
	}
	return delta, nil
}

// budgets reads the list of ε, which it sorts, and δ.
func (c *learnCurveCommand) budgets() ([]exact.Rat, exact.Rat, error) {
	var list []exact.Rat
	for text := range strings.SplitSeq(c.Epsilons, ",") {
		e, err := readDecimal(strings.TrimSpace(text))
		if err != nil || e.Sign() <= 0 {
			return nil, e, usageError{fmt.Errorf("--epsilons %s: %q is no number above 0; write 0.5,1,2", c.Epsilons, text)}
		}
		list = append(list, e)
	}
	if len(list) > mostEpsilons {
		return nil, exact.Rat{}, usageError{fmt.Errorf("--epsilons: %d of them; at most %d", len(list), mostEpsilons)}
	}
	slices.SortFunc(list, exact.Rat.Cmp)
	list = slices.CompactFunc(list, func(a, b exact.Rat) bool { return a.Cmp(b) == 0 })
	delta, err := readDelta(c.Delta)
	if err != nil {
		return nil, delta, err
	}
	if c.Repeats < 1 || c.Repeats > 100 {
		return nil, delta, usageError{fmt.Errorf("--repeats %d: give 1 to 100", c.Repeats)}
	}
	return list, delta, nil
}

// readDecimal reads a number such as 0.5 or 1e-5 exactly.
func readDecimal(text string) (exact.Rat, error) {
	const digits, exponent = 30, 60
	return exact.ParseScientific(text, digits, exponent)
}

func (d *curveData) add(p *training.Point) {
	d.Points = append(d.Points, curvePoint{
		Epsilon: decimalText(p.Epsilon), Spent: p.Spent.Big().FloatString(6), Score: p.Scores[0].String(),
		Error: skill.Score{Value: p.Error}.String(), Scores: named(p.Scores),
	})
}

// decimalText writes an exact decimal.
func decimalText(x exact.Rat) string {
	const most = 60
	return strings.TrimSuffix(strings.TrimRight(x.Big().FloatString(most), "0"), ".")
}

func named(scores []skill.Score) map[string]string {
	m := map[string]string{}
	for _, s := range scores {
		m[s.Name] = s.String()
	}
	return m
}

func draw(file string, figure plot.Curve) error {
	for i := range figure.Points {
		if figure.Points[i].SE == 0 {
			figure.Points[i].SE = math.NaN()
		}
	}
	svg, err := figure.SVG()
	if err != nil {
		return err
	}
	return durable.Publish(file, func(w io.Writer) error {
		_, err := w.Write(svg)
		return err
	})
}

// text is what a person reads.
func (d *curveData) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-10s %-10s %s\n", "epsilon", d.Score, "standard error")
	for _, p := range d.Points {
		fmt.Fprintf(&b, "%-10s %-10s %s\n", p.Epsilon, p.Score, p.Error)
	}
	fmt.Fprintf(&b, "%-10s %s\n", "no noise", d.Exact[d.Score])
	fmt.Fprintln(&b, hang("", fmt.Sprintf("5-fold cross-validation on %s, %s each; delta %s, for one %s; every sum has discrete Gaussian noise and all of them are charged. Taken for public: %s. The scores themselves are not private: they are for whoever holds the rows.",
		count(d.Rows, "row"), count(d.Repeats, "fit"), d.Delta, d.Unit, strings.Join(d.Public, "; "))))
	if d.Out != "" {
		fmt.Fprintf(&b, "drawn   %s\n", d.Out)
	}
	return b.String()
}
