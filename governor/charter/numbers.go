package charter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"comity"
	"comity/exact"
)

// place is one expression of a charter.
type place struct {
	path    string
	expr    comity.Expr
	forBody bool // One number for all; else one for each recipient.
}

// places returns the expressions of c in the order of the charter.
func places(c comity.Charter) []place {
	all := []place{{"objective.measure", c.Objective.Measure, false}}
	for i, g := range c.Objective.Groups {
		all = append(all, place{at("objective.groups", i) + ".need", g.Need, false})
	}
	for i, k := range c.Constraints {
		if k.AtMost != nil {
			all = append(all, place{at("constraints", i) + ".at_most", *k.AtMost, k.Kind == budget})
		}
		if k.AtLeast != nil {
			all = append(all, place{at("constraints", i) + ".at_least", *k.AtLeast, k.Kind == budget})
		}
	}
	return all
}

// expressions checks each expression and the inputs it uses.
func (l *linter) expressions() {
	known, banned := Inputs(l.c), map[string]string{}
	for _, c := range l.c.Constraints {
		for _, name := range c.Inputs {
			banned[name] = c.ID
		}
	}
	for _, p := range places(l.c) {
		if err := CheckExpr(p.expr); err != nil {
			l.refuse(p.path, ruleTree, err.Error(), "shorten the expression, or split the rule")
			continue
		}
		if err := certain(p.expr); err != nil {
			l.refuse(p.path, ruleConstant, "the expression always fails: "+err.Error(), "correct the constant")
		}
		for _, name := range InputsOf(p.expr) {
			l.input(p, name, known)
			if by, ok := banned[name]; ok {
				l.refuse(p.path, ruleForbids, fmt.Sprintf("the expression uses %s, which %s forbids", name, clip(by)), "take the input out of one of the two")
			}
		}
	}
}

func (l *linter) input(p place, name string, known []string) {
	space, _, _ := strings.Cut(name, ".")
	if _, ok := slices.BinarySearch(known, name); !ok {
		fix := "use one of " + strings.Join(known[:min(len(known), 30)], ", ")
		if best := Nearest(name, known); best != "" {
			fix = fmt.Sprintf("did you mean %s?", best)
		}
		l.refuse(p.path, ruleUnknown, "unknown input "+clip(name), fix)
	}
	if p.forBody && space != forAll && space != sumOfAll {
		l.refuse(p.path, ruleNotHere, fmt.Sprintf("a budget uses %s, which each party has its own of", clip(name)), "use supply and total values")
	}
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
