package secagg

import (
	"fmt"

	"comity"
	"comity/chance"
	"comity/verifier/secagg/internal/field"
	"comity/verifier/secagg/internal/wire"
)

// FingerprintSeed is where the fingerprints of a round are taken: a hash of the round
// and of the root of a checkpoint that covers every member's last head and that
// witnesses cosigned.
func FingerprintSeed(round string, root []byte) chance.Seed {
	return chance.Seed(wire.Encode(labelPoints).Text(round).Bytes(root).Sum())
}

// record is what a member logs.
func record(e *field.Evaluation, round string) comity.Fingerprint {
	return comity.Fingerprint{Round: round, Points: e.Record()}
}

// elements reads a logged fingerprint.
func elements(f comity.Fingerprint, round string) (out [field.Points]field.Element, err error) {
	if f.Round != round {
		return out, fmt.Errorf("%w: for round %.80q, this is %q", ErrFingerprint, f.Round, round)
	}
	if out, err = field.Parse(f.Points); err != nil {
		return out, fmt.Errorf("%w: %w", ErrFingerprint, err)
	}
	return out, nil
}
