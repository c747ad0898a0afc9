package learn

import (
	"fmt"
	"math/bits"

	"comity/modeler/fixed"
)

// rows is one participant's side of the training: what it adds to each sum.
type rows struct {
	data     *Data
	features int
	bins     []uint8 // Row after row, so that one row's bins lie together.
	parts    []part  // By ensemble.
}

// part is the rows that one ensemble learns from.
type part struct {
	rows     []int32
	scores   []int32 // What the trees so far say, as Q16, by place in rows.
	picks    []pick  // The sampled rows of this round, those of one node together.
	segments []int   // picks[segments[i]:segments[i+1]] are those of node i.
}

// pick is one sampled row with its packed gradient, weight and count.
type pick struct {
	row  int32
	word int64
}

func newRows(data *Data, cfg *Config) *rows {
	r := &rows{data: data, features: len(cfg.Edges), parts: make([]part, cfg.Ensembles())}
	r.bins = make([]uint8, data.Rows()*r.features)
	if data.Rows() > 0 {
		for f, column := range data.Bins {
			for i, bin := range column {
				r.bins[i*r.features+f] = bin
			}
		}
	}
	for i := range data.Rows() {
		for fold := range cfg.Folds {
			if cfg.Folds == 1 || fold != int(data.Fold[i]) {
				p := &r.parts[cfg.Ensemble(int(data.Task[i]), fold)]
				p.rows = append(p.rows, int32(i))
			}
		}
	}
	return r
}

// row returns the bins of one row.
func (r *rows) row(i int32) []uint8 {
	at := int(i) * r.features
	return r.bins[at : at+r.features : at+r.features]
}

// begin sets the scores of one ensemble, which learns from n rows in all, to its start.
func (r *rows) begin(ensemble int, start fixed.Q16, n int64) error {
	p := &r.parts[ensemble]
	if int64(len(p.rows)) > n {
		return fmt.Errorf("%w: %d rows in all, fewer than are here", ErrSum, n)
	}
	p.scores = make([]int32, len(p.rows))
	for i := range p.scores {
		p.scores[i] = int32(start) //nolint:gosec // Within TargetLo and TargetHi.
	}
	return nil
}

// sample draws the rows of one tree by their keys and computes their gradients.
func (r *rows) sample(ensemble int, g *growth, cfg *Config) {
	p := &r.parts[ensemble]
	p.picks = p.picks[:0]
	for i, row := range p.rows {
		if lot, _ := bits.Mul64(g.sampler.Uint64(r.data.Key[row]), permille); int(lot) >= cfg.RowPermille { //nolint:gosec // Below 1000.
			continue
		}
		residual := int64(r.data.Target[row]) - int64(p.scores[i])
		p.picks = append(p.picks, pick{row, gradient(residual, int64(cfg.Delta)).pack()})
	}
	p.segments = append(p.segments[:0], 0, len(p.picks))
}

// gradient returns the pseudo-Huber gradient and weight of one residual r, both in units
// of 1/1024: with s = sqrt(r^2 + delta^2) rounded down, round(1024 r/s) and
// max(1, round(1024 delta/s)).
func gradient(residual, delta int64) cell {
	s := int64(fixed.Sqrt(uint64(residual*residual + delta*delta))) //nolint:gosec // Below 2^63: |r| <= 2^31, delta <= 2^26.
	away := int64(1)
	if residual < 0 {
		away = -1
	}
	g := (2*gradientScale*residual + away*s) / (2 * s)
	h := (2*gradientScale*delta + s) / (2 * s)
	return cell{g, max(1, h), 1}
}

// lanes are packed sums by chosen feature and bin.
type lanes [][maxBins]int64

// histogram adds the picks of one node into a full histogram.
func (r *rows) histogram(ensemble, at int, g *growth, out []cell) error {
	p := &r.parts[ensemble]
	picks := p.picks[p.segments[at]:p.segments[at+1]]
	if n := g.nodes[at]; n.parent != nil && int64(len(picks)) > n.total.n {
		return fmt.Errorf("%w: node %d has %d rows in all, fewer than are here", ErrSum, at, n.total.n)
	}
	clear(out)
	sums := make(lanes, len(g.features))
	for len(picks) > 0 {
		some := picks[:min(len(picks), packedRows)]
		picks = picks[len(some):]
		clear(sums)
		for _, pick := range some {
			row := r.row(pick.row)
			for k, f := range g.features {
				sums[k][row[f]%maxBins] += pick.word
			}
		}
		for k := range g.features {
			cells := out[g.offsets[k]:g.offsets[k+1]]
			for b := range cells {
				cells[b] = cells[b].plus(unpack(sums[k][b]))
			}
		}
	}
	return nil
}

// divide moves the picks of every node to its children.
func (r *rows) divide(ensemble, level int, g *growth) {
	p := &r.parts[ensemble]
	segments := make([]int, 1, 2<<level+1)
	for i := range 1 << level {
		from, to := p.segments[i], p.segments[i+1]
		middle := from + r.partition(p.picks[from:to], g.tree.Splits[1<<level-1+i])
		segments = append(segments, middle, to)
	}
	p.segments = segments
}

// partition moves the picks that go left to the front and returns their number. Their
// order means nothing beyond that: they are only added.
func (r *rows) partition(picks []pick, split Split) int {
	if split.Feature < 0 {
		return len(picks)
	}
	left, end := 0, len(picks)
	for left < end {
		if split.goesRight(r.row(picks[left].row)) {
			end--
			picks[left], picks[end] = picks[end], picks[left]
		} else {
			left++
		}
	}
	return left
}

// learn adds the finished tree to the scores of all rows, sampled or not.
func (r *rows) learn(ensemble int, tree *Tree) {
	p := &r.parts[ensemble]
	for i, row := range p.rows {
		p.scores[i] = int32(add(fixed.Q16(p.scores[i]), tree.value(r.row(row)))) //nolint:gosec // At most maxMagnitude.
	}
}
