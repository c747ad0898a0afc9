package node

import (
	"context"
	"encoding/json"
	"testing"

	"comity/verifier/secagg"
)

// TestTheHubAnswersForTheRoundThatIsOpen has a member ask about this round and the one
// before: where the other one stood would have it skip steps of this one, for ever.
func TestTheHubAnswersForTheRoundThatIsOpen(t *testing.T) {
	s := newStepServer(&Hub{})
	s.round, s.ended = "second", 1
	s.shown = []shownStep{{[]byte("c0"), []byte("s0")}, {[]byte("c1"), []byte("s1")}, {commitments: []byte("c2")}}
	for _, c := range []struct {
		ask  stepRequest
		want string
	}{
		{stepRequest{"second", msgPosition, 0}, "2"},
		{stepRequest{"first", msgPosition, 0}, "0"},
		{stepRequest{"", msgPosition, 0}, "0"},
		{stepRequest{"second", msgCommitments, 2}, "c2"},
		{stepRequest{"second", msgSum, 1}, "s1"},
		{stepRequest{"second", msgSum, 2}, ""},
		{stepRequest{"second", msgSum, 3}, ""},
		{stepRequest{"second", msgSum, -1}, ""},
		{stepRequest{"first", msgCommitments, 2}, ""},
		{stepRequest{"first", msgSum, 1}, ""},
	} {
		request, err := json.Marshal(c.ask)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.answer(context.Background(), "XA", request)
		if err != nil || string(got) != c.want {
			t.Errorf("%+v: %q, %v; want %q", c.ask, got, err, c.want)
		}
	}
	s.shown, s.ended = nil, 40 // A hub that was killed and has not gone through the finished steps again.
	if got := s.finished("second"); got != 40 {
		t.Errorf("%d steps are finished, 40 are on disk", got)
	}
}

// TestAMemberUsesMessagesOfItsStepAlone moves one of each kind of message to other steps
// and cohorts.
func TestAMemberUsesMessagesOfItsStepAlone(t *testing.T) {
	own := secagg.Position{Number: 7, Cohort: 2}
	for _, c := range []struct {
		at   secagg.Position
		want bool
	}{
		{own, true},
		{secagg.Position{Number: 7, Cohort: 3}, true}, // Its refusal tells that the cohort is not known here.
		{secagg.Position{Number: 6, Cohort: 2}, false},
		{secagg.Position{Number: 8, Cohort: 2}, false},
		{secagg.Position{Number: 90, Cohort: 2}, false},
		{secagg.Position{Number: 7, Cohort: 1}, false},
	} {
		if got := isDue(c.at, own); got != c.want {
			t.Errorf("a message of %+v at %+v: %t, want %t", c.at, own, got, c.want)
		}
	}
}

// TestAnInboxIsEmptiedOfEveryKind fills all of it.
func TestAnInboxIsEmptiedOfEveryKind(t *testing.T) {
	in := newStepInbox()
	for range maxBoxed {
		in.commitments.put([]byte("c"))
		in.sums.put([]byte("s"))
		in.cohorts <- due{What: dueCohort}
	}
	in.clear()
	if len(in.commitments)+len(in.sums)+len(in.cohorts) != 0 {
		t.Errorf("%d commitments, %d sums, %d cohorts are left", len(in.commitments), len(in.sums), len(in.cohorts))
	}
}
