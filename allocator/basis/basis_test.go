package basis_test

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity/adapter/highs/highstest"
	"comity/adapter/mps"
	"comity/allocator/basis"
	"comity/allocator/linear"
	"comity/allocator/solve"
	"comity/exact"
)

func read(t testing.TB, lines string) linear.Programme {
	t.Helper()
	p, err := mps.Read("test.mps", strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		name, file string
		status     linear.Status
		objective  string
	}{
		{"least", "NAME\nROWS\n N z\n G r\nCOLUMNS\n x z 1 r 1\n y z 2 r 1\nRHS\n R r 3 z -.5\nBOUNDS\n UP B x 2\nENDATA\n", linear.Optimal, "9/2"},
		{"most", "OBJSENSE MAX\nROWS\n N z\n L r\nCOLUMNS\n x z 1 r 3\nRHS\n R r 1\nENDATA\n", linear.Optimal, "1/3"},
		{"free columns", "ROWS\n N z\n E a\n G b\nCOLUMNS\n x z 1 a 1\n x b 1\n y z 1 a -1\n y b 1\nRHS\n R a 1 b -7\nBOUNDS\n FR B x\n FR B y\nENDATA\n", linear.Optimal, "-7"},
		{"no rows", "ROWS\n N z\nCOLUMNS\n x z -1\nBOUNDS\n UP B x 4\nENDATA\n", linear.Optimal, "-4"},
		{"no end", "ROWS\n N z\n L r\nCOLUMNS\n x z -1 r 1\n y z 0 r -1\nRHS\n R r 1\nENDATA\n", linear.Unbounded, ""},
		{"no rows, no end", "ROWS\n N z\nCOLUMNS\n x z -1\nENDATA\n", linear.Unbounded, ""},
		{"nothing", "ROWS\n N z\n G r\n L s\nCOLUMNS\n x z -1 r 1\n x s 1\nRHS\n R r 2 s 1\nENDATA\n", linear.Infeasible, ""},
		{"nothing, no end", "ROWS\n N z\n G r\n L s\nCOLUMNS\n x z 0 r 1\n x s 1\n y z -1\nRHS\n R r 2 s 1\nENDATA\n", linear.Infeasible, ""},
		{"an empty row", "ROWS\n N z\n G r\nCOLUMNS\n x z 1\nRHS\n R r 2\nENDATA\n", linear.Infeasible, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := read(t, c.file)
			got, err := basis.Solve(t.Context(), p, highstest.Engine(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := linear.Check(p, got); err != nil {
				t.Error(err)
			}
			if got.Status != c.status || got.Objective != nil && got.Objective.String() != c.objective {
				t.Errorf("got %s, objective %s; want %s, %s", got.Status, got.Objective, c.status, c.objective)
			}
		})
	}
}

// TestDifferencesThatNoDoubleShows solves programmes whose optimum a solver in floating
// point cannot tell from others.
func TestDifferencesThatNoDoubleShows(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"costs", "OBJSENSE MAX\nROWS\n N z\n L r\nCOLUMNS\n x z 1 r 1\n y z 1.00000000000000000001 r 1\nRHS\n R r 1\nENDATA\n", "100000000000000000001/100000000000000000000"},
		{"right sides", "OBJSENSE MAX\nROWS\n N z\n L r\n L s\nCOLUMNS\n x z 1 r 1\n x s 1\nRHS\n R r 1 s .99999999999999999999\nENDATA\n", "99999999999999999999/100000000000000000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := basis.Solve(t.Context(), read(t, c.file), highstest.Engine(t))
			if err != nil || got.Objective.String() != c.want || got.Gap.Sign() != 0 {
				t.Errorf("got %v, %v; want %s", got.Objective, err, c.want)
			}
		})
	}
}

// TestRandomProgrammesAreSettled compares nothing: linear.Check is the judge.
func TestRandomProgrammesAreSettled(t *testing.T) {
	e := highstest.Engine(t)
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgramme(t)
		c, err := basis.Solve(context.Background(), p, e)
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		if err := linear.Check(p, c); err != nil {
			t.Fatal(err)
		}
		if c.Gap != nil && c.Gap.Sign() != 0 {
			t.Fatalf("gap %s", c.Gap)
		}
	})
}

func drawProgramme(t *rapid.T) linear.Programme {
	small := rapid.Int64Range(-4, 4)
	bounds := func(name string) (lower, upper *exact.Rat) {
		kind, low, width := rapid.IntRange(0, 4).Draw(t, name), small.Draw(t, "low"), rapid.Int64Range(0, 5).Draw(t, "width")
		a, b := exact.Int(low), exact.Int(low+width)
		switch kind {
		case 0:
			return &a, nil
		case 1:
			return nil, &b
		case 2:
			return nil, nil
		default:
			return &a, &b
		}
	}
	p := linear.Programme{Maximise: rapid.Bool().Draw(t, "maximise"), Rows: []linear.Row{}}
	for range rapid.IntRange(1, 6).Draw(t, "columns") {
		c := linear.Column{Cost: exact.Int(small.Draw(t, "cost"))}
		c.Lower, c.Upper = bounds("column")
		p.Columns = append(p.Columns, c)
	}
	for range rapid.IntRange(0, 6).Draw(t, "rows") {
		r := linear.Row{Terms: []linear.Term{}}
		r.Lower, r.Upper = bounds("row")
		for j := range p.Columns {
			if v := small.Draw(t, "coeff"); v != 0 {
				r.Terms = append(r.Terms, linear.Term{Column: j, Coeff: exact.FromBig(big.NewRat(v, rapid.Int64Range(1, 7).Draw(t, "over")))})
			}
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}

// liar answers every programme with the same vertex.
type liar basis.Vertex

func (l liar) Vertex(context.Context, solve.LP, []bool) (basis.Vertex, error) {
	return basis.Vertex(l), nil
}

func (l liar) Session(context.Context, solve.LP, *basis.Vertex, func(basis.Session) error) error {
	return errors.New("no session")
}

func TestASolverThatLiesProvesNothing(t *testing.T) {
	p := read(t, "ROWS\n N z\n G r\nCOLUMNS\n x z 1 r 1\n y z 2 r 1\nRHS\n R r 3\nBOUNDS\n UP B x 2\nENDATA\n")
	const low, basic, high, free = basis.AtLower, basis.Basic, basis.AtUpper, basis.Free
	for name, l := range map[string]liar{
		"nothing is optimal": {},
		"another vertex":     {Optimal: true, Columns: []basis.State{low, basic}, Rows: []basis.State{low}},
		"infeasible vertex":  {Optimal: true, Columns: []basis.State{low, low}, Rows: []basis.State{basic}},
		"too many basic":     {Optimal: true, Columns: []basis.State{basic, basic}, Rows: []basis.State{low}},
		"states missing":     {Optimal: true, Columns: []basis.State{basic}, Rows: []basis.State{low}},
		"free at no zero":    {Optimal: true, Columns: []basis.State{free, free}, Rows: []basis.State{basic}},
	} {
		if got, err := basis.Solve(t.Context(), p, l); !errors.Is(err, basis.ErrNoProof) {
			t.Errorf("%s: got %s, %v, want ErrNoProof", name, got.Status, err)
		}
	}
	honest := liar{Optimal: true, Columns: []basis.State{high, basic}, Rows: []basis.State{low}}
	if got, err := basis.Solve(t.Context(), p, honest); err != nil || got.Objective.String() != "4" {
		t.Errorf("the true vertex: got %s, %v, want 4", got.Objective, err)
	}
}

func TestLimits(t *testing.T) {
	if _, err := basis.Solve(t.Context(), linear.Programme{}, liar{}); !errors.Is(err, basis.ErrTooLarge) {
		t.Errorf("no columns: got %v, want ErrTooLarge", err)
	}
}
