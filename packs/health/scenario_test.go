package health_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity/chance"
	"comity/modeler/forecast"
	"comity/pack"
	"comity/pack/packtest"
	"comity/packs/health"
	"comity/party"
	"comity/quantity"
)

func respiratory(t testing.TB) pack.Scenario {
	t.Helper()
	s, err := health.Scenario("respiratory", chance.Seed{1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRespiratory(t *testing.T) {
	s := respiratory(t)
	if len(s.Members) != 30 || s.Label != pack.Synthetic || s.Operator.ID != "SECRETARIAT" || s.Operator.Weight != "0" {
		t.Errorf("%d members, label %q, operator %s of weight %s", len(s.Members), s.Label, s.Operator.ID, s.Operator.Weight)
	}
	check(t, s)
	groups := map[string]int{}
	for _, p := range s.Members {
		for _, g := range p.Groups {
			groups[g]++
		}
	}
	for _, g := range []string{"africa", "americas", "asia", "europe", "oceania", "small-island"} {
		if groups[g] < 3 {
			t.Errorf("%d members in group %s, want at least 3", groups[g], g)
		}
	}
	rows, err := s.Rows.Known(s.Start)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range s.Targets {
		if !slices.ContainsFunc(rows, func(o forecast.Observation) bool { return o.Target == target.Name }) {
			t.Errorf("no rows of %s", target.Name)
		}
	}
	if _, err := health.Scenario("flood", chance.Seed{}); !errors.Is(err, pack.ErrUnknown) {
		t.Errorf("Scenario(flood): %v; want ErrUnknown", err)
	}
}

// check holds what is true of every scenario of this pack.
func check(t *testing.T, s pack.Scenario) {
	t.Helper()
	packtest.Run(t, s)
	for _, p := range s.Members {
		population, err := p.Fact("population")
		if err != nil {
			t.Fatal(err)
		}
		if population.Value < 30_000 || population.Value > 1_500_000_000 || population.Year < 2023 {
			t.Errorf("%s has population %+v", p.ID, population)
		}
		for _, f := range p.Facts {
			if f.Value <= 0 || (f.Year == 0) != strings.HasPrefix(f.Source, "scenario assumption") {
				t.Errorf("%s: a fact that is neither dated nor an assumption: %+v", p.ID, f)
			}
		}
	}
}

func TestObserved(t *testing.T) {
	// The locations of the European respiratory forecast hub.
	const hub = "AT BE BG CH CY CZ DE DK EE ES FI FR GB-ENG GB-NIR GB-SCT GB-WLS GR HR HU IE IS IT LT LU LV MT NL NO PL PT RO SI SK"
	var rows []forecast.Observation
	for id := range strings.FieldsSeq(hub) {
		rows = append(rows, forecast.Observation{AsOf: "2024-11-08", Target: health.ILI, Place: party.ID(id), Date: "2024-11-03"})
	}
	s, err := health.Observed(rows, "2024-11-13")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Members) != 33 || s.Label != "" || s.Start != "2024-11-13" {
		t.Errorf("%d members, label %q, start %s; want 33, none, 2024-11-13", len(s.Members), s.Label, s.Start)
	}
	check(t, s)
	known, err := s.Rows.Known(s.Start)
	if err != nil || len(known) != len(rows) {
		t.Errorf("%d rows known, %v; want %d", len(known), err, len(rows))
	}
	if len(s.Targets) != 1 || s.Targets[0].Name != health.ILI {
		t.Errorf("targets %v of rows of %s", s.Targets, health.ILI)
	}
	other := slices.Clone(rows)
	for i := range other {
		other[i].Target = "COVID inc death"
	}
	if _, err := health.Observed(other, "2024-11-13"); !errors.Is(err, pack.ErrUnknown) {
		t.Errorf("rows of another target: %v; want ErrUnknown", err)
	}
	if _, err := health.Observed(nil, "2024-11-13"); !errors.Is(err, pack.ErrUnknown) {
		t.Errorf("no rows: %v; want ErrUnknown", err)
	}
	rows = append(rows, forecast.Observation{Place: "XA"}, forecast.Observation{Place: "QQ"})
	_, err = health.Observed(rows, "2024-11-13")
	if !errors.Is(err, pack.ErrUnknown) || !strings.Contains(err.Error(), "QQ, XA") {
		t.Errorf("two unknown places: %v; want ErrUnknown naming QQ, XA", err)
	}
}

func TestDeclarations(t *testing.T) {
	s := respiratory(t)
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(s.Members).Draw(t, "member")
		fact, err := p.Fact("population")
		if err != nil {
			t.Fatal(err)
		}
		week := rapid.IntRange(0, 1040).Draw(t, "week")
		got := rapid.Int64Range(0, fact.Value).Draw(t, "received")
		d, err := s.Needs.Declare(p.ID, week, quantity.Amount(got))
		if err != nil {
			t.Fatal(err)
		}
		if slices.Min(slices.Collect(maps.Values(d))) < 0 {
			t.Fatalf("a negative number: %v", d)
		}
		if int64(d["population"]-d["frontline_unvaccinated"]-d["unvaccinated"]) != got {
			t.Fatalf("after %d doses %v; want the unvaccinated of both groups to be all others", got, d)
		}
		if d["unvaccinated"] < d["population"]-d["population"]/50 && d["frontline_unvaccinated"] > 0 || int64(d["stock"]) > got {
			t.Fatalf("after %d doses %v; want the front line first and no more in store than came", got, d)
		}
	})
	for _, bad := range []struct {
		id       party.ID
		week     int
		received quantity.Amount
		want     error
	}{
		{"XX", 0, 0, pack.ErrUnknown},
		{"KE", -1, 0, pack.ErrPeriod},
		{"KE", 1041, 0, pack.ErrPeriod},
		{"KE", 1, -1, pack.ErrReceived},
		{"WS", 1, 218_001, pack.ErrReceived},
	} {
		if got, err := s.Needs.Declare(bad.id, bad.week, bad.received); !errors.Is(err, bad.want) {
			t.Errorf("Declare(%s, %d, %d) = %v, %v; want %v", bad.id, bad.week, bad.received, got, err, bad.want)
		}
	}
}

func TestSupplyIsScarce(t *testing.T) {
	s := respiratory(t)
	supply, err := s.Needs.Supply(0)
	if err != nil {
		t.Fatal(err)
	}
	var people, frontline, stores int64
	for _, p := range s.Members {
		d, err := s.Needs.Declare(p.ID, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		people += int64(d["population"])
		frontline += int64(d["frontline_unvaccinated"])
		stores += int64(d["cold_chain_capacity"] - d["stock"])
	}
	doses := int64(supply["doses"])
	if doses <= 0 || doses*100 > people || doses > frontline || doses > stores {
		t.Errorf("%d doses for %d people, %d at the front line, room for %d", doses, people, frontline, stores)
	}
	for _, week := range []int{-1, 1041} {
		if got, err := s.Needs.Supply(week); !errors.Is(err, pack.ErrPeriod) {
			t.Errorf("Supply(%d) = %v, %v; want ErrPeriod", week, got, err)
		}
	}
}
