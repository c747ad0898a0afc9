package forecast

import (
	"context"
	"fmt"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// trustParts is in how many parts the expected change can be believed.
const trustParts = 8

// trust is by lead how many eighths of the expected change seasons that the trees had
// not seen bear out: the part that would have made the sum of absolute errors smallest.
// With two or three seasons of history that can be none, and forecasts start from no
// change; with ten it is seven or eight.
type trust [leads]int64

// part returns what is believed of an expected change.
func (t *trust) part(lead int, change fixed.Q16) fixed.Q16 {
	return fixed.Q16(nearest(int64(change)*t[lead-1], trustParts))
}

// weigh finds the trust from one sum, by lead and part, of absolute errors.
func (t *training) weigh(ctx context.Context, sum learn.Summer) (*trust, error) {
	const sums = trustParts + 1
	total, err := together(ctx, sum, learn.Step{Name: "trust", Bits: 64}, func(attempt int) []int64 {
		keep := lot(t.seed, "trust", attempt)
		x := make([]int64, leads*sums)
		for _, r := range t.rows {
			if !keep(r.key) {
				continue
			}
			for part := range sums {
				candidate := trust{}
				candidate[r.lead-1] = int64(part)
				x[(r.lead-1)*sums+part] += int64((r.outcome - candidate.part(r.lead, r.expected)).Abs()) / errorUnits
			}
		}
		return x
	})
	if err != nil {
		return nil, err
	}
	found := &trust{}
	for lead := range leads {
		errors := total[lead*sums : (lead+1)*sums]
		for part, e := range errors {
			if e < 0 {
				return nil, fmt.Errorf("%w: errors of lead %d with %d parts of trust sum to %d", ErrSum, lead+1, part, e)
			}
			if e <= errors[found[lead]] { // Of equal ones the most trusting.
				found[lead] = int64(part)
			}
		}
	}
	return found, nil
}

// believe finds the trust in the expected changes and notes every row's error.
func (t *training) believe(ctx context.Context, sum learn.Summer) (*trust, error) {
	found, err := t.weigh(ctx, sum)
	if err != nil {
		return nil, err
	}
	for i := range t.rows {
		r := &t.rows[i]
		r.error = r.outcome - found.part(r.lead, r.expected)
	}
	return found, nil
}
