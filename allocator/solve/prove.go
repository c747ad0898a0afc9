package solve

import (
	"context"
	"fmt"
	"math"
	"math/big"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
)

// anchor proves that columns and rows of a face stand where they stand: prices of an
// earlier stage, and the floor that it leaves. A later proof on the face becomes one on
// everything by adding enough of it: what moves off the face then falls below the floor.
type anchor struct {
	costs  []big.Int // Of the floor, by column.
	prices []int64   // Of the form's rows, times 2^certificate.PriceBits.
	floor  int       // Place of the floor's price.
}

// lift returns the prices, times 2^bits, of a proof on everything: those of a proof on the
// face and as much of the anchor as no column and no row of it can outweigh. The last one
// returned is that of the floor. Where numbers of 64 bits do not hold as much, what is
// returned proves less.
func (f *form) lift(a anchor, objective []big.Int, prices []int64, bits uint) (lifted []int64, floor int64) {
	own := f.reduced(a.costs, a.prices, certificate.PriceBits)
	here := f.reduced(objective, prices, bits)
	factor, t := new(big.Int), new(big.Int) // Times 2^bits.
	raise := func(have, by *big.Int) {
		// have·2^PriceBits + factor·by must not have another sign than by.
		if have.Sign()*by.Sign() >= 0 {
			return
		}
		t.Lsh(have, certificate.PriceBits)
		need, rest := new(big.Int).QuoRem(t.Abs(t), new(big.Int).Abs(by), new(big.Int))
		if rest.Sign() > 0 {
			need.Add(need, big.NewInt(1))
		}
		if need.Cmp(factor) > 0 {
			factor.Set(need)
		}
	}
	for j, c := range f.columns {
		if c.lower < c.upper {
			raise(&here[j], &own[j])
		}
	}
	most := big.NewInt(maxPrice)
	for i, y := range a.prices {
		raise(big.NewInt(prices[i]), big.NewInt(y))
		if y != 0 {
			room := new(big.Int).Lsh(big.NewInt(maxPrice), certificate.PriceBits)
			if room.Quo(room, big.NewInt(y)); room.CmpAbs(most) < 0 {
				most.Abs(room)
			}
		}
	}
	if factor.Cmp(most) > 0 {
		factor.Set(most)
	}
	lifted = make([]int64, len(prices))
	half := big.NewInt(1 << (certificate.PriceBits - 1))
	for i, y := range a.prices {
		t.Mul(factor, big.NewInt(y))
		t.Rsh(t.Add(t, half), certificate.PriceBits)
		lifted[i] = f.towards(i, t.Add(t, big.NewInt(prices[i])))
	}
	return lifted, -factor.Int64()
}

// maxPrice bounds what one proof contributes to a price: two of them and a rounding fit
// 64 bits.
const maxPrice = 1<<62 - 1

// towards returns a price, or 0 where it points towards a bound that the row does not
// have or is too large: such a price proves nothing.
func (f *form) towards(row int, price *big.Int) int64 {
	r := f.rows[row]
	if !price.IsInt64() || price.Sign() > 0 && r.upper == nil || price.Sign() < 0 && r.lower == nil {
		return 0
	}
	return price.Int64()
}

// proveEven returns the proof that nothing on the face is more even than x. Its weights
// and prices are those of the programme of single units around x.
func (fc *face) proveEven(ctx context.Context, s Solver, x []int64, a anchor) (comity.StageProof, error) {
	proof := comity.StageProof{Stage: certificate.Evenness}
	m := fc.model(x, 1)
	solution := Solution{Dual: make([]float64, len(m.lp.RowLower))}
	if len(m.columns) > 0 {
		var err error
		if solution, err = ask(ctx, s, m.lp, "prove evenness"); err != nil {
			return proof, err
		}
		if solution.Status != Optimal || len(solution.Dual) != len(m.lp.RowLower) {
			return proof, fmt.Errorf("%w: status %d with %d prices for the %d rows of a programme that holds the units themselves",
				ErrSolver, solution.Status, len(solution.Dual), len(m.lp.RowLower))
		}
	}
	const unit = certificate.EvenBits - floatBits // slopeScale is 2^floatBits.
	prices, slopes := make([]int64, len(fc.rows)), make([]int64, len(fc.need))
	for i, at := range m.rowAt {
		if at >= 0 {
			prices[i] = fixed(solution.Dual[at], unit)
		}
	}
	for k, at := range m.partyRow {
		if at >= 0 {
			slopes[k] = -fixed(solution.Dual[at], unit)
		}
	}
	weights, err := fc.weights(x, slopes, prices, m.partyRow)
	if err != nil {
		return proof, err
	}
	objective := make([]big.Int, len(fc.columns))
	proof.Weights = make([]canon.Int, len(fc.need))
	for k, from := range fc.order.parties {
		proof.Weights[from] = canon.Int(weights[k])
		for _, j := range fc.members[k] {
			objective[j].SetInt64(weights[k])
		}
	}
	lifted, floor := fc.lift(a, objective, prices, 0)
	proof.Proof.Prices = append(fc.prices(lifted), canon.Int(floor))
	return proof, nil
}

// weights returns the slopes of all parties: inside the interval that package certificate
// allows after x units, and there what leaves nothing to gain in a column between its
// bounds, or else what the solver says.
func (fc *face) weights(x, slopes, prices []int64, inModel []int) ([]int64, error) {
	free := fc.reduced(make([]big.Int, len(fc.columns)), prices, 0)
	weights := make([]int64, len(fc.need))
	for k, need := range fc.need {
		if need == 0 {
			continue
		}
		low, high := slopesAt(need, fc.total(x, k))
		want := new(big.Int).Add(low, high)
		want.Rsh(want, 1)
		if inModel[k] >= 0 {
			want.SetInt64(slopes[k])
		}
		for _, j := range fc.members[k] {
			if fc.lower[j] < x[j] && x[j] < fc.upper[j] {
				want.Neg(&free[j])
				break
			}
		}
		if want.Cmp(low) < 0 {
			want = low
		}
		if want.Cmp(high) > 0 {
			want = high
		}
		if !want.IsInt64() {
			return nil, fmt.Errorf("%w: a party that needs %d gets %d, and the slope of its unmet need exceeds 2^11", ErrTooLarge, need, fc.total(x, k))
		}
		weights[k] = want.Int64()
	}
	return weights, nil
}

// slopesAt returns the whole numbers of 2^-certificate.EvenBits next inside the slopes
// (need-total±½)/need: those of one unit more and of the last one.
func slopesAt(need, total int64) (low, high *big.Int) {
	rest := new(big.Int).Sub(big.NewInt(need), big.NewInt(total))
	rest.Lsh(rest, 1)
	size := new(big.Int).Lsh(big.NewInt(need), 1)
	end := func(by int64) *big.Int {
		x := new(big.Int).Add(rest, big.NewInt(by))
		return x.Lsh(x, certificate.EvenBits)
	}
	low = end(-1)
	low.Neg(low.Div(low.Neg(low), size)) // Up.
	high = end(1)
	return low, high.Div(high, size) // Div rounds down: size is positive.
}

// fixed returns x·2^bits as a whole number, 0 if 64 bits do not hold it.
func fixed(x float64, bits int) int64 {
	v := math.Round(math.Ldexp(x, bits))
	if math.IsNaN(v) || math.Abs(v) > maxPrice {
		return 0
	}
	return int64(v)
}
