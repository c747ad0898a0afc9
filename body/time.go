package body

import (
	"time"

	"comity"
	"comity/verifier/ledger"
)

// tick moves log time to the median of the witnesses' times on a checkpoint of this
// log. It may come before the charter is in force: the first TICK is what tells that
// the charter's first day has come. Two within one second say the same time.
func (s *State) tick(t comity.Tick) (func(), broken) {
	c, err := ledger.ParseCheckpoint([]byte(t.Checkpoint), ledger.PolicyOf(s.charter))
	if err != nil {
		return nil, broken{RuleTime, err}
	}
	median, err := ledger.MedianTime(c.Cosigned)
	if err != nil {
		return nil, broken{RuleTime, err}
	}
	if c.Size > int64(s.view.Size) {
		return nil, breaks(RuleTime, "its checkpoint is of %d entries, this log has %d", c.Size, s.view.Size)
	}
	root, ok := s.Root(int(c.Size))
	switch {
	case !ok || root != [32]byte(c.Root):
		return nil, breaks(RuleTime, "its checkpoint of %d entries is not of this log", c.Size)
	case int64(t.UnixTime) != median:
		return nil, breaks(RuleTime, "it says %d, the witnesses' median is %d", t.UnixTime, median)
	case t.UnixTime < s.view.Time || int(c.Size) < s.view.TimeAt:
		return nil, breaks(RuleTime, "time went back from %d at %d entries to %d at %d", s.view.Time, s.view.TimeAt, t.UnixTime, c.Size)
	}
	return func() {
		s.view.Time, s.view.TimeAt = t.UnixTime, int(c.Size)
		s.dateQuestions()
	}, broken{}
}

// inForceNow adds the calendar to ratification: to open a round or to decide takes log
// time between the charter's first moment and its last.
func (s *State) inForceNow() broken {
	if s.view.Time == 0 {
		return breaks(RuleInForce, "log time has not started: no TICK is logged")
	}
	from, err := time.Parse(time.RFC3339, s.charter.Effective)
	if err != nil {
		return broken{RuleInForce, err}
	}
	until, err := time.Parse(time.RFC3339, s.charter.Sunset.Expires)
	if err != nil {
		return broken{RuleInForce, err}
	}
	now := time.Unix(int64(s.view.Time), 0).UTC()
	if now.Before(from) || !now.Before(until) {
		return breaks(RuleInForce, "log time is %s, the charter runs from %s to %s",
			now.Format(time.RFC3339), s.charter.Effective, s.charter.Sunset.Expires)
	}
	return broken{}
}

// checkPeriod accepts a calendar day, YYYY-MM-DD. A period says what data a decision is
// about; it is never compared with log time.
func checkPeriod(period string) broken {
	if _, err := time.Parse(time.DateOnly, period); err != nil {
		return breaks(RuleForm, "period %.40q is not a date like 2026-11-18", period)
	}
	return broken{}
}

// addWeeks returns the day that lies so many weeks after a period.
func addWeeks(period string, weeks int) string {
	day, err := time.Parse(time.DateOnly, period)
	if err != nil {
		return period // Unreachable: rounds have dates.
	}
	return day.AddDate(0, 0, 7*weeks).Format(time.DateOnly)
}
