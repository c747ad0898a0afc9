package forecast

import (
	"errors"
	"strings"
	"testing"
)

func TestObservationsRefused(t *testing.T) {
	t.Parallel()
	good := Observation{AsOf: "2024-01-05", Target: flu, Place: "AT", Date: "2023-12-31", Value: 5}
	for name, c := range map[string]struct {
		change func(*Observation)
		want   error
	}{
		"place":              {func(o *Observation) { o.Place = "at" }, ErrObservation},
		"no target":          {func(o *Observation) { o.Target = "" }, ErrObservation},
		"long target":        {func(o *Observation) { o.Target = strings.Repeat("x", 101) }, ErrObservation},
		"negative":           {func(o *Observation) { o.Value = -1 }, ErrObservation},
		"enormous":           {func(o *Observation) { o.Value = MaxValue + 1 }, ErrObservation},
		"withdrawn value":    {func(o *Observation) { o.Withdrawn = true }, ErrObservation},
		"no snapshot":        {func(o *Observation) { o.AsOf = "" }, ErrDate},
		"impossible day":     {func(o *Observation) { o.AsOf = "2024-02-30" }, ErrDate},
		"week ends saturday": {func(o *Observation) { o.Date = "2023-12-30" }, ErrDate},
		"before 1970":        {func(o *Observation) { o.Date = "1969-12-28" }, ErrDate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := good
			c.change(&bad)
			if _, err := NewArchive([]Observation{good, bad}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	again := good
	if _, err := NewArchive([]Observation{good, again}); err != nil {
		t.Errorf("the same row twice: %v", err)
	}
	again.Value++
	if _, err := NewArchive([]Observation{good, again}); !errors.Is(err, ErrObservation) {
		t.Errorf("two values of one week in one snapshot: got %v, want ErrObservation", err)
	}
}

func TestWithdrawals(t *testing.T) {
	t.Parallel()
	// The snapshot's last week end is 2024-04-07: 2024-01-14 is twelve weeks before it.
	const snapshot = "2024-04-12"
	rows := []Observation{
		{AsOf: "2024-03-01", Target: flu, Place: "AT", Date: "2024-01-07", Value: 1000},
		{AsOf: "2024-03-01", Target: flu, Place: "AT", Date: "2024-01-14", Value: 2000},
		{AsOf: "2024-03-01", Target: flu, Place: "AT", Date: "2024-01-21", Value: 3000},
		{AsOf: snapshot, Target: flu, Place: "AT", Date: "2024-01-07", Withdrawn: true},
		{AsOf: snapshot, Target: flu, Place: "AT", Date: "2024-01-14", Withdrawn: true},
		{AsOf: "2024-04-19", Target: flu, Place: "AT", Date: "2024-01-21", Value: 4000},
	}
	a := archive(t, rows)
	var got [][3]int64
	days := []int{}
	for _, day := range []string{"2024-02-28", "2024-04-10", "2024-04-17", "2024-04-24"} {
		d, err := parseDay(day)
		if err != nil {
			t.Fatal(err)
		}
		days = append(days, d)
	}
	origin := weekOf(days[3])
	p := newPanel(a, []string{flu}, origin, 60)
	first, err := parseWeek("2024-01-07")
	if err != nil {
		t.Fatal(err)
	}
	a.snapshots(p, days, func(int) {
		var known [3]int64
		for i := range known {
			known[i] = p.natural[0][int(first-p.first)+i]
		}
		got = append(got, known)
	})
	want := [][3]int64{
		{missing, missing, missing},
		{1000, 2000, 3000},
		{1000, missing, 3000}, // Thirteen weeks back is not honoured, twelve are.
		{1000, missing, 4000},
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("state %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestWeeks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		date           string
		season, ofYear int
	}{
		{"1970-01-04", 1970, 1},
		{"2023-07-30", 2023, 30},
		{"2023-08-06", 2024, 31},
		{"2023-12-31", 2024, 52},
		{"2021-01-03", 2021, 53},
		{"2024-12-29", 2025, 52},
		{"2025-01-05", 2025, 1},
	} {
		w, err := parseWeek(c.date)
		if err != nil {
			t.Fatal(err)
		}
		if w.String() != c.date || w.season() != c.season || w.ofYear() != c.ofYear {
			t.Errorf("%s reads as %s, season %d, week %d; want season %d, week %d", c.date, w, w.season(), w.ofYear(), c.season, c.ofYear)
		}
	}
}
