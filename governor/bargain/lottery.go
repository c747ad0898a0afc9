package bargain

import (
	"fmt"
	"slices"

	"comity/exact"
)

// Lottery is what a rule chooses among all lotteries over the drafts: the parties agree on
// the chances, and a public draw decides. Utilities are expected ones.
type Lottery struct {
	Rule      Rule
	Chances   []exact.Rat // By draft; they add up to 1.
	Value     Enclosure   // Of the best lottery.
	Utilities []Enclosure // By party, under the best lottery.
	Levels    []exact.Rat // As in Choice.
	// Gap is by how much the logarithm of the weighted geometric mean of the gains could
	// still rise, for Nash, whose chances are roots of polynomials and are given as decimals;
	// 0 for all others, which are exact.
	Gap exact.Rat
	Why string
}

// LotteryRules returns the rules that a lottery can do better by than a draft. The others
// are linear in the chances, so that the best drafts are also the best lotteries.
func LotteryRules() []Rule {
	return []Rule{Nash, KalaiSmorodinsky, Leximin, MinimaxRegret, CVaR}
}

// Mix applies a rule to all lotteries over the drafts, in which utilities form a convex set
// as bargaining theory has it. It fails like Choose, and with ErrTooLarge beyond
// MaxProgramme.
func (g Game) Mix(rule Rule) (Lottery, error) {
	if err := g.Check(); err != nil {
		return Lottery{}, err
	}
	switch rule {
	case Nash:
		return g.mixNash()
	case KalaiSmorodinsky:
		return g.mixKalaiSmorodinsky()
	case Leximin:
		return g.mixLeximin()
	case MinimaxRegret:
		return g.mixRegret()
	case CVaR:
		return g.mixTail()
	default:
		return Lottery{}, fmt.Errorf("%w: %.40q has no lotteries: the best drafts are as good as any", ErrInput, rule)
	}
}

func (g Game) mixLeximin() (Lottery, error) {
	utilities := make([][]exact.Rat, len(g.Drafts))
	for k := range g.Drafts {
		utilities[k] = g.means(k)
	}
	chances, levels, err := ladder(utilities, nil)
	if err != nil {
		return Lottery{}, fmt.Errorf("%s: %w", Leximin, err)
	}
	l := g.lottery(Leximin, chances, exactly(levels[0]))
	l.Levels = levels
	l.Why = fmt.Sprintf("the worst off party expects %s, and no chances promise it more", say(levels[0]))
	return l, nil
}

func (g Game) mixKalaiSmorodinsky() (Lottery, error) {
	gains := g.gains()
	ideal, err := ideals(gains)
	if err != nil {
		return Lottery{}, fmt.Errorf("%s: %w", KalaiSmorodinsky, err)
	}
	shares := make([][]exact.Rat, len(g.Drafts))
	for k := range gains {
		for i, ideal := range ideal {
			if share, err := gains[k][i].Quo(ideal); err == nil {
				shares[k] = append(shares[k], share)
			}
		}
	}
	if len(shares[0]) == 0 {
		return Lottery{}, fmt.Errorf("%s: %w: no lottery gives anybody more and nobody less", KalaiSmorodinsky, ErrNoAgreement)
	}
	chances, levels, err := ladder(shares, gains)
	if err != nil {
		return Lottery{}, fmt.Errorf("%s: %w", KalaiSmorodinsky, err)
	}
	l := g.lottery(KalaiSmorodinsky, chances, exactly(levels[0]))
	l.Levels = levels
	l.Why = fmt.Sprintf("every party that can gain gets at least %s of the most it could hope for, and no chances promise all of them more", say(levels[0]))
	return l, nil
}

// mixRegret solves the game against nature whose payments are the regrets.
func (g Game) mixRegret() (Lottery, error) {
	n := len(g.Drafts)
	p := simplexOf(n, 1)
	regrets := g.Regrets()
	for s := range g.Scenarios {
		row := make([]exact.Rat, n+1)
		for k := range regrets {
			row[k] = regrets[k][s]
		}
		row[n] = exact.Int(-1)
		p.add(row, exact.Rat{})
	}
	p.c[n] = exact.Int(-1)
	o, err := p.bounded()
	if err != nil {
		return Lottery{}, fmt.Errorf("%s: %w", MinimaxRegret, err)
	}
	l := g.lottery(MinimaxRegret, o.x[:n], exactly(o.x[n]))
	l.Why = fmt.Sprintf("in no scenario does its expected total fall short of the best draft by more than %s", say(o.x[n]))
	return l, nil
}

// mixTail maximises z - (1/tail) sum p_s max(0, z - total_s) over chances and z: Rockafellar
// and Uryasev's form of the mean of the worst cases, theorem 1.
func (g Game) mixTail() (Lottery, error) {
	n, scenarios := len(g.Drafts), len(g.Scenarios)
	totals := make([][]exact.Rat, n)
	floor := g.totals(0)[0]
	for k := range totals {
		totals[k] = g.totals(k)
		floor = least(floor, totals[k]...)
	}
	p := simplexOf(n, 1+scenarios)
	p.c[n] = exact.Int(1)
	for s, scenario := range g.Scenarios {
		row := make([]exact.Rat, n+1+scenarios)
		for k := range totals {
			row[k] = floor.Sub(totals[k][s]) // Shifted, so that z is at least 0.
		}
		row[n], row[n+1+s] = exact.Int(1), exact.Int(-1)
		p.add(row, exact.Rat{})
		cost, _ := scenario.Probability.Quo(g.Tail) // Above 0.
		p.c[n+1+s] = cost.Neg()
	}
	o, err := p.bounded()
	if err != nil {
		return Lottery{}, fmt.Errorf("%s: %w", CVaR, err)
	}
	value := o.value.Add(floor)
	l := g.lottery(CVaR, o.x[:n], exactly(value))
	l.Why = fmt.Sprintf("the mean expected total of the worst %s of the scenarios is %s, and no chances promise more", say(g.Tail), say(value))
	return l, nil
}

// lottery works out what the parties expect.
func (g Game) lottery(rule Rule, chances []exact.Rat, value Enclosure) Lottery {
	l := Lottery{Rule: rule, Chances: chances, Value: value, Utilities: make([]Enclosure, len(g.Parties))}
	expected := make([]exact.Rat, len(g.Parties))
	for k, chance := range chances {
		for i, u := range g.means(k) {
			expected[i] = expected[i].Add(u.Mul(chance))
		}
	}
	for i, u := range expected {
		l.Utilities[i] = exactly(u)
	}
	return l
}

// ideals returns the most that each party could gain if no other gains less than 0.
func ideals(gains [][]exact.Rat) ([]exact.Rat, error) {
	out := make([]exact.Rat, len(gains[0]))
	for i := range out {
		p := simplexOf(len(gains), 0)
		for j := range gains[0] {
			p.add(column(gains, j, 0), exact.Rat{})
		}
		for k := range gains {
			p.c[k] = gains[k][i]
		}
		o, err := p.bounded()
		if err != nil {
			return nil, noLottery(err)
		}
		out[i] = o.value
	}
	return out, nil
}

// ladder finds chances that make the least of the expected numbers as large as possible,
// then the next, and so on; floors, if there are any, are to stay at 0 or more. Numbers whose
// row has a price above 0 are as large as they are in every optimum, by complementary
// slackness, and are settled.
func ladder(numbers, floors [][]exact.Rat) (chances, levels []exact.Rat, err error) {
	n, m := len(numbers), len(numbers[0])
	low := numbers[0][0]
	for _, v := range numbers {
		low = least(low, v...)
	}
	settled := make([]bool, m)
	levels = make([]exact.Rat, m)
	for slices.Contains(settled, false) {
		p := simplexOf(n, 1)
		p.c[n] = exact.Int(1)
		first := len(p.b)
		for i := range m {
			row := column(numbers, i, 1)
			for k := range n {
				row[k] = row[k].Add(low) // Shifted, so that the level is at least 0.
			}
			bound := low.Sub(levels[i])
			if !settled[i] {
				row[n], bound = exact.Int(1), exact.Rat{}
			}
			p.add(row, bound)
		}
		if len(floors) > 0 {
			for i := range floors[0] {
				p.add(column(floors, i, 1), exact.Rat{})
			}
		}
		o, err := p.bounded()
		if err != nil {
			return nil, nil, noLottery(err)
		}
		for i := range m {
			if !settled[i] && o.prices[first+i].Sign() > 0 {
				settled[i], levels[i] = true, o.value.Add(low)
			}
		}
		chances = o.x[:n]
	}
	slices.SortFunc(levels, exact.Rat.Cmp)
	return chances, levels, nil
}

// simplexOf begins a programme over the chances of n drafts, which add up to 1, and more
// variables behind them.
func simplexOf(n, more int) *programme {
	p := &programme{c: make([]exact.Rat, n+more)}
	for _, side := range []int64{1, -1} {
		row := make([]exact.Rat, n+more)
		for k := range n {
			row[k] = exact.Int(side)
		}
		p.add(row, exact.Int(side))
	}
	return p
}

// column returns the negated numbers of one kind by draft, with room for more variables.
func column(numbers [][]exact.Rat, i, more int) []exact.Rat {
	row := make([]exact.Rat, len(numbers)+more)
	for k := range numbers {
		row[k] = numbers[k][i].Neg()
	}
	return row
}

// bounded solves a programme of a size that is answered in seconds.
func (p *programme) bounded() (optimum, error) {
	rows, columns := len(p.b), len(p.c)
	longest := 0
	for _, row := range p.a {
		for _, v := range row {
			longest = max(longest, bitsOf(v))
		}
	}
	const word = 256 // Numbers of people stay below.
	if work := rows * columns * min(rows, columns) * (1 + longest/word); work > MaxProgramme {
		return optimum{}, fmt.Errorf("%w: %d rows of %d columns are about %d steps, at most %d; take fewer scenarios, drafts or digits", ErrTooLarge, rows, columns, work, MaxProgramme)
	}
	return p.solve()
}
