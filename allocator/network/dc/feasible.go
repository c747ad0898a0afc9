package dc

import (
	"fmt"
	"math/big"

	"comity/allocator/network/potential"
)

// Worth proves that a dispatch is feasible and returns its cost. Outputs decide all: as
// they sum to the load in every connected part, exactly one flow obeys the equations.
// It is enclosed, and the whole enclosure must lie within the limits.
func (g *Grid) Worth(output []*big.Rat) (*big.Rat, error) {
	if len(output) != len(g.Generators) {
		return nil, fmt.Errorf("%w: %d outputs of %d generators in service", ErrShape, len(output), len(g.Generators))
	}
	cost := new(big.Rat)
	injection := make([]*big.Rat, len(g.Buses))
	for k, b := range g.Buses {
		injection[k] = new(big.Rat).Neg(b.Load)
	}
	for k, from := range g.Generators {
		if low, high := from.Min.Big(), from.Max.Big(); output[k].Cmp(low) < 0 || output[k].Cmp(high) > 0 {
			return nil, fmt.Errorf("%w: generator %d gives %s MW, allowed are %s to %s", ErrPoint, from.Row, output[k].RatString(), from.Min, from.Max)
		}
		cost.Add(cost, from.Cost.at(output[k]))
		injection[from.At].Add(injection[from.At], output[k])
	}
	angles, radius, err := g.angles(injection)
	if err != nil {
		return nil, err
	}
	for _, e := range g.Branches {
		slack := new(big.Rat).Mul(radius[g.Buses[e.From].Root], big.NewRat(2, 1))
		difference := new(big.Rat).Sub(angles[e.From], angles[e.To])
		if err := e.within(new(big.Rat).Sub(difference, slack), new(big.Rat).Add(difference, slack)); err != nil {
			return nil, err
		}
	}
	return cost, nil
}

// angles encloses the angle of every bus: it differs from the value returned by at most
// the radius at its root.
func (g *Grid) angles(injection []*big.Rat) (angles []*big.Rat, radius map[int]*big.Rat, err error) {
	angles, radius = make([]*big.Rat, len(g.Buses)), map[int]*big.Rat{}
	for n, members := range g.Parts {
		root := members[0]
		sum, right := new(big.Rat), make([]*big.Rat, len(members)-1)
		for _, k := range members {
			sum.Add(sum, injection[k])
			if at := g.Buses[k].Place - 1; at != potential.Ground {
				right[at] = injection[k]
			}
		}
		if sum.Sign() != 0 {
			return nil, nil, fmt.Errorf("%w: around bus %d, generation and load differ by %s MW", ErrPoint, g.Buses[root].ID, sum.RatString())
		}
		found := g.Networks[n].Enclose(right)
		radius[root] = found.Radius
		for _, k := range members {
			if at := g.Buses[k].Place - 1; at == potential.Ground {
				angles[k] = new(big.Rat)
			} else {
				angles[k] = found.Values[at]
			}
		}
	}
	return angles, radius, nil
}

// within accepts all differences of angles between two.
func (e Link) within(least, most *big.Rat) error {
	if least.Cmp(e.Low) < 0 || most.Cmp(e.High) > 0 {
		return fmt.Errorf("%w: branch %d has an angle of %s to %s, allowed are %s to %s",
			ErrPoint, e.Row, least.FloatString(9), most.FloatString(9), e.Low.FloatString(9), e.High.FloatString(9))
	}
	if e.Rate == nil {
		return nil
	}
	for _, difference := range []*big.Rat{least, most} {
		flow := new(big.Rat).Mul(e.Push, difference)
		flow.Quo(flow, e.Square)
		if new(big.Rat).Abs(flow).Cmp(e.Rate) > 0 {
			return fmt.Errorf("%w: branch %d carries %s MW, allowed are %s", ErrPoint, e.Row, flow.FloatString(9), e.Rate.FloatString(9))
		}
	}
	return nil
}
