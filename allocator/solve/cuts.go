package solve

import (
	"cmp"
	"math"
	"math/big"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
)

const (
	// maxCuts bounds the cuts of one problem: each is a full row. A stage takes one or two.
	maxCuts = 1000
	// cutNoise is how much a limit may be missed in floating point, as a share of what
	// all parties are served; whole units are compared exactly.
	cutNoise = 1e-7
	// cutBits is the binary fraction of certificate.CutRow.
	cutBits = 60
)

// cut is a consequence of a limit: coefficients of units, by party, whose sum is at most 0.
type cut struct {
	comity.Cut
	exact  []*big.Int // Times 2^cutBits, by party.
	coeffs []float64  // Divided by 2^shift.
	shift  int
	margin float64 // How far below 0 the sum has to stay, so that whole units find room.
}

func (c cut) activity(f *form, x []int64) float64 {
	sum := 0.0
	for k, members := range f.members {
		for _, j := range members {
			sum += float64(c.coeffs[k] * float64(x[j]))
		}
	}
	return sum
}

// separate adds a cut for each limit that units by party break, and tells whether there
// was one.
func (f *form) separate(totals []float64) bool {
	found := false
	for _, l := range f.order.limits {
		limit := f.p.Limits[l]
		served, sum := f.served(limit, totals)
		vector := violated(limit, served, sum)
		if vector == nil {
			continue
		}
		c := comity.Cut{Limit: l, Vector: make([]canon.Int, len(totals))}
		for k, from := range f.order.parties {
			c.Vector[from] = canon.Int(vector[k])
		}
		found = f.learn(c) || found
	}
	return found
}

// learn adds a cut unless it is known.
func (f *form) learn(c comity.Cut) bool {
	known := func(o cut) bool { return o.Limit == c.Limit && slices.Equal(o.Vector, c.Vector) }
	return len(f.cuts) < maxCuts && !slices.ContainsFunc(f.cuts, known) && f.addCut(c)
}

// served is what each party gets by its size in a limit, and the sum.
func (f *form) served(l comity.Limit, totals []float64) (served []float64, sum float64) {
	served = make([]float64, len(totals))
	for k, from := range f.order.parties {
		served[k] = totals[k] / float64(l.Per[from])
		sum += served[k]
	}
	return served, sum
}

// violated returns the vector of a cut that what is served breaks, or nil.
func violated(l comity.Limit, served []float64, sum float64) []int64 {
	n := float64(len(served))
	bound, _ := l.Bound.Big().Float64()
	vector := make([]int64, len(served))
	if l.Kind == certificate.LimitGini {
		order := make([]int, len(served))
		for k := range order {
			order[k] = k
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(served[a], served[b]) })
		top := 0.0
		for i, k := range order {
			vector[k] = int64(2*(i+1)-len(order)-1) << certificate.RankBits
			top += float64(float64(2*(i+1)-len(order)-1) * served[k])
		}
		if top <= (bound*n+cutNoise)*sum {
			return nil
		}
		return vector
	}
	square := 0.0
	for _, u := range served {
		square += float64(u * u)
	}
	if square*bound*n <= float64(sum*sum)*(1+cutNoise) {
		return nil
	}
	largest := slices.Max(served)
	for k, u := range served {
		vector[k] = int64(math.Round(math.Ldexp(u/largest, certificate.RankBits)))
	}
	return vector
}

func (f *form) addCut(c comity.Cut) bool {
	coeffs, err := certificate.CutRow(f.p, c)
	if err != nil {
		return false
	}
	made, largest := cut{Cut: c, exact: make([]*big.Int, len(coeffs)), coeffs: make([]float64, len(coeffs))}, 0.0
	for k, from := range f.order.parties {
		made.exact[k] = coeffs[from]
		v, _ := new(big.Float).SetInt(coeffs[from]).Float64()
		made.coeffs[k] = math.Ldexp(v, -cutBits)
		largest = max(largest, math.Abs(made.coeffs[k]))
	}
	_, made.shift = math.Frexp(largest)
	for k := range made.coeffs {
		made.coeffs[k] = math.Ldexp(made.coeffs[k], -made.shift)
	}
	for _, o := range f.cuts {
		if o.Limit == c.Limit {
			made.margin = max(made.margin, math.Ldexp(o.margin, o.shift-made.shift))
		}
	}
	f.cuts = append(f.cuts, made)
	return true
}

// widen excludes whole units that break a limit: by a cut of their own, or, where that
// is known and missed by less than a solver sees, by a margin that all cuts of the limit
// have to keep.
func (f *form) widen(x []int64) {
	totals := make([]float64, len(f.need))
	for k, members := range f.members {
		for _, j := range members {
			totals[k] += float64(x[j])
		}
	}
	if f.separate(totals) {
		return
	}
	for l := range f.p.Limits {
		missed, unit := 0.0, 0.0
		for _, c := range f.cuts {
			if c.Limit == l {
				missed = max(missed, math.Ldexp(c.activity(f, x), c.shift))
				unit = max(unit, math.Ldexp(1, c.shift))
			}
		}
		for i := range f.cuts {
			if c := &f.cuts[i]; c.Limit == l && missed > 0 {
				c.margin += 2 * math.Ldexp(max(missed, fraction*unit), -c.shift)
			}
		}
	}
}

// withoutMargins returns cuts as their limits imply them.
func withoutMargins(cuts []cut) []cut {
	list := slices.Clone(cuts)
	for i := range list {
		list[i].margin = 0
	}
	return list
}

// cutPrices returns the prices of the cuts, times 2^bits: none is below 0.
func (fc *face) cutPrices(prices []float64, bits int) []int64 {
	list := make([]int64, len(fc.cuts))
	for i, c := range fc.cuts {
		list[i] = max(0, fixed(prices[len(fc.rows)+i], bits-c.shift))
	}
	return list
}
