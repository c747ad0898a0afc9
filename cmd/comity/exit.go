package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"slices"
	"syscall"

	"comity/adapter/csv"
	"comity/adapter/highs"
	"comity/adapter/nats"
	"comity/adapter/tlog"
	"comity/allocator/basis"
	"comity/allocator/certificate"
	"comity/allocator/explore"
	"comity/allocator/linear"
	"comity/allocator/network/dc"
	"comity/allocator/network/dispatch"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/audit"
	"comity/body"
	"comity/canon"
	"comity/exact"
	"comity/fleet"
	"comity/fleet/own"
	"comity/governor/bargain"
	"comity/governor/charter"
	"comity/governor/jury"
	"comity/governor/lexicon"
	"comity/modeler/card"
	"comity/modeler/ensemble"
	"comity/modeler/explain"
	"comity/modeler/explain/fitted"
	"comity/modeler/explain/plot"
	"comity/modeler/forecast"
	"comity/modeler/interval"
	"comity/modeler/leakage"
	"comity/modeler/learn"
	glm "comity/modeler/learn/linear"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/skill"
	"comity/modeler/learn/table"
	"comity/modeler/neutrality"
	"comity/modeler/picture"
	"comity/modeler/representation"
	"comity/modeler/score"
	"comity/node"
	"comity/pack"
	"comity/pack/template"
	"comity/packs/health/campaign"
	"comity/party"
	"comity/place"
	"comity/quantity"
	"comity/replay"
	"comity/training"
	"comity/verifier/analytics"
	"comity/verifier/federation"
	"comity/verifier/ledger"
	"comity/verifier/privacy"
	"comity/verifier/privacy/accountant"
	"comity/verifier/privacy/noise"
	"comity/verifier/privacy/reference"
	"comity/verifier/secagg"
	"comity/verifier/secagg/oneshot"
)

// code is one row of the exit code table: one code, one cause. The help page and
// docs/guide/exit-codes.md are made from it.
type code struct {
	exit    int
	slug    string
	meaning string
	next    string // What to do.
	causes  []error
}

// codes are searched from the top: a cause that wraps another stands first. A full disk
// stands above all that it makes fail.
func codes() []code {
	return []code{
		{130, "interrupted", "interrupted", "run the same command again: a home is resumed", []error{errInterrupted, context.Canceled}},
		{2, "usage", "wrong usage", "read the message, or `comity COMMAND --help`", []error{errUsage, lexicon.ErrParameter}},
		{74, "disk", "disk or file trouble", "free space or fix permissions, then run it again", []error{
			syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, fs.ErrPermission, errDisk,
		}},
		{30, "exhausted", "the privacy budget is exhausted, or the answer would tell too much of a few", "ask less, wait for the next year, or amend the budget", []error{
			privacy.ErrExhausted, privacy.ErrNearCohort, privacy.ErrIsolated, privacy.ErrPersonal,
		}},
		{23, "too-late", "too late: expired, or used up", "ask for a new one", []error{node.ErrExpired, node.ErrStale}},
		{11, "wrong-key", "wrong or unknown key, or another consortium than the pinned one", "compare the charter's words again; do not rely on the evidence", []error{
			ledger.ErrSignature, ledger.ErrLogKey, audit.ErrAnchor, replay.ErrAnchor, party.ErrSeals, party.ErrSignature,
			party.ErrUnknownSigner, party.ErrThreshold, nats.ErrPin, nats.ErrRefused, secagg.ErrStranger,
			node.ErrWords, node.ErrTerms,
		}},
		{14, "witnesses", "not enough witnesses", "do not rely on it; ask for a checkpoint that the witnesses cosigned", []error{ledger.ErrWitnesses}},
		{13, "split", "the log is split or went backwards", "keep both sides: together they prove it; show them to the parties", []error{
			ledger.ErrRollback, node.ErrSplit, secagg.ErrTranscript, secagg.ErrEquivocation, oneshot.ErrContext,
		}},
		{12, "proof", "altered bytes, wrong log, or a proof that does not lead to the root", "keep the file as evidence and get another copy", []error{
			ledger.ErrProof, ledger.ErrOrigin, ledger.ErrAltered, audit.ErrContent, replay.ErrIncomplete, highs.ErrModule,
			secagg.ErrCommitment, secagg.ErrOwnCommitment, secagg.ErrReveal, secagg.ErrOwnReveal, secagg.ErrSum, secagg.ErrBox,
			secagg.ErrNonce, secagg.ErrHead, secagg.ErrFingerprint, secagg.ErrOpening, secagg.ErrIncomplete,
			oneshot.ErrNonce, oneshot.ErrRound, oneshot.ErrDeal, oneshot.ErrParcel, oneshot.ErrComplaint, oneshot.ErrUnsealed, oneshot.ErrUnequal,
			oneshot.ErrDealers, oneshot.ErrSurvivors, oneshot.ErrWitness, oneshot.ErrShare, oneshot.ErrDealer, oneshot.ErrTable, oneshot.ErrResult, oneshot.ErrBound,
		}},
		{40, "no-certificate", "a result of the solver without a valid certificate", "do not carry the decision out", []error{certificate.ErrInvalid, solve.ErrSolver, highs.ErrEngine, linear.ErrInvalid, basis.ErrNoProof, dc.ErrInvalid, dispatch.ErrNoProof, jury.ErrCertificate}},
		{41, "checkers-disagree", "two checkers disagree: recomputing gave another result", "keep the home and show it to the parties", []error{
			replay.ErrDiffers, node.ErrDissent, body.ErrRefused, learn.ErrSum, forecast.ErrSum, errLeaks, explain.ErrAdditivity, errDiffers,
		}},
		{21, "infeasible", "no feasible allocation", "the message names a smallest set of rules that conflict", []error{solve.ErrInfeasible, jury.ErrQuotas, bargain.ErrNoAgreement}},
		{20, "invalid", "a file, charter or value is not valid", "the message says where and how to fix it", []error{
			bargain.ErrInput, bargain.ErrNoMinimum, bargain.ErrNoWhole, bargain.ErrTooLarge,
			node.ErrInvitation, node.ErrEnrolment, node.ErrBundle, node.ErrAddressee, node.ErrGap, fleet.ErrRuns, ledger.ErrMalformed, ledger.ErrPolicy, charter.ErrRefused, charter.ErrSealed, place.ErrUnreadable,
			canon.ErrNotCanonical, canon.ErrDigest, party.ErrKeyFile, pack.ErrUnknown, pack.ErrPeriod, fleet.ErrHome, errClock,
			charter.ErrDuration, charter.ErrInstant, charter.ErrExpression, charter.ErrTooLarge, charter.ErrStep, party.ErrKey,
			party.ErrID, own.ErrRules, pack.ErrReceived, csv.ErrRow, nats.ErrConfig, nats.ErrTooLarge,
			explore.ErrChange, explore.ErrTooMany, program.ErrCharter, program.ErrForbidden, program.ErrInput, program.ErrDeclaration, program.ErrPicture, program.ErrRange, program.ErrUnit,
			campaign.ErrData, forecast.ErrInput, forecast.ErrDate, forecast.ErrTooMany, forecast.ErrObservation, forecast.ErrRecipe, forecast.ErrModel,
			learn.ErrConfig, learn.ErrData, learn.ErrModel, loss.ErrLoss, loss.ErrDomain, glm.ErrCollinear, glm.ErrSteps, table.ErrColumn, table.ErrTarget, skill.ErrRows, interval.ErrInput, training.ErrMembers, explain.ErrModel, explain.ErrRows, explain.ErrBounds, explain.ErrNone, fitted.ErrMethod, plot.ErrFigure, picture.ErrRefused, score.ErrLevels, score.ErrTooMany, score.ErrGroup,
			score.ErrModel, score.ErrForecast, representation.ErrInput, leakage.ErrInput, neutrality.ErrInput, card.ErrInput, training.ErrBudget, ensemble.ErrLevels, ensemble.ErrNoMember, ensemble.ErrWeight, solve.ErrTooLarge, basis.ErrTooLarge, quantity.ErrOverflow, quantity.ErrSyntax, quantity.ErrRule, quantity.ErrWeights,
			exact.ErrSyntax, exact.ErrDivision, exact.ErrDigits, dc.ErrCase, errUnbounded, secagg.ErrMalformed, secagg.ErrRange, secagg.ErrJournal, jury.ErrPool,
			analytics.ErrQuery, analytics.ErrRows, analytics.ErrSum, analytics.ErrSplit, federation.ErrQuestion, federation.ErrTerms, oneshot.ErrTerms, oneshot.ErrBucket,
			privacy.ErrParameter, privacy.ErrCharge, privacy.ErrConflict, noise.ErrScale, accountant.ErrParameter, accountant.ErrPublicCoin, accountant.ErrTooLarge, reference.ErrRow,
		}},
		{22, "not-yet", "not yet: too few parties answered in time, or nothing catches this lie yet", "run it again when they are connected", []error{
			node.ErrQuorum, node.ErrUnanswered, replay.ErrUnanswered, fleet.ErrOpen, errIdle, secagg.ErrMinMembers, secagg.ErrCohort, oneshot.ErrThreshold, oneshot.ErrExcluded, errNotCaught,
		}},
		{75, "busy", "in use by another process", "stop the other process or choose another port or home", []error{syscall.EADDRINUSE, node.ErrBusy, tlog.ErrInUse}},
		{3, "not-found", "not found", "check the name", []error{fs.ErrNotExist, explore.ErrName, template.ErrUnknown, lexicon.ErrTerm}},
		{69, "unreachable", "a peer or service cannot be reached", "check the address and the network, then try again", []error{
			syscall.ECONNREFUSED, context.DeadlineExceeded, nats.ErrUnreachable, nats.ErrClosed, nats.ErrProxy, replay.ErrUnreachable,
		}},
		{1, "unforeseen", "failed in a way nobody foresaw", "please report it with the message", nil},
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
	slug := "unforeseen"
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		slug = "disk" // A folder where a file should be, a name too long, too many open files.
	} else if _, ok := errors.AsType[net.Error](err); ok {
		slug = "unreachable"
	}
	return all[slices.IndexFunc(all, func(c code) bool { return c.slug == slug })]
}

var (
	// errUsage marks what the command line got wrong.
	errUsage = errors.New("wrong usage")
	// errInterrupted marks what a person or the machine stopped.
	errInterrupted = errors.New("interrupted")
	// errUnbounded marks a programme whose objective has no end.
	errUnbounded = errors.New("objective is unbounded")
	// errDisk marks a folder that cannot be made.
	errDisk = errors.New("folder cannot be made")
)
