package replay_test

import (
	"testing"

	"comity/allocator/program"
	"comity/canon"
	"comity/replay"
)

// testDecisions wants of each decision the inputs that lower to the problem it solves.
func testDecisions(t *testing.T, r run) {
	open := func(place string) ([]replay.Decided, error) {
		source, err := replay.Open(t.Context(), place)
		if err != nil {
			return nil, err
		}
		return source.Decisions(t.Context())
	}
	all, err := open(string(r.home))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d decisions: %v", len(all), err)
	}
	problem, err := program.Lower(all[0].Inputs)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := canon.DigestOf(problem)
	if err != nil || digest != all[0].Allocation.Problem {
		t.Errorf("the inputs lower to %s, the allocation solves %s: %v", digest, all[0].Allocation.Problem, err)
	}
	if about, err := canon.DigestOf(all[0].Allocation); err != nil || about != all[0].About || all[0].Lot.IsZero() {
		t.Errorf("allocation %s is said to be %s, with lot %s: %v", about, all[0].About, all[0].Lot, err)
	}
	if none, err := open(r.early); err != nil || len(none) != 0 {
		t.Errorf("before the decision: %d decisions, %v", len(none), err)
	}
}
