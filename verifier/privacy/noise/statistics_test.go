package noise

import (
	"math"
	"slices"
	"testing"
)

// The statistical tests compare samples with the exact distribution. Seeds are fixed, so
// a test that passes passes always; each statistic was held against a bound that a right
// sampler exceeds with probability 10^-6, so another seed raises an alarm in one of about
// ten thousand runs of the whole file (about a hundred statistics).
const (
	alarm = 1e-6
	// deviate is the standard normal deviate that is exceeded with probability alarm/2
	// on each side, and oneSided the one exceeded with probability alarm.
	deviate  = 4.891638
	oneSided = 4.753424
)

// chiSquareBound is the quantile 1-alarm of the chi-square distribution (Wilson and
// Hilferty, "The Distribution of Chi-Square", 1931).
func chiSquareBound(freedom int) float64 {
	k := float64(freedom)
	return k * math.Pow(1-2/(9*k)+oneSided*math.Sqrt(2/(9*k)), 3)
}

// exactly is the distribution by floats: density over [-radius, radius], where all but
// 10^-15 of it lies. Large scales come in bins.
type exactly struct {
	bin    int64
	radius int64 // In bins, to each side.
	p      []float64
}

func densityOf(s *Sampler) exactly {
	e := exactly{bin: 1}
	over := float(s.law.over)
	scale := over
	if s.law.square {
		scale = math.Sqrt(over / 2)
	}
	for scale/float64(e.bin) > 100 {
		e.bin *= 2
	}
	reach := 40.0
	if s.law.square {
		reach = 9
	}
	e.radius = int64(math.Ceil(reach*scale/float64(e.bin))) + 1
	total := 0.0
	e.p = make([]float64, 2*e.radius+1)
	for i := range e.p {
		// At most 2^10 points of a bin are looked at: over a bin the density is nearly
		// straight.
		step := max(1, e.bin/1024)
		first := (int64(i)-e.radius)*e.bin - e.bin/2
		for z := first; z < first+e.bin; z += step {
			middle := float64(z) + float64(step-1)/2
			x := math.Abs(middle) / over
			if s.law.square {
				x *= math.Abs(middle)
			}
			if math.Abs(middle) <= float64(s.limit) {
				e.p[i] += math.Exp(-x) * float64(step)
			}
		}
		total += e.p[i]
	}
	for i := range e.p {
		e.p[i] /= total
	}
	return e
}

// binOf returns the bin of z; bin 0 is centred.
func (e exactly) binOf(z int64) int64 {
	return int64(math.Floor(float64(z+e.bin/2)/float64(e.bin))) + e.radius
}

func (e exactly) count(t *testing.T, draws []int64) []int {
	t.Helper()
	counts := make([]int, len(e.p))
	for _, z := range draws {
		i := e.binOf(z)
		if i < 0 || i >= int64(len(counts)) {
			t.Fatalf("draw %d is further out than 10^-15 allows", z)
		}
		counts[i]++
	}
	return counts
}

// chiSquare pools bins until each expects at least 20 draws.
func (e exactly) chiSquare(counts []int, n int) (statistic float64, freedom int) {
	want, got := 0.0, 0.0
	lastWant, lastGot := 0.0, 0.0
	add := func() {
		if lastWant > 0 {
			statistic += (lastGot - lastWant) * (lastGot - lastWant) / lastWant
			freedom++
		}
	}
	for i, p := range e.p {
		want += p * float64(n)
		got += float64(counts[i])
		if want < 20 {
			continue
		}
		add()
		lastWant, lastGot, want, got = want, got, 0, 0
	}
	lastWant += want
	lastGot += got
	add()
	return statistic, freedom - 1
}

// kolmogorov returns the largest distance of cumulative probabilities times the root of
// the number of draws.
func (e exactly) kolmogorov(counts []int, n int) float64 {
	most, want, got := 0.0, 0.0, 0
	for i, p := range e.p {
		want += p
		got += counts[i]
		most = max(most, math.Abs(want-float64(got)/float64(n)))
	}
	return most * math.Sqrt(float64(n))
}

// moments returns mean, variance and fourth central moment by floats.
func (e exactly) moments() (second, fourth, eighth float64) {
	for i, p := range e.p {
		z := float64(int64(i)-e.radius) * float64(e.bin)
		second += p * z * z
		fourth += p * z * z * z * z
		eighth += p * math.Pow(z, 8)
	}
	return second, fourth, eighth
}

// checkDraws holds one sample against the exact distribution.
func checkDraws(t *testing.T, s *Sampler, draws []int64) {
	t.Helper()
	e := densityOf(s)
	n := len(draws)
	counts := e.count(t, draws)
	if x, k := e.chiSquare(counts, n); k > 0 && x > chiSquareBound(k) {
		t.Errorf("chi-square %.1f with %d degrees of freedom, bound %.1f", x, k, chiSquareBound(k))
	}
	// P(sup > x) <= 2e^(-2x²) (Dvoretzky, Kiefer and Wolfowitz, 1956; Massart, 1990),
	// also for distributions that are not continuous.
	if d, most := e.kolmogorov(counts, n), math.Sqrt(math.Log(2/alarm)/2); d > most {
		t.Errorf("Kolmogorov distance %.2f, bound %.2f", d, most)
	}
	second, fourth, eighth := e.moments()
	root := math.Sqrt(float64(n))
	mean, square, power := 0.0, 0.0, 0.0
	for _, z := range draws {
		f := float64((e.binOf(z) - e.radius) * e.bin)
		mean += f
		square += f * f
		power += f * f * f * f
	}
	for _, m := range []struct {
		name          string
		got, want, sd float64
	}{
		{"mean", mean / float64(n), 0, math.Sqrt(second)},
		{"variance", square / float64(n), second, math.Sqrt(fourth - second*second)},
		{"fourth moment", power / float64(n), fourth, math.Sqrt(eighth - fourth*fourth)},
	} {
		if d := math.Abs(m.got-m.want) * root / m.sd; d > deviate {
			t.Errorf("%s %v, want %v: %.1f standard deviations away", m.name, m.got, m.want, d)
		}
	}
}

func draw(t *testing.T, s *Sampler, n int, seed byte) []int64 {
	t.Helper()
	out := make([]int64, n)
	if err := s.Fill(out, coin(seed)); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDrawsFollowTheDistribution(t *testing.T) {
	for i, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			checkDraws(t, c.s, draw(t, c.s, 300_000, byte(10+i)))
		})
	}
}

// Within leaves the shape of the distribution as it is.
func TestDrawsWithinLimits(t *testing.T) {
	for i, c := range []struct {
		s     *Sampler
		limit int64
	}{{must(Gaussian(ratio(50, 1))), 8}, {must(Gaussian(ratio(900, 1))), 50}, {must(Laplace(ratio(20, 1))), 31}} {
		s := must(c.s.Within(c.limit))
		checkDraws(t, s, draw(t, s, 300_000, byte(210+i)))
	}
}

// The plain twin follows the same distribution, so the tests above would have noticed.
func TestTwinFollowsTheDistribution(t *testing.T) {
	for i, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			slow := &twin{coin(byte(50 + i))}
			draws := make([]int64, 4000)
			for j := range draws {
				draws[j] = c.twin(slow)
			}
			checkDraws(t, c.s, draws)
		})
	}
}

// A test that never fails shows nothing: a neighbouring scale must raise an alarm.
func TestAlarmIsRaised(t *testing.T) {
	draws := draw(t, must(Gaussian(ratio(52, 1))), 300_000, 90)
	e := densityOf(must(Gaussian(ratio(50, 1))))
	if x, k := e.chiSquare(e.count(t, draws), len(draws)); x < chiSquareBound(k) {
		t.Errorf("chi-square %.1f does not tell a variance of 52 from 50", x)
	}
}

// Successive draws, and draws of two seeds, do not depend on each other: correlations of
// values and of sizes are those of independent draws.
func TestDrawsAreIndependent(t *testing.T) {
	for i, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			const n = 200_000
			a, b := draw(t, c.s, n, byte(100+i)), draw(t, c.s, n, byte(150+i))
			if slices.Equal(a, b) {
				t.Fatal("two seeds give the same draws")
			}
			for lag, pair := range [][2][]int64{{a, b}, {a[1:], a}, {a[2:], a}, {a[256:], a}} {
				for _, sizes := range []bool{false, true} {
					if r := correlation(pair[0], pair[1], sizes) * math.Sqrt(n-256); math.Abs(r) > deviate {
						t.Errorf("pair %d, sizes %v: correlation is %.1f standard deviations from 0", lag, sizes, r)
					}
				}
			}
		})
	}
}

// correlation is Pearson's, over as many values as the shorter list has.
func correlation(a, b []int64, sizes bool) float64 {
	n := min(len(a), len(b))
	x, y := values(a[:n], sizes), values(b[:n], sizes)
	sx, sy, sxy := 0.0, 0.0, 0.0
	for i := range x {
		sx += x[i] * x[i]
		sy += y[i] * y[i]
		sxy += x[i] * y[i]
	}
	if sx == 0 || sy == 0 {
		return 0
	}
	return sxy / math.Sqrt(sx*sy)
}

// values are the draws or their sizes, centred. Sizes are cut at twice their mean, or the
// few largest of a Laplace distribution would rule the sums.
func values(a []int64, sizes bool) []float64 {
	x := make([]float64, len(a))
	for i, z := range a {
		x[i] = float64(z)
		if sizes {
			x[i] = math.Abs(x[i])
		}
	}
	if m := mean(x); sizes {
		for i := range x {
			x[i] = min(x[i], 2*m)
		}
	}
	m := mean(x)
	for i := range x {
		x[i] -= m
	}
	return x
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// Bits of the sign and of the magnitude's lower part are fair.
func TestBitsAreFair(t *testing.T) {
	const n = 200_000
	s := must(Gaussian(ratio(1<<40, 3)))
	draws := draw(t, s, n, 200)
	for bit := range 20 {
		ones := 0
		for _, z := range draws {
			ones += int(max(z, -z) >> bit & 1)
		}
		if d := math.Abs(float64(ones)-n/2) / math.Sqrt(n/4); bit < int(s.block)-6 && d > deviate {
			t.Errorf("bit %d: %d ones of %d, %.1f standard deviations away", bit, ones, n, d)
		}
	}
	negative := 0
	for _, z := range draws {
		if z < 0 {
			negative++
		}
	}
	if d := math.Abs(float64(negative)-n/2) / math.Sqrt(n/4); d > deviate {
		t.Errorf("%d negative of %d, %.1f standard deviations away", negative, n, d)
	}
}
