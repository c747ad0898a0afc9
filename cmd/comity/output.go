package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// document is the one JSON document that a command prints with --json. A command that
// failed after it found something out puts both error and data into it.
type document struct {
	Schema string   `json:"schema"`
	OK     bool     `json:"ok"`
	Error  *failure `json:"error,omitempty"`
	Data   any      `json:"data,omitempty"`
}

// failure is an error as programs read it.
type failure struct {
	Exit    int    `json:"exit"`
	Slug    string `json:"slug"`
	Message string `json:"message"`
	Help    string `json:"help"`
}

// refusal is an error of a command that has a result to show all the same, such as the
// checks of a receipt up to the one that failed.
type refusal struct {
	cause error
	data  any    // For the JSON document.
	text  string // Says all that the cause says.
}

func (r *refusal) Error() string { return r.cause.Error() }
func (r *refusal) Unwrap() error { return r.cause }

// terminal is where a command may write: results to out, all else to err.
type terminal struct {
	out, err io.Writer
	json     bool
	quiet    bool
	live     bool // err is a terminal that can be redrawn.
	color    bool // out is a terminal that may be coloured.

	mu    sync.Mutex // Progress comes from several goroutines.
	drawn string     // The line that is being redrawn.
}

// newTerminal finds out what can be shown to the person, if it is one.
func newTerminal(out, err io.Writer) *terminal {
	return &terminal{
		out: out, err: err, live: isTerminal(err) && os.Getenv("ACCESSIBLE") == "",
		color: isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("ACCESSIBLE") == "",
	}
}

// isTerminal tells whether a writer understands ECMA-48 escape sequences.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || os.Getenv("TERM") == "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Escape sequences of ECMA-48 and, for the margin, of the VT100 and all that follow it.
const (
	eraseRest = "\x1b[K"
	noWrap    = "\x1b[?7l" // What does not fit is cut off instead of broken.
	wrapAgain = "\x1b[?7h"
	bold      = "\x1b[1m"
	green     = "\x1b[1;32m"
	red       = "\x1b[1;31m"
	plain     = "\x1b[0m"
)

// paint colours text where colour helps and is wanted.
func (t *terminal) paint(style, text string) string {
	if !t.color {
		return text
	}
	return style + text + plain
}

// say writes a line of progress or explanation, unless nobody wants to read it.
func (t *terminal) say(format string, args ...any) {
	if t.quiet || t.json {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	if t.drawn != "" { // The drawn line moves down.
		t.explain("\r" + line + eraseRest + "\n")
		t.redraw()
		return
	}
	t.explain(line + "\n")
}

// draw shows a line that the next one replaces. Without a terminal it shows nothing.
func (t *terminal) draw(line string) {
	if t.quiet || t.json || !t.live {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if line != t.drawn {
		t.drawn = line
		t.redraw()
	}
}

// redraw writes over the old line and then erases what it leaves: nothing flickers. The
// caller holds the lock.
func (t *terminal) redraw() {
	t.explain("\r" + noWrap + t.drawn + eraseRest + wrapAgain)
}

// explain writes to standard error. If that fails, nobody is there to be told.
func (t *terminal) explain(text string) { _, _ = io.WriteString(t.err, text) }

// settle takes the drawn line away.
func (t *terminal) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.drawn != "" {
		t.explain("\r" + eraseRest)
		t.drawn = ""
	}
}

// result writes what the command was asked for: the JSON document or the text.
func (t *terminal) result(name string, data any, text string) error {
	t.settle()
	if t.json {
		return t.write(document{Schema: "comity/" + name + "@1", OK: true, Data: data})
	}
	if _, err := io.WriteString(t.out, text); err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	return nil
}

func (t *terminal) write(d document) error {
	encoder := json.NewEncoder(t.out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	return nil
}

// fail reports an error once and returns the exit code.
func (t *terminal) fail(err error) int {
	t.settle()
	c := codeOf(err)
	r, found := errors.AsType[*refusal](err)
	if t.json {
		d := document{Schema: "comity/error@1", Error: &failure{
			Exit: c.exit, Slug: c.slug, Message: err.Error(), Help: "comity help exit-codes",
		}}
		if found {
			d.Data = r.data
		}
		_ = t.write(d) // The code says that something failed, whatever becomes of the document.
		return c.exit
	}
	if found {
		_, _ = io.WriteString(t.out, r.text)
		t.explain(fmt.Sprintf("comity: exit code %d: %s\n", c.exit, c.meaning))
		return c.exit
	}
	t.explain(fmt.Sprintf("comity: %v\ncomity: exit code %d: %s\n", err, c.exit, c.meaning))
	return c.exit
}
