package dc

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"comity/allocator/linear"
	"comity/canon"
	"comity/exact"
)

// ErrInvalid is what every refusal of a certificate wraps: nothing is proved.
var ErrInvalid = errors.New("certificate of a dispatch is not valid")

var (
	// ErrShape says that case and certificate do not fit together.
	ErrShape = fmt.Errorf("%w: malformed", ErrInvalid)
	// ErrAltered says that a certificate is not the bytes that were sealed, or is of
	// another case.
	ErrAltered = fmt.Errorf("%w: altered", ErrInvalid)
	// ErrPoint says that a dispatch is not feasible, or not provably so.
	ErrPoint = fmt.Errorf("%w: dispatch breaks a rule", ErrInvalid)
	// ErrUndecided says that outputs do not provably decide the flows.
	ErrUndecided = fmt.Errorf("%w: flows not decided", ErrInvalid)
	// ErrStated says that objective, bound or gap is not what the proof gives.
	ErrStated = fmt.Errorf("%w: misstated", ErrInvalid)
)

// Certificate settles one case. An optimal one has outputs, objective, bound and gap, or
// in place of outputs a point where the limits leave no room around the flows; an
// infeasible one has prices only.
type Certificate struct {
	Case      canon.Digest   `json:"case"` // Of the canonical form of the Case.
	Status    linear.Status  `json:"status"`
	Tangents  [][]exact.Rat  `json:"tangents"`            // MW, by generator in service: where quadratic costs are touched.
	Prices    linear.Vector  `json:"prices"`              // By row of the programme of these tangents.
	Output    *linear.Vector `json:"output,omitempty"`    // MW, by generator in service.
	Point     *linear.Vector `json:"point,omitempty"`     // By column of that programme.
	Objective *linear.Ratio  `json:"objective,omitempty"` // Cost of the outputs for each hour.
	Bound     *linear.Ratio  `json:"bound,omitempty"`     // No feasible dispatch costs less.
	Gap       *linear.Ratio  `json:"gap,omitempty"`       // Objective less bound.
	Seal      canon.Digest   `json:"seal"`                // Of this record with a zero seal.
}

// boundPlaces is how many decimals a bound is rounded down to: a billionth of the
// currency unit. Unrounded it has a hundred.
const boundPlaces = 9

// MaxTangents bounds those of one generator.
const MaxTangents = 256

// Check accepts a certificate only if it is of this case, unaltered, and proves what it
// claims. It asks no solver.
func Check(c Case, found Certificate) error {
	g, err := NewGrid(c)
	if err != nil {
		return err
	}
	want, err := g.State(c, found)
	if err != nil {
		return err
	}
	for _, stated := range []struct {
		name      string
		got, want *linear.Ratio
	}{{"objective", found.Objective, want.Objective}, {"bound", found.Bound, want.Bound}, {"gap", found.Gap, want.Gap}} {
		switch {
		case stated.got == nil && stated.want == nil:
		case stated.got == nil || stated.want == nil:
			return fmt.Errorf("%w: %s of a case that is %s", ErrShape, stated.name, found.Status)
		case stated.got.Big().Cmp(stated.want.Big()) != 0:
			return fmt.Errorf("%w: %s is stated as %.60s and computed as %.60s", ErrStated, stated.name, stated.got, stated.want)
		}
	}
	switch {
	case found.Case != want.Case:
		return fmt.Errorf("%w: it is of case %s, the file holds %s; solve the file again", ErrAltered, found.Case, want.Case)
	case found.Seal != want.Seal:
		return fmt.Errorf("%w: its seal is %s, its content gives %s; get another copy", ErrAltered, found.Seal, want.Seal)
	}
	return nil
}

// Parse reads a certificate in its canonical form and nothing else; ErrAltered.
func Parse(data []byte) (Certificate, error) {
	var c Certificate
	if err := canon.Unmarshal(data, &c); err != nil {
		return Certificate{}, fmt.Errorf("%w: %w; get another copy", ErrAltered, err)
	}
	return c, nil
}

// State proves what the status and the vectors of a certificate claim of the case that
// the grid is of, and returns it with objective, bound, gap and seal as they follow. Errors: ErrInvalid.
func (g *Grid) State(c Case, from Certificate) (Certificate, error) {
	if err := g.checkTangents(from.Tangents); err != nil {
		return Certificate{}, err
	}
	p := g.Programme(c.Name, from.Tangents)
	next := Certificate{Status: from.Status, Tangents: from.Tangents, Prices: from.Prices, Output: from.Output, Point: from.Point}
	var objective *big.Rat
	var err error
	switch have := [2]bool{from.Output != nil, from.Point != nil}; {
	case from.Status == linear.Infeasible && have == [2]bool{}:
		if _, err := linear.StateInfeasible(p.Programme, from.Prices); err != nil {
			return Certificate{}, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		return next, next.seal(c)
	case from.Status == linear.Optimal && have == [2]bool{true, false}:
		objective, err = g.worthOfOutput(*from.Output)
	case from.Status == linear.Optimal && have == [2]bool{false, true}:
		objective, err = g.worthOfPoint(p, *from.Point)
	default:
		return Certificate{}, fmt.Errorf("%w: status %.20q with outputs %t and point %t", ErrShape, from.Status, have[0], have[1])
	}
	if err != nil {
		return Certificate{}, err
	}
	bound, err := p.Bound(from.Prices)
	if err != nil {
		return Certificate{}, err
	}
	o, b, gap := linear.NewRatio(objective), linear.NewRatio(bound), linear.NewRatio(new(big.Rat).Sub(objective, bound))
	next.Objective, next.Bound, next.Gap = &o, &b, &gap
	return next, next.seal(c)
}

func (c *Certificate) seal(of Case) error {
	var err error
	if c.Case, err = canon.DigestOf(of); err == nil {
		c.Seal, err = canon.DigestOf(*c)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrShape, err)
	}
	return nil
}

// Bound returns a cost that no feasible dispatch undercuts. Errors: ErrInvalid.
func (p *Programme) Bound(prices linear.Vector) (*big.Rat, error) {
	bound, err := linear.Bound(p.Programme, prices)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return down(bound, boundPlaces), nil
}

// checkTangents accepts ascending points of quadratic costs within the limits of outputs.
func (g *Grid) checkTangents(tangents [][]exact.Rat) error {
	if len(tangents) != len(g.Generators) {
		return fmt.Errorf("%w: tangents of %d generators, want %d", ErrShape, len(tangents), len(g.Generators))
	}
	for k, points := range tangents {
		from := g.Generators[k]
		if len(points) > MaxTangents || len(points) > 0 && !from.Cost.IsQuadratic() {
			return fmt.Errorf("%w: %d tangents of generator %d; at most %d, and none of costs that are not quadratic", ErrShape, len(points), from.Row, MaxTangents)
		}
		for n, at := range points {
			if n > 0 && at.Cmp(points[n-1]) <= 0 || at.Cmp(from.Min) < 0 || at.Cmp(from.Max) > 0 {
				return fmt.Errorf("%w: tangent of generator %d at %s MW; they ascend from %s to %s", ErrShape, from.Row, at, from.Min, from.Max)
			}
		}
	}
	return nil
}

// worthOfOutput proves a dispatch from outside feasible and returns its cost.
func (g *Grid) worthOfOutput(v linear.Vector) (*big.Rat, error) {
	if v.Denominator.Big().Sign() <= 0 {
		return nil, fmt.Errorf("%w: outputs have a denominator that is not positive", ErrShape)
	}
	output := make([]*big.Rat, len(v.Numerators))
	for k := range output {
		output[k] = v.At(k)
	}
	return g.Worth(output)
}

// worthOfPoint is worthOfOutput for exact outputs, flows and angles.
func (g *Grid) worthOfPoint(p Programme, point linear.Vector) (*big.Rat, error) {
	if _, err := linear.Objective(p.Programme, point); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPoint, err)
	}
	cost := new(big.Rat)
	for k, from := range g.Generators {
		cost.Add(cost, from.Cost.at(point.At(p.Output[k])))
	}
	return cost, nil
}

// Conflict names the branches whose limits the proof of an infeasible case rests on, the
// heaviest first; what weighs less than a millionth of that is left out. With the limits
// of generators they cannot all be kept. It is empty for a case that is feasible.
func Conflict(c Case, found Certificate) ([]string, error) {
	if found.Status != linear.Infeasible {
		return nil, nil
	}
	g, err := NewGrid(c)
	if err != nil {
		return nil, err
	}
	p := g.Programme(c.Name, found.Tangents)
	weight, heaviest := make([]*big.Rat, len(g.Branches)), new(big.Rat)
	var named []int
	for k, e := range g.Branches {
		// What is left of the prices at the flow, and the price of the angles.
		left := new(big.Rat).Sub(found.Prices.At(e.From), found.Prices.At(e.To))
		left.Sub(left, new(big.Rat).Mul(e.Square, found.Prices.At(len(g.Buses)+k)))
		weight[k] = left.Mul(left.Abs(left), p.Columns[p.Flow[k]].Upper.Big())
		if i := p.Difference[k]; i >= 0 {
			price := found.Prices.At(i)
			weight[k].Add(weight[k], price.Mul(price.Abs(price), big.NewRat(e.reach, millionths)))
		}
		if weight[k].Cmp(heaviest) > 0 {
			heaviest = weight[k]
		}
		named = append(named, k)
	}
	least := new(big.Rat).Mul(heaviest, big.NewRat(1, millionths))
	named = slices.DeleteFunc(named, func(k int) bool { return weight[k].Cmp(least) <= 0 })
	slices.SortStableFunc(named, func(a, b int) int { return weight[b].Cmp(weight[a]) })
	names := make([]string, len(named))
	for n, k := range named {
		e := g.Branches[k]
		names[n] = fmt.Sprintf("%d (bus %d to %d)", e.Row, g.Buses[e.From].ID, g.Buses[e.To].ID)
	}
	return names, nil
}
