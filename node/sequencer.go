package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"comity"
	"comity/body"
	"comity/party"
	"comity/verifier/ledger"
)

// appender writes entries to the log and returns the index of each once integrated.
type appender interface {
	AppendAll(ctx context.Context, entries [][]byte) ([]int64, error)
}

const (
	// gather is how long the sequencer waits for more statements before it writes a
	// batch: less than the log's own batch age, so that thirty members cost one batch.
	gather = 10 * time.Millisecond
	// maxBatch bounds a batch: several statements of every party of the largest body.
	maxBatch = 512
	// maxWaiting bounds the statements that wait for a batch.
	maxWaiting = 4096
)

// sequencer is the only way into the log. It admits a statement under the rules of
// package body before it appends it, and folds it after.
//
// Members' statements that are admissible now stay admissible whatever the others say
// in the same batch, so they share one. An operator's statement may depend on any of
// them (a picture closes the forecasts) and goes alone.
type sequencer struct {
	log     appender
	waiting chan submission

	mu    sync.Mutex // Guards what follows.
	state *body.State
	index index
	moved chan struct{} // Closed and replaced whenever the state moves.
}

type submission struct {
	entry     []byte
	statement comity.Statement
	done      chan verdict // Buffered: the sequencer never waits for a reader.
}

type verdict struct {
	index int
	err   error
}

func newSequencer(log appender) *sequencer {
	return &sequencer{log: log, state: body.New(), index: index{}, waiting: make(chan submission, maxWaiting), moved: make(chan struct{})}
}

// submit waits until an entry is in the log and in the state, or refused.
func (q *sequencer) submit(ctx context.Context, entry []byte) (index int, err error) {
	e, err := ledger.Parse(entry)
	if err != nil {
		return 0, &body.Refusal{Rule: body.RuleForm, Cause: err}
	}
	s := submission{entry: entry, statement: e.Statement(), done: make(chan verdict, 1)}
	select {
	case q.waiting <- s:
	default:
		return 0, fmt.Errorf("submit: %w: %d statements are waiting", ErrBusy, maxWaiting)
	}
	select {
	case v := <-s.done:
		return v.index, v.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run sequences until ctx ends or the log fails. After an error the state and the log
// may differ by one batch; reopening folds the log again.
func (q *sequencer) run(ctx context.Context) error {
	var late []submission // Deferred from the last batch, in order of arrival.
	for {
		batch, rest, err := q.collect(ctx, late)
		if err != nil {
			return err
		}
		late = rest
		if len(batch) == 0 {
			continue
		}
		if err := q.write(ctx, batch); err != nil {
			return err
		}
	}
}

// collect gathers one batch: statements that do not depend on one another.
func (q *sequencer) collect(ctx context.Context, late []submission) (batch, rest []submission, err error) {
	all := late
	if len(all) == 0 {
		select {
		case s := <-q.waiting:
			all = append(all, s)
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for open := true; open && len(all) < maxBatch; {
		select {
		case s := <-q.waiting:
			all = append(all, s)
		case <-timer.C:
			open = false
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	operator := q.state.Charter().Transparency.Log.Operator
	authors := map[party.ID]bool{}
	alone := false
	for _, s := range all {
		author := s.statement.Author
		if alone || authors[author] || (author == operator || operator == "") && len(batch) > 0 {
			rest = append(rest, s)
			continue
		}
		if err := q.state.Admissible(s.entry); err != nil {
			s.done <- verdict{err: err}
			continue
		}
		authors[author] = true
		batch = append(batch, s)
		alone = author == operator || operator == ""
	}
	return batch, rest, nil
}

// write appends a batch and folds it in the order that the log gave it.
func (q *sequencer) write(ctx context.Context, batch []submission) error {
	entries := make([][]byte, len(batch))
	for i, s := range batch {
		entries[i] = s.entry
	}
	indices, err := q.log.AppendAll(ctx, entries)
	if err != nil {
		for _, s := range batch {
			s.done <- verdict{err: err}
		}
		return fmt.Errorf("append %d statements: %w", len(batch), err)
	}
	order := make([]int, len(batch))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(indices[a], indices[b]) })
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, i := range order {
		if want := q.state.View().Size; indices[i] != int64(want) {
			return fmt.Errorf("the log put a statement at %d, the state is at %d: something else writes to this log", indices[i], want)
		}
		if err := q.fold(batch[i].entry); err != nil {
			return fmt.Errorf("an admitted statement did not fold: %w", err)
		}
		batch[i].done <- verdict{index: int(indices[i])}
	}
	close(q.moved)
	q.moved = make(chan struct{})
	return nil
}

// fold moves the state by one entry of the log.
func (q *sequencer) fold(entry []byte) error {
	st, err := q.state.Fold(entry)
	if err != nil {
		return err
	}
	q.index.note(q.state.View().Size-1, st)
	return nil
}

// look runs f on the state while it cannot move.
func (q *sequencer) look(f func(*body.State)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f(q.state)
}

// watch runs f on the state with a channel that closes when it moves.
func (q *sequencer) watch(f func(*body.State, <-chan struct{})) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f(q.state, q.moved)
}

// undone returns for whom done does not hold, and a channel that closes when the state
// moves.
func (q *sequencer) undone(who []party.ID, done func(*body.State, party.ID) bool) (left []party.ID, moved <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range who {
		if !done(q.state, id) {
			left = append(left, id)
		}
	}
	return left, q.moved
}
