package schema

import (
	"fmt"
	"strconv"
	"time"
)

// State is whether a cell has a value.
type State byte

// The states of a cell.
const (
	Missing    State = iota // Empty.
	Present                 // Has a value.
	Suppressed              // Withheld by its publisher.
)

// Cell is one typed value of a row.
type Cell struct {
	State State
	// Number is the value of an integer; of a decimal in units of its last decimal; of a
	// date in days since 1970-01-01; of a category its position among the values.
	Number int64
	Text   []byte // Of a text; valid until the next row is read.
}

// parser reads the cells of one column.
type parser struct {
	column      Column
	least, most int64
	values      map[string]int64
}

// parse reads a cell that is neither empty nor suppressed. A reason says what is wrong
// and fix what to do. The number of a text is 0.
func (p *parser) parse(text []byte) (value int64, reason, fix string) {
	switch p.column.Type {
	case Text:
		if len(text) > MaxText {
			return 0, fmt.Sprintf("text of %d bytes, at most %d", len(text), MaxText), "shorten it"
		}
		return 0, "", ""
	case Category:
		value, ok := p.values[string(text)]
		if !ok {
			return 0, fmt.Sprintf("%q is none of the %d values", clip(string(text)), len(p.values)), "write one that the schema lists, as " + strconv.Quote(p.column.Values[0])
		}
		return value, "", ""
	case Date:
		value, reason, fix = date(text)
	default:
		value, reason, fix = p.number(text)
	}
	if reason != "" {
		return 0, reason, fix
	}
	if value < p.least {
		return 0, fmt.Sprintf("%s is below %s", clip(string(text)), p.column.Least), "correct the value or its unit"
	}
	if value > p.most {
		return 0, fmt.Sprintf("%s is above %s", clip(string(text)), p.column.Most), "correct the value or its unit"
	}
	return value, "", ""
}

// secondsPerDay turns the seconds of package time into days.
const secondsPerDay = 24 * 60 * 60

// date reads YYYY-MM-DD.
func date(text []byte) (days int64, reason, fix string) {
	at, err := time.Parse(time.DateOnly, string(text))
	if err != nil || len(text) != len(time.DateOnly) {
		return 0, fmt.Sprintf("%q is no date", clip(string(text))), "write YYYY-MM-DD, a day that the calendar has"
	}
	if at.Year() < 1900 || at.Year() > 2999 {
		return 0, clip(string(text)) + " lies outside 1900 to 2999", "correct the year"
	}
	seconds := at.Unix()
	return (seconds - ((seconds%secondsPerDay)+secondsPerDay)%secondsPerDay) / secondsPerDay, "", ""
}

// number reads a decimal number such as -12, 3.50 or 2.5e-05 exactly, in units of the
// column's last decimal.
func (p *parser) number(text []byte) (value int64, reason, fix string) {
	digits, exponent, negative, rest, ok := scientific(text)
	if !ok {
		return 0, fmt.Sprintf("%q is no number", clip(string(text))), "write digits with a point, such as 1740.8; leave the cell empty if it is unknown"
	}
	exponent += p.column.Decimals
	large := func() (int64, string, string) {
		return 0, clip(string(text)) + " has more digits than are counted", fmt.Sprintf("keep it within ±%d of the last decimal", int64(MaxNumber))
	}
	if digits == 0 {
		return 0, "", ""
	}
	for ; exponent > 0; exponent-- {
		if digits > MaxNumber/10 || rest { // With a rest there are 18 digits already.
			return large()
		}
		digits *= 10
	}
	last := int64(0)
	for ; exponent < 0 && (digits != 0 || last != 0); exponent++ {
		rest = rest || last != 0
		last, digits = digits%10, digits/10
	}
	if exponent < 0 { // The digit that decides the rounding is a zero before all others.
		rest, last = true, 0
	}
	if (last != 0 || rest) && !p.column.Rounded {
		if p.column.Decimals == 0 {
			return 0, clip(string(text)) + " is not whole", "write a whole number"
		}
		return 0, fmt.Sprintf("%s has more than %d decimals", clip(string(text)), p.column.Decimals), "round it, or let the schema say rounded"
	}
	if last >= 5 {
		digits++
	}
	if digits > MaxNumber {
		return large()
	}
	if negative {
		digits = -digits
	}
	return digits, "", ""
}

// maxExponent bounds powers of ten: whatever is further from 1 is 0 or too large.
const maxExponent = 400

// scientific splits a decimal into its first 18 digits without sign and a power of ten;
// rest says that others follow that are not all 0.
func scientific(text []byte) (digits int64, exponent int, negative, rest, ok bool) {
	i := 0
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		negative = text[i] == '-'
		i++
	}
	point, count := false, 0
	for ; i < len(text); i++ {
		c := text[i]
		if c == '.' && !point && count > 0 {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		count++
		if digits > MaxNumber/10 {
			rest = rest || c != '0'
			if !point {
				exponent++
			}
			continue
		}
		digits = 10*digits + int64(c-'0')
		if point {
			exponent--
		}
	}
	if count == 0 || text[i-1] == '.' {
		return 0, 0, false, false, false
	}
	if i == len(text) {
		return digits, exponent, negative, rest, true
	}
	if text[i] != 'e' && text[i] != 'E' {
		return 0, 0, false, false, false
	}
	power, err := strconv.Atoi(string(text[i+1:]))
	if err != nil || power < -maxExponent || power > maxExponent {
		return 0, 0, false, false, false
	}
	return digits, exponent + power, negative, rest, true
}

// Format writes the number of a cell of this column as a person would: 12.50, 2026-11-20
// or the value of a category.
func (c Column) Format(number int64) string {
	switch c.Type {
	case Date:
		return time.Unix(number*secondsPerDay, 0).UTC().Format(time.DateOnly)
	case Category:
		if number >= 0 && number < int64(len(c.Values)) {
			return c.Values[number]
		}
	case Decimal:
		if c.Decimals > 0 {
			sign := ""
			if number < 0 {
				sign, number = "-", -number
			}
			text := fmt.Sprintf("%0*d", c.Decimals+1, number)
			at := len(text) - c.Decimals
			return sign + text[:at] + "." + text[at:]
		}
	default:
	}
	return strconv.FormatInt(number, 10)
}

// Number reads a number, date or value of this column as a schema or query states it:
// with no more decimals than the column has. The range of the column does not bind it.
// Errors wrap ErrSchema.
func (c Column) Number(text string) (int64, error) {
	free := c
	free.Least, free.Most, free.Rounded = "", "", false
	p, err := free.compile()
	if err != nil {
		return 0, err
	}
	value, reason, fix := p.parse([]byte(text))
	if reason != "" {
		return 0, fmt.Errorf("%w: column %s: %s; %s", ErrSchema, c.Name, reason, fix)
	}
	return value, nil
}
