package body_test

import "testing"

func TestHistory(t *testing.T) {
	w := history(t)
	d := w.state.View().Decisions[period]
	if !w.state.Effective(period) || len(d.Checks) != 5 || len(d.Dissents) != 1 {
		t.Fatalf("effective %v, checks %v, dissents %v", w.state.Effective(period), d.Checks, d.Dissents)
	}
}
