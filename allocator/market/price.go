package market

import (
	"math/big"

	"comity/allocator/linear"
	"comity/exact"
	"comity/quantity"
)

// span is the interval of a zone's clearing prices. A side without end stands at endless,
// above all prices of orders.
type span struct{ low, high quantity.Amount }

const endless = maxPrice + 1

// ranges returns the clearing prices of every zone. An order executed in part fixes the
// price, one executed or left out whole bounds it, and a transfer lets the lower zone's
// bounds and the higher one's meet:
//
//	flow > 0: price_to >= price_from        flow < capacity: price_to <= price_from
//
// These are the conditions of complementary slackness; the lowest prices of all zones
// together satisfy them, so do the highest, and hence the midpoints.
func (b *book) ranges() []span {
	all := make([]span, len(b.zones))
	for z := range all {
		all[z] = span{-endless, endless}
	}
	for _, s := range b.steps {
		// A buy that is executed pays at most its price, one that is not full would
		// have paid no more than the zone's.
		executed, waiting := s.taken > 0, s.taken < s.units
		if s.side == Buy && executed || s.side == Sell && waiting {
			all[s.zone].atMost(s.price)
		}
		if s.side == Buy && waiting || s.side == Sell && executed {
			all[s.zone].atLeast(s.price)
		}
	}
	for changed := true; changed; { // At most one round for each zone.
		changed = false
		for _, l := range b.lines {
			if l.flow > 0 && below(&all[l.from], &all[l.to]) {
				changed = true
			}
			if l.flow < l.Capacity && below(&all[l.to], &all[l.from]) {
				changed = true
			}
		}
	}
	return all
}

// below lets the prices of one zone be no higher than those of another.
func below(lower, upper *span) (changed bool) {
	changed = upper.atLeast(lower.low)
	return lower.atMost(upper.high) || changed
}

func (r *span) atLeast(price quantity.Amount) (changed bool) {
	changed = price > r.low
	r.low = max(r.low, price)
	return changed
}

func (r *span) atMost(price quantity.Amount) (changed bool) {
	changed = price < r.high
	r.high = min(r.high, price)
	return changed
}

// twice returns twice the midpoint. It proves the result even where one side has no end,
// though it is no price then.
func (r *span) twice() *big.Int { return big.NewInt(int64(r.low + r.high)) }

// prices returns the midpoints by zone.
func (b *book) prices() linear.Vector {
	twice := make([]*big.Int, len(b.zones))
	for z, r := range b.ranges() {
		twice[z] = r.twice()
	}
	return linear.NewVector(twice, big.NewInt(2))
}

func (r *span) price(zone string) Price {
	p := Price{Zone: zone}
	if r.low == -endless || r.high == endless {
		return p
	}
	low, high := exact.Int(int64(r.low)), exact.Int(int64(r.high))
	middle := exact.FromBig(new(big.Rat).SetFrac(r.twice(), big.NewInt(2)))
	p.Low, p.High, p.Price = &low, &high, &middle
	return p
}
