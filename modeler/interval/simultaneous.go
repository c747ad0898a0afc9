package interval

import (
	"fmt"
	"math"
	"slices"

	"comity/chance"
)

// Many asks for intervals that all hold at once: with probability Confidence not one of
// them misses. Single intervals would not do for an audit of many groups, because of
// twenty groups one would look unfair by chance alone.
type Many struct {
	Confidence float64     // Between 0 and 1: .95.
	Seed       chance.Seed // Public coin of the resampling, so that anybody gets the same intervals.
	Bounds     *Interval   // That every value is known to lie within; nil if none are known.
}

// Mean is the mean of one group and where the true one lies.
type Mean struct {
	Interval         // Infinite ends say that nothing is known.
	N        int     // Values.
	Value    float64 // NaN without values.
	Method   Method
}

// Method says what an interval rests on.
type Method string

const (
	// Bootstrap takes the greatest of all groups' studentised means, under resampling. The
	// error tends to 1 - Confidence as groups grow, one order faster than that of normal
	// intervals; values must be independent, and neither bounded nor normal.
	Bootstrap Method = "max-t bootstrap"
	// Hoeffding assumes no more than independent values within known bounds, for any number of
	// them; the error is divided evenly over the groups.
	Hoeffding Method = "Hoeffding, error divided over groups"
	// Exact is that of Clopper and Pearson, for proportions; see Shares.
	Exact Method = "Clopper-Pearson, error divided over groups"
	// Unknown stands for too few values without known bounds, about whose mean nothing follows.
	Unknown Method = "too few values"
)

const (
	// leastForBootstrap is the fewest values whose spread is taken for the true one: from
	// here on TestSimultaneousCover finds exponential values covered as stated.
	leastForBootstrap = 50
	// mostForBootstrap is the most values that are resampled. The studentised mean of more
	// is drawn from its limit, the normal law, which it is near whatever the values are.
	mostForBootstrap = 2000
	// draws of the greatest mean. The probability to be above its 95 % quantile has a
	// standard error of half a per cent.
	draws = 2000
)

// Bounds of the work.
const (
	MaxGroups = 10_000
	MaxValues = 1 << 22 // Of all groups together.
)

// Means returns simultaneous intervals for the means of groups of independent values.
//
// Groups of 50 values or more that are not all equal share one critical value c, the
// quantile of the greatest |mean* - mean| / s* over groups when values are drawn again with
// replacement; their interval is mean ± c s, s the standard error. The others get
// Hoeffding's interval of their share of the error where bounds are known. Source: Hall,
// "Theoretical comparison of bootstrap confidence intervals", Annals of Statistics 16
// (1988), section 2, symmetric percentile-t; the greatest of many: Romano and Wolf, "Exact and
// approximate stepdown methods for multiple hypothesis testing", JASA 100 (2005);
// Hoeffding, "Probability inequalities for sums of bounded random variables", JASA 58
// (1963), theorem 2. The two kinds are joined by Boole's inequality.
//
// Groups may share values, as a whole does with its parts: they are drawn as if they did
// not, which makes c larger and never smaller (Šidák, "Rectangular confidence regions for the
// means of multivariate normal distributions", JASA 62 (1967)).
func (m Many) Means(groups [][]float64) ([]Mean, error) {
	if err := m.check(groups); err != nil {
		return nil, fmt.Errorf("simultaneous intervals: %w", err)
	}
	all := make([]Mean, len(groups))
	var large [][]float64
	var of []int // Group of each large one.
	for i, x := range groups {
		all[i] = m.small(x, len(groups))
		if len(x) >= leastForBootstrap && momentsOf(x).error > 0 {
			large, of = append(large, x), append(of, i)
		}
	}
	if len(large) == 0 {
		return all, nil
	}
	// The large ones have what error the others leave.
	miss := (1 - m.Confidence) * float64(len(large)) / float64(len(groups))
	c := critical(large, miss, m.Seed)
	for k, i := range of {
		half := c * momentsOf(large[k]).error
		v := all[i].Value
		all[i].Interval, all[i].Method = m.within(Interval{v - half, v + half}), Bootstrap
	}
	return all, nil
}

func (m Many) check(groups [][]float64) error {
	if err := checkConfidence(m.Confidence); err != nil {
		return err
	}
	if len(groups) == 0 || len(groups) > MaxGroups {
		return fmt.Errorf("%w: %d groups; give 1 to %d", ErrInput, len(groups), MaxGroups)
	}
	n := 0
	for g, x := range groups {
		if n += len(x); n > MaxValues {
			return fmt.Errorf("%w: more than %d values", ErrInput, MaxValues)
		}
		for i, v := range x {
			if math.IsNaN(v) || math.IsInf(v, 0) || m.Bounds != nil && !m.Bounds.Holds(v) {
				return fmt.Errorf("%w: value %d of group %d is %v, not a finite number within the bounds", ErrInput, i, g, v)
			}
		}
	}
	return nil
}

// small returns the interval that holds for any number of values.
func (m Many) small(x []float64, groups int) Mean {
	r := Mean{Interval{math.Inf(-1), math.Inf(1)}, len(x), momentsOf(x).mean, Unknown}
	if m.Bounds == nil {
		return r
	}
	r.Method = Hoeffding
	half := math.Inf(1)
	if len(x) > 0 {
		half = (m.Bounds.High - m.Bounds.Low) * math.Sqrt(math.Log(2*float64(groups)/(1-m.Confidence))/(2*float64(len(x))))
	}
	if math.IsInf(half, 1) {
		r.Interval = *m.Bounds
		return r
	}
	r.Interval = m.within(Interval{r.Value - half, r.Value + half})
	return r
}

func (m Many) within(i Interval) Interval {
	if m.Bounds == nil {
		return i
	}
	return Interval{max(i.Low, m.Bounds.Low), min(i.High, m.Bounds.High)}
}

// moments are a group's mean and the standard error of it.
type moments struct{ mean, error float64 }

func momentsOf(x []float64) moments {
	if len(x) == 0 {
		return moments{math.NaN(), 0}
	}
	n, m := float64(len(x)), moments{}
	for _, v := range x {
		m.mean += v / n // In this order no sum of finite values overflows.
	}
	var squares float64
	for _, v := range x {
		squares += (v - m.mean) * (v - m.mean)
	}
	m.error = math.Sqrt(squares / max(n-1, 1) / n)
	return m
}

// critical returns the quantile of the greatest studentised mean that is exceeded with
// probability miss.
func critical(groups [][]float64, miss float64, seed chance.Seed) float64 {
	coin := chance.NewStream(chance.Derive(seed, "resample"))
	greatest := make([]float64, draws)
	again := make([]float64, mostForBootstrap)
	means := make([]float64, len(groups))
	for g, x := range groups {
		means[g] = momentsOf(x).mean
	}
	for d := range greatest {
		for g, x := range groups {
			greatest[d] = max(greatest[d], studentised(x, means[g], again, coin))
		}
	}
	slices.Sort(greatest)
	// Of draws + 1 equally likely places of the true statistic, at most miss lie above.
	at := int(math.Ceil((1-miss)*(draws+1))) - 1
	return greatest[min(at, draws-1)]
}

// studentised draws how many standard errors a group's mean is away from the truth.
func studentised(x []float64, mean float64, again []float64, coin *chance.Stream) float64 {
	if len(x) > mostForBootstrap {
		const half = .5 / (1 << 53) // Never 0 or 1.
		return math.Abs(NormalQuantile(float64(coin.Uint64()>>11)/(1<<53) + half))
	}
	again = again[:len(x)]
	for i := range again {
		again[i] = x[coin.IntN(len(x))]
	}
	m := momentsOf(again)
	away := math.Abs(m.mean - mean)
	if away == 0 {
		return 0
	}
	return away / m.error // Infinite if the same value was drawn each time.
}

// Shares returns simultaneous intervals for the proportions of groups, hits of n each:
// those of Clopper and Pearson, each with an even part of the error (Bonferroni). They hold
// for any number of independent trials.
func (m Many) Shares(hits, n []int) ([]Share, error) {
	if len(hits) != len(n) || len(n) == 0 || len(n) > MaxGroups {
		return nil, fmt.Errorf("simultaneous shares: %w: %d and %d groups; give 1 to %d of both", ErrInput, len(hits), len(n), MaxGroups)
	}
	if err := checkConfidence(m.Confidence); err != nil {
		return nil, fmt.Errorf("simultaneous shares: %w", err)
	}
	all := make([]Share, len(n))
	for i := range n {
		s, err := ClopperPearson(hits[i], n[i], 1-(1-m.Confidence)/float64(len(n)))
		if err != nil {
			return nil, fmt.Errorf("simultaneous shares: group %d: %w", i, err)
		}
		all[i] = s
	}
	return all, nil
}
