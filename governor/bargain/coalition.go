package bargain

import (
	"fmt"
	"slices"

	"comity/exact"
)

// MaxCoalitions bounds the coalitions of a game: all of 12 parties.
const MaxCoalitions = 1<<12 - 1

// Coalition is what some parties can do on their own: share a worth as they like, or reach
// utilities that cannot be moved between them. Exactly one of the two is given.
type Coalition struct {
	Members []int       // Places of the parties, ascending.
	Worth   exact.Rat   // Used if Utility is nil.
	Utility []exact.Rat // By member.
}

// Block is a coalition that does better without a draft, and by how much: in sum where it
// shares a worth, for the member that gains least where it does not.
type Block struct {
	Coalition int
	Gain      exact.Rat // Above 0.
}

// Core tells whether the worth of all together can be shared so that no coalition that
// shares its worth does better alone.
type Core struct {
	// Least is what all must get together for that, with each party at its outside option
	// or above.
	Least  exact.Rat
	Whole  exact.Rat   // The worth of all together.
	Shares []exact.Rat // By party, adding up to Least: they satisfy every coalition.
	// Balance has weights of the coalitions that prove that no less will do, by
	// coalition; what is missing to 1 at a party is the weight of its outside option.
	// Source: Bondareva (1963); Shapley, "On balanced sets and cores" (1967).
	Balance []exact.Rat
}

// Empty tells whether the core is empty.
func (c Core) Empty() bool { return c.Least.Cmp(c.Whole) > 0 }

// checkCoalitions refuses with ErrInput coalitions that are not of this game.
func (g Game) checkCoalitions(coalitions []Coalition) error {
	if len(coalitions) > MaxCoalitions {
		return fmt.Errorf("%w: %d coalitions, at most %d", ErrInput, len(coalitions), MaxCoalitions)
	}
	seen := map[string]bool{}
	for at, c := range coalitions {
		ascends := slices.IsSorted(c.Members) && len(slices.Compact(slices.Clone(c.Members))) == len(c.Members)
		if len(c.Members) == 0 || !ascends || c.Members[0] < 0 || c.Members[len(c.Members)-1] >= len(g.Parties) {
			return fmt.Errorf("%w: coalition %d has members %v of %d parties; name each once", ErrInput, at, c.Members, len(g.Parties))
		}
		name := fmt.Sprint(c.Members)
		if seen[name] {
			return fmt.Errorf("%w: coalition %d of %v is there twice", ErrInput, at, c.Members)
		}
		seen[name] = true
		if c.Utility != nil && len(c.Utility) != len(c.Members) {
			return fmt.Errorf("%w: coalition %d has utilities for %d of %d members", ErrInput, at, len(c.Utility), len(c.Members))
		}
	}
	return nil
}

// Blocks returns, for each draft, the coalitions that do better on their own than by its
// expected utilities; a draft that has none is in the core. A coalition whose utilities
// cannot be moved blocks if all of its members gain.
//
// Source: Gillies, "Solutions to general non-zero-sum games" (1959).
func (g Game) Blocks(coalitions []Coalition) ([][]Block, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	if err := g.checkCoalitions(coalitions); err != nil {
		return nil, err
	}
	out := make([][]Block, len(g.Drafts))
	for k := range g.Drafts {
		means := g.means(k)
		for at, c := range coalitions {
			if gain := c.gain(means); gain.Sign() > 0 {
				out[k] = append(out[k], Block{at, gain})
			}
		}
	}
	return out, nil
}

func (c Coalition) gain(means []exact.Rat) exact.Rat {
	if c.Utility == nil {
		gain := c.Worth
		for _, i := range c.Members {
			gain = gain.Sub(means[i])
		}
		return gain
	}
	gain := c.Utility[0].Sub(means[c.Members[0]])
	for at, i := range c.Members {
		gain = least(gain, c.Utility[at].Sub(means[i]))
	}
	return gain
}

// Core finds the least that satisfies all coalitions that share a worth. It fails with
// ErrNoWhole unless all parties together are one of them.
func (g Game) Core(coalitions []Coalition) (Core, error) {
	if err := g.Check(); err != nil {
		return Core{}, err
	}
	if err := g.checkCoalitions(coalitions); err != nil {
		return Core{}, err
	}
	whole := slices.IndexFunc(coalitions, func(c Coalition) bool { return c.Utility == nil && len(c.Members) == len(g.Parties) })
	if whole < 0 {
		return Core{}, fmt.Errorf("core: %w: add a coalition of all %d parties", ErrNoWhole, len(g.Parties))
	}
	outside := g.outside()
	// The dual: weights of coalitions that use up no party more than once and are worth as
	// much as possible beyond the outside options. Its prices are the shares.
	var p programme
	for range g.Parties {
		p.add(make([]exact.Rat, len(coalitions)), exact.Int(1))
	}
	p.c = make([]exact.Rat, len(coalitions))
	for at, c := range coalitions {
		if c.Utility != nil || at == whole {
			continue // A column of zeros: what all are worth is compared with the result.
		}
		p.c[at] = c.Worth
		for _, i := range c.Members {
			p.c[at] = p.c[at].Sub(outside[i])
			p.a[i][at] = exact.Int(1)
		}
	}
	o, err := p.solve()
	if err != nil {
		return Core{}, fmt.Errorf("core: %w", err)
	}
	out := Core{Least: o.value, Whole: coalitions[whole].Worth, Balance: o.x}
	for i := range g.Parties {
		out.Shares = append(out.Shares, outside[i].Add(o.prices[i]))
		out.Least = out.Least.Add(outside[i])
	}
	return out, nil
}
