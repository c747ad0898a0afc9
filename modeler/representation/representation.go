// Package representation says whom data are about: how far the rows that a model learned
// from are from the people whom its answers concern.
//
// People and rows are counted by group, whatever the groups are: regions, ages, incomes,
// or all of these crossed. Whether a group has few rows is a matter of its people, so every
// measure compares with the population that a charter names, and none is computed from
// the rows alone.
package representation

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"comity/exact"
)

// ErrInput says that people or rows are outside what the audit is defined for.
var ErrInput = errors.New("representation is not defined")

// MaxGroups bounds an audit: regions of the world crossed with ages and sexes are fewer.
const MaxGroups = 1 << 17

// Group is one group of people and what is known about it.
type Group struct {
	Name   string    `json:"group"`
	People exact.Rat `json:"people"` // Above 0, in whatever unit the population is counted.
	Rows   int64     `json:"rows"`   // At least 0.
}

// Audit is how rows are spread over people. Ratios are exact; what has logarithms is
// rounded to the nearest of 64 bits at the end.
type Audit struct {
	Groups []Group
	People exact.Rat // Of all groups.
	Rows   int64

	// Gini of rows per person, each person counted once: 0 where every group has rows in
	// proportion to its people, near 1 where all rows are about few people. Source: Lerman
	// and Yitzhaki, "Improving the accuracy of estimates of Gini coefficients", Journal of
	// Econometrics 42 (1989), equation 3, with people as weights.
	Gini exact.Rat
	// JensenShannon is the distance of the groups' shares of rows, p, from their shares of
	// people, q: the square root of the divergence H((p+q)/2) - (H(p)+H(q))/2 with
	// logarithms to base 2, so that it lies within 0 and 1 and is 1 where no group with
	// people has rows. Source: Lin, "Divergence measures based on the Shannon entropy",
	// IEEE Trans. Information Theory 37 (1991), section IV; that the root is a distance:
	// Endres and Schindelin, "A new metric for probability distributions" (2003).
	JensenShannon float64
	Divergence    float64 // Its square, in bits.
	// EffectiveGroups is how many groups with equally many rows are as diverse as these: 1
	// over the sum of squared shares of rows. Source: Laakso and Taagepera, "Effective
	// number of parties", Comparative Political Studies 12 (1979); of order 2 in Hill,
	// "Diversity and evenness" (1973).
	EffectiveGroups exact.Rat
	// EffectiveOfPeople is the same of shares of people: what proportional rows would give.
	EffectiveOfPeople exact.Rat
	// WithoutData is the share of people in groups of which there is no row.
	WithoutData exact.Rat
	// Needed is how many rows would have to move between groups for rows to be in proportion
	// to people, as a share of all: half the sum of differences of shares. Source: Duncan and
	// Duncan, "A methodological analysis of segregation indexes" (1955).
	Needed exact.Rat
}

// New audits groups. Names are unique, at least one group has a row.
func New(groups []Group) (Audit, error) {
	a := Audit{Groups: slices.Clone(groups)}
	if len(groups) == 0 || len(groups) > MaxGroups {
		return a, fmt.Errorf("%w: %d groups; give 1 to %d", ErrInput, len(groups), MaxGroups)
	}
	names := make(map[string]bool, len(groups))
	for _, g := range groups {
		switch {
		case names[g.Name]:
			return a, fmt.Errorf("%w: group %q comes twice", ErrInput, g.Name)
		case g.People.Sign() <= 0:
			return a, fmt.Errorf("%w: group %q has %s people; give a number above 0 or leave the group out", ErrInput, g.Name, g.People)
		case g.Rows < 0 || a.Rows > math.MaxInt64-g.Rows:
			return a, fmt.Errorf("%w: group %q has %d rows", ErrInput, g.Name, g.Rows)
		}
		names[g.Name] = true
		a.People, a.Rows = a.People.Add(g.People), a.Rows+g.Rows
	}
	if a.Rows == 0 {
		return a, fmt.Errorf("%w: no row is about any of the %d groups; compare how the groups are spelt in both files", ErrInput, len(groups))
	}
	a.measure()
	return a, nil
}

// measure fills in what groups with people and at least one row have.
func (a *Audit) measure() {
	people, rows := a.shares()
	var squares, ofPeople, without, apart exact.Rat
	for i, g := range a.Groups {
		squares = squares.Add(rows[i].Mul(rows[i]))
		ofPeople = ofPeople.Add(people[i].Mul(people[i]))
		if g.Rows == 0 {
			without = without.Add(people[i])
		}
		if d := rows[i].Sub(people[i]); d.Sign() > 0 {
			apart = apart.Add(d) // What some have too much others lack.
		}
	}
	one := exact.Int(1)
	a.EffectiveGroups, _ = one.Quo(squares) // Neither sum is 0: shares add up to 1.
	a.EffectiveOfPeople, _ = one.Quo(ofPeople)
	a.WithoutData, a.Needed = without, apart
	a.Gini = gini(people, rows)
	a.Divergence = divergence(rows, people)
	a.JensenShannon = math.Sqrt(a.Divergence)
}

// shares returns the groups' parts of all people and of all rows.
func (a *Audit) shares() (people, rows []exact.Rat) {
	of := exact.Int(a.Rows)
	for _, g := range a.Groups {
		p, _ := g.People.Quo(a.People) // Above 0.
		r, _ := exact.Int(g.Rows).Quo(of)
		people, rows = append(people, p), append(rows, r)
	}
	return people, rows
}

// gini returns sum q_i q_j |x_i - x_j| / 2 over the mean, which is 1, of x = p/q: with
// groups in ascending order of x, sum over i < j of (q_i p_j - p_i q_j).
func gini(people, rows []exact.Rat) exact.Rat {
	order := make([]int, len(people))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return rows[i].Mul(people[j]).Cmp(rows[j].Mul(people[i]))
	})
	var sum, q, p exact.Rat
	for _, j := range order {
		sum = sum.Add(q.Mul(rows[j])).Sub(p.Mul(people[j]))
		q, p = q.Add(people[j]), p.Add(rows[j])
	}
	return sum
}

// divergence returns half the sum of p log2(2p/(p+q)) + q log2(2q/(p+q)).
func divergence(rows, people []exact.Rat) float64 {
	var sum float64
	for i := range rows {
		both := rows[i].Add(people[i])
		for _, v := range []exact.Rat{rows[i], people[i]} {
			if v.Sign() > 0 {
				ratio, _ := exact.Int(2).Mul(v).Quo(both)
				sum += float(v) * log2(ratio) / 2
			}
		}
	}
	return min(1, max(0, sum)) // Rounding must not leave what the definition holds.
}

// log2 is exact to the last digits near 1 too, where a quotient of floats is not.
func log2(v exact.Rat) float64 {
	if d := float(v.Sub(exact.Int(1))); math.Abs(d) < .5 {
		return math.Log1p(d) / math.Ln2
	}
	return math.Log2(float(v))
}

func float(v exact.Rat) float64 {
	f, _ := new(big.Float).SetRat(v.Big()).Float64()
	return f
}
