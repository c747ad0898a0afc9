package main

import (
	"fmt"
	"slices"
	"strings"
)

type helpCommand struct {
	Topic string `arg:"" optional:"" default:"exit-codes" enum:"exit-codes,json,environment,accessibility,words" help:"exit-codes, json, environment, accessibility or words."`
}

// Run explains one topic.
func (c helpCommand) Run(t *terminal) error {
	var text string
	switch c.Topic {
	case "exit-codes":
		text = exitCodePage()
	case "json":
		text = `With --json a command prints one document on standard output, nothing else there, and
no progress anywhere:
  {"schema":"comity/NAME@1","ok":true,"data":{...}}
  {"schema":"comity/error@1","ok":false,"error":{"exit":12,"slug":"proof",
   "message":"...","help":"comity help exit-codes"}}
An error that comes after something was found out carries that as "data" too: the checks
of each receipt, or the problems of a charter. Numbers that matter are strings. The exit
code is the same with and without --json.
`
	case "environment":
		text = `XDG_STATE_HOME  where up makes a home if none is given (default ~/.local/state)
XDG_CACHE_HOME  where the compiled solver is kept (default ~/.cache); safe to delete
NO_COLOR        any value: no colour
ACCESSIBLE      any value: no colour, and finished lines instead of a redrawn one
TERM            "dumb" or empty: the same
`
	case "accessibility":
		text = `Progress is one line for each finished step. In a terminal the current step is redrawn
in place; with ACCESSIBLE=1, and whenever the output is no terminal, nothing is redrawn
and nothing is coloured. Nothing is said by colour alone. The page works without scripts,
with a keyboard, at 320 pixels, and stops renewing itself when asked.
`
	default:
		text = `A charter's digest is SHA-256 over its sealed form. Its first 88 bits are read aloud as
eight words of a list of 2,048. Whoever has the right eight words needs to trust nobody
else: they name every key and threshold of the consortium. Give them to --charter with
hyphens or spaces, quoted or not, in any case; or give the digest, sha256:...
`
	}
	return t.result("help", map[string]string{"topic": c.Topic, "text": text}, text)
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
