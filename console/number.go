package console

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"comity/exact"
)

// grouped writes a whole number with commas.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "\u2212", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// signed writes a difference with its sign, also a plus.
func signed(n int64) string {
	if n > 0 {
		return "+" + grouped(n)
	}
	return grouped(n)
}

// tenths writes a number of tenths with one decimal.
func tenths(n int64) string { return fmt.Sprintf("%s.%d", grouped(n/10), max(n%10, -(n%10))) }

// rate writes thousandths for people: three significant digits, or whole from 100 on.
func rate(thousandths int64) string {
	switch {
	case thousandths >= 100_000:
		return grouped((thousandths + 500) / 1000)
	case thousandths >= 10_000:
		return tenths((thousandths + 50) / 100)
	}
	hundredths := (thousandths + 5) / 10
	return fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)
}

// percent writes thousandths as a whole percentage, rounded down as classes are.
func percent(permille int64) string { return grouped(permille/10) + "\u00a0%" }

// decimals is how many digits after the point a ratio is shown with.
const decimals = 4

// decimal writes a ratio with commas and at most four decimals, and "about" if that
// rounds it.
func (c catalogue) decimal(r exact.Rat) string {
	text, rounded := fixed(r, decimals)
	if rounded {
		return c.say("about", text)
	}
	return text
}

// share writes a share of 1 in per cent, with at most two decimals.
func (c catalogue) share(r exact.Rat) string {
	text, rounded := fixed(r.Mul(exact.Int(100)), decimals-2)
	text += "\u00a0%"
	if rounded {
		return c.say("about", text)
	}
	return text
}

// fixed writes a ratio with commas and at most so many decimals, and tells whether that
// rounds it.
func fixed(r exact.Rat, places int) (text string, rounded bool) {
	text = r.Big().FloatString(places)
	back, _ := new(big.Rat).SetString(text) // It is a number: FloatString wrote it.
	rounded = back.Cmp(r.Big()) != 0
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		whole += "." + fraction
	}
	if strings.HasPrefix(text, "-") && strings.Trim(whole, "0,.") != "" {
		whole = "\u2212" + whole
	}
	return whole, rounded
}

// bytesText writes a size.
func (c catalogue) bytesText(n int64) string {
	switch {
	case n < 1000:
		return c.say("bytes.b", grouped(n))
	case n < 1_000_000:
		return c.say("bytes.kb", grouped((n+500)/1000))
	}
	return c.say("bytes.mb", tenths((n+50_000)/100_000))
}

// date writes a day, YYYY-MM-DD, for people; what is not a day stays as it is.
func (c catalogue) date(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return c.say("date", strconv.Itoa(t.Day()), c.say("month."+strconv.Itoa(int(t.Month()))), strconv.Itoa(t.Year()))
}

// shortDate leaves the year out.
func (c catalogue) shortDate(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return c.say("date.short", strconv.Itoa(t.Day()), c.say("month."+strconv.Itoa(int(t.Month()))))
}

// moment writes a time in seconds since 1970.
func (c catalogue) moment(unix int64) string {
	t := time.Unix(unix, 0).UTC()
	return c.say("moment", c.date(t.Format(time.DateOnly)), t.Format("15:04:05"))
}

// age writes how long ago something was.
func (c catalogue) age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return c.count("age.seconds", max(0, int64(d/time.Second)))
	case d < time.Hour:
		return c.count("age.minutes", int64(d/time.Minute))
	case d < 48*time.Hour:
		return c.count("age.hours", int64(d/time.Hour))
	}
	return c.count("age.days", int64(d/(24*time.Hour)))
}
