package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/modeler/tally"
	"comity/replay"
	"comity/verifier/secagg"
)

// andScore adds the sum of scores to what the hub computes.
func andScore(run task) task {
	return func(ctx context.Context, in forecast.Input, sum learn.Summer) ([]byte, error) {
		model, err := run(ctx, in, sum)
		if err == nil {
			_, err = forecast.Score(ctx, in, "", nil, sum)
		}
		return model, err
	}
}

// score says the scores of a closed round, if the charter asks for them and they are not
// said yet.
func (h *Hub) score(ctx context.Context, round string) error {
	r := h.round(round)
	if h.charter.Models.Adoption == nil || r.Model == nil || r.Score != nil {
		return nil
	}
	read := func(_ context.Context, d canon.Digest) ([]byte, error) { return os.ReadFile(Blob(h.cfg.Home.Log(), d)) }
	raw, err := read(ctx, r.Model.Transcript)
	if err != nil {
		return err
	}
	var t secagg.Transcript
	if err := canon.Unmarshal(raw, &t); err != nil {
		return fmt.Errorf("transcript of round %s: %w", round, err)
	}
	var sc comity.Score
	h.Look(func(s *body.State) { sc, err = replay.Scored(ctx, s, t, read) })
	if err != nil {
		return err
	}
	_, err = h.say(ctx, comity.KindScore, sc)
	return err
}

// score adds how this member's forecasts of earlier periods stood up.
func (m *Member) score(ctx context.Context, round string, in forecast.Input, sum learn.Summer) error {
	if m.charter.Models.Adoption == nil {
		return nil
	}
	_, err := forecast.Score(ctx, in, m.state.ScoredSince(round), m.past(round), sum)
	return err
}

// past gathers what is scored in a round: this member's published forecasts that were made
// with the model in force, and its own of the canary.
func (m *Member) past(round string) []forecast.Past {
	v := m.state.View()
	model, canary := m.state.Examined(round)
	if model == nil {
		return nil
	}
	period := v.Rounds[round].Plan.Period
	var past []forecast.Past
	for _, earlier := range slices.Sorted(maps.Keys(v.Decisions)) {
		d := v.Decisions[earlier]
		if earlier < weeksBefore(period) || earlier >= period || d.Picture == nil || d.Picture.Model != *model {
			continue
		}
		p := forecast.Past{Period: earlier}
		for _, s := range d.Picture.Series {
			if s.Place == m.cfg.Self {
				p.Published = append(p.Published, s)
			}
		}
		if canary != nil {
			p.Tried = m.kept(earlier, *canary)
		}
		past = append(past, p)
	}
	return past
}

// weeksBefore is the first period whose forecasts are still scored.
func weeksBefore(period string) string {
	day, err := time.Parse(time.DateOnly, period)
	if err != nil {
		return period // Unreachable: rounds have dates.
	}
	return day.AddDate(0, 0, -7*tally.MaxWeeks).Format(time.DateOnly)
}

// forecastInForce forecasts with the model that is in force after a round, once the
// scores that put it there agree with the round's sums, and with the canary for later.
func (m *Member) forecastInForce(ctx context.Context, round string) ([]comity.Series, canon.Digest, error) {
	if err := m.checkScores(ctx, round); err != nil {
		return nil, canon.Digest{}, err
	}
	serving, ok := m.state.Serving(round)
	if !ok {
		return nil, canon.Digest{}, fmt.Errorf("%w: after round %q no model is in force", ErrDissent, round)
	}
	series, err := m.forecastWith(ctx, round, serving.Model)
	if err != nil {
		return nil, canon.Digest{}, err
	}
	period := m.state.View().Rounds[round].Plan.Period
	g := m.state.Registry(period)
	if canary, ok := g.Canary(); ok {
		err = m.try(ctx, round, canary.Model)
	}
	return append([]comity.Series{}, series...), serving.Model, errors.Join(err, m.forgetTried(period))
}

// checkScores checks the scores of a round and of all rounds before it that this member
// has not checked. Which model is in force rests on all of them: a hub must not gain by one
// false statement that costs it a week.
func (m *Member) checkScores(ctx context.Context, round string) error {
	if m.charter.Models.Adoption == nil {
		return nil
	}
	file := m.cfg.Home.path("canary", "checked")
	checked, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	rounds := m.state.View().Rounds
	for _, name := range slices.Sorted(maps.Keys(rounds)) {
		if rounds[name].Model == nil || name <= string(checked) || name > round {
			continue
		}
		if err := m.checkScore(ctx, name); err != nil {
			return err
		}
	}
	if round <= string(checked) {
		return nil
	}
	return writeFile(file, []byte(round))
}

// checkScore compares the logged scores of one round with its sums.
func (m *Member) checkScore(ctx context.Context, round string) error {
	logged := m.state.View().Rounds[round].Score
	if logged == nil {
		return fmt.Errorf("%w: the scores of round %q are not logged", ErrDissent, round)
	}
	t, err := m.transcript(ctx, round)
	if err != nil {
		return err
	}
	found, err := replay.Scored(ctx, m.state, t, m.blob)
	if err != nil {
		return err
	}
	if err := replay.SameScore(*logged, found); err != nil {
		return fmt.Errorf("%w: %w", ErrDissent, err)
	}
	return nil
}

// dissent logs that this member found something else than the log says, and why it did.
func (m *Member) dissent(ctx context.Context, found comity.Check, why error) error {
	if !errors.Is(why, ErrDissent) {
		return why
	}
	found.State = canon.Sum([]byte(why.Error()))
	return errors.Join(why, m.submit(ctx, m.next(), comity.KindCheck, found))
}

// try forecasts with the canary and keeps the forecast at home until its weeks are known.
func (m *Member) try(ctx context.Context, round string, canary canon.Digest) error {
	series, err := m.forecastWith(ctx, round, canary)
	if err != nil {
		return fmt.Errorf("forecast with canary %s: %w", canary, err)
	}
	period := m.state.View().Rounds[round].Plan.Period
	raw, err := canon.Marshal(comity.Forecast{Period: period, Model: canary, Series: series})
	if err != nil {
		return err
	}
	return writeFile(m.triedFile(period), raw)
}

func (m *Member) triedFile(period string) string { return m.cfg.Home.path("canary", period+".json") }

// kept returns what this member forecast with a canary, nil where it did not or has lost
// it: that is then not scored.
func (m *Member) kept(period string, canary canon.Digest) []comity.Series {
	raw, err := os.ReadFile(m.triedFile(period))
	var f comity.Forecast
	if err != nil || canon.Unmarshal(raw, &f) != nil || f.Model != canary || f.Period != period {
		return nil
	}
	return f.Series
}

// forgetTried removes forecasts of canaries that are too old to be scored.
func (m *Member) forgetTried(period string) error {
	entries, err := os.ReadDir(m.cfg.Home.path("canary"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.Name() < weeksBefore(period) { // The mark of what was checked stands after all days.
			err = errors.Join(err, os.Remove(filepath.Join(m.cfg.Home.path("canary"), e.Name())))
		}
	}
	return err
}
