package bargain_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"comity/exact"
	"comity/governor/bargain"
	"comity/party"
)

func rat(t testing.TB, text string) exact.Rat {
	t.Helper()
	v, err := exact.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// printed tells whether an enclosure leaves no doubt about the printed decimals.
func printed(e bargain.Enclosure, digits int, want string) bool {
	return e.Low.Big().FloatString(digits) == want && e.High.Big().FloatString(digits) == want
}

// The frontier u2 = 1 - u1^2 of the charter design, section 11, to the printed digits.
func TestFrontierVectors(t *testing.T) {
	for _, c := range []struct {
		rule         bargain.Rule
		first        string
		second       string
		wantA, wantB string
	}{
		{bargain.Nash, "0", "0", "0.577350", "0.666667"},
		{bargain.KalaiSmorodinsky, "0", "0", "0.618034", "0.618034"},
		{bargain.Leximin, "0", "0", "0.618034", "0.618034"},
		{bargain.Utilitarian, "0", "0", "0.500000", "0.750000"},
		{bargain.Nash, "0.2", "0.1", "0.618432", "0.617542"},
		{bargain.KalaiSmorodinsky, "0.2", "0.1", "0.633799", "0.598298"},
	} {
		f := parabola(t, c.first, c.second)
		p, err := f.Choose(c.rule)
		if err != nil {
			t.Fatal(err)
		}
		if !printed(p.U[0], 6, c.wantA) || !printed(p.U[1], 6, c.wantB) {
			t.Errorf("%s from (%s, %s): %s to %s and %s to %s, want (%s, %s)", c.rule, c.first, c.second, p.U[0].Low, p.U[0].High, p.U[1].Low, p.U[1].High, c.wantA, c.wantB)
		}
	}
}

func parabola(t testing.TB, first, second string) bargain.Frontier {
	t.Helper()
	one := exact.Int(1)
	return bargain.Frontier{To: one, Constant: one, Square: exact.Int(-1), Outside: [2]exact.Rat{rat(t, first), rat(t, second)}, Weights: [2]exact.Rat{one, one}}
}

// payoffs are A (10,4,1), B (7,6,3), C (5,5,5) in three equally likely scenarios.
func payoffs() bargain.Game {
	third, _ := exact.Ratio(1, 3)
	tenth, _ := exact.Ratio(1, 10)
	half, _ := exact.Ratio(1, 2)
	g := bargain.Game{Tail: tenth, Optimism: half, Parties: []bargain.Party{{ID: "AA", Weight: exact.Int(1), Outside: make([]exact.Rat, 3), Demands: true, Minimum: exact.Int(4)}}}
	for s := range 3 {
		g.Scenarios = append(g.Scenarios, bargain.Scenario{Name: fmt.Sprint(s), Probability: third})
	}
	for id, u := range [][]int64{{10, 4, 1}, {7, 6, 3}, {5, 5, 5}} {
		g.Drafts = append(g.Drafts, bargain.Draft{ID: string(rune('A' + id)), Utility: [][]exact.Rat{{exact.Int(u[0]), exact.Int(u[1]), exact.Int(u[2])}}})
	}
	return g
}

// The payoffs of section 11: each rule picks its draft, with its regrets and its value.
func TestPayoffVectors(t *testing.T) {
	g := payoffs()
	for _, c := range []struct {
		rule  bargain.Rule
		best  int
		value string
	}{
		{bargain.MinimaxRegret, 1, "3"},
		{bargain.Maximin, 2, "5"},
		{bargain.Utilitarian, 1, "16/3"},
		{bargain.Hurwicz, 0, "11/2"},
		{bargain.Satisficing, 2, "1"},
		{bargain.CVaR, 2, "5"},
		{bargain.Nash, 1, "16/3"},
		{bargain.Veil, 1, "16/3"},
	} {
		got, err := g.Choose(c.rule)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Best, []int{c.best}) || got.Value().Low.String() != c.value || !got.Value().Exact() {
			t.Errorf("%s picks %v of value %s, want [%d] and %s", c.rule, got.Best, got.Value().Low, c.best, c.value)
		}
	}
	var most []string
	for _, r := range g.Regrets() {
		most = append(most, slices.MaxFunc(r, exact.Rat.Cmp).String())
	}
	if !slices.Equal(most, []string{"4", "3", "5"}) {
		t.Errorf("regrets %v, want 4, 3, 5", most)
	}
}

// The voting tables of section 4: 40/30/20/10 with 3 of 4 parties and 13/20 of the weight,
// and 3/5 of five parties with 2/3 of equal weights, which is in truth 4 of 5.
func TestTableVectors(t *testing.T) {
	energy := bargain.Table{Weights: []exact.Rat{exact.Int(40), exact.Int(30), exact.Int(20), exact.Int(10)}, Parties: rat(t, "3/4"), Weight: rat(t, "13/20")}
	p, err := energy.Power()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.Winning, p.Blocking, p.Banzhaf, p.Vetoes, p.Dictator); got != "[[0 1 2] [0 1 3] [0 2 3]] [[0] [1 2] [1 3] [2 3]] [2/5 1/5 1/5 1/5] [0] -1" {
		t.Errorf("energy table: %s", got)
	}
	vaccine := bargain.Table{Weights: slices.Repeat([]exact.Rat{exact.Int(1)}, 5), Parties: rat(t, "3/5"), Weight: rat(t, "2/3")}
	p, err = vaccine.Power()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Winning {
		if len(s) != 4 {
			t.Errorf("%v wins, want 4 of 5", s)
		}
	}
	if len(p.Winning) != 5 || len(p.Blocking) != 10 {
		t.Errorf("%d winning and %d blocking coalitions, want 5 and 10", len(p.Winning), len(p.Blocking))
	}
}

// point makes a game of one scenario out of utilities by draft and party.
func point(outside []int64, utilities ...[]int64) bargain.Game {
	tenth, _ := exact.Ratio(1, 10)
	g := bargain.Game{Tail: tenth, Scenarios: []bargain.Scenario{{Name: "one", Probability: exact.Int(1)}}}
	for i, d := range outside {
		g.Parties = append(g.Parties, bargain.Party{ID: party.ID(fmt.Sprintf("P%d", i)), Weight: exact.Int(1), Outside: []exact.Rat{exact.Int(d)}})
	}
	for k, u := range utilities {
		d := bargain.Draft{ID: fmt.Sprintf("draft-%d", k)}
		for _, v := range u {
			d.Utility = append(d.Utility, []exact.Rat{exact.Int(v)})
		}
		g.Drafts = append(g.Drafts, d)
	}
	return g
}

// Over lotteries of chords of the parabola the certified optimum agrees with the closed form
// on the chord that holds it, and ties are named.
func TestLotteries(t *testing.T) {
	g := point([]int64{0, 0}, []int64{0, 4}, []int64{4, 0})
	for _, rule := range []bargain.Rule{bargain.Nash, bargain.KalaiSmorodinsky, bargain.Leximin} {
		l, err := g.Mix(rule)
		if err != nil {
			t.Fatal(err)
		}
		if !printed(l.Utilities[0], 12, "2.000000000000") || !printed(l.Utilities[1], 12, "2.000000000000") {
			t.Errorf("%s expects %v", rule, l.Utilities)
		}
	}
	// max 2 ln x + ln y on x + y = 6 is at x = 4.
	g = point([]int64{0, 0}, []int64{0, 6}, []int64{6, 0}, []int64{1, 1})
	g.Parties[0].Weight = exact.Int(2)
	l, err := g.Mix(bargain.Nash)
	if err != nil {
		t.Fatal(err)
	}
	if !printed(l.Utilities[0], 12, "4.000000000000") || !printed(l.Value, 12, "3.174802103936") {
		t.Errorf("weighted nash: %s to %s, value %s to %s", l.Utilities[0].Low, l.Utilities[0].High, l.Value.Low, l.Value.High)
	}
	if _, err := point([]int64{3, 3}, []int64{0, 4}, []int64{4, 0}).Mix(bargain.Nash); !errors.Is(err, bargain.ErrNoAgreement) {
		t.Errorf("nash without room to gain: %v", err)
	}
	c, err := point([]int64{0, 0}, []int64{1, 2}, []int64{2, 1}, []int64{1, 1}).Choose(bargain.Leximin)
	if err != nil || !slices.Equal(c.Best, []int{0, 1}) {
		t.Errorf("leximin of a tie: %v, %v", c.Best, err)
	}
}

func TestLotteriesOverScenarios(t *testing.T) {
	g := payoffs()
	// Regrets are (0,2,4), (3,0,2), (5,1,0). A and C in a ratio of 5 to 4 have 20/9, 14/9 and
	// 20/9; nature's chances of 4/9 and 5/9 for the outer scenarios cost every draft 20/9 or
	// more, so that nothing is better.
	l, err := g.Mix(bargain.MinimaxRegret)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(l.Value.Low, l.Chances); got != "20/9 [5/9 0 4/9]" {
		t.Errorf("regret and chances %s", got)
	}
	l, err = g.Mix(bargain.CVaR)
	if err != nil || l.Value.Low.String() != "5" {
		t.Errorf("worst tenth %s, %v", l.Value.Low, err)
	}
}

func TestCore(t *testing.T) {
	// Three players, any two are worth 1: all together need 3/2.
	g := point([]int64{0, 0, 0}, []int64{1, 0, 0})
	one := exact.Int(1)
	majority := []bargain.Coalition{{Members: []int{0, 1}, Worth: one}, {Members: []int{0, 2}, Worth: one}, {Members: []int{1, 2}, Worth: one}, {Members: []int{0, 1, 2}, Worth: one}}
	c, err := g.Core(majority)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Least, c.Empty(), c.Shares, c.Balance); got != "3/2 true [1/2 1/2 1/2] [1/2 1/2 1/2 0]" {
		t.Errorf("core of the majority game: %s", got)
	}
	b, err := g.Blocks(majority)
	if err != nil || fmt.Sprint(b) != "[[{2 1}]]" {
		t.Errorf("blocks %v, %v", b, err)
	}
	// Utilities that cannot be moved: both members must gain.
	apart := []bargain.Coalition{{Members: []int{0, 1}, Utility: []exact.Rat{one, one}}, {Members: []int{1, 2}, Utility: []exact.Rat{one, one}}}
	if b, err = g.Blocks(apart); err != nil || fmt.Sprint(b) != "[[{1 1}]]" {
		t.Errorf("blocks %v, %v", b, err)
	}
}
