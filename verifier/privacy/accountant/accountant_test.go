package accountant

import (
	"errors"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/exact"
	"comity/verifier/privacy"
)

func gaussian(scale float64) Mechanism {
	return Mechanism{Noise: Gaussian, Scale: scale, Sensitivity: 1, Rate: 1}
}

func sampled(noise Noise, scale, rate float64, d Adjacency) Mechanism {
	return Mechanism{Noise: noise, Scale: scale, Sensitivity: 1, Rate: rate, Coin: SecretCoin, Adjacency: d}
}

func near(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if !(math.Abs(got-want) <= relative*math.Abs(want)) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

// Reference values: the integrals themselves by mpmath with 40 digits.
func TestRDPAgainstIntegrals(t *testing.T) {
	for _, c := range []struct {
		noise              Noise
		order, rate, scale float64
		remove, add        float64
	}{
		{Gaussian, 2.5, 0.01, 2.5, 0.000021708361138362485159, 0.00002155221437188493386},
		{Gaussian, 1.5, 0.01, 2.5, 0.000013001417943760794194, 0.000012954574989538234846},
		{Gaussian, 5, 0.01, 2.5, 0.000043615131246157614865, 0.000042912383371757535294},
		{Gaussian, 1.1, 0.04, 1.5, 0.00048165674003429926938, 0.00046850338093142846649},
		{Gaussian, 20.5, 0.1, 0.8, 13.594958620186300899, 0.058128432138770526986},
		{Gaussian, 3.3, 1e-5, 0.7, 1.1052978732118855643e-9, 1.1039645250218899545e-9},
		{Laplace, 2.5, 0.1, 1.5, 0.0048468241652781183359, 0.0046015026232408537639},
		{Laplace, 1.2, 0.3, 0.5, 0.16094967759828165706, 0.11680723924732122277},
	} {
		for d, want := range map[Adjacency]float64{Remove: c.remove, Add: c.add, AddOrRemove: max(c.remove, c.add)} {
			got, err := sampled(c.noise, c.scale, c.rate, d).RDP(c.order)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "RDP", got, want, 1e-9)
		}
	}
}

// The integral, the finite sum and the closed forms agree where they overlap.
func TestRDPFormsAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.IntRange(2, 40).Draw(rt, "order")
		scale := rapid.Float64Range(0.5, 20).Draw(rt, "scale")
		rate := rapid.Float64Range(1e-4, 0.99).Draw(rt, "rate")
		m := sampled(Gaussian, scale, rate, Remove)
		sum := sampledGaussianSum(rate, 1/scale, order)
		integral, err := m.sampledGaussianIntegral(float64(order))
		if err != nil || math.Abs(sum-integral) > 1e-8*max(1, math.Abs(sum)) {
			rt.Fatalf("order %d, scale %v, rate %v: sum %v, integral %v, %v", order, scale, rate, sum, integral, err)
		}
		// Discrete noise of some width is hardly told from continuous.
		m.Noise, m.Scale = DiscreteGaussian, scale+2
		discrete, err := m.RDP(float64(order))
		if err != nil {
			rt.Fatal(err)
		}
		continuous, err := sampled(Gaussian, scale+2, rate, Remove).RDP(float64(order))
		if err != nil || math.Abs(discrete-continuous) > 1e-4*continuous {
			rt.Fatalf("order %d, scale %v, rate %v: discrete %v, continuous %v, %v", order, scale+2, rate, discrete, continuous, err)
		}
	})
	for _, order := range []float64{1, 1.5, 2, 30, math.Inf(1)} {
		whole, err := Mechanism{Noise: Laplace, Scale: 2, Sensitivity: 1, Rate: 1}.RDP(order)
		if err != nil {
			t.Fatal(err)
		}
		// At a rate of almost 1 the integral is of almost the same.
		part, err := sampled(Laplace, 2, 1-1e-12, Remove).RDP(order)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "Laplace", part, whole, 1e-4)
	}
}

func TestRDPLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Mechanism{
			Noise: Noise(rapid.IntRange(int(Gaussian), int(RandomizedResponse)).Draw(t, "noise")),
			Scale: rapid.Float64Range(0.3, 5).Draw(t, "scale"), Sensitivity: 2,
			Rate: rapid.SampledFrom([]float64{0, 0.001, 0.3, 1}).Draw(t, "rate"), Coin: SecretCoin,
			Adjacency: Adjacency(rapid.IntRange(int(AddOrRemove), int(Remove)).Draw(t, "adjacency")),
		}
		if m.Noise == RandomizedResponse {
			m.Scale, m.Rate = m.Scale/10, 1
		}
		order := rapid.Float64Range(1.01, 30).Draw(t, "order")
		low, err := m.RDP(order)
		if err != nil {
			t.Fatal(err)
		}
		high, err := m.RDP(order + 1)
		if err != nil || high < low*(1-1e-9) {
			t.Fatalf("%+v: %v at order %v, %v one above, %v", m, low, order, high, err)
		}
		all := m
		all.Rate = 1
		whole, err := all.RDP(order)
		if err != nil || low > whole*(1+1e-6) {
			t.Fatalf("%+v: %v sampled, %v whole, %v", m, low, whole, err)
		}
	})
}

// Reference values: the closed form and integrals by mpmath with 40 digits.
func TestDeltaAgainstReference(t *testing.T) {
	for _, c := range []struct{ epsilon, mu, want float64 }{
		{1, 1, 0.126936737506643946}, {0.5, 0.25, 0.0027088802183181927}, {3, 0.5, 3.40091173567352882e-10},
	} {
		got, err := Delta([]Run{{gaussian(1 / c.mu), 1}}, c.epsilon)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "Gaussian δ", got, c.want, 1e-7)
		four, err := Delta([]Run{{gaussian(2 / c.mu), 4}}, c.epsilon)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "δ of four", four, c.want, 1e-7)
	}
	for d, c := range map[Adjacency][2]float64{Remove: {0.3, 0.03304907711278168}, Add: {0.1, 0.02849376289861615}} {
		got, err := Delta([]Run{{sampled(Gaussian, 0.9, 0.2, d), 1}}, c[0])
		if err != nil {
			t.Fatal(err)
		}
		near(t, "sampled δ", got, c[1], 1e-9)
	}
}

// Reference values: sums over all outcomes of two or three releases.
func TestCompositionAgainstEnumeration(t *testing.T) {
	for _, c := range []struct {
		scale, sensitivity, rate float64
		truncation, releases     int
		epsilon                  float64
		d                        Adjacency
		want                     float64
	}{
		{2, 1, 1, 6, 3, 1, Remove, 0.08597995657275576},
		{2, 1, 0.5, 6, 3, 0.5, Remove, 0.04303195255777605},
		{2, 1, 0.5, 6, 3, 0.5, Add, 0.024463534348668874},
		{3, 2, 0.25, 12, 2, 0.7, Remove, 0.0032279417457232572},
	} {
		m := Mechanism{DiscreteGaussian, c.scale, c.sensitivity, c.truncation, c.rate, SecretCoin, c.d}
		got, err := Delta([]Run{{m, c.releases}}, c.epsilon)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "δ", got, c.want, 1e-6)
		if got < c.want*(1-1e-12) {
			t.Errorf("δ = %v understates %v", got, c.want)
		}
	}
}

// On the grid, k Gaussian releases are one with less noise: all of the machinery against
// the closed form, from above and closely.
func TestGridAgainstClosedForm(t *testing.T) {
	for _, k := range []int{1, 3, 100, 10_000} {
		for _, epsilon := range []float64{0, 0.5, 2, 5} {
			m := gaussian(2 * math.Sqrt(float64(k)))
			want := shift{gaussian(2), Remove}.delta(epsilon)
			p, err := m.pair(Remove)
			if err != nil {
				t.Fatal(err)
			}
			parts := []part{{pair: p, releases: k}}
			if err := layAll(parts, min(finestStep, 1/(2*math.Sqrt(float64(k))*spread))); err != nil {
				t.Fatal(err)
			}
			low, high := window(parts)
			step := parts[0].step
			sum := convolve(parts, int(math.Floor(low/step)), int((high-low)/step)+3)
			got := sum.delta(epsilon)
			if got < want-1e-12 || got > want*1.002+1e-11 {
				t.Errorf("%d releases at ε = %v: δ = %v, want %v or just above", k, epsilon, got, want)
			}
			if back := sum.epsilon(got); math.Abs(back-epsilon) > 1e-6 {
				t.Errorf("%d releases: δ = %v gives ε = %v, want %v", k, got, back, epsilon)
			}
		}
	}
}

// The loss's distribution is tighter than its moments, and never below one release.
func TestTightIsBelowRDP(t *testing.T) {
	var orders []float64
	for a := 1.25; a < 64; a += 0.25 {
		orders = append(orders, a)
	}
	for _, m := range []Mechanism{
		sampled(Gaussian, 1.5, 0.04, AddOrRemove), sampled(Laplace, 2, 0.1, AddOrRemove), gaussian(4),
		{Noise: Laplace, Scale: 5, Sensitivity: 1, Rate: 1},
		{Noise: DiscreteLaplace, Scale: 0.2, Sensitivity: 1, Rate: 1},
		{Noise: RandomizedResponse, Scale: 0.6, Sensitivity: 4, Rate: 1, Adjacency: ReplaceOne},
	} {
		const releases, delta = 20, 1e-5
		var divergences []float64
		for _, a := range orders {
			r, err := m.RDP(a)
			if err != nil {
				t.Fatal(err)
			}
			divergences = append(divergences, releases*r)
		}
		loose := EpsilonRDP(orders, divergences, delta)
		tight, err := Epsilon([]Run{{m, releases}}, delta)
		if err != nil {
			t.Fatal(err)
		}
		one, err := Epsilon([]Run{{m, 1}}, delta)
		if err != nil || tight > loose || tight < one {
			t.Errorf("%+v: ε = %v, by RDP %v, of one release %v, %v", m, tight, loose, one, err)
		}
		if back := DeltaRDP(orders, divergences, loose); math.Abs(back-delta) > 1e-6*delta {
			t.Errorf("%+v: δ = %v after there and back, want %v", m, back, delta)
		}
		d, err := Delta([]Run{{m, releases}}, tight)
		if err != nil || math.Abs(d-delta) > 1e-4*delta {
			t.Errorf("%+v: δ = %v at ε = %v, want %v, %v", m, d, tight, delta, err)
		}
	}
}

// A year of different releases: in any order the same, no less than its parts, and for
// Gaussians known in closed form.
func TestMixedRuns(t *testing.T) {
	runs := []Run{
		{sampled(Gaussian, 1.5, 0.04, AddOrRemove), 100},
		{gaussian(6), 10},
		{Mechanism{Noise: DiscreteLaplace, Scale: 0.1, Sensitivity: 1, Rate: 1}, 3},
	}
	all, err := Epsilon(runs, 1e-5)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(runs)
	again, err := Epsilon(runs, 1e-5)
	if err != nil || math.Abs(again-all) > 1e-9 {
		t.Errorf("ε = %v, in another order %v, %v", all, again, err)
	}
	sum := 0.0
	for _, r := range runs {
		one, err := Epsilon([]Run{r}, 1e-5)
		if err != nil || one > all {
			t.Errorf("ε = %v of a part, %v of the whole, %v", one, all, err)
		}
		third, err := Epsilon([]Run{r}, 1e-5/3)
		if err != nil {
			t.Fatal(err)
		}
		sum += third
	}
	if all > sum {
		t.Errorf("ε = %v, by adding up parts %v", all, sum)
	}
	split := []Run{{sampled(Gaussian, 1.5, 0.04, AddOrRemove), 40}, {sampled(Gaussian, 1.5, 0.04, AddOrRemove), 60}}
	parts, err := Epsilon(split, 1e-5)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Epsilon([]Run{{sampled(Gaussian, 1.5, 0.04, AddOrRemove), 100}}, 1e-5)
	if err != nil || math.Abs(parts-whole) > 1e-9 {
		t.Errorf("100 releases: ε = %v, as 40 and 60 %v, %v", whole, parts, err)
	}
	three, err := Delta([]Run{{gaussian(3), 4}, {gaussian(1.5), 1}, {gaussian(1), 1}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "δ of Gaussians", three, shift{gaussian(1 / math.Sqrt(4.0/9+4.0/9+1)), Remove}.delta(1), 1e-9)
	split[1].Adjacency = Add
	for name, runs := range map[string][]Run{"none": nil, "adjacencies": split} {
		if _, err := Epsilon(runs, 1e-5); !errors.Is(err, ErrParameter) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The exact account in ρ overstates what the tight check finds, as it should, and by a
// third at most.
func TestExactAccountIsAbove(t *testing.T) {
	for _, scale := range []int64{1, 3, 10, 30} {
		rho, err := privacy.GaussianRho(exact.Int(1), exact.Int(scale*scale))
		if err != nil {
			t.Fatal(err)
		}
		delta, err := exact.ParseScientific("1e-6", 10, 10)
		if err != nil {
			t.Fatal(err)
		}
		account, err := privacy.Epsilon(rho, delta)
		if err != nil {
			t.Fatal(err)
		}
		upper, _ := account.Big().Float64()
		for _, noise := range []Noise{Gaussian, DiscreteGaussian} {
			tight, err := Epsilon([]Run{{Mechanism{Noise: noise, Scale: float64(scale), Sensitivity: 1, Rate: 1}, 1}}, 1e-6)
			if err != nil || tight > upper || tight < upper*2/3 {
				t.Errorf("scale %d: ε = %v, exact account %v, %v", scale, tight, upper, err)
			}
		}
	}
}

// Continuous and fine discrete noise give nearly the same, by different code.
func TestDiscreteApproachesContinuous(t *testing.T) {
	for _, releases := range []int{1, 4} {
		for _, rate := range []float64{1, 0.2} {
			c, err := Delta([]Run{{sampled(Gaussian, 1.5, rate, AddOrRemove), releases}}, 0.8)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Delta([]Run{{Mechanism{DiscreteGaussian, 150, 100, 0, rate, SecretCoin, AddOrRemove}, releases}}, 0.8)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "discrete Gaussian δ", d, c, 1e-3)
			c, err = Delta([]Run{{sampled(Laplace, 1.5, rate, AddOrRemove), releases}}, 0.3)
			if err != nil {
				t.Fatal(err)
			}
			d, err = Delta([]Run{{Mechanism{DiscreteLaplace, 1.0 / 600, 400, 0, rate, SecretCoin, AddOrRemove}, releases}}, 0.3)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "discrete Laplace δ", d, c, 2e-2)
		}
	}
}

func TestPureMechanisms(t *testing.T) {
	for _, c := range []struct {
		m    Mechanism
		want float64
	}{
		{Mechanism{Noise: Laplace, Scale: 2, Sensitivity: 1, Rate: 1}, 0.5},
		{Mechanism{Noise: DiscreteLaplace, Scale: 0.25, Sensitivity: 3, Rate: 1}, 0.75},
		{Mechanism{Noise: RandomizedResponse, Scale: 4 / (3 + math.E), Sensitivity: 4, Rate: 1, Adjacency: ReplaceOne}, 1},
	} {
		r, err := c.m.RDP(math.Inf(1))
		if err != nil {
			t.Fatal(err)
		}
		near(t, "largest loss", r, c.want, 1e-9)
		e, err := Epsilon([]Run{{c.m, 1}}, 0)
		if err != nil || math.Abs(e-c.want) > 1e-6 {
			t.Errorf("%+v: ε = %v at δ = 0, want %v, %v", c.m, e, c.want, err)
		}
		three, err := Epsilon([]Run{{c.m, 3}}, 0)
		if err != nil || math.Abs(three-3*c.want) > 1e-6 {
			t.Errorf("%+v: ε = %v of three at δ = 0, want %v, %v", c.m, three, 3*c.want, err)
		}
		d, err := Delta([]Run{{c.m, 3}}, 3*c.want+1e-3)
		if err != nil || d > 1e-12 {
			t.Errorf("%+v: three releases fail with probability %v beyond three times ε, %v", c.m, d, err)
		}
	}
}

func TestPublicSampleIsRefused(t *testing.T) {
	m := sampled(Gaussian, 1, 0.5, AddOrRemove)
	m.Coin = PublicCoin
	for _, err := range []error{
		m.Check(), second(m.RDP(2)), second(Delta([]Run{{m, 1}}, 1)), second(Epsilon([]Run{{m, 1}}, 1e-6)),
	} {
		if !errors.Is(err, ErrPublicCoin) {
			t.Errorf("%v", err)
		}
	}
	m.Rate = 1
	if err := m.Check(); err != nil {
		t.Errorf("all rows: %v", err)
	}
}

func second(_ float64, err error) error { return err }

func TestMechanismRefused(t *testing.T) {
	for name, change := range map[string]func(*Mechanism){
		"noise":            func(m *Mechanism) { m.Noise = 9 },
		"adjacency":        func(m *Mechanism) { m.Adjacency = -1 },
		"scale 0":          func(m *Mechanism) { m.Scale = 0 },
		"scale NaN":        func(m *Mechanism) { m.Scale = math.NaN() },
		"scale infinite":   func(m *Mechanism) { m.Scale = math.Inf(1) },
		"sensitivity":      func(m *Mechanism) { m.Sensitivity = -1 },
		"half a step":      func(m *Mechanism) { m.Noise, m.Sensitivity = DiscreteGaussian, 0.5 },
		"truncated real":   func(m *Mechanism) { m.Truncation = 5 },
		"truncation":       func(m *Mechanism) { m.Noise, m.Truncation = DiscreteGaussian, -1 },
		"rate":             func(m *Mechanism) { m.Rate = 1.5 },
		"rate NaN":         func(m *Mechanism) { m.Rate = math.NaN() },
		"replace":          func(m *Mechanism) { m.Adjacency = ReplaceOne },
		"sampled response": func(m *Mechanism) { m.Noise, m.Sensitivity, m.Rate, m.Coin = RandomizedResponse, 3, 0.5, SecretCoin },
		"one answer":       func(m *Mechanism) { m.Noise = RandomizedResponse },
	} {
		m := gaussian(1)
		change(&m)
		if _, err := Delta([]Run{{m, 1}}, 1); !errors.Is(err, ErrParameter) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := gaussian(1)
	for name, err := range map[string]error{
		"order":    second(m.RDP(0.5)),
		"NaN":      second(m.RDP(math.NaN())),
		"none":     second(Delta([]Run{{m, 0}}, 1)),
		"epsilon":  second(Delta([]Run{{m, 1}}, math.NaN())),
		"delta":    second(Epsilon([]Run{{m, 1}}, -1)),
		"too many": second(Epsilon([]Run{{m, maxReleases + 1}}, 0.1)),
	} {
		if !errors.Is(err, ErrParameter) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wide := Mechanism{Noise: DiscreteGaussian, Scale: 1e9, Sensitivity: 1, Rate: 1}
	if _, err := Delta([]Run{{wide, 1}}, 1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("wide: %v", err)
	}
}

func TestNothingSampledCostsNothing(t *testing.T) {
	m := sampled(Gaussian, 1, 0, AddOrRemove)
	for _, err := range []error{second(m.RDP(2)), second(Epsilon([]Run{{m, 5}}, 0)), second(Delta([]Run{{m, 5}}, 0))} {
		if err != nil {
			t.Error(err)
		}
	}
	if e, _ := Epsilon([]Run{{m, 5}}, 0); e != 0 {
		t.Errorf("ε = %v", e)
	}
	if d, _ := Delta([]Run{{m, 5}}, 0); d != 0 {
		t.Errorf("δ = %v", d)
	}
}

// Post-processing: whoever cannot tell two outcomes apart learns no more.
func TestMergingOutcomesCostsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 8).Draw(t, "outcomes")
		a := atoms{make([]float64, n), make([]float64, n)}
		for _, side := range [][]float64{a.p, a.q} {
			total := 0.0
			for i := range side {
				side[i] = float64(rapid.IntRange(0, 20).Draw(t, "weight"))
				total += side[i]
			}
			side[0]++
			for i := range side {
				side[i] = math.Log(side[i] / (total + 1))
			}
		}
		merged := atoms{
			append([]float64{logAdd(a.p[0], a.p[1])}, a.p[2:]...),
			append([]float64{logAdd(a.q[0], a.q[1])}, a.q[2:]...),
		}
		epsilon := rapid.Float64Range(-2, 4).Draw(t, "epsilon")
		if merged.delta(epsilon) > a.delta(epsilon)+1e-12 {
			t.Fatalf("δ grows from %v to %v", a.delta(epsilon), merged.delta(epsilon))
		}
		order := rapid.Float64Range(1.1, 10).Draw(t, "order")
		if merged.excess(order) > a.excess(order)+1e-9 {
			t.Fatalf("divergence grows from %v to %v", a.excess(order), merged.excess(order))
		}
	})
}

// The plain twin of the fast transform.
func TestTransform(t *testing.T) {
	coin := rand.New(rand.NewPCG(3, 4))
	for n := 1; n <= 256; n *= 2 {
		x := make([]complex128, n)
		for i := range x {
			x[i] = complex(coin.NormFloat64(), coin.NormFloat64())
		}
		y := append([]complex128(nil), x...)
		transform(y, false)
		for k := range y {
			var want complex128
			for i, v := range x {
				want += v * cmplx.Rect(1, -2*math.Pi*float64(i*k%n)/float64(n))
			}
			if cmplx.Abs(y[k]-want) > 1e-11 {
				t.Fatalf("%d values: place %d is %v, want %v", n, k, y[k], want)
			}
		}
		transform(y, true)
		for i := range y {
			if cmplx.Abs(y[i]/complex(float64(n), 0)-x[i]) > 1e-12 {
				t.Fatalf("%d values: there and back differ", n)
			}
		}
	}
}

func BenchmarkEpsilonOf2250SampledReleases(b *testing.B) {
	m := sampled(Gaussian, 1.5, 0.04, AddOrRemove)
	for b.Loop() {
		if _, err := Epsilon([]Run{{m, 2250}}, 1e-5); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRDP(b *testing.B) {
	m := sampled(Gaussian, 1.5, 0.04, AddOrRemove)
	for b.Loop() {
		if _, err := m.RDP(7.3); err != nil {
			b.Fatal(err)
		}
	}
}
