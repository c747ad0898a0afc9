package body

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"comity"
	"comity/governor/charter"
	"comity/party"
)

// checkPeriod accepts a calendar day, YYYY-MM-DD.
func checkPeriod(period string) broken {
	if _, err := time.Parse(time.DateOnly, period); err != nil {
		return breaks(RuleForm, "period %.40q is not a date like 2026-11-18", period)
	}
	return broken{}
}

// plan opens a round only on the terms of the charter's model clause.
func (s *State) plan(author party.ID, p comity.Plan) (func(), broken) {
	if b := s.operatorOnly(author); b.err != nil {
		return nil, b
	}
	if b := s.inForceNow(); b.err != nil {
		return nil, b
	}
	if b := checkPeriod(p.Period); b.err != nil {
		return nil, b
	}
	m := s.charter.Models
	_, known := s.view.Rounds[p.Round]
	switch {
	case known:
		return nil, breaks(RuleOnce, "round %q is open", p.Round)
	case p.Round != p.Period+"/"+taskName(m.Task):
		return nil, breaks(RulePlan, "round %.80q, want %s/%s", p.Round, p.Period, taskName(m.Task))
	case p.Task != m.Task || p.Clause != m.Clause || p.Disclosure != m.Disclosure:
		return nil, breaks(RulePlan, "task %.40q under clause %.40q, disclosure %.20q; the charter says %q, %q, %q",
			p.Task, p.Clause, p.Disclosure, m.Task, m.Clause, m.Disclosure)
	case !maps.Equal(p.Recipe, m.Recipe):
		return nil, breaks(RulePlan, "its recipe differs from the charter's")
	case p.MinMembers != m.MinMembers || p.StepSeconds != m.StepSeconds:
		return nil, breaks(RulePlan, "at least %d members and %d s a step; the charter says %d and %d",
			p.MinMembers, p.StepSeconds, m.MinMembers, m.StepSeconds)
	}
	return func() {
		s.view.Rounds[p.Round] = Round{
			Plan: p, Heads: map[party.ID]comity.Head{}, Fingerprints: map[party.ID]comity.Fingerprint{},
		}
	}, broken{}
}

// taskName drops the version: "forecast/quick@1" becomes "forecast".
func taskName(task string) string {
	name, _, _ := strings.Cut(task, "@")
	name, _, _ = strings.Cut(name, "/")
	return name
}

// RoundName returns the name of a task's round in one period.
func RoundName(period, task string) string { return period + "/" + taskName(task) }

// reason bounds what the operator may say when a member drops out.
var reason = regexp.MustCompile(`^[\x20-\x7e]{0,200}$`) //nolint:gochecknoglobals // A compiled constant.

// cohort fixes the members of a round. A successor is a subset: nobody is added, so
// that nobody's input is summed under a roster it did not see.
func (s *State) cohort(author party.ID, c comity.Cohort) (func(), broken) {
	if b := s.operatorOnly(author); b.err != nil {
		return nil, b
	}
	r, ok := s.view.Rounds[c.Round]
	if !ok || r.Model != nil {
		return nil, breaks(RuleRound, "round %.80q is not open", c.Round)
	}
	switch {
	case c.Number != len(r.Cohorts)+1:
		return nil, breaks(RuleCohort, "cohort %d of round %q, want %d: each has one successor", c.Number, c.Round, len(r.Cohorts)+1)
	case len(c.Members) < r.Plan.MinMembers:
		return nil, breaks(RuleCohort, "%d members, at least %d", len(c.Members), r.Plan.MinMembers)
	case !slices.IsSorted(c.Members) || len(slices.Compact(slices.Clone(c.Members))) != len(c.Members):
		return nil, breaks(RuleCohort, "members are not in ascending order")
	case !reason.MatchString(c.Reason):
		return nil, breaks(RuleForm, "the reason is not plain text of at most 200 characters")
	}
	clause, _ := charter.Clause(s.charter, r.Plan.Clause)
	allowed := clause.From
	if n := len(r.Cohorts); n > 0 {
		last := r.Cohorts[n-1]
		allowed = last.Members
		if c.FromStep < last.FromStep || c.Attempt < last.Attempt || c.Attempt > last.Attempt+1 {
			return nil, breaks(RuleCohort, "step %d attempt %d after step %d attempt %d", c.FromStep, c.Attempt, last.FromStep, last.Attempt)
		}
	} else if c.FromStep != 0 || c.Attempt != 0 {
		return nil, breaks(RuleCohort, "the first cohort starts at step 0, attempt 0")
	}
	for _, id := range c.Members {
		if !slices.Contains(allowed, id) {
			return nil, breaks(RuleCohort, "%.40q may not take part", id)
		}
	}
	if b := s.boxed(r.Plan.Epoch, c.Members); b.err != nil {
		return nil, b
	}
	return func() {
		r.Cohorts = append(slices.Clip(r.Cohorts), c)
		s.view.Rounds[c.Round] = r
	}, broken{}
}

// boxed requires a logged box between every two members.
func (s *State) boxed(epoch string, members []party.ID) broken {
	e := s.view.Epochs[epoch]
	for i, from := range members {
		boxes, ok := e.Boxes[from]
		if !ok {
			return breaks(RuleEpoch, "%s sealed no boxes in epoch %q", from, epoch)
		}
		for _, to := range members[i+1:] {
			if !slices.ContainsFunc(boxes.Boxes, func(b comity.SealedBox) bool { return b.To == to }) {
				return breaks(RuleEpoch, "%s sealed no box to %s in epoch %q", from, to, epoch)
			}
		}
	}
	return broken{}
}

// inRound returns an open round in which the author takes part.
func (s *State) inRound(name string, author party.ID) (Round, broken) {
	r, ok := s.view.Rounds[name]
	if !ok || r.Model != nil {
		return r, breaks(RuleRound, "round %.80q is not open", name)
	}
	if !slices.Contains(r.Cohort(), author) {
		return r, breaks(RuleRound, "%s is not in the cohort of round %q", author, name)
	}
	return r, broken{}
}

func (s *State) head(author party.ID, h comity.Head) (func(), broken) {
	r, b := s.inRound(h.Round, author)
	if b.err != nil {
		return nil, b
	}
	if _, said := r.Heads[author]; said {
		return nil, breaks(RuleOnce, "%s signed its head of round %q", author, h.Round)
	}
	if h.Steps < 1 {
		return nil, breaks(RuleForm, "a head over %d steps", h.Steps)
	}
	return func() {
		r.Heads[author] = h
		r.HeadsAt = s.view.Size + 1
		s.view.Rounds[h.Round] = r
	}, broken{}
}

// fingerprint waits for every head: the points at which it opens the vectors follow
// from a checkpoint that nobody knew when the heads were signed.
func (s *State) fingerprint(author party.ID, f comity.Fingerprint) (func(), broken) {
	r, b := s.inRound(f.Round, author)
	if b.err != nil {
		return nil, b
	}
	if b := agreed(r); b.err != nil {
		return nil, b
	}
	if _, said := r.Fingerprints[author]; said {
		return nil, breaks(RuleOnce, "%s signed its fingerprint of round %q", author, f.Round)
	}
	if len(f.Points) != 2 {
		return nil, breaks(RuleForm, "%d points, want 2", len(f.Points))
	}
	if f.Size < r.HeadsAt || f.Size > s.view.Size {
		return nil, breaks(RuleAgreement, "its places come from the log at %d entries, want %d to %d: after every head", f.Size, r.HeadsAt, s.view.Size)
	}
	if r.PlacesAt != 0 && f.Size != r.PlacesAt {
		return nil, breaks(RuleAgreement, "its places come from the log at %d entries, the others' from %d", f.Size, r.PlacesAt)
	}
	return func() {
		r.Fingerprints[author] = f
		r.PlacesAt = f.Size
		s.view.Rounds[f.Round] = r
	}, broken{}
}

// agreed requires the same head from the whole cohort: nobody was told another story.
func agreed(r Round) broken {
	members := r.Cohort()
	for _, id := range members {
		h, ok := r.Heads[id]
		if !ok {
			return breaks(RuleAgreement, "%s has not signed its head of round %q", id, r.Plan.Round)
		}
		if first := r.Heads[members[0]]; h.Chain != first.Chain || h.Steps != first.Steps {
			return breaks(RuleAgreement, "%s saw %s after %d steps, %s saw %s after %d", members[0], first.Chain, first.Steps, id, h.Chain, h.Steps)
		}
	}
	return broken{}
}

func (s *State) model(author party.ID, m comity.Model) (func(), broken) {
	if b := s.operatorOnly(author); b.err != nil {
		return nil, b
	}
	r, ok := s.view.Rounds[m.Round]
	if !ok || r.Model != nil || len(r.Cohorts) == 0 {
		return nil, breaks(RuleRound, "round %.80q is not open", m.Round)
	}
	if b := agreed(r); b.err != nil {
		return nil, b
	}
	for _, id := range r.Cohort() {
		if _, ok := r.Fingerprints[id]; !ok {
			return nil, breaks(RuleAgreement, "%s has not signed its fingerprint of round %q", id, m.Round)
		}
	}
	return func() {
		r.Model = &m
		s.view.Rounds[m.Round] = r
	}, broken{}
}
