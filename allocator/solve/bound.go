package solve

import (
	"math/big"

	"comity/allocator/certificate"
)

// bound returns what no plan is worth more than, times 2^certificate.PriceBits: the sum
// U of package certificate, here over the form and without its checks.
func (f *form) bound(prices []int64) *big.Int {
	return f.upper(f.reduced(f.costs(), prices, certificate.PriceBits), prices)
}

// costs returns the costs of the stage at hand.
func (f *form) costs() []big.Int {
	costs := make([]big.Int, len(f.columns))
	for j, c := range f.columns {
		costs[j].SetInt64(c.cost)
	}
	return costs
}

// reduced returns 2^bits·objective - A'prices by column.
func (f *form) reduced(objective []big.Int, prices []int64, bits uint) []big.Int {
	reduced := make([]big.Int, len(f.columns))
	t, y := new(big.Int), new(big.Int)
	for j, c := range f.columns {
		reduced[j].Lsh(&objective[j], bits)
		for _, term := range c.terms {
			if prices[term.at] != 0 {
				reduced[j].Sub(&reduced[j], t.Mul(t.SetInt64(term.coeff), y.SetInt64(prices[term.at])))
			}
		}
	}
	return reduced
}

// upper adds the largest that rows and columns can bring.
func (f *form) upper(reduced []big.Int, prices []int64) *big.Int {
	u, t, y := new(big.Int), new(big.Int), new(big.Int)
	for i, r := range f.rows {
		switch {
		case prices[i] > 0:
			u.Add(u, t.Mul(t.SetInt64(*r.upper), y.SetInt64(prices[i])))
		case prices[i] < 0:
			u.Add(u, t.Mul(t.SetInt64(*r.lower), y.SetInt64(prices[i])))
		}
	}
	for j, c := range f.columns {
		end := c.upper
		if reduced[j].Sign() < 0 {
			end = c.lower
		}
		u.Add(u, t.Mul(t.SetInt64(end), &reduced[j]))
	}
	return u
}
