package csv

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"comity/exact"
	"comity/packs/health/campaign"
	"comity/party"
)

// maxCountries bounds the rows of a table of countries: there are about 250.
const maxCountries = 10_000

// ReadPopulation reads people by country and age: iso3 and one column for each age band,
// pop_0_4 to pop_80plus or so, in any order. Countries come back ascending, bands without
// fatalities. Errors are *Error.
func ReadPopulation(name string, in io.Reader) ([]campaign.Country, []campaign.Band, error) {
	t, at, err := open(name, in, []string{"iso3"}, 1)
	if err != nil {
		return nil, nil, err
	}
	type column struct {
		band campaign.Band
		at   int
	}
	var columns []column
	for j, c := range t.cells { // Still the header.
		ages, ok := strings.CutPrefix(string(c.text), "pop_")
		if !ok {
			continue
		}
		band, ok := ageBand(strings.ReplaceAll(ages, "_", "-"))
		if !ok {
			return nil, nil, t.fail(c.column, fmt.Sprintf("column %q is no age band", clip(c.text)), "write pop_20_24, or pop_80plus for the last")
		}
		columns = append(columns, column{band, j})
	}
	slices.SortFunc(columns, func(a, b column) int { return a.band.From - b.band.From })
	var bands []campaign.Band
	for i, c := range columns {
		if i > 0 && columns[i-1].band.From == c.band.From {
			return nil, nil, t.fail(t.cells[c.at].column, fmt.Sprintf("age %d begins a second band", c.band.From), "keep one of the two")
		}
		bands = append(bands, c.band)
	}
	if len(bands) == 0 {
		return nil, nil, t.fail(1, "no column of an age band", "add columns such as pop_0_4 and pop_80plus")
	}
	var countries []campaign.Country
	err = t.each(func(cells []cell) error {
		c := campaign.Country{ID: party.ID(cells[at[0]].text)}
		if err := c.ID.Check(); err != nil {
			return t.fail(cells[at[0]].column, err.Error(), "write the ISO 3166 code of the country, such as KEN")
		}
		for _, column := range columns {
			n, err := t.count(cells[column.at])
			if err != nil {
				return err
			}
			c.People = append(c.People, n)
		}
		if len(countries) == maxCountries {
			return t.fail(1, fmt.Sprintf("more than %d countries", maxCountries), "check that this is the right file")
		}
		countries = append(countries, c)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(countries, func(a, b campaign.Country) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return countries, bands, nil
}

// ReadFatality reads infection fatality ratios by age: age_group ("20-24", "80+") and
// ifr_levin2020, exact decimals. Every band must be there.
func ReadFatality(name string, in io.Reader, bands []campaign.Band) error {
	t, at, err := open(name, in, []string{"age_group", "ifr_levin2020"}, 2)
	if err != nil {
		return err
	}
	found := make([]bool, len(bands))
	err = t.each(func(cells []cell) error {
		band, ok := ageBand(string(cells[at[0]].text))
		i := slices.IndexFunc(bands, func(b campaign.Band) bool { return b.From == band.From && b.To == band.To })
		switch {
		case !ok:
			return t.fail(cells[at[0]].column, fmt.Sprintf("%q is no age band", clip(cells[at[0]].text)), "write 20-24, or 80+ for the last")
		case i < 0:
			return nil // Of ages that the population does not list.
		case found[i]:
			return t.fail(cells[at[0]].column, fmt.Sprintf("age band %s twice", cells[at[0]].text), "keep one of the two")
		}
		found[i] = true
		bands[i].Fatality, err = t.decimal(cells[at[1]])
		return err
	})
	if err != nil {
		return err
	}
	if i := slices.Index(found, false); i >= 0 {
		return t.fail(1, fmt.Sprintf("no fatality for ages from %d", bands[i].From), "add a row for it")
	}
	return nil
}

// ReadHealthWorkers adds the estimated number of health workers: iso3 and
// health_workers_est. A country without a row, or without a number, has none.
func ReadHealthWorkers(name string, in io.Reader, countries []campaign.Country) error {
	t, at, err := open(name, in, []string{"iso3", "health_workers_est"}, 2)
	if err != nil {
		return err
	}
	return t.each(func(cells []cell) error {
		i, ok := findCountry(countries, cells[at[0]])
		if !ok || len(cells[at[1]].text) == 0 {
			return nil
		}
		countries[i].HealthWorkers, err = t.count(cells[at[1]])
		return err
	})
}

// ReadDosesGiven adds the doses that each country has given: iso3 and
// total_vaccinations, cumulative, of which a country's last one counts. It returns the
// sum over all countries, also those without people in the campaign.
func ReadDosesGiven(name string, in io.Reader, countries []campaign.Country) (all int64, err error) {
	t, at, err := open(name, in, []string{"iso3", "total_vaccinations"}, 2)
	if err != nil {
		return 0, err
	}
	last := map[string]int64{}
	err = t.each(func(cells []cell) error {
		if len(cells[at[1]].text) == 0 {
			return nil
		}
		n, err := t.count(cells[at[1]])
		if err != nil {
			return err
		}
		id := string(cells[at[0]].text)
		if _, known := last[id]; !known && len(last) == maxCountries {
			return t.fail(1, fmt.Sprintf("more than %d countries", maxCountries), "check that this is the right file")
		}
		all += n - last[id] // Differences of counts below 2^53, in at most 2^20 rows of which few differ.
		last[id] = n
		if i, ok := findCountry(countries, cells[at[0]]); ok {
			countries[i].Doses = n
		}
		return nil
	})
	return all, err
}

func findCountry(countries []campaign.Country, id cell) (int, bool) {
	return slices.BinarySearchFunc(countries, string(id.text), func(c campaign.Country, id string) int { return strings.Compare(string(c.ID), id) })
}

// ageBand reads "20-24", "80+" or "80plus".
func ageBand(text string) (b campaign.Band, ok bool) {
	if age, last := strings.CutSuffix(strings.Replace(text, "plus", "+", 1), "+"); last {
		b.From, ok = years(age)
		return b, ok
	}
	from, to, _ := strings.Cut(text, "-")
	var okTo bool
	b.From, ok = years(from)
	b.To, okTo = years(to)
	return b, ok && okTo && b.To >= b.From && b.To > 0
}

// years reads an age of at most three digits.
func years(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return int(n), err == nil && len(text) <= 3
}

// count reads a whole number of people or doses.
func (t *table) count(c cell) (int64, error) {
	n, err := strconv.ParseUint(string(c.text), 10, 53)
	if err != nil {
		return 0, t.fail(c.column, fmt.Sprintf("%q is no whole number from 0 to 2^53", clip(c.text)), "write digits only, such as 106766")
	}
	return int64(n), nil
}

// decimal reads a number such as "7.26106e-06" exactly.
func (t *table) decimal(c cell) (exact.Rat, error) {
	const mostDigits, mostExponent = 40, 40 // A share of people needs far fewer.
	value, err := exact.ParseScientific(string(c.text), mostDigits, mostExponent)
	if err != nil {
		return exact.Rat{}, t.fail(c.column, err.Error(), "write digits with a point, such as 0.0075 or 7.5e-3")
	}
	return value, nil
}
