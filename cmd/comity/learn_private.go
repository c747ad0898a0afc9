package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"comity/exact"
	"comity/modeler/learn/model"
	"comity/modeler/learn/table"
	"comity/training"
)

// fitPrivacy is what a model of noisy sums tells of any one row.
type fitPrivacy struct {
	Epsilon string   `json:"epsilon"` // As asked for.
	Spent   string   `json:"spent"`   // By exact accounting of all sums, rounded up: at most epsilon.
	Delta   string   `json:"delta"`
	Unit    string   `json:"unit"`
	Public  []string `json:"public"` // What was taken for published before anybody looked at a row.
}

// checkPrivacy refuses what cannot be learned with noise here.
func (c *learnFitCommand) checkPrivacy() error {
	switch {
	case c.Epsilon == "":
		return nil
	case c.Model != string(model.Additive):
		return usageError{fmt.Errorf("--epsilon goes with --model additive: %s models are not made with noise", c.Model)}
	case c.Party != "":
		return usageError{errors.New("--epsilon and --party: noise is drawn anew for each fit, so that a federation and pooled rows give two models; leave one out")}
	case c.Task == string(table.Count) || c.Task == string(table.Quantile):
		return usageError{fmt.Errorf("--epsilon and --task %s: models with noise are for regression and binary targets", c.Task)}
	}
	_, _, err := c.budget()
	return err
}

func (c *learnFitCommand) budget() (epsilon, delta exact.Rat, err error) {
	if epsilon, err = readDecimal(c.Epsilon); err != nil || epsilon.Sign() <= 0 {
		return epsilon, delta, usageError{fmt.Errorf("--epsilon %s: give a number above 0, such as 1", c.Epsilon)}
	}
	delta, err = readDelta(c.Delta)
	return epsilon, delta, err
}

// fitPrivately fits and writes one model of noisy sums. Its scores are those of models of
// four fifths of the rows with fresh noise.
func (c *learnFitCommand) fitPrivately(ctx context.Context, t *terminal, clock *stopwatch, cfg *model.Config, rows *table.Table) error {
	epsilon, delta, err := c.budget()
	if err != nil {
		return err
	}
	curve, err := privately(ctx, cfg, rows, delta, 1)
	if err != nil {
		return err
	}
	m, err := curve.Fit(ctx, epsilon, rows)
	if err != nil {
		return err
	}
	clock.lap("fit")
	point, err := curve.Measure(ctx, epsilon, rows)
	if err != nil {
		return err
	}
	clock.lap("score")
	spent, err := training.Spent(m, delta)
	if err != nil {
		return err
	}
	d := &fitData{
		Learner: c.Model, Target: c.Target, Summed: "noisy", out: c.Out, order: point.Scores,
		Score: point.Scores[0].String(), Scores: named(point.Scores), Validation: "5-fold cross-validation with fresh noise; the scores come from the rows and are for whoever holds them",
		Privacy: &fitPrivacy{decimalText(epsilon), spent.Big().FloatString(6), decimalText(delta), "row", publicly()},
	}
	if d.Model, err = m.Digest(); err != nil {
		return err
	}
	d.describe(m)
	d.Rows = 0
	if err := c.write(m, d); err != nil {
		return err
	}
	d.Seconds, d.Phases = seconds(time.Since(clock.start)), clock.laps
	return t.result("learn-fit", d, d.text())
}

func (p *fitPrivacy) text() string {
	return hang("privacy ", fmt.Sprintf("epsilon %s of %s at delta %s for one %s; taken for public: %s", p.Spent, p.Epsilon, p.Delta, p.Unit, strings.Join(p.Public, "; "))) + "\n"
}
