package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"comity"
	"comity/adapter/nats"
	"comity/governor/charter"
	"comity/party"
	"comity/replay"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
	"comity/verifier/privacy"
	"comity/verifier/secagg"
)

// Table is a member's rows under a clause, read from where they are.
type Table interface {
	schema.Rows
	Close() error
}

// answering is one member's part in a question.
type answering struct {
	round       string
	participant *federation.Participant
	said        int // Counter of the newest statement, which this copy of the log may lack yet.
	refused     int // Statements refused in a row.

	down    *descent // Where its numbers come from the body that this member is the hub of.
	rows    bool     // They do not.
	without bool     // It said that the question goes on without it.
}

// approve answers a question by this member's policy, before anything of it is computed.
func (m *Member) approve(ctx context.Context, round string) error {
	b, ok := m.state.Board(round)
	if !ok {
		return fmt.Errorf("the hub asks about %.80q, which the log does not have", round)
	}
	say, _, err := m.part(ctx, b).Next(b)
	if err != nil || say == nil || say.Kind != comity.KindConsent {
		return err
	}
	return m.submit(ctx, m.next(), say.Kind, say.Record)
}

// answer takes part in a question until it is over or the hub asks for something else.
func (m *Member) answer(ctx context.Context, round string) error {
	m.setAnswering(round)
	defer m.setAnswering("")
	defer m.surface()
	for {
		b, ok := m.state.Board(round)
		if !ok {
			return fmt.Errorf("the hub asks about %.80q, which the log does not have", round)
		}
		if over(b) {
			return os.RemoveAll(m.roundFolder(round))
		}
		busy, err := m.turn(ctx, b)
		arrival, err := m.settle(ctx, err)
		if err != nil {
			return err
		}
		other, err := m.hearMore(ctx, round, busy, arrival)
		if err != nil {
			return err
		}
		if other != nil {
			m.surface()
			m.setAnswering("")
			m.attend(ctx, *other)
			return nil
		}
	}
}

// Answering is the question that this member takes part in now, empty if there is none. It
// has erased its secrets of those before.
func (m *Member) Answering() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.question
}

func (m *Member) setAnswering(round string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.question = round
}

// over tells whether a question needs no member any more: it is answered, too few were left,
// or the time of the last phase is up, after which members can say nothing about it.
func over(b federation.Board) bool {
	phase := b.Phase()
	return phase == federation.Answered || phase == federation.Failed || b.Open != nil && b.Now >= b.Open.UnmaskBy
}

// forgetAnswered erases what this member kept for questions that ended while it was away.
func (m *Member) forgetAnswered() error {
	for round := range m.state.View().Questions {
		folder := m.roundFolder(round)
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if b, _ := m.state.Board(round); over(b) {
			if err := os.RemoveAll(folder); err != nil {
				return err
			}
		}
	}
	return nil
}

// turn says and sends what is due in a question. It is busy if more may be due before
// the hub announces another checkpoint.
func (m *Member) turn(ctx context.Context, b federation.Board) (busy bool, err error) {
	p := m.part(ctx, b)
	if err := m.descend(ctx, b); err != nil {
		return false, err
	}
	say, letters, err := p.Next(b)
	if err != nil {
		return false, err
	}
	heard, err := m.send(ctx, b, letters)
	if err == nil && heard && say == nil {
		if say, letters, err = p.Next(b); err == nil { // What came back is enough to go on.
			_, err = m.send(ctx, b, letters)
		}
	}
	if err != nil {
		return false, err
	}
	if say == nil || m.next() <= m.asked.said {
		return len(letters) > 0, nil
	}
	err = m.submit(ctx, m.next(), say.Kind, say.Record)
	if _, refused := errors.AsType[*nats.RemoteError](err); refused && m.asked.refused < maxRefused {
		m.asked.refused++ // This copy of the log is behind; what is due then is said then.
		return true, nil
	}
	if err == nil {
		m.asked.said, m.asked.refused = m.next(), 0
	}
	return say.Kind == comity.KindComplaint, err // Of all statements only complaints may be several in a phase.
}

// send sends letters and hears what the hub answers.
func (m *Member) send(ctx context.Context, b federation.Board, letters []federation.Letter) (heard bool, err error) {
	for _, l := range letters {
		answer, err := m.link.Request(ctx, msgLetter, letterBytes(b.Question.Round, l))
		if err != nil {
			return heard, err
		}
		if len(answer) == 0 {
			continue
		}
		_, back, err := parseLetter(answer)
		if err == nil {
			err = m.part(ctx, b).Hear(b, back)
		}
		if err != nil {
			return heard, err
		}
		heard = true
	}
	return heard, nil
}

// maxRefused bounds how often in a row a member tries what the hub refuses.
const maxRefused = 20

// hearMore waits for a checkpoint that was not folded yet, or for an arrival from below, and
// folds the log up to it. It returns what the hub asks for if that is something else: then
// this question is over for it.
func (m *Member) hearMore(ctx context.Context, round string, busy bool, arrival <-chan struct{}) (other *due, err error) {
	wait := askAgain
	if busy {
		wait = lookEvery
	}
	unseen, news := m.unseen()
	if unseen {
		wait = 0
	}
	select {
	case d := <-m.todo:
		if d.What != dueAnswer || d.Round != round {
			return &d, nil
		}
	case <-news:
	case <-arrival:
		return nil, nil
	case <-time.After(wait):
		if !unseen {
			m.refresh(ctx)
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return nil, m.syncTo(ctx, m.state.View().Size)
}

// part is this member's side of a question, as long as the worker runs whose ctx this is.
// It is made again after a crash.
func (m *Member) part(ctx context.Context, b federation.Board) *federation.Participant {
	round := b.Question.Round
	if m.asked.round == round {
		return m.asked.participant
	}
	folder := m.roundFolder(round)
	m.asked = answering{round: round, participant: federation.NewParticipant(federation.ParticipantConfig{
		Self: m.cfg.Self, Vector: m.numbers, Secret: rand.Reader,
		Consent: func(q comity.Question) (string, error) { return m.objection(ctx, q) },
		Journal: &lazyJournal{name: folder + "/journal"}, Store: fileStore(folder),
		Pairs: func() (*secagg.Pairs, error) {
			now, _ := m.state.Board(round)
			return m.questionPairs(ctx, now)
		},
	})}
	return m.asked.participant
}

// objection is why this member refuses a question: it has no such rows, its terms are not
// those of its query, its policy says so, or the body below does, which is asked last: that
// is said in its log.
func (m *Member) objection(ctx context.Context, q comity.Question) (because string, err error) {
	clause, ok := charter.Clause(m.charter, q.Clause)
	if !ok {
		return "no rows here for this clause", nil
	}
	s, below, err := m.below(ctx, clause)
	if err == nil && below == nil {
		s, err = m.table(clause)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "no rows here for this clause", nil
	}
	if err != nil {
		return "", err
	}
	if _, err := replay.Layout(m.charter, q, s); err != nil {
		return plainText(err.Error()), nil // It is the reason.
	}
	policy, err := ReadPolicy(m.cfg.Home.Consent())
	if err != nil {
		return "", err
	}
	because, err = policy.Refuses(questionFacts(q, clause, m.charter))
	if err != nil || because != "" || below == nil {
		return because, err
	}
	because, err = below.Consider(ctx, q, s)
	return plainText(because), err
}

// table returns the schema of this member's rows under a clause, once they open.
func (m *Member) table(clause comity.DataClause) (schema.Schema, error) {
	if m.cfg.Table == nil {
		return schema.Schema{}, fs.ErrNotExist
	}
	s, table, err := m.cfg.Table(clause)
	if err != nil {
		return s, err
	}
	return s, table.Close()
}

// plainText fits a text into a reason of the log.
func plainText(text string) string {
	out := []byte(text)
	for i, c := range out {
		if c < ' ' || c > '~' {
			out[i] = '?'
		}
	}
	return string(out[:min(len(out), maxBecause)])
}

// questionFacts are the words that a policy may use about a question.
func questionFacts(q comity.Question, clause comity.DataClause, c comity.Charter) map[string]any {
	facts := map[string]any{
		"round": q.Round, "kind": q.Query.Kind, "task": q.Code, "period": q.Period, "clause": q.Clause, "schema": clause.Schema,
		"disclosure": q.Disclosure, "personal": clause.Queries.Personal, "min_members": q.MinMembers, "epsilon": 0.0, "delta": 0.0,
		"column": q.Query.Column, "by": q.Query.By, "minimum_cell": q.Query.MinimumCell,
	}
	if q.Disclosure == noisy && c.Privacy != nil {
		cost, err := federation.Release(q, len(clause.From)).Cost()
		if err != nil {
			return facts
		}
		if epsilon, err := privacy.Epsilon(cost.Rho, c.Privacy.PerRelease.Delta); err == nil {
			facts["epsilon"], _ = epsilon.Big().Float64()
			facts["delta"], _ = c.Privacy.PerRelease.Delta.Big().Float64()
		}
	}
	return facts
}

// numbers turns this member's rows, or the sum of the body below, into its vector.
func (m *Member) numbers(q comity.Question) ([]int64, error) {
	if m.asked.down != nil {
		return m.asked.down.arrived()
	}
	clause, _ := charter.Clause(m.charter, q.Clause)
	s, table, err := m.cfg.Table(clause)
	if err != nil {
		return nil, err
	}
	defer table.Close() //nolint:errcheck // Read only.
	l, err := analytics.NewLayout(q.Query, s)
	if err != nil {
		return nil, err
	}
	e := l.Encoder()
	report, err := schema.Read(s, table, maxRowErrors, e.Add)
	if err != nil {
		return nil, err
	}
	if err := report.Err(); err != nil {
		return nil, err
	}
	return e.Vector(), nil
}

// maxRowErrors bounds how many wrong cells a member is told of.
const maxRowErrors = 20

// questionPairs returns the secrets of a question: the epoch's, ratcheted through every
// question that was opened before it, whether this member took part or not. What is
// behind is erased, so that who takes the disk later cannot open it.
func (m *Member) questionPairs(ctx context.Context, b federation.Board) (*secagg.Pairs, error) {
	q := b.Question
	kept := m.roundFolder(q.Round) + "/pairs"
	data, err := os.ReadFile(kept)
	if err == nil {
		return secagg.ParsePairs(data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	pairs, passed, err := m.chainPairs(ctx, q.Epoch)
	if err != nil {
		return nil, err
	}
	defer pairs.Erase()
	opened := m.state.View().Epochs[q.Epoch].Opened
	at := slices.Index(opened, q.Round)
	if at < passed {
		return nil, fmt.Errorf("%w: the secrets of %s are erased", secagg.ErrJournal, q.Round)
	}
	var mine *secagg.Pairs
	for _, name := range opened[passed : at+1] {
		if mine != nil {
			mine.Erase()
		}
		mine = pairs.Ratchet(name)
	}
	if err := writeFile(kept, mine.Bytes()); err != nil {
		return nil, err
	}
	chain := binary.BigEndian.AppendUint32(nil, uint32(at+1)) //nolint:gosec // A count of rounds.
	if err := writeFile(m.epochFile(q.Epoch, "chain"), append(chain, pairs.Bytes()...)); err != nil {
		return nil, err
	}
	for _, used := range []string{"key", "dealt"} {
		if err := os.Remove(m.epochFile(q.Epoch, used)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return mine, nil
}

// chainPairs returns the epoch's secrets as they stand, and how many questions they have
// passed.
func (m *Member) chainPairs(ctx context.Context, epoch string) (*secagg.Pairs, int, error) {
	data, err := os.ReadFile(m.epochFile(epoch, "chain"))
	if errors.Is(err, fs.ErrNotExist) {
		pairs, err := m.epochPairs(ctx, epoch)
		return pairs, 0, err
	}
	if err != nil {
		return nil, 0, err
	}
	if len(data) < 4 {
		return nil, 0, fmt.Errorf("%w: secrets of epoch %s cut short", secagg.ErrJournal, epoch)
	}
	pairs, err := secagg.ParsePairs(data[4:])
	return pairs, int(binary.BigEndian.Uint32(data)), err
}

// lazyJournal is a journal that is opened when it is needed.
type lazyJournal struct {
	name string
	*journal
}

func (l *lazyJournal) open() error {
	if l.journal != nil {
		return nil
	}
	var err error
	l.journal, err = openJournal(l.name)
	return err
}

// Entries returns all entries.
func (l *lazyJournal) Entries() ([][]byte, error) {
	if err := l.open(); err != nil {
		return nil, err
	}
	return l.journal.Entries()
}

// Append returns after the entry is on disk.
func (l *lazyJournal) Append(entry []byte) error {
	if err := l.open(); err != nil {
		return err
	}
	return l.journal.Append(entry)
}

func sortedParties[V any](m map[party.ID]V) []party.ID { return slices.Sorted(maps.Keys(m)) }
