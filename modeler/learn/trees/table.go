package trees

import (
	"math/bits"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/parallel"
)

const (
	lanes = 8             // Features of which the bins stand in one word.
	words = 4             // Words of a slab.
	slabs = lanes * words // Features of a slab.
)

// slab is the bins of 32 features in one row: half of what a processor fetches from
// memory at a time. Those of features that are not there are 0.
type slab [words]uint64

// bin returns the bin of a feature.
func (s *slab) bin(feature int) uint8 {
	return uint8(s[feature%slabs/lanes] >> (8 * (feature % lanes))) //nolint:gosec // One lane.
}

// table is one participant's rows of one task, laid out for two readers: columns of bins
// for moving the rows of a node to its children, and slabs for histograms.
type table struct {
	columns [][]uint8 // By feature and row.
	slabs   [][]slab  // By 32 features and row.
	key     []uint64
	target  []fixed.Q16
	weight  []uint16 // Nil where all are whole.
	fold    []uint8  // Nil where there is one.
	valid   []bool   // Rows that no tree learns from; nil where there are none.
}

func (t *table) rows() int { return len(t.target) }

// bin returns the bin of a feature in one row.
func (t *table) bin(feature int, row uint32) uint8 {
	return t.slabs[feature/slabs][row].bin(feature)
}

// newTables lays out rows by task.
func newTables(rows *learn.Rows, cfg *Config) []table {
	tables := make([]table, cfg.Tasks)
	if cfg.Tasks == 1 {
		tables[0] = table{columns: rows.Bins, key: rows.Key, target: rows.Target, weight: rows.Weight, fold: rows.Fold}
	} else {
		for i := range rows.Len() {
			tables[rows.TaskOf(i)].take(rows, i)
		}
	}
	for task := range tables {
		t := &tables[task]
		if t.rows() == 0 {
			t.columns = make([][]uint8, len(cfg.Features))
		}
		t.pack()
		if cfg.ValidPermille > 0 {
			t.withhold(cfg)
		}
	}
	return tables
}

// take appends one row.
func (t *table) take(rows *learn.Rows, i int) {
	if t.columns == nil {
		t.columns = make([][]uint8, len(rows.Bins))
	}
	for f, column := range rows.Bins {
		t.columns[f] = append(t.columns[f], column[i])
	}
	t.key, t.target = append(t.key, rows.Key[i]), append(t.target, rows.Target[i])
	if rows.Weight != nil {
		t.weight = append(t.weight, rows.Weight[i])
	}
	if rows.Fold != nil {
		t.fold = append(t.fold, rows.Fold[i])
	}
}

// pack writes the columns into slabs, some rows at a time so that they stay near.
func (t *table) pack() {
	const some = 1 << 12
	t.slabs = make([][]slab, (len(t.columns)+slabs-1)/slabs)
	for i := range t.slabs {
		t.slabs[i] = make([]slab, t.rows())
	}
	_ = parallel.Each((t.rows()+some-1)/some, func(k int) error {
		from, to := k*some, min((k+1)*some, t.rows())
		for f, column := range t.columns {
			near, word, shift := t.slabs[f/slabs][from:to], f%slabs/lanes, 8*(f%lanes)
			for i, bin := range column[from:to] {
				near[i][word] |= uint64(bin) << shift
			}
		}
		return nil
	})
}

// withhold marks the rows that the public coin sets aside.
func (t *table) withhold(cfg *Config) {
	sampler := chance.NewSampler(chance.Derive(cfg.Seed, "validation", cfg.Name))
	t.valid = make([]bool, t.rows())
	for i, key := range t.key {
		t.valid[i] = taken(sampler, key, uint64(cfg.ValidPermille)) //nolint:gosec // 1 to 500.
	}
}

// taken draws the lot of one key: true for about that many thousandths of all.
func taken(sampler chance.Sampler, key, thousandths uint64) bool {
	lot, _ := bits.Mul64(sampler.Uint64(key), permille)
	return lot < thousandths
}

// foldOf returns the fold of a row.
func (t *table) foldOf(row int) int {
	if len(t.fold) == 0 {
		return 0
	}
	return int(t.fold[row])
}

// has tells whether a row is outside a fold; with one fold, all are.
func (t *table) has(row uint32, fold, folds int) bool {
	return folds == 1 || t.foldOf(int(row)) != fold
}

// learns tells whether the ensemble outside a fold learns from a row.
func (t *table) learns(row uint32, fold, folds int) bool {
	return (len(t.valid) == 0 || !t.valid[row]) && t.has(row, fold, folds)
}

// whole tells whether all ensembles learn from every row.
func (t *table) whole(folds int) bool { return folds == 1 && len(t.valid) == 0 }
