// Package dc says what the cheapest dispatch of an electric grid is in the linear ("DC")
// model of power flow, and checks the certificates that settle a case: a dispatch that is
// shown to be feasible and a value below which no feasible one can lie, or prices that
// show that there is none. It knows no solver and has no floating point.
//
// The model is DCPPowerModel of PowerModels.jl (Coffrin et al., "PowerModels.jl: An
// Open-Source Framework for Exploring Power Flow Formulations" (2018)), which the
// baselines of pglib-opf are computed with. With outputs g and flows p in MW, angles θ
// in radians and everything out of service left out:
//
//	minimise  Σ cost(g)
//	Σ g - Σ p leaving + Σ p entering = demand + shunt            at every bus
//	p = base·x/(r² + x²)·(θ_from - θ_to)                         on every branch
//	-rate <= p <= rate where rate > 0,  anglemin <= θ_from - θ_to <= anglemax
//	min <= g <= max,  θ = 0 at the reference bus
//
// Tap ratios, phase shifts, line charging and DC lines are no part of it.
package dc

import (
	"errors"
	"fmt"
	"math/big"

	"comity/exact"
)

// ErrCase says that a case is not one that the model is defined for.
var ErrCase = errors.New("grid case not valid")

// Limits of one case: above the largest grid of pglib-opf, 78,484 buses.
const (
	MaxBuses      = 100_000
	MaxBranches   = 200_000
	MaxGenerators = 50_000
)

// Case is a grid as a file describes it, including what is out of service.
type Case struct {
	Name       string      `json:"name"`
	Base       exact.Rat   `json:"base"` // MVA, above zero.
	Buses      []Bus       `json:"buses"`
	Generators []Generator `json:"generators"`
	Branches   []Branch    `json:"branches"`
}

// Bus is a node of the grid.
type Bus struct {
	ID     int       `json:"id"` // Above zero, unlike any other bus's.
	Kind   Kind      `json:"kind"`
	Demand exact.Rat `json:"demand"` // MW.
	Shunt  exact.Rat `json:"shunt"`  // MW at nominal voltage.
}

// Kind is the type of a bus.
type Kind int

// The kinds that matter here.
const (
	Load      Kind = 1
	Regulated Kind = 2
	Reference Kind = 3 // Its angle is zero; at most one in each connected part.
	Isolated  Kind = 4 // Left out with all that is connected to it.
)

// Generator feeds a bus.
type Generator struct {
	Bus       int       `json:"bus"`
	InService bool      `json:"in_service"`
	Min       exact.Rat `json:"min"` // MW.
	Max       exact.Rat `json:"max"` // MW.
	Cost      Cost      `json:"cost"`
}

// Cost is a convex cost for each hour: a polynomial, or if there are points, straight
// lines between them, the outer ones going on beyond.
type Cost struct {
	Polynomial [3]exact.Rat `json:"polynomial"` // Of 1, g and g² in MW; the last is not below zero.
	Points     []Point      `json:"points"`     // By ascending output, at least two or none.
}

// Point is one corner of a cost of straight lines.
type Point struct {
	Output exact.Rat `json:"output"` // MW.
	Cost   exact.Rat `json:"cost"`
}

// Branch is a line or transformer.
type Branch struct {
	From      int       `json:"from"`
	To        int       `json:"to"`
	InService bool      `json:"in_service"`
	R         exact.Rat `json:"r"`         // For each unit of impedance, as X.
	X         exact.Rat `json:"x"`         // Not zero; a series capacitor has less than zero.
	Rate      exact.Rat `json:"rate"`      // MW; zero is no limit.
	AngleMin  exact.Rat `json:"angle_min"` // Degrees.
	AngleMax  exact.Rat `json:"angle_max"` // Degrees.
}

// Check accepts what the model is defined for, else ErrCase.
func (c Case) Check() error {
	switch {
	case c.Base.Sign() <= 0:
		return fmt.Errorf("%w: base is %s MVA; it must be above 0", ErrCase, c.Base)
	case len(c.Buses) == 0 || len(c.Buses) > MaxBuses || len(c.Generators) > MaxGenerators || len(c.Branches) > MaxBranches:
		return fmt.Errorf("%w: %d buses, %d generators, %d branches; allowed are 1 to %d, %d and %d",
			ErrCase, len(c.Buses), len(c.Generators), len(c.Branches), MaxBuses, MaxGenerators, MaxBranches)
	}
	known := map[int]bool{}
	for k, b := range c.Buses {
		if b.ID < 1 || known[b.ID] || b.Kind < Load || b.Kind > Isolated {
			return fmt.Errorf("%w: bus %d, row %d, has kind %d; ids are above 0 and appear once, kinds are 1 to 4", ErrCase, b.ID, k+1, b.Kind)
		}
		known[b.ID] = true
	}
	for k, g := range c.Generators {
		if !known[g.Bus] {
			return fmt.Errorf("%w: generator %d stands at bus %d, which is not listed", ErrCase, k+1, g.Bus)
		}
		if !g.InService {
			continue
		}
		if g.Min.Cmp(g.Max) > 0 {
			return fmt.Errorf("%w: generator %d gives at least %s MW and at most %s MW; swap them or take it out of service", ErrCase, k+1, g.Min, g.Max)
		}
		if err := g.Cost.check(); err != nil {
			return fmt.Errorf("cost of generator %d: %w", k+1, err)
		}
	}
	for k, b := range c.Branches {
		switch {
		case !known[b.From] || !known[b.To]:
			return fmt.Errorf("%w: branch %d joins buses %d and %d, of which one is not listed", ErrCase, k+1, b.From, b.To)
		case !b.InService:
		case b.From == b.To:
			return fmt.Errorf("%w: branch %d joins bus %d with itself", ErrCase, k+1, b.From)
		case b.X.Sign() == 0:
			return fmt.Errorf("%w: branch %d has no reactance, and the model gives no flow for it; join its buses", ErrCase, k+1)
		case b.Rate.Sign() < 0:
			return fmt.Errorf("%w: branch %d has rate %s MW; 0 stands for no limit", ErrCase, k+1, b.Rate)
		}
		if low, high := b.angles(); b.InService && low.Cmp(high) > 0 {
			return fmt.Errorf("%w: branch %d has least angle %s above greatest angle %s", ErrCase, k+1, b.AngleMin, b.AngleMax)
		}
	}
	return nil
}

func (c Cost) check() error {
	if len(c.Points) == 0 {
		if c.Polynomial[2].Sign() < 0 {
			return fmt.Errorf("%w: %s·g² is not convex", ErrCase, c.Polynomial[2])
		}
		return nil
	}
	if len(c.Points) == 1 {
		return fmt.Errorf("%w: one point makes no line; give two", ErrCase)
	}
	lines := c.lines()
	for k, l := range lines {
		if l.Run.Sign() <= 0 {
			return fmt.Errorf("%w: output %s MW of point %d is not above that of the point before", ErrCase, c.Points[k+1].Output, k+2)
		}
		if k > 0 && l.slope().Cmp(lines[k-1].slope()) < 0 {
			return fmt.Errorf("%w: the cost is not convex: it rises slower after point %d", ErrCase, k+1)
		}
	}
	return nil
}

// Limits of angles, as PowerModels corrects them ("correct_voltage_angle_differences!"):
// 90 degrees or more, or zero on both sides, stand for none and become 60 degrees.
const (
	defaultAngle   = "1.0472"                   // Radians, the value of default_pad there.
	radiansADegree = "0.0174532925199432957692" // π/180 to 22 decimals.
)

// angles returns the limits of the difference of angles in radians.
func (b Branch) angles() (low, high *big.Rat) {
	right, pad := big.NewRat(90, 1), decimal(defaultAngle)
	low, high = b.AngleMin.Big(), b.AngleMax.Big()
	none := low.Sign() == 0 && high.Sign() == 0
	below, above := none || low.Cmp(new(big.Rat).Neg(right)) <= 0, none || high.Cmp(right) >= 0
	low.Mul(low, decimal(radiansADegree))
	high.Mul(high, decimal(radiansADegree))
	if below {
		low.Neg(pad)
	}
	if above {
		high.Set(pad)
	}
	return low, high
}

// decimal reads a constant of this package.
func decimal(text string) *big.Rat {
	x, err := exact.Parse(text)
	if err != nil {
		panic(err)
	}
	return x.Big()
}
