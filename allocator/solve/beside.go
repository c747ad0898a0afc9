package solve

import (
	"math"
	"math/big"

	"comity"
	"comity/allocator/certificate"
)

// isBeside tells whether the search evened out on the face that a stage's prices describe,
// and only rounding led away from it.
func (v *prover) isBeside(st stage, h *hint) bool {
	return h != nil && h.prices != nil && h.reached == nil && !anyPrice(h.cuts) && len(v.stages) == 1 && st.Slack.Sign() == 0 &&
		len(v.cuts) == 0 && v.vertex != nil && len(v.vertex.prices) == len(v.vertex.model.lp.RowLower)
}

// evenBeside proves evenness of units next to the face of the greatest worth. All plans
// that are worth as much count, on the face or not, and the floor that says so is a row
// over all columns, with which a programme takes up to five times as long as that of
// greatest worth. But the search for evenness found prices for the face, and with any price of the
// floor they are a proof, as in lift: one too low leaves something to gain off the face,
// and one too high pays for all that rounding lost. The best one is found by trying.
func (v *prover) evenBeside(proof comity.StageProof, slopes func(int) (low, high *big.Int, counts bool)) error {
	fc, m, unit := v.vertex.face, v.vertex.model, certificate.EvenBits-floatBits
	d := dual{rows: make([]int64, len(v.rows))}
	for at, i := range m.rows {
		d.rows[i] = fixed(v.vertex.prices[at], unit)
	}
	said := make([]*big.Int, len(v.need))
	for at, k := range m.parties {
		said[k] = big.NewInt(fixed(-v.vertex.prices[m.partyAt+at], unit))
	}
	weights, err := fc.choose(v.x, d, said, slopes)
	if err != nil {
		return err
	}
	fc.restore(d.rows, weights)
	proof.Weights = v.byNeed(weights)
	v.state(&proof, v.coarse(v.plus(d, v.beside, v.floorPrice(d, weights)), weights))
	return v.append(proof, false)
}

const (
	// cheapest and dearest are binary logarithms of the floor prices that are tried, times
	// the dearest unit: what a unit that changes hands adds to evenness is at most about
	// one, and it costs at most the dearest unit and hardly less than 2^-24 of it.
	cheapest, dearest = 0, 24
	// halvings is how often the step between floor prices is halved: the last one is a
	// thirty-second.
	halvings = 6
)

// floorPrice returns the price of the first stage's floor with which weights and prices
// prove most, times 2^certificate.EvenBits.
func (v *prover) floorPrice(d dual, weights []int64) *big.Int {
	e, floor := v.newEstimate(weights), len(v.beside.prices)
	anchor, largest := make([]float64, floor), 1.0
	for i, y := range v.beside.prices {
		anchor[i] = math.Ldexp(float64(y), -certificate.PriceBits)
	}
	for j := range v.beside.costs {
		cost, _ := new(big.Float).SetInt(&v.beside.costs[j]).Float64()
		largest = max(largest, math.Abs(cost))
	}
	most, _ := new(big.Float).SetInt(v.beside.most()).Float64()
	most = math.Ldexp(most, -certificate.EvenBits)
	price, least := 0.0, math.Inf(1)
	try := func(y float64) {
		y = min(max(0, y), most)
		for i := range anchor {
			e.prices[i] = math.Ldexp(float64(d.rows[i]), -certificate.EvenBits) + float64(y*anchor[i])
		}
		e.prices[floor] = -y
		if gap := e.gap(); gap < least {
			price, least = y, gap
		}
	}
	for k := cheapest; k <= dearest; k += 2 {
		try(math.Ldexp(1/largest, k))
	}
	step := price
	for range halvings {
		at := price
		try(at - step)
		try(at + step)
		step /= 2
	}
	return big.NewInt(fixed(price, certificate.EvenBits))
}

const (
	// coarsest is the largest power of ten that prices of evenness are rounded to: 2^-52
	// times it is above 1.
	coarsest = 16
	// worsens is the part of the gap by which rounding may widen it, and large the gap from
	// which on prices are rounded: a unit of a party without any.
	worsens, large = 1.0 / 64, 1
)

// coarse rounds the prices of a proof of evenness to as few decimal digits as leave the gap
// about as it is. A certificate is mostly digits of prices, and a wide gap needs few.
func (v *prover) coarse(d dual, weights []int64) dual {
	if anyPrice(d.cuts) {
		return d
	}
	e := v.newEstimate(weights)
	rounded := dual{rows: make([]int64, len(d.rows)), cuts: d.cuts}
	try := func(unit int64) float64 {
		for i, y := range d.rows {
			half := unit / 2
			if y < 0 {
				half = -half
			}
			rounded.rows[i] = (y + half) / unit * unit
			e.prices[i] = math.Ldexp(float64(rounded.rows[i]), -certificate.EvenBits)
		}
		return e.gap()
	}
	gap := try(1)
	if gap < large {
		return d
	}
	unit := int64(1)
	for range coarsest {
		unit *= 10
	}
	for ; unit > 1; unit /= 10 {
		if try(unit) <= gap*(1+worsens) {
			return rounded
		}
	}
	return d
}

// estimate computes about what a proof of evenness leaves to gain, in floating point: it
// chooses between proofs and is no part of any.
type estimate struct {
	*prover
	weights []float64 // By column.
	prices  []float64 // By row; gap puts 0 where a row has no such bound.
}

func (v *prover) newEstimate(weights []int64) *estimate {
	e := &estimate{prover: v, weights: make([]float64, len(v.columns)), prices: make([]float64, len(v.rows))}
	for k, members := range v.members {
		for _, j := range members {
			e.weights[j] = math.Ldexp(float64(weights[k]), -certificate.EvenBits)
		}
	}
	return e
}

// gap is the bound less the value. Conversions to float64 keep a compiler from fusing
// products into sums.
func (e *estimate) gap() float64 {
	u := 0.0
	for i, r := range e.rows {
		switch y := e.prices[i]; {
		case y > 0 && r.upper != nil:
			u += float64(y * float64(*r.upper))
		case y < 0 && r.lower != nil:
			u += float64(y * float64(*r.lower))
		default:
			e.prices[i] = 0
		}
	}
	for j, c := range e.columns {
		gain := e.weights[j]
		for _, t := range c.terms {
			gain -= float64(e.prices[t.at] * float64(t.coeff))
		}
		end := c.upper
		if gain < 0 {
			end = c.lower
		}
		u += float64(gain*float64(end)) - float64(e.weights[j]*float64(e.x[j]))
	}
	return u
}
