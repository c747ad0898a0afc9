package sortition

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"comity/allocator/solve"
	"comity/governor/jury"
)

// The budget of one draw, in steps of the simplex method as the engine counts them: the
// same on every machine. A step took 0.2 to 0.4 ms on pools of 150 to 500 people. Each
// stage stops asking when the draw has spent its figure.
const (
	peelBudget   = 3_000
	mixBudget    = 30_000
	coverBudget  = 45_000
	directBudget = 55_000
	// mixAsks bounds how often a mixture asks the solver: pools that need to are so tight
	// that their few panels are better searched directly.
	mixAsks = 10
	// climbCost stands for one climb, askCost for what a search for a panel takes besides
	// its steps.
	climbCost = 40
	askCost   = 150
	// maxNodes bounds one search for a panel. Most of them end at the root.
	maxNodes = 60
)

// deck holds the panels that are known and finds better ones: by climbing from the best
// of them, and where that fails by asking the solver.
type deck struct {
	space   *space
	open    Engine
	climber *climber
	asked   *finder // Opened when it is first needed.
	panels  [][]int64
	seen    map[string]bool
	spent   int64
	asks    int // Of the solver.
}

func newDeck(s *space, open Engine) *deck {
	return &deck{space: s, open: open, seen: map[string]bool{}}
}

// find returns the finder of whole panels.
func (d *deck) find(ctx context.Context) (f *finder, err error) {
	if d.asked == nil {
		if d.asked, err = newFinder(ctx, d.space, d.open); err == nil {
			d.asked.spent = &d.spent
		}
	}
	return d.asked, err
}

// A step takes longer the larger the pool: usual is the number of groups for which the
// budget is meant, and beyond it shrinks with their square, to an eighth at least.
const (
	usual  = 250
	eighth = 8
)

// tired tells whether a stage with a budget is over.
func (d *deck) tired(budget int64) bool {
	n := max(usual, int64(len(d.space.sizes)))
	return d.spent >= max(budget/eighth, budget*usual*usual/(n*n))
}

// close frees what does not know a rule that is new. The panels obey it.
func (d *deck) close(ctx context.Context) {
	d.climber = nil
	if d.asked != nil {
		_ = d.asked.session.Close(ctx) // Its memory is gone either way.
		d.asked = nil
	}
}

// add takes a panel in and tells whether it is new.
func (d *deck) add(panel []int64) bool {
	key := make([]byte, 0, 2*len(panel))
	for _, n := range panel {
		key = binary.AppendVarint(key, n)
	}
	if d.seen[string(key)] {
		return false
	}
	d.seen[string(key)] = true
	d.panels = append(d.panels, panel)
	return true
}

// some makes sure that there is a panel.
func (d *deck) some(ctx context.Context) error {
	if len(d.panels) > 0 {
		return nil
	}
	f, err := d.find(ctx)
	if err != nil {
		return err
	}
	panel, err := f.best(ctx, make([]float64, len(d.space.sizes)), d.space.whole())
	if err != nil {
		return err
	}
	if panel == nil {
		return fmt.Errorf("%w: no whole numbers of members do", jury.ErrQuotas)
	}
	d.add(panel)
	return nil
}

// climbs is from how many of the known panels a search starts.
const climbs = 2

// better adds panels worth more than a bound. Where it adds none, apart tells that the
// solver found none either, within its limits; else the budget was spent.
func (d *deck) better(ctx context.Context, worth []float64, above float64, budget int64) (added int, apart bool, err error) {
	if err := ctx.Err(); err != nil {
		return 0, false, err
	}
	if d.tired(budget) {
		return 0, false, nil
	}
	if d.climber == nil {
		d.climber = newClimber(d.space)
	}
	for _, from := range d.best(worth) {
		d.spent += climbCost
		for _, panel := range d.climber.climb(from, worth, above) {
			if d.space.holds(panel) && d.add(panel) {
				added++
			}
		}
	}
	if added > 0 {
		return added, false, nil
	}
	f, err := d.find(ctx)
	if err != nil {
		return 0, false, err
	}
	d.asks++
	panel, err := f.best(ctx, worth, d.space.whole())
	if err != nil {
		return 0, false, err
	}
	if panel == nil {
		return 0, false, fmt.Errorf("%w: it finds no panel where there are some", solve.ErrSolver)
	}
	if value(panel, worth) <= above || !d.add(panel) {
		return 0, true, nil
	}
	return 1, false, nil
}

// best returns the panels of the greatest worth.
func (d *deck) best(worth []float64) (top [][]int64) {
	var values []float64
	for _, panel := range d.panels {
		v := value(panel, worth)
		at := len(top)
		for at > 0 && values[at-1] < v {
			at--
		}
		if at < climbs {
			top, values = slices.Insert(top, at, panel), slices.Insert(values, at, v)
			top, values = top[:min(len(top), climbs)], values[:min(len(top), climbs)]
		}
	}
	return top
}

// value is the worth of a panel.
func value(panel []int64, worth []float64) (sum float64) {
	for g, n := range panel {
		if n != 0 {
			sum += worth[g] * float64(n)
		}
	}
	return sum
}

// columns appends the panels from one on to a programme whose rows are the groups and
// then the sum of weights.
func (d *deck) columns(lp *solve.LP, from int) {
	if lp.Start == nil {
		lp.Start = []int32{0}
	}
	for _, panel := range d.panels[from:] {
		lp.Cost, lp.Lower, lp.Upper = append(lp.Cost, 0), append(lp.Lower, 0), append(lp.Upper, 1)
		for g, n := range panel {
			if n != 0 {
				lp.Index, lp.Value = append(lp.Index, int32(g)), append(lp.Value, float64(n))
			}
		}
		lp.Index, lp.Value = append(lp.Index, int32(len(panel))), append(lp.Value, 1) //nolint:gosec // Below MaxPool.
		lp.Start = append(lp.Start, int32(len(lp.Index)))                             //nolint:gosec // Bounded by the budget.
	}
}

// cover returns the groups that some panel holds, looking for panels of those that no
// known panel holds.
func (d *deck) cover(ctx context.Context) (held []bool, err error) {
	held = make([]bool, len(d.space.sizes))
	worth := make([]float64, len(held))
	for from := 0; ; {
		for _, panel := range d.panels[from:] {
			for g, n := range panel {
				held[g] = held[g] || n > 0
			}
		}
		from = len(d.panels)
		for g, is := range held {
			worth[g] = 1
			if is {
				worth[g] = 0
			}
		}
		if !slices.Contains(held, false) {
			return held, nil
		}
		added, _, err := d.better(ctx, worth, 0.5, coverBudget)
		if err != nil || added == 0 {
			return held, err
		}
	}
}
