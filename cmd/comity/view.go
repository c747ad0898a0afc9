package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"comity/node"
)

// view shows progress: one finished line for each step, the current one redrawn in a
// terminal. With --quiet or --json it only measures.
type view struct {
	terminal *terminal
	clock    func() time.Time

	mu      sync.Mutex
	step    node.Event
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
	if e.Phase != v.step.Phase || e.Text != v.step.Text {
		v.close()
		v.began = v.clock()
	}
	v.step = e
	v.terminal.draw(line("..", e) + bar(e))
}

// line is one step: the phase in its column, and what is done in it.
func line(mark string, e node.Event) string {
	return fmt.Sprintf("  %s  %-8s  %s", mark, e.Phase, e.Text)
}

// bar draws how much of a step is done, if somebody knows.
func bar(e node.Event) string {
	if e.Total <= 0 {
		return ""
	}
	const width = 20
	full := max(0, min(width, width*e.Done/e.Total))
	return fmt.Sprintf(" [%s%s] %d of %d", strings.Repeat("#", full), strings.Repeat(" ", width-full), e.Done, e.Total)
}

// close ends the current step; the caller holds the lock.
func (v *view) close() {
	if v.step.Phase == "" {
		return
	}
	took := v.clock().Sub(v.began)
	v.seconds[v.step.Phase] += took
	sums := ""
	if v.step.Total > 0 {
		sums = ", " + count(v.step.Done, "sum")
	}
	v.terminal.settle()
	v.terminal.say("%s%s  %.1f s", line("ok", v.step), sums, took.Seconds())
	v.step = node.Event{}
}

// week heads a period.
func (v *view) week(period string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.close()
	v.terminal.say("decision of %s", period)
}

// finish ends the current step and returns the time of each phase since the last call.
func (v *view) finish() map[string]time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.close()
	took := v.seconds
	v.seconds = map[string]time.Duration{}
	return took
}

// now returns the current step, empty between steps.
func (v *view) now() node.Event {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.step
}
