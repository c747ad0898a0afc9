package explore

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"comity"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

// Since says how a division came from the one before it: by which family of inputs who
// gained and lost. Families are replaced one after another in the order below and the
// problem is solved again each time, so that the parts add up to the whole; in another
// order the parts would differ.
type Since struct {
	Before  string        `json:"before"` // The two periods.
	Now     string        `json:"now"`
	Steps   []Step        `json:"steps"`
	Parties []PartySince  `json:"parties"`
	Inputs  []InputChange `json:"inputs"` // Declared numbers that changed.
}

// The families of inputs, in the order in which they are replaced.
const (
	FamilySupply       = "supply"       // What was declared for all.
	FamilyPicture      = "picture"      // The forecasts, and with them the period and its lot.
	FamilyDeclarations = "declarations" // What parties declared for themselves.
	FamilyCharter      = "charter"      // The rules.
)

// Step is one family.
type Step struct {
	Family  string          `json:"family"`
	Changed bool            `json:"changed"`
	Moved   quantity.Amount `json:"moved"`
	// Joined says that this family could not be told apart from the next: with it alone
	// the rules contradict each other, so the next step holds what both did.
	Joined   bool     `json:"joined"`
	Conflict []string `json:"conflict,omitempty"` // The clauses.
}

// PartySince is what each family did to one party.
type PartySince struct {
	Difference
	By []quantity.Amount `json:"by"` // By step.
}

// InputChange is one declared number that is not what it was.
type InputChange struct {
	Name   string    `json:"name"`
	Before canon.Int `json:"before"`
	Now    canon.Int `json:"now"`
}

// Since explains the change from one answer to the next.
func (e *Engine) Since(ctx context.Context, before, now Answer) (Since, error) {
	out := Since{
		Before: before.Problem.Period, Now: now.Problem.Period,
		Steps: []Step{}, Parties: []PartySince{}, Inputs: inputChanges(before.Inputs, now.Inputs),
	}
	for _, d := range Differences(before, now) {
		out.Parties = append(out.Parties, PartySince{Difference: d})
	}
	last, c := before, ordered(before.Case)
	for _, family := range []string{FamilySupply, FamilyPicture, FamilyDeclarations, FamilyCharter} {
		next := replace(c, now.Case, family)
		step := Step{Family: family, Changed: !reflect.DeepEqual(c, next)}
		c = next
		then := last
		if step.Changed {
			answer, err := e.Solve(ctx, c)
			conflict, infeasible := errors.AsType[*solve.ConflictError](err)
			switch {
			case infeasible:
				step.Joined, step.Conflict = true, conflict.Clauses
			case refused(err), errors.Is(err, program.ErrDeclaration), errors.Is(err, program.ErrInput), errors.Is(err, program.ErrPicture):
				step.Joined = true // Old numbers do not fit new rules, or the other way round.
			case err != nil:
				return out, err
			default:
				then = answer
			}
		}
		if family == FamilyCharter { // All is replaced: what was decided.
			then = now
		}
		out.add(step, last, then)
		last = then
	}
	return out, nil
}

// add records what one step did to each party.
func (s *Since) add(step Step, before, after Answer) {
	differences := Differences(before, after)
	step.Moved = Moved(differences)
	for i := range s.Parties {
		var by quantity.Amount
		for _, d := range differences {
			if d.Party == s.Parties[i].Party {
				by = d.Change
			}
		}
		s.Parties[i].By = append(s.Parties[i].By, by)
	}
	s.Steps = append(s.Steps, step)
}

// replace takes one family of inputs from another case.
func replace(c, from Case, family string) Case {
	in := c.Inputs
	switch family {
	case FamilyPicture:
		in.Picture, in.PictureDigest, c.Lot = from.Inputs.Picture, from.Inputs.PictureDigest, from.Lot
	case FamilyCharter:
		in.Charter, in.CharterDigest, in.Declarations = from.Inputs.Charter, from.Inputs.CharterDigest, from.Inputs.Declarations
	}
	if family == FamilySupply || family == FamilyDeclarations {
		supply := family == FamilySupply
		kept := slices.DeleteFunc(slices.Clone(in.Declarations), func(d program.Declared) bool { return fromSupply(in.Charter, d) == supply })
		for _, d := range from.Inputs.Declarations {
			if fromSupply(from.Inputs.Charter, d) == supply {
				kept = append(kept, d)
			}
		}
		in.Declarations = kept
	}
	c.Inputs = in
	return ordered(c)
}

// ordered gives declarations one order, and the period of the picture, whichever they
// were made for.
func ordered(c Case) Case {
	c.Inputs.Declarations = slices.SortedFunc(slices.Values(c.Inputs.Declarations), compareDeclared)
	for i := range c.Inputs.Declarations {
		c.Inputs.Declarations[i].Declaration.Period = c.Inputs.Picture.Period
	}
	return c
}

func compareDeclared(a, b program.Declared) int {
	return cmp.Or(cmp.Compare(a.Declaration.Clause, b.Declaration.Clause), cmp.Compare(a.Party, b.Party))
}

func fromSupply(c comity.Charter, d program.Declared) bool {
	clause, _ := charter.Clause(c, d.Declaration.Clause)
	return clause.As == "supply"
}

// inputChanges lists declared numbers that differ, those for all first, then by party.
func inputChanges(before, now program.Inputs) []InputChange {
	out := []InputChange{}
	authors := []party.ID{""}
	for _, d := range now.Declarations {
		authors = append(authors, d.Party)
	}
	slices.Sort(authors)
	for _, id := range slices.Compact(authors) {
		names := SupplyNames(now)
		if id != "" {
			names = PartyNames(now, id)
		}
		for _, name := range names {
			d, _ := declaredBy(now, name)
			old, ok := declaredBy(before, name)
			if !ok {
				continue
			}
			for _, v := range d.values {
				x, y := before.Declarations[old.at].Declaration.Values[v], now.Declarations[d.at].Declaration.Values[v]
				if x != y {
					prefix, _, _ := strings.Cut(name, ".")
					out = append(out, InputChange{prefix + "." + v, x, y})
				}
			}
		}
	}
	return out
}
