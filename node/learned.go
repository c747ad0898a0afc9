package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/replay"
)

// learned makes sure, once, that a logged model is what the sums of its training give:
// this member trained it too, or trains it now from the public record. Whoever uses a
// model rests on it for weeks, and a hub must not gain by one false statement that costs
// it a week.
func (m *Member) learned(ctx context.Context, model canon.Digest) error {
	file := m.cfg.Home.path("models", model.Hex())
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	round, found := m.trainingOf(model)
	if !found {
		return fmt.Errorf("%w: no training gave model %s", ErrDissent, model)
	}
	here := m.trained
	if here == nil || here.round != round {
		again, err := m.retrain(ctx, round)
		if err != nil {
			return fmt.Errorf("train round %s again: %w", round, err)
		}
		here = &training{round: round, model: again}
	}
	if here.model != model {
		return fmt.Errorf("%w: logged model %s of round %q, trained here %s", ErrDissent, model, round, here.model)
	}
	return writeFile(file, []byte(round))
}

// trainingOf finds the round that a model was logged of first.
func (m *Member) trainingOf(model canon.Digest) (round string, found bool) {
	rounds := m.state.View().Rounds
	for _, name := range slices.Sorted(maps.Keys(rounds)) {
		if r := rounds[name]; r.Model != nil && r.Model.Model == model && r.Plan.Task != body.TaskUpdate {
			return name, true
		}
	}
	return "", false
}

// retrain does a training again, without rows, from sums that are those of what members
// committed to.
func (m *Member) retrain(ctx context.Context, round string) (canon.Digest, error) {
	if err := m.checkRound(ctx, round); err != nil {
		return canon.Digest{}, err
	}
	t, err := m.transcript(ctx, round)
	if err != nil {
		return canon.Digest{}, err
	}
	in, err := m.public(m.state.View().Rounds[round].Plan)
	if err != nil {
		return canon.Digest{}, err
	}
	result, err := forecast.Run(ctx, in, replay.Recorded(t, m.blob))
	if err != nil {
		return canon.Digest{}, err
	}
	return canon.Sum(result.Model), nil
}

// public is what everybody knows of the input of a round.
func (m *Member) public(p comity.Plan) (in forecast.Input, err error) {
	in = forecast.Input{Origin: p.Period, Targets: m.charter.Models.Targets, Unit: m.charter.Models.Unit, Recipe: p.Recipe}
	in.Seed, err = publicSeed(p.Round, m.state.Nonces(p.Round))
	return in, err
}
