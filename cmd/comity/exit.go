package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"syscall"

	"comity/adapter/csv"
	"comity/adapter/nats"
	"comity/adapter/tlog"
	"comity/adapter/yaml"
	"comity/allocator/certificate"
	"comity/allocator/solve"
	"comity/audit"
	"comity/body"
	"comity/canon"
	"comity/fleet"
	"comity/governor/charter"
	"comity/node"
	"comity/pack"
	"comity/party"
	"comity/replay"
	"comity/verifier/ledger"
)

// code is one row of the exit code table: one code, one cause. The help page and
// docs/guide/exit-codes.md are made from it.
type code struct {
	exit    int
	slug    string
	meaning string
	causes  []error
}

// codes are searched from the top: a cause that wraps another stands first.
func codes() []code {
	return []code{
		{130, "interrupted", "interrupted", []error{context.Canceled}},
		{2, "usage", "wrong usage", []error{errUsage}},
		{11, "wrong-key", "wrong or unknown signature, or another consortium's charter", []error{
			ledger.ErrSignature, ledger.ErrLogKey, audit.ErrAnchor, replay.ErrAnchor, party.ErrSeals, party.ErrSignature, nats.ErrPin, nats.ErrRefused,
		}},
		{14, "witnesses", "not enough witnesses", []error{ledger.ErrWitnesses}},
		{13, "split", "the log is split or went backwards", []error{ledger.ErrRollback, node.ErrSplit}},
		{41, "checkers-disagree", "two checkers disagree", []error{replay.ErrDiffers, node.ErrDissent}},
		{40, "no-certificate", "solver result without valid certificate", []error{certificate.ErrInvalid, solve.ErrSolver}},
		{12, "proof", "the proof does not match the log, or bytes were altered", []error{
			ledger.ErrProof, ledger.ErrOrigin, ledger.ErrAltered, audit.ErrContent, body.ErrRefused,
		}},
		{21, "infeasible", "no feasible allocation", []error{solve.ErrInfeasible}},
		{20, "invalid", "a file or charter is not valid", []error{
			ledger.ErrMalformed, ledger.ErrPolicy, charter.ErrRefused, charter.ErrSealed, yaml.ErrUnreadable, csv.ErrUnreadable,
			canon.ErrNotCanonical, canon.ErrDigest, party.ErrKeyFile, pack.ErrUnknown, pack.ErrPeriod, fleet.ErrHome,
		}},
		{22, "not-yet", "not yet: quorum or window", []error{node.ErrQuorum}},
		{75, "busy", "in use: try again later", []error{syscall.EADDRINUSE, node.ErrBusy, tlog.ErrInUse}},
		{3, "not-found", "not found", []error{fs.ErrNotExist}},
		{69, "unreachable", "peer or service not reachable", []error{syscall.ECONNREFUSED, context.DeadlineExceeded, nats.ErrUnreachable}},
		{74, "disk", "disk or file trouble", []error{syscall.ENOSPC, fs.ErrPermission, fs.ErrExist, syscall.EIO}},
		{1, "unforeseen", "failed, unforeseen: please report", nil},
	}
}

// codeOf returns the row of an error.
func codeOf(err error) code {
	all := codes()
	for _, c := range all {
		if slices.ContainsFunc(c.causes, func(cause error) bool { return errors.Is(err, cause) }) {
			return c
		}
	}
	return all[len(all)-1]
}

// errUsage marks what the command line got wrong.
var errUsage = errors.New("wrong usage")
