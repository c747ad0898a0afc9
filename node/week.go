package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"comity"
	"comity/allocator/solve"
	"comity/body"
	"comity/canon"
	"comity/governor/charter"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/party"
)

// Found brings the charter into force: it is logged, every founder ratifies, and log
// time starts. On a log that holds it already nothing is said twice.
func (h *Hub) Found(ctx context.Context) error {
	if h.size() == 0 {
		h.cfg.Progress(Event{Phase: "found", Text: "logging the charter"})
		if _, err := h.queueCharter(ctx); err != nil {
			return err
		}
	}
	operator := h.charter.Transparency.Log.Operator
	inForce := false
	ratified := false
	h.Look(func(s *body.State) { inForce, ratified = s.View().InForce, s.View().Ratified[operator] })
	if inForce {
		return nil
	}
	if !ratified {
		digest := canon.Sum(h.cfg.Charter)
		seals, err := sealCharter(h.cfg.Home.Hub(), h.charter, operator, digest)
		if err != nil {
			return err
		}
		if _, err := h.say(ctx, comity.KindRatify, comity.Ratification{Charter: digest, Seals: seals}); err != nil {
			return err
		}
	}
	if err := h.ask(ctx, due{What: dueRatify}); err != nil {
		return err
	}
	h.cfg.Progress(Event{Phase: "found", Text: "founders ratify"})
	all, err := h.patiently(ctx, h.members, func(s *body.State, id party.ID) bool { return s.View().Ratified[id] })
	if err != nil {
		return err
	}
	if !all {
		var have []string
		h.Look(func(s *body.State) {
			for _, p := range h.charter.Parties {
				if !s.View().Ratified[p.ID] {
					have = append(have, string(p.ID))
				}
			}
		})
		return fmt.Errorf("found %s: %w: not ratified by %s", h.charter.ID, ErrQuorum, strings.Join(have, ", "))
	}
	return h.tick(ctx)
}

func (h *Hub) queueCharter(ctx context.Context) (int, error) {
	return h.say(ctx, comity.KindCharter, canon.Raw(h.cfg.Charter))
}

// Week takes one decision, from keys to allocation, for the period of an origin date.
// Each step is skipped if the log shows that it was done.
func (h *Hub) Week(ctx context.Context, period string) error {
	if err := h.tick(ctx); err != nil {
		return err
	}
	round, err := h.plan(ctx, period)
	if err != nil {
		return err
	}
	if err := h.keys(ctx, round); err != nil {
		return err
	}
	if err := h.train(ctx, round); err != nil {
		return err
	}
	if err := h.gather(ctx, period); err != nil {
		return err
	}
	if err := h.decide(ctx, period); err != nil {
		return err
	}
	return h.checked(ctx, period)
}

// plan opens the round of a period: a training, or between two trainings an update of
// what the model in force needs to know of the region.
func (h *Hub) plan(ctx context.Context, period string) (round string, err error) {
	task, opened := h.charter.Models.Task, false
	h.Look(func(s *body.State) {
		if !refit(s, period) {
			task = body.TaskUpdate
		}
		round = body.RoundName(period, task)
		_, opened = s.View().Rounds[round]
	})
	if opened {
		return round, nil
	}
	m := h.charter.Models
	clause, _ := charter.Clause(h.charter, m.Clause)
	_, err = h.say(ctx, comity.KindPlan, comity.Plan{
		Round: round, Epoch: body.EpochName(h.charter.ID, period), Clause: m.Clause, Task: task, Period: period,
		Schema: canon.Sum([]byte(clause.Schema)), Recipe: m.Recipe, Disclosure: m.Disclosure,
		MinMembers: m.MinMembers, StepSeconds: m.StepSeconds,
	})
	return round, err
}

// keys has every member that takes part in a round publish a key and seal pair secrets
// to those after it.
func (h *Hub) keys(ctx context.Context, round string) error {
	h.cfg.Progress(Event{Phase: "keys", Text: "members exchange masking keys"})
	return h.exchange(ctx, due{Epoch: h.round(round).Plan.Epoch, Round: round}, h.contributors(), func(s *body.State, id party.ID) bool {
		c, said := s.View().Rounds[round].Consents[id]
		return said && !c.Approves
	})
}

// exchange has members publish keys of an epoch, but those who are out, and seal pair
// secrets to one another. Where that was done nobody is asked again.
func (h *Hub) exchange(ctx context.Context, d due, members []party.ID, out func(*body.State, party.ID) bool) error {
	d.What = dueKeys
	if err := h.ask(ctx, d); err != nil {
		return err
	}
	if _, err := h.patiently(ctx, members, func(s *body.State, id party.ID) bool {
		_, keys := s.View().Epochs[d.Epoch].Keys[id]
		return keys || out(s, id)
	}); err != nil {
		return err
	}
	d.What = dueBoxes
	if err := h.ask(ctx, d); err != nil {
		return err
	}
	_, err := h.patiently(ctx, members, func(s *body.State, id party.ID) bool {
		e := s.View().Epochs[d.Epoch]
		_, keys := e.Keys[id]
		_, boxes := e.Boxes[id]
		return boxes || !keys
	})
	return err
}

// round returns what the log says of a round.
func (h *Hub) round(name string) (r body.Round) {
	h.Look(func(s *body.State) { r = s.View().Rounds[name] })
	return r
}

// contributors are the parties whose rows the model clause draws on.
func (h *Hub) contributors() []party.ID {
	c, _ := charter.Clause(h.charter, h.charter.Models.Clause)
	return c.From
}

// train runs a round among those who are ready.
func (h *Hub) train(ctx context.Context, round string) error {
	r := h.round(round)
	if r.Model != nil {
		return h.score(ctx, round) // Killed in between, a hub has said the one and not the other.
	}
	if len(r.Cohorts) == 0 {
		first := comity.Cohort{Round: round, Number: 1, Reason: "all members with keys"}
		h.Look(func(s *body.State) { first.Members = s.Ready(round) })
		if len(first.Members) < r.Plan.MinMembers {
			return fmt.Errorf("open round %s: %w: %d members are ready, at least %d must be%s", round, ErrQuorum, len(first.Members), r.Plan.MinMembers, refusals(r.Consents))
		}
		if _, err := h.say(ctx, comity.KindCohort, first); err != nil {
			return err
		}
	}
	if err := h.steps.open(round); err != nil {
		return fmt.Errorf("open round %s: %w", round, err)
	}
	if err := h.ask(ctx, due{What: dueTrain, Round: round}); err != nil {
		return err
	}
	run := h.training
	if r.Plan.Task == body.TaskUpdate {
		run = h.update
	}
	if h.charter.Models.Adoption != nil {
		run = andScore(run)
	}
	model, transcript, err := h.steps.conduct(ctx, round, run)
	if err != nil {
		return err
	}
	if err := h.closeRound(ctx, round, model, transcript); err != nil {
		return err
	}
	return h.score(ctx, round)
}

// refit tells whether a period needs a new model: at first, and when the one in force is
// as old as the charter allows.
func refit(s *body.State, period string) bool {
	models, fitted := s.Charter().Models, ""
	if models.Adoption != nil {
		return s.Task(period) != body.TaskUpdate
	}
	for _, name := range slices.Sorted(maps.Keys(s.View().Rounds)) {
		r := s.View().Rounds[name]
		if r.Plan.Task == models.Task && (r.Model != nil || r.Plan.Period == period) {
			fitted = r.Plan.Period
		}
	}
	if fitted == "" || fitted == period {
		return true
	}
	from, err := time.Parse(time.DateOnly, fitted)
	if err != nil {
		return true
	}
	to, err := time.Parse(time.DateOnly, period)
	return err != nil || !to.Before(from.AddDate(0, 0, 7*models.RefitWeeks))
}

// training is the hub's own training, from the sums alone.
func (h *Hub) training(ctx context.Context, in forecast.Input, sum learn.Summer) ([]byte, error) {
	result, err := forecast.Run(ctx, in, sum)
	if err != nil {
		return nil, err
	}
	return result.Model, nil
}

// update takes the regional sum; the model stays.
func (h *Hub) update(ctx context.Context, in forecast.Input, sum learn.Summer) ([]byte, error) {
	var model body.Registered
	h.Look(func(s *body.State) { model, _ = s.InForce(in.Origin) })
	data, err := os.ReadFile(Blob(h.cfg.Home.Log(), model.Model))
	if err != nil {
		return nil, err
	}
	_, err = forecast.Update(ctx, in, data, sum)
	return data, err
}

// closeRound collects heads, then fingerprints at places that follow from a checkpoint
// over the heads, checks the sums against them, and logs the model.
func (h *Hub) closeRound(ctx context.Context, round string, model []byte, transcript canon.Digest) error {
	h.cfg.Progress(Event{Phase: "train", Text: "members sign what they saw"})
	var cohort []party.ID
	h.Look(func(s *body.State) { cohort = s.View().Rounds[round].Cohort() })
	signed := func(what string, did func(body.Round, party.ID) bool) error {
		all, err := h.patiently(ctx, cohort, func(s *body.State, id party.ID) bool { return did(s.View().Rounds[round], id) })
		if err == nil && !all {
			err = fmt.Errorf("close round %s: %w: a member did not sign its %s", round, ErrQuorum, what)
		}
		return err
	}
	if err := signed("head", func(r body.Round, id party.ID) bool { return r.Heads[id].Steps > 0 }); err != nil {
		return err
	}
	if err := h.ask(ctx, due{What: dueFingerprint, Round: round}); err != nil {
		return err
	}
	if err := signed("fingerprint", func(r body.Round, id party.ID) bool { return r.Fingerprints[id].Size > 0 }); err != nil {
		return err
	}
	if err := h.steps.verified(round); err != nil {
		return err
	}
	digest, err := storeBlob(h.cfg.Home.Log(), model)
	if err != nil {
		return err
	}
	if _, err = h.say(ctx, comity.KindModel, comity.Model{Round: round, Transcript: transcript, Model: digest}); err != nil {
		return err
	}
	return os.RemoveAll(h.steps.folder(round)) // The masked vectors have been checked.
}

// gather collects forecasts and declarations of a period. Members that are late are
// absent from the picture; their earlier declarations stay in force.
func (h *Hub) gather(ctx context.Context, period string) error {
	var done bool
	h.Look(func(s *body.State) { done = s.View().Decisions[period].Picture != nil })
	if done {
		return nil
	}
	h.cfg.Progress(Event{Phase: "picture", Text: "members forecast at home"})
	for _, c := range h.charter.Data {
		if c.LeavesHome != "signed_plain" || len(c.Values) == 0 || !slices.Contains(c.From, h.charter.Transparency.Log.Operator) {
			continue
		}
		if err := h.declare(ctx, c, period); err != nil {
			return err
		}
	}
	if err := h.ask(ctx, due{What: dueForecast, Period: period}); err != nil {
		return err
	}
	_, err := h.patiently(ctx, h.members, func(s *body.State, id party.ID) bool { return h.gathered(s, period, id) })
	if err != nil {
		return err
	}
	return h.settle(ctx, body.RulePicture, func() error { return h.freeze(ctx, period) })
}

// freeze logs the picture that the forecasts in the log make.
func (h *Hub) freeze(ctx context.Context, period string) (err error) {
	var p comity.Picture
	h.Look(func(s *body.State) { p, err = s.Freeze(period) })
	if err != nil {
		return err
	}
	raw, err := canon.Marshal(p)
	if err != nil {
		return err
	}
	digest, err := storeBlob(h.cfg.Home.Log(), raw)
	if err != nil {
		return err
	}
	_, err = h.say(ctx, comity.KindPicture, comity.Frozen{Period: period, Model: p.Model, Picture: digest})
	return err
}

// settle says what follows from the log, again if a member's late statement came between
// the reading and the saying, so that a rule refused what no longer followed.
func (h *Hub) settle(ctx context.Context, rule string, say func() error) error {
	return settle(rule, lateEach*len(h.members), h.size, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return say()
	})
}

// lateEach is how many statements a member may add to a decision after the hub stopped
// waiting for it: a forecast, and a few declarations.
const lateEach = 4

// settle tries again, at most so many times, while a rule refuses and the log grows.
func settle(rule string, again int, size func() int, say func() error) error {
	for {
		before := size()
		err := say()
		var refusal *body.Refusal
		if again--; again < 0 || !errors.As(err, &refusal) || refusal.Rule != rule || size() == before {
			return err
		}
	}
}

// gathered tells whether a member forecast and declared all that it is asked for.
func (h *Hub) gathered(s *body.State, period string, id party.ID) bool {
	if slices.Contains(h.contributors(), id) {
		if _, ok := s.View().Decisions[period].Forecasts[id]; !ok {
			return false
		}
	}
	for _, c := range h.charter.Data {
		if c.LeavesHome == "signed_plain" && len(c.Values) > 0 && slices.Contains(c.From, id) &&
			s.View().Declared[c.ID].Latest[id].Period != period {
			return false
		}
	}
	return true
}

// declare says the operator's own numbers, such as the supply.
func (h *Hub) declare(ctx context.Context, c comity.DataClause, period string) error {
	var said bool
	h.Look(func(s *body.State) {
		said = s.View().Declared[c.ID].Latest[h.charter.Transparency.Log.Operator].Period == period
	})
	if said {
		return nil
	}
	values, err := h.cfg.Supply(c, period)
	if err != nil {
		return err
	}
	_, err = h.say(ctx, comity.KindDeclaration, comity.Declaration{Period: period, Clause: c.ID, Values: values})
	return err
}

// decide logs the allocation of a period.
func (h *Hub) decide(ctx context.Context, period string) error {
	return h.settle(ctx, body.RuleProblem, func() error { return h.allocate(ctx, period) })
}

// allocate solves the problem that the charter lowers to and logs the allocation. The
// solver is not believed: the state re-checks the certificate before it is logged.
func (h *Hub) allocate(ctx context.Context, period string) error {
	var done bool
	var problem comity.Problem
	var picture, lot canon.Digest
	var err error
	h.Look(func(s *body.State) {
		d := s.View().Decisions[period]
		if done = d.Allocation != nil; done {
			return
		}
		if problem, err = s.Problem(period); err == nil {
			picture, err = canon.DigestOf(*d.Picture)
		}
		if err == nil {
			lot, err = s.Lot(period)
		}
	})
	if err != nil || done {
		return err
	}
	if err := h.tick(ctx); err != nil {
		return err
	}
	h.cfg.Progress(Event{Phase: "allocate", Text: "solving and proving the allocation"})
	digest, err := canon.DigestOf(problem)
	if err != nil {
		return err
	}
	result, err := solve.Allocate(ctx, problem, h.cfg.Solver, lot)
	if err != nil {
		return fmt.Errorf("allocate %s: %w", period, err)
	}
	raw, err := canon.Marshal(problem)
	if err != nil {
		return err
	}
	if _, err := storeBlob(h.cfg.Home.Log(), raw); err != nil {
		return err
	}
	_, err = h.say(ctx, comity.KindAllocation, comity.Allocation{
		Period: period, Picture: picture, Problem: digest, Units: result.Units, Parties: result.Parties, Certificate: result.Certificate,
	})
	return err
}

// checked waits until enough members replayed the log and found the same state.
func (h *Hub) checked(ctx context.Context, period string) error {
	h.cfg.Progress(Event{Phase: "check", Text: "members replay the log"})
	if err := h.ask(ctx, due{What: dueCheck, Period: period}); err != nil {
		return err
	}
	if _, err := h.patiently(ctx, h.members, func(s *body.State, id party.ID) bool {
		d := s.View().Decisions[period]
		return slices.Contains(d.Checks, id) || slices.Contains(d.Dissents, id)
	}); err != nil {
		return err
	}
	var d body.Decision
	var effective bool
	h.Look(func(s *body.State) { d, effective = s.View().Decisions[period], s.Effective(period) })
	switch {
	case effective && len(d.Dissents) > 0:
		// The log keeps who disagrees; a few cannot keep doses from all.
		h.cfg.Progress(Event{Phase: "check", Text: fmt.Sprintf("%v found another state; %d members agree, which is enough", d.Dissents, len(d.Checks))})
	case len(d.Dissents) > 0:
		return fmt.Errorf("check %s: %w: %v found another state", period, ErrDissent, d.Dissents)
	case !effective:
		return fmt.Errorf("check %s: %w: %d of %d checks", period, ErrQuorum, len(d.Checks), h.policy.Threshold)
	}
	_, err := h.barrier(ctx)
	return err
}

// tick enters the witnesses' time into the log.
func (h *Hub) tick(ctx context.Context) error {
	if _, err := h.barrier(ctx); err != nil {
		return err
	}
	t, err := h.newTick(ctx)
	if err != nil {
		return err
	}
	_, err = h.say(ctx, comity.KindTick, t)
	return err
}
