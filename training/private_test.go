package training_test

import (
	"crypto/rand"
	"errors"
	"math"
	"strings"
	"testing"

	"comity/adapter/csv"
	"comity/exact"
	"comity/modeler/learn"
	"comity/modeler/learn/model"
	"comity/modeler/learn/table"
	"comity/training"
	"comity/verifier/privacy"
)

func parse(tb testing.TB, text string) exact.Rat {
	tb.Helper()
	v, err := exact.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// framed is 300 rows of which the one column says almost all, with their public bins.
func framed(tb testing.TB) (*table.Table, *table.Frame) {
	tb.Helper()
	var b strings.Builder
	b.WriteString("x,y\n")
	for i := range 300 {
		b.WriteString([]string{"1,0\n", "2,0\n", "3,1\n", "4,1\n", "5,1\n", "6,0\n"}[i%6])
	}
	rows, err := csv.NewRows("rows.csv", strings.NewReader(b.String()))
	if err != nil {
		tb.Fatal(err)
	}
	t, err := table.Read(rows, table.Want{Target: "y"})
	if err != nil {
		tb.Fatal(err)
	}
	if t, err = t.Keyed([]string{"x", "y"}); err != nil {
		tb.Fatal(err)
	}
	frame, err := table.Survey(tb.Context(), &table.Config{Columns: []string{"x"}, Target: "y", Bins: training.PrivateBins}, t, learn.Pooled{})
	if err != nil {
		tb.Fatal(err)
	}
	return t, frame
}

// TestPrivateSpendsItsLimit fits under several limits: what a model says that it cost is the
// limit, to a thousandth and never above; less noise comes with more of it, and a large one
// finds what there is.
func TestPrivateSpendsItsLimit(t *testing.T) {
	rows, frame := framed(t)
	delta, before := parse(t, "0.00001"), int64(math.MaxInt64)
	for _, epsilon := range []string{"0.1", "1", "10", "60"} {
		p, err := training.NewPrivate(frame, privacy.Limit{Epsilon: parse(t, epsilon), Delta: delta})
		if err != nil {
			t.Fatal(err)
		}
		m, err := p.Fit(t.Context(), rows, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		spent, err := training.Spent(m, delta)
		if err != nil {
			t.Fatal(err)
		}
		if limit := parse(t, epsilon); spent.Cmp(limit) > 0 || spent.Cmp(limit.Mul(parse(t, "0.999"))) < 0 {
			t.Errorf("limit %s, spent %s", epsilon, spent)
		}
		again, err := training.Like(m)
		if err != nil {
			t.Fatal(err)
		}
		same, err := again.Fit(t.Context(), rows, rand.Reader)
		if err != nil || same.Additive.Config.Noise != m.Additive.Config.Noise || same.Target != m.Target {
			t.Errorf("a model like it has noise %+v, want %+v: %v", same.Additive.Config.Noise, m.Additive.Config.Noise, err)
		}
		if v := m.Additive.Config.Noise.Variance; v >= before {
			t.Errorf("limit %s has noise of variance %d, a smaller one had %d", epsilon, v, before)
		} else {
			before = v
		}
		if scores, err := m.Scores(rows); epsilon == "60" && (err != nil || scores[0] >= scores[2]) {
			t.Errorf("next to no noise, and yet a row of 0 has score %d, one of 1 %d: %v", scores[0], scores[2], err)
		}
	}
}

func TestPrivateRefuses(t *testing.T) {
	rows, frame := framed(t)
	for _, l := range []privacy.Limit{{}, {Epsilon: parse(t, "1")}, {Epsilon: parse(t, "-1"), Delta: parse(t, "0.1")}, {Epsilon: parse(t, "1/1000000000"), Delta: parse(t, "1/1000000000000")}} {
		if _, err := training.NewPrivate(frame, l); !errors.Is(err, training.ErrBudget) && !errors.Is(err, privacy.ErrParameter) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if _, err := training.Like(&model.Model{}); !errors.Is(err, training.ErrBudget) {
		t.Errorf("like a model of exact sums: %v", err)
	}
	p, err := training.NewPrivate(frame, privacy.Limit{Epsilon: parse(t, "1"), Delta: parse(t, "0.00001")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Fit(t.Context(), rows, strings.NewReader("short")); err == nil {
		t.Error("a coin that fails makes no noise, and there is a model")
	}
}
