package measure

import (
	"errors"
	"fmt"

	"comity/allocator/fairness"
	"comity/exact"
	"comity/governor/lexicon"
)

func leximin(d *lexicon.Data, _ lexicon.Given) (lexicon.Verdict, error) {
	order, err := fairness.CompareLeximin(d.Numbers("x"), d.Numbers("y"))
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	rule := map[int]string{1: "x is better than y", 0: "x has the quantities of y", -1: "y is better than x"}[order]
	return lexicon.Verdict{Value: fmt.Sprint(order), Holds: order >= 0, Rule: rule}, nil
}

func maximin(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	least, err := fairness.Least(d.Numbers("x"))
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	v := atLeast(lexicon.Verdict{Value: least.String()}, "the least x, "+least.String()+",", least, g)
	others := d.Numbers("y")
	if others == nil {
		return v, nil
	}
	other, err := fairness.Least(others)
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	rule := fmt.Sprintf("the least x, %s, is at least the least y, %s", least, other)
	if least.Cmp(other) < 0 {
		rule = fmt.Sprintf("the least x, %s, is below the least y, %s", least, other)
	}
	if _, bounded := g.Number("at_least"); bounded {
		rule += "; " + v.Rule
	}
	v.Holds, v.Rule = v.Holds && least.Cmp(other) >= 0, rule
	return v, nil
}

func proportional(d *lexicon.Data, _ lexicon.Given) (lexicon.Verdict, error) {
	x, w, err := weighted(d)
	if err != nil {
		return lexicon.Verdict{}, err
	}
	unfair := fairness.Proportional(x, w)
	if unfair != nil && !errors.Is(unfair, fairness.ErrUnfair) {
		return lexicon.Verdict{}, undefined(d, unfair)
	}
	v := lexicon.Verdict{Holds: unfair == nil, Rule: "all have the same for each unit of weight"}
	if unfair != nil {
		v.Rule = unfair.Error()
	}
	least, _ := x[0].Quo(w[0]) // No weight is 0.
	most := least
	for i := range x {
		each, _ := x[i].Quo(w[i])
		if each.Cmp(least) < 0 {
			least = each
		}
		if each.Cmp(most) > 0 {
			most = each
		}
	}
	v.Value = most.Sub(least).String()
	return v, nil
}

func gini(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	v, value, err := ratio(d, fairness.WeightedGini)
	if err != nil {
		return v, err
	}
	return atMost(v, "the value "+v.Value, value, g, "at_most"), nil
}

func jain(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	v, value, err := ratio(d, fairness.WeightedJain)
	if err != nil {
		return v, err
	}
	return atLeast(v, "the value "+v.Value, value, g), nil
}

// ratio computes an exact measure of weighted quantities.
func ratio(d *lexicon.Data, of func(x, w []exact.Rat) (exact.Rat, error)) (v lexicon.Verdict, value exact.Rat, err error) {
	x, w, err := weighted(d)
	if err != nil {
		return v, value, err
	}
	if value, err = of(x, w); err != nil {
		return v, value, undefined(d, err)
	}
	return lexicon.Verdict{Value: value.String()}, value, nil
}

func theilT(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	return interval(d, g, fairness.WeightedTheilT)
}

func theilL(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	return interval(d, g, fairness.WeightedTheilL)
}

func atkinson(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	e, _ := g.Number("e")
	return interval(d, g, func(x, w []exact.Rat) (fairness.Interval, error) { return fairness.WeightedAtkinson(e, x, w) })
}

// interval computes an enclosed measure of weighted quantities.
func interval(d *lexicon.Data, g lexicon.Given, of func(x, w []exact.Rat) (fairness.Interval, error)) (lexicon.Verdict, error) {
	x, w, err := weighted(d)
	if err != nil {
		return lexicon.Verdict{}, err
	}
	i, err := of(x, w)
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	v, _, most := enclosed(i.Low, i.High)
	return atMost(v, "the upper end "+v.High, most, g, "at_most"), nil
}

func demographicParity(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	return parity(d, g, fairness.DemographicParity)
}

func equalOpportunity(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	return parity(d, g, fairness.EqualOpportunity)
}

func parity(d *lexicon.Data, g lexicon.Given, of func([]fairness.Count, exact.Rat) (fairness.Disparity, error)) (lexicon.Verdict, error) {
	counts := make([]fairness.Count, d.Rows())
	seen := map[string]bool{}
	for i, group := range d.Words("group") {
		yes, all := d.Numbers("yes")[i], d.Numbers("of")[i]
		switch {
		case seen[group]:
			return lexicon.Verdict{}, d.Refuse("group", i, fmt.Sprintf("group %.40q has a second row", group), "write one row for each group")
		case yes.Cmp(all) > 0:
			return lexicon.Verdict{}, d.Refuse("yes", i, fmt.Sprintf("%s yes out of %s", yes, all), "count at most all")
		}
		seen[group] = true
		counts[i] = fairness.Count{Group: group, Yes: yes.Floor().Int64(), Of: all.Floor().Int64()}
	}
	confidence, _ := g.Number("confidence")
	p, err := of(counts, confidence)
	if err != nil {
		return lexicon.Verdict{}, undefined(d, err)
	}
	v, _, most := estimated(p.Point, p.Low, p.High)
	v = atMost(v, "the upper end "+v.High, most, g, "at_most")
	v.Rule += fmt.Sprintf("; the most in %.40q, the fewest in %.40q", p.Most, p.Fewest)
	return v, nil
}

// weighted returns quantities and weights, which are above 0.
func weighted(d *lexicon.Data) (x, w []exact.Rat, err error) {
	x, w = d.Numbers("x"), d.Numbers("w")
	if d.Rows() == 0 {
		return nil, nil, undefined(d, errors.New("there is no row"))
	}
	return x, w, positive(d, "w")
}

// positive refuses a number that is not above 0.
func positive(d *lexicon.Data, column string) error {
	for i, v := range d.Numbers(column) {
		if v.Sign() <= 0 {
			return d.Refuse(column, i, fmt.Sprintf("%s is %s", column, v), "write a number above 0")
		}
	}
	return nil
}

// undefined points at the file as a whole.
func undefined(d *lexicon.Data, err error) error {
	return d.Refuse("", 0, err.Error(), "see what the term is defined for with comity words show")
}
