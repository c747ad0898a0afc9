package solve

import "math"

const (
	// segments is how many steps of a party's unmet need are modelled to each side of
	// the present point; beyond, one long piece keeps every point reachable. It changes
	// the time and not the result: 200 parties take 0.8 s with 4 and 1.6 s with 8.
	segments = 4
	pieces   = 2*segments + 2
	// slopeScale brings marginal values, which lie between 0 and 1, to the size of
	// floatBits.
	slopeScale = 1 << floatBits
	// fraction is how far from a whole number a unit may be and still be taken for it.
	fraction = 1e-5
)

// model is the programme around one point at one scale: a column for each free column
// of the face, then 2*segments+2 pieces for each party.
type model struct {
	lp      LP
	columns []int // Of the face, by column of the programme.
	step    int64
	pieces  int // First piece's column.
	parties int
	// rowAt and partyRow are rows of the programme, -1 for none, by row and party of
	// the form; cuts come between them.
	rowAt, partyRow []int
	cutAt           int // The first cut's row.
}

func (fc *face) model(x []int64, step int64) *model {
	m := &model{step: step}
	m.lp.Start = []int32{0}
	rowAt, activity := fc.activeRows(x)
	for i, at := range rowAt {
		if at >= 0 {
			m.lp.RowLower = append(m.lp.RowLower, distance(fc.rows[i].lower, activity[i], step, -1))
			m.lp.RowUpper = append(m.lp.RowUpper, distance(fc.rows[i].upper, activity[i], step, 1))
		}
	}
	m.cutAt = len(m.lp.RowLower)
	for _, c := range fc.cuts {
		m.lp.RowLower = append(m.lp.RowLower, math.Inf(-1))
		m.lp.RowUpper = append(m.lp.RowUpper, (-c.activity(fc.form, x)-c.margin)/float64(step))
	}
	partyRow, curve := make([]int, len(fc.need)), fc.curves()
	for k := range fc.need {
		partyRow[k] = -1
		for _, j := range fc.members[k] {
			if curve.counts(k, j) && fc.lower[j] < fc.upper[j] && partyRow[k] < 0 {
				partyRow[k] = len(m.lp.RowLower)
				m.lp.RowLower = append(m.lp.RowLower, 0)
				m.lp.RowUpper = append(m.lp.RowUpper, 0)
			}
		}
	}
	for j, c := range fc.columns {
		if fc.lower[j] == fc.upper[j] {
			continue
		}
		m.columns = append(m.columns, j)
		m.lp.Cost = append(m.lp.Cost, 0)
		m.lp.Lower = append(m.lp.Lower, float64(fc.lower[j]-x[j])/float64(step))
		m.lp.Upper = append(m.lp.Upper, float64(fc.upper[j]-x[j])/float64(step))
		for _, t := range c.terms {
			m.entry(rowAt[t.at], float64(t.coeff))
		}
		if c.party >= 0 {
			for i, cut := range fc.cuts {
				m.entry(m.cutAt+i, cut.coeffs[c.party])
			}
		}
		if c.party >= 0 && partyRow[c.party] >= 0 && curve.counts(c.party, j) {
			m.entry(partyRow[c.party], curve.share(c.party, j))
		}
		m.lp.Start = append(m.lp.Start, int32(len(m.lp.Index))) //nolint:gosec // Below maxNodes by check.
	}
	m.rowAt, m.partyRow = rowAt, partyRow
	m.pieces = len(m.columns)
	for k, at := range partyRow {
		if at >= 0 {
			m.addPieces(at, curve.slopes(k, x))
		}
	}
	return m
}

func (m *model) entry(row int, value float64) {
	m.lp.Index = append(m.lp.Index, int32(row)) //nolint:gosec // Below maxNodes by check.
	m.lp.Value = append(m.lp.Value, value)
}

// addPieces models one party: its move is -segments - left + the sum of the others,
// where the pieces' marginal values fall, so that they fill from left to right.
//
// Conversions to float64 keep a compiler from fusing products into sums, which some
// processors do.
func (m *model) addPieces(row int, c slopes) {
	m.parties++
	s := float64(m.step)
	far := c.far/s + segments
	add := func(cost, lower, upper, sign float64) {
		m.lp.Cost = append(m.lp.Cost, slopeScale*cost)
		m.lp.Lower = append(m.lp.Lower, lower)
		m.lp.Upper = append(m.lp.Upper, upper)
		m.entry(row, sign)
		m.lp.Start = append(m.lp.Start, int32(len(m.lp.Index))) //nolint:gosec // Below maxNodes by check.
	}
	low, high := c.at-float64(segments*s), c.at+float64(segments*s)
	if low > c.least {
		add(-c.slope(max(c.least, min(c.last, low-s)), low), 0, far, 1)
	} else {
		add(0, 0, 0, 1)
	}
	for k := range 2 * segments {
		a := low + float64(float64(k)*s)
		if a > c.least {
			add(c.slope(a, a+s), 0, 1, -1)
		} else {
			add(0, 1, 1, -1) // Below it there is nothing.
		}
	}
	add(c.slope(high, max(c.most, high+s)), 0, far, -1)
	m.lp.RowLower[row], m.lp.RowUpper[row] = -segments, -segments
}

// inside tells whether every party stays where its pieces are one step wide. There the
// model's optimum is one for all moves, because the values are concave; at the edge
// the next piece is long and its marginal value a mere average.
func (m *model) inside(v []float64) bool {
	for k := range m.parties {
		first := m.pieces + k*pieces
		move := -v[first] - segments
		for _, piece := range v[first+1 : first+pieces] {
			move += piece
		}
		if math.Abs(move) > segments-fraction {
			return false
		}
	}
	return true
}

// move adds the solution's steps to x, rounded to units, and tells whether all of
// them were whole.
func (fc *face) move(x []int64, m *model, v []float64) bool {
	whole := true
	for at, j := range m.columns {
		units := v[at] * float64(m.step)
		whole = whole && math.Abs(units-math.Round(units)) < fraction
		x[j] += clampFloat(units, fc.lower[j]-x[j], fc.upper[j]-x[j])
	}
	return whole
}

// activeRows numbers the rows that hold a free column, -1 for others, and sums all
// rows at x.
func (fc *face) activeRows(x []int64) (at []int, activity []int64) {
	at, activity = make([]int, len(fc.rows)), make([]int64, len(fc.rows))
	count := 0
	for i, r := range fc.rows {
		at[i] = -1
		for _, t := range r.terms {
			activity[i] += t.coeff * x[t.at]
			if at[i] < 0 && fc.lower[t.at] < fc.upper[t.at] {
				at[i] = count
				count++
			}
		}
	}
	return at, activity
}

func (f *form) total(x []int64, party int) int64 {
	var sum int64
	for _, j := range f.members[party] {
		sum += x[j]
	}
	return sum
}

// distance returns how many steps a row may move from its present sum to a bound.
func distance(bound *int64, activity, step int64, sign int) float64 {
	if bound == nil {
		return math.Inf(sign)
	}
	return float64(*bound-activity) / float64(step)
}
