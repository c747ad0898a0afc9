// Package audit re-checks one decision offline: no network, no hub, no solver, no
// engine. Its dependencies are few enough to read (arch_test.go lists them), because
// this is the code that a sceptic has to believe.
//
// The anchor of all trust is the charter's digest. It names every key and threshold
// that the other checks use, so whoever pins it from a source of their own needs
// nobody's word for the rest.
package audit

import (
	"errors"
	"fmt"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
	"comity/governor/charter"
	"comity/verifier/ledger"
)

var (
	// ErrAnchor says that evidence is of another consortium than the pinned one.
	ErrAnchor = errors.New("another consortium's charter")
	// ErrContent says that what a receipt carries is not what its entry is about.
	ErrContent = errors.New("content does not match the entry")
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Report says what a receipt proves. Checks stand in the order in which they were
// made and end at the first that failed.
type Report struct {
	Verified bool         `json:"verified"`
	Anchor   string       `json:"anchor"`  // "pinned" or "unpinned".
	Charter  canon.Digest `json:"charter"` // Of the embedded charter.
	Words    string       `json:"words"`   // The same, as eight words.
	Subject  string       `json:"subject"` // "allocation statement 9 of SECRETARIAT".
	Checks   []Check      `json:"checks"`
	Err      error        `json:"-"` // The failed check's, for errors.Is.
}

// Receipt checks the bytes of a receipt. With a nil anchor the embedded charter is
// taken at its word and the report says so: anyone can found a consortium that agrees
// with itself.
func Receipt(data []byte, pinned *canon.Anchor) Report {
	r := Report{Anchor: "unpinned"}
	if pinned != nil {
		r.Anchor = "pinned"
	}
	c := checker{report: &r, pinned: pinned}
	for _, step := range []struct {
		name string
		run  func() (string, error)
	}{
		{"form", func() (string, error) { return c.form(data) }},
		{"charter", c.anchor},
		{"signature", c.signature},
		{"witnesses", c.witnesses},
		{"inclusion", c.inclusion},
		{"content", c.content},
	} {
		detail, err := step.run()
		if err != nil {
			r.Checks = append(r.Checks, Check{Name: step.name, Detail: err.Error()})
			r.Err = err
			return r
		}
		r.Checks = append(r.Checks, Check{Name: step.name, OK: true, Detail: detail})
	}
	r.Verified = true
	return r
}

// checker carries what one check learned to the next.
type checker struct {
	report     *Report
	pinned     *canon.Anchor
	receipt    ledger.Receipt
	statement  comity.Statement
	charter    comity.Charter
	checkpoint ledger.Checkpoint
}

func (c *checker) form(data []byte) (string, error) {
	var err error
	if c.receipt, err = ledger.ReadReceipt(data); err != nil {
		return "", err
	}
	c.statement = c.receipt.Entry().Statement()
	c.report.Subject = fmt.Sprintf("%s statement %d of %s", c.statement.Kind, c.statement.Counter, c.statement.Author)
	return fmt.Sprintf("%s, in the one canonical form", c.report.Subject), nil
}

func (c *checker) anchor() (string, error) {
	rules, digest, err := charter.Open(c.receipt.Extra.Charter)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrContent, err)
	}
	c.charter, c.report.Charter, c.report.Words = rules, digest, digest.Words()
	if c.pinned != nil && !c.pinned.Matches(digest) {
		return "", fmt.Errorf("%w: the receipt carries %q, pinned is %q", ErrAnchor, digest.Words(), c.pinned)
	}
	if c.statement.Charter != digest || c.statement.Body != rules.ID {
		return "", fmt.Errorf("%w: the statement is made under %s of %q, the receipt carries %s of %q",
			ErrContent, c.statement.Charter, c.statement.Body, digest, rules.ID)
	}
	if c.pinned != nil {
		return fmt.Sprintf("%s v%d is the pinned charter", rules.ID, rules.Version), nil
	}
	return fmt.Sprintf("%s v%d, not pinned: self-consistent only", rules.ID, rules.Version), nil
}

func (c *checker) signature() (string, error) {
	author, ok := charter.PartyOf(c.charter, c.statement.Author)
	if !ok {
		return "", fmt.Errorf("%w: %s is not a party of the charter", ledger.ErrSignature, c.statement.Author)
	}
	if err := c.receipt.Entry().Verify(author.Node.Key); err != nil {
		return "", err
	}
	return fmt.Sprintf("by the key that the charter gives to %s", author.ID), nil
}

func (c *checker) witnesses() (string, error) {
	policy := ledger.PolicyOf(c.charter)
	var err error
	if c.checkpoint, err = ledger.ParseCheckpoint(c.receipt.Checkpoint, policy); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d of %d cosigned, %d needed", len(c.checkpoint.Cosigned), len(policy.Witnesses), policy.Threshold), nil
}

func (c *checker) inclusion() (string, error) {
	if _, err := c.receipt.CheckInclusion(ledger.PolicyOf(c.charter)); err != nil {
		return "", err
	}
	return fmt.Sprintf("entry %d of the %d in log %s", c.receipt.Index, c.checkpoint.Size, c.checkpoint.Origin), nil
}

// content checks what the kind of statement allows a stranger to check alone.
func (c *checker) content() (string, error) {
	if c.statement.Kind != comity.KindAllocation && c.receipt.Extra.Problem != nil {
		return "", fmt.Errorf("%w: a problem beside a %s statement", ErrContent, c.statement.Kind)
	}
	switch c.statement.Kind {
	case comity.KindCharter:
		if canon.Sum(c.statement.Record) != c.report.Charter {
			return "", fmt.Errorf("%w: the logged charter is not the embedded one", ErrContent)
		}
		return "the logged charter is the embedded one", nil
	case comity.KindAllocation:
		return c.allocation()
	default:
		return "logged as signed; whether it was admissible is for a replay to say", nil
	}
}

func (c *checker) allocation() (string, error) {
	var a comity.Allocation
	if err := canon.Unmarshal(c.statement.Record, &a); err != nil {
		return "", fmt.Errorf("%w: %w", ErrContent, err)
	}
	var p comity.Problem
	if err := canon.Unmarshal(c.receipt.Extra.Problem, &p); err != nil {
		return "", fmt.Errorf("%w: problem: %w", ErrContent, err)
	}
	if d := canon.Sum(c.receipt.Extra.Problem); d != a.Problem || p.Charter != c.report.Charter || p.Picture != a.Picture || p.Period != a.Period {
		return "", fmt.Errorf("%w: the problem %s is not the one that was solved, %s", ErrContent, d, a.Problem)
	}
	if err := certificate.Check(p, a.Units, a.Certificate, c.charter.Decisions.MaxGap); err != nil {
		return "", err
	}
	shares, err := certificate.Shares(p, a.Units)
	if err != nil {
		return "", err
	}
	for i, s := range shares {
		if i >= len(a.Parties) || a.Parties[i] != s {
			return "", fmt.Errorf("%w: the units of %s do not add up", ErrContent, s.Party)
		}
	}
	if len(shares) != len(a.Parties) {
		return "", fmt.Errorf("%w: %d parties, the problem has %d", ErrContent, len(a.Parties), len(shares))
	}
	total, err := comity.Total(shares)
	if err != nil {
		return "", err
	}
	better := "better"
	if first := a.Certificate.Stages[0]; first.Gap.Sign() != 0 { // Check requires a proof of each stage.
		better = fmt.Sprintf("better by more than %s of %s", first.Gap, first.Bound)
	}
	return fmt.Sprintf("%s %ss to %d parties; no plan within the rules is %s; a replay says whether it took effect", grouped(total.String()), p.Unit, len(shares), better), nil
}

// grouped writes the digits of a whole number in groups of three.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
