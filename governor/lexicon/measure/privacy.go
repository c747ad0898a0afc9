package measure

import (
	"fmt"

	"comity/exact"
	"comity/governor/lexicon"
	"comity/verifier/privacy"
)

func differentialPrivacy(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	var rho exact.Rat
	for _, r := range d.Numbers("rho") {
		rho = rho.Add(r)
	}
	delta, _ := g.Number("delta")
	left := delta
	for _, own := range d.Numbers("delta") {
		left = left.Sub(own)
	}
	if left.Sign() <= 0 {
		return lexicon.Verdict{}, undefined(d, fmt.Errorf("the releases' own failure probabilities leave nothing of delta %s", delta))
	}
	epsilon, err := privacy.Epsilon(rho, left)
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	// Its unit is 10^-12: the decimals are all of it.
	v := lexicon.Verdict{Value: decimal(epsilon, valueDecimals)}
	return atMost(v, "the value "+v.Value, epsilon, g, "epsilon"), nil
}
