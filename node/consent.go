package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"comity"
	"comity/adapter/cel"
	"comity/adapter/yaml"
	"comity/body"
	"comity/canon"
	"comity/governor/charter"
	"comity/place"
)

// Consent returns the file of a member's own policy: which plans it takes no part in,
// whatever the charter allows. Without the file it takes part in what the charter allows.
//
//	refuse:
//	  - when: plan.kind == "heavy_hitters"
//	    because: our law does not allow lists of frequent values
func (h Home) Consent() string { return h.path("consent.yaml") }

// Policy is what a member refuses, in the order of its file.
type Policy []Objection

// Objection is one reason to refuse a plan.
type Objection struct {
	When    cel.Policy
	Because string
}

// maxObjections bounds a policy, and maxBecause a reason in bytes, as the log takes it.
const (
	maxObjections = 100
	maxBecause    = 200
)

// ReadPolicy reads a member's policy; a missing file refuses nothing. A file that cannot
// be read is an error and not consent.
func ReadPolicy(file string) (Policy, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	root, err := yaml.Read(file, data)
	if err != nil {
		return nil, err
	}
	bad := func(n charter.Node, reason, fix string) error {
		return &place.Error{File: file, Line: n.Line, Column: n.Column, Reason: reason, Fix: fix}
	}
	list, ok := root.Get("refuse")
	if !ok || len(root.Fields) != 1 || list.Shape != charter.Sequence || len(list.Items) > maxObjections {
		return nil, bad(root, fmt.Sprintf("a policy is one list named refuse, of at most %d items", maxObjections), "write refuse: and under it - when: and because:")
	}
	var policy Policy
	for _, item := range list.Items {
		when, hasWhen := item.Get("when")
		because, hasBecause := item.Get("because")
		if !hasWhen || !hasBecause || len(item.Fields) != 2 || because.Text == "" || len(because.Text) > maxBecause {
			return nil, bad(item, "an objection has when and because, and nothing else", fmt.Sprintf("write both; because has 1 to %d characters and is logged", maxBecause))
		}
		rule, err := cel.CompilePolicy(when.Text)
		if err != nil {
			return nil, bad(when, err.Error(), "compare fields of plan, as plan.disclosure == \"exact\"")
		}
		policy = append(policy, Objection{rule, because.Text})
	}
	return policy, nil
}

// Refuses returns the first reason to refuse a plan, or nothing.
func (p Policy) Refuses(plan map[string]any) (because string, err error) {
	for i, o := range p {
		refused, err := o.When.Holds(plan)
		if err != nil {
			return "", fmt.Errorf("objection %d of the consent policy: %w", i+1, err)
		}
		if refused {
			return o.Because, nil
		}
	}
	return "", nil
}

// consents asks this member's own policy about a round and logs a refusal.
func (m *Member) consents(ctx context.Context, round string) (bool, error) {
	if b, asked := m.state.Board(round); asked {
		return b.Consents[m.cfg.Self].Approves, nil
	}
	r, ok := m.state.View().Rounds[round]
	if !ok {
		return false, fmt.Errorf("the hub asks for keys of round %.80q, which the log does not have", round)
	}
	if c, said := r.Consents[m.cfg.Self]; said {
		return c.Approves, nil
	}
	policy, err := ReadPolicy(m.cfg.Home.Consent())
	if err != nil {
		return false, err
	}
	because, err := policy.Refuses(planFacts(r, m.charter))
	if err != nil || because == "" {
		return err == nil, err
	}
	digest, err := canon.DigestOf(r.Plan)
	if err != nil {
		return false, err
	}
	return false, m.submit(ctx, m.next(), comity.KindConsent, comity.Consent{Round: round, Plan: digest, Reason: because})
}

// planFacts are the words that a policy may use about a training.
func planFacts(r body.Round, c comity.Charter) map[string]any {
	p := r.Plan
	clause, _ := charter.Clause(c, p.Clause)
	return map[string]any{
		"round": p.Round, "kind": "training", "task": p.Task, "period": p.Period, "clause": p.Clause, "schema": clause.Schema,
		"disclosure": p.Disclosure, "personal": clause.Queries != nil && clause.Queries.Personal,
		"min_members": p.MinMembers, "epsilon": 0.0, "delta": 0.0, "column": "", "by": []string{}, "minimum_cell": 0,
	}
}
