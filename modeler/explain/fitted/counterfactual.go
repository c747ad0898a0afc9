package fitted

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"comity/modeler/explain"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
)

// Question asks what the smallest change of a row is that moves its prediction to the
// other side of a threshold.
type Question struct {
	Row       int                     // From 0.
	Threshold float64                 // Of the prediction: a probability, or a value of the target.
	Rules     map[string]explain.Rule // By column; the others may change to any value between the least and the largest of the rows.
	Most      int                     // How many columns may change: 1 to 8.
	Work      int                     // How many candidates are looked at: 1 to 2^30.
}

// Answer is that change.
type Answer struct {
	Changes       []Changed
	Cost          float64 // In robust standard deviations of the columns; a category costs 1.
	Before, After int64   // Predictions, as keys of package number.
	Proved        bool    // Nothing allowed is smaller; see explain.Counterfactual.
	Looked        int
}

// Changed is one column's part.
type Changed struct {
	Name     string
	From, To string
	Within   string // All values that lead as far: the bin, and only To of a linear model.
	Cost     float64
}

// Counterfactual finds the smallest change, and holds it to what the model itself predicts
// for the changed row. Of rows, those that are not asked about say how much each column
// usually varies. A category may become any that the rows have.
func (s *Subject) Counterfactual(ctx context.Context, rows *Rows, q *Question) (*Answer, error) {
	if q.Row < 0 || q.Row >= rows.Len() {
		return nil, fmt.Errorf("%w: row %d of %d", explain.ErrBounds, q.Row+1, rows.Len())
	}
	if math.IsNaN(q.Threshold) || math.IsInf(q.Threshold, 0) {
		return nil, fmt.Errorf("%w: a threshold of %v; give a number", explain.ErrBounds, q.Threshold)
	}
	for name := range q.Rules {
		if !slices.Contains(s.Names(), name) {
			return nil, fmt.Errorf("%w: no column %s; the model reads %s", table.ErrColumn, name, strings.Join(s.Names(), ", "))
		}
	}
	limit := number.Key(q.Threshold)
	least := s.least(limit)
	w := &explain.Wish{
		Row: rows.Codes[q.Row], Options: make([][]explain.Option, len(s.Model.Columns)), Most: q.Most, Work: q.Work,
		Threshold: s.unit*(float64(least)-0.5) + s.shift, // Scores are whole units; rounding does not matter half way.
	}
	w.Below = rows.Scores[q.Row] >= w.Threshold
	for f := range w.Options {
		var err error
		if w.Options[f], err = s.options(rows, f, q, w.Threshold-rows.Scores[q.Row]); err != nil {
			return nil, fmt.Errorf("column %s: %w", s.Model.Columns[f].Name, err)
		}
	}
	found, err := explain.Find(ctx, s.form, w)
	if err != nil {
		return nil, err
	}
	return s.answer(rows, q, found, limit, w.Below)
}

// least returns the least score whose prediction is at least a key: predictions rise with
// scores.
func (s *Subject) least(limit int64) int64 {
	lo, hi := int64(-learn.MaxMagnitude), int64(learn.MaxMagnitude)+1
	for lo < hi {
		middle := lo + (hi-lo)/2
		if s.Model.Target.Prediction(fixed.Q16(middle)) >= limit {
			hi = middle
		} else {
			lo = middle + 1
		}
	}
	return lo
}

// options returns what a column may change to: one value of each bin and, of a linear model,
// which looks into bins, the one that is enough alone to move the score by need.
func (s *Subject) options(rows *Rows, feature int, q *Question, need float64) ([]explain.Option, error) {
	c := &s.Model.Columns[feature]
	rule := q.Rules[c.Name]
	if c.Kind == table.Category {
		var codes []float64
		for bin, v := range s.Values(rows, feature) {
			if bin > 0 && slices.Contains(rows.Bins[feature], uint8(bin)) && v.Text != "" {
				codes = append(codes, float64(bin))
			}
		}
		return explain.Choices(codes, rows.Codes[q.Row][feature], rule), nil
	}
	values := s.values(rows, feature)
	rule.Unit = unit(values)
	if lo, hi := span(values); !rule.Ranged && lo <= hi {
		rule.Ranged, rule.Min, rule.Max = true, lo, hi // Nobody knows the model elsewhere.
	}
	cuts := make([]float64, 0, len(c.Cuts)+1)
	for _, cut := range c.Cuts {
		cuts = append(cuts, number.Value(cut))
	}
	if s.slopes != nil {
		if x := s.crossing(feature, rows.Codes[q.Row][feature], need); !math.IsNaN(x) {
			cuts = append(cuts, x)
			slices.Sort(cuts)
		}
	}
	options, err := explain.Steps(cuts, 1, values[q.Row], explain.Spread(values), rule)
	if err == nil && s.slopes != nil {
		for i := range options {
			options[i].Code = s.slopes.standard(feature, number.Units(number.Key(options[i].Value), c.Exponent))
		}
	}
	return options, err
}

// unit returns the largest power of ten, up to 1, of which all values are multiples; 0 if
// they have many decimals.
func unit(values []float64) float64 {
	for whole := 1.0; whole <= 1e4; whole *= 10 {
		rough := func(v float64) bool { return !math.IsNaN(v) && math.Round(v*whole)/whole != v }
		if !slices.ContainsFunc(values, rough) {
			return 1 / whole
		}
	}
	return 0
}

// answer puts the change into words, after the model itself has predicted for it.
func (s *Subject) answer(rows *Rows, q *Question, found *explain.Counterfactual, limit int64, below bool) (*Answer, error) {
	a := &Answer{Cost: found.Cost, Proved: found.Proved, Looked: found.Looked}
	bins, numbers := make([]uint8, len(rows.Bins)), make([]int64, len(rows.Bins))
	for f := range bins {
		bins[f] = rows.Bins[f][q.Row]
		if rows.Numbers[f] != nil {
			numbers[f] = rows.Numbers[f][q.Row]
		}
	}
	a.Before = s.Model.Target.Prediction(s.score(bins, numbers))
	for _, change := range found.Changes {
		c := &s.Model.Columns[change.Feature]
		values := s.Values(rows, change.Feature)
		var bin uint8
		var to string
		if c.Kind == table.Category {
			bin = uint8(change.Code)
			to = values[bin].Text
		} else {
			key, f := number.Key(change.Value), c.Feature()
			bin, to = f.Bin(fixed.Q16(key)), text(c.Kind, key)
			numbers[change.Feature] = number.Units(key, c.Exponent)
		}
		bins[change.Feature] = bin
		within := values[bin].Text
		if s.slopes != nil {
			within = to // A linear model sees within bins.
		}
		from, _ := rows.Table.Cell(q.Row, c.Name)
		a.Changes = append(a.Changes, Changed{c.Name, from, to, within, change.Cost})
	}
	a.After = s.Model.Target.Prediction(s.score(bins, numbers))
	if (a.After < limit) != below {
		return nil, fmt.Errorf("%w: the changed row is predicted %s, which is not on the other side of %v",
			explain.ErrAdditivity, number.Text(a.After), q.Threshold)
	}
	return a, nil
}
