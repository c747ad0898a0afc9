package oneshot

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/wire"
)

const (
	tagSize    = 16 // Of AES-GCM.
	sealedSize = pairSize + tagSize
	leafSize   = 4*keySize + sealedSize
)

// leaf is what a dealer stands for towards one holder. Everything in it may be public:
// digests are of uniform secrets.
type leaf struct {
	pair     canon.Digest     // Of the mask key of dealer and holder; zero for the dealer's own.
	self     canon.Digest     // Of the share of the self mask.
	recovery canon.Digest     // Of the share of the table key.
	check    canon.Digest     // Of the key that the shares are sealed under.
	sealed   [sealedSize]byte // Both shares under AES-256-GCM; zero for the dealer's own.
}

// rest covers what of a leaf stays as it is when the table is opened.
func (l *leaf) rest() canon.Digest {
	return label("rest").Bytes(l.self[:]).Bytes(l.recovery[:]).Bytes(l.check[:]).Bytes(l.sealed[:]).Sum()
}

func leafDigest(context canon.Digest, dealer, holder party.ID, pair, rest canon.Digest) canon.Digest {
	return label("leaf").Bytes(context[:]).Text(string(dealer)).Text(string(holder)).Bytes(pair[:]).Bytes(rest[:]).Sum()
}

// bytes returns the 208 bytes of a leaf.
func (l *leaf) bytes() []byte {
	b := make([]byte, 0, leafSize)
	for _, d := range [...]canon.Digest{l.pair, l.self, l.recovery, l.check} {
		b = append(b, d[:]...)
	}
	return append(b, l.sealed[:]...)
}

func readLeaf(r *wire.Reader) (l leaf) {
	l.pair, l.self, l.recovery, l.check = r.Digest(), r.Digest(), r.Digest(), r.Digest()
	copy(l.sealed[:], r.Take(sealedSize))
	return l
}

// secrets are what one member deals out, derived from its journalled round secret so
// that it deals the same after a crash.
type secrets struct {
	self, recovery [keySize]byte
}

func newSecrets(round [keySize]byte, context canon.Digest) (s secrets) {
	wire.Move(&s.self, wire.Expand(round[:], label("secret/self").Bytes(context[:]), keySize))
	wire.Move(&s.recovery, wire.Expand(round[:], label("secret/recovery").Bytes(context[:]), keySize))
	return s
}

func (s *secrets) erase() { *s = secrets{} }

// pair is both side by side, as they are shared.
func (s *secrets) pair() (both [pairSize]byte) {
	copy(both[:keySize], s.self[:])
	copy(both[keySize:], s.recovery[:])
	return both
}

// coefficients expands the random coefficients of the shared polynomials.
func coefficients(round [keySize]byte, context canon.Digest, need int) []byte {
	key := wire.Expand(round[:], label("secret/coefficients").Bytes(context[:]), keySize)
	defer clear(key)
	out := make([]byte, (need-1)*pairSize)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // The key has 32 bytes.
	}
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(out, out) //nolint:gosec // No key is used twice.
	return out
}

func commitSelf(context canon.Digest, who party.ID, self [keySize]byte) canon.Digest {
	return label("commitment/self").Bytes(context[:]).Text(string(who)).Bytes(self[:]).Sum()
}

func commitRecovery(context canon.Digest, who party.ID, key [keySize]byte) canon.Digest {
	return label("commitment/recovery").Bytes(context[:]).Text(string(who)).Bytes(key[:]).Sum()
}

func commitTable(context canon.Digest, who party.ID, table []byte) canon.Digest {
	return label("commitment/table").Bytes(context[:]).Text(string(who)).Bytes(table).Sum()
}

// pairMask is the key of the mask that two members share. The lower adds the mask, the
// higher subtracts it.
func (g *Group) pairMask(pairs *secagg.Pairs, me, peer party.ID) (out [keySize]byte) {
	info := label("mask/pair").Bytes(g.context[:]).Text(string(min(me, peer))).Text(string(max(me, peer)))
	wire.Move(&out, pairs.Expand(peer, info))
	return out
}

func pairDigest(context canon.Digest, a, b party.ID, key [keySize]byte) canon.Digest {
	return label("pair").Bytes(context[:]).Text(string(min(a, b))).Text(string(max(a, b))).Bytes(key[:]).Sum()
}

// shareKey seals one dealer's shares to one holder. It comes from their pair secret and
// not from the holder's epoch key: so it costs no key exchange and no 1,120 bytes a
// share, names its sender, is erased with the ratchet, and is as safe as the masks
// themselves. It is bound to the very secrets that are shared, so that no two dealings
// use one key. Revealed in a complaint, it opens this leaf and nothing else.
func (g *Group) shareKey(pairs *secagg.Pairs, peer, dealer, holder party.ID, d comity.Deal) (out [keySize]byte) {
	info := label("share-key").Bytes(g.context[:]).Text(string(dealer)).Text(string(holder)).Bytes(d.Self[:]).Bytes(d.Recovery[:])
	wire.Move(&out, pairs.Expand(peer, info))
	return out
}

func checkDigest(context canon.Digest, dealer, holder party.ID, key [keySize]byte) canon.Digest {
	return label("share-check").Bytes(context[:]).Text(string(dealer)).Text(string(holder)).Bytes(key[:]).Sum()
}

func shareDigest(context canon.Digest, kind string, dealer, holder party.ID, share []byte) canon.Digest {
	return label("share/" + kind).Bytes(context[:]).Text(string(dealer)).Text(string(holder)).Bytes(share).Sum()
}

// aead is AES-256-GCM under a key that seals one thing; its nonce is therefore zero.
func aead(key [keySize]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // The key has 32 bytes.
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes.
	}
	return gcm
}

func zeroNonce() []byte { return make([]byte, 12) } // What GCM takes.

// tableKey is the key of the table that recovers a member's pair masks.
func tableKey(context canon.Digest, who party.ID, recovery [keySize]byte) (out [keySize]byte) {
	wire.Move(&out, wire.Expand(recovery[:], label("table").Bytes(context[:]).Text(string(who)), keySize))
	return out
}

// deal shares out a member's secrets: the statement for the log and the bundle for the
// hub.
func (g *Group) deal(i int, pairs *secagg.Pairs, round [keySize]byte) (comity.Deal, Bundle) {
	me, holders := g.members[i], g.holders[i]
	s := newSecrets(round, g.context)
	defer s.erase()
	d := comity.Deal{
		Round: g.open.Round, Bucket: g.bucket,
		Self: commitSelf(g.context, me, s.self), Recovery: commitRecovery(g.context, me, s.recovery),
	}
	random := coefficients(round, g.context, g.need[i])
	defer clear(random)
	both := s.pair()
	shares := split(both, random, len(holders))
	defer clear(shares)
	clear(both[:])
	b := Bundle{Context: g.context, leaves: make([]leaf, len(holders))}
	digests := make([]canon.Digest, len(holders))
	var plain []byte
	for k, j := range holders {
		l, holder := &b.leaves[k], g.members[j]
		l.self = shareDigest(g.context, "self", me, holder, shares[k][:keySize])
		l.recovery = shareDigest(g.context, "recovery", me, holder, shares[k][keySize:])
		if j != i {
			mask := g.pairMask(pairs, me, holder)
			plain = append(plain, mask[:]...)
			l.pair = pairDigest(g.context, me, holder, mask)
			key := g.shareKey(pairs, holder, me, holder, d)
			l.check = checkDigest(g.context, me, holder, key)
			copy(l.sealed[:], aead(key).Seal(nil, zeroNonce(), shares[k][:], nil))
			clear(mask[:])
			clear(key[:])
		}
		digests[k] = leafDigest(g.context, me, holder, l.pair, l.rest())
	}
	b.Table = aead(tableKey(g.context, me, s.recovery)).Seal(nil, zeroNonce(), plain, nil)
	clear(plain)
	d.Table, d.Shares = commitTable(g.context, me, b.Table), root(digests)
	return d, b
}

// checkBundle refuses a bundle that is not what its dealer logged.
func (g *Group) checkBundle(i int, d comity.Deal, b Bundle) error {
	if err := g.here(d.Round, d.Bucket); err != nil {
		return err
	}
	if err := g.sameContext(b.Context); err != nil {
		return err
	}
	m := len(g.holders[i])
	if len(b.leaves) != m || len(b.Table) != tableSize(m) {
		return fmt.Errorf("%w: %d leaves and a table of %d bytes, want %d and %d", ErrDeal, len(b.leaves), len(b.Table), m, tableSize(m))
	}
	if got := commitTable(g.context, g.members[i], b.Table); got != d.Table {
		return fmt.Errorf("%w: table has digest %s, logged is %s", ErrDeal, got, d.Table)
	}
	if got := root(g.leafDigests(i, b)); got != d.Shares {
		return fmt.Errorf("%w: shares have root %s, logged is %s", ErrDeal, got, d.Shares)
	}
	return nil
}

// tableSize is the length of a sealed table of a member with m holders.
func tableSize(m int) int { return (m-1)*keySize + tagSize }

func (g *Group) leafDigests(i int, b Bundle) []canon.Digest {
	out := make([]canon.Digest, len(b.leaves))
	for k := range b.leaves {
		l := &b.leaves[k]
		out[k] = leafDigest(g.context, g.members[i], g.members[g.holders[i][k]], l.pair, l.rest())
	}
	return out
}

// openShare opens a leaf under its key and compares the shares with their digests.
func (l *leaf) openShare(context canon.Digest, dealer, holder party.ID, key [keySize]byte) (shares [pairSize]byte, err error) {
	plain, err := aead(key).Open(nil, zeroNonce(), l.sealed[:], nil)
	if err != nil {
		return shares, fmt.Errorf("%w: of %s to %s: it does not open under its key", ErrUnsealed, dealer, holder)
	}
	defer clear(plain)
	self := shareDigest(context, "self", dealer, holder, plain[:keySize])
	recovery := shareDigest(context, "recovery", dealer, holder, plain[keySize:])
	if self != l.self || recovery != l.recovery {
		return shares, fmt.Errorf("%w: of %s to %s: digests %s and %s, stated are %s and %s", ErrUnequal, dealer, holder, self, recovery, l.self, l.recovery)
	}
	return [pairSize]byte(plain), nil
}

// openTable recovers the pair masks of a member that fell out, by holder.
func (g *Group) openTable(i int, recovery [keySize]byte, table []byte) ([][keySize]byte, error) {
	plain, err := aead(tableKey(g.context, g.members[i], recovery)).Open(nil, zeroNonce(), table, nil)
	if err != nil || len(plain) != (len(g.holders[i])-1)*keySize {
		return nil, fmt.Errorf("%w: of %s: it does not open under the recovered key", ErrTable, g.members[i])
	}
	out := make([][keySize]byte, len(g.holders[i]))
	for k, j := range g.holders[i] {
		if j != i {
			out[k] = [keySize]byte(plain)
			plain = plain[keySize:]
		}
	}
	return out, nil
}

func sameDigest(a, b canon.Digest) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
