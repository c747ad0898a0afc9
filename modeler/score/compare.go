package score

import (
	"fmt"
	"math"

	"comity/modeler/interval"
)

// Comparison says whether two forecasters differ by more than chance.
type Comparison struct {
	N         int     // Times that both forecast.
	Mean      float64 // Of first less second: below 0, the first is better.
	Error     float64 // Standard error of Mean, with regard to neighbouring times.
	Statistic float64 // Mean over Error with the small-sample factor.
	P         float64 // Two-sided, if both were equally good.
	Bartlett  bool    // Even weights gave no positive variance; falling ones did.
}

// DieboldMariano compares the losses of two forecasters at the same times, ascending, of
// forecasts that look horizon steps ahead. Errors of such forecasts depend on one another
// up to horizon - 1 steps, so that the variance of the mean difference d is
//
//	V = (γ_0 + 2 Σ_{k=1}^{h-1} γ_k) / n    γ_k = 1/n Σ (d_t - d̄)(d_{t-k} - d̄)
//
// and d̄/√V √((n + 1 - 2h + h(h-1)/n)/n) is compared with Student's distribution of n - 1
// degrees of freedom. V can come out negative: then each γ_k counts (1 - k/h), which cannot.
// Losses of many places at one time are not independent either: average them first.
//
// Source: Diebold and Mariano, "Comparing predictive accuracy", JBES 13 (1995); Harvey,
// Leybourne and Newbold, "Testing the equality of prediction mean squared errors",
// International Journal of Forecasting 13 (1997), equation 9; Newey and West, "A simple,
// positive semi-definite, heteroskedasticity and autocorrelation consistent covariance
// matrix", Econometrica 55 (1987).
func DieboldMariano(first, second []float64, horizon int) (Comparison, error) {
	n := len(first)
	if len(second) != n || horizon < 1 || n < 2 || n <= 2*horizon {
		return Comparison{}, fmt.Errorf("%w: %d and %d losses of forecasts %d ahead; give as many of both, and more than twice the horizon",
			ErrForecast, n, len(second), horizon)
	}
	d, of := make([]float64, n), float64(n)
	c := Comparison{N: n}
	for i := range d {
		d[i] = first[i] - second[i]
		c.Mean += d[i] / of
	}
	if err := finite(d); err != nil {
		return Comparison{}, fmt.Errorf("difference of losses: %w", err)
	}
	constant := true
	for i := range d {
		constant = constant && first[i]-second[i] == first[0]-second[0]
		d[i] -= c.Mean
	}
	v := longRun(d, horizon, func(int) float64 { return 1 })
	if v <= 0 {
		c.Bartlett = true
		v = longRun(d, horizon, func(k int) float64 { return 1 - float64(k)/float64(horizon) })
	}
	c.Error = math.Sqrt(max(v, 0) / of)
	if constant { // Otherwise rounding would leave a hair.
		c.Error = 0
	}
	switch {
	case c.Mean == 0:
		c.P = 1
		return c, nil
	case c.Error == 0: // The same difference each time.
		c.Statistic = math.Inf(1)
		if c.Mean < 0 {
			c.Statistic = math.Inf(-1)
		}
		return c, nil
	}
	h := float64(horizon)
	c.Statistic = c.Mean / c.Error * math.Sqrt((of+1-2*h+h*(h-1)/of)/of)
	c.P = 2 * interval.StudentCDF(-math.Abs(c.Statistic), of-1)
	return c, nil
}

// longRun returns γ_0 + 2 Σ weight(k) γ_k of centred differences, k below horizon.
func longRun(d []float64, horizon int, weight func(k int) float64) float64 {
	var v float64
	for k := range horizon {
		var g float64
		for t := k; t < len(d); t++ {
			g += d[t] * d[t-k]
		}
		g /= float64(len(d))
		if k > 0 {
			g *= 2 * weight(k)
		}
		v += g
	}
	return v
}
