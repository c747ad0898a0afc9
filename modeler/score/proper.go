package score

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"comity/modeler/interval"
)

// ErrForecast says that a forecast is none: not finite, out of order, or no probability.
var ErrForecast = errors.New("not a forecast")

// The rules below are proper: whoever believes a distribution scores best, on average, by
// stating it. All are losses, less is better, and CRPS has the unit of what is forecast.

// CRPS returns the continuous ranked probability score of an ensemble of equally likely
// members:
//
//	1/n Σ |x_i - y| - 1/(2 n²) Σ Σ |x_i - x_j|
//
// the integral of (F(x) - 1{x >= y})² over their distribution F; for one member the
// absolute error. Source: Gneiting and Raftery, "Strictly proper scoring rules, prediction,
// and estimation", JASA 102 (2007), equations 20 and 21.
func CRPS(members []float64, y float64) (float64, error) {
	return crps(members, y, len(members))
}

// FairCRPS is CRPS with 1/(2 n (n-1)) for the second factor: on average what an ensemble
// without end from the same source would score, so that small ensembles compare with large
// ones. It needs two members and can be below 0. Source: Ferro, "Fair scores for ensemble
// forecasts", QJRMS 140 (2014), equation 5.
func FairCRPS(members []float64, y float64) (float64, error) {
	if len(members) < 2 {
		return 0, fmt.Errorf("%w: %d members, a fair score needs 2", ErrForecast, len(members))
	}
	return crps(members, y, len(members)-1)
}

func crps(members []float64, y float64, pairs int) (float64, error) {
	if err := finite(append(slices.Clone(members), y)); err != nil || len(members) == 0 {
		return 0, fmt.Errorf("%w: %d members: %w", ErrForecast, len(members), err)
	}
	x, n := slices.Sorted(slices.Values(members)), float64(len(members))
	var away, apart float64
	for i, v := range x {
		away += math.Abs(v-y) / n
		// Of the pairs with v it is the larger in i and the smaller in n - 1 - i.
		apart += v / n * (2*float64(i) - n + 1) / float64(pairs)
	}
	return away - apart, nil
}

// CRPSNormal returns the score of a normal distribution:
//
//	σ (z (2 Φ(z) - 1) + 2 φ(z) - 1/√π)    z = (y - μ)/σ
//
// and |y - μ| for σ = 0. Source: Gneiting, Raftery, Westveld and Goldman, "Calibrated
// probabilistic forecasting using ensemble model output statistics and minimum CRPS
// estimation", Monthly Weather Review 133 (2005), equation 5.
func CRPSNormal(mean, sd, y float64) (float64, error) {
	if err := finite([]float64{mean, sd, y}); err != nil || sd < 0 {
		return 0, fmt.Errorf("%w: normal with standard deviation %v: %w", ErrForecast, sd, err)
	}
	if sd == 0 {
		return math.Abs(y - mean), nil
	}
	z := (y - mean) / sd
	return sd * (z*(2*interval.NormalCDF(z)-1) + 2*interval.NormalDensity(z) - 1/math.Sqrt(math.Pi)), nil
}

// CRPSQuantiles returns the score of the distribution that quantiles stand for: linear
// between them, with all that lies beyond the first and the last in these two points. It is
// the integral of (F(x) - 1{x >= y})² of that distribution without further error, for levels
// ascending within 0 and 1 that need not be even; the weighted interval score tends to the
// same as levels get denser. Quantiles out of order are refused: package ensemble mends
// them. Source of the integral: Hersbach, "Decomposition of the continuous ranked
// probability score for ensemble prediction systems", Weather and Forecasting 15 (2000),
// equation 5.
func CRPSQuantiles(levels, quantiles []float64, y float64) (float64, error) {
	if err := checkQuantiles(levels, quantiles); err != nil {
		return 0, err
	}
	if err := finite([]float64{y}); err != nil {
		return 0, err
	}
	last := len(quantiles) - 1
	total := max(quantiles[0]-y, 0) + max(y-quantiles[last], 0)
	for i := range last {
		low, high := quantiles[i], quantiles[i+1]
		width, rise := high-low, levels[i+1]-levels[i]
		if width == 0 {
			continue
		}
		// Up to y the integrand is F², from there on (1 - F)²: both are cubics in F.
		at := levels[i] + rise*min(max((y-low)/width, 0), 1)
		below := cube(at) - cube(levels[i])
		above := cube(1-at) - cube(1-levels[i+1])
		total += width / rise * (below + above) / 3
	}
	return total, nil
}

func cube(v float64) float64 { return v * v * v }

// LogScore returns -ln p, in nats, of the probability or density that a forecast gave to
// what came to pass: 0 for certainty, infinite for what was called impossible. Source:
// Good, "Rational decisions", JRSS B 14 (1952).
func LogScore(p float64) (float64, error) {
	if !(p >= 0) { // NaN is not.
		return 0, fmt.Errorf("%w: probability %v", ErrForecast, p)
	}
	if p == 0 {
		return math.Inf(1), nil
	}
	return -math.Log(p), nil
}

// LogScoreEvent is LogScore of a yes-no forecast: of p if the event came to pass, of 1 - p
// otherwise.
func LogScoreEvent(p float64, came bool) (float64, error) {
	if !(p >= 0 && p <= 1) {
		return 0, fmt.Errorf("%w: probability %v", ErrForecast, p)
	}
	if came {
		return LogScore(p)
	}
	return -math.Log1p(-p), nil // Keeps the digits of a small p.
}

// LogScoreNormal is LogScore of a normal density: ln σ + z²/2 + ln √(2π).
func LogScoreNormal(mean, sd, y float64) (float64, error) {
	if err := finite([]float64{mean, sd, y}); err != nil || sd <= 0 {
		return 0, fmt.Errorf("%w: normal with standard deviation %v: %w", ErrForecast, sd, err)
	}
	z := (y - mean) / sd
	return math.Log(sd) + z*z/2 + math.Log(2*math.Pi)/2, nil
}

// finite returns ErrForecast for the first value that is not.
func finite(values []float64) error {
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: value %d is %v", ErrForecast, i, v)
		}
	}
	return nil
}

// checkQuantiles refuses levels and quantiles that make no distribution.
func checkQuantiles(levels, quantiles []float64) error {
	if len(levels) == 0 || len(levels) != len(quantiles) {
		return fmt.Errorf("%w: %d quantiles of %d levels", ErrForecast, len(quantiles), len(levels))
	}
	if err := finite(append(slices.Clone(levels), quantiles...)); err != nil {
		return err
	}
	for i, level := range levels {
		if level <= 0 || level >= 1 || i > 0 && level <= levels[i-1] {
			return fmt.Errorf("%w: %w: level %v; levels ascend strictly between 0 and 1", ErrForecast, ErrLevels, level)
		}
		if i > 0 && quantiles[i] < quantiles[i-1] {
			return fmt.Errorf("%w: the quantile at level %v is %v, below %v at level %v", ErrForecast, level, quantiles[i], quantiles[i-1], levels[i-1])
		}
	}
	return nil
}
