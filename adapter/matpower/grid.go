package matpower

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"comity/allocator/network/dc"
	"comity/exact"
)

// Columns, from 0 (manual, tables B-1 to B-4).
const (
	busID, busType, busDemand, busShunt                = 0, 1, 2, 4
	busColumns                                         = 13
	genBus, genStatus, genMax, genMin                  = 0, 7, 8, 9
	genColumns                                         = 10
	branchFrom, branchTo, branchR, branchX, branchRate = 0, 1, 2, 3, 5
	branchStatus, branchAngleMin, branchAngleMax       = 10, 11, 12
	branchColumns                                      = 11 // Limits of angles may be absent.
	costModel, costCount, costFirst                    = 0, 3, 4
	piecewiseLinear, polynomial                        = 1, 2
)

// Bounds of one number: what they allow can be sealed (exact.MaxText), and products of
// two as well.
const (
	maxDigits   = 30
	maxExponent = 30
)

// grid puts together what was read.
func (r *reader) grid() (dc.Case, error) {
	for _, field := range []string{"version", "baseMVA", "bus", "gen", "branch", "gencost"} {
		if !r.seen[field] {
			return dc.Case{}, r.fail(position{r.line, r.column + 1}, "the file ends without mpc."+field, "add it, or copy the whole file")
		}
	}
	c := dc.Case{Name: r.name, Buses: []dc.Bus{}, Generators: []dc.Generator{}, Branches: []dc.Branch{}}
	var err error
	if c.Base, err = r.number(*r.base); err != nil {
		return dc.Case{}, err
	}
	for _, row := range r.bus {
		b, err := r.busOf(row)
		if err != nil {
			return dc.Case{}, err
		}
		c.Buses = append(c.Buses, b)
	}
	// Rows beyond those of the generators are costs of reactive power.
	if n := len(r.gen); len(r.gencost) != n && len(r.gencost) != 2*n {
		return dc.Case{}, r.fail(position{1, 1}, fmt.Sprintf("mpc.gencost has %d rows for %d generators", len(r.gencost), n), "give one row for each, or two with reactive power")
	}
	for k, row := range r.gen {
		g, err := r.generatorOf(row, r.gencost[k])
		if err != nil {
			return dc.Case{}, err
		}
		c.Generators = append(c.Generators, g)
	}
	for _, row := range r.branch {
		b, err := r.branchOf(row)
		if err != nil {
			return dc.Case{}, err
		}
		c.Branches = append(c.Branches, b)
	}
	return c, nil
}

func (r *reader) busOf(row []token) (b dc.Bus, err error) {
	f := fields{reader: r, row: row}
	f.want("bus", busColumns)
	b = dc.Bus{ID: f.integer(busID), Kind: dc.Kind(f.integer(busType)), Demand: f.number(busDemand), Shunt: f.number(busShunt)}
	f.rest()
	return b, f.err
}

func (r *reader) generatorOf(row, cost []token) (g dc.Generator, err error) {
	f := fields{reader: r, row: row}
	f.want("gen", genColumns)
	g = dc.Generator{Bus: f.integer(genBus), InService: f.number(genStatus).Sign() > 0, Max: f.number(genMax), Min: f.number(genMin)}
	f.rest()
	if f.err != nil {
		return g, f.err
	}
	g.Cost, err = r.costOf(cost)
	return g, err
}

func (r *reader) branchOf(row []token) (b dc.Branch, err error) {
	f := fields{reader: r, row: row}
	f.want("branch", branchColumns)
	b = dc.Branch{
		From: f.integer(branchFrom), To: f.integer(branchTo), InService: f.number(branchStatus).Sign() > 0,
		R: f.number(branchR), X: f.number(branchX), Rate: f.number(branchRate),
	}
	if len(row) > branchAngleMax {
		b.AngleMin, b.AngleMax = f.number(branchAngleMin), f.number(branchAngleMax)
	}
	f.rest()
	return b, f.err
}

// costOf reads a polynomial of g up to the square, greatest power first, or points.
func (r *reader) costOf(row []token) (c dc.Cost, err error) {
	f := fields{reader: r, row: row}
	f.want("gencost", costFirst+1)
	c.Points = []dc.Point{}
	model, count := f.integer(costModel), f.integer(costCount)
	switch {
	case f.err != nil:
		return c, f.err
	case model == polynomial && count >= 1 && len(row) >= costFirst+count:
		for k := range count {
			value, power := f.number(costFirst+k), count-1-k
			switch {
			case power < len(c.Polynomial):
				c.Polynomial[power] = value
			case value.Sign() != 0:
				f.fail(costFirst+k, fmt.Sprintf("a cost with g to the power of %d", power), "give a polynomial up to the square, or points")
			}
		}
	case model == piecewiseLinear && count >= 2 && len(row) >= costFirst+2*count:
		for k := range count {
			c.Points = append(c.Points, dc.Point{Output: f.number(costFirst + 2*k), Cost: f.number(costFirst + 2*k + 1)})
		}
	default:
		f.fail(costCount, fmt.Sprintf("cost model %d with %d numbers or points in a row of %d", model, count, len(row)),
			"write model 2 and as many coefficients as stated, or model 1 and two points or more")
	}
	f.rest()
	return c, f.err
}

// fields reads numbers of one row; the first error sticks.
type fields struct {
	*reader

	row []token
	err error
}

func (f *fields) fail(column int, reason, fix string) {
	if f.err == nil {
		f.err = f.reader.fail(f.row[column].place, reason, fix)
	}
}

// want refuses short rows.
func (f *fields) want(name string, columns int) {
	if len(f.row) < columns {
		f.fail(0, fmt.Sprintf("a row of mpc.%s of %d numbers", name, len(f.row)), fmt.Sprintf("give %d or more", columns))
	}
}

func (f *fields) number(column int) (v exact.Rat) {
	if f.err == nil {
		v, f.err = f.reader.number(f.row[column])
	}
	return v
}

// integer reads a whole number of at most nine digits; 3.0 is one, too.
func (f *fields) integer(column int) int {
	v := f.number(column)
	if f.err != nil {
		return 0
	}
	n, err := strconv.Atoi(v.String())
	if err != nil || n > 999_999_999 || n < -999_999_999 {
		f.fail(column, fmt.Sprintf("%.40q is not a whole number of at most nine digits", f.row[column].text), "correct it")
	}
	return n
}

// rest checks the numbers that are not used: they may be infinite or unknown.
func (f *fields) rest() {
	for _, t := range f.row {
		if f.err != nil {
			return
		}
		switch strings.ToLower(strings.TrimLeft(t.text, "+-")) {
		case "inf", "nan":
		default:
			_, f.err = f.reader.number(t)
		}
	}
}

// number reads a decimal with an optional exponent, without rounding.
func (r *reader) number(t token) (exact.Rat, error) {
	value, err := exact.ParseScientific(t.text, maxDigits, maxExponent)
	switch {
	case errors.Is(err, exact.ErrDigits):
		return exact.Rat{}, r.fail(t.place, err.Error(), "round it, or change the unit")
	case err != nil || t.kind != word:
		return exact.Rat{}, r.fail(t.place, fmt.Sprintf("%.40q is not a finite number", t.text), "write digits, a point and an exponent, such as -12.5e3")
	}
	return value, nil
}
