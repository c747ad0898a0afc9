package forecast

import (
	"errors"
	"fmt"
	"math"

	"comity"
	"comity/canon"
	"comity/modeler/fixed"
)

// ErrSum says that a sum cannot come from rows: it has another length, or counts that
// contradict each other.
var ErrSum = errors.New("sum cannot come from rows")

// The histogram of standardised residuals z, per lead: from -8 to 8 in steps of 1/64.
// Residuals beyond count at the ends.
const (
	zCells = 1024
	zSpan  = 8 * one
	zStep  = 2 * zSpan / zCells
)

// errorUnits is the scale of absolute errors that are added up: 2^-10.
const errorUnits = one / 1024

// The parts of the last sum behind the histograms.
const (
	skillTogether = leads*zCells + iota // Sum of absolute log errors of the shared model.
	skillAlone                          // The same of models that saw one place only.
	skillRows                           // Rows of both sums.
	skillPlaces                         // Places with such rows.
	skillBetter                         // Places with smaller errors together.
	residualSum                         // Length of the sum.
)

// zCell returns the cell of a standardised residual.
func zCell(z int64) int { return int(min(max((z+zSpan)/zStep, 0), zCells-1)) }

// zQuantiles reads the quantiles at comity.QuantileLevels from one lead's histogram, with
// values spread evenly over their cell.
func zQuantiles(counts []int64) ([]int64, error) {
	var total int64
	for cell, n := range counts {
		if n < 0 || n > 1<<31 {
			return nil, fmt.Errorf("%w: cell %d of residuals counts %d", ErrSum, cell, n)
		}
		total += n
	}
	if total == 0 {
		return nil, fmt.Errorf("%w: no residual at this lead; some place needs values that many weeks apart", ErrSum)
	}
	q := make([]int64, 0, len(comity.QuantileLevels))
	var below int64
	cell := 0
	for _, level := range comity.QuantileLevels {
		// In thousandths of a residual, so that nothing is rounded before the end.
		rank := int64(level) * total
		for cell < zCells-1 && (below+counts[cell])*1000 < rank {
			below += counts[cell]
			cell++
		}
		inside := rank - below*1000
		q = append(q, -zSpan+int64(cell)*zStep+nearest(inside*zStep, max(counts[cell], 1)*1000))
	}
	return q, nil
}

// residuals is this participant's part of the last sum.
func (t *training) residuals(alone []fixed.Q16, keep func(key uint64) bool) []int64 {
	x := make([]int64, residualSum)
	var together, apart int64
	for i, r := range t.rows {
		if keep(r.key) {
			x[(r.lead-1)*zCells+zCell(int64(fixed.Div(r.error, r.spread)))]++
			together += int64(r.error.Abs()) / errorUnits
			apart += int64(alone[i].Abs()) / errorUnits
			x[skillRows]++
		}
		if i+1 < len(t.rows) && t.place(i+1) == t.place(i) {
			continue
		}
		x[skillTogether] += together
		x[skillAlone] += apart
		x[skillPlaces]++
		if together < apart {
			x[skillBetter]++
		}
		together, apart = 0, 0
	}
	return x
}

func readSkill(total []int64) (Skill, error) {
	rows, places, better := total[skillRows], total[skillPlaces], total[skillBetter]
	if rows <= 0 || rows > math.MaxInt32 || places < 0 || better < 0 || better > places || total[skillTogether] < 0 || total[skillAlone] < 0 {
		return Skill{}, fmt.Errorf("%w: skill of %d rows, %d of %d places better", ErrSum, rows, better, places)
	}
	millionths := func(units int64) canon.Int { return canon.Int(fixed.MulDiv(units, 1_000_000*errorUnits, rows*one)) }
	return Skill{
		Together: millionths(total[skillTogether]), Alone: millionths(total[skillAlone]),
		Rows: canon.Int(rows), Places: canon.Int(places), Better: canon.Int(better),
	}, nil
}
