package measure

import (
	"fmt"
	"math/big"

	"comity/exact"
	"comity/governor/lexicon"
	"comity/verifier/privacy/enclosure"
)

// maxAges bounds the rows of a record: each takes an exponential.
const maxAges = 10_000

func lowerBound(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	if d.Rows() > maxAges {
		return lexicon.Verdict{}, undefined(d, fmt.Errorf("%d rows, at most %d; add up commitments of one age", d.Rows(), maxAges))
	}
	a, _ := g.Number("a")
	b, _ := g.Number("b")
	halfLife, _ := g.Number("half_life_days")
	quantile, _ := g.Number("quantile")
	kept, broken := enclosure.Bounds{Low: a, High: a}, enclosure.Bounds{Low: b, High: b}
	for i, age := range d.Numbers("age_days") {
		lives, err := age.Quo(halfLife)
		if err != nil {
			return lexicon.Verdict{}, err
		}
		worth := halved(lives)
		kept, broken = added(kept, worth, d.Numbers("kept")[i]), added(broken, worth, d.Numbers("broken")[i])
	}
	// The quantile grows with what was kept and falls with what was broken.
	low, err := quantileOf(unitsDown(kept.Low), unitsUp(broken.High), quantile)
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	high, err := quantileOf(unitsUp(kept.High), unitsDown(broken.Low), quantile)
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	v, least, _ := enclosed(low.Low, high.High)
	return atLeast(v, "the lower end "+v.Low, least, g), nil
}

func quantileOf(a, b *big.Int, p exact.Rat) (enclosure.Bounds, error) {
	d, err := newBeta(a, b)
	if err != nil {
		return enclosure.Bounds{}, err
	}
	return d.quantile(p)
}

func unitsDown(x exact.Rat) *big.Int { return units(x, shapeBits) }

func unitsUp(x exact.Rat) *big.Int { n := units(x.Neg(), shapeBits); return n.Neg(n) }

// decayBits is the precision of what an old commitment counts.
const decayBits = 160

// halved encloses 2^-lives.
func halved(lives exact.Rat) enclosure.Bounds {
	if lives.Sign() == 0 {
		return enclosure.Bounds{Low: exact.Int(1), High: exact.Int(1)}
	}
	ln2 := enclosure.Log(exact.Int(2), decayBits)
	return enclosure.Bounds{
		Low:  enclosure.Exp(ln2.High.Mul(lives).Neg(), decayBits).Low,
		High: enclosure.Exp(ln2.Low.Mul(lives).Neg(), decayBits).High,
	}
}

func added(sum, each enclosure.Bounds, times exact.Rat) enclosure.Bounds {
	return enclosure.Bounds{Low: sum.Low.Add(each.Low.Mul(times)), High: sum.High.Add(each.High.Mul(times))}
}
