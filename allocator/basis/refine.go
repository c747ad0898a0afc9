package basis

import (
	"math"
	"math/big"

	"comity/allocator/linear"
	"comity/allocator/solve"
	"comity/exact"
)

const (
	// maxRounds bounds how often a vertex is handed back, each time magnified more:
	// what decimals of a file differ in is found in a few rounds.
	maxRounds = 8
	// zoomBits is the magnification that each round adds. The solver sees violations
	// of 2^-30 at its tolerance of 1e-9.
	zoomBits = 24
)

// zoomed returns the programme around a vertex that is not exactly optimal, magnified
// by 2^bits: values are counted from the point, costs are what the prices leave over,
// and violations that the solver took for nothing become visible. A basis of it is one
// of p, too.
//
// Source: Gleixner, Steffy and Wolter, "Iterative refinement for linear programming"
// (2016), theorem 3.
func zoomed(p linear.Programme, at pair, bits uint) solve.LP {
	factor := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), bits))
	from := func(bound *exact.Rat, value *big.Rat) *exact.Rat {
		if bound == nil {
			return nil
		}
		distance := new(big.Rat).Sub(bound.Big(), value)
		moved := exact.FromBig(distance.Mul(distance, factor))
		return &moved
	}
	z := linear.Programme{Maximise: true, Columns: make([]linear.Column, len(p.Columns)), Rows: make([]linear.Row, len(p.Rows))}
	costs := make([]*big.Rat, len(p.Columns))
	for j, c := range p.Columns {
		costs[j] = c.Cost.Big()
		if !p.Maximise {
			costs[j].Neg(costs[j])
		}
		x := at.point.At(j)
		z.Columns[j] = linear.Column{Lower: from(c.Lower, x), Upper: from(c.Upper, x)}
	}
	for i, r := range p.Rows {
		sum, y := new(big.Rat), at.prices.At(i)
		for _, t := range r.Terms {
			sum.Add(sum, new(big.Rat).Mul(t.Coeff.Big(), at.point.At(t.Column)))
			if y.Sign() != 0 {
				costs[t.Column].Sub(costs[t.Column], new(big.Rat).Mul(t.Coeff.Big(), y))
			}
		}
		z.Rows[i] = linear.Row{Lower: from(r.Lower, sum), Upper: from(r.Upper, sum), Terms: r.Terms}
	}
	for j, cost := range costs {
		z.Columns[j].Cost = exact.FromBig(cost.Mul(cost, factor))
	}
	return bounded(lower(z))
}

// bounded makes infinite what lies too far out to matter under this magnification, and
// keeps costs within what the solver takes for finite.
func bounded(lp solve.LP) solve.LP {
	const far = 1e15 // Its neighbours differ by an eighth; HiGHS takes 1e20 for infinite.
	for _, ends := range [][]float64{lp.Lower, lp.RowLower} {
		for k, v := range ends {
			if v < -far {
				ends[k] = math.Inf(-1)
			}
		}
	}
	for _, ends := range [][]float64{lp.Upper, lp.RowUpper} {
		for k, v := range ends {
			if v > far {
				ends[k] = math.Inf(1)
			}
		}
	}
	for j, v := range lp.Cost {
		lp.Cost[j] = max(-far, min(far, v))
	}
	return lp
}
