package table

import (
	"fmt"
	"math/big"
	"math/bits"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/number"
	"comity/place"
)

// Task is what is asked of a target.
type Task string

// The tasks.
const (
	Guess      Task = ""
	Regression Task = "regression" // Its mean.
	Binary     Task = "binary"     // The chance of the higher of its two values.
	Count      Task = "count"      // The mean of what is 0 or more, as a factor of the columns.
	Quantile   Task = "quantile"   // A quantile of it.
)

func (t Task) known() bool {
	return t == Guess || t == Regression || t == Binary || t == Count || t == Quantile
}

// Target says how the target becomes what a learner fits. It is public.
type Target struct {
	Name string
	Task Task
	// Low and High are the keys of the two values of a binary target, which become 0 and 1.
	Low, High int64
	// Any other value y becomes y 2^Exponent - Offset, rounded to whole units of 2^-16.
	Exponent int
	Offset   int64
	Loss     loss.Loss
}

const (
	// q16 is the number of bits after the point of what learners fit.
	q16 = 16
	// spreadBits: the standard deviation of a scaled target is 1 to 2.
	spreadBits = q16 + 1
	// roomBits bounds a scaled target, as learn.MaxMagnitude does.
	roomBits = 30
	// wideBits is the size of the numbers in which the spread is computed.
	wideBits = 62
)

// scale finds the task, scale and loss of the target from its sketch.
func (s *survey) scale() (Target, error) {
	c := s.target
	leaves := c.sketch.leaves()
	first, last := c.sketch.cells[leaves[0]], c.sketch.cells[leaves[len(leaves)-1]]
	t := Target{Name: c.name, Task: s.cfg.Task}
	two := len(leaves) == 2 && first.free == 0 && last.free == 0
	if t.Task == Guess {
		t.Task = Regression
		if two {
			t.Task = Binary
		}
	}
	low, high := s.ends()
	switch {
	case low == high:
		return t, fmt.Errorf("%w: %s is %s in every row; there is nothing to learn", ErrTarget, c.name, number.Text(low))
	case t.Task == Binary && !two:
		return t, c.third()
	case t.Task == Binary:
		t.Low, t.High = low, high
		t.Loss = loss.Loss{Kind: loss.Logistic, Scale: fixed.One}
	case t.Task == Count && low < 0:
		return t, c.negative()
	case t.Task == Count:
		s.scaleCount(&t, high)
	default:
		s.scaleAffine(&t, low, high)
		t.Loss = loss.Loss{Kind: loss.Squared, Scale: t.Loss.Scale}
		if t.Task == Quantile {
			t.Loss.Kind, t.Loss.Level = loss.Quantile, s.cfg.Level
			if t.Loss.Level == 0 {
				t.Loss.Level = 500
			}
		}
	}
	return t, nil
}

// ends returns keys that no target lies beyond.
func (s *survey) ends() (low, high int64) {
	sk := s.target.sketch
	leaves := sk.leaves()
	last := sk.cells[leaves[len(leaves)-1]]
	return keyOf(sk.cells[leaves[0]].start), keyOf(last.start + (1<<last.free - 1))
}

// scaleAffine puts the median at about 0 and makes the standard deviation 1 to 2, less
// where the furthest value would not fit.
func (s *survey) scaleAffine(t *Target, low, high int64) {
	fine := wideBits - reach(low, high) // Exponent of the units here.
	median := number.Units(s.median(), fine)
	spread := s.spread(median, fine) // About the median, so at least the standard deviation.
	far := max(distance(number.Units(low, fine), median), distance(number.Units(high, fine), median))
	shift := max(spread.BitLen()-spreadBits, bits.Len64(far)-roomBits+1)
	t.Exponent = fine - shift
	t.Offset = number.Units(s.median(), t.Exponent)
	t.Loss.Scale = max(1, fixed.Q16(shifted(spread, -shift)))
}

// reach returns the least e with 2^e above the magnitudes of two keys that are not both 0.
func reach(low, high int64) int {
	switch {
	case low == 0:
		return number.Exponent(high)
	case high == 0:
		return number.Exponent(low)
	}
	return max(number.Exponent(low), number.Exponent(high))
}

// distance returns |a-b|, which may need 64 bits.
func distance(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b) //nolint:gosec // a is not below b.
}

// scaleCount keeps counts as they are, or divides them by a power of two until the largest
// fits and their mean is at most 512.
func (s *survey) scaleCount(t *Target, high int64) {
	const meanBits = 9
	fine := wideBits - number.Exponent(high)
	sum := new(big.Int)
	for _, at := range s.target.sketch.leaves() {
		c := s.target.sketch.cells[at]
		sum.Add(sum, new(big.Int).Mul(big.NewInt(number.Units(keyOf(c.start), fine)), big.NewInt(c.n)))
	}
	mean := sum.Div(sum, big.NewInt(max(1, s.target.sketch.cells[0].n)))
	// The mean is mean 2^-fine; as a Q16 it is mean 2^(exponent-fine).
	t.Exponent = min(q16, roomBits-number.Exponent(high), q16+meanBits+fine-mean.BitLen())
	t.Loss = loss.Loss{Kind: loss.Poisson, Scale: max(1, fixed.Q16(shifted(mean, t.Exponent-fine)))}
}

// shifted returns x 2^by, rounded down.
func shifted(x *big.Int, by int) int64 {
	if by < 0 {
		return new(big.Int).Rsh(x, uint(-by)).Int64()
	}
	return new(big.Int).Lsh(x, uint(by)).Int64()
}

// median returns the least key of the cell with the middle value.
func (s *survey) median() int64 {
	sk := s.target.sketch
	var below int64
	for _, at := range sk.leaves() {
		if below += sk.cells[at].n; 2*below >= sk.cells[0].n {
			return keyOf(sk.cells[at].start)
		}
	}
	return 0
}

// spread returns the root of the mean square distance from a middle.
func (s *survey) spread(middle int64, exponent int) *big.Int {
	sk, sum := s.target.sketch, new(big.Int)
	for _, at := range sk.leaves() {
		d := new(big.Int).SetUint64(distance(number.Units(keyOf(sk.cells[at].start), exponent), middle))
		sum.Add(sum, d.Mul(d, d).Mul(d, big.NewInt(sk.cells[at].n)))
	}
	return sum.Sqrt(sum.Div(sum, big.NewInt(max(1, sk.cells[0].n))))
}

// third says that a binary target has more than two values.
func (c *surveyed) third() error {
	const fix = "keep two values, or choose another task"
	reason := fmt.Sprintf("the target %s has more than two values", c.name)
	if c.column == nil || c.column.span.distinct < 3 {
		return fmt.Errorf("%w: %s; %s", ErrTarget, reason, fix)
	}
	at := c.column.span.third
	return spotted(at, fmt.Sprintf("%s: %q after %s and %s", reason, at.text,
		number.Text(c.column.span.values[0]), number.Text(c.column.span.values[1])), fix)
}

// negative says that a count is below zero.
func (c *surveyed) negative() error {
	const fix = "correct it, or choose the task regression"
	reason := fmt.Sprintf("the target %s has values below 0, which no count is", c.name)
	if c.column == nil || c.column.span.negative.column == 0 {
		return fmt.Errorf("%w: %s; %s", ErrTarget, reason, fix)
	}
	at := c.column.span.negative
	return spotted(at, fmt.Sprintf("%s: %q", reason, at.text), fix)
}

func spotted(at spot, reason, fix string) error {
	return &place.Error{File: at.place.File, Line: max(at.place.Line, 1), Column: at.column, Reason: reason, Fix: fix, Cause: ErrTarget}
}

// Scaled returns what a learner fits for a value of the target. ok is false for a value
// that the sums do not know: of a binary target a third one, or one too far away.
func (t *Target) Scaled(key int64) (y fixed.Q16, ok bool) {
	if t.Task == Binary {
		switch key {
		case t.Low:
			return 0, true
		case t.High:
			return fixed.One, true
		}
		return 0, false
	}
	units := number.Units(key, t.Exponent)
	switch far := distance(units, t.Offset) > learn.MaxMagnitude; {
	case far && units > t.Offset:
		return learn.MaxMagnitude, false
	case far:
		return -learn.MaxMagnitude, false
	}
	return fixed.Q16(units - t.Offset), true
}

// Prediction returns the key of what a score says about the target: its mean or quantile,
// or the chance of its higher value, with 40 binary digits.
func (t *Target) Prediction(score fixed.Q16) int64 {
	if t.Task == Binary {
		const digits = 40 // Of fixed.LogisticFine.
		return number.FromUnits(fixed.LogisticFine(score), digits)
	}
	return number.FromUnits(int64(t.Loss.Mean(score))+t.Offset, t.Exponent)
}
