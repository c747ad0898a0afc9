package console

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"comity"
	"comity/console/account"
	"comity/party"
)

// classes is how many colours there are; each but the last is 250 thousandths of the
// reference level wide, the last is all from the reference level on.
const (
	classes    = 5
	classWidth = 250
)

// colour is the class of a place: "c0" to "c4", or "none" without a forecast.
func colour(p account.Place) string {
	if p.Leading < 0 {
		return "none"
	}
	return "c" + strconv.FormatInt(min(classes-1, max(0, p.Level/classWidth)), 10)
}

// picturePage is what the template of the picture draws.
type picturePage struct {
	account.Picture
	Lead     string
	Sure     string
	View     string // map, tiles or table.
	Views    []navEntry
	Weeks    weekLinks
	Map      *drawnMap
	Ranked   []placeEntry
	Legend   []legendEntry
	Place    *placePanel
	Absent   []placeEntry
	Targets  []string
	Members  int
	Forecast int // Places with a forecast.
}

// placeEntry is one place in lists, tiles and table.
type placeEntry struct {
	ID       party.ID
	Name     string
	Link     string
	Class    string
	Level    string
	Trend    account.Trend
	Says     string // "rising", in words.
	Label    string // All of it in one phrase, for the map.
	Current  bool
	Bar      int64 // Level in thousandths, at most 2000.
	Why      string
	Leading  string
	Cells    []placeCell // One for each target.
	LastDate string
}

// placeCell is the last horizon of one series, in words; absent if Median is empty.
type placeCell struct{ Target, Date, Median, Low, High string }

type legendEntry struct{ Class, Text string }

// drawnMap is the map with its colours.
type drawnMap struct {
	Width, Height int
	Land          string
	Dots          [][]int
	Shapes        []drawnPlace
}

// drawnPlace is one party on the map.
type drawnPlace struct {
	placeEntry
	Shape string
	X, Y  int
	Dot   bool
}

// weekLinks walks the periods.
type weekLinks struct {
	Period, Older, Newer string // Links; empty at the ends.
}

func drawPicture(_ context.Context, q *request) (any, error) {
	p, err := q.book.Picture(q.query.Get("week"))
	if err != nil {
		return nil, err
	}
	page := &picturePage{
		Picture: p, Weeks: q.weeks(p.Period, q.book.Periods()), Legend: q.legend(), Targets: q.book.Charter.Models.Targets,
		Members: len(p.Places), Lead: q.lead(p), Sure: q.sure(p),
	}
	current := q.current(p)
	for _, place := range p.Ranked() {
		entry := q.entry(place, page.Targets)
		entry.Current = place.Party == current.Party
		page.Ranked = append(page.Ranked, entry)
		if place.Leading < 0 {
			page.Absent = append(page.Absent, entry)
		}
	}
	page.Forecast = len(page.Ranked) - len(page.Absent)
	page.View, page.Views = q.views(q.world.has(q.book.Contributors()))
	if page.View == "map" {
		page.Map = q.drawMap(page.Ranked)
	}
	page.Place = q.placePanel(current, p)
	return page, nil
}

// current is the place that is asked for, else the one that rises most, else the first.
func (q *request) current(p account.Picture) account.Place {
	for _, id := range []party.ID{party.ID(q.query.Get("place")), p.Steepest} {
		if i := slices.IndexFunc(p.Places, func(x account.Place) bool { return x.Party == id }); i >= 0 {
			return p.Places[i]
		}
	}
	return p.Ranked()[0]
}

// lead is the answer to "are we in danger?".
func (q *request) lead(p account.Picture) string {
	n := len(p.Places)
	forecast := p.Rising + p.Falling + p.Unclear
	first := q.words.count("picture.lead", int64(p.Rising), n, p.Falling, p.Weeks)
	switch {
	case forecast == 0:
		return q.words.say("picture.lead.none", n)
	case p.Rising == 0:
		first = q.words.say("picture.lead.norise", n, p.Falling, p.Weeks)
	}
	if p.Steepest != "" {
		i := slices.IndexFunc(p.Places, func(x account.Place) bool { return x.Party == p.Steepest })
		first += " " + q.words.say("picture.lead.steepest", q.name(p.Steepest), percent(p.Places[i].First), percent(p.Places[i].Last))
	}
	return first
}

// sure is the answer to "and how sure is that?".
func (q *request) sure(p account.Picture) string {
	text := q.words.say("picture.sure", p.Unclear) + " " + q.words.count("picture.above", int64(p.Above))
	if s := q.now.Score; s != nil && s.Scored > 0 {
		text += " " + q.words.count("picture.score", int64(s.Scored), s.Weeks, s.Within50*100/s.Scored, s.Within90*100/s.Scored)
	}
	return text
}

func (q *request) weeks(period string, all []string) weekLinks {
	w := weekLinks{Period: period}
	i := slices.Index(all, period)
	if i > 0 {
		w.Older = q.link("week", all[i-1])
	}
	if i >= 0 && i+1 < len(all) {
		w.Newer = q.link("week", all[i+1])
		if i+2 == len(all) {
			w.Newer = q.link("week", "") // The newest week is the page's plain address.
		}
	}
	return w
}

// views are the tabs. Where a party is no state of the map, tiles come first.
func (q *request) views(mapped bool) (view string, tabs []navEntry) {
	names := []string{"map", "tiles", "table"}
	if !mapped {
		names = names[1:]
	}
	if view = q.query.Get("view"); !slices.Contains(names, view) {
		view = names[0]
	}
	for _, name := range names {
		tabs = append(tabs, navEntry{Name: q.words.say("view." + name), Link: q.link("view", name), Current: name == view})
	}
	return view, tabs
}

func (q *request) legend() []legendEntry {
	var out []legendEntry
	for i := range classes - 1 {
		out = append(out, legendEntry{"c" + strconv.Itoa(i), q.words.say("legend.class", i*classWidth/10, (i+1)*classWidth/10-1)})
	}
	return append(out, legendEntry{"c4", q.words.say("legend.last")}, legendEntry{"none", q.words.say("legend.none")})
}

func (q *request) entry(p account.Place, targets []string) placeEntry {
	e := placeEntry{
		ID: p.Party, Name: q.name(p.Party), Link: q.link("place", string(p.Party)) + "#place", Class: colour(p), Trend: p.Trend,
		Says: q.words.say("trend." + string(p.Trend)), Bar: min(p.Level, maxBar),
	}
	if p.Leading < 0 {
		e.Why = q.words.say("absent."+string(p.Absent), p.Detail)
		e.Label = q.words.say("place.label.none", e.Name)
		return e
	}
	leading := p.Series[p.Leading]
	e.Level, e.Leading, e.LastDate = percent(p.Level), leading.Target, leading.LastDate
	e.Label = q.words.say("place.label", e.Name, e.Level, e.Says)
	for _, target := range targets {
		cell := placeCell{Target: target}
		if i := slices.IndexFunc(p.Series, func(s account.Series) bool { return s.Target == target }); i >= 0 {
			h := p.Series[i].Horizons[len(p.Series[i].Horizons)-1]
			cell.Date, cell.Median, cell.Low, cell.High = h.Date, rate(account.At(h, 500)), rate(account.At(h, 50)), rate(account.At(h, 950))
		}
		e.Cells = append(e.Cells, cell)
	}
	return e
}

// maxBar is where bars of levels end, in thousandths: twice the reference level.
const maxBar = 2000

// drawMap puts the colours on the map. Links follow one another from the highest level
// down, so that the keyboard reaches the most important place first.
func (q *request) drawMap(ranked []placeEntry) *drawnMap {
	members := map[party.ID]bool{}
	for _, e := range ranked {
		members[e.ID] = true
	}
	out := &drawnMap{Width: q.world.Width, Height: q.world.Height}
	out.Land, out.Dots = q.world.land(members)
	for _, e := range ranked {
		p := q.world.Places[q.world.byID[e.ID]]
		d := drawnPlace{placeEntry: e, Shape: p.Shape, Dot: len(p.Dot) == 2}
		if d.Dot {
			d.X, d.Y = p.Dot[0], p.Dot[1]
		}
		out.Shapes = append(out.Shapes, d)
	}
	return out
}

// placePanel is one place in full.
type placePanel struct {
	placeEntry
	Rank    int
	Of      int
	Charts  []chart
	Explain string
}

func (q *request) placePanel(p account.Place, picture account.Picture) *placePanel {
	panel := &placePanel{placeEntry: q.entry(p, nil), Rank: p.Rank, Of: picture.Rising + picture.Falling + picture.Unclear}
	if p.Leading >= 0 {
		panel.Explain = q.words.say("place.explain."+string(p.Trend), p.Series[p.Leading].Target, percent(p.First), percent(p.Last))
	}
	for i, s := range p.Series {
		c := q.chart(s, q.name(p.Party))
		if c.Open = i == p.Leading; c.Open {
			panel.Charts = slices.Insert(panel.Charts, 0, c)
		} else {
			panel.Charts = append(panel.Charts, c)
		}
	}
	return panel
}

func pictureData(q *request) (any, error) { return q.book.Picture(q.query.Get("week")) }

// pictureTable is every published quantile, one row each, as hubverse files have them.
func pictureTable(q *request) ([][]string, error) {
	p, err := q.book.Picture(q.query.Get("week"))
	if err != nil {
		return nil, err
	}
	rows := [][]string{{"label", "kind", "period", "place", "name", "target", "unit", "last_date", "reference", "weeks", "date", "quantile", "value"}}
	for _, place := range p.Places {
		for _, s := range place.Series {
			for _, h := range s.Horizons {
				for i, v := range h.Quantiles {
					rows = append(rows, []string{
						q.cfg.Label, "forecast", p.Period, string(place.Party), q.name(place.Party), s.Target, s.Unit, s.LastDate,
						thousandths(int64(s.Reference)), strconv.Itoa(h.Weeks), h.Date, thousandths(int64(comity.QuantileLevels[i])), thousandths(int64(v)),
					})
				}
			}
		}
	}
	return rows, nil
}

// thousandths writes n/1000 exactly.
func thousandths(n int64) string {
	if n < 0 {
		return "-" + thousandths(-n)
	}
	return fmt.Sprintf("%d.%03d", n/1000, n%1000)
}
