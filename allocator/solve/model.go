package solve

import (
	"math"
	"slices"
)

const (
	// segments is how many pieces of a party's curve are modelled to each side of the
	// present point; beyond, one long piece keeps every point reachable. It changes the
	// time and not the result: on 48,012 columns 4, 8, 16 and 32 take 1.3, 0.9, 0.7 and
	// 0.6 s if rows are sums, and 3.0, 2.8, 2.3 and 2.4 s if they are not.
	segments = 16
	pieces   = 2*segments + 2
	// slopeScale brings marginal values, which lie between 0 and 1, to the size of
	// floatBits.
	slopeScale = 1 << floatBits
	// fraction is how far from a whole number a unit may be and still be taken for it.
	fraction = 1e-5
)

// model is the programme around one point at one scale: a column for each free column
// of the face, then 2*segments+2 pieces for each party that can move. From point to point
// and from scale to scale its columns, rows and coefficients stay; bounds and the costs
// of the pieces change.
type model struct {
	lp      LP
	curves  curves
	columns []int // Of the face, by column of the programme.
	rows    []int // Of the face, by row of the programme; cuts and parties follow.
	parties []int // By party row.
	cutAt   int   // The first cut's row,
	partyAt int   // and the first party's.
	step    int64
	widest  int64
	prices  []float64 // Of its rows, by the last solution.
	width   []float64 // Of one piece, in steps, by party row.
}

func (fc *face) newModel() *model {
	m := &model{lp: LP{Start: []int32{0}}, curves: fc.curves()}
	m.widest = m.curves.widest()
	rowAt, partyAt := make([]int, len(fc.rows)), make([]int, len(fc.need))
	for i, r := range fc.rows {
		rowAt[i] = -1
		binds := (r.lower != nil || r.upper != nil) && (fc.trimmed == nil || !fc.trimmed.gone[i])
		if binds && slices.ContainsFunc(r.terms, func(t term) bool { return fc.free(t.at) }) {
			rowAt[i] = len(m.rows)
			m.rows = append(m.rows, i)
		}
	}
	m.cutAt = len(m.rows)
	m.partyAt = m.cutAt + len(fc.cuts)
	for k, members := range fc.members {
		partyAt[k] = -1
		if slices.ContainsFunc(members, func(j int) bool { return fc.free(j) && m.curves.counts(k, j) }) {
			partyAt[k] = m.partyAt + len(m.parties)
			m.parties = append(m.parties, k)
		}
	}
	for j, c := range fc.columns {
		if !fc.free(j) {
			continue
		}
		m.columns = append(m.columns, j)
		for _, t := range c.terms {
			if rowAt[t.at] >= 0 {
				m.lp.entry(rowAt[t.at], float64(t.coeff))
			}
		}
		if k := c.party; k >= 0 {
			for i, cut := range fc.cuts {
				m.lp.entry(m.cutAt+i, cut.coeffs[k])
			}
			if partyAt[k] >= 0 && m.curves.counts(k, j) {
				m.lp.entry(partyAt[k], m.curves.share(k, j))
			}
		}
		m.lp.endColumn()
	}
	m.addPieces()
	return m
}

// addPieces adds the pieces of all parties, of which the first of each goes the other way.
func (m *model) addPieces() {
	for at := range m.parties {
		for k := range pieces {
			sign := -1.0
			if k == 0 {
				sign = 1
			}
			m.lp.entry(m.partyAt+at, sign)
			m.lp.endColumn()
		}
	}
	columns, rows := len(m.columns)+pieces*len(m.parties), m.partyAt+len(m.parties)
	m.lp.Cost, m.lp.Lower, m.lp.Upper = make([]float64, columns), make([]float64, columns), make([]float64, columns)
	m.lp.RowLower, m.lp.RowUpper = make([]float64, rows), make([]float64, rows)
	m.width = make([]float64, len(m.parties))
}

// free tells whether a column can move on the face.
func (fc *face) free(j int) bool { return fc.lower[j] < fc.upper[j] }

// centre measures everything from x in steps. Pieces are one step wide for the party with
// the largest need, in proportion for others, and at least one unit.
func (m *model) centre(fc *face, x []int64, step int64) {
	m.step = step
	activity := fc.activity(x)
	for at, j := range m.columns {
		m.lp.Lower[at] = float64(fc.lower[j]-x[j]) / float64(step)
		m.lp.Upper[at] = float64(fc.upper[j]-x[j]) / float64(step)
	}
	for at, i := range m.rows {
		m.lp.RowLower[at] = distance(fc.rows[i].lower, activity[i], step, -1)
		m.lp.RowUpper[at] = distance(fc.rows[i].upper, activity[i], step, 1)
	}
	for i, c := range fc.cuts {
		m.lp.RowLower[m.cutAt+i] = math.Inf(-1)
		m.lp.RowUpper[m.cutAt+i] = (-c.activity(fc.form, x) - c.margin) / float64(step)
	}
	steps := float64(1 + (m.widest-1)/step)
	for at, k := range m.parties {
		c := m.curves.slopes(k, x)
		m.cut(at, c, max(1, math.Floor(c.size/steps)))
	}
}

// cut lays the pieces of one party, so many units wide: its move is those to the left of
// the centre, less the first, plus the others. Their marginal values fall, so that they
// fill from left to right.
//
// Conversions to float64 keep a compiler from fusing products into sums, which some
// processors do.
func (m *model) cut(at int, c slopes, width float64) {
	first, row := len(m.columns)+at*pieces, m.partyAt+at
	piece := width / float64(m.step)
	lay := func(k int, slope, lower, upper float64) {
		m.lp.Cost[first+k], m.lp.Lower[first+k], m.lp.Upper[first+k] = slopeScale*slope, lower, upper
	}
	low, high := c.at-float64(segments*width), c.at+float64(segments*width)
	far := c.far/float64(m.step) + float64(segments*piece)
	if low > c.least {
		lay(0, -c.slope(max(c.least, min(c.last, low-width)), low), 0, far)
	} else {
		lay(0, 0, 0, 0)
	}
	for k := range 2 * segments {
		a := low + float64(float64(k)*width)
		if a > c.least {
			lay(1+k, c.slope(a, a+width), 0, piece)
		} else {
			lay(1+k, 0, piece, piece) // Below it there is nothing.
		}
	}
	lay(pieces-1, c.slope(high, max(c.most, high+width)), 0, far)
	m.lp.RowLower[row], m.lp.RowUpper[row] = -segments*piece, -segments*piece
	m.width[at] = piece
}

// begin lets the first search start where the programme of greatest worth stopped, if
// what is left of that is a basis: each party's total is between, at the centre.
func (m *model) begin(fc *face, b *Basis) {
	if b == nil || len(b.Columns) != len(fc.columns) || len(b.Rows) != len(fc.rows)+len(fc.cuts) {
		return
	}
	from := &Basis{Columns: make([]Standing, len(m.lp.Cost)), Rows: make([]Standing, len(m.lp.RowLower))}
	basic := 0
	keep := func(to *Standing, at Standing) {
		if *to = at; at == Basic {
			basic++
		}
	}
	for at, j := range m.columns {
		keep(&from.Columns[at], b.Columns[j])
	}
	for at, i := range m.rows {
		keep(&from.Rows[at], b.Rows[i])
	}
	for i := range fc.cuts {
		keep(&from.Rows[m.cutAt+i], b.Rows[len(fc.rows)+i])
	}
	for at := range m.parties {
		from.Columns[len(m.columns)+at*pieces] = Basic
	}
	if basic == m.partyAt {
		m.follow(from)
	}
}

// anew lets the first search start where every row is between its bounds.
func (m *model) anew() {
	m.follow(&Basis{Columns: make([]Standing, len(m.lp.Cost)), Rows: slices.Repeat([]Standing{Basic}, len(m.lp.RowLower))})
}

// vertex is where a search on a face stopped.
type vertex struct {
	face   *face // Searched: maybe trimmed.
	model  *model
	basis  *Basis
	prices []float64 // Of the model's rows, or nil.
}

// resume lets the first search start where one on a smaller face stopped, after the
// programme of greatest worth: what is not on that face stands where the latter left it,
// and rows that came later do not bind.
func (m *model) resume(fc *face, worth *Basis, last *vertex) {
	if worth == nil || last == nil || last.basis == nil || last.face.trimmed != nil || len(worth.Columns) != len(fc.columns) || len(worth.Rows) > len(fc.rows) || len(fc.cuts) > 0 {
		return
	}
	late := slices.Repeat([]Standing{Basic}, len(fc.rows)-len(worth.Rows))
	columns, rows := slices.Clone(worth.Columns), append(slices.Clone(worth.Rows), late...)
	was := last.model
	fits := len(last.basis.Columns) == len(was.lp.Cost) && len(last.basis.Rows) == len(was.lp.RowLower) &&
		was.partyAt <= len(was.rows) && m.partyAt <= len(m.rows)
	for _, i := range slices.Concat(was.rows, m.rows) {
		fits = fits && i < len(rows)
	}
	if !fits {
		return // It has rows that are not here, or cuts: a start is a hint, and there is none.
	}
	for at, j := range was.columns {
		columns[j] = last.basis.Columns[at]
	}
	for at, i := range was.rows {
		rows[i] = last.basis.Rows[at]
	}
	from := &Basis{}
	for _, j := range m.columns {
		from.Columns = append(from.Columns, columns[j])
	}
	for _, i := range m.rows {
		from.Rows = append(from.Rows, rows[i])
	}
	from.Rows = append(from.Rows, make([]Standing, len(m.parties))...)
	for at, k := range m.parties {
		stands := make([]Standing, pieces)
		if before := slices.Index(was.parties, k); before >= 0 {
			first := len(was.columns) + before*pieces
			stands = last.basis.Columns[first : first+pieces]
			from.Rows[m.partyAt+at] = last.basis.Rows[was.partyAt+before]
		} else {
			stands[0] = Basic
		}
		from.Columns = append(from.Columns, stands...)
	}
	m.follow(from)
}

// follow lets the next search start where the last one stopped, if that had as many
// columns and rows: each party stands where the pieces to the left of the centre are full,
// and if one of them was Basic, the first one to the right now is.
func (m *model) follow(last *Basis) {
	m.lp.From = nil
	if last == nil || len(last.Columns) != len(m.lp.Cost) || len(last.Rows) != len(m.lp.RowLower) {
		return
	}
	m.lp.From = &Basis{Columns: slices.Clone(last.Columns), Rows: last.Rows}
	for at := range m.parties {
		first := len(m.columns) + at*pieces
		list := m.lp.From.Columns[first : first+pieces]
		between := slices.Contains(list, Basic)
		for k := range list {
			list[k] = AtLower
			if k > 0 && k <= segments {
				list[k] = AtUpper
			}
		}
		if between {
			list[segments+1] = Basic
		}
	}
}

// inside tells whether every party stays where its pieces are short. There the
// model's optimum is one for all moves, because the values are concave; at the edge
// the next piece is long and its marginal value a mere average.
func (m *model) inside(v []float64) bool {
	for at := range m.parties {
		first := len(m.columns) + at*pieces
		move := -v[first] - float64(segments*m.width[at])
		for _, piece := range v[first+1 : first+pieces] {
			move += piece
		}
		if math.Abs(move) > (segments-fraction)*m.width[at] {
			return false
		}
	}
	return true
}

// remainder is a column that a solution gives no whole number of units.
type remainder struct {
	column int
	low    int64   // The whole number below,
	more   float64 // and what the solution gives beyond it.
}

// move adds the solution's steps to x, rounded to units, and returns what was not whole.
func (fc *face) move(x []int64, m *model, v []float64) []remainder {
	var rest []remainder
	for at, j := range m.columns {
		units, before := float64(v[at]*float64(m.step)), x[j]
		x[j] += clampFloat(units, fc.lower[j]-before, fc.upper[j]-before)
		if math.Abs(units-math.Round(units)) >= fraction {
			low := before + clampFloat(math.Floor(units), fc.lower[j]-before, fc.upper[j]-1-before)
			rest = append(rest, remainder{j, low, units - math.Floor(units)})
		}
	}
	return rest
}

// activity sums the rows at x.
func (fc *face) activity(x []int64) []int64 {
	sums := make([]int64, len(fc.rows))
	for i, r := range fc.rows {
		for _, t := range r.terms {
			sums[i] += t.coeff * x[t.at]
		}
	}
	return sums
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
