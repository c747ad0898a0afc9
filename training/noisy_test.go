package training_test

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity/exact"
	"comity/modeler/learn"
	"comity/training"
)

func ratio(a, b int64) exact.Rat { return exact.FromBig(big.NewRat(a, b)) }

// A budget is never overdrawn, and hardly anything of it is left.
func TestBudgetIsSpentExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rho := ratio(rapid.Int64Range(1, 10_000).Draw(t, "rho"), 10_000)
		squares := rapid.SliceOfN(rapid.Int64Range(1<<10, 1<<30), 1, 20).Draw(t, "squares")
		first := ratio(rapid.Int64Range(0, 9).Draw(t, "first"), 10)
		if len(squares) == 1 {
			first = exact.Rat{}
		}
		releases, err := training.Budget(rho, first, squares)
		if err != nil {
			t.Fatal(err)
		}
		cost, err := training.Cost(releases)
		if err != nil {
			t.Fatal(err)
		}
		if cost.Cmp(rho) > 0 || cost.Cmp(rho.Mul(ratio(9, 10))) < 0 {
			t.Fatalf("%s of %s is spent", cost, rho)
		}
		for i, r := range releases {
			if r.Square != squares[i] {
				t.Fatalf("release %d is of %d, want %d", i, r.Square, squares[i])
			}
		}
	})
}

// Every value gets noise of its release's variance, and no sum goes without.
func TestNoisy(t *testing.T) {
	const n, variance = 20_000, 400
	noisy := &training.Noisy{Summer: learn.Pooled{}, Releases: []training.Release{{Square: 1, Variance: variance}}, Secret: rand.Reader}
	x := make([]int64, n)
	for i := range x {
		x[i] = int64(i)
	}
	sum, err := noisy.Sum(context.Background(), learn.Step{Name: "a", Bits: 64}, x)
	if err != nil {
		t.Fatal(err)
	}
	var mean, square float64
	for i, v := range sum {
		d := float64(v - int64(i))
		mean, square = mean+d/n, square+d*d/n
	}
	// Five standard errors: of the mean sd/sqrt(n), of the variance variance sqrt(2/n).
	if math.Abs(mean) > 5*math.Sqrt(variance/float64(n)) || math.Abs(square-variance) > 5*variance*math.Sqrt(2/float64(n)) {
		t.Errorf("noise of mean %g and variance %g, want 0 and %d", mean, square, variance)
	}
	if _, err := noisy.Sum(context.Background(), learn.Step{Name: "b", Bits: 64}, x); !errors.Is(err, training.ErrUnplanned) {
		t.Errorf("a second sum: %v", err)
	}
}
