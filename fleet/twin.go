package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/node"
	"comity/party"
	"comity/verifier/secagg"
)

// pooled trains on everybody's rows in one place, as no deployment could, and says how
// many rows they are. If the cohort shrank on the way no single table of rows gives the
// same sums; then the twin adds the vectors of the members that each step had.
//
// Where a member's rows lie in a home of its own there is no twin: the digest is zero.
//
// In a week without a training it is the twin of the training whose model is in force.
func (f *Fleet) pooled(ctx context.Context) (model canon.Digest, rows int, err error) {
	var in forecast.Input
	var cohorts []comity.Cohort
	f.hub.Look(func(s *body.State) {
		for _, round := range slices.Sorted(maps.Keys(s.View().Rounds)) {
			r := s.View().Rounds[round]
			if r.Plan.Task != s.Charter().Models.Task || r.Model == nil {
				continue
			}
			cohorts = slices.Clone(r.Cohorts)
			in = forecast.Input{
				Origin: r.Plan.Period, Targets: s.Charter().Models.Targets, Unit: s.Charter().Models.Unit, Recipe: r.Plan.Recipe,
				Seed: secagg.PublicSeed(round, s.Nonces(round)),
			}
		}
	})
	known, err := f.cfg.Scenario.Rows.Known(in.Origin)
	if err != nil {
		return model, 0, err
	}
	for _, id := range cohorts[0].Members {
		if !holds(f.cfg.Home, id) {
			return model, 0, nil // Its rows are its own: there is no twin.
		}
	}
	if f.twin.origin == in.Origin {
		return f.twin.model, len(known), nil
	}
	f.cfg.Progress(node.Event{Phase: "pooled", Text: "training the pooled twin on simulated or public rows"})
	defer func() { f.twin.origin, f.twin.model = in.Origin, model }()
	byMember := map[party.ID][]forecast.Observation{}
	for _, o := range known {
		if slices.Contains(cohorts[0].Members, o.Place) {
			byMember[o.Place] = append(byMember[o.Place], o)
			rows++
		}
	}
	if len(cohorts) > 1 {
		model, err = separately(ctx, in, byMember, cohorts)
		return model, rows, err
	}
	if in.Archive, err = forecast.NewArchive(slices.DeleteFunc(known, func(o forecast.Observation) bool { return byMember[o.Place] == nil })); err != nil {
		return model, rows, err
	}
	result, err := forecast.Run(ctx, in, learn.Pooled{})
	if err != nil {
		return model, rows, err
	}
	return canon.Sum(result.Model), rows, nil
}

// separately runs every member's training side by side without masks, with the cohorts
// and restarts that the log shows.
func separately(ctx context.Context, in forecast.Input, rows map[party.ID][]forecast.Observation, cohorts []comity.Cohort) (canon.Digest, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	table := &table{cohorts: cohorts, moved: make(chan struct{})}
	survivor := cohorts[len(cohorts)-1].Members[0]
	var model canon.Digest
	var running sync.WaitGroup
	for _, id := range cohorts[0].Members {
		running.Go(func() {
			own := in
			var err error
			var result *forecast.Result
			if own.Archive, err = forecast.NewArchive(rows[id]); err == nil {
				result, err = forecast.Run(ctx, own, &seat{table: table, id: id})
			}
			switch {
			case err != nil && slices.Contains(cohorts[len(cohorts)-1].Members, id):
				stop(fmt.Errorf("%s: %w", id, err))
			case err == nil && id == survivor:
				model = canon.Sum(result.Model)
			}
		})
	}
	running.Wait()
	return model, context.Cause(ctx)
}

// table is where the members of a twin put their vectors.
type table struct {
	cohorts []comity.Cohort

	mu    sync.Mutex
	step  int
	total []int64
	in    int
	last  []int64       // The sum of the step before.
	moved chan struct{} // Closed and replaced when a step ends.
}

// at returns the cohort that runs a step.
func (t *table) at(step int) comity.Cohort {
	now := t.cohorts[0]
	for _, c := range t.cohorts {
		if c.FromStep <= step {
			now = c
		}
	}
	return now
}

// seat is one member at the table. It implements learn.Summer.
type seat struct {
	table   *table
	id      party.ID
	step    int
	attempt int
}

// Sum waits until every member of the step's cohort has put its vector.
func (s *seat) Sum(ctx context.Context, _ learn.Step, x []int64) ([]int64, error) {
	t := s.table
	cohort := t.at(s.step)
	if !slices.Contains(cohort.Members, s.id) {
		return nil, fmt.Errorf("%s left before step %d", s.id, s.step)
	}
	if cohort.Attempt > s.attempt {
		s.attempt = cohort.Attempt
		return nil, &learn.Restart{Attempt: s.attempt}
	}
	t.mu.Lock()
	if t.in == 0 {
		t.total = make([]int64, len(x))
	}
	for i, v := range x {
		t.total[i] += v
	}
	t.in++
	moved := t.moved
	if t.in == len(cohort.Members) {
		t.last, t.in = t.total, 0
		t.step++
		close(t.moved)
		t.moved = make(chan struct{})
	}
	t.mu.Unlock()
	select {
	case <-moved:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.step++
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.last), nil
}
