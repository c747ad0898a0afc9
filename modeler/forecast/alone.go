package forecast

import (
	"context"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/party"
)

// self is the sum over one place.
type self struct{}

// Sum returns x.
func (self) Sum(_ context.Context, _ learn.Step, x []int64) ([]int64, error) { return x, nil }

// place names the place of a row.
func (t *training) place(i int) party.ID { return t.history.panel.keys[t.rows[i].sample.series].place }

// alone returns the error that each row would have without cooperation: the same recipe
// on the rows of its own place only. A place without another season expects no change.
func (t *training) alone(ctx context.Context) ([]fixed.Q16, error) {
	errors := make([]fixed.Q16, 0, len(t.rows))
	for from := 0; from < len(t.rows); {
		to := from + 1
		for to < len(t.rows) && t.place(to) == t.place(from) {
			to++
		}
		rows, err := t.placeAlone(ctx, t.rows[from:to])
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			errors = append(errors, r.error)
		}
		from = to
	}
	return errors, nil
}

func (t *training) placeAlone(ctx context.Context, rows []row) ([]row, error) {
	own := &training{history: t.history, recipe: t.recipe, seed: t.seed, rows: make([]row, len(rows))}
	var last *sample
	var lonely *sample
	for i, r := range rows {
		if r.sample != last { // One place has too few series for a region.
			last = r.sample
			s := *r.sample
			for k := range regional {
				s.common[featRegion+k] = missing
			}
			lonely = &s
		}
		own.rows[i] = r
		own.rows[i].sample = lonely
	}
	edges, err := own.edges(ctx, self{})
	if err != nil {
		return nil, err
	}
	if _, err = own.growPoint(ctx, edges, own.data(edges), self{}); err != nil {
		return nil, err
	}
	_, err = own.believe(ctx, self{})
	return own.rows, err
}
