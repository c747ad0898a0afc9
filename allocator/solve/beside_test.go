package solve_test

import (
	"testing"

	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
)

// Where volumes and a budget leave fractions, units lie beside the face of the greatest
// worth. What is proved of their evenness without a programme over all columns must be no
// worse than what such a programme proves, and take fewer digits.
func TestEvennessBesideTheFace(t *testing.T) {
	s := engine(t)
	for seed := range uint64(3) {
		o := rollout{countries: 30, groups: 6, periods: 8, rough: true, coarse: 500}
		p := o.problem(seed)
		got, err := solve.Allocate(t.Context(), p, s, canon.Digest{})
		if err != nil {
			t.Fatal(err)
		}
		if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 1000)); err != nil {
			t.Fatal(err)
		}
		slow, err := solve.Certify(t.Context(), p, s, got.Units)
		if err != nil {
			t.Fatal(err)
		}
		mine, theirs := got.Certificate.Stages[1], slow.Stages[1]
		if first(got).Gap.Sign() == 0 {
			t.Errorf("seed %d: units on the face itself test nothing", seed)
		}
		if mine.Gap.Cmp(theirs.Gap) > 0 {
			t.Errorf("seed %d: gap of evenness %s, with a programme over all columns %s", seed, mine.Gap, theirs.Gap)
		}
	}
}
