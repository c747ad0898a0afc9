package main

import (
	"context"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"time"

	"comity/allocator/explore"
	"comity/console"
	"comity/exact"
)

type exploreCommand struct {
	File   string `arg:"" help:"Charter in YAML; - reads standard input."`
	Inputs string `placeholder:"CSV" help:"Numbers to try the charter with: party,name,value. Default for a template: its own."`
	Points int    `default:"11" help:"Points of the front, 2 to 101."`
	SVG    string `name:"svg" placeholder:"OUT" help:"Draw the front into this file."`
}

// exploreData is the JSON form of what a charter does on some numbers.
type exploreData struct {
	Charter  string                  `json:"charter"`
	Period   string                  `json:"period"`
	Unit     string                  `json:"unit"`
	Value    string                  `json:"value"`
	Gap      string                  `json:"gap"`
	Front    []told[explore.Point]   `json:"front"`
	Weights  []told[explore.Effect]  `json:"weights"`
	Clauses  []told[explore.Effect]  `json:"clauses"`
	Inert    []string                `json:"inert"`
	Fairness told[explore.Fairness]  `json:"fairness"`
	Outside  []told[explore.Outside] `json:"outside"` // By party, in the order of the charter's needs.
	Solves   int                     `json:"solves"`
	Seconds  string                  `json:"seconds"`

	lead   string
	points []explore.Point
}

// Run computes the front and what each rule and weight does.
func (c *exploreCommand) Run(ctx context.Context, t *terminal) error {
	start := time.Now()
	if c.Points < 2 || c.Points > explore.MaxPoints {
		return usageError{fmt.Errorf("--points %d: a front has 2 to %d", c.Points, explore.MaxPoints)}
	}
	if c.SVG == "-" || c.SVG != "" && checkOut(c.SVG) != nil {
		return usageError{fmt.Errorf("--svg %s: name a file in a folder that exists", c.SVG)}
	}
	from := caseFlags{File: c.File, Inputs: c.Inputs}
	a, err := from.open(ctx, t)
	if err != nil {
		return err
	}
	defer a.close()
	d, err := c.explore(ctx, t, a)
	if err != nil {
		return err
	}
	if c.SVG != "" {
		if err := writeTo(t, c.SVG, func(out io.Writer) error {
			_, err := io.WriteString(out, drawFront(d.points, a.teller))
			return err
		}); err != nil {
			return err
		}
	}
	d.Solves = a.engine.Solves()
	d.Seconds = strconv.FormatFloat(time.Since(start).Seconds(), 'f', 2, 64)
	return t.result("explore", d, d.text())
}

func (c *exploreCommand) explore(ctx context.Context, t *terminal, a *inquiry) (*exploreData, error) {
	outcome, err := a.now.Outcome()
	if err != nil {
		return nil, err
	}
	d := &exploreData{
		Charter: a.now.Inputs.Charter.ID, Period: a.now.Problem.Period, Unit: a.now.Problem.Unit, Value: outcome.Value.String(),
		Gap: outcome.Gap.String(), Inert: []string{}, Weights: []told[explore.Effect]{}, Clauses: []told[explore.Effect]{}, lead: a.teller.Outcome(outcome),
	}
	t.draw("promising everybody more and more")
	if d.points, err = a.engine.Front(ctx, a.now, c.Points); err != nil {
		return nil, err
	}
	for _, p := range d.points {
		d.Front = append(d.Front, told[explore.Point]{p, a.teller.Point(p, d.points[0].Value)})
	}
	t.draw("trying the rules one by one")
	effects, err := a.engine.Effects(ctx, a.now)
	if err != nil {
		return nil, err
	}
	for _, e := range effects {
		says := told[explore.Effect]{e, a.teller.Effect(e)}
		if e.Kind == "weight" {
			d.Weights = append(d.Weights, says)
		} else {
			d.Clauses = append(d.Clauses, says)
		}
		if e.Inert {
			d.Inert = append(d.Inert, e.ID)
		}
	}
	fairness, err := a.engine.Fairness(ctx, a.now)
	if err != nil {
		return nil, err
	}
	d.Fairness = told[explore.Fairness]{fairness, a.teller.Fairness(fairness)}
	for _, n := range a.now.Problem.Needs {
		o, err := a.engine.Outside(ctx, a.now, n.Party)
		if err != nil {
			return nil, err
		}
		d.Outside = append(d.Outside, told[explore.Outside]{o, string(n.Party) + ": " + a.teller.Outside(o)})
	}
	return d, nil
}

func (d *exploreData) text() string {
	var b strings.Builder
	list := func(title string, lines []string) {
		fmt.Fprintf(&b, "\n%s\n", title)
		for _, line := range lines {
			fmt.Fprintf(&b, "%s\n", hang("  - ", line))
		}
	}
	fmt.Fprintf(&b, "%s on these numbers: %s\n", d.Charter, d.lead)
	var front []string
	for _, p := range d.Front {
		front = append(front, p.Says)
	}
	list("Front: the first aim against the least served party", front)
	says := func(effects []told[explore.Effect]) (lines []string) {
		for _, e := range effects {
			lines = append(lines, e.Says)
		}
		return lines
	}
	list("Weights", says(d.Weights))
	list("Rules", append(says(d.Clauses), d.Fairness.Says))
	fmt.Fprintf(&b, "\n%s in %s s\n", count(d.Solves, "solve"), d.Seconds)
	return b.String()
}

// The picture of a front, in pixels: room for numbers to the left and below.
const (
	frontWidth, frontHeight = 640, 400
	frontLeft, frontBottom  = 110, 50
	frontTop, frontRight    = 30, 20
)

// drawFront draws the value over the share of its need that the least served party gets.
func drawFront(points []explore.Point, teller console.Teller) string {
	low, high := points[0].Value, points[0].Value
	for _, p := range points {
		if p.Value.Cmp(low) < 0 {
			low = p.Value
		}
		if p.Value.Cmp(high) > 0 {
			high = p.Value
		}
	}
	last := points[len(points)-1].Coverage
	x := func(v exact.Rat) int64 {
		return frontLeft + along(v, points[0].Coverage, last, frontWidth-frontLeft-frontRight)
	}
	y := func(v exact.Rat) int64 {
		return frontHeight - frontBottom - along(v, low, high, frontHeight-frontTop-frontBottom)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui,sans-serif" font-size="13">`+"\n",
		frontWidth, frontHeight, frontWidth, frontHeight)
	b.WriteString("<title>Value against the share of its need that the least served party gets</title>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><path d="M%d %dV%dH%d" fill="none" stroke="#6e7781"/>`+"\n",
		frontWidth, frontHeight, frontLeft, frontTop, frontHeight-frontBottom, frontWidth-frontRight)
	label := func(at string, x, y int64, text string) {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", x, y, at, text)
	}
	label("end", frontLeft-8, y(high)+4, teller.Ratio(high))
	if low.Cmp(high) < 0 {
		label("end", frontLeft-8, y(low)+4, teller.Ratio(low))
	}
	label("start", x(points[0].Coverage), frontHeight-frontBottom+18, teller.Share(points[0].Coverage))
	if points[0].Coverage.Cmp(last) < 0 {
		label("end", x(last), frontHeight-frontBottom+18, teller.Share(last))
	}
	label("middle", (frontLeft+frontWidth-frontRight)/2, frontHeight-12, "share of its need that the least served party gets")
	label("start", 8, 18, "worth")
	b.WriteString(`<polyline fill="none" stroke="#0b5fa5" stroke-width="2" points="`)
	for i, p := range points {
		if i > 0 {
			b.WriteString(" ")
		}
		fmt.Fprintf(&b, "%d,%d", x(p.Coverage), y(p.Value))
	}
	b.WriteString("\"/>\n")
	for _, p := range points {
		fill := "#0b5fa5"
		if p.Published {
			fill = "#b34700"
		}
		fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="5" fill="%s"><title>%s</title></circle>`+"\n", x(p.Coverage), y(p.Value), fill, teller.Point(p, points[0].Value))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// along returns where a value stands on a line of so many pixels.
func along(v, low, high exact.Rat, pixels int64) int64 {
	span := high.Sub(low)
	share, err := v.Sub(low).Quo(span)
	if err != nil { // One point.
		return 0
	}
	whole := new(big.Int).Set(share.Mul(exact.Int(pixels)).Floor())
	return whole.Int64()
}
