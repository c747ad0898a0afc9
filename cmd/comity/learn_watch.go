package main

import (
	"context"
	"fmt"
	"time"

	"comity/modeler/learn"
)

// counted shows how many sums were made.
type counted struct {
	learn.Summer
	t    *terminal
	what string
	sums int
}

// Sum makes the sum.
func (c *counted) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	c.sums++
	c.t.draw(fmt.Sprintf("%s: %s", c.what, count(c.sums, "sum")))
	return c.Summer.Sum(ctx, step, x)
}

// stopwatch measures the phases of a command.
type stopwatch struct {
	start, last time.Time
	laps        map[string]string
}

func newStopwatch() *stopwatch {
	now := time.Now()
	return &stopwatch{now, now, map[string]string{}}
}

func (s *stopwatch) lap(name string) {
	now := time.Now()
	s.laps[name] = seconds(now.Sub(s.last))
	s.last = now
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }
