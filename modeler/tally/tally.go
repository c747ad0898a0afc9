// Package tally adds up how forecasts stood up to what became known later, so that many
// places can say together how good a model is and none shows its own errors.
//
// Each member scores its own forecasts at home and adds one vector of whole numbers; the
// sum over members is a comity.Score. All arithmetic is integer: the sum is the same for
// everybody who adds it up, and for whoever reads it from a log.
package tally

import (
	"slices"

	"comity"
	"comity/canon"
	"comity/modeler/fixed"
)

// Horizons is how many weeks ahead forecasts are scored.
const Horizons = 4

// Bounds of what one member can add to a cell. It scores the forecasts of the periods of
// twelve weeks: what is reported later than that is no longer news. Fifty natural
// logarithms are more than lie between nothing and the largest value that has a place in
// a picture.
const (
	MaxWeeks = 12
	MaxWIS   = 50_000 // Thousandths of a natural logarithm.
)

// cellLanes is how many numbers one cell takes: forecasts, their scores, those of the
// reference, and truths inside two intervals.
const cellLanes = 5

// Entry is one forecast that was scored.
type Entry struct {
	Target         int // Index into the charter's targets.
	Weeks          int // Ahead, 1 to Horizons.
	WIS, Reference int64
	Within50       bool
	Within90       bool
}

// Judge scores a forecast beside a reference for the same truth, in thousandths.
func Judge(target int, h comity.Horizon, reference []canon.Int, truth int64) Entry {
	within := func(low, high int) bool { return level(h.Quantiles, low) <= truth && truth <= level(h.Quantiles, high) }
	return Entry{
		Target: target, Weeks: h.Weeks, WIS: WIS(h.Quantiles, truth), Reference: WIS(reference, truth),
		Within50: within(250, 750), Within90: within(50, 950),
	}
}

func level(quantiles []canon.Int, level int) int64 {
	return int64(quantiles[slices.Index(comity.QuantileLevels[:], level)])
}

// WIS returns the weighted interval score of a forecast of log1p, in thousandths of a
// natural logarithm, from 0 to MaxWIS. Quantiles q at levels t and the truth y are in
// thousandths of the unit, from 0 on; with x = log1p(y) - log1p(q) it is
//
//	2/23 * sum over t of (t*x for x >= 0, else (t-1)*x)
//
// Source: Bracher et al., "Evaluating epidemic forecasts in an interval format" (2021),
// eq. (1), as the mean of quantile scores; on the log scale after Bosse et al. (2023).
func WIS(quantiles []canon.Int, truth int64) int64 {
	const thousand = 1000 // Levels are in thousandths, like the result: they cancel.
	y := fixed.Log1p(max(truth, 0))
	var sum int64
	for i, q := range quantiles {
		t, x := int64(comity.QuantileLevels[i]), int64(y-fixed.Log1p(max(int64(q), 0)))
		if x < 0 {
			t -= thousand
		}
		sum += t * x
	}
	return min(fixed.RoundDiv(2*sum, int64(len(comity.QuantileLevels))*int64(fixed.One)), MaxWIS)
}

// Length returns how many numbers a member adds, for so many targets.
func Length(targets int) int { return 2 * (1 + targets*Horizons*cellLanes) }

// Vector is what one member adds: its published forecasts beside carried ones, then the
// canary's beside the published ones. Each part begins with 1 if it has any.
func Vector(targets int, served, tried []Entry) []int64 {
	x := make([]int64, Length(targets))
	for i, entries := range [][]Entry{served, tried} {
		part := x[i*len(x)/2 : (i+1)*len(x)/2]
		if len(entries) > 0 {
			part[0] = 1
		}
		for _, e := range entries {
			at := 1 + (e.Target*Horizons+e.Weeks-1)*cellLanes
			part[at]++
			part[at+1] += e.WIS
			part[at+2] += e.Reference
			part[at+3] += one(e.Within50)
			part[at+4] += one(e.Within90)
		}
	}
	return x
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// Read returns the numbers of a sum that so many members added up to. A sum that is not
// plausible is void, and reads as nothing: one member that adds nonsense spoils the
// scores of a week and must not hold up what is decided in it.
func Read(total []int64, targets []string, cohort int) (served, tried comity.ScoreSum, void bool) {
	if len(total) != Length(len(targets)) {
		return empty(targets), empty(targets), true
	}
	half := len(total) / 2
	served, tried = part(total[:half], targets), part(total[half:], targets)
	if !Plausible(served, cohort) || !Plausible(tried, cohort) {
		return empty(targets), empty(targets), true
	}
	return served, tried, false
}

func empty(targets []string) comity.ScoreSum {
	return part(make([]int64, Length(len(targets))/2), targets)
}

func part(x []int64, targets []string) comity.ScoreSum {
	s := comity.ScoreSum{Members: canon.Int(x[0])}
	for i := range len(targets) * Horizons {
		v := x[1+i*cellLanes:]
		s.Cells = append(s.Cells, comity.ScoreCell{
			Target: targets[i/Horizons], Weeks: i%Horizons + 1,
			Forecasts: canon.Int(v[0]), WIS: canon.Int(v[1]), Reference: canon.Int(v[2]), Within50: canon.Int(v[3]), Within90: canon.Int(v[4]),
		})
	}
	return s
}

// Plausible tells whether some members of a cohort can have added up to a sum.
func Plausible(s comity.ScoreSum, cohort int) bool {
	if s.Members < 0 || int64(s.Members) > int64(cohort) {
		return false
	}
	for _, c := range s.Cells {
		n := c.Forecasts
		switch most := n * MaxWIS; {
		case n < 0 || n > s.Members*MaxWeeks:
			return false
		case c.WIS < 0 || c.WIS > most || c.Reference < 0 || c.Reference > most:
			return false
		case c.Within50 < 0 || c.Within50 > c.Within90 || c.Within90 > n:
			return false
		}
	}
	return true
}

// Total adds up all cells.
func Total(s comity.ScoreSum) comity.ScoreCell {
	var t comity.ScoreCell
	for _, c := range s.Cells {
		t.Forecasts += c.Forecasts
		t.WIS += c.WIS
		t.Reference += c.Reference
		t.Within50 += c.Within50
		t.Within90 += c.Within90
	}
	return t
}
