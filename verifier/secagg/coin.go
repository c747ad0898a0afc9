package secagg

import (
	"crypto/subtle"
	"fmt"

	"comity/canon"
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg/internal/wire"
)

// CommitNonce is what EpochKeys says before anybody reveals: it binds the nonce to one
// party and epoch, so that nobody can hand in another party's commitment as its own.
func CommitNonce(epoch string, self party.ID, nonce []byte) canon.Digest {
	return wire.Encode(labelNonce).Text(epoch).Text(string(self)).Bytes(nonce).Sum()
}

// CheckNonce refuses a nonce in Boxes that EpochKeys did not commit to.
func CheckNonce(epoch string, self party.ID, nonce []byte, commit canon.Digest) error {
	if len(nonce) != keySize {
		return fmt.Errorf("%w: %s revealed %d bytes, want %d", ErrNonce, self, len(nonce), keySize)
	}
	got := CommitNonce(epoch, self, nonce)
	if subtle.ConstantTimeCompare(got[:], commit[:]) != 1 {
		return fmt.Errorf("%w: %s revealed a nonce with digest %s, committed to %s", ErrNonce, self, got, commit)
	}
	return nil
}

// PublicSeed is the public coin of a round: a hash of every party's nonce, in party
// order. Nobody chooses it alone. Who reveals last can still refuse to reveal, and so
// choose between two seeds at the price of being left out.
func PublicSeed(round string, nonces [][]byte) chance.Seed {
	e := wire.Encode(labelCoin).Text(round).Number(len(nonces))
	for _, n := range nonces {
		e = e.Bytes(n)
	}
	return chance.Seed(e.Sum())
}
