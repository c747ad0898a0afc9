package basis

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"

	"comity/allocator/linear"
	"comity/exact"
)

// Rounding of prices: from coarse to fine, until they prove enough.
const (
	priceBits    = 3 // Of the largest price, at first.
	priceStep    = 4
	maxPriceBits = 83
	// What rounding may cost, as a part of the worst leaf's bound, and what the solver's
	// own errors may before exact prices are computed.
	allowedExcess   = 1e-7
	toleratedExcess = 1e-5
)

func sortBy(all []int, key func(int) float64) {
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(key(a), key(b)) })
}

// tree states the nodes in preorder with short prices that prove all that is needed: no
// leaf has to be better than the worst.
func (b *brancher) tree(ctx context.Context, engine Engine) (linear.Tree, error) {
	worst := b.known
	b.leaves(b.root, func(n *treeNode) {
		if !math.IsInf(n.bound, -1) && (math.IsInf(worst, -1) || n.bound > worst) {
			worst = n.bound
		}
	})
	w := &writing{brancher: b, engine: engine}
	if !math.IsInf(worst, -1) {
		w.need = new(big.Rat)
		w.need.SetFloat64(worst)
	}
	if err := w.write(ctx, b.root, b.system.Root()); err != nil {
		return linear.Tree{}, err
	}
	return b.pruned(w.nodes), nil
}

// pruned leaves out the cuts that no leaf needs, not even for another cut.
func (b *brancher) pruned(nodes []linear.Node) linear.Tree {
	first := len(b.rows) - len(b.cuts)
	needed := make([]bool, len(b.rows))
	for _, n := range nodes {
		if n.Leaf != nil {
			for _, i := range n.Leaf.Prices.Rows {
				needed[i] = true
			}
		}
	}
	for k, c := range slices.Backward(b.cuts) {
		if needed[first+k] {
			for _, i := range c.Weights.Rows {
				needed[i] = true
			}
		}
	}
	t := linear.Tree{Cuts: []linear.Cut{}, Nodes: nodes}
	places := make([]int, len(b.rows))
	for i := range places {
		places[i] = i
		if i < first || !needed[i] {
			continue
		}
		places[i] = first + len(t.Cuts)
		c := b.cuts[i-first]
		move(c.Weights.Rows, places)
		t.Cuts = append(t.Cuts, c)
	}
	for _, n := range nodes {
		if n.Leaf != nil {
			move(n.Leaf.Prices.Rows, places)
		}
	}
	return t
}

func move(rows, places []int) {
	for k, i := range rows {
		rows[k] = places[i]
	}
}

func (b *brancher) leaves(n *treeNode, do func(*treeNode)) {
	if n.sides[0] == nil {
		do(n)
		return
	}
	b.leaves(n.sides[0], do)
	b.leaves(n.sides[1], do)
}

// writing is a tree while it is stated.
type writing struct {
	*brancher
	engine Engine
	need   *big.Rat // What each leaf must prove; nil: that it is empty.
	nodes  []linear.Node
}

func (w *writing) write(ctx context.Context, n *treeNode, at linear.Branch) error {
	if n.sides[0] != nil {
		split := n.split
		w.nodes = append(w.nodes, linear.Node{Split: &split})
		low, high, err := at.Sides(split)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoProof, err)
		}
		if err := w.write(ctx, n.sides[0], low); err != nil {
			return err
		}
		return w.write(ctx, n.sides[1], high)
	}
	leaf, err := w.leaf(ctx, n, at)
	if err != nil {
		return err
	}
	w.nodes = append(w.nodes, linear.Node{Leaf: &leaf})
	return nil
}

// leaf finds prices for a leaf: the solver's, rounded, or exact ones. Where neither prove
// what the solver said, the best that was proved has to do.
func (w *writing) leaf(ctx context.Context, n *treeNode, at linear.Branch) (linear.Leaf, error) {
	ray := math.IsInf(n.bound, -1)
	short, excess := w.short(n.prices, ray, at)
	if ray && short == nil {
		short, excess = w.short(negated(n.prices), ray, at)
	}
	if short != nil && excess <= toleratedExcess {
		return *short, nil
	}
	var leaf linear.Leaf
	err := ErrNoProof
	if ray {
		leaf, err = w.exact(ctx, at, true)
	}
	if err != nil && ctx.Err() == nil {
		leaf, err = w.exact(ctx, at, false)
	}
	if err != nil && ctx.Err() == nil && short != nil {
		return *short, nil
	}
	return leaf, err
}

// exact solves a leaf in rational numbers.
func (w *writing) exact(ctx context.Context, at linear.Branch, ray bool) (linear.Leaf, error) {
	p := at.Programme().Relaxed()
	scale := make([]*big.Rat, len(p.Rows))
	for i := range p.Rows {
		scale[i] = new(big.Rat)
		scale[i].SetFloat64(w.scale[i]) // A power of two.
		p.Rows[i] = scaled(p.Rows[i], scale[i])
	}
	if ray {
		p = newElastic(p)
	}
	best, found, err := optimum(ctx, p, w.engine)
	if err != nil {
		return linear.Leaf{}, err
	}
	if !found {
		return linear.Leaf{}, fmt.Errorf("%w: the solver contradicts itself at a leaf", ErrNoProof)
	}
	prices := make([]*big.Rat, len(scale))
	for i := range prices {
		prices[i] = best.prices.At(i)
		prices[i].Mul(prices[i], scale[i])
	}
	leaf := linear.Leaf{Ray: ray, Prices: exactly(prices)}
	if _, err := at.Settle(leaf); err != nil {
		return linear.Leaf{}, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	return leaf, nil
}

// scaled multiplies a row.
func scaled(r linear.Row, by *big.Rat) linear.Row {
	times := func(x *exact.Rat) *exact.Rat {
		if x == nil {
			return nil
		}
		product := x.Mul(exact.FromBig(by))
		return &product
	}
	out := linear.Row{Name: r.Name, Lower: times(r.Lower), Upper: times(r.Upper), Terms: make([]linear.Term, len(r.Terms))}
	for k, t := range r.Terms {
		out.Terms[k] = linear.Term{Column: t.Column, Coeff: *times(&t.Coeff)}
	}
	return out
}

// exactly writes rational prices.
func exactly(prices []*big.Rat) linear.Combination {
	denominator := big.NewInt(1)
	for _, y := range prices {
		denominator = leastMultiple(denominator, y.Denom())
	}
	c := linear.Combination{Denominator: linear.NewWhole(denominator), Rows: []int{}, Numerators: []linear.Whole{}}
	for i, y := range prices {
		if y.Sign() != 0 {
			n := new(big.Int).Quo(denominator, y.Denom())
			c.Rows, c.Numerators = append(c.Rows, i), append(c.Numerators, linear.NewWhole(n.Mul(n, y.Num())))
		}
	}
	return c
}

// short rounds prices as coarsely as the proof allows. Where that is not enough it returns
// the finest prices that prove anything, and what they leave above the need, as a part of
// it.
func (w *writing) short(prices []float64, ray bool, at linear.Branch) (best *linear.Leaf, excess float64) {
	if prices == nil {
		return nil, 0
	}
	largest := 0.0
	for i, y := range prices {
		largest = max(largest, math.Abs(y)/w.scale[i])
	}
	start := priceBits
	if largest != 0 {
		start -= math.Ilogb(largest)
	}
	prices = w.signed(prices)
	for bits := start; bits <= start+maxPriceBits; bits += priceStep {
		leaf := linear.Leaf{Ray: ray, Prices: combination(prices, bits)}
		u, err := at.Settle(leaf)
		if err == nil {
			best, excess = &leaf, w.excess(u)
		}
		if err == nil && excess <= allowedExcess || largest == 0 {
			break
		}
	}
	return best, excess
}

// excess returns by what part a bound is above the need; nil is that of an empty leaf.
func (w *writing) excess(u *big.Rat) float64 {
	if u == nil || w.need == nil {
		return 0
	}
	over, _ := new(big.Rat).Sub(u, w.need).Float64()
	need, _ := w.need.Float64()
	return over / max(math.Abs(need), 1e-6)
}

// signed drops prices towards bounds that rows do not have.
func (w *writing) signed(prices []float64) []float64 {
	out := append([]float64{}, prices...)
	for i, y := range out {
		if y > 0 && math.IsInf(w.rows[i].upper, 1) || y < 0 && math.IsInf(w.rows[i].lower, -1) {
			out[i] = 0
		}
	}
	return out
}

func negated(prices []float64) []float64 {
	var out []float64
	for _, y := range prices {
		out = append(out, -y)
	}
	return out
}
