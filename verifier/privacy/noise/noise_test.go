package noise

import (
	"bytes"
	cryptorand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/exact"
)

// coin is a secret coin that a test can repeat.
func coin(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func ratio(a, b int64) exact.Rat { return exact.FromBig(big.NewRat(a, b)) }

func float(x exact.Rat) float64 {
	f, _ := x.Big().Float64()
	return f
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// cases are scales below, at and above a block, whole and not.
type sampled struct {
	name string
	s    *Sampler
	twin func(*twin) int64
}

func cases() []sampled {
	var all []sampled
	for _, v := range []exact.Rat{ratio(1, 10), ratio(1, 1), ratio(7, 3), ratio(50, 1), ratio(64, 1), ratio(12345, 7), ratio(1<<40, 3)} {
		all = append(all, sampled{"gaussian/" + v.String(), must(Gaussian(v)), func(t *twin) int64 { return t.gaussian(v) }})
	}
	for _, v := range []exact.Rat{ratio(1, 10), ratio(1, 1), ratio(7, 3), ratio(8, 1), ratio(500, 3), ratio(1<<30, 7)} {
		all = append(all, sampled{"laplace/" + v.String(), must(Laplace(v)), func(t *twin) int64 { return t.laplace(v) }})
	}
	return all
}

// The fast trial and the settlement by big numbers say the same of the same coins, also
// where the coins are as close to a border as they can be without touching it.
func TestTrialAgreesWithSettlement(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			s := c.s
			rapid.Check(t, func(t *rapid.T) {
				w := coins{rapid.Uint64().Draw(t, "x"), rapid.Uint64().Draw(t, "y"), rapid.Uint64().Draw(t, "u")}
				if rapid.Bool().Draw(t, "near a border") {
					i := rapid.IntRange(0, len(s.table)-1).Draw(t, "border")
					w.x = s.table[i] + uint64(rapid.IntRange(-1, 1).Draw(t, "off"))
				}
				if rapid.Bool().Draw(t, "near acceptance") {
					x, _ := s.invert(w.x)
					off := uint64(rapid.Int64Range(-2*doubt, 2*doubt).Draw(t, "off"))
					w.u = min(decay(s.fraction(x, w.y))+off, 1<<63-1)<<1 | w.u&1
				}
				z, keep, sure := s.trial(w)
				want, kept, err := s.settle(w, coin(1))
				if err != nil {
					t.Fatal(err)
				}
				if sure == 1 && (keep != kept || keep == 1 && z != want) {
					t.Fatalf("%v gives %d (kept %d), and exactly %d (kept %d)", w, z, keep, want, kept)
				}
			})
		})
	}
}

// What the fast arithmetic may be wrong by, over all inputs.
func TestFastExponentialWithinDoubt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(64, 1<<40-1).Draw(t, "variance")
		s := must(Gaussian(ratio(v, rapid.Int64Range(1, 3).Draw(t, "over"))))
		if rapid.Bool().Draw(t, "laplace") {
			s = must(Laplace(ratio(v, rapid.Int64Range(1, 3).Draw(t, "over"))))
		}
		x := uint64(rapid.IntRange(0, len(s.table)-1).Draw(t, "x"))
		y := rapid.Uint64().Draw(t, "y")
		from := s.start(int64(x))
		at := new(big.Int).Add(from, new(big.Int).SetUint64(y>>(64-s.block)))
		gap := s.law.exponent(at).Sub(s.law.exponent(from))
		p := decay(s.fraction(x, y))
		for _, u := range []uint64{p - doubt/2, p + doubt/2} {
			below, err := settleBelow(gap, min(u, 1<<63), coin(1))
			if err != nil {
				t.Fatal(err)
			}
			if want := u < p; want != (below == 1) && u < 1<<63 {
				t.Fatalf("e^-%v is not within %d of %d", float(gap), doubt/2, p)
			}
		}
	})
}

// A draw exactly on a border takes further bits, and those decide.
func TestBordersTakeFurtherBits(t *testing.T) {
	s := must(Gaussian(ratio(1000, 1)))
	for i, f := range s.table {
		if _, _, sure := s.trial(coins{f, 0, 1 << 62}); sure == 1 {
			t.Fatalf("border %d was not seen", i)
		}
		low, err := s.settleBlock(f, bytes.NewReader(make([]byte, 64)))
		if err != nil || low != int64(i) {
			t.Errorf("below border %d: block %d, %v", i, low, err)
		}
		if i == len(s.table)-1 {
			break
		}
		high, err := s.settleBlock(f, bytes.NewReader(bytes.Repeat([]byte{0xff}, 64)))
		if err != nil || high != int64(i)+1 {
			t.Errorf("above border %d: block %d, %v", i, high, err)
		}
	}
	// The end of the table is no end of the distribution.
	beyond := append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64-1), make([]byte, 64)...)
	x, err := s.settleBlock(math.MaxUint64, bytes.NewReader(beyond))
	if err != nil || x < int64(len(s.table)) {
		t.Errorf("beyond the table: block %d of %d, %v", x, len(s.table), err)
	}
}

func TestTableIsTheDistribution(t *testing.T) {
	for _, c := range cases() {
		total, weights := 0.0, []float64(nil)
		for x := range 2000 {
			w := math.Exp(-float(c.s.law.exponent(c.s.start(int64(x)))))
			weights = append(weights, w)
			total += w
		}
		sum := 0.0
		for x, f := range c.s.table {
			sum += weights[x] / total
			if got := float64(f) / math.Exp2(64); math.Abs(got-sum) > 1e-12 {
				t.Fatalf("%s: P(at most %d blocks) = %v, want %v", c.name, x, got, sum)
			}
		}
		if !slices.IsSorted(c.s.table) || c.s.table[len(c.s.table)-1] != math.MaxUint64 {
			t.Errorf("%s: table does not rise to 1", c.name)
		}
	}
}

func TestScalesRefused(t *testing.T) {
	huge := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 80))
	long := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 600))
	for _, v := range []exact.Rat{{}, exact.Int(-1), exact.FromBig(huge), exact.FromBig(long)} {
		if _, err := Gaussian(v); !errors.Is(err, ErrScale) {
			t.Errorf("variance %s: %v", v, err)
		}
		if _, err := Laplace(v); !errors.Is(err, ErrScale) {
			t.Errorf("scale %s: %v", v, err)
		}
	}
	if _, err := Laplace(exact.Int(1 << 40)); !errors.Is(err, ErrScale) {
		t.Errorf("scale 2^40: %v", err)
	}
	s := must(Gaussian(exact.Int(100)))
	for _, limit := range []int64{-1, 0, 9} {
		if _, err := s.Within(limit); !errors.Is(err, ErrScale) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

func TestExtremeScalesDraw(t *testing.T) {
	most := exact.FromBig(new(big.Rat).SetInt(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 80), big.NewInt(1))))
	out := make([]int64, 1000)
	for _, s := range []*Sampler{must(Gaussian(most)), must(Laplace(exact.Int(1<<40 - 1)))} {
		if err := s.Fill(out, coin(3)); err != nil {
			t.Fatal(err)
		}
		if m := slices.Max(out); m < 1<<40 || m > 1<<45 {
			t.Errorf("largest of 1000 draws is %d", m)
		}
	}
	tiny := must(Gaussian(ratio(1, 1_000_000)))
	if err := tiny.Fill(out, coin(3)); err != nil || slices.Max(out) != 0 || slices.Min(out) != 0 {
		t.Errorf("variance 10^-6 gives %d to %d, %v", slices.Min(out), slices.Max(out), err)
	}
}

func TestWithinBoundsEveryDraw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(1, 1<<20).Draw(t, "variance")
		s := must(Gaussian(exact.Int(v)))
		limit := int64(math.Ceil(math.Sqrt(float64(v)))) + rapid.Int64Range(0, 10).Draw(t, "more")
		b, err := s.Within(limit)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]int64, 500)
		if err := b.Fill(out, coin(byte(v))); err != nil {
			t.Fatal(err)
		}
		if slices.Max(out) > limit || slices.Min(out) < -limit {
			t.Fatalf("draws from %d to %d, limit %d", slices.Min(out), slices.Max(out), limit)
		}
	})
}

// stuck gives the same byte for ever.
type stuck byte

func (s stuck) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s)
	}
	return len(p), nil
}

func TestCoinFails(t *testing.T) {
	s := must(Gaussian(exact.Int(100)))
	out := []int64{7, 7, 7}
	if err := s.Fill(out, bytes.NewReader(make([]byte, 30))); !errors.Is(err, ErrCoin) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short coin: %v", err)
	}
	if !slices.Equal(out, []int64{0, 0, 0}) {
		t.Errorf("after a failure: %v", out)
	}
	if err := s.Fill(out, stuck(0xff)); !errors.Is(err, ErrCoin) {
		t.Errorf("coin that repeats itself: %v", err)
	}
}

func BenchmarkFill(b *testing.B) {
	for _, c := range []struct {
		name string
		s    *Sampler
	}{
		{"gaussian/variance=10", must(Gaussian(exact.Int(10)))},
		{"gaussian/variance=10^8", must(Gaussian(exact.Int(100_000_000)))},
		{"laplace/scale=1000", must(Laplace(exact.Int(1000)))},
	} {
		b.Run(c.name, func(b *testing.B) {
			out := make([]int64, 1_000_000)
			source := coin(1)
			for b.Loop() {
				if err := c.s.Fill(out, source); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(len(out))/b.Elapsed().Seconds(), "draws/s")
		})
	}
}

// What a member does in earnest: noise for 10^6 lanes from the operating system's coin.
func BenchmarkFillFromSecretCoin(b *testing.B) {
	s := must(Gaussian(exact.Int(1 << 20)))
	out := make([]int64, 1_000_000)
	for b.Loop() {
		if err := s.Fill(out, cryptorand.Reader); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(out))/b.Elapsed().Seconds(), "draws/s")
}

// The plain twin, for comparison.
func BenchmarkTwin(b *testing.B) {
	slow := &twin{coin(1)}
	v := exact.Int(1 << 20)
	for b.Loop() {
		slow.gaussian(v)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		must(Gaussian(ratio(1_000_000_007, 3)))
	}
}

func ExampleSampler_Fill() {
	s, err := Gaussian(ratio(100, 3))
	if err != nil {
		fmt.Println(err)
		return
	}
	lanes := make([]int64, 4)
	if err := s.Fill(lanes, coin(1)); err != nil { // In earnest: crypto/rand.Reader.
		fmt.Println(err)
		return
	}
	fmt.Println(len(lanes), "lanes of noise")
	// Output: 4 lanes of noise
}
