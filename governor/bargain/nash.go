package bargain

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"comity/exact"
)

// noLottery says in words of bargaining that no chances obey all rows.
func noLottery(err error) error {
	if errors.Is(err, errInfeasible) {
		return fmt.Errorf("%w: no lottery gives every party at least its outside option", ErrNoAgreement)
	}
	return err
}

// mixNash maximises sum w_i ln(u_i - d_i) over lotteries. A barrier method in fixed point
// finds good chances; what is claimed about them follows from these alone, in rationals.
//
// With weights that add up to 1, gains g_i of the chances found and G_ik of draft k, let
//
//	gap = max over k of sum_i w_i G_ik / g_i  -  1
//
// The logarithm is concave, so no lottery's objective is larger by more than gap. With r_i
// the best gain over g_i, that says sum w_i r_i <= 1 + gap, and the same inequality at the
// best lottery says sum w_i / r_i <= 1. As r + 1/r - 2 is never negative,
//
//	r_i + 1/r_i - 2 <= e = gap/w_i,  so  |r_i - 1 - e/2| <= sqrt(e + e^2/4)
//
// which encloses every party's gain. The gains of the best lottery are unique.
func (g Game) mixNash() (Lottery, error) {
	gains := g.gains()
	weights := make([]exact.Rat, len(g.Parties))
	for i, p := range g.Parties {
		weights[i] = p.Weight
	}
	all := total(weights)
	for i := range weights {
		weights[i], _ = weights[i].Quo(all) // Above 0.
	}
	start, err := inside(gains)
	if err != nil {
		return Lottery{}, err
	}
	chances := climb(gains, weights, start)
	l := g.lottery(Nash, chances, Enclosure{})
	gain := make([]exact.Rat, len(weights))
	for k, chance := range chances {
		for i := range gain {
			gain[i] = gain[i].Add(gains[k][i].Mul(chance))
		}
	}
	if least(gain[0], gain...).Sign() <= 0 {
		return Lottery{}, fmt.Errorf("%s: %w: gains too small to be told from 0 with %d decimals of the chances", Nash, ErrTooLarge, chanceDecimals)
	}
	return l, g.certify(&l, gains, gain, weights)
}

// certify fills in what the gains of the chances prove.
func (g Game) certify(l *Lottery, gains [][]exact.Rat, gain, weights []exact.Rat) error {
	one := exact.Int(1)
	top := exact.Int(0)
	for k := range gains {
		var slope exact.Rat
		for i := range gain {
			part, _ := gains[k][i].Mul(weights[i]).Quo(gain[i]) // Above 0.
			slope = slope.Add(part)
		}
		top = largest(top, slope)
	}
	l.Gap = Enclosure{exact.Rat{}, top.Sub(one)}.shorten(gapPlaces).High // The mean of the slopes is 1.
	exponents, err := g.exponents()
	if err != nil {
		return err
	}
	product, err := powers(gain, exponents)
	if err != nil {
		return fmt.Errorf("%s: %w", Nash, err)
	}
	mean := root(product, sum(exponents))
	ceiling, err := mean.High.Quo(one.Sub(l.Gap)) // e^gap <= 1/(1-gap).
	if err != nil || l.Gap.Cmp(one) >= 0 {
		return fmt.Errorf("%s: %w: the search for chances ended with a gap of %s", Nash, ErrTooLarge, l.Gap)
	}
	l.Value = Enclosure{mean.Low, ceiling}.outward()
	outside, half, quarter := g.outside(), exact.FromBig(big.NewRat(1, 2)), exact.FromBig(big.NewRat(1, 4))
	for i := range gain {
		e, _ := l.Gap.Quo(weights[i]) // Above 0.
		width := root(e.Add(e.Mul(e).Mul(quarter)), 2).High
		middle := one.Add(e.Mul(half))
		low := largest(exact.Rat{}, middle.Sub(width))
		l.Utilities[i] = Enclosure{outside[i].Add(gain[i].Mul(low)), outside[i].Add(gain[i].Mul(middle.Add(width)))}.outward()
	}
	l.Why = "the weighted geometric mean of the expected gains is largest"
	return nil
}

// inside returns chances, none of them 0, under which every party gains.
func inside(gains [][]exact.Rat) ([]exact.Rat, error) {
	n := len(gains)
	p := simplexOf(n, 1)
	for i := range gains[0] {
		row := column(gains, i, 1)
		row[n] = exact.Int(1)
		p.add(row, exact.Rat{})
	}
	p.c[n] = exact.Int(1)
	o, err := p.bounded()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Nash, noLottery(err))
	}
	if o.value.Sign() == 0 {
		return nil, fmt.Errorf("%s: %w: no lottery gives every party more than its outside option", Nash, ErrNoAgreement)
	}
	even, _ := exact.Ratio(1, int64(n))
	share := exact.FromBig(big.NewRat(1, 2))
	for {
		chances := make([]exact.Rat, n)
		for k := range chances {
			chances[k] = o.x[k].Mul(exact.Int(1).Sub(share)).Add(even.Mul(share))
		}
		if !slices.ContainsFunc(expectations(gains, chances), func(v exact.Rat) bool { return v.Sign() <= 0 }) {
			return chances, nil
		}
		share = share.Mul(exact.FromBig(big.NewRat(1, 2))) // It ends: at 0 all gain.
	}
}

func expectations(gains [][]exact.Rat, chances []exact.Rat) []exact.Rat {
	out := make([]exact.Rat, len(gains[0]))
	for k, chance := range chances {
		for i, v := range gains[k] {
			out[i] = out[i].Add(v.Mul(chance))
		}
	}
	return out
}

// chanceDecimals is how many decimals the chances of Nash have: the enclosures of the
// utilities are then about half as many wide.
const chanceDecimals = 36

// decimal rounds chances down to decimals, and gives the largest what is left.
func decimal(chances []exact.Rat) []exact.Rat {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(chanceDecimals), nil)
	scale := exact.FromBig(new(big.Rat).SetInt(unit))
	out, left, most := make([]exact.Rat, len(chances)), exact.Int(1), 0
	for k, chance := range chances {
		out[k] = exact.FromBig(new(big.Rat).SetFrac(chance.Mul(scale).Floor(), unit))
		left = left.Sub(out[k])
		if out[k].Cmp(out[most]) > 0 {
			most = k
		}
	}
	out[most] = out[most].Add(left)
	return out
}
