package explore_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/adapter/highs/highstest"
	"comity/allocator/certificate"
	"comity/allocator/explore"
	"comity/canon"
	"comity/exact"
	"comity/party"
)

// Reasons add up: groups to the amount, and every rule says how far it is used.
func TestReasonsAddUp(t *testing.T) {
	solver := highstest.Engine(t)
	checks(t, 12, func(t *rapid.T) {
		nations, supply := drawWorld(t)
		e := explore.New(solver, 0)
		a, err := e.Solve(t.Context(), explore.Case{Inputs: vaccines(nations, supply)})
		if err != nil {
			t.Fatal(err)
		}
		all, err := a.Accounts(nil)
		if err != nil || len(all) != len(nations) {
			t.Fatalf("%d accounts: %v", len(all), err)
		}
		for k, x := range all {
			n := nations[k]
			var units, need int64
			for _, g := range x.Groups {
				units, need = units+int64(g.Units), need+int64(g.Need)
			}
			if x.Party != n.id || units != int64(x.Amount) || need != int64(x.Need) || need != n.frontline+n.general {
				t.Fatalf("%s: groups of %d and %d for %s of %s", x.Party, units, need, x.Amount, x.Need)
			}
			capped := min(n.capacity, n.frontline+n.general)
			switch x.Kept {
			case explore.ByNeed:
				if units != need {
					t.Fatalf("%s has %d of %d and its need is said to be met", x.Party, units, need)
				}
			case explore.ByCap:
				if units != n.capacity || x.Clause != "c.cold" {
					t.Fatalf("%s has %d of %d and is said to be at %s", x.Party, units, n.capacity, x.Clause)
				}
			case explore.ByFloor, explore.ByBudget:
				if units >= capped {
					t.Fatalf("%s has %d, as much as it can take, and is said to be kept by %s", x.Party, units, x.Clause)
				}
			default:
				t.Fatalf("%s is kept by %s", x.Party, x.Kept)
			}
			if !x.Priced() {
				t.Fatalf("%s is short of what the prices give it: %+v", x.Party, x.Groups)
			}
			for _, r := range slices.Concat(x.Own, x.Shared) {
				if r.Slackness == nil || r.Slackness.Sign() != 0 || r.Price.Sign() != 0 && !r.Binds {
					t.Fatalf("%s: price %v, used %s of %s: slackness %v", r.Row, r.Price, r.Used, r.Bound, r.Slackness)
				}
			}
		}
	})
}

// A price on a rule that is not full is reported with its part of the gap.
func TestASlackPriceIsReported(t *testing.T) {
	_, a := fresh(t, vaccines(three(), 30))
	i := slices.IndexFunc(a.Problem.Rows, func(r comity.Row) bool { return r.ID == "c.cold/NO" })
	prices := slices.Clone(a.Certificate.Stages[0].Proof.Prices)
	prices[i] = 1 << 20
	a.Certificate.Stages = slices.Clone(a.Certificate.Stages)
	a.Certificate.Stages[0].Proof.Prices = prices
	x, err := a.Account("NO")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range x.Own {
		if r.Row == "c.cold/NO" {
			if left := int64(r.Bound - r.Used); left == 0 || r.Slackness.Cmp(r.Price.Mul(exact.Int(left))) != 0 {
				t.Errorf("price %s times %d left is said to be %s", r.Price, left, r.Slackness)
			}
			return
		}
	}
	t.Error("c.cold/NO is no rule of NO")
}

// What rules leave unused and groups are short of, at any prices, adds up to what the
// bound of these prices lies above the value: nothing is left unexplained.
func TestSlacknessAddsUpToTheGap(t *testing.T) {
	solver := highstest.Engine(t)
	checks(t, 12, func(t *rapid.T) {
		nations, supply := drawWorld(t)
		e := explore.New(solver, 0)
		a, err := e.Solve(t.Context(), explore.Case{Inputs: vaccines(nations, supply)})
		if err != nil {
			t.Fatal(err)
		}
		proof := &a.Certificate.Stages[0].Proof
		proof.Prices = slices.Clone(proof.Prices)
		for i, row := range a.Problem.Rows {
			price := canon.Int(rapid.Int64Range(0, 5<<20).Draw(t, "price"))
			if row.Upper == nil {
				price = -price
			}
			proof.Prices[i] = price
		}
		if a.Certificate, err = certificate.State(a.Problem, a.Units, a.Certificate); err != nil {
			t.Fatal(err)
		}
		rules, err := explore.Rules(a.Inputs.Charter, a.Problem, a.Units, a.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if sum := unexplained(t, a, rules); sum.Cmp(a.Gap()) != 0 {
			t.Fatalf("slackness and shortfalls add up to %s, the gap is %s", sum, a.Gap())
		}
	})
}

// One more unit of a rule's bound adds its price to what the same proof bounds, in every
// kind of stage.
func TestAPriceIsWhatOneMoreUnitAdds(t *testing.T) {
	for _, aim := range []comity.Aim{
		{Kind: "weighted", Measure: num("2/3")},
		{Kind: "maximin", Measure: num("3/2"), Per: new(in("party.population"))},
		{Kind: "leximin", Measure: num("3/2"), Per: new(in("party.population"))},
		{Kind: "nash", Measure: num("3/2"), Outside: new(num("1/2"))},
	} {
		inputs := vaccines(three(), 20)
		aim.ID, aim.Counts = "aim", "worth"
		inputs.Charter.Objective.Stages = []comity.Aim{aim}
		_, a := fresh(t, inputs)
		rules, err := explore.Rules(inputs.Charter, a.Problem, a.Units, a.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		priced := 0
		for i, row := range a.Problem.Rows {
			if row.Upper == nil || rules[i].Price == nil || rules[i].Price.Sign() == 0 {
				continue
			}
			priced++
			p := a.Problem
			p.Rows = slices.Clone(p.Rows)
			p.Rows[i].Upper = new(*row.Upper + 1)
			then, err := certificate.State(p, a.Units, a.Certificate)
			if err != nil {
				t.Fatal(err)
			}
			added := then.Stages[0].Bound.Sub(a.Certificate.Stages[0].Bound)
			if aim.Kind != "nash" {
				added = added.Mul(inverse(t, int64(p.Stages[0].Scale)))
			}
			if added.Cmp(*rules[i].Price) != 0 {
				t.Errorf("%s: %s has price %s, one more unit adds %s", aim.Kind, row.ID, rules[i].Price, added)
			}
		}
		if priced == 0 {
			t.Errorf("%s: no rule has a price", aim.Kind)
		}
		if sum := unexplained(t, a, rules); (aim.Kind == "weighted" || aim.Kind == "nash") && sum.Cmp(a.Gap()) != 0 {
			t.Errorf("%s: slackness and shortfalls add up to %s, the gap is %s", aim.Kind, sum, a.Gap())
		}
	}
}

// unexplained adds up what rules leave unused and groups are short of, at their prices.
func unexplained(t interface{ Fatal(...any) }, a explore.Answer, rules []explore.Rule) exact.Rat {
	sum := exact.Int(0)
	for _, r := range rules {
		sum = sum.Add(*r.Slackness)
	}
	all, err := a.Accounts(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		for _, g := range x.Groups {
			sum = sum.Add(*g.Shortfall)
		}
	}
	return sum
}

func inverse(t *testing.T, n int64) exact.Rat {
	t.Helper()
	r, err := exact.Ratio(1, n)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTwinsAndTheLot(t *testing.T) {
	twins := []nation{{"AA", 50, 0, 20, 30, 1000}, {"BB", 50, 0, 20, 30, 1000}, {"CC", 50, 0, 21, 30, 1000}}
	for _, supply := range []int64{30, 29, 31, 28, 27} {
		e := explore.New(highstest.Engine(t), 0)
		won := map[party.ID]bool{}
		for lot := range 8 {
			a, err := e.Solve(t.Context(), explore.Case{Inputs: vaccines(twins, supply), Lot: canon.Sum([]byte{byte(lot)})})
			if err != nil {
				t.Fatal(err)
			}
			all, err := a.Accounts(nil)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(all[0].Equals, []party.ID{"BB"}) || !slices.Equal(all[1].Equals, []party.ID{"AA"}) || len(all[2].Equals) != 0 {
				t.Fatalf("equals %v, %v, %v", all[0].Equals, all[1].Equals, all[2].Equals)
			}
			differ := all[0].Amount != all[1].Amount
			if all[0].ByLot != differ || all[1].ByLot != differ || all[2].ByLot {
				t.Fatalf("amounts %s and %s, drawn by lot: %t, %t, %t", all[0].Amount, all[1].Amount, all[0].ByLot, all[1].ByLot, all[2].ByLot)
			}
			if differ && all[0].Amount > all[1].Amount {
				won["AA"] = true
			} else if differ {
				won["BB"] = true
			}
		}
		if len(won) == 1 {
			t.Errorf("of %d units eight lots give the odd one to the same twin", supply)
		}
	}
}

func TestUnknownPartiesGetAHint(t *testing.T) {
	_, a := fresh(t, vaccines(three(), 30))
	if _, err := a.Account("K"); !errors.Is(err, explore.ErrName) || !strings.Contains(err.Error(), "did you mean KE?") {
		t.Errorf("K: %v", err)
	}
	if _, err := a.Account("POOL"); !errors.Is(err, explore.ErrName) || !strings.Contains(err.Error(), "KE, NO, TZ") {
		t.Errorf("POOL: %v", err)
	}
}

func TestUnusedInputs(t *testing.T) {
	got := explore.Unused(vaccines(three(), 30).Charter)
	if want := []string{"party.id", "party.name", "party.stock"}; !slices.Equal(got, want) {
		t.Errorf("unused: %v, want %v", got, want)
	}
}
