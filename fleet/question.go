package fleet

import (
	"context"
	"errors"

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
	for _, m := range f.cfg.Scenario.Members {
		if err := dealTables(f.cfg.Home.Member(m.ID), f.cfg.Scenario, m.ID); err != nil {
			return federation.Board{}, analytics.Answer{}, err
		}
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
