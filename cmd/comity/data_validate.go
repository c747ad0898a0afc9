package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"comity/adapter/query"
	"comity/canon"
	"comity/dataset"
	"comity/schema"
)

type dataValidateCommand struct {
	Path     string        `arg:"" optional:"" name:"file" help:"CSV (.gz is fine), Parquet, SQLite, or a folder of them; - reads CSV from standard input."`
	Schema   string        `required:"" placeholder:"FILE" help:"What the rows are: a YAML or JSON file, or the id of a pack's schema, as health/series@1."`
	Table    string        `help:"Of an SQLite database; it may be left out if there is only one."`
	Query    string        `placeholder:"SELECT" help:"For an SQLite database, instead of a table."`
	Command  string        `placeholder:"PROGRAM" help:"Read the CSV that this program prints instead of a file, such as psql."`
	Argument []string      `sep:"none" placeholder:"TEXT" help:"An argument of the program; give it once for each, as --argument=--csv."`
	Env      []string      `sep:"none" placeholder:"NAME" help:"A variable that the program may see; it sees no other."`
	Deadline time.Duration `default:"5m" help:"For the program; 1h at most."`
	Errors   int           `default:"20" help:"How many errors to list (1 to 1000); all are counted."`
}

// validateData is the JSON form of what was checked.
type validateData struct {
	Rows       int            `json:"rows"`
	Columns    int            `json:"columns"`
	Missing    int            `json:"missing"`    // Empty cells.
	Suppressed int            `json:"suppressed"` // Cells that the publisher withheld.
	ByColumn   map[string]int `json:"suppressed_by_column"`
	Unstated   []string       `json:"unstated_units"` // Columns whose unit the source does not state.
	Wrong      int            `json:"wrong"`          // All errors.
	Errors     []wrongCell    `json:"errors"`         // The first of them.
	Schema     string         `json:"schema_id"`
	Digest     canon.Digest   `json:"digest"`  // Of the schema: what a plan names.
	Content    string         `json:"content"` // Of the rows as typed; empty if there are errors.
}

// wrongCell is one error.
type wrongCell struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // The row, where a source has no lines.
	Column int    `json:"column"`
	Reason string `json:"reason"`
	Fix    string `json:"fix"`
}

// Run checks all rows.
func (c *dataValidateCommand) Run(ctx context.Context, t *terminal) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	s, err := findSchema(c.Schema)
	if err != nil {
		return err
	}
	source, err := dataset.Open(ctx, config)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // Read only.
	report, err := schema.Read(s, source, c.Errors, nil)
	if err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	d, err := newValidateData(s, report)
	if err != nil {
		return err
	}
	if err := report.Err(); err != nil {
		return &refusal{cause: err, data: d, text: d.complaints()}
	}
	return t.result("data-validate", d, d.praise())
}

// config refuses what does not go together.
func (c *dataValidateCommand) config() (dataset.Config, error) {
	config := dataset.Config{Path: c.Path, Table: c.Table, Query: c.Query}
	switch {
	case (c.Path == "") == (c.Command == ""):
		return config, usageError{errors.New("name a file, a folder, - or a --command; one of them")}
	case c.Path == "-" && c.Schema == "-":
		return config, usageError{errors.New("rows and --schema cannot both be standard input; name a file for one of them")}
	case c.Command == "" && (len(c.Argument) > 0 || len(c.Env) > 0):
		return config, usageError{errors.New("--argument and --env are for a --command")}
	case c.Errors < 1 || c.Errors > 1000:
		return config, usageError{fmt.Errorf("--errors %d: give 1 to 1000", c.Errors)}
	case c.Path == "-":
		config.Path, config.Input, config.Name = "", os.Stdin, "standard input"
	case c.Command != "":
		q := &query.Config{Argv: append([]string{c.Command}, c.Argument...), Deadline: c.Deadline, Bytes: query.MaxBytes}
		for _, name := range c.Env {
			value, ok := os.LookupEnv(name)
			if !ok {
				return config, usageError{fmt.Errorf("--env %s: there is no such variable; export it", name)}
			}
			q.Env = append(q.Env, name+"="+value)
		}
		config.Command = q
	}
	return config, nil
}

func newValidateData(s schema.Schema, r schema.Report) (*validateData, error) {
	digest, err := s.Digest()
	if err != nil {
		return nil, err
	}
	d := &validateData{
		Rows: r.Rows, Columns: r.Columns, Missing: r.Missing, Suppressed: r.Suppressed, ByColumn: map[string]int{},
		Unstated: append([]string{}, r.Unstated...), Wrong: r.Wrong, Errors: []wrongCell{}, Schema: s.ID, Digest: digest,
	}
	for i, n := range r.SuppressedBy {
		if n > 0 {
			d.ByColumn[s.Columns[i].Name] = n
		}
	}
	for _, e := range r.Errors {
		d.Errors = append(d.Errors, wrongCell{e.File, e.Line, e.Column, e.Reason, e.Fix})
	}
	if r.Wrong == 0 {
		d.Content = r.Content.String()
	}
	return d, nil
}

// praise is what a person reads about a valid table.
func (d *validateData) praise() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s are valid", count(d.Rows, "row"), d.Schema)
	if d.Suppressed > 0 {
		fmt.Fprintf(&b, "; %s suppressed by the publisher, counted and not replaced", count(d.Suppressed, "cell"))
	}
	if d.Missing > 0 {
		fmt.Fprintf(&b, "; %s empty", count(d.Missing, "cell"))
	}
	b.WriteString("\n")
	for _, name := range d.Unstated {
		fmt.Fprintf(&b, "  unit of %s: taken from the schema, the source states none\n", name)
	}
	fmt.Fprintf(&b, "  schema %s\n", d.Digest)
	return b.String()
}

// complaints lists the errors.
func (d *validateData) complaints() string {
	var b strings.Builder
	for _, e := range d.Errors {
		fmt.Fprintf(&b, "%s:%d:%d: %s; %s\n", e.File, e.Line, e.Column, e.Reason, e.Fix)
	}
	if more := d.Wrong - len(d.Errors); more > 0 {
		fmt.Fprintf(&b, "and %s\n", count(more, "more error"))
	}
	fmt.Fprintf(&b, "%s in %s read\n", count(d.Wrong, "error"), count(d.Rows, "row"))
	return b.String()
}
