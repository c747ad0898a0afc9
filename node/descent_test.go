package node

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"testing"
	"time"

	"comity"
	"comity/body"
	"comity/packs/health"
	"comity/party"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
)

// slow is a body that answers when it is told to, or not.
type slow struct {
	answer chan error
	given  []int64
}

func (s slow) Consider(context.Context, comity.Question, schema.Schema) (string, error) {
	return "", nil
}

func (s slow) Ask(ctx context.Context, _ comity.Question, _ schema.Schema) ([]int64, int, error) {
	select {
	case err := <-s.answer:
		return s.given, 3, err
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
}

// above is a member with a body below it, and a round that has just opened.
func above(t *testing.T, below Below) (*Member, federation.Board) {
	t.Helper()
	q := aboveOf(t, 0)
	m := &Member{logger: slog.New(slog.DiscardHandler), charter: charterOf(3), state: body.New()}
	m.charter.Data[0].ID = q.Clause
	m.cfg = MemberConfig{Self: "RA", Clock: time.Now, Below: func(context.Context, comity.DataClause) (schema.Schema, Below, error) {
		if below == nil {
			return schema.Schema{}, nil, fs.ErrNotExist
		}
		return health.Visits(), below, nil
	}}
	now := int(time.Now().Unix())
	invited := []party.ID{"RA", "RB", "RC"}
	open, err := federation.Terms(q, invited, now)
	if err != nil {
		t.Fatal(err)
	}
	return m, federation.Board{Round: federation.Round{Question: q, Invited: invited, Open: &open}, Now: now, From: invited}
}

// A descent begins when the round above opens, and gives its sum once.
func TestADescentArrives(t *testing.T) {
	below := slow{make(chan error), []int64{1, 2, 3}}
	m, b := above(t, below)
	if err := m.descend(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	_, err := m.numbers(b.Question)
	if !errors.Is(err, errBelow) {
		t.Fatalf("before it is there: %v, want errBelow", err)
	}
	arrival, err := m.settle(t.Context(), err)
	if err != nil || arrival == nil {
		t.Fatalf("nothing to wait for (%v)", err)
	}
	below.answer <- nil
	<-arrival
	if got, err := m.numbers(b.Question); err != nil || !slices.Equal(got, below.given) {
		t.Errorf("%v (%v), want %v", got, err, below.given)
	}
	m.surface()
}

// A member that adds rows of its own waits for nobody.
func TestNoDescentWithoutABody(t *testing.T) {
	m, b := above(t, nil)
	if err := m.descend(t.Context(), b); err != nil || m.asked.down != nil || !m.asked.rows {
		t.Errorf("%+v (%v), want rows", m.asked, err)
	}
}

// What is refused below is not asked again; what went wrong is.
func TestADescentThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		fails error
		again bool
	}{
		"refused":      {ErrUnanswered, false},
		"beyond rows":  {analytics.ErrRows, false},
		"disk is full": {fs.ErrInvalid, true},
	} {
		t.Run(name, func(t *testing.T) {
			below := slow{make(chan error), nil}
			m, b := above(t, below)
			m.asked.without = true // It has told the hub, which this test has not.
			if err := m.descend(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			below.answer <- c.fails
			<-m.asked.down.done
			_, err := m.numbers(b.Question)
			if !errors.Is(err, errWithout) || !errors.Is(err, c.fails) {
				t.Fatalf("%v, want errWithout and %v", err, c.fails)
			}
			if _, err := m.settle(t.Context(), err); err != nil || (m.asked.down == nil) != c.again {
				t.Errorf("asked again: %v (%v), want %v", m.asked.down == nil, err, c.again)
			}
		})
	}
}

// A body that is not done in time is left alone, and its operator says by when it had to be.
func TestADescentThatIsLate(t *testing.T) {
	m, b := above(t, slow{make(chan error), nil})
	if err := m.descend(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	d := m.asked.down
	b.Survivors = &comity.Survivors{}
	if err := m.late(b); !errors.Is(err, errLate) {
		t.Errorf("%v, want errLate", err)
	}
	if m.asked.down != nil || !errors.Is(d.err, context.Canceled) {
		t.Errorf("the descent goes on: %v", d.err)
	}
	if err := m.late(b); err != nil {
		t.Errorf("a second time: %v", err)
	}
}
