package certificate

import (
	"fmt"
	"math/big"
	"slices"

	"comity"
	"comity/exact"
	"comity/quantity"
)

// check walks through the proofs of one certificate.
type check struct {
	problem comity.Problem
	units   []quantity.Amount
	party   []int  // By column: index of its need, -1 for a means.
	stage   int    // The stage whose proof comes next.
	settled []bool // By need: settled by a level of the leximin stage at hand.
	floors  []row  // What the stages so far leave to later ones.
	done    bool
}

// row is a constraint of a proof: coefficients by column, in the order of columns. The
// sum is at least lower, if that is there, and at most upper, if that is.
type row struct {
	name         string
	columns      []int
	coeffs       []big.Int
	lower, upper *big.Int
	cut          bool // Coefficients are times 2^cutBits.
}

func newCheck(p comity.Problem, units []quantity.Amount) *check {
	c := &check{problem: p, units: units, party: partyOf(p), settled: make([]bool, len(p.Needs))}
	return c
}

func partyOf(p comity.Problem) []int {
	at := make([]int, len(p.Columns))
	for j, c := range p.Columns {
		at[j] = -1
		if k, ok := findNeed(p.Needs, c.Party); ok {
			at[j] = k
		}
	}
	return at
}

// prove computes what the proof bounds, and goes on to the next stage.
func (c *check) prove(a *aim, proof comity.StageProof) (comity.StageProof, error) {
	cuts, err := cutRows(c.problem, c.party, proof.Cuts)
	if err != nil {
		return proof, err
	}
	b := bounder{problem: c.problem, more: append(slices.Clip(c.floors), cuts...), objective: a.objective, bits: a.bits}
	u, err := b.bound(proof.Proof)
	if err != nil {
		return proof, err
	}
	// (U/2^bits + slip) / scale.
	u.Add(u, new(big.Int).Lsh(a.slip, a.bits))
	proof.Bound = exact.FromBig(new(big.Rat).SetFrac(u, new(big.Int).Lsh(a.scale, a.bits)))
	proof.Value = a.value
	proof.Gap = proof.Bound.Sub(proof.Value)
	if err := c.keep(a, proof); err != nil {
		return proof, err
	}
	return proof, nil
}

// keep adds the floors that later proofs may rely on, all of which the published units
// keep, and goes on to the next stage.
func (c *check) keep(a *aim, proof comity.StageProof) error {
	switch a.stage.Kind {
	case Weighted:
		if err := c.keepSum(a, proof.Value); err != nil {
			return err
		}
		c.stage++
	case Maximin:
		c.keepLevel(a, proof.Bound)
		c.stage++
	case Leximin:
		c.keepLevel(a, proof.Bound)
		all := true
		for k := range c.settled {
			c.settled[k] = c.settled[k] || a.settled[k]
			all = all && c.settled[k]
		}
		if all {
			clear(c.settled)
			c.stage++
		}
	case Nash:
		for k := range a.worth {
			c.keepWorth(a.stage, k, &a.worth[k])
		}
		c.stage++
	default:
		c.done = true
	}
	return nil
}

// keepSum demands of later plans what the stage reached, less its slack.
func (c *check) keepSum(a *aim, value exact.Rat) error {
	least := ceil(value.Sub(a.stage.Slack.Mul(magnitude(value))))
	r := row{name: "floor of " + a.stage.ID, lower: least}
	sum, t := new(big.Int), new(big.Int)
	for j, cost := range a.stage.Costs {
		if cost != 0 {
			r.columns = append(r.columns, j)
			r.coeffs = append(r.coeffs, *big.NewInt(int64(cost)))
			sum.Add(sum, product(t, int64(cost), int64(c.units[j])))
		}
	}
	if sum.Cmp(least) < 0 {
		return fmt.Errorf("%w: the units are worth %s, and with its slack the stage demands %s", ErrObjective, sum, least)
	}
	c.floors = append(c.floors, r)
	return nil
}

// keepLevel demands of later plans what each settled party has, up to the level. In a
// leximin stage without slack a party also keeps the unit that reaches over it: otherwise
// what settled parties were rounded down by could be promised to those of a later level.
func (c *check) keepLevel(a *aim, level exact.Rat) {
	level = level.Sub(a.stage.Slack.Mul(magnitude(level)))
	unit := a.largestCost()
	for k, settled := range a.settled {
		if settled {
			least := level.Mul(exact.Int(int64(a.stage.Per[k]))).Floor()
			if a.stage.Kind == Leximin && a.stage.Slack.Sign() == 0 {
				least.Add(least, &unit[k])
			}
			if least.Cmp(&a.worth[k]) > 0 {
				least = &a.worth[k]
			}
			c.keepWorth(a.stage, k, least)
		}
	}
}

// keepWorth demands that a party's worth is at least so much.
func (c *check) keepWorth(s comity.Stage, need int, least *big.Int) {
	r := row{name: fmt.Sprintf("floor of %s for %s", s.ID, c.problem.Needs[need].Party), lower: new(big.Int).Set(least)}
	for j, k := range c.party {
		if k == need && s.Costs[j] != 0 {
			r.columns = append(r.columns, j)
			r.coeffs = append(r.coeffs, *big.NewInt(int64(s.Costs[j])))
		}
	}
	c.floors = append(c.floors, r)
}

func ceil(x exact.Rat) *big.Int { f := x.Neg().Floor(); return f.Neg(f) }

// Floor is what a stage leaves to later ones: the sum of Coeffs times units is at least
// Least. A proof has a price for each, after those of the rows.
type Floor struct {
	Columns []int
	Coeffs  []*big.Int
	Least   *big.Int
}

// Ledger collects what the proofs of one certificate leave to later ones, as they are found.
type Ledger struct{ check *check }

// NewLedger returns one for published units, before the first proof.
func NewLedger(p comity.Problem, units []quantity.Amount) *Ledger {
	return &Ledger{newCheck(p, units)}
}

// Floors adds a proof and returns the floors that it leaves: what a solver of the next
// stage has to keep besides those before. Weights and bounds are those of the proof;
// nothing is checked but that its turn has come.
func (l *Ledger) Floors(proof comity.StageProof) ([]Floor, error) {
	before := len(l.check.floors)
	a, err := l.check.next(proof)
	if err == nil {
		err = l.check.keep(a, proof)
	}
	if err != nil {
		return nil, err
	}
	floors := make([]Floor, len(l.check.floors)-before)
	for k, r := range l.check.floors[before:] {
		floors[k] = Floor{Columns: r.columns, Least: r.lower}
		for i := range r.coeffs {
			floors[k].Coeffs = append(floors[k].Coeffs, &r.coeffs[i])
		}
	}
	return floors, nil
}
