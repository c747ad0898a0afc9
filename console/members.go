package console

import (
	"context"
	"slices"
	"strconv"

	"comity/console/account"
)

// membersPage is what the template of the members draws.
type membersPage struct {
	account.Members
	Lead    string
	Second  string
	Rows    []memberEntry
	Trouble []failureEntry
	Date    string
	Summary []string
}

// memberEntry is one party in words.
type memberEntry struct {
	ID                               string
	Name, Kind, Role                 string
	Online                           bool
	Says                             string // Connected or not.
	Witness, Masked, Numbers, Checks string
	Forecast                         string
	Absent                           bool
	Statements                       string
	Kinds                            string // Statements for the decision, by kind.
}

type failureEntry struct{ Name, Text string }

func drawMembers(_ context.Context, q *request) (any, error) {
	m, err := q.members()
	if err != nil {
		return nil, err
	}
	page := &membersPage{Members: m.Members, Summary: q.now.Summary}
	forecast, contributors := 0, 0
	for _, p := range m.Parties {
		page.Rows = append(page.Rows, q.member(p))
		if p.Place != nil {
			contributors++
		}
		if p.Place != nil && p.Place.Leading >= 0 {
			forecast++
		}
	}
	page.Lead = q.words.say("members.lead", len(q.now.Connected), len(q.book.Contributors()))
	if m.Period != "" {
		page.Date = q.words.date(m.Period)
		page.Lead += " " + q.words.say("members.forecast", forecast, contributors, page.Date)
	}
	page.Second = q.words.say("members.second")
	for _, f := range q.now.Failures {
		page.Trouble = append(page.Trouble, failureEntry{q.name(f.Party), f.Text})
	}
	return page, nil
}

// connectedMembers adds to the log's account what only the process knows.
type connectedMembers struct {
	account.Members
	Connected []string  `json:"connected"`
	Failures  []Failure `json:"failures"`
}

func (q *request) members() (connectedMembers, error) {
	m, err := q.book.Members("")
	out := connectedMembers{Members: m, Failures: q.now.Failures}
	for _, id := range q.now.Connected {
		out.Connected = append(out.Connected, string(id))
	}
	return out, err
}

func (q *request) member(m account.Member) memberEntry {
	e := memberEntry{
		ID: string(m.Party), Name: q.name(m.Party), Kind: q.words.say("kind." + m.Kind), Online: slices.Contains(q.now.Connected, m.Party),
		Statements: grouped(int64(m.Statements)), Witness: q.words.say("witness." + strconv.FormatBool(m.Witness)),
	}
	if e.Kind == "kind."+m.Kind {
		e.Kind = m.Kind // A kind that packs added later.
	}
	e.Says = q.words.say("online." + strconv.FormatBool(e.Online))
	if m.Operator {
		e.Role, e.Says = q.words.say("member.operator"), q.words.say("online.operator")
	}
	if m.Vectors > 0 {
		e.Masked = q.words.count("member.masked", int64(m.Vectors), q.words.bytesText(m.Masked))
	}
	if m.Numbers > 0 {
		e.Numbers = q.words.count("member.numbers", int64(m.Numbers))
	}
	if m.Checked != "" {
		e.Checks = q.words.say("checked." + m.Checked)
	}
	var kinds []string
	for _, s := range m.Shared {
		kinds = append(kinds, q.words.say("statement."+string(s.Kind)))
	}
	e.Kinds = q.words.list(kinds)
	if m.Place != nil {
		if e.Absent = m.Place.Leading < 0; e.Absent {
			e.Forecast = q.words.say("absent."+string(m.Place.Absent), m.Place.Detail)
		} else {
			e.Forecast = q.words.count("member.series", int64(len(m.Place.Series)))
		}
	}
	return e
}

func membersData(q *request) (any, error) { return q.members() }

func membersTable(q *request) ([][]string, error) {
	m, err := q.members()
	if err != nil {
		return nil, err
	}
	rows := [][]string{{"label", "period", "party", "name", "kind", "connected", "witness", "statements", "masked_vectors", "masked_bytes", "declared_numbers", "forecast", "checked"}}
	for _, p := range m.Parties {
		forecast := ""
		if p.Place != nil {
			forecast = string(p.Place.Absent)
			if p.Place.Leading >= 0 {
				forecast = "present"
			}
		}
		rows = append(rows, []string{
			q.cfg.Label, m.Period, string(p.Party), q.name(p.Party), p.Kind, strconv.FormatBool(slices.Contains(m.Connected, string(p.Party))),
			strconv.FormatBool(p.Witness), strconv.Itoa(p.Statements), strconv.Itoa(p.Vectors), strconv.FormatInt(p.Masked, 10),
			strconv.Itoa(p.Numbers), forecast, p.Checked,
		})
	}
	return rows, nil
}
