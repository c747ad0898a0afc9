package oneshot

import (
	"fmt"

	"comity"
	"comity/party"
	"comity/verifier/secagg"
)

// CheckBundle refuses a bundle that is not what its dealer's statement stands for, before
// that statement is logged: afterwards nobody could hand out its shares.
func (g *Group) CheckBundle(from party.ID, d comity.Deal, b Bundle) error {
	i, err := g.index(from)
	if err != nil {
		return fmt.Errorf("deal: %w", err)
	}
	if err := g.checkBundle(i, d, b); err != nil {
		return fmt.Errorf("deal of %s: %w", from, err)
	}
	return nil
}

// CheckUpload refuses an upload that is not what its commitment stands for, before that
// is logged.
func (c *Cast) CheckUpload(from party.ID, m comity.Commit, u Upload) error {
	if err := c.group.sameContext(u.Context); err != nil {
		return fmt.Errorf("upload of %s: %w", from, err)
	}
	if err := c.CheckCommit(from, m); err != nil {
		return err
	}
	if len(u.Masked) != c.group.shape.Size() {
		return fmt.Errorf("upload of %s: %w: %d bytes, want %d", from, secagg.ErrMalformed, len(u.Masked), c.group.shape.Size())
	}
	if got := c.commitMasked(from, u.Salt, u.Masked); got != m.Masked {
		return fmt.Errorf("upload of %s: %w: its digest is %s, committed is %s", from, secagg.ErrCommitment, got, m.Masked)
	}
	return nil
}
