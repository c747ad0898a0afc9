package solve

import "math"

// curves is what parties' shares are worth in a search for whole units: a concave
// function for each party, of what its columns sum to.
type curves interface {
	counts(party, column int) bool      // Whether the column is part of the sum.
	share(party, column int) float64    // What one unit of it adds.
	slopes(party int, x []int64) slopes // Around a point.
	widest() int64                      // The farthest that a party can move.
	opening() int64                     // What part of it all segments cover at the first scale.
}

// slopes are the marginal values of one party around its present sum.
type slopes struct {
	at    float64                    // The present sum.
	far   float64                    // How far it can move.
	size  float64                    // Its pieces are in proportion to this.
	least float64                    // It never falls to this.
	last  float64                    // The long piece below ends here at the latest.
	most  float64                    // The long piece above ends here at the earliest.
	slope func(a, b float64) float64 // The mean from a to b, of size 1 at most about.
}

// unmet is evenness: -(D-X)²/(2D), whose slope from a to b units is (2D-a-b)/(2D).
type unmet struct{ *form }

func (u unmet) counts(party, _ int) bool { return u.need[party] > 0 }

func (u unmet) share(_, _ int) float64 { return 1 }

func (u unmet) slopes(party int, x []int64) slopes {
	d := float64(u.need[party])
	return slopes{
		at: float64(u.total(x, party)), far: d, size: d, least: math.Inf(-1), last: 0, most: d,
		slope: func(a, b float64) float64 { return (float64(2*d) - a - b) / (2 * d) },
	}
}

// opening is a part only: wider segments take longer and are not followed less often.
func (u unmet) opening() int64 { return 8 }

func (u unmet) widest() int64 {
	var widest int64
	for _, need := range u.need {
		widest = max(widest, need)
	}
	return widest
}

// gains is a nash stage: power·ln(worth-outside), in units of the least by which a
// party's worth moves.
type gains struct {
	*form
	stage stage
	unit  []int64
	norm  float64 // Brings slopes to 1: a power of two.
	far   float64 // How far a party can move at most.
}

// newGains measures slopes at a point at which every party gains.
func newGains(f *form, s stage, x []int64) *gains {
	g := &gains{form: f, stage: s, unit: make([]int64, len(f.need)), norm: 1}
	steepest := 0.0
	for k, members := range f.members {
		largest := int64(0)
		for _, j := range members {
			cost := max(s.costs[j], -s.costs[j])
			g.unit[k] = divisor(g.unit[k], cost)
			largest = max(largest, cost)
		}
		if g.unit[k]*maxRatio < largest {
			g.unit[k] = largest // Steps that are much finer than a unit lead nowhere.
		}
		g.unit[k] = max(g.unit[k], 1)
		g.far = max(g.far, g.reach(k))
		if at := g.gain(k, x); at > 0 {
			steepest = max(steepest, float64(s.power[k])/at)
		}
	}
	if steepest > 0 {
		_, exponent := math.Frexp(steepest)
		g.norm = math.Ldexp(1, -exponent)
	}
	return g
}

// maxRatio is how many steps one unit may be worth: less than a model reaches.
const maxRatio = 4

// gain returns what a party has above its alternative, in its units.
func (g *gains) gain(party int, x []int64) float64 {
	worth := 0.0
	for _, j := range g.members[party] {
		worth += float64(float64(g.stage.costs[j]) * float64(x[j]))
	}
	return (worth - float64(g.stage.outside[party])) / float64(g.unit[party])
}

func (g *gains) counts(_, column int) bool { return g.stage.costs[column] != 0 }

func (g *gains) share(party, column int) float64 {
	return float64(g.stage.costs[column]) / float64(g.unit[party])
}

func (g *gains) slopes(party int, x []int64) slopes {
	power := g.norm * float64(g.stage.power[party])
	return slopes{
		at: g.gain(party, x), far: g.reach(party), size: g.far, least: 0, last: math.Inf(1), most: 0,
		slope: func(a, b float64) float64 { return power * logarithm(max(a, math.Ldexp(b, -10)), b) / (b - a) },
	}
}

// reach returns how far a party's worth can move, in its units.
func (g *gains) reach(party int) float64 {
	sum := 0.0
	for _, j := range g.members[party] {
		sum += math.Abs(float64(g.stage.costs[j])) * float64(g.columns[j].upper-g.columns[j].lower)
	}
	return sum / float64(g.unit[party])
}

// opening is all: one slope says little about a logarithm far away.
func (g *gains) opening() int64 { return 1 }

func (g *gains) widest() int64 { return int64(min(g.far, math.Ldexp(1, 61))) }

// logarithm returns ln(b/a) for 0 < a < b, by its series around 1, so that it is the same
// on every processor: ln(b/a) = 2·(z + z³/3 + z⁵/5 + ...) with z = (b-a)/(b+a).
func logarithm(a, b float64) float64 {
	const ln2 = 0.693147180559945309417232121458176568 // math.Ln2.
	halvings := 0
	for b > 1.5*a {
		b /= 2
		halvings++
	}
	z := (b - a) / (b + a)
	sum, power := 0.0, z
	for k := 1; k < 40; k += 2 {
		sum += power / float64(k)
		power = float64(power*z) * z
	}
	return float64(2*sum) + float64(float64(halvings)*ln2)
}

func divisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// exponent returns e for x = 2^e.
func exponent(x float64) int {
	_, e := math.Frexp(x)
	return e - 1
}
