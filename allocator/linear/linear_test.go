package linear_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"comity/allocator/linear"
	"comity/canon"
	"comity/exact"
)

// example is: minimise x + 2y with x + y >= 3, 0 <= x <= 2, 0 <= y. Best is (2, 1), worth
// 4, proved by the price -2.
func example() linear.Programme {
	return linear.Programme{
		Name:    "example",
		Columns: []linear.Column{{Name: "x", Cost: exact.Int(1), Lower: number(0), Upper: number(2)}, {Name: "y", Cost: exact.Int(2), Lower: number(0)}},
		Rows:    []linear.Row{{Name: "need", Lower: number(3), Terms: []linear.Term{{Column: 0, Coeff: exact.Int(1)}, {Column: 1, Coeff: exact.Int(1)}}}},
	}
}

func number(n int64) *exact.Rat { x := exact.Int(n); return &x }

func vector(denominator int64, numerators ...int64) linear.Vector {
	all := make([]*big.Int, len(numerators))
	for k, n := range numerators {
		all[k] = big.NewInt(n)
	}
	return linear.NewVector(all, big.NewInt(denominator))
}

func optimal(t testing.TB) linear.Certificate {
	t.Helper()
	c, err := linear.StateOptimal(example(), vector(1, 2, 1), vector(1, -2))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// narrowed is infeasible: x + y >= 3 with y <= 1/2.
func narrowed() linear.Programme {
	p := example()
	half := exact.FromBig(big.NewRat(1, 2))
	p.Columns[1].Upper = &half
	return p
}

// endless is unbounded: y may grow and earns 2.
func endless() linear.Programme {
	p := example()
	p.Maximise = true
	return p
}

func TestEachStatusIsProved(t *testing.T) {
	c := optimal(t)
	if c.Objective.String() != "4" || c.Bound.String() != "4" || c.Gap.String() != "0" {
		t.Errorf("got %s, %s, %s; want 4, 4, 0", c.Objective, c.Bound, c.Gap)
	}
	none, err := linear.StateInfeasible(narrowed(), vector(1, -1))
	if err != nil {
		t.Fatal(err)
	}
	far, err := linear.StateUnbounded(endless(), vector(1, 2, 1), vector(1, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		p linear.Programme
		c linear.Certificate
	}{{example(), c}, {narrowed(), none}, {endless(), far}} {
		data, err := canon.Marshal(x.c)
		if err != nil {
			t.Fatal(err)
		}
		read, err := linear.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := linear.Check(x.p, read); err != nil {
			t.Errorf("%s: %v", x.c.Status, err)
		}
	}
}

func TestWrongVectorsProveNothing(t *testing.T) {
	whole := example()
	whole.Columns[1].Integer = true
	half := linear.Programme{Columns: whole.Columns, Rows: []linear.Row{}}
	for _, c := range []struct {
		name string
		want error
		give func() (linear.Certificate, error)
	}{
		{"column above its bound", linear.ErrPrimal, func() (linear.Certificate, error) {
			return linear.StateOptimal(example(), vector(1, 3, 1), vector(1, -2))
		}},
		{"column below its bound", linear.ErrPrimal, func() (linear.Certificate, error) {
			return linear.StateOptimal(example(), vector(1, 2, -1), vector(1, -2))
		}},
		{"row missed by a trifle", linear.ErrPrimal, func() (linear.Certificate, error) {
			return linear.StateOptimal(example(), vector(1e18, 2e18, 1e18-1), vector(1, -2))
		}},
		{"half a whole", linear.ErrPrimal, func() (linear.Certificate, error) { return linear.StateOptimal(half, vector(2, 1, 1), vector(1)) }},
		{"price of the wrong sign", linear.ErrDual, func() (linear.Certificate, error) {
			return linear.StateOptimal(example(), vector(1, 2, 1), vector(1, 2))
		}},
		{"price too high for a column without end", linear.ErrDual, func() (linear.Certificate, error) {
			return linear.StateOptimal(example(), vector(1, 2, 1), vector(1, -3))
		}},
		{"too few entries", linear.ErrShape, func() (linear.Certificate, error) { return linear.StateOptimal(example(), vector(1, 2), vector(1, -2)) }},
		{"prices missing", linear.ErrShape, func() (linear.Certificate, error) { return linear.StateOptimal(example(), vector(1, 2, 1), vector(1)) }},
		{"no denominator", linear.ErrShape, func() (linear.Certificate, error) {
			return linear.StateOptimal(example(), linear.Vector{Numerators: vector(1, 2, 1).Numerators}, vector(1, -2))
		}},
		{"prices that bound zero", linear.ErrRay, func() (linear.Certificate, error) { return linear.StateInfeasible(narrowed(), vector(1, 0)) }},
		{"a feasible programme", linear.ErrDual, func() (linear.Certificate, error) { return linear.StateInfeasible(example(), vector(1, -1)) }},
		{"a direction that earns nothing", linear.ErrRay, func() (linear.Certificate, error) {
			return linear.StateUnbounded(endless(), vector(1, 2, 1), vector(1, 0, 0))
		}},
		{"a direction into a bound", linear.ErrRay, func() (linear.Certificate, error) {
			return linear.StateUnbounded(endless(), vector(1, 2, 1), vector(1, 1, 1))
		}},
		{"a direction from nowhere", linear.ErrPrimal, func() (linear.Certificate, error) {
			return linear.StateUnbounded(endless(), vector(1, 0, 1), vector(1, 0, 1))
		}},
		{"a direction from a point that is not whole", linear.ErrPrimal, func() (linear.Certificate, error) {
			p := endless()
			p.Columns[1].Integer = true
			return linear.StateUnbounded(p, vector(2, 4, 3), vector(1, 0, 1))
		}},
	} {
		if _, err := c.give(); !errors.Is(err, c.want) || !errors.Is(err, linear.ErrInvalid) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestWorsePricesWidenTheGap(t *testing.T) {
	c, err := linear.StateOptimal(example(), vector(2, 3, 3), vector(1, -1))
	if err != nil {
		t.Fatal(err)
	}
	// 3/2 + 3 against 1 times 3.
	if c.Objective.String() != "9/2" || c.Bound.String() != "3" || c.Gap.String() != "3/2" {
		t.Errorf("got %s, %s, %s; want 9/2, 3, 3/2", c.Objective, c.Bound, c.Gap)
	}
	if err := linear.Check(example(), c); err != nil {
		t.Error(err)
	}
}

func TestTheProgrammeIsSealed(t *testing.T) {
	c := optimal(t)
	for name, change := range map[string]func(p *linear.Programme){
		"name":        func(p *linear.Programme) { p.Name = "other" },
		"constant":    func(p *linear.Programme) { p.Constant = exact.Int(1) },
		"sense":       func(p *linear.Programme) { p.Maximise = true },
		"cost":        func(p *linear.Programme) { p.Columns[0].Cost = exact.Int(0) },
		"bound":       func(p *linear.Programme) { p.Columns[1].Upper = number(1000) },
		"wholeness":   func(p *linear.Programme) { p.Columns[0].Integer = true },
		"column name": func(p *linear.Programme) { p.Columns[0].Name = "z" },
		"row bound":   func(p *linear.Programme) { p.Rows[0].Lower = number(2) },
		"coefficient": func(p *linear.Programme) { p.Rows[0].Terms[0].Coeff = exact.Int(2) },
		"new row":     func(p *linear.Programme) { p.Rows = append(p.Rows, linear.Row{Name: "more", Upper: number(9)}) },
	} {
		p := example()
		change(&p)
		if err := linear.Check(p, c); !errors.Is(err, linear.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}

// TestEveryTamperingIsRefused changes every byte of a certificate, and every value of
// it while keeping the canonical form.
func TestEveryTamperingIsRefused(t *testing.T) {
	data, err := canon.Marshal(optimal(t))
	if err != nil {
		t.Fatal(err)
	}
	for at := range data {
		for _, to := range []byte{'0', '1', '-', data[at] ^ 1} {
			if to != data[at] {
				refuse(t, append(append(bytes.Clone(data[:at]), to), data[at+1:]...))
			}
		}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	for name := range fields {
		for _, value := range []string{`"7"`, `"-1/2"`, `"infeasible"`, `{"denominator":"1","numerators":["0","3"]}`, `{"denominator":"1","numerators":["-1"]}`} {
			if string(fields[name]) == value {
				continue
			}
			refuse(t, bytes.Replace(data, fields[name], []byte(value), 1))
		}
		refuse(t, []byte(strings.Replace(string(data), `"`+name+`":`+string(fields[name])+`,`, "", 1)+" "))
	}
}

func refuse(t *testing.T, data []byte) {
	t.Helper()
	c, err := linear.Parse(data)
	if err == nil {
		err = linear.Check(example(), c)
	}
	if !errors.Is(err, linear.ErrInvalid) {
		t.Errorf("%s: got %v, want ErrInvalid", data, err)
	}
}

func TestShape(t *testing.T) {
	for name, change := range map[string]func(p *linear.Programme){
		"column bounds cross": func(p *linear.Programme) { p.Columns[0].Lower = number(3) },
		"row bounds cross":    func(p *linear.Programme) { p.Rows[0].Upper = number(2) },
		"term outside":        func(p *linear.Programme) { p.Rows[0].Terms[1].Column = 2 },
		"term twice":          func(p *linear.Programme) { p.Rows[0].Terms[1].Column = 0 },
		"term of zero":        func(p *linear.Programme) { p.Rows[0].Terms[1].Coeff = exact.Int(0) },
	} {
		p := example()
		change(&p)
		if err := linear.CheckShape(p); !errors.Is(err, linear.ErrShape) {
			t.Errorf("%s: got %v, want ErrShape", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := canon.Marshal(optimal(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, altered []byte) {
		c, err := linear.Parse(altered)
		if err != nil {
			return
		}
		// A valid proof with other vectors may be found; another seal of the same may not.
		again, err := canon.Marshal(c)
		if err != nil || !bytes.Equal(again, altered) {
			t.Fatalf("%q is written as %q, %v", altered, again, err)
		}
		if linear.Check(example(), c) == nil && c.Status == linear.Optimal && c.Gap.Sign() < 0 {
			t.Fatalf("a gap below zero is accepted: %s", altered)
		}
	})
}
