// Package plot draws explanations as SVG: shapes, pairs, importances, one prediction, and
// curves. The same code draws for the command line and for the console.
//
// A drawing is one file without scripts, fonts or addresses. It has a title and a
// description for those who do not see it, colours that can be told apart in any kind of
// colour vision, on light and on dark, and it prints in black on white. Its bytes depend on
// nothing but the figure.
package plot

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
)

// ErrFigure says that a figure holds what cannot be drawn.
var ErrFigure = errors.New("figure cannot be drawn")

// Frame is what all figures have.
type Frame struct {
	Title string // One line: the answer, or what is shown.
	Note  string // Under the title: how to read it, or where it is from.
	// Bare leaves the style sheet out, for a page that holds Style in its own and does not
	// allow any in its text.
	Bare bool
}

// Size of every figure, in its own units; it scales with its place. The height is up to the
// figure.
const width = 720

// ink is how one class of shapes is painted: a presentation attribute for viewers that know
// nothing else, and a rule of the style sheet for dark screens. Contrast with the back is at
// least 4.5:1 for text and 3:1 for lines and marks.
type ink struct{ class, property, light, dark string }

// inks are the colours of the console; up and down are blue and orange (Okabe and Ito,
// "Color universal design", 2008, darkened), and h0 to h10 lead from one to the other.
func inks() []ink {
	return []ink{
		{"back", "fill", "#ffffff", "#0e1318"},
		{"text", "fill", "#17202a", "#e6ecf2"},
		{"dim", "fill", "#475461", "#afbac5"},
		{"axis", "stroke", "#6e7781", "#8b949e"},
		{"grid", "stroke", "#dfe4e9", "#27313b"},
		{"line", "stroke", "#08458c", "#b9dcff"},
		{"band", "fill", "#b5d3ec", "#1f4a75"},
		{"mark", "fill", "#08458c", "#b9dcff"},
		{"rug", "fill", "#98a4b0", "#5d6a77"},
		{"bar", "fill", "#2c7fb8", "#4a97cf"},
		{"whisker", "stroke", "#17202a", "#e6ecf2"},
		{"up", "fill", "#c4560a", "#f0883e"},
		{"down", "fill", "#2166ac", "#5aa5e6"},
		{"h0", "fill", "#053061", "#9fd0ff"},
		{"h1", "fill", "#2166ac", "#76b3ec"},
		{"h2", "fill", "#4393c3", "#5293cf"},
		{"h3", "fill", "#92c5de", "#3a6fa3"},
		{"h4", "fill", "#d1e5f0", "#274a6c"},
		{"h5", "fill", "#f4f4f4", "#1e262e"},
		{"h6", "fill", "#fde0c5", "#5c3a1c"},
		{"h7", "fill", "#fdb97d", "#8f551f"},
		{"h8", "fill", "#e08234", "#c57428"},
		{"h9", "fill", "#b35806", "#ee9640"},
		{"h10", "fill", "#7f3b08", "#ffc68a"},
	}
}

// Style returns the rules for dark screens that a figure has, or that the page of a bare
// one needs. Paper and viewers without style sheets get the light colours.
func Style() string {
	var b strings.Builder
	b.WriteString("@media screen and (prefers-color-scheme:dark){")
	for _, i := range inks() {
		fmt.Fprintf(&b, ".comity-plot .%s{%s:%s}", i.class, i.property, i.dark)
	}
	b.WriteString("}")
	return b.String()
}

// canvas collects a drawing.
type canvas struct {
	b      strings.Builder
	height float64
	frame  Frame
	colour map[string]ink
}

// start draws the back, the title and the note.
func (f Frame) start(height float64) *canvas {
	c := &canvas{height: height, frame: f, colour: map[string]ink{}}
	for _, i := range inks() {
		c.colour[i.class] = i
	}
	c.rect("back", box{0, 0, width, height}, "")
	c.text("text", at{margin, 26, "start"}, 17, fit(f.Title, width-2*margin, 17))
	if f.Note != "" {
		c.text("dim", at{margin, 46, "start"}, 13, fit(f.Note, width-2*margin, 13))
	}
	return c
}

// margin is what stays free around a figure, top how much title and note take.
const (
	margin = 16
	top    = 62
)

// finish returns the file. says is the description for those who do not see the drawing.
func (c *canvas) finish(says string) []byte {
	body := c.b.String()
	sum := sha256.Sum256([]byte(c.frame.Title + "\x00" + says + "\x00" + body))
	id := "p" + hex.EncodeToString(sum[:6]) // Figures on one page need different names.
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="comity-plot" viewBox="0 0 %d %s" width="%d" height="%s" role="img" aria-labelledby="%s-t %s-d" font-family="system-ui,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',sans-serif">`+"\n",
		width, num(c.height), width, num(c.height), id, id)
	fmt.Fprintf(&b, "<title id=\"%s-t\">%s</title>\n<desc id=\"%s-d\">%s</desc>\n", id, escape(c.frame.Title), id, escape(says))
	if !c.frame.Bare {
		b.WriteString("<style>.comity-plot{color-scheme:light dark}" + Style() + "</style>\n")
	}
	b.WriteString(body)
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// at is where a text stands: start, middle or end of it at a point of its base line.
type at struct {
	x, y   float64
	anchor string
}

// box is a rectangle by a corner and its size.
type box struct{ x, y, w, h float64 }

// paint returns the class of a shape, and the attribute for viewers without style sheets.
func (c *canvas) paint(class string) string {
	i := c.colour[class]
	return `class="` + class + `" ` + i.property + `="` + i.light + `"`
}

// text writes a label that was made to fit; if it was cut, all of it is in its title.
func (c *canvas) text(class string, p at, size int, l label) {
	weight := ""
	if class == "text" && size > 14 {
		weight = ` font-weight="600"`
	}
	full := ""
	if l.shown != l.full {
		full = "<title>" + escape(l.full) + "</title>"
	}
	fmt.Fprintf(&c.b, `<text %s x="%s" y="%s" font-size="%d"%s text-anchor="%s">%s%s</text>`+"\n",
		c.paint(class), num(p.x), num(p.y), size, weight, p.anchor, full, escape(l.shown))
}

// rect draws a box; says is shown to those who point at it.
func (c *canvas) rect(class string, r box, says string) {
	end := "/>"
	if says != "" {
		end = "><title>" + escape(says) + "</title></rect>"
	}
	fmt.Fprintf(&c.b, `<rect %s x="%s" y="%s" width="%s" height="%s"%s`+"\n", c.paint(class), num(r.x), num(r.y), num(r.w), num(r.h), end)
}

// line draws a stroke through points.
func (c *canvas) line(class string, thick float64, points ...[2]float64) {
	fmt.Fprintf(&c.b, `<path %s fill="none" stroke-width="%s" d="%s"/>`+"\n", c.paint(class), num(thick), through(points))
}

// dash draws a broken line from one point to another.
func (c *canvas) dash(class string, from, to [2]float64) {
	fmt.Fprintf(&c.b, `<path %s fill="none" stroke-dasharray="4 4" d="M%s %sL%s %s"/>`+"\n",
		c.paint(class), num(from[0]), num(from[1]), num(to[0]), num(to[1]))
}

// area fills the inside of points.
func (c *canvas) area(class string, points ...[2]float64) {
	fmt.Fprintf(&c.b, `<path %s d="%sZ"/>`+"\n", c.paint(class), through(points))
}

// through writes the path from point to point.
func through(points [][2]float64) string {
	parts := make([]string, len(points))
	for i, p := range points {
		parts[i] = num(p[0]) + " " + num(p[1])
	}
	return "M" + strings.Join(parts, "L")
}

// dot draws a mark.
func (c *canvas) dot(class string, x, y, r float64, says string) {
	fmt.Fprintf(&c.b, `<circle %s cx="%s" cy="%s" r="%s"><title>%s</title></circle>`+"\n", c.paint(class), num(x), num(y), num(r), escape(says))
}

// check refuses what is not finite, or too large to be drawn; name says of what.
func check(name string, values ...float64) error {
	for _, v := range values {
		if math.IsNaN(v) || math.Abs(v) > largest {
			return fmt.Errorf("%w: %s is %v; drawn numbers are finite, up to %g in magnitude", ErrFigure, name, v, float64(largest))
		}
	}
	return nil
}

// largest keeps differences and products of drawn numbers finite.
const largest = 1e100

// maxMarks bounds the points, bars or cells of one figure: a drawing is for people.
const maxMarks = 1 << 16

func checkCount(name string, n int) error {
	if n < 1 || n > maxMarks {
		return fmt.Errorf("%w: %d %s; 1 to %d can be drawn", ErrFigure, n, name, maxMarks)
	}
	return nil
}
