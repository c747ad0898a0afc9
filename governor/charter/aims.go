package charter

import (
	"fmt"
	"slices"
	"strings"

	"comity"
	"comity/exact"
)

// Kinds of stage (comity.Stage says what each aims at).
const (
	Weighted = "weighted"
	Maximin  = "maximin"
	Leximin  = "leximin"
	Nash     = "nash"
)

// What a stage counts (comity.Aim).
const (
	CountsWorth = "worth"
	CountsUnits = "units"
)

// Senses of an objective.
const (
	Maximise = "maximise"
	Minimise = "minimise"
)

const (
	// Evenness is the stage that follows all others (docs/format/certificate.md), so no
	// stage of a charter has this id.
	Evenness = "evenness"
	// maxStages bounds the proofs of one allocation: people can order no more aims.
	maxStages = 16
	// maxPieces bounds the steps of a benefit that falls.
	maxPieces = 16
	// MaxPeriods bounds a plan at ten years of weeks.
	MaxPeriods = 520
)

func (l *linter) objective() {
	o := l.c.Objective
	l.choice("objective.sense", o.Sense, Maximise, Minimise)
	if n := len(o.Stages); n < 1 || n > maxStages {
		l.refuse("objective.stages", ruleBounds, fmt.Sprintf("%d stages", n), fmt.Sprintf("write 1 to %d", maxStages))
	}
	ids := make([]string, len(o.Stages))
	for i, a := range o.Stages {
		ids[i] = a.ID
		l.stage(at("objective.stages", i), a)
	}
	l.unique("objective.stages", ids)
	l.some("objective.groups", len(o.Groups))
	ids = make([]string, len(o.Groups))
	for i, g := range o.Groups {
		path := at("objective.groups", i)
		ids[i] = g.ID
		l.form(path+".id", g.ID, IsWord, "a lower-case word")
		if g.Weight.Sign() <= 0 {
			l.refuse(path+".weight", ruleObjective, fmt.Sprintf("group %s has weight %s", clip(g.ID), g.Weight), `write a number above "0"`)
		}
		l.benefit(path+".benefit", g)
	}
	l.unique("objective.groups", ids)
	// The order that makes the optimum unique and leaves nothing a party can choose
	// (design: allocation, section on neutrality).
	if want := []string{"least_squares_unmet", "webster", "lot"}; !slices.Equal(o.TieBreak, want) {
		l.refuse("objective.tie_break", ruleObjective, fmt.Sprintf("ties are broken by %q", clip(strings.Join(o.TieBreak, ", "))), "write ["+strings.Join(want, ", ")+"]")
	}
}

// stage checks one aim.
func (l *linter) stage(path string, a comity.Aim) {
	l.form(path+".id", a.ID, IsWord, "a lower-case word")
	if a.ID == Evenness {
		l.refuse(path+".id", ruleStage, Evenness+" is what follows the last stage", "choose another id")
	}
	l.choice(path+".kind", a.Kind, Weighted, Maximin, Leximin, Nash)
	l.choice(path+".counts", a.Counts, CountsWorth, CountsUnits)
	if a.Counts == CountsUnits && a.Kind == Weighted {
		l.refuse(path+".counts", ruleStage, fmt.Sprintf("stage %s is a sum of worths and counts units", clip(a.ID)), "leave counts out; write the same weight for every group instead")
	}
	if l.c.Objective.Sense == Minimise && a.Kind != Weighted {
		l.refuse(path+".kind", ruleStage, fmt.Sprintf("stage %s of kind %s is to be minimised", clip(a.ID), clip(a.Kind)), "only weighted stages can be; write sense: maximise")
	}
	ordered, bargained := a.Kind == Maximin || a.Kind == Leximin, a.Kind == Nash
	for _, f := range []struct {
		name        string
		there       bool
		must, takes bool
	}{
		{"per", a.Per != nil, ordered, ordered},
		{"outside", a.Outside != nil, bargained, bargained},
		{"power", a.Power != nil, false, bargained},
	} {
		switch {
		case f.must && !f.there:
			l.refuse(path, ruleStage, fmt.Sprintf("stage %s of kind %s has no %s", clip(a.ID), a.Kind, f.name), "add it")
		case f.there && !f.takes:
			l.refuse(path+"."+f.name, ruleStage, fmt.Sprintf("stage %s of kind %s has %s, which is no field of the kind", clip(a.ID), clip(a.Kind), f.name),
				"take it out; per belongs to maximin and leximin, outside and power to nash")
		}
	}
	if a.Kind == Nash && a.Slack.Sign() > 0 { // A product of gains has no share that means the same to all.
		l.refuse(path+".slack", ruleStage, fmt.Sprintf("stage %s of kind nash has a slack of %s", clip(a.ID), a.Slack), "take it out")
	}
	if a.Slack.Sign() < 0 || a.Slack.Cmp(exact.Int(1)) >= 0 {
		l.refuse(path+".slack", ruleRange, fmt.Sprintf("a slack of %s", a.Slack), `write a share of at least "0" and below "1"`)
	}
}

// benefit checks a benefit that falls with what a party has already. Where a later
// piece counted more, the units would go there first and the pieces mean nothing.
func (l *linter) benefit(path string, g comity.Group) {
	if g.Benefit == nil {
		return
	}
	if n := len(g.Benefit); n < 1 || n > maxPieces {
		l.refuse(path, ruleBounds, fmt.Sprintf("%d pieces", n), fmt.Sprintf("write 1 to %d", maxPieces))
	}
	if l.c.Objective.Sense == Minimise {
		l.refuse(path, ruleBenefit, fmt.Sprintf("the benefit of group %s falls and is to be minimised", clip(g.ID)), "take it out, or write sense: maximise")
	}
	var sum exact.Rat
	for i, p := range g.Benefit {
		sum = sum.Add(p.Share)
		if p.Share.Sign() <= 0 {
			l.refuse(at(path, i)+".share", ruleBenefit, fmt.Sprintf("a share of %s", p.Share), `write a share above "0"`)
		}
		if p.Weight.Sign() < 0 {
			l.refuse(at(path, i)+".weight", ruleBenefit, fmt.Sprintf("a weight of %s", p.Weight), `write a number of at least "0"`)
		}
		if i > 0 && p.Weight.Cmp(g.Benefit[i-1].Weight) >= 0 {
			l.refuse(at(path, i)+".weight", ruleBenefit, fmt.Sprintf("weight %s after %s", p.Weight, g.Benefit[i-1].Weight), "let weights fall from piece to piece")
		}
	}
	if len(g.Benefit) > 0 && sum.Cmp(exact.Int(1)) != 0 {
		l.refuse(path, ruleBenefit, fmt.Sprintf("the shares add up to %s", sum), `make them add up to "1"`)
	}
}
