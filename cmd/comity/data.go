package main

import (
	"io"
	"strings"

	"comity/adapter/csv"
	"comity/adapter/yaml"
	"comity/packs/health"
	"comity/place"
	"comity/schema"
	"comity/schema/written"
)

type dataCommand struct {
	Validate dataValidateCommand `cmd:"" help:"Check rows against a schema with units, one by one, where they are."`
	Privacy  dataPrivacyCommand  `cmd:"" help:"Compute published values of privacy accounting, and compare."`

	Representation dataRepresentationCommand `cmd:"" help:"Compare rows with the people whom they should be about, group by group."`
}

// knownSchemas are those that packs declare.
func knownSchemas() []schema.Schema { return []schema.Schema{health.Series(), health.Visits()} }

// findSchema returns a pack's schema by id, or reads a file, or standard input for "-".
func findSchema(name string) (schema.Schema, error) {
	var ids []string
	for _, s := range knownSchemas() {
		if s.ID == name {
			return s, nil
		}
		ids = append(ids, s.ID)
	}
	if strings.Contains(name, "@") && !strings.Contains(name, ".") {
		return schema.Schema{}, &place.Error{File: name, Line: 1, Column: 1, Reason: "no pack declares a schema of that id", Fix: "name one of " + strings.Join(ids, ", ") + ", or a file"}
	}
	var s schema.Schema
	err := readFrom(name, func(name string, in io.Reader) error {
		text, err := io.ReadAll(io.LimitReader(in, yaml.MaxBytes+1))
		if err != nil {
			return &csv.Error{File: name, Line: 1, Column: 1, Reason: "reading stopped: " + err.Error(), Fix: "check the disk", Cause: err}
		}
		root, err := yaml.Read(name, text)
		if err != nil {
			return err
		}
		s, err = written.Read(name, root)
		return err
	})
	return s, err
}
