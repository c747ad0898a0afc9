package explore_test

import (
	"errors"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/allocator/explore"
	"comity/allocator/program"
	"comity/canon"
	"comity/exact"
)

func TestParseReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		by, err := exact.Ratio(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "num"), rapid.Int64Range(1, 1000).Draw(t, "den"))
		if err != nil {
			t.Fatal(err)
		}
		c := explore.Change{Name: rapid.StringMatching(`[A-Za-z0-9_./-]{1,12}`).Draw(t, "name"), By: by}
		c.How = rapid.SampledFrom([]explore.How{explore.Set, explore.Add, explore.Scale, explore.Off}).Draw(t, "how")
		if c.How == explore.Off {
			c.By = exact.Int(0)
		}
		if c.How == explore.Set && c.By.Sign() < 0 { // A sign in front means more or less.
			c.By = c.By.Neg()
		}
		got, err := explore.Parse(c.String())
		if err != nil || got.Name != c.Name || got.How != c.How || got.By.Cmp(c.By) != 0 {
			t.Fatalf("Parse(%q) = %+v, %v; want %+v", c.String(), got, err, c)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "=", "x", "x=", "=5", "x=NaN", "x=inf", "x=1e9", "x=+", "x=++5", "x=+-5", "x=--5", "x=5%", "x=%", "x=+%", "x=+1/0%", "x=1/0", "x=OFF", "x= 5", "x=5 ",
		"x=" + strings.Repeat("9", 300),
	} {
		if c, err := explore.Parse(text); !errors.Is(err, explore.ErrChange) {
			t.Errorf("Parse(%q) = %+v, %v; want ErrChange", text, c, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"KE.x=5", "supply.doses=+10%", "c.floor=off", "a=-3", "a=1/2", "a=NaN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := explore.Parse(text)
		if err != nil {
			return
		}
		again, err := explore.Parse(c.String())
		if err != nil || again.How != c.How || again.By.Cmp(c.By) != 0 {
			t.Fatalf("%q reads as %+v and again as %+v, %v", text, c, again, err)
		}
	})
}

// change applies a change as it is typed.
func change(t testing.TB, inputs program.Inputs, text string) (program.Inputs, error) {
	t.Helper()
	c, err := explore.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c.Apply(inputs)
}

// Every name that there is can be changed, which changes the problem's inputs and leaves
// the original as it was.
func TestEveryNameCanBeChanged(t *testing.T) {
	inputs := layered()
	before, err := canon.DigestOf(inputs.Charter)
	if err != nil {
		t.Fatal(err)
	}
	original := layered()
	for _, name := range explore.Names(inputs) {
		text := name + "=+100%"
		switch {
		case strings.HasSuffix(name, ".slack"):
			text = name + "=1/3"
		case strings.HasSuffix(name, ".order"):
			text = name + map[bool]string{true: "=2", false: "=1"}[name == "stage.worth.order"]
		case strings.HasPrefix(name, "stage."), name == "c.blind":
			text = name + "=off"
		}
		got, err := change(t, inputs, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if same := gocmp.Equal(got, inputs, compare()...); same {
			t.Errorf("%s: the inputs are the same", text)
		}
		if diff := gocmp.Diff(original, inputs, compare()...); diff != "" {
			t.Fatalf("%s changes the inputs it was made from:\n%s", text, diff)
		}
		after, err := canon.DigestOf(got.Charter)
		if err != nil || (after != before) != (got.CharterDigest != inputs.CharterDigest) {
			t.Errorf("%s: the charter's digest does not follow the charter: %v", text, err)
		}
	}
}

func compare() []gocmp.Option {
	return []gocmp.Option{gocmp.Comparer(func(a, b exact.Rat) bool { return a.Cmp(b) == 0 })}
}

// layered has two stages, so that order and slack have a meaning.
func layered() program.Inputs {
	inputs := vaccines(three(), 30)
	inputs.Charter.Objective.Stages = append(inputs.Charter.Objective.Stages,
		comity.Aim{Counts: "worth", ID: "worst", Kind: "maximin", Measure: num("1"), Per: new(in("party.population"))})
	return inputs
}

func TestChangesThatHaveNoMeaning(t *testing.T) {
	for _, c := range []struct {
		text string
		want error
		says string
	}{
		{"KE.capcity=5", explore.ErrName, "did you mean KE.capacity?"},
		{"XX.capacity=5", explore.ErrName, ""},
		{"suply.doses=5", explore.ErrName, "did you mean supply.doses?"},
		{"c.flor=off", explore.ErrName, "did you mean c.floor?"},
		{"group.frontlin=2", explore.ErrName, "did you mean group.frontline?"},
		{"stage.wrth=off", explore.ErrName, "did you mean stage.worth?"},
		{"KE.capacity=off", explore.ErrChange, "set it to 0"},
		{"KE.capacity=1/2", explore.ErrChange, "whole"},
		{"KE.capacity=-13", explore.ErrChange, "between 0 and"},
		{"KE.capacity=9007199254740993", explore.ErrChange, "between 0 and"},
		{"c.blind=+10%", explore.ErrChange, "it can only be off"},
		{"group.frontline=off", explore.ErrChange, "weight"},
		{"group.frontline=-3", explore.ErrChange, "weight"},
		{"stage.worth=3", explore.ErrChange, "slack"},
		{"stage.worth.slack=1", explore.ErrChange, "share"},
		{"stage.worth.order=3", explore.ErrChange, "from 1 to 2"},
		{"stage.worth.order=1/2", explore.ErrChange, "from 1 to 2"},
	} {
		if _, err := change(t, layered(), c.text); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %v and %q", c.text, err, c.want, c.says)
		}
	}
	if _, err := change(t, vaccines(three(), 30), "stage.worth=off"); !errors.Is(err, explore.ErrChange) {
		t.Errorf("a charter without an aim: %v", err)
	}
}

// A change of a clause is the same as a charter with another number in it.
func TestChangesOfBounds(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"c.supply=27", "27"}, {"c.supply=-3", "27"}, {"c.supply=-10%", "27"}, {"supply.doses=27", "27"}, {"supply.doses=-10%", "27"}, {"supply.doses=-3", "27"},
	} {
		inputs, err := change(t, vaccines(three(), 30), c.text)
		if err != nil {
			t.Fatal(err)
		}
		p, err := program.Lower(inputs)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p.Rows {
			if r.ID == "c.supply" && r.Upper.String() != c.want {
				t.Errorf("%s: the bound is %s, want %s", c.text, r.Upper, c.want)
			}
		}
	}
}
