package explain

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// The bound on what n changes can do, for both forms. A tree is in one leaf; to come to
// another the features in a set V that the row does not pass there have to change. If that
// raises the score by g, give each feature of V the part g/|V| of it, and each feature of
// the tree the largest part it gets from any leaf with at most n such features. Whatever
// set S of n features changes, the tree comes to a leaf with V within S, so it rises by no
// more than the parts of S; so does the sum over all trees. Terms are trees of one or two
// splits. What one change does is not bounded but known: all leaves that it can lead to are
// one feature away.

// woods is an ensemble to be searched.
type woods struct {
	sign   float64
	routes []*route
	passes [][][][]run // By tree, leaf and place on its path: which options pass all splits there.
	ranks  [][]int     // By feature: its options' numbers in the order of their codes.
	ways   []uint64
	parts  []float64 // Of one tree.
}

// run is some options that follow each other in the order of their codes: lo up to, but
// without, hi.
type run struct{ lo, hi int }

func (e *Ensemble) distinct(row []float64, options [][]Option) ([][]Option, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	for _, t := range e.Trees {
		if _, err := newRoute(t); err != nil {
			return nil, err
		}
	}
	if err := checkRows([][]float64{row}, e.Features); err != nil {
		return nil, err
	}
	splits := make([][]*Node, e.Features)
	for _, t := range e.Trees {
		for at := range t {
			if f := t[at].Feature; f >= 0 {
				splits[f] = append(splits[f], &t[at])
			}
		}
	}
	out := make([][]Option, len(options))
	for f, all := range options {
		all = slices.Clone(all)
		slices.SortStableFunc(all, func(a, b Option) int { return cmp.Compare(a.Code, b.Code) })
		for _, o := range all {
			last := len(out[f]) - 1
			switch {
			case same(splits[f], o.Code, row[f]):
			case last < 0 || !same(splits[f], o.Code, out[f][last].Code):
				out[f] = append(out[f], o)
			case o.Cost < out[f][last].Cost:
				out[f][last] = o
			}
		}
	}
	return out, nil
}

// same tells whether two values go the same way at all of the nodes.
func same(splits []*Node, x, y float64) bool {
	for _, n := range splits {
		if n.goesLeft(x) != n.goesLeft(y) {
			return false
		}
	}
	return true
}

func (e *Ensemble) size() float64 {
	sum := math.Abs(e.Start)
	for _, t := range e.Trees {
		var most float64
		for at := range t {
			most = max(most, math.Abs(t[at].Value))
		}
		sum += most
	}
	return sum
}

func (e *Ensemble) form(options [][]Option, sign float64) form {
	w := &woods{sign: sign, parts: make([]float64, e.Features), ranks: make([][]int, e.Features)}
	for f, all := range options {
		for i := range all {
			w.ranks[f] = append(w.ranks[f], i)
		}
		slices.SortFunc(w.ranks[f], func(i, j int) int { return cmp.Compare(all[i].Code, all[j].Code) })
	}
	for _, t := range e.Trees {
		r, err := newRoute(t)
		if err != nil {
			panic(err) // distinct has made it before.
		}
		if len(w.ways) < len(r.steps) {
			w.ways = make([]uint64, len(r.steps))
		}
		passes := make([][][]run, len(r.leaves))
		for i, l := range r.leaves {
			passes[i] = make([][]run, len(l.features))
		}
		w.routes, w.passes = append(w.routes, r), append(w.passes, passes)
		w.walk(r, passes, options)
	}
	return w
}

// walk finds out which options lead where in one tree.
func (w *woods) walk(r *route, passes [][][]run, options [][]Option) {
	mixed := make([]float64, len(options))
	for _, f := range r.reads() {
		for rank, i := range w.ranks[f] {
			mixed[f] = options[f][i].Code
			r.follow(mixed, w.ways)
			for n := range r.leaves {
				l := &r.leaves[n]
				k, known := l.find(f)
				if !known || w.ways[l.at]>>k&1 == 0 {
					continue
				}
				runs := &passes[n][k]
				if last := len(*runs) - 1; last >= 0 && (*runs)[last].hi == rank {
					(*runs)[last].hi++
				} else {
					*runs = append(*runs, run{rank, rank + 1})
				}
			}
		}
	}
}

// reads returns the features that a tree looks at.
func (r *route) reads() []int {
	var features []int
	for i := range r.steps {
		if f := r.steps[i].Feature; f >= 0 {
			features = append(features, f)
		}
	}
	slices.Sort(features)
	return slices.Compact(features)
}

func (w *woods) gains(row []float64, free []bool, n int, into []float64) float64 {
	var sum float64
	var touched []int
	for t, r := range w.routes {
		r.follow(row, w.ways)
		now := w.now(r)
		var most float64
		for i := range r.leaves {
			l := &r.leaves[i]
			missing := l.full &^ w.ways[l.at]
			rise := w.sign*l.value - now
			if rise <= 0 || bits.OnesCount64(missing) > n || !l.reachable(missing, free, w.passes[t][i]) {
				continue
			}
			most = max(most, rise)
			part := rise / float64(bits.OnesCount64(missing))
			for ; missing != 0; missing &= missing - 1 {
				f := l.features[bits.TrailingZeros64(missing)]
				if w.parts[f] == 0 {
					touched = append(touched, f)
				}
				w.parts[f] = max(w.parts[f], part)
			}
		}
		sum += most
		for _, f := range touched {
			into[f] += w.parts[f]
			w.parts[f] = 0
		}
		touched = touched[:0]
	}
	return sum
}

// now returns the signed value of the leaf that was come to.
func (w *woods) now(r *route) float64 {
	for i := range r.leaves {
		if l := &r.leaves[i]; l.full&^w.ways[l.at] == 0 {
			return w.sign * l.value
		}
	}
	return 0 // Not so: every row comes to a leaf.
}

// reachable tells whether all of these features of the path may change, and can pass.
func (l *leaf) reachable(missing uint64, free []bool, passes [][]run) bool {
	for ; missing != 0; missing &= missing - 1 {
		k := bits.TrailingZeros64(missing)
		if !free[l.features[k]] || len(passes[k]) == 0 {
			return false
		}
	}
	return true
}

// singles adds, for each leaf one feature away, its rise to all options that lead there:
// as a step up where a run of them begins and a step down behind its end.
func (w *woods) singles(row []float64, free []bool, into [][]float64) {
	steps := make([][]float64, len(into))
	for f := range into {
		steps[f] = make([]float64, len(into[f])+1)
	}
	for t, r := range w.routes {
		r.follow(row, w.ways)
		now := w.now(r)
		for i := range r.leaves {
			l := &r.leaves[i]
			missing := l.full &^ w.ways[l.at]
			if bits.OnesCount64(missing) != 1 {
				continue
			}
			k := bits.TrailingZeros64(missing)
			f := l.features[k]
			if !free[f] {
				continue
			}
			rise := w.sign*l.value - now
			for _, options := range w.passes[t][i][k] {
				steps[f][options.lo] += rise
				steps[f][options.hi] -= rise
			}
		}
	}
	for f, ranks := range w.ranks {
		var sum float64
		for rank, i := range ranks {
			sum += steps[f][rank]
			into[f][i] = sum
		}
	}
}

// sums is a sum of terms to be searched.
type sums struct {
	sign    float64
	terms   *Terms
	options [][]Option
}

func (t *Terms) distinct(row []float64, options [][]Option) ([][]Option, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if err := t.CheckRows([][]float64{row}); err != nil {
		return nil, err
	}
	mixed := slices.Clone(row)
	out := make([][]Option, len(options))
	for f, all := range options {
		for _, o := range all {
			mixed[f] = o.Code
			if err := t.CheckRows([][]float64{mixed}); err != nil {
				return nil, err
			}
		}
		mixed[f] = row[f]
		out[f] = slices.Clone(all)
	}
	return out, nil
}

func (t *Terms) size() float64 {
	sum := math.Abs(t.Start)
	for i := range t.Terms {
		most := math.Abs(t.Terms[i].Slope)
		for _, v := range t.Terms[i].Table {
			most = max(most, math.Abs(v))
		}
		sum += most
	}
	return sum
}

func (t *Terms) form(options [][]Option, sign float64) form { return &sums{sign, t, options} }

func (s *sums) gains(row []float64, free []bool, n int, into []float64) float64 {
	mixed := slices.Clone(row)
	var sum float64
	for i := range s.terms.Terms {
		t := &s.terms.Terms[i]
		now := s.sign * t.at(row)
		var most float64
		parts := [2]float64{}
		for k, f := range t.Features {
			if !free[f] {
				continue
			}
			for _, o := range s.options[f] {
				mixed[f] = o.Code
				parts[k] = max(parts[k], s.sign*t.at(mixed)-now)
			}
			most = max(most, parts[k])
			mixed[f] = row[f]
		}
		if len(t.Features) == 2 && n > 1 && free[t.Features[0]] && free[t.Features[1]] {
			both := s.both(t, mixed) - now
			most = max(most, both)
			parts[0], parts[1] = max(parts[0], both/2), max(parts[1], both/2)
		}
		sum += most
		for k, f := range t.Features {
			into[f] += parts[k]
		}
	}
	return sum
}

// both returns the most that a pair of features can be worth. It leaves mixed as it was.
func (s *sums) both(t *Term, mixed []float64) float64 {
	a, b := t.Features[0], t.Features[1]
	defer func(x, y float64) { mixed[a], mixed[b] = x, y }(mixed[a], mixed[b])
	most := math.Inf(-1)
	for _, x := range s.options[a] {
		mixed[a] = x.Code
		for _, y := range s.options[b] {
			mixed[b] = y.Code
			most = max(most, s.sign*t.at(mixed))
		}
	}
	return most
}

func (s *sums) singles(row []float64, free []bool, into [][]float64) {
	mixed := slices.Clone(row)
	for f := range into {
		clear(into[f])
	}
	for i := range s.terms.Terms {
		t := &s.terms.Terms[i]
		now := s.sign * t.at(row)
		for _, f := range t.Features {
			if !free[f] {
				continue
			}
			for k, o := range s.options[f] {
				mixed[f] = o.Code
				into[f][k] += s.sign*t.at(mixed) - now
			}
			mixed[f] = row[f]
		}
	}
}
