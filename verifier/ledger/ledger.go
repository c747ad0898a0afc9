// Package ledger checks the evidence of a transparency log: who signed an entry,
// who signed and cosigned a checkpoint, and that the entry stands under it.
//
// It is pure and offline: bytes and keys in, a named error or nothing out. It
// believes nothing that was not signed by a key of its policy, and it accepts one
// byte form only, so that no bit of a receipt can change unnoticed. The formats
// are those of https://c2sp.org (signed-note, tlog-checkpoint, tlog-cosignature,
// tlog-proof), DSSE and in-toto; docs/format/log.md and docs/format/receipt.md
// show them byte by byte.
package ledger

import "errors"

// What can be wrong with evidence. A caller tells them apart with errors.Is.
var (
	// ErrMalformed says that bytes are not of the format at all.
	ErrMalformed = errors.New("not of the format")
	// ErrAltered says that bytes can be read, but are not those that were written: a
	// signature of a known key does not fit them, or they are not in the one form.
	ErrAltered = errors.New("bytes were altered")
	// ErrSignature says that an entry does not carry the signature of the key in question.
	ErrSignature = errors.New("not signed by this key")
	// ErrLogKey says that no signature on a checkpoint is by the log's key.
	ErrLogKey = errors.New("not signed by the log's key")
	// ErrOrigin says that a checkpoint belongs to another log.
	ErrOrigin = errors.New("checkpoint of another log")
	// ErrWitnesses says that fewer witnesses cosigned than the policy asks for.
	ErrWitnesses = errors.New("too few witnesses")
	// ErrProof says that a Merkle proof does not lead to the root of the checkpoint.
	ErrProof = errors.New("proof does not lead to the root")
	// ErrRollback says that a log took back what it had shown: it shrank, or it has
	// two roots at one size.
	ErrRollback = errors.New("log took back what it had shown")
	// ErrPolicy says that a policy cannot be met or counts somebody twice.
	ErrPolicy = errors.New("unusable log policy")
)
