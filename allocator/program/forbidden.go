package program

import (
	"fmt"
	"slices"
	"strings"

	"comity"
)

// checkForbidden refuses a charter one of whose expressions uses an input that one of
// its forbidden_inputs clauses names. What a party must not be judged by must not be
// summed either: party.<value> forbids total.<value>.
func checkForbidden(c comity.Charter) error {
	for _, clause := range c.Constraints {
		if clause.Kind != "forbidden_inputs" {
			continue
		}
		for _, use := range expressions(c) {
			for _, name := range inputNames(use.expr) {
				value, summed := strings.CutPrefix(name, "total.")
				if slices.Contains(clause.Inputs, name) || summed && slices.Contains(clause.Inputs, "party."+value) {
					return fmt.Errorf("clause %s: %w: %s uses %s; change the expression or amend the clause", clause.ID, ErrForbidden, use.where, name)
				}
			}
		}
	}
	return nil
}

type expression struct {
	where string
	expr  comity.Expr
}

// expressions lists every expression that a problem is computed from.
func expressions(c comity.Charter) []expression {
	list := []expression{{"the objective's measure", c.Objective.Measure}}
	for _, g := range c.Objective.Groups {
		list = append(list, expression{"the need of group " + g.ID, g.Need})
	}
	for _, k := range c.Constraints {
		if k.AtMost != nil {
			list = append(list, expression{"at_most of " + k.ID, *k.AtMost})
		}
		if k.AtLeast != nil {
			list = append(list, expression{"at_least of " + k.ID, *k.AtLeast})
		}
	}
	return list
}

func inputNames(e comity.Expr) []string {
	var names []string
	if e.Op == "input" {
		names = append(names, e.Name)
	}
	for _, arg := range e.Args {
		names = append(names, inputNames(arg)...)
	}
	return names
}
