package additive

import (
	"math/big"
	"slices"

	"comity/modeler/fixed"
)

// finish makes the model: the mean of all models, with what tables say of one feature
// alone moved to its curve, and what curves say of all rows moved to the intercept.
func (t *trainer) finish(curves, tables *stage) *Model {
	c := t.cfg
	m := &Model{
		Config: *c, Rounds: curves.taken, PairRounds: tables.taken, Attempt: t.attempt, Trace: t.trace,
		Before: curves.before.mean(), After: curves.after.mean(),
	}
	whole := mean(curves.models)
	m.Intercept = whole.intercept
	if len(tables.blocks) > 0 && tables.taken > 0 {
		m.After = tables.after.mean()
		m.pairs(tables, &whole, t.curves)
	}
	at := 0
	for f := range t.curves {
		n := t.curves[f].cells
		weight := t.facts.weight[at : at+n]
		shape := Shape{Value: whole.cells[at : at+n : at+n]}
		t.silence(f, at, shape.Value)
		m.Intercept += centre(shape.Value, weight)
		shape.Error = spread(curves.models, at, weight)
		m.Shapes = append(m.Shapes, shape)
		at += n
	}
	return m
}

// silence gives the mean of a curve to bins that no step was taken for: categories that
// nobody has, and missing values that too few rows have. Nothing is known of them, and
// what is centred then says nothing.
func (t *trainer) silence(feature, at int, cells []fixed.Q16) {
	weight := slices.Clone(t.facts.weight[at : at+len(cells)])
	category := t.cfg.Features[feature].Category
	var mute []int
	for i := range cells {
		few := true
		for _, counts := range t.facts.counts {
			few = few && (counts[at+i] == 0 || i == 0 && !category && counts[at] < int64(t.cfg.MinRows))
		}
		if few && (category || i == 0) {
			mute, weight[i] = append(mute, i), 0
		}
	}
	middle := weightedMean(cells, weight)
	for _, i := range mute {
		cells[i] = middle
	}
}

// centre takes the weighted mean from some values and returns it.
func centre(cells []fixed.Q16, weight []int64) fixed.Q16 {
	middle := weightedMean(cells, weight)
	for i := range cells {
		cells[i] -= middle
	}
	return middle
}

// weightedMean is rounded half away from zero; without any weight it is 0.
func weightedMean(cells []fixed.Q16, weight []int64) fixed.Q16 {
	var all int64
	sum, part := new(big.Int), new(big.Int)
	for i, v := range cells {
		w := max(0, weight[i]) // Noise may leave less than nothing.
		all += w
		sum.Add(sum, part.Mul(big.NewInt(int64(v)), big.NewInt(w)))
	}
	if all == 0 {
		return 0
	}
	half := big.NewInt(all / 2)
	if sum.Sign() < 0 {
		half.Neg(half)
	}
	return fixed.Q16(sum.Add(sum, half).Quo(sum, big.NewInt(all)).Int64())
}

// spread returns the standard errors of one curve by the delete-a-group jackknife:
// sqrt((K-1)/K sum of (f_k - mean)^2) over K models that each lack one of K groups
// (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 11.5).
func spread(models []values, at int, weight []int64) []fixed.Q16 {
	errors := make([]fixed.Q16, len(weight))
	folds := int64(len(models))
	if folds < 2 {
		return errors
	}
	curves := make([][]fixed.Q16, folds)
	for k := range curves {
		curves[k] = slices.Clone(models[k].cells[at : at+len(weight)])
		centre(curves[k], weight)
	}
	const most = 1 << 29 // Sixteen squares fit 63 bits.
	for i := range errors {
		var sum, squares int64
		for k := range curves {
			sum += int64(curves[k][i])
		}
		middle := fixed.RoundDiv(sum, folds)
		for k := range curves {
			off := min(max(int64(curves[k][i])-middle, -most), most)
			squares += off * off
		}
		errors[i] = fixed.Q16(fixed.Sqrt(uint64(fixed.MulDiv(squares, folds-1, folds)))) //nolint:gosec // Not negative.
	}
	return errors
}

// finer is how many binary digits more than a Q16 the tables have while they are made
// pure, so that what is moved adds up.
const finer = 12

// sweeps bounds how often rows and columns of a table are centred in turn. Each sweep
// shrinks what is left by the square of the features' correlation; most tables need a few.
const sweeps = 200

// pairs adds the tables to the model and moves what is not of both features together:
// the means of rows and columns to the curves, so that each effect stands in one place
// only (Lengerich, Tan, Chang, Hooker and Caruana, "Purifying Interaction Effects with
// the Functional ANOVA", 2020).
func (m *Model) pairs(tables *stage, whole *values, curves []block) {
	starts := make([]int, len(curves))
	for f := 1; f < len(curves); f++ {
		starts[f] = starts[f-1] + curves[f-1].cells
	}
	tabled := mean(tables.models)
	m.Intercept += tabled.intercept
	at := 0
	for _, b := range tables.blocks {
		value := slices.Clone(tabled.cells[at : at+b.cells])
		rows, columns := purify(value, tables.counts[0][at:at+b.cells], b.columns)
		for bin, group := range b.groupA {
			whole.cells[starts[b.a]+bin] += rows[group]
		}
		for bin, group := range b.groupB {
			whole.cells[starts[b.b]+bin] += columns[group]
		}
		m.Pairs = append(m.Pairs, Pair{b.a, b.b, b.groupA, b.groupB, value})
		at += b.cells
	}
}

// purify takes the weighted means of rows and columns from a table, in turn until
// nothing is left of them, and returns what was taken. Rows and columns without any
// weight say nothing in the end.
func purify(value []fixed.Q16, weight []int64, width int) (rows, columns []fixed.Q16) {
	rows, columns = make([]fixed.Q16, len(value)/width), make([]fixed.Q16, width)
	for i := range value {
		value[i] <<= finer
	}
	empty := emptyLines(weight, width)
	for range sweeps {
		moved := false
		for r := range rows {
			middle := weightedMean(value[r*width:(r+1)*width], weight[r*width:(r+1)*width])
			for c := range width {
				value[r*width+c] -= middle
			}
			rows[r] += middle
			moved = moved || middle != 0
		}
		for c := range columns {
			line, weights := make([]fixed.Q16, len(rows)), make([]int64, len(rows))
			for r := range rows {
				line[r], weights[r] = value[r*width+c], weight[r*width+c]
			}
			middle := weightedMean(line, weights)
			for r := range rows {
				value[r*width+c] -= middle
			}
			columns[c] += middle
			moved = moved || middle != 0
		}
		if !moved {
			break
		}
	}
	for i := range value {
		if empty[i] {
			value[i] = 0
		}
	}
	for _, list := range [][]fixed.Q16{value, rows, columns} {
		for i, v := range list {
			list[i] = fixed.Q16(fixed.RoundDiv(int64(v), 1<<finer))
		}
	}
	return rows, columns
}

// emptyLines says which cells stand in a row or column without any weight.
func emptyLines(weight []int64, width int) []bool {
	rows, columns := make([]int64, len(weight)/width), make([]int64, width)
	for i, w := range weight {
		rows[i/width] += w
		columns[i%width] += w
	}
	empty := make([]bool, len(weight))
	for i := range empty {
		empty[i] = rows[i/width] == 0 || columns[i%width] == 0
	}
	return empty
}
