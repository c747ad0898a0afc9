package explain

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Spread returns a robust standard deviation of the values that are not missing: 1.4826
// median absolute deviations, which is the standard deviation of a normal distribution
// (Rousseeuw and Croux, "Alternatives to the median absolute deviation", 1993). Where more
// than half of the values are equal that is 0; then it is their standard deviation, and 1
// where they do not differ at all.
func Spread(values []float64) float64 {
	known := make([]float64, 0, len(values))
	for _, v := range values {
		if finite(v) {
			known = append(known, v)
		}
	}
	if len(known) < 2 {
		return 1
	}
	centre := median(known)
	away := make([]float64, len(known))
	for i, v := range known {
		away[i] = math.Abs(v - centre)
	}
	if mad := median(away); mad > 0 && finite(mad) {
		return 1.4826 * mad
	}
	_, se := meanOf(known)
	if sd := se * math.Sqrt(float64(len(known))); sd > 0 && finite(sd) {
		return sd
	}
	return 1
}

// median sorts the values and returns their middle.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return values[(n-1)/2]/2 + values[n/2]/2
}

// Rule says how a feature may change.
type Rule struct {
	Immutable bool
	// Direction is +1 for what may only grow, such as an age, -1 for what may only fall.
	Direction int8
	// Min and Max are the allowed range of new values, if Ranged.
	Ranged   bool
	Min, Max float64
	// Unit says that new values are its multiples: 1, 0.1, 0.01 and so on. 0: any number.
	Unit float64
}

// Option is a value that a feature may change to.
type Option struct {
	Code  float64 // The value as the model's rows have it.
	Value float64 // In the feature's own unit.
	Cost  float64 // Above 0.
}

// Steps returns what a number may change to: of each of the intervals into which the cuts
// divide the line, and which the model cannot look into, the value nearest to x that the
// rule allows, at a cost of its distance in units of the spread. A cut belongs to the
// interval above it, so that there is no nearest value below one; the value is then as
// short as a thousandth of the spread allows. The interval below the first cut has code
// first, the next first + 1. What is missing cannot be changed, nor can anything become
// missing.
func Steps(cuts []float64, first int, x, spread float64, rule Rule) ([]Option, error) {
	if err := rule.check(); err != nil {
		return nil, err
	}
	if !(spread > 0) || !slices.IsSorted(cuts) {
		return nil, fmt.Errorf("%w: a spread of %v and %d cuts; the spread is above 0, cuts ascend", ErrBounds, spread, len(cuts))
	}
	if rule.Immutable || math.IsNaN(x) {
		return nil, nil
	}
	least, most := rule.reach(x)
	here := sort.Search(len(cuts), func(i int) bool { return cuts[i] > x })
	var options []Option
	for k := range len(cuts) + 1 {
		lo, hi, open := least, most, false
		if k > 0 {
			lo = max(lo, cuts[k-1])
		}
		if k < len(cuts) && cuts[k] <= hi {
			hi, open = math.Nextafter(cuts[k], math.Inf(-1)), true
		}
		if rule.Unit > 0 {
			lo, hi, open = rule.above(lo), -rule.above(-hi), false
		}
		if k == here || lo > hi {
			continue
		}
		to := min(max(x, lo), hi)
		if open && to == hi {
			to = short(lo, hi, spread/1000)
		}
		cost := max(math.Abs(to-x)/spread, math.SmallestNonzeroFloat64) // A change is never free.
		options = append(options, Option{float64(first + k), to, cost})
	}
	return options, nil
}

// above returns the least multiple of the unit that is not below v.
func (r Rule) above(v float64) float64 {
	whole := math.Round(1 / r.Unit) // A tenth is no float64; ten is.
	k := math.Round(v * whole)
	if k/whole < v {
		k++
	}
	return k / whole
}

// reach returns the least and the largest value that a rule allows instead of x.
func (r Rule) reach(x float64) (least, most float64) {
	least, most = math.Inf(-1), math.Inf(1)
	if r.Ranged {
		least, most = r.Min, r.Max
	}
	if r.Direction > 0 {
		least = max(least, x)
	} else if r.Direction < 0 {
		most = min(most, x)
	}
	return least, most
}

// short returns the number of fewest decimals from lo to hi that is at most so far below hi.
func short(lo, hi, far float64) float64 {
	const places = 12
	for d, unit := 0, 1.0; d <= places; d, unit = d+1, unit*10 {
		v := math.Floor(hi*unit) / unit
		if v >= lo && v <= hi && hi-v <= far {
			return v
		}
	}
	return hi
}

// Choices returns what a category may change to: any other known code, at a cost of 1.
func Choices(codes []float64, x float64, rule Rule) []Option {
	if rule.Immutable || math.IsNaN(x) {
		return nil
	}
	var options []Option
	for _, c := range codes {
		if c != x {
			options = append(options, Option{c, c, 1})
		}
	}
	return options
}

func (r Rule) check() error {
	if r.Direction < -1 || r.Direction > 1 || r.Ranged && !(r.Min <= r.Max) || !(r.Unit >= 0 && r.Unit <= 1) {
		return fmt.Errorf("%w: direction %d, range %v to %v, unit %v; a direction is -1, 0 or 1, a range ascends, a unit is 1 or a part of it",
			ErrBounds, r.Direction, r.Min, r.Max, r.Unit)
	}
	return nil
}
