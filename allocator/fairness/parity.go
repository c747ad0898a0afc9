package fairness

import (
	"fmt"
	"math/big"

	"comity/exact"
)

// Count is how many members of a group were answered yes.
type Count struct {
	Group string
	Yes   int64
	Of    int64 // At least 1.
}

// Disparity is the largest difference between two groups' shares of yes.
type Disparity struct {
	Point        exact.Rat // Of the counts.
	Low, High    exact.Rat // Holds the true one with the confidence asked for.
	Most, Fewest string    // The groups with the largest and the smallest share.
	Normal       exact.Rat // Quantile of the normal distribution that was used.
	Comparisons  int       // Pairs of groups.
}

// Bounds of a comparison.
const (
	maxGroups = 1_000
	maxCount  = 1_000_000_000_000
	// rootBits is the precision of square roots, rounded outwards: 2^-80 is below 1e-24.
	rootBits = 80
)

// DemographicParity compares P(yes | group) over all groups: the largest difference, with
// an interval that holds the true largest difference with at least the confidence, say
// 19/20.
//
// Every pair of groups gets Newcombe's interval for a difference of two proportions
// (method 10: "Interval estimation for the difference between independent proportions",
// Statistics in Medicine 17 (1998)) out of Wilson's for each (1927), at the confidence
// that Bonferroni's inequality asks of each of the pairs. Where all of these hold, the
// largest difference lies between the largest of their lower ends and the largest of
// their upper ends. Coverage is that of Newcombe's method: close, not exact.
func DemographicParity(counts []Count, confidence exact.Rat) (Disparity, error) {
	if err := checkCounts(counts, confidence); err != nil {
		return Disparity{}, fmt.Errorf("demographic parity: %w", err)
	}
	pairs := len(counts) * (len(counts) - 1) / 2
	miss, _ := exact.Int(1).Sub(confidence).Quo(exact.Int(int64(pairs))) // Two groups or more.
	z := normal(miss)
	d := Disparity{Normal: z, Comparisons: pairs}
	wilson := make([]proportion, len(counts))
	most, fewest := 0, 0
	for i, c := range counts {
		wilson[i] = newProportion(c, z)
		if wilson[i].point.Cmp(wilson[most].point) > 0 {
			most = i
		}
		if wilson[i].point.Cmp(wilson[fewest].point) < 0 {
			fewest = i
		}
	}
	for i := range counts {
		for j := range i {
			low, high := wilson[i].less(wilson[j])
			d.Low = largest(d.Low, low, high.Neg())
			d.High = largest(d.High, high, low.Neg())
		}
	}
	d.Most, d.Fewest = counts[most].Group, counts[fewest].Group
	d.Point = wilson[most].point.Sub(wilson[fewest].point)
	return d, nil
}

// EqualOpportunity is DemographicParity among those who truly qualify: Of counts them,
// and Yes those of them who were answered yes.
//
// Source: Hardt, Price and Srebro, "Equality of opportunity in supervised learning",
// NIPS 2016, definition 2.2.
func EqualOpportunity(qualified []Count, confidence exact.Rat) (Disparity, error) {
	d, err := DemographicParity(qualified, confidence)
	if err != nil {
		return d, fmt.Errorf("equal opportunity: %w", err)
	}
	return d, nil
}

func checkCounts(counts []Count, confidence exact.Rat) error {
	if len(counts) < 2 || len(counts) > maxGroups {
		return fmt.Errorf("%w: %d groups, want 2 to %d", ErrInput, len(counts), maxGroups)
	}
	if err := checkConfidence(confidence); err != nil {
		return err
	}
	for _, c := range counts {
		if c.Of < 1 || c.Of > maxCount || c.Yes < 0 || c.Yes > c.Of {
			return fmt.Errorf("%w: group %q has %d yes of %d, want 0 to all of 1 to %d", ErrInput, c.Group, c.Yes, c.Of, int64(maxCount))
		}
	}
	return nil
}

func checkConfidence(confidence exact.Rat) error {
	limit, _ := exact.Ratio(999_999, 1_000_000) // Not a division by 0.
	if confidence.Sign() <= 0 || confidence.Cmp(limit) > 0 {
		return fmt.Errorf("%w: confidence %s, want above 0 and at most %s", ErrInput, confidence, limit)
	}
	return nil
}

// proportion is a share and Wilson's interval for it, rounded outwards.
type proportion struct{ point, low, high exact.Rat }

// newProportion computes (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
func newProportion(c Count, z exact.Rat) proportion {
	n := exact.Int(c.Of)
	p, _ := exact.Ratio(c.Yes, c.Of) // Of is at least 1.
	one := exact.Int(1)
	square, _ := z.Mul(z).Quo(n)
	half, _ := square.Quo(exact.Int(2))
	spread, _ := p.Mul(one.Sub(p)).Quo(n)
	quarter, _ := square.Quo(exact.Int(4).Mul(n))
	reach := root(spread.Add(quarter), rootBits).scaled(z).interval()
	low, _ := p.Add(half).Sub(reach.High).Quo(one.Add(square))
	high, _ := p.Add(half).Add(reach.High).Quo(one.Add(square))
	return proportion{p, largest(low, exact.Int(0)), largest(high.Neg(), one.Neg()).Neg()}
}

// less returns Newcombe's interval for p - q:
//
//	p - q - sqrt((p - low_p)^2 + (high_q - q)^2)  to  p - q + sqrt((high_p - p)^2 + (q - low_q)^2)
func (p proportion) less(q proportion) (low, high exact.Rat) {
	reach := func(a, b exact.Rat) exact.Rat {
		return root(a.Mul(a).Add(b.Mul(b)), rootBits).interval().High
	}
	d := p.point.Sub(q.point)
	return d.Sub(reach(p.point.Sub(p.low), q.high.Sub(q.point))), d.Add(reach(p.high.Sub(p.point), q.point.Sub(q.low)))
}

func largest(first exact.Rat, others ...exact.Rat) exact.Rat {
	for _, x := range others {
		if first.Cmp(x) < 0 {
			first = x
		}
	}
	return first
}

// normal returns the smallest multiple z of 1e-6 for which surely P(|Z| > z) <= miss, for
// a standard normal Z; miss is above 1e-13.
func normal(miss exact.Rat) exact.Rat {
	const steps, largest = 1_000_000, 10 // P(|Z| > 10) is below 1e-22.
	low, high := int64(0), int64(largest*steps)
	for high-low > 1 {
		middle := (low + high) / 2
		z, _ := exact.Ratio(middle, steps) // Not a division by 0.
		if tail(z).Cmp(miss) <= 0 {
			high = middle
		} else {
			low = middle
		}
	}
	z, _ := exact.Ratio(high, steps)
	return z
}

// tail returns an upper bound of P(|Z| > z) = 1 - sqrt(2/pi) sum (-1)^n z^(2n+1) / (2^n n! (2n+1)).
// At z = 10 the terms reach e^50, which 256 bits carry with 180 to spare.
func tail(z exact.Rat) exact.Rat {
	const bits = 256
	s := spanOf(z, bits)
	square := z.Mul(z)
	half, _ := square.Quo(exact.Int(2))
	sum, term := spanOf(exact.Int(0), bits), s
	const falling = 100 // The terms fall from n = z^2/2 on, which is at most 50.
	for n := int64(0); n < falling || term.low.BitLen() > 2 || term.high.BitLen() > 2; n++ {
		share, _ := exact.Ratio(1, 2*n+1)
		sum = sum.plus(term.scaled(share))
		step, _ := half.Quo(exact.Int(n + 1))
		term = term.scaled(step.Neg())
	}
	// What is left out alternates and falls: it is below the next term, 2^-254.
	slack := spanOf(exact.FromBig(power(3-bits)), bits)
	lower := span{new(big.Int).Sub(sum.low, slack.high), sum.high, bits}.interval().Low
	overPi, _ := exact.Int(2).Quo(pi(bits).High)
	factor := root(overPi, bits).interval().Low
	return exact.Int(1).Sub(lower.Mul(factor))
}

// pi encloses 16 arctan(1/5) - 4 arctan(1/239) (Machin, 1706).
func pi(bits uint) Interval {
	return arctan(5, bits).scaled(exact.Int(16)).plus(arctan(239, bits).scaled(exact.Int(-4))).interval()
}

// arctan encloses 1/n - 1/(3 n^3) + 1/(5 n^5) - ... for n >= 2.
func arctan(n int64, bits uint) span {
	inverse, _ := exact.Ratio(1, n)
	square, _ := exact.Ratio(-1, n*n)
	sum, term := spanOf(exact.Int(0), bits), spanOf(inverse, bits)
	for k := int64(1); term.low.BitLen() > 1 || term.high.BitLen() > 1; k += 2 {
		share, _ := exact.Ratio(1, k)
		sum = sum.plus(term.scaled(share))
		term = term.scaled(square)
	}
	// The terms that are left out alternate and are below 2^-bits each.
	one := big.NewInt(1)
	return span{new(big.Int).Sub(sum.low, one), new(big.Int).Add(sum.high, one), bits}
}
