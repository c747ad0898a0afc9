// Package program lowers a charter, a frozen picture and the parties' signed
// declarations to one linear programme in whole numbers, the same on every machine.
//
// Expressions see four families of names and nothing else, so that no rule can look
// at who a party is:
//
//	party.<value>       what the party itself declared
//	supply.<value>      what the supplier declared, one for all
//	total.<value>       the sum of party.<value> over all who declare it
//	picture.ratio_w<N>  the party's median forecast N weeks ahead over its own reference level
package program

import (
	"errors"
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

const (
	// MaxCost bounds the scale and every scaled cost. With 2^20 for the fraction of
	// prices a reduced cost stays below 2^63 (docs/format/certificate.md).
	MaxCost = 1 << 40
	// MaxAmount bounds every bound of a column or row: a double, in which solvers
	// work, still holds all whole numbers of eight times this size.
	MaxAmount = 1 << 50
)

var (
	// ErrCharter says that the charter asks for what cannot be lowered.
	ErrCharter = errors.New("charter cannot be lowered")
	// ErrForbidden says that an expression uses an input that the charter forbids.
	ErrForbidden = errors.New("forbidden input")
	// ErrInput says that an expression uses a name that nothing provides.
	ErrInput = errors.New("unknown input")
	// ErrDeclaration says that a declaration is missing, repeated or out of place.
	ErrDeclaration = errors.New("declaration does not fit the charter")
	// ErrPicture says that the picture lacks what the charter reads from it.
	ErrPicture = errors.New("picture does not fit the charter")
	// ErrRange says that a number is too large to be allocated exactly.
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

// Lower returns the problem: a column for each receiving party and group, a row for
// each budget and for each party under each floor and cap. The receiving parties are
// those who must declare what the groups' needs are computed from.
//
// A receiving party that never declared is left out and named: the newest numbers of all
// others hold, however old.
//
// Needs, floors and caps are rounded down. A floor that nothing can satisfy is kept
// as it is: solving then names the rules that contradict each other.
func Lower(in Inputs) (comity.Problem, error) {
	c := in.Charter
	if c.Objective.Sense != "maximise" {
		return comity.Problem{}, fmt.Errorf("%w: objective sense %q; write maximise", ErrCharter, c.Objective.Sense)
	}
	if err := checkForbidden(c); err != nil {
		return comity.Problem{}, err
	}
	source, err := newSource(in)
	if err != nil {
		return comity.Problem{}, err
	}
	l := lowering{charter: c, source: source}
	problem := comity.Problem{
		Charter: in.CharterDigest,
		Picture: in.PictureDigest,
		Period:  in.Picture.Period,
		Unit:    c.Scope.Unit,
		Absent:  source.absent,
	}
	if problem.Columns, problem.Scale, err = l.columns(); err != nil {
		return comity.Problem{}, err
	}
	if problem.Needs, err = needs(source.receivers, problem.Columns); err != nil {
		return comity.Problem{}, err
	}
	if problem.Rows, err = l.rows(problem.Columns); err != nil {
		return comity.Problem{}, err
	}
	return problem, nil
}

type lowering struct {
	charter comity.Charter
	source  *source
}

// needs sums the columns' upper bounds by party: what evenness is measured against.
func needs(receivers []party.ID, columns []comity.Column) ([]comity.Need, error) {
	list := make([]comity.Need, len(receivers))
	for k, id := range receivers {
		list[k].Party = id
	}
	for _, c := range columns {
		k, _ := slices.BinarySearch(receivers, c.Party)
		sum, err := list[k].Amount.Add(c.Upper)
		if err != nil || sum > MaxAmount {
			return nil, fmt.Errorf("need of %s: %w: above %d units in all groups", c.Party, ErrRange, quantity.Amount(MaxAmount))
		}
		list[k].Amount = sum
	}
	return list, nil
}

// units rounds a number down to whole units within ±MaxAmount.
func units(x exact.Rat) (quantity.Amount, error) {
	n := x.Floor()
	if !n.IsInt64() || n.Int64() > MaxAmount || n.Int64() < -MaxAmount {
		return 0, fmt.Errorf("%w: %s units, at most %d either way", ErrRange, n, quantity.Amount(MaxAmount))
	}
	return quantity.Amount(n.Int64()), nil
}
