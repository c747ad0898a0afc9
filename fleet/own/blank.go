package own

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"comity/adapter/yaml"
	"comity/governor/charter"
	"comity/pack"
)

// Words in a charter that stand for what its author cannot write.
const (
	founding = "founding" // What is made when the consortium is founded.
	everyone = "members"  // In data: the members of scenario.yaml.
	manager  = "operator" // In data: the operator of scenario.yaml.
	away     = "away"     // In data of a member: its rows lie on a machine of its own.
)

// blank is one such word and what takes its place: a template over pack.Founding that
// gives YAML in flow style, which may stand wherever a word may.
type blank struct {
	at   charter.Node
	path []string // Keys and, for lists, indices in brackets.
	text string
}

// blanks are those of one charter, in the order of the file.
type blanks struct {
	file string
	all  []blank
}

// actions refuses the form of charters inside packs, which YAML readers trip over.
func actions(file string, data []byte) error {
	for i, line := range bytes.Split(data, []byte("\n")) {
		before, _, found := bytes.Cut(line, []byte("{{"))
		if found && !bytes.Contains(before, []byte("#")) && !bytes.ContainsAny(before, `'"`) {
			return &yaml.Error{
				File: file, Line: i + 1, Column: utf8.RuneCount(before) + 1, Reason: "{{ }} belongs to the charters inside packs",
				Fix: "write the word founding where keys, parties or dates belong, as in: parties: founding",
			}
		}
	}
	return nil
}

// findBlanks finds the words to replace. Parties and transparency hold keys and must be
// such words; others may be written out.
func findBlanks(file string, root charter.Node, s pack.Scenario) (blanks, error) {
	b := blanks{file: file}
	refuse := func(n charter.Node, reason, fix string) error {
		return &yaml.Error{File: file, Line: max(n.Line, 1), Column: max(n.Column, 1), Reason: reason, Fix: fix}
	}
	if root.Shape != charter.Mapping {
		return b, refuse(root, root.Shape.String()+" where a charter is expected", "copy one from an example: comity up --example DIR")
	}
	for _, name := range []string{"parties", "transparency"} {
		n, ok := root.Get(name)
		if !ok {
			return b, refuse(root, fmt.Sprintf("key %q is missing", name), fmt.Sprintf("add the line %s: %s", name, founding))
		}
		if !isWord(n, founding) {
			return b, refuse(n, name+" is written out, but its keys are made when the consortium is founded", fmt.Sprintf("write %s: %s", name, founding))
		}
	}
	for path, text := range texts(root, s) {
		keys := strings.Split(path, "/")
		if n, ok := descend(root, keys); ok && isWord(n, founding) {
			b.all = append(b.all, blank{n, keys, text})
		}
	}
	data, _ := root.Get("data")
	for i, clause := range data.Items {
		n, ok := clause.Get("from")
		keys := []string{"data", fmt.Sprintf("[%d]", i), "from"}
		switch {
		case ok && isWord(n, everyone):
			b.all = append(b.all, blank{n, keys, ids(s.Members)})
		case ok && isWord(n, manager):
			b.all = append(b.all, blank{n, keys, ids([]pack.Party{s.Operator})})
		}
	}
	slices.SortFunc(b.all, func(x, y blank) int {
		if x.at.Line != y.at.Line {
			return x.at.Line - y.at.Line
		}
		return x.at.Column - y.at.Column
	})
	return b, nil
}

// isWord tells whether n is a word without quotes.
func isWord(n charter.Node, word string) bool {
	return n.Shape == charter.Scalar && !n.Quoted() && n.Text == word
}

// texts gives the templates by path.
func texts(root charter.Node, s pack.Scenario) map[string]string {
	targets, unit := make([]string, len(s.Targets)), ""
	for i, t := range s.Targets {
		targets[i], unit = quote(t.Name), quote(t.Unit)
	}
	return map[string]string{
		"id":        "{{quote .ID}}",
		"effective": "{{quote .Effective}}",
		"parties": "[{{range $i, $p := .Parties}}{{if $i}},{{end}}\n" +
			"    {id: {{quote $p.ID}}, kind: {{$p.Kind}}, name: " + names(root) + ", weight: {{quote $p.Weight}}, groups: " + list("$p.Groups") + ",\n" +
			"      keys: {threshold: {{$p.Threshold}}, of: " + list("$p.Keys") + "},\n" +
			"      node: {key: {{quote $p.NodeKey}}, transport: {{quote $p.Transport}}}}{{end}}\n  ]",
		"models/targets":      "[" + strings.Join(targets, ", ") + "]",
		"models/unit":         unit,
		"models/recipe":       "{ {{range $i, $r := .Recipe}}{{if $i}}, {{end}}{{$r.Name}}: {{$r.Value}}{{end}} }",
		"models/min_members":  "{{.MinMembers}}",
		"models/step_seconds": "{{.StepSeconds}}",
		"transparency": "{\n    log: {origin: {{quote .Origin}}, key: {{quote .LogKey}}, operator: {{quote .Operator}}},\n" +
			"    witnesses: {threshold: {{.WitnessThreshold}}, of: " + list(".Witnesses") + "}\n  }",
		"sunset/expires": "{{quote .Expires}}",
	}
}

// list is the template of a list of texts.
func list(of string) string {
	return "[{{range $j, $x := " + of + "}}{{if $j}}, {{end}}{{quote $x}}{{end}}]"
}

// names is the template of a party's name in every authentic language: a name is the
// same in all.
func names(root charter.Node) string {
	languages, _ := root.Get("authentic_languages")
	var parts []string
	for _, n := range languages.Items {
		if tag := n.Text; tag != "" && strings.Trim(strings.ToLower(tag), "abcdefghijklmnopqrstuvwxyz0123456789-") == "" {
			parts = append(parts, quote(tag)+": {{quote $p.Name}}")
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// ids lists parties.
func ids(parties []pack.Party) string {
	quoted := make([]string, len(parties))
	for i, p := range parties {
		quoted[i] = quote(string(p.ID))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// quote writes a text of the scenario as a scalar inside a template. JSON's escapes and
// Go's are both YAML's.
func quote(text string) string { return literal(fmt.Sprintf("%q", text)) }

// literal keeps a text from being read as a template.
func literal(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }

// descend follows keys.
func descend(n charter.Node, keys []string) (charter.Node, bool) {
	for _, k := range keys {
		next, ok := n.Get(k)
		if !ok {
			return n, false
		}
		n = next
	}
	return n, true
}

// template returns the text of the charter with templates in the place of the blanks,
// so that founding keeps every comment.
func (b blanks) template(data []byte) (string, error) {
	lines := strings.SplitAfter(string(data), "\n")
	var out strings.Builder
	line, column := 0, 0 // Where the rest of the text begins: index of a line, byte in it.
	for _, x := range b.all {
		for ; line < x.at.Line-1; line, column = line+1, 0 {
			out.WriteString(literal(lines[line][column:]))
		}
		at := 0
		for range x.at.Column - 1 {
			_, size := utf8.DecodeRuneInString(lines[line][at:])
			at += size
		}
		if !strings.HasPrefix(lines[line][at:], x.at.Text) {
			return "", &yaml.Error{
				File: b.file, Line: x.at.Line, Column: x.at.Column, Reason: fmt.Sprintf("the word %s is not where its key is", x.at.Text),
				Fix: "write it behind its key in one line",
			}
		}
		out.WriteString(literal(lines[line][column:at]))
		out.WriteString(x.text)
		column = at + len(x.at.Text)
	}
	for ; line < len(lines); line, column = line+1, 0 {
		out.WriteString(literal(lines[line][column:]))
	}
	return out.String(), nil
}

// fill returns the document with stand-ins in the place of the blanks: keys that nobody
// holds. What is wrong with it is wrong where the author's word stands.
func (b blanks) fill(root charter.Node, s pack.Scenario) (charter.Node, error) {
	f, err := standIns(s)
	if err != nil {
		return root, err
	}
	for _, x := range b.all {
		text, err := pack.Draft(x.text, f)
		if err != nil {
			return root, err
		}
		n, err := yaml.Read(b.file, text)
		if err != nil {
			return root, err
		}
		root = replace(root, x.path, moved(n, x.at))
	}
	return root, nil
}

// moved returns n as if all of it stood at one place.
func moved(n, at charter.Node) charter.Node {
	n.Line, n.Column = at.Line, at.Column
	n.Items, n.Fields = slices.Clone(n.Items), slices.Clone(n.Fields)
	for i := range n.Items {
		n.Items[i] = moved(n.Items[i], at)
	}
	for i, f := range n.Fields {
		n.Fields[i] = charter.Field{Key: moved(f.Key, at), Value: moved(f.Value, at)}
	}
	return n
}

// replace returns n with another part at a path that it has.
func replace(n charter.Node, path []string, with charter.Node) charter.Node {
	if len(path) == 0 {
		return with
	}
	n.Items, n.Fields = slices.Clone(n.Items), slices.Clone(n.Fields)
	for i := range n.Items {
		if path[0] == fmt.Sprintf("[%d]", i) {
			n.Items[i] = replace(n.Items[i], path[1:], with)
		}
	}
	for i := range n.Fields {
		if n.Fields[i].Key.Text == path[0] {
			n.Fields[i].Value = replace(n.Fields[i].Value, path[1:], with)
		}
	}
	return n
}
