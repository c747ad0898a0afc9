package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"comity/governor/lexicon"
	"comity/governor/lexicon/measure"
)

type lexiconCommand struct {
	List  wordsListCommand  `cmd:"" help:"List the defined words and the digest of their definitions."`
	Show  wordsShowCommand  `cmd:"" help:"Show one word: definition, formula, inputs, check, source, examples."`
	Check wordsCheckCommand `cmd:"" help:"Decide one word on your data."`
}

type wordsListCommand struct{}

// lexiconData is the JSON form of the lexicon. The digest is that of the canonical form
// of lexicon and terms, as they stand here.
type lexiconData struct {
	Lexicon string         `json:"lexicon"`
	Digest  string         `json:"digest"`
	Words   string         `json:"words"`
	Terms   []lexicon.Term `json:"terms"`
}

// Run prints all words.
func (wordsListCommand) Run(t *terminal) error {
	_, digest, err := lexicon.Seal()
	if err != nil {
		return err
	}
	d := lexiconData{lexicon.Name, digest.String(), digest.Words(), lexicon.Terms()}
	return t.result("words-list", d, d.text(t))
}

func (d lexiconData) text(t *terminal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n\n", t.paint(bold, d.Lexicon), d.Digest, d.Words)
	id, class := len("word"), len("class")
	for _, term := range d.Terms {
		id, class = max(id, len(term.ID)), max(class, len(term.Class))
	}
	for _, term := range d.Terms {
		fmt.Fprintf(&b, "%s  %-*s  version %d\n", t.paint(bold, fmt.Sprintf("%-*s", id, term.ID)), class, term.Class, term.Version)
		b.WriteString(hang("    ", term.Definition["en"]) + "\n")
	}
	return b.String()
}

type wordsShowCommand struct {
	Term string `arg:"" help:"Id of the word, such as fairness.gini."`
}

// Run prints one definition.
func (c wordsShowCommand) Run(t *terminal) error {
	id, _ := measure.Split(c.Term)
	term, err := lexicon.Find(id)
	if err != nil {
		return err
	}
	return t.result("words-show", term, termText(t, term))
}

// termText is a definition as people read it.
func termText(t *terminal, term lexicon.Term) string {
	var b strings.Builder
	line := func(name, text string) { b.WriteString(hang(fmt.Sprintf("%-9s ", name), text) + "\n") }
	fmt.Fprintf(&b, "%s, version %d of %s\n\n%s\n\n", t.paint(bold, term.ID), term.Version, lexicon.Name, hang("", term.Definition["en"]))
	line("formula", term.Formula)
	line("class", string(term.Class))
	line("holds if", term.Check)
	line("limits", term.Limits)
	line("source", term.Source)
	b.WriteString("\ncolumns of the data\n")
	for _, in := range term.Inputs {
		b.WriteString(hang(fmt.Sprintf("  %-16s ", in.Name), inputText(in)) + "\n")
	}
	if len(term.Parameters) > 0 {
		b.WriteString("\nparameters\n")
	}
	for _, p := range term.Parameters {
		b.WriteString(hang(fmt.Sprintf("  %-16s ", p.Name), parameterText(p)) + "\n")
	}
	b.WriteString("\nexamples\n")
	for _, v := range term.Vectors {
		for row := range strings.Lines(v.Data) {
			b.WriteString("  " + row)
		}
		b.WriteString(hang("    ", exampleText(v)) + "\n")
	}
	return b.String()
}

func inputText(in lexicon.Input) string {
	parts := []string{in.Meaning, string(in.Kind), "in " + in.Unit}
	if in.Low != "" {
		parts = append(parts, "at least "+in.Low)
	}
	if in.High != "" {
		parts = append(parts, "at most "+in.High)
	}
	if in.Optional {
		parts = append(parts, "optional")
	}
	if in.Default != "" {
		parts = append(parts, in.Default+" if missing")
	}
	if len(in.Aliases) > 0 {
		parts = append(parts, "or column "+strings.Join(in.Aliases, ", "))
	}
	return strings.Join(parts, "; ")
}

func parameterText(p lexicon.Parameter) string {
	parts := []string{p.Meaning, "in " + p.Unit}
	if p.Low != "" {
		parts = append(parts, "at least "+p.Low)
	}
	if p.High != "" {
		parts = append(parts, "at most "+p.High)
	}
	switch {
	case p.Required:
		parts = append(parts, "required")
	case p.Default != "":
		parts = append(parts, p.Default+" if missing")
	}
	return strings.Join(parts, "; ")
}

// exampleText is the result of an example.
func exampleText(v lexicon.Vector) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(v.Parameters)) {
		fmt.Fprintf(&b, "%s=%s ", name, v.Parameters[name])
	}
	b.WriteString("gives ")
	if v.Sampled {
		b.WriteString("about ")
	}
	fmt.Fprintf(&b, "%s: %s", v.Value, holdsText(v.Holds))
	return b.String()
}

func holdsText(holds bool) string {
	if holds {
		return "holds"
	}
	return "does not hold"
}

type wordsCheckCommand struct {
	Term      string   `arg:"" help:"Id of the word, such as fairness.gini."`
	Data      string   `required:"" placeholder:"FILE" help:"Columns as comity words show lists them, as CSV with a header or JSON; .gz is fine, - reads standard input."`
	Parameter []string `sep:"none" placeholder:"NAME=VALUE" help:"A parameter of the word, such as at_most=1/5; may be repeated."`
	Column    []string `sep:"none" placeholder:"NAME=COLUMN" help:"Which column of the file holds an input, such as x=coverage; may be repeated."`
}

// checkedData is the JSON form of a check.
type checkedData struct {
	Term    string        `json:"term"`
	Value   string        `json:"value"`
	Holds   bool          `json:"holds"`
	Class   lexicon.Class `json:"class"`
	Low     string        `json:"low,omitempty"` // Of the interval.
	High    string        `json:"high,omitempty"`
	Rule    string        `json:"rule"` // What was compared.
	Rows    int           `json:"rows"`
	Version int           `json:"version"`
	Lexicon string        `json:"lexicon"`
	Digest  string        `json:"digest"`

	Parameters map[string]string `json:"parameters"` // All that were used, with defaults.
}

// Run decides a word. One that does not hold is a finding, not a failure of the command.
func (c wordsCheckCommand) Run(t *terminal) error {
	id, settings := measure.Split(c.Term)
	term, err := lexicon.Find(id)
	if err != nil {
		return err
	}
	given, err := term.Settings(append(settings, c.Parameter...))
	if err != nil {
		return err
	}
	columns, err := c.columns(term)
	if err != nil {
		return err
	}
	_, digest, err := lexicon.Seal()
	if err != nil {
		return err
	}
	var data *lexicon.Data
	err = readFrom(c.Data, func(name string, in io.Reader) (err error) {
		data, err = term.Read(name, in, columns)
		return err
	})
	if err != nil {
		return err
	}
	v, err := measure.Of(term.ID)(data, given)
	if err != nil {
		return err
	}
	d := checkedData{term.ID, v.Value, v.Holds, term.Class, v.Low, v.High, v.Rule, data.Rows(), term.Version, lexicon.Name, digest.String(), given.Texts()}
	return t.result("words-check", d, d.text(t))
}

// columns reads which column holds which input.
func (c wordsCheckCommand) columns(term lexicon.Term) (map[string]string, error) {
	columns := map[string]string{}
	for _, s := range c.Column {
		name, column, ok := strings.Cut(s, "=")
		known := slices.ContainsFunc(term.Inputs, func(in lexicon.Input) bool { return in.Name == name })
		if _, twice := columns[name]; !ok || column == "" || !known || twice {
			return nil, usageError{fmt.Errorf("--column %s: %s has no such input, or it was named before; write NAME=COLUMN", s, term.ID)}
		}
		columns[name] = column
	}
	return columns, nil
}

func (d checkedData) text(t *terminal) string {
	style := green
	if !d.Holds {
		style = red
	}
	value := d.Value
	if d.Low != "" {
		value += fmt.Sprintf(" (%s to %s)", d.Low, d.High)
	}
	return fmt.Sprintf("%s %s\n%s\n%s\n", d.Term, t.paint(style, holdsText(d.Holds)),
		hang("value  ", fmt.Sprintf("%s, %s, %s", value, d.Class, count(d.Rows, "row"))), hang("rule   ", d.Rule))
}
