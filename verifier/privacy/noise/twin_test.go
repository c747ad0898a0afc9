package noise

import (
	"io"
	"math/big"

	"comity/exact"
)

// twin draws slowly and plainly: algorithms 1 to 3 of Canonne, Kamath and Steinke (2020)
// on rationals, one uniform whole number after another.
type twin struct{ coin io.Reader }

// uniform returns a number below n, each equally likely.
func (t *twin) uniform(n *big.Int) *big.Int {
	bytes := make([]byte, (n.BitLen()+7)/8)
	for {
		if _, err := io.ReadFull(t.coin, bytes); err != nil {
			panic(err)
		}
		bytes[0] &= byte(0xff >> (uint(len(bytes)*8) - uint(n.BitLen())))
		if x := new(big.Int).SetBytes(bytes); x.Cmp(n) < 0 {
			return x
		}
	}
}

// bernoulli is true with probability p.
func (t *twin) bernoulli(p *big.Rat) bool { return t.uniform(p.Denom()).Cmp(p.Num()) < 0 }

// decay is true with probability e^-g: algorithm 1.
func (t *twin) decay(g *big.Rat) bool {
	one := big.NewRat(1, 1)
	for ; g.Cmp(one) > 0; g = new(big.Rat).Sub(g, one) {
		if !t.decay(one) {
			return false
		}
	}
	k := int64(1)
	for t.bernoulli(new(big.Rat).Quo(g, big.NewRat(k, 1))) {
		k++
	}
	return k%2 == 1
}

// laplace draws with density proportional to e^(-|z|/scale): algorithm 2.
func (t *twin) laplace(scale exact.Rat) int64 {
	b := scale.Big()
	whole, over := b.Num(), b.Denom() // scale = whole/over.
	for {
		u := t.uniform(whole)
		if !t.decay(new(big.Rat).SetFrac(u, whole)) {
			continue
		}
		v := new(big.Int)
		for t.decay(big.NewRat(1, 1)) {
			v.Add(v, big.NewInt(1))
		}
		y := new(big.Int).Add(u, v.Mul(v, whole))
		y.Quo(y, over)
		negative := t.bernoulli(big.NewRat(1, 2))
		if negative && y.Sign() == 0 {
			continue
		}
		if negative {
			y.Neg(y)
		}
		return y.Int64()
	}
}

// gaussian draws with density proportional to e^(-z²/(2·variance)): algorithm 3.
func (t *twin) gaussian(variance exact.Rat) int64 {
	v := variance.Big()
	root := new(big.Int).Sqrt(variance.Floor())
	scale := root.Add(root, big.NewInt(1)) // Floor of the standard deviation, plus 1.
	for {
		y := t.laplace(exact.FromBig(new(big.Rat).SetInt(scale)))
		// (|y| - variance/scale)² / (2·variance)
		d := new(big.Rat).Quo(v, new(big.Rat).SetInt(scale))
		d.Sub(big.NewRat(max(y, -y), 1), d)
		d.Mul(d, d)
		d.Quo(d, new(big.Rat).Mul(v, big.NewRat(2, 1)))
		if t.decay(d) {
			return y
		}
	}
}
