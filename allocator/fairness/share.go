package fairness

import (
	"fmt"

	"comity/exact"
)

// Share encloses the share behind yes out of of by Wilson's interval at a confidence, say
// 19/20, rounded outwards. Its coverage is that of Wilson's method: close, not exact.
//
// Source: Wilson, "Probable inference, the law of succession, and statistical
// inference", JASA 22 (1927).
func Share(yes, of int64, confidence exact.Rat) (Interval, error) {
	z, err := NormalQuantile(confidence)
	if err != nil {
		return Interval{}, fmt.Errorf("share: %w", err)
	}
	if of < 1 || of > maxCount || yes < 0 || yes > of {
		return Interval{}, fmt.Errorf("share: %w: %d of %d, want 0 to all of 1 to %d", ErrInput, yes, of, int64(maxCount))
	}
	p := newProportion(Count{Yes: yes, Of: of}, z)
	return Interval{p.low, p.high}, nil
}

// NormalQuantile returns the smallest multiple z of 1e-6 for which surely P(|Z| <= z) is
// at least the confidence, for a standard normal Z. The confidence is above 0 and at
// most 999999/1000000.
func NormalQuantile(confidence exact.Rat) (exact.Rat, error) {
	if err := checkConfidence(confidence); err != nil {
		return exact.Rat{}, err
	}
	return normal(exact.Int(1).Sub(confidence)), nil
}
