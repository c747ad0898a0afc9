package leakage_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/chance"
	"comity/modeler/interval"
	"comity/modeler/leakage"
)

func uniform(coin *chance.Stream) float64 { return (float64(coin.Uint64()>>11) + .5) / (1 << 53) }

func normal(coin *chance.Stream) float64 { return interval.NormalQuantile(uniform(coin)) }

// told is a training whose confidence of each row is noise, and more by shift where the row
// was in: nothing else leaks, so that everything about the attack is known.
func told(shift float64) leakage.Train {
	coin := chance.NewStream(chance.Seed{11})
	return func(_ int, in []bool) ([]float64, error) {
		out := make([]float64, len(in))
		for i := range out {
			out[i] = float64(i%7) + normal(coin)
			if in[i] {
				out[i] += shift
			}
		}
		return out, nil
	}
}

// TestAttackFindsWhatIsThere compares with what the best attack on normal confidences can
// do: AUC = Φ(shift/√2), rate at 1 % = Φ(shift + Φ⁻¹(.01)).
func TestAttackFindsWhatIsThere(t *testing.T) {
	for _, shift := range []float64{0, .5, 1, 2, 3} {
		m, err := leakage.Attack(1000, told(shift), leakage.Config{References: 64, Targets: 64, Confidence: .95})
		if err != nil {
			t.Fatal(err)
		}
		auc, rate := interval.NormalCDF(shift/math.Sqrt2), interval.NormalCDF(shift+interval.NormalQuantile(.01))
		t.Logf("shift %v: AUC %.3f of %.3f, rate at 1 %% %.4f of %.4f, at .1 %% %.4f, epsilon >= %.3f by %d of %d, estimate %.3f",
			shift, m.AUC, auc, m.Rate1, rate, m.RateTenth, m.Epsilon, m.Right, m.Guesses, m.Estimate)
		// Means and spreads are estimated from 32 references each, which costs a little.
		if m.AUC > auc+.01 || m.AUC < auc-.03 || m.Rate1 > rate*1.1+.0005 || m.Rate1 < rate*.6 {
			t.Errorf("shift %v: AUC %v, want %v; rate %v, want %v", shift, m.AUC, auc, m.Rate1, rate)
		}
		if shift == 0 && m.Epsilon > .2 || shift >= 2 && m.Epsilon < 1 || m.Refutes(100) {
			t.Errorf("shift %v: epsilon %v", shift, m.Epsilon)
		}
	}
}

// response is randomised response of privacy loss epsilon: whether a row was in is told
// truly with probability e^ε/(1 + e^ε).
func response(epsilon float64) leakage.Train {
	coin := chance.NewStream(chance.Seed{12})
	return func(_ int, in []bool) ([]float64, error) {
		out := make([]float64, len(in))
		for i := range out {
			truth := uniform(coin) < 1/(1+math.Exp(-epsilon))
			out[i] = -1
			if in[i] == truth {
				out[i] = 1
			}
		}
		return out, nil
	}
}

// TestAuditStaysBelowTheTruth audits computations whose privacy loss is known: the bound is
// below it and near it.
func TestAuditStaysBelowTheTruth(t *testing.T) {
	for _, epsilon := range []float64{.25, 1, 3} {
		m, err := leakage.Attack(2000, response(epsilon), leakage.Config{References: 16, Targets: 16, Confidence: .95})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("epsilon %v: at least %.3f, estimate %.3f", epsilon, m.Epsilon, m.Estimate)
		if m.Refutes(epsilon) || epsilon >= 1 && m.Epsilon < .9*epsilon || m.Epsilon == 0 {
			t.Errorf("epsilon %v: audited as %v", epsilon, m.Epsilon)
		}
	}
}

// TestBoundIsRarelyWrong repeats an audit of randomised response: the bound may be above
// the truth in at most 5 of 100 worlds.
func TestBoundIsRarelyWrong(t *testing.T) {
	coin, wrong := chance.NewStream(chance.Seed{13}), 0
	const worlds, guesses, epsilon = 2000, 200, 1.
	for range worlds {
		right := 0
		for range guesses {
			if uniform(coin) < 1/(1+math.Exp(-epsilon)) {
				right++
			}
		}
		if leakage.LowerBound(guesses, guesses, right, 0, .05) > epsilon {
			wrong++
		}
	}
	t.Logf("above the truth in %d of %d worlds", wrong, worlds)
	if wrong > worlds*7/100 {
		t.Errorf("above the truth in %d of %d worlds", wrong, worlds)
	}
}

// TestLowerBoundByHand: all of n guesses right refute ε if q^n <= β, so that the bound is
// ln(q/(1-q)) with q = β^(1/n).
func TestLowerBoundByHand(t *testing.T) {
	q := math.Pow(.05, 1./100)
	if got, want := leakage.LowerBound(100, 100, 100, 0, .05), math.Log(q/(1-q)); math.Abs(got-want) > 1e-9 {
		t.Errorf("%v, want %v", got, want)
	}
	if got := leakage.LowerBound(100, 100, 50, 0, .05); got != 0 {
		t.Errorf("half right: %v", got)
	}
	if got := leakage.LowerBound(100, 0, 0, 0, .05); got != 0 {
		t.Errorf("no guess: %v", got)
	}
	// Delta takes away from the bound, and a delta of 1 takes all.
	before := leakage.LowerBound(1000, 100, 95, 0, .05)
	for _, delta := range []float64{1e-6, 1e-4, 1e-2} {
		after := leakage.LowerBound(1000, 100, 95, delta, .05)
		if after > before {
			t.Errorf("delta %v gives %v after %v", delta, after, before)
		}
		before = after
	}
	if before != 0 {
		t.Errorf("delta .01 of 1000 coins explains nothing: %v", before)
	}
}

func TestAttacksRefused(t *testing.T) {
	good := leakage.Config{References: 8, Targets: 4, Confidence: .95}
	for name, change := range map[string]func(c *leakage.Config){
		"few":        func(c *leakage.Config) { c.References = 6 },
		"odd":        func(c *leakage.Config) { c.References = 9 },
		"many":       func(c *leakage.Config) { c.References = 1026 },
		"no target":  func(c *leakage.Config) { c.Targets = 0 },
		"delta":      func(c *leakage.Config) { c.Delta = 1 },
		"confidence": func(c *leakage.Config) { c.Confidence = 0 },
	} {
		c := good
		change(&c)
		if _, err := leakage.Attack(10, told(0), c); !errors.Is(err, leakage.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := leakage.Attack(1, told(0), good); !errors.Is(err, leakage.ErrInput) {
		t.Errorf("one row: %v", err)
	}
	cause := errors.New("cause")
	for name, train := range map[string]leakage.Train{
		"short": func(int, []bool) ([]float64, error) { return []float64{1}, nil },
		"NaN":   func(_ int, in []bool) ([]float64, error) { return slices.Repeat([]float64{math.NaN()}, len(in)), nil },
	} {
		if _, err := leakage.Attack(10, train, good); !errors.Is(err, leakage.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := leakage.Attack(10, func(int, []bool) ([]float64, error) { return nil, cause }, good); !errors.Is(err, leakage.ErrTrain) || !errors.Is(err, cause) {
		t.Error(err)
	}
}

func TestLogit(t *testing.T) {
	for _, c := range []struct {
		p    float64
		came bool
		want float64
	}{{.5, true, 0}, {.75, true, math.Log(3)}, {.75, false, -math.Log(3)}, {0, false, 16.118}, {0, true, -16.118}} {
		if got := leakage.Logit(c.p, c.came); math.Abs(got-c.want) > 1e-3 {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestReconstructByHand(t *testing.T) {
	secrets := []int8{1, 0, 1, 1, 0, 0}
	for name, c := range map[string]struct {
		cells         []leakage.Cell
		alone, solved int
		known         []int
	}{
		"nothing":      {nil, 0, 0, nil},
		"one cell":     {[]leakage.Cell{{[]int{0, 1, 2, 3, 4, 5}, 3}}, 0, 0, nil},
		"alone":        {[]leakage.Cell{{[]int{2}, 1}, {[]int{0, 1}, 1}}, 1, 1, []int{2}},
		"differencing": {[]leakage.Cell{{[]int{0, 1, 2, 3}, 3}, {[]int{0, 2, 3}, 3}}, 0, 1, []int{0, 1, 2, 3}},
		"saturated":    {[]leakage.Cell{{[]int{1, 4, 5}, 0}, {[]int{0, 1}, 1}}, 0, 0, []int{0, 1, 4, 5}},
		"a circle":     {[]leakage.Cell{{[]int{0, 1}, 1}, {[]int{1, 2}, 1}, {[]int{0, 2}, 2}}, 0, 3, []int{0, 1, 2}},
		"no circle":    {[]leakage.Cell{{[]int{0, 1}, 1}, {[]int{1, 2}, 1}}, 0, 0, nil},
	} {
		r, err := leakage.Reconstruct(c.cells, secrets)
		if err != nil || r.Alone != c.alone || r.Solved != c.solved || !slices.Equal(r.Known, c.known) || r.Wrong != 0 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	// Noise makes what seems to follow wrong.
	if r, err := leakage.Reconstruct([]leakage.Cell{{[]int{0}, 3}, {[]int{1}, -2}, {[]int{2, 3}, 0}}, secrets); err != nil || r.Wrong != 4 {
		t.Errorf("%+v, %v", r, err)
	}
	for name, err := range map[string]error{
		"no row":   second(leakage.Reconstruct(nil, nil)),
		"twice":    second(leakage.Reconstruct([]leakage.Cell{{[]int{1, 1}, 0}}, secrets)),
		"stranger": second(leakage.Reconstruct([]leakage.Cell{{[]int{6}, 0}}, secrets)),
		"below 0":  second(leakage.Reconstruct([]leakage.Cell{{[]int{-1}, 0}}, secrets)),
		"secret":   second(leakage.Reconstruct(nil, []int8{2})),
	} {
		if !errors.Is(err, leakage.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestReconstructTellsTheTruth compares with trying all secrets: what is said to follow is
// the same in all that agree with the sums. The reverse need not hold, because whole-number
// puzzles can have one answer for reasons that no algebra sees; a row that linear algebra
// determines must be among those with one answer.
func TestReconstructTellsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "rows")
		secrets := make([]int8, n)
		for i := range secrets {
			secrets[i] = int8(rapid.IntRange(0, 1).Draw(t, "secret"))
		}
		var cells []leakage.Cell
		for range rapid.IntRange(0, 6).Draw(t, "cells") {
			var c leakage.Cell
			for i := range n {
				if rapid.Bool().Draw(t, "in") {
					c.Rows, c.Sum = append(c.Rows, i), c.Sum+int64(secrets[i])
				}
			}
			cells = append(cells, c)
		}
		r, err := leakage.Reconstruct(cells, secrets)
		if err != nil || r.Wrong != 0 || r.Solved > len(r.Known) || r.Alone > r.Solved {
			t.Fatalf("%+v, %v", r, err)
		}
		for world := range 1 << n {
			agrees := !slices.ContainsFunc(cells, func(c leakage.Cell) bool {
				var sum int64
				for _, i := range c.Rows {
					sum += int64(world >> i & 1)
				}
				return sum != c.Sum
			})
			for _, i := range r.Known {
				if agrees && int8(world>>i&1) != secrets[i] {
					t.Fatalf("row %d is said to be known, and another answer agrees with all sums", i)
				}
			}
		}
	})
}
