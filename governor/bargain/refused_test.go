package bargain_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"comity/exact"
	"comity/governor/bargain"
)

func TestRefusedGames(t *testing.T) {
	two := exact.Int(2)
	for name, alter := range map[string]func(*bargain.Game){
		"no parties":           func(g *bargain.Game) { g.Parties = nil },
		"no drafts":            func(g *bargain.Game) { g.Drafts = nil },
		"no scenarios":         func(g *bargain.Game) { g.Scenarios = nil },
		"too many drafts":      func(g *bargain.Game) { g.Drafts = make([]bargain.Draft, bargain.MaxDrafts+1) },
		"too many parties":     func(g *bargain.Game) { g.Parties = make([]bargain.Party, bargain.MaxParties+1) },
		"tail of 0":            func(g *bargain.Game) { g.Tail = exact.Rat{} },
		"tail of 2":            func(g *bargain.Game) { g.Tail = two },
		"optimism below 0":     func(g *bargain.Game) { g.Optimism = exact.Int(-1) },
		"optimism above 1":     func(g *bargain.Game) { g.Optimism = two },
		"probability of 0":     func(g *bargain.Game) { g.Scenarios[0].Probability = exact.Rat{} },
		"probabilities of 5/3": func(g *bargain.Game) { g.Scenarios[0].Probability = exact.Int(1) },
		"scenario twice":       func(g *bargain.Game) { g.Scenarios[1].Name = g.Scenarios[0].Name },
		"party twice":          func(g *bargain.Game) { g.Parties = append(g.Parties, g.Parties[0]) },
		"weight of 0":          func(g *bargain.Game) { g.Parties[0].Weight = exact.Rat{} },
		"outside too short":    func(g *bargain.Game) { g.Parties[0].Outside = g.Parties[0].Outside[:1] },
		"draft twice":          func(g *bargain.Game) { g.Drafts[1].ID = g.Drafts[0].ID },
		"draft without id":     func(g *bargain.Game) { g.Drafts[1].ID = "" },
		"utility too short":    func(g *bargain.Game) { g.Drafts[0].Utility[0] = g.Drafts[0].Utility[0][:2] },
		"utilities missing":    func(g *bargain.Game) { g.Drafts[0].Utility = nil },
		"defections missing":   func(g *bargain.Game) { g.Drafts[0].Alone = []exact.Rat{{}, {}} },
		"weights too fine": func(g *bargain.Game) {
			fine, _ := exact.Ratio(1, bargain.MaxWeight)
			g.Parties = append(g.Parties, g.Parties[0])
			g.Parties[1].ID, g.Parties[1].Weight = "BB", fine
			for k := range g.Drafts {
				g.Drafts[k].Utility = append(g.Drafts[k].Utility, g.Drafts[k].Utility[0])
			}
		},
	} {
		g := payoffs()
		alter(&g)
		if _, err := g.Choose(bargain.Utilitarian); !errors.Is(err, bargain.ErrInput) {
			t.Errorf("%s: choose says %v", name, err)
		}
		if _, err := g.Mix(bargain.Leximin); !errors.Is(err, bargain.ErrInput) {
			t.Errorf("%s: mix says %v", name, err)
		}
		if _, err := g.Standings(); !errors.Is(err, bargain.ErrInput) {
			t.Errorf("%s: standings say %v", name, err)
		}
		if _, err := g.Blocks(nil); !errors.Is(err, bargain.ErrInput) {
			t.Errorf("%s: blocks say %v", name, err)
		}
		if _, err := g.Core(nil); !errors.Is(err, bargain.ErrInput) {
			t.Errorf("%s: the core says %v", name, err)
		}
	}
}

func TestRefusedQuestions(t *testing.T) {
	g := payoffs()
	if _, err := g.Choose("lottery"); !errors.Is(err, bargain.ErrInput) {
		t.Errorf("a rule that is none: %v", err)
	}
	if _, err := g.Mix(bargain.Veil); !errors.Is(err, bargain.ErrInput) {
		t.Errorf("a lottery by a linear rule: %v", err)
	}
	g.Parties[0].Demands = false
	if _, err := g.Choose(bargain.Satisficing); !errors.Is(err, bargain.ErrNoMinimum) {
		t.Errorf("nothing to satisfy: %v", err)
	}
	g.Parties[0].Outside = slices.Repeat([]exact.Rat{exact.Int(9)}, 3)
	for _, rule := range []bargain.Rule{bargain.Nash, bargain.KalaiSmorodinsky} {
		if _, err := g.Choose(rule); !errors.Is(err, bargain.ErrNoAgreement) {
			t.Errorf("%s without an agreement: %v", rule, err)
		}
		if _, err := g.Mix(rule); !errors.Is(err, bargain.ErrNoAgreement) {
			t.Errorf("%s without an agreement by lot: %v", rule, err)
		}
	}
	for name, c := range map[string]bargain.Coalition{
		"nobody": {}, "stranger": {Members: []int{1}}, "twice": {Members: []int{0, 0}}, "utilities": {Members: []int{0}, Utility: make([]exact.Rat, 2)},
	} {
		if _, err := g.Blocks([]bargain.Coalition{c}); !errors.Is(err, bargain.ErrInput) {
			t.Errorf("coalition of %s: %v", name, err)
		}
	}
	one := bargain.Coalition{Members: []int{0}}
	if _, err := g.Blocks([]bargain.Coalition{one, one}); !errors.Is(err, bargain.ErrInput) {
		t.Errorf("one coalition twice: %v", err)
	}
	if _, err := g.Core(nil); !errors.Is(err, bargain.ErrNoWhole) {
		t.Errorf("a core without a whole: %v", err)
	}
}

func TestRefusedTables(t *testing.T) {
	one, half := exact.Int(1), rat(t, "1/2")
	for name, table := range map[string]bargain.Table{
		"nobody":          {Parties: half},
		"no majority":     {Weights: []exact.Rat{one, one}},
		"share above 1":   {Weights: []exact.Rat{one}, Weight: exact.Int(2)},
		"share below 0":   {Weights: []exact.Rat{one}, Weight: half, Parties: half.Neg()},
		"weight below 0":  {Weights: []exact.Rat{one, one.Neg()}, Weight: half},
		"weights all 0":   {Weights: []exact.Rat{{}, {}}, Weight: half},
		"weights missing": {Weights: []exact.Rat{}, Weight: half},
	} {
		if _, err := table.Power(); !errors.Is(err, bargain.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := bargain.Table{Weights: slices.Repeat([]exact.Rat{one}, bargain.MaxVoters+1), Parties: half}
	if _, err := many.Power(); !errors.Is(err, bargain.ErrTooLarge) {
		t.Errorf("too many voters: %v", err)
	}
}

func TestRefusedFrontiers(t *testing.T) {
	for name, alter := range map[string]func(*bargain.Frontier){
		"ends where it begins": func(f *bargain.Frontier) { f.To = f.From },
		"bends upwards":        func(f *bargain.Frontier) { f.Square = exact.Int(1) },
		"weight of 0":          func(f *bargain.Frontier) { f.Weights[1] = exact.Rat{} },
	} {
		f := parabola(t, "0", "0")
		alter(&f)
		if _, err := f.Choose(bargain.Nash); !errors.Is(err, bargain.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, outside := range [][2]string{{"1", "0"}, {"0", "1"}, {"0.9", "0.9"}, {"2", "2"}} {
		if p, err := parabola(t, outside[0], outside[1]).Choose(bargain.KalaiSmorodinsky); !errors.Is(err, bargain.ErrNoAgreement) {
			t.Errorf("outside %v: %v, %v", outside, p, err)
		}
	}
	if _, err := parabola(t, "0", "0").Choose(bargain.CVaR); !errors.Is(err, bargain.ErrInput) {
		t.Errorf("a rule over scenarios: %v", err)
	}
	straight := parabola(t, "0", "0")
	straight.Square, straight.Linear = exact.Rat{}, exact.Int(-1)
	if p, err := straight.Choose(bargain.Utilitarian); err != nil || p.U[0].Low.Sign() != 0 || p.U[0].High.String() != "1" {
		t.Errorf("a tie along the frontier: %v, %v", p, err)
	}
}

// The free rider: whoever breaks a draft that the others keep gains, until the draft makes
// that worth less (charter design, section 11, the regions of RICE-N).
func TestFreeRiders(t *testing.T) {
	g := point([]int64{1, 1}, []int64{4, 4}, []int64{4, 4}, []int64{0, 5})
	g.Drafts[0].Alone = []exact.Rat{exact.Int(6), exact.Int(5)}
	g.Drafts[1].Alone = []exact.Rat{exact.Int(3), exact.Int(4)}
	standings, err := g.Standings()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range standings {
		for _, i := range s.Parties {
			got = append(got, fmt.Sprint(i.Temptation, i.Breaks, i.Rational()))
		}
		got = append(got, fmt.Sprint(s.Stable()))
	}
	want := []string{"2 true true", "1 true true", "false", "-1 true true", "0 true true", "true", "1 false false", "-4 false true", "false"}
	if !slices.Equal(got, want) {
		t.Errorf("temptations %q, want %q", got, want)
	}
}

// Utilities that hardly let anybody gain, or differ by many orders, end in a proved answer or
// in an error that says so.
func TestExtremes(t *testing.T) {
	tiny := rat(t, "0.000000000000000000000000000000000000000000000000000000000000000001")
	huge := rat(t, "1000000000000000000000000000000000000000000000000000000000000000")
	for name, u := range map[string][2]exact.Rat{"tiny": {tiny, tiny}, "huge": {huge, huge}, "both": {tiny, huge}} {
		g := point([]int64{0, 0}, []int64{0, 0}, []int64{0, 0}, []int64{-1, -1})
		g.Drafts[0].Utility[0][0], g.Drafts[1].Utility[1][0] = u[0], u[1]
		g.Drafts[1].Utility[0][0] = u[1].Neg()
		l, err := g.Mix(bargain.Nash)
		if err != nil && !errors.Is(err, bargain.ErrTooLarge) && !errors.Is(err, bargain.ErrNoAgreement) {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
}

// Long numbers under large weights are refused, not computed for hours.
func TestTooManyDigits(t *testing.T) {
	g := point([]int64{0, 0}, []int64{1, 1}, []int64{2, 1})
	g.Parties[0].Weight = exact.Int(bargain.MaxWeight - 1)
	long := exact.FromBig(new(big.Rat).SetFrac(new(big.Int).Lsh(big.NewInt(1), 4000), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 4001), big.NewInt(1))))
	g.Drafts[0].Utility[0][0] = long
	if _, err := g.Choose(bargain.Nash); !errors.Is(err, bargain.ErrTooLarge) {
		t.Errorf("nash: %v", err)
	}
	g.Drafts[1].Utility[1][0] = exact.FromBig(new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 1<<21)))
	standings, err := g.Standings()
	if err != nil || !standings[1].Unsearched || !standings[1].Efficient() {
		t.Errorf("standings: %v", err)
	}
	if _, err := g.Mix(bargain.Nash); !errors.Is(err, bargain.ErrTooLarge) {
		t.Errorf("nash by lot: %v", err)
	}
}

// The largest number of parties, and more drafts than a table has seen.
func BenchmarkMix(b *testing.B) {
	var outside []int64
	utilities := make([][]int64, 24)
	state := int64(1)
	for range bargain.MaxParties {
		outside = append(outside, 0)
		for k := range utilities {
			state = state * 48271 % 2147483647 // Park and Miller (1988): only to have many numbers.
			utilities[k] = append(utilities[k], state%1000)
		}
	}
	g := point(outside, utilities...)
	b.Run("standings", func(b *testing.B) {
		for b.Loop() {
			if _, err := g.Standings(); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, rule := range []bargain.Rule{bargain.Nash, bargain.KalaiSmorodinsky, bargain.Leximin} {
		b.Run(string(rule), func(b *testing.B) {
			for b.Loop() {
				if _, err := g.Mix(rule); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// All coalitions of 12 parties.
func BenchmarkCore(b *testing.B) {
	const parties = 12
	utilities := make([]int64, parties)
	g := point(utilities, utilities)
	var coalitions []bargain.Coalition
	state := int64(1)
	for s := 1; s < 1<<parties; s++ {
		state = state * 48271 % 2147483647
		c := bargain.Coalition{}
		for i := range parties {
			if s>>i&1 == 1 {
				c.Members = append(c.Members, i)
			}
		}
		c.Worth = exact.Int(int64(len(c.Members))*1000 + state%2000)
		coalitions = append(coalitions, c)
	}
	for b.Loop() {
		if _, err := g.Core(coalitions); err != nil {
			b.Fatal(err)
		}
	}
}
