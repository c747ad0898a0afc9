package lexicon_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"comity/governor/lexicon"
)

var update = flag.Bool("update", false, "write docs/format/lexicon.md")

// TestPage holds docs/format/lexicon.md to the definitions, digest and all: a definition
// cannot change without the page showing it.
func TestPage(t *testing.T) {
	const file = "../../docs/format/lexicon.md"
	want := page(t)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s does not say what the code says; run go test ./governor/lexicon -update and read the difference", file)
	}
}

func page(t *testing.T) string {
	t.Helper()
	_, digest, err := lexicon.Seal()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# The lexicon

Made from package `+"`governor/lexicon`"+` by its tests. How to use it: [docs/guide/words.md](../guide/words.md).

| | |
|---|---|
| name | `+"`%s`"+` |
| digest | `+"`%s`"+` |
| words | %s |

The digest is that of the canonical form ([canonical.md](canonical.md)) of the object with `+"`lexicon`"+`, the name, and `+"`terms`"+`, all definitions in the order
of their ids, as `+"`comity words list --json`"+` prints them. A definition that changes gets a new version, and so does the lexicon.

| class | the value is |
|---|---|
| exact | a rational number or a text, the same on every machine |
| exact upper bound | a rational number surely not below the true one |
| interval | between two rational numbers, for certain |
| statistical | an estimate, with an interval at the stated confidence |

Where a check names a bound that nobody gave, every value holds. Columns are weighted by `+"`w`"+`, if there is one; a number is written 7, -7/3 or 0.05.
`, lexicon.Name, digest, digest.Words())
	for _, term := range lexicon.Terms() {
		section(&b, term)
	}
	return b.String()
}

func section(b *strings.Builder, term lexicon.Term) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", term.ID, term.Definition["en"])
	b.WriteString("| | |\n|---|---|\n")
	for _, row := range [][2]string{
		{"version", fmt.Sprint(term.Version)}, {"class", string(term.Class)}, {"formula", term.Formula}, {"holds if", term.Check}, {"limits", term.Limits}, {"source", term.Source},
	} {
		fmt.Fprintf(b, "| %s | %s |\n", row[0], escaped(row[1]))
	}
	b.WriteString("\n| column | kind | unit | bounds | meaning |\n|---|---|---|---|---|\n")
	for _, in := range term.Inputs {
		meaning := in.Meaning
		if in.Optional {
			meaning += "; optional"
		}
		if in.Default != "" {
			meaning += ", " + in.Default + " if missing"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", strings.Join(append([]string{in.Name}, in.Aliases...), ", "), in.Kind, in.Unit, bounds(in.Low, in.High), escaped(meaning))
	}
	if len(term.Parameters) > 0 {
		b.WriteString("\n| parameter | unit | bounds | default | meaning |\n|---|---|---|---|---|\n")
	}
	for _, p := range term.Parameters {
		standing := p.Default
		if p.Required {
			standing = "required"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", p.Name, p.Unit, bounds(p.Low, p.High), standing, escaped(p.Meaning))
	}
	b.WriteString("\n| example | parameters | value | holds |\n|---|---|---|---|\n")
	for _, v := range term.Vectors {
		var settings []string
		for _, name := range slices.Sorted(maps.Keys(v.Parameters)) {
			settings = append(settings, name+"="+v.Parameters[name])
		}
		value := v.Value
		if v.Sampled {
			value = "interval holds " + value
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %v |\n", strings.ReplaceAll(strings.TrimSuffix(v.Data, "\n"), "\n", " · "), strings.Join(settings, ", "), value, v.Holds)
	}
}

func bounds(low, high string) string {
	switch {
	case low == "" && high == "":
		return ""
	case high == "":
		return "at least " + low
	case low == "":
		return "at most " + high
	default:
		return low + " to " + high
	}
}

// escaped keeps a table a table.
func escaped(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
