package solve

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/quantity"
)

const (
	// closeBits is how close to the value a bound has to come before branching ends: a
	// part in 2^closeBits of the value. The charters here ask for a part in a million.
	closeBits = 22
	// closeUnits is the same for values near 0, in units of 2^-certificate.PriceBits:
	// rounded prices of a small problem prove no more.
	closeUnits = 32
)

// node is a part of all plans: those in a box of columns.
type node struct {
	lower, upper []int64
	depth        int
	dual         dual
	bound        *big.Int
	point        []float64 // Nil where nothing is feasible.
	basis        *Basis    // Where its programme stopped.
	column       int
	at           int64
	below, above *node
}

// tree proves a bound on a sum of costs over whole plans, by splitting them where the
// best fractions are not whole until no part promises more than goal, or as far as the
// allowed programmes lead. It returns the proof and its bound, times 2^PriceBits.
func (v *prover) tree(ctx context.Context, goal *big.Int) (comity.StageProof, *big.Int, error) {
	b := newBrancher(v, goal)
	if err := b.grow(ctx); err != nil {
		return comity.StageProof{}, nil, err
	}
	proof, bound := comity.StageProof{}, b.open.all[0].bound // The largest.
	used := make([]bool, len(v.cuts))
	for _, leaf := range b.open.all {
		for i, y := range leaf.dual.cuts {
			used[i] = used[i] || y != 0
		}
	}
	for i, c := range v.cuts {
		if used[i] {
			proof.Cuts = append(proof.Cuts, c.Cut)
		}
	}
	proof.Proof.Tree = v.grown(nil, b.root, used)
	if len(proof.Proof.Tree) == 1 {
		proof.Proof = comity.Proof{Prices: proof.Proof.Tree[0].Prices}
	}
	return proof, bound, nil
}

// contradiction proves by a tree that no whole units keep all rules, if it can, and names
// rules that are enough for it.
func (f *form) contradiction(ctx context.Context, s Solver) error {
	proof, err := f.nowhere(ctx, s)
	if err != nil {
		return err
	}
	conflict := &ConflictError{Proof: f.fewer(ctx, s, proof)}
	conflict.name(f.p)
	return conflict
}

// nowhere proves by a tree that no whole units keep the rows and cuts of the form.
func (f *form) nowhere(ctx context.Context, s Solver) (certificate.Infeasible, error) {
	start := make([]int64, len(f.columns))
	for j, c := range f.columns {
		start[j] = c.lower
	}
	v := newProver(f, s, start)
	v.aim(stage{costs: make([]int64, len(f.columns))})
	proof, bound, err := v.tree(ctx, big.NewInt(-2*closeUnits))
	if err != nil {
		return certificate.Infeasible{}, err
	}
	if bound.Sign() >= 0 {
		return certificate.Infeasible{}, fmt.Errorf("%w: fractions keep every rule, no whole units were found that do, and %d programmes did not prove that there are none", ErrSolver, maxTree)
	}
	found := certificate.Infeasible{Cuts: proof.Cuts, Proof: proof.Proof}
	if err := certificate.CheckInfeasible(f.p, found); err != nil {
		return certificate.Infeasible{}, fmt.Errorf("%w: %w", ErrSolver, err)
	}
	return found, nil
}

// strain is by how much the rows of a column are missed if it moves so far, as a part of
// what one of it weighs in the row.
func (v *prover) strain(activity []float64, column int, by float64) float64 {
	worst := 0.0
	for _, t := range v.columns[column].terms {
		r, after := v.rows[t.at], activity[t.at]+float64(float64(t.coeff)*by)
		weight := math.Abs(float64(t.coeff))
		if r.lower != nil {
			worst = max(worst, (float64(*r.lower)-after)/weight)
		}
		if r.upper != nil {
			worst = max(worst, (after-float64(*r.upper))/weight)
		}
	}
	return worst
}

// solveNode bounds a node, by its own programme or, where that proves less, by the prices
// of the node above.
func (v *prover) solveNode(ctx context.Context, n, parent *node, costs []big.Int, enough *big.Int) error {
	fc := v.open()
	fc.lower, fc.upper = n.lower, n.upper
	around := slices.Clone(v.x)
	for j := range around {
		around[j] = min(max(around[j], n.lower[j]), n.upper[j])
	}
	if parent != nil {
		n.dual, n.bound, fc.from = parent.dual, v.boundOn(fc, parent.dual, costs), parent.basis
	}
	var w worth
	point, err := v.cutting(func() (point []float64, err error) {
		w, err = bestWorth(ctx, fc, v.solver, around)
		return w.point, err
	})
	if ray, none := rayOf(err); none {
		if parent != nil {
			v.refuteNode(fc, n, ray, costs, enough)
		}
		return nil
	}
	if err != nil {
		return err
	}
	n.point, n.basis = point, w.basis
	d := dual{rows: v.signed(w.prices), cuts: w.cuts}
	if bound := v.boundOn(fc, d, costs); n.bound == nil || bound.Cmp(n.bound) < 0 {
		n.dual, n.bound = d, bound
	}
	return nil
}

// refuteNode adds so much of a ray to the prices of a node that holds nothing that its
// bound falls below what is enough.
func (v *prover) refuteNode(fc *face, n *node, ray []float64, costs []big.Int, enough *big.Int) {
	largest := 0.0
	for _, y := range ray {
		largest = max(largest, math.Abs(y))
	}
	if largest == 0 || len(ray) != len(v.rows)+len(v.cuts) {
		return
	}
	base := n.dual
	for scale := certificate.PriceBits; scale < 60; scale += 2 {
		for _, sign := range []float64{1, -1} {
			scaled := make([]float64, len(ray))
			for i, y := range ray {
				scaled[i] = math.Ldexp(sign*y/largest, scale)
			}
			d := dual{rows: fc.quantise(scaled, math.Round), cuts: fc.cutPrices(scaled, 0)}
			for i := range d.rows {
				d.rows[i] += base.rows[i]
			}
			for i, y := range base.cuts {
				d.cuts[i] += y
			}
			d.rows = v.signed(d.rows)
			if bound := v.boundOn(fc, d, costs); bound.Cmp(n.bound) < 0 {
				n.dual, n.bound = d, bound
			}
			if n.bound.Cmp(enough) <= 0 {
				return
			}
		}
	}
}

// grown appends the cases of a node: a split, its lower half, its upper half.
func (v *prover) grown(tree []comity.Case, n *node, used []bool) []comity.Case {
	if n.below != nil {
		tree = append(tree, comity.Case{Split: &comity.Split{Column: v.order.columns[n.column], At: quantity.Amount(n.at)}})
		return v.grown(v.grown(tree, n.below, used), n.above, used)
	}
	prices := v.prices(n.dual.rows)
	for i, y := range n.dual.cuts {
		if used[i] {
			prices = append(prices, canonInt(y))
		}
	}
	for i := len(n.dual.cuts); i < len(used); i++ { // Cuts that were found later.
		if used[i] {
			prices = append(prices, 0)
		}
	}
	return append(tree, comity.Case{Prices: prices})
}
