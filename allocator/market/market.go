// Package market clears an auction at one price for each zone: who bids and offers in
// whole units at stated prices is executed so that the trade is worth the most, and the
// result carries a proof of that.
//
// The rules, in this order:
//
//  1. The greatest welfare: what executed bids would have paid less what executed offers
//     would have taken.
//  2. Of these, the greatest volume: a bid and an offer at the same price trade.
//  3. Of these, the least transfer between zones.
//  4. Orders of one zone, side and price share what their step gets in proportion to
//     their units, by Webster's rounding (quantity.Apportion). Where its quotients tie,
//     the larger order goes first; between orders that no number tells apart, the lot.
//  5. If steps of different zones have the same price, that of both zones, rules 1 to 3
//     can leave open which of them gives way. The lot decides that, too.
//
// A zone's price is the midpoint of its clearing prices: of all prices at which no order
// in the money is left out, none out of the money is executed, and no transfer runs
// towards a lower price or, with room left, does not equalise prices. In one zone a buyer
// and a seller who would trade at any price between theirs thus share the gain.
package market

import (
	"errors"
	"fmt"

	"comity/allocator/linear"
	"comity/exact"
	"comity/quantity"
)

var (
	// ErrOrder says that an order is malformed.
	ErrOrder = errors.New("order not valid")
	// ErrLine says that a line between zones is malformed.
	ErrLine = errors.New("line between zones not valid")
	// ErrTooLarge says that an auction exceeds the sizes that are computed with.
	ErrTooLarge = errors.New("auction too large")
	// ErrZones says that orders of one zone only can be cleared without lines.
	ErrZones = errors.New("orders of several zones")
	// ErrProof says that the result could not be proved; it is a bug or a solver's fault.
	ErrProof = errors.New("clearing not proved")
)

// Limits of one auction.
const (
	maxOrders = 1 << 17
	maxLines  = 1 << 12
	// maxUnits and maxPrice keep every sum of units times prices exact in the solver's
	// 53 bits for all that is likely; beyond, the proof is still exact.
	maxUnits = 1 << 40
	maxPrice = 1 << 40
)

// Side says who gives money.
type Side string

// The sides.
const (
	Buy  Side = "buy"
	Sell Side = "sell"
)

// Order is a step of a bid or offer. It can be executed in part.
type Order struct {
	ID    string
	Zone  string
	Side  Side
	Units quantity.Amount // 1 to 2^40.
	Price quantity.Amount // Minor units of the currency for each unit, -2^40 to 2^40.
}

// Line lets units pass from one zone to another. A line both ways is two.
type Line struct {
	ID       string
	From, To string
	Capacity quantity.Amount // 0 to 2^40.
}

// Fill is what is executed of one order.
type Fill struct {
	Order string
	Units quantity.Amount
}

// Transfer is what passes one line.
type Transfer struct {
	Line  string
	Units quantity.Amount
}

// Price is that of one zone, the midpoint of Low and High. All three are absent where
// nothing limits the price on one side: then nothing is traded there.
type Price struct {
	Zone             string
	Low, High, Price *exact.Rat
}

// Clearing is the result, by ascending ids. linear.Check accepts the certificate for the
// programme, whose columns are executed steps and transfers and whose rows are zones.
type Clearing struct {
	Fills       []Fill
	Transfers   []Transfer
	Prices      []Price
	Welfare     exact.Rat // Minor units of the currency.
	Programme   linear.Programme
	Certificate linear.Certificate
}

func (o Order) check() error {
	switch {
	case o.ID == "" || o.Zone == "":
		return fmt.Errorf("%w: %.40q of zone %.40q; give it both names", ErrOrder, o.ID, o.Zone)
	case o.Side != Buy && o.Side != Sell:
		return fmt.Errorf("%w: %.40q has side %.20q; write %s or %s", ErrOrder, o.ID, o.Side, Buy, Sell)
	case o.Units < 1 || o.Units > maxUnits:
		return fmt.Errorf("%w: %.40q is for %s units; 1 to %d are allowed", ErrOrder, o.ID, o.Units, int64(maxUnits))
	case o.Price < -maxPrice || o.Price > maxPrice:
		return fmt.Errorf("%w: %.40q is at price %s; -%d to %d is allowed", ErrOrder, o.ID, o.Price, int64(maxPrice), int64(maxPrice))
	}
	return nil
}
