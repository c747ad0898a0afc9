package bargain

import (
	"fmt"
	"math/big"
	"math/bits"

	"comity/exact"
)

// MaxVoters bounds the parties of a voting table: all of their coalitions are looked at,
// and lists of minimal ones stay readable by programs.
const MaxVoters = 16

// Table is who wins a vote: at least a share of the parties who hold at least a share of
// the weight.
type Table struct {
	Weights []exact.Rat // By party, at least 0, not all 0; who has 0 still counts as a party.
	Parties exact.Rat   // Share of the parties, 0 to 1.
	Weight  exact.Rat   // Share of the weight, 0 to 1.
}

// Power is what a voting table means in truth.
type Power struct {
	Winning  [][]int // Minimal winning coalitions, by size, then by places.
	Blocking [][]int // Minimal coalitions without which nobody wins.
	// Banzhaf is by party its share of all swings: pairs of a winning coalition and a
	// member without which it loses. Source: Banzhaf, Rutgers Law Review 19 (1965).
	Banzhaf []exact.Rat
	// Vetoes lists who blocks alone, Dictator who decides alone or -1.
	Vetoes   []int
	Dictator int
}

// Power works out the table. It fails with ErrInput if shares or weights are out of range
// or nobody can win or a coalition of nobody does, and with ErrTooLarge beyond MaxVoters.
func (t Table) Power() (Power, error) {
	n := len(t.Weights)
	if n > MaxVoters {
		return Power{}, fmt.Errorf("%w: a table of %d parties, at most %d", ErrTooLarge, n, MaxVoters)
	}
	if err := t.check(); err != nil {
		return Power{}, err
	}
	wins := t.winning()
	all := len(wins) - 1
	p := Power{Dictator: -1}
	swings, sum := make([]int64, n), int64(0)
	for size := 1; size <= n; size++ {
		for s := 1; s <= all; s++ {
			if bits.OnesCount(uint(s)) != size {
				continue
			}
			critical := t.critical(wins, s)
			for _, i := range critical {
				swings[i]++
				sum++
			}
			if wins[s] && len(critical) == size {
				p.Winning = append(p.Winning, members(s))
			}
			if minimalBlock(wins, s) {
				p.Blocking = append(p.Blocking, members(s))
			}
		}
	}
	for i := range n {
		share, _ := exact.Ratio(swings[i], sum) // A minimal winning coalition has a swing.
		p.Banzhaf = append(p.Banzhaf, share)
		if !wins[all&^(1<<i)] {
			p.Vetoes = append(p.Vetoes, i)
			if wins[1<<i] {
				p.Dictator = i
			}
		}
	}
	return p, nil
}

func (t Table) check() error {
	one := exact.Int(1)
	for _, share := range []exact.Rat{t.Parties, t.Weight} {
		if share.Sign() < 0 || share.Cmp(one) > 0 {
			return fmt.Errorf("%w: a majority of %s, want 0 to 1", ErrInput, share)
		}
	}
	if t.Parties.Sign() == 0 && t.Weight.Sign() == 0 {
		return fmt.Errorf("%w: a table that is won by nobody's vote", ErrInput)
	}
	for i, w := range t.Weights {
		if w.Sign() < 0 {
			return fmt.Errorf("%w: party %d has weight %s, want at least 0", ErrInput, i, w)
		}
	}
	if total(t.Weights).Sign() == 0 {
		return fmt.Errorf("%w: all weights of the table are 0", ErrInput)
	}
	return nil
}

// winning tells for each set of parties, as bits, whether it wins.
func (t Table) winning() []bool {
	n := len(t.Weights)
	den := big.NewInt(1)
	for _, w := range t.Weights {
		den.Mul(den, w.Big().Denom())
	}
	scale := exact.FromBig(new(big.Rat).SetInt(den))
	whole := make([]*big.Int, n)
	for i, w := range t.Weights {
		whole[i] = w.Mul(scale).Floor() // It is whole.
	}
	quota := total(t.Weights).Mul(scale).Mul(t.Weight).Neg().Floor()
	quota.Neg(quota) // Rounded up.
	heads := t.Parties.Mul(exact.Int(int64(n))).Neg().Floor()
	heads.Neg(heads)
	weight := make([]*big.Int, 1<<n)
	weight[0] = new(big.Int)
	out := make([]bool, 1<<n)
	for s := 1; s < len(out); s++ {
		last := bits.TrailingZeros(uint(s))
		weight[s] = new(big.Int).Add(weight[s&(s-1)], whole[last])
		out[s] = weight[s].Cmp(quota) >= 0 && big.NewInt(int64(bits.OnesCount(uint(s)))).Cmp(heads) >= 0
	}
	return out
}

// critical returns the members without which a winning coalition loses.
func (t Table) critical(wins []bool, s int) (out []int) {
	if !wins[s] {
		return nil
	}
	for _, i := range members(s) {
		if !wins[s&^(1<<i)] {
			out = append(out, i)
		}
	}
	return out
}

// minimalBlock tells whether all others cannot win without s, but could with any member.
func minimalBlock(wins []bool, s int) bool {
	others := (len(wins) - 1) &^ s
	if wins[others] {
		return false
	}
	for _, i := range members(s) {
		if !wins[others|1<<i] {
			return false
		}
	}
	return true
}

// members returns the places of the bits of s, ascending.
func members(s int) (out []int) {
	for ; s > 0; s &= s - 1 {
		out = append(out, bits.TrailingZeros(uint(s)))
	}
	return out
}
