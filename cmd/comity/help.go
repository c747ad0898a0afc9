package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"comity/adapter/highs"
)

type helpCommand struct {
	Topic string `arg:"" optional:"" default:"topics" enum:"topics,exit-codes,json,words,environment,accessibility,licences" help:"exit-codes, json, words, environment, accessibility or licences."`
}

// licences is docs/licences.md.
//
//go:embed licences.md
var licences string

// topics are what comity help lists, in this order.
func topics() [][2]string {
	return [][2]string{
		{"exit-codes", "what each exit code means and what to do then"},
		{"json", "the form of what --json prints"},
		{"words", "what the eight words are"},
		{"environment", "variables that are read"},
		{"accessibility", "how to read and hear everything without colour and motion"},
		{"licences", "what others wrote that is part of this program"},
	}
}

// topicList is the end of what comity help prints.
func topicList() string {
	var b strings.Builder
	b.WriteString("Topics:\n")
	for _, t := range topics() {
		fmt.Fprintf(&b, "  comity help %-14s  %s\n", t[0], t[1])
	}
	return b.String()
}

// Run explains one topic.
func (c helpCommand) Run(t *terminal) error {
	text := map[string]func() string{
		"topics": topicList, "exit-codes": exitCodePage, "json": jsonPage, "words": wordsPage,
		"environment": environmentPage, "accessibility": accessibilityPage, "licences": licencesPage,
	}[c.Topic]()
	return t.result("help", map[string]string{"topic": c.Topic, "text": text}, text)
}

func jsonPage() string {
	return `With --json a command prints one document on standard output, nothing else there, and
no progress anywhere:
  {"schema":"comity/NAME@1","ok":true,"data":{...}}
  {"schema":"comity/error@1","ok":false,"error":{"exit":12,"slug":"proof",
   "message":"...","help":"comity help exit-codes"}}
An error that comes after something was found out carries that as "data" too: the checks
of each receipt, or the problems of a charter. Numbers that matter are strings. The exit
code is the same with and without --json.
`
}

func environmentPage() string {
	return `XDG_STATE_HOME  where up makes a home if none is given (default ~/.local/state)
XDG_CACHE_HOME  where the compiled solver is kept (default ~/.cache); safe to delete
NO_COLOR        any value: no colour
ACCESSIBLE      any value: no colour, and finished lines instead of a redrawn one
TERM            "dumb" or empty: the same
`
}

func accessibilityPage() string {
	return `Progress is one line for each finished step. In a terminal the current step is redrawn
in place; with ACCESSIBLE=1, and whenever the output is no terminal, nothing is redrawn
and nothing is coloured. Nothing is said by colour alone. The page works without scripts,
with a keyboard, at 320 pixels, and stops renewing itself when asked.
`
}

func wordsPage() string {
	return `A charter's digest is SHA-256 over its sealed form. Its first 88 bits are read aloud as
eight words of a list of 2,048. Whoever has the right eight words needs to trust nobody
else: they name every key and threshold of the consortium. Give them to --charter with
hyphens or spaces, quoted or not, in any case; or give the digest, sha256:...
`
}

// licencesPage is docs/licences.md and the one licence that must go with every copy of
// what is embedded.
func licencesPage() string {
	return licences + "\n## HiGHS\n\n" + highs.Licence
}

// exitCodePage is docs/guide/exit-codes.md and what the command prints.
func exitCodePage() string {
	all := append(codes(), code{exit: 0, slug: "ok", meaning: "done, verified", next: "nothing"})
	slices.SortFunc(all, func(a, b code) int { return a.exit - b.exit })
	var b strings.Builder
	b.WriteString(`# Exit codes

One code, one cause, the same with and without --json. Everything but 0 is a failure.
If several receipts fail, the code is that of the first. What a log names but does not
show (an entry, a tile, a blob) is 12: nobody can check it.

| Code | Slug | Meaning | What to do |
|---:|---|---|---|
`)
	for _, c := range all {
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", c.exit, c.slug, c.meaning, c.next)
	}
	return b.String()
}
