package charter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"comity"
	"comity/exact"
)

// Place is one expression of a charter, and what it is one number for.
type Place struct {
	Path   string // "constraints[1].at_least".
	Of     string // "at_least of c.floor".
	Expr   comity.Expr
	Party  bool // One number for each recipient; else one for all.
	Period bool // One number for each period; else one for the whole plan.

	name  string // Of the field.
	index string // Of a bound of an index: which one.
}

// Places returns the expressions of c in the order of the charter.
func Places(c comity.Charter) []Place {
	var all []Place
	add := func(path, name, of string, e *comity.Expr, forParty, forPeriod bool) {
		if e != nil {
			all = append(all, Place{Path: path + "." + name, Of: name + " of " + of, Expr: *e, Party: forParty, Period: forPeriod, name: name})
		}
	}
	for i, a := range c.Objective.Stages {
		path, of := at("objective.stages", i), "stage "+a.ID
		add(path, "measure", of, &a.Measure, true, true)
		add(path, "per", of, a.Per, true, false)
		add(path, "outside", of, a.Outside, true, false)
		add(path, "power", of, a.Power, true, false)
	}
	for i, g := range c.Objective.Groups {
		add(at("objective.groups", i), "need", "group "+g.ID, &g.Need, true, true)
	}
	for i, k := range c.Constraints {
		for _, f := range fields(k) {
			forParty, forPeriod := stands(k, f.name)
			add(at("constraints", i), f.name, k.ID, f.expr, forParty, forPeriod)
			if f.expr != nil {
				all[len(all)-1].index = indexOf(k, f.name)
			}
		}
	}
	return all
}

// indexOf returns the index that a number of a constraint bounds, if it does.
func indexOf(c comity.Constraint, name string) string {
	if name == "per" || c.Measure != Gini && c.Measure != Jain {
		return ""
	}
	return c.Measure
}

// stands tells what a number of a constraint is one for: each party, each period.
func stands(c comity.Constraint, name string) (forParty, forPeriod bool) {
	each := Each(c)
	forParty, forPeriod = each == EachParty || each == EachPartyPeriod, each == EachPeriod || each == EachPartyPeriod
	switch {
	case c.Kind == Affine && name == "coefficient", c.Kind == Conservation:
		return true, true
	case c.Kind == Inequality:
		return name == "per", false
	case c.Kind == Stock:
		return forParty, name != "opening"
	case c.Kind == FlowLimit:
		return false, true
	}
	return forParty, forPeriod
}

// expressions checks each expression and the inputs it uses.
func (l *linter) expressions() {
	known, banned := Inputs(l.c), Bans(l.c)
	for _, p := range Places(l.c) {
		if err := CheckExpr(p.Expr); err != nil {
			l.refuse(p.Path, ruleTree, err.Error(), "shorten the expression, or split the rule")
			continue
		}
		if err := certain(p.Expr); err != nil {
			l.refuse(p.Path, ruleConstant, "the expression always fails: "+err.Error(), "correct the constant")
			continue
		}
		l.ranges(p)
		for _, name := range InputsOf(p.Expr) {
			l.input(p, name, known)
		}
	}
	for _, u := range Uses(l.c) {
		if by, ok := banned[u.Name]; ok {
			l.refuse(u.Path, ruleForbids, fmt.Sprintf("%s uses %s, which %s forbids", u.Of, clip(u.Name), clip(by)), "take the input out of one of the two")
		}
	}
}

// Bans returns by which clause an input is forbidden. What a party must not be judged
// by must not be summed either: party.VALUE forbids total.VALUE.
func Bans(c comity.Charter) map[string]string {
	by := map[string]string{}
	for _, k := range c.Constraints {
		if k.Kind != Forbidden {
			continue
		}
		for _, name := range k.Inputs {
			by[name] = k.ID
			if value, ok := strings.CutPrefix(name, perParty+"."); ok {
				by[sumOfAll+"."+value] = k.ID
			}
		}
	}
	return by
}

// Use is one input that a charter depends on, and where.
type Use struct {
	Path string // "constraints[1].at_least".
	Of   string // "at_least of c.floor".
	Name string // "party.population".
}

// Uses returns what the objective and the constraints of c depend on. Besides the
// inputs of expressions these are party.groups where a constraint compares groups of
// parties, and party.id where one names a party.
func Uses(c comity.Charter) []Use {
	var uses []Use
	for _, p := range Places(c) {
		for _, name := range InputsOf(p.Expr) {
			uses = append(uses, Use{p.Path, p.Of, name})
		}
	}
	for i, k := range c.Constraints {
		if len(k.Between) > 0 {
			uses = append(uses, Use{at("constraints", i) + ".between", "between of " + k.ID, perParty + ".groups"})
		}
		if k.From != "" || k.To != "" {
			uses = append(uses, Use{at("constraints", i) + ".from", "from of " + k.ID, perParty + ".id"})
		}
	}
	return uses
}

func (l *linter) input(p Place, name string, known []string) {
	space, _, _ := strings.Cut(name, ".")
	if _, ok := slices.BinarySearch(known, name); !ok {
		fix := "use one of " + strings.Join(known[:min(len(known), 30)], ", ")
		if best := Nearest(name, known); best != "" {
			fix = fmt.Sprintf("did you mean %s?", best)
		}
		l.refuse(p.Path, ruleUnknown, "unknown input "+clip(name), fix)
		return
	}
	if !p.Party && (space == perParty || space == ofForecast) {
		l.refuse(p.Path, ruleNotHere, fmt.Sprintf("one number for all uses %s, which each party has its own of", clip(name)), "use supply and total values")
	}
	if !p.Period && isOfPeriod(l.c, name) {
		l.refuse(p.Path, rulePeriod, fmt.Sprintf("one number for the whole plan uses %s, which each period has its own of", clip(name)), "write each: period or each: party_period where the kind has it, or use another value")
	}
}

// ranges checks a number that is the same whatever is declared.
func (l *linter) ranges(p Place) {
	v, ok := constant(p.Expr)
	if !ok {
		return
	}
	switch {
	case (p.name == "per" || p.name == "power") && v.Sign() <= 0:
		l.refuse(p.Path, ruleRange, fmt.Sprintf("%s is %s", p.Of, v), "write a number above 0")
	case p.name == "lot" && v.Sign() < 0:
		l.refuse(p.Path, ruleRange, fmt.Sprintf("%s is %s", p.Of, v), "write 0 for no rule, or more")
	case p.index != "" && (v.Sign() < 0 || v.Cmp(exact.Int(1)) > 0 || p.index == Jain && v.Sign() == 0):
		l.refuse(p.Path, ruleRange, fmt.Sprintf("%s is %s", p.Of, v), "write a number from 0 to 1, above 0 for "+Jain)
	}
}

// constant returns the value of an expression that uses no input.
func constant(e comity.Expr) (exact.Rat, bool) {
	if len(InputsOf(e)) > 0 {
		return exact.Rat{}, false
	}
	v, err := Eval(e, nil)
	return v, err == nil
}

// certain evaluates the parts of e that depend on no input, and returns the error of
// one that fails whatever is declared.
func certain(e comity.Expr) error {
	if len(InputsOf(e)) == 0 {
		_, err := Eval(e, func(string) (exact.Rat, error) { return exact.Rat{}, errors.ErrUnsupported })
		return err
	}
	for _, a := range e.Args {
		if err := certain(a); err != nil {
			return err
		}
	}
	if e.Op != "div" && e.Op != "round" || len(InputsOf(e.Args[1])) > 0 {
		return nil
	}
	// Any dividend will do: only the second argument decides.
	zero := exact.Int(0)
	_, err := Eval(comity.Expr{Op: e.Op, Args: []comity.Expr{{Op: "const", Value: &zero}, e.Args[1]}}, nil)
	return err
}
