package csv

import (
	"compress/flate"
	"errors"
	"fmt"
	"time"

	"comity/modeler/forecast"
)

// decimals is how many digits after the point a value keeps.
const decimals = 3

// thousandths reads a number such as "1740.8" or "2.5e-05" exactly. A value with more
// than three decimals is rounded to the nearest thousandth, halves up. It refuses
// negative numbers and those above forecast.MaxValue; reason and fix say so.
func thousandths(text []byte) (value int64, reason, fix string) {
	mantissa, exponent, ok := scientific(text)
	if !ok {
		return 0, fmt.Sprintf("%q is no number", clip(text)), "write digits with a point, such as 1740.8; leave the cell empty if the value was withdrawn"
	}
	if text[0] == '-' && mantissa != 0 {
		return 0, fmt.Sprintf("%q is negative", clip(text)), "an incidence is 0 or more; leave the cell empty if it is unknown"
	}
	exponent += decimals
	for ; exponent > 0 && mantissa != 0; exponent-- {
		if mantissa > forecast.MaxValue {
			break
		}
		mantissa *= 10
	}
	last := int64(0)
	for ; exponent < 0 && mantissa != 0; exponent++ {
		last = mantissa % 10
		mantissa /= 10
	}
	if last >= 5 && exponent == 0 {
		mantissa++
	}
	if mantissa > forecast.MaxValue {
		return 0, fmt.Sprintf("%q is above %d", clip(text), int64(forecast.MaxValue/1000)), "correct the value or its unit; no surveillance system counts that much"
	}
	return mantissa, "", ""
}

// negative tells whether text is a number below zero.
func negative(text []byte) bool {
	mantissa, _, ok := scientific(text)
	return ok && text[0] == '-' && mantissa != 0
}

// maxDigits is how many significant digits of a number are kept: below the digit that
// decides the rounding they change nothing, and above it the number is too large.
const maxDigits = 18

// scientific splits a decimal number into digits and a power of ten.
func scientific(text []byte) (mantissa int64, exponent int, ok bool) {
	rest := text
	if len(rest) > 0 && rest[0] == '-' {
		rest = rest[1:]
	}
	whole, rest := digits(rest)
	var part []byte
	if len(rest) > 0 && rest[0] == '.' {
		if part, rest = digits(rest[1:]); len(part) == 0 {
			return 0, 0, false
		}
	}
	if len(rest) > 0 && (rest[0] == 'e' || rest[0] == 'E') {
		negative := len(rest) > 1 && rest[1] == '-'
		if len(rest) > 1 && (rest[1] == '-' || rest[1] == '+') {
			rest = rest[1:]
		}
		var power []byte
		if power, rest = digits(rest[1:]); len(power) == 0 || len(power) > 4 {
			return 0, 0, false
		}
		for _, c := range power {
			exponent = 10*exponent + int(c-'0')
		}
		if negative {
			exponent = -exponent
		}
	}
	if len(whole) == 0 || len(rest) > 0 {
		return 0, 0, false
	}
	kept := 0
	for i := range len(whole) + len(part) {
		after := i >= len(whole)
		var c byte
		if after {
			c = part[i-len(whole)]
		} else {
			c = whole[i]
		}
		if kept == maxDigits {
			if !after {
				exponent++
			}
			continue
		}
		mantissa = 10*mantissa + int64(c-'0')
		if mantissa > 0 {
			kept++
		}
		if after {
			exponent--
		}
	}
	return mantissa, exponent, true
}

// digits cuts the decimal digits off the front of text.
func digits(text []byte) (front, rest []byte) {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return text[:i], text[i:]
}

// date reads YYYY-MM-DD.
func date(text []byte) (time.Time, error) {
	at, err := time.Parse(time.DateOnly, string(text))
	if err == nil && (at.Year() < 1970 || at.Year() > 2999) { // The years that package forecast counts.
		err = errors.New("outside 1970 to 2999")
	}
	return at, err
}

// clip keeps what fits an error message.
func clip(text []byte) string {
	if len(text) > 40 {
		return string(text[:40]) + "..."
	}
	return string(text)
}

// isCorrupt tells whether err comes from a damaged deflate stream.
func isCorrupt(err error) bool {
	_, ok := errors.AsType[flate.CorruptInputError](err)
	return ok
}

// distance is the number of letters to insert, delete or change between two short
// names (Levenshtein, 1965).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
