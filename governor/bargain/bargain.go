// Package bargain shows the parties what drafts of a charter mean before they sign: which
// draft, or lottery over drafts, each rule of bargaining chooses and why, which drafts are
// dominated, who would leave, which coalitions block, and who decides in a voting table.
//
// Everything is computed from utilities by party and scenario, in exact rational numbers.
// Where a result is irrational it is an Enclosure that surely holds it. Rules over a finite
// set name every draft that is best, as a tie is for the parties to settle; none of them
// looks at the names of parties or drafts, or at their order.
package bargain

import (
	"errors"
	"fmt"
	"slices"

	"comity/exact"
	"comity/party"
)

// Bounds of a game. A charter has at most 30 parties; linear programmes over lotteries in
// exact numbers end within seconds up to these (BenchmarkMix).
const (
	MaxParties   = 30
	MaxDrafts    = 32
	MaxScenarios = 1000
	// MaxWeight bounds the sum of the weights as coprime whole numbers: products of gains
	// have them as exponents.
	MaxWeight = 1000
	// MaxProgramme bounds rows times columns times the smaller of both, times the length of
	// numbers in units of 256 bits: about the work of one linear programme over lotteries.
	MaxProgramme = 1 << 16
)

var (
	// ErrInput says that a game, table or frontier is not well formed.
	ErrInput = errors.New("not a bargain")
	// ErrNoAgreement says that nothing on the table is better than the outside options in
	// the sense that a rule asks for.
	ErrNoAgreement = errors.New("nothing on the table beats the outside options")
	// ErrNoMinimum says that nobody stated a minimum to satisfy.
	ErrNoMinimum = errors.New("no party states a minimum")
	// ErrNoWhole says that nobody said what all parties together are worth.
	ErrNoWhole = errors.New("all parties together have no worth to share")
	// ErrTooLarge says that a question is beyond what is answered exactly.
	ErrTooLarge = errors.New("too large to answer exactly")
)

// Game is what the parties bargain about.
type Game struct {
	Parties   []Party
	Scenarios []Scenario
	Drafts    []Draft
	// Tail is the share of worst cases that CVaR and rationality look at, above 0 and at
	// most 1; the charter design takes 1/10.
	Tail exact.Rat
	// Optimism is the weight of the best scenario in Hurwicz's rule, 0 to 1.
	Optimism exact.Rat
}

// Party is one side of the table. Its utilities are in a unit of its own choice; rules that
// compare parties (leximin, utilitarian, veil) need one unit for all.
type Party struct {
	ID      party.ID
	Weight  exact.Rat   // Above 0; all equal for the plain rules.
	Outside []exact.Rat // Utility without an agreement, by scenario.
	Minimum exact.Rat   // What satisfies it in a scenario; used if Demands.
	Demands bool
}

// Scenario is one future of the ensemble.
type Scenario struct {
	Name        string
	Probability exact.Rat // Above 0; they add up to 1.
}

// Draft is one charter on the table.
type Draft struct {
	ID      string
	Utility [][]exact.Rat // By party, then by scenario.
	// Alone is, by party, its expected utility if it alone breaks the draft and the others
	// keep it; nil if nobody worked that out.
	Alone []exact.Rat
}

// Check refuses with ErrInput what no rule is defined for.
func (g Game) Check() error {
	if n := len(g.Parties); n < 1 || n > MaxParties {
		return fmt.Errorf("%w: %d parties, want 1 to %d", ErrInput, n, MaxParties)
	}
	if n := len(g.Drafts); n < 1 || n > MaxDrafts {
		return fmt.Errorf("%w: %d drafts, want 1 to %d", ErrInput, n, MaxDrafts)
	}
	if n := len(g.Scenarios); n < 1 || n > MaxScenarios {
		return fmt.Errorf("%w: %d scenarios, want 1 to %d", ErrInput, n, MaxScenarios)
	}
	one := exact.Int(1)
	if g.Tail.Sign() <= 0 || g.Tail.Cmp(one) > 0 {
		return fmt.Errorf("%w: a tail of %s, want above 0 and at most 1", ErrInput, g.Tail)
	}
	if g.Optimism.Sign() < 0 || g.Optimism.Cmp(one) > 0 {
		return fmt.Errorf("%w: an optimism of %s, want 0 to 1", ErrInput, g.Optimism)
	}
	return errors.Join(g.checkScenarios(), g.checkParties(), g.checkDrafts())
}

func (g Game) checkScenarios() error {
	var sum exact.Rat
	names := map[string]bool{}
	for _, s := range g.Scenarios {
		if s.Name == "" || names[s.Name] {
			return fmt.Errorf("%w: scenario %.40q has no name or is there twice", ErrInput, s.Name)
		}
		if s.Probability.Sign() <= 0 {
			return fmt.Errorf("%w: scenario %.40q has probability %s, want above 0", ErrInput, s.Name, s.Probability)
		}
		names[s.Name] = true
		sum = sum.Add(s.Probability)
	}
	if sum.Cmp(exact.Int(1)) != 0 {
		return fmt.Errorf("%w: the probabilities add up to %s, want 1", ErrInput, sum)
	}
	return nil
}

func (g Game) checkParties() error {
	seen := map[party.ID]bool{}
	for _, p := range g.Parties {
		if seen[p.ID] {
			return fmt.Errorf("%w: party %q is there twice", ErrInput, p.ID)
		}
		seen[p.ID] = true
		if p.Weight.Sign() <= 0 {
			return fmt.Errorf("%w: party %s has weight %s, want above 0", ErrInput, p.ID, p.Weight)
		}
		if len(p.Outside) != len(g.Scenarios) {
			return fmt.Errorf("%w: party %s has outside options for %d of %d scenarios", ErrInput, p.ID, len(p.Outside), len(g.Scenarios))
		}
	}
	_, err := g.exponents()
	return err
}

func (g Game) checkDrafts() error {
	seen := map[string]bool{}
	for _, d := range g.Drafts {
		if d.ID == "" || seen[d.ID] {
			return fmt.Errorf("%w: draft %.40q has no id or is there twice", ErrInput, d.ID)
		}
		seen[d.ID] = true
		if len(d.Utility) != len(g.Parties) || d.Alone != nil && len(d.Alone) != len(g.Parties) {
			return fmt.Errorf("%w: draft %.40q has utilities of %d and defections of %d of %d parties", ErrInput, d.ID, len(d.Utility), len(d.Alone), len(g.Parties))
		}
		for i, u := range d.Utility {
			if len(u) != len(g.Scenarios) {
				return fmt.Errorf("%w: draft %.40q has utilities of %s for %d of %d scenarios", ErrInput, d.ID, g.Parties[i].ID, len(u), len(g.Scenarios))
			}
		}
	}
	return nil
}

// expected returns the mean over scenarios.
func (g Game) expected(byScenario []exact.Rat) (sum exact.Rat) {
	for s, u := range byScenario {
		sum = sum.Add(u.Mul(g.Scenarios[s].Probability))
	}
	return sum
}

// tail returns the mean of the worst Tail of the scenarios, of which the last one counts in
// part. Source: Rockafellar and Uryasev, "Optimization of conditional value-at-risk",
// Journal of Risk 2 (2000).
func (g Game) tail(byScenario []exact.Rat) exact.Rat {
	left, sum := g.Tail, exact.Rat{}
	for _, s := range ascending(byScenario) {
		part := least(left, g.Scenarios[s].Probability)
		sum = sum.Add(byScenario[s].Mul(part))
		left = left.Sub(part)
	}
	mean, _ := sum.Quo(g.Tail) // Above 0.
	return mean
}

// means returns the expected utilities of a draft by party.
func (g Game) means(draft int) []exact.Rat {
	out := make([]exact.Rat, len(g.Parties))
	for i, u := range g.Drafts[draft].Utility {
		out[i] = g.expected(u)
	}
	return out
}

// outside returns the expected outside options by party.
func (g Game) outside() []exact.Rat {
	out := make([]exact.Rat, len(g.Parties))
	for i, p := range g.Parties {
		out[i] = g.expected(p.Outside)
	}
	return out
}

// gains returns what each draft gives each party beyond its outside option.
func (g Game) gains() [][]exact.Rat {
	outside := g.outside()
	out := make([][]exact.Rat, len(g.Drafts))
	for k := range g.Drafts {
		out[k] = minus(g.means(k), outside)
	}
	return out
}

// totals returns the weighted sum of the utilities under a draft by scenario.
func (g Game) totals(draft int) []exact.Rat {
	out := make([]exact.Rat, len(g.Scenarios))
	for i, p := range g.Parties {
		for s, u := range g.Drafts[draft].Utility[i] {
			out[s] = out[s].Add(u.Mul(p.Weight))
		}
	}
	return out
}

func minus(x, y []exact.Rat) []exact.Rat {
	out := make([]exact.Rat, len(x))
	for i := range x {
		out[i] = x[i].Sub(y[i])
	}
	return out
}

func least(x exact.Rat, more ...exact.Rat) exact.Rat {
	return slices.MinFunc(append(more, x), exact.Rat.Cmp)
}

func largest(x exact.Rat, more ...exact.Rat) exact.Rat {
	return slices.MaxFunc(append(more, x), exact.Rat.Cmp)
}

// ascending returns places from the smallest value up; ties keep their order.
func ascending(x []exact.Rat) []int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return x[i].Cmp(x[j]) })
	return order
}
