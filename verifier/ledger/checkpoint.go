package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"comity/party"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxCheckpoint bounds a signed checkpoint in bytes: three short lines and 100
// signature lines of at most 500 bytes with their names.
const maxCheckpoint = 64 << 10

// Checkpoint is a verified tree head.
type Checkpoint struct {
	Origin   string
	Size     int64
	Root     tlog.Hash
	Cosigned []Cosignature // By the policy's witnesses, as many as it asks for.
}

// Cosignature says that a witness saw a checkpoint at a time by its own clock.
type Cosignature struct {
	Name     string
	UnixTime int64 // Seconds.
}

// ParseCheckpoint reads a signed checkpoint that satisfies p and is in the one form
// that Normalise writes: the log's signature, then exactly as many cosignatures as
// the policy asks for, in ascending order of their verifier keys. Were more allowed,
// the last ones could be cut off unnoticed. Errors: ErrMalformed, ErrOrigin,
// ErrLogKey, ErrAltered, ErrWitnesses, ErrPolicy.
func ParseCheckpoint(data []byte, p Policy) (Checkpoint, error) {
	c, normal, err := open(data, p)
	if err != nil {
		return Checkpoint{}, err
	}
	if len(c.Cosigned) < p.Threshold {
		return Checkpoint{}, fmt.Errorf("checkpoint of size %d: %w: %d cosigned, %d of %d must",
			c.Size, ErrWitnesses, len(c.Cosigned), p.Threshold, len(p.Witnesses))
	}
	if !bytes.Equal(data, normal) {
		return Checkpoint{}, fmt.Errorf("checkpoint of size %d: %w: a signature line is unknown, surplus, repeated, misplaced or misspelt",
			c.Size, ErrAltered)
	}
	return c, nil
}

// Normalise brings a checkpoint as a log publishes it into the form that
// ParseCheckpoint reads: cosignatures in order, those of strangers and those beyond
// the threshold dropped. It does not fail if there are fewer.
func Normalise(data []byte, p Policy) ([]byte, error) {
	_, normal, err := open(data, p)
	return normal, err
}

// MedianTime returns the lower median of the witnesses' times in seconds: as long as
// fewer than half of them lie, it is not before or after all honest clocks.
func MedianTime(cosigned []Cosignature) (int64, error) {
	if len(cosigned) == 0 {
		return 0, fmt.Errorf("median time: %w: nobody cosigned", ErrWitnesses)
	}
	times := make([]int64, 0, len(cosigned))
	for _, c := range cosigned {
		times = append(times, c.UnixTime)
	}
	slices.Sort(times)
	return times[(len(times)-1)/2], nil
}

// CheckConsistency checks that newer continues older: same log, not smaller, and
// proof leads from one root to the other. Errors: ErrOrigin, ErrRollback, ErrProof.
func CheckConsistency(older, newer Checkpoint, proof tlog.TreeProof) error {
	switch {
	case older.Origin != newer.Origin:
		return fmt.Errorf("%w: %.80q, then %.80q", ErrOrigin, older.Origin, newer.Origin)
	case newer.Size < older.Size:
		return fmt.Errorf("%w: size %d after size %d", ErrRollback, newer.Size, older.Size)
	case newer.Size == older.Size && newer.Root != older.Root:
		return fmt.Errorf("%w: size %d has roots %v and %v", ErrRollback, newer.Size, older.Root, newer.Root)
	case older.Size == 0 || older.Size == newer.Size:
		if len(proof) != 0 {
			return fmt.Errorf("%w: %d hashes from size %d to %d, want none", ErrProof, len(proof), older.Size, newer.Size)
		}
		return nil
	}
	if err := tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root); err != nil {
		return fmt.Errorf("%w: size %d does not continue size %d: %w", ErrProof, newer.Size, older.Size, err)
	}
	return nil
}

// Cosign returns the signature line with which a witness vouches at unixTime
// (seconds) that it has seen no larger consistent tree than that of checkpoint, a
// signed note whose history the caller has checked.
func Cosign(k party.Key, checkpoint []byte, unixTime int64) ([]byte, error) {
	end := bytes.LastIndex(checkpoint, []byte("\n\n"))
	if end < 0 {
		return nil, fmt.Errorf("%w: cosign: no signed note in %d bytes", ErrMalformed, len(checkpoint))
	}
	sig, err := k.Cosign(checkpoint[:end+1], unixTime)
	if err != nil {
		return nil, fmt.Errorf("cosign: %w", err)
	}
	hash := binary.BigEndian.AppendUint32(nil, keyHash(k.Cosigner(), k.Name()))
	return signatureLine(k.Name(), append(hash, sig...)), nil
}

// open checks the signatures that p knows and returns the checkpoint and its one
// form. It neither counts witnesses nor compares the form.
func open(data []byte, p Policy) (Checkpoint, []byte, error) {
	keys, err := p.keys()
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if len(data) > maxCheckpoint {
		return Checkpoint{}, nil, fmt.Errorf("%w: checkpoint of %d bytes, at most %d", ErrMalformed, len(data), maxCheckpoint)
	}
	n, openErr := note.Open(data, note.VerifierList(keys...))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(openErr, &unverified):
		n = unverified.Note
	case errors.As(openErr, &invalid):
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w: the signature of %s+%08x does not fit them", ErrAltered, invalid.Name, invalid.Hash)
	case openErr != nil:
		return Checkpoint{}, nil, fmt.Errorf("%w: checkpoint: %w", ErrMalformed, openErr)
	}
	c, err := parseText(n.Text)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if c.Origin != p.Origin {
		return Checkpoint{}, nil, fmt.Errorf("%w: %.80q, want %q", ErrOrigin, c.Origin, p.Origin)
	}
	normal := []byte(n.Text + "\n")
	for i, v := range keys {
		sig, ok := signatureOf(n, v)
		switch {
		case !ok && i == 0:
			return Checkpoint{}, nil, fmt.Errorf("checkpoint of size %d: %w %s", c.Size, ErrLogKey, p.Log)
		case !ok || len(c.Cosigned) == p.Threshold && i > 0:
			continue
		case i > 0:
			c.Cosigned = append(c.Cosigned, Cosignature{v.Name(), cosignedAt(sig)})
		}
		normal = append(normal, signatureLine(v.Name(), sig)...)
	}
	return c, normal, nil
}

// signatureOf returns key hash and signature of v on n, verified by note.Open.
func signatureOf(n *note.Note, v note.Verifier) ([]byte, bool) {
	for _, s := range n.Sigs {
		if s.Name == v.Name() && s.Hash == v.KeyHash() {
			sig, err := base64.StdEncoding.DecodeString(s.Base64)
			return sig, err == nil
		}
	}
	return nil, false
}

// parseText reads the three lines of a checkpoint (C2SP tlog-checkpoint). Extension
// lines are refused: witnesses do not vouch for them, so nothing may rest on them.
func parseText(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint text has %d lines, want origin, size and root", ErrMalformed, len(lines)-1)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint size %.40q is not a plain decimal", ErrMalformed, lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint root %.80q is not 32 bytes in base64", ErrMalformed, lines[2])
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

// signatureLine is one line below a note: key hash and signature in base64.
func signatureLine(name string, hashAndSig []byte) []byte {
	return fmt.Appendf(nil, "— %s %s\n", name, base64.StdEncoding.EncodeToString(hashAndSig))
}
