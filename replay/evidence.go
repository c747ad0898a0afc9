package replay

import (
	"fmt"
	"io/fs"

	"comity/body"
	"comity/canon"
	"comity/verifier/secagg"
)

// Evidence gathers what the log says about a round, for secagg.VerifyTranscript. The
// blobs are the public ones beside the tiles.
func Evidence(s *body.State, round string, blob func(canon.Digest) ([]byte, error)) (secagg.Evidence, error) {
	r, ok := s.View().Rounds[round]
	if !ok {
		return secagg.Evidence{}, fmt.Errorf("round %q: %w", round, fs.ErrNotExist)
	}
	plan, err := canon.DigestOf(r.Plan)
	if err != nil {
		return secagg.Evidence{}, err
	}
	root, ok := s.Root(r.PlacesAt)
	if !ok || r.PlacesAt == 0 {
		return secagg.Evidence{}, fmt.Errorf("round %q: %w: nobody signed a fingerprint", round, secagg.ErrIncomplete)
	}
	return secagg.Evidence{
		Plan: plan, MinMembers: r.Plan.MinMembers, Cohorts: r.Cohorts, Heads: r.Heads, Fingerprints: r.Fingerprints,
		Seed: secagg.FingerprintSeed(round, root[:]), Blob: blob,
	}, nil
}
