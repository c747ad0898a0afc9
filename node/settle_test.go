package node

import (
	"errors"
	"testing"

	"comity/body"
)

// TestWhatALateStatementMadeStaleIsSaidAgain holds both halves: a refusal is met with
// another try only if the log has grown and the rule is the one that goes stale.
func TestWhatALateStatementMadeStaleIsSaidAgain(t *testing.T) {
	stale := &body.Refusal{Rule: body.RulePicture, Cause: errors.New("another picture")}
	for name, c := range map[string]struct {
		refusal error
		late    int // Statements that come while the hub speaks, one each time.
		want    int // Times that it speaks.
		refused bool
	}{
		"nothing late":       {nil, 0, 1, false},
		"one late":           {stale, 1, 2, false},
		"three late":         {stale, 3, 4, false},
		"always late":        {stale, 100, 6, true},
		"refused for itself": {stale, 0, 1, true},
		"another rule":       {&body.Refusal{Rule: body.RuleInForce, Cause: errors.New("expired")}, 1, 1, true},
		"another fault":      {errors.New("disk full"), 1, 1, true},
	} {
		size, said := 0, 0
		err := settle(body.RulePicture, 5, func() int { return size }, func() error {
			if said++; size < c.late {
				size++
				return c.refusal
			}
			if c.late == 0 {
				return c.refusal
			}
			return nil
		})
		if said != c.want || (err != nil) != c.refused {
			t.Errorf("%s: said %d times and got %v, want %d and refused %t", name, said, err, c.want, c.refused)
		}
	}
}
