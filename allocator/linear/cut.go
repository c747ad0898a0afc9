package linear

import (
	"fmt"
	"math/big"
)

// Cut is an inequality that every whole point of a System obeys and that its relaxation
// may not: the rounding of a weighted sum of its rows. Only the weights are stated, the
// inequality follows.
type Cut struct {
	Weights Combination `json:"weights"`
	// Uppers lists the columns, ascending, that are counted down from their upper bound;
	// all others with a lower bound are counted up from that.
	Uppers []int `json:"uppers"`
	// Bits is how fine the coefficients of the result are: steps of 2^-Bits.
	Bits int `json:"bits"`
}

// maxCutBits keeps the numbers of cuts, which are made of cuts again, within bounds.
const maxCutBits = 80

// AddCut derives a cut and makes it the next row of the system.
//
// With the value sᵢ of row i as a variable of its own, Σ αⱼxⱼ - Σ yᵢsᵢ = 0. Counted from
// a bound each, all are non-negative variables z with Σ aₖzₖ <= b. With f the fraction of
// b, F(a) = ⌊a⌋(1-f) + max(0, a-⌊a⌋-f) for whole variables and min(0, a) for others,
//
//	Σ F(aₖ)·zₖ <= ⌊b⌋·(1-f)
//
// holds for all whole points (mixed-integer rounding; Nemhauser and Wolsey, "A recursive
// procedure to generate all cuts for 0-1 mixed integer programs" (1990), section 2).
func (s *System) AddCut(c Cut) error {
	if err := c.check(s); err != nil {
		return err
	}
	r := &rounding{system: s, coeff: make([]*big.Rat, len(s.columns)), right: new(big.Rat)}
	if err := r.shift(c); err != nil {
		return err
	}
	r.round()
	row, err := r.integers(c.Bits)
	if err != nil {
		return err
	}
	s.rows = append(s.rows, row)
	return nil
}

func (c Cut) check(s *System) error {
	if err := c.Weights.check(len(s.rows)); err != nil {
		return err
	}
	if c.Bits < 0 || c.Bits > maxCutBits {
		return fmt.Errorf("%w: a cut in steps of 2^-%d; allowed are 0 to %d", ErrShape, c.Bits, maxCutBits)
	}
	last := -1
	for _, j := range c.Uppers {
		if j <= last || j >= len(s.columns) || s.columns[j].upper == nil {
			return fmt.Errorf("%w: column %d after %d of %d is counted from an upper bound", ErrShape, j, last, len(s.columns))
		}
		last = j
	}
	return nil
}

// rounding is one cut in the making.
type rounding struct {
	system *System
	// parts are the variables: aₖ, and how zₖ is made of columns.
	parts []part
	b     *big.Rat

	coeff []*big.Rat // By column: of the result. Nil is zero.
	right *big.Rat
}

// part is one variable z: a column or the value of a row, counted up from its lower
// bound (sign 1) or down from its upper one (sign -1).
type part struct {
	a      *big.Rat
	column int // Or -1.
	row    int
	sign   int
	from   *big.Rat
	whole  bool
}

// shift writes the weighted sum of the rows in non-negative variables.
func (r *rounding) shift(c Cut) error {
	s, denominator := r.system, c.Weights.Denominator.big()
	r.b = new(big.Rat)
	uppers := c.Uppers
	for j, n := range s.sum(c.Weights) {
		down := len(uppers) > 0 && uppers[0] == j
		if down {
			uppers = uppers[1:]
		}
		if n == nil || n.Sign() == 0 {
			continue
		}
		in := s.columns[j]
		if in.lower == nil && in.upper == nil {
			return fmt.Errorf("%w: column %d of a cut has no bound", ErrDual, j)
		}
		r.count(part{a: new(big.Rat).SetFrac(n, denominator), column: j}, in, down || in.lower == nil)
	}
	for k, i := range c.Weights.Rows {
		y := new(big.Rat).SetFrac(c.Weights.Numerators[k].big(), denominator)
		in := s.rows[i].interval
		if in.lower == nil && in.upper == nil {
			return fmt.Errorf("%w: row %d of a cut has no bound", ErrDual, i)
		}
		down := in.lower == nil || in.upper != nil && y.Sign() > 0
		r.count(part{a: y.Neg(y), column: -1, row: i}, in, down)
	}
	return nil
}

// count adds one variable of coefficient a, counted from one of its bounds.
func (r *rounding) count(p part, in interval, down bool) {
	p.sign, p.from, p.whole = 1, in.lower, in.whole
	if down {
		p.sign, p.from = -1, in.upper
	}
	r.b.Sub(r.b, new(big.Rat).Mul(p.a, p.from))
	if down {
		p.a.Neg(p.a)
	}
	r.parts = append(r.parts, p)
}

// round applies F and writes the result in columns again.
func (r *rounding) round() {
	down := new(big.Rat).SetInt(floor(r.b))
	f := new(big.Rat).Sub(r.b, down)
	rest := new(big.Rat).Sub(big.NewRat(1, 1), f)
	r.right.Mul(down, rest)
	for _, p := range r.parts {
		g := roundedCoeff(p, f, rest)
		if g.Sign() == 0 {
			continue
		}
		// g·z is g·sign·(x - from).
		if p.sign < 0 {
			g.Neg(g)
		}
		r.right.Add(r.right, new(big.Rat).Mul(g, p.from))
		if p.column >= 0 {
			r.add(p.column, g)
			continue
		}
		for _, t := range r.system.rows[p.row].terms {
			r.add(t.column, new(big.Rat).Mul(g, new(big.Rat).SetInt(t.coeff)))
		}
	}
}

func roundedCoeff(p part, f, rest *big.Rat) *big.Rat {
	if !p.whole {
		if p.a.Sign() < 0 {
			return new(big.Rat).Set(p.a)
		}
		return new(big.Rat)
	}
	down := new(big.Rat).SetInt(floor(p.a))
	over := new(big.Rat).Sub(p.a, down)
	g := down.Mul(down, rest)
	if over.Sub(over, f).Sign() > 0 {
		g.Add(g, over)
	}
	return g
}

func (r *rounding) add(j int, g *big.Rat) {
	if r.coeff[j] == nil {
		r.coeff[j] = new(big.Rat)
	}
	r.coeff[j].Add(r.coeff[j], g)
}

// integers multiplies the result by 2^bits and rounds each coefficient to the nearest
// integer; what that takes away or adds is made good at a bound of the column, on the
// right side, which is rounded last.
func (r *rounding) integers(bits int) (integerRow, error) {
	factor := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(bits)))
	right, whole := r.right.Mul(r.right, factor), true
	row := integerRow{}
	for j, g := range r.coeff {
		if g == nil || g.Sign() == 0 {
			continue
		}
		g.Mul(g, factor)
		n := floor(new(big.Rat).Add(g, big.NewRat(1, 2)))
		// n·x = g·x - off·x, and off·x is at least off times a bound.
		if off := g.Sub(g, new(big.Rat).SetInt(n)); off.Sign() != 0 {
			end := r.system.columns[j].lower
			if off.Sign() < 0 {
				end = r.system.columns[j].upper
			}
			if end == nil {
				return integerRow{}, fmt.Errorf("%w: column %d of a cut is rounded and has no bound for it", ErrDual, j)
			}
			right.Sub(right, off.Mul(off, end))
		}
		if n.Sign() != 0 {
			row.terms = append(row.terms, integerTerm{j, n})
			whole = whole && r.system.columns[j].whole
		}
	}
	end := ceil(right)
	if whole {
		end = floor(right)
	}
	row.interval = interval{upper: new(big.Rat).SetInt(end), whole: whole}
	return row, nil
}
