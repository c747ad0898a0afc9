package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// document is the one JSON document that a command prints with --json.
type document struct {
	Schema string   `json:"schema"`
	OK     bool     `json:"ok"`
	Data   any      `json:"data,omitempty"`
	Error  *failure `json:"error,omitempty"`
}

// failure is an error as programs read it.
type failure struct {
	Exit    int    `json:"exit"`
	Slug    string `json:"slug"`
	Message string `json:"message"`
	Help    string `json:"help"`
}

// terminal is where a command may write: results to out, all else to err.
type terminal struct {
	out, err io.Writer
	json     bool
	quiet    bool
	live     bool // err is a terminal that can be redrawn.
	color    bool
}

// say writes a line of progress or explanation, unless nobody wants to read it.
func (t *terminal) say(format string, args ...any) {
	if !t.quiet && !t.json {
		fmt.Fprintf(t.err, format+"\n", args...)
	}
}

// result writes what the command was asked for: the JSON document or the text.
func (t *terminal) result(name string, ok bool, data any, text string) error {
	if t.json {
		return json.NewEncoder(t.out).Encode(document{Schema: "comity/" + name + "@1", OK: ok, Data: data})
	}
	_, err := io.WriteString(t.out, text)
	return err
}

// fail reports an error once and returns the exit code.
func (t *terminal) fail(err error) int {
	c := codeOf(err)
	if errors.As(err, &quiet{}) {
		return c.exit
	}
	if t.json {
		_ = json.NewEncoder(t.out).Encode(document{Schema: "comity/error@1", Error: &failure{
			Exit: c.exit, Slug: c.slug, Message: err.Error(), Help: "comity help exit-codes",
		}})
		return c.exit
	}
	fmt.Fprintf(t.err, "comity: %v\n(exit code %d: %s)\n", err, c.exit, c.meaning)
	return c.exit
}
