package dc

import (
	"container/heap"
	"fmt"
	"math/big"
	"slices"

	"comity/allocator/network/potential"
	"comity/exact"
)

// Grid is what of a case is in service. Rows and ids in it are those of the file, which
// names and messages use.
type Grid struct {
	Base       *big.Rat // MVA.
	Buses      []Node
	Generators []Unit
	Branches   []Link

	Parts    [][]int              // Buses of each connected part, by place.
	Networks []*potential.Network // By part: its branches between places less one.
}

// Node is a bus.
type Node struct {
	ID    int
	Load  *big.Rat // Demand and shunt, MW.
	Root  int      // Bus of the same connected part whose angle is zero.
	Place int      // Among the buses of its part; that of the root is 0.

	reach  int64 // No feasible angle is further from zero, in millionths of a radian.
	joined []int // Branches.
}

// Unit is a generator.
type Unit struct {
	Generator

	Row int // In the file, from 1.
	At  int // Bus of the grid.
}

// Link is a branch: Square·flow = Push·(θ_from - θ_to) with Square = r² + x² and
// Push = base·x.
type Link struct {
	Row          int // In the file, from 1.
	From, To     int // Buses of the grid.
	Square, Push *big.Rat
	Rate         *big.Rat // MW, or nil.
	Low, High    *big.Rat // Of θ_from - θ_to.

	reach int64 // No feasible difference is further from zero, in millionths.
	free  bool  // The rate does not imply the limits of the angles.
}

// NewGrid leaves out what is out of service and finds the connected parts. Errors:
// ErrCase, and ErrUndecided where outputs do not decide the flows.
func NewGrid(c Case) (*Grid, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	g := &Grid{Base: c.Base.Big()}
	at := map[int]int{}
	var references []int
	for _, b := range c.Buses {
		if b.Kind == Isolated {
			continue
		}
		if b.Kind == Reference {
			references = append(references, len(g.Buses))
		}
		at[b.ID] = len(g.Buses)
		g.Buses = append(g.Buses, Node{ID: b.ID, Load: b.Demand.Add(b.Shunt).Big(), Root: -1})
	}
	for k, from := range c.Generators {
		if where, live := at[from.Bus]; live && from.InService {
			g.Generators = append(g.Generators, Unit{from, k + 1, where})
		}
	}
	for k, b := range c.Branches {
		from, live := at[b.From]
		to, alsoLive := at[b.To]
		if !b.InService || !live || !alsoLive {
			continue
		}
		g.Buses[from].joined = append(g.Buses[from].joined, len(g.Branches))
		g.Buses[to].joined = append(g.Buses[to].joined, len(g.Branches))
		g.Branches = append(g.Branches, g.newBranch(b, k+1, from, to))
	}
	for _, root := range references {
		if other := g.Buses[root].Root; other >= 0 {
			return nil, fmt.Errorf("%w: buses %d and %d are connected and both of kind 3; keep one reference and make the other kind 2",
				ErrCase, g.Buses[other].ID, g.Buses[root].ID)
		}
		g.spread(root)
	}
	for k := range g.Buses { // Parts without a reference: only differences matter.
		if g.Buses[k].Root < 0 {
			g.spread(k)
		}
	}
	return g, g.connect()
}

// millionths is how finely implied bounds of angles are written. They are rounded
// outwards, so that they exclude nothing.
const millionths = 1_000_000

func (g *Grid) newBranch(b Branch, row, from, to int) Link {
	n := Link{Row: row, From: from, To: to, Square: b.R.Mul(b.R).Add(b.X.Mul(b.X)).Big(), Push: b.X.Big()}
	n.Push.Mul(n.Push, g.Base)
	n.Low, n.High = b.angles()
	reach := new(big.Rat).Abs(n.Low)
	if most := new(big.Rat).Abs(n.High); most.Cmp(reach) > 0 {
		reach = most
	}
	n.free = true
	if b.Rate.Sign() > 0 {
		n.Rate = b.Rate.Big()
		implied := new(big.Rat).Mul(n.Rate, n.Square)
		implied.Abs(implied.Quo(implied, n.Push))
		if implied.Cmp(reach) < 0 {
			reach = implied
		}
		n.free = n.High.Cmp(implied) < 0 || new(big.Rat).Neg(n.Low).Cmp(implied) < 0
	}
	n.reach = up(reach.Mul(reach, big.NewRat(millionths, 1)), 0).Num().Int64()
	return n
}

// spread names a root for all buses that are connected with it, and bounds their angles
// by the sum of the greatest differences along the shortest way (Dijkstra (1959)).
func (g *Grid) spread(root int) {
	ways, place := &nearest{{root, 0}}, 0
	for ways.Len() > 0 {
		w, _ := heap.Pop(ways).(way)
		b := &g.Buses[w.to]
		if b.Root >= 0 {
			continue
		}
		b.Root, b.reach, b.Place = root, w.length, place
		place++
		for _, k := range b.joined {
			e := g.Branches[k]
			other := e.From + e.To - w.to
			if g.Buses[other].Root < 0 {
				heap.Push(ways, way{other, w.length + e.reach})
			}
		}
	}
}

// connect gathers the connected parts and proves that outputs decide their flows.
func (g *Grid) connect() error {
	at := map[int]int{}
	for k, b := range g.Buses {
		if b.Root == k {
			at[k] = len(g.Parts)
			g.Parts = append(g.Parts, nil)
		}
	}
	for k, b := range g.Buses {
		g.Parts[at[b.Root]] = append(g.Parts[at[b.Root]], k)
	}
	edges := make([][]potential.Edge, len(g.Parts))
	for _, e := range g.Branches { // The root is the ground.
		from, to := g.Buses[e.From], g.Buses[e.To]
		edges[at[from.Root]] = append(edges[at[from.Root]], potential.Edge{From: from.Place - 1, To: to.Place - 1, Conductance: e.Conductance()})
	}
	for n, members := range g.Parts {
		slices.SortFunc(members, func(x, y int) int { return g.Buses[x].Place - g.Buses[y].Place })
		network, err := potential.New(len(members)-1, edges[n])
		if err != nil {
			return fmt.Errorf("%w: flows around bus %d: %w", ErrUndecided, g.Buses[members[0]].ID, err)
		}
		g.Networks = append(g.Networks, network)
	}
	return nil
}

// Conductance returns the flow in MW that a radian of difference drives.
func (e Link) Conductance() *big.Rat { return new(big.Rat).Quo(e.Push, e.Square) }

type way struct {
	to     int
	length int64
}

// nearest is a heap of ways; equal lengths go by bus, so that the order is defined.
type nearest []way

// Len is part of heap.Interface, as are the methods below.
func (n *nearest) Len() int { return len(*n) }

// Less compares two ways.
func (n *nearest) Less(a, b int) bool {
	x, y := (*n)[a], (*n)[b]
	return x.length < y.length || x.length == y.length && x.to < y.to
}

// Swap exchanges two.
func (n *nearest) Swap(a, b int) { (*n)[a], (*n)[b] = (*n)[b], (*n)[a] }

// Push adds a way.
func (n *nearest) Push(x any) { w, _ := x.(way); *n = append(*n, w) }

// Pop takes the last one.
func (n *nearest) Pop() any {
	last := (*n)[len(*n)-1]
	*n = (*n)[:len(*n)-1]
	return last
}

func rational(x *big.Rat) *exact.Rat { y := exact.FromBig(x); return &y }
