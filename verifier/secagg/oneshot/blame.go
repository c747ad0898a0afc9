package oneshot

import (
	"fmt"
	"maps"
	"slices"

	"comity/party"
	"comity/verifier/secagg/internal/field"
)

// Blame settles fingerprints that do not add up, with the vectors that the hub opens for
// every survivor. An error puts it on the hub: what it opened is not what was committed
// to, or does not add up to its masked sum. Otherwise the listed members' own
// fingerprints are not of what they committed to. On a bucket that verifies it is the
// full check, which also finds a member that lies in its fingerprint for the hub.
func Blame(e Evidence) ([]party.ID, error) {
	given := e.Unmasks
	e.Disputed, e.MasksOnly = e.Survivors.Members, false
	v, err := e.verify()
	if err != nil {
		return nil, fmt.Errorf("opened by the hub: %w", err)
	}
	var liars []party.ID
	for _, who := range slices.Sorted(maps.Keys(given)) {
		if own, in := v.opened[who]; in {
			if said, err := field.Parse(given[who].Points); err != nil || said != own {
				liars = append(liars, who)
			}
		}
	}
	return liars, nil
}

// ConvictHolder shows anybody, with a dealer's bundle, that a holder answered with
// another share of that dealer than was dealt to it. It
// returns nil if the holder is guilty. The bundle is no secret.
func ConvictHolder(e Evidence, holder, dealer party.ID, b Bundle) error {
	c, i, present, err := e.accuse(dealer, b)
	if err != nil {
		return fmt.Errorf("share of %s: %w", holder, err)
	}
	j, err := c.group.index(holder)
	if err != nil {
		return fmt.Errorf("share: %w", err)
	}
	u, answered := e.Unmasks[holder]
	place, held := slices.BinarySearch(c.group.holders[i], j)
	if !answered || !held {
		return fmt.Errorf("share of %s: %w: it gave none of %s", holder, ErrComplaint, dealer)
	}
	if err := c.CheckUnmask(holder, e.Survivors, e.Size, u); err != nil {
		return err
	}
	share := u.Shares[slices.Index(c.holds(j), i)]
	if c.checkShare(j, i, &b.leaves[place], present, share) == nil {
		return fmt.Errorf("share of %s: %w: it is as %s dealt it", holder, ErrComplaint, dealer)
	}
	return nil
}

// ConvictDealer shows anybody, with the dealer's bundle, that shares which are all as it
// dealt them do not give what it committed to, or that its table holds other masks than
// its leaves stand for. It returns nil if the dealer is guilty.
func ConvictDealer(e Evidence, dealer party.ID, b Bundle) error {
	c, i, present, err := e.accuse(dealer, b)
	if err != nil {
		return fmt.Errorf("dealer %s: %w", dealer, err)
	}
	for place, j := range c.group.holders[i] {
		holder := c.group.members[j]
		u, answered := e.Unmasks[holder]
		if !answered {
			continue
		}
		if err := c.CheckUnmask(holder, e.Survivors, e.Size, u); err != nil {
			return err
		}
		if err := c.checkShare(j, i, &b.leaves[place], present, u.Shares[slices.Index(c.holds(j), i)]); err != nil {
			return fmt.Errorf("dealer %s: %w", dealer, err)
		}
	}
	secret, err := c.recover(i, e.Unmasks)
	if err != nil {
		return fmt.Errorf("dealer %s: %w", dealer, err)
	}
	guilty := c.checkSecret(i, present, secret)
	if guilty == nil && !present {
		o := opened{secret: secret, table: b.Table}
		for k := range b.leaves {
			o.rests = append(o.rests, b.leaves[k].rest())
		}
		_, guilty = c.table(i, o)
	}
	if guilty != nil {
		return nil //nolint:nilerr // The error is the dealer's guilt.
	}
	return fmt.Errorf("dealer %s: %w: its shares give what it committed to", dealer, ErrComplaint)
}

// accuse checks what every charge rests on: that the bundle is the one that the dealer
// logged, and that it is in the cast.
func (e Evidence) accuse(dealer party.ID, b Bundle) (c *Cast, i int, present bool, err error) {
	if c, err = e.Group.Settle(e.Deals, e.Complaints); err != nil {
		return nil, 0, false, err
	}
	if i, err = e.Group.index(dealer); err != nil {
		return nil, 0, false, err
	}
	if !c.in[i] {
		return nil, 0, false, fmt.Errorf("%s: %w", dealer, ErrExcluded)
	}
	if err := e.Group.checkBundle(i, e.Deals[dealer], b); err != nil {
		return nil, 0, false, err
	}
	survived, err := c.survivors(e.Survivors, e.Commits)
	if err != nil {
		return nil, 0, false, err
	}
	return c, i, survived[i], nil
}
