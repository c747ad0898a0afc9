package cheat

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"comity/modeler/learn"
	"comity/party"
	"comity/verifier/secagg"
)

// tape holds the true sums of a training by step, and where each step stood.
type tape struct {
	mu     sync.Mutex
	sums   map[string][]int64
	number map[string]int
}

func (t *tape) keep(number int, step string, blob []byte) {
	sum, err := secagg.ParseSum(blob)
	if err != nil {
		return // The hub's own bytes; what is missing is missed when it is played.
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.number == nil {
		t.number = map[string]int{}
	}
	t.sums[step], t.number[step] = sum.Values(), number
}

// sum returns a copy of the true sum of a step.
func (t *tape) sum(step string) ([]int64, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum, ok := t.sums[step]
	return slices.Clone(sum), ok
}

// at returns the place of a step in the sequence, or -1.
func (t *tape) at(step string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n, ok := t.number[step]; ok {
		return n
	}
	return -1
}

// player plays a tape, some steps of it altered. It implements learn.Summer.
type player struct {
	tape  *tape
	alter func(step string, sum []int64)
}

// Sum returns the sum on the tape.
func (p player) Sum(_ context.Context, step learn.Step, _ []int64) ([]int64, error) {
	sum, ok := p.tape.sum(step.Name)
	if !ok {
		return nil, fmt.Errorf("step %s is not on the tape", step.Name)
	}
	if p.alter != nil {
		p.alter(step.Name, sum)
	}
	return sum, nil
}

// rewrite returns a sum blob with other values (docs/format/secagg.md: magic, bits,
// lanes in 9 bytes, then the lanes, little-endian).
func rewrite(blob []byte, change func([]int64)) []byte {
	const head, bitsAt = 9, 4
	sum, err := secagg.ParseSum(blob)
	if err != nil {
		return blob
	}
	values := sum.Values()
	change(values)
	out := bytes.Clone(blob)
	for i, v := range values {
		if out[bitsAt] == 64 {
			binary.LittleEndian.PutUint64(out[head+8*i:], uint64(v)) //nolint:gosec // Two's complement is meant.
		} else {
			binary.LittleEndian.PutUint32(out[head+4*i:], uint32(v)) //nolint:gosec // Two's complement is meant.
		}
	}
	return out
}

// seats are participants that go through the same steps side by side and see the sum of
// all their vectors, one of them perhaps another sum than the others.
type seats struct {
	n    int
	view func(seat int, step string, sum []int64)

	mu    sync.Mutex
	in    int
	total []int64
	last  []int64
	moved chan struct{}
}

func newSeats(n int, view func(int, string, []int64)) *seats {
	return &seats{n: n, view: view, moved: make(chan struct{})}
}

// seat is one participant's Summer.
type seat struct {
	table *seats
	at    int
}

// Sum waits until every seat has put its vector.
func (s seat) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	t := s.table
	t.mu.Lock()
	if t.in == 0 {
		t.total = make([]int64, len(x))
	}
	if len(x) != len(t.total) {
		t.mu.Unlock()
		return nil, fmt.Errorf("step %s: %d values beside %d", step.Name, len(x), len(t.total))
	}
	for i, v := range x {
		t.total[i] += v
	}
	moved := t.moved
	if t.in++; t.in == t.n {
		t.last, t.in = t.total, 0
		close(t.moved)
		t.moved = make(chan struct{})
	}
	t.mu.Unlock()
	select {
	case <-moved:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	t.mu.Lock()
	sum := slices.Clone(t.last)
	t.mu.Unlock()
	if t.view != nil {
		t.view(s.at, step.Name, sum)
	}
	return sum, nil
}

// first captures the vectors of the first steps and stops there.
type first struct {
	tape  *tape
	until string
	x     []int64
}

// Sum returns the sum on the tape; the vector of the last step is kept.
func (f *first) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	if step.Name == f.until {
		f.x = slices.Clone(x)
		return nil, errEnough
	}
	return player{tape: f.tape}.Sum(ctx, step, x)
}

// others are all members but one.
func others(all []party.ID, but party.ID) []party.ID {
	return slices.DeleteFunc(slices.Clone(all), func(id party.ID) bool { return id == but })
}
