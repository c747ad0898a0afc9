package market_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/adapter/highs/highstest"
	"comity/allocator/linear"
	"comity/allocator/market"
	"comity/canon"
	"comity/exact"
	"comity/quantity"
)

func order(id, zone string, side market.Side, units, price quantity.Amount) market.Order {
	return market.Order{ID: id, Zone: zone, Side: side, Units: units, Price: price}
}

// said writes a clearing in one line.
func said(c market.Clearing) string {
	text := ""
	for _, f := range c.Fills {
		text += fmt.Sprintf("%s:%s ", f.Order, f.Units)
	}
	for _, l := range c.Transfers {
		text += fmt.Sprintf("%s:%s ", l.Line, l.Units)
	}
	for _, p := range c.Prices {
		text += p.Zone + "="
		if p.Price == nil {
			text += "none "
			continue
		}
		text += fmt.Sprintf("%s in %s..%s ", p.Price, p.Low, p.High)
	}
	return text + "worth " + c.Welfare.String()
}

func TestRules(t *testing.T) {
	const a = "a"
	for _, c := range []struct {
		name   string
		orders []market.Order
		want   string
	}{
		{"gain shared", []market.Order{order("b", a, market.Buy, 5, 10), order("s", a, market.Sell, 5, 3)}, "b:5 s:5 a=13/2 in 3..10 worth 35"},
		{"rejected bid limits", []market.Order{order("b", a, market.Buy, 5, 10), order("c", a, market.Buy, 5, 6), order("s", a, market.Sell, 5, 3)}, "b:5 c:0 s:5 a=8 in 6..10 worth 35"},
		{"partly filled sets", []market.Order{order("b", a, market.Buy, 5, 10), order("s", a, market.Sell, 9, 3)}, "b:5 s:5 a=3 in 3..3 worth 35"},
		{"equal prices trade", []market.Order{order("b", a, market.Buy, 5, 4), order("s", a, market.Sell, 2, 4)}, "b:2 s:2 a=4 in 4..4 worth 0"},
		{"pro rata by Webster", []market.Order{order("b", a, market.Buy, 5, 9), order("s", a, market.Sell, 6, 4), order("u", a, market.Sell, 3, 4)}, "b:5 s:3 u:2 a=4 in 4..4 worth 25"},
		{"larger first where quotients tie", []market.Order{order("b", a, market.Buy, 2, 9), order("s", a, market.Sell, 1, 4), order("u", a, market.Sell, 3, 4)}, "b:2 s:0 u:2 a=4 in 4..4 worth 10"},
		{"no trade", []market.Order{order("b", a, market.Buy, 2, 3), order("s", a, market.Sell, 1, 8)}, "b:0 s:0 a=11/2 in 3..8 worth 0"},
		{"one side", []market.Order{order("b", a, market.Buy, 2, 3)}, "b:0 a=none worth 0"},
		{"below zero", []market.Order{order("b", a, market.Buy, 2, -3), order("s", a, market.Sell, 3, -7)}, "b:2 s:2 a=-7 in -7..-7 worth 8"},
		{"nothing", nil, "worth 0"},
	} {
		got, err := market.Clear(c.orders, canon.Digest{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if said(got) != c.want {
			t.Errorf("%s: got %s, want %s", c.name, said(got), c.want)
		}
	}
}

func TestOnlyIdenticalOrdersAreDrawn(t *testing.T) {
	orders := []market.Order{order("b", "a", market.Buy, 1, 9), order("s", "a", market.Sell, 1, 4), order("u", "a", market.Sell, 1, 4)}
	seen := map[string]bool{}
	for k := range byte(40) {
		got, err := market.Clear(orders, canon.Digest{k})
		if err != nil {
			t.Fatal(err)
		}
		seen[said(got)] = true
	}
	if len(seen) != 2 {
		t.Errorf("got %v, want each of the two offers drawn sometimes", seen)
	}
}

func TestCoupledZones(t *testing.T) {
	orders := []market.Order{
		order("n1", "north", market.Sell, 10, 20), order("n2", "north", market.Buy, 3, 50),
		order("s1", "south", market.Sell, 10, 60), order("s2", "south", market.Buy, 8, 90),
	}
	for _, c := range []struct {
		capacity quantity.Amount
		want     string
	}{
		{0, "n1:3 n2:3 s1:8 s2:8 l:0 north=20 in 20..20 south=60 in 60..60 worth 330"},
		{4, "n1:7 n2:3 s1:4 s2:8 l:4 north=20 in 20..20 south=60 in 60..60 worth 490"},
		{7, "n1:10 n2:3 s1:1 s2:8 l:7 north=35 in 20..50 south=60 in 60..60 worth 610"},
		{9, "n1:10 n2:3 s1:1 s2:8 l:7 north=60 in 60..60 south=60 in 60..60 worth 610"},
	} {
		if c.capacity == 9 { // North's bid is out of the money at south's price.
			c.want = "n1:10 n2:2 s1:0 s2:8 l:8 north=50 in 50..50 south=50 in 50..50 worth 620"
		}
		got, err := market.Couple(t.Context(), orders, []market.Line{{ID: "l", From: "north", To: "south", Capacity: c.capacity}}, canon.Digest{}, highstest.Engine(t))
		if err != nil {
			t.Fatal(err)
		}
		if said(got) != c.want {
			t.Errorf("capacity %s: got %s, want %s", c.capacity, said(got), c.want)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	good := order("b", "a", market.Buy, 1, 1)
	change := func(f func(o *market.Order)) []market.Order { o := good; f(&o); return []market.Order{o} }
	for name, orders := range map[string][]market.Order{
		"no id":      change(func(o *market.Order) { o.ID = "" }),
		"no zone":    change(func(o *market.Order) { o.Zone = "" }),
		"no side":    change(func(o *market.Order) { o.Side = "both" }),
		"no units":   change(func(o *market.Order) { o.Units = 0 }),
		"many units": change(func(o *market.Order) { o.Units = 1<<40 + 1 }),
		"price":      change(func(o *market.Order) { o.Price = -1<<40 - 1 }),
		"twice":      {good, good},
	} {
		if _, err := market.Clear(orders, canon.Digest{}); !errors.Is(err, market.ErrOrder) {
			t.Errorf("%s: got %v, want ErrOrder", name, err)
		}
	}
	if _, err := market.Clear([]market.Order{good, order("c", "z", market.Buy, 1, 1)}, canon.Digest{}); !errors.Is(err, market.ErrZones) {
		t.Errorf("two zones: got %v, want ErrZones", err)
	}
	line := market.Line{ID: "l", From: "a", To: "b", Capacity: 1}
	for name, lines := range map[string][]market.Line{
		"no id":    {{From: "a", To: "b"}},
		"circle":   {{ID: "l", From: "a", To: "a"}},
		"capacity": {{ID: "l", From: "a", To: "b", Capacity: -1}},
		"twice":    {line, line},
	} {
		if _, err := market.Couple(t.Context(), []market.Order{good}, lines, canon.Digest{}, highstest.Engine(t)); !errors.Is(err, market.ErrLine) {
			t.Errorf("%s: got %v, want ErrLine", name, err)
		}
	}
}

func drawOrders(t *rapid.T, zones []string) []market.Order {
	var orders []market.Order
	for k := range rapid.IntRange(0, 12).Draw(t, "orders") {
		orders = append(orders, order(fmt.Sprintf("o%02d", k), rapid.SampledFrom(zones).Draw(t, "zone"),
			rapid.SampledFrom([]market.Side{market.Buy, market.Sell}).Draw(t, "side"),
			quantity.Amount(rapid.Int64Range(1, 9).Draw(t, "units")), quantity.Amount(rapid.Int64Range(-2, 5).Draw(t, "price"))))
	}
	return orders
}

// check holds the laws of a clearing against its orders.
func check(t *rapid.T, orders []market.Order, lines []market.Line, c market.Clearing) {
	if err := linear.Check(c.Programme, c.Certificate); err != nil {
		t.Fatal(err)
	}
	price, left := map[string]*exact.Rat{}, map[string]quantity.Amount{}
	for _, p := range c.Prices {
		price[p.Zone] = p.Price
	}
	for k, f := range c.Fills { // Orders are drawn by ascending id.
		o := orders[k]
		gain, sign := 0, quantity.Amount(1)
		if p := price[o.Zone]; p != nil {
			gain = exact.Int(int64(o.Price)).Cmp(*p)
		} else if f.Units > 0 {
			t.Fatalf("%s trades without a price", o.ID)
		}
		if o.Side == market.Sell {
			gain, sign = -gain, -1
		}
		left[o.Zone] -= sign * f.Units
		switch {
		case f.Units < 0 || f.Units > o.Units:
			t.Fatalf("%s gets %s of %s", o.ID, f.Units, o.Units)
		case gain < 0 && f.Units > 0:
			t.Fatalf("%s is out of the money and executed", o.ID)
		case gain > 0 && f.Units < o.Units:
			t.Fatalf("%s is in the money and gets %s of %s", o.ID, f.Units, o.Units)
		}
		// Among orders of one step nobody gets less for more units.
		for j, other := range orders[:k] {
			if other.Zone == o.Zone && other.Side == o.Side && other.Price == o.Price &&
				(other.Units > o.Units && c.Fills[j].Units < f.Units || other.Units < o.Units && c.Fills[j].Units > f.Units) {
				t.Fatalf("%s and %s are at the same step and get %s and %s", other.ID, o.ID, c.Fills[j].Units, f.Units)
			}
		}
	}
	for k, l := range lines {
		moved := c.Transfers[k].Units
		if moved < 0 || moved > l.Capacity {
			t.Fatalf("%s carries %s of %s", l.ID, moved, l.Capacity)
		}
		left[l.From] -= moved
		left[l.To] += moved
		if from, to := price[l.From], price[l.To]; moved > 0 && (from == nil || to == nil || from.Cmp(*to) > 0) {
			t.Fatalf("%s runs from %v to %v", l.ID, from, to)
		}
	}
	for zone, units := range left {
		if units != 0 {
			t.Fatalf("zone %s misses %s units", zone, units)
		}
	}
}

func TestLawsOfOneZone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		orders := drawOrders(t, []string{"a"})
		c, err := market.Clear(orders, canon.Digest{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, orders, nil, c)
		reversed := slices.Clone(orders)
		slices.Reverse(reversed)
		again, err := market.Clear(reversed, canon.Digest{})
		if err != nil || said(again) != said(c) || again.Certificate.Seal != c.Certificate.Seal {
			t.Fatalf("reversed: %s, %v; want %s", said(again), err, said(c))
		}
	})
}

// TestLawsOfCoupledZones also compares with the twin: without lines each zone clears as
// it does alone, and with lines too wide to matter as one zone.
func TestLawsOfCoupledZones(t *testing.T) {
	zones := []string{"a", "b", "c"}
	rapid.Check(t, func(r *rapid.T) {
		orders := drawOrders(r, zones)
		var lines []market.Line
		for k := range rapid.IntRange(0, 5).Draw(r, "lines") {
			ends := rapid.Permutation(zones).Draw(r, "ends")
			lines = append(lines, market.Line{ID: fmt.Sprint("l", k), From: ends[0], To: ends[1], Capacity: quantity.Amount(rapid.Int64Range(0, 8).Draw(r, "capacity"))})
		}
		couple := func(orders []market.Order, lines []market.Line) market.Clearing {
			c, err := market.Couple(context.Background(), orders, lines, canon.Digest{7}, highstest.Engine(t))
			if err != nil {
				r.Fatal(err)
			}
			return c
		}
		c := couple(orders, lines)
		check(r, orders, lines, c)
		if rapid.IntRange(0, 3).Draw(r, "then stop") > 0 {
			return // The comparisons below solve a dozen programmes.
		}
		reversed, backwards := slices.Clone(orders), slices.Clone(lines)
		slices.Reverse(reversed)
		slices.Reverse(backwards)
		if again := couple(reversed, backwards); said(again) != said(c) {
			r.Fatalf("reversed: %s, want %s", said(again), said(c))
		}
		twins(r, orders, couple)
	})
}

func twins(r *rapid.T, orders []market.Order, couple func([]market.Order, []market.Line) market.Clearing) {
	apart, welfare := couple(orders, nil), exact.Rat{}
	fills := map[string]quantity.Amount{}
	for _, zone := range []string{"a", "b", "c"} {
		alone, err := market.Clear(slices.DeleteFunc(slices.Clone(orders), func(o market.Order) bool { return o.Zone != zone }), canon.Digest{7})
		if err != nil {
			r.Fatal(err)
		}
		welfare = welfare.Add(alone.Welfare)
		for _, f := range alone.Fills {
			fills[f.Order] = f.Units
		}
	}
	for _, f := range apart.Fills {
		if fills[f.Order] != f.Units {
			r.Fatalf("%s gets %s alone and %s uncoupled", f.Order, fills[f.Order], f.Units)
		}
	}
	var wide []market.Line
	for k, ends := range [][2]string{{"a", "b"}, {"b", "c"}, {"c", "a"}} {
		wide = append(wide, market.Line{ID: fmt.Sprint("w", k), From: ends[0], To: ends[1], Capacity: 1000})
	}
	one := slices.Clone(orders)
	for k := range one {
		one[k].Zone = "one"
	}
	merged, err := market.Clear(one, canon.Digest{7})
	if err != nil {
		r.Fatal(err)
	}
	if joined := couple(orders, wide); joined.Welfare.Cmp(merged.Welfare) != 0 || bought(orders, joined) != bought(orders, merged) {
		r.Fatalf("with wide lines %s, as one zone %s", said(joined), said(merged))
	}
	if merged.Welfare.Cmp(welfare) < 0 {
		r.Fatalf("one zone is worth %s, apart they are worth %s", merged.Welfare, welfare)
	}
}

func bought(orders []market.Order, c market.Clearing) (units quantity.Amount) {
	for k, f := range c.Fills {
		if orders[k].Side == market.Buy {
			units += f.Units
		}
	}
	return units
}
