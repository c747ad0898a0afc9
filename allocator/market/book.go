package market

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"

	"comity/allocator/linear"
	"comity/canon"
	"comity/exact"
	"comity/quantity"
)

// book is an auction in canonical order: by names and numbers, never by input order.
type book struct {
	zones []string
	steps []step
	lines []line
}

// step is all orders of one zone, side and price.
type step struct {
	zone   int
	side   Side
	price  quantity.Amount
	units  quantity.Amount
	orders []Order // Larger ones first, equal ones by lot.
	taken  quantity.Amount
}

type line struct {
	Line

	from, to int
	flow     quantity.Amount
}

// newBook checks and sorts. Errors: ErrOrder, ErrLine, ErrTooLarge.
func newBook(orders []Order, lines []Line, lot canon.Digest) (*book, error) {
	if len(orders) > maxOrders || len(lines) > maxLines {
		return nil, fmt.Errorf("%w: %d orders and %d lines; at most %d and %d", ErrTooLarge, len(orders), len(lines), maxOrders, maxLines)
	}
	b := &book{}
	ids := map[string]bool{}
	for _, o := range orders {
		if err := o.check(); err != nil {
			return nil, err
		}
		if ids[o.ID] {
			return nil, fmt.Errorf("%w: %.40q appears twice; name each order once", ErrOrder, o.ID)
		}
		ids[o.ID] = true
		b.zones = append(b.zones, o.Zone)
	}
	for _, l := range lines {
		if l.ID == "" || l.From == "" || l.To == "" || l.From == l.To || l.Capacity < 0 || l.Capacity > maxUnits {
			return nil, fmt.Errorf("%w: %.40q from %.40q to %.40q with capacity %s; name it and two zones, and give 0 to %d", ErrLine, l.ID, l.From, l.To, l.Capacity, int64(maxUnits))
		}
		b.zones = append(b.zones, l.From, l.To)
	}
	slices.Sort(b.zones)
	b.zones = slices.Compact(b.zones)
	b.addSteps(orders, lot)
	sorted := slices.SortedFunc(slices.Values(lines), func(x, y Line) int { return cmp.Compare(x.ID, y.ID) })
	for k, l := range sorted {
		if k > 0 && sorted[k-1].ID == l.ID {
			return nil, fmt.Errorf("%w: %.40q appears twice; name each line once", ErrLine, l.ID)
		}
		b.lines = append(b.lines, line{Line: l, from: b.zone(l.From), to: b.zone(l.To)})
	}
	return b, nil
}

func (b *book) zone(name string) int {
	k, _ := slices.BinarySearch(b.zones, name) // It is there.
	return k
}

// addSteps gathers orders into steps. Buys come first, the highest first; then sells,
// the lowest first.
func (b *book) addSteps(orders []Order, lot canon.Digest) {
	drawn := map[string][sha256.Size]byte{}
	for _, o := range orders {
		drawn[o.ID] = sha256.Sum256(append(lot[:], o.ID...))
	}
	sorted := slices.SortedFunc(slices.Values(orders), func(x, y Order) int {
		first, second := drawn[x.ID], drawn[y.ID]
		return cmp.Or(cmp.Compare(x.Zone, y.Zone), cmp.Compare(x.Side, y.Side), cmp.Compare(x.merit(), y.merit()),
			cmp.Compare(y.Units, x.Units), slices.Compare(first[:], second[:]))
	})
	for _, o := range sorted {
		n := len(b.steps)
		if n == 0 || b.steps[n-1].side != o.Side || b.steps[n-1].price != o.Price || b.zones[b.steps[n-1].zone] != o.Zone {
			b.steps = append(b.steps, step{zone: b.zone(o.Zone), side: o.Side, price: o.Price})
			n++
		}
		s := &b.steps[n-1]
		s.orders, s.units = append(s.orders, o), s.units+o.Units // At most 2^57.
	}
}

// merit ascends from the order that is executed first.
func (o Order) merit() quantity.Amount {
	if o.Side == Buy {
		return -o.Price
	}
	return o.Price
}

// programme maximises welfare; each zone's row says that bids and what leaves are
// covered by offers and what enters.
func (b *book) programme() linear.Programme {
	p := linear.Programme{Name: "auction", Maximise: true, Columns: []linear.Column{}, Rows: make([]linear.Row, len(b.zones))}
	for z, name := range b.zones {
		p.Rows[z] = linear.Row{Name: name, Lower: new(exact.Rat), Upper: new(exact.Rat), Terms: []linear.Term{}}
	}
	add := func(z int, coeff int64) {
		p.Rows[z].Terms = append(p.Rows[z].Terms, linear.Term{Column: len(p.Columns), Coeff: exact.Int(coeff)})
	}
	for _, s := range b.steps {
		sign := int64(1)
		if s.side == Sell {
			sign = -1
		}
		add(s.zone, sign)
		most := exact.Int(int64(s.units))
		p.Columns = append(p.Columns, linear.Column{
			Name: fmt.Sprintf("%s %s at %s", b.zones[s.zone], s.side, s.price), Cost: exact.Int(sign * int64(s.price)), Lower: new(exact.Rat), Upper: &most,
		})
	}
	for _, l := range b.lines {
		add(l.from, 1)
		add(l.to, -1)
		most := exact.Int(int64(l.Capacity))
		p.Columns = append(p.Columns, linear.Column{Name: l.ID, Lower: new(exact.Rat), Upper: &most})
	}
	return p
}

// result reads the clearing off the book and proves it.
func (b *book) result() (Clearing, error) {
	c := Clearing{Programme: b.programme(), Fills: []Fill{}, Transfers: []Transfer{}}
	point := []*big.Int{}
	for _, s := range b.steps {
		point = append(point, big.NewInt(int64(s.taken)))
		fills, err := s.shared()
		if err != nil {
			return Clearing{}, err
		}
		c.Fills = append(c.Fills, fills...)
	}
	slices.SortFunc(c.Fills, func(x, y Fill) int { return cmp.Compare(x.Order, y.Order) })
	for _, l := range b.lines {
		point = append(point, big.NewInt(int64(l.flow)))
		c.Transfers = append(c.Transfers, Transfer{l.ID, l.flow})
	}
	for z, r := range b.ranges() {
		c.Prices = append(c.Prices, r.price(b.zones[z]))
	}
	var err error
	c.Certificate, err = linear.StateOptimal(c.Programme, linear.NewVector(point, big.NewInt(1)), b.prices())
	if err != nil {
		return Clearing{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	if c.Certificate.Gap.Sign() != 0 {
		return Clearing{}, fmt.Errorf("%w: welfare %s, and the prices allow %s", ErrProof, c.Certificate.Objective, c.Certificate.Bound)
	}
	c.Welfare = exact.FromBig(c.Certificate.Objective.Big())
	return c, nil
}

// shared divides what a step gets among its orders.
func (s step) shared() ([]Fill, error) {
	weights := make([]exact.Rat, len(s.orders))
	for k, o := range s.orders {
		weights[k] = exact.Int(int64(o.Units))
	}
	parts, err := quantity.Apportion(s.taken, weights, quantity.Webster)
	if err != nil {
		return nil, fmt.Errorf("share %s units of %s at %s: %w", s.taken, s.side, s.price, err)
	}
	fills := make([]Fill, len(parts))
	for k, units := range parts {
		fills[k] = Fill{s.orders[k].ID, units}
	}
	return fills, nil
}
