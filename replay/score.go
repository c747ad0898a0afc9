package replay

import (
	"context"
	"fmt"
	"strings"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/modeler/tally"
	"comity/verifier/secagg"
)

// Scored returns what the SCORE statement of a closed round must say: which models the
// round found, and what its last sum reads as.
func Scored(ctx context.Context, s *body.State, t secagg.Transcript, blob func(context.Context, canon.Digest) ([]byte, error)) (comity.Score, error) {
	sc := comity.Score{Round: t.Round}
	last := len(t.Steps) - 1
	if last < 0 || !strings.HasPrefix(t.Steps[last].Name, forecast.ScoreStep+"/attempt/") {
		return sc, fmt.Errorf("scores of round %s: %w: its %d sums do not end with them", t.Round, ErrDiffers, len(t.Steps))
	}
	data, err := blob(ctx, t.Steps[last].Sum)
	if err != nil {
		return sc, err
	}
	sum, err := secagg.ParseSum(data)
	if err != nil {
		return sc, err
	}
	sc.Model, sc.Canary = s.Examined(t.Round)
	sc.Served, sc.Tried, sc.Void = tally.Read(sum.Values(), s.Charter().Models.Targets, len(s.View().Rounds[t.Round].Cohort()))
	return sc, nil
}

// SameScore compares a logged statement with what the sums say. The error names both.
func SameScore(logged, found comity.Score) error {
	a, err := canon.DigestOf(logged)
	if err != nil {
		return err
	}
	b, err := canon.DigestOf(found)
	if err != nil {
		return err
	}
	if a != b {
		said, is := tally.Total(logged.Served), tally.Total(found.Served)
		return fmt.Errorf("scores of round %s: %w: logged are %d of %d forecasts, the sums say %d of %d (%s, %s)",
			logged.Round, ErrDiffers, said.WIS, said.Forecasts, is.WIS, is.Forecasts, a, b)
	}
	return nil
}

// tallied checks that a round under a charter with adoption ends with the sum of scores.
func (r *run) tallied(ctx context.Context, in forecast.Input, round string, sums learn.Summer) error {
	if r.state.Charter().Models.Adoption == nil {
		return nil
	}
	if _, err := forecast.Score(ctx, in, "", nil, sums); err != nil {
		return fmt.Errorf("scores of round %s again: %w", round, differs(err))
	}
	return nil
}

// scored reads the scores of a round again from its sums.
func (r *run) scored(ctx context.Context, logged comity.Score) error {
	m := r.state.View().Rounds[logged.Round].Model
	raw, err := r.source.read(ctx, m.Transcript)
	if err != nil {
		return err
	}
	var t secagg.Transcript
	if err := canon.Unmarshal(raw, &t); err != nil {
		return fmt.Errorf("transcript of round %s: %w", logged.Round, err)
	}
	found, err := Scored(ctx, r.state, t, r.source.read)
	if err != nil {
		return err
	}
	r.out.Scores++
	return SameScore(logged, found)
}

// rescored checks the scores that were said of one round.
func (v *verification) rescored(ctx context.Context) (string, error) {
	logged := v.state.View().Rounds[v.round.Name].Score
	if logged == nil {
		return "", nil
	}
	if err := v.scored(ctx, *logged); err != nil {
		return "", err
	}
	n := tally.Total(logged.Served).Forecasts
	return fmt.Sprintf("%d forecasts of %d members, as the last sum says", n, logged.Served.Members), nil
}
