package training_test

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"comity/exact"
	"comity/modeler/learn"
	"comity/modeler/learn/learntest"
	"comity/modeler/learn/model"
	"comity/modeler/learn/table"
	"comity/training"
)

// patients are rows whose yes depends on a number and a text.
func patients(t *testing.T, rows int, target func(x float64, town int) string) *table.Table {
	t.Helper()
	r := mathrand.New(mathrand.NewPCG(7, 7))
	var b strings.Builder
	b.WriteString("x,town,noise,y\n")
	for range rows {
		x, town := r.NormFloat64(), r.IntN(4)
		fmt.Fprintf(&b, "%.3f,town %d,%d,%s\n", x, town, r.IntN(1000), target(x, town))
	}
	tab, err := table.Read(learntest.NewFile(b.String()), table.Want{Target: "y"})
	if err != nil {
		t.Fatal(err)
	}
	if tab, err = tab.Keyed([]string{"x", "town", "noise", "y"}); err != nil {
		t.Fatal(err)
	}
	return tab
}

// More budget gives more skill, what is spent is never more than was asked for, and at an
// ε far above any promise the noise hardly matters.
func TestCurve(t *testing.T) {
	for _, c := range []struct {
		task   table.Task
		target func(x float64, town int) string
		least  float64
	}{
		{table.Binary, func(x float64, town int) string { return fmt.Sprint(x+float64(town%2) > 0.5) }, 0.9},
		{table.Regression, func(x float64, town int) string { return fmt.Sprintf("%.3f", 100+10*x+5*float64(town%2)) }, 0.5},
	} {
		rows := patients(t, 2000, c.target)
		cfg := model.Config{Table: table.Config{Columns: []string{"x", "town", "noise"}, Target: "y", Task: c.task}, Learner: model.Additive, Parties: 1}
		frame, err := table.Survey(t.Context(), &cfg.Table, rows, learn.Pooled{})
		if err != nil {
			t.Fatal(err)
		}
		curve := &training.Curve{Config: cfg, Public: table.PublicOf(frame), Delta: ratio(1, 100_000), Repeats: 2, Secret: rand.Reader}
		var scores []float64
		for _, epsilon := range []exact.Rat{ratio(1, 10), exact.Int(50)} {
			p, err := curve.Measure(t.Context(), epsilon, rows)
			if err != nil {
				t.Fatal(err)
			}
			if p.Spent.Cmp(epsilon) > 0 || p.Spent.Sign() <= 0 {
				t.Errorf("%s: %s spent of %s", c.task, p.Spent, epsilon)
			}
			scores = append(scores, p.Scores[0].Value)
		}
		t.Log(c.task, scores)
		if scores[1] < c.least || scores[1] < scores[0] {
			t.Errorf("%s: skill %v at ε of 0.1 and 50", c.task, scores)
		}
	}
}
