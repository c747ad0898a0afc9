package table

import (
	"context"
	"fmt"
	"slices"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/number"
)

// Public is what a private survey takes for granted: that it was published before anybody
// looked at a row, as a schema is.
type Public struct {
	Kinds     map[string]Kind // Of every column.
	Low, High int64           // The two values of a binary target.
}

// PublicOf returns what a table says of itself that a private survey takes for granted.
// Whoever uses it vouches that a schema would have said the same.
func PublicOf(f *Frame) Public {
	p := Public{Kinds: map[string]Kind{}, Low: f.Target.Low, High: f.Target.High}
	for _, c := range f.Columns {
		p.Kinds[c.Name] = c.Kind
	}
	return p
}

// Lanes of a column of numbers: one for 0, and for each sign those of the sizes below
// 2^-15, from 2^-15 to below 2^-14, and so on to 2^32 and above.
const (
	leastSize = -15
	mostSize  = 33
	sizes     = mostSize - leastSize + 1
	lanes     = 2*sizes + 1
)

// Private says what a private survey asks, and how noisy its answer is.
type Private struct {
	Config
	Public
	// Deviation is the standard deviation of the noise in each value of the sum.
	Deviation int64
}

// PrivateLength returns how long the one vector of a private survey is, and the square of
// the most by which its Euclidean length changes when one row comes or goes: a row adds 1
// to one lane of each column of numbers, and of the target if that is not binary.
func PrivateLength(p *Private) (length int, square int64) {
	columns := len(p.asked())
	return lanes * columns, int64(columns)
}

// SurveyPrivately is Survey for noisy sums. It makes one sum, table/private: how many values of each column have which sign
// and size. Cuts stand where sizes begin that hold more than noise explains, and between
// them; a column has about Bins bins. Categories share sixteen bins by their keys,
// which needs no sum. A target beyond the sizes seen is moved to their end.
func SurveyPrivately(ctx context.Context, p *Private, t *Table, summer learn.Summer) (*Frame, error) {
	if err := p.check(p.Bins); err != nil {
		return nil, err
	}
	if p.Task != Binary && p.Task != Regression {
		return nil, fmt.Errorf("%w: a private training of task %q; use binary or regression", learn.ErrConfig, p.Task)
	}
	sum, err := p.counts(t)
	if err != nil {
		return nil, err
	}
	f := &Frame{Target: Target{Name: p.Target, Task: p.Task, Low: p.Low, High: p.High}, Clamped: true}
	if len(sum) > 0 {
		if sum, f.Trace, err = f.Trace.Sum(ctx, summer, learn.Step{Name: "table/private", Bits: 64}, sum); err != nil {
			return nil, fmt.Errorf("private survey: %w", err)
		}
		f.Sums = 1
	}
	seen := map[string][]lane{}
	for i, name := range p.asked() {
		seen[name] = occupied(sum[i*lanes:][:lanes], p.Deviation)
	}
	for _, name := range p.Columns {
		c := Column{Name: name, Kind: p.Kinds[name]}
		if c.Kind == Category {
			// Their keys are spread evenly: a number's cuts serve.
			c.Kind, c.Cuts = Hashed, hashedCuts()
		} else {
			c.Cuts = privateCuts(seen[name], p.Bins-1)
		}
		f.Columns = append(f.Columns, c)
	}
	f.Count = 1 // Nobody knows; private learners estimate it.
	f.scalePrivately(seen[p.Target])
	return f, nil
}

// counts returns what one participant adds to the sum: its values by column and lane.
func (p *Private) counts(t *Table) ([]int64, error) {
	length, _ := PrivateLength(p)
	x := make([]int64, length)
	if t == nil {
		return x, nil
	}
	t = t.Having(p.Target)
	for i, name := range p.asked() {
		kind := p.Kinds[name]
		if name == p.Target {
			kind = Number
		}
		keys, err := t.under(&Column{Name: name, Kind: kind})
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if key != number.Missing {
				x[i*lanes+laneOf(key)]++
			}
		}
	}
	return x, nil
}

// asked lists the columns whose sizes are summed.
func (p *Private) asked() []string {
	names := slices.DeleteFunc(slices.Clone(p.Columns), func(name string) bool { return p.Kinds[name] == Category })
	if p.Task != Binary {
		names = append(names, p.Target)
	}
	return names
}

// laneOf returns the lane of a number, in the order of numbers.
func laneOf(key int64) int {
	size := min(max(number.Exponent(key), leastSize), mostSize) - leastSize
	switch {
	case key == 0:
		return sizes
	case key < 0:
		return sizes - 1 - size
	default:
		return sizes + 1 + size
	}
}

// lane is a range of numbers with the count that was seen.
type lane struct {
	from, to int64 // Keys; the last is not in it.
	n        int64
}

// rangeOf returns the keys of a lane.
func rangeOf(at int) (from, to int64) {
	power := func(size int) int64 { return number.FromUnits(1, -size) }
	switch size := at - sizes - 1; {
	case at == sizes:
		return 0, 1
	case at > sizes:
		size += leastSize
		return power(size - 1), power(size)
	default:
		size = sizes - 1 - at + leastSize
		return -power(size), -power(size - 1) // As the keys of negative numbers mirror those of positive ones, less one.
	}
}

// surely is how many standard deviations of noise a count must exceed to be taken for
// one: the noise of one lane in 30,000 does.
const surely = 4

// occupied returns the lanes that hold more than noise explains, or the fullest one.
func occupied(sum []int64, deviation int64) []lane {
	var list []lane
	best := 0
	for at, n := range sum {
		if n > sum[best] {
			best = at
		}
		if n > surely*deviation {
			from, to := rangeOf(at)
			list = append(list, lane{from, to, min(n, learn.MaxRows)})
		}
	}
	if len(list) == 0 {
		from, to := rangeOf(best)
		list = append(list, lane{from, to, 1})
	}
	return list
}

// privateCuts begins a bin with each lane, and cuts lanes into equal parts by their counts.
func privateCuts(list []lane, bins int) []int64 {
	var total int64
	for _, l := range list {
		total += l.n
	}
	cuts := []int64{}
	for i, l := range list {
		if i > 0 {
			cuts = append(cuts, l.from)
		}
		parts := fixed.RoundDiv(l.n*int64(bins), total)
		for k := int64(1); k < parts && l.to-l.from > 1; k++ {
			cuts = append(cuts, l.from+fixed.MulDiv(l.to-l.from, k, parts))
		}
	}
	return cuts[:min(len(cuts), learn.MaxCuts)]
}

// hashedCuts divides the keys of categories into sixteen equal ranges.
func hashedCuts() []int64 {
	var cuts []int64
	for i := int64(-7); i < 8; i++ {
		cuts = append(cuts, i<<60)
	}
	return cuts
}

// scalePrivately puts the range of a target into 2 to 4 units of 2^16 on either side of 0.
func (f *Frame) scalePrivately(list []lane) {
	t := &f.Target
	if t.Task == Binary {
		t.Loss = loss.Loss{Kind: loss.Logistic, Scale: fixed.One}
		f.Least, f.Most = 0, fixed.One
		return
	}
	low, high := list[0].from, list[len(list)-1].to
	const rangeBits = q16 + 3
	t.Exponent = rangeBits - reach(low, high)
	from, to := number.Units(low, t.Exponent), number.Units(high, t.Exponent)
	t.Offset = (from + to) / 2
	f.Least, f.Most = fixed.Q16(from-t.Offset), max(fixed.Q16(to-t.Offset), fixed.Q16(from-t.Offset)+1)
	// Were targets even over the range, its sixth would be 1.7 times their deviation; they
	// mostly crowd in the middle.
	t.Loss = loss.Loss{Kind: loss.Squared, Scale: max(1, (f.Most-f.Least)/6)}
}
