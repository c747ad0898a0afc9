package bargain

import (
	"errors"
	"fmt"
	"slices"

	"comity/exact"
)

// programme asks for the x >= 0 with A x <= b that makes c x largest.
type programme struct {
	a [][]exact.Rat
	b []exact.Rat
	c []exact.Rat
}

// optimum is a solution with its proof: prices y >= 0 of the rows with y A >= c and
// y b = c x, so that no other x is better.
type optimum struct {
	value  exact.Rat
	x      []exact.Rat
	prices []exact.Rat
}

var (
	errInfeasible = errors.New("no point obeys all rows")
	errUnbounded  = errors.New("the objective has no end")
)

// add appends a row.
func (p *programme) add(row []exact.Rat, bound exact.Rat) {
	p.a, p.b = append(p.a, row), append(p.b, bound)
}

// solve runs the simplex method on dictionaries. Source: Chvátal, "Linear Programming" (1983), chapters 2, 3 and 5.
func (p *programme) solve() (optimum, error) {
	d := p.dictionary()
	if err := d.begin(); err != nil {
		return optimum{}, err
	}
	d.price(p.c)
	if err := d.improve(); err != nil {
		return optimum{}, err
	}
	o := optimum{value: d.value, x: make([]exact.Rat, len(p.c)), prices: make([]exact.Rat, len(p.b))}
	for r, v := range d.basic {
		if v < len(p.c) {
			o.x[v] = d.bound[r]
		}
	}
	for at, v := range d.free {
		if v >= len(p.c) && v < len(p.c)+len(p.b) {
			o.prices[v-len(p.c)] = d.goal[at].Neg()
		}
	}
	return o, p.check(o)
}

// check is the proof of an optimum, from the programme alone.
func (p *programme) check(o optimum) error {
	var primal, dual exact.Rat
	for j, x := range o.x {
		if x.Sign() < 0 {
			return fmt.Errorf("variable %d is %s", j, x)
		}
		primal = primal.Add(x.Mul(p.c[j]))
		var cost exact.Rat
		for r := range p.a {
			cost = cost.Add(o.prices[r].Mul(p.a[r][j]))
		}
		if cost.Cmp(p.c[j]) < 0 {
			return fmt.Errorf("column %d costs %s and earns %s", j, cost, p.c[j])
		}
	}
	for r, row := range p.a {
		if left := dot(row, o.x); left.Cmp(p.b[r]) > 0 || o.prices[r].Sign() < 0 {
			return fmt.Errorf("row %d is %s of %s at price %s", r, left, p.b[r], o.prices[r])
		}
		dual = dual.Add(o.prices[r].Mul(p.b[r]))
	}
	if primal.Cmp(o.value) != 0 || dual.Cmp(o.value) != 0 {
		return fmt.Errorf("value %s, primal %s, dual %s", o.value, primal, dual)
	}
	return nil
}

// dictionary writes basic variables and the goal by free ones:
// basic_r = bound_r - sum rows_rj free_j, goal = value + sum goal_j free_j.
// Variables are numbered: those of the programme, its slacks, and the artificial one.
type dictionary struct {
	rows  [][]exact.Rat
	bound []exact.Rat
	goal  []exact.Rat
	value exact.Rat
	basic []int
	free  []int
}

func (p *programme) dictionary() *dictionary {
	d := &dictionary{bound: slices.Clone(p.b)}
	for r, row := range p.a {
		d.rows = append(d.rows, slices.Clone(row))
		d.basic = append(d.basic, len(p.c)+r)
	}
	for j := range p.c {
		d.free = append(d.free, j)
	}
	return d
}

// begin finds a dictionary whose bounds are not negative: an artificial variable makes up
// for what is missing and is then driven to 0.
func (d *dictionary) begin() error {
	worst := -1
	for r, b := range d.bound {
		if b.Sign() < 0 && (worst < 0 || b.Cmp(d.bound[worst]) < 0) {
			worst = r
		}
	}
	if worst < 0 {
		return nil
	}
	artificial := len(d.free) + len(d.basic)
	for r := range d.rows {
		d.rows[r] = append(d.rows[r], exact.Int(-1))
	}
	d.free = append(d.free, artificial)
	d.value, d.goal = exact.Rat{}, make([]exact.Rat, len(d.free))
	d.goal[len(d.free)-1] = exact.Int(-1)
	d.pivot(worst, len(d.free)-1)
	if err := d.improve(); err != nil {
		return err
	}
	if d.value.Sign() < 0 {
		return errInfeasible
	}
	if r := slices.Index(d.basic, artificial); r >= 0 {
		// It is 0: any free variable of its row takes its place without moving.
		j := slices.IndexFunc(d.rows[r], func(v exact.Rat) bool { return v.Sign() != 0 })
		if j < 0 { // The row says 0 = 0.
			d.rows, d.bound, d.basic = slices.Delete(d.rows, r, r+1), slices.Delete(d.bound, r, r+1), slices.Delete(d.basic, r, r+1)
		} else {
			d.pivot(r, j)
		}
	}
	if j := slices.Index(d.free, artificial); j >= 0 {
		d.free = slices.Delete(d.free, j, j+1)
		for r := range d.rows {
			d.rows[r] = slices.Delete(d.rows[r], j, j+1)
		}
	}
	return nil
}

// price writes a goal over the programme's variables by the free ones.
func (d *dictionary) price(c []exact.Rat) {
	d.value, d.goal = exact.Rat{}, make([]exact.Rat, len(d.free))
	for j, v := range d.free {
		if v < len(c) {
			d.goal[j] = c[v]
		}
	}
	for r, v := range d.basic {
		if v >= len(c) || c[v].Sign() == 0 {
			continue
		}
		d.value = d.value.Add(c[v].Mul(d.bound[r]))
		for j, a := range d.rows[r] {
			d.goal[j] = d.goal[j].Sub(c[v].Mul(a))
		}
	}
}

// improve pivots until no free variable can raise the goal. The one that raises it most comes
// in, which takes few pivots; after a pivot that raised nothing it is the lowest one, Bland's
// rule, until the goal moves again, so that no dictionary comes back.
func (d *dictionary) improve() error {
	stuck := false
	for {
		in := d.entering(stuck)
		if in < 0 {
			return nil
		}
		out := d.leaving(in)
		if out < 0 {
			return errUnbounded
		}
		stuck = d.bound[out].Sign() == 0
		d.pivot(out, in)
	}
}

// entering returns a free variable that raises the goal, or -1.
func (d *dictionary) entering(lowest bool) int {
	in := -1
	for j, v := range d.free {
		switch {
		case d.goal[j].Sign() <= 0:
		case in < 0, lowest && v < d.free[in], !lowest && d.goal[j].Cmp(d.goal[in]) > 0:
			in = j
		}
	}
	return in
}

// leaving returns the row that stops a free variable first, of several the one with the
// lowest basic variable, or -1.
func (d *dictionary) leaving(in int) int {
	out, limit := -1, exact.Rat{}
	for r := range d.rows {
		if d.rows[r][in].Sign() <= 0 {
			continue
		}
		step, _ := d.bound[r].Quo(d.rows[r][in]) // Above 0.
		if order := step.Cmp(limit); out < 0 || order < 0 || order == 0 && d.basic[r] < d.basic[out] {
			out, limit = r, step
		}
	}
	return out
}

// pivot exchanges the basic variable of a row with a free one.
func (d *dictionary) pivot(r, j int) {
	row := d.rows[r]
	inverse, _ := exact.Int(1).Quo(row[j]) // Chosen not to be 0.
	for k := range row {
		row[k] = row[k].Mul(inverse)
	}
	row[j] = inverse
	d.bound[r] = d.bound[r].Mul(inverse)
	for other := range d.rows {
		if f := d.rows[other][j]; other != r && f.Sign() != 0 {
			eliminate(d.rows[other], row, f, j)
			d.bound[other] = d.bound[other].Sub(f.Mul(d.bound[r]))
		}
	}
	if f := d.goal[j]; f.Sign() != 0 {
		eliminate(d.goal, row, f, j)
		d.value = d.value.Add(f.Mul(d.bound[r]))
	}
	d.basic[r], d.free[j] = d.free[j], d.basic[r]
}

// eliminate takes f times the pivot row off another; what stood at the pivot's place was f.
func eliminate(target, row []exact.Rat, f exact.Rat, j int) {
	target[j] = exact.Rat{}
	for k := range target {
		if row[k].Sign() != 0 {
			target[k] = target[k].Sub(f.Mul(row[k]))
		}
	}
}

func dot(x, y []exact.Rat) (sum exact.Rat) {
	for i := range x {
		if x[i].Sign() != 0 && y[i].Sign() != 0 {
			sum = sum.Add(x[i].Mul(y[i]))
		}
	}
	return sum
}
