package node

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"comity/body"
	"comity/party"
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

func TestUndoneNamesWhoIsLeftAndTellsWhenTheStateMoves(t *testing.T) {
	q := newSequencer(&memoryLog{})
	left, moved := q.undone([]party.ID{"KE", "NO"}, func(s *body.State, id party.ID) bool { return s.View().Size == 0 && id == "KE" })
	if !slices.Equal(left, []party.ID{"NO"}) {
		t.Errorf("left are %v, want NO", left)
	}
	select {
	case <-moved:
		t.Error("the state has not moved")
	default:
	}
	q.mu.Lock()
	close(q.moved)
	q.moved = make(chan struct{})
	q.mu.Unlock()
	select {
	case <-moved:
	case <-time.After(5 * time.Second):
		t.Error("nobody was told that the state moved")
	}
}
