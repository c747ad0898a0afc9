package main

import (
	"fmt"
	"sync"
	"time"

	"comity/node"
)

// view shows progress: one line a phase, the current one redrawn in a terminal, plain
// finished lines elsewhere, nothing with --quiet or --json.
type view struct {
	terminal *terminal
	clock    func() time.Time

	mu      sync.Mutex
	phase   string
	text    string
	done    int
	total   int
	began   time.Time
	seconds map[string]time.Duration
}

func newView(t *terminal) *view {
	return &view{terminal: t, clock: time.Now, seconds: map[string]time.Duration{}}
}

// progress takes one event; package node calls it from several goroutines.
func (v *view) progress(e node.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e.Phase != v.phase || e.Text != v.text {
		v.close()
		v.phase, v.text, v.began = e.Phase, e.Text, v.clock()
	}
	v.done, v.total = e.Done, e.Total
	if v.terminal.live && !v.terminal.quiet && !v.terminal.json {
		fmt.Fprintf(v.terminal.err, "\r\x1b[K  ..  %s", v.line())
	}
}

func (v *view) line() string {
	if v.total > 0 {
		const width = 20
		full := min(width, width*v.done/v.total)
		bar := make([]byte, width)
		for i := range bar {
			bar[i] = ' '
			if i < full {
				bar[i] = '#'
			}
		}
		return fmt.Sprintf("%-9s %s [%s] %d of %d sums", v.phase, v.text, bar, v.done, v.total)
	}
	return fmt.Sprintf("%-9s %s", v.phase, v.text)
}

// close ends the current line; the caller holds the lock.
func (v *view) close() {
	if v.phase == "" {
		return
	}
	took := v.clock().Sub(v.began)
	v.seconds[v.phase] += took
	clear := ""
	if v.terminal.live {
		clear = "\r\x1b[K"
	}
	count := ""
	if v.total > 0 {
		count = fmt.Sprintf(" (%d sums)", v.done)
	}
	v.terminal.say("%s  ok  %-9s %s%s  %.1f s", clear, v.phase, v.text, count, took.Seconds())
	v.phase, v.text, v.total = "", "", 0
}

// week heads a period.
func (v *view) week(period string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.close()
	v.terminal.say("decision of %s", period)
}

// finish ends the current line and returns the time of each phase since the last call.
func (v *view) finish() map[string]time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.close()
	took := v.seconds
	v.seconds = map[string]time.Duration{}
	return took
}

// now says what is going on.
func (v *view) now() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.phase == "" {
		return ""
	}
	return v.line()
}
