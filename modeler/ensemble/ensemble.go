// Package ensemble makes one quantile forecast of many, such that no member, however
// broken, can carry it away, and names those that it mended or left out.
//
// At each level the ensemble's quantile is the median of its members', plain or weighted
// by past skill. A median stays among the sound members' values as long as they hold more
// than half of the weight; a mean is lost with the first value of 10^84, which teams have
// sent. Source: medians by level are "vincentisation" with a robust centre, compared
// on COVID-19 forecasts by Ray, Brooks, Bien and others, "Comparing trained and untrained
// probabilistic ensemble forecasts of COVID-19 cases and deaths in the United States",
// International Journal of Forecasting 39 (2023).
package ensemble

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

var (
	// ErrLevels says that levels do not ascend between 0 and 1.
	ErrLevels = errors.New("quantile levels refused")
	// ErrNoMember says that no member is left that could be combined.
	ErrNoMember = errors.New("no sound member")
	// ErrWeight says that a weight is no finite number of at least 0.
	ErrWeight = errors.New("not a weight")
)

// Member is one forecast of what the ensemble forecasts.
type Member struct {
	Name      string
	Quantiles []float64 // One for each level.
	Weight    float64   // At least 0; only ratios count. Equal ones make the plain median.
}

// Config says what a member may say.
type Config struct {
	// Least and Most bound what can come to pass, in the unit of the forecasts: a member
	// beyond is left out. Use infinities where nothing is known.
	Least, Most float64
	// Far is how many widths of a usual forecast a quantile may be away from the members'
	// median before the member is left out; 0 for no such limit. It needs three members:
	// of two that differ nobody can say which is wrong. DefaultFar takes out broken
	// programs and leaves bold ones in.
	Far float64
}

// DefaultFar is a hundred widths of the central forecast from the first to the last level:
// on RespiCast 2023 to 2025 it leaves out 107 of 61,922 forecasts, beyond the 363 that say
// more than 100,000 of 100,000 people.
const DefaultFar = 100

// Unbounded is the configuration for quantities about which nothing is known.
func Unbounded() Config { return Config{math.Inf(-1), math.Inf(1), DefaultFar} }

// Forecast is what members say together.
type Forecast struct {
	Quantiles []float64 // Ascending.
	Members   int       // Combined.
	Faults    []Fault   // In the order of members.
}

// Fault says what was wrong with a member.
type Fault struct {
	Member string
	Kind   Kind
	Level  float64 // Where it shows first; 0 for the whole member.
	Value  float64 // Of that quantile; for Missing how many there are.
}

// Kind is a kind of fault.
type Kind string

// Kinds of fault.
const (
	Missing   Kind = "missing"       // More or fewer quantiles than levels: left out.
	NotFinite Kind = "not finite"    // Not a number, or infinite: left out.
	Beyond    Kind = "beyond bounds" // Below Least or above Most: left out.
	FarOff    Kind = "far off"       // Further than Far widths from the others: left out.
	Crossed   Kind = "crossed"       // Not ascending: sorted, which never worsens it, and counted.
)

// String says the fault in words.
func (f Fault) String() string {
	switch f.Kind {
	case Missing:
		return fmt.Sprintf("%s left out: %v quantiles", f.Member, f.Value)
	case Crossed:
		return fmt.Sprintf("%s sorted: its quantile at level %v, %v, is below the one before", f.Member, f.Level, f.Value)
	default:
		return fmt.Sprintf("%s left out: its quantile at level %v, %v, is %s", f.Member, f.Level, f.Value, f.Kind)
	}
}

// Combine returns the members' weighted median at each level. Members of weight 0 do not
// count. Sorting crossed quantiles is the rearrangement of Chernozhukov, Fernández-Val and
// Galichon, "Quantile and probability curves without crossing", Econometrica 78 (2010).
func Combine(levels []float64, members []Member, c Config) (Forecast, error) {
	for i, l := range levels {
		if !(l > 0 && l < 1) || i > 0 && l <= levels[i-1] {
			return Forecast{}, fmt.Errorf("%w: %v; they ascend strictly between 0 and 1", ErrLevels, levels)
		}
	}
	if len(levels) == 0 {
		return Forecast{}, fmt.Errorf("%w: none", ErrLevels)
	}
	var f Forecast
	var sound []Member
	for _, m := range members {
		if !(m.Weight >= 0) || math.IsInf(m.Weight, 0) {
			return f, fmt.Errorf("%w: %v of %s", ErrWeight, m.Weight, m.Name)
		}
		kept, fault := c.check(levels, m)
		if fault != nil {
			f.Faults = append(f.Faults, *fault)
		}
		if kept.Quantiles != nil && kept.Weight > 0 {
			sound = append(sound, kept)
		}
	}
	sound, far := c.leaveOutFar(levels, sound)
	f.Faults = append(f.Faults, far...)
	f.Members = len(sound)
	if f.Members == 0 {
		return f, fmt.Errorf("%w: of %d members, %d at fault: %v", ErrNoMember, len(members), len(f.Faults), f.Faults)
	}
	for l := range levels {
		f.Quantiles = append(f.Quantiles, medianAt(sound, l))
	}
	return f, nil
}

// check returns the member with its quantiles in order, without quantiles if it is left
// out, and what is wrong with it.
func (c Config) check(levels []float64, m Member) (Member, *Fault) {
	if len(m.Quantiles) != len(levels) {
		return Member{}, &Fault{m.Name, Missing, 0, float64(len(m.Quantiles))}
	}
	for i, v := range m.Quantiles {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			return Member{}, &Fault{m.Name, NotFinite, levels[i], v}
		case v < c.Least || v > c.Most:
			return Member{}, &Fault{m.Name, Beyond, levels[i], v}
		}
	}
	for i := 1; i < len(levels); i++ {
		if m.Quantiles[i] < m.Quantiles[i-1] {
			fault := &Fault{m.Name, Crossed, levels[i], m.Quantiles[i]}
			m.Quantiles = slices.Sorted(slices.Values(m.Quantiles))
			return m, fault
		}
	}
	return m, nil
}

// leaveOutFar takes out members of which a quantile is further from the ensemble's median
// than Far widths of the ensemble, or than Far times its size where that is more: a forecast
// of certainty has no width.
func (c Config) leaveOutFar(levels []float64, members []Member) (near []Member, faults []Fault) {
	const leastMembers = 3
	if c.Far <= 0 || len(members) < leastMembers {
		return members, nil
	}
	low, middle, high := medianAt(members, 0), medianAt(members, len(levels)/2), medianAt(members, len(levels)-1)
	limit := c.Far * max(high-low, math.Abs(middle))
	for _, m := range members {
		at := slices.IndexFunc(m.Quantiles, func(v float64) bool { return math.Abs(v-middle) > limit })
		if at < 0 || limit == 0 {
			near = append(near, m)
			continue
		}
		faults = append(faults, Fault{m.Name, FarOff, levels[at], m.Quantiles[at]})
	}
	return near, faults
}

// medianAt returns the weighted median of one level: the value at which half of the weight
// is reached, or the middle of two where one side has exactly half.
func medianAt(members []Member, level int) float64 {
	order := slices.SortedStableFunc(slices.Values(members), func(x, y Member) int {
		return cmp.Compare(x.Quantiles[level], y.Quantiles[level])
	})
	var total, below float64
	for _, m := range order {
		total += m.Weight
	}
	const hair = 1e-12 // Weights of a third, three times, do not make 1.
	for i, m := range order {
		below += m.Weight
		v := m.Quantiles[level]
		switch {
		case i == len(order)-1 || below > total/2*(1+hair):
			return v
		case below >= total/2*(1-hair):
			return v/2 + order[i+1].Quantiles[level]/2
		}
	}
	panic("ensemble: median of nothing") // Combine has seen a member.
}
