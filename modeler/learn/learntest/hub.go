package learntest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"comity/modeler/learn"
)

var (
	// ErrLog says that a replay asked for a sum that is not the next one of its log, or
	// added rows of its own.
	ErrLog = errors.New("log does not go on like that")
	// ErrLeft is what a member gets that is told to leave.
	ErrLeft = errors.New("member left")
)

// Entry is one sum of a log, or the loss of one.
type Entry struct {
	Step    learn.Step
	Sum     []int64 // Of a lost step: what would have been the sum.
	Restart *learn.Restart
}

// Log is a pooled Summer that logs every sum and loses those that it is told to.
type Log struct {
	Entries []Entry
	Lose    map[string]int // By name of the step: the attempt that follows.
}

// Sum returns x, or the loss of it.
func (l *Log) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	e := Entry{Step: step, Sum: slices.Clone(x)}
	var err error
	if attempt, lost := l.Lose[step.Name]; lost {
		e.Restart = &learn.Restart{Attempt: attempt}
		err = e.Restart
	}
	l.Entries = append(l.Entries, e)
	if err != nil {
		return nil, err
	}
	return slices.Clone(x), nil
}

// Replay is a Summer of somebody without rows, who gets the logged sums.
type Replay struct{ Entries []Entry }

// Sum returns the next logged sum.
func (r *Replay) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	if len(r.Entries) == 0 || r.Entries[0].Step != step {
		return nil, fmt.Errorf("%w: %s is not next", ErrLog, step.Name)
	}
	if slices.ContainsFunc(x, func(v int64) bool { return v != 0 }) {
		return nil, fmt.Errorf("%w: %s adds something to a replay", ErrLog, step.Name)
	}
	e := r.Entries[0]
	r.Entries = r.Entries[1:]
	if e.Restart != nil {
		return nil, e.Restart
	}
	return slices.Clone(e.Sum), nil
}

// Hub adds the vectors of members that run side by side, in a drawn order and in the ring
// that the step names.
type Hub struct {
	Order  *rand.Rand     // Of arrival.
	Lose   map[string]int // By name of the step: the attempt that follows.
	Leaves bool           // The last member leaves with the step that is lost.

	mu      sync.Mutex
	members int
	waiting []*message
}

// message is one member's vector.
type message struct {
	member int
	step   learn.Step
	x      []int64
	answer chan answer
}

type answer struct {
	sum []int64
	err error
}

// member is the Summer of one member.
type member struct {
	hub   *Hub
	index int
}

// Sum waits for all members.
func (m *member) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	mine := &message{m.index, step, slices.Clone(x), make(chan answer, 1)}
	h := m.hub
	h.mu.Lock()
	h.waiting = append(h.waiting, mine)
	if len(h.waiting) == h.members {
		h.add()
	}
	h.mu.Unlock()
	select {
	case a := <-mine.answer:
		return a.sum, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// add answers all who wait.
func (h *Hub) add() {
	all := h.waiting
	h.waiting = nil
	slices.SortFunc(all, func(a, b *message) int { return a.member - b.member })
	h.Order.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	step := all[0].step
	sum := make([]int64, len(all[0].x))
	var err error
	for _, m := range all {
		if m.step != step || len(m.x) != len(sum) {
			err = fmt.Errorf("%w: members disagree: %v of %d values, %v of %d", ErrLog, step, len(sum), m.step, len(m.x))
			break
		}
		for i, v := range m.x {
			if sum[i] += v; step.Bits == 32 {
				sum[i] = int64(int32(sum[i])) //nolint:gosec // The ring wraps.
			}
		}
	}
	attempt, lost := h.Lose[step.Name]
	if lost && err == nil {
		err = &learn.Restart{Attempt: attempt}
	}
	last := h.members - 1
	if lost && h.Leaves {
		h.members--
	}
	for _, m := range all {
		if lost && h.Leaves && m.member == last {
			m.answer <- answer{nil, ErrLeft}
			continue
		}
		m.answer <- answer{slices.Clone(sum), err}
	}
}

// Federate trains every member on its own rows and returns what each has. A member that
// left has nothing.
func Federate(ctx context.Context, parts []*learn.Rows, hub *Hub, train func(ctx context.Context, rows *learn.Rows, sum learn.Summer) ([]byte, error)) ([][]byte, error) {
	hub.members = len(parts)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	models, errs := make([][]byte, len(parts)), make([]error, len(parts))
	var wait sync.WaitGroup
	for i, rows := range parts {
		wait.Go(func() {
			models[i], errs[i] = train(ctx, rows, &member{hub, i})
			if errs[i] != nil && !errors.Is(errs[i], ErrLeft) {
				stop(errs[i])
			}
		})
	}
	wait.Wait()
	return models, errors.Join(errs...)
}

// Share deals rows out to members by lot. The first gets one row and the last none, for
// that happens too.
func Share(rows *learn.Rows, members int, lots *rand.Rand) []*learn.Rows {
	hands := make([][]int, members)
	for k, i := range lots.Perm(rows.Len()) {
		m := 0
		if k > 0 && members > 1 {
			m = 1 + lots.IntN(max(1, members-2))
		}
		hands[m] = append(hands[m], i)
	}
	parts := make([]*learn.Rows, members)
	for m, hand := range hands {
		parts[m] = Take(rows, hand)
	}
	return parts
}

// Take returns the rows that are listed, in that order.
func Take(rows *learn.Rows, list []int) *learn.Rows {
	return &learn.Rows{
		Bins: columns(rows.Bins, list), Numbers: columns(rows.Numbers, list),
		Key: pick(rows.Key, list), Task: pick(rows.Task, list), Fold: pick(rows.Fold, list),
		Target: pick(rows.Target, list), Weight: pick(rows.Weight, list),
	}
}

// Join returns the rows of both.
func Join(a, b *learn.Rows) *learn.Rows {
	joined := &learn.Rows{
		Key: slices.Concat(a.Key, b.Key), Task: slices.Concat(a.Task, b.Task), Fold: slices.Concat(a.Fold, b.Fold),
		Target: slices.Concat(a.Target, b.Target), Weight: slices.Concat(a.Weight, b.Weight),
	}
	for f := range a.Bins {
		joined.Bins = append(joined.Bins, slices.Concat(a.Bins[f], b.Bins[f]))
	}
	for f := range a.Numbers {
		joined.Numbers = append(joined.Numbers, slices.Concat(a.Numbers[f], b.Numbers[f]))
	}
	return joined
}

func columns[T any](all [][]T, list []int) [][]T {
	if all == nil {
		return nil
	}
	out := make([][]T, len(all))
	for f, column := range all {
		out[f] = pick(column, list)
	}
	return out
}

// pick returns nil for nil: no row has a weight then.
func pick[T any](all []T, list []int) []T {
	if all == nil {
		return nil
	}
	out := make([]T, len(list))
	for k, i := range list {
		out[k] = all[i]
	}
	return out
}
