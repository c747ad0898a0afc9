package solve

import (
	"context"
	"fmt"
	"math/big"
	"slices"

	"comity"
	"comity/allocator/certificate"
)

// even proves that nothing on the face is more even than the units.
func (v *prover) even(ctx context.Context) error {
	proof := comity.StageProof{Stage: certificate.Evenness}
	slopes := func(k int) (low, high *big.Int, counts bool) {
		if v.need[k] == 0 {
			return nil, nil, false
		}
		low, high = slopesAt(v.need[k], v.total(v.x, k))
		return low, high, true
	}
	if v.beside != nil {
		return v.evenBeside(proof, slopes)
	}
	return v.curved(ctx, proof, certificate.EvenBits, slopes)
}

// nash proves that no plan has a larger product of gains.
func (v *prover) nash(ctx context.Context, st stage) error {
	bits, err := certificate.NashBits(v.p, st.Stage, v.units)
	if err != nil {
		return err
	}
	g := newGains(v.form, st, v.x)
	v.face.nash = g
	defer func() { v.face.nash = nil }()
	return v.curved(ctx, comity.StageProof{Stage: st.ID}, int(bits), func(k int) (low, high *big.Int, counts bool) {
		if !slices.ContainsFunc(v.members[k], func(j int) bool { return st.costs[j] != 0 }) {
			return nil, nil, false // No unit is worth anything to it.
		}
		low, high = v.tangents(st, k, bits)
		return low, high, true
	})
}

// curved proves a sum of concave functions: its weights and prices are those of the
// programme of single units around the published ones, as whole numbers of 2^-bits.
func (v *prover) curved(ctx context.Context, proof comity.StageProof, bits int, slopes func(party int) (low, high *big.Int, counts bool)) error {
	fc := v.face
	m := fc.newModel()
	solution := Solution{Dual: make([]float64, len(m.lp.RowLower))}
	if len(m.columns) > 0 {
		m.centre(fc, v.x, 1)
		if len(v.stages) == 1 && v.stages[0].Kind == certificate.Weighted {
			m.resume(fc, v.basis, v.vertex) // Otherwise rows of the search have other places.
		}
		answer, err := ask(ctx, v.solver, m.lp, "prove "+proof.Stage)
		switch {
		case ctx.Err() != nil:
			return err
		case err == nil && answer.Status == Optimal && len(answer.Dual) == len(m.lp.RowLower):
			solution = answer
		case proof.Stage == certificate.Evenness:
			// A solver that loses its way leaves no prices. None at all still prove a bound,
			// a wide one, and the charter asks for no other: what is divided is proved above.
		case err != nil:
			return err
		default:
			return fmt.Errorf("%w: status %d with %d prices for the %d rows of a programme that holds the units themselves",
				ErrSolver, answer.Status, len(answer.Dual), len(m.lp.RowLower))
		}
	}
	unit := bits - floatBits // slopeScale is 2^floatBits.
	if fc.nash != nil {
		unit -= exponent(fc.nash.norm)
	}
	d := dual{rows: make([]int64, len(fc.rows)), cuts: make([]int64, len(fc.cuts))}
	for at, i := range m.rows {
		d.rows[i] = fixed(solution.Dual[at], unit)
	}
	for i, c := range fc.cuts {
		d.cuts[i] = max(0, fixed(solution.Dual[m.cutAt+i], unit-c.shift))
	}
	said := make([]*big.Int, len(fc.need))
	for at, k := range m.parties {
		y := -solution.Dual[m.partyAt+at]
		if fc.nash != nil {
			y /= float64(fc.nash.unit[k])
		}
		said[k] = big.NewInt(fixed(y, unit))
	}
	weights, err := fc.choose(v.x, d, said, slopes)
	if err != nil {
		return err
	}
	objective := make([]big.Int, len(fc.columns))
	for k, members := range fc.members {
		for _, j := range members {
			objective[j].SetInt64(weights[k])
			if fc.nash != nil {
				objective[j].Mul(&objective[j], big.NewInt(fc.nash.stage.costs[j]))
			}
		}
	}
	proof.Weights = v.byNeed(weights)
	if d = v.lift(d, objective, 0, false); proof.Stage == certificate.Evenness {
		d = v.coarse(d, weights)
	}
	v.state(&proof, d)
	return v.append(proof, false)
}

// choose returns the weight of each party: inside the interval that package certificate
// allows and, there, what leaves nothing to gain in a column between its bounds, or else
// what the solver says.
func (fc *face) choose(x []int64, d dual, said []*big.Int, slopes func(int) (low, high *big.Int, counts bool)) ([]int64, error) {
	free := fc.reduced(make([]big.Int, len(fc.columns)), d.rows, 0)
	weights := make([]int64, len(fc.need))
	for k := range fc.need {
		low, high, counts := slopes(k)
		if !counts {
			continue
		}
		want := said[k]
		if want == nil {
			want = new(big.Int).Add(low, high)
			want.Rsh(want, 1)
		}
		for _, j := range fc.members[k] {
			if fc.nash == nil && fc.lower[j] < x[j] && x[j] < fc.upper[j] && len(fc.cuts) == 0 {
				want = new(big.Int).Neg(&free[j])
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
			return nil, fmt.Errorf("%w: the slope of party %d of %d at %d units for a need of %d exceeds 2^11", ErrTooLarge,
				k+1, len(fc.need), fc.total(x, k), fc.need[k])
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

// tangents returns the weights that package certificate allows a party in a nash stage.
func (v *prover) tangents(st stage, party int, bits uint) (low, high *big.Int) {
	gain, unit := new(big.Int).Neg(big.NewInt(st.outside[party])), int64(0)
	for _, j := range v.members[party] {
		gain.Add(gain, new(big.Int).Mul(big.NewInt(st.costs[j]), big.NewInt(v.x[j])))
		unit = divisor(unit, max(st.costs[j], -st.costs[j]))
	}
	u := big.NewInt(unit)
	power := new(big.Int).Lsh(big.NewInt(st.power[party]), bits)
	// The least v with v²·g·(g+u) >= power², and the largest with v·(2g-u) <= 2·power.
	area := new(big.Int).Mul(gain, new(big.Int).Add(gain, u))
	square := new(big.Int).Mul(power, power)
	low = new(big.Int).Sqrt(new(big.Int).Div(square, area))
	for new(big.Int).Mul(new(big.Int).Mul(low, low), area).Cmp(square) < 0 {
		low.Add(low, big.NewInt(1))
	}
	high = new(big.Int).Sub(new(big.Int).Lsh(gain, 1), u)
	if high.Sign() <= 0 {
		return low, new(big.Int).Lsh(low, 1) // No slope is too steep before the first unit.
	}
	return low, high.Div(new(big.Int).Lsh(power, 1), high)
}
