package yaml_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"comity/adapter/yaml"
	"comity/governor/charter"
)

func TestReadKeepsPlacesStylesAndOrder(t *testing.T) {
	const source = "b: 'x'\na: [1, \"é\"]\n# note\nc:\n  - NO\n  - |\n    text\n"
	got, err := yaml.Read("f.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	scalar := func(text string, style charter.Style, line, column int) charter.Node {
		return charter.Node{Text: text, Style: style, Line: line, Column: column}
	}
	list := func(line, column int, items ...charter.Node) charter.Node {
		return charter.Node{Shape: charter.Sequence, Items: items, Line: line, Column: column}
	}
	want := charter.Node{Shape: charter.Mapping, Line: 1, Column: 1, Fields: []charter.Field{
		{Key: scalar("b", charter.Plain, 1, 1), Value: scalar("x", charter.SingleQuoted, 1, 4)},
		{Key: scalar("a", charter.Plain, 2, 1), Value: list(2, 4, scalar("1", charter.Plain, 2, 5), scalar("é", charter.DoubleQuoted, 2, 8))},
		{Key: scalar("c", charter.Plain, 4, 1), Value: list(5, 3, scalar("NO", charter.Plain, 5, 5), scalar("text\n", charter.Block, 6, 5))},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ source, place, reason string }{
		"nothing":             {"", "1:1", "empty"},
		"only a comment":      {"# hello\n", "1:1", "empty"},
		"anchor":              {"a: &x 1\n", "1:4", "anchor"},
		"alias":               {"a: 1\nb: *x\n", "1:1", "not YAML"},
		"known alias":         {"a: &x 1\nb: *x\n", "1:4", "anchor"},
		"tag":                 {"a: !!str 1\n", "1:4", "tag"},
		"own tag":             {"a: !thing 1\n", "1:4", "tag"},
		"tagged list":         {"a: !!seq [1]\n", "1:4", "tag"},
		"merge key":           {"a:\n  <<: {b: 1}\n", "2:3", "merge"},
		"repeated key":        {"a: 1\nb: 2\na: 3\n", "3:1", "line 1 already"},
		"repeated quoted key": {"a: 1\n\"a\": 3\n", "2:1", "line 1 already"},
		"list as a key":       {"? [a]\n: 1\n", "1:3", "a key is a list"},
		"two documents":       {"a: 1\n---\nb: 2\n", "2:1", "second document"},
		"rest not YAML":       {"a: 1\n---\nb: [\n", "3:1", "not YAML"},
		"tab":                 {"a: 1\nb:\t2\n", "2:3", "tab"},
		"tab in quotes":       {"a: \"\\t\"\n", "1:4", "tab"},
		"control character":   {"a: \"\x01\"\n", "1:5", "U+0001"},
		"escaped control":     {`a: "\x01"`, "1:4", "U+0001"},
		"next line":           {"a: \"\u0085\"\n", "1:5", "U+0085"},
		"byte order mark":     {"\ufeffa: 1\n", "1:1", "U+FEFF"},
		"direction mark":      {"a: \"\u202e\"\n", "1:5", "U+202E"},
		"carriage return":     {"a: 1\rb: 2\n", "1:5", "U+000D"},
		"directive":           {"%YAML 1.1\n---\na: 1\n", "1:1", "directive"},
		"not UTF-8":           {"a: \xff\n", "1:1", "UTF-8"},
		"not composed":        {"a: 1\nb: \"e\u0301\"\n", "2:5", "normalization"},
		"escaped, decomposed": {`a: "e\u0301"`, "1:4", "normalization"},
		"broken":              {"a: [1\nb: 2\n", "1:1", "not YAML"},
		"too deep":            {"a: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\n", "1:35", "deep"},
		"too long":            {"a: " + strings.Repeat("x", yaml.MaxBytes), "1:1", "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := yaml.Read("f.yaml", []byte(c.source))
			if !errors.Is(err, yaml.ErrUnreadable) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if !strings.HasPrefix(err.Error(), "f.yaml:"+c.place+": ") || !strings.Contains(err.Error(), c.reason) || !strings.Contains(err.Error(), "; ") {
				t.Errorf("got %q, want %s at %s", err, c.reason, c.place)
			}
		})
	}
}

// TestReadReturnsWhatWasWritten writes random trees in flow style and reads them back.
func TestReadReturnsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawNode(t, 4)
		got, err := yaml.Read("f.yaml", []byte(write(want)))
		if err != nil {
			t.Fatalf("%s: %v", write(want), err)
		}
		if diff := cmp.Diff(write(want), write(got)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func drawNode(t *rapid.T, depth int) charter.Node {
	shape := charter.Shape(rapid.IntRange(0, 2).Draw(t, "shape"))
	if depth == 0 {
		shape = charter.Scalar
	}
	n := charter.Node{Shape: shape}
	switch shape {
	case charter.Scalar:
		n.Style = charter.SingleQuoted
		n.Text = norm.NFC.String(rapid.StringMatching(`[a-zA-Zé:{}\[\],#&*!|>"' 日]{0,12}`).Draw(t, "text"))
	case charter.Sequence:
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			n.Items = append(n.Items, drawNode(t, depth-1))
		}
	case charter.Mapping:
		for _, key := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,8}`), 0, 3, rapid.ID).Draw(t, "keys") {
			n.Fields = append(n.Fields, charter.Field{Key: charter.Node{Text: key, Style: charter.SingleQuoted}, Value: drawNode(t, depth-1)})
		}
	}
	return n
}

func write(n charter.Node) string {
	var parts []string
	switch n.Shape {
	case charter.Sequence:
		for _, item := range n.Items {
			parts = append(parts, write(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case charter.Mapping:
		for _, f := range n.Fields {
			parts = append(parts, write(f.Key)+": "+write(f.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return "'" + strings.ReplaceAll(n.Text, "'", "''") + "'"
	}
}

// FuzzRead looks for bytes that make the reader panic, or refuse without a place.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"a: 1\n", "a: {b: [1, 'x', \"y\"]}\n", "a: |\n  t\n", "a: &x 1\nb: *x\n", "? [a]\n: 1\n", "a: !!str 1\n", "- - - 1\n", "a: >-\n  b\n\n  c\n"} {
		f.Add([]byte(seed))
	}
	place := regexp.MustCompile(`(?s)^f\.yaml:[1-9][0-9]*:[1-9][0-9]*: .+; .+$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := yaml.Read("f.yaml", data)
		if err != nil {
			if !errors.Is(err, yaml.ErrUnreadable) || !place.MatchString(err.Error()) {
				t.Fatalf("error without a place: %q", err)
			}
			return
		}
		if n.Line < 1 || n.Column < 1 {
			t.Fatalf("node at %d:%d", n.Line, n.Column)
		}
	})
}
