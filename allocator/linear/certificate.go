package linear

import (
	"fmt"
	"math/big"

	"comity/canon"
)

// Status is what a certificate claims about its programme.
type Status string

// The three claims.
const (
	// Optimal: a feasible point is given, and no point is better than it by more than
	// the gap. Only a gap of zero means that none is better at all.
	Optimal Status = "optimal"
	// Infeasible: no point obeys every bound and row.
	Infeasible Status = "infeasible"
	// Unbounded: feasible points of any objective exist.
	Unbounded Status = "unbounded"
)

// Certificate settles one programme. Which fields are there depends on the status:
//
//	optimal     point, prices or tree, objective, bound, gap
//	infeasible  prices or tree
//	unbounded   point, direction
type Certificate struct {
	Programme canon.Digest `json:"programme"` // Programme.Digest.
	Status    Status       `json:"status"`
	Point     *Vector      `json:"point,omitempty"`     // By column.
	Prices    *Vector      `json:"prices,omitempty"`    // By row.
	Tree      *Tree        `json:"tree,omitempty"`      // Cases instead of one list of prices.
	Direction *Vector      `json:"direction,omitempty"` // By column.
	Objective *Ratio       `json:"objective,omitempty"` // Of the point, with the constant.
	Bound     *Ratio       `json:"bound,omitempty"`     // No feasible point is better.
	Gap       *Ratio       `json:"gap,omitempty"`       // Distance of bound and objective.
	Seal      canon.Digest `json:"seal"`                // Of this record with a zero seal.
}

// Check accepts a certificate only if it is of this programme, unaltered, and proves
// what it claims.
func Check(p Programme, c Certificate) error {
	digest, err := p.Digest()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrShape, err)
	}
	if c.Programme != digest {
		return fmt.Errorf("%w: it is of programme %s, the file holds %s; solve the file again", ErrAltered, c.Programme, digest)
	}
	sealed, err := seal(p, c)
	if err != nil {
		return err
	}
	if c.Seal != sealed.Seal { // Before the sums: a damaged file is no reason to compute.
		return fmt.Errorf("%w: its seal is %s, its content gives %s; get another copy", ErrAltered, c.Seal, sealed.Seal)
	}
	want, err := restate(p, c)
	if err != nil {
		return err
	}
	for _, stated := range []struct {
		name      string
		got, want *Ratio
	}{{"objective", c.Objective, want.Objective}, {"bound", c.Bound, want.Bound}, {"gap", c.Gap, want.Gap}} {
		switch {
		case stated.got == nil && stated.want == nil:
		case stated.got == nil || stated.want == nil:
			return fmt.Errorf("%w: %s of a programme that is %s", ErrShape, stated.name, c.Status)
		case stated.got.big().Cmp(stated.want.big()) != 0:
			return fmt.Errorf("%w: %s is stated as %.60s and computed as %.60s", ErrStated, stated.name, stated.got, stated.want)
		}
	}
	if c.Seal != want.Seal {
		return fmt.Errorf("%w: it has more than its claim needs; get another copy", ErrAltered)
	}
	return nil
}

// Parse reads a certificate in its canonical form and nothing else; ErrAltered.
func Parse(data []byte) (Certificate, error) {
	var c Certificate
	if err := canon.Unmarshal(data, &c); err != nil {
		return Certificate{}, fmt.Errorf("%w: %w; get another copy", ErrAltered, err)
	}
	return c, nil
}

// restate builds the certificate anew from the vectors of another one.
func restate(p Programme, c Certificate) (Certificate, error) {
	have := [4]bool{c.Point != nil, c.Prices != nil, c.Tree != nil, c.Direction != nil}
	switch {
	case c.Status == Optimal && have == [4]bool{true, true, false, false}:
		return StateOptimal(p, *c.Point, *c.Prices)
	case c.Status == Optimal && have == [4]bool{true, false, true, false}:
		return StateBranched(p, *c.Point, *c.Tree)
	case c.Status == Infeasible && have == [4]bool{false, true, false, false}:
		return StateInfeasible(p, *c.Prices)
	case c.Status == Infeasible && have == [4]bool{false, false, true, false}:
		return StateEmpty(p, *c.Tree)
	case c.Status == Unbounded && have == [4]bool{true, false, false, true}:
		return StateUnbounded(p, *c.Point, *c.Direction)
	}
	return Certificate{}, fmt.Errorf("%w: status %.20q with point %t, prices %t, tree %t, direction %t",
		ErrShape, c.Status, have[0], have[1], have[2], have[3])
}

// StateOptimal computes the certificate that a feasible point and prices give.
func StateOptimal(p Programme, point, prices Vector) (Certificate, error) {
	objective, err := Objective(p, point)
	if err != nil {
		return Certificate{}, err
	}
	bound, err := Bound(p, prices)
	if err != nil {
		return Certificate{}, err
	}
	gap := new(big.Rat).Sub(bound, objective)
	if !p.Maximise {
		gap.Neg(gap)
	}
	return seal(p, Certificate{
		Status: Optimal, Point: &point, Prices: &prices,
		Objective: &Ratio{objective}, Bound: &Ratio{bound}, Gap: &Ratio{gap},
	})
}

// StateInfeasible computes the certificate of prices that no point can satisfy: with
// all costs zero any feasible point is worth zero, and their bound lies below that
// (Farkas' lemma).
func StateInfeasible(p Programme, prices Vector) (Certificate, error) {
	u, err := weigh(p, prices, false)
	if err != nil {
		return Certificate{}, err
	}
	if u.Sign() >= 0 {
		return Certificate{}, fmt.Errorf("%w: the bound of the prices is %.60s and must be below 0", ErrRay, u.RatString())
	}
	return seal(p, Certificate{Status: Infeasible, Prices: &prices})
}

// StateUnbounded computes the certificate of a feasible point and of a direction that
// can be followed from it without end, the objective improving all the way. Columns of
// whole numbers stay whole at every multiple of the direction's denominator (after
// Meyer, "On the existence of optimal solutions to integer and mixed-integer programming
// problems" (1974)).
func StateUnbounded(p Programme, point, direction Vector) (Certificate, error) {
	if _, err := Objective(p, point); err != nil {
		return Certificate{}, err
	}
	if err := direction.check("direction", len(p.Columns)); err != nil {
		return Certificate{}, err
	}
	cone := p.Cone()
	worth, err := Objective(cone, direction)
	if err != nil {
		return Certificate{}, fmt.Errorf("%w: %w", ErrRay, err)
	}
	if !p.Maximise {
		worth.Neg(worth)
	}
	if worth.Sign() <= 0 {
		return Certificate{}, fmt.Errorf("%w: along the direction the objective improves by %.60s", ErrRay, worth.RatString())
	}
	return seal(p, Certificate{Status: Unbounded, Point: &point, Direction: &direction})
}

func seal(p Programme, c Certificate) (Certificate, error) {
	var err error
	if c.Programme, err = p.Digest(); err != nil {
		return Certificate{}, fmt.Errorf("%w: %w", ErrShape, err)
	}
	c.Seal = canon.Digest{}
	if c.Seal, err = canon.DigestOf(c); err != nil {
		return Certificate{}, fmt.Errorf("%w: %w", ErrShape, err)
	}
	return c, nil
}
