package learn_test

import (
	"testing"

	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// world is a made regression: what members hold before values are cut into bins.
type world struct {
	values [][]fixed.Q16 // By feature and row.
	target []fixed.Q16
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
		w.task = append(w.task, uint8(task))
		w.fold = append(w.fold, uint8(i/tasks%folds))
	}
	return w
}

// grids are the grids of all features of a world.
func (w *world) grids() learn.Grids {
	grids := make(learn.Grids, len(w.values))
	for f := range grids {
		grids[f] = learn.Grid{Lo: -fixed.One, Hi: fixed.One, Cells: 256}
	}
	return grids
}

// edges cuts the features of a world into bins.
func (w *world) edges(t testing.TB, bins int) learn.Edges {
	t.Helper()
	sum, err := w.grids().Histogram(w.values)
	if err != nil {
		t.Fatal(err)
	}
	edges, err := w.grids().EdgesFrom(sum, bins)
	if err != nil {
		t.Fatal(err)
	}
	return edges
}

// data cuts the rows of a world whose numbers are listed, in that order.
func (w *world) data(edges learn.Edges, rows []int) *learn.Data {
	d := &learn.Data{Bins: make([][]uint8, len(w.values))}
	for _, i := range rows {
		for f := range w.values {
			d.Bins[f] = append(d.Bins[f], edges.Bin(f, w.values[f][i]))
		}
		d.Key = append(d.Key, w.key[i])
		d.Task = append(d.Task, w.task[i])
		d.Fold = append(d.Fold, w.fold[i])
		d.Target = append(d.Target, w.target[i])
	}
	return d
}

// row returns the bins of one row.
func (w *world) row(edges learn.Edges, i int) []uint8 {
	values := make([]fixed.Q16, len(w.values))
	for f, column := range w.values {
		values[f] = column[i]
	}
	return edges.Row(values)
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
func recipe(edges learn.Edges, tasks, folds int) *learn.Config {
	return &learn.Config{
		Name: "point", Tasks: tasks, Folds: folds, Rounds: 6, Depth: 3,
		RatePermille: 250, Lambda: 1, MinRows: 5, RowPermille: 700, FeaturePermille: 700,
		Delta: fixed.One / 4, TargetLo: -4 * fixed.One, TargetHi: 4 * fixed.One,
		Seed: chance.Seed{7}, Edges: edges,
	}
}
