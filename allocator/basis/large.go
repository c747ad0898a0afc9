package basis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"comity/allocator/linear"
	"comity/exact"
)

const (
	// exactRows is up to how many rows a programme is solved exactly without a look at
	// anything cheaper. At 7,452 rows the exact prices alone take minutes.
	exactRows = 2000
	// roundedGap is the gap, as a part of the objective, up to which rounded prices and
	// a rounded point are preferred to exact ones for larger programmes.
	roundedGap = 1e-5
	// margin is by what part of their size rows are narrowed, so that a rounded point
	// still obeys them; pointBits is how fine it is.
	margin    = 1e-8
	pointBits = 30
)

// roundedProof settles a large programme with rounded numbers: a leaf without a tree and
// a point that is feasible but not quite the best. ok is false where that is not good
// enough and exact numbers are needed.
func roundedProof(ctx context.Context, p linear.Programme, engine Engine) (c linear.Certificate, ok bool, err error) {
	vertex, point, objective, err := feasible(ctx, p, engine)
	if err != nil || objective == nil {
		return linear.Certificate{}, false, err
	}
	s, err := linear.NewSystem(p, objective)
	if err != nil {
		return linear.Certificate{}, false, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	b := newBrancher(s)
	err = engine.Session(ctx, b.lp(), &vertex, func(session Session) error {
		b.session = session
		return b.begin(ctx)
	})
	if err != nil {
		return linear.Certificate{}, false, err
	}
	w := &writing{brancher: b, engine: engine, need: new(big.Rat)}
	if math.IsInf(b.root.bound, 0) {
		return linear.Certificate{}, false, nil
	}
	w.need.SetFloat64(b.root.bound)
	leaf, _ := w.short(b.root.prices, false, s.Root())
	if leaf == nil {
		return linear.Certificate{}, false, nil
	}
	cutoff := linear.NewRatio(objective)
	c, err = linear.StateBranched(p, point, linear.Tree{Cutoff: &cutoff, Cuts: []linear.Cut{}, Nodes: []linear.Node{{Leaf: leaf}}})
	if err != nil {
		return linear.Certificate{}, false, ignored(err)
	}
	allowed := new(big.Rat).Abs(objective)
	allowed.Mul(allowed, new(big.Rat).SetFloat64(roundedGap))
	return c, c.Gap.Big().Cmp(allowed) <= 0, nil
}

// feasible finds a point that obeys everything exactly, and the vertex that it is near to:
// the solver's own, rounded; or that of rows a little narrower, where rounding breaks a
// row; or, where equations leave no room to round in, the exact solution of the vertex.
// The objective is nil if none is.
func feasible(ctx context.Context, p linear.Programme, engine Engine) (vertex Vertex, point linear.Vector, objective *big.Rat, err error) {
	for _, asked := range []linear.Programme{p, narrowed(p)} {
		vertex, err = engine.Vertex(ctx, lower(asked), nil)
		if err != nil || !vertex.Optimal {
			return vertex, point, nil, err
		}
		if point, objective = roundedPoint(p, vertex.Primal); objective != nil {
			return vertex, point, objective, nil
		}
		if equations(p) {
			break
		}
	}
	if len(vertex.Columns) != len(p.Columns) || len(vertex.Rows) != len(p.Rows) {
		return vertex, point, nil, nil
	}
	if point, err = newVertex(p, vertex).point(ctx); err != nil {
		return vertex, point, nil, ctx.Err()
	}
	if objective, err = linear.Objective(p, point); err != nil {
		return vertex, point, nil, nil //nolint:nilerr // The vertex is not quite feasible; all exact is the next try.
	}
	return vertex, point, objective, nil
}

// equations tells whether a row has only one value.
func equations(p linear.Programme) bool {
	return slices.ContainsFunc(p.Rows, func(r linear.Row) bool {
		return r.Lower != nil && r.Upper != nil && r.Lower.Cmp(*r.Upper) == 0
	})
}

// ignored drops a refusal of what was only worth a try.
func ignored(err error) error {
	if errors.Is(err, linear.ErrInvalid) {
		return nil
	}
	return err
}

// narrowed moves the bounds of rows that are no equations a little inwards.
func narrowed(p linear.Programme) linear.Programme {
	rows := make([]linear.Row, len(p.Rows))
	for i, r := range p.Rows {
		rows[i] = r
		size := 1.0
		for _, end := range []*exact.Rat{r.Lower, r.Upper} {
			size = max(size, math.Abs(float(end, 0)))
		}
		by := exact.FromBig(new(big.Rat).SetFloat64(margin * size))
		if r.Lower != nil && r.Upper != nil && r.Upper.Sub(*r.Lower).Cmp(by.Add(by)) <= 0 {
			continue
		}
		if r.Lower != nil {
			end := r.Lower.Add(by)
			rows[i].Lower = &end
		}
		if r.Upper != nil {
			end := r.Upper.Sub(by)
			rows[i].Upper = &end
		}
	}
	p.Rows = rows
	return p
}

// roundedPoint rounds a point to short numbers within the bounds of the columns. The
// objective is nil if the result breaks a row.
func roundedPoint(p linear.Programme, x []float64) (linear.Vector, *big.Rat) {
	if len(x) != len(p.Columns) || !finite(x) {
		return linear.Vector{}, nil
	}
	grid := new(big.Int).Lsh(big.NewInt(1), pointBits)
	values, denominator := make([]*big.Rat, len(x)), new(big.Int).Set(grid)
	for j, v := range x {
		n, _ := new(big.Float).SetFloat64(math.RoundToEven(math.Ldexp(v, pointBits))).Int(nil)
		value := new(big.Rat).SetFrac(n, grid)
		if c := p.Columns[j]; c.Lower != nil && value.Cmp(c.Lower.Big()) < 0 {
			value = c.Lower.Big()
		} else if c.Upper != nil && value.Cmp(c.Upper.Big()) > 0 {
			value = c.Upper.Big()
		}
		values[j], denominator = value, leastMultiple(denominator, value.Denom())
	}
	numerators := make([]*big.Int, len(x))
	for j, v := range values {
		numerators[j] = new(big.Int).Quo(denominator, v.Denom())
		numerators[j].Mul(numerators[j], v.Num())
	}
	point := linear.NewVector(numerators, denominator)
	objective, err := linear.Objective(p, point)
	if err != nil {
		return linear.Vector{}, nil
	}
	return point, objective
}
