package pack

import (
	"fmt"
	"time"
)

// OriginAfter returns the first origin date, a Wednesday, that may use a snapshot of
// that date, moved by weeks.
func OriginAfter(snapshot string, weeks int) (string, error) {
	at, err := time.Parse(time.DateOnly, snapshot)
	if err != nil {
		return "", fmt.Errorf("snapshot date %.20q: %w; write YYYY-MM-DD", snapshot, ErrPeriod)
	}
	for at.Weekday() != time.Wednesday {
		at = at.AddDate(0, 0, 1)
	}
	return at.AddDate(0, 0, 7*weeks).Format(time.DateOnly), nil
}
