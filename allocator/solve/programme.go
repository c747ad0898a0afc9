package solve

import (
	"math"
	"math/bits"
)

// floatBits is the size to which numbers are brought before they enter floating
// point: at 2^20 a solver's tolerance of 1e-9 is a part in 10^15, the last digit of a
// double. Scaling is by powers of two, which rounds nothing.
const floatBits = 20

// relaxation is the linear programme of a face without whole units, in moves from a point:
// what is large is where the point lies and not how far it moves. Columns and rows of the
// form come first, then its cuts, then what a stage adds.
type relaxation struct {
	lp        LP // Without its matrix until programme is called.
	entries   [][]entry
	unitShift int   // Moves are divided by 2^unitShift,
	columns   []int // or by 2^columns, by column of the form: not those that are yes or no.
	costShift int   // Costs are divided by 2^costShift.
	rowShift  []int // Rows, with their coefficients, by another 2^rowShift.
}

type entry struct {
	row   int
	value float64
}

// relax returns the programme of greatest worth around x.
func (fc *face) relax(x []int64) *relaxation {
	var bound uint64
	for j := range fc.columns {
		bound = max(bound, size(fc.lower[j]-x[j]), size(fc.upper[j]-x[j]))
	}
	return fc.relaxBy(x, max(0, bits.Len64(bound)-floatBits))
}

// relaxBy is relax with moves in steps of 2^unitShift.
func (fc *face) relaxBy(x []int64, unitShift int) *relaxation {
	r := &relaxation{unitShift: unitShift}
	var cost uint64
	for _, c := range fc.columns {
		cost = max(cost, size(c.cost))
	}
	r.costShift = max(0, bits.Len64(cost)-floatBits)
	for j, c := range fc.columns {
		shift := unitShift
		if c.isSwitch() {
			shift = 0
		}
		r.columns = append(r.columns, shift)
		r.column(math.Ldexp(float64(c.cost), shift-r.unitShift-r.costShift),
			math.Ldexp(float64(fc.lower[j]-x[j]), -shift), math.Ldexp(float64(fc.upper[j]-x[j]), -shift))
	}
	for i, row := range fc.rows {
		var largest uint64
		activity := int64(0)
		for _, t := range row.terms {
			largest = max(largest, size(t.coeff)>>(unitShift-r.columns[t.at]))
			activity += t.coeff * x[t.at]
		}
		shift := max(0, bits.Len64(largest)-floatBits)
		r.rowShift = append(r.rowShift, shift)
		r.row(scaled(row.lower, activity, -1, r.unitShift+shift), scaled(row.upper, activity, 1, r.unitShift+shift))
		for _, t := range row.terms {
			r.enter(t.at, i, math.Ldexp(float64(t.coeff), r.columns[t.at]-unitShift-shift))
		}
	}
	for _, c := range fc.cuts {
		at := r.row(math.Inf(-1), math.Ldexp(-c.activity(fc.form, x)-c.margin, -r.unitShift))
		for k, members := range fc.members {
			for _, j := range members {
				r.enter(j, at, c.coeffs[k])
			}
		}
	}
	return r
}

// isSwitch tells whether a column is a means that is yes or no.
func (c column) isSwitch() bool { return c.party < 0 && c.upper-c.lower <= 1 }

func (r *relaxation) column(cost, lower, upper float64) int {
	r.lp.Cost = append(r.lp.Cost, cost)
	r.lp.Lower = append(r.lp.Lower, lower)
	r.lp.Upper = append(r.lp.Upper, upper)
	r.entries = append(r.entries, nil)
	return len(r.entries) - 1
}

func (r *relaxation) row(lower, upper float64) int {
	r.lp.RowLower = append(r.lp.RowLower, lower)
	r.lp.RowUpper = append(r.lp.RowUpper, upper)
	return len(r.lp.RowLower) - 1
}

func (r *relaxation) enter(column, row int, value float64) {
	if value != 0 {
		r.entries[column] = append(r.entries[column], entry{row, value})
	}
}

// programme returns the finished programme.
func (r *relaxation) programme() LP {
	lp := r.lp
	lp.Start = []int32{0}
	for _, entries := range r.entries {
		for _, e := range entries {
			lp.entry(e.row, e.value)
		}
		lp.endColumn()
	}
	return lp
}

// entry adds a coefficient to the column that endColumn will end.
func (lp *LP) entry(row int, value float64) {
	lp.Index = append(lp.Index, int32(row)) //nolint:gosec // Below maxTerms by check.
	lp.Value = append(lp.Value, value)
}

func (lp *LP) endColumn() {
	lp.Start = append(lp.Start, int32(len(lp.Index))) //nolint:gosec // Below maxTerms by check.
}

// scaled returns how far a bound lies from the activity, divided by 2^shift, or infinity
// of the given sign.
func scaled(bound *int64, activity int64, sign, shift int) float64 {
	if bound == nil {
		return math.Inf(sign)
	}
	return math.Ldexp(float64(*bound-activity), -shift)
}

func size(x int64) uint64 {
	if x < 0 {
		return -uint64(x) //nolint:gosec // Two's complement: right for the least number too.
	}
	return uint64(x)
}
