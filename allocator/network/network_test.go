package network_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity/adapter/highs/highstest"
	"comity/allocator/linear"
	"comity/allocator/network"
	"comity/exact"
	"comity/quantity"
)

func units(n int64) *quantity.Amount { a := quantity.Amount(n); return &a }

// chain carries 4 units from a to c: 3 by way of b at 2 each, 1 directly at 5.
func chain() network.Network {
	return network.Network{
		Name:  "chain",
		Nodes: []network.Node{{"a", 4}, {"b", 0}, {"c", -4}},
		Arcs: []network.Arc{
			{ID: "ab", From: "a", To: "b", Capacity: units(3), Cost: exact.Int(1)},
			{ID: "bc", From: "b", To: "c", Cost: exact.Int(1)},
			{ID: "ac", From: "a", To: "c", Cost: exact.Int(5)},
		},
	}
}

func TestCheapestWay(t *testing.T) {
	r, err := chain().Cheapest(t.Context(), highstest.Engine(t))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(r.Flows, r.Cost)
	if want := "[{ab 3} {ac 1} {bc 3}] 11"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// One more unit at c comes the direct way.
	if rise := r.Prices[2].Cost.Sub(r.Prices[0].Cost); rise.String() != "5" {
		t.Errorf("from a to c prices rise by %s, want 5", rise)
	}
	p, err := chain().Programme()
	if err != nil {
		t.Fatal(err)
	}
	if err := linear.Check(p, r.Certificate); err != nil {
		t.Error(err)
	}
}

func TestLossesUseUpSupply(t *testing.T) {
	tenth, err := exact.Ratio(1, 10)
	if err != nil {
		t.Fatal(err)
	}
	n := network.Network{
		Nodes: []network.Node{{"a", 20}, {"b", 0}, {"c", -9}},
		Arcs: []network.Arc{
			{ID: "ab", From: "a", To: "b", Loss: tenth, Cost: exact.Int(1)},
			{ID: "bc", From: "b", To: "c", Loss: tenth, Cost: exact.Int(1)},
		},
	}
	r, err := n.Cheapest(t.Context(), highstest.Engine(t))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(r.Flows, r.Cost), "[{ab 100/9} {bc 10}] 190/9"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   error
		change func(n *network.Network)
	}{
		{"too little supply", network.ErrUnbalanced, func(n *network.Network) { n.Nodes[0].Supply = 3 }},
		{"too much supply", network.ErrUnbalanced, func(n *network.Network) { n.Nodes[0].Supply = 5 }},
		{"unknown start", network.ErrUnknownNode, func(n *network.Network) { n.Arcs[0].From = "d" }},
		{"unknown end", network.ErrUnknownNode, func(n *network.Network) { n.Arcs[0].To = "" }},
		{"two arcs of one id", network.ErrDuplicate, func(n *network.Network) { n.Arcs[1].ID = "ab" }},
		{"two nodes of one id", network.ErrDuplicate, func(n *network.Network) { n.Nodes = append(n.Nodes, network.Node{ID: "b"}) }},
		{"capacity below zero", network.ErrRange, func(n *network.Network) { n.Arcs[0].Capacity = units(-1) }},
		{"all is lost", network.ErrRange, func(n *network.Network) { n.Arcs[0].Loss = exact.Int(1) }},
		{"gains", network.ErrRange, func(n *network.Network) { n.Arcs[0].Loss = exact.Int(-1) }},
		{"sum beyond 64 bits", quantity.ErrOverflow, func(n *network.Network) { n.Nodes[0].Supply, n.Nodes[1].Supply = 1<<62, 1<<62+4 }},
		{"narrow", network.ErrBlocked, func(n *network.Network) { n.Arcs[2].Capacity = units(0) }},
		{"no arcs", network.ErrBlocked, func(n *network.Network) { n.Arcs = nil }},
		{"endless circle", network.ErrEndless, func(n *network.Network) {
			n.Arcs = append(n.Arcs, network.Arc{ID: "ca", From: "c", To: "a", Cost: exact.Int(-9)})
		}},
	} {
		n := chain()
		c.change(&n)
		if _, err := n.Cheapest(t.Context(), highstest.Engine(t)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	still := network.Network{Nodes: []network.Node{{"a", 0}}}
	if _, err := still.Cheapest(t.Context(), highstest.Engine(t)); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}

func drawNetwork(t *rapid.T) network.Network {
	size := rapid.IntRange(2, 6).Draw(t, "nodes")
	n := network.Network{}
	left := int64(0)
	for k := range size {
		supply := rapid.Int64Range(-9, 9).Draw(t, "supply")
		if k == size-1 {
			supply = -left
		}
		left += supply
		n.Nodes = append(n.Nodes, network.Node{ID: fmt.Sprint("n", k), Supply: quantity.Amount(supply)})
	}
	for k := range rapid.IntRange(1, 14).Draw(t, "arcs") {
		ends := rapid.SliceOfN(rapid.IntRange(0, size-1), 2, 2).Draw(t, "ends")
		n.Arcs = append(n.Arcs, network.Arc{
			ID: fmt.Sprintf("e%02d", k), From: fmt.Sprint("n", ends[0]), To: fmt.Sprint("n", ends[1]),
			Capacity: units(rapid.Int64Range(0, 12).Draw(t, "capacity")), Cost: exact.Int(rapid.Int64Range(0, 9).Draw(t, "cost")),
		})
	}
	return n
}

// TestLaws: the cost is that of the slow twin, flows are whole, prices obey the arcs, and
// the order of rows changes nothing.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := drawNetwork(r)
		want, feasible := twin(n)
		got, err := n.Cheapest(context.Background(), highstest.Engine(t))
		if !feasible {
			if !errors.Is(err, network.ErrBlocked) {
				r.Fatalf("got %v, want ErrBlocked", err)
			}
			return
		}
		if err != nil {
			r.Fatal(err)
		}
		if got.Cost.Cmp(exact.Int(want)) != 0 || got.Certificate.Gap.Sign() != 0 {
			r.Fatalf("cost %s with gap %s, want %d with 0", got.Cost, got.Certificate.Gap, want)
		}
		price := map[string]exact.Rat{}
		for _, p := range got.Prices {
			price[p.Node] = p.Cost
		}
		for k, f := range got.Flows {
			a := n.Arcs[k] // Drawn by ascending id.
			gain := price[a.To].Sub(price[a.From]).Sub(a.Cost)
			full := f.Units.Cmp(exact.Int(int64(*a.Capacity))) == 0
			if !f.Units.IsInt() || gain.Sign() > 0 && !full || gain.Sign() < 0 && f.Units.Sign() > 0 {
				r.Fatalf("arc %s carries %s of %s at a gain of %s", a.ID, f.Units, a.Capacity, gain)
			}
		}
		slices.Reverse(n.Nodes)
		slices.Reverse(n.Arcs)
		again, err := n.Cheapest(context.Background(), highstest.Engine(t))
		if err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(fmt.Sprint(got.Flows, got.Prices, got.Certificate.Seal), fmt.Sprint(again.Flows, again.Prices, again.Certificate.Seal)); diff != "" {
			r.Fatal(diff)
		}
	})
}

// twin sends one unit after another along the cheapest way that is left (Bellman and
// Ford), from a node with supply to one in need.
func twin(n network.Network) (cost int64, feasible bool) {
	type edge struct{ from, to, room, cost int64 }
	index := map[string]int64{}
	for k, node := range n.Nodes {
		index[node.ID] = int64(k)
	}
	source, sink := int64(len(n.Nodes)), int64(len(n.Nodes)+1)
	var edges []edge // The edge after an even one is its reverse.
	add := func(from, to, room, cost int64) {
		edges = append(edges, edge{from, to, room, cost}, edge{to, from, 0, -cost})
	}
	for _, a := range n.Arcs {
		add(index[a.From], index[a.To], int64(*a.Capacity), new(big.Int).Set(a.Cost.Big().Num()).Int64())
	}
	need := int64(0)
	for k, node := range n.Nodes {
		if node.Supply > 0 {
			add(source, int64(k), int64(node.Supply), 0)
		} else {
			add(int64(k), sink, -int64(node.Supply), 0)
			need -= int64(node.Supply)
		}
	}
	const far = 1 << 40
	for ; need > 0; need-- {
		length, last := make([]int64, sink+1), make([]int, sink+1)
		for k := range length {
			length[k] = far
		}
		length[source] = 0
		for range length {
			for k, e := range edges {
				if e.room > 0 && length[e.from] < far && length[e.from]+e.cost < length[e.to] {
					length[e.to], last[e.to] = length[e.from]+e.cost, k
				}
			}
		}
		if length[sink] == far {
			return 0, false
		}
		for at := sink; at != source; at = edges[last[at]].from {
			edges[last[at]].room--
			edges[last[at]^1].room++
		}
		cost += length[sink]
	}
	return cost, true
}
