package pack_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity/modeler/forecast"
	"comity/pack"
)

func scenario() pack.Scenario {
	return pack.Scenario{
		Name: "test", Start: "2026-11-18",
		Members: []pack.Party{{ID: "KE", Kind: "state", Name: "Kenya", Weight: "1", Groups: []string{"africa"}, Facts: []pack.Fact{{Name: "population", Value: 7}}}},
	}
}

func TestPeriodAndWeekAreInverse(t *testing.T) {
	s := scenario()
	rapid.Check(t, func(t *rapid.T) {
		week := rapid.IntRange(0, 2000).Draw(t, "week")
		period, err := s.Period(week)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Week(period); err != nil || got != week {
			t.Fatalf("Week(%s) = %d, %v; want %d", period, got, err, week)
		}
	})
	if got, err := s.Period(1); err != nil || got != "2026-11-25" {
		t.Fatalf("Period(1) = %s, %v; want 2026-11-25", got, err)
	}
}

func TestWeekRefusesOtherDates(t *testing.T) {
	for _, period := range []string{"", "2026-11-11", "2026-11-19", "2026-11-24", "2026-02-30", "18.11.2026"} {
		if week, err := scenario().Week(period); !errors.Is(err, pack.ErrPeriod) {
			t.Errorf("Week(%q) = %d, %v; want ErrPeriod", period, week, err)
		}
	}
	broken := scenario()
	broken.Start = "soon"
	if _, err := broken.Period(0); !errors.Is(err, pack.ErrPeriod) {
		t.Errorf("Period of a scenario that starts soon: %v; want ErrPeriod", err)
	}
	if _, err := broken.Week("2026-11-18"); !errors.Is(err, pack.ErrPeriod) {
		t.Errorf("Week of a scenario that starts soon: %v; want ErrPeriod", err)
	}
}

func TestLookingUp(t *testing.T) {
	p, err := scenario().Member("KE")
	if err != nil {
		t.Fatal(err)
	}
	want := pack.FoundingParty{ID: "KE", Kind: "state", Name: "Kenya", Weight: "1", Groups: []string{"africa"}}
	if diff := cmp.Diff(want, p.Founding()); diff != "" {
		t.Errorf("-want +founding\n%s", diff)
	}
	if f, err := p.Fact("population"); err != nil || f.Value != 7 {
		t.Errorf("Fact(population) = %v, %v; want 7", f, err)
	}
	if _, err := p.Fact("area"); !errors.Is(err, pack.ErrUnknown) {
		t.Errorf("Fact(area): %v; want ErrUnknown", err)
	}
	if _, err := scenario().Member("NO"); !errors.Is(err, pack.ErrUnknown) {
		t.Errorf("Member(NO): %v; want ErrUnknown", err)
	}
}

func TestRecordedKnowsNothingOfTheFuture(t *testing.T) {
	row := func(asOf, date string) forecast.Observation {
		return forecast.Observation{AsOf: asOf, Target: "x", Place: "KE", Date: date}
	}
	rows := pack.Recorded{row("2026-11-13", "2026-11-08"), row("2026-11-06", "2026-11-01"), row("2026-11-06", "2026-10-25")}
	got, err := rows.Known("2026-11-06")
	want := []forecast.Observation{rows[2], rows[1]}
	if places := rows.Places(); len(places) != 1 || places[0] != "KE" {
		t.Errorf("Places = %v, want KE", places)
	}
	if err != nil || !cmp.Equal(got, want) {
		t.Fatalf("Known: %v, %v; want %v", got, err, want)
	}
}

func TestOriginIsTheWednesdayAfter(t *testing.T) {
	for newest, want := range map[string]string{
		"2026-11-13": "2026-11-18", "2026-11-17": "2026-11-18", "2026-11-18": "2026-11-18", "2026-11-19": "2026-11-25", "2026-12-31": "2027-01-06",
	} {
		rows := pack.Recorded{{AsOf: "2025-01-03"}, {AsOf: newest}, {AsOf: "2026-11-06"}}
		if got, err := rows.Origin(); err != nil || got != want {
			t.Errorf("a newest snapshot of %s gives the origin %s, %v; want %s", newest, got, err, want)
		}
	}
	if got, err := (pack.Recorded{}).Origin(); !errors.Is(err, pack.ErrPeriod) {
		t.Errorf("no rows give the origin %q, %v; want ErrPeriod", got, err)
	}
}

func TestDraftFillsTheTemplate(t *testing.T) {
	const text = "id: {{quote .ID}}\n{{range .Parties}}- {{quote .Name}} {{.Threshold}}\n{{end}}{{range .Recipe}}{{.Name}}={{.Value}}\n{{end}}"
	got, err := pack.Draft(text, pack.Founding{
		ID:      "vaccines",
		Parties: []pack.FoundingParty{{Name: "Côte \"d'Ivoire\"", Threshold: 2}},
		Recipe:  []pack.Parameter{{Name: "rounds", Value: 8}},
	})
	want := "id: \"vaccines\"\n- \"Côte \\\"d'Ivoire\\\"\" 2\nrounds=8\n"
	if err != nil || string(got) != want {
		t.Fatalf("Draft = %q, %v; want %q", got, err, want)
	}
	for _, broken := range []string{"{{.Nobody}}", "{{range}}", "{{quote 7}}"} {
		if out, err := pack.Draft(broken, pack.Founding{}); err == nil {
			t.Errorf("Draft(%q) = %q, want an error", broken, out)
		}
	}
}

func TestNoNameAddsALine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"a\u0085b", "a\u2028b", "a\r\nb: c", "\x00"})).Draw(t, "name")
		got, err := pack.Draft("{{quote .ID}}", pack.Founding{ID: name})
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(string(got), "\n\r\u2028\u2029\u0085") {
			t.Fatalf("quote(%q) = %q holds a line break", name, got)
		}
	})
}
