package solve_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"comity"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/canon"
	"comity/party"
	"comity/quantity"
)

// orders returns in how many orders and under how many names each problem is solved
// again, and whether that is the long rehearsal: COMITY_ORDERS says (make orders: 100).
func orders(t *testing.T) (int, bool) {
	t.Helper()
	text := os.Getenv("COMITY_ORDERS")
	if text == "" {
		return 1, false
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("COMITY_ORDERS=%q; write how many orders to try, as 100", text)
	}
	return n, true
}

func seasonal(c comity.Constraint) comity.Constraint { c.Each = "period"; return c }

// deliveries is what every consortium has besides the rules under test: each season's
// doses.
func deliveries() comity.Constraint {
	return seasonal(comity.Constraint{ID: "c.supply", Kind: "budget", AtMost: in("supply.delivered")})
}

func rules(list ...comity.Constraint) func([]seat) []comity.Constraint {
	return func([]seat) []comity.Constraint { return slices.Concat([]comity.Constraint{deliveries()}, list) }
}

// lines join each member to the next but one; those of pairs stand alone, as a line would
// tell them apart.
func lines(pairs int, list ...comity.Constraint) func([]seat) []comity.Constraint {
	return func(seats []seat) []comity.Constraint {
		seats = seats[:len(seats)-2*pairs]
		for k, s := range seats {
			list = append(list, comity.Constraint{
				ID: fmt.Sprintf("line.%02d", k), Kind: "flow_limit", From: s.id, To: seats[(k+2)%len(seats)].id,
				AtMost: op("mul", *in("period.number"), num(strconv.Itoa(10+7*k))),
			})
		}
		return list
	}
}

func weightedBy(measure *comity.Expr) comity.Aim {
	return comity.Aim{ID: "worth", Kind: "weighted", Counts: "worth", Measure: *measure}
}

func leastOf(kind, counts string) comity.Aim {
	return comity.Aim{ID: kind, Kind: kind, Counts: counts, Measure: num("1"), Per: in("party.people")}
}

func bargain() comity.Aim {
	return comity.Aim{ID: "nash", Kind: "nash", Counts: "units", Measure: num("1"), Outside: share("party.alone", "1/4"), Power: op("add", num("1"), *op("round", *share("party.price", "1/200"), num("1")))}
}

// charters are consortia with every kind of constraint and of stage.
func charters(members, pairs int) map[string]consortium {
	worth := []comity.Aim{weightedBy(in("party.worth"))}
	coarse := []comity.Aim{weightedBy(op("round", *in("party.worth"), num("5000")))}
	slack := weightedBy(op("round", *in("party.worth"), num("500")))
	slack.Slack = ratio(1, 20)
	cost := comity.Aim{ID: "cost", Kind: "weighted", Counts: "worth", Measure: *op("round", *in("party.price"), num("50"))}
	floor := comity.Constraint{ID: "c.floor", Kind: "floor", AtLeast: share("party.front", "1/3")}
	ceiling := comity.Constraint{ID: "c.cap", Kind: "cap", AtMost: in("party.room")}
	money := seasonal(comity.Constraint{ID: "c.money", Kind: "affine", Coefficient: in("party.price"), AtMost: share("supply.money", "9/20")})
	volume := comity.Constraint{ID: "c.volume", Kind: "affine", Coefficient: op("div", *in("party.volume"), num("10")), AtMost: share("supply.rooms", "7/20")}
	lot := comity.Constraint{ID: "c.lot", Kind: "minimum_lot", Lot: share("party.front", "3/2")}
	gini := comity.Constraint{ID: "c.gini", Kind: "inequality", Measure: "fairness.gini", Per: in("party.people"), AtMost: new(num("1/5"))}
	jain := comity.Constraint{ID: "c.jain", Kind: "inequality", Measure: "fairness.jain", Per: in("party.people"), AtLeast: new(num("9/10"))}
	store := comity.Constraint{ID: "c.store", Kind: "stock", Opening: share("supply.store", "1/3"), Arrivals: in("supply.delivered"), AtMost: in("supply.store")}
	one := func(aims []comity.Aim, list ...comity.Constraint) consortium {
		return consortium{members: members, pairs: pairs, stages: aims, rules: rules(list...)}
	}
	list := map[string]consortium{
		"budget":                  one(coarse),
		"floor":                   one(coarse, floor),
		"cap":                     one(coarse, ceiling, comity.Constraint{ID: "c.season", Kind: "cap", Each: "party_period", AtMost: share("party.room", "1/2")}),
		"individual rationality":  one(coarse, comity.Constraint{ID: "c.alone", Kind: "individual_rationality", Baseline: in("party.alone")}),
		"stock":                   {members: members, pairs: pairs, stages: coarse, rules: func([]seat) []comity.Constraint { return []comity.Constraint{store, ceiling} }},
		"minimum lot":             one(coarse, lot),
		"ratio of each party":     one(coarse, comity.Constraint{ID: "c.ratio", Kind: "ratio", Groups: []string{"front"}, Of: []string{"ward"}, AtMost: new(num("2/3"))}),
		"ratio of each season":    one(coarse, comity.Constraint{ID: "c.ratio", Kind: "ratio", Each: "period", Groups: []string{"ward"}, Of: []string{"front", "ward"}, AtLeast: new(num("3/5"))}),
		"affine":                  one(worth, money, volume),
		"gini":                    one(coarse, gini),
		"jain":                    one(coarse, jain),
		"two ginis and a jain":    one(coarse, gini, comity.Constraint{ID: "c.even", Kind: "inequality", Measure: "fairness.gini", Per: in("party.front"), AtMost: new(num("1/5"))}, jain),
		"demographic parity":      one(coarse, comity.Constraint{ID: "c.parity", Kind: "inequality", Measure: "fairness.demographic_parity", Per: share("party.people", "1/100"), AtMost: new(num("1")), Between: []string{"coast", "inland"}}),
		"cost, at least":          {members: members, pairs: pairs, stages: []comity.Aim{cost}, sense: "minimise", rules: rules(floor)},
		"slack, then maximin":     one([]comity.Aim{slack, leastOf("maximin", "units")}, floor),
		"maximin":                 one([]comity.Aim{leastOf("maximin", "worth")}, ceiling),
		"leximin":                 one([]comity.Aim{leastOf("leximin", "units")}, ceiling),
		"nash":                    one([]comity.Aim{bargain()}),
		"slack, leximin, nash":    one([]comity.Aim{slack, leastOf("leximin", "worth"), bargain()}),
		"leximin of money":        one([]comity.Aim{leastOf("leximin", "units")}, money),
		"leximin of lots":         one([]comity.Aim{leastOf("leximin", "units")}, lot),
		"nash of money":           one([]comity.Aim{bargain()}, money),
		"slack, then lots":        one([]comity.Aim{slack, leastOf("maximin", "units")}, lot),
		"maximin under a gini":    one([]comity.Aim{leastOf("maximin", "units")}, gini),
		"lots, money and volumes": one(coarse, lot, money, volume),
	}
	own := comity.Constraint{ID: "c.own", Kind: "stock", Each: "party", Opening: in("party.alone"), Arrivals: in("party.made"), AtMost: share("party.room", "1/2")}
	made := comity.Constraint{ID: "c.made", Kind: "conservation", Arrivals: op("add", *in("party.made"), *in("party.alone"))}
	list["conservation and flows"] = consortium{members: members, pairs: pairs, stages: coarse, rules: lines(pairs, made)}
	list["stock of each party and flows"] = consortium{members: members, pairs: pairs, stages: coarse, rules: lines(pairs, own)}
	list["leximin over flows"] = consortium{members: members, pairs: pairs, stages: []comity.Aim{leastOf("leximin", "units")}, rules: lines(pairs, made)}
	benefit := one(worth, ceiling)
	benefit.pieces = true
	list["benefit that falls"] = benefit
	for _, step := range []string{"", "500", "5000"} {
		for name, more := range map[string][]comity.Constraint{"sums": {ceiling, floor}, "volumes and budgets": {ceiling, floor, money, volume}} {
			aims := worth
			if step != "" {
				aims = []comity.Aim{weightedBy(op("round", *in("party.worth"), num(step)))}
			}
			list[name+", weights "+cmp.Or(step, "not rounded")] = one(aims, more...)
		}
	}
	return list
}

// TestNoOrderOfACharterMovesAUnit writes each charter under other names and in another
// order, lowers and solves it: every member gets the same units, and the same is proved.
// Who of a pair gets the odd one is the lot's to say.
func TestNoOrderOfACharterMovesAUnit(t *testing.T) {
	times, long := orders(t)
	list := charters(6, 1)
	for _, name := range []string{"lots, money and volumes", "slack, then lots", "volumes and budgets, weights 500", "volumes and budgets, weights 5000"} {
		if !long {
			delete(list, name) // Their whole units take seconds to find; each rule of theirs has a charter of its own.
		}
	}
	if long {
		list = charters(12, 2)
		for _, name := range []string{"sums, weights 5000", "volumes and budgets, weights 500"} {
			wide := list[name]
			wide.members, wide.pairs = 70, 30
			list[name+", 30 pairs"] = wide
		}
	}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		t.Run(name, func(t *testing.T) { list[name].holds(t, times) })
	}
}

// TestDigestOfEveryKind pins what is published for every kind of stage, for lots, limits,
// flows and stocks: on every processor the same bytes (make arm64).
func TestDigestOfEveryKind(t *testing.T) {
	const want = "sha256:3e45eed5e5034af4cfd89c73aaccbd4b08407448b2c3a0da0e4a0b6875b8c563"
	list := charters(6, 1)
	var digests []canon.Digest
	for _, name := range []string{
		"conservation and flows", "cost, at least", "gini", "jain", "leximin", "maximin", "minimum lot", "nash", "slack, then maximin", "stock",
	} {
		digests = append(digests, canon.Sum(published(t, list[name].inputs())))
	}
	if got, err := canon.DigestOf(digests); err != nil || got.String() != want {
		t.Errorf("divisions have digest %s, %v, want %s", got, err, want)
	}
}

// holds solves the consortium as it is and so many times renamed and reordered.
func (o consortium) holds(t *testing.T, times int) {
	t.Helper()
	inputs := o.inputs()
	want := o.solved(t, inputs, nil, canon.Digest{})
	r := rand.New(rand.NewPCG(17, uint64(times)))
	second := make([]int, o.pairs) // How often the other one of a pair gets more.
	for k := range times {
		again, to := renamedInputs(r, inputs)
		got := o.solved(t, again, to, canon.Sum([]byte{byte(k), byte(k >> 8)}))
		if all, most := moved(want.sorted, got.sorted); all != 0 {
			t.Errorf("order %d: %d units change hands, at most %d for one", k, all, most)
		}
		if got.proved != want.proved {
			t.Errorf("order %d: proved\n%s\nwant\n%s", k, got.proved, want.proved)
		}
		for pair := range second {
			if at := o.first(pair); got.units[at+1] > got.units[at] {
				second[pair]++
			}
		}
	}
	for pair, n := range second {
		// Of thirty fair lots, all fall the same way once in 2^29 times.
		if at := o.first(pair); times >= 30 && want.units[at] != want.units[at+1] && (n == 0 || n == times) {
			t.Errorf("pair %d shares an odd unit, and the second gets it in %d of %d lots", pair, n, times)
		}
	}
}

// outcome is what each member gets under its old name, as it is and with pairs in
// ascending order, and the values and bounds of all stages.
type outcome struct {
	units, sorted []quantity.Amount
	proved        string
}

func (o consortium) solved(t *testing.T, inputs program.Inputs, to map[party.ID]party.ID, lot canon.Digest) outcome {
	t.Helper()
	p, err := program.Lower(inputs)
	if err != nil {
		t.Fatal(err)
	}
	got, err := solve.Allocate(t.Context(), p, engine(t), lot)
	if err != nil {
		t.Fatal(err)
	}
	out := outcome{units: make([]quantity.Amount, o.members)}
	for k := range out.units {
		id := party.ID(fmt.Sprintf("P%02d", k))
		if to != nil {
			id = to[id]
		}
		at := slices.IndexFunc(got.Parties, func(s comity.Share) bool { return s.Party == id })
		if at < 0 {
			t.Fatalf("%s, member %d, takes no part", id, k)
		}
		out.units[k] = got.Parties[at].Amount
	}
	out.sorted = slices.Clone(out.units)
	for pair := range o.pairs {
		at := o.first(pair)
		slices.Sort(out.sorted[at : at+2])
	}
	for _, s := range got.Certificate.Stages {
		out.proved += fmt.Sprintln(s.Value, s.Bound, s.Gap)
	}
	return out
}
