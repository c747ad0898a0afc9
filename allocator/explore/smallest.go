package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

// levers lists what Counterfactuals changes: declared numbers that the charter depends
// on, and the bounds of rules over several parties.
func (a Answer) levers(id party.ID) []string {
	names := slices.Concat(a.inputs(id), SupplyNames(a.Inputs))
	names = slices.DeleteFunc(names, func(n string) bool { return !a.depends(n) })
	for _, k := range a.Inputs.Charter.Constraints {
		if k.Kind != charter.Forbidden && boundOf(&k) != nil && !personal(a.Inputs.Charter, k.ID) {
			names = append(names, k.ID)
		}
	}
	return names
}

// inputs lists what the party declared.
func (a Answer) inputs(id party.ID) []string { return PartyNames(a.Inputs, id) }

// depends tells whether anything in the charter depends on a declared number.
func (a Answer) depends(name string) bool {
	_, value, _ := strings.Cut(name, ".")
	own, total := "party."+value, "total."+value
	if strings.HasPrefix(name, supplyPrefix) {
		own, total = name, name
	}
	return slices.ContainsFunc(charter.Uses(a.Inputs.Charter), func(u charter.Use) bool { return u.Name == own || u.Name == total })
}

// Smallest is the smallest change of one declared number, found by narrowing in, after
// which a party gets so many units more. Both sides are divisions of their own: at To it
// does and one unit nearer to From it does not. What lies between was not asked, so that a
// number whose effect goes up and down may have another such place.
//
// A number that is declared for each period of a plan is changed by the same in each.
type Smallest struct {
	Name    string          `json:"name"`
	Target  quantity.Amount `json:"target"` // Units that it is to gain; below 0 to lose.
	Found   bool            `json:"found"`
	Periods int             `json:"periods"` // In how many periods it is declared; 1 for once.
	From    quantity.Amount `json:"from"`    // Over all periods, as all that follow.
	By      quantity.Amount `json:"by"`      // What is added in each period; below 0 taken away.
	To      quantity.Amount `json:"to"`      // Where it is found.
	Amount  quantity.Amount `json:"amount"`  // What the party gets there.
	Gain    quantity.Amount `json:"gain"`
	Low     quantity.Amount `json:"low"`   // How far was looked: from here
	High    quantity.Amount `json:"high"`  // to here.
	Exact   bool            `json:"exact"` // One unit nearer it does not; else the solves ran out.
	Solves  int             `json:"solves"`
}

// MaxSteps bounds the solves for one number in one direction: its end, and enough to halve
// 2^30 down to 1.
const MaxSteps = 31

// Smallest looks for the smallest change of a declared number, from 0 to twice what it
// is, by which a party gains target units. Errors: ErrName, ErrChange for a target of 0.
func (e *Engine) Smallest(ctx context.Context, a Answer, id party.ID, name string, target quantity.Amount) (Smallest, error) {
	out := Smallest{Name: name, Target: target}
	if target == 0 {
		return out, fmt.Errorf("%w: a gain of 0 takes no change", ErrChange)
	}
	now, ok := a.Of(id)
	if !ok {
		_, err := a.Party(id)
		return out, err
	}
	d, ok := declaredBy(a.Inputs, name)
	if !ok {
		return out, fmt.Errorf("%w: %.80q is not declared%s", ErrName, name, meant(name, slices.Concat(PartyNames(a.Inputs, id), SupplyNames(a.Inputs))))
	}
	least, most := quantity.Amount(program.MaxAmount), quantity.Amount(1)
	for _, v := range d.values {
		x := quantity.Amount(a.Inputs.Declarations[d.at].Declaration.Values[v])
		out.From, least, most = out.From+x, min(least, x), max(most, x)
	}
	out.Periods = len(d.values)
	out.Low, out.High = out.at(-least), out.at(most)
	s := search{engine: e, answer: a, party: id, now: now, out: &out}
	for _, end := range []quantity.Amount{most, -least} {
		if err := s.direction(ctx, end); err != nil {
			return out, err
		}
	}
	return out, nil
}

// at returns the number over all periods when so much is added in each.
func (s *Smallest) at(by quantity.Amount) quantity.Amount {
	return s.From + quantity.Amount(s.Periods)*by // Below 2^60: at most 520 periods of 2^51.
}

// search is a search under way.
type search struct {
	engine *Engine
	answer Answer
	party  party.ID
	now    quantity.Amount
	out    *Smallest
}

// direction looks from the number as it is to one end.
func (s *search) direction(ctx context.Context, end quantity.Amount) error {
	if end == 0 {
		return nil
	}
	gain, divided, err := s.ask(ctx, end)
	if err != nil || !divided || !s.reached(gain) {
		return err
	}
	return s.close(ctx, end, gain)
}

// ask divides with so much added and returns what the party gains. Where rules then
// contradict each other there is no gain to speak of.
func (s *search) ask(ctx context.Context, by quantity.Amount) (gain quantity.Amount, divided bool, err error) {
	s.out.Solves++
	in, err := Change{s.out.Name, Add, exact.Int(int64(by))}.Apply(s.answer.Inputs)
	if err != nil {
		return 0, false, err
	}
	then, err := s.engine.Solve(ctx, Case{in, s.answer.Lot})
	switch {
	case errors.Is(err, solve.ErrInfeasible), refused(err):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	}
	amount, _ := then.Of(s.party)
	return amount - s.now, true, nil
}

// reached tells whether a gain is as much as was asked for.
func (s *search) reached(gain quantity.Amount) bool {
	if s.out.Target > 0 {
		return gain >= s.out.Target
	}
	return gain <= s.out.Target
}

// side is a distance from the number as it is, and what the party gains there.
type side struct{ at, gain quantity.Amount }

// close narrows in from a number that reaches the target to the nearest that does. Two of
// three places are a little to either side of where a straight line between the two ends
// would reach it, which leaves 1/32 of the distance where the effect is nearly straight;
// the third place halves, wherever it goes.
func (s *search) close(ctx context.Context, end quantity.Amount, gain quantity.Amount) error {
	sign := quantity.Amount(1)
	if end < 0 {
		sign = -1
	}
	bad, good := side{}, side{sign * end, gain}
	for turn := 0; good.at-bad.at > 1 && turn < MaxSteps-1; turn++ {
		if s.out.Found && bad.at >= max(s.out.By, -s.out.By) {
			return nil // The other direction was nearer.
		}
		aside := (good.at - bad.at) / 64
		at := bad.at + (good.at-bad.at)/2
		rise := good.gain - bad.gain
		switch {
		case max(rise, -rise) <= 4: // Whole units: what lies between is a staircase.
		case turn%3 == 0:
			at = between(bad, good, s.out.Target) + aside
		case turn%3 == 1:
			at = between(bad, good, s.out.Target) - aside
		}
		at = min(max(at, bad.at+1), good.at-1)
		gain, divided, err := s.ask(ctx, sign*at)
		switch {
		case err != nil:
			return err
		case divided && s.reached(gain):
			good = side{at, gain}
		default:
			bad = side{at, gain}
		}
	}
	if s.out.Found && good.at >= max(s.out.By, -s.out.By) {
		return nil
	}
	s.out.Found, s.out.Exact, s.out.By = true, good.at-bad.at == 1, sign*good.at
	s.out.To, s.out.Gain, s.out.Amount = s.out.at(s.out.By), good.gain, s.now+good.gain
	return nil
}

// between returns where a straight line from bad to good reaches the target, rounded up.
func between(bad, good side, target quantity.Amount) quantity.Amount {
	rise := over(exact.Int(int64(good.at-bad.at)), int64(good.gain-bad.gain)) // They differ: one reaches the target.
	step := rise.Mul(exact.Int(int64(target - bad.gain)))
	return bad.at - quantity.Amount(step.Neg().Floor().Int64()) // At most good.at: the target lies between the gains.
}

// SmallestAll looks for each number that the party declared and that the charter depends on.
func (e *Engine) SmallestAll(ctx context.Context, a Answer, id party.ID, target quantity.Amount) ([]Smallest, error) {
	out := []Smallest{}
	for _, name := range slices.Concat(a.inputs(id), SupplyNames(a.Inputs)) {
		if !a.depends(name) {
			continue
		}
		s, err := e.Smallest(ctx, a, id, name, target)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}
