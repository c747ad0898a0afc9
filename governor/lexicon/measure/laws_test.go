package measure

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"comity/allocator/fairness"
	"comity/chance"
	"comity/exact"
	"comity/governor/lexicon"
	"comity/verifier/privacy/noise"
)

func rat(num, den int64) exact.Rat { return exact.FromBig(big.NewRat(num, den)) }

// decide checks a term on a text with settings such as "at_most=1/5".
func decide(t interface {
	Helper()
	Fatal(args ...any)
}, id, data string, settings ...string,
) (lexicon.Verdict, error) {
	t.Helper()
	term, err := lexicon.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	g, err := term.Settings(settings)
	if err != nil {
		t.Fatal(err)
	}
	d, err := term.Read("data", strings.NewReader(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	return Of(id)(d, g)
}

// binomialTail is the slow twin of the beta distribution for whole a and b: I_x(a, b) is
// the chance of at least a successes in a+b-1 trials (DLMF 8.17.5).
func binomialTail(a, b int64, x exact.Rat) exact.Rat {
	n := a + b - 1
	var sum exact.Rat
	for j := a; j <= n; j++ {
		term := exact.FromBig(new(big.Rat).SetInt(new(big.Int).Binomial(n, j)))
		for range j {
			term = term.Mul(x)
		}
		for range n - j {
			term = term.Mul(exact.Int(1).Sub(x))
		}
		sum = sum.Add(term)
	}
	return sum
}

func TestBetaQuantileAgreesWithItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Range(1, 20).Draw(t, "a"), rapid.Int64Range(1, 20).Draw(t, "b")
		p := rat(rapid.Int64Range(1, 999).Draw(t, "p"), 1000)
		q, err := quantileOf(unitsDown(exact.Int(a)), unitsDown(exact.Int(b)), p)
		if err != nil {
			t.Fatal(err)
		}
		if binomialTail(a, b, q.Low).Cmp(p) > 0 || binomialTail(a, b, q.High).Cmp(p) < 0 {
			t.Fatalf("the quantile %s of Beta(%d, %d) is not between %s and %s", p, a, b, q.Low, q.High)
		}
		if q.High.Sub(q.Low).Cmp(rat(1, 1<<(quantileBits-1))) > 0 {
			t.Fatalf("%s to %s is wide", q.Low, q.High)
		}
	})
}

// Quantiles of shapes that are not whole, in closed form: I_x(1/2, 1/2) is 2/pi times the
// arc sine of the root of x, and I_x(a, 1) is x^a.
func TestBetaQuantileInClosedForm(t *testing.T) {
	for _, c := range []struct{ a, b, p, want exact.Rat }{
		{rat(1, 2), rat(1, 2), rat(1, 3), rat(1, 4)},
		{rat(1, 2), rat(1, 2), rat(1, 2), rat(1, 2)},
		{rat(7, 1), rat(7, 1), rat(1, 2), rat(1, 2)},
		{rat(1, 2), rat(1, 1), rat(1, 20), rat(1, 400)},
		{rat(1, 1), rat(1, 2), rat(1, 2), rat(3, 4)},
		{rat(1, 1), rat(1, 1), rat(1, 20), rat(1, 20)},
	} {
		q, err := quantileOf(unitsUp(c.a), unitsUp(c.b), c.p)
		if err != nil || q.Low.Cmp(c.want) > 0 || q.High.Cmp(c.want) < 0 || q.High.Sub(q.Low).Cmp(rat(1, 1<<40)) > 0 {
			t.Errorf("quantile %s of Beta(%s, %s) is %s to %s, %v, want %s", c.p, c.a, c.b, q.Low, q.High, err, c.want)
		}
	}
}

// A record can be as long or as lopsided as it may be: the quantile comes within a
// bounded time.
func TestBetaQuantileEnds(t *testing.T) {
	for _, c := range []struct{ a, b, p exact.Rat }{
		{exact.Int(1999), exact.Int(1), rat(1, 20)},
		{exact.Int(1), exact.Int(1999), rat(1, 1000)},
		{exact.Int(1000), exact.Int(1000), rat(1, 2)},
		{rat(1, 100), rat(1, 100), rat(1, 2)},
		{rat(1, 100), exact.Int(1999), rat(1, 1000)},
		{exact.Int(1999), rat(1, 100), rat(1, 2)},
	} {
		start := time.Now()
		q, err := quantileOf(unitsUp(c.a), unitsUp(c.b), c.p)
		t.Logf("Beta(%s, %s) at %s: %v", c.a, c.b, c.p, time.Since(start))
		if err != nil || q.Low.Sign() < 0 || q.High.Cmp(exact.Int(1)) > 0 || q.High.Sub(q.Low).Cmp(rat(1, 1<<40)) > 0 {
			t.Errorf("quantile %s of Beta(%s, %s): %s to %s, %v", c.p, c.a, c.b, q.Low, q.High, err)
		}
	}
	if _, err := quantileOf(unitsUp(exact.Int(1999)), unitsUp(exact.Int(2)), rat(1, 20)); err == nil {
		t.Error("a record above the bound passes")
	}
}

// Kept commitments never lower the bound, broken ones never raise it, and age brings it
// back towards that of the start.
func TestLowerBoundIsMonotone(t *testing.T) {
	low := func(kept, broken, age int) exact.Rat {
		v, err := decide(t, "trust.lower_bound", fmt.Sprintf("kept,broken,age_days\n%d,%d,%d\n", kept, broken, age))
		if err != nil {
			t.Fatal(err)
		}
		low, err := exact.Parse(v.Low)
		if err != nil {
			t.Fatal(err)
		}
		return low
	}
	for _, c := range [][3]int{{0, 0, 0}, {1, 3, 7}, {9, 0, 180}, {4, 9, 181}, {2, 2, 400}} {
		kept, broken, age := c[0], c[1], c[2]
		now := low(kept, broken, age)
		if low(kept+1, broken, age).Cmp(now) <= 0 || low(kept, broken+1, age).Cmp(now) >= 0 {
			t.Errorf("%d kept and %d broken at %d days: one more of a kind moves the bound the wrong way", kept, broken, age)
		}
		if low(0, broken+1, age).Cmp(low(0, broken+1, age+1)) >= 0 {
			t.Errorf("%d broken at %d days weigh no less a day later", broken+1, age)
		}
	}
}

// The leximin point of the frontier u2 = 1 - u1^2, in millionths, is that of the design.
func TestLeximinOfTheFrontier(t *testing.T) {
	point := func(millionths int64) []exact.Rat {
		u := rat(millionths, 1_000_000)
		return []exact.Rat{u, exact.Int(1).Sub(u.Mul(u))}
	}
	best := int64(0)
	for at := int64(617_000); at <= 619_000; at++ {
		order, err := fairness.CompareLeximin(point(at), point(best))
		if err != nil {
			t.Fatal(err)
		}
		if order > 0 {
			best = at
		}
	}
	if u := point(best); best != 618_034 || decimal(u[1], 6) != "0.618034" {
		t.Errorf("the best is %d millionths and %s, want 618034 and 0.618034", best, decimal(u[1], 6))
	}
}

// Of a party that reports half a standard deviation too little, a report stays inside two
// with probability 0.927, and the sum crosses after 13.3 or 28.5 weeks on average.
func TestLowAndSlowNumbers(t *testing.T) {
	normal, err := noise.Gaussian(exact.Int(thousand * thousand))
	if err != nil {
		t.Fatal(err)
	}
	reports := make([]int64, 200_000)
	if err := normal.Fill(reports, coin{chance.NewStream(chance.Seed{1})}); err != nil {
		t.Fatal(err)
	}
	inside := 0
	for _, z := range reports {
		if z -= thousand / 2; -2*thousand <= z && z <= 2*thousand {
			inside++
		}
	}
	if share := inside * 1000 / len(reports); share < 925 || share > 929 {
		t.Errorf("%d of a thousand reports are inside, want 927", share)
	}
	for _, c := range []struct{ h, least, most int64 }{{4, 130, 136}, {8, 280, 290}} {
		s := simulation{k: thousand / 4, h: c.h * thousand, shift: -thousand / 2}
		lengths, err := s.lengths(5000, chance.Seed{2})
		if err != nil {
			t.Fatal(err)
		}
		weeks := int64(0)
		for _, l := range lengths {
			weeks += l
		}
		if tenths := weeks * 10 / int64(len(lengths)); tenths < c.least || tenths > c.most {
			t.Errorf("h=%d: %d tenths of a week on average, want %d to %d", c.h, tenths, c.least, c.most)
		}
	}
}

// In blocks as long as the series every draw is the series itself, begun elsewhere.
func TestBootstrapOfOneBlockIsThePoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		data := "forecast,truth\n"
		for range n {
			data += fmt.Sprintf("%d/7,%d\n", rapid.IntRange(-50, 500).Draw(t, "forecast"), rapid.IntRange(1, 50).Draw(t, "truth"))
		}
		seed := fmt.Sprintf("seed=%d", rapid.IntRange(0, 99).Draw(t, "seed"))
		v, err := decide(t, "bias.forecast", data, "block=1000", "resamples=100", seed)
		if err != nil {
			t.Fatal(err)
		}
		value, _ := exact.Parse(v.Value)
		low, _ := exact.Parse(v.Low)
		high, _ := exact.Parse(v.High)
		if high.Sub(low).Cmp(rat(1, 100_000_000_000_000)) > 0 || value.Cmp(low) < 0 || value.Cmp(high) > 0 {
			t.Fatalf("%s to %s around %s", v.Low, v.High, v.Value)
		}
		short, err := decide(t, "bias.forecast", data, "block=2", "resamples=100", seed)
		again, _ := decide(t, "bias.forecast", data, "block=2", "resamples=100", seed)
		if err != nil || short != again || short.Value != v.Value {
			t.Fatalf("one seed gives %+v and %+v, %v", short, again, err)
		}
	})
}

// A rule that looks at data alone is anonymous under every renaming; one changed result
// is found.
func TestAnonymity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		renamed := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
			for i := range n {
				yield(i)
			}
		})).Draw(t, "renamed")
		before, after := make([]int, n), make([]int, n)
		for i := range n {
			before[i] = rapid.IntRange(0, 3).Draw(t, "units")
			after[renamed[i]] = before[i]
		}
		table := func() string {
			data := "party,renamed,before,after\n"
			for i := range n {
				data += fmt.Sprintf("p%d,p%d,%d,%d\n", i, renamed[i], before[i], after[i])
			}
			return data
		}
		if v, err := decide(t, "neutrality.anonymity", table()); err != nil || !v.Holds {
			t.Fatalf("%+v, %v", v, err)
		}
		after[rapid.IntRange(0, n-1).Draw(t, "changed")]++
		if v, err := decide(t, "neutrality.anonymity", table()); err != nil || v.Holds || v.Value != "1" {
			t.Fatalf("%+v, %v", v, err)
		}
	})
}

// TestDecimal holds rounding to half a unit of the last place.
func TestDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rat(rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, "n"), rapid.Int64Range(1, 1000).Draw(t, "d"))
		places := rapid.IntRange(0, 6).Draw(t, "places")
		got, err := exact.Parse(decimal(x, places))
		if err != nil {
			t.Fatal(err)
		}
		off := absolute(got.Sub(x)).Mul(exact.FromBig(new(big.Rat).SetInt(power(places))))
		if off.Cmp(rat(1, 2)) > 0 || down(x, places).Cmp(x) > 0 {
			t.Fatalf("%s with %d decimals is %s", x, places, decimal(x, places))
		}
	})
}
