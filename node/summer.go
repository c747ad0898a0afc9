package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"comity/adapter/nats"
	"comity/canon"
	"comity/modeler/learn"
	"comity/verifier/secagg"
)

// summer adds this member's vectors under masks. It implements learn.Summer.
type summer struct {
	member   *Member
	agg      *secagg.Member
	round    string
	finished int // Steps that were over when this member came: they are only read.
	sums     fileStore
	took     time.Duration // What the last upload took.
}

// errCohort says that the cohort may have changed while a member waited.
var errCohort = errors.New("the cohort changed")

// errDropped says that a round goes on without this member.
var errDropped = errors.New("dropped from the round")

// Sum masks x, uploads it, reveals its self-mask once everybody has committed, and
// returns the sum. If the cohort shrinks, the caller starts its tree again from a fresh
// sample.
func (s *summer) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	if distort := s.member.cfg.Distort; distort != nil {
		x = distort(step, x)
	}
	for {
		cohort := s.agg.Position().Cohort
		if err := s.follow(); err != nil {
			return nil, err
		}
		if now := s.agg.Position(); now.Cohort > cohort {
			return nil, &learn.Restart{Attempt: now.Attempt}
		}
		values, err := s.once(ctx, step, x)
		if !errors.Is(err, errCohort) {
			return values, err
		}
	}
}

// follow takes over the successors that the log has for this step: none, unless the
// cohort just shrank or the round is led through the same steps again after an interruption.
func (s *summer) follow() error {
	m := s.member
	for _, c := range m.state.View().Rounds[s.round].Cohorts {
		if c.FromStep != s.agg.Position().Number || c.Number <= s.agg.Position().Cohort {
			continue
		}
		if !slices.Contains(c.Members, m.cfg.Self) {
			return fmt.Errorf("%w: cohort %d goes on without %s: %s", errDropped, c.Number, m.cfg.Self, c.Reason)
		}
		if err := s.agg.Recohort(c); err != nil {
			return err
		}
	}
	return nil
}

// once runs one step, or reads it if it was over.
func (s *summer) once(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	upload, err := s.agg.Upload(step.Name, step.Bits, x)
	if err != nil {
		return nil, err
	}
	if err := s.send(ctx, msgUpload, upload.Bytes()); err != nil {
		return nil, err
	}
	again := []message{{msgUpload, upload.Bytes()}}
	reveal, err := await(ctx, s, again, msgCommitments, func(data []byte) (secagg.Reveal, bool, error) {
		c, err := secagg.ParseCommitments(data)
		if err != nil || !isDue(c.Position, s.agg.Position()) {
			return secagg.Reveal{}, false, err
		}
		v, err := s.agg.Reveal(c)
		return v, true, err
	})
	if err != nil {
		return nil, err
	}
	if err := s.send(ctx, msgReveal, reveal.Bytes()); err != nil {
		return nil, err
	}
	again = append(again, message{msgReveal, reveal.Bytes()})
	return await(ctx, s, again, msgSum, func(data []byte) ([]int64, bool, error) {
		b, err := secagg.ParseBroadcast(data)
		if err != nil || !isDue(b.Position, s.agg.Position()) {
			return nil, false, err
		}
		values, err := s.agg.Finish(b)
		if err == nil {
			// Kept until the round has been checked against what everybody committed to.
			err = s.sums.Put(canon.Sum(b.Sum).Hex(), b.Sum)
		}
		return values, true, err
	})
}

// send carries one message of a step to the hub, unless the step is over. A hub that is
// away gets it again when the member asks for the answer.
func (s *summer) send(ctx context.Context, kind string, data []byte) error {
	if s.agg.Position().Number < s.finished {
		return nil
	}
	if rehearse := s.member.cfg.Rehearse; rehearse != nil {
		if err := rehearse(kind, s.agg.Position().Number); err != nil {
			return err
		}
	}
	began := s.member.cfg.Clock()
	_, err := s.member.link.Request(ctx, kind, data)
	if errors.Is(err, nats.ErrUnreachable) {
		return nil
	}
	if kind == msgUpload {
		s.took = s.member.cfg.Clock().Sub(began)
	}
	return err
}

// isDue tells whether a message is of the step under way. It may be of one that is over, or
// of a later one if this member has fallen behind.
func isDue(message, own secagg.Position) bool {
	return message.Number == own.Number && message.Cohort >= own.Cohort
}

// message is one message of a step.
type message struct {
	kind string
	data []byte
}

// await takes messages of one kind until use has what it needs. It asks for the one it
// needs if the step was over before this member came or nothing came in time; then it
// also sends its own messages of the step again, because the hub may have started again,
// and looks whether the log has another cohort, because it may not have heard of it.
func await[T any](ctx context.Context, s *summer, own []message, kind string, use func([]byte) (T, bool, error)) (T, error) {
	var none T
	in := s.member.step.commitments
	if kind == msgSum {
		in = s.member.step.sums
	}
	wait, over := askAgain+answerParts*s.took, s.agg.Position().Number < s.finished
	if over {
		wait = 0
	}
	again := time.NewTimer(wait) // Whatever else comes in the meantime.
	defer again.Stop()
	for {
		var data []byte
		select {
		case data = <-in:
		case d := <-s.member.step.cohorts:
			if err := s.member.syncTo(ctx, d.Size); err != nil {
				return none, err
			}
			return none, errCohort
		case <-again.C:
			for _, m := range own {
				if err := s.send(ctx, m.kind, m.data); err != nil {
					return none, err
				}
			}
			if data = s.ask(ctx, kind); len(data) == 0 && !over {
				if err := s.heed(ctx); err != nil {
					return none, err
				}
			}
			if wait = askAgain + answerParts*s.took; over {
				wait = lookEvery // The hub is on its way to this step again.
			}
			again.Reset(wait)
		case <-ctx.Done():
			return none, ctx.Err()
		}
		if len(data) == 0 {
			continue // The hub is away, or waits for others.
		}
		if v, ok, err := use(data); ok || err != nil {
			return v, err
		}
	}
}

// heed looks into the log for a cohort that follows at this step. A hub that was killed
// after it logged one, or a connection that was lost then, leaves members that never hear.
func (s *summer) heed(ctx context.Context) error {
	m := s.member
	m.refresh(ctx)
	if err := m.catchUp(ctx); err != nil {
		if errors.Is(err, nats.ErrUnreachable) {
			return nil // The next look may find more.
		}
		return err
	}
	at := s.agg.Position()
	for _, c := range m.state.View().Rounds[s.round].Cohorts {
		if c.FromStep == at.Number && c.Number > at.Cohort {
			return errCohort
		}
	}
	return nil
}

// ask asks for what the hub showed of this step, nil if it has shown nothing yet.
func (s *summer) ask(ctx context.Context, kind string) []byte {
	request, err := json.Marshal(stepRequest{Round: s.round, What: kind, Number: s.agg.Position().Number})
	if err != nil {
		return nil
	}
	data, err := s.member.link.Request(ctx, msgAnswer, request)
	if err != nil {
		return nil
	}
	return data
}
