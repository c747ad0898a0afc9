package pack

import (
	"fmt"
	"time"
)

const day = 24 * time.Hour

// Period returns the origin date of week (0 is the first).
func (s Scenario) Period(week int) (string, error) {
	start, err := time.Parse(time.DateOnly, s.Start)
	if err != nil {
		return "", fmt.Errorf("scenario %s starts on %q: %w; write YYYY-MM-DD", s.Name, s.Start, ErrPeriod)
	}
	return start.AddDate(0, 0, 7*week).Format(time.DateOnly), nil
}

// Week returns which week of the scenario has the origin date period: the inverse of Period.
func (s Scenario) Week(period string) (int, error) {
	start, err := time.Parse(time.DateOnly, s.Start)
	if err != nil {
		return 0, fmt.Errorf("scenario %s starts on %q: %w; write YYYY-MM-DD", s.Name, s.Start, ErrPeriod)
	}
	at, err := time.Parse(time.DateOnly, period)
	if err != nil {
		return 0, fmt.Errorf("period %.20q: %w; write YYYY-MM-DD", period, ErrPeriod)
	}
	days := int(at.Sub(start) / day)
	if days < 0 || days%7 != 0 {
		return 0, fmt.Errorf("period %s: %w of scenario %s, whose weeks start on %s and every 7 days after", period, ErrPeriod, s.Name, s.Start)
	}
	return days / 7, nil
}
