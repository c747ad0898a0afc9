package additive

import (
	"math/bits"
	"strconv"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/parallel"
)

// member is one participant's side of the training: what it adds to each sum.
type member struct {
	cfg   *Config
	data  *learn.Rows
	bins  []uint8       // Row after row, so that one row's bins lie together.
	fold  []uint8       // Of every row, by the public coin.
	seen  []bool        // Whether the attempt in force sees the row.
	bases [][]fixed.Q16 // By model and row: what blocks of earlier stages add up to; nil for nothing.
}

func newMember(data *learn.Rows, cfg *Config) *member {
	n, features := data.Len(), len(cfg.Features)
	m := &member{
		cfg: cfg, data: data, bins: make([]uint8, n*features),
		fold: make([]uint8, n), seen: make([]bool, n), bases: make([][]fixed.Q16, cfg.Folds),
	}
	folds := chance.NewSampler(chance.Derive(cfg.Seed, "folds", cfg.Name))
	for i := range n {
		for f := range features {
			m.bins[i*features+f] = data.Bins[f][i]
		}
		fold, _ := bits.Mul64(folds.Uint64(data.Key[i]), uint64(cfg.Folds)) //nolint:gosec // 1 to 16.
		m.fold[i] = uint8(fold)                                             //nolint:gosec // Below 16.
	}
	m.sample(0)
	return m
}

// row returns the bins of one row.
func (m *member) row(i int) []uint8 {
	features := len(m.cfg.Features)
	return m.bins[i*features : (i+1)*features : (i+1)*features]
}

// weight returns the weight of one row, in 1024ths.
func (m *member) weight(i int) int64 {
	if m.data.Weight == nil {
		return learn.WholeWeight
	}
	return int64(m.data.Weight[i])
}

// sample draws the rows that an attempt sees: all of them at first, and after a lost step
// seven in ten, others for every attempt, so that no two sums over different members are
// over the same rows.
func (m *member) sample(attempt int) {
	lots := chance.NewSampler(chance.Derive(m.cfg.Seed, "rows", m.cfg.Name, strconv.Itoa(attempt)))
	for i := range m.seen {
		lot, _ := bits.Mul64(lots.Uint64(m.data.Key[i]), permille)
		m.seen[i] = attempt == 0 || lot < learn.RetryPermille
	}
}

// outside says whether model k does not learn from row i.
func (m *member) outside(k, i int) bool { return m.cfg.Folds > 1 && int(m.fold[i]) == k }

// score returns what a model says of row i, and writes which cell of each block it is in.
func (m *member) score(k, i int, blocks []block, v *values, at []int) fixed.Q16 {
	score, row := v.intercept, m.row(i)
	if m.bases[k] != nil {
		score += m.bases[k][i]
	}
	for j := range blocks {
		at[j] = blocks[j].first + blocks[j].cell(row)
		score += v.cells[at[j]]
	}
	return learn.Add(score, 0)
}

// settle keeps the scores of some blocks as what later ones build on.
func (m *member) settle(blocks []block, models []values) {
	_ = parallel.Each(len(models), func(k int) error {
		base, at := make([]fixed.Q16, m.data.Len()), make([]int, len(blocks))
		for i := range base {
			base[i] = m.score(k, i, blocks, &models[k], at)
		}
		m.bases[k] = base
		return nil
	})
}

// slope is the gradient and weight of one row, weighed.
func (m *member) slope(i int, score fixed.Q16) (g, h int64) {
	g, h = m.cfg.Loss.Fine(m.data.Target[i], score)
	if c := m.cfg.Noise; c.Private() {
		most := int64(c.ClipPermille) * unit / permille
		g = min(max(g, -most), most)
	}
	if m.data.Weight == nil {
		return g, h
	}
	w := int64(m.data.Weight[i])
	return fixed.RoundDiv(g*w, learn.WholeWeight), fixed.RoundDiv(h*w, learn.WholeWeight)
}
