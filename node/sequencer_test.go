package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"comity/body"
)

// memoryLog appends in memory and may put a batch in another order than it was given,
// as the log is allowed to.
type memoryLog struct {
	mu      sync.Mutex
	entries [][]byte
	fail    error
}

func (l *memoryLog) AppendAll(_ context.Context, entries [][]byte) ([]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return nil, l.fail
	}
	indexes := make([]int64, len(entries))
	for i := range slices.Backward(entries) {
		indexes[i] = int64(len(l.entries))
		l.entries = append(l.entries, entries[i])
	}
	return indexes, nil
}

func TestWhatIsNoEntryNeverReachesTheLog(t *testing.T) {
	log := &memoryLog{}
	q := newSequencer(log)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- q.run(ctx) }()
	for _, junk := range []string{"", "{}", "not an entry", string(make([]byte, 70_000))} {
		_, err := q.submit(ctx, []byte(junk))
		var refusal *body.Refusal
		if !errors.As(err, &refusal) || refusal.Rule != body.RuleForm {
			t.Errorf("%.20q: %v, want a refusal by rule %s", junk, err, body.RuleForm)
		}
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the sequencer ended with %v", err)
	}
	if len(log.entries) != 0 {
		t.Errorf("%d entries in the log", len(log.entries))
	}
}

func TestAwaitReturnsWhenTheStateMovesOrTimeIsUp(t *testing.T) {
	q := newSequencer(&memoryLog{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := q.await(ctx, func(*body.State) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for what never comes: %v", err)
	}
	if err := q.await(t.Context(), func(s *body.State) bool { return s.View().Size == 0 }); err != nil {
		t.Errorf("waiting for what is there: %v", err)
	}
	moved := make(chan error, 1)
	ready := false
	go func() { moved <- q.await(t.Context(), func(*body.State) bool { return ready }) }()
	q.mu.Lock()
	ready = true
	close(q.moved)
	q.moved = make(chan struct{})
	q.mu.Unlock()
	select {
	case err := <-moved:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error(fmt.Errorf("await did not see the state move"))
	}
}
