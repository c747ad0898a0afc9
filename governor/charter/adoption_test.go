package charter_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity"
	"comity/adapter/cel"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
)

// trial is a clause that breaks no rule.
func trial() *comity.Adoption {
	return &comity.Adoption{CanaryWeeks: 4, MinScored: 2, AdoptRatio: exact.Int(1), RollbackRatio: exact.Int(1), RollbackWeeks: 3, RetireWeeks: 21}
}

func brokenAdoption() []broken {
	tried := func(rule, field string, change func(a *comity.Adoption)) broken {
		return law(rule, "models.adoption."+field, func(_ testing.TB, c *comity.Charter) {
			c.Models.Adoption = trial()
			change(c.Models.Adoption)
		})
	}
	return []broken{
		tried("E116", "canary_weeks", func(a *comity.Adoption) { a.CanaryWeeks = -1 }),
		tried("E116", "canary_weeks", func(a *comity.Adoption) { a.CanaryWeeks = 53 }),
		tried("E116", "rollback_weeks", func(a *comity.Adoption) { a.RollbackWeeks = 0 }),
		tried("E116", "rollback_weeks", func(a *comity.Adoption) { a.RollbackWeeks = 53 }),
		tried("E330", "min_scored", func(a *comity.Adoption) { a.MinScored = 0 }),
		tried("E330", "min_scored", func(a *comity.Adoption) { a.MinScored = 4 }),
		tried("E330", "adopt_ratio", func(a *comity.Adoption) { a.AdoptRatio = exact.Rat{} }),
		tried("E330", "adopt_ratio", func(a *comity.Adoption) { a.AdoptRatio = exact.Int(11) }),
		tried("E330", "rollback_ratio", func(a *comity.Adoption) { a.RollbackRatio = exact.Int(-1) }),
		tried("E330", "retire_weeks", func(a *comity.Adoption) { a.RetireWeeks = 20 }),
		tried("E330", "retire_weeks", func(a *comity.Adoption) { a.RetireWeeks = 0 }),
		tried("E330", "retire_weeks", func(a *comity.Adoption) { a.RetireWeeks = 521 }),
		{rule: "E103", path: "models.adoption.min_scored", document: func(root *charter.Node) {
			m := value(root, "models")
			m.Fields = append(m.Fields, charter.Field{Key: charter.Node{Text: "adoption"}, Value: charter.Node{Shape: charter.Mapping, Line: 1, Column: 1}})
		}},
	}
}

// What a document says of adoption is sealed and read back, and a charter that says
// nothing of it has the digest that it had.
func TestAdoptionIsReadAndSealed(t *testing.T) {
	c := small(t)
	before := canon.Sum(sealed(t, c))
	c.Models.Adoption = trial()
	read, problems := charter.Read(document(t, c), cel.Compile)
	if err := problems.Err("f"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(trial(), read.Models.Adoption, cmp.Comparer(func(a, b exact.Rat) bool { return a.Cmp(b) == 0 })); diff != "" {
		t.Error(diff)
	}
	opened, digest, err := charter.Open(sealed(t, read))
	if err != nil || opened.Models.Adoption == nil || digest == before {
		t.Errorf("opened with %v, digest %s (%v)", opened.Models.Adoption, digest, err)
	}
	read.Models.Adoption = nil
	if got := canon.Sum(sealed(t, read)); got != before {
		t.Errorf("without adoption the digest is %s, was %s", got, before)
	}
}
