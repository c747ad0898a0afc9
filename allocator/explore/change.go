package explore

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"comity"
	"comity/allocator/program"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
)

// How says what is done to a number.
type How string

// What can be done to a number, and how Parse reads it.
const (
	Set   How = "set"   // NAME=500
	Add   How = "add"   // NAME=+500, NAME=-500
	Scale How = "scale" // NAME=+10%, NAME=-5%
	Off   How = "off"   // NAME=off
)

// Change alters one number that a division depends on. Names are
//
//	KE.cold_chain_capacity  what a party declared; by period with /1, /2, or all of them
//	supply.doses            what was declared for all
//	c.floor                 the bound of a constraint; off takes the constraint out
//	group.frontline         the weight of a group
//	stage.worth             off takes the stage out
//	stage.worth.slack       what later stages may give up of it
//	stage.worth.order       its place in the order of precedence, from 1
type Change struct {
	Name string
	How  How
	By   exact.Rat // What is set or added; what is multiplied with, 11/10 for +10%.
}

// Parse reads NAME=VALUE as people type it.
func Parse(text string) (Change, error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" || value == "" {
		return Change{}, fmt.Errorf("%w: %.80q; write NAME=500, NAME=+500, NAME=+10%% or NAME=off", ErrChange, text)
	}
	if value == string(Off) {
		return Change{Name: name, How: Off}, nil
	}
	number, percent := strings.CutSuffix(value, "%")
	positive := strings.HasPrefix(number, "+")
	moves := positive || strings.HasPrefix(number, "-")
	x, err := exact.Parse(strings.TrimPrefix(number, "+"))
	if err != nil || positive && strings.HasPrefix(number, "+-") {
		return Change{}, fmt.Errorf("%w: %.80q: the value is no number: %w", ErrChange, text, orSyntax(err))
	}
	switch {
	case percent && !moves:
		return Change{}, fmt.Errorf("%w: %.80q; write +10%% or -5%%, or the new value without %%", ErrChange, text)
	case percent:
		return Change{name, Scale, exact.Int(1).Add(over(x, 100))}, nil
	case moves:
		return Change{name, Add, x}, nil
	default:
		return Change{name, Set, x}, nil
	}
}

func orSyntax(err error) error {
	if err != nil {
		return err
	}
	return exact.ErrSyntax
}

// String writes the change as Parse reads it.
func (c Change) String() string { return c.Name + "=" + c.Value() }

// Value writes what the change does.
func (c Change) Value() string {
	plus := func(x exact.Rat) string {
		if x.Sign() >= 0 {
			return "+" + x.String()
		}
		return x.String()
	}
	switch c.How {
	case Off:
		return string(Off)
	case Add:
		return plus(c.By)
	case Scale:
		return plus(c.By.Sub(exact.Int(1)).Mul(exact.Int(100))) + "%"
	default:
		return c.By.String()
	}
}

// Percent scales a name by so many per cent more, or less below 0.
func Percent(name string, percent int64) Change {
	return Change{name, Scale, exact.Int(1).Add(over(exact.Int(percent), 100))}
}

// to returns what the change makes of a number.
func (c Change) to(x exact.Rat) exact.Rat {
	switch c.How {
	case Add:
		return x.Add(c.By)
	case Scale:
		return x.Mul(c.By)
	default:
		return c.By
	}
}

// Apply returns the inputs with the change made. Errors: ErrName, ErrChange, and those
// of package charter for an expression that grew too large.
func (c Change) Apply(in program.Inputs) (program.Inputs, error) {
	changed, err := c.apply(in)
	if err != nil {
		return program.Inputs{}, fmt.Errorf("change %s: %w", c, err)
	}
	return changed, nil
}

// Apply makes changes one after another.
func Apply(in program.Inputs, changes []Change) (program.Inputs, error) {
	for _, c := range changes {
		var err error
		if in, err = c.Apply(in); err != nil {
			return in, err
		}
	}
	return in, nil
}

func (c Change) apply(in program.Inputs) (program.Inputs, error) {
	if d, ok := declaredBy(in, c.Name); ok {
		return c.declared(in, d)
	}
	out, rules := in, in.Charter
	i := slices.IndexFunc(rules.Constraints, func(k comity.Constraint) bool { return k.ID == c.Name })
	var err error
	switch {
	case i >= 0:
		rules.Constraints = slices.Clone(rules.Constraints)
		err = c.constraint(&rules, i)
	case strings.HasPrefix(c.Name, groupPrefix):
		err = c.group(&rules)
	case strings.HasPrefix(c.Name, stagePrefix):
		err = c.stage(&rules)
	default:
		err = fmt.Errorf("%w%s", ErrName, meant(c.Name, Names(in)))
	}
	if err != nil {
		return out, err
	}
	out.Charter = rules
	// Nobody signed these rules: the digest only keeps them apart from those that were.
	if out.CharterDigest, err = canon.DigestOf(rules); err != nil {
		return out, fmt.Errorf("%w: %w", ErrChange, err)
	}
	return out, nil
}

// declared is where numbers that a name stands for were declared.
type declared struct {
	at     int // Of the declaration.
	values []string
}

const (
	supplyPrefix = "supply."
	groupPrefix  = "group."
	stagePrefix  = "stage."
	slackSuffix  = ".slack"
	orderSuffix  = ".order"
)

// declaredBy finds the declared numbers of a name: KE.population, supply.doses,
// supply.doses/2.
func declaredBy(in program.Inputs, name string) (declared, bool) {
	for at, d := range in.Declarations {
		clause, ok := charter.Clause(in.Charter, d.Declaration.Clause)
		if !ok {
			continue
		}
		prefix := string(d.Party) + "."
		if clause.As == "supply" {
			prefix = supplyPrefix
		}
		value, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		var values []string
		for _, v := range charter.Declared(clause, in.Charter.Scope.Periods) {
			if base, _, _ := strings.Cut(v, "/"); v == value || base == value {
				values = append(values, v)
			}
		}
		if values != nil {
			return declared{at, values}, true
		}
	}
	return declared{}, false
}

// declared changes what was declared. Numbers are whole: what is scaled is rounded down.
func (c Change) declared(in program.Inputs, d declared) (program.Inputs, error) {
	if c.How == Off {
		return in, fmt.Errorf("%w: a declared number cannot be taken out; set it to 0", ErrChange)
	}
	in.Declarations = slices.Clone(in.Declarations)
	said := &in.Declarations[d.at].Declaration
	said.Values = maps.Clone(said.Values)
	for _, v := range d.values {
		x := c.to(exact.Int(int64(said.Values[v])))
		if c.How != Scale && !x.IsInt() {
			return in, fmt.Errorf("%w: %s is %s; declared numbers are whole", ErrChange, v, x)
		}
		n := x.Floor()
		if !n.IsInt64() || n.Sign() < 0 || n.Cmp(big.NewInt(program.MaxAmount)) > 0 {
			return in, fmt.Errorf("%w: %s would be %s; declared numbers lie between 0 and %d", ErrChange, v, n, int64(program.MaxAmount))
		}
		said.Values[v] = canon.Int(n.Int64())
	}
	return in, nil
}

// boundOf returns the expression that a constraint bounds with, nil for forbidden inputs.
func boundOf(k *comity.Constraint) **comity.Expr {
	for _, e := range []**comity.Expr{&k.AtMost, &k.AtLeast, &k.Lot, &k.Baseline, &k.Arrivals} {
		if *e != nil {
			return e
		}
	}
	return nil
}

func (c Change) constraint(rules *comity.Charter, i int) error {
	if c.How == Off {
		rules.Constraints = slices.Delete(rules.Constraints, i, i+1)
		return nil
	}
	k := &rules.Constraints[i]
	bound := boundOf(k)
	if bound == nil {
		return fmt.Errorf("%w: %s of kind %s has no bound; it can only be off", ErrChange, k.ID, k.Kind)
	}
	by := comity.Expr{Op: "const", Value: &c.By}
	switch c.How {
	case Set:
	case Add:
		by = comity.Expr{Op: "add", Args: []comity.Expr{**bound, by}}
	default:
		by = comity.Expr{Op: "mul", Args: []comity.Expr{**bound, by}}
	}
	*bound = &by
	return charter.CheckExpr(by)
}

func (c Change) group(rules *comity.Charter) error {
	id := strings.TrimPrefix(c.Name, groupPrefix)
	i := slices.IndexFunc(rules.Objective.Groups, func(g comity.Group) bool { return g.ID == id })
	if i < 0 {
		var names []string
		for _, g := range rules.Objective.Groups {
			names = append(names, groupPrefix+g.ID)
		}
		return fmt.Errorf("%w%s", ErrName, meant(c.Name, names))
	}
	weight := c.to(rules.Objective.Groups[i].Weight)
	if c.How == Off || weight.Sign() < 0 {
		return fmt.Errorf("%w: a weight is a number of 0 or more", ErrChange)
	}
	rules.Objective.Groups = slices.Clone(rules.Objective.Groups)
	rules.Objective.Groups[i].Weight = weight
	return nil
}

func (c Change) stage(rules *comity.Charter) error {
	id := strings.TrimPrefix(c.Name, stagePrefix)
	id, slack := strings.CutSuffix(id, slackSuffix)
	id, order := strings.CutSuffix(id, orderSuffix)
	stages := slices.Clone(rules.Objective.Stages)
	rules.Objective.Stages = stages
	i := slices.IndexFunc(stages, func(a comity.Aim) bool { return a.ID == id })
	if i < 0 {
		var names []string
		for _, a := range stages {
			names = append(names, stageNames(a.ID)...)
		}
		return fmt.Errorf("%w%s", ErrName, meant(c.Name, names))
	}
	switch {
	case slack:
		x := c.to(stages[i].Slack)
		if c.How == Off || x.Sign() < 0 || x.Cmp(exact.Int(1)) >= 0 {
			return fmt.Errorf("%w: a slack is a share of at least 0 and below 1", ErrChange)
		}
		stages[i].Slack = x
	case order:
		to, err := strconv.Atoi(c.By.String())
		if c.How != Set || err != nil || to < 1 || to > len(stages) {
			return fmt.Errorf("%w: the order is a place from 1 to %d", ErrChange, len(stages))
		}
		a := stages[i]
		rules.Objective.Stages = slices.Insert(slices.Delete(stages, i, i+1), to-1, a)
	case c.How != Off:
		return fmt.Errorf("%w: a stage can be off; its slack is %s%s%s", ErrChange, stagePrefix, id, slackSuffix)
	case len(stages) == 1:
		return fmt.Errorf("%w: it is the only stage; a division needs an aim", ErrChange)
	default:
		rules.Objective.Stages = slices.Delete(stages, i, i+1)
	}
	return nil
}

func stageNames(id string) []string {
	return []string{stagePrefix + id, stagePrefix + id + slackSuffix, stagePrefix + id + orderSuffix}
}

// Names lists all that can be changed, in the order of the charter.
func Names(in program.Inputs) []string {
	var names []string
	for _, k := range in.Charter.Constraints {
		names = append(names, k.ID)
	}
	for _, g := range in.Charter.Objective.Groups {
		names = append(names, groupPrefix+g.ID)
	}
	for _, a := range in.Charter.Objective.Stages {
		names = append(names, stageNames(a.ID)...)
	}
	names = append(names, SupplyNames(in)...)
	for _, d := range in.Declarations {
		names = append(names, PartyNames(in, d.Party)...)
	}
	return names
}

// SupplyNames lists what was declared for all: "supply.doses".
func SupplyNames(in program.Inputs) []string {
	return namesOf(in, func(k comity.DataClause, _ party.ID) string {
		if k.As != "supply" {
			return ""
		}
		return supplyPrefix
	})
}

// PartyNames lists what a party declared for itself: "KE.population".
func PartyNames(in program.Inputs, id party.ID) []string {
	return namesOf(in, func(k comity.DataClause, author party.ID) string {
		if k.As != "party" || author != id {
			return ""
		}
		return string(id) + "."
	})
}

// namesOf lists declared values, each with the prefix of its clause; "" leaves it out.
func namesOf(in program.Inputs, prefix func(comity.DataClause, party.ID) string) []string {
	var names []string
	for _, k := range in.Charter.Data {
		for _, d := range in.Declarations {
			if d.Declaration.Clause != k.ID {
				continue
			}
			if p := prefix(k, d.Party); p != "" {
				for _, v := range k.Values {
					names = append(names, p+v)
				}
			}
		}
	}
	return names
}

// valueOf returns a declared number; of one by period the sum over the periods.
func valueOf(in program.Inputs, name string) (exact.Rat, bool) {
	d, ok := declaredBy(in, name)
	if !ok {
		return exact.Rat{}, false
	}
	var sum exact.Rat
	for _, v := range d.values {
		sum = sum.Add(exact.Int(int64(in.Declarations[d.at].Declaration.Values[v])))
	}
	return sum, true
}
