package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
	"comity/verifier/privacy"
)

// Below is the body that a member is the hub of. Under a clause whose rows lie there the
// member adds that body's sum in the place of rows of its own (docs/guide/hierarchy.md).
type Below interface {
	// Consider has the body approve a question of the body above, before the member does.
	// It returns why the body does not, or nothing.
	Consider(ctx context.Context, q comity.Question, s schema.Schema) (because string, err error)
	// Ask returns the body's verified sum, lane by lane, and of how many members it is.
	Ask(ctx context.Context, q comity.Question, s schema.Schema) (sum []int64, members int, err error)
}

// Beneath asks the body of a hub what the body above asks its operator, one question at a
// time. It implements Below.
type Beneath struct {
	hub  *Hub
	turn chan struct{} // Holds one token.
}

// NewBeneath returns the way down to a hub's body.
func NewBeneath(h *Hub) *Beneath {
	b := &Beneath{hub: h, turn: make(chan struct{}, 1)}
	b.turn <- struct{}{}
	return b
}

// Consider logs the question below and has the members approve it. What the rules, the
// budget or too few approvals refuse comes back as the reason.
func (b *Beneath) Consider(ctx context.Context, q comity.Question, s schema.Schema) (because string, err error) {
	err = b.alone(ctx, func() error {
		down, err := b.lower(q, s)
		if err != nil {
			return err
		}
		if _, asked := b.hub.board(down.Round); !asked {
			if why := b.hub.mayAsk(down); why != nil {
				return fmt.Errorf("%w: %w", body.ErrRefused, why)
			}
		}
		return b.hub.Propose(ctx, down, s)
	})
	if err == nil || !isRefusal(err) {
		return "", err
	}
	return fmt.Sprintf("not possible in %s: %s", b.hub.charter.ID, err), nil
}

// Ask has the members below answer the question, and returns their sum.
func (b *Beneath) Ask(ctx context.Context, q comity.Question, s schema.Schema) (sum []int64, members int, err error) {
	err = b.alone(ctx, func() error {
		down, err := b.lower(q, s)
		if err != nil {
			return err
		}
		board, err := b.hub.Ask(ctx, down, s)
		if err != nil {
			return err
		}
		members = len(board.Survivors.Members)
		sum, err = b.hub.Sum(board)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", b.hub.charter.ID, err)
	}
	return sum, members, nil
}

// alone runs f when no other question is being asked.
func (b *Beneath) alone(ctx context.Context, f func() error) error {
	select {
	case <-b.turn:
		defer func() { b.turn <- struct{}{} }()
		return f()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lower returns the question as it is asked below. A round of that name that asks
// anything else cannot be taken for its answer.
func (b *Beneath) lower(q comity.Question, s schema.Schema) (comity.Question, error) {
	down, err := Lower(b.hub.charter, q, s)
	if err != nil {
		return down, err
	}
	board, asked := b.hub.board(down.Round)
	if !asked {
		return down, nil
	}
	want, err := canon.DigestOf(down)
	if err != nil {
		return down, err
	}
	got, err := canon.DigestOf(board.Question)
	if err == nil && got != want {
		err = fmt.Errorf("%w: round %s was asked with other terms (%s, want %s); ask under another name", federation.ErrQuestion, down.Round, got.Hex()[:8], want.Hex()[:8])
	}
	return down, err
}

// isRefusal tells what a body says to a question from what went wrong when it was asked.
func isRefusal(err error) bool {
	return slices.ContainsFunc([]error{
		ErrUnanswered, ErrQuorum, body.ErrRefused, federation.ErrQuestion, privacy.ErrExhausted, privacy.ErrParameter,
		analytics.ErrQuery, analytics.ErrSplit, analytics.ErrRows, analytics.ErrSum, schema.ErrSchema,
	}, func(known error) bool { return errors.Is(err, known) })
}

// Lower returns the question that a member asks the body it is the hub of, when its own
// body asks it q about rows of a schema. The query is the same word for word, so that both
// sums have the same lanes; all else follows from the charter below: its clause of the
// same schema, its unit of privacy, its least number of members, and as little noise as
// its budget for one release takes.
func Lower(c comity.Charter, q comity.Question, s schema.Schema) (comity.Question, error) {
	if q.Seconds < leastSeconds {
		return comity.Question{}, fmt.Errorf("%w: %d seconds a phase; a body below needs at least %d, to be done before vectors are due", federation.ErrQuestion, q.Seconds, leastSeconds)
	}
	clause, err := clauseBelow(c, q, s)
	if err != nil {
		return comity.Question{}, err
	}
	down := comity.Question{
		Round: q.Round, Period: q.Period, Clause: clause.ID, Query: q.Query, Disclosure: q.Disclosure, Seconds: secondsBelow(q.Seconds),
	}
	if down, err = Terms(c, down, s); err != nil {
		return down, err
	}
	if down.Schema != q.Schema || down.Code != q.Code || down.Lanes != q.Lanes || down.Bound != q.Bound {
		return down, fmt.Errorf("%w: %s below has schema %s, %s, %d lanes up to %d; the question has %s, %s, %d up to %d", federation.ErrQuestion,
			clause.ID, down.Schema.Hex()[:8], down.Code, down.Lanes, down.Bound, q.Schema.Hex()[:8], q.Code, q.Lanes, q.Bound)
	}
	if q.Disclosure != noisy {
		return down, nil
	}
	return quietBelow(c, down, q.Carried)
}

// clauseBelow finds the clause whose rows a question is about: the one of the same name
// where several have them.
func clauseBelow(c comity.Charter, q comity.Question, s schema.Schema) (comity.DataClause, error) {
	var found []comity.DataClause
	for _, d := range c.Data {
		if d.Queries == nil || d.Schema != s.ID || !slices.Contains(d.Queries.Kinds, q.Query.Kind) {
			continue
		}
		if d.ID == q.Clause {
			return d, nil
		}
		found = append(found, d)
	}
	if len(found) != 1 {
		return comity.DataClause{}, fmt.Errorf("%w: %d clauses of charter %s answer a %.40s of rows of %s, want one, or one named %s",
			federation.ErrQuestion, len(found), c.ID, q.Query.Kind, s.ID, q.Clause)
	}
	return found[0], nil
}

// quietBelow gives a question as little noise as the budget below takes. All of it, and
// what its members bring from bodies of their own, stays within what the question above
// lets one member carry.
func quietBelow(c comity.Charter, down comity.Question, carried exact.Rat) (comity.Question, error) {
	down, err := Quietest(c, down)
	if err != nil {
		return down, err
	}
	clause, _ := charter.Clause(c, down.Clause)
	members := len(clause.From)
	own := federation.Noise(down, members, members)
	rest := carried.Sub(own)
	if rest.Sign() < 0 {
		return down, fmt.Errorf("%w: its noise has a variance of up to %s, and a member may carry %s; ask with carried of at least %s",
			federation.ErrQuestion, own, carried, own)
	}
	each, err := rest.Quo(exact.Int(int64(members)))
	if err != nil {
		return down, err
	}
	down.Carried, err = exact.Parse(each.Floor().String())
	return down, err
}

// Quietest gives a question about persons the least noise that the charter's budget for
// one release takes, unless its author chose.
func Quietest(c comity.Charter, q comity.Question) (comity.Question, error) {
	if q.Disclosure != noisy || q.Variance.Sign() != 0 || c.Privacy == nil {
		return q, nil
	}
	clause, _ := charter.Clause(c, q.Clause)
	var err error
	q.Variance, err = federation.LeastVariance(q, len(clause.From), privacy.Limit{Epsilon: c.Privacy.PerRelease.Epsilon, Delta: c.Privacy.PerRelease.Delta})
	return q, err
}

// secondsBelow is how long a phase lasts one level down. A round has six phases, and the
// sum below must be there when the fifth of the round above ends: six times two thirds is
// four, which leaves one for all that is not waiting.
func secondsBelow(seconds int) int { return 2 * seconds / 3 }

// leastSeconds is the shortest phase of which two thirds are a second.
const leastSeconds = 2
