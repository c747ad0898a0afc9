package secagg

import (
	"fmt"
	"slices"
	"strings"

	"comity/party"
	"comity/verifier/secagg/internal/wire"
)

// Pairs holds one member's secrets with its peers, in party order.
type Pairs struct{ list []pair }

type pair struct {
	peer party.ID
	key  [keySize]byte
}

// Set keeps the secret shared with peer and replaces an earlier one.
func (p *Pairs) Set(peer party.ID, key [keySize]byte) {
	i, found := p.find(peer)
	if !found {
		p.list = slices.Insert(p.list, i, pair{peer: peer})
	}
	p.list[i].key = key
}

func (p *Pairs) find(peer party.ID) (int, bool) {
	return slices.BinarySearchFunc(p.list, peer, func(e pair, id party.ID) int {
		return strings.Compare(string(e.peer), string(id))
	})
}

// key points to the secret shared with peer, or is nil.
func (p *Pairs) key(peer party.ID) *[keySize]byte {
	if i, found := p.find(peer); found {
		return &p.list[i].key
	}
	return nil
}

// Peers lists whom secrets are shared with, in ascending order.
func (p *Pairs) Peers() []party.ID {
	ids := make([]party.ID, len(p.list))
	for i := range p.list {
		ids[i] = p.list[i].peer
	}
	return ids
}

// Erase overwrites every secret.
func (p *Pairs) Erase() {
	clear(p.list)
	p.list = p.list[:0]
}

// Ratchet gives every peer's secret for the next round and moves p itself on by one
// HKDF step, so that who takes p later cannot open earlier rounds. Both ends of a pair
// must ratchet through the same rounds of the epoch in the order of the log, the rounds
// they sit out included; otherwise their masks do not cancel.
//
// The caller puts p on stable storage before it uses what Ratchet returned, and erases
// both the old copy of p and, after the round, what Ratchet returned.
func (p *Pairs) Ratchet(round string) *Pairs {
	next := &Pairs{list: make([]pair, len(p.list))}
	for i := range p.list {
		e := &p.list[i]
		next.list[i].peer = e.peer
		wire.Move(&next.list[i].key, wire.Expand(e.key[:], wire.Encode(labelRoundKey).Text(round), keySize))
		wire.Move(&e.key, wire.Expand(e.key[:], wire.Encode(labelRatchet).Text(round), keySize))
	}
	return next
}

// Bytes returns the secret form that ParsePairs reads.
func (p *Pairs) Bytes() []byte {
	b := append([]byte(magicPairs), byte(len(p.list))) //nolint:gosec // At most MaxMembers.
	for i := range p.list {
		b = append(b, byte(len(p.list[i].peer))) //nolint:gosec // Party ids have at most 32 bytes.
		b = append(b, p.list[i].peer...)
		b = append(b, p.list[i].key[:]...)
	}
	return b
}

// ParsePairs reads what Bytes wrote and nothing else.
func ParsePairs(data []byte) (*Pairs, error) {
	r := reader{wire.Reader{Data: data}}
	r.Magic(magicPairs)
	n := int(r.Byte())
	if n > MaxMembers {
		return nil, fmt.Errorf("%w: %d pair secrets, at most %d", ErrMalformed, n, MaxMembers)
	}
	p := &Pairs{}
	for range n {
		peer := party.ID(r.Take(int(r.Byte())))
		key := r.Key()
		if r.Err != nil {
			break
		}
		if peer.Check() != nil || len(p.list) > 0 && p.list[len(p.list)-1].peer >= peer {
			return nil, fmt.Errorf("%w: peer %.40q; parties are listed once in ascending order", ErrMalformed, peer)
		}
		p.list = append(p.list, pair{peer, key})
	}
	return p, r.End()
}

// Expand derives 32 bytes from the secret shared with peer, for the other mode of
// secure aggregation; it is nil if there is none.
func (p *Pairs) Expand(peer party.ID, info []byte) []byte {
	key := p.key(peer)
	if key == nil {
		return nil
	}
	return wire.Expand(key[:], info, keySize)
}
