package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"comity/allocator/explore"
	"comity/console"
)

type whatifCommand struct {
	caseFlags

	Set []string `sep:"none" placeholder:"NAME=VALUE" help:"Change a number: KE.population=9000, supply.doses=+10%, c.floor=off, group.frontline=3, stage.worth.slack=1/10. May be repeated."`
}

// whatifData is the JSON form of a division with other numbers.
type whatifData struct {
	Changes []string `json:"changes"`
	explore.Comparison

	Unit    string `json:"unit"`
	Value   string `json:"value"` // After.
	Gap     string `json:"gap"`
	Says    string `json:"says"`
	Seconds string `json:"seconds"`
}

// Run divides again with other numbers.
func (c *whatifCommand) Run(ctx context.Context, t *terminal) error {
	start := time.Now()
	if len(c.Set) == 0 {
		return usageError{errors.New("give at least one --set NAME=VALUE, as --set supply.doses=+10%")}
	}
	var changes []explore.Change
	for _, text := range c.Set {
		change, err := explore.Parse(text)
		if err != nil {
			return usageError{fmt.Errorf("--set %w", err)}
		}
		changes = append(changes, change)
	}
	a, err := c.open(ctx, t)
	if err != nil {
		return err
	}
	defer a.close()
	then, err := a.engine.WhatIf(ctx, a.now.Case, changes)
	if err != nil {
		return conflicted(err)
	}
	d := whatifData{Changes: []string{}, Unit: a.now.Problem.Unit, Value: then.Value().String(), Gap: then.Gap().String()}
	for _, change := range changes {
		d.Changes = append(d.Changes, change.String())
	}
	if d.Comparison, err = explore.Compare(a.now, then); err != nil {
		return err
	}
	d.Says = a.teller.Comparison(d.Comparison)
	d.Seconds = strconv.FormatFloat(time.Since(start).Seconds(), 'f', 2, 64)
	return t.result("what-if", d, d.text(a.teller))
}

func (d *whatifData) text(teller console.Teller) string {
	var b strings.Builder
	fmt.Fprintf(&b, "what if %s\n\n", strings.Join(d.Changes, ", "))
	rows := [][]string{{"party", "before", "after", "change"}}
	for _, p := range d.Parties {
		rows = append(rows, []string{string(p.Party), console.Number(p.Before), console.Number(p.After), console.Change(p.Change)})
	}
	writeColumns(&b, rows)
	fmt.Fprintf(&b, "\n%s\nbefore: %s\nafter:  %s\n%s s\n", d.Says, teller.Outcome(d.Before), teller.Outcome(d.After), d.Seconds)
	return b.String()
}

// writeColumns writes a table: the first column to the left, all others to the right.
func writeColumns(b *strings.Builder, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i == 0 {
				b.WriteString("  " + cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteString("\n")
	}
}

// joined writes the keys of two objects as one.
func joined(a, b any) ([]byte, error) {
	first, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	second, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	if len(first) > len("{}") {
		first = append(first[:len(first)-1], ',')
	} else {
		first = first[:1]
	}
	return append(first, second[1:]...), nil
}
