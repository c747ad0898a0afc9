// Package forecast says how a health variable will develop at each place over the next four
// weeks: 23 quantiles by week, from boosted trees that all members grow together on rows
// that stay at home.
//
// The recipe is the same code for a member of a federation, for the pooled twin that
// holds every row, and for a replay that holds none: they differ in the Archive and in
// the learn.Summer, and give the same model byte for byte. All arithmetic is integer.
// Features, sums and the bytes of a model are described in docs/format/forecast.md.
package forecast

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/modeler/learn"
)

// ErrInput says that a run was asked for something that it cannot do.
var ErrInput = errors.New("forecast input refused")

// Input is what a run starts from. All but the Archive is public and the same everywhere.
type Input struct {
	Archive *Archive // The participant's own rows; nil in a replay.
	Origin  string   // A Wednesday, YYYY-MM-DD. Rows of later snapshots are never read.
	Targets []string // 1 to 16 names, each once, in the order of the model.
	Unit    string   // Copied to every Series.
	Recipe  map[string]canon.Int
	Seed    chance.Seed // Of row samples and feature subsets.
}

// Result is what a run gives.
type Result struct {
	Model  []byte          // Canonical form of Model: equal for everybody.
	Series []comity.Series // Forecasts of the participant's own series; empty in a replay.
	Skill  Skill
}

// Skill says what cooperation changed, over all members: the mean absolute error of log
// forecasts in seasons that the forecasting trees had not seen, of the shared model and
// of the same recipe on the rows of one place only. No single member's error leaves home.
type Skill struct {
	Together canon.Int `json:"together"` // Millionths of a natural logarithm.
	Alone    canon.Int `json:"alone"`
	Rows     canon.Int `json:"rows"` // Forecasts compared, all leads.
	Places   canon.Int `json:"places"`
	Better   canon.Int `json:"better"` // Places whose error is smaller together.
}

// Run trains the model of one origin and forecasts the participant's own places. Its
// number of sums, one after another, follows from the recipe alone (see Steps).
func Run(ctx context.Context, in Input, sum learn.Summer) (*Result, error) {
	r, day, err := in.check()
	if err != nil {
		return nil, err
	}
	h := remember(in.archive(), in.Targets, day, r)
	steps := &traced{sum: sum}
	if err := h.meet(ctx, steps, in.Seed); err != nil {
		return nil, err
	}
	t := &training{history: h, recipe: r, seed: in.Seed}
	f, skill, err := t.run(ctx, steps)
	if err != nil {
		return nil, err
	}
	model, err := f.marshal(in, h, skill, steps.chain)
	if err != nil {
		return nil, err
	}
	return &Result{Model: model, Series: h.publish(f, in.Unit), Skill: skill}, nil
}

// Update forecasts from a model of an earlier origin and the newest rows, in one sum: the
// way of the weeks between two trainings. The input's recipe and targets must be the
// model's.
func Update(ctx context.Context, in Input, model []byte, sum learn.Summer) ([]comity.Series, error) {
	r, day, err := in.check()
	if err != nil {
		return nil, err
	}
	f, err := in.load(model)
	if err != nil {
		return nil, err
	}
	h := remember(in.archive(), in.Targets, day, r)
	if err := h.meet(ctx, sum, in.Seed); err != nil {
		return nil, err
	}
	return h.publish(f, in.Unit), nil
}

// Steps returns how many sums Run takes, one after another, if none is lost.
func Steps(parameters map[string]canon.Int) (int, error) {
	r, err := parseRecipe(parameters)
	if err != nil {
		return 0, err
	}
	return r.steps(), nil
}

func (in *Input) check() (recipe, int, error) {
	r, err := parseRecipe(in.Recipe)
	if err != nil {
		return r, 0, err
	}
	day, err := parseOrigin(in.Origin)
	if err != nil {
		return r, 0, err
	}
	if n := len(in.Targets); n < 1 || n > maxTargets {
		return r, 0, fmt.Errorf("%w: %d targets; give 1 to %d", ErrInput, n, maxTargets)
	}
	for i, target := range in.Targets {
		if target == "" || len(target) > maxTarget || slices.Contains(in.Targets[:i], target) {
			return r, 0, fmt.Errorf("%w: target %d, %.40q; name each once, in 1 to %d bytes", ErrInput, i+1, target, maxTarget)
		}
	}
	return r, day, nil
}

func (in *Input) archive() *Archive {
	if in.Archive == nil {
		return &Archive{}
	}
	return in.Archive
}

// meet adds up what the places say about their region.
func (h *history) meet(ctx context.Context, sum learn.Summer, seed chance.Seed) error {
	total, err := together(ctx, sum, learn.Step{Name: "region", Bits: 32}, func(attempt int) []int64 {
		return h.region.part(lot(seed, "region", attempt))
	})
	if err != nil {
		return err
	}
	if err := h.region.check(total); err != nil {
		return err
	}
	h.join(total)
	return nil
}
