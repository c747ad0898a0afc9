package basis

import (
	"context"
	"fmt"
	"math/big"

	"comity/allocator/linear"
	"comity/exact"
)

// vertex is the square system of a basis: the rows that stand at a bound, over the
// columns that do not. All else follows: other columns are at a bound, the prices of
// other rows are zero.
//
//	A x = b - N x_N      A'y = s·cost
type vertex struct {
	p       linear.Programme
	states  Vertex
	rows    []int // Active rows, in the order of the system.
	columns []int // Basic columns.
	place   []int // By column of the programme: its place in columns, or -1.
}

func newVertex(p linear.Programme, states Vertex) *vertex {
	v := &vertex{p: p, states: states, place: make([]int, len(p.Columns))}
	for i, s := range states.Rows {
		if s != Basic {
			v.rows = append(v.rows, i)
		}
	}
	for j, s := range states.Columns {
		v.place[j] = -1
		if s == Basic {
			v.place[j] = len(v.columns)
			v.columns = append(v.columns, j)
		}
	}
	return v
}

func (v *vertex) solve(ctx context.Context) (pair, error) {
	if len(v.rows) != len(v.columns) || len(v.states.Columns) != len(v.p.Columns) || len(v.states.Rows) != len(v.p.Rows) {
		return pair{}, fmt.Errorf("%w: the solver names %d basic columns and %d active rows, which must be equal",
			ErrNoProof, len(v.columns), len(v.rows))
	}
	point, err := v.point(ctx)
	if err != nil {
		return pair{}, fmt.Errorf("%w: point: %w", ErrNoProof, err)
	}
	prices, err := v.prices(ctx)
	if err != nil {
		return pair{}, fmt.Errorf("%w: prices: %w", ErrNoProof, err)
	}
	return pair{point, prices}, nil
}

func (v *vertex) point(ctx context.Context) (linear.Vector, error) {
	system := make([]equation, len(v.rows))
	for k, i := range v.rows {
		r := v.p.Rows[i]
		right := rest(r.Lower, r.Upper, v.states.Rows[i])
		eq := equation{}
		for _, t := range r.Terms {
			if at := v.place[t.Column]; at >= 0 {
				eq.terms = append(eq.terms, term{at, t.Coeff.Big()})
			} else {
				right.Sub(right, new(big.Rat).Mul(t.Coeff.Big(), v.rest(t.Column)))
			}
		}
		eq.right = right
		system[k] = eq
	}
	values, denominator, err := solveExactly(ctx, system)
	if err != nil {
		return linear.Vector{}, err
	}
	// Bring the columns at bounds over the same denominator.
	all := new(big.Int).Set(denominator)
	for j := range v.p.Columns {
		if v.place[j] < 0 {
			all = leastMultiple(all, v.rest(j).Denom())
		}
	}
	factor := new(big.Int).Quo(all, denominator)
	numerators := make([]*big.Int, len(v.p.Columns))
	for j := range numerators {
		if at := v.place[j]; at >= 0 {
			numerators[j] = new(big.Int).Mul(values[at], factor)
			continue
		}
		x := v.rest(j)
		numerators[j] = new(big.Int).Quo(all, x.Denom())
		numerators[j].Mul(numerators[j], x.Num())
	}
	return linear.NewVector(numerators, all), nil
}

func (v *vertex) prices(ctx context.Context) (linear.Vector, error) {
	system := make([]equation, len(v.columns))
	for k, j := range v.columns {
		system[k].right = v.p.Columns[j].Cost.Big()
		if !v.p.Maximise {
			system[k].right.Neg(system[k].right)
		}
	}
	for k, i := range v.rows {
		for _, t := range v.p.Rows[i].Terms {
			if at := v.place[t.Column]; at >= 0 {
				system[at].terms = append(system[at].terms, term{k, t.Coeff.Big()})
			}
		}
	}
	values, denominator, err := solveExactly(ctx, system)
	if err != nil {
		return linear.Vector{}, err
	}
	numerators := make([]*big.Int, len(v.p.Rows))
	for i := range numerators {
		numerators[i] = new(big.Int)
	}
	for k, i := range v.rows {
		numerators[i] = values[k]
	}
	return linear.NewVector(numerators, denominator), nil
}

// rest returns the value of a column that is not basic.
func (v *vertex) rest(j int) *big.Rat {
	c := v.p.Columns[j]
	return rest(c.Lower, c.Upper, v.states.Columns[j])
}

// rest returns where something stands that is not basic: at the bound named, at the
// only one there is, or at zero.
func rest(lower, upper *exact.Rat, s State) *big.Rat {
	switch {
	case s == Free, lower == nil && upper == nil:
		return new(big.Rat)
	case upper == nil, s == AtLower && lower != nil:
		return lower.Big()
	default:
		return upper.Big()
	}
}

func leastMultiple(a, b *big.Int) *big.Int {
	common := new(big.Int).GCD(nil, nil, a, b)
	return common.Mul(new(big.Int).Quo(a, common), b)
}
