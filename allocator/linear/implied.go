package linear

import "math/big"

const (
	// impliedRounds bounds how often the rows are gone through. Bounds that imply each
	// other can creep towards a limit without end.
	impliedRounds = 8
	// impliedBits is the grid that implied bounds are rounded outwards to, so that their
	// numbers stay short.
	impliedBits = 20
	// impliedShare is the part of the distance between its bounds by which a column that
	// need not be whole must be narrowed, or its bound stays: 1/impliedShare.
	impliedShare = 16
)

// imply narrows the columns by what the rows leave them: from lower <= Σ aⱼxⱼ <= upper
// and the bounds of all other columns follow bounds of each. Rows are gone through in
// order, and every bound counts at once.
//
// Source: Savelsbergh, "Preprocessing and probing techniques for mixed integer
// programming problems" (1994), section 1.2.
func (s *System) imply(rows []integerRow) {
	for range impliedRounds {
		changed := false
		for _, r := range rows {
			changed = s.implyRow(r, 1) || changed
			changed = s.implyRow(r, -1) || changed
			if s.empty {
				return
			}
		}
		if !changed {
			return
		}
	}
}

// implyRow uses one side of a row, as sign·Σ aⱼxⱼ <= end.
func (s *System) implyRow(r integerRow, sign int) (changed bool) {
	end := r.upper
	if sign < 0 && r.lower != nil {
		end = new(big.Rat).Neg(r.lower)
	} else if sign < 0 {
		end = nil
	}
	if end == nil {
		return false
	}
	least, open, openAt := s.least(r, sign)
	if open > 1 {
		return false
	}
	left := least.Sub(end, least)
	if open == 0 && left.Sign() < 0 {
		s.empty = true
		return true
	}
	for _, t := range r.terms {
		if open == 1 && t.column != openAt {
			continue
		}
		c := s.columns[t.column]
		up := t.coeff.Sign() == sign
		share := new(big.Rat).SetInt(t.coeff)
		limit := new(big.Rat).Quo(left, share)
		if sign < 0 {
			limit.Neg(limit)
		}
		if open == 0 && up {
			limit.Add(limit, c.lower)
		} else if open == 0 {
			limit.Add(limit, c.upper)
		}
		changed = s.narrow(t.column, limit, up) || changed
	}
	return changed
}

// least returns the least of sign·Σ aⱼxⱼ over the columns that have the bound it needs,
// how many have not, and the last of these.
func (s *System) least(r integerRow, sign int) (total *big.Rat, open, openAt int) {
	total = new(big.Rat)
	for _, t := range r.terms {
		c := s.columns[t.column]
		end := c.upper
		if t.coeff.Sign() == sign {
			end = c.lower
		}
		if end == nil {
			open, openAt = open+1, t.column
			continue
		}
		part := new(big.Rat).SetInt(t.coeff)
		part.Mul(part, end)
		if sign < 0 {
			part.Neg(part)
		}
		total.Add(total, part)
	}
	return total, open, openAt
}

// narrow takes a bound over if it is worth it.
func (s *System) narrow(j int, limit *big.Rat, up bool) bool {
	c := &s.columns[j]
	limit = outwards(limit, up, c.whole)
	have, other := c.lower, c.upper
	if up {
		have, other = c.upper, c.lower
	}
	if have != nil {
		gain := new(big.Rat).Sub(limit, have)
		if up {
			gain.Neg(gain)
		}
		if gain.Sign() <= 0 {
			return false
		}
		if !c.whole && other != nil {
			width := new(big.Rat).Sub(have, other)
			if gain.Mul(gain, big.NewRat(impliedShare, 1)).Cmp(width.Abs(width)) < 0 {
				return false
			}
		}
	}
	if up {
		c.upper = limit
	} else {
		c.lower = limit
	}
	s.empty = s.empty || c.lower != nil && c.upper != nil && c.lower.Cmp(c.upper) > 0
	return true
}

// outwards rounds a bound to the grid, or to the whole numbers that it leaves.
func outwards(limit *big.Rat, up, whole bool) *big.Rat {
	if whole {
		n := ceil(limit)
		if up {
			n = floor(limit)
		}
		return new(big.Rat).SetInt(n)
	}
	grid := new(big.Int).Lsh(big.NewInt(1), impliedBits)
	scaled := new(big.Rat).Mul(limit, new(big.Rat).SetInt(grid))
	n := floor(scaled)
	if up {
		n = ceil(scaled)
	}
	return new(big.Rat).SetFrac(n, grid)
}
