// Package written reads a schema that a person wrote in YAML or JSON.
package written

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"comity/governor/charter"
	"comity/place"
	"comity/schema"
)

// Read returns the schema in a document. What is left out is empty or false. Errors are
// *place.Error and point at the value.
func Read(file string, root charter.Node) (schema.Schema, error) {
	r := &reader{file: file}
	var s schema.Schema
	r.object(root, map[string]func(charter.Node){
		"id":         func(n charter.Node) { s.ID = r.text(n) },
		"columns":    func(n charter.Node) { s.Columns = r.columns(n) },
		"key":        func(n charter.Node) { s.Key = r.texts(n) },
		"suppressed": func(n charter.Node) { s.Suppressed = r.texts(n) },
		"person":     func(n charter.Node) { s.Person = r.text(n) },
	})
	if r.err != nil {
		return schema.Schema{}, r.err
	}
	if err := s.Check(); err != nil {
		reason := strings.TrimPrefix(err.Error(), schema.ErrSchema.Error()+": ")
		at := blame(root, s)
		return schema.Schema{}, &place.Error{File: file, Line: max(at.Line, 1), Column: max(at.Column, 1), Reason: reason, Fix: "see docs/guide/data.md, Schemas", Cause: err}
	}
	return s, nil
}

// reader keeps the first error.
type reader struct {
	file string
	err  error
}

func (r *reader) refuse(n charter.Node, reason, fix string) {
	if r.err == nil {
		r.err = &place.Error{File: r.file, Line: max(n.Line, 1), Column: max(n.Column, 1), Reason: reason, Fix: fix}
	}
}

// object reads a mapping whose keys are known.
func (r *reader) object(n charter.Node, keys map[string]func(charter.Node)) {
	if n.Shape != charter.Mapping {
		r.refuse(n, n.Shape.String()+" where keys are expected", "write key: value")
		return
	}
	for _, f := range n.Fields {
		read, ok := keys[f.Key.Text]
		if !ok {
			known := make([]string, 0, len(keys))
			for k := range keys {
				known = append(known, k)
			}
			slices.Sort(known)
			r.refuse(f.Key, fmt.Sprintf("unknown key %.40q", f.Key.Text), "write one of "+strings.Join(known, ", "))
			return
		}
		read(f.Value)
	}
}

func (r *reader) columns(n charter.Node) []schema.Column {
	if n.Shape != charter.Sequence {
		r.refuse(n, n.Shape.String()+" where a list of columns is expected", "write - name: ... for each")
		return nil
	}
	columns := make([]schema.Column, 0, len(n.Items))
	for _, item := range n.Items {
		var c schema.Column
		r.object(item, map[string]func(charter.Node){
			"name":     func(n charter.Node) { c.Name = r.text(n) },
			"type":     func(n charter.Node) { c.Type = schema.Type(r.text(n)) },
			"unit":     func(n charter.Node) { c.Unit = r.text(n) },
			"decimals": func(n charter.Node) { c.Decimals = r.count(n) },
			"rounded":  func(n charter.Node) { c.Rounded = r.truth(n) },
			"least":    func(n charter.Node) { c.Least = r.text(n) },
			"most":     func(n charter.Node) { c.Most = r.text(n) },
			"values":   func(n charter.Node) { c.Values = r.texts(n) },
			"required": func(n charter.Node) { c.Required = r.truth(n) },
			"personal": func(n charter.Node) { c.Personal = r.truth(n) },
		})
		columns = append(columns, c)
	}
	return columns
}

func (r *reader) text(n charter.Node) string {
	if n.Shape != charter.Scalar {
		r.refuse(n, n.Shape.String()+" where one value is expected", "write one value")
		return ""
	}
	// YAML readers take such words for truth values or nothing; the country NO is one.
	if !n.Quoted() && slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"}, strings.ToLower(n.Text)) {
		r.refuse(n, fmt.Sprintf("%s without quotes, which some readers take for no text", n.Text), "write "+strconv.Quote(n.Text))
	}
	return n.Text
}

func (r *reader) texts(n charter.Node) []string {
	if n.Shape != charter.Sequence {
		r.refuse(n, n.Shape.String()+" where a list is expected", "write [a, b]")
		return nil
	}
	out := make([]string, 0, len(n.Items))
	for _, item := range n.Items {
		out = append(out, r.text(item))
	}
	return out
}

func (r *reader) truth(n charter.Node) bool {
	if n.Shape != charter.Scalar || n.Quoted() || n.Text != "true" && n.Text != "false" {
		r.refuse(n, fmt.Sprintf("%.40q is neither true nor false", n.Text), "write true or false")
	}
	return n.Text == "true"
}

func (r *reader) count(n charter.Node) int {
	i, err := strconv.Atoi(n.Text)
	if n.Shape != charter.Scalar || n.Quoted() || err != nil || strconv.Itoa(i) != n.Text || i < 0 {
		r.refuse(n, fmt.Sprintf("%.40q is no count", n.Text), "write a whole number without quotes")
		return 0
	}
	return i
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
