package solve_test

import (
	"errors"
	"testing"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/canon"
	"comity/exact"
	"comity/quantity"
)

// coefficient is one number of a certificate; add changes it in place.
type coefficient struct {
	what   string
	stated bool // What is claimed, and not a part of the proof.
	add    func(delta int64)
}

// coefficients lists every number of a certificate.
func coefficients(c *comity.Certificate) []coefficient {
	var list []coefficient
	ratios := func(what string, x *exact.Rat) {
		list = append(list, coefficient{what, true, func(d int64) { *x = x.Add(exact.Int(d)) }})
	}
	ints := func(what string, values []canon.Int) {
		for k := range values {
			list = append(list, coefficient{what, false, func(d int64) { values[k] += canon.Int(d) }})
		}
	}
	for i := range c.Stages {
		s := &c.Stages[i]
		ratios("value", &s.Value)
		ratios("bound", &s.Bound)
		ratios("gap", &s.Gap)
		ints("weight", s.Weights)
		for _, cut := range s.Cuts {
			ints("cut", cut.Vector)
		}
		ints("price", s.Proof.Prices)
		for _, leaf := range s.Proof.Tree {
			ints("price of a case", leaf.Prices)
			if leaf.Split != nil {
				list = append(list, coefficient{"split", false, func(d int64) { leaf.Split.At += quantity.Amount(d) }})
			}
		}
	}
	return list
}

// TestAnyChangedCoefficientIsCaught changes every number of the certificates of all kinds
// of aim by one. What is claimed cannot be changed at all. What proves it can be, where
// several proofs of the same claim exist; then the claim is as true as before.
func TestAnyChangedCoefficientIsCaught(t *testing.T) {
	list := charters(6, 1)
	for _, name := range []string{"cap", "minimum lot", "gini", "jain", "maximin", "leximin", "nash", "slack, then maximin", "conservation and flows"} {
		t.Run(name, func(t *testing.T) {
			p, err := program.Lower(list[name].inputs())
			if err != nil {
				t.Fatal(err)
			}
			got, err := solve.Allocate(t.Context(), p, engine(t), canon.Digest{})
			if err != nil {
				t.Fatal(err)
			}
			other := 0
			all := coefficients(&got.Certificate)
			for _, c := range all {
				for _, delta := range []int64{1, -1, 1 << 21} {
					c.add(delta)
					err := certificate.Check(p, got.Units, got.Certificate, exact.Int(1))
					switch {
					case err == nil && c.stated:
						t.Errorf("a %s is changed by %d and accepted", c.what, delta)
					case err == nil:
						other++
						restated(t, p, got)
					case !errors.Is(err, certificate.ErrInvalid):
						t.Errorf("a %s is changed by %d: %v, want ErrInvalid", c.what, delta, err)
					}
					c.add(-delta)
				}
			}
			if err := certificate.Check(p, got.Units, got.Certificate, exact.Int(1)); err != nil {
				t.Error(err)
			}
			t.Logf("%d numbers; %d of %d changes prove the same claim", len(all), other, 3*len(all))
		})
	}
}

// restated computes what a certificate proves and compares it with what it claims.
func restated(t *testing.T, p comity.Problem, got solve.Result) {
	t.Helper()
	again, err := certificate.State(p, got.Units, got.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range got.Certificate.Stages {
		if s.Bound.Cmp(again.Stages[i].Bound) != 0 || s.Gap.Cmp(again.Stages[i].Gap) != 0 {
			t.Errorf("stage %s: bound %s and gap %s are accepted, %s and %s are proved", s.Stage, s.Bound, s.Gap, again.Stages[i].Bound, again.Stages[i].Gap)
		}
	}
}
