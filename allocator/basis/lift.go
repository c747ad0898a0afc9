package basis

import (
	"context"
	"errors"
	"fmt"
	"math/big"
)

// equation is one row of a square system: the sum of its terms is right.
type equation struct {
	terms []term
	right *big.Rat
}

type term struct {
	at    int // Unknown.
	coeff *big.Rat
}

// errSingular says that a system has no or many solutions.
var errSingular = errors.New("the equations of the vertex are not independent")

// solveExactly returns the solution of a square system as numerators over one positive
// denominator, by p-adic lifting: solve modulo a prime, divide what is left by the
// prime, repeat, and read the rationals off the digits. Each digit costs one sparse
// solve with machine words, however long the numbers get.
//
// Source: Dixon, "Exact solution of linear equations using p-adic expansions" (1982).
// The answer is accepted only if it satisfies the equations exactly.
func solveExactly(ctx context.Context, system []equation) (numerators []*big.Int, denominator *big.Int, err error) {
	if len(system) == 0 {
		return nil, big.NewInt(1), nil
	}
	w, scale := newWholeSystem(system)
	f, err := factorise(ctx, w.residues())
	if err != nil {
		return nil, nil, err
	}
	l := &lift{system: w, factors: f, left: make([]*big.Int, len(system)), digits: make([]*big.Int, len(system)), modulus: big.NewInt(1)}
	for k := range system {
		l.left[k], l.digits[k] = new(big.Int).Set(w.right[k]), new(big.Int)
	}
	// Try after as many digits as may do, then after half as many again each time:
	// reading the rationals costs more than lifting.
	limit := w.digitLimit()
	for count, next := 1, 3; count <= limit; count++ {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		l.step()
		if count < next && count < limit {
			continue
		}
		next += next/2 + 1
		if numerators, denominator = readRationals(l.digits, l.modulus); denominator != nil && w.holds(numerators, denominator) {
			return numerators, denominator.Mul(denominator, scale), nil
		}
	}
	return nil, nil, fmt.Errorf("%w: nothing after %d digits of 61 bits", errSingular, limit)
}

// wholeSystem is a square system in integers.
type wholeSystem struct {
	rows  [][]wholeTerm
	right []*big.Int
}

type wholeTerm struct {
	at    int
	coeff *big.Int
}

// newWholeSystem multiplies each row by the common denominator of its coefficients, and
// all right sides by scale: the solution of the result is scale times that of system.
func newWholeSystem(system []equation) (w wholeSystem, scale *big.Int) {
	w = wholeSystem{rows: make([][]wholeTerm, len(system)), right: make([]*big.Int, len(system))}
	rights := make([]*big.Rat, len(system))
	scale = big.NewInt(1)
	for k, eq := range system {
		by := big.NewInt(1)
		for _, t := range eq.terms {
			by = leastMultiple(by, t.coeff.Denom())
		}
		for _, t := range eq.terms {
			coeff := new(big.Int).Quo(by, t.coeff.Denom())
			w.rows[k] = append(w.rows[k], wholeTerm{t.at, coeff.Mul(coeff, t.coeff.Num())})
		}
		rights[k] = new(big.Rat).Mul(eq.right, new(big.Rat).SetInt(by))
		scale = leastMultiple(scale, rights[k].Denom())
	}
	for k, r := range rights {
		w.right[k] = new(big.Int).Quo(scale, r.Denom())
		w.right[k].Mul(w.right[k], r.Num())
	}
	return w, scale
}

// residues returns the rows modulo the prime.
func (w wholeSystem) residues() [][]residue {
	rows := make([][]residue, len(w.rows))
	t := new(big.Int)
	for k, row := range w.rows {
		for _, e := range row {
			if v := reduce(t, e.coeff); v != 0 {
				rows[k] = append(rows[k], residue{e.at, v})
			}
		}
	}
	return rows
}

// holds tells whether numerators over denominator solve the system.
func (w wholeSystem) holds(numerators []*big.Int, denominator *big.Int) bool {
	t := new(big.Int)
	for k, row := range w.rows {
		sum := new(big.Int)
		for _, e := range row {
			sum.Add(sum, t.Mul(e.coeff, numerators[e.at]))
		}
		if sum.Cmp(t.Mul(w.right[k], denominator)) != 0 {
			return false
		}
	}
	return true
}

// digitLimit bounds the digits that are ever needed. By Hadamard's inequality and
// Cramer's rule, numerators and denominator stay below the product of the rows' sums
// times the largest right side; twice their bits and one suffice (Wang, Guy and
// Davenport, "P-adic reconstruction of rational numbers" (1982)).
func (w wholeSystem) digitLimit() int {
	bits, largest := 0, 0
	for k, row := range w.rows {
		sum := new(big.Int)
		for _, e := range row {
			sum.Add(sum, new(big.Int).Abs(e.coeff))
		}
		bits += sum.BitLen()
		largest = max(largest, w.right[k].BitLen())
	}
	return (2*(bits+largest+len(w.rows))+1)/primeBits + 2
}

// lift holds the digits found so far: system·digits + modulus·left = right.
type lift struct {
	system  wholeSystem
	factors *factors
	left    []*big.Int
	digits  []*big.Int
	modulus *big.Int
}

func (l *lift) step() {
	t, prime := new(big.Int), new(big.Int).SetUint64(prime)
	right := make([]uint64, len(l.left))
	for k, r := range l.left {
		right[k] = reduce(t, r)
	}
	digit := l.factors.solve(right)
	for k, row := range l.system.rows {
		for _, e := range row {
			l.left[k].Sub(l.left[k], t.Mul(e.coeff, new(big.Int).SetUint64(digit[e.at])))
		}
		l.left[k].Quo(l.left[k], prime) // Exact, by the choice of the digit.
	}
	for j, d := range digit {
		l.digits[j].Add(l.digits[j], t.Mul(l.modulus, new(big.Int).SetUint64(d)))
	}
	l.modulus.Mul(l.modulus, prime)
}

// readRationals finds small numerators over one denominator that agree with the values
// modulo the modulus, or none.
func readRationals(values []*big.Int, modulus *big.Int) (numerators []*big.Int, denominator *big.Int) {
	limit := new(big.Int).Rsh(modulus, 1)
	limit.Sqrt(limit)
	denominator = big.NewInt(1)
	small := func(v *big.Int) *big.Int {
		x := new(big.Int).Mul(v, denominator)
		x.Mod(x, modulus)
		if y := new(big.Int).Sub(modulus, x); y.Cmp(x) < 0 {
			return y.Neg(y)
		}
		return x
	}
	for _, v := range values {
		if x := small(v); x.CmpAbs(limit) > 0 {
			// One entry usually brings the whole denominator; the others then pass.
			denominator.Mul(denominator, readDenominator(x, modulus, limit))
			if denominator.Cmp(limit) > 0 {
				return nil, nil
			}
		}
	}
	numerators = make([]*big.Int, len(values))
	for k, v := range values {
		numerators[k] = small(v)
	}
	return numerators, denominator
}

// readDenominator runs Euclid's algorithm on modulus and value until the remainder is
// within the limit: it is then the numerator, and the cofactor the denominator.
func readDenominator(value, modulus, limit *big.Int) *big.Int {
	a, b := new(big.Int).Set(modulus), new(big.Int).Mod(value, modulus)
	u, v := new(big.Int), big.NewInt(1)
	quotient, remainder, t := new(big.Int), new(big.Int), new(big.Int)
	for b.Cmp(limit) > 0 {
		quotient.QuoRem(a, b, remainder)
		a, b, remainder = b, remainder, a
		u, v = v, u.Sub(u, t.Mul(quotient, v))
	}
	return v.Abs(v)
}
