package basis

import (
	"context"
	"fmt"
	"math"
	"math/big"

	"comity/allocator/linear"
	"comity/exact"
)

// wholeNumbers settles a programme with columns of whole numbers by a branch tree.
func wholeNumbers(ctx context.Context, p linear.Programme, engine Engine) (linear.Certificate, error) {
	w := &wholeProof{p: p, engine: engine}
	s, err := linear.NewSystem(p, nil)
	if err != nil {
		return linear.Certificate{}, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	if !s.Empty() && !s.Bounded() {
		// Prices need bounds of the columns, which those of a known objective may imply.
		if err := w.ask(ctx); err != nil {
			return linear.Certificate{}, err
		}
		if w.objective != nil {
			w.cutoff = w.objective
			if s, err = linear.NewSystem(p, w.cutoff); err != nil {
				return linear.Certificate{}, fmt.Errorf("%w: %w", ErrNoProof, err)
			}
		} else if certificate, err := w.relaxation(ctx); err != nil || certificate.Status != "" {
			return certificate, err
		}
	}
	return w.branch(ctx, s)
}

// wholeProof is a programme of whole numbers and the best point known of it.
type wholeProof struct {
	p         linear.Programme
	engine    Engine
	point     *linear.Vector
	objective *big.Rat // Of the point.
	cutoff    *big.Rat // Of an earlier point, that the tree builds on; may be nil.
	asked     bool
}

// relaxation settles a programme that is infeasible or unbounded without the restriction
// to whole numbers; otherwise the certificate has no status.
func (w *wholeProof) relaxation(ctx context.Context) (linear.Certificate, error) {
	vertex, err := w.engine.Vertex(ctx, lower(w.p), nil)
	if err != nil || vertex.Optimal {
		return linear.Certificate{}, err
	}
	return noOptimum(ctx, w.p, w.engine)
}

// ask lets the engine look for the best point.
func (w *wholeProof) ask(ctx context.Context) error {
	w.asked = true
	whole := make([]bool, len(w.p.Columns))
	for j, c := range w.p.Columns {
		whole[j] = c.Integer
	}
	vertex, err := w.engine.Vertex(ctx, lower(w.p), whole)
	if err != nil || !vertex.Optimal {
		return err
	}
	return w.consider(ctx, vertex.Primal)
}

// consider takes the whole numbers of a point, finds the best other values for them, and
// keeps the result if it is better than what is known.
func (w *wholeProof) consider(ctx context.Context, point []float64) error {
	if len(point) != len(w.p.Columns) || !finite(point) {
		return fmt.Errorf("%w: the solver returns %d values of %d columns, or what is no number", ErrNoProof, len(point), len(w.p.Columns))
	}
	best, found, err := optimum(ctx, newFixed(w.p, point), w.engine)
	if err != nil || !found {
		return err // The solver's whole numbers, rounded, leave nothing.
	}
	objective, err := linear.Objective(w.p, best.point)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	if w.objective == nil || w.p.Maximise && objective.Cmp(w.objective) > 0 || !w.p.Maximise && objective.Cmp(w.objective) < 0 {
		w.point, w.objective = &best.point, objective
	}
	return nil
}

// branch searches, and asks the engine for a point when that takes long.
func (w *wholeProof) branch(ctx context.Context, s *linear.System) (linear.Certificate, error) {
	b := newBrancher(s)
	w.tell(b)
	if s.Empty() {
		b.root = &treeNode{bound: math.Inf(-1), prices: []float64{}}
		return w.state(ctx, b)
	}
	if err := b.separate(ctx, w.engine); err != nil {
		return linear.Certificate{}, err
	}
	unsettled := false
	err := w.engine.Session(ctx, b.lp(), b.start(), func(session Session) error {
		b.session = session
		if err := b.begin(ctx); err != nil {
			return err
		}
		if unsettled = math.IsInf(b.root.bound, -1) && b.root.prices == nil; unsettled {
			return nil
		}
		return w.search(ctx, b)
	})
	if err != nil {
		return linear.Certificate{}, err
	}
	if unsettled {
		if certificate, err := w.relaxation(ctx); err != nil || certificate.Status != "" {
			return certificate, err
		}
	}
	return w.state(ctx, b)
}

func (w *wholeProof) search(ctx context.Context, b *brancher) error {
	if err := b.search(ctx, ownNodes); err != nil {
		return err
	}
	if b.finished() && (b.better != nil || math.IsInf(b.known, -1)) {
		return nil
	}
	if !w.asked {
		if err := w.ask(ctx); err != nil {
			return err
		}
		w.tell(b)
	}
	return b.search(ctx, min(maxNodes, maxWork/(len(b.cost)+len(b.rows))))
}

// tell lets a search know the objective of the known point.
func (w *wholeProof) tell(b *brancher) {
	if w.objective != nil {
		worth, _ := b.system.Worth(w.p, w.objective).Float64()
		b.known = max(b.known, worth)
	}
}

// state writes the certificate of a finished search.
func (w *wholeProof) state(ctx context.Context, b *brancher) (linear.Certificate, error) {
	if b.better != nil {
		if err := w.consider(ctx, b.better); err != nil {
			return linear.Certificate{}, err
		}
	}
	t, err := b.tree(ctx, w.engine)
	if err != nil {
		return linear.Certificate{}, err
	}
	if w.point == nil {
		return stated(linear.StateEmpty(w.p, t))
	}
	if w.cutoff != nil {
		cutoff := linear.NewRatio(w.cutoff)
		t.Cutoff = &cutoff
	}
	return stated(linear.StateBranched(w.p, *w.point, t))
}

// endless settles a programme with a direction in which it improves without end: by a
// point of whole numbers to start from, or by the proof that there is none.
func endless(ctx context.Context, p linear.Programme, direction linear.Vector, engine Engine) (linear.Certificate, error) {
	level := p
	level.Columns = append([]linear.Column{}, p.Columns...)
	for j := range level.Columns {
		level.Columns[j].Cost = exact.Int(0)
	}
	found, err := wholeNumbers(ctx, level, engine)
	if err != nil {
		return linear.Certificate{}, err
	}
	if found.Status == linear.Optimal {
		return stated(linear.StateUnbounded(p, *found.Point, direction))
	}
	if found.Prices != nil {
		return stated(linear.StateInfeasible(p, *found.Prices))
	}
	return stated(linear.StateEmpty(p, *found.Tree))
}
