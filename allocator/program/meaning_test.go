package program_test

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/allocator/program"
	"comity/party"
)

// given is what each party gets, by group and period.
type given map[party.ID]map[string][]int64

// drawn is one rule with small random numbers, and what it says in plain words.
type drawn struct {
	rules []comity.Constraint
	keeps func(x given, periods int) bool
}

// TestRowsMeanWhatTheRulesSay: a plan keeps the rows of a problem, with some flows,
// stocks and lots, exactly if it keeps the rules as people read them.
func TestRowsMeanWhatTheRulesSay(t *testing.T) {
	kept := 0
	rapid.Check(t, func(r *rapid.T) {
		inputs := plan()
		periods := rapid.IntRange(1, 3).Draw(r, "periods")
		inputs.Charter.Scope.Periods = periods
		for _, d := range inputs.Declarations {
			for _, name := range []string{"load/2", "load/3", "delivered/2", "delivered/3"} {
				if _, ok := d.Declaration.Values[name]; ok && int(name[len(name)-1]-'0') > periods {
					delete(d.Declaration.Values, name)
				}
			}
		}
		rule := draw(r)
		inputs.Charter.Constraints = rule.rules
		p, err := program.Lower(inputs)
		if err != nil {
			r.Fatal(err)
		}
		x, units := given{"KE": {}, "TZ": {}}, make([]int64, len(p.Columns))
		for j, c := range p.Columns {
			if c.Party == "" {
				continue
			}
			group := map[byte]string{'f': "front", 'w': "ward"}[c.ID[3]]
			units[j] = rapid.Int64Range(0, min(4, int64(c.Upper))).Draw(r, c.ID)
			x[c.Party][group] = append(x[c.Party][group], units[j]) // Columns ascend by period.
		}
		rules := slices.DeleteFunc(slices.Clone(p.Rows), func(row comity.Row) bool { return row.Clause == "need" })
		got, want := possible(p.Columns, rules, units, 0), rule.keeps(x, periods)
		if got != want {
			r.Fatalf("%+v: plan %v keeps the rows: %v, the rule: %v\n%s", rule.rules[0], x, got, want, rows(p))
		}
		if got {
			kept++
		}
	})
	if kept < 10 {
		t.Errorf("only %d plans kept their rule", kept)
	}
}

// possible tries all flows, stocks and lots from column j on.
func possible(columns []comity.Column, rows []comity.Row, units []int64, j int) bool {
	if j == len(columns) {
		for _, r := range rows {
			sum := int64(0)
			for _, t := range r.Terms {
				sum += int64(t.Coeff) * units[t.Column]
			}
			if r.Lower != nil && sum < int64(*r.Lower) || r.Upper != nil && sum > int64(*r.Upper) {
				return false
			}
		}
		return true
	}
	if columns[j].Party != "" {
		return possible(columns, rows, units, j+1)
	}
	for units[j] = range int64(columns[j].Upper) + 1 {
		if possible(columns, rows, units, j+1) {
			return true
		}
	}
	return false
}

// sum adds up what parties get of some groups in some periods; period 0 is all of them.
func (x given) sum(parties []party.ID, groups []string, period int) int64 {
	total := int64(0)
	for _, id := range parties {
		for _, g := range groups {
			for t, n := range x[id][g] {
				if period == 0 || t+1 == period {
					total += n
				}
			}
		}
	}
	return total
}

// all says that a rule holds wherever it is to hold on its own.
func (x given) all(each string, periods int, holds func(parties []party.ID, period int) bool) bool {
	sets := [][]party.ID{{"KE"}, {"TZ"}}
	if each == "all" || each == "period" {
		sets = [][]party.ID{{"KE", "TZ"}}
	}
	first, last := 0, 0
	if each == "period" || each == "party_period" {
		first, last = 1, periods
	}
	for _, parties := range sets {
		for t := first; t <= last; t++ {
			if !holds(parties, t) {
				return false
			}
		}
	}
	return true
}

func draw(r *rapid.T) drawn {
	n := rapid.Int64Range(0, 9).Draw(r, "n")
	number := new(num(big.NewInt(n).String()))
	groups := rapid.SampledFrom([][]string{{"front"}, {"ward"}, {"front", "ward"}}).Draw(r, "groups")
	per := rapid.SampledFrom([]string{"party", "party_period"}).Draw(r, "each")
	together := rapid.SampledFrom([]string{"all", "period"}).Draw(r, "each together")
	one := func(c comity.Constraint, each string, holds func(x given, parties []party.ID, period int) bool) drawn {
		c.ID, c.Each = "c", each
		return drawn{[]comity.Constraint{c}, func(x given, periods int) bool {
			return x.all(each, periods, func(parties []party.ID, t int) bool { return holds(x, parties, t) })
		}}
	}
	switch rapid.SampledFrom([]string{"budget", "floor", "cap", "rational", "lot", "ratio", "affine", "parity", "flow", "stock"}).Draw(r, "kind") {
	case "budget":
		return one(comity.Constraint{Kind: "budget", AtMost: number, Groups: groups}, together, func(x given, p []party.ID, t int) bool { return x.sum(p, groups, t) <= n })
	case "floor":
		return one(comity.Constraint{Kind: "floor", AtLeast: number, Groups: groups}, per, func(x given, p []party.ID, t int) bool { return x.sum(p, groups, t) >= n })
	case "cap":
		return one(comity.Constraint{Kind: "cap", AtMost: number, Groups: groups}, per, func(x given, p []party.ID, t int) bool { return x.sum(p, groups, t) <= n })
	case "rational":
		return one(comity.Constraint{Kind: "individual_rationality", Baseline: number, Groups: groups}, per, func(x given, p []party.ID, t int) bool { return x.sum(p, groups, t) >= n })
	case "lot":
		return one(comity.Constraint{Kind: "minimum_lot", Lot: number, Groups: groups}, per, func(x given, p []party.ID, t int) bool {
			got := x.sum(p, groups, t)
			return got == 0 || got >= n
		})
	case "ratio":
		d := rapid.Int64Range(1, 6).Draw(r, "d")
		each := rapid.SampledFrom([]string{"party", "party_period", "all", "period"}).Draw(r, "each ratio")
		c := comity.Constraint{Kind: "ratio", Groups: groups, Of: []string{"ward"}, AtMost: new(op("div", *number, num(big.NewInt(d).String())))}
		return one(c, each, func(x given, p []party.ID, t int) bool {
			return d*x.sum(p, groups, t) <= n*x.sum(p, []string{"ward"}, t)
		})
	case "affine":
		d := rapid.Int64Range(1, 6).Draw(r, "d")
		// A unit weighs price/d: 4/d in KE and 6/d in TZ; the sum is at least n/7.
		c := comity.Constraint{Kind: "affine", Groups: groups, Coefficient: new(op("div", in("party.price"), num(big.NewInt(d).String()))), AtLeast: new(op("div", *number, num("7")))}
		return one(c, together, func(x given, _ []party.ID, t int) bool {
			return 7*(4*x.sum([]party.ID{"KE"}, groups, t)+6*x.sum([]party.ID{"TZ"}, groups, t)) >= n*d
		})
	case "parity":
		c := comity.Constraint{ID: "c", Kind: "inequality", Measure: "fairness.demographic_parity", Per: new(in("party.population")), AtMost: new(op("div", *number, num("30"))), Between: []string{"coast", "inland"}}
		return drawn{[]comity.Constraint{c}, func(x given, _ int) bool {
			everything := []string{"front", "ward"}
			ke, tz := x.sum([]party.ID{"KE"}, everything, 0), x.sum([]party.ID{"TZ"}, everything, 0) // Per head of 30 and 12.
			return max(2*ke-5*tz, 5*tz-2*ke) <= 2*n
		}}
	case "flow":
		return drawFlow(r, n)
	default:
		return drawStock(r, groups, n)
	}
}

// drawFlow: KE has n units in every period and TZ two; a line carries some of them.
func drawFlow(r *rapid.T, n int64) drawn {
	line := rapid.Int64Range(0, 4).Draw(r, "line")
	ke := op("sub", in("party.population"), num(big.NewInt(30-n).String())) // n for KE, and n - 18 for TZ.
	return drawn{[]comity.Constraint{
		{ID: "c", Kind: "conservation", Arrivals: new(op("max", num("2"), ke))},
		{ID: "d", Kind: "flow_limit", From: "KE", To: "TZ", AtMost: new(num(big.NewInt(line).String()))},
	}, func(x given, periods int) bool {
		return x.all("period", periods, func(_ []party.ID, t int) bool {
			everything := []string{"front", "ward"}
			spare, short := max(n, 2)-x.sum([]party.ID{"KE"}, everything, t), x.sum([]party.ID{"TZ"}, everything, t)-2
			return spare >= 0 && short <= min(spare, line)
		})
	}}
}

// drawStock: n units are there at first and one more arrives in every period; two fit
// into the store, and what does not is lost.
func drawStock(r *rapid.T, groups []string, n int64) drawn {
	each := rapid.SampledFrom([]string{"all", "party"}).Draw(r, "each stock")
	c := comity.Constraint{ID: "c", Kind: "stock", Each: each, Groups: groups, Opening: new(num(big.NewInt(n).String())), Arrivals: new(num("1")), AtMost: new(num("2"))}
	return drawn{[]comity.Constraint{c}, func(x given, periods int) bool {
		return x.all(each, periods, func(parties []party.ID, _ int) bool {
			store := n
			for t := 1; t <= periods; t++ {
				if store += 1 - x.sum(parties, groups, t); store < 0 {
					return false
				}
				store = min(store, 2)
			}
			return true
		})
	}}
}
