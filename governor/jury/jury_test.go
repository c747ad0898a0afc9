package jury_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/chance"
	"comity/exact"
	"comity/governor/jury"
)

func ratio(num, den int64) exact.Rat {
	x, err := exact.Ratio(num, den)
	if err != nil {
		panic(err)
	}
	return x
}

// three is the pool {woman, man, man, man} with a panel of one woman and one man: the
// woman is certain, each man has a third.
func three() (jury.Pool, jury.Result) {
	pool := jury.Pool{
		Size: 2, Quotas: []jury.Quota{{Category: "sex", Feature: "w", Min: 1, Max: 1}, {Category: "sex", Feature: "m", Min: 1, Max: 1}},
		People: [][]int{{0}, {1}, {1}, {1}},
	}
	third := ratio(1, 3)
	return pool, jury.Result{
		Algorithm: jury.Leximin,
		Lottery:   jury.Lottery{{Members: []int{0, 1}, Weight: third}, {Members: []int{0, 2}, Weight: third}, {Members: []int{0, 3}, Weight: third}},
		Chances:   []exact.Rat{exact.Int(1), third, third, third},
		Certificate: jury.Certificate{Levels: []jury.Level{
			{Chance: third, Bound: third, Groups: []int{1}, Prices: []jury.Price{{At: 1, Value: 1}}},
			{Chance: exact.Int(1), Bound: exact.Int(1), Groups: []int{0}, Caps: []jury.Price{{At: 0, Value: 1}}},
		}},
	}
}

// cornered is example 3 of a published library: each of three features is needed, one
// person has all, and a panel of two must hold that person, which no quota says.
func cornered() (jury.Pool, jury.Result) {
	pool := jury.Pool{Size: 2, People: [][]int{{0, 2, 4}, {0, 3, 5}, {1, 2, 5}, {1, 3, 4}}}
	for _, c := range []string{"f", "g", "h"} {
		pool.Quotas = append(pool.Quotas, jury.Quota{Category: c, Feature: "1", Min: 1, Max: 2}, jury.Quota{Category: c, Feature: "2", Max: 2})
	}
	third := ratio(1, 3)
	r := jury.Result{
		Algorithm: jury.Leximin,
		Lottery:   jury.Lottery{{Members: []int{0, 1}, Weight: third}, {Members: []int{0, 2}, Weight: third}, {Members: []int{0, 3}, Weight: third}},
		Chances:   []exact.Rat{exact.Int(1), third, third, third},
	}
	r.Certificate.Cuts = []jury.Cut{{Weights: []jury.Price{{At: 1, Value: 1}, {At: 2, Value: 1}, {At: 3, Value: 1}}, Bound: 1, Scale: 1}}
	r.Certificate.Levels = []jury.Level{
		{Chance: third, Bound: third, Groups: []int{1, 2, 3}, Prices: []jury.Price{{At: 7, Value: 1}}},
		{Chance: exact.Int(1), Bound: exact.Int(1), Groups: []int{0}, Caps: []jury.Price{{At: 0, Value: 1}}},
	}
	return pool, r
}

// even is a pool of four alike with a panel of two, under nash.
func even() (jury.Pool, jury.Result) {
	pool := jury.Pool{
		Size: 2, Quotas: []jury.Quota{{Category: "sex", Feature: "w", Min: 0, Max: 2}}, People: [][]int{{0}, {0}, {0}, {0}},
	}
	half := ratio(1, 2)
	return pool, jury.Result{
		Algorithm:   jury.Nash,
		Lottery:     jury.Lottery{{Members: []int{0, 1}, Weight: half}, {Members: []int{2, 3}, Weight: half}},
		Chances:     []exact.Rat{half, half, half, half},
		Certificate: jury.Certificate{Mean: &jury.Mean{Ratio: exact.Int(1), Scale: 1, Prices: []jury.Price{{At: 1, Value: 2}}}},
	}
}

func TestCheckAcceptsWhatIsProved(t *testing.T) {
	for name, example := range map[string]func() (jury.Pool, jury.Result){"three": three, "cornered": cornered, "even": even} {
		if err := jury.Check(example()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	pool, r := three()
	r.Algorithm, r.Certificate.Levels = jury.Maximin, r.Certificate.Levels[:1]
	if err := jury.Check(pool, r); err != nil {
		t.Errorf("maximin: %v", err)
	}
}

// TestCheckRefusesEveryTampering changes one thing at a time.
func TestCheckRefusesEveryTampering(t *testing.T) {
	half := ratio(1, 2)
	for name, tamper := range map[string]func(p *jury.Pool, r *jury.Result){
		"weight":          func(_ *jury.Pool, r *jury.Result) { r.Lottery[0].Weight = half },
		"negative weight": func(_ *jury.Pool, r *jury.Result) { r.Lottery[0].Weight = ratio(-1, 3) },
		"missing panel":   func(_ *jury.Pool, r *jury.Result) { r.Lottery = r.Lottery[:2] },
		"member":          func(_ *jury.Pool, r *jury.Result) { r.Lottery[0].Members = []int{0, 2} },
		"quota":           func(_ *jury.Pool, r *jury.Result) { r.Lottery[0].Members = []int{1, 2} },
		"size":            func(_ *jury.Pool, r *jury.Result) { r.Lottery[0].Members = []int{0, 1, 2} },
		"order":           func(_ *jury.Pool, r *jury.Result) { r.Lottery[0].Members = []int{1, 0} },
		"stranger":        func(_ *jury.Pool, r *jury.Result) { r.Lottery[0].Members = []int{0, 4} },
		"twice":           func(_ *jury.Pool, r *jury.Result) { r.Lottery[0].Members = []int{0, 0} },
		"chance":          func(_ *jury.Pool, r *jury.Result) { r.Chances[2] = half },
		"chances":         func(_ *jury.Pool, r *jury.Result) { r.Chances = r.Chances[:3] },
		"level chance":    func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels[0].Chance = half },
		"level bound":     func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels[0].Bound = half },
		"price":           func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels[0].Prices[0].Value = -1 },
		"price of other":  func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels[0].Prices[0].At = 0 },
		"price nowhere":   func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels[0].Prices[0].At = 9 },
		"price too large": func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels[0].Prices[0].Value = 1 << 40 },
		"group":           func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels[0].Groups[0] = 0 },
		"no group":        func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels[0].Groups = nil },
		"cap":             func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels[1].Caps[0].Value = -1 },
		"cap of other":    func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels[1].Caps[0].At = 1 },
		"missing level":   func(_ *jury.Pool, r *jury.Result) { r.Certificate.Levels = r.Certificate.Levels[:1] },
		"level twice": func(_ *jury.Pool, r *jury.Result) {
			r.Certificate.Levels = append(r.Certificate.Levels, r.Certificate.Levels[1])
		},
		"gap":         func(_ *jury.Pool, r *jury.Result) { r.Certificate.Gap = half },
		"algorithm":   func(_ *jury.Pool, r *jury.Result) { r.Algorithm = "best" },
		"nash":        func(_ *jury.Pool, r *jury.Result) { r.Algorithm, r.Certificate.Levels = jury.Nash, nil },
		"a quota":     func(p *jury.Pool, _ *jury.Result) { p.Quotas[1].Max = 2 },
		"a person":    func(p *jury.Pool, _ *jury.Result) { p.People[3] = []int{0} },
		"households":  func(p *jury.Pool, _ *jury.Result) { p.Households = []int{1, 1, 2, 3} },
		"a cut twice": func(_ *jury.Pool, r *jury.Result) { r.Certificate.Cuts = []jury.Cut{{}} },
	} {
		pool, r := three()
		tamper(&pool, &r)
		err := jury.Check(pool, r)
		if !errors.Is(err, jury.ErrCertificate) {
			t.Errorf("%s: %v, want ErrCertificate", name, err)
		}
	}
}

// TestUnequalChancesOfEqualsAreRefused: the lottery is proper, and not anonymous.
func TestUnequalChancesOfEqualsAreRefused(t *testing.T) {
	pool, r := three()
	r.Lottery[0].Weight, r.Lottery[1].Weight = ratio(1, 2), ratio(1, 6)
	r.Chances[1], r.Chances[2] = ratio(1, 2), ratio(1, 6)
	if err := jury.Check(pool, r); !errors.Is(err, jury.ErrCertificate) {
		t.Errorf("got %v, want ErrCertificate", err)
	}
}

func TestTamperedCutsAreRefused(t *testing.T) {
	for name, tamper := range map[string]func(c *jury.Cut){
		"bound too low":    func(c *jury.Cut) { c.Bound = 0 },
		"weight too large": func(c *jury.Cut) { c.Weights[0].Value = 2 },
		"scale":            func(c *jury.Cut) { c.Scale = 0 },
		"order":            func(c *jury.Cut) { c.Weights[0].At = 2 },
		"price nowhere":    func(c *jury.Cut) { c.Prices = []jury.Price{{At: 7, Value: 1}} },
	} {
		pool, r := cornered()
		tamper(&r.Certificate.Cuts[0])
		if err := jury.Check(pool, r); !errors.Is(err, jury.ErrCertificate) {
			t.Errorf("%s: %v, want ErrCertificate", name, err)
		}
	}
	pool, r := cornered()
	r.Certificate.Cuts = nil // The level's price has no row any more.
	if err := jury.Check(pool, r); !errors.Is(err, jury.ErrCertificate) {
		t.Errorf("without the cut: %v, want ErrCertificate", err)
	}
}

func TestTamperedMeansAreRefused(t *testing.T) {
	for name, tamper := range map[string]func(r *jury.Result){
		"ratio": func(r *jury.Result) { r.Certificate.Mean.Ratio = ratio(9, 10) },
		"scale": func(r *jury.Result) { r.Certificate.Mean.Scale = 0 },
		"price": func(r *jury.Result) { r.Certificate.Mean.Prices[0].Value = 1 },
		"none":  func(r *jury.Result) { r.Certificate.Mean = nil },
	} {
		pool, r := even()
		tamper(&r)
		if err := jury.Check(pool, r); !errors.Is(err, jury.ErrCertificate) {
			t.Errorf("%s: %v, want ErrCertificate", name, err)
		}
	}
}

func TestPoolsThatAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(p *jury.Pool){
		"no panel":         func(p *jury.Pool) { p.Size = 0 },
		"too large":        func(p *jury.Pool) { p.Size = 5 },
		"negative":         func(p *jury.Pool) { p.Quotas[0].Min = -1 },
		"crossed":          func(p *jury.Pool) { p.Quotas[0].Min = 2 },
		"quota twice":      func(p *jury.Pool) { p.Quotas[1].Feature = "w" },
		"no feature":       func(p *jury.Pool) { p.People[0] = nil },
		"unknown feature":  func(p *jury.Pool) { p.People[0] = []int{2} },
		"two of one":       func(p *jury.Pool) { p.People[0] = []int{0, 1} },
		"short households": func(p *jury.Pool) { p.Households = []int{1} },
	} {
		pool, _ := three()
		spoil(&pool)
		if err := pool.Check(); !errors.Is(err, jury.ErrPool) {
			t.Errorf("%s: %v, want ErrPool", name, err)
		}
	}
}

// drawPool draws a small pool, with households or without.
func drawPool(t *rapid.T) jury.Pool {
	p := jury.Pool{Size: rapid.IntRange(1, 3).Draw(t, "size")}
	for _, c := range []string{"a", "b"} {
		for _, f := range []string{"1", "2"} {
			low := rapid.IntRange(0, 2).Draw(t, "min")
			p.Quotas = append(p.Quotas, jury.Quota{Category: c, Feature: f, Min: low, Max: low + rapid.IntRange(0, 3).Draw(t, "more")})
		}
	}
	for range rapid.IntRange(3, 8).Draw(t, "people") {
		p.People = append(p.People, []int{rapid.IntRange(0, 1).Draw(t, "a"), rapid.IntRange(2, 3).Draw(t, "b")})
	}
	if rapid.Bool().Draw(t, "households") {
		for range p.People {
			p.Households = append(p.Households, rapid.IntRange(0, 5).Draw(t, "home"))
		}
	}
	return p
}

// TestFormSaysTheSameAsPanels: counts of groups satisfy the rows exactly if some panel
// has those counts.
func TestFormSaysTheSameAsPanels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPool(t)
		f := p.Form()
		reached := map[string]bool{}
		for set := range 1 << len(p.People) {
			var panel []int
			for i := range p.People {
				if set>>i&1 == 1 {
					panel = append(panel, i)
				}
			}
			if p.CheckPanel(panel) == nil {
				reached[text(counts(f, panel))] = true
			}
		}
		var try func(c []int, g int)
		try = func(c []int, g int) {
			if g == len(c) {
				if got := obeys(f, c); got != reached[text(c)] {
					t.Fatalf("counts %v: rows say %v, panels %v", c, got, reached[text(c)])
				}
				return
			}
			for n := range len(f.Groups[g].People) + 1 {
				c[g] = n
				try(c, g+1)
			}
		}
		try(make([]int, len(f.Groups)), 0)
	})
}

func text(c []int) string {
	var b []byte
	for _, n := range c {
		b = append(b, byte('0'+n))
	}
	return string(b)
}

func counts(f jury.Form, panel []int) []int {
	c := make([]int, len(f.Groups))
	for _, i := range panel {
		c[f.Of[i]]++
	}
	return c
}

func obeys(f jury.Form, c []int) bool {
	sum := make([]int, len(f.Rows))
	for g, n := range c {
		for _, r := range f.Groups[g].Rows {
			sum[r] += n
		}
	}
	for r, row := range f.Rows {
		if sum[r] < row.Min || sum[r] > row.Max {
			return false
		}
	}
	return true
}

// TestCutsAreProvedIfTheyHold compares the search with all panels.
func TestCutsAreProvedIfTheyHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPool(t)
		f := p.Form()
		c := jury.Cut{Scale: 4}
		for g := range f.Groups {
			if w := rapid.Int64Range(-3, 3).Draw(t, "weight"); w != 0 {
				c.Weights = append(c.Weights, jury.Price{At: g, Value: w})
			}
		}
		for r := range f.Rows {
			if y := rapid.Int64Range(-9, 9).Draw(t, "price"); y != 0 {
				c.Prices = append(c.Prices, jury.Price{At: r, Value: y})
			}
		}
		c.Bound = rapid.Int64Range(-4, 6).Draw(t, "bound")
		holds := true
		for set := range 1 << len(p.People) {
			var panel []int
			for i := range p.People {
				if set>>i&1 == 1 {
					panel = append(panel, i)
				}
			}
			if p.CheckPanel(panel) != nil {
				continue
			}
			n, worth := counts(f, panel), int64(0)
			for _, w := range c.Weights {
				worth += w.Value * int64(n[w.At])
			}
			holds = holds && worth <= c.Bound
		}
		if err := f.CheckCut(c); (err == nil) != holds {
			t.Fatalf("cut %v holds: %v; check says %v", c, holds, err)
		}
	})
}

// TestDrawFollowsTheWeights: over many seeds each panel comes as often as it weighs, and
// one seed gives one panel.
func TestDrawFollowsTheWeights(t *testing.T) {
	l := jury.Lottery{{Members: []int{0}, Weight: ratio(1, 6)}, {Members: []int{1}, Weight: ratio(1, 2)}, {Members: []int{2}, Weight: ratio(1, 3)}}
	seen := make([]int, len(l))
	const draws = 6000
	for k := range draws {
		seed := chance.Seed{byte(k), byte(k >> 8)}
		seen[l.Draw(seed)]++
		if again := l.Draw(seed); k == 0 && again != slices.Index(seen, 1) {
			t.Error("one seed, two panels")
		}
	}
	// Five standard deviations of a count are at most 5 * sqrt(6000 / 4) = 194.
	for k, want := range []int{draws / 6, draws / 2, draws / 3} {
		if seen[k] < want-194 || seen[k] > want+194 {
			t.Errorf("panel %d drawn %d times, want about %d", k, seen[k], want)
		}
	}
	if got := l.Draw(chance.Seed{}); got != 1 {
		t.Errorf("the seed of zeros draws panel %d, want 1: the rule of drawing has changed", got)
	}
}
