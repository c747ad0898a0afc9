package health

import (
	_ "embed" // The table of places.
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"comity/pack"
	"comity/party"
)

// table is the text of places.csv, which names the source of every column.
//
//go:embed places.csv
var table string

// place is one row of the table.
type place struct {
	id         party.ID
	name       string
	population int64 // Thousands of people.
	latitude   int64 // Degrees north.
	travel     int64 // 1 to 8.
	group      string
	notes      []string
}

// places reads the table, ascending by id. It panics on a broken one: it is our own.
func places() []place {
	in := csv.NewReader(strings.NewReader(table))
	in.Comment = '#'
	rows, err := in.ReadAll()
	if err != nil {
		panic(err)
	}
	var all []place
	for _, row := range rows[1:] {
		var numbers [3]int64
		for i := range numbers {
			if numbers[i], err = strconv.ParseInt(row[2+i], 10, 64); err != nil {
				panic(err)
			}
		}
		all = append(all, place{party.ID(row[0]), row[1], numbers[0], numbers[1], numbers[2], row[5], strings.Fields(row[6])})
	}
	return all
}

// respiratory returns the thirty members of the default scenario, ascending by id.
func respiratory() []place {
	return slices.DeleteFunc(places(), func(p place) bool { return !p.is("member") })
}

// is tells whether the table notes something about p.
func (p place) is(note string) bool { return slices.Contains(p.notes, note) }

// populationFact returns how many people live at p, and who says so.
func (p place) populationFact() pack.Fact {
	f := pack.Fact{
		Name: "population", Value: 1000 * p.population, Unit: "people", Year: 2024,
		Source: "United Nations, World Population Prospects 2024, medium variant, 1 July 2024 (CC BY 3.0 IGO)",
	}
	if strings.HasPrefix(string(p.id), "GB-") {
		f.Year = 2023
		f.Source = "Office for National Statistics, mid-2023 population estimates (Open Government Licence v3.0)"
	}
	return f
}
