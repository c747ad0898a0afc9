package oneshot

import (
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/field"
)

// commitMasked hides a masked vector even from who learns its masks later.
func (c *Cast) commitMasked(who party.ID, salt [keySize]byte, y []byte) canon.Digest {
	return label("commitment/masked").Bytes(c.digest[:]).Text(string(who)).Bytes(salt[:]).SumWith(y)
}

// CheckCommit refuses a commitment that no upload of this cast can have.
func (c *Cast) CheckCommit(who party.ID, m comity.Commit) error {
	if err := c.group.here(m.Round, m.Bucket); err != nil {
		return fmt.Errorf("commitment of %s: %w", who, err)
	}
	if _, err := c.group.index(who); err != nil {
		return fmt.Errorf("commitment: %w", err)
	}
	if !c.Has(who) {
		return fmt.Errorf("commitment of %s: %w", who, ErrExcluded)
	}
	if m.Dealers != c.digest {
		return fmt.Errorf("commitment of %s: %w: %s, settled is %s", who, ErrDealers, m.Dealers, c.digest)
	}
	return nil
}

// CheckSurvivors refuses survivors whose sum must not be opened: all of them dealt and
// committed, they are no fewer than the minimum, and enough of them hold shares of
// everybody in the cast. The first in the log that passes counts, and no other.
func (c *Cast) CheckSurvivors(s comity.Survivors, commits map[party.ID]comity.Commit) error {
	_, err := c.survivors(s, commits)
	return err
}

// survivors returns who of the group is among them.
func (c *Cast) survivors(s comity.Survivors, commits map[party.ID]comity.Commit) ([]bool, error) {
	if err := c.group.here(s.Round, s.Bucket); err != nil {
		return nil, fmt.Errorf("survivors: %w", err)
	}
	present := make([]bool, len(c.group.members))
	for k, who := range s.Members {
		i, err := c.group.index(who)
		switch {
		case err != nil:
			return nil, fmt.Errorf("survivors: %w: %w", ErrSurvivors, err)
		case k > 0 && s.Members[k-1] >= who:
			return nil, fmt.Errorf("survivors: %w: %s and %s are not in ascending order", ErrSurvivors, s.Members[k-1], who)
		}
		commit, ok := commits[who]
		if !ok {
			return nil, fmt.Errorf("survivors: %w: %s has not committed", ErrSurvivors, who)
		}
		if err := c.CheckCommit(who, commit); err != nil {
			return nil, fmt.Errorf("survivors: %w: %w", ErrSurvivors, err)
		}
		present[i] = true
	}
	if err := c.enough(present); err != nil {
		return nil, fmt.Errorf("survivors: %w: %w", ErrSurvivors, err)
	}
	return present, nil
}

// points is where the fingerprints of a bucket are taken: nobody knows it before a
// checkpoint that covers every commitment and the digest of the masked sum.
func (c *Cast) points(rootHash []byte, masked canon.Digest) chance.Seed {
	return chance.Seed(label("points").Bytes(c.digest[:]).Bytes(rootHash).Bytes(masked[:]).Sum())
}

// holds lists, ascending, of whom in the cast a member holds shares: the order of
// Unmask.Shares.
func (c *Cast) holds(i int) []int {
	var out []int
	for _, j := range c.group.holders[i] { // Holding is mutual.
		if c.in[j] {
			out = append(out, j)
		}
	}
	return out
}

// CheckUnmask refuses an answer that does not belong to the survivors, the checkpoint or
// the shares that its author holds. Whether its shares are those that were dealt is for
// who has the bundles (Hub.Unmask, ConvictHolder), and whether its fingerprint is true for
// Verify.
func (c *Cast) CheckUnmask(who party.ID, s comity.Survivors, size int, u comity.Unmask) error {
	if err := c.group.here(u.Round, u.Bucket); err != nil {
		return fmt.Errorf("unmask of %s: %w", who, err)
	}
	i, err := c.group.index(who)
	if err != nil {
		return fmt.Errorf("unmask: %w", err)
	}
	digest, err := canon.DigestOf(s)
	if err != nil {
		return err
	}
	held := c.holds(i)
	switch _, in := slices.BinarySearch(s.Members, who); {
	case !in || !c.in[i]:
		return fmt.Errorf("unmask of %s: %w", who, ErrExcluded)
	case u.Survivors != digest:
		return fmt.Errorf("unmask of %s: %w: it answers %s, these are %s", who, ErrSurvivors, u.Survivors, digest)
	case size < 1 || u.Size != size:
		return fmt.Errorf("unmask of %s: %w: at size %d, witnessed is %d", who, ErrWitness, u.Size, size)
	case len(u.Shares) != len(held):
		return fmt.Errorf("unmask of %s: %w: %d shares of %d", who, ErrShare, len(u.Shares), len(held))
	}
	for k, share := range u.Shares {
		if len(share) != 0 && len(share) != keySize {
			return fmt.Errorf("unmask of %s: %w: of %s it has %d bytes, want %d", who, ErrShare, c.group.members[held[k]], len(share), keySize)
		}
	}
	if _, err := field.Parse(u.Points); err != nil {
		return fmt.Errorf("unmask of %s: %w: %w", who, secagg.ErrFingerprint, err)
	}
	return nil
}

// checkShare compares holder i's share of dealer j with the dealer's leaf.
func (c *Cast) checkShare(i, j int, l *leaf, present bool, share []byte) error {
	if len(share) == 0 {
		return nil // It never arrived.
	}
	g := c.group
	kind, want := "recovery", l.recovery
	if present {
		kind, want = "self", l.self
	}
	if got := shareDigest(g.context, kind, g.members[j], g.members[i], share); got != want {
		return fmt.Errorf("unmask of %s: %w: of %s it has digest %s, dealt was %s", g.members[i], ErrShare, g.members[j], got, want)
	}
	return nil
}
