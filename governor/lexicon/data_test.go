package lexicon_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"comity/governor/lexicon"
	"comity/place"
)

func find(t testing.TB, id string) lexicon.Term {
	t.Helper()
	term, err := lexicon.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	return term
}

func TestReadForms(t *testing.T) {
	term := find(t, "fairness.gini")
	for _, text := range []string{
		"x,w\n1,2\n1/2,3\n", "x,w\r\n1,2\r\n0.5,3\r\n", "\ufeffweight, x ,note\n2,1,a\n3,0.50,\"b,c\"\n", "x,w\n1,2\n1/2,3",
		`{"x":[1,"1/2"],"w":[2,3]}`, "{ \"note\": [\"a\", 7],\n \"w\" : [2, 3.0], \"value\": [\"1\", 0.5] }\n",
		`[{"x":1,"w":2},{"w":"3","x":0.5}]`, "\n [ {\"x\":1,\"w\":2} ,\n{\"x\":\"1/2\",\"w\":3} ]",
	} {
		d, err := term.Read("data", strings.NewReader(text), nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := fmt.Sprint(d.Rows(), d.Numbers("x"), d.Numbers("w")); got != "2 [1 1/2] [2 3]" {
			t.Errorf("%q reads as %s", text, got)
		}
	}
	d, err := term.Read("data", strings.NewReader("a,b\n4,5\n"), map[string]string{"x": "b"})
	if err != nil || fmt.Sprint(d.Numbers("x"), d.Numbers("w")) != "[5] [1]" {
		t.Errorf("renamed: %+v, %v", d, err)
	}
}

// TestReadRefuses holds every refusal to its place.
func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ term, text, want string }{
		{"fairness.gini", "", "data:1:1: the file is empty"},
		{"fairness.gini", "y\n1\n", "data:1:1: no column x"},
		{"fairness.gini", "w,y\n1,1\n", "data:1:1: no column x"},
		{"fairness.gini", "w,x,value\n1,1,1\n", `data:1:5: columns "x" and "value" are both x`},
		{"fairness.gini", "a,x,x\n1,1,1\n", `data:1:5: column "x" appears twice`},
		{"fairness.gini", "a,x\n1,2\n3\n", "data:3:1: no row of comma-separated values"},
		{"fairness.gini", "x\n\"1\n", "data:2:4: no row of comma-separated values"},
		{"fairness.gini", "a,x\nk,1e3\n", `data:2:3: x is "1e3", which is no exact number`},
		{"fairness.gini", "a,x\nk,\n", `data:2:3: x is "", which is no exact number`},
		{"fairness.gini", "a,x\nk,NaN\n", `data:2:3: x is "NaN"`},
		{"fairness.gini", "a,x\nk,-1\n", "data:2:3: x is -1; write a number of at least 0"},
		{"fairness.gini", "a,x\nk,1/0\n", `data:2:3: x is "1/0"`},
		{"fairness.gini", "a,x\nk," + strings.Repeat("9", 1001) + "\n", "data:2:3: cell of 1001 bytes"},
		{"fairness.gini", "x\n1\n\xff\n", "data:3:1: bytes that are not UTF-8"},
		{"fairness.demographic_parity", "group,yes,of\na,1/2,3\n", "data:2:3: yes is 1/2; write a whole number"},
		{"fairness.demographic_parity", "group,yes,of\n,1,3\n", "data:2:1: group is empty"},
		{"fairness.demographic_parity", "group,yes,of\na,1,0\n", "data:2:5: of is 0; write a number of at least 1"},
		{"trust.lower_bound", "kept,broken,age_days\n1,1,40000\n", "data:2:5: age_days is 40000; write a number of at most 36500"},
		{"commitment.kept", "commitment,due,received,signed,schema,consistent\na,2027-03-01,,1,1,1\n", `data:2:3: due is "2027-03-01", which is no instant`},
		{"commitment.kept", "commitment,due,received,signed,schema,consistent\na,2027-03-01T06:00:00Z,now,1,1,1\n", `data:2:24: received is "now"`},
		{"commitment.kept", "commitment,due,received,signed,schema,consistent\na,2027-03-01T06:00:00+01:00,,1,1,1\n", "data:2:3: due is"},
		{"fairness.gini", `{"x":1}`, "data:1:6: a column is a list"},
		{"fairness.gini", `{"x":[1,true]}`, "data:1:9: a cell is a number or a text"},
		{"fairness.gini", "{\"x\":[1,\n 1e3]}", `data:2:2: x is "1e3"`},
		{"fairness.gini", "{\"x\":[1,2],\n\"w\":[1]}", `data:2:7: column "w" has 1 cells, the first has 2`},
		{"fairness.gini", `{"x":[1],"x":[1]}`, `data:1:10: column "x" appears twice`},
		{"fairness.gini", `{"x":[1]`, "data:1:9: no JSON"},
		{"fairness.gini", `{"x":[1]} {}`, "data:1:11: more after the end"},
		{"fairness.gini", `{}`, "data:1:2: no columns"},
		{"fairness.gini", `[]`, "data:1:2: no rows"},
		{"fairness.gini", `[1]`, "data:1:2: a row is an object"},
		{"fairness.gini", `[{}]`, "data:1:2: a row without cells"},
		{"fairness.gini", `[{"x":1},{"y":1}]`, `data:1:11: key "y", which the first row lacks`},
		{"fairness.gini", `[{"x":1,"w":1},{"x":1}]`, `data:1:16: no key "w", which the first row has`},
		{"fairness.gini", `[{"x":1},{"x":1,"x":2}]`, `data:1:17: key "x" appears twice`},
		{"fairness.gini", `[{"x":[1]}]`, "data:1:7: a cell is a number or a text"},
	} {
		_, err := find(t, c.term).Read("data", strings.NewReader(c.text), nil)
		if !errors.Is(err, place.ErrUnreadable) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s, %.60q:\n  %v, want\n  %s", c.term, c.text, err, c.want)
		}
	}
	_, err := find(t, "fairness.gini").Read("data", strings.NewReader("a\n1\n"), map[string]string{"x": "b"})
	if !errors.Is(err, place.ErrUnreadable) || !strings.Contains(err.Error(), `no column "b" for x`) {
		t.Errorf("a renaming of nothing: %v", err)
	}
}

// FuzzRead reads any bytes for any term: what is read is whole, and what is refused has a
// place in the file.
func FuzzRead(f *testing.F) {
	terms := lexicon.Terms()
	for i, term := range terms {
		for _, v := range term.Vectors {
			f.Add(uint8(i), []byte(v.Data))
		}
	}
	for _, text := range []string{`{"x":[1,"1/2"],"w":[2,3]}`, `[{"x":1},{"x":"1/2"}]`, `[{"x":1}`, "x\n\"", "{", "[[", "\xff", "x\n\n\n1"} {
		f.Add(uint8(8), []byte(text))
	}
	f.Fuzz(func(t *testing.T, pick uint8, data []byte) {
		term := terms[int(pick)%len(terms)]
		d, err := term.Read("data", strings.NewReader(string(data)), nil)
		if err != nil {
			at, ok := errors.AsType[*place.Error](err)
			if !ok || at.Line < 1 || at.Column < 1 || at.Line > 1+strings.Count(string(data), "\n") || at.Fix == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, in := range term.Inputs {
			n := len(d.Numbers(in.Name)) + len(d.Words(in.Name))
			if n != d.Rows() && (n != 0 || !in.Optional) {
				t.Fatalf("%s of %s: %d cells in %d rows", in.Name, term.ID, n, d.Rows())
			}
		}
	})
}
