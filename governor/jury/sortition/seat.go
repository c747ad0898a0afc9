package sortition

import (
	"encoding/binary"
	"math/big"
	"slices"

	"comity/exact"
	"comity/governor/jury"
)

// seater names people for numbers of members, so that all of a group get the same
// chance.
type seater struct {
	form   jury.Form
	homes  [][][]int      // Of each group, its members in each household of their kind; nil for others.
	panels map[string]int // By members; equal panels are listed once.
	out    jury.Lottery
}

func newSeater(p jury.Pool, f jury.Form) *seater {
	s := &seater{form: f, homes: make([][][]int, len(f.Groups)), panels: map[string]int{}}
	place := map[int]int{} // Of each household among those of its kind.
	seen := make([]int, len(f.Rows))
	for i, g := range f.Of {
		kind := s.kind(g)
		if kind < 0 {
			continue
		}
		at, ok := place[p.Households[i]]
		if !ok {
			at = seen[kind]
			place[p.Households[i]] = at
			seen[kind]++
		}
		if s.homes[g] == nil {
			s.homes[g] = make([][]int, f.Rows[kind].Max)
		}
		s.homes[g][at] = append(s.homes[g][at], i)
	}
	return s
}

// kind returns the row of a group that counts households, or -1.
func (s *seater) kind(g int) int {
	rows := s.form.Groups[g].Rows
	if last := rows[len(rows)-1]; s.form.Rows[last].Household {
		return last
	}
	return -1
}

// seat seats shares by even where it can: if they are even, and everybody lives alone.
func (s *seater) seat(shares []share, even bool) {
	if even && !slices.ContainsFunc(s.form.Rows, func(r jury.Row) bool { return r.Household }) {
		s.even(shares)
		return
	}
	s.turns(shares)
}

// even seats shares in which each group has one of two neighbouring numbers. Each share
// takes those who are owed most, and is split where somebody has had all, or must be in
// every panel that is left (McNaughton, "Scheduling with deadlines and loss functions",
// Management Science 6 (1959), theorem 3.1). A group of n adds at most n - 1 panels.
func (s *seater) even(shares []share) {
	unit := big.NewInt(1) // Units in 1: all debts are whole.
	for _, sh := range shares {
		unit = common(unit, sh.weight.Denom())
	}
	sizes := big.NewInt(1)
	for _, g := range s.form.Groups {
		sizes = common(sizes, big.NewInt(int64(len(g.People))))
	}
	unit.Mul(unit, sizes)
	mass, weights := new(big.Int), make([]*big.Int, len(shares))
	total := make([]*big.Int, len(s.form.Groups)) // What is owed to each group.
	for g := range total {
		total[g] = new(big.Int)
	}
	for k, sh := range shares {
		weights[k] = units(sh.weight, unit)
		mass.Add(mass, weights[k])
		for g, n := range sh.counts {
			if n > 0 {
				total[g].Add(total[g], new(big.Int).Mul(weights[k], big.NewInt(n)))
			}
		}
	}
	owed := make([][]debt, len(s.form.Groups))
	for g, group := range s.form.Groups {
		each := new(big.Int).Quo(total[g], big.NewInt(int64(len(group.People))))
		for _, person := range group.People {
			owed[g] = append(owed[g], debt{person, new(big.Int).Set(each)})
		}
	}
	for k, sh := range shares {
		for weights[k].Sign() > 0 {
			step := s.split(sh.counts, owed, weights[k], mass)
			weights[k].Sub(weights[k], step)
			mass.Sub(mass, step)
			s.add(members(sh.counts, owed), exact.FromBig(new(big.Rat).SetFrac(step, unit)))
			for g, n := range sh.counts {
				for _, d := range owed[g][:n] {
					d.units.Sub(d.units, step)
				}
			}
		}
	}
}

// debt is what a person is owed of the lottery that is left.
type debt struct {
	person int
	units  *big.Int
}

// split sorts each group by debt and returns how long the first of them can serve.
func (s *seater) split(counts []int64, owed [][]debt, weight, mass *big.Int) *big.Int {
	step := new(big.Int).Set(weight)
	slack := new(big.Int)
	for g, n := range counts {
		list := owed[g]
		if len(list) == 1 { // The shares themselves keep those in time.
			continue
		}
		slices.SortStableFunc(list, func(a, b debt) int { return b.units.Cmp(a.units) })
		if n > 0 && list[n-1].units.Cmp(step) < 0 {
			step.Set(list[n-1].units)
		}
		if int(n) < len(list) && slack.Sub(mass, list[n].units).Cmp(step) < 0 {
			step.Set(slack)
		}
	}
	if step.Sign() <= 0 {
		panic("sortition: shares are not even")
	}
	return step
}

func members(counts []int64, owed [][]debt) []int {
	var out []int
	for g, n := range counts {
		for _, d := range owed[g][:n] {
			out = append(out, d.person)
		}
	}
	slices.Sort(out)
	return out
}

// turns seats shares of any numbers: within each, the members of a group take turns, n
// neighbours at a time. Groups of one size change at the same moments.
func (s *seater) turns(shares []share) {
	for _, sh := range shares {
		moments := []*big.Rat{new(big.Rat), big.NewRat(1, 1)}
		seen := map[int]bool{}
		for g, n := range sh.counts {
			size := len(s.form.Groups[g].People)
			if n == 0 || seen[size] || int(n) == size && s.kind(g) < 0 {
				continue
			}
			seen[size] = true
			for k := 1; k < size; k++ {
				moments = append(moments, big.NewRat(int64(k), int64(size)))
			}
		}
		slices.SortFunc(moments, func(a, b *big.Rat) int { return a.Cmp(b) })
		moments = slices.CompactFunc(moments, func(a, b *big.Rat) bool { return a.Cmp(b) == 0 })
		for k, from := range moments[:len(moments)-1] {
			length := new(big.Rat).Sub(moments[k+1], from)
			s.add(s.turn(sh.counts, from), exact.FromBig(length.Mul(length, sh.weight)))
		}
	}
}

// turn returns who serves at a moment from 0 to 1. Groups of one kind of household take
// neighbouring households, and in each of them its members of the group take turns.
func (s *seater) turn(counts []int64, at *big.Rat) []int {
	var out []int
	next := make([]int, len(s.form.Rows)) // Households taken so far, by kind.
	for g, n := range counts {
		people := s.form.Groups[g].People
		start := scaledDown(at, len(people))
		kind := s.kind(g)
		if kind < 0 {
			for k := range int(n) {
				out = append(out, people[(start+k)%len(people)])
			}
			continue
		}
		homes := s.homes[g]
		first := scaledDown(at, len(homes)) + next[kind]
		next[kind] += int(n)
		for k := range int(n) {
			home := homes[(first+k)%len(homes)]
			out = append(out, home[start%len(home)])
		}
	}
	slices.Sort(out)
	return out
}

// scaledDown returns the whole part of x times n.
func scaledDown(x *big.Rat, n int) int {
	v := new(big.Int).Mul(x.Num(), big.NewInt(int64(n)))
	return int(v.Quo(v, x.Denom()).Int64())
}

// add lists a panel, or adds to its weight.
func (s *seater) add(panel []int, weight exact.Rat) {
	key := make([]byte, 0, 4*len(panel))
	for _, i := range panel {
		key = binary.LittleEndian.AppendUint32(key, uint32(i)) //nolint:gosec // Below MaxPool.
	}
	if at, ok := s.panels[string(key)]; ok {
		s.out[at].Weight = s.out[at].Weight.Add(weight)
		return
	}
	s.panels[string(key)] = len(s.out)
	s.out = append(s.out, jury.Panel{Members: panel, Weight: weight})
}

// common returns the least common multiple of two positive numbers.
func common(a, b *big.Int) *big.Int {
	g := new(big.Int).GCD(nil, nil, a, b)
	return g.Mul(new(big.Int).Quo(a, g), b)
}

// units returns x times unit, which is whole.
func units(x *big.Rat, unit *big.Int) *big.Int {
	n := new(big.Int).Quo(unit, x.Denom())
	return n.Mul(n, x.Num())
}
