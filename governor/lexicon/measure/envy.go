package measure

import (
	"errors"
	"fmt"

	"comity/allocator/fairness"
	"comity/exact"
	"comity/governor/lexicon"
)

func envyFree(d *lexicon.Data, g lexicon.Given) (lexicon.Verdict, error) {
	division, err := divisionOf(d)
	if err != nil {
		return lexicon.Verdict{}, err
	}
	envy, butOne := division.EnvyFree(), division.EnvyFreeButOne()
	for _, err := range []error{envy, butOne} {
		if err != nil && !errors.Is(err, fairness.ErrUnfair) {
			return lexicon.Verdict{}, undefined(d, err)
		}
	}
	v := lexicon.Verdict{Value: "EF", Holds: envy == nil, Rule: "nobody envies another"}
	switch {
	case butOne != nil:
		v.Value, v.Rule = "none", butOne.Error()
	case envy != nil && g.Count("but_one") == 1:
		v.Value, v.Holds, v.Rule = "EF1", true, "nobody envies another once one item is taken away"
	case envy != nil:
		v.Value, v.Rule = "EF1", envy.Error()
	}
	return v, nil
}

// names numbers words in the order in which they come.
type names struct {
	number map[string]int
	list   []string
}

func (n *names) of(word string) int {
	i, ok := n.number[word]
	if !ok {
		i = len(n.list)
		n.number[word] = i
		n.list = append(n.list, word)
	}
	return i
}

// maxAgents bounds a division: envy is compared for every pair.
const maxAgents = 1_000

// divisionOf reads one row for each agent and item. Every agent values every item once,
// and all rows agree on who owns it and on the agent's weight.
func divisionOf(d *lexicon.Data) (fairness.Division, error) {
	agents, items := names{number: map[string]int{}}, names{number: map[string]int{}}
	for i, item := range d.Words("item") {
		items.of(item)
		if agents.of(d.Words("agent")[i]) >= maxAgents {
			return fairness.Division{}, d.Refuse("agent", i, fmt.Sprintf("more than %d agents", maxAgents), "compare fewer")
		}
	}
	n, m := len(agents.list), len(items.list)
	if n == 0 || d.Rows() != n*m {
		return fairness.Division{}, undefined(d, fmt.Errorf("%d rows for %d agents and %d items, want one for each agent and item", d.Rows(), n, m))
	}
	division := fairness.Division{Weights: make([]exact.Rat, n), Worth: make([][]exact.Rat, n), Owner: make([]int, m)}
	for i := range division.Worth {
		division.Worth[i] = make([]exact.Rat, m)
	}
	valued, owned := make([]bool, n*m), make([]bool, m)
	for row, owner := range d.Words("owner") {
		agent, item := agents.of(d.Words("agent")[row]), items.of(d.Words("item")[row])
		by, known := agents.number[owner]
		w := d.Numbers("w")[row]
		switch {
		case !known:
			return division, d.Refuse("owner", row, fmt.Sprintf("owner %.40q is no agent", owner), "name an agent of the table")
		case valued[agent*m+item]:
			return division, d.Refuse("item", row, "the same agent and item have a second row", "write one row for each")
		case owned[item] && division.Owner[item] != by:
			return division, d.Refuse("owner", row, fmt.Sprintf("the item belongs to %.40q in another row", agents.list[division.Owner[item]]), "name one owner of each item")
		case division.Weights[agent].Sign() > 0 && division.Weights[agent].Cmp(w) != 0:
			return division, d.Refuse("w", row, fmt.Sprintf("the agent weighs %s in another row", division.Weights[agent]), "give each agent one weight")
		}
		valued[agent*m+item], owned[item] = true, true
		division.Owner[item], division.Weights[agent] = by, w
		division.Worth[agent][item] = d.Numbers("worth")[row]
	}
	return division, positive(d, "w")
}
