package federation_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/exact"
	"comity/verifier/federation"
	"comity/verifier/privacy"
)

func noisyQuestion(carried exact.Rat) comity.Question {
	return comity.Question{
		Round: "2026-11-18/ages", Period: "2026-11-18", Code: federation.Code, Lanes: 3, Bound: 1000, Disclosure: privacy.Noisy,
		Square: exact.Int(1), Variance: exact.Int(600), Carried: carried, MinMembers: 3, Seconds: 10,
	}
}

// The noise of a sum is at least what its members added, and with each member that may
// carry some it grows by that.
func TestNoise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		invited := rapid.IntRange(3, 200).Draw(t, "invited")
		members := rapid.IntRange(1, invited).Draw(t, "members")
		carried := rapid.Int64Range(0, 1<<50).Draw(t, "carried")
		alone := federation.Noise(noisyQuestion(exact.Rat{}), invited, members)
		share, err := exact.Ratio(3*600, int64(invited))
		if err != nil {
			t.Fatal(err)
		}
		if want := share.Mul(exact.Int(int64(members))); alone.Cmp(want) != 0 {
			t.Fatalf("%d of %d members added %s, want %s", members, invited, alone, want)
		}
		all := federation.Noise(noisyQuestion(exact.Int(carried)), invited, members)
		if want := alone.Add(exact.Int(carried).Mul(exact.Int(int64(members)))); all.Cmp(want) != 0 {
			t.Fatalf("with %d carried: %s, want %s", carried, all, want)
		}
	})
	q := noisyQuestion(exact.Rat{})
	q.Disclosure = privacy.Exact
	if n := federation.Noise(q, 3, 3); n.Sign() != 0 {
		t.Errorf("noise of %s without noise", n)
	}
}

func TestCheckCarried(t *testing.T) {
	half, err := exact.Ratio(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, good := range []exact.Rat{{}, exact.Int(1), exact.Int(1 << 50)} {
		if err := federation.Check(noisyQuestion(good)); err != nil {
			t.Errorf("carried %s: %v", good, err)
		}
	}
	for _, bad := range []exact.Rat{exact.Int(-1), exact.Int(1<<50 + 1), half} {
		if err := federation.Check(noisyQuestion(bad)); !errors.Is(err, federation.ErrQuestion) {
			t.Errorf("carried %s: %v, want ErrQuestion", bad, err)
		}
	}
	q := noisyQuestion(exact.Int(1))
	q.Disclosure, q.Square, q.Variance = privacy.Exact, exact.Rat{}, exact.Rat{}
	if err := federation.Check(q); !errors.Is(err, federation.ErrQuestion) {
		t.Errorf("carried without noise: %v, want ErrQuestion", err)
	}
}
