package card

import (
	"fmt"
	"html"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// HTML is the card as one element to put into a page: headings of the second order, tables, and
// drawings. It has no script, style sheet or address of its own; classes begin with card-.
func (c *Card) HTML() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<article class=\"card\" aria-label=\"%s\">\n", html.EscapeString("Model card of "+c.Model.Target))
	for _, s := range c.sections() {
		fmt.Fprintf(&b, "<section class=\"card-section\"><h2>%s</h2>\n", html.EscapeString(s.title))
		for _, l := range s.lines {
			fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(l))
		}
		for _, t := range s.tables {
			t.html(&b)
			if len(t.marks) > 0 {
				b.Write(t.svg())
			}
		}
		b.WriteString("</section>\n")
	}
	b.WriteString("</article>\n")
	return b.String()
}

// html writes a table with its heads as heads.
func (g grid) html(b *strings.Builder) {
	b.WriteString("<table class=\"card-table\">")
	if g.title != "" {
		fmt.Fprintf(b, "<caption>%s</caption>", html.EscapeString(g.title))
	}
	b.WriteString("<thead><tr>")
	for _, h := range g.head {
		fmt.Fprintf(b, "<th scope=\"col\">%s</th>", html.EscapeString(h))
	}
	b.WriteString("</tr></thead><tbody>\n")
	for _, row := range g.rows {
		b.WriteString("<tr>")
		for i, cell := range row {
			tag := "td"
			if i == 0 {
				tag = "th scope=\"row\""
			}
			fmt.Fprintf(b, "<%s>%s</%s>", tag, html.EscapeString(cell), tag[:2])
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table>\n")
}

// mark is one interval of a drawing.
type mark struct {
	name             string
	value, low, high float64 // NaN where not known.
	apart            bool
}

func markOf(name string, n Number, apart bool) mark {
	return mark{name, parseOr(n.Value), parseOr(n.Low), parseOr(n.High), apart}
}

// Size of a drawing, in its own units.
const (
	drawingWidth = 640.
	rowHeight    = 22.
	nameWidth    = 180.
	edge         = 12.
)

// svg draws a dot and a line for every interval, and an upright line where they should be.
// Whoever cannot see it has the table above it, which says the same.
func (g grid) svg() []byte {
	low, high := math.Inf(1), math.Inf(-1)
	for _, m := range g.marks {
		for _, v := range []float64{m.value, m.low, m.high} {
			if !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if g.zero != nil {
		low, high = min(low, *g.zero), max(high, *g.zero)
	}
	if !(high > low) {
		low, high = low-1, high+1
	}
	if math.IsInf(low, 0) {
		return nil
	}
	at := func(v float64) float64 { return nameWidth + (v-low)/(high-low)*(drawingWidth-nameWidth-edge) }
	height := rowHeight*float64(len(g.marks)+1) + 2*edge // The last row has the scale.
	var b strings.Builder
	fmt.Fprintf(&b, "<svg class=\"card-plot\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 %s %s\" font-family=\"sans-serif\" font-size=\"13\">\n<title>%s</title>\n",
		place(drawingWidth), place(height), html.EscapeString(g.title))
	if g.zero != nil {
		fmt.Fprintf(&b, "<line x1=\"%[1]s\" x2=\"%[1]s\" y1=\"%[2]s\" y2=\"%[3]s\" stroke=\"#6e7781\" stroke-dasharray=\"4 3\"/>\n", place(at(*g.zero)), place(edge), place(height-edge-rowHeight))
	}
	for _, end := range []struct {
		at     float64
		anchor string
	}{{low, "start"}, {high, "end"}} {
		fmt.Fprintf(&b, "<text x=\"%s\" y=\"%s\" text-anchor=\"%s\" fill=\"currentColor\">%s</text>\n",
			place(at(end.at)), place(height-edge), end.anchor, strconv.FormatFloat(end.at, 'g', 3, 64))
	}
	for i, m := range g.marks {
		y := edge + rowHeight*(float64(i)+.5)
		ink := "currentColor" // On light and dark alike.
		if m.apart {
			ink = "#c4560a" // 4.5:1 on white, 4.4:1 on black.
		}
		fmt.Fprintf(&b, "<text x=\"%s\" y=\"%s\" text-anchor=\"end\" fill=\"currentColor\">%s</text>\n", place(nameWidth-edge), place(y+4), html.EscapeString(clip(m.name)))
		if !math.IsNaN(m.low) && !math.IsNaN(m.high) {
			fmt.Fprintf(&b, "<line x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\" stroke=\"%s\" stroke-width=\"3\"/>\n", place(at(m.low)), place(at(m.high)), place(y), place(y), ink)
		}
		if !math.IsNaN(m.value) {
			fmt.Fprintf(&b, "<circle cx=\"%s\" cy=\"%s\" r=\"5\" fill=\"%s\"/>\n", place(at(m.value)), place(y), ink)
		}
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// SVG returns the drawings of the card by name: a column of groups with a measure, such as
// "region-bias", and "gain".
func (c *Card) SVG() map[string][]byte {
	all := map[string][]byte{}
	for _, g := range c.Groups {
		for k, t := range c.served(g).tables {
			if drawing := t.svg(); drawing != nil {
				all[g.By+"-"+g.Measures[k].Name] = drawing
			}
		}
	}
	if len(c.Contributions) > 0 {
		if drawing := c.ledger().tables[0].svg(); drawing != nil {
			all["gain"] = drawing
		}
	}
	return all
}

// place writes a position: a tenth is finer than a screen shows.
func place(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// clip keeps a name within its room.
func clip(name string) string {
	const most = 24
	if r := []rune(name); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return name
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// parse reads what short wrote.
func parse(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

func parseOr(text *string) float64 {
	if text == nil {
		return math.NaN()
	}
	return parse(*text)
}

// orDash writes a number with five digits for people.
func orDash(text *string) string {
	if text == nil {
		return "-"
	}
	v := parse(*text)
	if math.IsNaN(v) {
		return *text
	}
	return strconv.FormatFloat(v, 'g', 5, 64)
}

// orHidden writes a number of rows, unless it is too few to be shown.
func orHidden(rows *string) string {
	if rows == nil {
		return "few"
	}
	return *rows
}

func between(n Number) string {
	if n.Low == nil || n.High == nil {
		return "with an unknown error"
	}
	return "between " + orDash(n.Low) + " and " + orDash(n.High)
}
