package bargain

import (
	"fmt"
	"math/big"

	"comity/exact"
)

// Frontier is what two parties can reach when the set of agreements is convex and not
// finite: the second gets at most Constant + Linear u + Square u^2 where the first gets u,
// From <= u <= To, and both may get less. Square is at most 0.
type Frontier struct {
	From, To                 exact.Rat
	Constant, Linear, Square exact.Rat
	Outside                  [2]exact.Rat
	Weights                  [2]exact.Rat // Above 0.
}

// Point is where a rule ends up on a frontier, or the bounds of the frontier if the rule
// finds every point of it equally good.
type Point struct {
	Rule Rule
	U    [2]Enclosure
	Why  string
}

// FrontierRules returns the rules that choose a point of a frontier.
func FrontierRules() []Rule { return []Rule{Nash, KalaiSmorodinsky, Leximin, Utilitarian} }

// Check refuses with ErrInput what is no frontier of a convex set.
func (f Frontier) Check() error {
	switch {
	case f.From.Cmp(f.To) >= 0:
		return fmt.Errorf("%w: a frontier from %s to %s", ErrInput, f.From, f.To)
	case f.Square.Sign() > 0:
		return fmt.Errorf("%w: a frontier that bends upwards, by %s; write the square as 0 or less", ErrInput, f.Square)
	case f.Weights[0].Sign() <= 0 || f.Weights[1].Sign() <= 0:
		return fmt.Errorf("%w: weights %s and %s, want above 0", ErrInput, f.Weights[0], f.Weights[1])
	}
	return nil
}

// Choose returns the point of a rule. All rules but the utilitarian fail with ErrNoAgreement
// unless both can gain at once; the utilitarian and leximin look at no outside option.
//
// Each rule is a question to which the answer along the frontier is first yes, then no:
// does it pay to give the first party more? The border is enclosed by halving.
func (f Frontier) Choose(rule Rule) (Point, error) {
	if err := f.Check(); err != nil {
		return Point{}, err
	}
	p := Point{Rule: rule}
	switch rule {
	case Utilitarian:
		p.Why = "the weighted sum is largest where the frontier's slope is minus the ratio of the weights"
		if f.Square.Sign() == 0 && f.Weights[0].Add(f.Weights[1].Mul(f.Linear)).Sign() == 0 {
			p.Why = "the weighted sum is the same all along the frontier"
			return f.at(p, Enclosure{f.From, f.To}), nil
		}
		return f.at(p, f.border(func(u exact.Rat) bool {
			return f.Weights[0].Add(f.Weights[1].Mul(f.slope(u))).Sign() > 0
		})), nil
	case Leximin:
		p.Why = "the worse off is as well off as it can be"
		return f.at(p, f.border(func(u exact.Rat) bool {
			return u.Cmp(f.second(u)) < 0 || f.slope(u).Sign() > 0
		})), nil
	case Nash, KalaiSmorodinsky:
	default:
		return p, fmt.Errorf("%w: no rule %.40q for a frontier", ErrInput, rule)
	}
	first, second, err := f.ideal()
	if err != nil {
		return p, fmt.Errorf("%s: %w", rule, err)
	}
	if rule == Nash {
		p.Why = "the product of the gains to the power of the weights is largest"
		return f.at(p, f.border(f.nashRises)), nil
	}
	p.Why = "both get the same share of the most that they could hope for"
	low := f.border(func(u exact.Rat) bool { return f.shareRises(u, first.Low, second) })
	high := f.border(func(u exact.Rat) bool { return f.shareRises(u, first.High, second) })
	return f.at(p, Enclosure{low.Low, high.High}), nil // The better the ideal, the more it gets.
}

func (f Frontier) second(u exact.Rat) exact.Rat {
	return f.Constant.Add(f.Linear.Mul(u)).Add(f.Square.Mul(u).Mul(u))
}

func (f Frontier) slope(u exact.Rat) exact.Rat {
	return f.Linear.Add(f.Square.Mul(u).Mul(exact.Int(2)))
}

// nashRises tells whether w_1 ln(u - d_1) + w_2 ln(f(u) - d_2) grows at u.
func (f Frontier) nashRises(u exact.Rat) bool {
	mine, theirs := u.Sub(f.Outside[0]), f.second(u).Sub(f.Outside[1])
	if mine.Sign() <= 0 {
		return true
	}
	if theirs.Sign() <= 0 {
		return f.slope(u).Sign() > 0
	}
	return f.Weights[0].Mul(theirs).Add(f.Weights[1].Mul(mine).Mul(f.slope(u))).Sign() > 0
}

// shareRises tells whether the first party's share of its ideal gain is below the second's,
// or both grow.
func (f Frontier) shareRises(u, first, second exact.Rat) bool {
	mine := u.Sub(f.Outside[0]).Mul(second.Sub(f.Outside[1]))
	theirs := f.second(u).Sub(f.Outside[1]).Mul(first.Sub(f.Outside[0]))
	return mine.Cmp(theirs) < 0 || f.slope(u).Sign() > 0
}

// ideal returns the most that each could get if the other gets no less than outside.
func (f Frontier) ideal() (first Enclosure, second exact.Rat, err error) {
	none := fmt.Errorf("%w: no point of the frontier lets both gain", ErrNoAgreement)
	start := largest(f.From, f.Outside[0])
	if f.To.Cmp(f.Outside[0]) <= 0 {
		return first, second, none
	}
	// Where the frontier peaks, within what the first party accepts.
	peak := start
	if f.slope(start).Sign() > 0 {
		peak = f.To
		if f.slope(f.To).Sign() < 0 {
			peak, _ = f.Linear.Quo(f.Square.Mul(exact.Int(-2))) // It bends, or the slope would not change.
		}
	}
	second = f.second(peak)
	if second.Cmp(f.Outside[1]) <= 0 {
		return first, second, none
	}
	first = f.border(func(u exact.Rat) bool {
		return u.Cmp(peak) <= 0 || f.second(u).Cmp(f.Outside[1]) >= 0
	})
	if first.Low.Cmp(f.Outside[0]) <= 0 {
		first.Low = peak // It gains there or right beside it.
	}
	return first, second, nil
}

// halvings narrows the border to 2^-100 of the frontier's length.
const halvings = 100

// border encloses where a predicate turns from true to false.
func (f Frontier) border(rises func(exact.Rat) bool) Enclosure {
	if !rises(f.From) {
		return exactly(f.From)
	}
	if rises(f.To) {
		return exactly(f.To)
	}
	low, high := f.From, f.To
	half := exact.FromBig(big.NewRat(1, 2))
	for range halvings {
		middle := low.Add(high).Mul(half)
		if rises(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return Enclosure{low, high}
}

// at encloses the second party's utility where the first's is enclosed.
func (f Frontier) at(p Point, first Enclosure) Point {
	low, high := f.second(first.Low), f.second(first.High)
	second := Enclosure{least(low, high), largest(low, high)}
	if f.slope(first.Low).Sign() > 0 && f.slope(first.High).Sign() < 0 { // The peak lies between.
		top, _ := f.Linear.Quo(f.Square.Mul(exact.Int(-2)))
		second.High = f.second(top)
	}
	p.U = [2]Enclosure{first.outward(), second.outward()}
	return p
}
