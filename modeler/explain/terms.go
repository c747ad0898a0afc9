package explain

import (
	"context"
	"fmt"
	"math"
)

// Terms is a sum of functions of one or two features each: the neutral form to which
// additive and linear models are converted. Its shape functions are the model itself.
//
// A row has one float64 for each feature: a code from 0 on where terms have tables, or a
// number where they have a slope.
type Terms struct {
	Features int     // 1 to 65,536: how many values a row has.
	Start    float64 // The constant.
	Terms    []Term
}

// Term is a function of one feature, or of two.
type Term struct {
	// Features are the feature, or the two, of the function.
	Features []int
	// Table holds the function's value by code; for two features that of codes (a, b) is at
	// a·Width + b. Nil: the function is a slope.
	Table []float64
	Width int
	// Slope is what one unit of the feature adds, and Missing what a missing value (NaN) adds.
	Slope, Missing float64
}

// at returns the value of the term for a row that was checked.
func (t *Term) at(row []float64) float64 {
	x := row[t.Features[0]]
	switch {
	case len(t.Features) == 2:
		return t.Table[int(x)*t.Width+int(row[t.Features[1]])]
	case t.Table != nil:
		return t.Table[int(x)]
	case math.IsNaN(x):
		return t.Missing
	default:
		return t.Slope * x
	}
}

// codes returns how many codes the k-th of the term's features has; 0 for a slope.
func (t *Term) codes(k int) int {
	switch {
	case t.Table == nil:
		return 0
	case len(t.Features) == 1:
		return len(t.Table)
	case k == 0:
		return len(t.Table) / t.Width
	default:
		return t.Width
	}
}

// Score returns the model's score of a row that CheckRows accepts.
func (t *Terms) Score(row []float64) float64 {
	score := t.Start
	for i := range t.Terms {
		score += t.Terms[i].at(row)
	}
	return score
}

// check refuses what is no sum of terms with ErrModel.
func (t *Terms) check() error {
	if t.Features < 1 || t.Features > maxFeatures || len(t.Terms) > maxNodes || !finite(t.Start) {
		return fmt.Errorf("%w: %d features, %d terms and a start of %v; 1 to %d features, at most %d terms, and a finite start are possible",
			ErrModel, t.Features, len(t.Terms), t.Start, maxFeatures, maxNodes)
	}
	for i := range t.Terms {
		one := &t.Terms[i]
		if n := len(one.Features); n < 1 || n > 2 || n == 2 && (one.Width < 1 || len(one.Table) == 0 || len(one.Table)%one.Width != 0 || one.Features[0] == one.Features[1]) {
			return fmt.Errorf("%w: term %d: %d features and a table of %d with width %d; a pair of features needs a table of whole rows", ErrModel, i, n, len(one.Table), one.Width)
		}
		for _, f := range one.Features {
			if f < 0 || f >= t.Features {
				return fmt.Errorf("%w: term %d is about feature %d of %d", ErrModel, i, f, t.Features)
			}
		}
		for _, v := range append([]float64{one.Slope, one.Missing}, one.Table...) {
			if !finite(v) {
				return fmt.Errorf("%w: term %d holds %v", ErrModel, i, v)
			}
		}
	}
	return nil
}

// CheckRows refuses rows whose values are no codes of the tables that read them.
func (t *Terms) CheckRows(rows [][]float64) error {
	if err := checkRows(rows, t.Features); err != nil {
		return err
	}
	for i := range t.Terms {
		one := &t.Terms[i]
		for k, f := range one.Features {
			codes := one.codes(k)
			for r, row := range rows {
				x := row[f]
				if codes > 0 && !(x >= 0 && x < float64(codes) && x == math.Trunc(x)) || codes == 0 && math.IsInf(x, 0) {
					return fmt.Errorf("%w: row %d: feature %d is %v; its codes go from 0 to %d", ErrRows, r, f, x, codes-1)
				}
			}
		}
	}
	return nil
}

// Parts gives exact Shapley values of a sum of terms against a background. It is safe for
// concurrent use.
type Parts struct {
	terms  *Terms
	base   float64
	lone   []float64      // By term: its mean over the background.
	halves [][2][]float64 // By term of two features: by code of one, its mean over the other's background values.
}

// Parts returns the explainer of a sum of terms. What a row does not tell is taken from
// the background; for a feature in one term only, that is the term less its mean.
func (t *Terms) Parts(background [][]float64) (*Parts, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if len(background) == 0 {
		return nil, fmt.Errorf("%w: the background is empty; give at least one row to compare with", ErrRows)
	}
	if err := t.CheckRows(background); err != nil {
		return nil, fmt.Errorf("background: %w", err)
	}
	p := &Parts{terms: t, base: t.Start, lone: make([]float64, len(t.Terms)), halves: make([][2][]float64, len(t.Terms))}
	part := 1 / float64(len(background))
	for i := range t.Terms {
		one := &t.Terms[i]
		for _, row := range background {
			p.lone[i] += part * one.at(row)
		}
		p.base += p.lone[i]
		if len(one.Features) == 2 {
			p.halves[i] = one.means(background)
		}
	}
	return p, nil
}

// Centred returns the explainer of terms that have a mean of zero over the rows of their
// training, those of two features along each of the two, as an additive model's have by
// its construction: the background is those rows, and nothing needs to be known of them.
func (t *Terms) Centred() (*Parts, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	p := &Parts{terms: t, base: t.Start, lone: make([]float64, len(t.Terms)), halves: make([][2][]float64, len(t.Terms))}
	for i := range t.Terms {
		if one := &t.Terms[i]; len(one.Features) == 2 {
			p.halves[i] = [2][]float64{make([]float64, one.codes(0)), make([]float64, one.codes(1))}
		}
	}
	return p, nil
}

// means returns, by code of each feature of a pair, the mean over the other's background.
func (t *Term) means(background [][]float64) [2][]float64 {
	first, second := make([]float64, t.codes(0)), make([]float64, t.codes(1))
	part := 1 / float64(len(background))
	for _, row := range background {
		a, b := int(row[t.Features[0]]), int(row[t.Features[1]])
		for code := range first {
			first[code] += part * t.Table[code*t.Width+b]
		}
		for code := range second {
			second[code] += part * t.Table[a*t.Width+code]
		}
	}
	return [2][]float64{first, second}
}

// Explain returns what every feature adds to each row's score: of a term of one feature
// all, of a term t of two
//
//	φ_a = ½ (t(x_a, x_b) - E t(B_a, x_b)) + ½ (E t(x_a, B_b) - E t(B_a, B_b))
//
// with B a row of the background: Shapley's formula for two players.
func (p *Parts) Explain(ctx context.Context, rows [][]float64) (*Values, error) {
	if err := p.terms.CheckRows(rows); err != nil {
		return nil, err
	}
	v := newValues(len(rows), p.terms.Features)
	v.Base = p.base
	for r, row := range rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v.Score[r] = p.terms.Score(row)
		for i := range p.terms.Terms {
			t := &p.terms.Terms[i]
			if len(t.Features) == 1 {
				v.Phi[r][t.Features[0]] += t.at(row) - p.lone[i]
				continue
			}
			both, a, b, none := p.corners(i, row)
			v.Phi[r][t.Features[0]] += (both - b + a - none) / 2
			v.Phi[r][t.Features[1]] += (both - a + b - none) / 2
		}
	}
	return v, v.check()
}

// corners returns what a term of two features is worth when both are known, the first,
// the second, and none.
func (p *Parts) corners(i int, row []float64) (both, first, second, none float64) {
	t := &p.terms.Terms[i]
	a, b := int(row[t.Features[0]]), int(row[t.Features[1]])
	return t.at(row), p.halves[i][0][a], p.halves[i][1][b], p.lone[i]
}

// Interactions returns the Shapley interaction values of each row; see Explainer.Interactions.
func (p *Parts) Interactions(ctx context.Context, rows [][]float64) (*Interactions, error) {
	m := p.terms.Features
	if err := checkMatrix(m, len(rows)); err != nil {
		return nil, err
	}
	v, err := p.Explain(ctx, rows)
	if err != nil {
		return nil, err
	}
	flat := matrix(len(rows), m*m)
	for r, row := range rows {
		for i := range p.terms.Terms {
			if t := &p.terms.Terms[i]; len(t.Features) == 2 {
				both, first, second, none := p.corners(i, row)
				a, b := t.Features[0], t.Features[1]
				flat[r][min(a, b)*m+max(a, b)] += (both - first - second + none) / 2
			}
		}
	}
	return newInteractions(v, flat), nil
}
