package health

import (
	"strconv"
	"time"

	"comity/chance"
	"comity/party"
	"comity/schema"
)

// Visits is the schema of hospital visits: one row about one person, which never leaves
// its hospital.
func Visits() schema.Schema {
	return schema.Schema{
		ID: "health/visits@1",
		Columns: []schema.Column{
			{Name: "visit", Type: schema.Text, Required: true},
			{Name: "person", Type: schema.Text, Required: true, Personal: true},
			{Name: "admitted", Type: schema.Date, Least: "2020-01-01", Required: true},
			{Name: "age", Type: schema.Integer, Unit: "years", Least: "0", Most: "120", Required: true, Personal: true},
			{Name: "sex", Type: schema.Category, Values: []string{"female", "male", "other"}, Required: true, Personal: true},
			{Name: "severity", Type: schema.Category, Values: []string{"mild", "severe", "critical"}, Required: true, Personal: true},
			{Name: "days", Type: schema.Integer, Unit: "days", Least: "0", Most: "365", Personal: true},
			{Name: "outcome", Type: schema.Category, Values: []string{"home", "died", "still in"}, Required: true, Personal: true},
		},
		Key:    []string{"visit"},
		Person: "person",
	}
}

// The made-up visits of one member: so many, at least and more at most.
const (
	leastVisits = 200
	moreVisits  = 600
)

// visits makes up the visits of one member, header first. They are drawn so that older
// people are worse off, and follow no real hospital.
func visits(seed chance.Seed, id party.ID) [][]string {
	start, err := time.Parse(time.DateOnly, firstOrigin)
	if err != nil {
		panic(err) // A constant.
	}
	lots := chance.NewStream(chance.Derive(seed, "visits", string(id)))
	s := Visits()
	rows := [][]string{{}}
	for _, c := range s.Columns {
		rows[0] = append(rows[0], c.Name)
	}
	for n := range leastVisits + lots.IntN(moreVisits) {
		age := min(lots.IntN(60)+lots.IntN(60), 110)
		severity := 0
		for lots.IntN(220) < age && severity < 2 {
			severity++
		}
		outcome := 0
		switch {
		case severity == 2 && lots.IntN(200) < age:
			outcome = 1
		case lots.IntN(12) == 0:
			outcome = 2
		}
		days := 1 + lots.IntN(4) + severity*lots.IntN(12)
		rows = append(rows, []string{
			strconv.Itoa(n + 1), string(id) + "-" + strconv.Itoa(lots.IntN(4000)),
			start.AddDate(0, 0, -lots.IntN(56)).Format(time.DateOnly), strconv.Itoa(age),
			s.Columns[4].Values[min(lots.IntN(101)/50, 2)], s.Columns[5].Values[severity], strconv.Itoa(days), s.Columns[7].Values[outcome],
		})
	}
	return rows
}
