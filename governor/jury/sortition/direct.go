package sortition

import (
	"context"
	"fmt"
	"math"
	"slices"

	"comity/allocator/solve"
)

// enough is by how much a level of chances may rise at most where the search leaves it.
const enough = 1e-6

// direct computes leximin over the panels themselves, level by level by column generation
// (Flanigan et al. 2021, supplementary section 8). It serves where panels do not add up
// to the best expected numbers and the rule that is in the way cannot be proved: the
// chances are those of leximin, and their certificate has a gap.
//
// A level maximises z with sum_p w_p c_pg >= n_g z for the groups that are left. As in
// levels, each level has a new column for the step by which z rises.
type direct struct {
	deck   *deck
	master Session
	left   []bool // Groups that are not settled.
	places []int  // Columns of the panels.
	next   int    // Columns so far.
	z      float64
	last   mixed
}

// straight returns the lottery of leximin over panels, or near it where the budget ends.
func straight(ctx context.Context, d *deck) (mixed, error) {
	if err := d.some(ctx); err != nil {
		return mixed{}, err
	}
	held, err := d.cover(ctx)
	if err != nil {
		return mixed{}, err
	}
	groups := len(held)
	lp := solve.LP{RowLower: make([]float64, groups+1), RowUpper: slices.Repeat([]float64{math.Inf(1)}, groups+1)}
	lp.RowLower[groups], lp.RowUpper[groups] = 1, 1
	d.columns(&lp, 0)
	s := &direct{deck: d, left: held}
	if s.master, err = d.open(ctx, lp); err != nil {
		return mixed{}, err
	}
	defer s.master.Close(ctx) //nolint:errcheck // Its memory is gone either way.
	s.place(len(d.panels))
	for slices.Contains(s.left, true) {
		ok, err := s.level(ctx)
		if err != nil {
			return mixed{}, err
		}
		if !ok {
			break
		}
	}
	if s.last.panels == nil {
		return mixed{}, fmt.Errorf("%w: no mixture of panels", solve.ErrSolver)
	}
	return s.last, nil
}

// place numbers the columns of new panels.
func (s *direct) place(n int) {
	for range n {
		s.places = append(s.places, s.next)
		s.next++
	}
}

// level raises z as far as it goes and settles at least one group. It reports false
// where the solver gives up: rounding leaves no point.
func (s *direct) level(ctx context.Context) (ok bool, err error) {
	at, err := s.step(ctx)
	if err != nil {
		return false, err
	}
	for {
		before := s.master.Effort()
		found, err := s.master.Run(ctx)
		s.deck.spent += (s.master.Effort() - before) / masterShare
		if err != nil || found.Status != solve.Optimal {
			return false, err
		}
		s.keep(found)
		worth, total := s.worth(found)
		if total <= 0 {
			return false, nil
		}
		groups := len(s.left)
		from := len(s.deck.panels)
		if s.z+found.Primal[at] < 1-tiny {
			if _, _, err = s.deck.better(ctx, worth, found.Dual[groups]+enough*total, directBudget); err != nil {
				return false, err
			}
		}
		if from == len(s.deck.panels) {
			return true, s.settle(ctx, at, found.Primal[at], worth, total)
		}
		lp := solve.LP{}
		s.deck.columns(&lp, from)
		s.place(len(s.deck.panels) - from)
		if err := s.master.AddColumns(ctx, lp); err != nil {
			return false, err
		}
	}
}

// masterShare is how many steps in a programme over panels count as one.
const masterShare = 4

// step adds the column of a new level.
func (s *direct) step(ctx context.Context) (at int, err error) {
	lp := solve.LP{Cost: []float64{1}, Lower: []float64{0}, Upper: []float64{1}, Start: []int32{0}}
	for g, left := range s.left {
		if left {
			lp.Index, lp.Value = append(lp.Index, int32(g)), append(lp.Value, -float64(s.deck.space.sizes[g]))
		}
	}
	lp.Start = append(lp.Start, int32(len(lp.Index))) //nolint:gosec // Below MaxPool.
	at = s.next
	s.next++
	return at, s.master.AddColumns(ctx, lp)
}

// keep remembers the weights of a solution.
func (s *direct) keep(found solve.Solution) {
	s.last = mixed{panels: s.deck.panels[:len(s.places)]}
	for _, at := range s.places {
		s.last.weights = append(s.last.weights, found.Primal[at])
	}
}

// worth returns what a member of each group is worth at the prices of a solution, and
// what those do who are left.
func (s *direct) worth(found solve.Solution) (worth []float64, total float64) {
	worth = make([]float64, len(s.left))
	for g, left := range s.left {
		worth[g] = max(0, -found.Dual[g])
		if left {
			total += worth[g] * float64(s.deck.space.sizes[g])
		}
	}
	return worth, total
}

// settle fixes the step of a level and the groups that have a price.
func (s *direct) settle(ctx context.Context, at int, step float64, worth []float64, total float64) error {
	s.z += step
	for g := range s.left {
		if s.z >= 1-tiny || worth[g]*float64(s.deck.space.sizes[g]) > tiny*total {
			s.left[g] = false
		}
	}
	fixed := []float64{max(0, step-tiny/100)} // Or rounding leaves no point.
	return s.master.SetColumns(ctx, at, []float64{0}, fixed, fixed)
}
