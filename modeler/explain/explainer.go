package explain

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Explainer gives exact Shapley values of an ensemble's scores. It is safe for concurrent use.
type Explainer struct {
	features int
	start    float64
	base     float64
	routes   []*route
	games    []game // By tree.
}

// New returns an explainer of the path-dependent kind: what a row does not tell goes both
// ways in proportion to the covers of training. It needs no data, and it speaks about the
// people whom the model was trained on.
func New(e *Ensemble) (*Explainer, error) {
	x, err := newExplainer(e)
	if err != nil {
		return nil, err
	}
	if !e.Covered() {
		return nil, fmt.Errorf("%w: its trees do not say how many rows came where; count them with Recover, or explain against a background", ErrModel)
	}
	g := newPathGame()
	x.base = x.start
	for i, r := range x.routes {
		x.games[i] = g
		for _, l := range r.leaves {
			product := l.value
			for _, z := range l.reach {
				product *= z
			}
			x.base += product
		}
	}
	return x, nil
}

// Against returns an explainer of the interventional kind: what a row does not tell is
// taken from the background, each of its rows in turn. It answers how the score differs
// from that of the background, and never mixes values that a background row does not have.
func Against(e *Ensemble, background [][]float64) (*Explainer, error) {
	x, err := newExplainer(e)
	if err != nil {
		return nil, err
	}
	if len(background) == 0 {
		return nil, fmt.Errorf("%w: the background is empty; give at least one row to compare with", ErrRows)
	}
	if err := checkRows(background, e.Features); err != nil {
		return nil, fmt.Errorf("background: %w", err)
	}
	beta := betas()
	for i, r := range x.routes {
		x.games[i] = crowdGame{newCrowds(r, background), beta}
	}
	for _, row := range background {
		x.base += e.Score(row) / float64(len(background))
	}
	return x, nil
}

func newExplainer(e *Ensemble) (*Explainer, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	x := &Explainer{features: e.Features, start: e.Start, routes: make([]*route, len(e.Trees)), games: make([]game, len(e.Trees))}
	for i, t := range e.Trees {
		r, err := newRoute(t)
		if err != nil {
			return nil, fmt.Errorf("tree %d: %w", i, err)
		}
		x.routes[i] = r
	}
	return x, nil
}

// Explain returns what every feature adds to each row's score. It uses all processors; the
// result does not depend on how many there are. Errors are ErrRows, ErrAdditivity and that
// of ctx.
func (x *Explainer) Explain(ctx context.Context, rows [][]float64) (*Values, error) {
	if err := checkRows(rows, x.features); err != nil {
		return nil, err
	}
	v := newValues(len(rows), x.features)
	v.Base = x.base
	if err := x.each(ctx, rows, v.Score, v.Phi, false); err != nil {
		return nil, err
	}
	return v, v.check()
}

// blockRows is how many rows are followed through one tree before the next: enough to use
// a tree's table again and again, few enough for their values to stay in the cache.
const blockRows = 1024

// each explains blocks of rows on all processors.
func (x *Explainer) each(ctx context.Context, rows [][]float64, score []float64, out [][]float64, pairs bool) error {
	var next atomic.Int64
	var wait sync.WaitGroup
	blocks := (len(rows) + blockRows - 1) / blockRows
	for range min(blocks, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for ctx.Err() == nil {
				lo := (int(next.Add(1)) - 1) * blockRows
				if lo >= len(rows) {
					return
				}
				hi := min(lo+blockRows, len(rows))
				x.block(rows[lo:hi], score[lo:hi], out[lo:hi], pairs)
			}
		})
	}
	wait.Wait()
	return ctx.Err()
}

// block follows rows through tree after tree.
func (x *Explainer) block(rows [][]float64, score []float64, out [][]float64, pairs bool) {
	for i := range score {
		score[i] = x.start
	}
	var ways []uint64
	for i, r := range x.routes {
		if len(ways) < len(r.steps) {
			ways = make([]uint64, len(r.steps))
		}
		t := newTable(r, x.games[i], x.features, pairs)
		for k, row := range rows {
			r.follow(row, ways)
			score[k] += t.add(ways, out[k])
		}
	}
}

// table keeps what the leaves of one tree said to the ways that rows came: a tree of 31
// leaves has a few hundred different ones, and rows come the same ways again and again.
// Yang, "Fast TreeSHAP" (2021), computes all of them beforehand; here the first row pays.
type table struct {
	route *route
	game  game
	pairs bool
	lists []list // By leaf.
}

// list is one leaf's answers.
type list struct {
	where []int     // Where in a row of the result each number of an answer belongs.
	kept  []float64 // Answers by way; nil for a path with too many features.
	known []bool    // By way.
	fresh []float64 // For an answer that is not kept.
}

// keptBits is up to how many features a path's answers are kept: 2^7 of 7 numbers, 7 kB.
const keptBits = 7

func newTable(r *route, g game, features int, pairs bool) *table {
	t := &table{r, g, pairs, make([]list, len(r.leaves))}
	for i, l := range r.leaves {
		one := &t.lists[i]
		if pairs {
			one.where = pairPlaces(l.features, features)
		} else {
			one.where = l.features
		}
		if d := len(l.features); d <= keptBits {
			one.kept, one.known = make([]float64, len(one.where)<<d), make([]bool, 1<<d)
		} else {
			one.fresh = make([]float64, len(one.where))
		}
	}
	return t
}

// pairPlaces returns where the pairs of a path belong in a matrix, above its diagonal.
func pairPlaces(path []int, features int) []int {
	where := make([]int, 0, len(path)*(len(path)-1)/2)
	for j, f := range path {
		for _, g := range path[:j] {
			where = append(where, min(f, g)*features+max(f, g))
		}
	}
	return where
}

// add adds what all leaves say to a row that came so, and returns the value of the leaf
// that the row came to.
func (t *table) add(ways []uint64, out []float64) (value float64) {
	for i := range t.route.leaves {
		l, one := &t.route.leaves[i], &t.lists[i]
		way := ways[l.at] & l.full
		if way == l.full {
			value = l.value
		}
		where := one.where
		for k, p := range t.answer(l, one, i, way)[:len(where)] {
			out[where[k]] += p
		}
	}
	return value
}

func (t *table) answer(l *leaf, one *list, number int, way uint64) []float64 {
	answer := one.fresh
	if one.kept != nil {
		answer = one.kept[way*uint64(len(one.where)) : (way+1)*uint64(len(one.where))]
		if one.known[way] {
			return answer
		}
		one.known[way] = true
	}
	clear(answer)
	if t.pairs {
		t.game.pairs(l, number, way, answer)
	} else {
		t.game.singles(l, number, way, answer)
	}
	return answer
}
