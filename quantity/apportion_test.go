package quantity

import (
	"errors"
	"math"
	"slices"
	"testing"

	"comity/exact"

	"pgregory.net/rapid"
)

func drawWeights(t *rapid.T) []exact.Rat {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) exact.Rat {
		r, err := exact.Ratio(rapid.Int64Range(0, 30).Draw(t, "num"), rapid.Int64Range(1, 6).Draw(t, "den"))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}), 1, 9).Filter(func(w []exact.Rat) bool { return total(w).Sign() > 0 }).Draw(t, "weights")
}

func total(weights []exact.Rat) exact.Rat {
	var sum exact.Rat
	for _, w := range weights {
		sum = sum.Add(w)
	}
	return sum
}

// twin hands out one unit after the other: by the largest w/(2n+1) for Webster, and
// by the largest remainder after the floors for LargestRemainder.
func twin(stock Amount, weights []exact.Rat, rule Rule) []Amount {
	parts := make([]Amount, len(weights))
	claims := make([]exact.Rat, len(weights))
	sum, rest := total(weights), stock
	for i, w := range weights {
		claims[i] = w
		if rule == LargestRemainder {
			quota, _ := w.Mul(exact.Int(int64(stock))).Quo(sum)
			parts[i] = Amount(quota.Floor().Int64())
			claims[i] = quota.Sub(exact.Int(int64(parts[i])))
			rest -= parts[i]
		}
	}
	for ; rest > 0; rest-- {
		best := 0
		for i := range claims {
			if claims[i].Cmp(claims[best]) > 0 {
				best = i
			}
		}
		parts[best]++
		if rule == LargestRemainder {
			claims[best] = exact.Int(-1)
		} else {
			claims[best], _ = weights[best].Quo(exact.Int(int64(2*parts[best] + 1)))
		}
	}
	return parts
}

func TestApportionAgreesWithItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stock, weights := Amount(rapid.Int64Range(0, 120).Draw(t, "stock")), drawWeights(t)
		for _, rule := range []Rule{LargestRemainder, Webster} {
			got, err := Apportion(stock, weights, rule)
			if want := twin(stock, weights, rule); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%s of %d by %v = %v, %v; want %v", rule, stock, weights, got, err, want)
			}
		}
	})
}

func TestApportionLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stock, weights := Amount(rapid.Int64Range(0, math.MaxInt64-1).Draw(t, "stock")), drawWeights(t)
		for _, rule := range []Rule{LargestRemainder, Webster} {
			parts, err := Apportion(stock, weights, rule)
			if err != nil {
				t.Fatal(err)
			}
			if sum, err := Sum(parts); err != nil || sum != stock {
				t.Fatalf("%s of %d by %v hands out %v, %d in all, %v", rule, stock, weights, parts, sum, err)
			}
			for i, w := range weights {
				quota, _ := w.Mul(exact.Int(int64(stock))).Quo(total(weights))
				off := exact.Int(int64(parts[i])).Sub(quota)
				if rule == LargestRemainder && (off.Cmp(exact.Int(1)) >= 0 || off.Cmp(exact.Int(-1)) <= 0) || w.Sign() == 0 && parts[i] != 0 {
					t.Fatalf("%s of %d by %v gives part %d %d, quota %s", rule, stock, weights, i, parts[i], quota)
				}
			}
		}
		// Webster is monotone: one unit more takes none from anybody.
		before, _ := Apportion(stock, weights, Webster)
		after, err := Apportion(stock+1, weights, Webster)
		if err != nil {
			t.Fatal(err)
		}
		for i := range before {
			if after[i] < before[i] {
				t.Fatalf("part %d of %v falls from %d to %d", i, weights, before[i], after[i])
			}
		}
	})
}

func TestApportionExamples(t *testing.T) {
	ints := func(n ...int64) (w []exact.Rat) {
		for _, v := range n {
			w = append(w, exact.Int(v))
		}
		return w
	}
	for _, c := range []struct {
		stock   Amount
		weights []exact.Rat
		rule    Rule
		want    []Amount
	}{
		{1, ints(1, 1, 1), LargestRemainder, []Amount{1, 0, 0}},
		{5, ints(1, 1), Webster, []Amount{3, 2}},
		{0, ints(0, 1), Webster, []Amount{0, 0}},
		// Many small parties make the rounding overshoot by half of their number.
		{4, ints(6, 6, 6, 6, 6, 6, 6, 6), Webster, []Amount{1, 1, 1, 1, 0, 0, 0, 0}},
		{10, ints(53, 24, 23), LargestRemainder, []Amount{5, 3, 2}},
		{10, ints(53, 24, 23), Webster, []Amount{6, 2, 2}},
	} {
		if got, err := Apportion(c.stock, c.weights, c.rule); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s of %d by %v = %v, %v; want %v", c.rule, c.stock, c.weights, got, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		stock   Amount
		weights []exact.Rat
		rule    Rule
		want    error
	}{
		"negative stock":  {-1, ints(1), Webster, ErrWeights},
		"negative weight": {1, ints(2, -1), Webster, ErrWeights},
		"zero weights":    {1, ints(0, 0), LargestRemainder, ErrWeights},
		"no weights":      {1, nil, LargestRemainder, ErrWeights},
		"no such rule":    {1, ints(1), "hare", ErrRule},
	} {
		if got, err := Apportion(c.stock, c.weights, c.rule); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

func BenchmarkApportion(b *testing.B) {
	weights := make([]exact.Rat, 10_000)
	for i := range weights {
		weights[i] = exact.Int(int64(i*i%997 + 1))
	}
	for _, rule := range []Rule{LargestRemainder, Webster} {
		b.Run(string(rule), func(b *testing.B) {
			for b.Loop() {
				if _, err := Apportion(1_000_003, weights, rule); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
