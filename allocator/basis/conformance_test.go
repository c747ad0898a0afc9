package basis_test

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"comity/adapter/highs/highstest"
	"comity/adapter/mps"
	"comity/allocator/basis"
	"comity/allocator/linear"
	"comity/canon"
	"comity/conformance"
)

// reference is one line of reference.csv.
type reference struct{ name, kind, floating, exact string }

func references(t *testing.T) (folder string, all []reference) {
	t.Helper()
	files := conformance.Glob(t, "lp*/reference*.csv")
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%s: %d rows, %v", files[0], len(rows), err)
	}
	at := map[string]int{}
	for k, name := range rows[0] {
		at[name] = k
	}
	for _, row := range rows[1:] {
		all = append(all, reference{row[at["name"]], row[at["kind"]], row[at["highs_objective"]], row[at["exact_optimum"]]})
	}
	return filepath.Dir(files[0]), all
}

// TestConformanceLP settles every programme of the data set: exact optima must be equal
// as rationals, infeasible ones proved, and for whole numbers the objective be within
// 1e-6 of the reference and the bound on its right side.
func TestConformanceLP(t *testing.T) {
	folder, all := references(t)
	for _, want := range all {
		t.Run(want.name, func(t *testing.T) {
			t.Parallel()
			p := load(t, filepath.Join(folder, want.name+".mps"))
			c, err := basis.Solve(t.Context(), p, highstest.Engine(t))
			if err != nil {
				t.Fatal(err)
			}
			data, err := canon.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			read, err := linear.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := linear.Check(p, read); err != nil {
				t.Fatal(err)
			}
			compare(t, want, p, read)
			tamper(t, p, data)
		})
	}
}

func load(t *testing.T, file string) linear.Programme {
	t.Helper()
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(file + ".gz")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := mps.Read(file, f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func compare(t *testing.T, want reference, p linear.Programme, got linear.Certificate) {
	t.Helper()
	if want.kind == "lp_infeasible" {
		if got.Status != linear.Infeasible {
			t.Fatalf("status %s, want infeasible", got.Status)
		}
		smallest(t, p, got)
		return
	}
	if got.Status != linear.Optimal {
		t.Fatalf("status %s, want optimal", got.Status)
	}
	if want.kind == "lp" {
		if got.Objective.String() != want.exact || got.Gap.Sign() != 0 {
			t.Errorf("objective %s with gap %s, want %s with 0", got.Objective, got.Gap, want.exact)
		}
		return
	}
	near, ok := new(big.Rat).SetString(want.floating)
	if !ok {
		t.Fatalf("reference %q", want.floating)
	}
	distance := new(big.Rat).Sub(got.Objective.Big(), near)
	if allowed := new(big.Rat).Mul(near, big.NewRat(1, 1_000_000)); distance.Abs(distance).Cmp(allowed.Abs(allowed)) > 0 {
		t.Errorf("objective %s, want %s", got.Objective, want.floating)
	}
	side := new(big.Rat).Sub(got.Objective.Big(), got.Bound.Big())
	if p.Maximise {
		side.Neg(side)
	}
	if side.Sign() < 0 || side.Cmp(got.Gap.Big()) != 0 {
		t.Errorf("bound %s beyond the objective %s, gap %s", got.Bound, got.Objective, got.Gap)
	}
	most := new(big.Rat).Abs(got.Objective.Big())
	if most.Mul(most, big.NewRat(1, 200)); got.Gap.Big().Cmp(most) > 0 {
		t.Errorf("gap %s, want at most 0.5 %% of %s", got.Gap, got.Objective)
	}
}

// tamper changes one number of a certificate at a time.
func tamper(t *testing.T, p linear.Programme, data []byte) {
	t.Helper()
	refuse := func(name string, change func(c *linear.Certificate)) {
		c, err := linear.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		change(&c)
		if err := linear.Check(p, c); !errors.Is(err, linear.ErrInvalid) {
			t.Errorf("%s altered: got %v, want ErrInvalid", name, err)
		}
	}
	tamperTree(t, p, data)
	vectors := func(c *linear.Certificate) []*linear.Vector { return []*linear.Vector{c.Point, c.Prices, c.Direction} }
	more := func(w *linear.Whole) { *w = linear.NewWhole(new(big.Int).Add(w.Big(), big.NewInt(1))) }
	original, err := linear.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range vectors(&original) {
		if v == nil {
			continue
		}
		refuse("denominator", func(c *linear.Certificate) { more(&vectors(c)[k].Denominator) })
		step := 1 + len(v.Numerators)/3
		if len(data) > 1<<18 { // Reading the large ones again and again is most of the time.
			step = len(v.Numerators)
		}
		for at := 0; at < len(v.Numerators); at += step {
			refuse("numerator", func(c *linear.Certificate) { more(&vectors(c)[k].Numerators[at]) })
		}
	}
	other := linear.NewRatio(big.NewRat(7, 3))
	refuse("objective", func(c *linear.Certificate) { c.Objective = &other })
	refuse("bound", func(c *linear.Certificate) { c.Bound = &other })
	refuse("gap", func(c *linear.Certificate) { c.Gap = &other })
	refuse("status", func(c *linear.Certificate) { c.Status = linear.Unbounded })
	refuse("programme", func(c *linear.Certificate) { c.Programme[0]++ })
	refuse("seal", func(c *linear.Certificate) { c.Seal[0]++ })
}

// tamperTree changes one number of a tree at a time.
func tamperTree(t *testing.T, p linear.Programme, data []byte) {
	t.Helper()
	original, err := linear.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if original.Tree == nil {
		return
	}
	one := big.NewInt(1)
	more := func(w *linear.Whole) { *w = linear.NewWhole(new(big.Int).Add(w.Big(), one)) }
	changes := map[string]func(n *linear.Tree) bool{
		"cut dropped":   func(n *linear.Tree) bool { n.Cuts = n.Cuts[:max(0, len(n.Cuts)-1)]; return len(original.Tree.Cuts) > 0 },
		"node dropped":  func(n *linear.Tree) bool { n.Nodes = n.Nodes[:len(n.Nodes)-1]; return true },
		"node repeated": func(n *linear.Tree) bool { n.Nodes = append(n.Nodes, n.Nodes[0]); return true },
		"cut steps":     func(n *linear.Tree) bool { return len(n.Cuts) > 0 && func() bool { n.Cuts[0].Bits++; return true }() },
		"cut weight": func(n *linear.Tree) bool {
			return len(n.Cuts) > 0 && func() bool { more(&n.Cuts[0].Weights.Numerators[0]); return true }()
		},
		"first split": func(n *linear.Tree) bool {
			return n.Nodes[0].Split != nil && func() bool { more(&n.Nodes[0].Split.At); return true }()
		},
		"last leaf":      func(n *linear.Tree) bool { more(&n.Nodes[len(n.Nodes)-1].Leaf.Prices.Denominator); return true },
		"last leaf, ray": func(n *linear.Tree) bool { l := n.Nodes[len(n.Nodes)-1].Leaf; l.Ray = !l.Ray; return true },
	}
	for name, change := range changes {
		c, err := linear.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if change(c.Tree) && !errors.Is(linear.Check(p, c), linear.ErrInvalid) {
			t.Errorf("%s: accepted", name)
		}
	}
}

// smallest checks that a reduced conflict is one, and that every rule of it is needed.
func smallest(t *testing.T, p linear.Programme, c linear.Certificate) {
	t.Helper()
	reduced, proved, err := basis.Reduce(t.Context(), p, c, highstest.Engine(t))
	if err != nil || !proved {
		t.Fatalf("the conflict is not shown to be smallest: %v", err)
	}
	if err := linear.Check(p, reduced); err != nil {
		t.Fatal(err)
	}
	rules := reduced.Conflict(p)
	t.Logf("%d rows and %d bounds conflict", len(rules.Rows), rules.Size()-len(rules.Rows))
	for at := 0; at < len(rules.Rows); at += 1 + len(rules.Rows)/4 {
		part := linear.Programme{Columns: make([]linear.Column, len(p.Columns))}
		for _, j := range rules.Lowers {
			part.Columns[j].Lower = p.Columns[j].Lower
		}
		for _, j := range rules.Uppers {
			part.Columns[j].Upper = p.Columns[j].Upper
		}
		for _, i := range rules.Rows {
			if i != rules.Rows[at] {
				part.Rows = append(part.Rows, p.Rows[i])
			}
		}
		rest, err := basis.Solve(t.Context(), part, highstest.Engine(t))
		if err != nil || rest.Status != linear.Optimal {
			t.Errorf("without row %s: got %s, %v; want a point", p.Rows[rules.Rows[at]].Name, rest.Status, err)
		}
	}
}
