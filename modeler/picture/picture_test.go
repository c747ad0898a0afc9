package picture_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/canon"
	"comity/modeler/picture"
	"comity/party"
)

const period = "2024-02-07" // A Wednesday; the Sunday before is the 4th.

func model() canon.Digest { return canon.Sum([]byte("model")) }

func quantiles(from, step int) []canon.Int {
	q := make([]canon.Int, len(comity.QuantileLevels))
	for i := range q {
		q[i] = canon.Int(from + i*step)
	}
	return q
}

func forecast(author party.ID, targets ...string) picture.Authored {
	f := picture.Authored{Author: author, Forecast: comity.Forecast{Period: period, Model: model(), Series: []comity.Series{}}}
	for _, target := range targets {
		s := comity.Series{Place: author, Target: target, Unit: "per 100,000 per week", LastDate: "2024-01-28", Reference: 1000}
		for weeks := 1; weeks <= 4; weeks++ {
			date := time.Date(2024, 2, 4+7*(weeks-1), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			s.Horizons = append(s.Horizons, comity.Horizon{Weeks: weeks, Date: date, Quantiles: quantiles(100*weeks, weeks)})
		}
		f.Forecast.Series = append(f.Forecast.Series, s)
	}
	return f
}

func TestFreezeOrdersAndListsAbsent(t *testing.T) {
	t.Parallel()
	cohort := []party.ID{"SE", "AT", "DE", "FR"}
	p, err := picture.Freeze(period, model(), []picture.Authored{forecast("SE", "ARI", "ILI"), forecast("AT", "ILI"), forecast("FR")}, cohort)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, s := range p.Series {
		order = append(order, s.Target+" "+string(s.Place))
	}
	if want := []string{"ARI SE", "ILI AT", "ILI SE"}; !slices.Equal(order, want) {
		t.Errorf("series in order %v, want %v", order, want)
	}
	if want := []party.ID{"DE"}; !slices.Equal(p.Absent, want) {
		t.Errorf("absent %v, want %v", p.Absent, want)
	}
	if _, err := canon.Marshal(p); err != nil {
		t.Errorf("the picture has no canonical form: %v", err)
	}
	empty, err := picture.Freeze(period, model(), nil, cohort)
	if err != nil || len(empty.Series) != 0 || len(empty.Absent) != 4 {
		t.Errorf("of nothing: %d series, %v absent, %v", len(empty.Series), empty.Absent, err)
	}
}

func TestOrderLeavesNoTrace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var cohort []party.ID
		var given []picture.Authored
		for i := range rapid.IntRange(0, 12).Draw(t, "members") {
			id := party.ID(fmt.Sprintf("P%02d", i))
			cohort = append(cohort, id)
			targets := [][]string{nil, {"ARI"}, {"ILI"}, {"ARI", "ILI"}}
			if k := rapid.IntRange(-1, 3).Draw(t, "targets"); k >= 0 {
				given = append(given, forecast(id, targets[k]...))
			}
		}
		want, err := picture.Freeze(period, model(), given, cohort)
		if err != nil {
			t.Fatal(err)
		}
		got, err := picture.Freeze(period, model(), rapid.Permutation(given).Draw(t, "arrival"), rapid.Permutation(cohort).Draw(t, "cohort"))
		if err != nil {
			t.Fatal(err)
		}
		a, errA := canon.DigestOf(want)
		b, errB := canon.DigestOf(got)
		if errA != nil || errB != nil || a != b {
			t.Fatalf("another order of arrival gives another picture: %s", cmp.Diff(want, got))
		}
	})
}

func TestTamperingRefused(t *testing.T) {
	t.Parallel()
	series := func(f *picture.Authored) *comity.Series { return &f.Forecast.Series[0] }
	horizon := func(f *picture.Authored) *comity.Horizon { return &f.Forecast.Series[0].Horizons[1] }
	for name, change := range map[string]func(f *picture.Authored){
		"author outside":       func(f *picture.Authored) { f.Author = "ZZ"; f.Forecast.Series = nil },
		"author":               func(f *picture.Authored) { f.Author = "se" },
		"period":               func(f *picture.Authored) { f.Forecast.Period = "2024-02-14" },
		"model":                func(f *picture.Authored) { f.Forecast.Model = canon.Sum(nil) },
		"another's place":      func(f *picture.Authored) { series(f).Place = "AT" },
		"no target":            func(f *picture.Authored) { series(f).Target = "" },
		"long target":          func(f *picture.Authored) { series(f).Target = strings.Repeat("x", 101) },
		"long unit":            func(f *picture.Authored) { series(f).Unit = strings.Repeat("x", 101) },
		"target twice":         func(f *picture.Authored) { f.Forecast.Series[1].Target = series(f).Target },
		"targets out of order": func(f *picture.Authored) { slices.Reverse(f.Forecast.Series) },
		"too many series":      func(f *picture.Authored) { f.Forecast.Series = make([]comity.Series, 65) },
		"last date":            func(f *picture.Authored) { series(f).LastDate = "yesterday" },
		"last date later":      func(f *picture.Authored) { series(f).LastDate = "2024-02-08" },
		"last date after it":   func(f *picture.Authored) { series(f).LastDate = "2024-02-04" },
		"no reference":         func(f *picture.Authored) { series(f).Reference = 0 },
		"high reference":       func(f *picture.Authored) { series(f).Reference = picture.MaxQuantile + 1 },
		"no horizon":           func(f *picture.Authored) { series(f).Horizons = nil },
		"no weeks":             func(f *picture.Authored) { horizon(f).Weeks = 0 },
		"horizon twice":        func(f *picture.Authored) { horizon(f).Weeks = 1 },
		"far horizon":          func(f *picture.Authored) { series(f).Horizons[3].Weeks = 53 },
		"date":                 func(f *picture.Authored) { horizon(f).Date = "2024-2-11" },
		"another week's date":  func(f *picture.Authored) { horizon(f).Date = "2024-02-18" },
		"22 quantiles":         func(f *picture.Authored) { horizon(f).Quantiles = horizon(f).Quantiles[1:] },
		"no quantiles":         func(f *picture.Authored) { horizon(f).Quantiles = nil },
		"negative quantile":    func(f *picture.Authored) { horizon(f).Quantiles[0] = -1 },
		"enormous quantile":    func(f *picture.Authored) { horizon(f).Quantiles[22] = picture.MaxQuantile + 1 },
		"quantiles fall":       func(f *picture.Authored) { horizon(f).Quantiles[7] = horizon(f).Quantiles[8] + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := forecast("SE", "ARI", "ILI")
			change(&bad)
			_, err := picture.Freeze(period, model(), []picture.Authored{forecast("AT", "ILI"), bad}, []party.ID{"AT", "SE"})
			if !errors.Is(err, picture.ErrRefused) {
				t.Errorf("got %v, want ErrRefused", err)
			}
		})
	}
	twice := []picture.Authored{forecast("AT", "ILI"), forecast("AT", "ARI")}
	if _, err := picture.Freeze(period, model(), twice, []party.ID{"AT"}); !errors.Is(err, picture.ErrRefused) {
		t.Errorf("two forecasts of one author: got %v, want ErrRefused", err)
	}
	if _, err := picture.Freeze("2024-02-30", model(), nil, nil); !errors.Is(err, picture.ErrRefused) {
		t.Errorf("no such day: got %v, want ErrRefused", err)
	}
}

func TestCheckAgreesWithFreeze(t *testing.T) {
	t.Parallel()
	good := forecast("AT", "ARI", "ILI")
	if err := picture.Check(good); err != nil {
		t.Error(err)
	}
	good.Forecast.Series[0].Horizons[0].Quantiles[3] = 0
	if err := picture.Check(good); !errors.Is(err, picture.ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
}
