package certificate

import (
	"fmt"
	"math/big"

	"comity"
	"comity/canon"
	"comity/quantity"
)

const (
	// maxProofs bounds the proofs of a tree, and maxDepth its depth: a tree of minimum
	// lots needs some hundreds, ten thousand is minutes of checking.
	maxProofs = 20_000
	maxDepth  = 500
)

// bounder bounds a weighted sum of all columns over the plans that keep bounds, rows and
// more rows: floors and cuts.
type bounder struct {
	problem   comity.Problem
	more      []row
	objective []big.Int
	bits      uint
	tree      []comity.Case // What is left of a tree.
}

// bound returns a value, times 2^bits, that no such plan exceeds. For prices Y, scaled by
// 2^bits:
//
//	U(Y) = Σ Yᵢ·bᵢ + Σ max(Dⱼ·lowerⱼ, Dⱼ·upperⱼ)    D = 2^bits·objective - A'Y
//
// where bᵢ is the row's upper bound if Yᵢ > 0 and its lower bound if Yᵢ < 0. Weak
// duality: c'x = Y'Ax + (c-A'Y)'x, and each term is at most what is summed. Of two
// halves of a tree the larger bound holds, because every whole plan lies in one of them.
func (b *bounder) bound(proof comity.Proof) (*big.Int, error) {
	box := make([][2]quantity.Amount, len(b.problem.Columns))
	for j, c := range b.problem.Columns {
		box[j] = [2]quantity.Amount{c.Lower, c.Upper}
	}
	if proof.Tree == nil {
		return b.leaf(proof.Prices, box)
	}
	if proof.Prices != nil || len(proof.Tree) > maxProofs {
		return nil, fmt.Errorf("%w: a tree of %d cases, at most %d, with %d prices, where none belong", ErrShape, len(proof.Tree), maxProofs, len(proof.Prices))
	}
	b.tree = proof.Tree
	u, err := b.node(box, 0)
	if err == nil && len(b.tree) > 0 {
		err = fmt.Errorf("%w: %d cases after the end of a tree", ErrShape, len(b.tree))
	}
	return u, err
}

// node takes the next node off the tree and bounds it over a box of columns.
func (b *bounder) node(box [][2]quantity.Amount, depth int) (*big.Int, error) {
	if len(b.tree) == 0 || depth > maxDepth {
		return nil, fmt.Errorf("%w: a tree that ends too early or is deeper than %d", ErrShape, maxDepth)
	}
	n := b.tree[0]
	b.tree = b.tree[1:]
	if n.Split == nil {
		return b.leaf(n.Prices, box)
	}
	j, at := n.Split.Column, n.Split.At
	if n.Prices != nil || j < 0 || j >= len(box) {
		return nil, fmt.Errorf("%w: a split of column %d of %d, with %d prices, where none belong", ErrShape, j, len(box), len(n.Prices))
	}
	outer := box[j]
	if at < outer[0] || at >= outer[1] {
		return nil, fmt.Errorf("%w: column %s of %d to %d is split at %d", ErrShape, b.problem.Columns[j].ID, outer[0], outer[1], at)
	}
	box[j][1] = at
	below, err := b.node(box, depth+1)
	if err != nil {
		return nil, err
	}
	box[j] = [2]quantity.Amount{at + 1, outer[1]}
	above, err := b.node(box, depth+1)
	if err != nil {
		return nil, err
	}
	box[j] = outer
	if above.Cmp(below) > 0 {
		return above, nil
	}
	return below, nil
}

// leaf is U(Y).
func (b *bounder) leaf(prices []canon.Int, box [][2]quantity.Amount) (*big.Int, error) {
	p := b.problem
	if len(prices) != len(p.Rows)+len(b.more) {
		return nil, fmt.Errorf("%w: %d prices for %d rows and %d floors and cuts", ErrShape, len(prices), len(p.Rows), len(b.more))
	}
	var u sum
	reduced := make([]sum, len(p.Columns))
	for j := range reduced {
		if c := &b.objective[j]; c.IsInt64() {
			reduced[j].add(c.Int64(), int64(1)<<b.bits)
		} else {
			reduced[j].plus(new(big.Int).Lsh(c, b.bits))
		}
	}
	for i, r := range p.Rows {
		y := int64(prices[i])
		if y == 0 {
			continue
		}
		end := r.Upper
		if y < 0 {
			end = r.Lower
		}
		if end == nil {
			return nil, fmt.Errorf("%w: row %s has price %d towards a bound that it does not have", ErrBound, r.ID, y)
		}
		u.add(y, int64(*end))
		for _, term := range r.Terms {
			reduced[term.Column].subtract(int64(term.Coeff), y)
		}
	}
	if err := b.leafMore(prices[len(p.Rows):], &u, reduced); err != nil {
		return nil, err
	}
	total, t := u.value(), new(big.Int)
	for j := range reduced {
		end := box[j][1]
		switch reduced[j].sign() {
		case 0:
			continue
		case -1:
			end = box[j][0]
		}
		if end != 0 {
			total.Add(total, t.Mul(t.SetInt64(int64(end)), reduced[j].value()))
		}
	}
	return total, nil
}

// leafMore adds the part of floors and cuts to the bound and to the reduced objective.
func (b *bounder) leafMore(prices []canon.Int, u *sum, reduced []sum) error {
	for i, r := range b.more {
		y := int64(prices[i])
		if y == 0 {
			continue
		}
		end := r.upper
		if y < 0 {
			end = r.lower
		}
		if end == nil {
			return fmt.Errorf("%w: the %s has price %d towards a bound that it does not have", ErrBound, r.name, y)
		}
		price := big.NewInt(-y)
		if r.cut {
			// The sum is at most 0 and no unit is below 0: it stays so with y·coefficient
			// rounded down.
			for k, j := range r.columns {
				t := new(big.Int).Mul(&r.coeffs[k], big.NewInt(y))
				reduced[j].plus(t.Neg(t.Rsh(t, cutBits)))
			}
			continue
		}
		u.plus(new(big.Int).Neg(new(big.Int).Mul(price, end)))
		for k, j := range r.columns {
			if c := &r.coeffs[k]; c.IsInt64() {
				reduced[j].subtract(c.Int64(), y)
			} else {
				reduced[j].plus(new(big.Int).Mul(price, c))
			}
		}
	}
	return nil
}

// Infeasible is the proof that no units keep all bounds, rows and limits of a problem.
type Infeasible struct {
	Cuts  []comity.Cut `json:"cuts,omitempty"`
	Proof comity.Proof `json:"proof"`
}

// CheckInfeasible accepts a proof only if it shows that no units obey every bound, row
// and limit: with all costs zero any feasible allocation is worth zero, and the bound of
// the proof lies below that (Farkas' lemma).
func CheckInfeasible(p comity.Problem, proof Infeasible) error {
	if err := CheckShape(p); err != nil {
		return err
	}
	cuts, err := cutRows(p, partyOf(p), proof.Cuts)
	if err != nil {
		return err
	}
	b := bounder{problem: p, more: cuts, objective: make([]big.Int, len(p.Columns)), bits: PriceBits}
	u, err := b.bound(proof.Proof)
	if err != nil {
		return err
	}
	if u.Sign() >= 0 {
		return fmt.Errorf("%w: the bound of the proof is %s and must be below 0", ErrRay, u)
	}
	return nil
}
