package analytics

import (
	"fmt"
	"math/big"

	"comity"
	"comity/canon"
	"comity/exact"
)

// State says whether a number is shown.
const (
	Given     = "given"
	Withheld  = "withheld"  // Too few rows, or others could be worked out from it; with noise, a count below the minimum.
	Undefined = "undefined" // No rows, or too much noise to divide by.
)

// Label is one category and its value.
type Label struct {
	Column string `json:"column"`
	Value  string `json:"value"`
}

// Value is one number of an answer.
type Value struct {
	Name  string  `json:"name"`
	Group []Label `json:"group"` // Empty for all rows; a total leaves its column out.
	State string  `json:"state"`
	// Value is exact in the unit of the answer. A ratio too long to be sealed is rounded
	// to the nearest 10^-18, and Rounded says so.
	Value   *exact.Rat `json:"value,omitempty"`
	Rounded bool       `json:"rounded"`
	// Low and High enclose the number where bins or noise leave it open: bins for certain,
	// noise with a probability of 0.95 for all numbers of the answer together. Value lies
	// between them; with noise no number is given without them.
	Low  *exact.Rat `json:"low,omitempty"`
	High *exact.Rat `json:"high,omitempty"`
}

// Report counts cells that were not used as they were. Noise moves these counts too; what it
// takes below 0 is 0.
type Report struct {
	Missing    canon.Int `json:"missing"`    // Rows with an empty cell.
	Suppressed canon.Int `json:"suppressed"` // Rows with a cell that its publisher withheld.
	Below      canon.Int `json:"below"`      // Values raised to the lower bound.
	Above      canon.Int `json:"above"`      // Values lowered to the upper bound.
}

// Span is where a quantile lies, in the smallest units of the column: what Refine takes.
type Span struct {
	Name  string    `json:"name"`
	Group []Label   `json:"group"`
	Low   canon.Int `json:"low"`
	High  canon.Int `json:"high"`
}

// Answer is what all rows of a cohort say together. It has a canonical form.
type Answer struct {
	Kind     string    `json:"kind"`
	Unit     string    `json:"unit"` // Of sums, means and quantiles; that of a variance is its square.
	Members  int       `json:"members"`
	Values   []Value   `json:"values"`
	Withheld int       `json:"withheld"` // How many values are.
	Spans    []Span    `json:"spans"`
	Report   *Report   `json:"report,omitempty"`
	Variance exact.Rat `json:"variance"` // Of the noise on each number of the sum.
	Remarks  []string  `json:"remarks"`
}

// Opened is the sum of a cohort's vectors.
type Opened struct {
	Sum     []int64
	Members int
	// Variance is that of the noise in each number of the sum, from all members together;
	// 0 without noise.
	Variance exact.Rat
}

// decoder collects an answer.
type decoder struct {
	answer Answer
	scale  exact.Rat // Smallest units in one unit.
	spread exact.Rat // Half the width of a noisy number's interval.
}

// give adds a number that is known exactly.
func (d *decoder) give(name string, group []Label, x exact.Rat) { d.within(name, group, x, nil) }

// within adds a number with the interval that encloses it.
func (d *decoder) within(name string, group []Label, x exact.Rat, around *span) {
	v := Value{Name: name, Group: append([]Label{}, group...), State: Given}
	v.Value, v.Rounded = sealable(x, 0)
	if around != nil {
		v.Low, _ = sealable(around.low, -1)
		v.High, _ = sealable(around.high, 1)
	}
	d.answer.Values = append(d.answer.Values, v)
}

// withhold adds a number that is not shown.
func (d *decoder) withhold(name string, group []Label, undefined bool) {
	v := Value{Name: name, Group: append([]Label{}, group...), State: Withheld}
	if undefined {
		v.State = Undefined
	} else {
		d.answer.Withheld++
	}
	d.answer.Values = append(d.answer.Values, v)
}

// count adds a number of rows, which noise can have moved.
func (d *decoder) count(name string, group []Label, n int64) {
	d.rows(name, group, n, d.spread)
}

// rows adds a number of rows that is off by at most so much. There are never fewer than
// none: what noise takes below 0 is given as 0, and the sum of the round still has it.
func (d *decoder) rows(name string, group []Label, n int64, off exact.Rat) {
	if off.Sign() == 0 {
		d.give(name, group, exact.Int(n))
		return
	}
	atLeast0 := func(x exact.Rat) exact.Rat { return most(x, exact.Rat{}) }
	around := span{atLeast0(exact.Int(n).Sub(off)), atLeast0(exact.Int(n).Add(off))}
	d.within(name, group, atLeast0(exact.Int(n)), &around)
}

// few tells whether a count is too small to be shown. Noise does not tell none from a few,
// so that with noise everything below the minimum is, whatever its sign.
func (d *decoder) few(n int64, minimum int) bool {
	return minimum > 0 && n < int64(minimum) && (n > 0 || d.spread.Sign() != 0)
}

// noisy returns the interval of a number of the sum.
func (d *decoder) noisy(n int64) span {
	return span{exact.Int(n).Sub(d.spread), exact.Int(n).Add(d.spread)}
}

func (d *decoder) remark(format string, args ...any) {
	d.answer.Remarks = append(d.answer.Remarks, fmt.Sprintf(format, args...))
}

// sealable returns x, or x rounded to a multiple of 10^-18 where its text is too long:
// down, to the nearest or up as side is below, at or above 0.
func sealable(x exact.Rat, side int) (*exact.Rat, bool) {
	if len(x.String()) <= exact.MaxText {
		return &x, false
	}
	grain := new(big.Int).Exp(big.NewInt(10), big.NewInt(18), nil)
	scaled := x.Mul(exact.FromBig(new(big.Rat).SetInt(grain)))
	if side == 0 {
		scaled = scaled.Add(exact.FromBig(big.NewRat(1, 2)))
	}
	n := scaled.Floor()
	if side > 0 {
		n.Add(n, big.NewInt(1))
	}
	rounded := exact.FromBig(new(big.Rat).SetFrac(n, grain))
	return &rounded, true
}

// Decode returns the answer in the sum of a cohort's vectors. Errors: ErrSum, ErrSplit.
func (l *Layout) Decode(o Opened) (Answer, error) {
	if err := l.checkSum(o); err != nil {
		return Answer{}, err
	}
	d := &decoder{spread: halfWidth(o.Variance, len(l.Lanes)), scale: one()}
	d.answer = Answer{Kind: l.query.Kind, Members: o.Members, Values: []Value{}, Spans: []Span{}, Remarks: []string{}, Variance: o.Variance}
	if l.column >= 0 && l.heavy == nil {
		c := l.schema.Columns[l.column]
		d.answer.Unit = c.Unit
		for range c.Decimals {
			d.scale = d.scale.Mul(exact.Int(10))
		}
	}
	if l.query.Lower != "" {
		d.remark("values of %s outside %s to %s count as the nearer of the two", l.query.Column, l.query.Lower, l.query.Upper)
	}
	if o.Variance.Sign() != 0 {
		d.remark("every number of the sum has noise of variance %s; intervals hold with a probability of 0.95, all of them together", o.Variance)
	}
	if err := l.decode(o.Sum, d); err != nil {
		return Answer{}, err
	}
	if d.answer.Withheld > 0 && o.Variance.Sign() != 0 {
		d.remark("noisy counts below %d are withheld, and what follows from them; the intervals of all others hold as they stand", l.query.MinimumCell)
	}
	if l.report >= 0 {
		r := o.Sum[l.report:]
		d.answer.Report = &Report{
			Missing: canon.Int(max(0, r[reportMissing])), Suppressed: canon.Int(max(0, r[reportSuppressed])),
			Below: canon.Int(max(0, r[reportBelow])), Above: canon.Int(max(0, r[reportAbove])),
		}
	}
	return d.answer, nil
}

// checkSum refuses what no cohort of such members can have summed up to.
func (l *Layout) checkSum(o Opened) error {
	if len(o.Sum) != len(l.Lanes) || o.Members < 1 || o.Members > MaxMembers || o.Variance.Sign() < 0 {
		return fmt.Errorf("%w: %d numbers from %d members; %d numbers from 1 to %d members are possible", ErrSum, len(o.Sum), o.Members, len(l.Lanes), MaxMembers)
	}
	if n := len(o.Variance.String()); n > exact.MaxText {
		return fmt.Errorf("%w: a variance of %d characters, at most %d can be sealed", ErrSum, n, exact.MaxText)
	}
	if o.Variance.Sign() > 0 {
		return l.Noisy()
	}
	for i, lane := range l.Lanes {
		if most := lane.Bound * int64(o.Members); o.Sum[i] > most || o.Sum[i] < -most {
			return fmt.Errorf("%w: %s is %d and at most %d in magnitude for %d members", ErrSum, lane.Name, o.Sum[i], most, o.Members)
		}
	}
	counts := l.Lanes
	if len(l.moments) > 0 { // Of each cell the first is a count; the rest may be negative.
		for cell := range l.cells {
			if n := o.Sum[cell*l.bins]; n < 0 {
				return fmt.Errorf("%w: %s is %d, a count below 0", ErrSum, l.Lanes[cell*l.bins].Name, n)
			}
		}
		counts = nil
	}
	for i := range counts {
		if o.Sum[i] < 0 {
			return fmt.Errorf("%w: %s is %d, a count below 0", ErrSum, l.Lanes[i].Name, o.Sum[i])
		}
	}
	return nil
}

// decode reads the lanes by kind.
func (l *Layout) decode(sum []int64, d *decoder) error {
	switch {
	case len(l.moments) > 0:
		for cell := range l.cells {
			l.decodeMoments(l.labels(cell), sum[cell*l.bins:][:l.bins], d)
		}
	case l.heavy != nil:
		l.decodeHeavy(sum, d)
	case l.query.Kind == comity.QueryQuantiles:
		for cell := range l.cells {
			l.quantiles(l.labels(cell), sum[cell*l.bins:][:l.bins], d)
		}
	case l.event >= 0:
		return l.decodeSurvival(sum, d)
	default:
		l.decodeCounts(sum[:l.cells*l.bins], d)
	}
	return nil
}

// decodeHeavy lists what is frequent, by name.
func (l *Layout) decodeHeavy(sum []int64, d *decoder) {
	others := int64(0)
	for i, n := range sum[:l.bins] {
		if n >= int64(l.query.MinimumCell) {
			d.count(l.Lanes[i].Name, nil, n)
		} else if d.few(n, l.query.MinimumCell) {
			others++
		}
	}
	d.answer.Withheld = int(others)
	d.remark("values are named by %d of the %d hexadecimal digits of their salted hash; a count is of all values whose hash begins so", len(l.Lanes[0].Name), hashDigits)
}

// decodeSurvival gives each group's curve, and compares two groups.
func (l *Layout) decodeSurvival(sum []int64, d *decoder) error {
	for cell := range l.cells {
		if err := l.survival(l.labels(cell), sum[cell*l.bins:][:l.bins], d); err != nil {
			return err
		}
	}
	if d.spread.Sign() != 0 {
		d.remark("from noisy counts there are no variances and no log-rank test")
		return nil
	}
	if l.cells != 2 {
		return nil
	}
	return logRank(sum[:l.bins], sum[l.bins:2*l.bins], d)
}
