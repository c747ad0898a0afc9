package solve

import (
	"math/big"

	"comity/allocator/certificate"
)

// bound returns what no plan of the face is worth more than, times
// 2^certificate.PriceBits, by the prices of rows alone: the sum U of package certificate.
func (fc *face) bound(prices []int64) *big.Int {
	return fc.above(fc.reduced(fc.costs(), prices, certificate.PriceBits), prices)
}

// costs returns the costs of the stage at hand.
func (f *form) costs() []big.Int {
	costs := make([]big.Int, len(f.columns))
	for j, c := range f.columns {
		costs[j].SetInt64(c.cost)
	}
	return costs
}

// reduced returns 2^bits·objective - A'prices by column; later rows have no price.
func (f *form) reduced(objective []big.Int, prices []int64, bits uint) []big.Int {
	reduced := make([]big.Int, len(f.columns))
	t, y := new(big.Int), new(big.Int)
	for j, c := range f.columns {
		reduced[j].Lsh(&objective[j], bits)
		for _, term := range c.terms {
			if term.at < len(prices) && prices[term.at] != 0 {
				reduced[j].Sub(&reduced[j], t.Mul(t.SetInt64(term.coeff), y.SetInt64(prices[term.at])))
			}
		}
	}
	return reduced
}

// above adds the largest that rows and columns can bring.
func (fc *face) above(reduced []big.Int, prices []int64) *big.Int {
	u, t, y := new(big.Int), new(big.Int), new(big.Int)
	for i, price := range prices {
		switch {
		case price > 0:
			u.Add(u, t.Mul(t.SetInt64(*fc.rows[i].upper), y.SetInt64(price)))
		case price < 0:
			u.Add(u, t.Mul(t.SetInt64(*fc.rows[i].lower), y.SetInt64(price)))
		}
	}
	for j := range fc.columns {
		end := fc.upper[j]
		if reduced[j].Sign() < 0 {
			end = fc.lower[j]
		}
		if end != 0 {
			u.Add(u, t.Mul(t.SetInt64(end), &reduced[j]))
		}
	}
	return u
}
