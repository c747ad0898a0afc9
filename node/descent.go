package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"comity"
	"comity/governor/charter"
	"comity/party"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
)

// descent is one question on its way through the body that this member is the hub of.
type descent struct {
	by     time.Time // When vectors are due above.
	stop   context.CancelFunc
	done   chan struct{} // Closed when what follows is there.
	vector []int64
	err    error
}

var (
	// errBelow says that the sum below is not there yet.
	errBelow = errors.New("the sum below is on its way")
	// errLate says that it was not there when vectors were due.
	errLate = errors.New("the body below was not done when vectors were due; this question goes on without this member")
	// errWithout says that there will be none.
	errWithout = errors.New("the body below gives no sum; this question goes on without this member")
)

// below finds the body whose sum this member adds under a clause; nil where it adds rows
// of its own.
func (m *Member) below(ctx context.Context, clause comity.DataClause) (schema.Schema, Below, error) {
	if m.cfg.Below == nil {
		return schema.Schema{}, nil, nil
	}
	s, b, err := m.cfg.Below(ctx, clause)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil, nil
	}
	return s, b, err
}

// descend has the body below begin to answer as soon as the round above is open, so that
// its sum is there when vectors are due. It does nothing for a member that adds rows.
func (m *Member) descend(ctx context.Context, b federation.Board) error {
	if !isWaiting(b, m.cfg.Self) {
		if err := m.late(b); err != nil {
			m.without(ctx, err)
		}
		return nil
	}
	if m.asked.down != nil || m.asked.rows {
		return nil
	}
	clause, _ := charter.Clause(m.charter, b.Question.Clause)
	s, below, err := m.below(ctx, clause)
	if err != nil {
		return err
	}
	if below == nil {
		m.asked.rows = true
		return nil
	}
	by := time.Unix(int64(b.Open.CommitBy), 0)
	ctx, stop := context.WithTimeout(ctx, max(0, by.Sub(m.cfg.Clock())))
	d := &descent{by: by, stop: stop, done: make(chan struct{})}
	m.asked.down = d
	go func() { // Surface waits for it.
		defer close(d.done)
		d.vector, d.err = m.fetch(ctx, below, b.Question, s)
	}()
	return nil
}

// isWaiting tells whether the round still waits for the vector of a party.
func isWaiting(b federation.Board, self party.ID) bool {
	_, said := b.Commits[self]
	return !said && b.Open != nil && slices.Contains(b.Invited, self) &&
		slices.Contains([]federation.Phase{federation.Joining, federation.Drawing, federation.Dealing, federation.Complaining, federation.Committing}, b.Phase())
}

// late ends a descent whose sum is not wanted any more. Its error says that nothing was
// added.
func (m *Member) late(b federation.Board) error {
	d := m.asked.down
	m.surface()
	if _, said := b.Commits[m.cfg.Self]; said || d == nil {
		return nil
	}
	return fmt.Errorf("%w: round %s, due by %s", errLate, b.Question.Round, d.by.UTC().Format(time.RFC3339))
}

// settle takes what a turn came to. A member whose sum is on its way waits for its arrival;
// one that gets none is silent in this round, like any member that fails, and tries again
// only what may go better.
func (m *Member) settle(ctx context.Context, turn error) (arrival <-chan struct{}, err error) {
	d := m.asked.down
	switch {
	case turn == nil || d == nil || ctx.Err() != nil:
		return nil, turn
	case errors.Is(turn, errBelow):
		return d.done, nil
	case !errors.Is(turn, errWithout):
		return nil, turn
	}
	m.without(ctx, turn)
	if !isRefusal(turn) {
		m.asked.down = nil
	}
	return nil, nil
}

// without tells this member's people and the hub, once, that a question goes on without it.
func (m *Member) without(ctx context.Context, because error) {
	if m.asked.without {
		return
	}
	m.asked.without = true
	m.notice(ctx, dueAnswer, because)
	m.report(ctx, dueAnswer, because)
}

// fetch asks below and makes the sum this member's vector.
func (m *Member) fetch(ctx context.Context, below Below, q comity.Question, s schema.Schema) ([]int64, error) {
	l, err := analytics.NewLayout(q.Query, s)
	if err != nil {
		return nil, err
	}
	sum, members, err := below.Ask(ctx, q, s)
	if err != nil {
		return nil, fmt.Errorf("ask below: %w", err)
	}
	m.logger.LogAttrs(ctx, slog.LevelInfo, "the body below answered", slog.String("round", q.Round), slog.Int("members", members), slog.Int("lanes", len(sum)))
	vector, err := l.Nest(sum, q.Disclosure == noisy)
	if err != nil {
		return nil, fmt.Errorf("sum below: %w", err)
	}
	return vector, nil
}

// surface ends a descent and waits until it is over.
func (m *Member) surface() {
	if d := m.asked.down; d != nil {
		d.stop()
		<-d.done
		m.asked.down = nil
	}
}

// arrived returns the vector from below, errBelow while it is on its way.
func (d *descent) arrived() ([]int64, error) {
	select {
	case <-d.done:
		if d.err != nil {
			return nil, fmt.Errorf("%w: %w", errWithout, d.err)
		}
		return slices.Clone(d.vector), nil
	default:
		return nil, errBelow
	}
}
