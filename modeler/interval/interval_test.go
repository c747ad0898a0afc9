package interval_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"comity/chance"
	"comity/modeler/interval"
)

func near(got, want, relative float64) bool {
	return got == want || math.Abs(got-want) <= relative*math.Abs(want)
}

// The values are those of SciPy 1.10.1: norm.cdf, norm.ppf, t.cdf, betainc, betaincinv,
// kstwo.sf.
func TestDistributionsAgreeWithSciPy(t *testing.T) {
	for _, c := range []struct {
		what      string
		got, want float64
		relative  float64
	}{
		{"normal at -9", interval.NormalCDF(-9), 1.1285884059538324e-19, 1e-13},
		{"normal at -1.2", interval.NormalCDF(-1.2), 0.11506967022170822, 1e-14},
		{"normal at 5", interval.NormalCDF(5), 0.9999997133484281, 1e-15},
		{"quantile 1e-300", interval.NormalQuantile(1e-300), -37.0470962993612, 1e-13},
		{"quantile 1e-20", interval.NormalQuantile(1e-20), -9.262340089798409, 1e-14},
		{"quantile .025", interval.NormalQuantile(.025), -1.9599639845400545, 1e-14},
		{"quantile .3", interval.NormalQuantile(.3), -0.5244005127080409, 1e-14},
		{"quantile .8", interval.NormalQuantile(.8), 0.8416212335729143, 1e-14},
		{"quantile .999", interval.NormalQuantile(.999), 3.090232306167813, 1e-13},
		{"Student -2, 1", interval.StudentCDF(-2, 1), 0.1475836176504332, 1e-13},
		{"Student 2.5, 4.5", interval.StudentCDF(2.5, 4.5), 0.9700471567488997, 1e-13},
		{"Student -1.3, 30", interval.StudentCDF(-1.3, 30), 0.10175047926905845, 1e-13},
		{"Student -4, 1e6", interval.StudentCDF(-4, 1e6), 3.1673517005023895e-05, 1e-9},
		{"beta .1", interval.BetaCDF(.1, .5, .5), 0.2048327646991335, 1e-13},
		{"beta .5", interval.BetaCDF(.5, 2, 3), 0.6875, 1e-14},
		{"beta .9", interval.BetaCDF(.9, 30, 4), 0.5769436641256928, 1e-12},
		{"beta .3, 300, 700", interval.BetaCDF(.3, 300, 700), 0.503671182860812, 1e-11},
		{"beta 1e-9", interval.BetaCDF(1e-9, .5, 9), 0.00010557170523425912, 1e-13},
		{"beta quantile .025", interval.BetaQuantile(.025, 1, 100), 0.0002531460329774207, 1e-12},
		{"beta quantile .975", interval.BetaQuantile(.975, 11, 90), 0.1762225977400227, 1e-12},
		{"beta quantile 1e-6", interval.BetaQuantile(1e-6, 3, 5), 0.00306650476575663, 1e-12},
	} {
		if !near(c.got, c.want, c.relative) {
			t.Errorf("%s is %v, want %v", c.what, c.got, c.want)
		}
	}
	for _, c := range []struct {
		d    float64
		n    int
		want float64
	}{{.3, 10, 0.27053557479999946}, {.1, 100, 0.2526927570063874}, {.04, 1000, 0.07933956059000224}, {.5, 5, .112}, {.001, 9, 1}, {.99, 50, 0}} {
		if got := interval.KolmogorovSurvival(c.d, c.n); math.Abs(got-c.want) > .006 {
			t.Errorf("Kolmogorov %v of %d is %v, want %v", c.d, c.n, got, c.want)
		}
	}
	if !math.IsInf(interval.NormalQuantile(0), -1) || !math.IsInf(interval.NormalQuantile(1), 1) || interval.NormalQuantile(.5) != 0 {
		t.Error("quantiles at 0, 1 and 1/2")
	}
}

// SciPy 1.10.1: binomtest(hits, n).proportion_ci(confidence, method).
func TestProportions(t *testing.T) {
	for _, c := range []struct {
		hits, n       int
		confidence    float64
		wilson, exact interval.Interval
	}{
		{0, 10, .95, interval.Interval{Low: 0, High: 0.27753279986288926}, interval.Interval{Low: 0, High: 0.30849710781876294}},
		{3, 10, .95, interval.Interval{Low: 0.10779126740630102, High: 0.6032218525388546}, interval.Interval{Low: 0.06673951117773447, High: 0.652452850060008}},
		{10, 10, .9, interval.Interval{Low: 0.787058029916593, High: 1}, interval.Interval{Low: 0.7411344491066528, High: 1}},
		{50, 1000, .99, interval.Interval{Low: 0.035025075722532446, High: 0.0709069726905337}, interval.Interval{Low: 0.03392666271022022, High: 0.07050437520145779}},
	} {
		w, err := interval.Wilson(c.hits, c.n, c.confidence)
		e, err2 := interval.ClopperPearson(c.hits, c.n, c.confidence)
		for _, p := range [][2]float64{{w.Low, c.wilson.Low}, {w.High, c.wilson.High}, {e.Low, c.exact.Low}, {e.High, c.exact.High}} {
			if err != nil || err2 != nil || !near(p[0], p[1], 1e-10) {
				t.Errorf("%d of %d: %v, want %v: %v %v", c.hits, c.n, p[0], p[1], err, err2)
			}
		}
	}
	none, err := interval.Wilson(0, 0, .95)
	if err != nil || none.Low != 0 || none.High != 1 || !math.IsNaN(none.Value) {
		t.Errorf("no trial: %+v, %v", none, err)
	}
	for _, c := range []struct {
		hits, n    int
		confidence float64
	}{{-1, 5, .9}, {6, 5, .9}, {1, 5, 0}, {1, 5, 1}, {1, 5, math.NaN()}} {
		if _, err := interval.Wilson(c.hits, c.n, c.confidence); !errors.Is(err, interval.ErrInput) {
			t.Errorf("%+v: %v", c, err)
		}
		if _, err := interval.ClopperPearson(c.hits, c.n, c.confidence); !errors.Is(err, interval.ErrInput) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestQuantilesInvert holds both quantile functions against their distributions.
func TestQuantilesInvert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.Float64Range(1e-12, 1-1e-12).Draw(t, "p")
		if got := interval.NormalCDF(interval.NormalQuantile(p)); !near(got, p, 1e-12) {
			t.Fatalf("normal at quantile %v is %v", p, got)
		}
		a, b := rapid.Float64Range(.5, 2000).Draw(t, "a"), rapid.Float64Range(.5, 2000).Draw(t, "b")
		x := interval.BetaQuantile(p, a, b)
		if got := interval.BetaCDF(x, a, b); x > 1e-200 && x < 1-1e-9 && math.Abs(got-p) > 1e-9 {
			t.Fatalf("beta(%v, %v) at quantile %v is %v", a, b, p, got)
		}
	})
}

// TestSimultaneousCover counts how often any of several intervals misses: skew values in
// groups that just suffice for the bootstrap, a large one, and a group so small that only
// its bounds help.
func TestSimultaneousCover(t *testing.T) {
	const worlds = 250
	coin := chance.NewStream(chance.Seed{3})
	uniform := func() float64 { return float64(coin.Uint64()>>11) / (1 << 53) }
	skew := func() float64 { return min(9, -math.Log(1-uniform())) }
	mean := 1 - math.Exp(-9) // Of an exponential variable cut at 9.
	missed, missedShare := 0, 0
	for w := range worlds {
		groups := [][]float64{make([]float64, 50), make([]float64, 60), make([]float64, 300), make([]float64, 20), make([]float64, 90)}
		hits, n := make([]int, len(groups)), make([]int, len(groups))
		for g := range groups {
			n[g] = len(groups[g])
			for i := range groups[g] {
				groups[g][i] = skew()
				if uniform() < .9 {
					hits[g]++
				}
			}
		}
		m := interval.Many{Confidence: .9, Seed: chance.Seed{byte(w), byte(w >> 8)}, Bounds: &interval.Interval{Low: 0, High: 9}}
		means, err := m.Means(groups)
		if err != nil {
			t.Fatal(err)
		}
		if means[3].Method != interval.Hoeffding || means[0].Method != interval.Bootstrap {
			t.Fatalf("methods %v and %v", means[3].Method, means[0].Method)
		}
		for _, i := range means {
			if !i.Holds(mean) {
				missed++
				break
			}
		}
		shares, err := m.Shares(hits, n)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shares {
			if !s.Holds(.9) {
				missedShare++
				break
			}
		}
	}
	t.Logf("any of five means missed in %d of %d worlds, any of five shares in %d; at most 10 %% stated", missed, worlds, missedShare)
	if missed > worlds*16/100 || missedShare > worlds*12/100 {
		t.Errorf("missed %d and %d of %d", missed, missedShare, worlds)
	}
}

func TestSimultaneousBorders(t *testing.T) {
	m := interval.Many{Confidence: .95}
	got, err := m.Means([][]float64{{}, {1, 2}, make([]float64, 100)})
	if err != nil || !math.IsNaN(got[0].Value) || got[1].Method != interval.Unknown || !math.IsInf(got[2].High, 1) {
		t.Errorf("%+v, %v: constant or few values say nothing without bounds", got, err)
	}
	m.Bounds = &interval.Interval{Low: 0, High: 3}
	got, err = m.Means([][]float64{{}, {1, 2}, make([]float64, 100)})
	if err != nil || got[0].Interval != *m.Bounds || got[2].High <= 0 || got[2].High >= 1 || got[2].Low != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	for name, bad := range map[string][][]float64{"none": nil, "NaN": {{math.NaN()}}, "bounds": {{4}}, "infinite": {{math.Inf(1)}}} {
		if _, err := m.Means(bad); !errors.Is(err, interval.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.Shares([]int{1}, []int{1, 2}); !errors.Is(err, interval.ErrInput) {
		t.Error(err)
	}
	if _, err := (interval.Many{}).Shares([]int{1}, []int{2}); !errors.Is(err, interval.ErrInput) {
		t.Error(err)
	}
}
