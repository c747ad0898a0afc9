package oneshot

import (
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/lane"
)

// Group is one bucket in one round: who adds with whom, under what terms. Everybody
// computes the same Group from the log. It does not change.
type Group struct {
	open    comity.Open
	bucket  int
	members []party.ID
	holders [][]int // By member: its neighbours and itself, ascending. Holding is mutual.
	need    []int   // By member: how many of its holders recover its secrets.
	shape   lane.Shape
	context canon.Digest // What masks, shares and commitments are bound to.
}

// NewGroup restricts a bucket of the layout to the roster of a round. Members that are
// not in the layout wait for the next epoch.
func NewGroup(o comity.Open, l *Layout, roster []party.ID, number int) (*Group, error) {
	if err := CheckOpen(o); err != nil {
		return nil, err
	}
	if o.Layout != l.first.Round || o.Epoch != l.first.Epoch || o.Bucket != l.first.Bucket || o.Degree != l.first.Degree {
		return nil, fmt.Errorf("round %s: %w: layout of round %q, epoch %q, buckets of %d, %d neighbours; wanted are %q, %q, %d, %d", o.Round,
			ErrTerms, l.first.Round, l.first.Epoch, l.first.Bucket, l.first.Degree, o.Layout, o.Epoch, o.Bucket, o.Degree)
	}
	if number < 0 || number >= len(l.buckets) {
		return nil, fmt.Errorf("round %s: %w: number %d of %d", o.Round, ErrBucket, number, len(l.buckets))
	}
	last := party.ID("")
	for _, who := range roster {
		if who.Check() != nil || last >= who {
			return nil, fmt.Errorf("round %s: %w: roster is not in ascending order at %.40q", o.Round, ErrBucket, who)
		}
		last = who
	}
	g := &Group{open: o, bucket: number}
	if err := g.restrict(l.buckets[number], roster); err != nil {
		return nil, err
	}
	var err error
	if g.shape, err = shapeOf(o, len(g.members)); err != nil {
		return nil, err
	}
	return g, g.bind(l, roster)
}

// restrict keeps the members and neighbours who are in the roster.
func (g *Group) restrict(b bucket, roster []party.ID) error {
	place := make([]int, len(b.members)) // 1 + the index in the group, 0 for who is not in.
	for i, who := range b.members {
		if _, in := slices.BinarySearch(roster, who); in {
			g.members = append(g.members, who)
			place[i] = len(g.members)
		}
	}
	least := g.open.MinMembers
	if g.open.Bucket > 0 {
		least = max(least, MinBucket)
	}
	if len(g.members) < least {
		return fmt.Errorf("bucket %d of %s: %w: %d of its %d members are in, at least %d",
			g.bucket, g.open.Round, secagg.ErrMinMembers, len(g.members), len(b.members), least)
	}
	for i, who := range b.members {
		if place[i] == 0 {
			continue
		}
		holders := []int{place[i] - 1}
		for _, j := range b.neighbours[i] {
			if place[j] > 0 {
				holders = append(holders, place[j]-1)
			}
		}
		slices.Sort(holders)
		if m, all := len(holders), len(b.neighbours[i])+1; m < min(least, all) || m > MaxHolders || 2*m <= all && len(b.members) > MaxComplete {
			return fmt.Errorf("bucket %d of %s: %w: %s has %d of its %d holders left", g.bucket, g.open.Round, ErrBucket, who, m, all)
		}
		g.holders = append(g.holders, holders)
		g.need = append(g.need, threshold(g.open, len(holders)))
	}
	return nil
}

// bind computes the context: terms, everybody in the round, the lots that laid them
// out, and the bucket.
func (g *Group) bind(l *Layout, roster []party.ID) error {
	digest, err := canon.DigestOf(g.open)
	if err != nil {
		return err
	}
	e := label("roster").Bytes(digest[:]).Bytes(l.seed[:]).Number(len(roster))
	for _, who := range roster {
		e = e.Text(string(who))
	}
	all := e.Sum()
	e = label("context").Bytes(all[:]).Number(g.bucket).Number(g.shape.Bits).Number(g.shape.Lanes).Number(len(g.members))
	for _, who := range g.members {
		e = e.Text(string(who))
	}
	g.context = e.Sum()
	return nil
}

// Members lists the group in ascending order.
func (g *Group) Members() []party.ID { return slices.Clone(g.members) }

// Open returns the terms of the round.
func (g *Group) Open() comity.Open { return g.open }

// Bucket is the group's number in its round.
func (g *Group) Bucket() int { return g.bucket }

// Bits is the width of a lane, 16, 32 or 64: the narrowest that holds every sum.
func (g *Group) Bits() int { return g.shape.Bits }

// Context names the group: masks, shares and commitments are bound to it.
func (g *Group) Context() canon.Digest { return g.context }

// Holders lists who holds shares of a member, itself among them, and how many of them
// recover its secrets.
func (g *Group) Holders(who party.ID) ([]party.ID, int, error) {
	i, err := g.index(who)
	if err != nil {
		return nil, 0, err
	}
	var out []party.ID
	for _, j := range g.holders[i] {
		out = append(out, g.members[j])
	}
	return out, g.need[i], nil
}

// index is a member's place in the group.
func (g *Group) index(who party.ID) (int, error) {
	i, found := slices.BinarySearch(g.members, who)
	if !found {
		return 0, fmt.Errorf("%w: %.40q, bucket %d of round %s", secagg.ErrStranger, who, g.bucket, g.open.Round)
	}
	return i, nil
}

// here refuses a statement of another round or bucket.
func (g *Group) here(round string, number int) error {
	if round != g.open.Round || number != g.bucket {
		return fmt.Errorf("%w: bucket %d of %.80q, this is %d of %q", ErrRound, number, round, g.bucket, g.open.Round)
	}
	return nil
}

// sameContext refuses a message that is bound to another group.
func (g *Group) sameContext(got canon.Digest) error {
	if got != g.context {
		return fmt.Errorf("%w: %s, this is %s; compare the logs", ErrContext, got, g.context)
	}
	return nil
}
