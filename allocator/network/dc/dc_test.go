package dc_test

import (
	"errors"
	"fmt"
	"math/big"
	"testing"

	"comity/allocator/linear"
	"comity/allocator/network/dc"
	"comity/canon"
	"comity/exact"
)

func number(text string) exact.Rat {
	x, err := exact.Parse(text)
	if err != nil {
		panic(err)
	}
	return x
}

func linearCost(slope string) dc.Cost {
	return dc.Cost{Polynomial: [3]exact.Rat{{}, number(slope), {}}, Points: []dc.Point{}}
}

func point(output, cost string) dc.Point { return dc.Point{Output: number(output), Cost: number(cost)} }

// triangle has cheap power at bus 1, dear power at bus 2 and a load of 90 MW at bus 3.
// All branches are alike, so that two thirds of what bus 1 gives take the direct branch,
// which is wide enough for all of it.
func triangle() dc.Case {
	branch := func(from, to int, rate string) dc.Branch {
		return dc.Branch{From: from, To: to, InService: true, X: number("0.1"), Rate: number(rate)}
	}
	return dc.Case{
		Name: "triangle", Base: number("100"),
		Buses: []dc.Bus{{ID: 1, Kind: dc.Reference}, {ID: 2, Kind: dc.Regulated}, {ID: 3, Kind: dc.Load, Demand: number("80"), Shunt: number("10")}},
		Generators: []dc.Generator{
			{Bus: 1, InService: true, Max: number("100"), Cost: linearCost("10")},
			{Bus: 2, InService: true, Max: number("100"), Cost: linearCost("30")},
		},
		Branches: []dc.Branch{branch(1, 2, "100"), branch(2, 3, "100"), branch(1, 3, "70")},
	}
}

func vector(denominator int64, numerators ...int64) linear.Vector {
	all := make([]*big.Int, len(numerators))
	for k, n := range numerators {
		all[k] = big.NewInt(n)
	}
	return linear.NewVector(all, big.NewInt(denominator))
}

// state proves by hand: rows are three balances and three flows.
func state(t *testing.T, c dc.Case, status linear.Status, output *linear.Vector, prices linear.Vector) (dc.Certificate, error) {
	t.Helper()
	g, err := dc.NewGrid(c)
	if err != nil {
		t.Fatal(err)
	}
	return g.State(c, dc.Certificate{Status: status, Tangents: [][]exact.Rat{{}, {}}, Prices: prices, Output: output})
}

// TestProofsByHand: where nothing is congested a MW more costs 10 at every bus, and more
// load than both generators give cannot be met.
func TestProofsByHand(t *testing.T) {
	all, ten := vector(1, 90, 0), vector(1, -10, -10, -10, 0, 0, 0)
	found, err := state(t, triangle(), linear.Optimal, &all, ten)
	if err != nil {
		t.Fatal(err)
	}
	if found.Objective.String() != "900" || found.Bound.String() != "900" || found.Gap.String() != "0" {
		t.Errorf("got %s, %s, %s; want 900, 900, 0", found.Objective, found.Bound, found.Gap)
	}
	tamper(t, triangle(), found)
	dark := triangle()
	dark.Buses[2].Demand = number("190.01")
	none, err := state(t, dark, linear.Infeasible, nil, vector(1, -1, -1, -1, 0, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	tamper(t, dark, none)
}

func TestWrongProofs(t *testing.T) {
	ten, narrow := vector(1, -10, -10, -10, 0, 0, 0), triangle()
	narrow.Branches[2].Rate = number("60")
	angled := triangle()
	angled.Branches[2].AngleMin, angled.Branches[2].AngleMax = number("-3.43"), number("3.43")
	for _, c := range []struct {
		name   string
		grid   dc.Case
		want   error
		output linear.Vector
		prices linear.Vector
	}{
		{"above a limit", triangle(), dc.ErrPoint, vector(1, 101, -11), ten},
		{"below the load", triangle(), dc.ErrPoint, vector(1000, 89999, 0), ten},
		{"too few outputs", triangle(), dc.ErrShape, vector(1, 90), ten},
		{"overload by a nanowatt", narrow, dc.ErrPoint, vector(1e15, 90e15, 0), ten}, // Touches: no room for the enclosure.
		{"too wide an angle", angled, dc.ErrPoint, vector(1, 90, 0), vector(1, -10, -10, -10, 0, 0, 0, 0)},
		{"too few prices", triangle(), dc.ErrInvalid, vector(1, 90, 0), vector(1, -10, -10)},
	} {
		if _, err := state(t, c.grid, linear.Optimal, &c.output, c.prices); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := state(t, triangle(), linear.Infeasible, nil, vector(1, -1, -1, -1, 0, 0, 0)); !errors.Is(err, dc.ErrInvalid) {
		t.Errorf("a feasible case: got %v, want ErrInvalid", err)
	}
	if _, err := state(t, triangle(), linear.Unbounded, nil, ten); !errors.Is(err, dc.ErrShape) {
		t.Errorf("no status of a case: got %v, want ErrShape", err)
	}
	if _, err := dc.Parse([]byte("{}")); !errors.Is(err, dc.ErrAltered) {
		t.Errorf("an empty record: got %v, want ErrAltered", err)
	}
}

// tamper accepts a certificate as it is read back, and refuses it with any change.
func tamper(t *testing.T, grid dc.Case, found dc.Certificate) {
	t.Helper()
	data, err := canon.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	read := func() dc.Certificate {
		c, err := dc.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := dc.Check(grid, read()); err != nil {
		t.Fatal(err)
	}
	seven := linear.NewRatio(big.NewRat(7, 1))
	for name, change := range map[string]func(c *dc.Certificate){
		"price": func(c *dc.Certificate) { c.Prices = vector(1, -1, -10, -10, 0, 0, 0) }, "price of a flow": func(c *dc.Certificate) { c.Prices = vector(1, -10, -10, -10, 0, 1, 0) },
		"outputs": func(c *dc.Certificate) { v := vector(1, 89, 1); c.Output = &v }, "objective": func(c *dc.Certificate) { c.Objective = &seven },
		"bound": func(c *dc.Certificate) { c.Bound = &seven }, "gap": func(c *dc.Certificate) { c.Gap = &seven },
		"status": func(c *dc.Certificate) { c.Status = "solved" }, "case": func(c *dc.Certificate) { c.Case[0]++ }, "seal": func(c *dc.Certificate) { c.Seal[0]++ },
		"tangents": func(c *dc.Certificate) { c.Tangents[0] = []exact.Rat{number("1")} }, "length of tangents": func(c *dc.Certificate) { c.Tangents = nil },
	} {
		c := read()
		if change(&c); !errors.Is(dc.Check(grid, c), dc.ErrInvalid) {
			t.Errorf("%s altered: got %v, want ErrInvalid", name, dc.Check(grid, c))
		}
	}
	for k := range grid.Branches {
		other := grid
		other.Branches = append([]dc.Branch{}, grid.Branches...)
		other.Branches[k].R = number("0.000001")
		if err := dc.Check(other, read()); !errors.Is(err, dc.ErrInvalid) {
			t.Errorf("branch %d altered: got %v, want ErrInvalid", k, err)
		}
	}
}

func TestCasesThatAreRefused(t *testing.T) {
	for name, change := range map[string]func(c *dc.Case){
		"no base":        func(c *dc.Case) { c.Base = exact.Rat{} },
		"no buses":       func(c *dc.Case) { c.Buses = nil },
		"bus twice":      func(c *dc.Case) { c.Buses[1].ID = 1 },
		"bus 0":          func(c *dc.Case) { c.Buses[1].ID = 0 },
		"kind 5":         func(c *dc.Case) { c.Buses[1].Kind = 5 },
		"two references": func(c *dc.Case) { c.Buses[1].Kind = dc.Reference },
		"generator lost": func(c *dc.Case) { c.Generators[0].Bus = 7 },
		"crossed limits": func(c *dc.Case) { c.Generators[0].Min = number("101") },
		"concave square": func(c *dc.Case) { c.Generators[0].Cost.Polynomial[2] = number("-1") },
		"one point":      func(c *dc.Case) { c.Generators[0].Cost.Points = []dc.Point{{}} },
		"points go back": func(c *dc.Case) { c.Generators[0].Cost.Points = []dc.Point{{}, {}} },
		"concave points": func(c *dc.Case) {
			c.Generators[0].Cost.Points = []dc.Point{{}, point("1", "5"), point("2", "6")}
		},
		"branch lost":      func(c *dc.Case) { c.Branches[0].To = 7 },
		"branch to itself": func(c *dc.Case) { c.Branches[0].To = 1 },
		"no reactance":     func(c *dc.Case) { c.Branches[0].X = exact.Rat{} },
		"negative rate":    func(c *dc.Case) { c.Branches[0].Rate = number("-1") },
		"crossed angles":   func(c *dc.Case) { c.Branches[0].AngleMin = number("3"); c.Branches[0].AngleMax = number("2") },
	} {
		c := triangle()
		change(&c)
		if _, err := dc.NewGrid(c); !errors.Is(err, dc.ErrCase) {
			t.Errorf("%s: got %v, want ErrCase", name, err)
		}
	}
}

func TestConflictNamesBranches(t *testing.T) {
	narrow := triangle()
	narrow.Branches[2].Rate = number("20")
	// Weights are 10·100, 10·100 and (20 + 1)·20.
	got, err := dc.Conflict(narrow, dc.Certificate{Status: linear.Infeasible, Tangents: [][]exact.Rat{{}, {}}, Prices: vector(1, 10, 20, 30, 0, 0, 100)})
	if want := "[1 (bus 1 to 2) 2 (bus 2 to 3) 3 (bus 1 to 3)]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v, %v; want %s", got, err, want)
	}
}

func FuzzParse(f *testing.F) {
	g, err := dc.NewGrid(triangle())
	if err != nil {
		f.Fatal(err)
	}
	all := vector(1, 90, 0)
	found, err := g.State(triangle(), dc.Certificate{Status: linear.Optimal, Tangents: [][]exact.Rat{{}, {}}, Prices: vector(1, -10, -10, -10, 0, 0, 0), Output: &all})
	if err != nil {
		f.Fatal(err)
	}
	data, err := canon.Marshal(found)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := dc.Parse(text)
		if err == nil {
			err = dc.Check(triangle(), c)
		}
		if err == nil != (string(text) == string(data)) || err != nil && !errors.Is(err, dc.ErrInvalid) {
			t.Errorf("got %v of %.200q", err, text)
		}
	})
}
