package score

import (
	"fmt"
	"math"
	"slices"
)

// Compare tests whether two models differ by more than chance on the tasks that both
// forecast, by their weighted interval scores on the log scale: those of one origin date are
// averaged over places, targets and horizons, because they depend on one another, and dates
// are compared by DieboldMariano with the longest horizon, in steps between dates. It needs a
// settled Book.
func (b *Book) Compare(first, second string) (Comparison, error) {
	x, y := find(b.sheets, first), find(b.sheets, second)
	if x == nil || y == nil {
		return Comparison{}, fmt.Errorf("%w: %q and %q; both need forecasts with a known outcome", ErrModel, first, second)
	}
	return b.compare(x, y)
}

func (b *Book) compare(x, y []cell) (Comparison, error) {
	type sums struct{ n, first, second float64 }
	byDate, horizon := map[string]sums{}, 1
	both(x, y, func(x, y cell) {
		t := b.list[x.task]
		s := byDate[t.Origin]
		byDate[t.Origin] = sums{s.n + 1, s.first + x.log, s.second + y.log}
		horizon = max(horizon, t.Horizon)
	})
	dates := make([]string, 0, len(byDate))
	for date := range byDate {
		dates = append(dates, date)
	}
	slices.Sort(dates)
	var first, second []float64
	for _, date := range dates {
		s := byDate[date]
		first, second = append(first, s.first/s.n), append(second, s.second/s.n)
	}
	return DieboldMariano(first, second, horizon)
}

// chance returns the probability of such a difference between equally good models, NaN
// where the dates are too few to tell.
func (b *Book) chance(x, base []cell) float64 {
	c, err := b.compare(x, base)
	if err != nil {
		return math.NaN()
	}
	return c.P
}
