package secagg

import (
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg/internal/lane"
	"comity/verifier/secagg/internal/wire"
)

// selfKey is the PRG key of a self mask in one context.
func selfKey(context canon.Digest, self [keySize]byte) [keySize]byte {
	return wire.Encode(labelSelfMask).Bytes(context[:]).Bytes(self[:]).Sum()
}

// pairKey is the PRG key of the mask that two parties share in one context; low comes
// first in party order, adds it, and the other subtracts it.
func pairKey(context canon.Digest, key *[keySize]byte, low, high party.ID) (out [keySize]byte) {
	info := wire.Encode(labelPairMask).Bytes(context[:]).Text(string(low)).Text(string(high))
	wire.Move(&out, wire.Expand(key[:], info, keySize))
	return out
}

// masking is who masks with whom: a member, the cohort in ascending order, and the
// secrets with all of them but the member itself.
type masking struct {
	self    party.ID
	members []party.ID
	pairs   *Pairs
}

// apply turns x into y = x + PRG(b) + sum over later peers - sum over earlier peers.
// Added over the cohort, the peers' masks cancel.
func (g masking) apply(v lane.Vector, context canon.Digest, self [keySize]byte) {
	var m lane.Masker
	defer m.Erase()
	m.Apply(v, selfKey(context, self), false)
	for _, peer := range g.members {
		switch {
		case peer > g.self:
			m.Apply(v, pairKey(context, g.pairs.key(peer), g.self, peer), false)
		case peer < g.self:
			m.Apply(v, pairKey(context, g.pairs.key(peer), peer, g.self), true)
		}
	}
}
