package csv_test

import (
	"errors"
	"strings"
	"testing"

	"comity/adapter/csv"
	"comity/packs/health/campaign"
)

const people = "country,iso3,pop_80plus,pop_0_79\nB,BBB,7,100\nA,AAA,5,90\n"

func TestReadPopulationSortsCountriesAndAges(t *testing.T) {
	countries, bands, err := csv.ReadPopulation("people.csv", strings.NewReader(people))
	if err != nil {
		t.Fatal(err)
	}
	if len(bands) != 2 || bands[0].From != 0 || bands[0].To != 79 || bands[1].From != 80 || bands[1].To != 0 {
		t.Errorf("bands %+v", bands)
	}
	if len(countries) != 2 || countries[0].ID != "AAA" || countries[0].People[0] != 90 || countries[1].People[1] != 7 {
		t.Errorf("countries %+v", countries)
	}
}

func TestTheLastDosesOfACountryCount(t *testing.T) {
	countries, _, err := csv.ReadPopulation("people.csv", strings.NewReader(people))
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.ReadDosesGiven("doses.csv", strings.NewReader("iso3,total_vaccinations\nAAA,5\nAAA,\nZZZ,2\nAAA,9\n"), countries)
	if err != nil || all != 11 || countries[0].Doses != 9 || countries[1].Doses != 0 {
		t.Errorf("all %d, countries %+v, %v", all, countries, err)
	}
}

func TestCampaignTablesAreRefusedWithTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no ages", "iso3,country\nAAA,A\n", "t.csv:1:1"},
		{"an age twice", "iso3,pop_0_4,pop_0_9\nAAA,1,1\n", "t.csv:1:14"},
		{"no age", "iso3,pop_young\nAAA,1\n", "t.csv:1:6"},
		{"people below zero", "iso3,pop_0_4\nAAA,-1\n", "t.csv:2:5"},
		{"half a person", "iso3,pop_0_4\nAAA,1.5\n", "t.csv:2:5"},
		{"too many people", "iso3,pop_0_4\nAAA,99999999999999999999\n", "t.csv:2:5"},
		{"no country", "iso3,pop_0_4\n,1\n", "t.csv:2:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := csv.ReadPopulation("t.csv", strings.NewReader(c.text))
			refusedAt(t, err, c.want)
		})
	}
	bands := []campaign.Band{{From: 0, To: 4}, {From: 80}}
	for _, c := range []struct{ name, text, want string }{
		{"an age missing", "age_group,ifr_levin2020\n0-4,0.1\n", "t.csv:2:1"},
		{"an age twice", "age_group,ifr_levin2020\n0-4,0.1\n0-4,0.1\n", "t.csv:3:1"},
		{"no number", "age_group,ifr_levin2020\n0-4,nan\n80+,1\n", "t.csv:2:5"},
		{"more digits than are kept", "age_group,ifr_levin2020\n0-4,0.12345678901234567890123456789012345678901\n80+,1\n", "t.csv:2:5"},
		{"no age", "age_group,ifr_levin2020\nold,0.1\n", "t.csv:2:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			refusedAt(t, csv.ReadFatality("t.csv", strings.NewReader(c.text), bands), c.want)
		})
	}
}

func refusedAt(t *testing.T, err error, place string) {
	t.Helper()
	if refused := new(csv.Error); !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), place+":") {
		t.Errorf("got %v, want a refusal at %s", err, place)
	}
}

func FuzzReadPopulation(f *testing.F) {
	f.Add(people)
	f.Add("iso3,pop_0_4\nAAA,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		countries, bands, err := csv.ReadPopulation("t.csv", strings.NewReader(text))
		if err != nil {
			if refused := new(csv.Error); !errors.As(err, &refused) {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		for _, c := range countries {
			if len(c.People) != len(bands) {
				t.Fatalf("%d bands, %d numbers of people", len(bands), len(c.People))
			}
		}
	})
}
