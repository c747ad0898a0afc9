package forecast

import (
	"errors"
	"fmt"
	"time"
)

// ErrDate says that a text is not the date that its place asks for.
var ErrDate = errors.New("not a usable date")

// week counts weeks by their last day: week 0 ends on Sunday 1970-01-04.
type week int

// firstSunday is 1970-01-04 in days since 1970-01-01.
const firstSunday = 3

// parseDay reads YYYY-MM-DD as days since 1970-01-01.
func parseDay(text string) (int, error) {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil || at.Year() < 1970 || at.Year() > 2999 {
		return 0, fmt.Errorf("%w: %.20q; write YYYY-MM-DD between 1970 and 2999", ErrDate, text)
	}
	return int(at.Unix() / secondsPerDay), nil
}

const secondsPerDay = 24 * 60 * 60

// parseWeek reads the Sunday on which a week ends.
func parseWeek(text string) (week, error) {
	day, err := parseDay(text)
	if err != nil {
		return 0, err
	}
	if (day-firstSunday)%7 != 0 {
		return 0, fmt.Errorf("%w: week end %s is no Sunday; give the last day of the week", ErrDate, text)
	}
	return weekOf(day), nil
}

// parseOrigin reads an origin date and refuses all but Wednesdays, the days on which
// the hub's submissions close.
func parseOrigin(text string) (int, error) {
	day, err := parseDay(text)
	if err != nil {
		return 0, err
	}
	if (day-firstSunday)%7 != 3 {
		return 0, fmt.Errorf("%w: origin %s is no Wednesday; forecasts are made on Wednesdays", ErrDate, text)
	}
	return day, nil
}

// weekOf returns the last week that ends on the day or before it.
func weekOf(day int) week {
	if day < firstSunday {
		return -1
	}
	return week((day - firstSunday) / 7)
}

func (w week) time() time.Time {
	return time.Unix(int64(w)*7*secondsPerDay+firstSunday*secondsPerDay, 0).UTC()
}

func (w week) String() string { return w.time().Format(time.DateOnly) }

// season names the season that a week belongs to: seasons turn over in early August,
// 150 days before the end of the year, when respiratory viruses are rarest in Europe.
func (w week) season() int { return w.time().AddDate(0, 0, 150).Year() }

// ofYear returns the ISO 8601 number of the week, 1 to 53.
func (w week) ofYear() int {
	_, n := w.time().ISOWeek()
	return n
}
