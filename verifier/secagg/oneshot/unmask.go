package oneshot

import (
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg/internal/lane"
)

// unmask takes every recovered mask off the masked sum. It checks that each secret is
// the one its member committed to, and each table the one that its leaves stand for.
func (c *Cast) unmask(m Masked, present []bool, o Opening) (Sum, error) {
	g := c.group
	members := c.Members()
	if o.Dealers != c.digest || len(o.list) != len(members) {
		return Sum{}, fmt.Errorf("%w: an opening of %d members of %s, want %d of %s", ErrResult, len(o.list), o.Dealers, len(members), c.digest)
	}
	x := lane.New(m.lanes.Shape)
	copy(x.Packs, m.lanes.Packs)
	var mask lane.Masker
	for k, who := range members {
		i, err := g.index(who)
		if err != nil {
			return Sum{}, err
		}
		e := o.list[k]
		if present[i] != (e.table == nil) {
			return Sum{}, fmt.Errorf("%w: the wrong secret of %s is opened", ErrResult, who)
		}
		if present[i] {
			if err := c.checkSecret(i, true, e.secret); err != nil {
				return Sum{}, err
			}
			mask.Apply(x, maskKey(g.context, e.secret), true)
			continue
		}
		keys, err := c.table(i, e)
		if err != nil {
			return Sum{}, err
		}
		for h, j := range g.holders[i] {
			if j != i && present[j] {
				mask.Apply(x, keys[h], j < i) // Undo what j did: the lower added it, the higher subtracted it.
			}
		}
	}
	x.Trim()
	return Sum{x}, nil
}

// recover combines the shares of dealer i that are in: those of as many of its holders,
// in their order, as it takes.
func (c *Cast) recover(i int, unmasks map[party.ID]comity.Unmask) (secret [keySize]byte, err error) {
	g := c.group
	var places []byte
	var shares [][keySize]byte
	for place, j := range g.holders[i] {
		u, ok := unmasks[g.members[j]]
		if !ok || len(places) == g.need[i] {
			continue
		}
		if share := u.Shares[slices.Index(c.holds(j), i)]; len(share) == keySize {
			places = append(places, byte(place+1))
			shares = append(shares, [keySize]byte(share))
		}
	}
	if len(places) < g.need[i] {
		return secret, fmt.Errorf("%w: %d shares of %s are in, %d are needed", ErrThreshold, len(places), g.members[i], g.need[i])
	}
	return combine(places, shares), nil
}

// checkSecret compares a recovered secret with what its dealer committed to.
func (c *Cast) checkSecret(i int, survived bool, secret [keySize]byte) error {
	who := c.group.members[i]
	got, want, name := commitSelf(c.group.context, who, secret), c.deals[who].Self, "self mask"
	if !survived {
		got, want, name = commitRecovery(c.group.context, who, secret), c.deals[who].Recovery, "table key"
	}
	if got != want {
		return fmt.Errorf("%w: %s of %s has digest %s, committed is %s", ErrDealer, name, who, got, want)
	}
	return nil
}

// table returns the pair masks of a member that fell out, by holder, once they are
// known to be those that its leaves stood for when its holders checked them.
func (c *Cast) table(i int, e opened) ([][keySize]byte, error) {
	g, who := c.group, c.group.members[i]
	d := c.deals[who]
	if err := c.checkSecret(i, false, e.secret); err != nil {
		return nil, err
	}
	if got := commitTable(g.context, who, e.table); got != d.Table || len(e.rests) != len(g.holders[i]) {
		return nil, fmt.Errorf("%w: of %s: digest %s and %d leaves, committed are %s and %d", ErrTable, who, got, len(e.rests), d.Table, len(g.holders[i]))
	}
	keys, err := g.openTable(i, e.secret, e.table)
	if err != nil {
		return nil, err
	}
	leaves := make([]canon.Digest, len(keys))
	for h, j := range g.holders[i] {
		var pair canon.Digest
		if j != i {
			pair = pairDigest(g.context, who, g.members[j], keys[h])
		}
		leaves[h] = leafDigest(g.context, who, g.members[j], pair, e.rests[h])
	}
	if got := root(leaves); got != d.Shares {
		return nil, fmt.Errorf("%w: of %s: it holds other masks than its shares stand for: root %s, logged is %s", ErrTable, who, got, d.Shares)
	}
	return keys, nil
}

// withinBound refuses a sum that n honest inputs cannot have.
func (g *Group) withinBound(x Sum, n int) error {
	most := int64(g.open.Bound) * int64(n)
	for k, v := range x.Values() {
		if v > most || v < -most {
			return fmt.Errorf("%w: lane %d is %d; %d members of bound %d reach %d", ErrBound, k, v, n, g.open.Bound, most)
		}
	}
	return nil
}
