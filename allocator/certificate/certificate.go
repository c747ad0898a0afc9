// Package certificate checks, in whole numbers, that an allocation obeys every rule of
// its problem and that, aim by aim, no feasible allocation is better by more than a
// stated gap.
//
// It knows no solver: prices that come from anywhere, even wrong ones, give a valid
// bound by weak duality, and the gap shows how good they were. The bytes and the
// proofs are in docs/format/certificate.md.
package certificate

import (
	"errors"
	"fmt"

	"comity"
	"comity/exact"
	"comity/quantity"
)

// ErrInvalid is what every refusal of this package wraps: there is no valid proof.
var ErrInvalid = errors.New("certificate is not valid")

var (
	// ErrShape says that problem, units or proofs do not fit together.
	ErrShape = fmt.Errorf("%w: malformed", ErrInvalid)
	// ErrPrimal says that the units break a bound, a row or a limit.
	ErrPrimal = fmt.Errorf("%w: units break a rule", ErrInvalid)
	// ErrObjective says that a stated value is not that of the units.
	ErrObjective = fmt.Errorf("%w: objective", ErrInvalid)
	// ErrBound says that a proof proves no bound, or another one than stated.
	ErrBound = fmt.Errorf("%w: bound", ErrInvalid)
	// ErrGap says that a gap is misstated or larger than the charter allows.
	ErrGap = fmt.Errorf("%w: gap", ErrInvalid)
	// ErrRay says that a proof does not show that nothing is feasible.
	ErrRay = fmt.Errorf("%w: infeasibility is not proved", ErrInvalid)
)

// Evenness names the last proof: that needs are met as evenly as the aims allow.
const Evenness = "evenness"

// Check accepts units and their certificate only if the units obey every bound, row and
// limit of the problem, each stage and evenness have their proofs in order, value, bound
// and gap are exactly what units and proofs give, and the units miss no aim by more than
// maxGap times its bound and one unit (docs/format/certificate.md, Gaps). Evenness is
// computed and stated; how large its gap may be is nobody's rule.
func Check(p comity.Problem, units []quantity.Amount, cert comity.Certificate, maxGap exact.Rat) error {
	_, err := walk(p, units, cert, func(a *aim, got, want comity.StageProof) error {
		for _, stated := range []struct {
			name      string
			got, want exact.Rat
			wrong     error
		}{
			{"value", got.Value, want.Value, ErrObjective},
			{"bound", got.Bound, want.Bound, ErrBound},
			{"gap", got.Gap, want.Gap, ErrGap},
		} {
			if stated.got.Cmp(stated.want) != 0 {
				return fmt.Errorf("%w: %s is stated as %s and computed as %s; ask for the certificate again",
					stated.wrong, stated.name, stated.got, stated.want)
			}
		}
		return a.judge(want, maxGap)
	})
	return err
}

// State computes the certificate that these units and proofs give: of the argument only
// the stage names, weights, cuts and proofs count, and the value of a weighted stage with
// slack. The units must obey every bound, row and limit.
func State(p comity.Problem, units []quantity.Amount, cert comity.Certificate) (comity.Certificate, error) {
	return walk(p, units, cert, func(*aim, comity.StageProof, comity.StageProof) error { return nil })
}

// walk computes proof by proof and judges each before the next.
func walk(p comity.Problem, units []quantity.Amount, cert comity.Certificate, judge func(a *aim, got, want comity.StageProof) error) (comity.Certificate, error) {
	if err := Feasible(p, units); err != nil {
		return comity.Certificate{}, err
	}
	c := newCheck(p, units)
	out := comity.Certificate{Stages: make([]comity.StageProof, len(cert.Stages))}
	for k, proof := range cert.Stages {
		a, err := c.next(proof)
		if err == nil {
			out.Stages[k], err = c.prove(a, proof)
		}
		if err == nil {
			err = judge(a, proof, out.Stages[k])
		}
		if err != nil {
			return comity.Certificate{}, fmt.Errorf("proof %d, of %.40q: %w", k+1, proof.Stage, err)
		}
	}
	if !c.done {
		return comity.Certificate{}, fmt.Errorf("%w: %d proofs for %d stages and evenness; one of them is missing", ErrShape, len(cert.Stages), len(p.Stages))
	}
	return out, nil
}

// Shares sums units by party, in the order of the problem's needs. Columns of a party
// without a need are an ErrShape: nobody could tell whether it got too little.
func Shares(p comity.Problem, units []quantity.Amount) ([]comity.Share, error) {
	if err := CheckShape(p); err != nil {
		return nil, err
	}
	if len(units) != len(p.Columns) {
		return nil, fmt.Errorf("%w: %d units for %d columns", ErrShape, len(units), len(p.Columns))
	}
	shares := make([]comity.Share, len(p.Needs))
	for k, n := range p.Needs {
		shares[k].Party = n.Party
	}
	for j, c := range p.Columns {
		if c.Party == "" {
			continue
		}
		k, _ := findNeed(p.Needs, c.Party) // It is there by CheckShape.
		sum, err := shares[k].Amount.Add(units[j])
		if err != nil {
			return nil, fmt.Errorf("%w: share of %s: %w", ErrShape, c.Party, err)
		}
		shares[k].Amount = sum
	}
	return shares, nil
}
