package linear

import (
	"fmt"
	"math/big"

	"comity/modeler/learn"
)

// digits is the number of bits after the point in which normal equations are solved.
// Columns in standard units have products of about the number of rows, so what a
// solution loses to 2^-128 is far below the 32 bits that are kept.
const digits = 128

// factors are L and D with A = L D L', for a symmetric matrix A (Golub and Van Loan,
// "Matrix Computations", section 4.1.2), in fixed point.
type factors struct {
	below  [][]*big.Int // Row i of L: i numbers; the diagonal is one.
	middle []*big.Int   // D.
}

// alike is how many binary digits of a column may follow from the columns before it. Of
// columns that are equal but for rounding, more than 30 do.
const alike = 24

// factor takes a matrix apart: its lower triangle row by row, the diagonal included, in
// fixed point, to whose diagonal, but for the first one, lambda was added. A term that
// the ones before it account for is refused with ErrCollinear, a matrix that no rows
// have with learn.ErrSum.
func factor(a [][]*big.Int, ridge bool) (*factors, error) {
	n := len(a)
	f := &factors{make([][]*big.Int, n), make([]*big.Int, n)}
	scaled := make([][]*big.Int, n) // L D.
	part := new(big.Int)
	for i := range n {
		f.below[i], scaled[i] = make([]*big.Int, i), make([]*big.Int, i)
		pivot := new(big.Int).Lsh(a[i][i], digits)
		for j := range i {
			sum := new(big.Int).Lsh(a[i][j], digits)
			for k := range j {
				sum.Sub(sum, part.Mul(scaled[i][k], f.below[j][k]))
			}
			scaled[i][j] = sum.Rsh(sum, digits)
			f.below[i][j] = roundQuo(part.Lsh(scaled[i][j], digits), f.middle[j])
			pivot.Sub(pivot, part.Mul(scaled[i][j], f.below[i][j]))
		}
		f.middle[i] = pivot.Rsh(pivot, digits)
		whole := a[i][i]
		switch {
		case f.middle[i].Sign() < 0 && part.Neg(f.middle[i]).Cmp(new(big.Int).Rsh(whole, alike)) > 0:
			return nil, fmt.Errorf("%w: products of term %d and those before it are of no columns", learn.ErrSum, i)
		case f.middle[i].Sign() <= 0, !ridge && f.middle[i].Cmp(part.Rsh(whole, alike)) <= 0:
			return nil, &dependence{i}
		}
	}
	return f, nil
}

// dependence says which term follows from the ones before it.
type dependence struct{ term int }

func (d *dependence) Error() string { return fmt.Sprintf("term %d", d.term) }

// Unwrap makes it ErrCollinear.
func (*dependence) Unwrap() error { return ErrCollinear }

// solve returns x with A x = b, in fixed point.
func (f *factors) solve(b []*big.Int) []*big.Int {
	n := len(b)
	x := make([]*big.Int, n)
	part := new(big.Int)
	for i := range n {
		sum := new(big.Int).Lsh(b[i], digits)
		for k := range i {
			if x[k].Sign() != 0 {
				sum.Sub(sum, part.Mul(f.below[i][k], x[k]))
			}
		}
		x[i] = sum.Rsh(sum, digits)
	}
	for i := range n {
		x[i] = roundQuo(x[i].Lsh(x[i], digits), f.middle[i])
	}
	for i := n - 1; i >= 0; i-- {
		sum := new(big.Int).Lsh(x[i], digits)
		for k := i + 1; k < n; k++ {
			sum.Sub(sum, part.Mul(f.below[k][i], x[k]))
		}
		x[i] = sum.Rsh(sum, digits)
	}
	return x
}

// inverse returns the lower triangle of the inverse of A, row by row.
func (f *factors) inverse() []*big.Int {
	n := len(f.middle)
	rows := make([]*big.Int, 0, n*(n+1)/2)
	for i := range n {
		one := make([]*big.Int, n)
		for k := range one {
			one[k] = new(big.Int)
		}
		one[i].Lsh(big.NewInt(1), digits)
		rows = append(rows, f.solve(one)[:i+1]...)
	}
	return rows
}
