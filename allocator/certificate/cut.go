package certificate

import (
	"fmt"
	"math/big"
	"slices"

	"comity"
	"comity/canon"
)

const (
	// cutBits is the binary fraction of a cut's coefficients.
	cutBits = 60
	// cutRoom is how many bits of the largest party's size are left in a cut's price.
	cutRoom = 8
	// maxCuts bounds the cuts of one proof: each is as long as there are parties.
	maxCuts = 10_000
	// RankBits is the binary fraction of the numbers in a gini cut.
	RankBits = 30
)

// cutRows turns cuts into rows, and refuses what its limit does not imply. With uₚ what a
// party is served, n parties and S the sum of all u:
//
//	gini  Σ vₚ·uₚ <= bound·n·S        of v, the k largest sum up to k·(n-k) at most
//	jain  Σ vₚ·uₚ <= |v|/√(bound·n)·S  any v
//
// The index is Σ (2i-n-1)·uᵢ with u ascending. With v ascending too, no order gives a
// larger Σ v·u; and it is no more than the index, because u is a sum of steps up, 0 or
// more each, at which the k largest take part, for some k, and k·(n-k) is the sum of the k
// largest of 2i-n-1. Numbers of v are times 2^RankBits. The second holds because
// Σ v·u <= |v|·|u| (Cauchy and Schwarz) and the limit says |u| <= S/√(bound·n).
// Coefficients of units are rounded down, which weakens the cut, because units are never
// negative.
func cutRows(p comity.Problem, party []int, cuts []comity.Cut) ([]row, error) {
	if len(cuts) > maxCuts {
		return nil, fmt.Errorf("%w: %d cuts, at most %d", ErrShape, len(cuts), maxCuts)
	}
	rows := make([]row, len(cuts))
	for i, cut := range cuts {
		if cut.Limit < 0 || cut.Limit >= len(p.Limits) || len(cut.Vector) != len(p.Needs) {
			return nil, fmt.Errorf("%w: cut %d of limit %d of %d with %d numbers for %d parties", ErrShape, i+1, cut.Limit, len(p.Limits), len(cut.Vector), len(p.Needs))
		}
		limit := p.Limits[cut.Limit]
		share := limit.Bound.Mul(whole(big.NewInt(int64(len(p.Needs))))).Big() // gini: bound·n
		if limit.Kind == LimitGini {
			if k, ok := belowRanks(cut.Vector); !ok {
				return nil, fmt.Errorf("%w: in cut %d the %d largest numbers sum up to more than %d·2^%d", ErrShape, i+1, k, k*(len(p.Needs)-k), RankBits)
			}
			share.Mul(share, big.NewRat(1<<RankBits, 1))
		} else {
			share = norm(cut.Vector, share)
		}
		coeffs := make([]*big.Int, len(p.Needs))
		one := cutScale(limit, cut.Vector)
		for k, v := range cut.Vector {
			x := new(big.Rat).Sub(big.NewRat(int64(v), 1), share)
			x.Mul(x, new(big.Rat).Quo(one, big.NewRat(int64(limit.Per[k]), 1)))
			coeffs[k] = new(big.Int).Div(x.Num(), x.Denom()) // Euclidean: down, the denominator is positive.
		}
		rows[i] = row{name: "cut of " + limit.ID, upper: new(big.Int), cut: true}
		for j, k := range party {
			if k >= 0 {
				rows[i].columns = append(rows[i].columns, j)
				rows[i].coeffs = append(rows[i].coeffs, *coeffs[k])
			}
		}
	}
	return rows, nil
}

// cutScale is what a cut is multiplied by, besides 2^cutBits: so much that the price of
// one is a number of about the size of a row's, whatever the sizes of parties and the
// numbers of the vector.
func cutScale(l comity.Limit, vector []canon.Int) *big.Rat {
	per, most := big.NewInt(0), big.NewInt(1)
	t := new(big.Int)
	for k, v := range vector {
		if t.SetInt64(int64(l.Per[k])).Cmp(per) > 0 {
			per.Set(t)
		}
		if t.SetInt64(int64(v)).CmpAbs(most) > 0 {
			most.Abs(t)
		}
	}
	one := new(big.Int).Lsh(big.NewInt(1), cutBits+uint(max(0, per.BitLen()-cutRoom)))
	return new(big.Rat).SetFrac(one, most)
}

// belowRanks tells whether, for each k, the k largest numbers sum up to at most k·(n-k),
// times 2^RankBits, or for which k they do not.
func belowRanks(v []canon.Int) (k int, ok bool) {
	sorted, total, t := slices.Clone(v), new(big.Int), new(big.Int)
	slices.Sort(sorted)
	for k = 1; k <= len(sorted); k++ {
		total.Add(total, t.SetInt64(int64(sorted[len(sorted)-k])))
		if total.Cmp(product(t, int64(k)*int64(len(v)-k), 1<<RankBits)) > 0 {
			return k, false
		}
	}
	return 0, true
}

// norm returns |v|/√share, rounded up to cutBits.
func norm(v []canon.Int, share *big.Rat) *big.Rat {
	square, t := new(big.Int), new(big.Int)
	for _, x := range v {
		square.Add(square, product(t, int64(x), int64(x)))
	}
	// ⌈√(square·4^bits·den/num)⌉ / 2^bits.
	square.Lsh(square, 2*cutBits)
	square.Mul(square, share.Denom())
	quotient, rest := new(big.Int).QuoRem(square, share.Num(), t)
	if rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	root := new(big.Int).Sqrt(quotient)
	if new(big.Int).Mul(root, root).Cmp(quotient) < 0 {
		root.Add(root, big.NewInt(1))
	}
	return new(big.Rat).SetFrac(root, new(big.Int).Lsh(big.NewInt(1), cutBits))
}

// CutRow returns a cut as a solver needs it: by need, the coefficient of one unit, times
// 2^60; the sum is at most 0. A price is that of the coefficients without 2^60.
func CutRow(p comity.Problem, cut comity.Cut) ([]*big.Int, error) {
	identity := make([]int, len(p.Needs))
	for k := range identity {
		identity[k] = k
	}
	rows, err := cutRows(p, identity, []comity.Cut{cut})
	if err != nil {
		return nil, err
	}
	coeffs := make([]*big.Int, len(p.Needs))
	for k := range coeffs {
		coeffs[k] = &rows[0].coeffs[k]
	}
	return coeffs, nil
}
