package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
	"comity/verifier/ledger"
	"comity/verifier/secagg/oneshot"
)

// ErrUnanswered says that a question ended without an answer: too few approved it, or
// too few were left.
var ErrUnanswered = errors.New("the question has no answer")

// Terms completes a question about rows of a schema: what follows from its query is not
// left to whoever asks.
func Terms(c comity.Charter, q comity.Question, s schema.Schema) (comity.Question, error) {
	clause, ok := charter.Clause(c, q.Clause)
	if !ok || clause.Queries == nil {
		return q, fmt.Errorf("%w: clause %.40q answers no questions", federation.ErrQuestion, q.Clause)
	}
	if s.ID != clause.Schema {
		return q, fmt.Errorf("%w: the schema is %s, rows of %s are %s", federation.ErrQuestion, s.ID, clause.ID, clause.Schema)
	}
	l, err := analytics.NewLayout(q.Query, s)
	if err != nil {
		return q, err
	}
	if q.Schema, err = s.Digest(); err != nil {
		return q, err
	}
	q.Code, q.Epoch = federation.Code, body.QuestionEpoch(c.ID, q.Period)
	q.Lanes, q.Bound = len(l.Lanes), canon.Int(l.Bound)
	if q.MinMembers == 0 {
		q.MinMembers = clause.Queries.MinMembers
	}
	if q.Disclosure == noisy {
		if err := l.Noisy(); err != nil {
			return q, err
		}
		if c.Privacy == nil {
			return q, fmt.Errorf("%w: the charter has no privacy budget", federation.ErrQuestion)
		}
		if q.Square, err = federation.Square(c.Privacy.Unit, l); err != nil {
			return q, err
		}
	}
	return q, federation.Check(q)
}

// noisy is the disclosure that adds noise (package privacy).
const noisy = "dp"

// conducting is the question that the hub is answering now.
type conducting struct {
	round     string
	conductor *federation.Conductor
}

// Propose logs a question and asks who takes part, or goes on with one that the log has
// already. The schema is published beside the log, so that anybody can read the answer.
// Errors: body.ErrRefused if the rules or the budget do not allow it, ErrUnanswered if too
// few approve.
func (h *Hub) Propose(ctx context.Context, q comity.Question, s schema.Schema) error {
	if err := h.tick(ctx); err != nil {
		return err
	}
	b, asked := h.board(q.Round)
	if !asked {
		if err := h.mayAsk(q); err != nil {
			return err
		}
		raw, err := canon.Marshal(s)
		if err != nil {
			return err
		}
		if _, err := storeBlob(h.cfg.Home.Log(), raw); err != nil {
			return err
		}
		if _, err := h.say(ctx, comity.KindQuestion, q); err != nil {
			return err
		}
		// From here on the silent are waited for.
		if err := h.tick(ctx); err != nil {
			return err
		}
		b, _ = h.board(q.Round)
	}
	if b.Open != nil || b.Result != nil {
		return nil
	}
	return h.invite(ctx, b)
}

// Ask proposes a question and has the members answer it, or goes on with one that the log
// has already.
func (h *Hub) Ask(ctx context.Context, q comity.Question, s schema.Schema) (federation.Board, error) {
	if err := h.Propose(ctx, q, s); err != nil {
		return federation.Board{}, err
	}
	return h.Answer(ctx, q.Round)
}

// mayAsk is why a question that nobody asked yet would be refused.
func (h *Hub) mayAsk(q comity.Question) (why error) {
	h.Look(func(s *body.State) { why = s.MayAsk(q) })
	return why
}

// board is a question as the hub's log has it.
func (h *Hub) board(round string) (b federation.Board, ok bool) {
	h.Look(func(s *body.State) { b, ok = s.Board(round) })
	return b, ok
}

// Answer has the members answer a question of the log.
func (h *Hub) Answer(ctx context.Context, round string) (federation.Board, error) {
	b, ok := h.board(round)
	if !ok {
		return b, fmt.Errorf("%w: nobody asked %s", ErrUnanswered, round)
	}
	if b.Result != nil {
		return b, nil
	}
	if b.Open == nil {
		if err := h.invite(ctx, b); err != nil {
			return b, err
		}
		if err := h.tick(ctx); err != nil { // Deadlines count from when all is ready, not from when it was asked.
			return b, err
		}
	}
	if err := h.kept(b); err != nil {
		return b, fmt.Errorf("answer %s: %w", round, err)
	}
	folder := h.questionFolder(round)
	h.mu.Lock()
	h.asking = conducting{round, federation.NewConductor(fileStore(folder))}
	h.mu.Unlock()
	b, err := h.conduct(ctx, round)
	h.mu.Lock()
	h.asking = conducting{}
	h.mu.Unlock()
	if err == nil || lost(b, err) { // Verified, or never to be opened: nobody needs the masked vectors any more.
		err = errors.Join(err, erase(folder))
	}
	if err != nil {
		return b, fmt.Errorf("answer %s: %w", round, err)
	}
	_, err = h.barrier(ctx) // Members learn that they can erase what is theirs.
	return b, err
}

// invite asks who takes part, and has those who do exchange keys, once for each question
// as long as the hub runs.
func (h *Hub) invite(ctx context.Context, b federation.Board) error {
	q := b.Question
	h.mu.Lock()
	invited := h.invited == q.Round
	h.mu.Unlock()
	if invited {
		return nil
	}
	h.cfg.Progress(Event{Phase: "question", Text: "members approve " + q.Round})
	clause, _ := charter.Clause(h.charter, q.Clause)
	if err := h.ask(ctx, due{What: dueConsent, Round: q.Round}); err != nil {
		return err
	}
	if _, err := h.patiently(ctx, clause.From, func(s *body.State, id party.ID) bool {
		b, _ := s.Board(q.Round)
		_, said := b.Consents[id]
		return said
	}); err != nil {
		return err
	}
	if err := h.awaitCarried(ctx, q, clause.From); err != nil {
		return err
	}
	b, _ = h.board(q.Round)
	if n := b.Approvals(); n < max(b.Needed, q.MinMembers) {
		return fmt.Errorf("%w: %d of %d parties approved, %d must%s", ErrUnanswered, n, len(clause.From), max(b.Needed, q.MinMembers), refusals(b.Consents))
	}
	if err := h.exchange(ctx, due{Epoch: q.Epoch, Round: q.Round}, clause.From, func(s *body.State, id party.ID) bool {
		b, _ := s.Board(q.Round)
		return !b.Consents[id].Approves
	}); err != nil {
		return err
	}
	if err := h.awaitBoxes(ctx, q, clause.From); err != nil {
		return err
	}
	h.mu.Lock()
	h.invited = q.Round
	h.mu.Unlock()
	return nil
}

// conduct leads a question from its opening to its result.
func (h *Hub) conduct(ctx context.Context, round string) (federation.Board, error) {
	h.cfg.Progress(Event{Phase: "question", Text: "members answer " + round})
	shown := federation.Phase("")
	for {
		var b federation.Board
		var moved <-chan struct{}
		h.queue.watch(func(s *body.State, m <-chan struct{}) {
			b, _ = s.Board(round)
			moved = m
		})
		phase := b.Phase()
		if phase == federation.Answered {
			return b, h.verify(b)
		}
		if phase == federation.Failed {
			return b, fmt.Errorf("%w: too few members were left", ErrUnanswered)
		}
		acted, err := h.advance(ctx, b)
		if err != nil {
			return b, err
		}
		if acted {
			continue // What the hub says itself needs no members, so no witnesses of its own.
		}
		if phase != shown {
			if err := h.ask(ctx, due{What: dueAnswer, Round: round}); err != nil {
				return b, err
			}
			shown = phase
			continue // Members may have answered while the witnesses cosigned.
		}
		h.tellCarried(b)
		select {
		case <-moved:
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return b, ctx.Err()
		}
	}
}

// advance says what the hub has to say, or that a deadline has passed.
func (h *Hub) advance(ctx context.Context, b federation.Board) (acted bool, err error) {
	h.mu.Lock()
	due, err := h.asking.conductor.Next(b)
	h.mu.Unlock()
	late := int(h.cfg.Clock().Unix()) >= b.Deadline()
	switch {
	case err != nil && b.Phase() == federation.Unmasking && !late:
		return false, nil // Shares are still on their way.
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrUnanswered, err)
	case due != nil:
		for _, blob := range due.Blobs {
			if _, err := storeBlob(h.cfg.Home.Log(), blob); err != nil {
				return false, err
			}
		}
		_, err := h.say(ctx, due.Kind, due.Record)
		return true, err
	case late && b.Now < b.Deadline():
		return true, h.tick(ctx)
	default:
		return false, nil
	}
}

// Sum returns the public sum of an answered question, by lane.
func (h *Hub) Sum(b federation.Board) ([]int64, error) {
	if b.Result == nil {
		return nil, fmt.Errorf("%w: %s is %s", ErrUnanswered, b.Question.Round, b.Phase())
	}
	data, err := os.ReadFile(Blob(h.cfg.Home.Log(), b.Result.Sum))
	if err != nil {
		return nil, err
	}
	sum, err := oneshot.ParseSum(data)
	if err != nil {
		return nil, err
	}
	return sum.Values(), nil
}

// takeLetter keeps what a member sends beside the log, and answers one that asks.
func (h *Hub) takeLetter(_ context.Context, from string, data []byte) ([]byte, error) {
	round, l, err := parseLetter(data)
	if err != nil {
		return nil, err
	}
	b, ok := h.board(round)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !ok || h.asking.round != round {
		return nil, fmt.Errorf("%w: round %.80q is not being answered", body.ErrRefused, round)
	}
	answer, err := h.asking.conductor.Hear(b, party.ID(from), l)
	if err != nil || answer == nil {
		return nil, err
	}
	return letterBytes(round, *answer), nil
}

// wanted refuses a statement of a question whose letter the hub does not have.
func (h *Hub) wanted(entry []byte) error {
	e, err := ledger.Parse(entry)
	if err != nil {
		return nil // The sequencer says what is wrong with it.
	}
	st := e.Statement()
	var record any
	var round string
	switch st.Kind {
	case comity.KindDeal:
		var d comity.Deal
		err = canon.Unmarshal(st.Record, &d)
		record, round = d, d.Round
	case comity.KindCommit:
		var c comity.Commit
		err = canon.Unmarshal(st.Record, &c)
		record, round = c, c.Round
	default:
		return nil
	}
	if err != nil {
		return nil // As above.
	}
	b, ok := h.board(round)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !ok || h.asking.round != round {
		return fmt.Errorf("%w: round %.80q is not being answered", body.ErrRefused, round)
	}
	return h.asking.conductor.Wants(b, st.Author, record)
}

// letterBytes frames a letter: length and name of the round, length and kind, data.
func letterBytes(round string, l federation.Letter) []byte {
	out := binary.BigEndian.AppendUint16(nil, uint16(len(round))) //nolint:gosec // At most 256.
	out = append(out, round...)
	out = append(out, byte(len(l.Kind))) //nolint:gosec // One of four short words.
	out = append(out, l.Kind...)
	return append(out, l.Data...)
}

// errLetter says that a message is no letter.
var errLetter = errors.New("not a letter")

func parseLetter(data []byte) (round string, l federation.Letter, err error) {
	take := func(n int) string {
		if n > len(data) {
			err = fmt.Errorf("%w: cut short", errLetter)
			return ""
		}
		text := string(data[:n])
		data = data[n:]
		return text
	}
	size := take(2)
	if err == nil {
		round = take(int(binary.BigEndian.Uint16([]byte(size))))
	}
	if size = take(1); err == nil {
		l.Kind = take(int(size[0]))
	}
	l.Data = data
	if err == nil && (round == "" || !slices.Contains([]string{federation.Bundle, federation.Upload, federation.Asking, federation.Parcels}, l.Kind)) {
		err = fmt.Errorf("%w: of kind %.20q", errLetter, l.Kind)
	}
	return round, l, err
}

// refusals lists who takes no part in a round, and why.
func refusals(consents map[party.ID]comity.Consent) string {
	var said strings.Builder
	for _, id := range sortedParties(consents) {
		if c := consents[id]; !c.Approves {
			fmt.Fprintf(&said, "; %s refused: %s", id, c.Reason)
		}
	}
	return said.String()
}
