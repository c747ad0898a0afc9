package main

import (
	"fmt"
	"io"
	"strings"

	"comity/adapter/cel"
	"comity/adapter/yaml"
	"comity/canon"
	"comity/governor/charter"
	"comity/pack/template"
)

type charterCommand struct {
	New     newCommand     `cmd:"" help:"Write a charter to begin a negotiation with; it lints clean."`
	Lint    lintCommand    `cmd:"" help:"Check a charter file and print its digest and eight words."`
	Explore exploreCommand `cmd:"" help:"Compute what a charter trades off: the front, weights, inert clauses, the price of fairness."`
	Bargain bargainCommand `cmd:"" help:"Show what drafts mean before signing: what each rule of bargaining chooses, who would leave, who blocks, who decides."`
	Words   wordsCommand   `cmd:"" help:"Print the eight words and the digest of a sealed charter."`
}

type newCommand struct {
	Template string `required:"" enum:"vaccines,grid,emissions,stockpile" help:"What is divided: ${enum}."`
	Inputs   string `placeholder:"OUT.csv" help:"Where to write invented numbers to try it out with; .gz compresses."`
}

// newData is the JSON form of a new charter.
type newData struct {
	Template string `json:"template"`
	Charter  string `json:"charter"` // The document.
	Inputs   string `json:"inputs,omitempty"`
}

// Run writes the charter to standard output and its numbers to a file.
func (c *newCommand) Run(t *terminal) error {
	document, err := template.Charter(c.Template)
	if err != nil {
		return err
	}
	if c.Inputs != "" {
		if c.Inputs == "-" || checkOut(c.Inputs) != nil {
			return usageError{fmt.Errorf("--inputs %s: name a file in a folder that exists; standard output is the charter's", c.Inputs)}
		}
		numbers, err := template.Inputs(c.Template)
		if err != nil {
			return err
		}
		if err := writeTo(t, c.Inputs, func(out io.Writer) error {
			_, err := out.Write(numbers)
			return err
		}); err != nil {
			return err
		}
	}
	return t.result("charter-new", newData{c.Template, string(document), c.Inputs}, string(document))
}

type lintCommand struct {
	File string `arg:"" help:"Charter in YAML; - reads standard input."`
}

// lintData is the JSON form of a lint.
type lintData struct {
	Errors   []lintProblem `json:"errors"`
	Warnings []lintProblem `json:"warnings"`
	Digest   string        `json:"digest,omitempty"`
	Words    string        `json:"words,omitempty"`
}

// lintProblem is one problem and how to fix it.
type lintProblem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

// maxCharter bounds a charter file in bytes.
const maxCharter = 1 << 20

// Run lints one file.
func (c *lintCommand) Run(t *terminal) error {
	data, err := readBounded(c.File, maxCharter)
	if err != nil {
		return err
	}
	root, err := yaml.Read(c.File, data)
	if err != nil {
		return err
	}
	read, problems := charter.Read(root, cel.Compile)
	out := lintData{Errors: []lintProblem{}, Warnings: []lintProblem{}}
	if len(problems) > 0 {
		var b strings.Builder
		for _, p := range problems {
			out.Errors = append(out.Errors, lintProblem(p))
			fmt.Fprintf(&b, "%s:%d:%d: %s: %s; %s [%s]\n", c.File, p.Line, p.Column, p.Path, p.Message, p.Fix, p.Rule)
		}
		fmt.Fprintf(&b, "%s. Nothing was changed.\n", count(len(problems), "error"))
		return &refusal{cause: fmt.Errorf("%s: %w: %s", c.File, charter.ErrRefused, count(len(problems), "error")), data: out, text: b.String()}
	}
	_, digest, err := charter.Seal(read)
	if err != nil {
		return err
	}
	out.Digest, out.Words = digest.String(), digest.Words()
	return t.result("lint", out, fmt.Sprintf("ok  %s v%d  %s\n    %s\n", read.ID, read.Version, digest, digest.Words()))
}

type wordsCommand struct {
	File string `arg:"" help:"Sealed charter (charter.json); - reads standard input."`
}

// Run prints the words of a sealed charter.
func (c *wordsCommand) Run(t *terminal) error {
	data, err := readBounded(c.File, maxCharter)
	if err != nil {
		return err
	}
	_, digest, err := charter.Open(data)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return t.result("words", map[string]string{"digest": digest.String(), "words": digest.Words()},
		digest.Words()+"\n"+canon.Sum(data).String()+"\n")
}
