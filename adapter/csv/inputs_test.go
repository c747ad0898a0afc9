package csv_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/adapter/csv"
	"comity/allocator/program"
	"comity/canon"
	"comity/party"
)

// rules is a charter of which KE and TZ declare people once and load in two periods.
func rules() comity.Charter {
	both := []party.ID{"KE", "TZ"}
	return comity.Charter{
		Effective: "2027-01-01T00:00:00Z",
		Parties:   []comity.Party{{ID: "GAVI"}, {ID: "KE"}, {ID: "TZ"}},
		Scope:     comity.Scope{Periods: 2},
		Models:    comity.ModelClause{Targets: []string{"Load"}, Unit: "MWh"},
		Data: []comity.DataClause{
			{ID: "d.rows", From: both, LeavesHome: "aggregate_only"},
			{ID: "d.people", From: both, As: "party", Values: []string{"people"}},
			{ID: "d.load", From: both, As: "party", Values: []string{"load"}, ByPeriod: true},
			{ID: "d.units", From: []party.ID{"GAVI"}, As: "supply", Values: []string{"units"}},
		},
	}
}

const numbers = `party,name,value
KE,party.people,30
KE,party.load/1,5
KE,party.load/2,6
KE,picture.ratio_w1,0.75
KE,picture.ratio_w4,5/6
TZ,party.people,12
TZ,party.load/1,0
TZ,party.load/2,1
GAVI,supply.units,20
`

func TestReadInputs(t *testing.T) {
	in, err := csv.ReadInputs("f.csv", strings.NewReader(numbers), rules())
	if err != nil {
		t.Fatal(err)
	}
	declared := func(id party.ID, clause string, values map[string]canon.Int) program.Declared {
		return program.Declared{Party: id, Declaration: comity.Declaration{Period: "2027-01-01", Clause: clause, Values: values}}
	}
	want := []program.Declared{
		declared("KE", "d.people", map[string]canon.Int{"people": 30}),
		declared("TZ", "d.people", map[string]canon.Int{"people": 12}),
		declared("KE", "d.load", map[string]canon.Int{"load/1": 5, "load/2": 6}),
		declared("TZ", "d.load", map[string]canon.Int{"load/1": 0, "load/2": 1}),
		declared("GAVI", "d.units", map[string]canon.Int{"units": 20}),
	}
	if diff := cmp.Diff(want, in.Declarations); diff != "" {
		t.Error(diff)
	}
	if p := in.Picture; len(p.Series) != 1 || p.Series[0].Reference != 12 || p.Series[0].Unit != "MWh" ||
		p.Series[0].Horizons[0].Quantiles[11] != 9 || p.Series[0].Horizons[1].Quantiles[0] != 10 || !cmp.Equal(p.Absent, []party.ID{"TZ"}) {
		t.Errorf("picture %+v", p)
	}
}

// TestAPartyWithoutNumbersNeverDeclared: so a rehearsal can leave one out.
func TestAPartyWithoutNumbersNeverDeclared(t *testing.T) {
	kept := strings.Join(strings.Split(numbers, "TZ,")[:1], "") + "GAVI,supply.units,20\n"
	in, err := csv.ReadInputs("f.csv", strings.NewReader(kept), rules())
	if err != nil || len(in.Declarations) != 3 {
		t.Errorf("%d declarations, %v", len(in.Declarations), err)
	}
}

func TestInputsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, from, to, want string
		cause                error
	}{
		{"unknown name", "KE,party.people,30", "KE,party.peple,30", "f.csv:2:4: ", program.ErrInput},
		{"number without its period", "party.load/1,5", "party.load,5", "f.csv:3:4: ", program.ErrInput},
		{"period that is not planned", "party.load/2,6", "party.load/3,6", "f.csv:4:4: ", program.ErrInput},
		{"total", "KE,party.people,30", "KE,total.people,30", "f.csv:2:4: ", program.ErrInput},
		{"party that is not asked", "GAVI,supply", "KE,supply", "f.csv:10:4: ", program.ErrDeclaration},
		{"unknown party", "GAVI,supply", "AU,supply", "f.csv:10:4: ", program.ErrDeclaration},
		{"twice", "KE,party.load/1,5", "KE,party.people,30", "f.csv:3:4: ", program.ErrDeclaration},
		{"ratio twice", "ratio_w4", "ratio_w1", "f.csv:6:4: ", program.ErrDeclaration},
		{"missing", "TZ,party.load/2,1\n", "", "f.csv:1:1: ", program.ErrDeclaration},
		{"no number", "units,20", "units,20.0.1", "f.csv:10:19: ", nil},
		{"NaN", "units,20", "units,NaN", "f.csv:10:19: ", nil},
		{"10^18", "units,20", "units,1000000000000000000", "f.csv:10:6: ", program.ErrRange},
		{"binary", "units,20", "units,2e1", "f.csv:10:19: ", nil},
		{"fraction of a unit", "units,20", "units,1/2", "f.csv:10:6: ", program.ErrRange},
		{"below zero", "units,20", "units,-1", "f.csv:10:6: ", program.ErrRange},
		{"too large", "units,20", "units,1099511627777", "f.csv:10:6: ", program.ErrRange},
		{"ratio below zero", "0.75", "-0.75", "f.csv:5:4: ", program.ErrRange},
		{"ratio of many digits", "0.75", "0.7512345678901234567", "f.csv:1:1: ", program.ErrRange},
		{"week of a ratio", "ratio_w4", "ratio_w04", "f.csv:6:4: ", program.ErrInput},
		{"ratio of no member", "KE,picture.ratio_w4", "GAVI,picture.ratio_w4", "f.csv:6:6: ", program.ErrPicture},
		{"no column", "party,name,value", "party,name,number", "f.csv:1:1: ", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(numbers, c.from, c.to, 1)
			_, err := csv.ReadInputs("f.csv", strings.NewReader(text), rules())
			if !errors.Is(err, csv.ErrUnreadable) || c.cause != nil && !errors.Is(err, c.cause) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s %v", err, c.want, c.cause)
			}
		})
	}
}

// TestOrderOfInputsLeavesNoTrace: the rows of the file may stand in any order.
func TestOrderOfInputsLeavesNoTrace(t *testing.T) {
	lines := strings.SplitAfter(numbers, "\n")
	want, err := csv.ReadInputs("f.csv", strings.NewReader(numbers), rules())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		shuffled := rapid.Permutation(lines[1:len(lines)-1]).Draw(r, "rows")
		got, err := csv.ReadInputs("f.csv", strings.NewReader(lines[0]+strings.Join(shuffled, "")), rules())
		if err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(want.Declarations, got.Declarations) + cmp.Diff(want.Picture, got.Picture); diff != "" || got.PictureDigest != want.PictureDigest {
			r.Fatal(diff)
		}
	})
}

// FuzzReadInputs looks for files that make the reader panic or accept what cannot be declared.
func FuzzReadInputs(f *testing.F) {
	f.Add([]byte(numbers))
	f.Add([]byte("party,name,value\nKE,picture.ratio_w1,1/0\n"))
	f.Add([]byte("value,name,party\n1,party.load/1,KE\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := csv.ReadInputs("f", bytes.NewReader(data), rules())
		if err != nil {
			if !errors.Is(err, csv.ErrUnreadable) || !strings.HasPrefix(err.Error(), "f:") {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		for _, d := range in.Declarations {
			for name, v := range d.Declaration.Values {
				if v < 0 || v > program.MaxGiven {
					t.Fatalf("%s of %s is %d", name, d.Party, v)
				}
			}
		}
	})
}
