package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"comity/console/account"
)

// chart is one forecast as a drawing: bands of 90 and 50 % around the median by week,
// and what earlier pictures said as single points.
type chart struct {
	Target, Unit, Title string
	Width, Height       int
	Left, Right, Base   int // Edges of the plot.
	Band90, Band50      string
	Median              string
	Points              []point // Medians of this picture.
	Earlier             []point // Nearest medians of earlier pictures.
	Reference           int     // Height of the reference level; 0 if it lies outside.
	RefText             string
	Ticks               []tick // Of the value axis.
	Days                []tick // Of the time axis.
	Rows                []chartRow
	Past                []chartRow // Earlier pictures, in numbers.
	LastDate            string
	Level               string
	Says                string
	Open                bool // Its numbers show at once.
}

type point struct{ X, Y int }

type tick struct {
	At   int
	Text string
}

// chartRow is one horizon in numbers.
type chartRow struct{ Date, Low90, Low50, Median, High50, High90 string }

// Edges of the drawing in its own units.
const (
	chartWidth, chartHeight     = 420, 210
	chartLeft, chartRight       = 46, 408
	chartTop, chartBase         = 20, 176
	chartTicks              int = 4
)

func (q *request) chart(s account.Series, place string) chart {
	c := chart{
		Target: s.Target, Unit: s.Unit, Width: chartWidth, Height: chartHeight, Left: chartLeft, Right: chartRight, Base: chartBase,
		LastDate: s.LastDate, Level: percent(s.Level), Says: q.words.say("trend." + string(s.Trend)),
	}
	x, y, top := scales(s)
	var up90, low90, up50, low50, line []string
	at := func(p point) string { return fmt.Sprintf("%d,%d", p.X, p.Y) }
	for _, h := range s.Horizons {
		day := x(h.Date)
		pt := func(level int) point { return point{day, y(account.At(h, level))} }
		up90, low90 = append(up90, at(pt(950))), append(low90, at(pt(50)))
		up50, low50 = append(up50, at(pt(750))), append(low50, at(pt(250)))
		line = append(line, at(pt(500)))
		c.Points = append(c.Points, pt(500))
		c.Days = append(c.Days, tick{day, q.words.shortDate(h.Date)})
		c.Rows = append(c.Rows, chartRow{
			h.Date, rate(account.At(h, 50)), rate(account.At(h, 250)), rate(account.At(h, 500)), rate(account.At(h, 750)), rate(account.At(h, 950)),
		})
	}
	for _, e := range shown(s.Earlier) {
		c.Earlier = append(c.Earlier, point{x(e.Date), y(int64(e.Median))})
		c.Past = append(c.Past, chartRow{Date: e.Date, Median: rate(int64(e.Median))})
	}
	c.Band90, c.Band50, c.Median = area(up90, low90), area(up50, low50), "M"+strings.Join(line, "L")
	if r := y(int64(s.Reference)); s.Reference > 0 && r >= chartTop {
		c.Reference, c.RefText = r, q.words.say("chart.reference", rate(int64(s.Reference)))
	}
	for i := range chartTicks + 1 {
		v := top * int64(i) / int64(chartTicks)
		c.Ticks = append(c.Ticks, tick{y(v), axis(v)})
	}
	last := s.Horizons[len(s.Horizons)-1]
	c.Title = q.words.say("chart.title", s.Target, place, q.words.date(last.Date), rate(account.At(last, 500)), rate(account.At(last, 50)), rate(account.At(last, 950)), s.Unit)
	return c
}

// maxEarlier is how many earlier weeks a chart shows.
const maxEarlier = 8

// shown keeps the newest earlier points that lie before the first forecast date.
func shown(past []account.Past) []account.Past { return past[max(0, len(past)-maxEarlier):] }

// scales returns where a date and a value stand, and the value at the top.
func scales(s account.Series) (x func(string) int, y func(int64) int, top int64) {
	first, last := s.Horizons[0].Date, s.Horizons[len(s.Horizons)-1].Date
	highest := int64(1)
	for _, h := range s.Horizons {
		highest = max(highest, account.At(h, 950))
	}
	for _, e := range shown(s.Earlier) {
		first, highest = min(first, e.Date), max(highest, int64(e.Median))
	}
	// The reference level belongs on the drawing unless it would flatten the forecast.
	if r := int64(s.Reference); r <= 2*highest {
		highest = max(highest, r)
	}
	top = nice(highest)
	span := max(1, days(first, last))
	x = func(date string) int { return chartLeft + 12 + days(first, date)*(chartRight-chartLeft-30)/span }
	y = func(v int64) int { return chartBase - int(v*int64(chartBase-chartTop)/top) }
	return x, y, top
}

func days(from, to string) int {
	a, errA := time.Parse(time.DateOnly, from)
	b, errB := time.Parse(time.DateOnly, to)
	if errA != nil || errB != nil {
		return 0
	}
	return int(b.Sub(a).Hours() / 24)
}

// nice rounds up to a number whose quarters are short.
func nice(v int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, m := range []int64{4, 6, 8, 10, 12, 16, 20, 24, 32} {
			if m*unit >= v {
				return m * unit
			}
		}
	}
}

// axis writes a tick without needless zeros.
func axis(thousandths int64) string {
	if thousandths%1000 == 0 {
		return grouped(thousandths / 1000)
	}
	return strings.TrimRight(fmt.Sprintf("%d.%03d", thousandths/1000, thousandths%1000), "0")
}

// area is the path between an upper and a lower line.
func area(up, low []string) string {
	back := slices.Clone(low)
	slices.Reverse(back)
	return "M" + strings.Join(append(up, back...), "L") + "Z"
}
