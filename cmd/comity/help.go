package main

import (
	"fmt"
	"slices"
	"strings"
)

type helpCommand struct {
	Topic string `arg:"" optional:"" default:"exit-codes" enum:"exit-codes,json,words" help:"exit-codes, json or words."`
}

// Run explains one topic.
func (c helpCommand) Run(t *terminal) error {
	text := map[string]string{
		"exit-codes": exitCodeTable(),
		"json": `With --json a command prints one document on standard output and nothing else there:
  {"schema":"comity/NAME@1","ok":true,"data":{...}}
  {"schema":"comity/error@1","ok":false,"error":{"exit":12,"slug":"proof","message":"...","help":"..."}}
Numbers that matter are strings. The exit code is the same with and without --json.
`,
		"words": `A charter's digest is SHA-256 over its sealed form. Its first 88 bits are read aloud as
eight words of a list of 2,048. Whoever has the right eight words needs to trust nobody
else: they name every key and threshold of the consortium.
`,
	}[c.Topic]
	return t.result("help", true, map[string]string{"topic": c.Topic, "text": text}, text)
}

// exitCodeTable lists every exit code, ascending.
func exitCodeTable() string {
	all := codes()
	slices.SortFunc(all, func(a, b code) int { return a.exit - b.exit })
	var b strings.Builder
	b.WriteString("  0  done, verified\n")
	for _, c := range all {
		fmt.Fprintf(&b, "%3d  %s\n", c.exit, c.meaning)
	}
	return b.String()
}
