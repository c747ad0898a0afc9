package explain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrNone says that no allowed change moves the score across the threshold.
var ErrNone = errors.New("no allowed change is enough")

// NoneError says why there is no counterfactual. It wraps ErrNone.
type NoneError struct {
	Most, Mutable int  // How many features may change at once, and of how many.
	Looked        int  // Candidates looked at.
	Proved        bool // All changes were tried or excluded; otherwise work ran out.
}

// Error says what was tried.
func (e *NoneError) Error() string {
	switch {
	case e.Proved && e.Mutable == 0:
		return fmt.Sprintf("%v: no feature may change", ErrNone)
	case e.Proved:
		return fmt.Sprintf("%v: all changes of at most %d of the %d features that may change were tried or excluded", ErrNone, min(e.Most, e.Mutable), e.Mutable)
	}
	return fmt.Sprintf("%v: none was found among %d candidates, and there are more; allow more work or fewer changes", ErrNone, e.Looked)
}

// Unwrap returns ErrNone.
func (*NoneError) Unwrap() error { return ErrNone }

// Wish asks for the smallest change of a row that moves its score across a threshold:
// first as few features as possible, then as little cost as possible.
type Wish struct {
	Row       []float64
	Options   [][]Option // By feature: what it may change to; none for what may not change.
	Threshold float64    // On the scale of scores.
	Below     bool       // The score is to be below the threshold, instead of at it or above.
	Most      int        // How many features may change: 1 to 8.
	Work      int        // How many candidates are looked at: 1 to 2^30.
}

// Counterfactual is a row's nearest twin on the other side of the threshold.
type Counterfactual struct {
	Changes []Change // By feature, ascending.
	Cost    float64  // The sum of theirs.
	Row     []float64
	Score   float64 // The model's score of Row.
	// Proved says that the search was complete: nothing allowed is smaller. Otherwise work ran
	// out, and this is the smallest that was found.
	Proved bool
	Looked int // Candidates looked at.
}

// Change is one feature's part.
type Change struct {
	Feature int
	Option
}

const (
	maxChanges = 8
	maxWork    = 1 << 30
)

// Model is a form that can be searched: an Ensemble or Terms.
type Model interface {
	Score(row []float64) float64
	// distinct leaves out options that change nothing, and of those that change the same all
	// but the cheapest. It checks the model, the row and the options.
	distinct(row []float64, options [][]Option) ([][]Option, error)
	// size bounds the magnitudes that a score is the sum of.
	size() float64
	// form prepares a search among options.
	form(options [][]Option, sign float64) form
}

// form says what changes do to the signed score of a row.
type form interface {
	// gains adds to into, by feature, so much that no change of at most n features that are
	// free raises the score by more than the n largest of them together; what is free has the
	// same value in row as at the start. It returns an upper bound of the rise that holds as well.
	gains(row []float64, free []bool, n int, into []float64) float64
	// singles sets into[f][i] to the rise, but for rounding, when only the free feature f
	// changes, to its i-th option.
	singles(row []float64, free []bool, into [][]float64)
}

// search is the state of a branch and bound.
type search struct {
	wish   *Wish
	model  Model
	form   form
	order  []int   // Features that may change, the most promising first.
	cheap  float64 // The least cost of any option.
	size   float64
	row    []float64
	free   []bool
	picked []Change
	rises  [][]float64 // By feature and option.
	best   *Counterfactual
	looked int
}

// Find returns the smallest change, for the tree and the additive form alike. What it
// returns was scored by the model's form; score it with the model itself before you show
// it. Where nothing is enough the error is a *NoneError.
func Find(ctx context.Context, m Model, w *Wish) (*Counterfactual, error) {
	s, err := newSearch(m, w)
	if err != nil {
		return nil, err
	}
	for n := 1; n <= min(w.Most, len(s.order)); n++ {
		err := s.descend(ctx, 0, n, 0)
		if errors.Is(err, errWork) {
			return s.unproved()
		}
		if err != nil {
			return nil, err
		}
		if s.best != nil {
			s.best.Proved, s.best.Looked = true, s.looked
			return s.best, nil
		}
	}
	return nil, &NoneError{w.Most, len(s.order), s.looked, true}
}

// errWork ends a search that would take too long.
var errWork = errors.New("work ran out")

func newSearch(m Model, w *Wish) (*search, error) {
	if len(w.Options) != len(w.Row) || w.Most < 1 || w.Most > maxChanges || w.Work < 1 || w.Work > maxWork || math.IsNaN(w.Threshold) {
		return nil, fmt.Errorf("%w: %d values and options for %d, %d changes, %d candidates, threshold %v; 1 to %d changes and 1 to %d candidates are possible",
			ErrBounds, len(w.Row), len(w.Options), w.Most, w.Work, w.Threshold, maxChanges, maxWork)
	}
	options, err := m.distinct(w.Row, w.Options)
	if err != nil {
		return nil, err
	}
	for _, all := range options {
		slices.SortStableFunc(all, func(a, b Option) int { return cmp.Compare(a.Cost, b.Cost) })
	}
	sorted := *w
	sorted.Options = options
	s := &search{wish: &sorted, model: m, row: slices.Clone(w.Row), free: make([]bool, len(w.Row)), cheap: math.Inf(1)}
	s.rises = make([][]float64, len(options))
	for f, all := range options {
		s.rises[f] = make([]float64, len(all))
		if len(all) == 0 {
			continue
		}
		if !(all[0].Cost > 0) {
			return nil, fmt.Errorf("%w: feature %d can change at a cost of %v; costs are above 0", ErrBounds, f, all[0].Cost)
		}
		s.free[f], s.order, s.cheap = true, append(s.order, f), min(s.cheap, all[0].Cost)
	}
	s.form, s.size = m.form(options, s.sign()), m.size()
	if score := m.Score(w.Row); s.reaches(score) {
		return nil, fmt.Errorf("%w: the row's score %v is on that side of %v already", ErrBounds, score, w.Threshold)
	}
	rises := make([]float64, len(w.Row))
	s.form.gains(s.row, s.free, 1, rises)
	slices.SortStableFunc(s.order, func(f, g int) int { return cmp.Compare(rises[g], rises[f]) })
	return s, nil
}

func (s *search) sign() float64 {
	if s.wish.Below {
		return -1
	}
	return 1
}

func (s *search) reaches(score float64) bool {
	if s.wish.Below {
		return score < s.wish.Threshold
	}
	return score >= s.wish.Threshold
}

// descend tries all changes of exactly n of the features from a place in the order on, on
// top of what is picked already.
func (s *search) descend(ctx context.Context, from, n int, cost float64) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	score := s.model.Score(s.row)
	need := s.sign() * (s.wish.Threshold - score)
	need -= Tolerance * (1 + s.size) // A bound is a sum of floats; it excludes no closer.
	if n == 1 {
		s.last(from, need, cost)
		return nil
	}
	rises := make([]float64, len(s.row))
	most := s.form.gains(s.row, s.free, n, rises)
	if min(most, largest(rises, n)) < need {
		return nil
	}
	defer func(free []bool) { s.free = free }(s.free)
	s.free = slices.Clone(s.free)
	for place := from; place <= len(s.order)-n; place++ {
		f := s.order[place]
		s.free[f] = false
		own := rises[f]
		rises[f] = 0 // The features before this one are done with.
		if own+largest(rises, n-1) < need {
			continue
		}
		if err := s.try(ctx, place, n, cost); err != nil {
			return err
		}
	}
	return nil
}

// last tries all changes of one more feature at once.
func (s *search) last(from int, need, cost float64) {
	s.form.singles(s.row, s.free, s.rises)
	for _, f := range s.order[from:] {
		for i, o := range s.wish.Options[f] {
			if s.best != nil && cost+o.Cost >= s.best.Cost {
				break
			}
			if s.rises[f][i] < need {
				continue
			}
			kept := s.row[f]
			s.row[f] = o.Code
			score := s.model.Score(s.row)
			if s.reaches(score) {
				s.record(append(slices.Clone(s.picked), Change{f, o}), cost+o.Cost, score)
			}
			s.row[f] = kept
		}
	}
}

// try changes the feature at a place to each of its options, the cheapest first.
func (s *search) try(ctx context.Context, place, n int, cost float64) error {
	f := s.order[place]
	kept := s.row[f]
	defer func() { s.row[f], s.picked = kept, s.picked[:len(s.picked)-1] }()
	s.picked = append(s.picked, Change{})
	for _, o := range s.wish.Options[f] {
		if s.best != nil && cost+o.Cost+float64(n-1)*s.cheap >= s.best.Cost {
			return nil
		}
		s.row[f], s.picked[len(s.picked)-1] = o.Code, Change{f, o}
		if err := s.descend(ctx, place+1, n-1, cost+o.Cost); err != nil {
			return err
		}
	}
	return nil
}

// largest adds up the n largest of what is above 0.
func largest(rises []float64, n int) float64 {
	var top [maxChanges]float64
	for _, r := range rises {
		for i := range n {
			if r > top[i] {
				r, top[i] = top[i], r
			}
		}
	}
	var sum float64
	for _, r := range top[:n] {
		sum += r
	}
	return sum
}

func (s *search) look(ctx context.Context) error {
	if s.looked++; s.looked > s.wish.Work {
		return errWork
	}
	return ctx.Err()
}

// record keeps a change as the best so far.
func (s *search) record(changes []Change, cost, score float64) {
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Feature, b.Feature) })
	s.best = &Counterfactual{Changes: changes, Cost: cost, Row: slices.Clone(s.row), Score: score}
}

// unproved returns what was found when work ran out, or what a greedy search finds: it
// changes again and again what helps most.
func (s *search) unproved() (*Counterfactual, error) {
	if s.best == nil {
		s.greedy()
	}
	if s.best == nil {
		return nil, &NoneError{s.wish.Most, len(s.order), s.wish.Work, false}
	}
	s.best.Looked = s.wish.Work
	return s.best, nil
}

func (s *search) greedy() {
	copy(s.row, s.wish.Row)
	for _, f := range s.order {
		s.free[f] = true
	}
	var changes []Change
	var cost float64
	for range min(s.wish.Most, len(s.order)) {
		s.form.singles(s.row, s.free, s.rises)
		var next Change
		top := math.Inf(-1)
		for _, f := range s.order {
			for i, o := range s.wish.Options[f] {
				if s.free[f] && s.rises[f][i] > top {
					next, top = Change{f, o}, s.rises[f][i]
				}
			}
		}
		s.free[next.Feature], s.row[next.Feature] = false, next.Code
		changes, cost = append(changes, next), cost+next.Cost
		if score := s.model.Score(s.row); s.reaches(score) {
			s.record(changes, cost, score)
			return
		}
	}
}
