package fleet_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"math"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"comity/chance"
	"comity/conformance"
	"comity/exact"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/loss"
	"comity/verifier/privacy"
	"comity/verifier/privacy/noise"
)

// veil is a pool to whose sums so many members each added their share of the noise.
type veil struct {
	sampler *noise.Sampler
	members int
	coin    *mathrand.ChaCha8
}

func (v veil) Sum(_ context.Context, _ learn.Step, x []int64) ([]int64, error) {
	sum, part := slices.Clone(x), make([]int64, len(x))
	for range v.members {
		if err := v.sampler.Fill(part, v.coin); err != nil {
			return nil, err
		}
		for i, n := range part {
			sum[i] += n
		}
	}
	return sum, nil
}

// release plans the noise of all sums of a private training at one variance.
func release(t *testing.T, c *additive.Config, members int, variance int64) (privacy.Release, privacy.Cost) {
	t.Helper()
	lanes := 2
	for f := range c.Features {
		lanes += c.Features.Bins(f)
	}
	var plan privacy.Release
	var total privacy.Cost
	for _, squared := range additive.Sensitivity(c) {
		plan = privacy.Release{
			Members: members, Lanes: lanes, Bits: 64, Bound: 1 << 40,
			Square: exact.Int(squared), Variance: exact.Int(variance),
		}
		cost, err := plan.Cost()
		if err != nil {
			t.Fatal(err)
		}
		if total == (privacy.Cost{}) {
			total = cost
		} else {
			total = privacy.Cost{Rho: total.Rho.Add(cost.Rho), Delta: total.Delta.Add(cost.Delta)}
		}
	}
	return plan, total
}

// planFor finds the least variance, to a hundredth, whose cost is within a budget.
func planFor(t *testing.T, c *additive.Config, members int, limit privacy.Limit) privacy.Release {
	t.Helper()
	low, high := int64(1), int64(1)<<60
	for high > low+low/100+1 {
		middle := low + (high-low)/2
		if _, cost := release(t, c, members, middle); limit.Admit(cost) == nil {
			high = middle
		} else {
			low = middle
		}
	}
	plan, _ := release(t, c, members, high)
	return plan
}

// wards are the hospitals' rows of ten columns without gaps.
type wards struct {
	bins   [][]uint8 // By column and row.
	target []fixed.Q16
}

// spans are what the columns of the heart data may hold, known to every doctor: cuts that
// look at no row cost no privacy.
func spans() learn.Features {
	features := make(learn.Features, 10)
	for f, s := range [][3]int{ // First cut, step, cuts.
		{45, 5, 5},
		{1, 1, 1},
		{2, 1, 3},
		{120, 10, 4},
		{200, 40, 3},
		{1, 1, 1},
		{1, 1, 2},
		{110, 20, 4},
		{1, 1, 1},
		{1, 1, 2},
	} {
		for k := range s[2] {
			features[f].Cuts = append(features[f].Cuts, fixed.Q16(s[0]+k*s[1])*fixed.One)
		}
	}
	return features
}

func readWards(t *testing.T, features learn.Features) *wards {
	t.Helper()
	w := &wards{bins: make([][]uint8, len(features))}
	for _, name := range conformance.Glob(t, "benchmarks/uci_heart*/*.data") {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
	rows:
		for _, record := range records {
			var row []fixed.Q16
			for i, text := range record {
				if i >= 10 && i <= 12 {
					continue // Mostly gaps.
				}
				x, err := strconv.ParseFloat(text, 64)
				if err != nil || math.IsNaN(x) {
					continue rows
				}
				row = append(row, fixed.Q16(math.Round(x*65536)))
			}
			for f := range features {
				w.bins[f] = append(w.bins[f], features.Bin(f, row[f]))
			}
			w.target = append(w.target, min(row[10], fixed.One))
		}
	}
	return w
}

// TestConformancePrivateModel trains additive models at an epsilon of 1 (delta 1e-5, unit
// person) as members of a consortium would, each with its share of the noise, which is
// three times what nobody leaving and nobody conspiring would need, and asks them about
// rows they have not seen.
func TestConformancePrivateModel(t *testing.T) {
	features := spans()
	w := readWards(t, features)
	c := additive.Private(loss.Loss{Kind: loss.Logistic, Scale: fixed.One}, features)
	c.Name, c.Seed, c.TargetHi = "private", chance.Seed{1}, fixed.One
	delta, err := exact.Ratio(1, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	plan := planFor(t, c, 4, privacy.Limit{Epsilon: exact.Int(1), Delta: delta})
	sampler, err := plan.Sampler()
	if err != nil {
		t.Fatal(err)
	}
	whole := new(big.Rat).Mul(plan.Share().Big(), big.NewRat(int64(plan.Members), 1))
	c.Noise.Variance = new(big.Int).Quo(whole.Num(), whole.Denom()).Int64()
	right, all := 0, 0
	for repeat := range 4 {
		coin := mathrand.NewChaCha8([32]byte{byte(repeat)})
		part := mathrand.New(coin).Perm(len(w.target))
		for fold := range 5 {
			rows := &learn.Rows{Bins: make([][]uint8, len(features))}
			for i, y := range w.target {
				if part[i]%5 == fold {
					continue
				}
				for f := range features {
					rows.Bins[f] = append(rows.Bins[f], w.bins[f][i])
				}
				rows.Key, rows.Target = append(rows.Key, uint64(i)), append(rows.Target, y)
			}
			m, err := additive.Train(t.Context(), rows, c, veil{sampler, plan.Members, coin})
			if err != nil {
				t.Fatal(err)
			}
			for i, y := range w.target {
				if part[i]%5 != fold {
					continue
				}
				row := make([]uint8, len(features))
				for f := range row {
					row[f] = w.bins[f][i]
				}
				all++
				if (m.Score(row) > 0) == (y > 0) {
					right++
				}
			}
		}
	}
	accuracy := float64(right) / float64(all)
	t.Logf("accuracy %.4f with noise of standard deviation %.1f whole gradients", accuracy, math.Sqrt(float64(c.Noise.Variance))/loss.FineUnit)
	if accuracy < .70 {
		t.Errorf("accuracy %.4f at epsilon 1; at least 0.70", accuracy)
	}
}
