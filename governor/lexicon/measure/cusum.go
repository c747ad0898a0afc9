package measure

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"comity/allocator/fairness"
	"comity/chance"
	"comity/exact"
	"comity/governor/lexicon"
	"comity/verifier/privacy/enclosure"
	"comity/verifier/privacy/noise"
)

func lowAndSlow(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	if d.Rows() == 0 {
		return lexicon.Verdict{}, undefined(d, errors.New("there is no row"))
	}
	k, _ := g.Number("k")
	h, _ := g.Number("h")
	band, _ := g.Number("band")
	var down, up, most exact.Rat
	outside := 0 // The first report out of its band, counted from 1.
	for i, z := range d.Numbers("z") {
		if outside == 0 && (z.Cmp(band) > 0 || z.Neg().Cmp(band) > 0) {
			outside = i + 1
		}
		down, up = larger(exact.Rat{}, down.Sub(z).Sub(k)), larger(exact.Rat{}, up.Add(z).Sub(k))
		most = larger(most, larger(down, up))
		if most.Cmp(h) <= 0 {
			continue
		}
		v := lexicon.Verdict{Value: most.String(), Holds: outside == 0, Rule: fmt.Sprintf("the sum is above %s from report %d on, and every report so far is inside %s", h, i+1, band)}
		if outside > 0 {
			v.Rule = fmt.Sprintf("the sum is above %s from report %d on, but report %d is outside %s by itself", h, i+1, outside, band)
		}
		return v, nil
	}
	return lexicon.Verdict{Value: most.String(), Rule: fmt.Sprintf("the sum never exceeds %s", h)}, nil
}

func larger(x, y exact.Rat) exact.Rat {
	if x.Cmp(y) < 0 {
		return y
	}
	return x
}

// Of a simulation: reports are in thousandths of a standard deviation, and all runs
// together take at most maxWeeks.
const (
	thousand = 1_000
	maxWeeks = 50_000_000
	// weeksPerYear is that of the design's numbers: 52 / 75 weeks is 0.69 a year.
	weeksPerYear = 52
)

func falseAlarmRate(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	if d.Rows() != 1 {
		return lexicon.Verdict{}, undefined(d, fmt.Errorf("%d rows, want one with the thresholds", d.Rows()))
	}
	var s simulation
	shift, _ := g.Number("shift")
	for _, t := range []struct {
		into  *int64
		value exact.Rat
		name  string
	}{{&s.k, d.Numbers("k")[0], "k"}, {&s.h, d.Numbers("h")[0], "h"}, {&s.shift, shift, "shift"}} {
		units := t.value.Mul(exact.Int(thousand))
		if !units.IsInt() {
			return lexicon.Verdict{}, d.Refuse("", 0, fmt.Sprintf("%s is %s", t.name, t.value), "write at most three decimals")
		}
		*t.into = units.Floor().Int64()
	}
	lengths, err := s.lengths(g.Count("runs"), seeded(g, "poisoning.false_alarm_rate"))
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	confidence, _ := g.Number("confidence")
	low, mean, high, err := meanOf(lengths, confidence)
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	weeks := exact.Int(weeksPerYear)
	rate, _ := weeks.Quo(mean) // A run has a week at least.
	least, _ := weeks.Quo(high)
	most, err := weeks.Quo(low)
	if err != nil || low.Sign() < 0 {
		return lexicon.Verdict{}, undefined(d, errors.New("the runs differ too much; take more"))
	}
	v, _, upper := estimated(rate, least, most)
	v.Value = decimal(rate, valueDecimals)
	v = atMost(v, "the upper end "+v.High, upper, g, "at_most")
	v.Rule += fmt.Sprintf("; %s weeks to a crossing on average, in %d runs", decimal(mean, 1), len(lengths))
	return v, nil
}

// simulation is a one-sided cumulative sum, in thousandths of a standard deviation.
type simulation struct{ k, h, shift int64 }

// lengths runs the sum until it has crossed so often, from 0 each time, and returns how
// many weeks each took.
func (s simulation) lengths(runs int64, seed chance.Seed) ([]int64, error) {
	normal, err := noise.Gaussian(exact.Int(thousand * thousand))
	if err != nil {
		return nil, err
	}
	coin := coin{chance.NewStream(seed)}
	var batch [4096]int64
	next := len(batch)
	lengths := make([]int64, 0, runs)
	for sum, week, weeks := int64(0), int64(0), 0; len(lengths) < cap(lengths); weeks++ {
		if weeks == maxWeeks {
			return nil, fmt.Errorf("only %d crossings in %d weeks; take fewer runs", len(lengths), maxWeeks)
		}
		if next == len(batch) {
			if err := normal.Fill(batch[:], coin); err != nil {
				return nil, err
			}
			next = 0
		}
		sum = max(0, sum-batch[next]-s.shift-s.k)
		next++
		if week++; sum > s.h {
			lengths = append(lengths, week)
			sum, week = 0, 0
		}
	}
	return lengths, nil
}

// meanOf returns the mean of lengths and its normal interval, mean -+ z s/sqrt(n),
// rounded outwards.
func meanOf(lengths []int64, confidence exact.Rat) (low, mean, high exact.Rat, err error) {
	z, err := fairness.NormalQuantile(confidence)
	if err != nil {
		return low, mean, high, err
	}
	sum, squares := new(big.Int), new(big.Int)
	for _, l := range lengths {
		x := big.NewInt(l)
		sum.Add(sum, x)
		squares.Add(squares, x.Mul(x, x))
	}
	n := exact.Int(int64(len(lengths)))
	whole := func(x *big.Int) exact.Rat { return exact.FromBig(new(big.Rat).SetInt(x)) }
	if mean, err = whole(sum).Quo(n); err != nil {
		return low, mean, high, err
	}
	// s^2/n = (sum x^2 - n mean^2) / (n (n-1)).
	variance, err := whole(squares).Sub(mean.Mul(whole(sum))).Quo(n.Mul(n.Sub(exact.Int(1))))
	if err != nil {
		return low, mean, high, err
	}
	const bits = 64
	reach := z.Mul(enclosure.Sqrt(variance, bits).High)
	return mean.Sub(reach), mean, mean.Add(reach), nil
}

// coin reads a public stream as bytes.
type coin struct{ stream *chance.Stream }

// Read never fails: a stream has no end.
func (c coin) Read(p []byte) (int, error) {
	var word [8]byte
	for at := 0; at < len(p); at += len(word) {
		binary.LittleEndian.PutUint64(word[:], c.stream.Uint64())
		copy(p[at:], word[:])
	}
	return len(p), nil
}
