package oneshot

import (
	"fmt"
	"math/big"

	"comity"
	"comity/exact"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/lane"
)

// DefaultThreshold is two thirds: with it a third of a member's holders may fall out,
// and a third would have to collude to give two different answers.
func DefaultThreshold() exact.Rat {
	r, err := exact.Ratio(2, 3)
	if err != nil {
		panic(err) // Constants.
	}
	return r
}

// CheckOpen refuses terms that no member may join under.
func CheckOpen(o comity.Open) error {
	for _, f := range [...]struct{ name, text string }{
		{"round", o.Round}, {"epoch", o.Epoch}, {"clause", o.Clause}, {"noise", o.Noise}, {"layout", o.Layout},
	} {
		if f.text == "" || len(f.text) > maxText {
			return fmt.Errorf("open %.80q: %w: %s of %d bytes; use 1 to %d", o.Round, ErrTerms, f.name, len(f.text), maxText)
		}
	}
	half, _ := exact.Ratio(1, 2)
	switch {
	case o.Plan.IsZero() || o.Schema.IsZero():
		return fmt.Errorf("open %s: %w: no digest of plan or schema", o.Round, ErrTerms)
	case o.Lanes < 1 || o.Lanes > secagg.MaxLanes:
		return fmt.Errorf("open %s: %w: %d lanes; use 1 to %d", o.Round, ErrTerms, o.Lanes, secagg.MaxLanes)
	case o.Bound < 1:
		return fmt.Errorf("open %s: %w: bound %d; use 1 or more", o.Round, ErrTerms, o.Bound)
	case o.Threshold.Cmp(half) <= 0 || o.Threshold.Cmp(exact.Int(1)) > 0:
		return fmt.Errorf("open %s: %w: threshold %s of the holders; use more than 1/2, at most 1", o.Round, ErrTerms, o.Threshold)
	case o.MinMembers < secagg.MinMembers || o.MinMembers > MaxMembers:
		return fmt.Errorf("open %s: %w: at least %d members; use %d to %d", o.Round, ErrTerms, o.MinMembers, secagg.MinMembers, MaxMembers)
	case o.Bucket != 0 && (o.Bucket < max(MinBucket, o.MinMembers) || o.Bucket > MaxMembers):
		return fmt.Errorf("open %s: %w: buckets of %d; use 0 for one, or at least %d and the minimum of %d members",
			o.Round, ErrTerms, o.Bucket, MinBucket, o.MinMembers)
	case o.Degree < 0 || o.Degree%2 != 0 || o.Degree >= MaxHolders || o.Degree > 0 && o.Degree < 2*MinBucket:
		return fmt.Errorf("open %s: %w: %d neighbours; use 0 for the rule, or an even number from %d to %d",
			o.Round, ErrTerms, o.Degree, 2*MinBucket, MaxHolders-1)
	}
	return checkDeadlines(o)
}

func checkDeadlines(o comity.Open) error {
	at := [...]int{0, o.JoinBy, o.NonceBy, o.DealBy, o.ComplainBy, o.CommitBy, o.UnmaskBy}
	for i := 1; i < len(at); i++ {
		if at[i] <= at[i-1] {
			return fmt.Errorf("open %s: %w: deadline %d is %d, the one before %d; each is later", o.Round, ErrTerms, i, at[i], at[i-1])
		}
	}
	return nil
}

// shapeOf chooses the narrowest lanes that hold any sum of n inputs.
func shapeOf(o comity.Open, n int) (lane.Shape, error) {
	sum := new(big.Int).Mul(big.NewInt(int64(o.Bound)), big.NewInt(int64(n)))
	for _, c := range [...]struct {
		bits int
		room int // Sums stay below 2^room, with three bits to spare in the widest lanes.
	}{{16, 15}, {32, 31}, {64, 60}} {
		if sum.BitLen() <= c.room {
			return lane.Shape{Bits: c.bits, Lanes: o.Lanes}, nil
		}
	}
	return lane.Shape{}, fmt.Errorf("open %s: %w: %d members of bound %d exceed 2^60", o.Round, ErrTerms, n, o.Bound)
}

// threshold is how many of m holders recover a member's secrets: always more than half.
func threshold(o comity.Open, m int) int {
	num := o.Threshold.Big()
	t := new(big.Int).Mul(num.Num(), big.NewInt(int64(m)))
	t.Add(t, num.Denom()).Sub(t, big.NewInt(1)).Div(t, num.Denom()) // Rounded up.
	return int(t.Int64())
}
