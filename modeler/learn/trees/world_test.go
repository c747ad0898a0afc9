package trees_test

import (
	"testing"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/trees"
)

// world is a made regression: what members hold before values are cut into bins.
type world struct {
	values [][]fixed.Q16 // By feature and row.
	target []fixed.Q16
	weight []uint16
	key    []uint64
	task   []uint8
	fold   []uint8
}

// newWorld draws rows from a public stream, with integers only, so that every processor
// makes the same ones. Feature 0 bends, 1 and 2 interact, 3 jumps and is missing at
// times in a way that matters; the rest is noise.
func newWorld(seed byte, rows, features, tasks, folds int) *world {
	stream := chance.NewStream(chance.Derive(chance.Seed{seed}, "world"))
	unit := func() fixed.Q16 { return fixed.Q16(stream.IntN(2<<16)) - fixed.One } // -1 to 1.
	w := &world{values: make([][]fixed.Q16, features)}
	for i := range rows {
		row := make([]fixed.Q16, features)
		for f := range row {
			row[f] = unit()
		}
		task := i % tasks
		y := fixed.Mul(row[0], row[0]) + fixed.Mul(row[1], row[2]) + fixed.Q16(task)*fixed.One/8
		if row[3] > fixed.One/4 {
			y += fixed.One / 2
		}
		if stream.IntN(8) == 0 {
			row[3] = fixed.Missing
			y += fixed.One / 3
		}
		y += unit() / 8
		if stream.IntN(50) == 0 {
			y += 4 * unit() // Outliers, which the loss must stand.
		}
		for f, v := range row {
			w.values[f] = append(w.values[f], v)
		}
		w.target = append(w.target, y)
		w.key = append(w.key, stream.Uint64())
		w.weight = append(w.weight, uint16(1+w.key[i]%1024))
		w.task = append(w.task, uint8(task))
		w.fold = append(w.fold, uint8(i/tasks%folds))
	}
	return w
}

// losses lists one loss of every kind.
func losses() []loss.Loss {
	return []loss.Loss{
		{Kind: loss.Squared, Scale: fixed.One / 2},
		{Kind: loss.Huber, Scale: fixed.One / 4},
		{Kind: loss.Absolute, Scale: fixed.One},
		{Kind: loss.Quantile, Scale: fixed.One, Level: 900},
		{Kind: loss.Logistic, Scale: fixed.One},
		{Kind: loss.Poisson, Scale: fixed.One},
		{Kind: loss.Tweedie, Scale: fixed.One, Power: 1500},
	}
}

// fit makes targets that a loss takes.
func (w *world) fit(l loss.Loss) {
	for i, y := range w.target {
		switch l.Kind {
		case loss.Logistic:
			w.target[i] = 0
			if y > fixed.One/3 {
				w.target[i] = fixed.One
			}
		case loss.Poisson, loss.Tweedie:
			w.target[i] = max(0, y) &^ (fixed.One/4 - 1)
		default:
		}
	}
}

// grids are the grids of all features of a world.
func (w *world) grids() learn.Grids {
	grids := make(learn.Grids, len(w.values))
	for f := range grids {
		grids[f] = learn.Grid{Lo: -fixed.One, Hi: fixed.One, Cells: 256}
	}
	return grids
}

// features cuts the features of a world into bins.
func (w *world) features(t testing.TB, bins int) learn.Features {
	t.Helper()
	sum, err := w.grids().Histogram(w.values)
	if err != nil {
		t.Fatal(err)
	}
	features, err := w.grids().FeaturesFrom(sum, bins)
	if err != nil {
		t.Fatal(err)
	}
	return features
}

// categories makes categories of some features: the bins of each in another order.
func (w *world) categories(features learn.Features, which ...int) {
	for _, f := range which {
		for i, v := range w.values[f] {
			if v != fixed.Missing {
				w.values[f][i] = fixed.Q16(features.Bin(f, v)) * 7 % 13
			}
		}
		features[f] = learn.Feature{Category: true}
		for key := range fixed.Q16(12) { // Key 12 is not known.
			features[f].Cuts = append(features[f].Cuts, key)
		}
	}
}

// data cuts the rows of a world whose numbers are listed, in that order.
func (w *world) data(cfg *trees.Config, rows []int) *learn.Rows {
	d := &learn.Rows{Bins: make([][]uint8, len(w.values))}
	for _, i := range rows {
		for f := range w.values {
			d.Bins[f] = append(d.Bins[f], cfg.Features.Bin(f, w.values[f][i]))
		}
		d.Key = append(d.Key, w.key[i])
		d.Task = append(d.Task, w.task[i])
		d.Fold = append(d.Fold, w.fold[i])
		d.Target = append(d.Target, w.target[i])
		if cfg.Weighted {
			d.Weight = append(d.Weight, w.weight[i])
		}
	}
	return d
}

// row returns the bins of one row.
func (w *world) row(features learn.Features, i int) []uint8 {
	values := make([]fixed.Q16, len(w.values))
	for f, column := range w.values {
		values[f] = column[i]
	}
	return features.Row(values)
}

// all numbers the rows from 0.
func (w *world) all() []int {
	rows := make([]int, len(w.target))
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// recipe is a small training that uses every part.
func recipe(features learn.Features, tasks, folds int) *trees.Config {
	return &trees.Config{
		Name: "point", Tasks: tasks, Folds: folds, Rounds: 6, Depth: 3,
		RatePermille: 250, Lambda: 1, MinRows: 5, RowPermille: 700, FeaturePermille: 700,
		Loss: loss.Loss{Kind: loss.Huber, Scale: fixed.One / 4}, Members: 1, TargetLo: -4 * fixed.One, TargetHi: 4 * fixed.One,
		Seed: chance.Seed{7}, Features: features,
	}
}
