package trees_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"comity/modeler/learn"
	"comity/modeler/learn/trees"
)

// entry is one logged sum, or the loss of a step.
type entry struct {
	step    learn.Step
	sum     []int64
	restart *learn.Restart
}

// recorder is a pooled run that logs every sum and loses the steps it is told to.
type recorder struct {
	entries []entry
	lose    map[string]*learn.Restart
}

func (r *recorder) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	if restart := r.lose[step.Name]; restart != nil {
		r.entries = append(r.entries, entry{step: step, restart: restart})
		return nil, restart
	}
	r.entries = append(r.entries, entry{step: step, sum: slices.Clone(x)})
	return x, nil
}

var errLog = errors.New("log does not go on like that")

// replayer answers with what was logged.
type replayer struct{ entries []entry }

func (r *replayer) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	if len(r.entries) == 0 || r.entries[0].step != step {
		return nil, fmt.Errorf("%w: %v", errLog, step)
	}
	e := r.entries[0]
	r.entries = r.entries[1:]
	if e.restart != nil {
		return nil, e.restart
	}
	if slices.ContainsFunc(x, func(v int64) bool { return v != 0 }) {
		return nil, fmt.Errorf("%w: a replay adds rows to %v", errLog, step)
	}
	return e.sum, nil
}

// hub adds the vectors of members that run at the same time, in the order in which they
// happen to arrive, in the ring that the step names.
type hub struct {
	members int
	lose    map[string]*learn.Restart

	mutex   sync.Mutex
	arrived int
	round   *exchange
}

// exchange is one step among all members.
type exchange struct {
	step learn.Step
	sum  []int64
	err  error
	done chan struct{}
}

func (h *hub) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	h.mutex.Lock()
	if h.arrived == 0 {
		h.round = &exchange{step: step, sum: make([]int64, len(x)), done: make(chan struct{})}
	}
	e := h.round
	if e.step != step || len(e.sum) != len(x) {
		e.err = fmt.Errorf("members disagree: %v of %d values, %v of %d", e.step, len(e.sum), step, len(x))
	} else {
		for i, v := range x {
			e.sum[i] += v
			if step.Bits == 32 {
				e.sum[i] = int64(int32(e.sum[i]))
			}
		}
	}
	h.arrived++
	if h.arrived == h.members {
		h.arrived = 0
		if restart := h.lose[step.Name]; restart != nil {
			e.err = restart
		}
		close(e.done)
	}
	h.mutex.Unlock()
	select {
	case <-e.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return slices.Clone(e.sum), e.err
}

// federate trains on a random partition of the rows among members, some of whom may have
// none, and returns every member's model.
func federate(ctx context.Context, w *world, cfg *trees.Config, h *hub, seed uint64) ([]*trees.Model, error) {
	lots := rand.New(rand.NewPCG(seed, 1))
	rows := make([][]int, h.members)
	for _, i := range lots.Perm(len(w.target)) {
		m := lots.IntN(h.members)
		rows[m] = append(rows[m], i)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	models, errs := make([]*trees.Model, h.members), make([]error, h.members)
	var wait sync.WaitGroup
	for m := range h.members {
		wait.Go(func() {
			models[m], errs[m] = trees.Train(ctx, w.data(cfg, rows[m]), cfg, h)
			if errs[m] != nil {
				cancel()
			}
		})
	}
	wait.Wait()
	return models, errors.Join(errs...)
}

// liar is a pool that puts one value in the place of the first of one sum.
type liar struct {
	name  string
	value int64
}

func (l *liar) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	sum := slices.Clone(x)
	if step.Name == l.name {
		sum[0] = l.value
	}
	return sum, nil
}

// teller gives the sum of a step's name, whatever is added.
type teller struct{ entries []entry }

func (a *teller) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	for _, e := range a.entries {
		if e.step.Name == step.Name {
			return e.sum, nil
		}
	}
	return make([]int64, len(x)), nil
}

// judgement is a pool that puts another judgement in the place of the first one.
type judgement struct{ sum [2]int64 }

func (j *judgement) Sum(_ context.Context, step learn.Step, x []int64) ([]int64, error) {
	if strings.HasSuffix(step.Name, "/round/1/attempt/0/level/0") {
		copy(x[len(x)-2:], j.sum[:])
	}
	return x, nil
}

func isErrSum(err error) bool { return errors.Is(err, learn.ErrSum) }
