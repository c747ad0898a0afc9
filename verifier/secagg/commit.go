package secagg

import (
	"crypto/subtle"
	"fmt"

	"comity/canon"
	"comity/party"
	"comity/verifier/secagg/internal/wire"
)

// Commitment binds a member to one masked vector and one self mask, and hides both.
type Commitment struct {
	Masked canon.Digest `json:"masked"` // Of salt and masked vector.
	Self   canon.Digest `json:"self"`   // Of the self mask.
}

// commitMasked hides y behind the salt even from who learns its masks later.
func commitMasked(context canon.Digest, who party.ID, salt [keySize]byte, y []byte) canon.Digest {
	return wire.Encode(labelCommitment).Bytes(context[:]).Text(string(who)).Bytes(salt[:]).SumWith(y)
}

// commitSelf fixes the self mask before anybody reveals, so that no one can choose
// the sum by choosing which mask to reveal.
func commitSelf(context canon.Digest, who party.ID, self [keySize]byte) canon.Digest {
	return wire.Encode(labelSelf).Bytes(context[:]).Text(string(who)).Bytes(self[:]).Sum()
}

// checkReveal refuses a self mask that its commitment does not open to.
func checkReveal(context canon.Digest, who party.ID, c Commitment, self [keySize]byte) error {
	got := commitSelf(context, who, self)
	if subtle.ConstantTimeCompare(got[:], c.Self[:]) != 1 {
		return fmt.Errorf("%w: %s revealed a self mask of digest %s, committed to %s", ErrReveal, who, got, c.Self)
	}
	return nil
}

// listDigest names a whole list of commitments.
func listDigest(list []Commitment) canon.Digest {
	e := wire.Encode(labelCommitments).Number(len(list))
	for _, c := range list {
		e = e.Bytes(c.Masked[:]).Bytes(c.Self[:])
	}
	return e.Sum()
}
