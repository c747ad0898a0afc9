package solve

import (
	"cmp"
	"slices"

	"comity/allocator/certificate"
)

// repair returns whole units near a point of the face: first the nearest ones, then, unit
// by unit, what rows miss, and at last what more is worth something and keeps all rules.
// It fails with errFractions where single units lead nowhere.
func (fc *face) repair(point []float64) ([]int64, error) {
	x := fc.near(point)
	activity := fc.activity(x)
	for range maxExchanges {
		i, by := fc.missed(activity)
		if by == 0 {
			break
		}
		j, step, ok := fc.mend(x, activity, i, by)
		if !ok {
			return nil, errFractions
		}
		fc.shift(x, activity, j, step)
	}
	if _, by := fc.missed(activity); by != 0 {
		return nil, errFractions
	}
	fc.fill(x, activity)
	if certificate.Feasible(fc.p, fc.units(x)) != nil {
		return nil, errFractions
	}
	return x, nil
}

// missed returns the first row that is not kept, and by how much it has to change.
func (fc *face) missed(activity []int64) (row int, by int64) {
	for i, r := range fc.rows {
		if r.lower != nil && activity[i] < *r.lower {
			return i, *r.lower - activity[i]
		}
		if r.upper != nil && activity[i] > *r.upper {
			return i, *r.upper - activity[i]
		}
	}
	return 0, 0
}

// misses is by how much rows of a column are missed if it moves a step, in all.
func (fc *face) misses(activity []int64, j int, step int64) float64 {
	sum := 0.0
	for _, t := range fc.columns[j].terms {
		r, after := fc.rows[t.at], activity[t.at]+step*t.coeff
		if r.lower != nil && after < *r.lower {
			sum += float64(*r.lower - after)
		}
		if r.upper != nil && after > *r.upper {
			sum += float64(after - *r.upper)
		}
	}
	return sum
}

// mend returns the column whose move by one unit helps a missed row most and harms least.
func (fc *face) mend(x, activity []int64, row int, by int64) (column int, step int64, ok bool) {
	best := 0.0
	for _, t := range fc.rows[row].terms {
		d := int64(1)
		if (t.coeff > 0) != (by > 0) {
			d = -1
		}
		if next := x[t.at] + d; next < fc.lower[t.at] || next > fc.upper[t.at] {
			continue
		}
		gain := fc.misses(activity, t.at, 0) - fc.misses(activity, t.at, d)
		if gain > best {
			best, column, step, ok = gain, t.at, d, true
		}
	}
	return column, step, ok
}

// fill adds units that are worth something, the most valuable first, while rows allow it.
func (fc *face) fill(x, activity []int64) {
	var order []int
	for j, c := range fc.columns {
		if c.cost > 0 && fc.lower[j] < fc.upper[j] {
			order = append(order, j)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(fc.columns[b].cost, fc.columns[a].cost) })
	for _, j := range order {
		for range maxFill {
			if x[j] >= fc.upper[j] || fc.misses(activity, j, 1) > 0 {
				break
			}
			fc.shift(x, activity, j, 1)
			if len(fc.p.Limits) > 0 && certificate.Feasible(fc.p, fc.units(x)) != nil {
				fc.shift(x, activity, j, -1)
				break
			}
		}
	}
}

// maxFill bounds the units that one column gains after rounding; a point near an optimum
// leaves one or two.
const maxFill = 16
