package analytics

import (
	"fmt"

	"comity/exact"
)

// laySurvival lays out, for each interval of time, how many rows ended in it with the
// event and how many without. Interval i reaches from edge i-1 to edge i, the latter not
// included; the first begins at 0, and the last has no end.
func (l *Layout) laySurvival() error {
	if l.edges[0] <= 0 {
		return refuse("edge %s; times begin at 0, so that the first edge lies above it", l.query.Edges[0])
	}
	names := make([]string, 0, 2*(len(l.edges)+1))
	for i := range len(l.edges) + 1 {
		name := "from " + l.query.Edges[len(l.edges)-1]
		if i < len(l.edges) {
			name = "before " + l.query.Edges[i]
		}
		names = append(names, name+": events", name+": ended without")
	}
	return l.layBins(names)
}

// survivalBin returns the lane of an observed time.
func (l *Layout) survivalBin(v int64, event bool) int {
	bin := 2 * above(l.edges, v)
	if !event {
		bin++
	}
	return bin
}

// interval is what happened in one interval of time.
type interval struct {
	risk, events int64 // At risk at its begin; ended with the event in it.
}

// intervals returns those of one group, from its bins. Whoever ended without the event
// in an interval counts as at risk for all of it: where edges lie between all different
// times the curve is that of Kaplan and Meier, and elsewhere it errs upwards by what
// they would have contributed.
func intervals(bins []int64) []interval {
	out := make([]interval, len(bins)/2)
	left := int64(0)
	for i := len(out) - 1; i >= 0; i-- {
		left += bins[2*i] + bins[2*i+1]
		out[i] = interval{left, bins[2*i]}
	}
	return out
}

// survival decodes one curve:
//
//	S(i) = product over j <= i of (1 - events(j) / risk(j))
//	variance(i) = S(i)^2 * sum over j <= i of events(j) / (risk(j) * (risk(j) - events(j)))
//
// Source: Kaplan and Meier, "Nonparametric Estimation from Incomplete Observations"
// (1958), section 2; Greenwood (1926) for the variance. The curve ends where nobody, or
// fewer than the query's minimum cell, is at risk, or where noise leaves that open.
func (l *Layout) survival(group []Label, bins []int64, d *decoder) error {
	s, sum := one(), exact.Rat{}
	around := span{one(), one()}
	ended := false
	for i, v := range intervals(bins)[:len(l.edges)] {
		name := "survival before " + l.query.Edges[i]
		share, within, ok := d.hazard(v, len(bins)-2*i, len(l.Lanes))
		few := d.few(v.risk, l.query.MinimumCell)
		ended = ended || !ok || few
		if ended {
			d.withhold(name, group, !few)
			continue
		}
		s = s.Mul(one().Sub(share))
		if d.spread.Sign() != 0 {
			around = around.mul(point(one()).sub(within))
			d.within(name, group, s, &around)
			continue
		}
		d.give(name, group, s)
		if v.events < v.risk {
			term, err := exact.Int(v.events).Quo(exact.Int(v.risk).Mul(exact.Int(v.risk - v.events)))
			if err != nil {
				return err
			}
			sum = sum.Add(term)
		}
		d.give("variance before "+l.query.Edges[i], group, s.Mul(s).Mul(sum))
	}
	return nil
}

// hazard returns the share of those at risk that the event met, and the interval in which
// it lies where there is noise: what is at risk is a sum of so many noisy counts, of all
// that the answer has. It returns false where nobody may be at risk.
func (d *decoder) hazard(v interval, counts, all int) (exact.Rat, span, bool) {
	if v.risk <= 0 {
		return exact.Rat{}, span{}, false
	}
	clamp := func(x exact.Rat) exact.Rat { return most(exact.Rat{}, least(one(), x)) }
	share, err := exact.Ratio(v.events, v.risk)
	if err != nil || d.spread.Sign() == 0 {
		return share, point(share), err == nil
	}
	off := halfWidth(d.answer.Variance.Mul(exact.Int(int64(counts))), all)
	risk := span{exact.Int(v.risk).Sub(off), exact.Int(v.risk).Add(off)}
	within, ok := d.noisy(v.events).quo(risk)
	return clamp(share), span{clamp(within.low), clamp(within.high)}, ok
}

// logRank compares two groups: observed less expected events of the first, its variance,
// and the square of the one over the other, which follows chi-squared with one degree of
// freedom if the groups do not differ.
//
// Source: Mantel, "Evaluation of survival data and two new rank order statistics" (1966).
func logRank(first, second []int64, d *decoder) error {
	excess, variance := exact.Rat{}, exact.Rat{}
	a, b := intervals(first), intervals(second)
	for i := range a[:len(a)-1] {
		n, events := a[i].risk+b[i].risk, a[i].events+b[i].events
		if n == 0 {
			continue
		}
		share, err := exact.Ratio(a[i].risk, n)
		if err != nil {
			return err
		}
		excess = excess.Add(exact.Int(a[i].events)).Sub(share.Mul(exact.Int(events)))
		if n < 2 {
			continue
		}
		rest, err := exact.Ratio(n-events, n-1)
		if err != nil {
			return err
		}
		variance = variance.Add(share.Mul(one().Sub(share)).Mul(exact.Int(events)).Mul(rest))
	}
	d.give("log-rank excess", nil, excess)
	d.give("log-rank variance", nil, variance)
	if variance.Sign() == 0 {
		d.withhold("log-rank chi-squared", nil, true)
		return nil
	}
	chi, err := excess.Mul(excess).Quo(variance)
	if err != nil {
		return fmt.Errorf("log-rank test: %w", err)
	}
	d.give("log-rank chi-squared", nil, chi)
	return nil
}

func one() exact.Rat { return exact.Int(1) }
