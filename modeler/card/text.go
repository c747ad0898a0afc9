package card

import (
	"fmt"
	"strings"
)

// Text is the card as a person reads it in a terminal.
func (c *Card) Text() string {
	var b strings.Builder
	for _, s := range c.sections() {
		fmt.Fprintf(&b, "%s\n", strings.ToUpper(s.title))
		for _, l := range s.lines {
			fmt.Fprintf(&b, "  %s\n", l)
		}
		for _, t := range s.tables {
			t.text(&b)
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// section is one part of a card, the same for text and page.
type section struct {
	title  string
	lines  []string
	tables []grid
}

// grid is a small table: a head, and rows of as many cells.
type grid struct {
	title string
	head  []string
	rows  [][]string
	// marks are intervals to draw, one for each row; none for a table without a drawing.
	marks []mark
	zero  *float64 // Where the line of what is expected stands.
}

// text writes columns apart.
func (g grid) text(b *strings.Builder) {
	if g.title != "" {
		fmt.Fprintf(b, "  %s\n", g.title)
	}
	widths := make([]int, len(g.head))
	for _, row := range append([][]string{g.head}, g.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range append([][]string{g.head}, g.rows...) {
		var line strings.Builder
		line.WriteString("   ")
		for i, cell := range row {
			line.WriteString(" " + cell + strings.Repeat(" ", widths[i]-len([]rune(cell))))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// sections puts everything that is known in order.
func (c *Card) sections() []section {
	all := []section{c.what(), c.how()}
	if c.Scores != nil {
		all = append(all, c.scores())
	}
	for _, g := range c.Groups {
		all = append(all, c.served(g))
	}
	if c.Neutrality != nil {
		all = append(all, c.neutral())
	}
	if len(c.Contributions) > 0 {
		all = append(all, c.ledger())
	}
	if r := c.Representation; r != nil {
		all = append(all, section{title: "Whom the rows are about", lines: []string{
			fmt.Sprintf("Gini of rows per person %s (0 is even), by %s", r.Gini, strings.Join(r.By, ", ")),
			fmt.Sprintf("distance of rows from people %s (Jensen-Shannon, base %s: 0 to 1)", r.JensenShannon, r.LogBase),
			fmt.Sprintf("as diverse as %s groups with equal rows", r.Effective),
			fmt.Sprintf("share of people in groups without data: %s", r.WithoutData),
		}})
	}
	all = append(all, c.given())
	return append(all, section{title: "How to check", lines: c.checks()}, section{title: "What this card does not say", lines: c.Limits})
}

func (c *Card) what() section {
	s := section{title: "What it predicts", lines: []string{"It predicts " + c.Model.Predicts + "."}}
	if c.Model.Unit != "" {
		s.lines = append(s.lines, "unit: "+c.Model.Unit)
	}
	s.lines = append(s.lines, fmt.Sprintf("%s model %s", c.Model.Learner, c.Model.Digest), "from "+names(c.Model.Columns))
	for _, d := range c.Model.Dropped {
		s.lines = append(s.lines, fmt.Sprintf("column %s is not used: %s", d.Name, d.Kind))
	}
	return s
}

// names lists columns, or the first of many.
func names(columns []Column) string {
	const most = 30
	var all []string
	for i, c := range columns {
		if i == most {
			all = append(all, fmt.Sprintf("%d more", len(columns)-most))
			break
		}
		all = append(all, c.Name)
	}
	return strings.Join(all, ", ")
}

func (c *Card) how() section {
	s := section{title: "How it was made", lines: []string{
		fmt.Sprintf("parties: %d; rows: %s; sums over all parties: %d", c.Training.Parties, c.Training.Rows, c.Training.Sums),
	}}
	if c.Privacy.Disclosure == "dp" && c.Privacy.Epsilon != nil && c.Privacy.Delta != nil {
		s.lines = append(s.lines, fmt.Sprintf("sums carry noise: a privacy loss of %s per row at delta %s", *c.Privacy.Epsilon, *c.Privacy.Delta))
	} else {
		s.lines = append(s.lines, "sums are exact: whoever sees them may find out about single rows")
	}
	for _, d := range c.Data {
		s.lines = append(s.lines, fmt.Sprintf("data %s %s", d.Name, d.Digest))
	}
	return s
}

func (c *Card) scores() section {
	s := section{title: "How good it is", lines: []string{c.Scores.Validation, "loss: " + c.Scores.Loss}}
	for _, name := range sorted(c.Scores.Named) {
		s.lines = append(s.lines, name+" "+c.Scores.Named[name])
	}
	for _, name := range sorted(c.Scores.Overall) {
		s.lines = append(s.lines, fmt.Sprintf("%s %s, %s", name, orDash(c.Scores.Overall[name].Value), between(c.Scores.Overall[name])))
	}
	s.lines = append(s.lines, fmt.Sprintf("all intervals of this card hold at once with confidence %s; coverage should be %s", c.Scores.Confidence, c.Scores.Level))
	return s
}

func (c *Card) served(g Group) section {
	s := section{title: "Served alike? By " + g.By}
	for _, m := range g.Measures {
		t := grid{title: m.Name, head: []string{"group", "rows", m.Name, "low", "high", ""}}
		if m.Expected != nil {
			v := parse(*m.Expected)
			t.zero, t.title = &v, m.Name+", expected "+*m.Expected
		}
		for _, f := range m.Findings {
			verdict := ""
			if f.Apart {
				verdict = "stands apart"
			}
			t.rows = append(t.rows, []string{f.Group, f.Rows, orDash(f.Value), orDash(f.Low), orDash(f.High), verdict})
			t.marks = append(t.marks, markOf(f.Group, f.Number, f.Apart))
		}
		s.tables = append(s.tables, t)
	}
	if g.Withheld > 0 {
		s.lines = append(s.lines, fmt.Sprintf("%d groups are too small to be shown", g.Withheld))
	}
	return s
}

func (c *Card) neutral() section {
	n := c.Neutrality
	s := section{title: "Does a party matter?"}
	switch {
	case n.Renaming == nil:
	case n.Renaming.Same:
		s.lines = append(s.lines, fmt.Sprintf("under %d other ways to name the parties the model is the same, byte for byte", len(n.Renaming.Others)))
	default:
		s.lines = append(s.lines, "UNDER OTHER NAMES THE MODEL IS ANOTHER: a name matters")
	}
	if n.Reads {
		s.lines = append(s.lines, "the party is among the columns that the model reads")
	}
	t := grid{title: "what a party's rows do to the others", head: []string{"party", "rows", "moves", "low", "high", "helps", "low", "high", ""}}
	for _, in := range n.Influence {
		verdict := ""
		if in.Unlike {
			verdict = "moves others further than so many rows explain"
		}
		t.rows = append(t.rows, []string{
			in.Party, orHidden(in.Rows), orDash(in.Moves.Value), orDash(in.Moves.Low), orDash(in.Moves.High),
			orDash(in.Helps.Value), orDash(in.Helps.Low), orDash(in.Helps.High), verdict,
		})
	}
	if len(t.rows) > 0 {
		s.tables = []grid{t}
		s.lines = append(s.lines, "moves: how far the others' predictions move when it joins; helps: how much less the others lose, above 0 is good")
	}
	return s
}

func (c *Card) ledger() section {
	zero := 0.
	t := grid{title: "gain", head: []string{"party", "rows", "alone", "together", "gain", "low", "high", ""}, zero: &zero}
	for _, l := range c.Contributions {
		t.rows = append(t.rows, []string{
			l.Party, orHidden(l.Rows), orDash(l.Alone), orDash(l.Shared), orDash(l.Gain.Value), orDash(l.Gain.Low), orDash(l.Gain.High), l.Unable,
		})
		t.marks = append(t.marks, markOf(l.Party, l.Gain, l.Gain.High != nil && parse(*l.Gain.High) < 0))
	}
	return section{
		title: "What each party brought and got", tables: []grid{t},
		lines: []string{"alone: the loss on its rows of a model of its rows alone; gain: how much less it loses together, above 0 is better"},
	}
}

func (c *Card) given() section {
	l := c.Leakage
	if l == nil {
		return section{title: "What it gives away", lines: []string{"not attacked; comity redteam run membership does"}}
	}
	s := section{title: "What it gives away", lines: []string{
		fmt.Sprintf("membership attack by %d models: AUC %s (0.5 is guessing), %s of members found at 1 %% false alarms", l.Models, l.AUC, l.Rate1),
		"privacy loss is at least " + l.Epsilon,
	}}
	switch {
	case l.Claimed == nil:
	case l.Refuted:
		s.lines = append(s.lines, "THE CLAIM OF "+*l.Claimed+" IS REFUTED")
	default:
		s.lines = append(s.lines, "the claim of "+*l.Claimed+" is not refuted")
	}
	return s
}

func (c *Card) checks() []string {
	if len(c.Replay) == 0 {
		return []string{"comity audit replay HOME makes the model again from the sums in the log"}
	}
	return c.Replay
}
