package charter

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrDuration says that a text is not a duration in the accepted form.
	ErrDuration = errors.New("not a duration")
	// ErrInstant says that a text is not an instant in the accepted form.
	ErrInstant = errors.New("not an instant")
)

// ParseDuration reads an ISO 8601 duration of fixed length, in weeks ("P2W") or in
// days, hours, minutes and seconds ("P1DT12H"). A day has 86,400 seconds. Months and
// years are refused: they have no fixed length, and deadlines follow from durations.
func ParseDuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("%w: %q; write P7D, P2W or PT12H, of 1 second to 100 years", ErrDuration, clip(text))
	rest, ok := strings.CutPrefix(text, "P")
	if !ok {
		return 0, bad
	}
	days, clock, hasClock := strings.Cut(rest, "T")
	var total time.Duration
	var err error
	const day = 24 * time.Hour
	switch {
	case hasClock && clock == "":
		return 0, bad
	case !hasClock && strings.HasSuffix(days, "W"):
		total, err = addUnits(days, "W", 7*day)
	default:
		total, err = addUnits(days, "D", day)
		if err == nil {
			var more time.Duration
			more, err = addUnits(clock, "HMS", time.Hour, time.Minute, time.Second)
			total += more
		}
	}
	if err != nil || total <= 0 || total > 36525*day {
		return 0, bad
	}
	return total, nil
}

// addUnits reads numbers, each followed by one of the letters, which come in order.
func addUnits(text, letters string, units ...time.Duration) (time.Duration, error) {
	const mostDigits = 9 // Times a week in nanoseconds this still could pass 63 bits; see the check.
	total := time.Duration(0)
	for text != "" {
		digits := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		if digits <= 0 || digits > mostDigits {
			return 0, ErrDuration
		}
		unit := strings.IndexByte(letters, text[digits])
		if unit < 0 {
			return 0, ErrDuration
		}
		var n int64
		for _, d := range text[:digits] {
			n = 10*n + int64(d-'0')
		}
		if n > (1<<62)/int64(units[unit]) {
			return 0, ErrDuration
		}
		total += time.Duration(n) * units[unit]
		if total < 0 || total > 1<<62 {
			return 0, ErrDuration
		}
		letters, units, text = letters[unit+1:], units[unit+1:], text[digits+1:]
	}
	return total, nil
}

// ParseInstant reads RFC 3339 in UTC with whole seconds: "2027-01-31T00:00:00Z".
func ParseInstant(text string) (time.Time, error) {
	const form = "2006-01-02T15:04:05Z"
	t, err := time.Parse(form, text)
	if err != nil || t.Format(form) != text {
		return time.Time{}, fmt.Errorf("%w: %q; write it in UTC as 2027-01-31T00:00:00Z", ErrInstant, clip(text))
	}
	return t, nil
}

func (l *linter) duration(path, text string) {
	if _, err := ParseDuration(text); err != nil {
		l.refuse(path, ruleDuration, fmt.Sprintf("%q is not a duration of fixed length", clip(text)), "write weeks, days, hours, minutes or seconds, as P7D or PT12H")
	}
}

func (l *linter) instant(path, text string) (time.Time, bool) {
	t, err := ParseInstant(text)
	if err != nil {
		l.refuse(path, ruleInstant, fmt.Sprintf("%q is not an instant in UTC", clip(text)), "write it as 2027-01-31T00:00:00Z")
	}
	return t, err == nil
}

// isSlug accepts "respiratory-vaccines-30".
func isSlug(s string) bool {
	return s != "" && s[0] != '-' && s[len(s)-1] != '-' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// isDotted accepts words with dots between: "health.vaccines", "d.series".
func isDotted(s string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if !IsWord(word) {
			return false
		}
	}
	return true
}

// isClauseID accepts a letter and words: "d.series", "c.floor".
func isClauseID(s string) bool { return isDotted(s) && strings.Contains(s, ".") }

// isVersioned accepts a name of words with slashes, and its version: "health/series@1".
func isVersioned(s string) bool {
	name, version, ok := strings.Cut(s, "@")
	if !ok || version == "" || strings.Trim(version, "0123456789.") != "" || version[0] == '.' || version[0] == '0' || version[len(version)-1] == '.' {
		return false
	}
	for word := range strings.SplitSeq(name, "/") {
		if !IsWord(word) {
			return false
		}
	}
	return true
}

// isTag accepts a BCP 47 tag of a language and regions or scripts: "en", "pt-BR".
func isTag(s string) bool {
	for i, part := range strings.Split(s, "-") {
		letters := strings.Trim(part, "abcdefghijklmnopqrstuvwxyz") == ""
		switch {
		case i == 0 && (!letters || len(part) < 2 || len(part) > 3):
			return false
		case i > 0 && (len(part) < 2 || len(part) > 8 || strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789") != ""):
			return false
		}
	}
	return len(s) <= maxName
}

// isTransport accepts a NATS user NKey: base32 of the prefix byte of U, 32 bytes of
// key and a CRC-16 of both (nats-io/nkeys, README and xkeys.go).
func isTransport(text string) bool {
	const userPrefix, length = 20 << 3, 1 + 32 + 2
	data, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	return err == nil && len(data) == length && data[0] == userPrefix &&
		base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(data) == text &&
		crc16(data[:length-2]) == binary.LittleEndian.Uint16(data[length-2:])
}

// crc16 is CRC-16/XMODEM: polynomial 0x1021, start 0, as NKeys use it.
func crc16(data []byte) uint16 {
	var crc uint16
	for _, b := range data {
		crc ^= uint16(b) << 8
		for range 8 {
			carry := crc & 0x8000
			crc <<= 1
			if carry != 0 {
				crc ^= 0x1021
			}
		}
	}
	return crc
}
