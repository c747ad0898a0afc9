package certificate

import (
	"fmt"
	"math/big"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/quantity"
)

// The kinds of stage and limit. docs/format/certificate.md says what each proves.
const (
	Weighted  = "weighted"
	Maximin   = "maximin"
	Leximin   = "leximin"
	Nash      = "nash"
	LimitGini = "gini"
	LimitJain = "jain"
)

const (
	// PriceBits is the binary fraction of prices: a dual is a row's price times 2^20.
	// Twenty bits certified a problem of 48,012 columns to 2 parts in a million.
	PriceBits = 20
	// EvenBits is that of the weights and prices of evenness: the slopes of a party that
	// needs 2^50 units, the most that is lowered, lie 2^-50 apart.
	EvenBits = 52
	// nashBits is about how many bits the largest price of a nash stage has.
	nashBits = 52
)

// aim is what one proof is about, as a weighted sum of all columns.
type aim struct {
	check *check
	stage comity.Stage // Its Kind is Evenness for the last.
	bits  uint         // Binary fraction of the prices.
	// objective is by column; divided by scale it is never below the aim.
	objective []big.Int
	scale     *big.Int
	// slip is what the objective, rounded, may fall short of the aim, times scale.
	slip  *big.Int
	worth []big.Int // By need: of the published units.
	// settled are the parties that this level of a leximin stage settles; all for maximin.
	settled []bool
	value   exact.Rat
}

// next says what the proof at hand is about: proofs come in the order of the stages, a
// leximin stage has one for each level, and evenness is the last.
func (c *check) next(proof comity.StageProof) (*aim, error) {
	if c.done {
		return nil, fmt.Errorf("%w: it comes after that of evenness", ErrShape)
	}
	stage := comity.Stage{ID: Evenness, Kind: Evenness}
	if c.stage < len(c.problem.Stages) {
		stage = c.problem.Stages[c.stage]
	}
	if proof.Stage != stage.ID {
		return nil, fmt.Errorf("%w: the proof of stage %q must come here", ErrShape, stage.ID)
	}
	a := &aim{check: c, stage: stage, bits: PriceBits, scale: big.NewInt(1), slip: new(big.Int), objective: make([]big.Int, len(c.problem.Columns))}
	want := 0
	if stage.Kind != Weighted {
		want = len(c.problem.Needs)
	}
	if len(proof.Weights) != want {
		return nil, fmt.Errorf("%w: %d weights in a proof of kind %s for %d parties, want %d", ErrShape, len(proof.Weights), stage.Kind, len(c.problem.Needs), want)
	}
	switch stage.Kind {
	case Weighted:
		a.weighted(proof)
		return a, nil
	case Maximin, Leximin:
		return a, a.least(proof.Weights)
	case Nash:
		return a, a.nash(proof.Weights)
	default:
		return a, a.even(proof.Weights)
	}
}

// weighted is the sum itself.
func (a *aim) weighted(proof comity.StageProof) {
	sum, t := new(big.Int), new(big.Int)
	for j, cost := range a.stage.Costs {
		a.objective[j].SetInt64(int64(cost))
		sum.Add(sum, product(t, int64(cost), int64(a.check.units[j])))
	}
	a.value = whole(sum)
	if a.stage.Slack.Sign() > 0 {
		// The published units may have given some of it up for a later stage. What was
		// reached before that is stated; understating it by more than the allowed gap is
		// refused, and overstating it leaves a floor that the units break.
		a.value = proof.Value
	}
}

// least bounds the least of the parties that no earlier level settled. For weights v at
// least 0 and any plan whose least worth over per is m, Σ v·worth >= m·Σ v·per.
func (a *aim) least(weights []canon.Int) error {
	c := a.check
	a.worth = c.worth(a.stage)
	a.settled = make([]bool, len(weights))
	a.scale.SetInt64(0)
	t := new(big.Int)
	var least *big.Rat
	for k, v := range weights {
		if v < 0 || v > 0 && c.settled[k] {
			return fmt.Errorf("%w: weight %d of %s, which must be 0 or above, and 0 once it is settled", ErrShape, v, c.problem.Needs[k].Party)
		}
		a.settled[k] = !c.settled[k] && (v > 0 || a.stage.Kind == Maximin)
		a.scale.Add(a.scale, product(t, int64(v), int64(a.stage.Per[k])))
		if a.settled[k] {
			share := new(big.Rat).SetFrac(&a.worth[k], big.NewInt(int64(a.stage.Per[k])))
			if least == nil || share.Cmp(least) < 0 {
				least = share
			}
		}
	}
	if a.scale.Sign() == 0 {
		return fmt.Errorf("%w: all weights are 0", ErrShape)
	}
	for j, k := range c.party {
		if k >= 0 {
			product(&a.objective[j], int64(a.stage.Costs[j]), int64(weights[k]))
		}
	}
	a.value = exact.FromBig(least)
	return nil
}

// nash bounds what the sum of power·ln(gain) can gain, where gain is worth - outside. A
// party's worth moves in multiples of u, the greatest common divisor of its costs, and
// between two of them a logarithm has a slope of which is known
//
//	ln(1+u/g)/u <= 1/√(g·(g+u))    ln(g/(g-u))/u >= 2/(2g-u)
//
// (the logarithmic mean lies between the geometric and the arithmetic one), so that any
// weight from power times the first to power times the second, at the published gain, is
// a line that no whole plan rises above. A party to which no unit is worth anything has
// weight 0.
func (a *aim) nash(weights []canon.Int) error {
	c := a.check
	a.worth = c.worth(a.stage)
	a.bits = 0 // Weights are whole numbers of 2^-bits, and so are prices.
	gains, bits, err := a.gains()
	if err != nil {
		return err
	}
	a.scale.Lsh(a.scale, bits)
	units := a.quanta()
	base, t, end := new(big.Int), new(big.Int), new(big.Int)
	for k, v := range weights {
		g, u := &gains[k], &units[k]
		if u.Sign() == 0 {
			if v != 0 {
				return fmt.Errorf("%w: weight %d of %s, to which no unit is worth anything", ErrShape, v, c.problem.Needs[k].Party)
			}
			continue
		}
		power := new(big.Int).Lsh(big.NewInt(int64(a.stage.Power[k])), bits)
		// v·(2g-u) <= 2·power and v²·g·(g+u) >= power².
		end.Sub(end.Lsh(g, 1), u)
		if end.Mul(end, big.NewInt(int64(v))).Cmp(t.Lsh(power, 1)) > 0 {
			return fmt.Errorf("%w: weight %d of %s is above the slope before its gain of %s", ErrBound, v, c.problem.Needs[k].Party, g)
		}
		end.Mul(end.Add(g, u), g)
		end.Mul(end, product(t, int64(v), int64(v)))
		if v <= 0 || end.Cmp(t.Mul(power, power)) < 0 {
			return fmt.Errorf("%w: weight %d of %s is below the slope after its gain of %s", ErrBound, v, c.problem.Needs[k].Party, g)
		}
		base.Add(base, t.Mul(big.NewInt(int64(v)), &a.worth[k]))
	}
	for j, k := range c.party {
		if k >= 0 {
			product(&a.objective[j], int64(a.stage.Costs[j]), int64(weights[k]))
		}
	}
	// What is bounded is the gain over the published units, whose own is 0.
	a.slip.Neg(base)
	a.value = exact.Int(0)
	return nil
}

// gains returns what each party gets above its alternative, and the binary fraction of
// weights and prices: the one at which the largest price, of about power·cost/gain, has
// nashBits.
func (a *aim) gains() (gains []big.Int, bits uint, err error) {
	gains = make([]big.Int, len(a.worth))
	unit := a.largestCost()
	least, t := 0, new(big.Int)
	for k := range a.worth {
		gains[k].Sub(&a.worth[k], t.SetInt64(int64(a.stage.Outside[k])))
		if gains[k].Sign() <= 0 {
			return nil, 0, fmt.Errorf("%w: %s gets a worth of %s and has %d without an agreement", ErrPrimal, a.check.problem.Needs[k].Party, &a.worth[k], a.stage.Outside[k])
		}
		t.Mul(t.SetInt64(int64(a.stage.Power[k])), &unit[k])
		if size := gains[k].BitLen() - t.BitLen(); k == 0 || size < least {
			least = size
		}
	}
	return gains, uint(max(0, nashBits+least)), nil
}

// quanta returns, by need, the greatest common divisor of a party's costs, 0 where all are.
func (a *aim) quanta() []big.Int {
	units := make([]big.Int, len(a.check.problem.Needs))
	for j, k := range a.check.party {
		if k >= 0 {
			units[k].GCD(nil, nil, &units[k], new(big.Int).Abs(big.NewInt(int64(a.stage.Costs[j]))))
		}
	}
	return units
}

// NashBits returns the binary fraction of the weights and prices that prove a nash stage
// at these units: it depends on what the parties gain.
func NashBits(p comity.Problem, s comity.Stage, units []quantity.Amount) (uint, error) {
	c := newCheck(p, units)
	a := &aim{check: c, stage: s, worth: c.worth(s)}
	_, bits, err := a.gains()
	return bits, err
}

// even bounds what -Σ(need-X)²/(2·need) can gain. Between whole units the value is
// concave with slopes (need-X±½)/need, Webster's quotients; any weight between the two
// at the published units is a line that no whole X rises above.
func (a *aim) even(weights []canon.Int) error {
	c := a.check
	// Weights are whole numbers of 2^-EvenBits, and so are prices.
	a.bits = 0
	a.scale.Lsh(a.scale, EvenBits)
	totals := c.totals()
	base, t, end := new(big.Int), new(big.Int), new(big.Int)
	for k, v := range weights {
		need := int64(c.problem.Needs[k].Amount)
		if need == 0 {
			if v != 0 {
				return fmt.Errorf("%w: weight %d of %s, which needs nothing", ErrShape, v, c.problem.Needs[k].Party)
			}
			continue
		}
		// 2·need·v between 2^bits·(2(need-X)-1) and 2^bits·(2(need-X)+1).
		v2 := product(t, int64(v), need)
		v2.Lsh(v2, 1)
		rest := new(big.Int).Sub(big.NewInt(need), &totals[k])
		rest.Lsh(rest, 1)
		low := end.Lsh(end.Sub(rest, big.NewInt(1)), EvenBits)
		if v2.Cmp(low) < 0 {
			return fmt.Errorf("%w: weight %d of %s is below the slope after its %s units", ErrBound, v, c.problem.Needs[k].Party, &totals[k])
		}
		high := end.Lsh(end.Add(rest, big.NewInt(1)), EvenBits)
		if v2.Cmp(high) > 0 {
			return fmt.Errorf("%w: weight %d of %s is above the slope before its %s units", ErrBound, v, c.problem.Needs[k].Party, &totals[k])
		}
		base.Add(base, t.Mul(big.NewInt(int64(v)), &totals[k]))
	}
	for j, k := range c.party {
		if k >= 0 {
			a.objective[j].SetInt64(int64(weights[k]))
		}
	}
	a.slip.Neg(base)
	a.value = exact.Int(0)
	return nil
}

// judge requires that the units miss the aim by no more than maxGap of the bound, and
// where whole units are divided by parties' sizes, one unit.
func (a *aim) judge(proof comity.StageProof, maxGap exact.Rat) error {
	allowed := maxGap.Mul(magnitude(proof.Bound))
	switch a.stage.Kind {
	case Weighted:
		if proof.Gap.Sign() < 0 {
			return fmt.Errorf("%w: the value %s is above the bound %s", ErrObjective, proof.Value, proof.Bound)
		}
		return a.within(proof, allowed)
	case Maximin, Leximin:
		return a.judgeLeast(proof.Bound.Sub(allowed).Sub(a.stage.Slack.Mul(magnitude(proof.Bound))))
	case Nash:
		return a.within(proof, maxGap.Add(a.oneUnit()))
	default:
		return nil
	}
}

func (a *aim) within(proof comity.StageProof, allowed exact.Rat) error {
	if proof.Gap.Cmp(allowed) > 0 {
		return fmt.Errorf("%w: %s exceeds the %s that is allowed at bound %s; solve again with better prices", ErrGap, proof.Gap, allowed, proof.Bound)
	}
	return nil
}

// judgeLeast requires that every party that is settled here reaches the level, but for
// one unit.
func (a *aim) judgeLeast(level exact.Rat) error {
	unit := a.largestCost()
	for k, settled := range a.settled {
		if !settled {
			continue
		}
		per := int64(a.stage.Per[k])
		least := level.Mul(exact.Int(per)).Sub(whole(&unit[k]))
		if whole(&a.worth[k]).Cmp(least) < 0 {
			return fmt.Errorf("%w: %s is worth %s of %d, more than one unit below the level of %s", ErrGap,
				a.check.problem.Needs[k].Party, &a.worth[k], per, level)
		}
	}
	return nil
}

// oneUnit is what the last unit is worth to the party that it means most to.
func (a *aim) oneUnit() exact.Rat {
	most := exact.Int(0)
	unit := a.largestCost()
	for k := range a.worth {
		gain := new(big.Int).Sub(&a.worth[k], big.NewInt(int64(a.stage.Outside[k])))
		v := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(int64(a.stage.Power[k])), &unit[k]), gain)
		if x := exact.FromBig(v); x.Cmp(most) > 0 {
			most = x
		}
	}
	return most
}

// largestCost returns the largest worth of a unit, by need.
func (a *aim) largestCost() []big.Int {
	largest := make([]big.Int, len(a.check.problem.Needs))
	t := new(big.Int)
	for j, k := range a.check.party {
		if k >= 0 && t.SetInt64(int64(a.stage.Costs[j])).CmpAbs(&largest[k]) > 0 {
			largest[k].Abs(t)
		}
	}
	return largest
}

// worth sums costs times the published units by need.
func (c *check) worth(s comity.Stage) []big.Int {
	sums := make([]big.Int, len(c.problem.Needs))
	t := new(big.Int)
	for j, k := range c.party {
		if k >= 0 {
			sums[k].Add(&sums[k], product(t, int64(s.Costs[j]), int64(c.units[j])))
		}
	}
	return sums
}

func (c *check) totals() []big.Int {
	sums := make([]big.Int, len(c.problem.Needs))
	t := new(big.Int)
	for j, k := range c.party {
		if k >= 0 {
			sums[k].Add(&sums[k], t.SetInt64(int64(c.units[j])))
		}
	}
	return sums
}

func magnitude(x exact.Rat) exact.Rat {
	if x.Sign() < 0 {
		return x.Neg()
	}
	return x
}

func whole(x *big.Int) exact.Rat { return exact.FromBig(new(big.Rat).SetInt(x)) }

func product(t *big.Int, a, b int64) *big.Int { return t.Mul(t.SetInt64(a), big.NewInt(b)) }
