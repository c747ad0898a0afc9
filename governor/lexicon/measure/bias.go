package measure

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"comity/allocator/fairness"
	"comity/chance"
	"comity/exact"
	"comity/governor/lexicon"
)

func coverage(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	if d.Rows() == 0 {
		return lexicon.Verdict{}, undefined(d, errors.New("there is no row"))
	}
	inside := int64(0)
	for i, truth := range d.Numbers("truth") {
		low, high := d.Numbers("lower")[i], d.Numbers("upper")[i]
		if low.Cmp(high) > 0 {
			return lexicon.Verdict{}, d.Refuse("lower", i, fmt.Sprintf("the interval from %s to %s is empty", low, high), "write the lower end first")
		}
		if low.Cmp(truth) <= 0 && truth.Cmp(high) <= 0 {
			inside++
		}
	}
	confidence, _ := g.Number("confidence")
	rows := int64(d.Rows())
	i, err := fairness.Share(inside, rows, confidence)
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	share, _ := exact.Ratio(inside, rows) // There is a row.
	v, low, high := estimated(share, i.Low, i.High)
	nominal, _ := g.Number("nominal")
	v.Holds = low.Cmp(nominal) <= 0 && nominal.Cmp(high) <= 0
	v.Rule = fmt.Sprintf("%d of %d truths are inside; the promised %s lies %s the interval", inside, rows, nominal, where(v.Holds, "inside", "outside"))
	return v, nil
}

func where(yes bool, this, that string) string {
	if yes {
		return this
	}
	return that
}

// Bounds of a bootstrap.
const (
	maxPeriods = 100_000
	maxDraws   = 50_000_000 // Of blocks, over all resamples.
)

func forecastBias(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	s, err := seriesOf(d, g)
	if err != nil {
		return lexicon.Verdict{}, err
	}
	value, err := s.bias(func(n int) int { return (n * s.block) % s.rows })
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	stream := chance.NewStream(seeded(g, "bias.forecast"))
	again := make([]exact.Rat, g.Count("resamples"))
	for i := range again {
		if again[i], err = s.bias(func(int) int { return stream.IntN(s.rows) }); err != nil {
			return lexicon.Verdict{}, undefined(d, fmt.Errorf("resample %d: %w", i+1, err))
		}
	}
	slices.SortFunc(again, exact.Rat.Cmp)
	confidence, _ := g.Number("confidence")
	half, _ := exact.Ratio(1, 2) // Not a division by 0.
	cut := exact.Int(1).Sub(confidence).Mul(half).Mul(exact.Int(int64(len(again)))).Floor().Int64()
	v, low, high := estimated(value, again[cut], again[int64(len(again))-1-cut])
	bound, bounded := g.Number("at_most") // 0 if none: then the interval must hold 0.
	if !bounded {
		v.Holds = low.Sign() <= 0 && high.Sign() >= 0
		v.Rule = "the interval " + where(v.Holds, "holds 0: no bias is shown", "does not hold 0: a bias is shown")
		return v, nil
	}
	v.Holds = low.Cmp(bound.Neg()) >= 0 && high.Cmp(bound) <= 0
	v.Rule = fmt.Sprintf("the interval %s -%s to %s", where(v.Holds, "lies within", "reaches beyond"), bound, bound)
	return v, nil
}

// seeded derives the public coin of a term from the seed that whoever checks it named.
func seeded(g lexicon.Given, term string) chance.Seed {
	var seed chance.Seed
	binary.BigEndian.PutUint64(seed[len(seed)-8:], uint64(g.Count("seed"))) //nolint:gosec // At least 0.
	return chance.Derive(seed, "lexicon", term)
}

// series is errors and truths in whole units, added up from the start and once around, so
// that any block is a difference of two sums.
type series struct {
	rows, block   int
	errors, truth []*big.Int
}

func seriesOf(d *lexicon.Data, g lexicon.Given) (*series, error) {
	n := d.Rows()
	if n == 0 || n > maxPeriods {
		return nil, undefined(d, fmt.Errorf("%d rows, want 1 to %d", n, maxPeriods))
	}
	s := &series{rows: n, block: min(int(g.Count("block")), n)}
	if draws := g.Count("resamples") * int64((n+s.block-1)/s.block); draws > maxDraws {
		return nil, undefined(d, fmt.Errorf("%d blocks are drawn, at most %d; take larger blocks or fewer resamples", draws, maxDraws))
	}
	unit := big.NewInt(1) // Common denominator.
	for _, column := range []string{"forecast", "truth"} {
		for i, x := range d.Numbers(column) {
			b := x.Big().Denom()
			unit.Mul(unit, new(big.Int).Quo(b, new(big.Int).GCD(nil, nil, unit, b)))
			const most = 1024
			if unit.BitLen() > most {
				return nil, d.Refuse(column, i, fmt.Sprintf("the common denominator has more than %d bits", most), "write decimals")
			}
		}
	}
	whole := exact.FromBig(new(big.Rat).SetInt(unit))
	s.errors, s.truth = []*big.Int{new(big.Int)}, []*big.Int{new(big.Int)}
	for i := range 2 * n {
		truth := d.Numbers("truth")[i%n].Mul(whole).Floor()
		off := d.Numbers("forecast")[i%n].Mul(whole).Floor()
		off.Sub(off, truth)
		s.errors = append(s.errors, off.Add(off, s.errors[i]))
		s.truth = append(s.truth, truth.Add(truth, s.truth[i]))
	}
	return s, nil
}

// bias returns the bias of as many rows as there are, in blocks that begin where start
// says; the last block is cut short.
func (s *series) bias(start func(block int) int) (exact.Rat, error) {
	off, truth := new(big.Int), new(big.Int)
	for k := 0; k*s.block < s.rows; k++ {
		from := start(k)
		to := from + min(s.block, s.rows-k*s.block)
		off.Add(off, s.errors[to]).Sub(off, s.errors[from])
		truth.Add(truth, s.truth[to]).Sub(truth, s.truth[from])
	}
	if truth.Sign() <= 0 {
		return exact.Rat{}, errors.New("the truths add up to 0; take larger blocks")
	}
	return exact.FromBig(new(big.Rat).SetFrac(off, truth)), nil
}
