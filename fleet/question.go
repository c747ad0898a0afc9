package fleet

import (
	"context"
	"errors"
	"slices"
	"time"

	"comity"
	"comity/body"
	"comity/replay"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
)

// Ask has the members answer a question, or goes on with one that was interrupted, and
// returns what the log says of it and the answer.
func (f *Fleet) Ask(ctx context.Context, q comity.Question, s schema.Schema) (federation.Board, analytics.Answer, error) {
	if err := f.dealTables(); err != nil {
		return federation.Board{}, analytics.Answer{}, err
	}
	b, err := f.hub.Ask(ctx, q, s)
	if err != nil {
		return b, analytics.Answer{}, errors.Join(err, f.reported())
	}
	sum, err := f.hub.Sum(b)
	if err != nil {
		return b, analytics.Answer{}, err
	}
	l, err := analytics.NewLayout(q.Query, s)
	if err != nil {
		return b, analytics.Answer{}, err
	}
	a, err := replay.Answer(l, b.Round, sum)
	return b, a, err
}

// forgetting bounds how long closing waits for members to erase what they kept for an
// answered question: they fold its last statements first. Who is not done by then does it
// before its next duty.
const forgetting = 5 * time.Second

// untilForgotten waits until no member keeps secrets of a question that was answered.
func (f *Fleet) untilForgotten() {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for deadline := f.cfg.Clock().Add(forgetting); f.cfg.Clock().Before(deadline); <-look.C {
		left := false
		f.hub.Look(func(s *body.State) {
			left = slices.ContainsFunc(f.members, func(m *joined) bool { return s.View().Questions[m.Answering()].Result != nil })
		})
		if !left {
			return
		}
	}
}

// dealTables gives every member its rows, where the scenario has some.
func (f *Fleet) dealTables() error {
	for _, m := range f.cfg.Scenario.Members {
		if err := dealTables(f.cfg.Home.Member(m.ID), f.cfg.Scenario, m.ID); err != nil {
			return err
		}
	}
	return nil
}

// Period is that of the newest decision, or the first of the scenario.
func (f *Fleet) Period() string {
	newest := f.cfg.Scenario.Start
	f.hub.Look(func(st *body.State) {
		for period, d := range st.View().Decisions {
			if d.Allocation != nil {
				newest = max(newest, period)
			}
		}
	})
	return newest
}
