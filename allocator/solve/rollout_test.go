package solve_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/quantity"
)

// rollout describes an immunisation programme of many periods: what a consortium of
// the size of the United Nations would hand to the solver.
type rollout struct {
	countries, groups, periods int

	rough  bool  // Volumes and a budget: rows that are no sums.
	coarse int64 // Weights rounded down to multiples; 0 leaves them.
	twins  int   // Pairs of countries with identical data.
}

// place is what the programme reads about one country.
type place struct {
	people   []int64 // Thousands, by group.
	all      int64
	hub      int
	capacity int64   // Doses that can be given in a period.
	weight   []int64 // By group and period.
	volume   []int64 // Of a dose, by group.
	price    []int64 // Of a dose, by group.
}

const (
	hubCount = 20
	quarters = 4
)

// problem draws the programme. Every number is whole; with 200, 20 and 12 it has
// 48,012 columns and 7,452 rows.
func (o rollout) problem(seed uint64) comity.Problem {
	places := o.places(rand.New(rand.NewPCG(seed, 7)))
	p := comity.Problem{Period: "2027-01-04", Unit: "thousand doses", Stages: weighted(10)}
	for k, n := range places {
		id := party.ID(fmt.Sprintf("P%03d", k))
		p.Needs = append(p.Needs, comity.Need{Party: id, Amount: quantity.Amount(n.all)})
		for g := range o.groups {
			for t := range o.periods {
				p.Columns = append(p.Columns, comity.Column{
					ID: fmt.Sprintf("%s/%02d/%02d", id, g, t), Party: id, Upper: quantity.Amount(n.people[g]),
				})
				p.Stages[0].Costs = append(p.Stages[0].Costs, canon.Int(n.weight[g*o.periods+t]))
			}
		}
	}
	rows := o.rules(places)
	var all quantity.Amount
	for t := range o.periods {
		all += *rows[fmt.Sprintf("stock/%02d", t)].Lower
	}
	// What stays in stock is nobody's.
	for t := range o.periods {
		p.Columns = append(p.Columns, comity.Column{ID: fmt.Sprintf("Z/%02d", t), Upper: all})
		p.Stages[0].Costs = append(p.Stages[0].Costs, 0)
	}
	o.fill(rows, places)
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		p.Rows = append(p.Rows, *rows[id])
	}
	return p
}

func (o rollout) places(r *rand.Rand) []place {
	places := make([]place, o.countries)
	for c := range places {
		n := &places[c]
		size := math.Trunc(math.Exp(r.NormFloat64()*1.4+8.5)) + 200
		for range o.groups {
			n.people = append(n.people, int64(size*(0.3+r.Float64())/float64(o.groups))+1)
			n.all += n.people[len(n.people)-1]
		}
		hazard, rate := 0.3+1.7*r.Float64(), 0.04+0.12*r.Float64()
		n.hub, n.capacity = r.IntN(hubCount), int64(float64(n.all)*rate)
		for g := range o.groups {
			front := 1 + float64(max(0, 1-g%5))
			for t := range o.periods {
				w := int64(front * 50 * math.Exp(0.35*float64(g)) * hazard * math.Pow(0.93-0.02*float64(c%3), float64(t)) * (1 + 0.05*r.Float64()))
				if o.coarse > 0 {
					w -= w % o.coarse
				}
				n.weight = append(n.weight, w)
			}
			n.volume = append(n.volume, int64(3+(c*7+g*5)%11))
			n.price = append(n.price, int64(150+(c*37+g*53)%240))
		}
	}
	for k := range o.twins {
		places[2*k+1] = places[2*k]
	}
	return places
}

// rules lists what binds, still without terms: people, clinics, floors, stocks, hubs
// and, if rough, money.
func (o rollout) rules(places []place) map[string]*comity.Row {
	rows := map[string]*comity.Row{}
	add := func(lower, upper *quantity.Amount, id string, args ...any) {
		id = fmt.Sprintf(id, args...)
		rows[id] = &comity.Row{ID: id, Clause: id[:5], Lower: lower, Upper: upper}
	}
	var everybody int64
	inHub := make([]int64, hubCount)
	for c, n := range places {
		everybody += n.all
		inHub[n.hub] += n.all
		for g := range o.groups {
			add(nil, amount(n.people[g]), "people/%03d/%02d", c, g)
		}
		for t := range o.periods {
			add(nil, amount(n.capacity), "clinic/%03d/%02d", c, t)
		}
		for k, share := range []int64{20, 60, 130, 220} {
			add(amount((share*n.all+999)/1000), nil, "floor/%03d/%d", c, k)
		}
	}
	for t := range o.periods {
		supply := everybody * int64(20+8*t) / 1000
		add(amount(supply), amount(supply), "stock/%02d", t)
		if o.rough {
			add(nil, amount(supply*220), "money/%02d", t)
		}
		for h := range hubCount {
			room := inHub[h] * int64(50+4*t) / 1000
			if o.rough {
				room *= 8
			}
			add(nil, amount(room), "hub/%02d/%02d", h, t)
		}
	}
	return rows
}

// fill adds each column to its rows; columns come in ascending order.
func (o rollout) fill(rows map[string]*comity.Row, places []place) {
	column := 0
	add := func(coeff int64, id string, args ...any) {
		r := rows[fmt.Sprintf(id, args...)]
		r.Terms = append(r.Terms, comity.Term{Column: column, Coeff: canon.Int(coeff)})
	}
	for c, n := range places {
		for g := range o.groups {
			volume := int64(1)
			if o.rough {
				volume = n.volume[g]
			}
			for t := range o.periods {
				add(1, "people/%03d/%02d", c, g)
				add(1, "clinic/%03d/%02d", c, t)
				add(1, "stock/%02d", t)
				add(volume, "hub/%02d/%02d", n.hub, t)
				if o.rough {
					add(n.price[g], "money/%02d", t)
				}
				for k := range quarters {
					if t < (k+1)*o.periods/quarters {
						add(1, "floor/%03d/%d", c, k)
					}
				}
				column++
			}
		}
	}
	for t := range o.periods {
		add(1, "stock/%02d", t)
		if t+1 < o.periods {
			add(-1, "stock/%02d", t+1)
		}
		column++
	}
}
