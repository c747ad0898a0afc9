package hindcast

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"comity/modeler/forecast"
	"comity/party"
)

// book holds tasks and observations and keeps the calendar of their hub.
//
// Package forecast counts weeks that end on Sundays and forecasts on Wednesdays the four
// weeks from the Sunday before: RespiCast's calendar. Other hubs differ, so weeks are
// moved by weekShift days, and origins together with the snapshots that they may see by
// days of their own. What was known when stays as it was.
type book struct {
	list      []forecast.Task
	rows      []forecast.Observation
	targets   []string // Ascending.
	origins   []string // Ascending.
	tasks     map[string][]int
	series    map[series]bool
	weekday   time.Weekday              // On which the archive's weeks end.
	weekShift int                       // From there to Sunday, in days.
	further   map[time.Weekday]int      // Tasks that only a week's more of moving can answer, less those that it loses.
	archives  map[int]*forecast.Archive // By days that snapshots are moved.
}

type series struct {
	place  party.ID
	target string
}

// window is how far after the origin's own week the last forecast week ends, in days.
const window = 21

func newBook(rows []forecast.Observation, tasks []forecast.Task) (*book, error) {
	if len(rows) == 0 || len(tasks) == 0 {
		return nil, fmt.Errorf("%w: %d observations and %d tasks; give at least one of each", forecast.ErrInput, len(rows), len(tasks))
	}
	first, err := time.Parse(time.DateOnly, rows[0].Date)
	if err != nil {
		return nil, fmt.Errorf("%w: first observation: %w", forecast.ErrDate, err)
	}
	b := &book{
		list: tasks, rows: rows, tasks: map[string][]int{}, series: map[series]bool{}, weekday: first.Weekday(),
		weekShift: (7 - int(first.Weekday())) % 7, further: map[time.Weekday]int{}, archives: map[int]*forecast.Archive{},
	}
	for _, o := range rows {
		b.series[series{o.Place, o.Target}] = true
	}
	targets := map[string]bool{}
	for i, task := range tasks {
		if err := b.enter(i, task); err != nil {
			return nil, fmt.Errorf("task %d of %d: %w", i+1, len(tasks), err)
		}
		targets[task.Target] = true
	}
	b.targets, b.origins = slices.Sorted(maps.Keys(targets)), slices.Sorted(maps.Keys(b.tasks))
	return b, nil
}

func (b *book) enter(i int, task forecast.Task) error {
	origin, err := time.Parse(time.DateOnly, task.Origin)
	if err != nil {
		return fmt.Errorf("%w: origin %.20q; write YYYY-MM-DD", forecast.ErrDate, task.Origin)
	}
	end, err := time.Parse(time.DateOnly, task.Date)
	if err != nil {
		return fmt.Errorf("%w: week end %.20q; write YYYY-MM-DD", forecast.ErrDate, task.Date)
	}
	b.tasks[task.Origin] = append(b.tasks[task.Origin], i)
	// The Sunday before a Wednesday is three days back.
	days := int(end.Sub(origin)/(24*time.Hour)) + b.weekShift - (toWednesday(origin) - 3)
	if days > window && days <= window+7 {
		b.further[origin.Weekday()]++
	} else if days >= 0 && days < 7 {
		b.further[origin.Weekday()]--
	}
	return nil
}

func toWednesday(origin time.Time) int { return (int(time.Wednesday-origin.Weekday()) + 7) % 7 }

// originShift returns by how many days an origin is moved: to the next Wednesday, and by
// a week more if that answers more tasks of origins on this day of the week, as it does
// for hubs that begin with the week after the last one reported.
func (b *book) originShift(origin string) int {
	at := parse(origin)
	days := toWednesday(at)
	if b.further[at.Weekday()] > 0 {
		days += 7
	}
	return days
}

// archive returns the rows with weeks on Sundays and snapshots moved by some days.
func (b *book) archive(days int) (*forecast.Archive, error) {
	if a, ok := b.archives[days]; ok {
		return a, nil
	}
	rows := b.rows
	if days != 0 || b.weekShift != 0 {
		rows = slices.Clone(rows)
		for i, o := range rows {
			rows[i].AsOf, rows[i].Date = shift(o.AsOf, days), shift(o.Date, b.weekShift)
		}
	}
	a, err := forecast.NewArchive(rows)
	if err != nil {
		return nil, err
	}
	b.archives[days] = a
	return a, nil
}

// input returns what a run of one origin starts from.
func (b *book) input(origin string, c Config) (forecast.Input, error) {
	days := b.originShift(origin)
	a, err := b.archive(days)
	return forecast.Input{Archive: a, Origin: shift(origin, days), Targets: b.targets, Recipe: c.Recipe, Seed: c.Seed}, err
}

// why says why a task has no forecast.
func (b *book) why(task forecast.Task) string {
	own := shift(task.Origin, b.originShift(task.Origin)-3)
	end := shift(task.Date, b.weekShift)
	switch {
	case !b.series[series{task.Place, task.Target}]:
		return "the archive has no such series"
	case parse(task.Date).Weekday() != b.weekday:
		return fmt.Sprintf("the week ends on a %s, the archive's weeks on a %s", parse(task.Date).Weekday(), b.weekday)
	case end < own:
		return "the week ended before the weeks that the hub asks for"
	case end > shift(own, window):
		return "the week lies beyond the four that are forecast"
	}
	return "too little was known on the origin day: no value within a year, or fewer than 30 changes over as many weeks"
}

// parse reads a date that was checked before.
func parse(date string) time.Time {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err)
	}
	return at
}

func shift(date string, days int) string {
	if days == 0 {
		return date
	}
	return parse(date).AddDate(0, 0, days).Format(time.DateOnly)
}
