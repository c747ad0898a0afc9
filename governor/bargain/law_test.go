package bargain_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/exact"
	"comity/governor/bargain"
)

// drawGame draws small games in which ties and outside options that bind are common.
func drawGame(t *rapid.T, parties, drafts int) bargain.Game {
	outside := rapid.SliceOfN(rapid.Int64Range(0, 3), parties, parties).Draw(t, "outside")
	var utilities [][]int64
	for range drafts {
		utilities = append(utilities, rapid.SliceOfN(rapid.Int64Range(0, 9), parties, parties).Draw(t, "utilities"))
	}
	g := point(outside, utilities...)
	for i := range g.Parties {
		g.Parties[i].Weight = exact.Int(rapid.Int64Range(1, 3).Draw(t, "weight"))
	}
	return g
}

func anyGame(t *rapid.T) bargain.Game {
	return drawGame(t, rapid.IntRange(1, 4).Draw(t, "parties"), rapid.IntRange(1, 5).Draw(t, "drafts"))
}

// best returns the drafts that a rule chooses, or nil if it admits none.
func best(t *rapid.T, g bargain.Game, rule bargain.Rule) []int {
	t.Helper()
	c, err := g.Choose(rule)
	if errors.Is(err, bargain.ErrNoAgreement) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return c.Best
}

func drawRule(t *rapid.T, rules ...bargain.Rule) bargain.Rule {
	return rapid.SampledFrom(rules).Draw(t, "rule")
}

// replaced returns a game with every utility passed through a function.
func replaced(g bargain.Game, of func(party int, u exact.Rat) exact.Rat) bargain.Game {
	out := g
	out.Parties, out.Drafts = slices.Clone(g.Parties), slices.Clone(g.Drafts)
	through := func(i int, u []exact.Rat) []exact.Rat {
		mapped := make([]exact.Rat, len(u))
		for s := range u {
			mapped[s] = of(i, u[s])
		}
		return mapped
	}
	for i := range out.Parties {
		out.Parties[i].Outside = through(i, g.Parties[i].Outside)
	}
	for k := range out.Drafts {
		out.Drafts[k].Utility = make([][]exact.Rat, len(g.Parties))
		for i := range g.Parties {
			out.Drafts[k].Utility[i] = through(i, g.Drafts[k].Utility[i])
		}
	}
	return out
}

// Nash and Kalai-Smorodinsky do not depend on the unit or origin of any party's utility;
// all rules that compare parties do not depend on the common ones.
func TestUnitsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGame(t)
		scales := rapid.SliceOfN(rapid.Int64Range(1, 7), 4, 4).Draw(t, "scales")
		shifts := rapid.SliceOfN(rapid.Int64Range(-9, 9), 4, 4).Draw(t, "shifts")
		each := func(i int, u exact.Rat) exact.Rat { return u.Mul(exact.Int(scales[i])).Add(exact.Int(shifts[i])) }
		all := func(_ int, u exact.Rat) exact.Rat { return each(0, u) }
		rule := drawRule(t, bargain.Nash, bargain.KalaiSmorodinsky)
		if a, b := best(t, g, rule), best(t, replaced(g, each), rule); !slices.Equal(a, b) {
			t.Fatalf("%s picks %v, in other units %v", rule, a, b)
		}
		rule = drawRule(t, bargain.Leximin, bargain.Utilitarian, bargain.Veil, bargain.MinimaxRegret, bargain.CVaR, bargain.Maximin, bargain.Hurwicz)
		if a, b := best(t, g, rule), best(t, replaced(g, all), rule); !slices.Equal(a, b) {
			t.Fatalf("%s picks %v, in another unit %v", rule, a, b)
		}
	})
}

// Names and order of parties and drafts do not matter.
func TestSymmetry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGame(t)
		rule := drawRule(t, slices.DeleteFunc(bargain.Rules(), func(r bargain.Rule) bool { return r == bargain.Satisficing })...)
		turned := g
		turned.Parties, turned.Drafts = slices.Clone(g.Parties), slices.Clone(g.Drafts)
		slices.Reverse(turned.Parties)
		slices.Reverse(turned.Drafts)
		for k, d := range turned.Drafts {
			d.Utility = slices.Clone(d.Utility)
			slices.Reverse(d.Utility)
			turned.Drafts[k] = d
		}
		want := best(t, g, rule)
		var got []int
		for _, k := range best(t, turned, rule) {
			got = append(got, len(g.Drafts)-1-k)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s picks %v, turned around %v", rule, want, got)
		}
	})
}

// What is chosen is not dominated, and Nash and Kalai-Smorodinsky leave nobody worse off
// than outside.
func TestChosenDraftsAreEfficientAndRational(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGame(t)
		standings, err := g.Standings()
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range []bargain.Rule{bargain.Nash, bargain.KalaiSmorodinsky, bargain.Leximin, bargain.Utilitarian, bargain.Veil} {
			for _, k := range best(t, g, rule) {
				unfair := slices.ContainsFunc(standings[k].Parties, func(i bargain.Interest) bool { return !i.Rational() })
				if len(standings[k].Dominated) > 0 || unfair && (rule == bargain.Nash || rule == bargain.KalaiSmorodinsky) {
					t.Fatalf("%s picks draft %d: %+v", rule, k, standings[k])
				}
			}
		}
	})
}

// Taking away a draft that is not chosen changes nothing for the rules that obey
// independence of irrelevant alternatives. Kalai-Smorodinsky and regret do not.
func TestIndependence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGame(t)
		rule := drawRule(t, bargain.Nash, bargain.Leximin, bargain.Utilitarian, bargain.Veil, bargain.CVaR, bargain.Maximin, bargain.Hurwicz)
		chosen := best(t, g, rule)
		out := rapid.IntRange(0, len(g.Drafts)-1).Draw(t, "out")
		if len(chosen) == 0 || slices.Contains(chosen, out) {
			return
		}
		less := g
		less.Drafts = slices.Delete(slices.Clone(g.Drafts), out, out+1)
		var got []int
		for _, k := range best(t, less, rule) {
			if k >= out {
				k++
			}
			got = append(got, k)
		}
		if !slices.Equal(got, chosen) {
			t.Fatalf("%s picks %v, and without draft %d %v", rule, chosen, out, got)
		}
	})
}

// A chosen draft that gets better for somebody stays chosen.
func TestMonotonicity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGame(t)
		rule := drawRule(t, bargain.Nash, bargain.Leximin, bargain.Utilitarian, bargain.Veil, bargain.CVaR, bargain.Maximin, bargain.Hurwicz)
		chosen := best(t, g, rule)
		if len(chosen) == 0 {
			return
		}
		i := rapid.IntRange(0, len(g.Parties)-1).Draw(t, "party")
		better := g
		better.Drafts = slices.Clone(g.Drafts)
		better.Drafts[chosen[0]].Utility = slices.Clone(g.Drafts[chosen[0]].Utility)
		better.Drafts[chosen[0]].Utility[i] = []exact.Rat{g.Drafts[chosen[0]].Utility[i][0].Add(exact.Int(1))}
		if got := best(t, better, rule); !slices.Equal(got, chosen[:1]) {
			t.Fatalf("%s picks %v, and after draft %d got better %v", rule, chosen, chosen[0], got)
		}
	})
}

// Between two parties, more drafts that leave the first party's best as it was never hurt
// the second under Kalai and Smorodinsky's lottery: the axiom that stands for independence.
func TestKalaiSmorodinskyIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGame(t, 2, rapid.IntRange(2, 5).Draw(t, "drafts"))
		more := g
		g.Drafts = g.Drafts[:len(g.Drafts)-1]
		before, err := g.Mix(bargain.KalaiSmorodinsky)
		if err != nil {
			return
		}
		if hope(t, g).Cmp(hope(t, more)) != 0 {
			return
		}
		after, err := more.Mix(bargain.KalaiSmorodinsky)
		if err != nil {
			t.Fatal(err)
		}
		if after.Utilities[1].Low.Cmp(before.Utilities[1].Low) < 0 {
			t.Fatalf("the second party falls from %s to %s", before.Utilities[1].Low, after.Utilities[1].Low)
		}
	})
}

// hope returns the most that the first of two parties can expect if the second expects no
// less than outside: it is at a draft, or where a chord between two crosses that line.
func hope(t *rapid.T, g bargain.Game) exact.Rat {
	t.Helper()
	line := g.Parties[1].Outside[0]
	most := exact.Int(-1)
	for _, a := range g.Drafts {
		for _, b := range g.Drafts {
			x, y := [2]exact.Rat{a.Utility[0][0], a.Utility[1][0]}, [2]exact.Rat{b.Utility[0][0], b.Utility[1][0]}
			if x[1].Cmp(line) >= 0 && x[0].Cmp(most) > 0 {
				most = x[0]
			}
			if x[1].Cmp(line) <= 0 || y[1].Cmp(line) >= 0 {
				continue
			}
			share, err := x[1].Sub(line).Quo(x[1].Sub(y[1]))
			if err != nil {
				t.Fatal(err)
			}
			if u := x[0].Add(y[0].Sub(x[0]).Mul(share)); u.Cmp(most) > 0 {
				most = u
			}
		}
	}
	return most
}

// The plain slow twin: gains multiplied one weight at a time, levels compared by sorting,
// regret by walking through scenarios.
func TestTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGame(t)
		var nash, leximin []int
		var product exact.Rat
		var levels []exact.Rat
		for k, d := range g.Drafts {
			p, sorted := exact.Int(1), []exact.Rat{}
			for i, party := range g.Parties {
				gain := d.Utility[i][0].Sub(party.Outside[0])
				for range party.Weight.Floor().Int64() {
					p = p.Mul(gain)
				}
				if gain.Sign() <= 0 {
					p = exact.Int(-1)
					break
				}
			}
			for i := range g.Parties {
				sorted = append(sorted, d.Utility[i][0])
			}
			slices.SortFunc(sorted, exact.Rat.Cmp)
			nash, product = keep(nash, k, p.Cmp(product), p, product)
			order := 1
			if levels != nil {
				order = slices.CompareFunc(sorted, levels, exact.Rat.Cmp)
			}
			leximin, levels = keep(leximin, k, order, sorted, levels)
		}
		if product.Sign() <= 0 {
			nash = nil
		}
		if got := best(t, g, bargain.Nash); !slices.Equal(got, nash) {
			t.Fatalf("nash picks %v, the twin %v", got, nash)
		}
		if got := best(t, g, bargain.Leximin); !slices.Equal(got, leximin) {
			t.Fatalf("leximin picks %v, the twin %v", got, leximin)
		}
	})
}

func keep[T any](best []int, k, order int, now, most T) ([]int, T) {
	switch {
	case order > 0:
		return []int{k}, now
	case order == 0:
		return append(best, k), most
	default:
		return best, most
	}
}

// Two drafts and two parties: the best chance is the top of a parabola, cut off at 0 and 1,
// or a crossing of two lines.
func TestLotteriesAgreeWithClosedForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGame(t, 2, 2)
		one := exact.Int(1)
		g.Parties[0].Weight, g.Parties[1].Weight = one, one
		gain := func(k, i int) exact.Rat { return g.Drafts[k].Utility[i][0].Sub(g.Parties[i].Outside[0]) }
		// Gains at chance q of draft 1: a_i + b_i q.
		a, b := [2]exact.Rat{gain(0, 0), gain(0, 1)}, [2]exact.Rat{gain(1, 0).Sub(gain(0, 0)), gain(1, 1).Sub(gain(0, 1))}
		points := []exact.Rat{{}, one}
		if q, err := a[0].Mul(b[1]).Add(a[1].Mul(b[0])).Quo(b[0].Mul(b[1]).Mul(exact.Int(-2))); err == nil && q.Sign() > 0 && q.Cmp(one) < 0 {
			points = append(points, q)
		}
		var most exact.Rat
		var at [2]exact.Rat
		for _, q := range points {
			x, y := a[0].Add(b[0].Mul(q)), a[1].Add(b[1].Mul(q))
			if p := x.Mul(y); x.Sign() > 0 && y.Sign() > 0 && p.Cmp(most) > 0 {
				most, at = p, [2]exact.Rat{x, y}
			}
		}
		l, err := g.Mix(bargain.Nash)
		if errors.Is(err, bargain.ErrNoAgreement) {
			// A chord may pass through the quadrant of gains with its top inside it, so that
			// the points above cover all cases in which there is a gain.
			if most.Sign() > 0 {
				t.Fatalf("no agreement, but %s is there", most)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range l.Utilities {
			u := at[i].Add(g.Parties[i].Outside[0])
			if e.Low.Cmp(u) > 0 || e.High.Cmp(u) < 0 {
				t.Fatalf("party %d expects %s to %s, closed form %s", i, e.Low, e.High, u)
			}
			if width, _ := exact.Ratio(1, 1_000_000_000_000); e.High.Sub(e.Low).Cmp(width) > 0 {
				t.Fatalf("party %d: the enclosure is %s wide", i, e.High.Sub(e.Low))
			}
		}
		if l.Value.Low.Mul(l.Value.Low).Cmp(most) > 0 || l.Value.High.Mul(l.Value.High).Cmp(most) < 0 {
			t.Fatalf("value %s to %s, closed form the root of %s", l.Value.Low, l.Value.High, most)
		}
	})
}

// No lottery that anybody names beats the certified ones, and chances are chances.
func TestNoLotteryIsBetter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGame(t)
		shares := rapid.SliceOfN(rapid.Int64Range(1, 20), len(g.Drafts), len(g.Drafts)).Draw(t, "shares")
		var all int64
		for _, s := range shares {
			all += s
		}
		mine := make([]exact.Rat, len(g.Parties))
		for k, d := range g.Drafts {
			chance, _ := exact.Ratio(shares[k], all)
			for i := range mine {
				mine[i] = mine[i].Add(d.Utility[i][0].Mul(chance))
			}
		}
		l, err := g.Mix(bargain.Leximin)
		if err != nil {
			t.Fatal(err)
		}
		var sum exact.Rat
		for _, c := range l.Chances {
			if c.Sign() < 0 {
				t.Fatalf("chance %s", c)
			}
			sum = sum.Add(c)
		}
		sorted := slices.SortedFunc(slices.Values(mine), exact.Rat.Cmp)
		if sum.Cmp(exact.Int(1)) != 0 || slices.CompareFunc(sorted, l.Levels, exact.Rat.Cmp) > 0 {
			t.Fatalf("%v beats %v, whose chances add up to %s", sorted, l.Levels, sum)
		}
		l, err = g.Mix(bargain.Nash)
		if errors.Is(err, bargain.ErrNoAgreement) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		product, ceiling := exact.Int(1), exact.Int(1)
		for i, p := range g.Parties {
			gain := mine[i].Sub(p.Outside[0])
			if gain.Sign() <= 0 {
				return
			}
			for range p.Weight.Floor().Int64() {
				product, ceiling = product.Mul(gain), ceiling.Mul(l.Value.High)
			}
		}
		if product.Cmp(ceiling) > 0 {
			t.Fatalf("a product of %s beats %s", product, ceiling)
		}
	})
}

// A draft is dominated by a lottery only if it is nowhere worse, and in the core only if
// every coalition is content: both by their definitions.
func TestStandingsByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGame(t)
		standings, err := g.Standings()
		if err != nil {
			t.Fatal(err)
		}
		for k, s := range standings {
			if s.Mixed == nil {
				continue
			}
			var gained exact.Rat
			for i := range g.Parties {
				u := g.Drafts[k].Utility[i][0].Neg()
				for other, chance := range s.Mixed {
					u = u.Add(g.Drafts[other].Utility[i][0].Mul(chance))
				}
				if u.Sign() < 0 {
					t.Fatalf("party %d loses %s by the lottery that dominates draft %d", i, u, k)
				}
				gained = gained.Add(u)
			}
			if gained.Sign() <= 0 || len(s.Dominated) > 0 {
				t.Fatalf("draft %d: a lottery dominates by %s, drafts %v", k, gained, s.Dominated)
			}
		}
	})
}

// The least that satisfies all coalitions does, and its balance proves it by itself.
func TestCoreByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "parties")
		g := drawGame(t, n, 1)
		var coalitions []bargain.Coalition
		for s := 1; s < 1<<n; s++ {
			c := bargain.Coalition{Worth: exact.Int(rapid.Int64Range(-2, 20).Draw(t, "worth"))}
			for i := range n {
				if s>>i&1 == 1 {
					c.Members = append(c.Members, i)
				}
			}
			coalitions = append(coalitions, c)
		}
		core, err := g.Core(coalitions)
		if err != nil {
			t.Fatal(err)
		}
		var shares, proof exact.Rat
		left := slices.Repeat([]exact.Rat{exact.Int(1)}, n)
		for at, c := range coalitions[:len(coalitions)-1] {
			var together exact.Rat
			for _, i := range c.Members {
				together = together.Add(core.Shares[i])
				left[i] = left[i].Sub(core.Balance[at])
			}
			if together.Cmp(c.Worth) < 0 {
				t.Fatalf("%v is worth %s and gets %s", c.Members, c.Worth, together)
			}
			proof = proof.Add(core.Balance[at].Mul(c.Worth))
		}
		for i, p := range g.Parties {
			if core.Shares[i].Cmp(p.Outside[0]) < 0 || left[i].Sign() < 0 {
				t.Fatalf("party %d gets %s, balance left %s", i, core.Shares[i], left[i])
			}
			shares, proof = shares.Add(core.Shares[i]), proof.Add(left[i].Mul(p.Outside[0]))
		}
		if shares.Cmp(core.Least) != 0 || proof.Cmp(core.Least) != 0 {
			t.Fatalf("least %s, shares %s, proof %s", core.Least, shares, proof)
		}
	})
}

// Coalitions of a voting table by their definitions, one set at a time.
func TestTableByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "parties")
		table := bargain.Table{Weights: make([]exact.Rat, n), Weight: exact.FromBig(big.NewRat(rapid.Int64Range(1, 12).Draw(t, "weight share"), 12)), Parties: exact.FromBig(big.NewRat(rapid.Int64Range(0, 6).Draw(t, "share"), 6))}
		var all exact.Rat
		for i := range n {
			table.Weights[i] = exact.Int(rapid.Int64Range(1, 9).Draw(t, "weight"))
			all = all.Add(table.Weights[i])
		}
		wins := func(s int) bool {
			var weight exact.Rat
			heads := int64(0)
			for i := range n {
				if s>>i&1 == 1 {
					weight, heads = weight.Add(table.Weights[i]), heads+1
				}
			}
			return weight.Cmp(all.Mul(table.Weight)) >= 0 && exact.Int(heads).Cmp(table.Parties.Mul(exact.Int(int64(n)))) >= 0
		}
		p, err := table.Power()
		if err != nil {
			t.Fatal(err)
		}
		winning, blocking := map[string]bool{}, map[string]bool{}
		swings, sum := make([]int64, n), int64(0)
		whole := 1<<n - 1
		for s := 1; s <= whole; s++ {
			minimalWin, minimalBlock, name := wins(s), !wins(whole&^s), []int{}
			for i := range n {
				if s>>i&1 == 0 {
					continue
				}
				name = append(name, i)
				minimalWin = minimalWin && !wins(s&^(1<<i))
				minimalBlock = minimalBlock && wins(whole&^s|1<<i)
				if wins(s) && !wins(s&^(1<<i)) {
					swings[i]++
					sum++
				}
			}
			if minimalWin {
				winning[fmt.Sprint(name)] = true
			}
			if minimalBlock {
				blocking[fmt.Sprint(name)] = true
			}
		}
		for _, lists := range []struct {
			got  [][]int
			want map[string]bool
		}{{p.Winning, winning}, {p.Blocking, blocking}} {
			if len(lists.got) != len(lists.want) {
				t.Fatalf("%v, want %v", lists.got, lists.want)
			}
			for _, s := range lists.got {
				if !lists.want[fmt.Sprint(s)] {
					t.Fatalf("%v, want %v", lists.got, lists.want)
				}
			}
		}
		for i := range n {
			if want, _ := exact.Ratio(swings[i], sum); p.Banzhaf[i].Cmp(want) != 0 {
				t.Fatalf("party %d has %s of the power, want %s", i, p.Banzhaf[i], want)
			}
		}
	})
}

// Frontiers: no neighbour of the enclosed point is better, whatever the weights.
func TestFrontierNash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := func(name string, low, high int64) exact.Rat {
			return exact.FromBig(big.NewRat(rapid.Int64Range(low, high).Draw(t, name), 4))
		}
		f := bargain.Frontier{
			To: small("to", 1, 12), Constant: small("constant", 0, 12), Linear: small("linear", -8, 8), Square: small("square", -8, 0),
			Outside: [2]exact.Rat{small("d1", -2, 4), small("d2", -2, 4)},
			Weights: [2]exact.Rat{exact.Int(rapid.Int64Range(1, 3).Draw(t, "w1")), exact.Int(rapid.Int64Range(1, 3).Draw(t, "w2"))},
		}
		p, err := f.Choose(bargain.Nash)
		if errors.Is(err, bargain.ErrNoAgreement) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		value := func(u, v exact.Rat) exact.Rat {
			mine, theirs := u.Sub(f.Outside[0]), v.Sub(f.Outside[1])
			if mine.Sign() <= 0 || theirs.Sign() <= 0 {
				return exact.Rat{}
			}
			product := exact.Int(1)
			for range f.Weights[0].Floor().Int64() {
				product = product.Mul(mine)
			}
			for range f.Weights[1].Floor().Int64() {
				product = product.Mul(theirs)
			}
			return product
		}
		ceiling := value(p.U[0].High, p.U[1].High)
		for n := range int64(41) {
			u := f.To.Mul(exact.FromBig(big.NewRat(n, 40)))
			v := f.Constant.Add(f.Linear.Mul(u)).Add(f.Square.Mul(u).Mul(u))
			if value(u, v).Cmp(ceiling) > 0 {
				t.Fatalf("at %s the product is %s, at the solution at most %s", u, value(u, v), ceiling)
			}
		}
	})
}
