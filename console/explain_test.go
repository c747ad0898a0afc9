package console

import (
	"strings"
	"testing"

	"comity"
	"comity/allocator/explore"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

func teller(t testing.TB) Teller {
	t.Helper()
	out, err := NewTeller(comity.Charter{
		Scope:       comity.Scope{Resource: "doses", Unit: "dose"},
		Parties:     []comity.Party{{ID: "KE", Name: comity.Text{"en": "Kenya"}}},
		Constraints: []comity.Constraint{{ID: "c.floor", Kind: "floor", Why: comity.Text{"en": "Nobody waits."}}},
	}, "xx")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func ratio(t testing.TB, text string) exact.Rat {
	t.Helper()
	r, err := exact.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each kind of finding has its sentence, with the numbers that settle it.
func TestFindingsAreTold(t *testing.T) {
	tell := teller(t)
	number := func(text string) *exact.Rat { r := ratio(t, text); return &r }
	amount := func(n int64) *quantity.Amount { a := quantity.Amount(n); return &a }
	for _, c := range []struct{ got, want string }{
		{tell.Outside(explore.Outside{Kind: explore.OutsideNone}), "The charter names no alternative"},
		{tell.Outside(explore.Outside{Kind: explore.OutsideBaseline, Clause: "c.alone", Amount: amount(27_900)}), "27,900 doses, as rule c.alone"},
		{tell.Outside(explore.Outside{Kind: explore.OutsideNash, Clause: "deal", Worth: number("7/2"), Inside: number("5")}), "a worth of 3.5, as stage deal states; here it has 5"},
		{tell.Outside(explore.Outside{Kind: explore.OutsideAlone, Clause: "c.store", Amount: amount(12)}), "under rule c.store and no flows, it would get 12 doses"},
		{
			tell.Counterfactual(explore.Counterfactual{Name: "KE.stores", By: "+10%", From: number("500000"), To: number("550000"), Gain: 3_200, Amount: 46_300}),
			"KE.stores at 550,000 instead of 500,000 (+10\u00a0%): +3,200 doses, 46,300 in all.",
		},
		{tell.Counterfactual(explore.Counterfactual{Name: "c.floor", By: "-5%", Gain: -7}), "c.floor \u22125\u00a0%: \u22127 doses, 0 in all."},
		{tell.Counterfactual(explore.Counterfactual{Name: "c.floor", By: "off", Conflict: []string{"c.a", "c.b"}}), "no plan keeps c.a, c.b"},
		{tell.Counterfactual(explore.Counterfactual{Name: "c.floor", By: "off", Refused: "x"}), "no division with a proof was found"},
		{
			tell.Smallest(explore.Smallest{Name: "KE.stores", Target: 100, Found: true, Periods: 1, From: 500, By: 77, To: 577, Gain: 101, Exact: true}),
			"For +100 doses: KE.stores at 577 instead of 500 (+77) brings +101. A change of +76 does not.",
		},
		{
			tell.Smallest(explore.Smallest{Name: "KE.stores", Target: -100, Found: true, Periods: 3, From: 1500, By: -7, To: 1479, Gain: -100, Exact: true}),
			"KE.stores changed by \u22127 in each of 3 periods (1,479 instead of 1,500 in all) brings \u2212100. A change of \u22126 does not.",
		},
		{tell.Smallest(explore.Smallest{Name: "KE.stores", Target: 9, Found: true, Periods: 1}), "the allowed solves ran out"},
		{tell.Smallest(explore.Smallest{Name: "KE.stores", Target: 9, Low: 0, High: 1_000}), "KE.stores: neither 0 nor 1,000 brings +9 doses."},
		{tell.Effect(explore.Effect{ID: "c.floor", Kind: "floor", Inert: true}), "c.floor: neither taking it out nor doubling it changes anybody's amount."},
		{tell.Effect(explore.Effect{ID: "group.frontline", Kind: "weight", Inert: true}), "neither halving nor doubling"},
		{tell.Effect(explore.Effect{ID: "stage.worst", Kind: "stage", Inert: true}), "taking it out changes nobody's amount"},
		{
			tell.Effect(explore.Effect{ID: "c.floor", Kind: "floor", Price: number("31/4"), Tries: []explore.Try{
				{By: "off", Moved: 7_401}, {By: "+100%", Conflict: []string{"c.cold"}}, {By: "-50%", Refused: "x"},
			}}),
			"c.floor: without it moves 7,401 doses, +100\u00a0%: no plan keeps c.cold, \u221250\u00a0% cannot be computed. Keeping it costs a worth of 7.75.",
		},
		{tell.Effect(explore.Effect{ID: "c.line", Kind: "flow_limit", Price: number("-3"), Tries: []explore.Try{{By: "off", Moved: 1}}}), "It brings a worth of 3."},
		{
			tell.Fairness(explore.Fairness{Stage: "worth", Rules: []string{"c.floor"}, Without: number("50"), With: number("49"), Share: number("1/50")}),
			"Fairness costs 2\u00a0% of the worth: without c.floor stage worth would reach 50, which is 1 more.",
		},
		{tell.Fairness(explore.Fairness{Stage: "worth", Rules: []string{"c.floor"}, Without: number("50"), With: number("50"), Share: number("0")}), "Fairness costs nothing here"},
		{tell.Fairness(explore.Fairness{}), "No stage is a sum of worths"},
		{tell.Fairness(explore.Fairness{Stage: "worth", Kinds: []string{"floor"}}), "No rule here counts as fairness (floor)"},
		{tell.Fairness(explore.Fairness{Stage: "worth", Rules: []string{"c.floor"}, Conflict: []string{"c.cold"}}), "Without c.floor no plan keeps c.cold."},
		{tell.Fairness(explore.Fairness{Stage: "worth", Rules: []string{"c.floor"}, Refused: "x"}), "Without c.floor no division with a proof was found"},
		{tell.Fairness(explore.Fairness{Stage: "worth", Rules: []string{"c.floor"}, Without: number("0"), With: number("0")}), "Nothing is worth anything"},
		{tell.Outcome(explore.Outcome{Total: 12_000, Value: ratio(t, "1001/2")}), "12,000 doses, worth 500.5. Proved: nothing within the rules is worth more."},
		{tell.Outcome(explore.Outcome{Given: ratio(t, "2")}), "A worth of 2 was given up, as the charter allows, for later aims. Proved: nothing within the rules is worth more than the two together."},
		{tell.Outcome(explore.Outcome{Gap: ratio(t, "1/3")}), "by more than about 0.3333."},
		{tell.Outcome(explore.Outcome{Kind: "leximin", Value: ratio(t, "1/2")}), "the least served party reaches 0.5."},
		{tell.Outcome(explore.Outcome{Kind: "nash"}), "Proved: no plan within the rules has a larger product of gains."},
		{tell.Outcome(explore.Outcome{Kind: "nash", Gap: ratio(t, "1/8")}), "a factor of e to the 0.125."},
		{tell.Comparison(explore.Comparison{}), "Nobody's amount changes."},
		{tell.Comparison(explore.Comparison{Moved: 1_200, Gained: []party.ID{"KE"}, Lost: []party.ID{"NO", "TZ"}}), "1,200 doses change hands, are new or gone. Parties that gain: 1; that lose: 2."},
		{tell.Point(explore.Point{Published: true, Value: ratio(t, "50"), Worst: "KE", Coverage: ratio(t, "1/4")}, ratio(t, "50")), "As published: worth 50, least served is Kenya with 25\u00a0%."},
		{tell.Point(explore.Point{Floor: ratio(t, "1/3"), Value: ratio(t, "45"), Worst: "KE", Coverage: ratio(t, "1/3")}, ratio(t, "50")), "at least about 33.33\u00a0% of its need: worth 45 (90\u00a0% of the published)"},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("%q does not say %q", c.got, c.want)
		}
	}
	says := tell.Counterfactuals([]explore.Counterfactual{{Name: "KE.a", By: "+10%"}, {Name: "KE.b", By: "+10%", Gain: 5}, {Name: "KE.c", By: "+10%"}})
	if len(says) != 2 || !strings.Contains(says[1], "10\u00a0% more of any of these changes nothing for it: KE.a, KE.c.") {
		t.Errorf("counterfactuals: %q", says)
	}
}

func TestAChangeSinceIsTold(t *testing.T) {
	since := explore.Since{
		Before: "2026-11-18", Now: "2026-11-25",
		Steps:   []explore.Step{{Family: explore.FamilySupply, Changed: true}, {Family: explore.FamilyPicture, Changed: true, Joined: true}, {Family: explore.FamilyDeclarations, Changed: true}, {Family: explore.FamilyCharter}},
		Parties: []explore.PartySince{{Difference: explore.Difference{Party: "KE", Before: 41_200, After: 43_100, Change: 1_900}, By: []quantity.Amount{2_000, 0, -100, 0}}},
		Inputs:  []explore.InputChange{{Name: "supply.doses", Before: 9, Now: 10}, {Name: "NO.stock", Before: 1, Now: 2}, {Name: "KE.stock", Before: 7, Now: 8_000}},
	}
	got := strings.Join(teller(t).Since(since, "KE"), " ")
	for _, want := range []string{
		"In the week of 18 Nov 2026 it was 41,200; the change is +1,900.", "supply +2,000, picture (only together with the next), what parties declared \u2212100.",
		"Declared anew: supply.doses 10 (was 9), KE.stock 8,000 (was 7).",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	if strings.Contains(got, "charter") || strings.Contains(got, "NO.stock") {
		t.Errorf("%q tells what did not change, or what is another's", got)
	}
}

func TestReasonsAreTold(t *testing.T) {
	number := func(text string) *exact.Rat { r := ratio(t, text); return &r }
	a := explore.Account{
		Party: "KE", Amount: 12, Need: 48, Kept: explore.ByBudget, Clause: "c.supply", Level: &explore.Level{Met: ratio(t, "1/4"), Last: ratio(t, "73/96"), Next: ratio(t, "71/96")},
		Groups: []explore.Group{{ID: "frontline", Units: 12, Need: 48, Weight: ratio(t, "2"), Worth: ratio(t, "9/8"), Shortfall: number("0")}},
		Own: []explore.Rule{
			{Row: "c.floor/KE", Clause: "c.floor", Kind: "floor", Floor: true, Bound: 12, Used: 12, Binds: true, Price: number("-2"), Slackness: number("0")},
			{Row: "c.cold/KE", Clause: "c.cold", Kind: "cap", Bound: 30, Used: 12, Price: number("0"), Slackness: number("0")},
			{Row: "c.tray/KE/least", Clause: "c.tray", Kind: "minimum_lot", Floor: true, Used: 2, Price: number("0"), Slackness: number("0")},
		},
		Shared: []explore.Rule{{Row: "c.supply", Clause: "c.supply", Kind: "budget", Bound: 100, Used: 100, Binds: true, Price: number("3"), Slackness: number("0")}},
		Equals: []party.ID{"KE"}, ByLot: true,
	}
	all := func(a explore.Account) string {
		var says []string
		for _, r := range teller(t).Why(a) {
			says = append(says, r.Says)
		}
		return strings.Join(says, "\n")
	}
	got := all(a)
	for _, want := range []string{
		"Kenya gets 12 of the 48 doses that it could use (25\u00a0%).", "Front line: 12 of 48. One more dose there is worth 1.125; the group's weight is 2.",
		"Rule c.floor guarantees 12 doses, and that is what it gets. Nobody waits. Each dose that c.floor keeps here costs the whole plan 2",
		"Rule c.cold would allow 30 doses; it is not reached.", "all 100 doses of rule c.supply are gone: one more dose in it would be worth 3",
		"that of its next dose is about 0.7396", "No number tells it apart from Kenya: who of them gets the last dose was drawn by public lot.", "Checked exactly: for all 4 rules",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("reasons do not say %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "c.tray") {
		t.Errorf("a lot is told as a floor:\n%s", got)
	}
	a.Groups[0].Shortfall, a.Own[1].Price, a.Own[1].Slackness = number("5"), number("1/2"), number("9")
	got = all(a)
	for _, want := range []string{"later aims send it elsewhere", "Front line: at the prices of the first aim's proof it would get more, worth 5", "c.cold: price 0.5 times 18 unused is 9"} {
		if !strings.Contains(got, want) {
			t.Errorf("reasons do not say %q:\n%s", want, got)
		}
	}
	for i := range a.Own {
		a.Own[i].Price, a.Own[i].Slackness = nil, nil
	}
	a.Shared[0].Price, a.Shared[0].Slackness, a.Groups[0].Shortfall = nil, nil, nil
	if got = all(a); !strings.Contains(got, "tree of cases") || !strings.Contains(got, "different in each case of the proof") {
		t.Errorf("a proof by cases is not told:\n%s", got)
	}
}
