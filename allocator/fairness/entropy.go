package fairness

import (
	"fmt"
	"slices"

	"comity/exact"
)

// TheilT returns (1/n) sum (x_i/mu) ln(x_i/mu), from 0 for equal quantities to ln n where
// one has all; a quantity of 0 counts 0. It fails with ErrInput if all are 0.
//
// Source: Theil, "Economics and Information Theory" (1967), chapter 4.
func TheilT(x []exact.Rat) (Interval, error) { return WeightedTheilT(x, ones(len(x))) }

// WeightedTheilT returns (1/W) sum w_i (x_i/mu) ln(x_i/mu) with the weighted mean mu.
// Source: Shorrocks, "The class of additively decomposable inequality measures",
// Econometrica 48 (1980), with population shares w_i/W.
func WeightedTheilT(x, w []exact.Rat) (Interval, error) {
	p, err := relative(x, w)
	if err != nil {
		return Interval{}, fmt.Errorf("theil t: %w", err)
	}
	return p.mean("theil t", func(r exact.Rat, bits uint) span {
		if r.Sign() == 0 {
			return spanOf(r, bits) // r ln r tends to 0.
		}
		return logarithm(r, bits).scaled(r)
	})
}

// TheilL returns (1/n) sum ln(mu/x_i), the mean log deviation. It fails with ErrInput
// if a quantity is 0: the value would be infinite.
//
// Source: as TheilT.
func TheilL(x []exact.Rat) (Interval, error) { return WeightedTheilL(x, ones(len(x))) }

// WeightedTheilL returns (1/W) sum w_i ln(mu/x_i) with the weighted mean mu.
func WeightedTheilL(x, w []exact.Rat) (Interval, error) {
	p, err := relative(x, w)
	if err == nil {
		err = positive(x)
	}
	if err != nil {
		return Interval{}, fmt.Errorf("theil l: %w", err)
	}
	return p.mean("theil l", func(r exact.Rat, bits uint) span { return logarithm(r, bits).negated() })
}

// maxAversion bounds the aversion of Atkinson's index; its literature uses 1/2 to 3.
const maxAversion = 64

// Atkinson returns 1 - (mean of x^(1-e))^(1/(1-e)) / mu for an aversion e > 0, and for
// e = 1 the limit 1 - geometric mean / mu: the share of the total that could go if what
// is left were spread evenly. It is 0 for equal quantities and at most 1, which it is for
// e >= 1 if a quantity is 0.
//
// Source: Atkinson, "On the measurement of inequality", Journal of Economic Theory 2
// (1970), equation 20.
func Atkinson(e exact.Rat, x []exact.Rat) (Interval, error) {
	return WeightedAtkinson(e, x, ones(len(x)))
}

// WeightedAtkinson takes both means with weights.
func WeightedAtkinson(e exact.Rat, x, w []exact.Rat) (Interval, error) {
	p, err := relative(x, w)
	if err == nil && (e.Sign() <= 0 || e.Cmp(exact.Int(maxAversion)) > 0) {
		err = fmt.Errorf("%w: aversion %s, want above 0 and at most %d", ErrInput, e, maxAversion)
	}
	if err != nil {
		return Interval{}, fmt.Errorf("atkinson: %w", err)
	}
	one := exact.Int(1)
	if p.equal() {
		return Interval{}, nil
	}
	none := func(v exact.Rat) bool { return v.Sign() == 0 }
	if e.Cmp(one) >= 0 && slices.ContainsFunc(x, none) {
		return Interval{one, one}, nil
	}
	return narrowed("atkinson", func(bits uint) Interval {
		level := p.level(e, bits).interval()
		return Interval{one.Sub(level.High), one.Sub(level.Low)}
	})
}

// level encloses the even quantity, in means, that is as good as the quantities.
func (p profile) level(e exact.Rat, bits uint) span {
	one := exact.Int(1)
	if e.Cmp(one) == 0 {
		return exponential(p.sum(bits, logarithm))
	}
	power := one.Sub(e)
	inverse, _ := one.Quo(power) // Not 0.
	mean := p.sum(bits, func(r exact.Rat, bits uint) span {
		if r.Sign() == 0 {
			return spanOf(r, bits) // 0 to a power above 0.
		}
		return exponential(logarithm(r, bits).scaled(power))
	})
	// ln grows, so that the ends of the mean give the ends of its logarithm.
	i := mean.interval()
	ln := span{logarithm(i.Low, bits).low, logarithm(i.High, bits).high, bits}
	return exponential(ln.scaled(inverse))
}

// profile is quantities in means, ascending and each once, and weights that add up to 1:
// logarithms are taken once for all who have the same.
type profile struct{ ratio, share []exact.Rat }

func relative(x, w []exact.Rat) (p profile, err error) {
	sum, err := total(x, w)
	if err != nil {
		return p, err
	}
	var weights exact.Rat
	for _, v := range w {
		weights = weights.Add(v)
	}
	mean, _ := sum.Quo(weights) // Both are above 0 here.
	order := ascending(x)
	for k, i := range order {
		share, _ := w[i].Quo(weights)
		if last := len(p.share) - 1; k > 0 && x[order[k-1]].Cmp(x[i]) == 0 {
			p.share[last] = p.share[last].Add(share)
			continue
		}
		ratio, _ := x[i].Quo(mean)
		p.ratio, p.share = append(p.ratio, ratio), append(p.share, share)
	}
	return p, nil
}

func (p profile) equal() bool {
	for _, r := range p.ratio {
		if r.Cmp(exact.Int(1)) != 0 {
			return false
		}
	}
	return true
}

// mean encloses the weighted mean of a function of the ratios that is 0 where all are 1
// and above 0 elsewhere.
func (p profile) mean(name string, of func(exact.Rat, uint) span) (Interval, error) {
	if p.equal() {
		return Interval{}, nil
	}
	return narrowed(name, func(bits uint) Interval { return p.sum(bits, of).interval() })
}

func (p profile) sum(bits uint, of func(exact.Rat, uint) span) span {
	sum := spanOf(exact.Int(0), bits)
	for i, r := range p.ratio {
		sum = sum.plus(of(r, bits).scaled(p.share[i]))
	}
	return sum
}

func positive(x []exact.Rat) error {
	for i, v := range x {
		if v.Sign() == 0 {
			return fmt.Errorf("%w: quantity %d is 0", ErrInput, i)
		}
	}
	return nil
}
