package main

import (
	"fmt"
	"io"
	"strings"

	"comity/verifier/privacy/reference"
)

type dataPrivacyCommand struct {
	Reference string `required:"" placeholder:"FILE" help:"Published values of privacy accounting, as CSV: id, mechanism, parameters, quantity, expected, tolerances; - reads standard input."`
}

// privacyData is the JSON form of the comparison.
type privacyData struct {
	Rows   []reference.Result `json:"rows"`
	Passed int                `json:"passed"`
	Failed int                `json:"failed"`
}

// Run computes every row and shows it beside what is expected. Rows that differ, or that
// cannot be computed, say so; they are a finding, not a failure of the command.
func (c *dataPrivacyCommand) Run(t *terminal) error {
	var rows []reference.Row
	err := readFrom(c.Reference, func(name string, in io.Reader) (err error) {
		rows, err = reference.Read(name, in)
		return err
	})
	if err != nil {
		return err
	}
	d := privacyData{Rows: []reference.Result{}}
	for i, r := range rows {
		t.draw(fmt.Sprintf("row %d of %d: %s", i+1, len(rows), r.ID))
		result := reference.Check(r)
		d.Rows = append(d.Rows, result)
		if result.Pass {
			d.Passed++
		} else {
			d.Failed++
		}
	}
	return t.result("data-privacy", d, d.text(t))
}

// text is the comparison as people read it.
func (d privacyData) text(t *terminal) string {
	var b strings.Builder
	width := len("row")
	for _, r := range d.Rows {
		width = max(width, len(r.ID))
	}
	fmt.Fprintf(&b, "%-*s  %18s  %18s\n", width, "row", "computed", "expected")
	for _, r := range d.Rows {
		verdict := t.paint(green, "agrees")
		if !r.Pass {
			verdict = t.paint(red, "fails") + ": " + r.Reason
		}
		fmt.Fprintf(&b, "%-*s  %18s  %18s  %s\n", width, r.ID, r.Computed, r.Expected, verdict)
	}
	fmt.Fprintf(&b, "%d of %d rows agree\n", d.Passed, len(d.Rows))
	return b.String()
}
