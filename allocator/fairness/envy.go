package fairness

import (
	"fmt"

	"comity/exact"
)

// Division says who got which of several items that cannot be split, and what each
// agent thinks they are worth. Worth adds up over items.
type Division struct {
	Weights []exact.Rat   // Of each agent, above 0: their entitlements.
	Worth   [][]exact.Rat // Of each item to each agent, at least 0: Worth[agent][item].
	Owner   []int         // Of each item.
}

// EnvyFree returns ErrUnfair unless u_i(own)/w_i >= u_i(theirs)/w_j for all agents.
//
// Source: Foley, "Resource allocation and the public sector" (1967), with entitlements
// as in Chakraborty, Igarashi, Suksompong and Zick, "Weighted envy-freeness in
// indivisible item allocation", ACM TEAC 9 (2021), definition 2.1.
func (d Division) EnvyFree() error { return d.envy(false) }

// EnvyFreeButOne is EnvyFree after taking away, for each pair, the item of the other's
// that is worth most to the one who compares (EF1; for weights: definition 2.2 of the
// same source). Who owns nothing is envied by nobody.
func (d Division) EnvyFreeButOne() error { return d.envy(true) }

func (d Division) envy(butOne bool) error {
	if err := d.check(); err != nil {
		return err
	}
	for i := range d.Weights {
		value, best := d.bundles(i)
		for j := range d.Weights {
			theirs, rule := value[j], "envy-free"
			if butOne {
				theirs, rule = theirs.Sub(best[j]), "envy-free up to one item"
			}
			if i != j && value[i].Mul(d.Weights[j]).Cmp(theirs.Mul(d.Weights[i])) < 0 {
				return fmt.Errorf("%w: not %s: to agent %d of weight %s the own part is worth %s, and that of agent %d of weight %s is worth %s",
					ErrUnfair, rule, i, d.Weights[i], value[i], j, d.Weights[j], theirs)
			}
		}
	}
	return nil
}

// Proportional returns ErrUnfair unless each agent values the own part at w_i / W of the
// whole or more (Steinhaus, "The problem of fair division", Econometrica 16 (1948)).
func (d Division) Proportional() error {
	if err := d.check(); err != nil {
		return err
	}
	var weights exact.Rat
	for _, w := range d.Weights {
		weights = weights.Add(w)
	}
	for i, w := range d.Weights {
		value, _ := d.bundles(i)
		var whole exact.Rat
		for _, v := range value {
			whole = whole.Add(v)
		}
		if value[i].Mul(weights).Cmp(whole.Mul(w)) < 0 {
			return fmt.Errorf("%w: not proportional: to agent %d the own part is worth %s of %s, for weight %s of %s", ErrUnfair, i, value[i], whole, w, weights)
		}
	}
	return nil
}

// bundles returns what each agent's part, and the best item in it, is worth to agent i.
func (d Division) bundles(i int) (value, best []exact.Rat) {
	value, best = make([]exact.Rat, len(d.Weights)), make([]exact.Rat, len(d.Weights))
	for item, owner := range d.Owner {
		worth := d.Worth[i][item]
		value[owner] = value[owner].Add(worth)
		if best[owner].Cmp(worth) < 0 {
			best[owner] = worth
		}
	}
	return value, best
}

func (d Division) check() error {
	if err := check(d.Weights, d.Weights); err != nil {
		return fmt.Errorf("agents: %w", err)
	}
	if len(d.Worth) != len(d.Weights) || len(d.Owner) > MaxLength {
		return fmt.Errorf("%w: worth to %d agents of %d, %d items", ErrInput, len(d.Worth), len(d.Weights), len(d.Owner))
	}
	for i, worth := range d.Worth {
		if len(worth) != len(d.Owner) {
			return fmt.Errorf("%w: agent %d values %d items of %d", ErrInput, i, len(worth), len(d.Owner))
		}
		for item, v := range worth {
			if v.Sign() < 0 {
				return fmt.Errorf("%w: item %d is worth %s to agent %d, want at least 0", ErrInput, item, v, i)
			}
		}
	}
	for item, owner := range d.Owner {
		if owner < 0 || owner >= len(d.Weights) {
			return fmt.Errorf("%w: item %d belongs to agent %d of %d", ErrInput, item, owner, len(d.Weights))
		}
	}
	return nil
}
