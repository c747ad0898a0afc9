package forecast

import (
	"context"
	"fmt"

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

// collect lists the rows of all samples, by sample and lead.
func (h *history) collect(folds int) []row {
	var rows []row
	for i := range h.samples {
		s := &h.samples[i]
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
	t.rows = t.history.collect(t.recipe.folds)
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
func (t *training) edges(ctx context.Context, sum learn.Summer) (learn.Features, error) {
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
	edges, err := grids().FeaturesFrom(total, t.recipe.bins)
	if err != nil {
		return nil, fmt.Errorf("edges: %w", err)
	}
	return edges, nil
}

// data lays the rows out for the ensembles.
func (t *training) data(edges learn.Features) *learn.Rows {
	n := len(t.rows)
	d := &learn.Rows{
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
