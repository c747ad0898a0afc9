package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
	"comity/verifier/privacy"
	"comity/verifier/privacy/enclosure"
	"comity/verifier/secagg"
	"comity/verifier/secagg/oneshot"
)

// ErrUnanswered says that a round has no result, so that there is nothing to check.
var ErrUnanswered = errors.New("the round has no result")

// Questions counts what became of the questions of a log.
type Questions struct {
	Asked    int `json:"asked"`
	Answered int `json:"answered"` // With a sum that follows from masked sum and masks.
	// MasksOnly counts answers of which a survivor gave no fingerprint, and Disputed those
	// whose fingerprints do not add up. Of both an outsider cannot tell that the masked sum
	// is of the committed vectors; of the second somebody lied, the hub or a survivor, and
	// members to whom the hub shows the masked vectors find out who (oneshot.Blame).
	MasksOnly  int     `json:"masks_only"`
	Disputed   int     `json:"disputed"`
	Decoded    int     `json:"decoded"`    // Answers whose schema lies beside the log, so that terms and numbers were computed again.
	Refused    int     `json:"refused"`    // By so many parties that nobody may answer.
	Failed     int     `json:"failed"`     // Too few were left, or the last deadline passed.
	Unanswered int     `json:"unanswered"` // Under way.
	Spent      []Spent `json:"spent"`      // By party, schema, unit and year.
}

// Spent is what answers told about the rows of one party, folded from the log.
type Spent struct {
	privacy.Account
	Releases int       `json:"releases"`
	Rho      exact.Rat `json:"rho"`   // Of zCDP; rounded up to 10^-30 where it is too long to be sealed.
	Delta    exact.Rat `json:"delta"` // Likewise.
}

// SumEvidence gathers what the log says about the sum of a question, for oneshot.Verify.
// The blobs are the public ones beside the tiles. Errors: ErrUnanswered, those of package
// oneshot.
func SumEvidence(b federation.Board, blob func(canon.Digest) ([]byte, error)) (oneshot.Evidence, error) {
	if b.Survivors == nil || b.Result == nil {
		return oneshot.Evidence{}, fmt.Errorf("question %s: %w: it is %s", b.Question.Round, ErrUnanswered, b.Phase())
	}
	g, err := b.Group()
	if err != nil {
		return oneshot.Evidence{}, err
	}
	return oneshot.Evidence{Group: g, Record: b.Record(), Result: *b.Result, Blob: blob}, nil
}

// Layout reads the sum of a question about rows of a schema. It first checks that what
// the question says of itself follows from its query: its schema is that of the clause,
// lanes and bound are those of the layout, rows about persons get noise, and noise is
// scaled to the sensitivity of the charter's unit. An error wraps ErrDiffers and names
// the field that says something else.
func Layout(c comity.Charter, q comity.Question, s schema.Schema) (*analytics.Layout, error) {
	l, err := analytics.NewLayout(q.Query, s)
	if err != nil {
		return nil, fmt.Errorf("%w: query: %w", ErrDiffers, err)
	}
	digest, err := s.Digest()
	if err != nil {
		return nil, err
	}
	clause, _ := charter.Clause(c, q.Clause)
	says := func(field string, said, follows any) (*analytics.Layout, error) {
		return nil, fmt.Errorf("%w: %s: the question says %v, query and schema give %v", ErrDiffers, field, said, follows)
	}
	switch {
	case digest != q.Schema:
		return says("schema", q.Schema, digest)
	case s.ID != clause.Schema:
		return nil, fmt.Errorf("%w: schema: it is of rows of %s, clause %s has rows of %s", ErrDiffers, s.ID, clause.ID, clause.Schema)
	case q.Lanes != len(l.Lanes):
		return says("lanes", q.Lanes, len(l.Lanes))
	case int64(q.Bound) != l.Bound:
		return says("bound", q.Bound, l.Bound)
	case q.Disclosure == privacy.Exact && s.IsPersonal():
		return says("disclosure", q.Disclosure, privacy.Noisy)
	case q.Disclosure == privacy.Exact:
		return l, nil
	}
	if err := l.Noisy(); err != nil {
		return nil, fmt.Errorf("%w: disclosure: %w", ErrDiffers, err)
	}
	square, err := federation.Square(c.Privacy.Unit, l)
	if err != nil {
		return nil, fmt.Errorf("%w: square: %w", ErrDiffers, err)
	}
	if q.Square.Cmp(square) != 0 {
		return says("square", q.Square, square)
	}
	return l, nil
}

// Answer decodes the sum of a question. Its noise is what those who are in the sum added,
// each the share of all who were invited, and what they may have brought from bodies of
// their own. Errors: analytics.ErrSum.
func Answer(l *analytics.Layout, r federation.Round, sum []int64) (analytics.Answer, error) {
	members := len(r.Survivors.Members)
	return l.Decode(analytics.Opened{Sum: sum, Members: members, Variance: federation.Noise(r.Question, len(r.Invited), members)})
}

// opened is what anybody finds in the sum of a question.
type opened struct {
	sum      []int64
	lacking  []party.ID // Survivors without a fingerprint.
	disputed error      // Why fingerprints do not add up, if they do not.
	rows     string     // Id of the schema, empty where it does not lie beside the log.
	answer   *analytics.Answer
}

// answered checks a question that has a result, and counts it.
func (r *run) answered(ctx context.Context, round string) error {
	o, err := r.open(ctx, round)
	if err == nil {
		err = r.decode(ctx, round, &o)
	}
	if err != nil {
		return fmt.Errorf("question %s: %w", round, err)
	}
	q := &r.out.Questions
	q.Answered++
	switch {
	case o.disputed != nil:
		q.Disputed++
	case len(o.lacking) > 0:
		q.MasksOnly++
	}
	if o.answer != nil {
		q.Decoded++
	}
	return nil
}

// open recomputes the sum of a question from the masked sum and the masks, and compares
// fingerprints as far as they are public.
func (r *run) open(ctx context.Context, round string) (o opened, err error) {
	b, _ := r.state.Board(round)
	e, err := SumEvidence(b, r.blob(ctx))
	if err != nil {
		return o, err
	}
	o.lacking = e.Lacking()
	e.MasksOnly = len(o.lacking) > 0
	o.sum, err = oneshot.Verify(e)
	if errors.Is(err, secagg.ErrFingerprint) {
		o.disputed, e.MasksOnly, e.Disputed = err, true, e.Survivors.Members
		o.sum, err = oneshot.Verify(e)
	}
	if err != nil {
		return o, differs(err)
	}
	return o, r.shown(ctx, e.Result.Sum)
}

// decode computes the answer from the sum, if the schema lies beside the log.
func (r *run) decode(ctx context.Context, round string, o *opened) error {
	asked := r.state.View().Questions[round]
	raw, err := r.source.read(ctx, asked.Question.Schema)
	if errors.Is(err, ErrIncomplete) {
		return nil
	}
	if err != nil {
		return err
	}
	var s schema.Schema
	if err := canon.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("%w: schema: blob %s is none: %w", ErrDiffers, asked.Question.Schema.Hex(), err)
	}
	l, err := Layout(r.state.Charter(), asked.Question, s)
	if err != nil {
		return err
	}
	a, err := Answer(l, asked, o.sum)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDiffers, err)
	}
	o.rows, o.answer = s.ID, &a
	return nil
}

// tally counts the questions that have no result, and what all of them cost.
func (r *run) tally() error {
	out := &r.out.Questions
	out.Spent = []Spent{}
	for _, name := range slices.Sorted(maps.Keys(r.state.View().Questions)) {
		out.Asked++
		switch b, _ := r.state.Board(name); r.fate(b) {
		case refused:
			out.Refused++
		case failed:
			out.Failed++
		case pending:
			out.Unanswered++
		}
	}
	l, err := r.state.Ledger()
	if err != nil || l == nil {
		return err
	}
	for _, b := range l.Balances() {
		if b.Releases > 0 {
			out.Spent = append(out.Spent, Spent{b.Account, b.Releases, sealable(b.Rho), sealable(b.Delta)})
		}
	}
	return nil
}

// Ends of a question.
const (
	answered = "answered"
	refused  = "refused"
	failed   = "failed"
	pending  = "under way"
)

// fate tells how a question stands at the end of the log.
func (r *run) fate(b federation.Board) string {
	clause, _ := charter.Clause(r.state.Charter(), b.Question.Clause)
	against := len(b.Consents) - b.Approvals()
	switch {
	case b.Result != nil:
		return answered
	case b.Open == nil && len(clause.From)-against < max(b.Needed, b.Question.MinMembers):
		return refused
	case b.Phase() == federation.Failed, b.Open != nil && b.Now >= b.Open.UnmaskBy:
		return failed
	default:
		return pending
	}
}

// sealable returns x, rounded up where its text is too long: to overstate what was spent
// is safe. 10^-30 is far below every delta that a budget states.
func sealable(x exact.Rat) exact.Rat {
	if len(x.String()) <= exact.MaxText {
		return x
	}
	return enclosure.Ceil(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(30), nil))
}
