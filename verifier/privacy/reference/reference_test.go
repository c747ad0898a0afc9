package reference

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity/conformance"
	"comity/place"
)

func TestConformancePrivacyAccounting(t *testing.T) {
	for _, name := range conformance.Glob(t, "privacy*/*.csv") {
		in, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := Read(name, in)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			t.Run(r.ID, func(t *testing.T) {
				if got := Check(r); !got.Pass {
					t.Errorf("%s of %s: computed %q, expected %s: %s", r.Quantity, r.Mechanism, got.Computed, got.Expected, got.Reason)
				}
			})
		}
	}
}

const header = "id,source,mechanism,scale,sensitivity,truncation_bound,sampling_prob,adjacency,compositions,orders,quantity,at_epsilon,at_delta,at_order,expected,abs_tol,rel_tol,source_ref\n"

func read(t *testing.T, text string) []Row {
	t.Helper()
	rows, err := Read("rows.csv", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Every mechanism with every quantity. Expected values: closed forms, and sums over all
// outcomes by hand.
func TestEveryCombination(t *testing.T) {
	for _, line := range []string{
		"g1,,gaussian,2,1,,,,4,,rdp,,,3,1.5,1e-9,,",
		"g2,,gaussian,1,1,,1,remove,1,,delta,1,,,0.12693673750664394,1e-9,,",
		"g3,,gaussian,1,1,,1,,1,,epsilon,,0.12693673750664394,,1,1e-6,,",
		"g4,x-rdp,gaussian,2,1,,,,1,2..64,epsilon,,1e-5,,2.165,0.05,,",
		"l1,,laplace,2,1,,1,add,2,,rdp,,,inf,1,1e-9,,",
		"l2,,laplace,1,1,,1,add,1,,delta,0,,,0.39346934,1e-7,,",
		"l3,,laplace,2,4,,0.8,add,1,,delta,0.5,,,0.3243606497234246,1e-9,,",
		"l4,,poisson_sampled_laplace,0.5,1,,0.2,add_or_remove_one,3,,epsilon,,1e-14,,2.46964,1e-5,,",
		"d1,,discrete_laplace,1,1,,1,add,1,,delta,0,,,0.46211715726000973,1e-9,,",
		"d2,,discrete_laplace,0.5,2,,1,remove,1,,epsilon,,0,,1,1e-6,,",
		"d3,,discrete_laplace,0.5,2,,1,remove,3,,rdp,,,inf,3,1e-9,,",
		"t1,,discrete_gaussian,2,1,6,1,remove,3,,delta,1,,,0.08597995657275576,1e-7,,",
		"t2,,discrete_gaussian,2,1,6,0.5,add,3,,delta,0.5,,,0.024463534348668874,1e-7,,",
		"t3,,discrete_gaussian,5,2,,1,,1,,rdp,,,3.14159,0.2513272,1e-9,,",
		"t4,,discrete_gaussian,10,3,5,1,add,1,,delta,1.0,,,0.263672394,1e-7,,",
		"t5,,poisson_sampled_discrete_gaussian,2.5,1,,0.01,,50,,rdp,,,5,2.18075656e-03,,1e-4,",
		"r1,,randomized_response,0.3,10,,1,remove,1,,rdp,,,1.5,1.5030552584146897,,1e-9,",
		"r2,,randomized_response,0.05,20,,1,replace_one,1,,rdp,,,inf,5.942799375126701,,1e-9,",
		"r3,,randomized_response,1,2,,1,replace_one,1,,epsilon,,0,,0,1e-9,,",
		"c1,,constant_rdp_1.1,,,,,,1,integers 2..32,delta,1.32783806176,,,1e-5,1e-12,,",
		"c2,,constant_rdp_0.5,,,,,,3,,rdp,,,7,1.5,1e-12,,",
		"z1,,zcdp_0.5,,,,,,2,,rdp,,,3,3,1e-12,,",
		"z2,,zcdp_0.5,,,,,,1,1.01..20 step 0.01,epsilon,,1e-5,,4.728386984943314,1e-4,,",
		"p1,,poisson_sampled_gaussian,1,1,,0.2,add,1,,delta,-0.3,,,0.27768558,1e-8,,",
		"p2,,poisson_sampled_gaussian,1,1,,0,remove,5,,epsilon,,1e-9,,0,0,,",
		"p3,,poisson_sampled_gaussian,2.5,1,,0.01,,1,,rdp,,,inf,inf,0,,",
	} {
		r := read(t, header+line+"\n")[0]
		if got := Check(r); !got.Pass {
			t.Errorf("%s: %+v", r.ID, got)
		}
	}
}

// A row that asks for what cannot be had fails, with a reason, and no other row does.
func TestRowsFailAlone(t *testing.T) {
	lines := map[string]string{
		"unknown mechanism": "x,,skellam,1,1,,1,add,1,,delta,1,,,0.1,1,,",
		"unknown quantity":  "x,,gaussian,1,1,,1,add,1,,rho,1,,,0.1,1,,",
		"unknown adjacency": "x,,gaussian,1,1,,1,swap,1,,delta,1,,,0.1,1,,",
		"no δ":              "x,,gaussian,1,1,,1,add,1,,epsilon,1,,,0.1,1,,",
		"no ε":              "x,,gaussian,1,1,,1,add,1,,delta,,1,,0.1,1,,",
		"no order":          "x,,gaussian,1,1,,1,add,1,,rdp,,1,,0.1,1,,",
		"no rate":           "x,,poisson_sampled_gaussian,1,1,,,add,1,,delta,1,,,0.1,1,,",
		"no scale":          "x,,gaussian,,1,,1,add,1,,delta,1,,,0.1,1,,",
		"half a release":    "x,,gaussian,1,1,,1,add,0.5,,delta,1,,,0.1,1,,",
		"half a bound":      "x,,discrete_gaussian,1,1,2.5,1,add,1,,delta,1,,,0.1,1,,",
		"orders":            "x,,gaussian,1,1,,1,add,1,2..,epsilon,,0.1,,0.1,1,,",
		"constant":          "x,,constant_rdp_x,1,1,,1,add,1,2..9,epsilon,,0.1,,0.1,1,,",
		"constant at 0":     "x,,constant_rdp_1,1,1,,1,add,1,,rdp,,,0,0.1,1,,",
	}
	for name, line := range lines {
		got := Check(read(t, header+line+"\n")[0])
		if got.Pass || got.Reason == "" || got.Computed != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	wrong := Check(read(t, header+"x,,gaussian,2,1,,,,1,,rdp,,,2,0.26,0.001,,\n")[0])
	if wrong.Pass || wrong.Computed == "" || !strings.Contains(wrong.Reason, "differs by") {
		t.Errorf("a wrong value passes: %+v", wrong)
	}
}

func TestOrders(t *testing.T) {
	for spec, want := range map[string][]float64{
		"5":                            {5},
		"2.5":                          {2.5},
		"integers 2..4":                {2, 3, 4},
		"1.1..1.3 step 0.1":            {1.1, 1.2, 1.3},
		"mine: 1.5..2 step .5 plus 12": {1.5, 2, 12},
		"2, 4;8":                       {2, 4, 8},
	} {
		got, err := Orders(spec)
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q: %v, %v", spec, got, err)
		}
	}
	opacus, err := Orders("opacus-default: " + opacusDefault)
	if err != nil || len(opacus) != 99+52 || opacus[98] != 10.9 || opacus[150] != 63 {
		t.Errorf("%d orders, %v", len(opacus), err)
	}
	for _, spec := range []string{"", "x", "2..", "..3", "3..2", "2..3 step 0", "2 step 1", "0..3", "1..1e9", "1..3 step 1e-20", "2..3 step -1", "nan"} {
		if got, err := Orders(spec); !errors.Is(err, ErrRow) {
			t.Errorf("%q: %v, %v", spec, got, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text         string
		line, column int
	}{
		"empty":       {"", 1, 1},
		"no column":   {"id,mechanism,quantity\n", 1, 1},
		"twice":       {"id,mechanism,quantity,expected,id\n", 1, 32},
		"no number":   {header + "a,,gaussian,wide,1,,1,add,1,,delta,1,,,0.1,1,,\n", 2, 13},
		"not finite":  {header + "a,,gaussian,nan,1,,1,add,1,,delta,1,,,0.1,1,,\n", 2, 13},
		"no id":       {header + ",,gaussian,1,1,,1,add,1,,delta,1,,,0.1,1,,\n", 2, 1},
		"no expected": {header + "a,,gaussian,1,1,,1,add,1,,delta,1,,,,1,,\n", 2, 37},
		"same id":     {header + "a,,,,,,,,,,,,,,1,,,\na,,,,,,,,,,,,,,1,,,\n", 3, 1},
		"short row":   {header + "a,b\n", 2, 1},
		"open quote":  {header + "a,\"b\n", 2, 6},
		"long cell":   {header + strings.Repeat("x", maxCell+1) + ",,,,,,,,,,,,,,1,,,\n", 2, 1},
		"long file":   {header + strings.Repeat("#", maxBytes), 1, 1},
	} {
		_, err := Read("rows.csv", strings.NewReader(c.text))
		got, ok := errors.AsType[*place.Error](err)
		if !ok || got.Line != c.line || got.Column != c.column || got.Fix == "" {
			t.Errorf("%s: %v, want line %d, column %d", name, err, c.line, c.column)
		}
	}
	// Columns in another order, with a byte order mark, and unknown ones beside them.
	rows := read(t, "\ufeffexpected,x,quantity,id,mechanism\n1e999,?,rdp,a,gaussian\n")
	if rows[0].ID != "a" || !math.IsInf(rows[0].Expected, 1) || !math.IsNaN(rows[0].Scale) {
		t.Errorf("%+v", rows[0])
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(header + "S1,x,gaussian,1,1,,1,add,1,,rdp,,,2,1,1,,\n"))
	f.Add([]byte(header + "\"a\"\"b\",x,constant_rdp_1,1,1,,1,add,1,2..3 step .5,epsilon,,.1,2,1,1,,\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := Read("rows.csv", strings.NewReader(string(data)))
		if _, ok := errors.AsType[*place.Error](err); err != nil && !ok {
			t.Fatalf("%T: %v", err, err)
		}
		for _, r := range rows {
			_, _ = Orders(r.Orders) // Must not panic or take for ever.
		}
	})
}
