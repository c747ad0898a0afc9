package jury

import (
	"fmt"
	"math/big"
	"slices"

	"comity/chance"
	"comity/exact"
)

// MaxPanels bounds a lottery: 2,000 people need at most some 2,000 panels.
const MaxPanels = 1_000_000

// maxUnit bounds the common denominator of a lottery in bits. Two thousand people with
// sixty levels of chances need about 1,000.
const maxUnit = 1 << 16

// Panel is one panel of a lottery.
type Panel struct {
	Members []int     // People, ascending.
	Weight  exact.Rat // Its chance to be drawn, above 0.
}

// Lottery lists every panel that may be drawn. The weights add up to 1.
type Lottery []Panel

// Chances returns every person's chance to be drawn, after checking every panel against
// the quotas and the weights against 1.
func (p Pool) Chances(l Lottery) ([]exact.Rat, error) {
	if len(l) > MaxPanels {
		return nil, fmt.Errorf("%w: %d panels, at most %d are checked", ErrCertificate, len(l), MaxPanels)
	}
	unit := big.NewInt(1) // All weights are whole multiples of 1/unit.
	for k, panel := range l {
		if panel.Weight.Sign() <= 0 {
			return nil, fmt.Errorf("%w: panel %d has weight %s", ErrCertificate, k, panel.Weight)
		}
		if err := p.CheckPanel(panel.Members); err != nil {
			return nil, fmt.Errorf("%w: panel %d: %w", ErrCertificate, k, err)
		}
		den := panel.Weight.Big().Denom()
		if shared := new(big.Int).GCD(nil, nil, unit, den); shared.Cmp(den) != 0 {
			unit.Mul(unit, new(big.Int).Quo(den, shared))
		}
		if unit.BitLen() > maxUnit {
			return nil, fmt.Errorf("%w: the weights have no common denominator below 2^%d", ErrCertificate, maxUnit)
		}
	}
	total, sums := new(big.Int), make([]big.Int, len(p.People))
	for _, panel := range l {
		w := panel.Weight.Big()
		n := new(big.Int).Mul(w.Num(), new(big.Int).Quo(unit, w.Denom()))
		total.Add(total, n)
		for _, i := range panel.Members {
			sums[i].Add(&sums[i], n)
		}
	}
	if total.Cmp(unit) != 0 {
		return nil, fmt.Errorf("%w: the weights of %d panels add up to %s, want 1", ErrCertificate, len(l), new(big.Rat).SetFrac(total, unit))
	}
	chances := make([]exact.Rat, len(p.People))
	for i := range sums {
		chances[i] = exact.FromBig(new(big.Rat).SetFrac(&sums[i], unit))
	}
	return chances, nil
}

// drawLabel separates this draw from other uses of a seed.
const drawLabel = "jury-draw"

// Draw picks one panel by a public seed: with u = 256 bits of the stream of
// Derive(seed, "jury-draw") read as a fraction below 1, the first panel at which the sum
// of the weights so far exceeds u. The seed must be fixed after the lottery, by an event
// that nobody controls. The lottery is not empty and its weights add up to 1.
func (l Lottery) Draw(seed chance.Seed) int {
	stream := chance.NewStream(chance.Derive(seed, drawLabel))
	const words, bits = 4, 32 // Eight pieces of 32 bits, as exact.Ratio takes int64.
	var u exact.Rat
	scale := exact.Int(1)
	piece, _ := exact.Ratio(1, 1<<bits) // Not a division by 0.
	for range words {
		x := stream.Uint64()
		for _, part := range []uint64{x >> bits, x & (1<<bits - 1)} {
			scale = scale.Mul(piece)
			u = u.Add(scale.Mul(exact.Int(int64(part)))) //nolint:gosec // Below 2^32.
		}
	}
	var sum exact.Rat
	at := slices.IndexFunc(l, func(p Panel) bool {
		sum = sum.Add(p.Weight)
		return sum.Cmp(u) > 0
	})
	if at < 0 {
		panic("jury: draw from a lottery whose weights do not add up to 1")
	}
	return at
}
