package oneshot

import (
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
)

// Filed is a complaint with its author, as the log has it.
type Filed struct {
	By party.ID
	comity.Complaint
}

// Exit says who goes no further, and why.
type Exit struct {
	Party   party.ID
	Because error
}

// Cast is who adds in the end: all who dealt, less those whom complaints put out.
// Everybody computes the same Cast from the log. It does not change.
type Cast struct {
	group  *Group
	deals  map[party.ID]comity.Deal
	in     []bool // By member of the group.
	out    []Exit
	digest canon.Digest
}

// CheckComplaint refuses a complaint that proves nothing. One without a key proves
// nothing by design: it is word against word, and Settle weighs it.
func (g *Group) CheckComplaint(by party.ID, d comity.Deal, c comity.Complaint) error {
	if err := g.here(c.Round, c.Bucket); err != nil {
		return fmt.Errorf("complaint of %s: %w", by, err)
	}
	i, err := g.index(c.Dealer)
	if err != nil {
		return fmt.Errorf("complaint of %s: %w", by, err)
	}
	j, err := g.index(by)
	if err != nil {
		return fmt.Errorf("complaint about %s: %w", c.Dealer, err)
	}
	place, held := slices.BinarySearch(g.holders[i], j)
	if !held || i == j {
		return fmt.Errorf("complaint of %s: %w: it holds no share of %s", by, secagg.ErrStranger, c.Dealer)
	}
	if len(c.Key) == 0 {
		if len(c.Leaf) > 0 || len(c.Path) > 0 {
			return fmt.Errorf("complaint of %s about %s: %w: a leaf without its key", by, c.Dealer, ErrComplaint)
		}
		return nil
	}
	return g.checkProof(place, by, d, c)
}

// checkProof wants a leaf under the dealer's root that its own key shows to be bad.
func (g *Group) checkProof(place int, by party.ID, d comity.Deal, c comity.Complaint) error {
	l, err := parseLeaf(c.Leaf)
	if err != nil || len(c.Key) != keySize {
		return fmt.Errorf("complaint of %s about %s: %w: a leaf of %d bytes and a key of %d, want %d and %d",
			by, c.Dealer, ErrComplaint, len(c.Leaf), len(c.Key), leafSize, keySize)
	}
	i, err := g.index(c.Dealer)
	if err != nil {
		return err
	}
	got, ok := climb(leafDigest(g.context, c.Dealer, by, l.pair, l.rest()), place, len(g.holders[i]), c.Path)
	if !ok || got != d.Shares {
		return fmt.Errorf("complaint of %s about %s: %w: the leaf is not under the logged root %s", by, c.Dealer, ErrComplaint, d.Shares)
	}
	key := [keySize]byte(c.Key)
	if !sameDigest(checkDigest(g.context, c.Dealer, by, key), l.check) {
		return fmt.Errorf("complaint of %s about %s: %w: the dealer stands for another key", by, c.Dealer, ErrComplaint)
	}
	if _, err := l.openShare(g.context, c.Dealer, by, key); err == nil {
		return fmt.Errorf("complaint of %s about %s: %w: the share is as stated", by, c.Dealer, ErrComplaint)
	}
	return nil
}

// Settle decides who goes on, from the logged deals and the logged complaints in log
// order. A proven complaint puts its dealer out. An unproven one is word against word
// between two who both know their secret, so one of them lies: if both are still in,
// both go. Liars therefore take at most one honest member each with them. What proves
// nothing has no effect.
func (g *Group) Settle(deals map[party.ID]comity.Deal, complaints []Filed) (*Cast, error) {
	c := &Cast{group: g, deals: maps.Clone(deals), in: make([]bool, len(g.members))}
	for _, who := range slices.Sorted(maps.Keys(deals)) {
		i, err := g.index(who)
		if err != nil {
			return nil, fmt.Errorf("deal: %w", err)
		}
		if err := g.here(deals[who].Round, deals[who].Bucket); err != nil {
			return nil, fmt.Errorf("deal of %s: %w", who, err)
		}
		c.in[i] = true
	}
	for _, f := range complaints {
		if len(f.Key) > 0 && g.CheckComplaint(f.By, deals[f.Dealer], f.Complaint) == nil {
			c.drop(f.Dealer, fmt.Errorf("%s: %w: proven by %s", f.Dealer, ErrDeal, f.By))
		}
	}
	for _, f := range complaints {
		if len(f.Key) == 0 && g.CheckComplaint(f.By, deals[f.Dealer], f.Complaint) == nil && c.Has(f.By) && c.Has(f.Dealer) {
			c.drop(f.Dealer, fmt.Errorf("%s: %w: %s complains", f.Dealer, ErrDispute, f.By))
			c.drop(f.By, fmt.Errorf("%s: %w: it complains of %s", f.By, ErrDispute, f.Dealer))
		}
	}
	e := label("dealers").Bytes(g.context[:]).Number(len(c.Members()))
	for _, who := range c.Members() {
		digest, err := canon.DigestOf(deals[who])
		if err != nil {
			return nil, err
		}
		e = e.Text(string(who)).Bytes(digest[:])
	}
	c.digest = e.Sum()
	return c, c.enough(c.in)
}

func (c *Cast) drop(who party.ID, because error) {
	if i, err := c.group.index(who); err == nil && c.in[i] {
		c.in[i] = false
		c.out = append(c.out, Exit{who, because})
	}
}

// enough refuses to go on with members of whom too few could recover somebody's masks.
func (c *Cast) enough(present []bool) error {
	g, n := c.group, 0
	for i, who := range g.members {
		if present[i] {
			n++
		}
		if !c.in[i] {
			continue
		}
		answer := 0
		for _, j := range g.holders[i] {
			if present[j] {
				answer++
			}
		}
		if answer < g.need[i] {
			return fmt.Errorf("bucket %d of %s: %w: %d of the %d holders of %s are left, %d are needed",
				g.bucket, g.open.Round, ErrThreshold, answer, len(g.holders[i]), who, g.need[i])
		}
	}
	if n < g.open.MinMembers {
		return fmt.Errorf("bucket %d of %s: %w: %d members are left, at least %d", g.bucket, g.open.Round, secagg.ErrMinMembers, n, g.open.MinMembers)
	}
	return nil
}

// Has tells whether a party goes on.
func (c *Cast) Has(who party.ID) bool {
	i, err := c.group.index(who)
	return err == nil && c.in[i]
}

// Members lists who goes on, ascending.
func (c *Cast) Members() []party.ID {
	var in []party.ID
	for i, who := range c.group.members {
		if c.in[i] {
			in = append(in, who)
		}
	}
	return in
}

// Out lists who was put out by complaints, and why. Who did not deal is not in it.
func (c *Cast) Out() []Exit { return slices.Clone(c.out) }

// Digest names the cast with all its deals: what uploads are bound to.
func (c *Cast) Digest() canon.Digest { return c.digest }
