// Package program lowers a charter, a frozen picture and the parties' signed
// declarations to one problem in whole numbers, the same on every machine.
//
// Expressions see five families of names and nothing else, so that no rule can look
// at who a party is:
//
//	party.<value>       what the party itself declared
//	supply.<value>      what the supplier declared, one for all
//	total.<value>       the sum of party.<value> over all who declare it
//	picture.ratio_w<N>  the party's median forecast N weeks ahead over its own reference level
//	period.number       which period of the plan it is, from 1
package program

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

const (
	// MaxCost bounds the scale, every scaled cost and every coefficient of a row. With
	// 2^20 for the fraction of prices a reduced cost stays below 2^63
	// (docs/format/certificate.md).
	MaxCost = 1 << 40
	// MaxAmount bounds every bound of a column or row: a double, in which solvers
	// work, still holds all whole numbers of eight times this size.
	MaxAmount = 1 << 50
	// MaxSize bounds columns and rows. Five times the largest problem that is promised
	// an answer (200 parties, 20 groups, 52 periods).
	MaxSize = 1 << 20
)

var (
	// ErrCharter says that the charter asks for what cannot be lowered.
	ErrCharter = errors.New("charter cannot be lowered")
	// ErrForbidden says that the charter depends on an input that it forbids.
	ErrForbidden = errors.New("forbidden input")
	// ErrInput says that an expression uses a name that nothing provides there.
	ErrInput = errors.New("unknown input")
	// ErrDeclaration says that a declaration is missing, repeated or out of place.
	ErrDeclaration = errors.New("declaration does not fit the charter")
	// ErrPicture says that the picture lacks what the charter reads from it.
	ErrPicture = errors.New("picture does not fit the charter")
	// ErrUnit says that numbers of one thing come in different units.
	ErrUnit = errors.New("units do not match")
	// ErrRange says that a number has no meaning where it stands, or is too large to be
	// allocated exactly.
	ErrRange = errors.New("number out of range")
)

// Inputs is all that an allocation depends on.
type Inputs struct {
	Charter       comity.Charter
	CharterDigest canon.Digest
	Picture       comity.Picture
	PictureDigest canon.Digest
	Declarations  []Declared // In any order, at most one by party and clause.
}

// Declared is a declaration with its author.
type Declared struct {
	Party       party.ID
	Declaration comity.Declaration
}

// Lower returns the problem: a column for each receiving party, group, piece of a
// benefit and period; more for flows, stocks and lots; rows and limits for the
// constraints; and a stage for each aim (docs/format/certificate.md, Problem). The
// receiving parties are those who must declare what the groups' needs are computed from.
//
// A receiving party that never declared is left out and named: the newest numbers of all
// others hold, however old.
//
// A constraint that nothing can satisfy is kept as it is: solving then names the rules
// that contradict each other.
func Lower(in Inputs) (comity.Problem, error) {
	c := in.Charter
	if c.Objective.Sense != charter.Maximise && c.Objective.Sense != charter.Minimise {
		return comity.Problem{}, fmt.Errorf("%w: objective sense %.20q; write maximise or minimise", ErrCharter, c.Objective.Sense)
	}
	if c.Scope.Periods < 1 || c.Scope.Periods > charter.MaxPeriods {
		return comity.Problem{}, fmt.Errorf("%w: scope.periods is %d; write 1 to %d", ErrCharter, c.Scope.Periods, charter.MaxPeriods)
	}
	if err := checkForbidden(c); err != nil {
		return comity.Problem{}, err
	}
	source, err := newSource(in)
	if err != nil {
		return comity.Problem{}, err
	}
	l := &lowering{charter: c, source: source}
	for _, part := range []func() error{l.shares, l.means, l.arrange, l.needs, l.stages, l.rules, l.finish} {
		if err := part(); err != nil {
			return comity.Problem{}, err
		}
	}
	l.problem.Charter, l.problem.Picture = in.CharterDigest, in.PictureDigest
	l.problem.Period, l.problem.Unit, l.problem.Absent = in.Picture.Period, c.Scope.Unit, source.absent
	return l.problem, nil
}

// lowering is a problem in the making.
type lowering struct {
	charter comity.Charter
	source  *source
	problem comity.Problem
	columns []column        // As in the problem, once they are arranged.
	at      map[string]int  // Index of a column by its id.
	under   map[where][]int // Columns with a party: of it, of a period, of both, all.
	needed  map[party.ID]quantity.Amount
}

// finish puts rows and limits in order and refuses what is there twice.
func (l *lowering) finish() error {
	p := &l.problem
	slices.SortFunc(p.Rows, func(a, b comity.Row) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(p.Limits, func(a, b comity.Limit) int { return cmp.Compare(a.ID, b.ID) })
	for i := 1; i < len(p.Rows); i++ {
		if p.Rows[i-1].ID == p.Rows[i].ID {
			return fmt.Errorf("%w: row %s twice; give each clause its own id", ErrCharter, p.Rows[i].ID)
		}
	}
	for i := 1; i < len(p.Limits); i++ {
		if p.Limits[i-1].ID == p.Limits[i].ID {
			return fmt.Errorf("%w: limit %s twice; give each clause its own id", ErrCharter, p.Limits[i].ID)
		}
	}
	return nil
}

// units rounds a number down to whole units within ±MaxAmount.
func units(x exact.Rat) (quantity.Amount, error) {
	n := x.Floor()
	if !n.IsInt64() || n.Int64() > MaxAmount || n.Int64() < -MaxAmount {
		return 0, fmt.Errorf("%w: %s units, at most %d either way", ErrRange, n, quantity.Amount(MaxAmount))
	}
	return quantity.Amount(n.Int64()), nil
}
