// Package hindcast answers a hub's list of forecast tasks: every origin with what was
// known on its day and nothing else, past seasons as well as the present week.
//
// Models are trained every few origins and updated in between (package forecast).
package hindcast

import (
	"context"
	"errors"
	"fmt"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/party"
)

// Config says how models are trained.
type Config struct {
	Recipe map[string]canon.Int // As forecast.Quick or forecast.Full.
	Refit  int                  // A new model every so many origins, 1 to 1000, and after eight weeks in any case.
	Seed   chance.Seed          // Of row samples and feature subsets.
}

// refitDays is the age from which on a model is not updated any more: by then two
// months of a season that it has not seen are known.
const refitDays = 56

// Result is one Answer for every task, in the order of the tasks.
type Result struct {
	Answers   []Answer
	Refits    int      // Models trained.
	Sums      int      // Sums over the members that a federation would have taken, one after another.
	Untrained []string // Origins, ascending, whose history was too young for a model, with the reason.
}

// Answer is what came of a task.
type Answer struct {
	Task      forecast.Task
	Quantiles []canon.Int // At comity.QuantileLevels, ascending thousandths; nil if there is no forecast.
	Carried   bool        // Without a model: see forecast.Carry.
	Absent    string      // Why there is no forecast.
}

// Run answers tasks from the rows of an archive. The weeks of all rows end on the same
// day of the week. It calls done, if not nil, with each origin that is answered.
//
// Errors wrap those of package forecast or the context's.
func Run(ctx context.Context, rows []forecast.Observation, tasks []forecast.Task, c Config, done func(origin string)) (*Result, error) {
	if c.Refit < 1 || c.Refit > 1000 {
		return nil, fmt.Errorf("%w: a new model every %d origins; give 1 to 1000", forecast.ErrInput, c.Refit)
	}
	b, err := newBook(rows, tasks)
	if err != nil {
		return nil, err
	}
	r := &run{book: b, config: c, out: &Result{Answers: make([]Answer, len(tasks))}}
	for _, origin := range b.origins {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.origin(ctx, origin); err != nil {
			return nil, fmt.Errorf("origin %s: %w", origin, err)
		}
		if done != nil {
			done(origin)
		}
	}
	return r.out, nil
}

// run is one pass over the origins.
type run struct {
	*book
	config  Config
	out     *Result
	model   []byte // nil until the first training.
	trained string // Origin of the model.
	updates int    // Origins answered with it.
}

// Sum is the sum over one participant who holds all rows.
func (r *run) Sum(ctx context.Context, _ learn.Step, x []int64) ([]int64, error) {
	r.out.Sums++
	return x, ctx.Err() // So that a training can be interrupted.
}

func (r *run) origin(ctx context.Context, origin string) error {
	in, err := r.input(origin, r.config)
	if err != nil {
		return err
	}
	modelled, err := r.forecast(ctx, in, origin)
	if err != nil {
		return err
	}
	carried, err := forecast.Carry(in)
	if err != nil {
		return err
	}
	r.answer(origin, modelled, carried)
	return nil
}

// forecast trains a model or updates the last one. It returns nothing if no place has the
// samples that a model learns from.
func (r *run) forecast(ctx context.Context, in forecast.Input, origin string) ([]comity.Series, error) {
	if r.model != nil && r.updates < r.config.Refit && origin < shift(r.trained, refitDays) {
		r.updates++
		return forecast.Update(ctx, in, r.model, r)
	}
	result, err := forecast.Run(ctx, in, r)
	if errors.Is(err, forecast.ErrSum) {
		r.out.Untrained = append(r.out.Untrained, origin+": the history is too young to train on: "+err.Error())
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.model, r.trained, r.updates = result.Model, origin, 1
	r.out.Refits++
	return result.Series, nil
}

// want names one forecast of one origin, in the calendar of package forecast.
type want struct {
	place  party.ID
	target string
	date   string
}

// answer fills in the origin's answers, from the model where it has one.
func (r *run) answer(origin string, modelled, carried []comity.Series) {
	first, second := byWant(modelled), byWant(carried)
	for _, i := range r.tasks[origin] {
		task := r.list[i]
		a := Answer{Task: task}
		w := want{task.Place, task.Target, shift(task.Date, r.weekShift)}
		if a.Quantiles = first[w]; a.Quantiles == nil {
			a.Quantiles = second[w]
			a.Carried = a.Quantiles != nil
		}
		if a.Quantiles == nil {
			a.Absent = r.why(task)
		}
		r.out.Answers[i] = a
	}
}

func byWant(series []comity.Series) map[want][]canon.Int {
	found := map[want][]canon.Int{}
	for _, s := range series {
		for _, h := range s.Horizons {
			found[want{s.Place, s.Target, h.Date}] = h.Quantiles
		}
	}
	return found
}
