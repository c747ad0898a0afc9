package basis_test

import (
	"context"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"comity/adapter/highs/highstest"
	"comity/allocator/basis"
	"comity/allocator/linear"
	"comity/allocator/solve"
	"comity/exact"
)

func TestWholeNumbers(t *testing.T) {
	const from, to = " M 'MARKER' 'INTORG'\n", " M 'MARKER' 'INTEND'\n"
	for _, c := range []struct {
		name, file string
		status     linear.Status
		objective  string
	}{
		{"one split", "OBJSENSE MAX\nROWS\n N z\n L r\nCOLUMNS\n" + from + " x z 2 r 2\n" + to + " y z 1 r 4\nRHS\n R r 5\nBOUNDS\n UP B x 9\nENDATA\n", linear.Optimal, "17/4"},
		{"no bounds", "ROWS\n N z\n G r\nCOLUMNS\n" + from + " x z 3 r 2\n y z 2 r 1\n" + to + "RHS\n R r 7\nBOUNDS\n PL B x\n PL B y\nENDATA\n", linear.Optimal, "11"},
		{"an equation without whole points", "ROWS\n N z\n E r\nCOLUMNS\n" + from + " x z 2 r 2\n" + to + "RHS\n R r 5\nBOUNDS\n UP B x 9\nENDATA\n", linear.Infeasible, ""},
		{"a strip without whole points", "ROWS\n N z\n G r\n L s\nCOLUMNS\n" + from + " x z 1 r 3\n x s 3\n y r -3 s -3\n" + to + "RHS\n R r 1 s 2\nBOUNDS\n UP B x 50\n UP B y 50\nENDATA\n", linear.Infeasible, ""},
		{"infeasible without wholeness", "ROWS\n N z\n G r\n L s\nCOLUMNS\n" + from + " x z -1 r 1\n x s 1\n" + to + "RHS\n R r 2 s 1\nBOUNDS\n PL B x\nENDATA\n", linear.Infeasible, ""},
		{"no end", "ROWS\n N z\n L r\nCOLUMNS\n" + from + " x z -1 r 3\n y r -2\n" + to + "RHS\n R r 1\nBOUNDS\n PL B x\n PL B y\nENDATA\n", linear.Unbounded, ""},
		{"no end, no whole point", "ROWS\n N z\n E r\nCOLUMNS\n" + from + " x r 2\n" + to + " y z -1\nRHS\n R r 1\nBOUNDS\n UP B x 5\nENDATA\n", linear.Infeasible, ""},
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
			if got.Status != c.status || got.Objective != nil && (got.Objective.String() != c.objective || got.Gap.Sign() != 0) {
				t.Errorf("got %s, objective %s, gap %s; want %s, %s, 0", got.Status, got.Objective, got.Gap, c.status, c.objective)
			}
		})
	}
}

// drawWhole returns a programme of up to five whole columns from 0 to 4 and one that may
// be anything from 0 to 10.
func drawWhole(t *rapid.T) linear.Programme {
	small := rapid.Int64Range(-5, 5)
	p := linear.Programme{Maximise: rapid.Bool().Draw(t, "maximise"), Rows: []linear.Row{}}
	for range rapid.IntRange(1, 5).Draw(t, "columns") {
		low := rapid.Int64Range(-1, 1).Draw(t, "low")
		lower, upper := exact.Int(low), exact.Int(low+rapid.Int64Range(0, 3).Draw(t, "width"))
		p.Columns = append(p.Columns, linear.Column{Cost: exact.Int(small.Draw(t, "cost")), Lower: &lower, Upper: &upper, Integer: true})
	}
	for range rapid.IntRange(0, 4).Draw(t, "rows") {
		r := linear.Row{Terms: []linear.Term{}}
		for j := range p.Columns {
			if v := small.Draw(t, "coeff"); v != 0 {
				r.Terms = append(r.Terms, linear.Term{Column: j, Coeff: exact.FromBig(big.NewRat(v, rapid.Int64Range(1, 3).Draw(t, "over")))})
			}
		}
		low := small.Draw(t, "row")
		lower, upper := exact.Int(low), exact.Int(low+rapid.Int64Range(0, 6).Draw(t, "range"))
		if kind := rapid.IntRange(0, 2).Draw(t, "kind"); kind != 0 {
			r.Lower = &lower
		}
		if r.Lower == nil || rapid.Bool().Draw(t, "both") {
			r.Upper = &upper
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}

// best goes through all whole points; nil if none is feasible.
func best(p linear.Programme) *big.Rat {
	var found *big.Rat
	at := make([]*big.Int, len(p.Columns))
	var visit func(j int)
	visit = func(j int) {
		if j == len(at) {
			objective, err := linear.Objective(p, linear.NewVector(at, big.NewInt(1)))
			if err == nil && (found == nil || p.Maximise == (objective.Cmp(found) > 0)) {
				found = objective
			}
			return
		}
		for v := p.Columns[j].Lower.Floor(); v.Cmp(p.Columns[j].Upper.Floor()) <= 0; v = new(big.Int).Add(v, big.NewInt(1)) {
			at[j] = v
			visit(j + 1)
		}
	}
	visit(0)
	return found
}

// TestRandomWholeProgrammes compares with going through all points.
func TestRandomWholeProgrammes(t *testing.T) {
	e := highstest.Engine(t)
	rapid.Check(t, func(t *rapid.T) {
		p := drawWhole(t)
		want := best(p)
		got, err := basis.Solve(context.Background(), p, e)
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		if err := linear.Check(p, got); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			if got.Status != linear.Infeasible {
				t.Fatalf("got %s, want infeasible", got.Status)
			}
			return
		}
		if got.Status != linear.Optimal || got.Objective.Big().Cmp(want) != 0 {
			t.Fatalf("got %s, %s; want %s", got.Status, got.Objective, want)
		}
		if near := new(big.Rat).Mul(new(big.Rat).Abs(want), big.NewRat(1, 1000)); got.Gap.Big().Cmp(near) > 0 && got.Gap.Big().Cmp(big.NewRat(1, 1000)) > 0 {
			t.Fatalf("gap %s of %s", got.Gap, want)
		}
	})
}

// crooked is an engine that alters some of the answers of another one.
type crooked struct {
	honest basis.Engine
	draw   func(n int) int // At least 0, below n.
}

func (c crooked) Vertex(ctx context.Context, lp solve.LP, whole []bool) (basis.Vertex, error) {
	v, err := c.honest.Vertex(ctx, lp, whole)
	switch c.draw(8) {
	case 0:
		return basis.Vertex{}, err
	case 1:
		c.bend(v.Primal)
	case 2:
		if len(v.Columns) > 0 {
			v.Columns[c.draw(len(v.Columns))] = basis.State(c.draw(4))
		}
	}
	return v, err
}

func (c crooked) Session(ctx context.Context, lp solve.LP, from *basis.Vertex, work func(basis.Session) error) error {
	return c.honest.Session(ctx, lp, from, func(s basis.Session) error { return work(crookedSession{s, c}) })
}

// bend changes one number of a list.
func (c crooked) bend(values []float64) {
	if len(values) > 0 {
		values[c.draw(len(values))] += float64(c.draw(9)-4) / 2
	}
}

type crookedSession struct {
	basis.Session
	crooked crooked
}

func (c crookedSession) Solve(ctx context.Context, lower, upper []float64) (basis.Relaxation, error) {
	r, err := c.Session.Solve(ctx, lower, upper)
	switch c.crooked.draw(6) {
	case 0:
		r.Optimal = !r.Optimal
	case 1:
		c.crooked.bend(r.Primal)
	case 2:
		c.crooked.bend(r.Prices)
	case 3:
		r.Prices = nil
	}
	return r, err
}

func (c crookedSession) Inverse(ctx context.Context, columns []int) ([][]float64, error) {
	all, err := c.Session.Inverse(ctx, columns)
	for _, weights := range all {
		if c.crooked.draw(3) == 0 {
			c.crooked.bend(weights)
		}
	}
	return all, err
}

// TestASolverThatLiesNeverLeadsToAWrongClaim lets a solver lie about programmes whose
// answer is known: what is certified must be true, and worse than the best if at all.
func TestASolverThatLiesNeverLeadsToAWrongClaim(t *testing.T) {
	e := highstest.Engine(t)
	rapid.Check(t, func(t *rapid.T) {
		p := drawWhole(t)
		want := best(p)
		lies := crooked{e, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "lie") }}
		got, err := basis.Solve(context.Background(), p, lies)
		if err != nil {
			return // Nothing is claimed.
		}
		if err := linear.Check(p, got); err != nil {
			t.Fatal(err)
		}
		switch {
		case got.Status == linear.Infeasible && want == nil:
		case got.Status == linear.Optimal && want != nil:
			low, high := got.Bound.Big(), got.Objective.Big()
			if p.Maximise {
				low, high = high, low
			}
			if want.Cmp(low) < 0 || want.Cmp(high) > 0 {
				t.Fatalf("the best is %s, certified are %s and %s", want, got.Objective, got.Bound)
			}
		default:
			t.Fatalf("got %s, the best is %v", got.Status, want)
		}
	})
}

// nonsense answers with what is no number.
type nonsense struct{ basis.Engine }

func (n nonsense) Vertex(ctx context.Context, lp solve.LP, whole []bool) (basis.Vertex, error) {
	v, err := n.Engine.Vertex(ctx, lp, whole)
	for j := range v.Primal {
		v.Primal[j] = math.NaN()
	}
	return v, err
}

func (n nonsense) Session(ctx context.Context, lp solve.LP, from *basis.Vertex, work func(basis.Session) error) error {
	return n.Engine.Session(ctx, lp, from, func(s basis.Session) error { return work(nonsenseSession{s}) })
}

type nonsenseSession struct{ basis.Session }

func (n nonsenseSession) Solve(ctx context.Context, lower, upper []float64) (basis.Relaxation, error) {
	r, err := n.Session.Solve(ctx, lower, upper)
	for _, list := range [][]float64{r.Primal, r.Prices} {
		for k := range list {
			list[k] = []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[k%3]
		}
	}
	return r, err
}

func TestWhatIsNoNumberProvesNothing(t *testing.T) {
	p := read(t, "ROWS\n N z\n G r\nCOLUMNS\n M 'MARKER' 'INTORG'\n x z 3 r 2\n y z 2 r 1\n M 'MARKER' 'INTEND'\nRHS\n R r 7\nBOUNDS\n UP B x 9\n UP B y 9\nENDATA\n")
	if got, err := basis.Solve(t.Context(), p, nonsense{highstest.Engine(t)}); !errors.Is(err, basis.ErrNoProof) {
		t.Errorf("got %s, %v; want ErrNoProof", got.Status, err)
	}
}
