package main

import (
	"io"
	"strings"

	"comity"
	"comity/adapter/csv"
	"comity/adapter/yaml"
	"comity/exact"
	"comity/fleet"
	"comity/governor/charter"
	"comity/node"
	"comity/schema"
	"comity/schema/written"
	"comity/verifier/privacy"
)

// questionFile is a question as a person writes it; what follows from it is computed.
type questionFile struct {
	question comity.Question
	name     string
	schema   string // Id or file.
}

// readQuestion reads a question from a file.
func readQuestion(name string) (a questionFile, err error) {
	var root charter.Node
	err = readFrom(name, func(name string, in io.Reader) error {
		text, err := io.ReadAll(io.LimitReader(in, yaml.MaxBytes+1))
		if err != nil {
			return &csv.Error{File: name, Line: 1, Column: 1, Reason: "reading stopped: " + err.Error(), Fix: "check the disk", Cause: err}
		}
		root, err = yaml.Read(name, text)
		return err
	})
	if err != nil {
		return a, err
	}
	r := &written.Reader{File: name}
	a.question.Query = comity.Query{By: []string{}, Edges: []string{}, Levels: []exact.Rat{}, Salt: []byte{}, Prefixes: []string{}, MemberRows: 1000}
	a.question.Disclosure, a.question.Seconds = privacy.Exact, 30
	q := &a.question
	r.Object(root, map[string]func(charter.Node){
		"name": func(n charter.Node) { a.name = r.Text(n) }, "period": func(n charter.Node) { q.Period = r.Text(n) },
		"clause": func(n charter.Node) { q.Clause = r.Text(n) }, "schema": func(n charter.Node) { a.schema = r.Text(n) },
		"kind": func(n charter.Node) { q.Query.Kind = r.Text(n) }, "column": func(n charter.Node) { q.Query.Column = r.Text(n) },
		"weight": func(n charter.Node) { q.Query.Weight = r.Text(n) }, "by": func(n charter.Node) { q.Query.By = r.Texts(n) },
		"lower": func(n charter.Node) { q.Query.Lower = r.Text(n) }, "upper": func(n charter.Node) { q.Query.Upper = r.Text(n) },
		"edges": func(n charter.Node) { q.Query.Edges = r.Texts(n) }, "levels": func(n charter.Node) { q.Query.Levels = r.Numbers(n) },
		"bits": func(n charter.Node) { q.Query.Bits = r.Count(n) }, "salt": func(n charter.Node) { q.Query.Salt = []byte(r.Text(n)) },
		"prefixes": func(n charter.Node) { q.Query.Prefixes = r.Texts(n) },
		"event":    func(n charter.Node) { q.Query.Event = r.Text(n) }, "event_value": func(n charter.Node) { q.Query.EventValue = r.Text(n) },
		"member_rows": func(n charter.Node) { q.Query.MemberRows = r.Count(n) }, "person_rows": func(n charter.Node) { q.Query.PersonRows = r.Count(n) },
		"minimum_cell": func(n charter.Node) { q.Query.MinimumCell = r.Count(n) }, "report": func(n charter.Node) { q.Query.Report = r.Truth(n) },
		"disclosure": func(n charter.Node) { q.Disclosure = r.Text(n) }, "variance": func(n charter.Node) { q.Variance = r.Number(n) },
		"carried":     func(n charter.Node) { q.Carried = r.Number(n) },
		"min_members": func(n charter.Node) { q.MinMembers = r.Count(n) }, "seconds": func(n charter.Node) { q.Seconds = r.Count(n) },
	})
	for _, must := range [][2]string{{"name", a.name}, {"clause", q.Clause}, {"schema", a.schema}, {"kind", q.Query.Kind}} {
		if must[1] == "" {
			r.Refuse(root, "the question has no "+must[0], "add it")
		}
	}
	return a, r.Err
}

// complete adds what follows from a question: its period, its round and its terms.
func (a questionFile) complete(f *fleet.Fleet, s schema.Schema) (comity.Question, error) {
	q := a.question
	if q.Period == "" {
		q.Period = f.Period()
	}
	q.Round = roundOf(q.Period, a.name)
	q, err := node.Terms(f.Hub().Charter(), q, s)
	if err != nil {
		return q, err
	}
	return node.Quietest(f.Hub().Charter(), q)
}

// roundOf is the round of a question of a period.
func roundOf(period, name string) string { return period + "/" + strings.ToLower(name) }
