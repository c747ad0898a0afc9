package own

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"comity"
	"comity/adapter/cel"
	"comity/adapter/nats"
	"comity/adapter/yaml"
	"comity/allocator/program"
	"comity/canon"
	"comity/chance"
	"comity/governor/charter"
	"comity/modeler/forecast"
	"comity/pack"
	"comity/party"
)

// standIns returns a founding with keys that are good in form: they come from a fixed
// seed and sign nothing. All else is as package fleet will fill it in.
func standIns(s pack.Scenario) (pack.Founding, error) {
	coins := rand.NewChaCha8(chance.Derive(chance.Seed{}, "comity/own/stand-ins@1"))
	f := pack.Founding{
		ID: fmt.Sprintf("%s-%d", s.Name, len(s.Members)), Effective: "2026-01-01T00:00:00Z", Expires: "2027-01-01T00:00:00Z",
		Origin: "comity.example/" + s.Name, Operator: string(s.Operator.ID), StepSeconds: 10,
		MinMembers: charter.LeastWitnesses(len(s.Members)), WitnessThreshold: charter.LeastWitnesses(len(s.Members)),
	}
	for name, v := range forecast.Quick() {
		f.Recipe = append(f.Recipe, pack.Parameter{Name: name, Value: int64(v)})
	}
	slices.SortFunc(f.Recipe, func(a, b pack.Parameter) int { return strings.Compare(a.Name, b.Name) })
	var failed error
	key := func(name string) party.Key {
		k, err := party.NewKey(name, coins)
		if err != nil {
			failed = err
		}
		return k
	}
	for _, p := range append(slices.Clone(s.Members), s.Operator) {
		signatory, name := p.Founding(), strings.ToLower(string(p.ID))
		signatory.Keys, signatory.Threshold = []string{key(name + ".officer-1").Verifier()}, 1
		signatory.NodeKey = key(name + ".node").Verifier()
		identity, err := nats.NewIdentity(coins)
		if err != nil {
			return f, err
		}
		signatory.Transport = identity.Public()
		f.Parties = append(f.Parties, signatory)
		if p.ID != s.Operator.ID {
			f.Witnesses = append(f.Witnesses, key(party.WitnessName(p.ID)).Cosigner())
		}
	}
	slices.SortFunc(f.Parties, func(a, b pack.FoundingParty) int { return strings.Compare(a.ID, b.ID) })
	f.LogKey = key(f.Origin).Verifier()
	return f, failed
}

// agree compares a charter that is good in itself with the scenario: every number that
// it asks for must be there, and nothing else.
func agree(file string, root charter.Node, c comity.Charter, d *document) (*needs, error) {
	a := &agreement{file: file, root: root, document: d, needs: &needs{document: d, periods: c.Scope.Periods}}
	a.models(c)
	for i, clause := range c.Data {
		switch clause.As {
		case "party":
			a.party(clause, i)
		case "supply":
			a.supply(clause, i)
		}
	}
	if len(a.problems) == 0 {
		a.unused()
	}
	if len(a.problems) > 0 {
		return nil, join(a.problems)
	}
	return a.needs, nil
}

// agreement collects what does not fit together.
type agreement struct {
	*document
	file     string // The charter.
	root     charter.Node
	needs    *needs
	problems []error
}

// refuse points at a part of the charter.
func (a *agreement) refuse(reason, fix string, path ...string) {
	n := a.root
	for _, k := range path {
		next, ok := n.Get(k)
		for i, item := range n.Items {
			if k == fmt.Sprintf("[%d]", i) {
				next, ok = item, true
			}
		}
		if ok {
			n = next
		}
	}
	a.problems = append(a.problems, &yaml.Error{File: a.file, Line: n.Line, Column: n.Column, Reason: reason, Fix: fix})
}

// short is a problem of scenario.yaml.
func (a *agreement) short(n charter.Node, reason, fix string) {
	a.problems = append(a.problems, a.refusal(n, reason, fix))
}

func (a *agreement) models(c comity.Charter) {
	if !slices.Equal(c.Models.Targets, a.targets) {
		a.refuse(fmt.Sprintf("the charter forecasts %q, %s %q", c.Models.Targets, ScenarioFile, a.targets), "write targets: "+founding+", or the same names in both", "models", "targets")
	}
	if c.Models.Unit != a.unit {
		a.refuse(fmt.Sprintf("the unit is %q, in %s it is %q", c.Models.Unit, ScenarioFile, a.unit), "write unit: "+founding+", or the same in both", "models", "unit")
	}
	if c.Models.Task != recipe {
		a.refuse(fmt.Sprintf("task %q", c.Models.Task), "write "+recipe, "models", "task")
	}
	if _, err := forecast.Steps(c.Models.Recipe); err != nil {
		a.refuse(err.Error(), "write recipe: "+founding, "models", "recipe")
	}
	rows, _ := charter.Clause(c, c.Models.Clause)
	if len(rows.From) != len(a.members) {
		a.refuse(fmt.Sprintf("the models draw on %d parties, %s has %d members with rows", len(rows.From), ScenarioFile, len(a.members)), "write from: "+everyone+" in clause "+rows.ID, "models", "clause")
	}
}

// party takes the clause under which members declare their numbers.
func (a *agreement) party(clause comity.DataClause, i int) {
	at := fmt.Sprintf("[%d]", i)
	if a.needs.values.ID != "" {
		a.refuse("a second clause as: party", "put all values into one clause", "data", at, "as")
		return
	}
	a.needs.values = clause
	for _, m := range a.members {
		if !slices.Contains(clause.From, m.party.ID) {
			a.refuse(fmt.Sprintf("%s declares nothing under %s", m.party.ID, clause.ID), "write from: "+everyone, "data", at, "from")
			return
		}
		for _, name := range clause.Values {
			if _, ok := m.needs[name]; !ok && name != "population" && name != "received" {
				a.short(m.needsAt, fmt.Sprintf("%s gives no %s, which clause %s of %s asks for", m.party.ID, name, clause.ID, a.file), hint(name, m.needs))
			}
		}
	}
}

// supply takes the clause under which the operator declares what there is.
func (a *agreement) supply(clause comity.DataClause, i int) {
	at := fmt.Sprintf("[%d]", i)
	if a.needs.supplied.ID != "" {
		a.refuse("a second clause as: supply", "put all values into one clause", "data", at, "as")
		return
	}
	a.needs.supplied = clause
	if clause.From[0] != a.operator.ID {
		a.refuse(fmt.Sprintf("%s declares the supply, not the operator", clause.From[0]), "write from: "+manager, "data", at, "from")
	}
	for _, name := range clause.Values {
		if _, ok := a.document.supply[name]; !ok {
			a.short(a.supplyAt, fmt.Sprintf("no %s, which clause %s of %s asks for", name, clause.ID, a.file), hint(name, a.document.supply))
		}
	}
}

// hint says how to add a number, or which one may be meant.
func hint(name string, given numbers) string {
	fix := fmt.Sprintf("add %s: and a whole number", name)
	if near := charter.Nearest(name, slices.Sorted(maps.Keys(given))); near != "" {
		fix += fmt.Sprintf(", or rename %s", near)
	}
	return fix
}

// unused refuses numbers that the charter does not ask for: they would be declared to
// nobody.
func (a *agreement) unused() {
	check := func(given numbers, values []string, of string) {
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if slices.Contains(values, name) {
				continue
			}
			fix := fmt.Sprintf("delete it, or add it to the values under %s in %s", of, CharterFile)
			if near := charter.Nearest(name, values); near != "" {
				fix = fmt.Sprintf("did you mean %s?", near)
			}
			a.short(given[name].at, fmt.Sprintf("no clause of %s asks for %s", a.file, name), fix)
		}
	}
	check(a.document.supply, a.needs.supplied.Values, "as: supply")
	for _, m := range a.members {
		check(m.needs, a.needs.values.Values, "as: party")
	}
}

// rehearse lowers the rules to an allocation once, with the numbers of the first week
// and a forecast that everything stays at its high level. It finds rules that are well
// written and cannot be carried out, such as a division by a sum that is zero.
func rehearse(file string, root charter.Node, c comity.Charter, s pack.Scenario, n pack.Needs) error {
	p := comity.Picture{Period: s.Start, Series: []comity.Series{}, Absent: []party.ID{}}
	var declared []program.Declared
	add := func(id party.ID, clause string, values map[string]canon.Int, err error) error {
		declared = append(declared, program.Declared{Party: id, Declaration: comity.Declaration{Period: s.Start, Clause: clause, Values: values}})
		return err
	}
	level := make([]canon.Int, len(comity.QuantileLevels))
	for i := range level {
		level[i] = 1000
	}
	for _, m := range s.Members {
		for _, target := range s.Targets {
			series := comity.Series{Place: m.ID, Target: target.Name, Unit: target.Unit, LastDate: s.Start, Reference: 1000}
			for week := range 4 {
				series.Horizons = append(series.Horizons, comity.Horizon{Weeks: week + 1, Date: s.Start, Quantiles: level})
			}
			p.Series = append(p.Series, series)
		}
	}
	for _, clause := range c.Data {
		for _, id := range clause.From {
			var err error
			switch clause.As {
			case "party":
				values, derr := n.Declare(id, 0, 0)
				err = add(id, clause.ID, values, derr)
			case "supply":
				values, derr := n.Supply(0)
				err = add(id, clause.ID, values, derr)
			}
			if err != nil {
				return err
			}
		}
	}
	picture, err := canon.DigestOf(p)
	if err != nil {
		return err
	}
	digest, err := canon.DigestOf(c)
	if err != nil {
		return err
	}
	_, err = program.Lower(program.Inputs{Charter: c, CharterDigest: digest, Picture: p, PictureDigest: picture, Declarations: declared})
	if err == nil {
		return nil
	}
	at := blame(root, err)
	return &yaml.Error{
		File: file, Line: at.Line, Column: at.Column, Reason: "with the numbers of the first week this rule gives no allocation: " + err.Error(),
		Fix: "correct the rule, or the numbers in " + ScenarioFile,
	}
}

// blame finds the rule that an error of package program names.
func blame(root charter.Node, err error) charter.Node {
	objective, _ := root.Get("objective")
	groups, _ := objective.Get("groups")
	stages, _ := objective.Get("stages")
	constraints, _ := root.Get("constraints")
	for _, rules := range []struct {
		what string
		list charter.Node
	}{{"clause ", constraints}, {"group ", groups}, {"stage ", stages}} {
		for _, item := range rules.list.Items {
			id, _ := item.Get("id")
			if name := rules.what + id.Text; strings.HasPrefix(err.Error(), name+":") || strings.Contains(err.Error(), name+" for ") {
				return item
			}
		}
	}
	if len(stages.Items) > 0 {
		return stages
	}
	return root
}

// ErrRules says that a charter in force is not the one in the folder.
var ErrRules = errors.New("the rules have changed since this consortium was founded")

// SameRules tells whether a consortium was founded with the rules that a scenario of this
// package has now: all but what founding made. The error names the sections that differ.
func SameRules(founded comity.Charter, s pack.Scenario) error {
	f, err := standIns(s)
	if err != nil {
		return err
	}
	text, err := pack.Draft(s.Charter, f)
	if err != nil {
		return err
	}
	root, err := yaml.Read(CharterFile, text)
	if err != nil {
		return err
	}
	now, problems := charter.Read(root, cel.Compile)
	if err := problems.Err(CharterFile); err != nil {
		return err
	}
	for _, m := range []*comity.ModelClause{&founded.Models, &now.Models} {
		m.StepSeconds, m.Recipe = 0, nil // Founding's, which may change with the program.
	}
	var changed []string
	for _, section := range []struct {
		name      string
		then, now any
	}{
		{"title", founded.Title, now.Title},
		{"purpose", founded.Purpose, now.Purpose},
		{"scope", founded.Scope, now.Scope},
		{"data", founded.Data, now.Data},
		{"models", founded.Models, now.Models},
		{"objective", founded.Objective, now.Objective},
		{"constraints", founded.Constraints, now.Constraints},
		{"decisions", founded.Decisions, now.Decisions},
		{"sunset", founded.Sunset.OnExpiry, now.Sunset.OnExpiry},
	} {
		old, err := canon.DigestOf(section.then)
		if err != nil {
			return err
		}
		if digest, err := canon.DigestOf(section.now); err != nil || digest != old {
			changed = append(changed, section.name)
		}
	}
	if len(changed) > 0 {
		return fmt.Errorf("%w: %s of %s", ErrRules, strings.Join(changed, ", "), founded.ID)
	}
	return nil
}
