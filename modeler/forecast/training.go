package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"

	"comity/canon"
	"comity/chance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// training grows the ensembles of one run.
type training struct {
	history *history
	recipe  recipe
	seed    chance.Seed
	rows    []row
}

// row is one sample with what came of it at one lead.
type row struct {
	sample   *sample
	lead     int
	fold     int
	key      uint64
	outcome  fixed.Q16 // Change of log1p.
	expected fixed.Q16 // The same as trees expect it that did not see its season.
	error    fixed.Q16 // Outcome minus what is believed of that.
	spread   fixed.Q16 // Expected size of that error.
}

// collect lists the rows of samples, by sample and lead.
func (h *history) collect(samples []sample, folds int) []row {
	var rows []row
	for i := range samples {
		s := &samples[i]
		for lead := 1; lead <= leads; lead++ {
			if y := h.outcome(s, lead); y != missing {
				key := rowKey(h.panel.keys[s.series], h.panel.first+week(s.column), lead)
				rows = append(rows, row{sample: s, lead: lead, fold: s.season % folds, key: key, outcome: fixed.Q16(y)})
			}
		}
	}
	return rows
}

// run takes all sums after the region's.
func (t *training) run(ctx context.Context, sum learn.Summer) (*fitted, Skill, error) {
	t.rows = t.history.collect(t.history.samples, t.recipe.folds)
	edges, err := t.edges(ctx, sum)
	if err != nil {
		return nil, Skill{}, err
	}
	data := t.data(edges)
	f := &fitted{}
	if f.point, err = t.growPoint(ctx, edges, data, sum); err != nil {
		return nil, Skill{}, err
	}
	if f.trust, err = t.believe(ctx, sum); err != nil {
		return nil, Skill{}, err
	}
	if f.scale, err = t.growScale(ctx, edges, data, sum); err != nil {
		return nil, Skill{}, err
	}
	t.spread(f.scale, data)
	alone, err := t.alone(ctx)
	if err != nil {
		return nil, Skill{}, err
	}
	total, err := together(ctx, sum, learn.Step{Name: "residuals", Bits: 64}, func(attempt int) []int64 {
		return t.residuals(alone, lot(t.seed, "residuals", attempt))
	})
	if err != nil {
		return nil, Skill{}, err
	}
	for lead := range leads {
		if f.z[lead], err = zQuantiles(total[lead*zCells : (lead+1)*zCells]); err != nil {
			return nil, Skill{}, fmt.Errorf("lead %d: %w", lead+1, err)
		}
	}
	skill, err := readSkill(total)
	return f, skill, err
}

// edges cuts all features into bins, from one sum of fine histograms. The features of a
// sample count once, those of a lead once for every row.
func (t *training) edges(ctx context.Context, sum learn.Summer) (learn.Edges, error) {
	var failed error
	total, err := together(ctx, sum, learn.Step{Name: "edges", Bits: 32}, func(attempt int) []int64 {
		keep := lot(t.seed, "edges", attempt)
		values := make([][]fixed.Q16, width)
		inputs := make([]fixed.Q16, width)
		for i, r := range t.rows {
			if !keep(r.key) {
				continue
			}
			r.sample.inputs(r.lead, inputs)
			from := features
			if i == 0 || t.rows[i-1].sample != r.sample {
				from = 0
			}
			for f := from; f < width; f++ {
				values[f] = append(values[f], inputs[f])
			}
		}
		x, err := grids().Histogram(values)
		failed = err
		return x
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	edges, err := grids().EdgesFrom(total, t.recipe.bins)
	if err != nil {
		return nil, fmt.Errorf("edges: %w", err)
	}
	return edges, nil
}

// data lays the rows out for the ensembles.
func (t *training) data(edges learn.Edges) *learn.Data {
	n := len(t.rows)
	d := &learn.Data{
		Bins: make([][]uint8, width), Key: make([]uint64, n), Task: make([]uint8, n), Fold: make([]uint8, n), Target: make([]fixed.Q16, n),
	}
	for f := range width {
		d.Bins[f] = make([]uint8, n)
	}
	inputs := make([]fixed.Q16, width)
	for i, r := range t.rows {
		r.sample.inputs(r.lead, inputs)
		for f, v := range inputs {
			d.Bins[f][i] = edges.Bin(f, v)
		}
		d.Key[i], d.Task[i], d.Fold[i], d.Target[i] = r.key, uint8(r.lead-1), uint8(r.fold), r.outcome //nolint:gosec // Below 16.
	}
	return d
}

// config is what both kinds of ensemble share.
func (b booster) config(name string, edges learn.Edges, seed chance.Seed) *learn.Config {
	return &learn.Config{
		Name: name, Tasks: leads, Folds: 1, Rounds: b.rounds, Depth: b.depth,
		RatePermille: b.ratePermille, Lambda: b.lambda, MinRows: b.leafRows,
		RowPermille: b.rowsPermille, FeaturePermille: b.featuresPermille,
		Delta: fixed.FromThousandths(int64(b.deltaPermille)),
		Seed:  chance.Derive(seed, "forecast", name), Edges: edges,
	}
}

// growPoint grows the ensembles of the expected change and notes every row's.
func (t *training) growPoint(ctx context.Context, edges learn.Edges, data *learn.Data, sum learn.Summer) (*learn.Model, error) {
	cfg := t.recipe.point.config("point", edges, t.seed)
	cfg.Folds = t.recipe.folds
	cfg.TargetLo, cfg.TargetHi = -2*fixed.One, 2*fixed.One
	m, err := grow(ctx, t.seed, cfg, data, sum)
	if err != nil {
		return nil, err
	}
	bins := make([]uint8, width)
	for i := range t.rows {
		r := &t.rows[i]
		r.expected = m.PredictOutside(binsOf(data, i, bins), r.lead-1, r.fold)
	}
	return m, nil
}

// believe finds the trust in the expected changes and notes every row's error.
func (t *training) believe(ctx context.Context, sum learn.Summer) (*trust, error) {
	found, err := t.weigh(ctx, sum)
	if err != nil {
		return nil, err
	}
	for i := range t.rows {
		r := &t.rows[i]
		r.error = r.outcome - found.part(r.lead, r.expected)
	}
	return found, nil
}

// leastError is what is added to the size of an error before its logarithm: .01 in Q16,
// so that a forecast that hit by chance does not claim to be perfect.
const leastError = 655

// growScale grows the ensembles of the log of the error's size.
func (t *training) growScale(ctx context.Context, edges learn.Edges, data *learn.Data, sum learn.Summer) (*learn.Model, error) {
	cfg := t.recipe.scale.config("scale", edges, t.seed)
	cfg.TargetLo, cfg.TargetHi = -5*fixed.One, 2*fixed.One
	sizes := *data
	sizes.Fold = make([]uint8, len(t.rows))
	sizes.Target = make([]fixed.Q16, len(t.rows))
	for i, r := range t.rows {
		sizes.Target[i] = fixed.Log(r.error.Abs() + leastError)
	}
	return grow(ctx, t.seed, cfg, &sizes, sum)
}

// grow trains one kind of ensemble. Package learn grows lost rounds of trees again by
// itself; if its first sum is lost, there is no tree yet, and all begins again with a
// public sample of the rows.
func grow(ctx context.Context, seed chance.Seed, cfg *learn.Config, data *learn.Data, sum learn.Summer) (*learn.Model, error) {
	name, attempt := cfg.Name, 0
	for {
		m, err := learn.Train(ctx, data, cfg, sum)
		var restart *learn.Restart
		if err == nil || !errors.As(err, &restart) || restart.Attempt <= attempt || restart.Attempt > maxAttempt {
			return m, err
		}
		attempt = restart.Attempt
		cfg.Name = fmt.Sprintf("%s-%d", name, attempt)
		data = thin(data, lot(seed, name, attempt))
	}
}

// thin returns the rows that the public coin keeps.
func thin(d *learn.Data, keep func(key uint64) bool) *learn.Data {
	out := &learn.Data{Bins: make([][]uint8, len(d.Bins))}
	for i, key := range d.Key {
		if !keep(key) {
			continue
		}
		for f := range d.Bins {
			out.Bins[f] = append(out.Bins[f], d.Bins[f][i])
		}
		out.Key, out.Task, out.Fold = append(out.Key, key), append(out.Task, d.Task[i]), append(out.Fold, d.Fold[i])
		out.Target = append(out.Target, d.Target[i])
	}
	return out
}

// spread notes the expected size of every row's error.
func (t *training) spread(scale *learn.Model, data *learn.Data) {
	bins := make([]uint8, width)
	for i := range t.rows {
		r := &t.rows[i]
		r.spread = spreadOf(scale.PredictMean(binsOf(data, i, bins), r.lead-1))
	}
}

// spreadOf returns the size whose logarithm is given, held within a thousandth and eight:
// what a series can be off by lies between.
func spreadOf(log fixed.Q16) fixed.Q16 {
	return min(max(fixed.Exp(log), fixed.FromThousandths(1)), 8*fixed.One)
}

// binsOf gathers one row's bins from their columns.
func binsOf(d *learn.Data, i int, into []uint8) []uint8 {
	for f := range into {
		into[f] = d.Bins[f][i]
	}
	return into
}

// residuals is this participant's part of the last sum.
func (t *training) residuals(alone []fixed.Q16, keep func(key uint64) bool) []int64 {
	x := make([]int64, residualSum)
	var together, apart int64
	for i, r := range t.rows {
		if keep(r.key) {
			x[(r.lead-1)*zCells+zCell(int64(fixed.Div(r.error, r.spread)))]++
			together += int64(r.error.Abs()) / errorUnits
			apart += int64(alone[i].Abs()) / errorUnits
			x[skillRows]++
		}
		if i+1 < len(t.rows) && t.place(i+1) == t.place(i) {
			continue
		}
		x[skillTogether] += together
		x[skillAlone] += apart
		x[skillPlaces]++
		if together < apart {
			x[skillBetter]++
		}
		together, apart = 0, 0
	}
	return x
}

func readSkill(total []int64) (Skill, error) {
	rows, places, better := total[skillRows], total[skillPlaces], total[skillBetter]
	if rows <= 0 || rows > math.MaxInt32 || places < 0 || better < 0 || better > places || total[skillTogether] < 0 || total[skillAlone] < 0 {
		return Skill{}, fmt.Errorf("%w: skill of %d rows, %d of %d places better", ErrSum, rows, better, places)
	}
	millionths := func(units int64) canon.Int { return canon.Int(fixed.MulDiv(units, 1_000_000*errorUnits, rows*one)) }
	return Skill{
		Together: millionths(total[skillTogether]), Alone: millionths(total[skillAlone]),
		Rows: canon.Int(rows), Places: canon.Int(places), Better: canon.Int(better),
	}, nil
}
