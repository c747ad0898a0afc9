package mps_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/adapter/mps"
	"comity/allocator/linear"
	"comity/canon"
	"comity/exact"
	"comity/quantity"
)

func same() cmp.Option {
	return cmp.Comparer(func(a, b exact.Rat) bool { return a.Cmp(b) == 0 })
}

// whole is a file with one of everything.
const whole = `* a comment
NAME          all of it
OBJSENSE
    MAX
ROWS
 N  COST
 L  CAP
 G  NEED
 E  EVEN
 E  BELOW
 N  OTHER
COLUMNS
    A         COST              1.5   CAP               -.25
    A         OTHER             9     NEED              1.E2
    B         EVEN              1D-2  BELOW             0
    M1        'MARKER'                'INTORG'
    C         CAP               3
    D         CAP               1
    E         NEED              1
    F         NEED              1
    M2        'MARKER'                'INTEND'
    G         NEED              +7
    H         NEED              1
    I         NEED              1
RHS
    RHS       COST              -10   CAP               4
    RHS       NEED              2     EVEN              1
RANGES
    RNG       CAP               1.5   NEED              3
    RNG       EVEN              2     BELOW             -2
BOUNDS
 UP BND       A                 -3
 FR BND       B
 UP BND       D                 4
 BV BND       E
 LI BND       F                 2
 FX BND       G                 .5
 MI BND       H
 UP BND       H                 1e30
 UI BND       I                 6
ENDATA
what follows is not read
`

func TestRead(t *testing.T) {
	p, err := mps.Read("all.mps", strings.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "all of it" || !p.Maximise || p.Constant.String() != "10" {
		t.Errorf("got %q, maximise %t, constant %s", p.Name, p.Maximise, p.Constant)
	}
	var got []string
	for _, c := range p.Columns {
		got = append(got, c.Name+" "+c.Cost.String()+" "+ends(c.Lower, c.Upper)+" "+strconv.FormatBool(c.Integer))
	}
	for _, r := range p.Rows {
		text := r.Name + " " + ends(r.Lower, r.Upper)
		for _, term := range r.Terms {
			text += " " + term.Coeff.String() + p.Columns[term.Column].Name
		}
		got = append(got, text)
	}
	want := []string{
		"A 3/2 -inf -3 false", "B 0 -inf inf false", "C 0 0 1 true", "D 0 0 4 true", "E 0 0 1 true", "F 0 2 inf true",
		"G 0 1/2 1/2 false", "H 0 -inf inf false", "I 0 0 6 true",
		"CAP 5/2 4 -1/4A 3C 1D", "NEED 2 5 100A 1E 1F 7G 1H 1I", "EVEN 1 3 1/100B", "BELOW -2 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func ends(lower, upper *exact.Rat) string {
	low, high := "-inf", "inf"
	if lower != nil {
		low = lower.String()
	}
	if upper != nil {
		high = upper.String()
	}
	return low + " " + high
}

func TestNamesWithSpacesAreReadByPlace(t *testing.T) {
	lines := []string{
		"NAME", "ROWS", " N  THE COST", " G  A NEED", "COLUMNS",
		fmt.Sprintf("    %-8s  %-8s  %12s   %-8s  %12s", "COL ONE", "THE COST", "1.5", "A NEED", "2."),
		"RHS", fmt.Sprintf("    %-8s  %-8s  %12s", "RHS", "A NEED", "3."),
		"BOUNDS", fmt.Sprintf(" UP %-8s  %-8s  %12s", "BND", "COL ONE", "7."), "ENDATA",
	}
	p, err := mps.Read("f.mps", strings.NewReader(strings.Join(lines, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Columns[0]; c.Name != "COL ONE" || c.Cost.String() != "3/2" || c.Upper.String() != "7" || p.Rows[0].Name != "A NEED" || p.Rows[0].Lower.String() != "3" {
		t.Errorf("got %+v", p)
	}
	lines[5] = "    COL ONE   THE COST               1.5"
	if _, err := mps.Read("f.mps", strings.NewReader(strings.Join(lines, "\n"))); !errors.Is(err, mps.ErrUnreadable) || !strings.HasPrefix(err.Error(), "f.mps:6:38: text outside") {
		t.Errorf("a number outside its place: %v", err)
	}
}

func TestGzip(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	want, err := mps.Read("", strings.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	got, err := mps.Read("", bytes.NewReader(b.Bytes()))
	if err != nil || !cmp.Equal(want, got, same()) {
		t.Errorf("compressed: %v, %s", err, cmp.Diff(want, got, same()))
	}
	for _, size := range []int{3, 12, b.Len() / 2, b.Len() - 1} {
		if _, err := mps.Read("", bytes.NewReader(b.Bytes()[:size])); !errors.Is(err, mps.ErrUnreadable) {
			t.Errorf("%d bytes of it: got %v, want ErrUnreadable", size, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	const rows, columns = "ROWS\n N z\n L r\n", "COLUMNS\n x z 1 r 1\n"
	for file, want := range map[string]string{
		"":                                       "f:1:1: the file ends without ENDATA",
		rows + columns:                           "f:5:1: the file ends without ENDATA",
		"ROWS\nENDATA\n":                         "f:2:1: section ENDATA out of order",
		"ROWS\n L r\nCOLUMNS\nENDATA\n":          "f:4:1: no objective",
		rows + "COLUMNS\nENDATA\n":               "f:5:1: no columns",
		"ROWS\n X r\n":                           "f:2:2: type 'X' of a row",
		"ROWS\n N r\n L r\n":                     "f:3:4: row r appears twice",
		"COLUMNS\n":                              "f:1:1: section COLUMNS out of order",
		rows + "ROWS\n":                          "f:4:1: section ROWS appears twice",
		rows + "QUADOBJ\n":                       "f:4:1: section \"QUADOBJ\" is not read here",
		rows + "COLUMNS\n x y 1\n":               "f:5:4: no row y",
		rows + "COLUMNS\n x z\n":                 "f:5:1: a line of 2 fields in COLUMNS",
		rows + "COLUMNS\n x z one\n":             "f:5:6: \"one\" is not a number",
		rows + "COLUMNS\n x z 1e99\n":            "f:5:6: too many digits: \"1e99\" has more than",
		rows + "COLUMNS\n x z NaN\n":             "f:5:6: \"NaN\" is not a number",
		rows + "COLUMNS\n x z inf\n":             "f:5:6: \"inf\" is not a number",
		rows + "COLUMNS\n x z 0x1\n":             "f:5:6: \"0x1\" is not a number",
		rows + "COLUMNS\n x z 1 z 1\n":           "f:5:8: column x has row z twice",
		rows + columns + " y z 1\n x r 1":        "f:7:2: column x comes back",
		rows + "COLUMNS\n M 'MARKER' 'INTEND'\n": "f:5:13: marker 'INTEND'",
		rows + "COLUMNS\n M 'MARKER' 'INTORG'\n x z 1\nENDATA\n": "f:7:1: COLUMNS ends without",
		rows + columns + "RHS\n R r 1 r 2\n":                     "f:7:8: row r has a second right side",
		rows + columns + "RHS\n R r 1\n S z 2\n":                 "f:8:2: a second set \"S\"",
		rows + columns + "RHS\n R r -1e30\n":                     "f:7:6: an infinite right side",
		rows + columns + "RANGES\n R z 1\n":                      "f:7:4: row z cannot have this range",
		rows + columns + "BOUNDS\n SC B x 1\n":                   "f:7:2: type \"SC\" of a bound",
		rows + columns + "BOUNDS\n UP B y 1\n":                   "f:7:7: no column y",
		rows + columns + "BOUNDS\n UP B x 1\n UP B x 1\n":        "f:8:2: column x has this bound already",
		rows + columns + "BOUNDS\n UP B x 1\n LO B x 2\n":        "f:8:9: column x gets lower bound 2 above upper bound 1",
		rows + columns + "BOUNDS\n UP B x -inf\n":                "f:7:9: an infinite bound",
		rows + columns + "BOUNDS\n UP x\n":                       "f:7:1: a bound UP of 2 fields",
		"OBJSENSE\n LEAST\n":                                     "f:2:2: \"LEAST\" is no sense",
		" x\n":                                                   "f:1:1: data before a section",
		"ROWS\n N \x00\n":                                        "f:2:4: control character 0x00",
		"NAME " + strings.Repeat("x", 5000) + "\n":               "f:1:4097: line of more than",
		"ROWS\n N " + strings.Repeat("x", 300) + "\n":            "f:2:4: name or number of more than",
	} {
		_, err := mps.Read("f", strings.NewReader(file))
		if !errors.Is(err, mps.ErrUnreadable) || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "; ") {
			t.Errorf("%q: got %v, want %s", file, err, want)
		}
	}
}

// lines repeats a line, numbered, a million times.
func lines(format string) io.Reader {
	next := 0
	var left []byte
	return readerFunc(func(p []byte) (int, error) {
		for len(left) < len(p) && next < 1_000_000 {
			left = fmt.Appendf(left, format, next)
			next++
		}
		n := copy(p, left)
		if left = left[n:]; n == 0 {
			return 0, io.EOF
		}
		return n, nil
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestAMillionIsTooMany: what no solver here could finish is refused where it is read.
func TestAMillionIsTooMany(t *testing.T) {
	for name, c := range map[string]struct {
		head, each, want string
	}{
		"rows":         {"ROWS\n N z\n", " L r%d\n", "f:131074:1: more than 131072 rows; split the problem"},
		"columns":      {"ROWS\n N z\nCOLUMNS\n", " x%d z 1\n", "f:262148:1: more than 262144 columns; split the problem"},
		"fixed places": {"ROWS\n N  z\n", " L  R %06d\n", "f:131074:1: more than 131072 rows; split the problem"},
	} {
		_, err := mps.Read("f", io.MultiReader(strings.NewReader(c.head), lines(c.each)))
		if !errors.Is(err, mps.ErrUnreadable) || err.Error() != c.want {
			t.Errorf("a million %s: got %v, want %s", name, err, c.want)
		}
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	p, err := mps.Read("all.mps", strings.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, p)
	rapid.Check(t, func(t *rapid.T) {
		roundTrip(t, drawProgramme(t))
	})
}

func roundTrip(t rapid.TB, p linear.Programme) {
	t.Helper()
	var b bytes.Buffer
	if err := mps.Write(&b, p); err != nil {
		t.Fatal(err)
	}
	got, err := mps.Read("written.mps", bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if diff := cmp.Diff(p, got, same()); diff != "" {
		t.Fatalf("%s\n%s", diff, b.String())
	}
}

func drawProgramme(t *rapid.T) linear.Programme {
	decimal := func(name string) exact.Rat {
		power := new(big.Int).Exp(big.NewInt(10), big.NewInt(rapid.Int64Range(0, 9).Draw(t, "places")), nil)
		return exact.FromBig(new(big.Rat).SetFrac(big.NewInt(rapid.Int64Range(-1e15, 1e15).Draw(t, name)), power))
	}
	bounds := func(kinds int) (lower, upper *exact.Rat) {
		a, b := decimal("bound"), decimal("bound")
		if a.Cmp(b) > 0 {
			a, b = b, a
		}
		switch rapid.IntRange(0, kinds).Draw(t, "kind") {
		case 0:
			return &a, nil
		case 1:
			return nil, &b
		case 2:
			return &a, &a
		case 3:
			return &a, &b
		default:
			return nil, nil
		}
	}
	p := linear.Programme{Name: "drawn", Maximise: rapid.Bool().Draw(t, "maximise"), Constant: decimal("constant"), Rows: []linear.Row{}}
	for j := range rapid.IntRange(1, 5).Draw(t, "columns") {
		c := linear.Column{Name: "x" + strconv.Itoa(j), Cost: decimal("cost"), Integer: rapid.Bool().Draw(t, "integer")}
		c.Lower, c.Upper = bounds(4)
		p.Columns = append(p.Columns, c)
	}
	for i := range rapid.IntRange(0, 5).Draw(t, "rows") {
		r := linear.Row{Name: "OBJ" + strings.Repeat("_", i), Terms: []linear.Term{}}
		r.Lower, r.Upper = bounds(3)
		for j := range p.Columns {
			if v := decimal("coeff"); v.Sign() != 0 && rapid.Bool().Draw(t, "there") {
				r.Terms = append(r.Terms, linear.Term{Column: j, Coeff: v})
			}
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}

func TestAProblemCanBeShownToAnySolver(t *testing.T) {
	least, most := quantity.Amount(2), quantity.Amount(10)
	p := linear.FromProblem(comity.Problem{
		Period:  "2026-W01",
		Stages:  []comity.Stage{{ID: "worth", Kind: "weighted", Scale: 1, Costs: []canon.Int{3, 2}}},
		Columns: []comity.Column{{ID: "KE/all", Party: "KE", Upper: 9}, {ID: "TZ/all", Party: "TZ", Upper: 9}},
		Rows: []comity.Row{
			{ID: "c.floor/TZ", Lower: &least, Terms: []comity.Term{{Column: 1, Coeff: 1}}},
			{ID: "c.supply", Upper: &most, Terms: []comity.Term{{Column: 0, Coeff: 1}, {Column: 1, Coeff: 1}}},
		},
	})
	roundTrip(t, p)
}

func TestUnwritable(t *testing.T) {
	one, third, huge := exact.Int(1), exact.FromBig(big.NewRat(1, 3)), exact.FromBig(new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil)))
	column := linear.Column{Name: "x", Lower: &one}
	for name, p := range map[string]linear.Programme{
		"a third":        {Columns: []linear.Column{{Name: "x", Cost: third}}},
		"name of two":    {Columns: []linear.Column{{Name: "x y"}}},
		"same name":      {Columns: []linear.Column{column, column}},
		"no name":        {Columns: []linear.Column{{}}},
		"row unbounded":  {Columns: []linear.Column{column}, Rows: []linear.Row{{Name: "r"}}},
		"infinite bound": {Columns: []linear.Column{{Name: "x", Upper: &huge}}},
	} {
		if err := mps.Write(&bytes.Buffer{}, p); !errors.Is(err, mps.ErrUnwritable) {
			t.Errorf("%s: got %v, want ErrUnwritable", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("ROWS\n N z\n L r r\nCOLUMNS\n    x         z         1\nENDATA\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := mps.Read("fuzz", bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, mps.ErrUnreadable) {
				t.Fatalf("got %v, want ErrUnreadable", err)
			}
			return
		}
		if err := linear.CheckShape(p); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Digest(); err != nil && !strings.Contains(err.Error(), "UTF-8") {
			t.Fatal(err)
		}
	})
}
