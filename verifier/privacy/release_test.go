package privacy

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"comity/exact"
)

func plan() Release {
	return Release{Members: 30, Lanes: 20_000, Bits: 32, Bound: 1 << 20, Square: exact.Int(1 << 30), Variance: exact.Int(1 << 34)}
}

// The published example of the correction: τ by mpmath with 40 digits.
func TestTauAgainstReference(t *testing.T) {
	for _, c := range []struct {
		members  int
		variance exact.Rat
		want     float64
	}{
		{6, ratio(1, 2), 0.84804972471113777302},      // Two honest of variance 1/4.
		{12, exact.Int(4), 0.00054022315223234959703}, // Four of 1.
		{30, exact.Int(20), 2.6791685740294005598e-8}, // Ten of 2.
	} {
		r := plan()
		r.Members, r.Variance = c.members, c.variance
		if got := float(r.tau()); got < c.want*(1-1e-15) || got > c.want*(1+1e-12) {
			t.Errorf("%d members of variance %s: τ = %v, want %v", r.Honest(), r.Share(), got, c.want)
		}
	}
}

func TestCost(t *testing.T) {
	r := plan()
	c, err := r.Cost()
	if err != nil {
		t.Fatal(err)
	}
	if float(c.Rho) != 1.0/32 || c.Rho.Cmp(ratio(1, 32)) <= 0 {
		t.Errorf("ρ = %s, want just above 1/32", c.Rho)
	}
	if c.Delta.Sign() <= 0 || float(c.Delta) > 1e-60 {
		t.Errorf("δ = %v", float(c.Delta))
	}
	// Coarse noise has to pay for not being a Gaussian.
	r.Square, r.Variance = exact.Int(4), exact.Int(10)
	c, err = r.Cost()
	if err != nil || float(c.Rho) < 0.2+1e-5 || float(c.Rho) > 0.25 {
		t.Errorf("ρ = %v, %v", float(c.Rho), err)
	}
}

// The charge holds: the Rényi divergences of a sum of discrete Gaussians from its
// neighbour, by adding up the whole distribution in floats, are at most ρ times the order.
func TestCostHoldsForSums(t *testing.T) {
	for _, share := range []exact.Rat{ratio(1, 4), ratio(1, 2), ratio(1, 1), ratio(3, 1)} {
		for _, members := range []int{3, 6, 12, 21} {
			r := plan()
			r.Members, r.Lanes, r.Square = members, 1, exact.Int(1)
			r.Variance = share.Mul(ratio(int64(members), 3))
			cost, err := r.Cost()
			if err != nil {
				t.Fatal(err)
			}
			sum := gaussianSum(float(share), r.Honest())
			for _, order := range []float64{1.01, 1.5, 2, 3, 5, 8} {
				mean := 0.0
				for z := 1; z < len(sum); z++ {
					if sum[z] > 0 && sum[z-1] > 0 {
						mean += sum[z] * math.Pow(sum[z]/sum[z-1], order-1)
					}
				}
				if d := math.Log(mean) / (order - 1); d > order*float(cost.Rho)*(1+1e-9) {
					t.Errorf("%d shares of %s, order %v: divergence %v, charged %v", r.Honest(), share, order, d, order*float(cost.Rho))
				}
			}
		}
	}
}

// gaussianSum is the distribution of a sum of discrete Gaussians, cut where a single one
// is below e^-450: the divergence of order 8 looks that far out.
func gaussianSum(variance float64, terms int) []float64 {
	radius := int(math.Ceil(30 * math.Sqrt(variance)))
	one, total := make([]float64, 2*radius+1), 0.0
	for i := range one {
		z := float64(i - radius)
		one[i] = math.Exp(-z * z / (2 * variance))
		total += one[i]
	}
	sum := []float64{1}
	for range terms {
		next := make([]float64, len(sum)+2*radius)
		for i, p := range sum {
			for j, q := range one {
				next[i+j] += p * q / total
			}
		}
		sum = next
	}
	return sum
}

func TestThirds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := plan()
		r.Members = rapid.IntRange(MinMembers, MaxMembers).Draw(t, "members")
		honest := r.Share().Mul(exact.Int(int64(r.Honest())))
		if honest.Cmp(r.Variance) < 0 {
			t.Fatalf("%d honest of %d have a variance of %s, want %s", r.Honest(), r.Members, honest, r.Variance)
		}
		if gone := r.Members - r.Survivors(); gone != r.Members/3 || r.Honest() != r.Survivors()-gone {
			t.Fatalf("%d members: %d survive, %d are honest", r.Members, r.Survivors(), r.Honest())
		}
		top := new(big.Int).Mul(big.NewInt(int64(r.Members)), new(big.Int).Add(big.NewInt(r.Bound), big.NewInt(r.Limit())))
		if top.Cmp(big.NewInt(1<<31)) >= 0 {
			t.Fatalf("%d members reach %s", r.Members, top)
		}
	})
}

func TestSquaredSensitivity(t *testing.T) {
	for unit, want := range map[string]int64{UnitPerson: 49, UnitMember: 196} {
		if got, err := SquaredSensitivity(unit, 7); err != nil || got.Cmp(exact.Int(want)) != 0 {
			t.Errorf("%s: %s, %v", unit, got, err)
		}
		if _, err := SquaredSensitivity(unit, 0); !errors.Is(err, ErrParameter) {
			t.Errorf("%s clipped to 0: %v", unit, err)
		}
	}
	if _, err := SquaredSensitivity("household", 7); !errors.Is(err, ErrParameter) {
		t.Errorf("household: %v", err)
	}
}

// A run of many sums is charged to each member, and books what they cost together.
func TestChargesOfARun(t *testing.T) {
	r := plan()
	r.Variance = exact.Int(1 << 44)
	one, err := r.Cost()
	if err != nil {
		t.Fatal(err)
	}
	all := one.Times(3)
	l := newLedger(t)
	if err := l.FoldAll(all.Charges(charge(1), cohort(1, 2, 3))); err != nil {
		t.Fatal(err)
	}
	balances := l.Balances()
	if len(balances) != 3 {
		t.Fatalf("%d accounts", len(balances))
	}
	for _, b := range balances {
		if b.Rho.Cmp(one.Rho.Add(one.Rho).Add(one.Rho)) != 0 || b.Delta.Cmp(one.Delta.Mul(exact.Int(3))) != 0 {
			t.Errorf("%s was charged ρ = %s and δ = %s", b.Account.Party, b.Rho, b.Delta)
		}
	}
}

// More noise costs less, more lanes and more sensitivity cost more.
func TestCostIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := plan()
		r.Members = rapid.IntRange(3, 60).Draw(t, "members")
		r.Variance = exact.Int(rapid.Int64Range(int64(r.Members), 1<<30).Draw(t, "variance"))
		r.Square = exact.Int(rapid.Int64Range(1, 1<<30).Draw(t, "square"))
		r.Lanes = rapid.IntRange(1, MaxLanes/2).Draw(t, "lanes")
		base, err := r.Cost()
		if err != nil {
			t.Fatal(err)
		}
		floor, err := GaussianRho(r.Square, r.Variance)
		if err != nil || base.Rho.Cmp(floor) < 0 {
			t.Fatalf("ρ = %s below Δ²/(2σ²) = %s, %v", base.Rho, floor, err)
		}
		for name, change := range map[string]func(*Release){
			"half the noise":        func(r *Release) { r.Variance = r.Variance.Mul(ratio(1, 2)) },
			"twice the lanes":       func(r *Release) { r.Lanes *= 2 },
			"twice the sensitivity": func(r *Release) { r.Square = r.Square.Mul(exact.Int(4)) },
		} {
			worse := r
			change(&worse)
			c, err := worse.Cost()
			if errors.Is(err, ErrParameter) {
				continue // Shares too small.
			}
			// The limit falls with nothing here, so δ may stay.
			if err != nil || c.Rho.Cmp(base.Rho) < 0 {
				t.Fatalf("%s: ρ falls from %s to %s, %v", name, base.Rho, c.Rho, err)
			}
		}
	})
}

func TestReleaseRefused(t *testing.T) {
	for name, change := range map[string]func(*Release){
		"two members":     func(r *Release) { r.Members = 2 },
		"too many":        func(r *Release) { r.Members = MaxMembers + 1 },
		"no lanes":        func(r *Release) { r.Lanes = 0 },
		"too many lanes":  func(r *Release) { r.Lanes = MaxLanes + 1 },
		"48 bits":         func(r *Release) { r.Bits = 48 },
		"no sensitivity":  func(r *Release) { r.Square = exact.Rat{} },
		"half a square":   func(r *Release) { r.Square = ratio(1, 2) },
		"no noise":        func(r *Release) { r.Variance = exact.Rat{} },
		"too little":      func(r *Release) { r.Variance = exact.Int(2) },
		"bound below 0":   func(r *Release) { r.Bound = -1 },
		"ring too small":  func(r *Release) { r.Bound = 1 << 30 },
		"noise too large": func(r *Release) { r.Variance = exact.Int(1 << 60) },
	} {
		r := plan()
		change(&r)
		if err := r.Check(); !errors.Is(err, ErrParameter) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := r.Cost(); !errors.Is(err, ErrParameter) {
			t.Errorf("%s: cost: %v", name, err)
		}
		if _, err := r.Sampler(); !errors.Is(err, ErrParameter) {
			t.Errorf("%s: sampler: %v", name, err)
		}
	}
}

// A whole federation: the sum of survivors' noise has the variance that was promised.
func TestSummedNoise(t *testing.T) {
	r := plan()
	r.Bound, r.Variance, r.Lanes = 1000, exact.Int(1000), 4000
	s, err := r.Sampler()
	if err != nil {
		t.Fatal(err)
	}
	sum, one := make([]int64, r.Lanes), make([]int64, r.Lanes)
	coin := rand.NewChaCha8([32]byte{7})
	for range r.Honest() {
		if err := s.Fill(one, coin); err != nil {
			t.Fatal(err)
		}
		for i, z := range one {
			sum[i] += z
		}
	}
	square := 0.0
	for _, z := range sum {
		square += float64(z) * float64(z)
	}
	variance := square / float64(len(sum))
	// Of 4000 squares the mean varies by 2.2 %; five times that happens once in 10^6.
	if math.Abs(variance/1000-1) > 0.11 {
		t.Errorf("noise of %d members has a variance of %v, want 1000", r.Honest(), variance)
	}
}

func BenchmarkCost(b *testing.B) {
	r := plan()
	for b.Loop() {
		if _, err := r.Cost(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEpsilon(b *testing.B) {
	for b.Loop() {
		if _, err := Epsilon(ratio(1, 100), ratio(1, 1_000_000)); err != nil {
			b.Fatal(err)
		}
	}
}
