package linear_test

import (
	"bytes"
	"errors"
	"go/build"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity/allocator/linear"
	"comity/canon"
	"comity/exact"
)

// strip is: maximise x + y with 2x + 2y <= 7 in whole numbers from 0 to 5. The best is 3;
// without wholeness it is 7/2.
func strip() linear.Programme {
	column := func(name string) linear.Column {
		return linear.Column{Name: name, Cost: exact.Int(1), Lower: number(0), Upper: number(5), Integer: true}
	}
	return linear.Programme{
		Name: "strip", Maximise: true, Columns: []linear.Column{column("x"), column("y")},
		Rows: []linear.Row{{Name: "room", Upper: number(7), Terms: []linear.Term{{Column: 0, Coeff: exact.Int(2)}, {Column: 1, Coeff: exact.Int(2)}}}},
	}
}

func weights(denominator int64, pairs ...int64) linear.Combination {
	c := linear.Combination{Denominator: linear.NewWhole(big.NewInt(denominator)), Rows: []int{}, Numerators: []linear.Whole{}}
	for k := 0; k < len(pairs); k += 2 {
		c.Rows, c.Numerators = append(c.Rows, int(pairs[k])), append(c.Numerators, linear.NewWhole(big.NewInt(pairs[k+1])))
	}
	return c
}

func leaf(ray bool, prices linear.Combination) linear.Node {
	return linear.Node{Leaf: &linear.Leaf{Ray: ray, Prices: prices}}
}

func split(column int, at int64) linear.Node {
	return linear.Node{Split: &linear.Split{Column: column, At: linear.NewWhole(big.NewInt(at))}}
}

// halved is the cut x + y <= 3: half the row, rounded down.
func halved() linear.Cut { return linear.Cut{Weights: weights(2, 0, 1), Uppers: []int{}, Bits: 1} }

func branched(t testing.TB) linear.Certificate {
	t.Helper()
	c, err := linear.StateBranched(strip(), vector(1, 1, 2), linear.Tree{Cuts: []linear.Cut{halved()}, Nodes: []linear.Node{leaf(false, weights(1, 1, 1))}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACutClosesTheGap(t *testing.T) {
	if c := branched(t); c.Bound.String() != "3" || c.Gap.String() != "0" {
		t.Errorf("with the cut: bound %s, gap %s; want 3, 0", c.Bound, c.Gap)
	}
	c, err := linear.StateBranched(strip(), vector(1, 1, 2), linear.Tree{Cuts: []linear.Cut{}, Nodes: []linear.Node{leaf(false, weights(2, 0, 1))}})
	// Half of the row is 7/2, and the objective is whole.
	if err != nil || c.Bound.String() != "3" {
		t.Errorf("without it: bound %s, %v; want 3", c.Bound, err)
	}
}

func TestASplitClosesTheGap(t *testing.T) {
	p := strip()
	p.Rows = append(p.Rows, linear.Row{Name: "odd", Upper: number(1), Terms: []linear.Term{{Column: 0, Coeff: exact.Int(2)}}})
	p.Columns[1].Upper = number(2)
	// x <= 0 leaves y <= 2; x >= 1 contradicts 2x <= 1.
	nodes := []linear.Node{split(0, 0), leaf(false, weights(1)), leaf(true, weights(1, 1, 1))}
	c, err := linear.StateBranched(p, vector(1, 0, 2), linear.Tree{Cuts: []linear.Cut{}, Nodes: nodes})
	if err != nil || c.Gap.String() != "0" {
		t.Fatalf("gap %s, %v; want 0", c.Gap, err)
	}
	if err := linear.Check(p, c); err != nil {
		t.Error(err)
	}
}

func TestEmptyTree(t *testing.T) {
	p := strip()
	p.Rows[0].Lower = number(7)
	c, err := linear.StateEmpty(p, linear.Tree{Cuts: []linear.Cut{halved()}, Nodes: []linear.Node{leaf(true, weights(2, 0, -1, 1, 2))}})
	if err != nil {
		t.Fatal(err)
	}
	if err := linear.Check(p, c); err != nil {
		t.Error(err)
	}
	if _, err := linear.StateEmpty(strip(), linear.Tree{Cuts: []linear.Cut{}, Nodes: []linear.Node{leaf(false, weights(1))}}); !errors.Is(err, linear.ErrRay) {
		t.Errorf("a leaf that is not empty: got %v, want ErrRay", err)
	}
}

func TestWrongTreesProveNothing(t *testing.T) {
	cutoff := linear.NewRatio(big.NewRat(4, 1))
	free := strip()
	free.Columns[0].Lower, free.Columns[0].Upper, free.Rows = nil, nil, []linear.Row{}
	for _, c := range []struct {
		name string
		p    linear.Programme
		want error
		tree linear.Tree
	}{
		{"no nodes", strip(), linear.ErrShape, linear.Tree{}},
		{"a side is missing", strip(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{split(0, 1), leaf(false, weights(1))}}},
		{"a leaf too many", strip(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{leaf(false, weights(1)), leaf(false, weights(1))}}},
		{"neither split nor leaf", strip(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{{}}}},
		{"both", strip(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{{Split: split(0, 1).Split, Leaf: leaf(false, weights(1)).Leaf}}}},
		{"no such column", strip(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{split(2, 1), leaf(false, weights(1)), leaf(false, weights(1))}}},
		{"a column that need not be whole", example(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{split(0, 1), leaf(false, weights(1)), leaf(false, weights(1))}}},
		{"no such row", strip(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{leaf(false, weights(1, 1, 1))}}},
		{"rows out of order", strip(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{leaf(false, weights(1, 0, 1, 0, 1))}}},
		{"a weight of zero", strip(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{leaf(false, weights(1, 0, 0))}}},
		{"no denominator", strip(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{leaf(false, weights(0))}}},
		{"a negative denominator", strip(), linear.ErrShape, linear.Tree{Nodes: []linear.Node{leaf(false, weights(-1))}}},
		{"a row without this bound", strip(), linear.ErrDual, linear.Tree{Nodes: []linear.Node{leaf(false, weights(1, 0, -1))}}},
		{"a ray that shows nothing", strip(), linear.ErrRay, linear.Tree{Nodes: []linear.Node{leaf(true, weights(1, 0, 1))}}},
		{"a cutoff that nobody reaches", strip(), linear.ErrStated, linear.Tree{Cutoff: &cutoff, Nodes: []linear.Node{leaf(false, weights(1))}}},
		{"a cut of later rows", strip(), linear.ErrShape, linear.Tree{Cuts: []linear.Cut{{Weights: weights(1, 1, 1)}}, Nodes: []linear.Node{leaf(false, weights(1))}}},
		{"a cut of steps out of range", strip(), linear.ErrShape, linear.Tree{Cuts: []linear.Cut{{Weights: weights(1, 0, 1), Bits: 1 << 20}}, Nodes: []linear.Node{leaf(false, weights(1))}}},
		{"a cut of columns out of order", strip(), linear.ErrShape, linear.Tree{Cuts: []linear.Cut{{Weights: weights(1, 0, 1), Uppers: []int{1, 0}}}, Nodes: []linear.Node{leaf(false, weights(1))}}},
		{"a free column", free, linear.ErrDual, linear.Tree{Nodes: []linear.Node{leaf(false, weights(1))}}},
	} {
		point := vector(1, 1, 2)
		if c.p.Name == "example" {
			point = vector(1, 2, 1)
		}
		if _, err := linear.StateBranched(c.p, point, c.tree); !errors.Is(err, c.want) || !errors.Is(err, linear.ErrInvalid) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// TestEveryTamperingOfATreeIsRefused changes every byte of a certificate with a tree.
func TestEveryTamperingOfATreeIsRefused(t *testing.T) {
	data, err := canon.Marshal(branched(t))
	if err != nil {
		t.Fatal(err)
	}
	for at := range data {
		for _, to := range []byte{'0', '1', '2', '-', data[at] ^ 1} {
			if to == data[at] {
				continue
			}
			c, err := linear.Parse(append(append(bytes.Clone(data[:at]), to), data[at+1:]...))
			if err == nil {
				err = linear.Check(strip(), c)
			}
			if !errors.Is(err, linear.ErrInvalid) {
				t.Errorf("byte %d changed to %q: got %v, want ErrInvalid", at, to, err)
			}
		}
	}
}

// drawBox returns a programme of columns within bounds, some whole, and all its points
// whose whole columns are whole and whose others are halves.
func drawBox(t *rapid.T) (p linear.Programme, points []linear.Vector) {
	small := rapid.Int64Range(-4, 4)
	for range rapid.IntRange(1, 3).Draw(t, "columns") {
		low := rapid.Int64Range(-2, 1).Draw(t, "low")
		lower, upper := exact.Int(low), exact.Int(low+rapid.Int64Range(0, 3).Draw(t, "width"))
		p.Columns = append(p.Columns, linear.Column{Cost: exact.Int(small.Draw(t, "cost")), Lower: &lower, Upper: &upper, Integer: rapid.Bool().Draw(t, "integer")})
	}
	for range rapid.IntRange(1, 3).Draw(t, "rows") {
		r := linear.Row{}
		for j := range p.Columns {
			if v := small.Draw(t, "coeff"); v != 0 {
				r.Terms = append(r.Terms, linear.Term{Column: j, Coeff: exact.FromBig(big.NewRat(v, rapid.Int64Range(1, 3).Draw(t, "over")))})
			}
		}
		low := small.Draw(t, "row")
		lower, upper := exact.Int(low), exact.FromBig(big.NewRat(2*low+rapid.Int64Range(0, 6).Draw(t, "range"), 2))
		kind := rapid.IntRange(0, 2).Draw(t, "kind")
		if kind != 0 {
			r.Lower = &lower
		}
		if kind != 1 {
			r.Upper = &upper
		}
		p.Rows = append(p.Rows, r)
	}
	halves := make([]*big.Int, len(p.Columns))
	var visit func(j int)
	visit = func(j int) {
		if j == len(halves) {
			point := linear.NewVector(halves, big.NewInt(2))
			if _, err := linear.Objective(p, point); err == nil {
				points = append(points, point)
			}
			return
		}
		step := int64(1)
		if p.Columns[j].Integer {
			step = 2
		}
		for v := 2 * p.Columns[j].Lower.Floor().Int64(); v <= 2*p.Columns[j].Upper.Floor().Int64(); v += step {
			halves[j] = big.NewInt(v)
			visit(j + 1)
		}
	}
	visit(0)
	return p, points
}

// TestSystemsLoseNoPoint draws cuts of cuts from anywhere: implied bounds and cuts hold
// at every feasible point, or at least at those that are as good as the cutoff.
func TestSystemsLoseNoPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, points := drawBox(t)
		var known *big.Rat
		if len(points) > 0 && rapid.Bool().Draw(t, "cutoff") {
			known, _ = linear.Objective(p, points[rapid.IntRange(0, len(points)-1).Draw(t, "known")])
		}
		s, err := linear.NewSystem(p, known)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(0, 3).Draw(t, "cuts") {
			c := linear.Cut{Weights: weights(rapid.Int64Range(1, 6).Draw(t, "denominator")), Bits: rapid.IntRange(0, 6).Draw(t, "bits")}
			for i := range s.Rows() {
				if w := rapid.Int64Range(-5, 5).Draw(t, "weight"); w != 0 {
					c.Weights.Rows, c.Weights.Numerators = append(c.Weights.Rows, i), append(c.Weights.Numerators, linear.NewWhole(big.NewInt(w)))
				}
			}
			for j := range p.Columns {
				if rapid.Bool().Draw(t, "upper") {
					c.Uppers = append(c.Uppers, j)
				}
			}
			if err := s.AddCut(c); err != nil {
				t.Fatal(err)
			}
		}
		narrowed := s.Programme()
		for _, point := range points {
			objective, err := linear.Objective(p, point)
			if err != nil {
				t.Fatal(err)
			}
			if known != nil && objective.Cmp(known) > 0 {
				continue // Worse than the cutoff: drawBox minimises.
			}
			if s.Empty() {
				t.Fatalf("%+v is taken for empty, but %v is a point", p, point)
			}
			if _, err := linear.Objective(narrowed, point); err != nil {
				t.Fatalf("%+v loses the point %v: %v", p, point, err)
			}
		}
	})
}

// TestTheCheckerKnowsNoSolver lists all that the package is made of.
func TestTheCheckerKnowsNoSolver(t *testing.T) {
	allowed := map[string]bool{"comity": true, "comity/canon": true, "comity/exact": true, "comity/quantity": true}
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pkg.Imports {
		if strings.HasPrefix(path, "comity") && !allowed[path] || strings.Contains(strings.Split(path, "/")[0], ".") {
			t.Errorf("the checker imports %s", path)
		}
	}
}

func FuzzTree(f *testing.F) {
	data, err := canon.Marshal(branched(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, altered []byte) {
		c, err := linear.Parse(altered)
		if err != nil {
			return
		}
		// Whatever else is accepted, it is true: the best is 3, and there is a point.
		if c.Status != linear.Optimal || c.Point == nil || c.Tree == nil {
			return
		}
		restated, err := linear.StateBranched(strip(), *c.Point, *c.Tree)
		if err == nil && restated.Bound.Big().Cmp(big.NewRat(3, 1)) < 0 {
			t.Fatalf("a bound of %s is proved by %s", restated.Bound, altered)
		}
		if linear.Check(strip(), c) == nil && c.Bound.Big().Cmp(big.NewRat(3, 1)) < 0 {
			t.Fatalf("a bound of %s is accepted: %s", c.Bound, altered)
		}
	})
}
