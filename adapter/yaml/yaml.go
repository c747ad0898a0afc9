// Package yaml reads the documents that people write, charters and scenarios, into
// charter.Node: a subset of YAML 1.2 that no two readers understand differently.
//
// Refused: anchors, aliases, tags, merge keys, directives, repeated keys, keys that
// are not words, more than one document, tabs, carriage returns alone, control
// characters, and text that is not UTF-8 in Unicode normalization form C. Nothing is
// interpreted: whether 1 is a number and "NO" a party is for the reader of the
// section to say.
package yaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/unicode/norm"

	"comity/governor/charter"
	"comity/place"
)

// Bounds of a document: a charter of 30 parties has 60 kB, 3,000 nodes and is 7 deep.
const (
	MaxBytes = 1 << 20
	maxNodes = 100_000
	maxDepth = 32
)

// ErrUnreadable is wrapped by every Error.
var ErrUnreadable = place.ErrUnreadable

// Error is what is wrong with a file; its column counts characters.
type Error = place.Error

// Read returns the document in data. The name of the file is for errors, which are
// of type *Error.
func Read(file string, data []byte) (charter.Node, error) {
	r := &reader{file: file}
	if err := r.checkBytes(data); err != nil {
		return charter.Node{}, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, more yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return charter.Node{}, r.refuse(1, 1, "the document is empty", "write at least one key")
		}
		return charter.Node{}, r.syntax(err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			return charter.Node{}, r.syntax(err)
		}
		return charter.Node{}, r.refuse(more.Line, more.Column, "a second document begins", "write one document in one file")
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return charter.Node{}, r.refuse(1, 1, "the document is empty", "write at least one key")
	}
	return r.node(document.Content[0], 1)
}

// reader reads one file.
type reader struct {
	file  string
	nodes int
}

func (r *reader) refuse(line, column int, reason, fix string) error {
	return &Error{File: r.file, Line: max(line, 1), Column: max(column, 1), Reason: reason, Fix: fix}
}

// checkBytes refuses what must not be in a file wherever it stands.
func (r *reader) checkBytes(data []byte) error {
	if len(data) > MaxBytes {
		return r.refuse(1, 1, fmt.Sprintf("the file has %d bytes, at most %d", len(data), MaxBytes), "split it")
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) {
			return r.refuse(i+1, 1, "the line is not UTF-8", "save the file as UTF-8")
		}
		if len(line) > 0 && line[0] == '%' {
			return r.refuse(i+1, 1, "the line is a YAML directive", "remove it")
		}
		if at := norm.NFC.QuickSpan(line); at < len(line) && !norm.NFC.IsNormal(line) {
			return r.refuse(i+1, utf8.RuneCount(line[:at])+1, "the text is not in Unicode normalization form C, so it looks like other text and is not",
				"type the letter with its accent as one character")
		}
		column := 0
		for _, c := range string(bytes.TrimSuffix(line, []byte("\r"))) {
			column++
			if reason, fix := badCharacter(c); reason != "" {
				return r.refuse(i+1, column, reason, fix)
			}
		}
	}
	return nil
}

// badCharacter says why a character may not stand in a document, or "".
func badCharacter(c rune) (reason, fix string) {
	switch {
	case c == '\t':
		return "a tab, which YAML readers indent differently", "use spaces"
	case c < 0x20, c >= 0x7f && c < 0xa0:
		return fmt.Sprintf("control character U+%04X", c), "remove it"
	case c == '\u2028', c == '\u2029', c == '\ufeff', c == utf8.RuneError:
		return fmt.Sprintf("character U+%04X, which readers treat differently", c), "remove it"
	case c >= '\u202a' && c <= '\u202e', c >= '\u2066' && c <= '\u2069':
		return fmt.Sprintf("direction mark U+%04X, which makes text look other than it is", c), "remove it"
	}
	return "", ""
}

// syntax turns what the YAML parser says into an Error.
func (r *reader) syntax(err error) error {
	line := 1
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(message); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		message = strings.TrimPrefix(message, m[0])
	}
	return r.refuse(line, 1, "not YAML: "+message, "check quotes, colons and indentation around this line")
}

// node converts n and everything in it.
func (r *reader) node(n *yaml.Node, depth int) (charter.Node, error) {
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		return charter.Node{}, r.refuse(n.Line, n.Column, fmt.Sprintf("the document has more than %d parts or is more than %d deep", maxNodes, maxDepth), "shorten it")
	}
	out := charter.Node{Line: n.Line, Column: n.Column}
	switch {
	case n.Kind == yaml.AliasNode:
		return out, r.refuse(n.Line, n.Column, "an alias (*)", "write the value out")
	case n.Anchor != "":
		return out, r.refuse(n.Line, n.Column, "an anchor (&)", "remove it and write each value out")
	case n.Style&yaml.TaggedStyle != 0:
		return out, r.refuse(n.Line, n.Column, "a tag (!)", "remove it")
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return r.scalar(n, out)
	case yaml.SequenceNode:
		out.Shape = charter.Sequence
		for _, item := range n.Content {
			next, err := r.node(item, depth+1)
			if err != nil {
				return out, err
			}
			out.Items = append(out.Items, next)
		}
		return out, nil
	case yaml.MappingNode:
		out.Shape = charter.Mapping
		return r.mapping(n, out, depth)
	default:
		return out, r.refuse(n.Line, n.Column, "not a mapping, list or value", "write one of the three")
	}
}

func (r *reader) mapping(n *yaml.Node, out charter.Node, depth int) (charter.Node, error) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		name, err := r.node(k, depth+1)
		switch {
		case err != nil:
			return out, err
		case name.Shape != charter.Scalar:
			return out, r.refuse(k.Line, k.Column, "a key is "+name.Shape.String(), "use a word as the key")
		case name.Text == "<<":
			return out, r.refuse(k.Line, k.Column, "a merge key (<<)", "write the keys out")
		case seen[name.Text] > 0:
			return out, r.refuse(k.Line, k.Column, fmt.Sprintf("key %.60q is in line %d already", name.Text, seen[name.Text]), "keep one of the two")
		}
		seen[name.Text] = k.Line
		value, err := r.node(n.Content[i+1], depth+1)
		if err != nil {
			return out, err
		}
		out.Fields = append(out.Fields, charter.Field{Key: name, Value: value})
	}
	return out, nil
}

// scalar checks the text once more, as escapes can spell what the file may not contain.
func (r *reader) scalar(n *yaml.Node, out charter.Node) (charter.Node, error) {
	out.Text = n.Value
	switch n.Style {
	case yaml.SingleQuotedStyle:
		out.Style = charter.SingleQuoted
	case yaml.DoubleQuotedStyle:
		out.Style = charter.DoubleQuoted
	case yaml.LiteralStyle, yaml.FoldedStyle:
		out.Style = charter.Block
	default:
		out.Style = charter.Plain
	}
	if !utf8.ValidString(n.Value) || !norm.NFC.IsNormalString(n.Value) {
		return out, r.refuse(n.Line, n.Column, "the text is not in Unicode normalization form C once its escapes are read", "type the characters themselves")
	}
	for _, c := range n.Value {
		if c == '\n' {
			continue
		}
		if reason, fix := badCharacter(c); reason != "" {
			return out, r.refuse(n.Line, n.Column, reason, fix)
		}
	}
	return out, nil
}
