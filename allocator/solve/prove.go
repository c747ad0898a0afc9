package solve

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
	"comity/quantity"
)

// maxPrice bounds what one proof contributes to a price: two of them and a rounding fit
// 64 bits.
const maxPrice = 1<<62 - 1

// prover proves whole units, stage by stage, over all that earlier proofs leave: rows of
// its form are those of the problem and then the floors, in the order of certificate.Ledger.
type prover struct {
	*form
	solver Solver
	x      []int64
	units  []quantity.Amount
	proofs []comity.StageProof
	ledger *certificate.Ledger // Of the proofs.
	face   *face               // Where the stages so far that are proved exactly are at their best.
	anchor *anchor             // What proves the face.
	beside *anchor             // What proves a face that the units stand next to, by a unit or so, or nil.
}

// anchor proves that columns and rows of a face stand where they stand: prices of an
// earlier stage, and the floor that it leaves. A later proof on the face becomes one on
// everything by adding enough of it: what moves off the face then falls below the floor.
type anchor struct {
	costs  []big.Int // Of the floor, by column.
	prices []int64   // Of the form's rows before the floor, times 2^certificate.PriceBits.
}

func newProver(f *form, s Solver, x []int64) *prover {
	v := &prover{form: f.clone(), solver: s, x: x, units: f.units(x)}
	v.cuts = withoutMargins(v.cuts)
	v.ledger = certificate.NewLedger(v.p, v.units)
	v.face = v.open()
	return v
}

// run returns a proof of each stage and of evenness. Hints, as far as there are any, save
// programmes.
func (v *prover) run(ctx context.Context, hints []hint) ([]comity.StageProof, error) {
	for _, st := range v.stages {
		settled := make([]bool, len(v.need))
		for done := false; !done; {
			var h *hint
			if len(hints) > 0 {
				h, hints = &hints[0], hints[1:]
			}
			weights, err := v.stage(ctx, st, h, settled)
			if err != nil {
				return nil, err
			}
			done = true
			for k, w := range weights {
				settled[k] = settled[k] || w > 0
				done = done && (settled[k] || st.Kind != certificate.Leximin)
			}
		}
	}
	return v.proofs, v.even(ctx)
}

// stage proves one stage, or one level of a leximin stage, and returns its weights.
func (v *prover) stage(ctx context.Context, st stage, h *hint, settled []bool) ([]int64, error) {
	v.aim(st)
	switch st.Kind {
	case certificate.Weighted:
		return nil, v.weighted(ctx, st, h)
	case certificate.Nash:
		return nil, v.nash(ctx, st)
	default:
		return v.level(ctx, st, h, settled)
	}
}

// weighted proves a sum: with the prices that found the optimum if these prove all, or
// else with those of a programme around the published units.
func (v *prover) weighted(ctx context.Context, st stage, h *hint) error {
	proof := comity.StageProof{Stage: st.ID}
	reached := st.worth(v.x)
	if h != nil && h.reached != nil && h.reached.Cmp(reached) > 0 {
		reached = h.reached // Later stages gave some of it up.
	}
	proof.Value = exactInt(reached)
	costs := v.costs()
	var best dual
	if h != nil && h.prices != nil {
		best = v.lift(dual{rows: v.padded(h.prices), cuts: h.cuts}, costs, certificate.PriceBits, h.whole)
		best.bound = v.bound(best, costs)
	}
	if goal := new(big.Int).Lsh(reached, certificate.PriceBits); best.bound == nil || len(v.cuts) == 0 && best.bound.Cmp(goal) > 0 && (!v.isLarge() || len(v.proofs) > 0) {
		w, err := bestWorth(ctx, v.plain(), v.solver, v.x)
		if err != nil {
			return err
		}
		other := dual{rows: w.prices, cuts: w.cuts}
		other.bound = v.bound(other, costs)
		if best.bound == nil || other.bound.Cmp(best.bound) < 0 {
			best = other
		}
	}
	if len(v.cuts) == 0 && !v.isLarge() && v.gapIsLarge(reached, best.bound) {
		return v.byTree(ctx, proof, reached)
	}
	exact := best.bound.Cmp(new(big.Int).Lsh(reached, certificate.PriceBits)) == 0 && st.Slack.Sign() == 0 && !anyPrice(best.cuts)
	if h != nil && h.reached != nil {
		// What was reached on the way may be more than the floors of the published units leave.
		most := new(big.Int).Rsh(best.bound, certificate.PriceBits)
		if reached.Cmp(most) > 0 {
			proof.Value = exactInt(most)
		}
	}
	v.state(&proof, best)
	if err := v.append(proof, exact); err != nil {
		return err
	}
	if !exact && v.isBeside(st, h) {
		v.beside = &anchor{costs: costs, prices: h.prices}
	}
	if exact {
		v.anchor = &anchor{costs: costs, prices: best.rows}
		v.face = v.face.best(worth{prices: best.rows, whole: true})
		if !v.face.holds(v.x) {
			return fmt.Errorf("%w: the units lie off the face that their own proof describes", ErrSolver)
		}
	}
	return nil
}

// gapIsLarge tells whether branching is worth while: where a bound misses by less, it is
// a matter of single units.
func (v *prover) gapIsLarge(reached, bound *big.Int) bool {
	gap := new(big.Int).Sub(bound, new(big.Int).Lsh(reached, certificate.PriceBits))
	size := new(big.Int).Rsh(new(big.Int).Abs(bound), closeBits)
	return gap.Cmp(size.Add(size, big.NewInt(closeUnits))) > 0
}

// byTree proves a weighted stage by a tree.
func (v *prover) byTree(ctx context.Context, proof comity.StageProof, reached *big.Int) error {
	tree, bound, err := v.tree(ctx, new(big.Int).Lsh(reached, certificate.PriceBits))
	if err != nil {
		return err
	}
	tree.Stage, tree.Value = proof.Stage, proof.Value
	if most := exactRat(new(big.Rat).SetFrac(bound, big.NewInt(1<<certificate.PriceBits))); tree.Value.Cmp(most) > 0 {
		tree.Value = exactInt(new(big.Int).Rsh(bound, certificate.PriceBits))
	}
	return v.append(tree, false)
}

// level proves that the least of the parties that are not settled cannot be raised.
func (v *prover) level(ctx context.Context, st stage, h *hint, settled []bool) ([]int64, error) {
	if h != nil && len(h.weights) == len(v.need) {
		d := v.lift(v.withKeeps(h, settled), v.weigh(st, h.weights), certificate.PriceBits, false)
		d.bound = v.bound(d, v.weigh(st, h.weights))
		if v.within(st, h.weights, d.bound, settled) {
			return h.weights, v.levelled(st, h.weights, d)
		}
	}
	kept := make([]float64, len(v.need))
	for k := range kept {
		kept[k] = math.NaN()
		if settled[k] {
			kept[k] = math.Inf(-1) // Its floor is a row.
		}
	}
	l, err := v.plain().raise(ctx, v.solver, st, v.x, kept)
	if err != nil {
		return nil, err
	}
	d := dual{rows: l.prices, cuts: l.cuts}
	return l.weights, v.levelled(st, l.weights, d)
}

// within tells whether each settled party is within one unit of the level.
func (v *prover) within(st stage, weights []int64, u *big.Int, settled []bool) bool {
	level := exactLevel(u, st, weights)
	t := new(big.Rat)
	for k, members := range v.members {
		if settled[k] || st.Kind == certificate.Leximin && weights[k] == 0 {
			continue
		}
		worth, unit := new(big.Int), int64(0)
		for _, j := range members {
			worth.Add(worth, new(big.Int).Mul(big.NewInt(st.costs[j]), big.NewInt(v.x[j])))
			unit = max(unit, st.costs[j], -st.costs[j])
		}
		worth.Add(worth, big.NewInt(unit))
		if t.Mul(level, t.SetInt64(st.per[k])).Cmp(new(big.Rat).SetInt(worth)) > 0 {
			return false
		}
	}
	return true
}

func (v *prover) levelled(st stage, weights []int64, d dual) error {
	proof := comity.StageProof{Stage: st.ID, Weights: v.byNeed(weights)}
	proof.Bound = exactRat(exactLevel(v.bound(d, v.weigh(st, weights)), st, weights))
	v.state(&proof, d)
	return v.append(proof, false)
}

// weigh returns the objective of a level: weights times costs.
func (v *prover) weigh(st stage, weights []int64) []big.Int {
	objective := make([]big.Int, len(v.columns))
	for k, members := range v.members {
		for _, j := range members {
			objective[j].Mul(big.NewInt(weights[k]), big.NewInt(st.costs[j]))
		}
	}
	return objective
}

// withKeeps puts the prices of what earlier levels keep to the rows of their floors, which
// are the last ones.
func (v *prover) withKeeps(h *hint, settled []bool) dual {
	d := dual{rows: v.padded(h.prices), cuts: h.cuts}
	at := len(v.rows)
	for _, s := range settled {
		if s {
			at--
		}
	}
	for i := at; i < len(v.rows); i++ {
		if terms := v.rows[i].terms; len(terms) > 0 {
			d.rows[i] = h.keeps[v.columns[terms[0].at].party]
		}
	}
	return d
}

// padded returns prices of the problem's rows with 0 for all floors.
func (v *prover) padded(prices []int64) []int64 {
	return append(slices.Clone(prices), make([]int64, len(v.rows)-len(prices))...)
}

// plain is everything that the rows allow, floors included.
func (v *prover) plain() *face { return v.open() }

// append adds a proof and the floors that it leaves; implied ones are kept by the face.
func (v *prover) append(proof comity.StageProof, implied bool) error {
	v.proofs = append(v.proofs, proof)
	floors, err := v.ledger.Floors(proof)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSolver, err)
	}
	at := inverse(v.order.columns)
	var rows []row
	for _, floor := range floors {
		r, err := v.floor(at, floor, implied)
		if err != nil {
			return err
		}
		r.at = len(v.rows) + len(rows)
		rows = append(rows, r)
	}
	// Floors are in the order of names; programmes must not be.
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(v.partyOf(a), v.partyOf(b)) })
	for _, r := range rows {
		v.add(r)
		if implied {
			r.lower = nil
		}
		v.face.rows = append(v.face.rows, r)
	}
	return nil
}

// floor is a floor as a row of the form, at the canonical places of columns.
func (*prover) floor(at []int, floor certificate.Floor, implied bool) (row, error) {
	var r row
	for i, column := range floor.Columns {
		if !floor.Coeffs[i].IsInt64() {
			return row{}, fmt.Errorf("%w: a floor has a coefficient of %s", ErrTooLarge, floor.Coeffs[i])
		}
		r.terms = append(r.terms, term{at[column], floor.Coeffs[i].Int64()})
	}
	slices.SortFunc(r.terms, func(a, b term) int { return a.at - b.at })
	switch {
	case floor.Least.IsInt64():
		r.lower = new(floor.Least.Int64())
	case !implied:
		return row{}, fmt.Errorf("%w: a stage is worth %s, and later ones can keep at most 2^63", ErrTooLarge, floor.Least)
	}
	return r, nil
}

// partyOf returns whose floor a row is, if it is one party's; one without terms comes last.
func (v *prover) partyOf(r row) int {
	if len(r.terms) == 0 {
		return len(v.need)
	}
	return v.columns[r.terms[0].at].party
}

// state puts prices into a proof.
func (v *prover) state(proof *comity.StageProof, d dual) {
	proof.Proof.Prices = v.prices(d.rows)
	for i, y := range d.cuts {
		if y != 0 {
			proof.Cuts = append(proof.Cuts, v.cuts[i].Cut)
			proof.Proof.Prices = append(proof.Proof.Prices, canon.Int(y))
		}
	}
}

func (v *prover) byNeed(weights []int64) []canon.Int {
	list := make([]canon.Int, len(weights))
	for k, from := range v.order.parties {
		list[from] = canon.Int(weights[k])
	}
	return list
}
