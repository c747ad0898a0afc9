package matpower_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity/adapter/matpower"
	"comity/allocator/network/dc"
	"comity/exact"
)

// whole is a file with one of everything.
const whole = `%% a case
function mpc = tiny % two buses
mpc.version = '2';
%{
block comment mpc.bus = [
%}
mpc.baseMVA = 1.E2;
mpc.areas = [ 1 4; ];
mpc.bus_name = { 'it''s'; "b]"; ... still a comment
	{3} };
mpc.if.map = [ 1 2+i; 'text' ];
mpc.bus = [ % id type Pd Qd Gs
	1	3	0	0	.5	0	1	1	0	230	1	1.1	0.9;
	2	1	-1.25e+1	0	0	0	1	1	0	230	1	Inf	-inf	7 8
];
mpc.gen = [
	1, 0, 0, NaN, 0, 1, 100, 1, 40, 1D-1
	2, 0, 0, 0, 0, 1, 100, 0, ...
	9, 0;
];
mpc.branch = [1 2 0 0.1 0 30 0 0 0 0 1; 2 1 .01 -.1 0 0 0 0 0 0 -1 -360 360];
mpc.gencost = [
	2 0 0 4 0 0.5 3 1;
	1 0 0 2 0 0 10 25;
	2 0 0 1 0;
	2 0 0 1 0;
];
mpc.dcline = [ 1 2 ]; mpc.f = @(x) x^2 + 1;
`

func number(text string) exact.Rat {
	x, err := exact.Parse(text)
	if err != nil {
		panic(err)
	}
	return x
}

func same() cmp.Option {
	return cmp.Comparer(func(a, b exact.Rat) bool { return a.Cmp(b) == 0 })
}

func TestRead(t *testing.T) {
	want := dc.Case{
		Name: "tiny", Base: number("100"),
		Buses: []dc.Bus{{ID: 1, Kind: dc.Reference, Shunt: number("0.5")}, {ID: 2, Kind: dc.Load, Demand: number("-12.5")}},
		Generators: []dc.Generator{
			{Bus: 1, InService: true, Min: number("0.1"), Max: number("40"), Cost: dc.Cost{Polynomial: [3]exact.Rat{number("1"), number("3"), number("0.5")}, Points: []dc.Point{}}},
			{Bus: 2, Max: number("9"), Cost: dc.Cost{Points: []dc.Point{{}, {Output: number("10"), Cost: number("25")}}}},
		},
		Branches: []dc.Branch{
			{From: 1, To: 2, InService: true, X: number("0.1"), Rate: number("30")},
			{From: 2, To: 1, R: number("0.01"), X: number("-0.1"), AngleMin: number("-360"), AngleMax: number("360")},
		},
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{whole, strings.ReplaceAll(whole, "\n", "\r\n"), zipped.String()} {
		got, err := matpower.Read("tiny.m", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, same()); diff != "" {
			t.Error(diff)
		}
		if err := got.Check(); err != nil {
			t.Error(err)
		}
	}
}

// TestAMillionBusesAreTooMany: no grid of this world has as many.
func TestAMillionBusesAreTooMany(t *testing.T) {
	text := "function mpc = f\nmpc.version = '2';\nmpc.bus = [\n" + strings.Repeat("1 1 0 0 0 0 1 1 0 1 1 1 1\n", 1_000_000)
	_, err := matpower.Read("f", strings.NewReader(text))
	if !errors.Is(err, matpower.ErrUnreadable) || !strings.Contains(err.Error(), "more than 200000 rows of mpc.bus; split the case") {
		t.Errorf("got %v, want too many rows", err)
	}
}

// TestErrorsPointAtTheByte breaks the file in one place at a time.
func TestErrorsPointAtTheByte(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"'2'", "'1'", "3:15: not version 2"},
		{"'2'", "'2", "3:15: the text is not closed"},
		{"function mpc", "function [baseMVA, bus]", "2:10: the function does not return mpc"},
		{"%}", "", "4:1: the comment that %{ opens is not closed"},
		{"1.E2", "1.E2 * 2", "7:20: unexpected character"},
		{"1.E2", "1e99999", "7:15: too many digits: \"1e99999\" has more than"},
		{"mpc.areas = [", "mpc.areas = (", "8:20: a bracket closes"},
		{"{3} };", "{3} ;", "29:1: the file ends inside a bracket {"},
		{"mpc.dcline", "mpc.bus", "28:1: mpc.bus is assigned twice"},
		{"mpc.dcline", "x = 1; %", "28:1: a statement other than"},
		{"mpc.dcline", "mpc = 1; %", "28:5: no field of mpc"},
		{"-1.25e+1", "1/2", "14:7: unexpected character"},
		{"-1.25e+1", "Inf", "14:6: \"Inf\" is not a finite number"},
		{"-1.25e+1", "1e5e5", "14:6: \"1e5e5\" is not a finite number"},
		{"	7 8", "	seven", "14:"},
		{"	1	3	0", "	1.5	3	0", "13:2: \"1.5\" is not a whole number"},
		{"	230	1	1.1	0.9", "", "13:2: a row of mpc.bus of 9 numbers"},
		{"	2 0 0 1 0;\n	2 0 0 1 0;", "	2 0 0 1 0;", "1:1: mpc.gencost has 3 rows for 2 generators"},
		{"2 0 0 4 0", "2 0 0 4 9", "23:10: a cost with g to the power of 3"},
		{"2 0 0 4 0", "2 0 0 9 0", "23:8: cost model 2 with 9"},
		{"1 0 0 2 0 0 10 25", "1 0 0 1 0 0 10 25", "24:8: cost model 1 with 1"},
		{"2 0 0 4 0", "3 0 0 4 0", "23:8: cost model 3"},
		{"mpc.branch = [1 2 0 0.1 0 30 0 0 0 0 1;", "mpc.branch = [1 2 0 0.1 0 30 0 0 0 0;", "21:15: a row of mpc.branch of 10 numbers"},
		{"mpc.baseMVA = 1.E2;", "", "29:1: the file ends without mpc.baseMVA"},
		{"mpc.bus = [ %", "mpc.bus = 3; %", "12:11: mpc.bus is not a matrix"},
		{"mpc.version", "\x00mpc.version", "3:1: unexpected character"},
	} {
		text := strings.Replace(whole, c.old, c.new, 1)
		if text == whole {
			t.Fatalf("%q is not in the file", c.old)
		}
		_, err := matpower.Read("tiny.m", strings.NewReader(text))
		if !errors.Is(err, matpower.ErrUnreadable) || !strings.HasPrefix(err.Error(), "tiny.m:"+c.want) {
			t.Errorf("%q for %q: got %v, want %s", c.new, c.old, err, c.want)
		}
	}
}

func TestDamagedGzip(t *testing.T) {
	for _, text := range []string{"\x1f\x8b", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00zzzz"} {
		if _, err := matpower.Read("x.gz", strings.NewReader(text)); !errors.Is(err, matpower.ErrUnreadable) {
			t.Errorf("%q: got %v, want ErrUnreadable", text, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(whole)
	f.Add("mpc.version = '2'; mpc.bus = [ 1 ... \n 2 ]; %{\n%}\n")
	f.Add("function mpc = a\nmpc.x.y = {'a', [1;2], (3)}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := matpower.Read("f", strings.NewReader(text))
		if err != nil && !errors.Is(err, matpower.ErrUnreadable) {
			t.Errorf("got %v, want ErrUnreadable", err)
		}
		if err == nil {
			if err := c.Check(); err != nil && !errors.Is(err, dc.ErrCase) {
				t.Errorf("got %v, want ErrCase", err)
			}
		}
	})
}
