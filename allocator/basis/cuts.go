package basis

import (
	"cmp"
	"context"
	"math"
	"slices"

	"comity/allocator/linear"
)

// Limits of cutting at the root.
const (
	maxIdle       = 4    // Rounds in a row that hardly move the bound.
	leastProgress = 1e-4 // Of the bound, or the round was idle.
	maxCuts       = 1500
	cutsARound    = 40   // The most violated ones that are not nearly parallel.
	cutCandidates = 64   // Fractional columns whose rows of the inverse are tried.
	maxParallel   = 0.8  // Cosine of two cuts of one round.
	minViolation  = 1e-4 // Distance of the point to the cut, relative to the lengths of its columns.
	maxLength     = 40   // Columns of one cut, and a tenth of all.
	maxRange      = 1e6  // Of the coefficients of one cut.
	weightBits    = 22   // Precision of the smallest weight of a row.
	noise         = 1e-9 // Smaller parts of a sum are what is left of zero.
	coeffBits     = 30   // Precision of the coefficients of a cut.
	fraction      = 1e-6 // Nearer to a whole number is whole.
	leastFraction = 0.02 // Of the right side: smaller ones make weak and steep cuts.
)

// candidate is a cut in floating point.
type candidate struct {
	cut      linear.Cut
	columns  []int
	values   []float64
	violated float64 // Distance of the point.
}

// separate adds rounds of cuts until the bound hardly moves. A cut that does not touch
// the best point of a round is not taken along to the next.
func (r *relaxed) separate(ctx context.Context, engine Engine) error {
	last, idle := math.Inf(1), 0
	for done := false; !done && idle < maxIdle; {
		err := engine.Session(ctx, r.lp(), r.start(), func(session Session) error {
			r.session = session
			a, err := r.solve(ctx, r.lower, r.upper)
			if err != nil || !a.Optimal {
				done = true
				return err
			}
			idle++
			if last-a.worth > leastProgress*math.Abs(a.worth) {
				idle = 0
			}
			last = a.worth
			found, err := r.candidates(ctx, a.Primal)
			if err != nil {
				return err
			}
			r.retire(a)
			done = r.add(selected(found)) == 0
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// retire leaves the cuts out that have room at a point.
func (r *relaxed) retire(a answer) {
	cutsFrom := len(r.rows) - len(r.cuts)
	r.active = slices.DeleteFunc(r.active, func(i int) bool {
		if i < cutsFrom || r.rowStates[i] != Basic { // A basis loses basic rows only.
			return false
		}
		left, most := r.rows[i].upper, math.Abs(r.rows[i].upper)
		for k, j := range r.rows[i].columns {
			part := r.rows[i].values[k] * a.Primal[j]
			left, most = left-part, max(most, math.Abs(part))
		}
		return left > fraction*most
	})
}

// add derives cuts; those that exact numbers do not give are left out.
func (r *relaxed) add(all []candidate) (added int) {
	for _, c := range all {
		if len(r.cuts) < maxCuts && r.cut(c.cut) == nil {
			added++
		}
	}
	return added
}

// selected returns the most violated cuts that point in different directions.
func selected(all []candidate) []candidate {
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.violated, a.violated) })
	var chosen []candidate
	for _, c := range all {
		if len(chosen) == cutsARound {
			break
		}
		if !slices.ContainsFunc(chosen, func(o candidate) bool { return cosine(c, o) > maxParallel }) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

func cosine(a, b candidate) float64 {
	dot, na, nb := 0.0, 0.0, 0.0
	for _, v := range a.values {
		na += v * v
	}
	for _, v := range b.values {
		nb += v * v
	}
	for i, k := 0, 0; i < len(a.columns) && k < len(b.columns); {
		switch {
		case a.columns[i] < b.columns[k]:
			i++
		case a.columns[i] > b.columns[k]:
			k++
		default:
			dot += a.values[i] * b.values[k]
			i, k = i+1, k+1
		}
	}
	return dot / math.Sqrt(na*nb)
}

// candidates rounds rows of the inverse of the basis, which hold one fractional column
// each (Gomory, "An algorithm for the mixed integer problem" (1960)), and single rows
// divided by their coefficients (Marchand and Wolsey, "Aggregation and mixed integer
// rounding to solve MIPs" (2001)).
func (r *relaxed) candidates(ctx context.Context, x []float64) ([]candidate, error) {
	var fractional []int
	for j, v := range x {
		if r.whole[j] && math.Abs(v-math.Round(v)) > fraction {
			fractional = append(fractional, j)
		}
	}
	slices.SortStableFunc(fractional, func(a, b int) int {
		return cmp.Compare(math.Abs(x[a]-math.Floor(x[a])-0.5), math.Abs(x[b]-math.Floor(x[b])-0.5))
	})
	fractional = fractional[:min(len(fractional), cutCandidates)]
	inverse, err := r.session.Inverse(ctx, fractional)
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, weights := range inverse {
		if weights == nil {
			continue
		}
		weights = r.spread(weights, 1)
		for _, by := range []float64{1, -1, 2, -2, 3, -3, 4, 5} {
			all = r.try(all, weights, by, x)
		}
	}
	for i := range r.rows {
		all = r.tryRow(all, i, x)
	}
	return all, nil
}

// tryRow divides one row by the coefficients of its fractional columns.
func (r *relaxed) tryRow(all []candidate, i int, x []float64) []candidate {
	weights := make([]float64, len(r.rows))
	weights[i] = 1
	var tried []float64
	for k, j := range r.rows[i].columns {
		v := math.Abs(r.rows[i].values[k])
		if r.whole[j] && math.Abs(x[j]-math.Round(x[j])) > fraction && !slices.Contains(tried, v) && len(tried) < 8 {
			tried = append(tried, v)
			for _, by := range []float64{1, -1, 0.5, -0.5, 0.25} {
				all = r.try(all, weights, by/v, x)
			}
		}
	}
	return all
}

// try rounds the sum of the rows by weights times a factor, and keeps the cut if it
// separates the point.
func (r *relaxed) try(all []candidate, weights []float64, by float64, x []float64) []candidate {
	scaled, largest := make([]float64, len(weights)), 0.0
	for i, w := range weights {
		scaled[i] = w * by
		largest = max(largest, math.Abs(scaled[i])/r.scale[i])
	}
	if largest == 0 || !finite(scaled) || math.IsInf(largest, 0) {
		return all
	}
	bits := math.MinInt
	for i, w := range scaled {
		if math.Abs(w)/r.scale[i] < largest*noise {
			scaled[i] = 0
		} else {
			// Weights of rows with large coefficients are small and need their digits, too.
			bits = max(bits, weightBits-math.Ilogb(w))
		}
	}
	m := r.rounding(scaled, x)
	c, ok := m.candidate(x)
	if !ok {
		return all
	}
	c.cut.Weights = combination(scaled, bits)
	return append(all, c)
}

// mixed is a mixed-integer rounding in floating point; see linear.System.AddCut.
type mixed struct {
	alpha  []float64 // Weighted sum of the rows, by column.
	b      float64   // Its right side, with everything counted from its bound.
	uppers []int     // Columns counted from the upper bound.

	coeff []float64
	right float64
	ok    bool
}

// shifted sums the rows up and counts each column from the bound that the point is nearer
// to.
func (r *relaxed) shifted(weights, x []float64) (m mixed, ok bool) {
	m = mixed{alpha: make([]float64, len(r.cost)), coeff: make([]float64, len(r.cost))}
	sizes := make([]float64, len(r.cost))
	for i, w := range weights {
		if w == 0 {
			continue
		}
		for k, j := range r.rows[i].columns {
			v := w * r.rows[i].values[k]
			m.alpha[j] += v
			sizes[j] = max(sizes[j], math.Abs(v))
		}
		end := r.rowFrom(i, w)
		if math.IsInf(end, 0) {
			return m, false
		}
		m.b += w * end
	}
	for j, a := range m.alpha {
		if math.Abs(a) < noise*sizes[j] || a == 0 {
			m.alpha[j] = 0
			continue
		}
		low, high := r.lower[j], r.upper[j]
		switch {
		case !math.IsInf(high, 0) && (math.IsInf(low, 0) || high-x[j] < x[j]-low):
			m.uppers = append(m.uppers, j)
			m.b -= a * high
		case !math.IsInf(low, 0):
			m.b -= a * low
		default:
			return m, false
		}
	}
	return m, true
}

func (r *relaxed) rounding(weights, x []float64) mixed {
	m, ok := r.shifted(weights, x)
	if !ok {
		return m
	}
	f := m.b - math.Floor(m.b)
	if f < leastFraction || f > 1-leastFraction {
		return m
	}
	m.ok, m.right = true, math.Floor(m.b)*(1-f)
	uppers := m.uppers
	for j, a := range m.alpha {
		if a == 0 {
			continue
		}
		sign, from := 1.0, r.lower[j]
		if len(uppers) > 0 && uppers[0] == j {
			uppers, sign, from = uppers[1:], -1, r.upper[j]
		}
		g := sign * roundedBy(sign*a, f, r.whole[j])
		m.coeff[j] += g
		m.right += g * from
	}
	for i, w := range weights {
		if w == 0 {
			continue
		}
		sign, end := 1.0, r.rowFrom(i, w)
		if end == r.rows[i].upper && (w > 0 || math.IsInf(r.rows[i].lower, 0)) {
			sign = -1
		}
		g := sign * roundedBy(-sign*w, f, r.rows[i].whole)
		m.right += g * end
		for k, j := range r.rows[i].columns {
			m.coeff[j] += g * r.rows[i].values[k]
		}
	}
	return m
}

// rowFrom returns the bound that the value of a row is counted from.
func (r *relaxed) rowFrom(i int, weight float64) float64 {
	if row := r.rows[i]; math.IsInf(row.lower, 0) || !math.IsInf(row.upper, 0) && weight > 0 {
		return row.upper
	}
	return r.rows[i].lower
}

func roundedBy(a, f float64, whole bool) float64 {
	if !whole {
		return min(0, a)
	}
	if near := math.Round(a); math.Abs(a-near) < 1e-9 {
		a = near
	}
	down := math.Floor(a)
	return down*(1-f) + max(0, a-down-f)
}

// candidate measures how far the point is from the cut, with columns scaled to what they
// can be: a distance in thousands of one column is none in another that is 0 or 1.
func (m mixed) candidate(x []float64) (candidate, bool) {
	if !m.ok {
		return candidate{}, false
	}
	largest, least, left, length := 0.0, math.Inf(1), -m.right, 0.0
	for j, g := range m.coeff {
		left += g * x[j]
		largest = max(largest, math.Abs(g))
	}
	c := candidate{}
	for j, g := range m.coeff {
		if math.Abs(g) <= 1e-10*largest {
			continue
		}
		least = min(least, math.Abs(g))
		c.columns, c.values = append(c.columns, j), append(c.values, g)
		length += g * g
	}
	c.violated = left / math.Sqrt(length)
	if largest == 0 || largest/least > maxRange || len(c.columns) > maxLength+len(x)/10 || left < 1e-6*math.Abs(m.right) || !(c.violated > minViolation) {
		return candidate{}, false
	}
	c.cut.Uppers = append([]int{}, m.uppers...)
	c.cut.Bits = max(0, min(80, coeffBits-math.Ilogb(largest)))
	return c, true
}
