package cheat

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"comity"
	"comity/governor/charter"
	"comity/node"
)

func charterSwapped() Cheat {
	return Cheat{
		Name: "charter-swapped", Title: "The charter is swapped", Who: "hub",
		Tries: "The hub founds the log with a charter in which the clause that guarantees everybody a floor is gone.",
		run:   swapped,
	}
}

// errNoFloor says that a charter has nothing to take out.
var errNoFloor = errors.New("this charter has no clause of kind floor to leave out")

func swapped(ctx context.Context, s *stage) error {
	var gone comity.Constraint
	var other comity.Charter
	s.cheat.Charter = func(sealed []byte) ([]byte, error) {
		c, _, err := charter.Open(sealed)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(c.Constraints, func(x comity.Constraint) bool { return x.Kind == "floor" })
		if i < 0 {
			return nil, errNoFloor
		}
		gone = c.Constraints[i]
		c.Constraints = slices.Delete(slices.Clone(c.Constraints), i, i+1)
		other = c
		sealed, _, err = charter.Seal(c)
		return sealed, err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	wanted := is(node.ErrSplit)
	if err := s.until(ctx, s.found, wanted, s.everybody()); err != nil {
		return err
	}
	s.caught(wanted)
	s.out.Tried = fmt.Sprintf("The hub logged a charter with the same parties and keys, but without clause %s, and asked all members to ratify it.", gone.ID)
	series, err := s.pooled(ctx, s.Scenario.Rows)
	if err != nil {
		return err
	}
	honest, err := s.allocate(ctx, s.rules, s.Scenario.Needs, series)
	if err != nil {
		return err
	}
	lied, err := s.allocate(ctx, other, s.Scenario.Needs, series)
	if err != nil {
		return err
	}
	nothing := 0
	for _, x := range lied.result.Parties {
		if x.Amount == 0 && share(honest.result.Parties, x.Party) > 0 {
			nothing++
		}
	}
	s.out.WouldHave = upper(s.moved(honest.result.Parties, lied.result.Parties)) + "."
	if nothing > 0 {
		s.out.WouldHave += fmt.Sprintf(" Of %d members %d get nothing at all.", s.everybody(), nothing)
	}
	return nil
}
