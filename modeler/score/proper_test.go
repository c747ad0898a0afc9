package score_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/chance"
	"comity/modeler/interval"
	"comity/modeler/score"
)

func must(t interface{ Fatal(...any) }) func(v float64, err error) float64 {
	return func(v float64, err error) float64 {
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func within(got, want, by float64) bool { return math.Abs(got-want) <= by }

// The integrals are those of SciPy 1.10.1, integrate.quad over (norm.cdf(x) - (x >= y))²;
// the log scores are -norm.logpdf.
func TestNormalAgreesWithSciPy(t *testing.T) {
	for _, c := range []struct{ mean, sd, y, crps, log float64 }{
		{0, 1, 0, 0.23369497725510907, 0.9189385332046727},
		{2, 3, -1.5, 2.167715830660416, 2.698106377428338},
		{10, .5, 14, 3.717905208226122, 32.22579135264473},
		{0, 2, 1e-3, 0.4673901539813542, 1.612085838764618},
	} {
		if got := must(t)(score.CRPSNormal(c.mean, c.sd, c.y)); !within(got, c.crps, 1e-12) {
			t.Errorf("CRPS of N(%v, %v) at %v is %v, want %v", c.mean, c.sd, c.y, got, c.crps)
		}
		if got := must(t)(score.LogScoreNormal(c.mean, c.sd, c.y)); !within(got, c.log, 1e-12) {
			t.Errorf("log score of N(%v, %v) at %v is %v, want %v", c.mean, c.sd, c.y, got, c.log)
		}
	}
	if got := must(t)(score.CRPSNormal(3, 0, 5)); got != 2 {
		t.Errorf("a point forecast 2 off scores %v", got)
	}
}

// TestEnsembleAgreesWithItsDefinition compares with both double sums as printed.
func TestEnsembleAgreesWithItsDefinition(t *testing.T) {
	number := rapid.Float64Range(-1e3, 1e3)
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(number, 2, 30).Draw(t, "members")
		y, n := number.Draw(t, "y"), float64(len(x))
		var away, apart float64
		for _, v := range x {
			away += math.Abs(v - y)
			for _, w := range x {
				apart += math.Abs(v - w)
			}
		}
		if got, want := must(t)(score.CRPS(x, y)), away/n-apart/(2*n*n); !within(got, want, 1e-9) {
			t.Fatalf("CRPS %v, want %v", got, want)
		}
		if got, want := must(t)(score.FairCRPS(x, y)), away/n-apart/(2*n*(n-1)); !within(got, want, 1e-9) {
			t.Fatalf("fair CRPS %v, want %v", got, want)
		}
	})
	if got := must(t)(score.CRPS([]float64{7}, 4)); got != 3 {
		t.Errorf("one member 3 off scores %v", got)
	}
}

// drawDistribution draws quantiles in order, some of them equal.
func drawDistribution(t *rapid.T) (levels, quantiles []float64) {
	n := rapid.IntRange(1, 9).Draw(t, "n")
	for i := range n {
		levels = append(levels, (float64(i)+rapid.Float64Range(.1, .9).Draw(t, "level"))/float64(n))
		quantiles = append(quantiles, math.Round(rapid.Float64Range(-4, 9).Draw(t, "quantile")))
	}
	slices.Sort(quantiles)
	return levels, quantiles
}

// TestQuantileScoreIsTheIntegral compares with a plain sum over a fine grid.
func TestQuantileScoreIsTheIntegral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		levels, q := drawDistribution(t)
		y := rapid.Float64Range(-6, 12).Draw(t, "y")
		cdf := func(x float64) float64 {
			last := len(q) - 1
			if x < q[0] {
				return 0
			}
			if x >= q[last] {
				return 1
			}
			i := last - 1
			for q[i] > x {
				i--
			}
			return levels[i] + (levels[i+1]-levels[i])*(x-q[i])/(q[i+1]-q[i])
		}
		var want float64
		const from, to, steps = -10., 16., 52_000
		for k := range steps {
			x := from + (float64(k)+.5)*(to-from)/steps
			d := cdf(x)
			if x >= y {
				d--
			}
			want += d * d * (to - from) / steps
		}
		if got := must(t)(score.CRPSQuantiles(levels, q, y)); !within(got, want, 2e-3) {
			t.Fatalf("CRPS of %v at %v is %v, want %v", q, y, got, want)
		}
	})
}

// TestQuantilesTendToTheNormal refines levels until both scores are the closed form.
func TestQuantilesTendToTheNormal(t *testing.T) {
	for _, y := range []float64{-2.5, 0, .3, 4} {
		var levels, q []float64
		for i := range 4000 {
			levels = append(levels, (float64(i)+.5)/4000)
			q = append(q, interval.NormalQuantile(levels[i]))
		}
		want := must(t)(score.CRPSNormal(0, 1, y))
		if got := must(t)(score.CRPSQuantiles(levels, q, y)); !within(got, want, 1e-3) {
			t.Errorf("CRPS of 4000 quantiles at %v is %v, want %v", y, got, want)
		}
		if got := must(t)(score.CRPS(q, y)); !within(got, want, 1e-3) {
			t.Errorf("CRPS of 4000 members at %v is %v, want %v", y, got, want)
		}
	}
}

// TestProper holds what makes a rule proper: under a distribution, no other one scores
// better on average. Expectations are exact sums over outcomes.
func TestProper(t *testing.T) {
	chances := rapid.SliceOfN(rapid.Float64Range(.01, 1), 4, 4)
	rapid.Check(t, func(t *rapid.T) {
		truth, other := normalised(chances.Draw(t, "truth")), normalised(chances.Draw(t, "other"))
		var log, logOther, brier, brierOther float64
		for y, p := range truth {
			log += p * must(t)(score.LogScore(truth[y]))
			logOther += p * must(t)(score.LogScore(other[y]))
		}
		for _, came := range []bool{true, false} {
			p := truth[0]
			if !came {
				p = 1 - p
			}
			b, _ := score.NewBrier([]score.Event{{P: truth[0], Came: came}}, 1)
			o, _ := score.NewBrier([]score.Event{{P: other[0], Came: came}}, 1)
			brier, brierOther = brier+p*b.Score, brierOther+p*o.Score
		}
		if log > logOther+1e-12 || brier > brierOther+1e-12 {
			t.Fatalf("log %v against %v, Brier %v against %v", log, logOther, brier, brierOther)
		}
		// Samples of about 1,000 with these shares of 0, 1, 2 and 3.
		var own, others float64
		sample, another := sampleOf(truth), sampleOf(other)
		for v := range 4 {
			share := float64(len(slices.DeleteFunc(slices.Clone(sample), func(x float64) bool { return x != float64(v) }))) / float64(len(sample))
			own += share * must(t)(score.CRPS(sample, float64(v)))
			others += share * must(t)(score.CRPS(another, float64(v)))
		}
		if own > others+1e-12 {
			t.Fatalf("CRPS %v against %v", own, others)
		}
	})
}

func sampleOf(shares []float64) (members []float64) {
	for v, share := range shares {
		members = append(members, slices.Repeat([]float64{float64(v)}, int(math.Round(share*1000)))...)
	}
	return members
}

func normalised(p []float64) []float64 {
	var sum float64
	for _, v := range p {
		sum += v
	}
	out := slices.Clone(p)
	for i := range out {
		out[i] /= sum
	}
	return out
}

func TestLogScoreEvents(t *testing.T) {
	for _, c := range []struct {
		p    float64
		came bool
		want float64
	}{{.25, true, math.Log(4)}, {.25, false, math.Log(4. / 3)}, {1, true, 0}, {0, false, 0}, {1e-20, false, 1e-20}} {
		if got := must(t)(score.LogScoreEvent(c.p, c.came)); !within(got, c.want, 1e-15) || got == 0 != (c.want == 0) {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if got := must(t)(score.LogScoreEvent(0, true)); !math.IsInf(got, 1) {
		t.Errorf("what was called impossible scores %v", got)
	}
}

func TestForecastsRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	coin := chance.NewStream(chance.Seed{})
	for name, err := range map[string]error{
		"no member":      second(score.CRPS(nil, 1)),
		"NaN member":     second(score.CRPS([]float64{nan}, 1)),
		"infinite truth": second(score.CRPS([]float64{1}, inf)),
		"fair of one":    second(score.FairCRPS([]float64{1}, 1)),
		"sd below 0":     second(score.CRPSNormal(0, -1, 0)),
		"sd of 0":        second(score.LogScoreNormal(0, 0, 0)),
		"probability":    second(score.LogScore(-.1)),
		"event":          second(score.LogScoreEvent(1.1, true)),
		"event NaN":      second(score.LogScoreEvent(nan, true)),
		"crossed":        second(score.CRPSQuantiles([]float64{.1, .9}, []float64{2, 1}, 0)),
		"levels equal":   second(score.CRPSQuantiles([]float64{.5, .5}, []float64{1, 2}, 0)),
		"level of 1":     second(score.CRPSQuantiles([]float64{.5, 1}, []float64{1, 2}, 0)),
		"lengths":        second(score.CRPSQuantiles([]float64{.5}, []float64{1, 2}, 0)),
		"infinite":       second(score.CRPSQuantiles([]float64{.5}, []float64{inf}, 0)),
		"PIT order":      second(score.PIT(.5, .4, coin)),
		"PIT above 1":    second(score.PIT(.5, 1.1, coin)),
		"PIT NaN":        second(score.PITQuantiles([]float64{.5}, []float64{1}, nan, coin)),
		"no event":       second(score.NewBrier(nil, 10)),
		"no bin":         second(score.NewBrier([]score.Event{{P: .5}}, 0)),
		"event of 2":     second(score.NewBrier([]score.Event{{P: 2}}, 1)),
		"transform":      second(score.Uniform([]float64{1.5})),
		"ends":           second(score.Coverage([]float64{2}, []float64{1}, []float64{1}, .95)),
		"ends missing":   second(score.Coverage(nil, []float64{1}, []float64{1}, .95)),
		"too short":      second(score.DieboldMariano([]float64{1, 2}, []float64{1, 2}, 1)),
		"two lengths":    second(score.DieboldMariano([]float64{1, 2, 3}, []float64{1, 2}, 1)),
		"no horizon":     second(score.DieboldMariano([]float64{1, 2, 3}, []float64{1, 2, 4}, 0)),
		"infinite loss":  second(score.DieboldMariano([]float64{inf, 2, 3}, []float64{1, 2, 4}, 1)),
	} {
		if !errors.Is(err, score.ErrForecast) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
