// Package packtest holds the laws that every scenario of every pack keeps. A pack's own
// test calls Run once for each scenario.
package packtest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"comity/canon"
	"comity/modeler/forecast"
	"comity/pack"
)

// later is how many weeks after the first the laws look back from.
const later = 4

// Run tests s against the contracts of package pack.
func Run(t *testing.T, s pack.Scenario) {
	t.Run("texts", func(t *testing.T) { texts(t, s) })
	t.Run("members", func(t *testing.T) { members(t, s) })
	t.Run("rows", func(t *testing.T) { rows(t, s) })
	t.Run("needs", func(t *testing.T) { needs(t, s) })
	t.Run("supply", func(t *testing.T) { supply(t, s) })
	t.Run("charter", func(t *testing.T) { charter(t, s) })
}

func texts(t *testing.T, s pack.Scenario) {
	for name, text := range map[string]string{"name": s.Name, "title": s.Title, "source": s.Source, "recipe": s.Recipe, "charter": s.Charter} {
		if strings.TrimSpace(text) == "" {
			t.Errorf("no %s", name)
		}
	}
	if len(s.Targets) == 0 {
		t.Error("nothing is forecast")
	}
	for _, target := range s.Targets {
		if target.Name == "" || target.Unit == "" {
			t.Errorf("target %+v without name or unit", target)
		}
	}
	if week, err := s.Week(s.Start); err != nil || week != 0 {
		t.Errorf("the first period %s is week %d, %v", s.Start, week, err)
	}
}

func members(t *testing.T, s pack.Scenario) {
	for i, p := range append(slices.Clone(s.Members), s.Operator) {
		if err := p.ID.Check(); err != nil || p.Kind == "" || p.Name == "" || p.Weight == "" {
			t.Errorf("party without id, kind, name or weight: %+v, %v", p, err)
		}
		if i > 0 && i < len(s.Members) && p.ID <= s.Members[i-1].ID {
			t.Errorf("%s comes after %s", p.ID, s.Members[i-1].ID)
		}
		for _, f := range p.Facts {
			if f.Name == "" || f.Unit == "" || f.Source == "" {
				t.Errorf("%s: fact without name, unit or source: %+v", p.ID, f)
			}
		}
	}
	if _, err := s.Member(s.Operator.ID); err == nil {
		t.Errorf("the operator %s is a member too", s.Operator.ID)
	}
}

func rows(t *testing.T, s pack.Scenario) {
	end, err := s.Period(later)
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Rows.Known(end)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forecast.NewArchive(all); err != nil {
		t.Errorf("the rows are no archive: %v", err)
	}
	for i, o := range all {
		if _, err := s.Member(o.Place); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		if o.AsOf > end || o.Date > o.AsOf || i > 0 && o.AsOf < all[i-1].AsOf {
			t.Fatalf("row %d is out of order or of the future: %+v", i, o)
		}
	}
	for week := range later {
		period, err := s.Period(week)
		if err != nil {
			t.Fatal(err)
		}
		then, err := s.Rows.Known(period)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(then); n > len(all) || !slices.Equal(then, all[:n]) || n < len(all) && all[n].AsOf <= period {
			t.Errorf("what was known on %s is not what %s remembers of it", period, end)
		}
	}
}

func needs(t *testing.T, s pack.Scenario) {
	var names []string
	for _, p := range s.Members {
		for week := range later {
			d, err := s.Needs.Declare(p.ID, week, 0)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := s.Needs.Declare(p.ID, week, 0); err != nil || !maps.Equal(d, again) {
				t.Errorf("%s declares %v and then %v, %v", p.ID, d, again, err)
			}
			if names == nil {
				names = slices.Sorted(maps.Keys(d))
			}
			whole(t, string(p.ID), names, d)
		}
		if d, err := s.Needs.Declare(p.ID, 0, -1); err == nil {
			t.Errorf("%s declares %v after -1 units", p.ID, d)
		}
	}
	if d, err := s.Needs.Declare("NOBODY-0", 0, 0); err == nil {
		t.Errorf("a stranger declares %v", d)
	}
	if d, err := s.Needs.Declare(s.Members[0].ID, -1, 0); err == nil {
		t.Errorf("%s declares %v in week -1", s.Members[0].ID, d)
	}
}

func supply(t *testing.T, s pack.Scenario) {
	var names []string
	for week := range later {
		d, err := s.Needs.Supply(week)
		if err != nil {
			t.Fatal(err)
		}
		if names == nil {
			names = slices.Sorted(maps.Keys(d))
		}
		whole(t, string(s.Operator.ID), names, d)
	}
	if d, err := s.Needs.Supply(-1); err == nil {
		t.Errorf("a supply of %v in week -1", d)
	}
}

// whole refuses other names than those of the first declaration, and negative numbers.
func whole(t *testing.T, who string, names []string, d map[string]canon.Int) {
	t.Helper()
	if got := slices.Sorted(maps.Keys(d)); len(got) == 0 || !slices.Equal(got, names) {
		t.Errorf("%s declares %v, want %v", who, got, names)
	}
	for _, name := range names {
		if d[name] < 0 {
			t.Errorf("%s declares %s = %d", who, name, d[name])
		}
	}
}

// charter fills the template. That the result is a charter which lints clean is for the
// pack's own test, which may use the adapters that read it.
func charter(t *testing.T, s pack.Scenario) {
	f := pack.Founding{ID: "test", Operator: string(s.Operator.ID), Recipe: []pack.Parameter{{Name: "rounds", Value: 7}}}
	for _, p := range append(slices.Clone(s.Members), s.Operator) {
		f.Parties = append(f.Parties, p.Founding())
	}
	text, err := pack.Draft(s.Charter, f)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Parties {
		if !strings.Contains(string(text), p.ID) {
			t.Errorf("the charter does not name %s", p.ID)
		}
	}
}
