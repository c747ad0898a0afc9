package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"comity"
	"comity/adapter/csv"
	"comity/adapter/yaml"
	"comity/exact"
	"comity/governor/charter"
	"comity/place"
	"comity/verifier/federation"
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
	r := &questionReader{file: name}
	a.question.Query = comity.Query{By: []string{}, Edges: []string{}, Levels: []exact.Rat{}, Salt: []byte{}, Prefixes: []string{}, MemberRows: 1000}
	a.question.Disclosure, a.question.Seconds = privacy.Exact, 30
	q := &a.question
	r.object(root, map[string]func(charter.Node){
		"name": func(n charter.Node) { a.name = r.text(n) }, "period": func(n charter.Node) { q.Period = r.text(n) },
		"clause": func(n charter.Node) { q.Clause = r.text(n) }, "schema": func(n charter.Node) { a.schema = r.text(n) },
		"kind": func(n charter.Node) { q.Query.Kind = r.text(n) }, "column": func(n charter.Node) { q.Query.Column = r.text(n) },
		"weight": func(n charter.Node) { q.Query.Weight = r.text(n) }, "by": func(n charter.Node) { q.Query.By = r.texts(n) },
		"lower": func(n charter.Node) { q.Query.Lower = r.text(n) }, "upper": func(n charter.Node) { q.Query.Upper = r.text(n) },
		"edges": func(n charter.Node) { q.Query.Edges = r.texts(n) }, "levels": func(n charter.Node) { q.Query.Levels = r.numbers(n) },
		"bits": func(n charter.Node) { q.Query.Bits = r.count(n) }, "salt": func(n charter.Node) { q.Query.Salt = []byte(r.text(n)) },
		"prefixes": func(n charter.Node) { q.Query.Prefixes = r.texts(n) },
		"event":    func(n charter.Node) { q.Query.Event = r.text(n) }, "event_value": func(n charter.Node) { q.Query.EventValue = r.text(n) },
		"member_rows": func(n charter.Node) { q.Query.MemberRows = r.count(n) }, "person_rows": func(n charter.Node) { q.Query.PersonRows = r.count(n) },
		"minimum_cell": func(n charter.Node) { q.Query.MinimumCell = r.count(n) }, "report": func(n charter.Node) { q.Query.Report = r.text(n) == "true" },
		"disclosure": func(n charter.Node) { q.Disclosure = r.text(n) }, "variance": func(n charter.Node) { q.Variance = r.number(n) },
		"min_members": func(n charter.Node) { q.MinMembers = r.count(n) }, "seconds": func(n charter.Node) { q.Seconds = r.count(n) },
	})
	for _, must := range [][2]string{{"name", a.name}, {"clause", q.Clause}, {"schema", a.schema}, {"kind", q.Query.Kind}} {
		if must[1] == "" {
			r.refuse(root, "the question has no "+must[0], "add it")
		}
	}
	return a, r.err
}

// questionReader keeps the first error.
type questionReader struct {
	file string
	err  error
}

func (r *questionReader) refuse(n charter.Node, reason, fix string) {
	if r.err == nil {
		r.err = &place.Error{File: r.file, Line: max(n.Line, 1), Column: max(n.Column, 1), Reason: reason, Fix: fix}
	}
}

func (r *questionReader) object(n charter.Node, keys map[string]func(charter.Node)) {
	if n.Shape != charter.Mapping {
		r.refuse(n, n.Shape.String()+" where keys are expected", "write key: value")
		return
	}
	for _, f := range n.Fields {
		read, ok := keys[f.Key.Text]
		if !ok {
			r.refuse(f.Key, fmt.Sprintf("unknown key %.40q", f.Key.Text), "see docs/guide/query.md")
			return
		}
		read(f.Value)
	}
}

func (r *questionReader) text(n charter.Node) string {
	if n.Shape != charter.Scalar || len(n.Text) > 1000 {
		r.refuse(n, "one short text is expected", "write it in one line")
	}
	return n.Text
}

func (r *questionReader) texts(n charter.Node) []string {
	all := []string{}
	if n.Shape != charter.Sequence {
		r.refuse(n, "a list is expected", "write [a, b]")
		return all
	}
	for _, item := range n.Items {
		all = append(all, r.text(item))
	}
	return all
}

func (r *questionReader) count(n charter.Node) int {
	v, err := strconv.Atoi(r.text(n))
	if err != nil || v < 0 {
		r.refuse(n, fmt.Sprintf("%.40q is no whole number of 0 or more", n.Text), "write digits")
	}
	return v
}

func (r *questionReader) number(n charter.Node) exact.Rat {
	v, err := exact.Parse(r.text(n))
	if err != nil {
		r.refuse(n, err.Error(), `write "3/4" or "0.75"`)
	}
	return v
}

func (r *questionReader) numbers(n charter.Node) []exact.Rat {
	all := []exact.Rat{}
	if n.Shape != charter.Sequence {
		r.refuse(n, "a list is expected", `write ["1/4", "1/2"]`)
		return all
	}
	for _, item := range n.Items {
		all = append(all, r.number(item))
	}
	return all
}

// quietest gives a question about persons the least noise that the charter's budget for
// one release takes, unless its author chose.
func quietest(q comity.Question, c comity.Charter) (comity.Question, error) {
	if q.Disclosure != privacy.Noisy || q.Variance.Sign() != 0 || c.Privacy == nil {
		return q, nil
	}
	clause, _ := charter.Clause(c, q.Clause)
	var err error
	q.Variance, err = federation.LeastVariance(q, len(clause.From), privacy.Limit{Epsilon: c.Privacy.PerRelease.Epsilon, Delta: c.Privacy.PerRelease.Delta})
	return q, err
}

// roundOf is the round of a question of a period.
func roundOf(period, name string) string { return period + "/" + strings.ToLower(name) }
