package linear

import (
	"context"
	"fmt"
	"math"
	"math/big"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

const (
	// missing stands in a column of numbers where there is none.
	missing = math.MinInt64
	// maxNumber bounds the numbers of a column, and so the digits of their deviation.
	maxNumber = 1 << 41
	// maxShift and minShift are those of deviations of one and of 42 digits.
	maxShift, minShift = 16, -25
	// most holds a number in standard units: a thousand of them.
	most = 1 << 26
)

// value returns the value of a term in a row, in 2^-16.
func (t *Term) value(bins []uint8, numbers []int64) int64 {
	switch t.Kind {
	case Number:
		return t.standard(numbers[t.Feature])
	case Absent:
		return yes(numbers[t.Feature] == missing)
	case Level:
		return yes(bins[t.Feature] == t.Bin)
	default:
		return unit
	}
}

func yes(is bool) int64 {
	if is {
		return unit
	}
	return 0
}

// standard returns a number in standard units, rounded half away from zero.
func (t *Term) standard(x int64) int64 {
	if x == missing {
		return 0 // The mean.
	}
	x = min(max(x, -maxNumber), maxNumber) - t.Centre // New rows may say anything.
	if t.Shift < 0 {
		x = fixed.RoundDiv(x, 1<<-t.Shift)
	} else {
		x <<= t.Shift
	}
	return min(max(x, -most), most)
}

// momentWords is the length of a column's part of the first sum: of a number how many
// there are, their sum and the sum of their squares; of a category how many rows are in
// each bin.
func (c *Config) momentWords(f int) int {
	if c.Features[f].Category {
		return c.Features.Bins(f)
	}
	return 1 + wideWords + squareWords
}

// moments makes the first sum: rows, weights and targets, then column by column.
func (t *trainer) moments(ctx context.Context) error {
	c := t.cfg
	length := 2 + wideWords
	for f := range c.Features {
		length += c.momentWords(f)
	}
	x := make([]int64, length)
	t.member.moments(x)
	sum, trace, err := t.trace.Sum(ctx, t.summer, learn.Step{Name: c.Name + "/moments", Bits: 64}, x)
	if err != nil {
		return err
	}
	t.trace, t.rows = trace, sum[0]
	if t.rows < 0 || t.rows > learn.MaxRows || sum[1] < t.rows || sum[1] > t.rows*learn.WholeWeight {
		return fmt.Errorf("%w: %d rows of weight %d", learn.ErrSum, t.rows, sum[1])
	}
	targets, err := readWide(sum[2:], t.rows)
	if err != nil {
		return fmt.Errorf("targets: %w", err)
	}
	if err := c.differ(t.rows, sum[1], targets); err != nil {
		return err
	}
	t.start = c.start(t.rows, sum[1], targets)
	t.terms = []Term{{Feature: -1, Kind: Intercept}}
	at := 2 + wideWords
	for f := range c.Features {
		words := sum[at : at+c.momentWords(f)]
		at += len(words)
		terms, err := c.termsOf(f, words, t.rows)
		if err != nil {
			return fmt.Errorf("feature %d: %w", f, err)
		}
		t.terms = append(t.terms, terms...)
	}
	if len(t.terms) > maxTerms {
		return fmt.Errorf("%w: %d terms; at most %d: use fewer columns or categories, or another learner",
			learn.ErrConfig, len(t.terms), maxTerms)
	}
	return nil
}

// moments adds what the rows that are here say.
func (m *member) moments(x []int64) {
	c := m.cfg
	for i, y := range m.data.Target {
		x[0]++
		x[1] += m.weight(i)
		addWide(x[2:], fixed.RoundDiv(int64(y)*m.weight(i), learn.WholeWeight))
	}
	at := 2 + wideWords
	for f := range c.Features {
		words := x[at : at+c.momentWords(f)]
		at += len(words)
		for i := range m.data.Len() {
			if c.Features[f].Category {
				words[m.data.Bins[f][i]]++
			} else if v := m.data.Numbers[f][i]; v != missing {
				words[0]++
				addWide(words[1:], v)
				addSquare(words[1+wideWords:], v)
			}
		}
	}
}

// differ refuses targets of which the best model is sure without looking at a row: only
// yes, only no, or no event at all.
func (c *Config) differ(rows, weight int64, targets *big.Int) error {
	all := new(big.Int).Mul(big.NewInt(weight), big.NewInt(unit/learn.WholeWeight))
	switch {
	case rows == 0 || c.Loss.Kind == loss.Squared:
		return nil
	case targets.Sign() < 0 || c.Loss.Kind == loss.Logistic && targets.Cmp(all) > 0:
		return fmt.Errorf("%w: targets add up to %s in 2^-16, of rows of weight %d", learn.ErrSum, targets, weight)
	case targets.Sign() == 0 || c.Loss.Kind == loss.Logistic && targets.Cmp(all) == 0:
		return fmt.Errorf("%w: every target is the same, which no finite intercept says", ErrSteps)
	}
	return nil
}

// start returns the coefficient of the constant model.
func (c *Config) start(rows, weight int64, targets *big.Int) int64 {
	if c.Loss.Kind == loss.Squared || rows == 0 || weight == 0 {
		return 0 // One step from anywhere is enough.
	}
	n := fixed.RoundDiv(weight, learn.WholeWeight)
	return int64(c.Loss.Start(c.TargetLo, c.TargetHi, []int64{max(1, n)}, targets.Int64())) << (fine - 16)
}

// termsOf returns the terms of one column. One that says the same of all rows has none.
func (c *Config) termsOf(f int, words []int64, rows int64) ([]Term, error) {
	if c.Features[f].Category {
		return levels(f, words, rows)
	}
	n := words[0]
	if n < 0 || n > rows {
		return nil, fmt.Errorf("%w: %d values in %d rows", learn.ErrSum, n, rows)
	}
	sum, err := readWide(words[1:], n)
	if err != nil {
		return nil, err
	}
	squares, err := readSquare(words[1+wideWords:], n)
	if err != nil {
		return nil, err
	}
	// n times the sum of squared deviations is n sum x^2 - (sum x)^2.
	off := new(big.Int).Mul(squares, big.NewInt(n))
	off.Sub(off, new(big.Int).Mul(sum, sum))
	if off.Sign() < 0 {
		return nil, fmt.Errorf("%w: %d values whose squares add up to less than their mean says", learn.ErrSum, n)
	}
	var terms []Term
	if off.Sign() > 0 {
		deviation := off.Div(off.Sqrt(off), big.NewInt(n)) // Rounded down; below one it counts as one.
		centre := roundQuo(sum, big.NewInt(n)).Int64()
		terms = append(terms, Term{Feature: f, Kind: Number, Centre: centre, Shift: 17 - max(1, deviation.BitLen())})
	}
	if n > 0 && n < rows {
		terms = append(terms, Term{Feature: f, Kind: Absent})
	}
	return terms, nil
}

// levels returns a term for every bin with rows but the fullest.
func levels(f int, counts []int64, rows int64) ([]Term, error) {
	fullest, total := 0, int64(0)
	for bin, n := range counts {
		if n < 0 || n > rows {
			return nil, fmt.Errorf("%w: %d of %d rows in bin %d", learn.ErrSum, n, rows, bin)
		}
		if total += n; n > counts[fullest] {
			fullest = bin
		}
	}
	if total != rows {
		return nil, fmt.Errorf("%w: %d rows in all bins, %d in all", learn.ErrSum, total, rows)
	}
	var terms []Term
	for bin, n := range counts {
		if n > 0 && bin != fullest {
			terms = append(terms, Term{Feature: f, Kind: Level, Bin: uint8(bin)})
		}
	}
	return terms, nil
}

// roundQuo returns a/b, rounded half away from zero. b is positive.
func roundQuo(a, b *big.Int) *big.Int {
	twice := new(big.Int).Lsh(a, 1)
	if a.Sign() < 0 {
		twice.Sub(twice, b)
	} else {
		twice.Add(twice, b)
	}
	return twice.Quo(twice, new(big.Int).Lsh(b, 1))
}
