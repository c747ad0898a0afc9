package written

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"comity/exact"
	"comity/governor/charter"
	"comity/place"
)

// Reader takes the values of a document. It keeps the first error, a *place.Error that
// points at the value, and reads empty values from then on.
type Reader struct {
	File string
	Err  error
}

// Refuse keeps an error about a value unless there is one already.
func (r *Reader) Refuse(n charter.Node, reason, fix string) {
	if r.Err == nil {
		r.Err = &place.Error{File: r.File, Line: max(n.Line, 1), Column: max(n.Column, 1), Reason: reason, Fix: fix}
	}
}

// Object reads a mapping whose keys are known.
func (r *Reader) Object(n charter.Node, keys map[string]func(charter.Node)) {
	if n.Shape != charter.Mapping {
		r.Refuse(n, n.Shape.String()+" where keys are expected", "write key: value")
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
			r.Refuse(f.Key, fmt.Sprintf("unknown key %.40q", f.Key.Text), "write one of "+strings.Join(known, ", "))
			return
		}
		read(f.Value)
	}
}

// Text reads one value; it refuses unquoted words that YAML readers disagree on.
func (r *Reader) Text(n charter.Node) string {
	if n.Shape != charter.Scalar {
		r.Refuse(n, n.Shape.String()+" where one value is expected", "write one value")
		return ""
	}
	// YAML readers take such words for truth values or nothing; the country NO is one.
	if !n.Quoted() && slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"}, strings.ToLower(n.Text)) {
		r.Refuse(n, fmt.Sprintf("%s without quotes, which some readers take for no text", n.Text), "write "+strconv.Quote(n.Text))
	}
	return n.Text
}

// Texts reads a list of values.
func (r *Reader) Texts(n charter.Node) []string {
	if n.Shape != charter.Sequence {
		r.Refuse(n, n.Shape.String()+" where a list is expected", "write [a, b]")
		return nil
	}
	out := make([]string, 0, len(n.Items))
	for _, item := range n.Items {
		out = append(out, r.Text(item))
	}
	return out
}

// Truth reads true or false, without quotes.
func (r *Reader) Truth(n charter.Node) bool {
	if n.Shape != charter.Scalar || n.Quoted() || n.Text != "true" && n.Text != "false" {
		r.Refuse(n, fmt.Sprintf("%.40q is neither true nor false", n.Text), "write true or false")
	}
	return n.Text == "true"
}

// Count reads a whole number of 0 or more, without quotes.
func (r *Reader) Count(n charter.Node) int {
	i, err := strconv.Atoi(n.Text)
	if n.Shape != charter.Scalar || n.Quoted() || err != nil || strconv.Itoa(i) != n.Text || i < 0 {
		r.Refuse(n, fmt.Sprintf("%.40q is no count", n.Text), "write a whole number without quotes")
		return 0
	}
	return i
}

// Number reads an exact number: "3/4", 0.75.
func (r *Reader) Number(n charter.Node) exact.Rat {
	v, err := exact.Parse(r.Text(n))
	if err != nil {
		r.Refuse(n, err.Error(), `write "3/4" or "0.75"`)
	}
	return v
}

// Numbers reads a list of exact numbers.
func (r *Reader) Numbers(n charter.Node) []exact.Rat {
	out := []exact.Rat{}
	if n.Shape != charter.Sequence {
		r.Refuse(n, n.Shape.String()+" where a list is expected", `write ["1/4", "1/2"]`)
		return out
	}
	for _, item := range n.Items {
		out = append(out, r.Number(item))
	}
	return out
}
