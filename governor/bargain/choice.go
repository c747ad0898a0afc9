package bargain

import (
	"fmt"
	"math/big"
	"slices"

	"comity/exact"
)

// Rule names a way to choose.
type Rule string

// The rules. Those of the first group look at expected utilities by party, those of the
// second at the weighted sum of all parties' utilities by scenario.
const (
	Nash             Rule = "nash"
	KalaiSmorodinsky Rule = "kalai-smorodinsky"
	Leximin          Rule = "leximin"
	Utilitarian      Rule = "utilitarian"
	Veil             Rule = "veil"

	MinimaxRegret Rule = "minimax-regret"
	CVaR          Rule = "cvar"
	Maximin       Rule = "maximin"
	Hurwicz       Rule = "hurwicz"
	Satisficing   Rule = "satisficing"
)

// Rules returns all rules in the order in which reports have them.
func Rules() []Rule {
	return []Rule{Nash, KalaiSmorodinsky, Leximin, Utilitarian, Veil, MinimaxRegret, CVaR, Maximin, Hurwicz, Satisficing}
}

// Choice is what a rule chooses out of the drafts.
type Choice struct {
	Rule Rule
	Best []int // Every draft that is best, in the order of the game.
	// Scores has a number for each draft, larger is better (for regret: smaller); nil
	// Scored at a draft that the rule does not admit. Leximin and Kalai-Smorodinsky score
	// by the first number that they compare.
	Scores []Enclosure
	Scored []bool
	// Levels has the sorted numbers of the best drafts, for leximin and Kalai-Smorodinsky.
	Levels []exact.Rat
	Why    string
}

// Value returns the score of the best drafts.
func (c Choice) Value() Enclosure { return c.Scores[c.Best[0]] }

// Choose applies a rule to the drafts. It fails with ErrInput if the game is not well
// formed, with ErrNoAgreement if the rule admits no draft, for satisficing with
// ErrNoMinimum, and for Nash with ErrTooLarge if gains and weights have too many digits.
func (g Game) Choose(rule Rule) (Choice, error) {
	if err := g.Check(); err != nil {
		return Choice{}, err
	}
	switch rule {
	case Nash:
		return g.nash()
	case KalaiSmorodinsky:
		return g.kalaiSmorodinsky()
	case Leximin:
		return g.leximin(), nil
	case Satisficing:
		return g.satisficing()
	default:
		return g.byScore(rule)
	}
}

// nash maximises the product of gains to the power of weights, which is to maximise
// sum w_i ln(u_i - d_i) without taking logarithms. A draft counts if all gains are above 0.
//
// Source: Nash, "The bargaining problem", Econometrica 18 (1950); with weights Kalai,
// "Nonsymmetric Nash solutions", International Journal of Game Theory 6 (1977).
func (g Game) nash() (Choice, error) {
	exponents, err := g.exponents()
	if err != nil {
		return Choice{}, err
	}
	c := g.empty(Nash)
	product := make([]exact.Rat, len(g.Drafts))
	for k, gain := range g.gains() {
		if c.Scored[k] = least(gain[0], gain...).Sign() > 0; c.Scored[k] {
			if product[k], err = powers(gain, exponents); err != nil {
				return c, fmt.Errorf("%s: draft %s: %w", Nash, g.Drafts[k].ID, err)
			}
			c.Scores[k] = root(product[k], sum(exponents)).outward()
		}
	}
	if err := settle(&c, product, "gives every party more than its outside option"); err != nil {
		return c, err
	}
	c.Why = "its gains over the outside options have the largest weighted geometric mean" + g.next(c, product)
	return c, nil
}

// kalaiSmorodinsky makes the least share (u_i - d_i)/(I_i - d_i) as large as it can, then
// the next, and so on. I_i is the best for party i among drafts that give nobody less than
// the outside option; who can gain nothing there has no share.
//
// Source: Kalai and Smorodinsky, "Other solutions to Nash's bargaining problem",
// Econometrica 43 (1975); lexicographically Imai, Econometrica 51 (1983).
func (g Game) kalaiSmorodinsky() (Choice, error) {
	c := g.empty(KalaiSmorodinsky)
	gains := g.gains()
	ideal := make([]exact.Rat, len(g.Parties))
	for k, gain := range gains {
		if c.Scored[k] = least(gain[0], gain...).Sign() >= 0; c.Scored[k] {
			for i := range ideal {
				ideal[i] = largest(ideal[i], gain[i])
			}
		}
	}
	shares := make([][]exact.Rat, len(g.Drafts))
	for k, gain := range gains {
		for i, ideal := range ideal {
			if share, err := gain[i].Quo(ideal); err == nil {
				shares[k] = append(shares[k], share)
			}
		}
	}
	if !slices.Contains(c.Scored, true) {
		return c, fmt.Errorf("%s: %w: no draft gives every party at least its outside option", c.Rule, ErrNoAgreement)
	}
	if len(shares[0]) == 0 {
		return c, fmt.Errorf("%s: %w: no draft gives anybody more and nobody less", c.Rule, ErrNoAgreement)
	}
	lexicographic(&c, shares)
	c.Why = fmt.Sprintf("the party that gets least of the most it could hope for gets %s of it%s", say(c.Levels[0]), g.tied(c))
	return c, nil
}

// leximin makes the least expected utility as large as it can, then the next, and so on.
func (g Game) leximin() Choice {
	c := g.empty(Leximin)
	utilities := make([][]exact.Rat, len(g.Drafts))
	for k := range g.Drafts {
		c.Scored[k], utilities[k] = true, g.means(k)
	}
	lexicographic(&c, utilities)
	c.Why = fmt.Sprintf("the worst off party gets %s, and where drafts tie on that the next worst decides%s", say(c.Levels[0]), g.tied(c))
	return c
}

// byScore applies the rules that give each draft a number of its own.
func (g Game) byScore(rule Rule) (Choice, error) {
	c := g.empty(rule)
	score := make([]exact.Rat, len(g.Drafts))
	for k := range g.Drafts {
		c.Scored[k] = true
		totals := g.totals(k)
		switch rule {
		case Utilitarian:
			score[k], c.Why = g.expected(totals), "the weighted sum of the expected utilities is largest"
		case Veil: // Harsanyi, Journal of Political Economy 63 (1955): every place is equally likely.
			mean, _ := total(g.means(k)).Quo(exact.Int(int64(len(g.Parties)))) // There is a party.
			score[k], c.Why = mean, "whoever does not know which party it will be expects most"
		case CVaR:
			score[k], c.Why = g.tail(totals), fmt.Sprintf("the mean total of the worst %s of the scenarios is largest", say(g.Tail))
		case Maximin: // Wald, "Statistical Decision Functions" (1950).
			score[k], c.Why = least(totals[0], totals...), "the total in its worst scenario is largest"
		case Hurwicz: // Cowles Commission discussion paper 370 (1951).
			high, low := largest(totals[0], totals...), least(totals[0], totals...)
			score[k] = high.Mul(g.Optimism).Add(low.Mul(exact.Int(1).Sub(g.Optimism)))
			c.Why = fmt.Sprintf("%s of its best and the rest of its worst total is largest", say(g.Optimism))
		case MinimaxRegret: // Savage, JASA 46 (1951).
			score[k], c.Why = g.regret(k), "in no scenario does its total fall further short of the best draft for it than this"
		default:
			return c, fmt.Errorf("%w: no rule %.40q", ErrInput, rule)
		}
		c.Scores[k] = exactly(score[k])
		if rule == MinimaxRegret {
			score[k] = score[k].Neg()
		}
	}
	err := settle(&c, score, "")
	c.Why += g.next(c, score)
	return c, err
}

// Regrets returns, by draft and scenario, how far the total stays behind the best draft for
// that scenario.
func (g Game) Regrets() [][]exact.Rat {
	out := make([][]exact.Rat, len(g.Drafts))
	best := g.totals(0)
	for k := range g.Drafts {
		out[k] = g.totals(k)
		for s, v := range out[k] {
			best[s] = largest(best[s], v)
		}
	}
	for k := range out {
		out[k] = minus(best, out[k])
	}
	return out
}

func (g Game) regret(k int) exact.Rat {
	r := g.Regrets()[k]
	return largest(r[0], r...)
}

// satisficing maximises the probability that every party reaches its stated minimum.
// Source: Simon, "A behavioral model of rational choice", QJE 69 (1955).
func (g Game) satisficing() (Choice, error) {
	c := g.empty(Satisficing)
	if !slices.ContainsFunc(g.Parties, func(p Party) bool { return p.Demands }) {
		return c, fmt.Errorf("%s: %w", Satisficing, ErrNoMinimum)
	}
	score := make([]exact.Rat, len(g.Drafts))
	for k, d := range g.Drafts {
		c.Scored[k] = true
		for s, scenario := range g.Scenarios {
			if !slices.ContainsFunc(g.indexes(), func(i int) bool {
				return g.Parties[i].Demands && d.Utility[i][s].Cmp(g.Parties[i].Minimum) < 0
			}) {
				score[k] = score[k].Add(scenario.Probability)
			}
		}
		c.Scores[k] = exactly(score[k])
	}
	err := settle(&c, score, "")
	c.Why = "every party reaches its minimum with the largest probability" + g.next(c, score)
	return c, err
}

func (g Game) indexes() []int {
	out := make([]int, len(g.Parties))
	for i := range out {
		out[i] = i
	}
	return out
}

func (g Game) empty(rule Rule) Choice {
	return Choice{Rule: rule, Scores: make([]Enclosure, len(g.Drafts)), Scored: make([]bool, len(g.Drafts))}
}

// settle finds the drafts of the largest score.
func settle(c *Choice, score []exact.Rat, demand string) error {
	for k := range score {
		switch {
		case !c.Scored[k]:
		case len(c.Best) == 0 || score[k].Cmp(score[c.Best[0]]) > 0:
			c.Best = []int{k}
		case score[k].Cmp(score[c.Best[0]]) == 0:
			c.Best = append(c.Best, k)
		}
	}
	if len(c.Best) == 0 {
		return fmt.Errorf("%s: %w: no draft %s", c.Rule, ErrNoAgreement, demand)
	}
	return nil
}

// lexicographic finds the drafts that are best by their numbers sorted upward. All drafts
// have as many.
func lexicographic(c *Choice, vectors [][]exact.Rat) {
	for k, v := range vectors {
		if !c.Scored[k] {
			continue
		}
		sorted := slices.SortedFunc(slices.Values(v), exact.Rat.Cmp)
		c.Scores[k] = exactly(sorted[0])
		switch order := slices.CompareFunc(sorted, c.Levels, exact.Rat.Cmp); {
		case c.Levels == nil || order > 0:
			c.Best, c.Levels = []int{k}, sorted
		case order == 0:
			c.Best = append(c.Best, k)
		}
	}
}

// next says which draft comes closest behind the best.
func (g Game) next(c Choice, score []exact.Rat) string {
	second := -1
	for k := range score {
		if c.Scored[k] && !slices.Contains(c.Best, k) && (second < 0 || score[k].Cmp(score[second]) > 0) {
			second = k
		}
	}
	if second < 0 || len(c.Best) > 1 {
		return g.tied(c)
	}
	return fmt.Sprintf("; next comes %s", g.Drafts[second].ID)
}

func (g Game) tied(c Choice) string {
	if len(c.Best) == 1 {
		return ""
	}
	return fmt.Sprintf("; %d drafts tie, and the rule prefers none of them", len(c.Best))
}

// say writes a number into a sentence: a short ratio as it is, a long one to six decimals.
// Whoever computes on takes Levels and Value.
func say(x exact.Rat) string {
	const readable, decimals = 12, 6
	if text := x.String(); len(text) <= readable {
		return text
	}
	return "about " + x.Big().FloatString(decimals)
}

// exponents returns the weights as coprime whole numbers, or ErrInput if they need more
// than MaxWeight in sum.
func (g Game) exponents() ([]int, error) {
	den, num := big.NewInt(1), new(big.Int)
	for _, p := range g.Parties {
		d := p.Weight.Big().Denom()
		if d.BitLen()+den.BitLen() > 64 {
			return nil, g.tooFine()
		}
		den.Mul(den, new(big.Int).Quo(d, new(big.Int).GCD(nil, nil, d, den)))
	}
	whole := make([]*big.Int, len(g.Parties))
	for i, p := range g.Parties {
		whole[i] = p.Weight.Mul(exact.FromBig(new(big.Rat).SetInt(den))).Floor()
		num.GCD(nil, nil, num, whole[i])
	}
	out, sum := make([]int, len(whole)), new(big.Int)
	for i := range whole {
		sum.Add(sum, whole[i].Quo(whole[i], num))
		if sum.Cmp(big.NewInt(MaxWeight)) > 0 {
			return nil, g.tooFine()
		}
		out[i] = int(whole[i].Int64())
	}
	return out, nil
}

func (g Game) tooFine() error {
	return fmt.Errorf("%w: as coprime whole numbers the weights of %d parties add up to more than %d; round them", ErrInput, len(g.Parties), MaxWeight)
}

// maxPower bounds products in bits: a root of one this long takes a fraction of a second.
const maxPower = 1 << 20

// powers returns the product of x_i^n_i, or ErrTooLarge.
func powers(x []exact.Rat, n []int) (exact.Rat, error) {
	length := 0
	for i := range x {
		length += bitsOf(x[i]) * n[i]
	}
	if length > maxPower {
		return exact.Rat{}, fmt.Errorf("%w: the product of gains has %d bits, at most %d; round utilities or weights", ErrTooLarge, length, maxPower)
	}
	num, den := big.NewInt(1), big.NewInt(1)
	for i := range x {
		v, e := x[i].Big(), big.NewInt(int64(n[i]))
		num.Mul(num, new(big.Int).Exp(v.Num(), e, nil))
		den.Mul(den, new(big.Int).Exp(v.Denom(), e, nil))
	}
	return exact.FromBig(new(big.Rat).SetFrac(num, den)), nil
}

// bitsOf is the length of a ratio.
func bitsOf(x exact.Rat) int {
	v := x.Big()
	return v.Num().BitLen() + v.Denom().BitLen()
}

func total(x []exact.Rat) (sum exact.Rat) {
	for _, v := range x {
		sum = sum.Add(v)
	}
	return sum
}

func sum(n []int) (total int) {
	for _, v := range n {
		total += v
	}
	return total
}
