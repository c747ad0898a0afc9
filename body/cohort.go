package body

import (
	"slices"

	"comity"
	"comity/verifier/secagg"
)

// maxReason bounds what the operator may say when a member drops out, in bytes.
const maxReason = 200

// cohort fixes the members of a round from one step on. Members hold the same rules
// against the hub (package secagg); here they are held against the log.
func (s *State) cohort(c comity.Cohort) (func(), broken) {
	r, ok := s.view.Rounds[c.Round]
	if !ok || r.Model != nil {
		return nil, breaks(RuleRound, "round %.80q is not open", c.Round)
	}
	if len(r.Fingerprints) > 0 {
		return nil, breaks(RuleRound, "round %q is being checked: members that gave fingerprints add nothing more", c.Round)
	}
	if !plain(c.Reason) {
		return nil, breaks(RuleForm, "the reason is not plain text of at most %d characters", maxReason)
	}
	if n := len(c.Members); n < max(r.Plan.MinMembers, secagg.MinMembers) || n > secagg.MaxMembers {
		return nil, breaks(RuleCohort, "%d members; the plan wants %d, the protocol %d to %d",
			n, r.Plan.MinMembers, secagg.MinMembers, secagg.MaxMembers)
	}
	b := s.first(r, c)
	if len(r.Cohorts) > 0 {
		b = successor(r, c)
	}
	if b.err != nil {
		return nil, b
	}
	return func() {
		r.Cohorts = append(slices.Clip(r.Cohorts), c)
		r.Heads = nil // They are of a transcript that goes on now; its end is signed again.
		s.view.Rounds[c.Round] = r
	}, broken{}
}

// first is the whole of those who can take part. Were it a choice, the operator could
// choose the public coin with it, which follows from the members' nonces.
func (s *State) first(r Round, c comity.Cohort) broken {
	if c.Number != 1 || c.FromStep != 0 || c.Attempt != 0 {
		return breaks(RuleCohort, "cohort %d at step %d, attempt %d; a round opens with cohort 1 at step 0, attempt 0", c.Number, c.FromStep, c.Attempt)
	}
	if want := s.Ready(r.Plan.Round); !slices.Equal(c.Members, want) {
		return breaks(RuleCohort, "the first cohort of %d members is not all %d that are ready in epoch %q: %v", len(c.Members), len(want), r.Plan.Epoch, want)
	}
	return broken{}
}

// successor is a subset: nobody is added, so that nobody's input is summed under a
// roster it did not see. Vectors of one attempt belong together, so once steps of an
// attempt are finished a smaller cohort begins a new one; the sums over both would
// otherwise show what those who left had given.
func successor(r Round, c comity.Cohort) broken {
	last := r.Cohorts[len(r.Cohorts)-1]
	since := last.FromStep // Where the attempt in force began.
	for i := len(r.Cohorts) - 1; i >= 0 && r.Cohorts[i].Attempt == last.Attempt; i-- {
		since = r.Cohorts[i].FromStep
	}
	switch {
	case c.Number != last.Number+1:
		return breaks(RuleCohort, "cohort %d after %d; each has one successor", c.Number, last.Number)
	case c.FromStep < last.FromStep || c.FromStep > secagg.MaxSteps:
		return breaks(RuleCohort, "it begins at step %d, the one before at %d; at most %d", c.FromStep, last.FromStep, secagg.MaxSteps)
	case c.Attempt != last.Attempt && c.Attempt != last.Attempt+1 || c.Attempt > secagg.MaxAttempts:
		return breaks(RuleCohort, "attempt %d after %d, at most %d", c.Attempt, last.Attempt, secagg.MaxAttempts)
	case c.Attempt == last.Attempt && c.FromStep > since:
		return breaks(RuleCohort, "it keeps attempt %d, of which steps %d to %d are finished", c.Attempt, since, c.FromStep-1)
	case c.Attempt == last.Attempt && len(c.Members) == len(last.Members):
		return breaks(RuleCohort, "it changes neither members nor attempt")
	}
	for i, id := range c.Members {
		if i > 0 && c.Members[i-1] >= id {
			return breaks(RuleCohort, "%.40q and %.40q are not in ascending order", c.Members[i-1], id)
		}
		if !slices.Contains(last.Members, id) {
			return breaks(RuleCohort, "%.40q was not in cohort %d", id, last.Number)
		}
	}
	return broken{}
}

// plain accepts printable ASCII.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return len(text) <= maxReason
}
