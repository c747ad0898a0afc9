package score_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/chance"
	"comity/modeler/interval"
	"comity/modeler/score"
)

func uniform(coin *chance.Stream) float64 { return float64(coin.Uint64()>>11) / (1 << 53) }

// TestBrierAddsUp holds both decompositions against the score, and the second against the
// slowest way to find the best monotone recalibration.
func TestBrierAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var events []score.Event
		for range rapid.IntRange(1, 40).Draw(t, "n") {
			events = append(events, score.Event{P: float64(rapid.IntRange(0, 12).Draw(t, "p")) / 12, Came: rapid.Bool().Draw(t, "came")})
		}
		b, err := score.NewBrier(events, rapid.IntRange(1, 20).Draw(t, "bins"))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Reliability - b.Resolution + b.Uncertainty + b.Within; !within(got, b.Score, 1e-12) {
			t.Fatalf("bins add up to %v, not %v: %+v", got, b.Score, b)
		}
		if got := b.Miscalibration - b.Discrimination + b.Uncertainty; !within(got, b.Score, 1e-12) {
			t.Fatalf("recalibration adds up to %v, not %v: %+v", got, b.Score, b)
		}
		if want := b.Uncertainty - isotonic(events); !within(b.Discrimination, math.Max(0, want), 1e-12) {
			t.Fatalf("discrimination %v, want %v", b.Discrimination, want)
		}
	})
}

// isotonic returns the Brier score after the best monotone recalibration by its min-max
// formula: at each p, the least over later ends of the greatest rate over earlier starts.
func isotonic(events []score.Event) float64 {
	rate := func(from, to float64) float64 {
		var n, came float64
		for _, e := range events {
			if from <= e.P && e.P <= to {
				n++
				if e.Came {
					came++
				}
			}
		}
		return came / n
	}
	var sum float64
	for _, e := range events {
		best := math.Inf(-1)
		for _, from := range events {
			if from.P > e.P {
				continue
			}
			least := math.Inf(1)
			for _, to := range events {
				if to.P >= e.P {
					least = math.Min(least, rate(from.P, to.P))
				}
			}
			best = math.Max(best, least)
		}
		d := best
		if e.Came {
			d--
		}
		sum += d * d
	}
	return sum / float64(len(events))
}

// TestBrierByHand is Murphy's decomposition of eight forecasts worked out on paper: .25
// came once of four, .75 came three times of four, so that forecasts equal frequencies.
func TestBrierByHand(t *testing.T) {
	var events []score.Event
	for i := range 4 {
		events = append(events, score.Event{P: .25, Came: i == 0}, score.Event{P: .75, Came: i != 0})
	}
	b, err := score.NewBrier(events, 2)
	if err != nil || b.Score != .1875 || b.Reliability != 0 || b.Resolution != .0625 || b.Uncertainty != .25 || b.Within != 0 ||
		b.Miscalibration != 0 || b.Discrimination != .0625 || len(b.Bins) != 2 || b.Bins[0].Frequency.Value != .25 {
		t.Errorf("%+v, %v", b, err)
	}
}

// Kolmogorov's distance is that of SciPy 1.10.1, kstest(u, "uniform").
func TestUniform(t *testing.T) {
	u, err := score.Uniform([]float64{.99, .11, .2, .34, .41, .47, .6, .73, .91, .03})
	if err != nil || !within(u.Distance, .13, 1e-12) || !within(u.P, 0.9874829346609387, .01) || !slices.Equal(u.Histogram, []int{1, 1, 1, 1, 2, 0, 1, 1, 0, 2}) {
		t.Errorf("%+v, %v", u, err)
	}
	if u, err = score.Uniform(nil); err != nil || u.P != 1 {
		t.Errorf("%+v, %v", u, err)
	}
}

// TestTransformsOfRightForecastsAreUniform draws counts and continuous values from what was
// forecast, and from something else, which must be noticed.
func TestTransformsOfRightForecastsAreUniform(t *testing.T) {
	coin, lots := chance.NewStream(chance.Seed{1}), chance.NewStream(chance.Seed{2})
	levels := []float64{.025, .25, .5, .75, .975}
	normal := make([]float64, len(levels))
	for i, l := range levels {
		normal[i] = interval.NormalQuantile(l)
	}
	poisson := func(mean float64) func(k int) float64 { // At most k.
		return func(k int) (sum float64) {
			term := math.Exp(-mean)
			for i := range k + 1 {
				sum += term
				term *= mean / float64(i+1)
			}
			return min(1, sum)
		}
	}
	draw := func(cdf func(int) float64) int {
		u, k := uniform(coin), 0
		for cdf(k) < u {
			k++
		}
		return k
	}
	says := poisson(1.5)
	kinds := map[string]func(wrong bool) (float64, error){
		"counts": func(wrong bool) (float64, error) {
			k := draw(says)
			if wrong {
				k = draw(poisson(2.2))
			}
			return score.PIT(says(k-1), says(k), lots)
		},
		"tails of quantiles": func(wrong bool) (float64, error) { // Between the quantiles the law is not linear.
			y := interval.NormalQuantile(uniform(coin))
			if wrong {
				y += .5
			}
			v, err := score.PITQuantiles(levels, normal, y, lots)
			i := max(0, slices.IndexFunc(append(slices.Clone(levels), 1), func(l float64) bool { return v < l }))
			low, high := 0., 1.
			if i > 0 {
				low = levels[i-1]
			}
			if i < len(levels) {
				high = levels[i]
			}
			return low + (high-low)*uniform(lots), err
		},
	}
	for name, kind := range kinds {
		for _, wrong := range []bool{false, true} {
			var all []float64
			for range 2000 {
				all = append(all, must(t)(kind(wrong)))
			}
			u, err := score.Uniform(all)
			if err != nil || wrong && u.P > 1e-6 || !wrong && u.P < .01 {
				t.Errorf("%s, wrong %v: %+v, %v", name, wrong, u, err)
			}
		}
	}
}

func TestTransformsByHand(t *testing.T) {
	levels, q := []float64{.1, .4, .6, .9}, []float64{0, 0, 10, 20}
	for _, c := range []struct{ y, low, high float64 }{
		{-1, 0, .1}, {0, 0, .4}, {5, .5, .5}, {10, .6, .6}, {12, .66, .66}, {20, .9, 1}, {21, .9, 1},
	} {
		coin := chance.NewStream(chance.Seed{9})
		least, most := 1., 0.
		for range 500 {
			v := must(t)(score.PITQuantiles(levels, q, c.y, coin))
			least, most = min(least, v), max(most, v)
		}
		if !within(least, c.low, .01) || !within(most, c.high, .01) || least < c.low-1e-12 || most > c.high+1e-12 {
			t.Errorf("at %v from %v to %v, want %v to %v", c.y, least, most, c.low, c.high)
		}
	}
}

func TestCoverage(t *testing.T) {
	s, err := score.Coverage([]float64{0, 0, 0, 0}, []float64{1, 1, 1, 1}, []float64{0, 1, .5, 2}, .95)
	if err != nil || s.Value != .75 || s.Of != 4 || !s.Holds(.75) || s.Low < .2 || s.High > .99 {
		t.Errorf("%+v, %v", s, err)
	}
}

// The losses are two gamma samples; the statistics were computed from the formulas of both
// papers with NumPy 1.24, P with SciPy's t.sf.
func TestDieboldMarianoAgreesWithSciPy(t *testing.T) {
	a := []float64{0.831, 1.366, 3.606, 1.05, 2.044, 0.71, 1.943, 1.561, 0.979, 0.905, 1.587, 2.253, 0.318, 0.694, 0.495, 1.618, 0.647, 0.617, 1.974, 3.68, 0.189, 0.611, 1.724, 1.383}
	b := []float64{2.203, 2.362, 3.161, 2.897, 5.026, 2.003, 1.86, 3.137, 1.647, 1.925, 1.85, 2.479, 1.778, 0.759, 1.973, 1.483, 1.589, 0.684, 1.657, 3.405, 0.931, 0.97, 1.328, 1.594}
	for _, c := range []struct {
		horizon             int
		error, statistic, p float64
	}{
		{1, 0.17117782001420281, -3.792569033329619, 0.0009403010432041391},
		{3, 0.17732884859486758, -3.3492922200463795, 0.0027794144084683507},
		{4, 0.19703407300750275, -2.874052898243355, 0.008572644448956878},
	} {
		got, err := score.DieboldMariano(a, b, c.horizon)
		if err != nil || !within(got.Mean, -0.6631666666666667, 1e-12) || !within(got.Error, c.error, 1e-12) || !within(got.Statistic, c.statistic, 1e-11) || !within(got.P, c.p, 1e-12) || got.Bartlett {
			t.Errorf("horizon %d: %+v, %v", c.horizon, got, err)
		}
		back, err := score.DieboldMariano(b, a, c.horizon)
		if err != nil || back.Statistic != -got.Statistic || back.P != got.P {
			t.Errorf("the other way round: %+v, %v", back, err)
		}
	}
}

func TestDieboldMarianoBorders(t *testing.T) {
	same := []float64{1, 2, 3, 4, 5, 6}
	if c, err := score.DieboldMariano(same, same, 1); err != nil || c.P != 1 || c.Statistic != 0 {
		t.Errorf("a forecaster against itself: %+v, %v", c, err)
	}
	if c, err := score.DieboldMariano(same, []float64{2, 3, 4, 5, 6, 7}, 1); err != nil || c.P != 0 || !math.IsInf(c.Statistic, -1) {
		t.Errorf("always one better: %+v, %v", c, err)
	}
	// Differences that swing: γ_0 + 2 γ_1 is below 0.
	swing, flat := []float64{1, 0, 1, 0, 1, 0, 1.2, 0}, make([]float64, 8)
	if c, err := score.DieboldMariano(swing, flat, 2); err != nil || !c.Bartlett || !(c.Error > 0) {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestDieboldMarianoIsRarelyWrong compares two forecasters whose losses follow one law.
func TestDieboldMarianoIsRarelyWrong(t *testing.T) {
	coin, accused := chance.NewStream(chance.Seed{7}), 0
	const worlds = 1000
	for range worlds {
		var a, b []float64
		before := 0.
		for range 60 { // Differences of forecasts two ahead: a moving average.
			now := interval.NormalQuantile((uniform(coin)*(1<<20) + .5) / (1<<20 + 1))
			a, b = append(a, 5+now+before), append(b, 5)
			before = now
		}
		c, err := score.DieboldMariano(a, b, 2)
		if err != nil {
			t.Fatal(err)
		}
		if c.P < .05 {
			accused++
		}
	}
	t.Logf("%d of %d equal pairs differ at 5 %%", accused, worlds)
	if accused < worlds*2/100 || accused > worlds*9/100 {
		t.Errorf("%d of %d", accused, worlds)
	}
}
