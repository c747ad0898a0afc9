package solve_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"comity"
	"comity/allocator/program"
	"comity/canon"
	"comity/exact"
	"comity/party"
)

// consortium is a body whose charter is written in expressions, so that whatever a
// charter can say is lowered and solved: members with a need for the plan and one for
// each period, the last of them in pairs that no number tells apart.
type consortium struct {
	members, pairs int

	rules  func(seats []seat) []comity.Constraint
	stages []comity.Aim
	sense  string // maximise without it.
	pieces bool   // The benefit of the first group falls.
}

const seasons = 3 // Periods of the plan.

// seat is what one member declares.
type seat struct {
	id     party.ID
	coast  bool // Which of the two groups of parties it belongs to.
	values map[string]canon.Int
}

func num(text string) comity.Expr {
	v, err := exact.Parse(text)
	if err != nil {
		panic(err)
	}
	return comity.Expr{Op: "const", Value: &v}
}

func in(name string) *comity.Expr { return &comity.Expr{Op: "input", Name: name} }

func op(name string, args ...comity.Expr) *comity.Expr { return &comity.Expr{Op: name, Args: args} }

// share is a part of an input: share("party.front", "1/3").
func share(name, part string) *comity.Expr { return op("mul", *in(name), num(part)) }

// inputs draws the members and writes the charter.
func (o consortium) inputs() program.Inputs {
	seats := o.seats(rand.New(rand.NewPCG(5, 11)))
	c := comity.Charter{
		Scope:   comity.Scope{Resource: "doses", Unit: "dose", Periods: seasons},
		Parties: []comity.Party{{ID: "POOL"}},
		Objective: comity.Objective{
			Sense: "maximise", Stages: o.stages,
			Groups: []comity.Group{{ID: "front", Weight: exact.Int(2), Need: *in("party.front")}, {ID: "ward", Weight: exact.Int(1), Need: *in("party.load")}},
		},
		Constraints: append(o.rules(seats), comity.Constraint{ID: "c.blind", Kind: "forbidden_inputs", Inputs: []string{"party.name", "party.wealth", "party.trade", "supply.donor"}}),
	}
	if o.sense != "" {
		c.Objective.Sense = o.sense
	}
	if o.pieces {
		c.Objective.Groups[0].Benefit = []comity.Piece{{Share: ratio(1, 3), Weight: exact.Int(3)}, {Share: ratio(2, 3), Weight: exact.Int(1)}}
	}
	once := comity.DataClause{ID: "d.once", As: "party", Values: []string{"people", "front", "room", "price", "volume", "alone", "wealth"}}
	seasonal := comity.DataClause{ID: "d.seasonal", As: "party", Values: []string{"load", "worth", "made", "trade"}, ByPeriod: true}
	in := program.Inputs{}
	for _, s := range seats {
		group := "inland"
		if s.coast {
			group = "coast"
		}
		c.Parties = append(c.Parties, comity.Party{ID: s.id, Groups: []string{group}})
		once.From, seasonal.From = append(once.From, s.id), append(seasonal.From, s.id)
		in.Declarations = append(in.Declarations, s.declares(once), s.declares(seasonal))
	}
	given := supply(seats)
	all := comity.DataClause{ID: "d.all", As: "supply", From: []party.ID{"POOL"}, Values: []string{"doses", "store", "rooms", "money", "donor"}}
	trucks := comity.DataClause{ID: "d.trucks", As: "supply", From: []party.ID{"POOL"}, Values: []string{"delivered"}, ByPeriod: true}
	in.Declarations = append(in.Declarations, given.declares(all), given.declares(trucks))
	c.Data = []comity.DataClause{once, seasonal, all, trucks}
	in.Charter = c
	return in
}

func (s seat) declares(d comity.DataClause) program.Declared {
	values := map[string]canon.Int{}
	for _, v := range d.Values {
		if !d.ByPeriod {
			values[v] = s.values[v]
			continue
		}
		for t := 1; t <= seasons; t++ {
			name := v + "/" + strconv.Itoa(t)
			values[name] = s.values[name]
		}
	}
	return program.Declared{Party: s.id, Declaration: comity.Declaration{Clause: d.ID, Values: values}}
}

// seats draws members of sizes that differ a thousandfold, and then the pairs.
func (o consortium) seats(r *rand.Rand) []seat {
	var list []seat
	for range o.members {
		people := int64(500) << r.IntN(10)
		people += r.Int64N(people)
		s := seat{coast: r.IntN(2) == 0, values: map[string]canon.Int{
			"people": canon.Int(people),
			"front":  canon.Int(people * (50 + r.Int64N(150)) / 1000),
			"room":   canon.Int(people * (200 + r.Int64N(300)) / 1000),
			"price":  canon.Int(150 + r.IntN(240)),
			"volume": canon.Int(3 + r.IntN(11)),
			"alone":  canon.Int(people * r.Int64N(60) / 1000),
			"wealth": canon.Int(r.IntN(1000)),
		}}
		for t := 1; t <= seasons; t++ {
			of := "/" + strconv.Itoa(t)
			s.values["load"+of] = canon.Int(people * (100 + r.Int64N(200)) / 1000)
			s.values["worth"+of] = canon.Int(2_000 + r.IntN(20_000))
			s.values["made"+of] = canon.Int(people * r.Int64N(200) / 1000)
			s.values["trade"+of] = canon.Int(r.IntN(1000))
		}
		list = append(list, s)
	}
	for pair := range o.pairs {
		list[o.first(pair)+1] = list[o.first(pair)]
	}
	for k := range list {
		list[k].id = party.ID(fmt.Sprintf("P%02d", k))
	}
	return list
}

// first returns the place of the first of a pair; the other one is next to it.
func (o consortium) first(pair int) int { return o.members - 2*pair - 2 }

// supply is what the pool declares: less than half of what all need.
func supply(seats []seat) seat {
	pool := seat{id: "POOL", values: map[string]canon.Int{"donor": 7}}
	for _, s := range seats {
		need := s.values["front"]
		for t := 1; t <= seasons; t++ {
			need += s.values["load/"+strconv.Itoa(t)]
		}
		pool.values["doses"] += need * 2 / 5
		pool.values["store"] += need / 20
		pool.values["rooms"] += need * 8 / 10 // Volumes are 8 in the middle.
		pool.values["money"] += need * 270 / 3
	}
	for t := 1; t <= seasons; t++ {
		pool.values["delivered/"+strconv.Itoa(t)] = pool.values["doses"] * canon.Int(t+2) / 12
	}
	return pool
}

// renamedInputs gives every party, clause, group and value of a charter a new name, and
// every list that may have any order a new one. It returns the new names of the parties.
func renamedInputs(r *rand.Rand, from program.Inputs) (program.Inputs, map[party.ID]party.ID) {
	n := &renaming{r: r, names: map[string]string{"": ""}}
	to := map[party.ID]party.ID{}
	c := from.Charter
	c.Parties = shuffled(r, c.Parties, func(p comity.Party) comity.Party {
		to[p.ID] = party.ID(strings.ToUpper(n.name("", string(p.ID))))
		return comity.Party{ID: to[p.ID], Groups: n.list("between", p.Groups)}
	})
	parties := func(id party.ID) party.ID { return to[id] }
	c.Data = shuffled(r, c.Data, func(d comity.DataClause) comity.DataClause {
		d.ID, d.From, d.Values = n.name("d", d.ID), shuffled(r, d.From, parties), n.list("", d.Values)
		return d
	})
	c.Objective.Groups = shuffled(r, c.Objective.Groups, func(g comity.Group) comity.Group {
		g.ID, g.Need = n.name("group", g.ID), *n.expr(&g.Need)
		return g
	})
	c.Objective.Stages = slices.Clone(c.Objective.Stages)
	for i := range c.Objective.Stages {
		a := &c.Objective.Stages[i]
		a.ID, a.Measure, a.Per, a.Outside, a.Power = n.name("stage", a.ID), *n.expr(&a.Measure), n.expr(a.Per), n.expr(a.Outside), n.expr(a.Power)
	}
	to[""] = ""
	c.Constraints = shuffled(r, c.Constraints, func(k comity.Constraint) comity.Constraint {
		k.ID, k.From, k.To = n.name("c", k.ID), to[k.From], to[k.To]
		k.Groups, k.Of, k.Between = n.list("group", k.Groups), n.list("group", k.Of), n.list("between", k.Between)
		for _, e := range []**comity.Expr{&k.AtMost, &k.AtLeast, &k.Coefficient, &k.Lot, &k.Per, &k.Baseline, &k.Opening, &k.Arrivals} {
			*e = n.expr(*e)
		}
		k.Inputs = shuffled(r, k.Inputs, n.input)
		return k
	})
	declarations := shuffled(r, from.Declarations, func(d program.Declared) program.Declared {
		values := map[string]canon.Int{}
		for name, x := range d.Declaration.Values {
			values[n.value(name)] = x
		}
		d.Party, d.Declaration.Clause, d.Declaration.Values = to[d.Party], n.name("d", d.Declaration.Clause), values
		return d
	})
	return program.Inputs{Charter: c, CharterDigest: canon.Sum([]byte("renamed")), Declarations: declarations}, to
}

// renaming draws a new name for each old one, and the same whenever it comes again.
type renaming struct {
	r     *rand.Rand
	names map[string]string
}

// name renames in a family of names, which may repeat those of another.
func (n *renaming) name(family, old string) string {
	key := family + "." + old
	if n.names[key] == "" {
		n.names[key] = fmt.Sprintf("n%04x%02d", n.r.IntN(1<<16), len(n.names)) // The number keeps names apart.
		if family != "" {
			n.names[key] = family + "." + n.names[key]
		}
	}
	return n.names[key]
}

func (n *renaming) list(family string, old []string) []string {
	return shuffled(n.r, old, func(name string) string { return n.name(family, name) })
}

// value renames what is declared: "load/2" keeps its period.
func (n *renaming) value(old string) string {
	value, period, seasonal := strings.Cut(old, "/")
	if value = n.name("", value); seasonal {
		value += "/" + period
	}
	return value
}

// input renames "party.load"; what no member declares keeps its name.
func (n *renaming) input(old string) string {
	family, value, _ := strings.Cut(old, ".")
	if family == "period" || old == "party.name" {
		return old
	}
	return family + "." + n.value(value)
}

func (n *renaming) expr(e *comity.Expr) *comity.Expr {
	if e == nil {
		return nil
	}
	out := *e
	if e.Op == "input" {
		out.Name = n.input(e.Name)
	}
	out.Args = nil
	for _, a := range e.Args {
		out.Args = append(out.Args, *n.expr(&a))
	}
	return &out
}

// shuffled changes each item and puts them in any order.
func shuffled[T any](r *rand.Rand, list []T, change func(T) T) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for k, at := range r.Perm(len(list)) {
		out[at] = change(list[k])
	}
	return out
}
