package sortition

import (
	"context"
	"fmt"
	"math"
	"math/big"

	"comity/allocator/solve"
	"comity/governor/jury"
)

// missing is the distance from the target, summed over the groups, that counts as none:
// ten times the solver's tolerance on a panel of a hundred.
const missing = 1e-7

// mixture writes expected numbers as a lottery by column generation (Flanigan et al.
// 2021, supplementary section 8): a programme mixes known panels so that the sum of
// absolute distances to the target is least, and its prices ask for panels that bring it
// nearer. It serves where peeling finds no panel any more.
//
// If no panel brings it nearer, then the prices separate the target from all panels.
type mixture struct {
	deck   *deck
	target []float64
	master Session
}

// mixed is where a mixture ends.
type mixed struct {
	panels  [][]int64
	weights []float64
	error   float64   // The distance that is left.
	apart   []float64 // If above missing: weights of groups under which the target exceeds all panels.
}

func mix(ctx context.Context, d *deck, target []float64) (mixed, error) {
	if err := d.some(ctx); err != nil {
		return mixed{}, err
	}
	lp := solve.LP{Start: []int32{0}}
	for _, sign := range []float64{1, -1} {
		for g := range target {
			lp.Cost, lp.Lower, lp.Upper = append(lp.Cost, -1), append(lp.Lower, 0), append(lp.Upper, float64(d.space.sizes[g]))
			lp.Index, lp.Value = append(lp.Index, int32(g)), append(lp.Value, sign)
			lp.Start = append(lp.Start, int32(len(lp.Index))) //nolint:gosec // The same.
		}
	}
	lp.RowLower = append(append([]float64{}, target...), 1)
	lp.RowUpper = lp.RowLower
	d.columns(&lp, 0)
	m := &mixture{deck: d, target: target}
	var err error
	if m.master, err = d.open(ctx, lp); err != nil {
		return mixed{}, err
	}
	defer m.master.Close(ctx) //nolint:errcheck // Its memory is gone either way.
	return m.run(ctx)
}

func (m *mixture) run(ctx context.Context) (mixed, error) {
	groups, asks := len(m.target), m.deck.asks
	for {
		before := m.master.Effort()
		found, err := m.master.Run(ctx)
		m.deck.spent += (m.master.Effort() - before) / masterShare
		if err != nil {
			return mixed{}, err
		}
		if found.Status != solve.Optimal {
			return mixed{}, fmt.Errorf("%w: no mixture of panels", solve.ErrSolver)
		}
		out := mixed{panels: m.deck.panels, weights: found.Primal[2*groups:]}
		for _, v := range found.Primal[:2*groups] {
			out.error += math.Abs(v)
		}
		if out.error <= missing || m.deck.asks-asks >= mixAsks {
			return out, nil
		}
		worth := make([]float64, groups)
		for g := range worth {
			worth[g] = -found.Dual[g]
		}
		from := len(m.deck.panels)
		added, apart, err := m.deck.better(ctx, worth, found.Dual[groups]+missing/10, mixBudget)
		if err != nil {
			return mixed{}, err
		}
		if apart {
			out.apart = worth
		}
		if added == 0 {
			return out, nil
		}
		lp := solve.LP{}
		m.deck.columns(&lp, from)
		if err := m.master.AddColumns(ctx, lp); err != nil {
			return mixed{}, err
		}
	}
}

// proofShare is how many steps of the proof of a rule take as long as one of the simplex
// method.
const proofShare = 1_000

// cut makes a rule of weights that separate a target from all panels; nil if rounding
// the weights loses the separation, or if the rule cannot be proved.
func cut(ctx context.Context, d *deck, target, apart []float64) (*jury.Cut, error) {
	greatest := 0.0
	for _, w := range apart {
		greatest = max(greatest, math.Abs(w))
	}
	whole, _ := wholes(apart, greatest)
	largest := int64(0)
	for _, w := range whole {
		largest = max(largest, w, -w)
	}
	if largest > jury.MaxWeight {
		for g, w := range apart {
			whole[g] = int64(math.Round(w / greatest * jury.MaxWeight))
		}
	}
	f, err := d.find(ctx)
	if err != nil {
		return nil, err
	}
	panel, err := f.best(ctx, floats(whole), d.space.whole())
	if err != nil || panel == nil {
		return nil, err
	}
	c := &jury.Cut{}
	excess := 0.0
	for g, w := range whole {
		if w != 0 {
			c.Weights = append(c.Weights, jury.Price{At: g, Value: w})
		}
		c.Bound += w * panel[g]
		excess += float64(w) * target[g]
	}
	if excess <= float64(c.Bound)+missing {
		return nil, nil
	}
	if err := d.space.guide(ctx, d.open, c, whole); err != nil {
		return nil, err
	}
	steps, err := d.space.form.ProveCut(*c)
	d.spent += int64(steps) / proofShare
	if err != nil {
		return nil, nil //nolint:nilerr // No rule that can be proved is no failure either: the gap says so.
	}
	return c, nil
}

// guide adds the prices under which a rule is proved with few steps: those of its
// relaxation.
func (s *space) guide(ctx context.Context, open Engine, c *jury.Cut, worth []int64) error {
	plain := newSpace(s.form) // The proof may not rest on other cuts.
	lp := plain.programme(false)
	lp.Cost = floats(worth)
	session, err := open(ctx, lp)
	if err != nil {
		return err
	}
	defer session.Close(ctx) //nolint:errcheck // Its memory is gone either way.
	found, err := session.Run(ctx)
	if err != nil {
		return err
	}
	c.Scale = 1 << 12 // Prices of cuts are small ratios; rounding costs steps, not truth.
	for r, y := range found.Dual {
		if v := int64(math.Round(y * float64(c.Scale))); v != 0 {
			c.Prices = append(c.Prices, jury.Price{At: r, Value: v})
		}
	}
	return nil
}

// shares returns the lottery of a mixture in exact numbers: simple ratios if they meet
// the target exactly, else multiples of 2^-50.
func (m mixed) shares(target []*big.Rat) []share {
	if exact := m.simple(); exact != nil && meets(exact, target) {
		return exact
	}
	const scale = 1 << 50
	var out []share
	left, most := int64(scale), 0
	for k, w := range m.weights {
		if n := int64(math.Round(w * scale)); n > 0 {
			out = append(out, share{m.panels[k], big.NewRat(n, scale)})
			left -= n
			if out[most].weight.Cmp(out[len(out)-1].weight) < 0 {
				most = len(out) - 1
			}
		}
	}
	out[most].weight.Add(out[most].weight, big.NewRat(left, scale))
	return out
}

// simple returns the lottery in ratios of small numbers, nil if they do not add up to 1.
func (m mixed) simple() (out []share) {
	sum := new(big.Rat)
	for k, w := range m.weights {
		if w <= missing {
			continue
		}
		num, den, ok := simplest(w)
		if !ok {
			return nil
		}
		weight := big.NewRat(num, den)
		out = append(out, share{m.panels[k], weight})
		sum.Add(sum, weight)
	}
	if sum.Cmp(big.NewRat(1, 1)) != 0 {
		return nil
	}
	return out
}

// meets tells whether shares add up to the target exactly.
func meets(shares []share, target []*big.Rat) bool {
	for g, want := range target {
		got := new(big.Rat)
		for _, sh := range shares {
			if sh.counts[g] != 0 {
				got.Add(got, new(big.Rat).Mul(sh.weight, new(big.Rat).SetInt64(sh.counts[g])))
			}
		}
		if got.Cmp(want) != 0 {
			return false
		}
	}
	return true
}
