package potential_test

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity/allocator/network/potential"
)

// drawNetwork draws a tree to the ground and further edges.
func drawNetwork(t *rapid.T, negative bool) (nodes int, edges []potential.Edge) {
	nodes = rapid.IntRange(1, 12).Draw(t, "nodes")
	conductance := func() *big.Rat {
		c := big.NewRat(rapid.Int64Range(1, 1_000_000).Draw(t, "numerator"), rapid.Int64Range(1, 10_000).Draw(t, "denominator"))
		if negative && rapid.IntRange(0, 4).Draw(t, "negative") == 0 {
			c.Neg(c)
		}
		return c
	}
	for k := range nodes {
		edges = append(edges, potential.Edge{From: k, To: rapid.IntRange(potential.Ground, k-1).Draw(t, "to"), Conductance: conductance()})
	}
	for range rapid.IntRange(0, 12).Draw(t, "more") {
		from, to := rapid.IntRange(0, nodes-1).Draw(t, "from"), rapid.IntRange(potential.Ground, nodes-1).Draw(t, "to")
		if from != to {
			edges = append(edges, potential.Edge{From: from, To: to, Conductance: conductance()})
		}
	}
	return nodes, edges
}

// exactly solves the equations by elimination in rationals, or tells that they are
// singular.
func exactly(nodes int, edges []potential.Edge, injection []*big.Rat) ([]*big.Rat, bool) {
	a := make([][]*big.Rat, nodes)
	for i := range a {
		a[i] = make([]*big.Rat, nodes+1)
		for j := range nodes {
			a[i][j] = new(big.Rat)
		}
		a[i][nodes] = new(big.Rat).Set(injection[i])
	}
	for _, e := range edges {
		for _, ends := range [][2]int{{e.From, e.To}, {e.To, e.From}} {
			if i, j := ends[0], ends[1]; i >= 0 {
				a[i][i].Add(a[i][i], e.Conductance)
				if j >= 0 {
					a[i][j].Sub(a[i][j], e.Conductance)
				}
			}
		}
	}
	for k := range nodes {
		pivot := k
		for pivot < nodes && a[pivot][k].Sign() == 0 {
			pivot++
		}
		if pivot == nodes {
			return nil, false
		}
		a[k], a[pivot] = a[pivot], a[k]
		for i := range nodes {
			if i == k || a[i][k].Sign() == 0 {
				continue
			}
			factor := new(big.Rat).Quo(a[i][k], a[k][k])
			for j := k; j <= nodes; j++ {
				a[i][j].Sub(a[i][j], new(big.Rat).Mul(factor, a[k][j]))
			}
		}
	}
	x := make([]*big.Rat, nodes)
	for k := range x {
		x[k] = new(big.Rat).Quo(a[k][nodes], a[k][k])
	}
	return x, true
}

// TestExactPotentialsLieWithin: whatever is proved is true, and for positive
// conductances everything is proved, to fifteen digits.
func TestExactPotentialsLieWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		negative := rapid.Bool().Draw(t, "with negative conductances")
		nodes, edges := drawNetwork(t, negative)
		injection := make([]*big.Rat, nodes)
		for k := range injection {
			injection[k] = big.NewRat(rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, "injection"), 1000)
		}
		want, regular := exactly(nodes, edges, injection)
		n, err := potential.New(nodes, edges)
		if err != nil {
			if !errors.Is(err, potential.ErrUnproved) || !negative {
				t.Fatal(err)
			}
			return
		}
		if !regular {
			t.Fatal("a singular matrix is proved to be regular")
		}
		got := n.Enclose(injection)
		largest := big.NewRat(1, 1_000_000)
		for k, v := range got.Values {
			if distance := new(big.Rat).Sub(v, want[k]); distance.Abs(distance).Cmp(got.Radius) > 0 {
				t.Fatalf("node %d: %s is %s from %s, beyond %s", k, v.FloatString(20), distance.FloatString(20), want[k].FloatString(20), got.Radius.FloatString(20))
			}
			if v = new(big.Rat).Abs(v); v.Cmp(largest) > 0 {
				largest = v
			}
		}
		if !negative && got.Radius.Cmp(largest.Mul(largest, big.NewRat(1, 1e15))) > 0 {
			t.Fatalf("radius %s", got.Radius.FloatString(30))
		}
	})
}

func TestSingularNetworksAreNotProved(t *testing.T) {
	one := big.NewRat(1, 1)
	for name, edges := range map[string][]potential.Edge{
		"no way to the ground": {{From: 0, To: 1, Conductance: one}},
		"edges that cancel":    {{From: 0, To: potential.Ground, Conductance: one}, {From: 0, To: 1, Conductance: one}, {From: 0, To: 1, Conductance: big.NewRat(-1, 1)}},
		"nearly singular":      {{From: 0, To: potential.Ground, Conductance: one}, {From: 0, To: 1, Conductance: one}, {From: 1, To: potential.Ground, Conductance: new(big.Rat).SetFrac64(-(1 << 53), 1<<54-1)}},
		"nothing":              {},
	} {
		if _, err := potential.New(2, edges); !errors.Is(err, potential.ErrUnproved) {
			t.Errorf("%s: got %v, want ErrUnproved", name, err)
		}
	}
	if n, err := potential.New(0, nil); err != nil || n.Enclose(nil).Radius.Sign() != 0 {
		t.Errorf("an empty network: %v", err)
	}
}
