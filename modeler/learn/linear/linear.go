// Package linear fits generalised linear models: the fast baseline, and what is left
// where connections are too poor for anything else.
//
// A least-squares fit takes two secure sums: means and deviations of the columns, then
// all products of two columns. A logistic or poisson fit takes the second one again for
// every step of Newton's method, with the weights of the step before (Nelder and
// Wedderburn, "Generalized Linear Models", 1972): four to eight in practice. Sums are of
// integers, and normal equations are solved in long fixed-point numbers, so everybody
// gets the same coefficients, bit for bit. Sums, rules and bytes are in
// docs/format/linear.md.
package linear

import (
	"math/big"

	"comity/canon"
	"comity/modeler/fixed"
	"comity/modeler/learn"
)

const (
	// unit is one standard unit of a column: 16 bits after the point.
	unit = 1 << 16
	// fine is the number of bits after the point of a coefficient.
	fine = 32
	// variance is the number of bits after the point of a covariance.
	variance = 40
)

// Kind says what a term of the score stands for.
type Kind uint8

// The kinds of terms.
const (
	Intercept Kind = iota
	Number         // The value of a column of numbers, in standard units; its mean where it is missing.
	Absent         // Whether that value is missing.
	Level          // Whether a category is in one bin, rather than in the one that most rows are in.
)

// Term is one summand of the score: its coefficient times a value.
type Term struct {
	Feature int // -1 for the intercept.
	Kind    Kind
	Bin     uint8 // Of a level.
	// A number x stands in standard units as (x - Centre) 2^Shift, of which 2^16 are one.
	// The standard deviation is then 1 to 2 of them.
	Centre int64
	Shift  int
}

// Model is the result of a fit.
type Model struct {
	Config Config
	Terms  []Term // The intercept first.
	// Value holds the coefficient of each term, as 2^-32 of the score for one standard unit
	// of a number, or for yes rather than no.
	Value []int64
	// Covariance of the coefficients, in 2^-40: rows of the lower triangle, the diagonal
	// included. With lambda it is that of the posterior under the prior that lambda is.
	Covariance []int64
	// Dispersion is the variance of a target about its mean in 2^-40 for the squared loss,
	// and 1 for the others.
	Dispersion int64

	Rows    int64 // With a target, at the start.
	Steps   int   // Of Newton's method.
	Attempt int   // In force at the end.
	Trace   learn.Trace
}

// Score returns the score of a row: bins[f] is read where feature f is a category,
// numbers[f] elsewhere. Loss.Mean makes a prediction of it.
func (m *Model) Score(bins []uint8, numbers []int64) fixed.Q16 {
	z := make([]int64, len(m.Terms))
	m.standard(z, bins, numbers)
	return score(m.Value, z)
}

// standard writes the values of all terms in a row.
func (m *Model) standard(z []int64, bins []uint8, numbers []int64) {
	for i := range m.Terms {
		z[i] = m.Terms[i].value(bins, numbers)
	}
}

// score returns the sum of coefficients times values.
func score(value, z []int64) fixed.Q16 {
	var sum int64
	for i, v := range value {
		if z[i] != 0 {
			// Each summand is held below 2^52, so that 400 of them fit.
			sum += min(max(fixed.MulDiv(v, z[i], unit), -maxSummand), maxSummand)
		}
	}
	return learn.Add(fixed.Q16(fixed.RoundDiv(sum, 1<<(fine-16))), 0)
}

// maxSummand holds one summand of a score, in 2^-32: a million.
const maxSummand = 1 << 52

// Error returns the standard error of the score of a row.
func (m *Model) Error(bins []uint8, numbers []int64) fixed.Q16 {
	z := make([]int64, len(m.Terms))
	m.standard(z, bins, numbers)
	sum, part := new(big.Int), new(big.Int)
	at := 0
	for i := range z {
		for j := range i + 1 {
			if z[i] != 0 && z[j] != 0 {
				part.Mul(big.NewInt(z[i]), big.NewInt(z[j]))
				part.Mul(part, big.NewInt(m.Covariance[at]))
				if i != j {
					part.Lsh(part, 1)
				}
				sum.Add(sum, part)
			}
			at++
		}
	}
	// Standard units have 16 bits each: 72 in all, 36 after the root.
	if sum.Sign() <= 0 {
		return 0
	}
	root := part.Rsh(sum.Sqrt(sum), (variance+2*16)/2-16)
	if !root.IsInt64() || root.Int64() > learn.MaxMagnitude {
		return learn.MaxMagnitude
	}
	return fixed.Q16(root.Int64())
}

// normal is the 97.5 % quantile of the normal distribution as a Q16: 1.95996.
const normal = 128448

// Interval returns between which means the prediction of a row lies with a confidence of
// 95 %, by Wald's method on the score.
func (m *Model) Interval(bins []uint8, numbers []int64) (low, high fixed.Q16) {
	middle, off := m.Score(bins, numbers), fixed.Mul(normal, m.Error(bins, numbers))
	return m.Config.Loss.Mean(learn.Add(middle, -off)), m.Config.Loss.Mean(learn.Add(middle, off))
}

// Coefficient returns a coefficient and its interval of 95 %, by Wald's method, in 2^-32.
func (m *Model) Coefficient(term int) (value, low, high int64) {
	off := fixed.MulDiv(m.standardError(term), normal, 1<<16)
	return m.Value[term], m.Value[term] - off, m.Value[term] + off
}

// standardError returns that of one coefficient, in 2^-32.
func (m *Model) standardError(term int) int64 {
	v := big.NewInt(max(0, m.Covariance[term*(term+3)/2]))
	return v.Sqrt(v.Lsh(v, 2*fine-variance)).Int64()
}

// Slope returns the coefficient of a number per whole number of its column, as
// mantissa 2^exponent. Other terms have the exponent -32.
func (m *Model) Slope(term int) (mantissa int64, exponent int) {
	t := &m.Terms[term]
	if t.Kind != Number {
		return m.Value[term], -fine
	}
	return m.Value[term], t.Shift - 16 - fine
}

// Digest returns the digest of the byte form.
func (m *Model) Digest() canon.Digest { return canon.Sum(m.Encode()) }
