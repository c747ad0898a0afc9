// Package written reads what a person wrote in YAML or JSON: a schema, or, value by value
// with a Reader, any other record.
package written

import (
	"errors"
	"strings"

	"comity/governor/charter"
	"comity/place"
	"comity/schema"
)

// Read returns the schema in a document. What is left out is empty or false. Errors are
// *place.Error and point at the value.
func Read(file string, root charter.Node) (schema.Schema, error) {
	r := &Reader{File: file}
	var s schema.Schema
	r.Object(root, map[string]func(charter.Node){
		"id":         func(n charter.Node) { s.ID = r.Text(n) },
		"columns":    func(n charter.Node) { s.Columns = r.columns(n) },
		"key":        func(n charter.Node) { s.Key = r.Texts(n) },
		"suppressed": func(n charter.Node) { s.Suppressed = r.Texts(n) },
		"person":     func(n charter.Node) { s.Person = r.Text(n) },
	})
	if r.Err != nil {
		return schema.Schema{}, r.Err
	}
	if err := s.Check(); err != nil {
		reason := strings.TrimPrefix(err.Error(), schema.ErrSchema.Error()+": ")
		at := blame(root, s)
		return schema.Schema{}, &place.Error{File: file, Line: max(at.Line, 1), Column: max(at.Column, 1), Reason: reason, Fix: "see docs/guide/data.md, Schemas", Cause: err}
	}
	return s, nil
}

func (r *Reader) columns(n charter.Node) []schema.Column {
	if n.Shape != charter.Sequence {
		r.Refuse(n, n.Shape.String()+" where a list of columns is expected", "write - name: ... for each")
		return nil
	}
	columns := make([]schema.Column, 0, len(n.Items))
	for _, item := range n.Items {
		var c schema.Column
		r.Object(item, map[string]func(charter.Node){
			"name":     func(n charter.Node) { c.Name = r.Text(n) },
			"type":     func(n charter.Node) { c.Type = schema.Type(r.Text(n)) },
			"unit":     func(n charter.Node) { c.Unit = r.Text(n) },
			"decimals": func(n charter.Node) { c.Decimals = r.Count(n) },
			"rounded":  func(n charter.Node) { c.Rounded = r.Truth(n) },
			"least":    func(n charter.Node) { c.Least = r.Text(n) },
			"most":     func(n charter.Node) { c.Most = r.Text(n) },
			"values":   func(n charter.Node) { c.Values = r.Texts(n) },
			"required": func(n charter.Node) { c.Required = r.Truth(n) },
			"personal": func(n charter.Node) { c.Personal = r.Truth(n) },
		})
		columns = append(columns, c)
	}
	return columns
}

// blame returns the first column that is wrong by itself, or the document.
func blame(root charter.Node, s schema.Schema) charter.Node {
	list, _ := root.Get("columns")
	if len(list.Items) != len(s.Columns) {
		return root
	}
	for i := range s.Columns {
		alone := schema.Schema{ID: "a@1", Columns: s.Columns[i : i+1]}
		if err := alone.Check(); err != nil && errors.Is(err, schema.ErrSchema) {
			return list.Items[i]
		}
	}
	return root
}
