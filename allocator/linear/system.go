package linear

import (
	"fmt"
	"math/big"

	"comity/exact"
)

// System is a programme as a branch tree argues about it: maximised, its costs and rows
// multiplied until they are integers, its columns within implied bounds, and cuts added
// to its rows. All of it follows from the programme and the objective of a known point,
// by rules that leave no choice, so that a checker needs none of it in the certificate.
type System struct {
	columns []interval
	cost    []*big.Int // Of the maximised objective, times scale.
	scale   *big.Int
	step    *big.Int // What the integer objective is a multiple of; nil if of nothing.
	rows    []integerRow
	empty   bool // The implied bounds of some column cross.
}

// interval is where a column or row lies; nil is infinite.
type interval struct {
	lower, upper *big.Rat
	whole        bool
}

// integerRow is a row with integer coefficients.
type integerRow struct {
	interval
	terms []integerTerm
}

type integerTerm struct {
	column int
	coeff  *big.Int
}

// NewSystem prepares a programme for cuts and leaves. Where the objective of a feasible
// point is given, the system describes only points that are at least as good: the known
// one answers for all others.
func NewSystem(p Programme, known *big.Rat) (*System, error) {
	if err := CheckShape(p); err != nil {
		return nil, err
	}
	s := &System{scale: big.NewInt(1)}
	for _, c := range p.Columns {
		s.columns = append(s.columns, rounded(interval{bigOf(c.Lower), bigOf(c.Upper), c.Integer}))
		s.scale = leastMultiple(s.scale, c.Cost.Big().Denom())
	}
	objective := integerRow{}
	for j, c := range p.Columns {
		cost := timesInt(c.Cost.Big(), s.scale)
		if !p.Maximise {
			cost.Neg(cost)
		}
		s.cost = append(s.cost, cost)
		if cost.Sign() != 0 {
			objective.terms = append(objective.terms, integerTerm{j, cost})
		}
	}
	for _, r := range p.Rows {
		s.rows = append(s.rows, s.integerRow(r))
	}
	s.step = s.stepOf(objective)
	all := s.rows
	if known != nil {
		worth := new(big.Rat).Sub(known, p.Constant.Big())
		if !p.Maximise {
			worth.Neg(worth)
		}
		objective.lower = worth.Mul(worth, new(big.Rat).SetInt(s.scale))
		all = append(append([]integerRow{}, s.rows...), objective)
	}
	s.imply(all)
	return s, nil
}

// stepOf returns the greatest common divisor of an objective of whole columns.
func (s *System) stepOf(objective integerRow) *big.Int {
	step := new(big.Int)
	for _, t := range objective.terms {
		if !s.columns[t.column].whole {
			return nil
		}
		step.GCD(nil, nil, step, new(big.Int).Abs(t.coeff))
	}
	if step.Sign() == 0 {
		return nil
	}
	return step
}

// Step returns what the objective without its constant is a multiple of at all whole
// points, or zero.
func (s *System) Step() *big.Rat {
	if s.step == nil {
		return new(big.Rat)
	}
	return new(big.Rat).SetFrac(s.step, s.scale)
}

// stepped rounds a bound of the objective down to what whole points can reach.
func (s *System) stepped(u *big.Rat) *big.Rat {
	step := s.Step()
	if step.Sign() == 0 {
		return u
	}
	return step.Mul(step, new(big.Rat).SetInt(floor(new(big.Rat).Quo(u, step))))
}

// integerRow multiplies a row by the least number that makes all coefficients integers.
// A row of whole columns only has whole values, and its bounds are rounded to them.
func (s *System) integerRow(r Row) integerRow {
	by, whole := big.NewInt(1), true
	for _, t := range r.Terms {
		by = leastMultiple(by, t.Coeff.Big().Denom())
		whole = whole && s.columns[t.Column].whole
	}
	factor := new(big.Rat).SetInt(by)
	row := integerRow{interval: interval{whole: whole}}
	for _, t := range r.Terms {
		row.terms = append(row.terms, integerTerm{t.Column, timesInt(t.Coeff.Big(), by)})
	}
	if r.Lower != nil {
		row.lower = new(big.Rat).Mul(r.Lower.Big(), factor)
	}
	if r.Upper != nil {
		row.upper = new(big.Rat).Mul(r.Upper.Big(), factor)
	}
	row.interval = rounded(row.interval)
	return row
}

// Programme returns the system in the form that solvers are given.
func (s *System) Programme() Programme {
	p := Programme{Maximise: true}
	for j, c := range s.columns {
		p.Columns = append(p.Columns, Column{
			Cost: exact.FromBig(new(big.Rat).SetFrac(s.cost[j], s.scale)), Lower: exactOf(c.lower), Upper: exactOf(c.upper), Integer: c.whole,
		})
	}
	for i := range s.rows {
		p.Rows = append(p.Rows, s.Row(i))
	}
	return p
}

// Row returns one row of the system; cuts follow the rows of the programme.
func (s *System) Row(i int) Row {
	r := s.rows[i]
	row := Row{Lower: exactOf(r.lower), Upper: exactOf(r.upper)}
	for _, t := range r.terms {
		row.Terms = append(row.Terms, Term{t.column, exact.FromBig(new(big.Rat).SetInt(t.coeff))})
	}
	return row
}

// Rows returns how many rows there are, with the cuts.
func (s *System) Rows() int { return len(s.rows) }

// Empty tells whether the implied bounds alone leave nothing.
func (s *System) Empty() bool { return s.empty }

// Bounded tells whether every column has two bounds.
func (s *System) Bounded() bool {
	for _, c := range s.columns {
		if c.lower == nil || c.upper == nil {
			return false
		}
	}
	return true
}

// Combination is a sparse list of rational weights of the rows of a System.
type Combination struct {
	Denominator Whole   `json:"denominator"` // Positive.
	Rows        []int   `json:"rows"`        // Ascending.
	Numerators  []Whole `json:"numerators"`  // By Rows, none of them zero.
}

func (c Combination) check(rows int) error {
	if c.Denominator.big().Sign() <= 0 || len(c.Rows) != len(c.Numerators) {
		return fmt.Errorf("%w: %d weights of %d rows over a denominator of sign %d", ErrShape, len(c.Numerators), len(c.Rows), c.Denominator.big().Sign())
	}
	last := -1
	for k, i := range c.Rows {
		if i <= last || i >= rows || c.Numerators[k].big().Sign() == 0 {
			return fmt.Errorf("%w: weight %.40s of row %d after row %d of %d", ErrShape, c.Numerators[k].big(), i, last, rows)
		}
		last = i
	}
	return nil
}

// sum returns the weighted sum of the rows by column, times the denominator.
func (s *System) sum(c Combination) []*big.Int {
	total, product := make([]*big.Int, len(s.columns)), new(big.Int)
	for k, i := range c.Rows {
		weight := c.Numerators[k].big()
		for _, t := range s.rows[i].terms {
			if total[t.column] == nil {
				total[t.column] = new(big.Int)
			}
			total[t.column].Add(total[t.column], product.Mul(weight, t.coeff))
		}
	}
	return total
}

// worth returns U(y) within the given column bounds, in units of the objective; with
// ray the costs count as zero.
func (s *System) worth(columns []interval, y Combination, ray bool) (*big.Rat, error) {
	if err := y.check(len(s.rows)); err != nil {
		return nil, err
	}
	total, weight := newSum(), new(big.Int)
	for k, i := range y.Rows {
		if !total.add(weight.Mul(s.scale, y.Numerators[k].big()), s.rows[i].interval) {
			return nil, fmt.Errorf("%w: row %d has a price towards a bound that it does not have", ErrDual, i)
		}
	}
	reduced := new(big.Int)
	for j, weighted := range s.sum(y) {
		reduced.SetInt64(0)
		if !ray {
			reduced.Mul(s.cost[j], y.Denominator.big())
		}
		if weighted != nil {
			reduced.Sub(reduced, weighted.Mul(weighted, s.scale))
		}
		if !total.add(reduced, columns[j]) {
			return nil, fmt.Errorf("%w: column %d has a price towards a bound that it does not have", ErrDual, j)
		}
	}
	return total.over(new(big.Int).Mul(y.Denominator.big(), s.scale)), nil
}

// sum adds products of integers and rationals, the integers among these apart.
type sum struct {
	whole, product *big.Int
	rest           *big.Rat
}

func newSum() *sum { return &sum{new(big.Int), new(big.Int), new(big.Rat)} }

// add adds the most that price times a value in an interval can be.
func (s *sum) add(price *big.Int, in interval) bool {
	end := in.upper
	switch price.Sign() {
	case 0:
		return true
	case -1:
		end = in.lower
	}
	if end == nil {
		return false
	}
	s.product.Mul(price, end.Num())
	if end.IsInt() {
		s.whole.Add(s.whole, s.product)
	} else {
		s.rest.Add(s.rest, new(big.Rat).SetFrac(s.product, end.Denom()))
	}
	return true
}

func (s *sum) over(denominator *big.Int) *big.Rat {
	total := new(big.Rat).SetInt(s.whole)
	total.Add(total, s.rest)
	return total.Quo(total, new(big.Rat).SetInt(denominator))
}

func bigOf(x *exact.Rat) *big.Rat {
	if x == nil {
		return nil
	}
	return x.Big()
}

func exactOf(x *big.Rat) *exact.Rat {
	if x == nil {
		return nil
	}
	r := exact.FromBig(x)
	return &r
}

// timesInt returns x·by, which is an integer.
func timesInt(x *big.Rat, by *big.Int) *big.Int {
	n := new(big.Int).Quo(by, x.Denom())
	return n.Mul(n, x.Num())
}

func leastMultiple(a, b *big.Int) *big.Int {
	common := new(big.Int).GCD(nil, nil, a, b)
	return common.Mul(new(big.Int).Quo(a, common), b)
}

func floor(x *big.Rat) *big.Int {
	return new(big.Int).Div(x.Num(), x.Denom()) // Euclidean, and the denominator is positive.
}

func ceil(x *big.Rat) *big.Int {
	n := new(big.Int).Neg(x.Num())
	return n.Neg(n.Div(n, x.Denom()))
}

// rounded moves the bounds of a whole value inwards to integers.
func rounded(in interval) interval {
	if !in.whole {
		return in
	}
	if in.lower != nil {
		in.lower = new(big.Rat).SetInt(ceil(in.lower))
	}
	if in.upper != nil {
		in.upper = new(big.Rat).SetInt(floor(in.upper))
	}
	return in
}
