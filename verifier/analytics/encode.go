package analytics

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"

	"comity"
	"comity/schema"
)

// Encoder makes the vector of one member, at home, row by row.
type Encoder struct {
	layout *Layout
	lanes  []int64
	totals []*big.Int // By cell and moment, for kinds that add up numbers.
	scaled big.Int    // Reused.
	factor big.Int
	rows   int
	spent  map[[16]byte]int // Rows of each person so far.

	// Dropped counts rows that came after a person's last row that counts.
	Dropped int
}

// Encoder returns an encoder of the layout.
func (l *Layout) Encoder() *Encoder {
	e := &Encoder{layout: l, lanes: make([]int64, len(l.Lanes))}
	for range l.cells * len(l.moments) {
		e.totals = append(e.totals, new(big.Int))
	}
	if l.person >= 0 {
		e.spent = map[[16]byte]int{}
	}
	return e
}

// Add takes in one row as schema.Read gives it. A cell that is empty or suppressed takes
// its row out of the answer; it is counted in the report and never guessed. Errors:
// ErrRows.
func (e *Encoder) Add(row []schema.Cell) error {
	l := e.layout
	if len(row) != len(l.schema.Columns) {
		return fmt.Errorf("%w: a row of %d cells under a schema of %d columns", ErrRows, len(row), len(l.schema.Columns))
	}
	if over, err := e.overdrawn(row); over || err != nil {
		return err
	}
	if e.rows++; e.rows > l.query.MemberRows {
		return fmt.Errorf("%w: more than %d rows; the query bounds a member (member_rows)", ErrRows, l.query.MemberRows)
	}
	cell, state := 0, schema.Present
	for _, at := range l.by {
		state = worse(state, row[at].State)
		size := len(l.schema.Columns[at].Values)
		if v := row[at].Number; row[at].State == schema.Present && (v < 0 || v >= int64(size)) {
			return fmt.Errorf("%w: value %d of a category of %d", ErrRows, v, size)
		}
		cell = cell*size + int(row[at].Number)
	}
	for _, at := range []int{l.column, l.weight, l.event} {
		if at >= 0 {
			state = worse(state, row[at].State)
		}
	}
	if state != schema.Present {
		e.report(reportOf(state))
		return nil
	}
	if len(l.moments) > 0 {
		return e.add(cell, row)
	}
	bin, err := e.bin(row)
	if err != nil || bin < 0 {
		return err
	}
	e.lanes[cell*l.bins+bin]++
	return nil
}

// overdrawn tells whether the person of a row has no row left that counts.
func (e *Encoder) overdrawn(row []schema.Cell) (bool, error) {
	l := e.layout
	if l.person < 0 {
		return false, nil
	}
	c := row[l.person]
	if c.State != schema.Present {
		return false, fmt.Errorf("%w: a row without a person in column %s; let the schema require it", ErrRows, l.schema.Person)
	}
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(c.Number)) //nolint:gosec // Two's complement.
	sum := sha256.Sum256(append(number[:], c.Text...))
	key := [16]byte(sum[:16])
	if e.spent[key] == l.query.PersonRows {
		e.Dropped++
		return true, nil
	}
	e.spent[key]++
	return false, nil
}

// worse returns the state of two cells together: a suppressed one says more than an
// empty one.
func worse(a, b schema.State) schema.State {
	switch {
	case a == schema.Suppressed || b == schema.Suppressed:
		return schema.Suppressed
	case a == schema.Missing || b == schema.Missing:
		return schema.Missing
	default:
		return schema.Present
	}
}

// Lanes of the report, from its first.
const (
	reportMissing = iota
	reportSuppressed
	reportBelow
	reportAbove
)

func reportOf(s schema.State) int {
	if s == schema.Suppressed {
		return reportSuppressed
	}
	return reportMissing
}

func (e *Encoder) report(lane int) {
	if e.layout.report >= 0 {
		e.lanes[e.layout.report+lane]++
	}
}

// clipped returns the value within the bounds of the query.
func (e *Encoder) clipped(v int64) int64 {
	l := e.layout
	if v < l.lower {
		e.report(reportBelow)
		return l.lower
	}
	if v > l.upper {
		e.report(reportAbove)
		return l.upper
	}
	return v
}

// add adds up a row: 1, the value and its square, or 1, the weight and weight times
// value.
func (e *Encoder) add(cell int, row []schema.Cell) error {
	l := e.layout
	totals := e.totals[cell*len(l.moments):][:len(l.moments)]
	value := e.scaled.SetInt64(e.clipped(row[l.column].Number))
	totals[0].Add(totals[0], e.factor.SetInt64(1))
	if l.weight < 0 {
		totals[1].Add(totals[1], value)
		if len(totals) > 2 {
			totals[2].Add(totals[2], e.factor.Mul(value, value))
		}
		return nil
	}
	w := row[l.weight].Number
	if most := l.moments[1].most; w < 0 || most.Cmp(e.factor.SetInt64(w)) < 0 {
		return fmt.Errorf("%w: a weight of %d in its smallest units; 0 to %s are possible", ErrRows, w, most)
	}
	totals[1].Add(totals[1], &e.factor)
	totals[2].Add(totals[2], e.factor.Mul(&e.factor, value))
	return nil
}

// bin returns the lane of a row within its cell, or -1 if the query does not look there.
func (e *Encoder) bin(row []schema.Cell) (int, error) {
	l := e.layout
	switch {
	case l.column < 0:
		return 0, nil
	case l.grid != nil:
		return l.grid.bin(e.clipped(row[l.column].Number)), nil
	case l.heavy != nil:
		return l.heavy.bin(l.schema.Columns[l.column], row[l.column]), nil
	case l.event >= 0:
		v := row[l.column].Number
		if v < 0 {
			return 0, fmt.Errorf("%w: an observed time of %s, below 0", ErrRows, l.schema.Columns[l.column].Format(v))
		}
		return l.survivalBin(v, row[l.event].Number == l.eventValue), nil
	case l.query.Kind == comity.QueryQuantiles:
		return above(l.edges, e.clipped(row[l.column].Number)), nil
	default:
		return above(l.edges, row[l.column].Number), nil
	}
}

// Vector returns the vector of all rows so far.
func (e *Encoder) Vector() []int64 {
	l := e.layout
	for cell := range l.cells {
		for i, m := range l.moments {
			total := e.totals[cell*len(l.moments)+i]
			split(total, e.lanes[cell*l.bins+m.first:][:m.limbs])
		}
	}
	return e.lanes
}

// split writes a number as limbs of limbBits bits, the lowest first; the topmost keeps
// the sign. With one limb it is the number itself.
func split(n *big.Int, into []int64) {
	rest := new(big.Int).Set(n)
	limb := new(big.Int)
	mask := big.NewInt(1<<limbBits - 1)
	for i := range len(into) - 1 {
		into[i] = limb.And(rest, mask).Int64() // Of the two's complement: never negative.
		rest.Rsh(rest, limbBits)               // Towards minus infinity.
	}
	into[len(into)-1] = rest.Int64()
}

// join reverses split, also for sums of limbs.
func join(limbs []int64) *big.Int {
	n := new(big.Int)
	for _, limb := range slices.Backward(limbs) {
		n.Lsh(n, limbBits)
		n.Add(n, big.NewInt(limb))
	}
	return n
}

// EncodeTable checks a table against the schema row by row and returns its vector. One
// cell that is wrong refuses the whole table: a member must not answer about part of its
// rows without knowing. Errors: ErrRows, place.ErrUnreadable.
func (l *Layout) EncodeTable(rows schema.Rows) ([]int64, schema.Report, error) {
	e := l.Encoder()
	report, err := schema.Read(l.schema, rows, 1, e.Add)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return nil, report, err
	}
	return e.Vector(), report, nil
}

// Encode returns the vector of rows that fit into memory.
func (l *Layout) Encode(rows [][]schema.Cell) ([]int64, error) {
	e := l.Encoder()
	for i, row := range rows {
		if err := e.Add(row); err != nil {
			return nil, fmt.Errorf("row %d of %d: %w", i+1, len(rows), err)
		}
	}
	return e.Vector(), nil
}
