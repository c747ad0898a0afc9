package bargain

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"comity/exact"
)

// Programmes in the plane against all crossings of their borders, one of which is best.
func TestProgrammeAgainstCorners(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) exact.Rat { return exact.Int(rapid.Int64Range(-4, 4).Draw(t, name)) }
		p := programme{c: []exact.Rat{number("c0"), number("c1")}}
		for range rapid.IntRange(0, 4).Draw(t, "rows") {
			p.add([]exact.Rat{number("a0"), number("a1")}, number("b"))
		}
		// A box keeps it bounded.
		p.add([]exact.Rat{exact.Int(1), {}}, exact.Int(10))
		p.add([]exact.Rat{{}, exact.Int(1)}, exact.Int(10))
		lines := append([][]exact.Rat{{exact.Int(1), {}}, {{}, exact.Int(1)}}, p.a...)
		sides := append([]exact.Rat{{}, {}}, p.b...)
		var top exact.Rat
		found := false
		for i := range lines {
			for j := range i {
				det := lines[i][0].Mul(lines[j][1]).Sub(lines[i][1].Mul(lines[j][0]))
				x, err := sides[i].Mul(lines[j][1]).Sub(sides[j].Mul(lines[i][1])).Quo(det)
				if err != nil {
					continue
				}
				y, _ := lines[i][0].Mul(sides[j]).Sub(lines[j][0].Mul(sides[i])).Quo(det)
				if p.allows(x, y) {
					if v := dot(p.c, []exact.Rat{x, y}); !found || v.Cmp(top) > 0 {
						top, found = v, true
					}
				}
			}
		}
		o, err := p.solve()
		if !found {
			if !errors.Is(err, errInfeasible) {
				t.Fatalf("no corner, but %v, %v", o, err)
			}
			return
		}
		if err != nil || o.value.Cmp(top) != 0 {
			t.Fatalf("value %s, %v; best corner %s", o.value, err, top)
		}
	})
}

func (p *programme) allows(x, y exact.Rat) bool {
	if x.Sign() < 0 || y.Sign() < 0 {
		return false
	}
	for r, row := range p.a {
		if dot(row, []exact.Rat{x, y}).Cmp(p.b[r]) > 0 {
			return false
		}
	}
	return true
}

// The proof of an optimum fails if any of its numbers is changed.
func TestAlteredProofs(t *testing.T) {
	one := exact.Int(1)
	p := programme{c: []exact.Rat{exact.Int(3), exact.Int(2)}}
	p.add([]exact.Rat{one, one}, exact.Int(4))
	p.add([]exact.Rat{one, exact.Int(3)}, exact.Int(6))
	p.add([]exact.Rat{one, {}}, exact.Int(3))
	o, err := p.solve()
	if err != nil || o.value.String() != "11" {
		t.Fatal(o.value, err)
	}
	for name, alter := range map[string]func(*optimum){
		"value":  func(o *optimum) { o.value = o.value.Add(one) },
		"first":  func(o *optimum) { o.x[0] = o.x[0].Add(one) },
		"second": func(o *optimum) { o.x[1] = o.x[1].Sub(exact.Int(2)) },
		"price":  func(o *optimum) { o.prices[0] = o.prices[0].Sub(one) },
		"dear":   func(o *optimum) { o.prices[1] = o.prices[1].Add(one) },
	} {
		altered, _ := p.solve()
		alter(&altered)
		if p.check(altered) == nil {
			t.Errorf("%s: altered and accepted", name)
		}
	}
	if _, err := (&programme{c: []exact.Rat{one}}).solve(); !errors.Is(err, errUnbounded) {
		t.Errorf("without rows: %v", err)
	}
}

// Roots enclose what they are roots of, tightly.
func TestRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, MaxWeight).Draw(t, "n")
		x, _ := exact.Ratio(rapid.Int64Range(0, 1<<62).Draw(t, "num"), rapid.Int64Range(1, 1<<62).Draw(t, "den"))
		e := root(x, n)
		low, err := powers([]exact.Rat{e.Low}, []int{n})
		high, also := powers([]exact.Rat{e.High}, []int{n})
		if err != nil || also != nil {
			t.Fatal(err, also)
		}
		if low.Cmp(x) > 0 || high.Cmp(x) < 0 {
			t.Fatalf("root %d of %s in [%s, %s]", n, x, e.Low, e.High)
		}
		if e.High.Sub(e.Low).Mul(exact.Int(1<<62)).Cmp(e.High) > 0 {
			t.Fatalf("root %d of %s: [%s, %s] is wide", n, x, e.Low, e.High)
		}
		if o := e.outward(); o.Low.Cmp(e.Low) > 0 || o.High.Cmp(e.High) < 0 {
			t.Fatalf("[%s, %s] does not hold [%s, %s]", o.Low, o.High, e.Low, e.High)
		}
	})
}
