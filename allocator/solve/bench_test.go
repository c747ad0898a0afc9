package solve_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/canon"
	"comity/party"
	"comity/quantity"
)

// builder writes problems whose rows and columns come in any order.
type builder struct {
	p     comity.Problem
	costs map[string]int64
	rows  map[string]map[string]int64
	ends  map[string][2]*quantity.Amount
}

func (b *builder) column(id string, owner party.ID, cost, upper int64) {
	b.p.Columns = append(b.p.Columns, comity.Column{ID: id, Party: owner, Upper: quantity.Amount(upper)})
	if b.costs == nil {
		b.costs = map[string]int64{}
		b.rows, b.ends = map[string]map[string]int64{}, map[string][2]*quantity.Amount{}
	}
	b.costs[id] = cost
}

func (b *builder) row(id string, lower, upper *quantity.Amount) {
	b.rows[id], b.ends[id] = map[string]int64{}, [2]*quantity.Amount{lower, upper}
}

func (b *builder) build() comity.Problem {
	slices.SortFunc(b.p.Columns, func(x, y comity.Column) int { return compare(x.ID, y.ID) })
	slices.SortFunc(b.p.Needs, func(x, y comity.Need) int { return compare(string(x.Party), string(y.Party)) })
	at := map[string]int{}
	b.p.Stages = weighted(1)
	for j, c := range b.p.Columns {
		at[c.ID] = j
		b.p.Stages[0].Costs = append(b.p.Stages[0].Costs, canon.Int(b.costs[c.ID]))
	}
	for id, terms := range b.rows {
		r := comity.Row{ID: id, Clause: id, Lower: b.ends[id][0], Upper: b.ends[id][1]}
		for column, coeff := range terms {
			r.Terms = append(r.Terms, comity.Term{Column: at[column], Coeff: canon.Int(coeff)})
		}
		slices.SortFunc(r.Terms, func(x, y comity.Term) int { return x.Column - y.Column })
		b.p.Rows = append(b.p.Rows, r)
	}
	slices.SortFunc(b.p.Rows, func(x, y comity.Row) int { return compare(x.ID, y.ID) })
	return b.p
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// lots is the vaccine charter with a minimum lot: a party gets nothing or at least a
// 25th of what it could use.
func lots(parties int, supply int64) comity.Problem {
	p := vaccines(world(rand.New(rand.NewPCG(11, 3)), parties, 4, 3), supply)
	return withLots(p, func(need, most int64) int64 { return min(need/25+1000, most) })
}

// drawnLots is the same for other nations, with a supply of so much of what all of them
// could take and lots of so much of what each could.
func drawnLots(seed uint64, parties int, supply, lot float64) comity.Problem {
	nations, all := world(rand.New(rand.NewPCG(seed, 3)), parties, parties/8, 6), int64(0)
	for _, n := range nations {
		all += min(n.coldChain, n.frontline+n.general)
	}
	p := vaccines(nations, int64(supply*float64(all)))
	return withLots(p, func(need, most int64) int64 { return max(1, int64(lot*float64(min(need, most)))) })
}

// withLots takes the floors from the vaccine charter and adds a lot for each party, of what
// it needs and its cold chain can take.
func withLots(p comity.Problem, lot func(need, most int64) int64) comity.Problem {
	var b builder
	for j, c := range p.Columns {
		b.column(c.ID, c.Party, int64(p.Stages[0].Costs[j]), int64(c.Upper))
	}
	b.p.Needs = p.Needs
	most := map[string]int64{}
	for _, r := range p.Rows {
		if r.Clause == "c.floor" {
			continue
		}
		most[r.ID] = int64(*r.Upper)
		b.row(r.ID, r.Lower, r.Upper)
		for _, t := range r.Terms {
			b.rows[r.ID][p.Columns[t.Column].ID] = int64(t.Coeff)
		}
	}
	for _, n := range p.Needs {
		id := string(n.Party)
		least := "c.lot/" + id + "/least"
		b.column(id+"~lot", "", 0, 1)
		b.row(least, amount(0), nil)
		b.rows[least][id+"~lot"] = -lot(int64(n.Amount), most["c.cold/"+id])
		for _, c := range p.Columns {
			if c.Party != n.Party {
				continue
			}
			end := "c.lot/" + id + "/most/" + c.ID
			b.row(end, nil, amount(0))
			b.rows[least][c.ID], b.rows[end][c.ID], b.rows[end][id+"~lot"] = 1, 1, -int64(c.Upper)
		}
	}
	return b.build()
}

// hubs is a model of minimum lots by hubs: which hubs open, which of them serve whom, at
// most two each, and how many lots. All of them together have room for one to two times
// room as much as there is.
func hubs(seed uint64, parties, count int, room float64) comity.Problem {
	r := rand.New(rand.NewPCG(seed, 5))
	var b builder
	need := make([]int64, parties)
	total := int64(0)
	for c := range need {
		need[c] = int64(5 + math.Exp(r.NormFloat64()+3))
		total += need[c]
	}
	for h := range count {
		id := fmt.Sprintf("open/%02d", h)
		b.column(id, "", -int64((400+1200*r.Float64())*float64(parties)/float64(4*count)), 1)
		b.row(fmt.Sprintf("hub/%02d", h), nil, amount(0))
		b.rows[fmt.Sprintf("hub/%02d", h)][id] = -int64(float64(total) * 0.6 * room * (1 + r.Float64()) / float64(count))
	}
	b.row("supply", nil, amount(total*6/10))
	for c := range parties {
		name := fmt.Sprintf("P%02d", c)
		b.p.Needs = append(b.p.Needs, comity.Need{Party: party.ID(name), Amount: quantity.Amount(need[c])})
		b.row("need/"+name, amount(need[c]*3/10), amount(need[c]))
		b.row("two/"+name, nil, amount(2))
		for h := range count {
			x, u := fmt.Sprintf("%s/%02d", name, h), fmt.Sprintf("%s/%02d~use", name, h)
			w := int64(100 + 60*r.Float64() - 50*math.Abs(float64(c%count-h))/float64(count))
			b.column(x, party.ID(name), w, need[c])
			b.column(u, "", -20, 1)
			b.rows["supply"][x], b.rows["need/"+name][x], b.rows["two/"+name][u] = 1, 1, 1
			b.rows[fmt.Sprintf("hub/%02d", h)][x] = 1
			b.row("most/"+x, nil, amount(0))
			b.rows["most/"+x][x], b.rows["most/"+x][u] = 1, -need[c]
			b.row("least/"+x, amount(0), nil)
			b.rows["least/"+x][x], b.rows["least/"+x][u] = 1, -min(3, need[c])
		}
	}
	return b.build()
}

// periods is leximin coverage: parties by periods, a cumulative supply, and hubs through
// which volumes go.
func periods(parties, count, hubCount int) comity.Problem {
	r := rand.New(rand.NewPCG(9, 9))
	var b builder
	size, hub := make([]float64, parties), make([]int, parties)
	var everybody float64
	for c := range size {
		size[c] = math.Floor(math.Exp(r.NormFloat64()*1.4+8.5)) + 200
		hub[c] = r.IntN(hubCount)
		everybody += size[c]
	}
	for t := range count {
		b.p.Period = "x"
		if t == 0 {
			b.column("~", "", 0, 0)
		}
		b.row(fmt.Sprintf("supply/%02d", t), nil, amount(int64(everybody*0.055*float64(t+1))))
	}
	for h := range hubCount {
		f, people := 0.02+0.07*r.Float64(), 0.0
		for c := range size {
			if hub[c] == h {
				people += size[c]
			}
		}
		for t := range count {
			b.row(fmt.Sprintf("hub/%02d/%02d", h, t), nil, amount(int64(people*2*f)))
		}
	}
	for c := range size {
		name := fmt.Sprintf("P%03d", c)
		b.p.Needs = append(b.p.Needs, comity.Need{Party: party.ID(name), Amount: quantity.Amount(size[c])})
		for t := range count {
			id := fmt.Sprintf("%s/%02d", name, t)
			b.column(id, party.ID(name), 1, int64(size[c]*(0.02+0.12*r.Float64())))
			for u := t; u < count; u++ {
				b.rows[fmt.Sprintf("supply/%02d", u)][id] = 1
			}
			b.rows[fmt.Sprintf("hub/%02d/%02d", hub[c], t)][id] = int64(1 + c%3)
		}
	}
	p := b.build()
	s := comity.Stage{ID: "least", Kind: certificate.Leximin, Scale: 1, Costs: p.Stages[0].Costs}
	for _, n := range p.Needs {
		s.Per = append(s.Per, n.Amount)
	}
	p.Stages = []comity.Stage{s}
	return p
}

// limited is the vaccine charter without floors and with a limit on inequality that binds.
func limited(parties int, kind, aim string) comity.Problem {
	p := vaccines(world(rand.New(rand.NewPCG(3, 20)), parties, 6, 3), 300_000_001*int64(parties)/31)
	p.Rows = slices.DeleteFunc(p.Rows, func(r comity.Row) bool { return r.Clause == "c.floor" })
	if aim != certificate.Weighted {
		p.Stages = []comity.Stage{aimed(p, aim)}
	}
	l := comity.Limit{ID: "c.equal", Clause: "c.equal", Kind: kind, Bound: ratio(1, 5)}
	if kind == certificate.LimitJain {
		l.Bound = ratio(4, 5)
	}
	for _, n := range p.Needs {
		l.Per = append(l.Per, n.Amount)
	}
	p.Limits = []comity.Limit{l}
	return p
}

func BenchmarkKinds(b *testing.B) {
	for _, c := range []struct {
		name string
		p    comity.Problem
	}{
		{"lots=30", lots(30, 300_000_001)},
		{"lots=200", lots(200, 3_000_000_001)},
		{"leximin=50x6", periods(50, 6, 8)},
		{"leximin=200x12", periods(200, 12, 20)},
		{"hubs=60x15", hubs(5, 60, 15, 1.5)},
		{"gini=31", limited(31, certificate.LimitGini, certificate.Weighted)},
		{"gini=60", limited(60, certificate.LimitGini, certificate.Weighted)},
		{"jain=31", limited(31, certificate.LimitJain, certificate.Weighted)},
		{"jain=60", limited(60, certificate.LimitJain, certificate.Weighted)},
		{"jain=200", limited(200, certificate.LimitJain, certificate.Weighted)},
		{"gini leximin=31", limited(31, certificate.LimitGini, certificate.Leximin)},
		{"jain maximin=31", limited(31, certificate.LimitJain, certificate.Maximin)},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := engine(b)
			for b.Loop() {
				got, err := solve.Allocate(b.Context(), c.p, s, canon.Digest{})
				if err != nil {
					b.Fatal(err)
				}
				gap, _ := got.Certificate.Stages[0].Gap.Big().Float64()
				bound, _ := got.Certificate.Stages[0].Bound.Big().Float64()
				b.ReportMetric(gap/bound, "gap")
				b.ReportMetric(float64(len(got.Certificate.Stages)-1), "proofs")
				if err := certificate.Check(c.p, got.Units, got.Certificate, ratio(1, 200)); err != nil {
					b.Error(err)
				}
			}
		})
	}
}

// BenchmarkYesOrNo measures how far proofs stay from the plan where much is yes or no:
// lots that are small and large beside supply, and hubs with little and much room to
// spare. The gap is the worst of all seeds.
func BenchmarkYesOrNo(b *testing.B) {
	type family struct {
		name string
		draw func(seed uint64) comity.Problem
	}
	var families []family
	for _, parties := range []int{12, 30, 60} {
		for _, supply := range []float64{0.05, 0.2, 0.5} {
			for _, lot := range []float64{0.1, 0.4, 0.9} {
				families = append(families, family{
					fmt.Sprintf("lots=%d supply=%v lot=%v", parties, supply, lot),
					func(seed uint64) comity.Problem { return drawnLots(seed, parties, supply, lot) },
				})
			}
		}
	}
	for _, size := range [][2]int{{12, 4}, {20, 6}, {30, 8}, {60, 15}} {
		for _, room := range []float64{0.75, 1, 1.5} {
			families = append(families, family{
				fmt.Sprintf("hubs=%dx%d room=%v", size[0], size[1], room),
				func(seed uint64) comity.Problem { return hubs(seed, size[0], size[1], room) },
			})
		}
	}
	for _, f := range families {
		b.Run(f.name, func(b *testing.B) {
			s := engine(b)
			for b.Loop() {
				worst, bytes, checked := 0.0, 0, time.Duration(0)
				for seed := range uint64(20) {
					p := f.draw(seed)
					got, err := solve.Allocate(b.Context(), p, s, canon.Digest{})
					if err != nil {
						b.Fatalf("seed %d: %v", seed, err)
					}
					start := time.Now()
					if err := certificate.Check(p, got.Units, got.Certificate, ratio(1, 200)); err != nil {
						b.Errorf("seed %d: %v", seed, err)
					}
					checked = max(checked, time.Since(start))
					gap, _ := got.Certificate.Stages[0].Gap.Big().Float64()
					bound, _ := got.Certificate.Stages[0].Bound.Big().Float64()
					worst = max(worst, gap/math.Abs(bound))
					data, err := json.Marshal(got.Certificate)
					if err != nil {
						b.Fatal(err)
					}
					bytes = max(bytes, len(data))
				}
				b.ReportMetric(worst, "gap")
				b.ReportMetric(float64(bytes), "bytes")
				b.ReportMetric(float64(checked.Microseconds())/1000, "check-ms")
			}
		})
	}
}
