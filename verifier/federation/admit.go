package federation

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/oneshot"
)

// What a statement can break. What masks and shares can break is named by package
// oneshot.
var (
	ErrPhase  = errors.New("not due in this phase")
	ErrRepeat = errors.New("said before")
	ErrTerms  = errors.New("not the terms that follow from the question")
	ErrAbsent = errors.New("party takes no part")
)

// due refuses what the round does not wait for now.
func (b Board) due(want Phase) error {
	if at := b.Phase(); at != want {
		return fmt.Errorf("%w: round %s is %s, this belongs to %s", ErrPhase, b.Question.Round, at, want)
	}
	return nil
}

// AdmitConsent takes an answer to the question itself. The caller has checked that the
// author is asked, and that the answer names this question.
func (b Board) AdmitConsent(author party.ID, c comity.Consent) (Round, error) {
	if err := b.due(Asked); err != nil {
		return b.Round, err
	}
	if _, said := b.Consents[author]; said {
		return b.Round, fmt.Errorf("consent of %s: %w", author, ErrRepeat)
	}
	r := b.Round
	r.Consents = with(r.Consents, author, c)
	return r, nil
}

// AdmitOpen takes the hub's opening: with exactly the terms that follow.
func (b Board) AdmitOpen(o comity.Open) (Round, error) {
	if err := b.due(Asked); err != nil {
		return b.Round, err
	}
	if !b.Decided() {
		return b.Round, fmt.Errorf("%w: %d of %d parties answered, the others have until log time %d, it is %d", ErrPhase, len(b.Consents), len(b.From), b.Deadline(), b.Now)
	}
	if n := b.Approvals(); n < b.Needed {
		return b.Round, fmt.Errorf("%w: %d parties approved, %d must", ErrTerms, n, b.Needed)
	}
	want, err := Terms(b.Question, b.Ready, b.Now)
	if err != nil {
		return b.Round, err
	}
	if err := same(o, want); err != nil {
		return b.Round, err
	}
	r := b.Round
	r.Open, r.Invited = &o, slices.Clone(b.Ready)
	return r, nil
}

// same compares terms by their canonical form.
func same(got, want comity.Open) error {
	have, err := canon.Marshal(got)
	if err != nil {
		return err
	}
	due, err := canon.Marshal(want)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, due) {
		return fmt.Errorf("%w: opened with %s, want %s", ErrTerms, have, due)
	}
	return nil
}

// AdmitJoin takes a commitment to a nonce.
func (b Board) AdmitJoin(author party.ID, j comity.Join) (Round, error) {
	if err := b.due(Joining); err != nil {
		return b.Round, err
	}
	if !slices.Contains(b.Invited, author) {
		return b.Round, fmt.Errorf("join of %s: %w", author, ErrAbsent)
	}
	if _, said := b.Joins[author]; said {
		return b.Round, fmt.Errorf("join of %s: %w", author, ErrRepeat)
	}
	r := b.Round
	r.Joins = with(r.Joins, author, j)
	return r, nil
}

// AdmitNonce takes a nonce once nobody can join any more.
func (b Board) AdmitNonce(author party.ID, n comity.Nonce) (Round, error) {
	if err := b.due(Drawing); err != nil {
		return b.Round, err
	}
	j, joined := b.Joins[author]
	if !joined {
		return b.Round, fmt.Errorf("nonce of %s: %w", author, ErrAbsent)
	}
	if _, said := b.Nonces[author]; said {
		return b.Round, fmt.Errorf("nonce of %s: %w", author, ErrRepeat)
	}
	if err := oneshot.CheckNonce(author, j, n); err != nil {
		return b.Round, err
	}
	r := b.Round
	r.Nonces = with(r.Nonces, author, n)
	return r, nil
}

// AdmitDeal takes what a member's masks can be recovered from.
func (b Board) AdmitDeal(author party.ID, d comity.Deal) (Round, error) {
	if err := b.due(Dealing); err != nil {
		return b.Round, err
	}
	g, err := b.Group()
	if err != nil {
		return b.Round, err
	}
	if !slices.Contains(g.Members(), author) || d.Bucket != 0 {
		return b.Round, fmt.Errorf("deal of %s: %w", author, ErrAbsent)
	}
	if _, said := b.Deals[author]; said {
		return b.Round, fmt.Errorf("deal of %s: %w", author, ErrRepeat)
	}
	r := b.Round
	r.Deals = with(r.Deals, author, d)
	return r, nil
}

// AdmitComplaint takes a complaint that proves something, or says word against word.
func (b Board) AdmitComplaint(author party.ID, c comity.Complaint) (Round, error) {
	if err := b.due(Complaining); err != nil {
		return b.Round, err
	}
	d, dealt := b.Deals[c.Dealer]
	if _, own := b.Deals[author]; !own || !dealt || b.Settled[author] {
		return b.Round, fmt.Errorf("complaint of %s about %.40q: %w", author, c.Dealer, ErrAbsent)
	}
	if slices.ContainsFunc(b.Complaints, func(f Filed) bool { return f.By == author && f.Complaint.Dealer == c.Dealer }) {
		return b.Round, fmt.Errorf("complaint of %s about %s: %w", author, c.Dealer, ErrRepeat)
	}
	g, err := b.Group()
	if err != nil {
		return b.Round, err
	}
	if err := g.CheckComplaint(author, d, c); err != nil {
		return b.Round, err
	}
	r := b.Round
	r.Complaints = append(slices.Clip(r.Complaints), Filed{author, c})
	return r, nil
}

// AdmitSettled takes a holder's word that it has nothing more to complain of.
func (b Board) AdmitSettled(author party.ID) (Round, error) {
	if err := b.due(Complaining); err != nil {
		return b.Round, err
	}
	if _, dealt := b.Deals[author]; !dealt {
		return b.Round, fmt.Errorf("settled by %s: %w", author, ErrAbsent)
	}
	if b.Settled[author] {
		return b.Round, fmt.Errorf("settled by %s: %w", author, ErrRepeat)
	}
	r := b.Round
	r.Settled = with(r.Settled, author, true)
	return r, nil
}

// AdmitCommit takes a commitment to a masked vector.
func (b Board) AdmitCommit(author party.ID, m comity.Commit) (Round, error) {
	if err := b.due(Committing); err != nil {
		return b.Round, err
	}
	if _, said := b.Commits[author]; said {
		return b.Round, fmt.Errorf("commitment of %s: %w", author, ErrRepeat)
	}
	c, err := b.Cast()
	if err != nil {
		return b.Round, err
	}
	if err := c.CheckCommit(author, m); err != nil {
		return b.Round, err
	}
	r := b.Round
	r.Commits = with(r.Commits, author, m)
	return r, nil
}

// AdmitSurvivors takes the first admissible list of those whose vectors are in the sum.
// Size is that of the log right after.
func (b Board) AdmitSurvivors(s comity.Survivors, size int) (Round, error) {
	if at := b.Phase(); at != Closing {
		return b.Round, b.due(Closing)
	}
	c, err := b.Cast()
	if err != nil {
		return b.Round, err
	}
	if err := c.CheckSurvivors(s, b.Commits); err != nil {
		return b.Round, err
	}
	r := b.Round
	r.Survivors, r.SurvivorsAt = &s, size
	return r, nil
}

// AdmitUnmask takes a survivor's shares and fingerprint, at the places that the log chose.
func (b Board) AdmitUnmask(author party.ID, u comity.Unmask) (Round, error) {
	if err := b.due(Unmasking); err != nil {
		return b.Round, err
	}
	if _, said := b.Unmasks[author]; said {
		return b.Round, fmt.Errorf("unmask of %s: %w", author, ErrRepeat)
	}
	if b.Now >= b.Open.UnmaskBy {
		return b.Round, fmt.Errorf("unmask of %s: %w: too late", author, ErrPhase)
	}
	c, err := b.Cast()
	if err != nil {
		return b.Round, err
	}
	if err := c.CheckUnmask(author, *b.Survivors, b.SurvivorsAt, u); err != nil {
		return b.Round, err
	}
	r := b.Round
	r.Unmasks = with(r.Unmasks, author, u)
	return r, nil
}

// AdmitResult takes the end of the round. Whether its sum is right takes the blobs and is
// for those who hold them (oneshot.Verify).
func (b Board) AdmitResult(res comity.Result) (Round, error) {
	if err := b.due(Unmasking); err != nil {
		return b.Round, err
	}
	digest, err := canon.DigestOf(*b.Survivors)
	if err != nil {
		return b.Round, err
	}
	if res.Survivors != digest || res.Bucket != 0 {
		return b.Round, fmt.Errorf("result: %w: of survivors %s, these are %s", oneshot.ErrResult, res.Survivors, digest)
	}
	r := b.Round
	r.Result = &res
	return r, nil
}

// with returns a copy of m in which key has the value.
func with[V any](m map[party.ID]V, key party.ID, value V) map[party.ID]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[party.ID]V{}
	}
	m[key] = value
	return m
}

// Short tells whether an error means that too few members are left.
func Short(err error) bool {
	return errors.Is(err, secagg.ErrMinMembers) || errors.Is(err, oneshot.ErrThreshold)
}
