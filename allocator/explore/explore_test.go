package explore_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/adapter/highs/highstest"
	"comity/allocator/certificate"
	"comity/allocator/explore"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// best is the greatest worth of a division of the vaccine charter, in sixteenths, by
// trying all of them: by party a number of units, front line first.
func best(nations []nation, supply int64, floors, caps bool, least exact.Rat) (worth int64, ok bool) {
	var population int64
	for _, n := range nations {
		population += n.population
	}
	type limits struct{ low, high int64 }
	var all []limits
	for _, n := range nations {
		l := limits{0, n.frontline + n.general}
		if caps {
			l.high = min(l.high, n.capacity)
		}
		if floors {
			l.low = min(n.frontline, n.capacity, supply*n.population/(population*2))
		}
		l.low = max(l.low, -least.Mul(exact.Int(-n.frontline-n.general)).Floor().Int64())
		all = append(all, l)
	}
	worth = -1
	var walk func(k int, left, sum int64)
	walk = func(k int, left, sum int64) {
		if k == len(nations) {
			worth = max(worth, sum)
			return
		}
		n := nations[k]
		unit := (n.ratio*16 + 500) / 1000 // Rounded to sixteenths, halves up.
		for x := all[k].low; x <= min(all[k].high, left); x++ {
			walk(k+1, left-x, sum+unit*(x+min(x, n.frontline)))
		}
	}
	walk(0, supply, 0)
	return worth, worth >= 0
}

// drawWorld draws three or two parties small enough to try every division.
func drawWorld(t *rapid.T) ([]nation, int64) {
	var nations []nation
	for _, id := range []party.ID{"KE", "NO", "TZ"} {
		nations = append(nations, nation{
			id, rapid.Int64Range(10, 60).Draw(t, "population"), rapid.Int64Range(0, 5).Draw(t, "frontline"), rapid.Int64Range(1, 12).Draw(t, "general"),
			rapid.Int64Range(1, 14).Draw(t, "capacity"), rapid.Int64Range(1, 6).Draw(t, "ratio") * 500,
		})
	}
	return nations, rapid.Int64Range(1, 30).Draw(t, "supply")
}

func sixteenths(n int64) exact.Rat { r, _ := exact.Ratio(n, 16); return r }

// checks bounds how many random worlds a law is tried on: each takes several solves.
func checks(t *testing.T, n int, law func(t *rapid.T)) {
	t.Helper()
	count := 0
	rapid.Check(t, func(t *rapid.T) {
		if count++; count <= n {
			law(t)
		}
	})
}

func TestPricesOfRulesAreThoseOfTryingEveryDivision(t *testing.T) {
	solver := highstest.Engine(t)
	checks(t, 12, func(t *rapid.T) {
		nations, supply := drawWorld(t)
		e := explore.New(solver, 0)
		a, err := e.Solve(t.Context(), explore.Case{Inputs: vaccines(nations, supply)})
		if err != nil {
			t.Fatal(err)
		}
		with, _ := best(nations, supply, true, true, exact.Int(0))
		if a.Value().Cmp(sixteenths(with)) != 0 {
			t.Fatalf("the division is worth %s, the best of all %s", a.Value(), sixteenths(with))
		}
		effects, err := e.Effects(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			id           string
			floors, caps bool
		}{{"c.floor", false, true}, {"c.cold", true, false}} {
			without, _ := best(nations, supply, c.floors, c.caps, exact.Int(0))
			i := slices.IndexFunc(effects, func(x explore.Effect) bool { return x.ID == c.id })
			if want := sixteenths(without - with); effects[i].Price == nil || effects[i].Price.Cmp(want) != 0 {
				t.Fatalf("%s costs %v, want %s", c.id, effects[i].Price, want)
			}
		}
		fairness, err := e.Fairness(t.Context(), a)
		if err != nil || fairness.Stage != "worth" || !slices.Equal(fairness.Rules, []string{"c.floor"}) {
			t.Fatalf("fairness %+v, %v", fairness, err)
		}
		unfair, _ := best(nations, supply, false, true, exact.Int(0))
		if want, err := exact.Ratio(unfair-with, unfair); err == nil && fairness.Share.Cmp(want) != 0 {
			t.Fatalf("fairness costs %s of the worth, want %s", fairness.Share, want)
		}
	})
}

// Slack is a price of the stage that it is given up for.
func TestFairnessCountsWhatSlackGivesUp(t *testing.T) {
	inputs := layered()
	inputs.Charter.Objective.Stages[0].Slack = sixteenths(1)
	e, a := fresh(t, inputs)
	got, err := e.Fairness(t.Context(), a)
	most, _ := best(three(), 30, false, true, exact.Int(0))
	if err != nil || got.Without.Cmp(sixteenths(most)) != 0 || !slices.Equal(got.Rules, []string{"c.floor", "stage.worst"}) {
		t.Fatalf("%+v, %v; want %s without %v", got, err, sixteenths(most), got.Rules)
	}
	if got.With.Cmp(a.Value()) != 0 || a.Given().Sign() <= 0 || got.With.Add(a.Given()).Cmp(*got.Without) > 0 {
		t.Errorf("with fairness %s, given up %s, without %s", got.With, a.Given(), got.Without)
	}
}

// What is called inert is: each change of it leaves every amount.
func TestInertIsWhatChangesNothing(t *testing.T) {
	e, a := fresh(t, vaccines(three(), 30))
	effects, err := e.Effects(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	inert := 0
	for _, x := range effects {
		changed := false
		for _, try := range x.Tries {
			inputs, err := change(t, a.Inputs, x.ID+"="+try.By)
			if err != nil {
				t.Fatal(err)
			}
			_, then := fresh(t, inputs)
			moved := !slices.Equal(then.Shares, a.Shares)
			if moved != (try.Moved > 0) {
				t.Errorf("%s=%s moves %s units, and the shares change: %t", x.ID, try.By, try.Moved, moved)
			}
			changed = changed || moved
		}
		if x.Inert == changed {
			t.Errorf("%s is inert: %t, and changes something: %t", x.ID, x.Inert, changed)
		}
		if x.Inert {
			inert++
		}
	}
	if inert == 0 || inert == len(effects) {
		t.Errorf("%d of %d are inert; the test needs both", inert, len(effects))
	}
}

// Every counterfactual is what dividing again from the start gives.
func TestCounterfactualsAreDivisions(t *testing.T) {
	e, a := fresh(t, vaccines(three(), 30))
	for _, id := range []party.ID{"KE", "NO", "TZ"} {
		list, err := e.Counterfactuals(t.Context(), a, id)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range list {
			names = append(names, c.Name)
			inputs, err := change(t, a.Inputs, c.Change)
			if err != nil {
				t.Fatal(err)
			}
			_, then := fresh(t, inputs)
			if got := amountOf(t, then, id); got != c.Amount || c.Gain != got-amountOf(t, a, id) {
				t.Errorf("%s: %s gets %s, said to get %s (%s)", c.Change, id, got, c.Amount, c.Gain)
			}
			digest, err := then.Digest()
			if err != nil || digest != c.Outcome.Certificate {
				t.Errorf("%s: certificate %s, said to be %s: %v", c.Change, digest, c.Outcome.Certificate, err)
			}
			if err := certificate.Check(then.Problem, then.Units, then.Certificate, exact.Int(0)); err != nil {
				t.Errorf("%s: %v", c.Change, err)
			}
		}
		p := string(id)
		if want := []string{p + ".population", p + ".frontline", p + ".general", p + ".capacity", "supply.doses", "c.supply"}; !slices.Equal(names, want) {
			t.Errorf("%s: changes of %v, want %v", id, names, want)
		}
	}
}

// The smallest change is the one that trying every number finds.
func TestSmallestIsTheNearestThatDoes(t *testing.T) {
	e, a := fresh(t, vaccines(three(), 30))
	found, missed := 0, 0
	for _, id := range []party.ID{"KE", "NO", "TZ"} {
		for _, target := range []quantity.Amount{1, -2} {
			list, err := e.SmallestAll(t.Context(), a, id, target)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list {
				at, ok := nearest(t, e, a, id, s)
				switch {
				case ok != s.Found:
					t.Errorf("%s %+d by %s: found %t, trying all %t (%d)", id, target, s.Name, s.Found, ok, at)
				case ok && (!s.Exact || s.To != at):
					t.Errorf("%s %+d by %s: %d, trying all gives %d", id, target, s.Name, s.To, at)
				}
				if ok {
					found++
				} else {
					missed++
				}
			}
		}
	}
	if found < 5 || missed < 5 {
		t.Errorf("%d found, %d missed; the test needs both", found, missed)
	}
}

// nearest tries every number, the nearest first and upwards before downwards.
func nearest(t *testing.T, e *explore.Engine, a explore.Answer, id party.ID, s explore.Smallest) (quantity.Amount, bool) {
	t.Helper()
	for distance := quantity.Amount(1); distance <= s.High-s.From || distance <= s.From-s.Low; distance++ {
		for _, at := range []quantity.Amount{s.From + distance, s.From - distance} {
			if at < s.Low || at > s.High {
				continue
			}
			then, err := e.WhatIf(t.Context(), a.Case, []explore.Change{{Name: s.Name, How: explore.Set, By: exact.Int(int64(at))}})
			if errors.Is(err, exact.ErrDivision) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			gain := amountOf(t, then, id) - amountOf(t, a, id)
			if s.Target > 0 && gain >= s.Target || s.Target < 0 && gain <= s.Target {
				return at, true
			}
		}
	}
	return 0, false
}

// The parts of a change add up to it, and what did not change has no part.
func TestSinceAddsUp(t *testing.T) {
	solver := highstest.Engine(t)
	before := vaccines(three(), 30)
	checks(t, 6, func(t *rapid.T) {
		nations, supply := three(), int64(30)
		if rapid.Bool().Draw(t, "supply changes") {
			supply = rapid.Int64Range(5, 40).Draw(t, "supply")
		}
		for k := range nations {
			nations[k].ratio = rapid.Int64Range(1, 6).Draw(t, "ratio") * 500
			nations[k].capacity = rapid.Int64Range(1, 14).Draw(t, "capacity")
		}
		now := vaccines(nations, supply)
		later(&now)
		e := explore.New(solver, 0)
		first, err := e.Solve(t.Context(), explore.Case{Inputs: before, Lot: canon.Sum([]byte("1"))})
		if err != nil {
			t.Fatal(err)
		}
		then, err := e.Solve(t.Context(), explore.Case{Inputs: now, Lot: canon.Sum([]byte("2"))})
		if err != nil {
			t.Fatal(err)
		}
		since, err := e.Since(t.Context(), first, then)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range since.Parties {
			var sum quantity.Amount
			for i, by := range p.By {
				sum += by
				if step := since.Steps[i]; !step.Changed && by != 0 {
					t.Fatalf("%s: %s did not change and gives %s", p.Party, step.Family, by)
				}
			}
			if sum != p.Change || p.Change != p.After-p.Before {
				t.Fatalf("%s: the parts %v add up to %s, the change is %s", p.Party, p.By, sum, p.Change)
			}
		}
		if got := since.Steps[0].Changed; got != (supply != 30) {
			t.Fatalf("supply of %d changed: %t", supply, got)
		}
		if since.Steps[3].Changed {
			t.Fatal("the charter is said to have changed")
		}
	})
}

// later is the next week's picture.
func later(inputs *program.Inputs) {
	inputs.Picture.Period = "2027-01-11"
	inputs.PictureDigest = canon.Sum([]byte("later"))
	for i := range inputs.Declarations {
		inputs.Declarations[i].Declaration.Period = "2027-01-11"
	}
}

// More promised is never worth more, every point keeps its promise and has its proof, and
// the last promises the most that any division can.
func TestFrontTradesWorthForCoverage(t *testing.T) {
	nations, supply := three(), int64(20)
	e, a := fresh(t, vaccines(nations, supply))
	points, err := e.Front(t.Context(), a, 6)
	if err != nil {
		t.Fatal(err)
	}
	if len(points) < 3 || !points[0].Published || points[0].Value.Cmp(a.Value()) != 0 {
		t.Fatalf("%d points, the first %+v", len(points), points[0])
	}
	for i, p := range points[1:] {
		worth, ok := best(nations, supply, true, true, p.Floor)
		if !ok || p.Value.Cmp(sixteenths(worth)) != 0 {
			t.Errorf("at %s the front is worth %s, the best division %s (%t)", p.Floor, p.Value, sixteenths(worth), ok)
		}
		if p.Value.Cmp(points[i].Value) > 0 || p.Published {
			t.Errorf("at %s the front rises from %s to %s", p.Floor, points[i].Value, p.Value)
		}
	}
	last := points[len(points)-1]
	if more, ok := best(nations, supply, true, true, last.Coverage.Add(sixteenths(1).Mul(sixteenths(1)))); ok {
		t.Errorf("the front ends at %s, although 1/256 more could be promised: worth %d", last.Coverage, more)
	}
	for _, n := range []int{-1, 0, 1, explore.MaxPoints + 1} {
		if _, err := e.Front(t.Context(), a, n); !errors.Is(err, explore.ErrChange) {
			t.Errorf("a front of %d points: %v", n, err)
		}
	}
}

func TestNothingCanBeDividedIsSaid(t *testing.T) {
	e, a := fresh(t, vaccines(three(), 30))
	hard := explore.Change{Name: "c.floor", How: explore.Set, By: exact.Int(11)}
	_, err := e.WhatIf(t.Context(), a.Case, []explore.Change{hard})
	conflict, ok := errors.AsType[*solve.ConflictError](err)
	if !ok || !slices.Contains(conflict.Clauses, "c.floor") {
		t.Fatalf("a floor of 11 for all: %v", err)
	}
	c, err := e.Counterfactual(t.Context(), a, "KE", hard)
	if err != nil || !slices.Equal(c.Conflict, conflict.Clauses) || c.Outcome != nil {
		t.Errorf("as a counterfactual: %+v, %v", c, err)
	}
	if _, err := e.Counterfactual(t.Context(), a, "KX", hard); !errors.Is(err, explore.ErrName) {
		t.Errorf("of a party that does not receive: %v", err)
	}
}

func TestAnEngineStopsAtItsLimit(t *testing.T) {
	e := explore.New(highstest.Engine(t), 1)
	c := explore.Case{Inputs: vaccines(three(), 30)}
	for range 3 { // Known from the second time on.
		if _, err := e.Solve(t.Context(), c); err != nil || e.Solves() != 1 {
			t.Fatalf("%d solves: %v", e.Solves(), err)
		}
	}
	c.Inputs = vaccines(three(), 29)
	if _, err := e.Solve(t.Context(), c); !errors.Is(err, explore.ErrTooMany) {
		t.Errorf("a second solve of one: %v", err)
	}
}

func TestOutsideIsWhatTheCharterNames(t *testing.T) {
	plain := vaccines(three(), 30)
	baseline := vaccines(three(), 30)
	baseline.Charter.Constraints = append(baseline.Charter.Constraints, comity.Constraint{ID: "c.alone", Kind: "individual_rationality", Baseline: new(num("3"))})
	bargain := vaccines(three(), 30)
	bargain.Charter.Objective.Stages = []comity.Aim{{Counts: "worth", ID: "deal", Kind: "nash", Measure: num("1"), Outside: new(num("2"))}}
	own := vaccines(three(), 30)
	own.Charter.Constraints = append(own.Charter.Constraints, comity.Constraint{ID: "c.arrive", Kind: "conservation", Arrivals: new(op("div", in("party.capacity"), num("2")))})
	for _, c := range []struct {
		name   string
		inputs program.Inputs
		kind   string
		amount string
		worth  string
	}{
		{"no alternative", plain, explore.OutsideNone, "", ""},
		{"a baseline", baseline, explore.OutsideBaseline, "3", ""},
		{"its own supply", own, explore.OutsideAlone, "6", ""},
	} {
		e, a := fresh(t, c.inputs)
		got, err := e.Outside(t.Context(), a, "KE")
		if err != nil || got.Kind != c.kind || text(got.Amount) != c.amount || text(got.Worth) != c.worth {
			t.Errorf("%s: %+v, %v; want %s %s%s", c.name, got, err, c.kind, c.amount, c.worth)
		}
		if _, err := e.Outside(t.Context(), a, "KX"); !errors.Is(err, explore.ErrName) {
			t.Errorf("%s: of nobody: %v", c.name, err)
		}
	}
}

// What a bargain starts from needs no solve: it stands in the problem.
func TestOutsideABargain(t *testing.T) {
	bargain := vaccines(three(), 30)
	bargain.Charter.Objective.Stages = []comity.Aim{{Counts: "worth", ID: "deal", Kind: "nash", Measure: num("3/2"), Outside: new(num("2"))}}
	e, a := fresh(t, vaccines(three(), 30))
	var err error
	if a.Problem, err = program.Lower(bargain); err != nil {
		t.Fatal(err)
	}
	got, err := e.Outside(t.Context(), a, "NO")
	amount := exact.Int(int64(amountOf(t, a, "NO")))
	frontline := exact.Int(3) // Which counts twice.
	want := amount.Add(frontline).Mul(exact.Int(3)).Mul(sixteenths(8))
	if err != nil || got.Kind != explore.OutsideNash || got.Worth.Cmp(exact.Int(2)) != 0 || got.Inside.Cmp(want) != 0 {
		t.Errorf("%+v, %v; want a worth of 2 outside and of %s inside", got, err, want)
	}
}

func text[T interface{ String() string }](x *T) string {
	if x == nil {
		return ""
	}
	return (*x).String()
}

// BenchmarkWhatIf is one move of the slider for 50 parties: lower, divide, certify,
// compare, and the reasons of one party. The design allows 1 s.
func BenchmarkWhatIf(b *testing.B) {
	e, a := fresh(b, vaccines(many(50), 40_000_000))
	n := int64(0)
	for b.Loop() {
		n++
		then, err := e.WhatIf(b.Context(), a.Case, []explore.Change{{Name: "supply.doses", How: explore.Set, By: exact.Int(30_000_000 + n*100_003)}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := explore.Compare(a, then); err != nil {
			b.Fatal(err)
		}
		if _, err := then.Account("P07"); err != nil {
			b.Fatal(err)
		}
	}
}
