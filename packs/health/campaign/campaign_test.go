package campaign_test

import (
	"errors"
	"math/big"
	"testing"

	"comity/allocator/certificate"
	"comity/exact"
	"comity/packs/health/campaign"
	"comity/quantity"
)

func facts() campaign.Facts {
	tenth := exact.FromBig(big.NewRat(1, 10))
	return campaign.Facts{
		Bands: []campaign.Band{{From: 0, To: 14}, {From: 20, To: 64, Fatality: exact.FromBig(big.NewRat(1, 100))}, {From: 80, Fatality: tenth}},
		Countries: []campaign.Country{
			{ID: "AAA", People: []int64{50, 100, 10}, HealthWorkers: 20, Doses: 3},
			{ID: "BBB", People: []int64{50, 200, 30}, HealthWorkers: 900, Doses: 1},
		},
		AllDoses: 8, Terms: campaign.Usual(),
	}
}

func TestGroupsOfOneCountry(t *testing.T) {
	p, err := facts().Problem(campaign.Optimum, 40)
	if err != nil {
		t.Fatal(err)
	}
	// Children are not eligible; 20 of 100 work in health; four fifths of each take part.
	for j, want := range []quantity.Amount{0, 64, 8, 16} {
		if p.Columns[j].Upper != want {
			t.Errorf("column %s takes up %d, want %d", p.Columns[j].ID, p.Columns[j].Upper, want)
		}
	}
	// At most half of the people of working age count as health workers.
	if got := p.Columns[7]; got.ID != "BBB/workers" || got.Upper != 80 {
		t.Errorf("got %+v", got)
	}
	if err := certificate.CheckShape(p); err != nil {
		t.Error(err)
	}
}

func TestStrategiesDivide(t *testing.T) {
	f := facts()
	for strategy, want := range map[campaign.Strategy][]quantity.Amount{
		campaign.Proportional: {14, 25}, // 40 by 160 and 280 people: 14.5 and 25.4.
		campaign.Observed:     {15, 5},  // By 3 and 1 of 8 doses: half went elsewhere.
	} {
		p, err := f.Problem(strategy, 40)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if got := *p.Rows[i].Upper; got != w {
				t.Errorf("%s: %s may get %d, want %d", strategy, p.Rows[i].ID, got, w)
			}
		}
	}
	p, err := f.Problem(campaign.Floored, 40)
	if err != nil || *p.Rows[0].Lower != 4 || *p.Rows[1].Lower != 8 { // 3 % of 160 and 280.
		t.Errorf("floors %v, %v", p.Rows, err)
	}
}

func TestEffectCountsDeaths(t *testing.T) {
	f := facts()
	p, err := f.Problem(campaign.WorkersFirst, 40)
	if err != nil {
		t.Fatal(err)
	}
	units := make([]quantity.Amount, len(p.Columns))
	units[2], units[3] = 8, 5 // Of AAA: age 80 and over, workers.
	e, err := f.Effect(p, units)
	if err != nil {
		t.Fatal(err)
	}
	// 3/10 · 9/10 · (8/10 + 5/100); the weight of workers is in the aim and not in the count.
	want := exact.FromBig(big.NewRat(27*85, 10_000))
	if e.Deaths.Cmp(want) != 0 || e.Courses != 13 || e.Workers != 5 || e.Served != 1 {
		t.Errorf("got %+v, want %s deaths", e, want)
	}
}

func TestFactsThatDoNotFitAreRefused(t *testing.T) {
	for name, change := range map[string]func(*campaign.Facts){
		"no countries":          func(f *campaign.Facts) { f.Countries = nil },
		"country twice":         func(f *campaign.Facts) { f.Countries[1].ID = "AAA" },
		"band missing":          func(f *campaign.Facts) { f.Countries[0].People = f.Countries[0].People[:2] },
		"people below zero":     func(f *campaign.Facts) { f.Countries[0].People[0] = -1 },
		"fatality above one":    func(f *campaign.Facts) { f.Bands[0].Fatality = exact.Int(2) },
		"too many digits":       func(f *campaign.Facts) { f.Bands[0].Fatality = exact.FromBig(big.NewRat(1, 1<<41+1)) },
		"supply below zero":     func(f *campaign.Facts) { f.AllDoses = -1 },
		"more people than ever": func(f *campaign.Facts) { f.Countries[0].HealthWorkers = 1 << 41 },
	} {
		f := facts()
		change(&f)
		if _, err := f.Problem(campaign.Optimum, f.AllDoses); !errors.Is(err, campaign.ErrData) {
			t.Errorf("%s: got %v, want ErrData", name, err)
		}
	}
	if _, err := facts().Problem("BEST", 1); !errors.Is(err, campaign.ErrStrategy) {
		t.Errorf("got %v, want ErrStrategy", err)
	}
}
