package written

import (
	"errors"
	"strings"
	"testing"

	"comity/adapter/yaml"
	"comity/place"
	"comity/schema"
)

const text = `# Daily river flow.
id: flood/gauge@1
columns:
  - {name: day, type: date, required: true, least: 1950-01-01}
  - {name: gauge, type: text, required: true}
  - name: flow
    type: decimal
    unit: m3/s
    decimals: 2
    rounded: true
    least: "0"
  - {name: quality, type: category, values: [good, "no"]}
key: [day, gauge]
suppressed: ["<5", "*"]
`

func read(text string) (schema.Schema, error) {
	root, err := yaml.Read("s.yaml", []byte(text))
	if err != nil {
		return schema.Schema{}, err
	}
	return Read("s.yaml", root)
}

// YAML and the same in JSON give one schema.
func TestRead(t *testing.T) {
	s, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Columns[2]; len(s.Columns) != 4 || c.Unit != "m3/s" || c.Decimals != 2 || !c.Rounded || c.Least != "0" || len(s.Key) != 2 || s.Suppressed[0] != "<5" {
		t.Errorf("read %+v", s)
	}
	again, err := read(`{"id":"flood/gauge@1","columns":[{"name":"day","type":"date","required":true,"least":"1950-01-01"},` +
		`{"name":"gauge","type":"text","required":true},{"name":"flow","type":"decimal","unit":"m3/s","decimals":2,"rounded":true,"least":"0"},` +
		`{"name":"quality","type":"category","values":["good","no"]}],"key":["day","gauge"],"suppressed":["<5","*"]}`)
	if err != nil {
		t.Fatal(err)
	}
	a, errA := s.Digest()
	b, errB := again.Digest()
	if errA != nil || errB != nil || a != b {
		t.Errorf("YAML %s (%v), JSON %s (%v)", a, errA, b, errB)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"unknown key":      {"suppressed:", "supprest:", `s.yaml:14:1: unknown key "supprest"; write one of columns, id, key, person, suppressed`},
		"unknown field":    {"rounded:", "round:", `s.yaml:10:5: unknown key "round"`},
		"columns no list":  {"columns:\n", "columns: x\nother:\n", "s.yaml:3:10: a single value where a list of columns"},
		"required maybe":   {"required: true, least", "required: maybe, least", `"maybe" is neither true nor false`},
		"decimals in text": {"decimals: 2", `decimals: "2"`, "is no count"},
		"bare no":          {`"no"`, "no", `write "no"`},
		"wrong column":     {"decimals: 2", "decimals: 20", "s.yaml:6:5: column flow: 20 decimals"},
		"wrong key":        {"key: [day", "key: [date", `s.yaml:2:1: key column "date"`},
		"list for text":    {"unit: m3/s", "unit: [m3/s]", "a list where one value"},
		"text for list":    {"key: [day, gauge]", "key: day", "a single value where a list"},
	} {
		_, err := read(strings.Replace(text, c.from, c.to, 1))
		if !errors.Is(err, place.ErrUnreadable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(text)
	f.Add(`{"id":"a@1","columns":[{"name":"x","type":"integer"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := read(text)
		if err != nil {
			if !errors.Is(err, place.ErrUnreadable) {
				t.Fatal(err)
			}
			return
		}
		if _, err := s.Digest(); err != nil {
			t.Fatalf("read and has no digest: %v", err)
		}
	})
}
