package score

import (
	"fmt"
	"math"
	"slices"

	"comity/chance"
	"comity/modeler/interval"
)

// Coverage returns how often the truth lay in the interval between low and high, ends
// included, with Wilson's interval of that share. Forecasts whose truths depend on one
// another, such as neighbouring weeks, tell less than their number says.
func Coverage(low, high, truths []float64, confidence float64) (interval.Share, error) {
	if len(low) != len(truths) || len(high) != len(truths) {
		return interval.Share{}, fmt.Errorf("%w: %d lower and %d upper ends of %d truths", ErrForecast, len(low), len(high), len(truths))
	}
	hits := 0
	for i, y := range truths {
		if !(low[i] <= high[i]) || math.IsNaN(y) {
			return interval.Share{}, fmt.Errorf("%w: interval %d is [%v, %v], truth %v", ErrForecast, i, low[i], high[i], y)
		}
		if low[i] <= y && y <= high[i] {
			hits++
		}
	}
	return interval.Wilson(hits, len(truths), confidence)
}

// PIT returns the probability integral transform of one outcome: the forecast's probability
// of less, before, and of at most what came to pass, at. For a continuous forecast both are
// the same number; for counts the value is drawn evenly between them by the public coin, so
// that it is uniform if and only if the forecast is right. Source: Brockwell, "Universal
// residuals: a multivariate transformation", Statistics & Probability Letters 77 (2007);
// for counts: Czado, Gneiting and Held, "Predictive model assessment for count data",
// Biometrics 65 (2009), section 2.1.
func PIT(before, at float64, coin *chance.Stream) (float64, error) {
	if !(0 <= before && before <= at && at <= 1) {
		return 0, fmt.Errorf("%w: probability %v of less and %v of at most the outcome", ErrForecast, before, at)
	}
	v := before + (at-before)*float64(coin.Uint64()>>11)/(1<<53)
	return min(v, at), nil
}

// PITQuantiles returns PIT of the distribution of CRPSQuantiles: outcomes beyond the first
// or last quantile are drawn evenly within the tail, because quantiles do not say how far
// out they lie.
func PITQuantiles(levels, quantiles []float64, y float64, coin *chance.Stream) (float64, error) {
	if err := checkQuantiles(levels, quantiles); err != nil {
		return 0, err
	}
	if err := finite([]float64{y}); err != nil {
		return 0, err
	}
	last := len(quantiles) - 1
	below, _ := slices.BinarySearch(quantiles, y) // Quantiles below y.
	upTo := below                                 // Quantiles of at most y.
	for upTo <= last && quantiles[upTo] == y {
		upTo++
	}
	switch {
	case upTo == 0:
		return PIT(0, levels[0], coin)
	case below > last:
		return PIT(levels[last], 1, coin)
	case below == upTo: // Strictly between two.
		part := (y - quantiles[below-1]) / (quantiles[below] - quantiles[below-1])
		at := levels[below-1] + part*(levels[below]-levels[below-1])
		return PIT(at, at, coin)
	}
	before, at := levels[below], levels[upTo-1]
	if below == 0 {
		before = 0
	}
	if upTo > last {
		at = 1
	}
	return PIT(before, at, coin)
}

// Uniformity is how even transforms are.
type Uniformity struct {
	N         int
	Histogram []int   // Over even bins of [0, 1].
	Distance  float64 // Greatest between their distribution and the even one.
	// P is the probability of at least that distance if forecasts are right and outcomes
	// independent. Those of overlapping horizons are not: take one horizon at a time.
	P float64
}

// pitBins is how many bars show humps and slopes without showing noise.
const pitBins = 10

// Uniform tests transforms within [0, 1] by Kolmogorov's distance.
func Uniform(transforms []float64) (Uniformity, error) {
	u := Uniformity{N: len(transforms), Histogram: make([]int, pitBins), P: 1}
	for i, v := range transforms {
		if !(v >= 0 && v <= 1) {
			return u, fmt.Errorf("%w: transform %d is %v", ErrForecast, i, v)
		}
		u.Histogram[min(int(v*pitBins), pitBins-1)]++
	}
	n := float64(len(transforms))
	for i, v := range slices.Sorted(slices.Values(transforms)) {
		u.Distance = max(u.Distance, v-float64(i)/n, float64(i+1)/n-v)
	}
	if u.N > 0 {
		u.P = interval.KolmogorovSurvival(u.Distance, u.N)
	}
	return u, nil
}
