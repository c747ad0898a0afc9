package cheat

import (
	"errors"

	"comity/allocator/certificate"
	"comity/audit"
	"comity/body"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/node"
	"comity/verifier/ledger"
	"comity/verifier/secagg"
)

// checkOf names the check that an error comes from: the rule that kept a statement out,
// or the sentinel that the error wraps, narrow ones first.
func checkOf(err error) string {
	if r, ok := errors.AsType[*body.Refusal](err); ok {
		return "rule " + r.Rule
	}
	for _, c := range []struct {
		cause error
		name  string
	}{
		{secagg.ErrFingerprint, "secagg.ErrFingerprint"},
		{secagg.ErrHead, "secagg.ErrHead"},
		{secagg.ErrTranscript, "secagg.ErrTranscript"},
		{secagg.ErrAttempt, "secagg.ErrAttempt"},
		{secagg.ErrBox, "secagg.ErrBox"},
		{learn.ErrSum, "learn.ErrSum"},
		{forecast.ErrSum, "forecast.ErrSum"},
		{audit.ErrAnchor, "audit.ErrAnchor"},
		{audit.ErrContent, "audit.ErrContent"},
		{ledger.ErrWitnesses, "ledger.ErrWitnesses"},
		{ledger.ErrSignature, "ledger.ErrSignature"},
		{ledger.ErrProof, "ledger.ErrProof"},
		{certificate.ErrInvalid, "certificate.ErrInvalid"},
		{node.ErrDissent, "node.ErrDissent"},
		{node.ErrSplit, "node.ErrSplit"},
	} {
		if errors.Is(err, c.cause) {
			return c.name
		}
	}
	return "error"
}

// is recognises errors that wrap a cause.
func is(cause error) func(error) bool {
	return func(err error) bool { return errors.Is(err, cause) }
}

// breaks recognises statements that a rule kept out.
func breaks(rule string) func(error) bool {
	return func(err error) bool {
		r, ok := errors.AsType[*body.Refusal](err)
		return ok && r.Rule == rule
	}
}
