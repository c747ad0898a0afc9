package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"comity"
	"comity/adapter/nats"
	"comity/adapter/tlog"
	"comity/allocator/solve"
	"comity/body"
	"comity/canon"
	"comity/governor/charter"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/party"
	"comity/quantity"
	"comity/schema"
	"comity/verifier/ledger"
)

// MemberConfig says who a member is and what it brings.
type MemberConfig struct {
	Self    party.ID
	Home    Home
	Charter []byte   // Sealed, as its officers received it; the member follows no other.
	Address string   // Of the hub: HOST:PORT or wss://HOST:PORT.
	Pin     string   // Of the hub's TLS key.
	Proxy   *url.URL // To reach it through; nil: none.
	// Rows returns the member's own rows as they were known on a day (YYYY-MM-DD). They are
	// used at home and never sent.
	Rows func(asOf string) ([]forecast.Observation, error)
	// Declare returns the numbers that the member signs for a period under a clause.
	Declare func(clause comity.DataClause, period string, received int64) (map[string]canon.Int, error)
	// Table opens the member's rows under a clause that may be asked about, with what they
	// are; fs.ErrNotExist if it has none. Nil answers no questions.
	Table func(clause comity.DataClause) (schema.Schema, Table, error)
	// Below finds the body whose sum this member adds under a clause in the place of rows of
	// its own, with what those rows are; fs.ErrNotExist if it adds its own. Nil: always.
	Below func(ctx context.Context, clause comity.DataClause) (schema.Schema, Below, error)
	// Solver recomputes allocations before this member confirms them; nil leaves that to
	// others. It is not believed either.
	Solver solve.Solver
	Clock  Clock
	Logger *slog.Logger
	// Rehearse, if set, is asked before the member sends a message of a training step, or its
	// head when it is through with all of them: an error keeps it from sending, as a crash
	// would. Failures are rehearsed with it.
	Rehearse func(kind string, step int) error
	// Distort, if set, returns the vector that the member adds in the place of its own.
	// Lies are rehearsed with it.
	Distort func(step learn.Step, x []int64) []int64
	// Notice, if set, is told what this member found wrong, and at which duty. The hub is
	// told too, but may be what is wrong.
	Notice func(duty string, err error)
}

// Member is one party's running node.
type Member struct {
	cfg     MemberConfig
	logger  *slog.Logger
	charter comity.Charter
	policy  ledger.Policy
	key     party.Key
	witness *tlog.Witness
	link    link
	state   *body.State // Owned by the worker.
	trained *training   // The newest round it took part in; owned by the worker.
	asked   answering   // The newest question; owned by the worker.
	left    comity.Head // What it had seen of the newest round that went on without it.
	done    string      // The duty that was done last, and the one that failed last.
	failed  string
	seen    believed // The newest checkpoint that was checked; owned by the worker.

	todo chan due // Filled by the hub, emptied by the worker.
	step stepInbox

	mu         sync.Mutex
	checkpoint []byte        // Newest, as broadcast; not believed before syncTo checked it.
	news       chan struct{} // Closed and replaced with each checkpoint.
	question   string        // The round that it takes part in now, if it is a question.
}

// believed is a checkpoint that was checked, with the bytes that said it.
type believed struct {
	data       []byte
	checkpoint ledger.Checkpoint
}

// maxDue bounds what a hub may pile up for a member.
const maxDue = 64

// link is a member's way to its hub: a connection, or the messages of a bundle.
type link interface {
	Request(ctx context.Context, kind string, data []byte) ([]byte, error)
	Close()
}

// newMember opens a member's home.
func newMember(cfg MemberConfig) (*Member, error) {
	m := &Member{
		cfg: cfg, logger: orDiscard(cfg.Logger).With(slog.String("party", string(cfg.Self))),
		state: body.New(), todo: make(chan due, maxDue), step: newStepInbox(), news: make(chan struct{}),
	}
	var err error
	if m.charter, _, err = charter.Open(cfg.Charter); err != nil {
		return nil, fmt.Errorf("member %s: %w", cfg.Self, err)
	}
	m.policy = ledger.PolicyOf(m.charter)
	if m.key, err = party.LoadKey(cfg.Home.NodeKey()); err != nil {
		return nil, fmt.Errorf("member %s: %w", cfg.Self, err)
	}
	witnessKey, err := party.LoadKey(cfg.Home.WitnessKey())
	if err != nil {
		return nil, fmt.Errorf("member %s: %w", cfg.Self, err)
	}
	m.witness, err = tlog.NewWitness(tlog.WitnessConfig{
		Key: witnessKey, Origin: m.policy.Origin, LogKey: m.policy.Log, File: cfg.Home.path("witness.state"),
	})
	if err != nil {
		return nil, fmt.Errorf("member %s: %w", cfg.Self, err)
	}
	return m, nil
}

// Join starts a member and connects it to the hub. Run does its work.
func Join(ctx context.Context, cfg MemberConfig) (*Member, error) {
	m, err := newMember(cfg)
	if err != nil {
		return nil, err
	}
	identity, err := nats.LoadIdentity(cfg.Home.TransportKey())
	if err != nil {
		return nil, fmt.Errorf("member %s: %w", cfg.Self, err)
	}
	connection, err := nats.Dial(ctx, nats.MemberConfig{
		Address: cfg.Address, Pin: cfg.Pin, Name: string(cfg.Self), Identity: identity, Proxy: cfg.Proxy, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("member %s: %w", cfg.Self, err)
	}
	m.link = connection
	if err := m.listen(connection); err != nil {
		m.link.Close()
		return nil, fmt.Errorf("member %s: %w", cfg.Self, err)
	}
	return m, nil
}

// listen takes what the hub sends. Handlers only store: the worker decides.
func (m *Member) listen(hub *nats.Member) error {
	return errors.Join(
		hub.Handle(msgWitness, func(ctx context.Context, data []byte) ([]byte, error) {
			return m.cosign(ctx, data)
		}),
		hub.Handle(msgCheckpoint, func(_ context.Context, data []byte) ([]byte, error) {
			m.heard(data)
			return nil, nil
		}),
		hub.Handle(msgDue, func(_ context.Context, data []byte) ([]byte, error) {
			var d due
			if err := json.Unmarshal(data, &d); err != nil {
				return nil, err
			}
			queue := m.todo
			if d.What == dueCohort {
				queue = m.step.cohorts // The worker is in the middle of the round.
			}
			select {
			case queue <- d:
				return nil, nil
			default:
				return nil, fmt.Errorf("%w: %d duties are waiting", ErrBusy, maxDue)
			}
		}),
		hub.Handle(msgCommitments, func(_ context.Context, data []byte) ([]byte, error) {
			m.step.commitments.put(data)
			return nil, nil
		}),
		hub.Handle(msgSum, func(_ context.Context, data []byte) ([]byte, error) {
			m.step.sums.put(data)
			return nil, nil
		}),
	)
}

// cosign answers a C2SP add-checkpoint request.
func (m *Member) cosign(ctx context.Context, request []byte) ([]byte, error) {
	var a witnessAnswer
	a.Status, a.ContentType, a.Body = m.witness.AddCheckpoint(ctx, request, m.cfg.Clock().Unix())
	if err := objection(a); err != nil {
		m.notice(ctx, msgWitness, errors.Join(err, m.keepEvidence(request)))
	}
	return json.Marshal(a)
}

// Close disconnects.
func (m *Member) Close() { m.link.Close() }

// pollEvery is how often an idle member asks what is due: it may have been away when the
// hub said so.
const pollEvery = 2 * time.Second

// Run does what is due until ctx ends. What goes wrong twice is reported to the hub in
// words and never stops the member: it may still be a witness.
func (m *Member) Run(ctx context.Context) error {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	m.poll(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case d := <-m.todo:
			m.attend(ctx, d)
		case <-poll.C:
			m.poll(ctx)
		}
	}
}

// attend does one duty once.
func (m *Member) attend(ctx context.Context, d due) {
	if d.key() == m.done {
		return
	}
	err := m.do(ctx, d)
	if err == nil {
		m.done, m.failed = d.key(), ""
		return
	}
	if ctx.Err() != nil {
		return
	}
	m.notice(ctx, d.What, err)
	if m.failed == d.key() {
		m.report(ctx, d.What, err)
	}
	m.failed = d.key()
}

// notice tells this member's own people what it found wrong.
func (m *Member) notice(ctx context.Context, duty string, err error) {
	m.logger.LogAttrs(ctx, slog.LevelWarn, "duty not done", slog.String("duty", duty), slog.Any("err", err))
	if m.cfg.Notice != nil {
		m.cfg.Notice(duty, err)
	}
}

// report tells the hub, in words.
func (m *Member) report(ctx context.Context, duty string, err error) {
	_, _ = m.link.Request(ctx, msgFail, []byte(duty+": "+err.Error())) // The hub may be what failed.
}

// poll asks what is due and for the newest checkpoint.
func (m *Member) poll(ctx context.Context) {
	answer, err := m.link.Request(ctx, msgDuty, nil)
	if err != nil {
		return // The hub is away.
	}
	var now duty
	if err := json.Unmarshal(answer, &now); err != nil {
		return
	}
	if len(now.Checkpoint) > 0 {
		m.heard(now.Checkpoint)
	}
	if now.Due.What != "" {
		m.attend(ctx, now.Due)
	}
}

// heard keeps the newest checkpoint; it is checked when it is used.
func (m *Member) heard(checkpoint []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if bytes.Equal(checkpoint, m.checkpoint) {
		return
	}
	m.checkpoint = checkpoint
	close(m.news)
	m.news = make(chan struct{})
}

func (m *Member) do(ctx context.Context, d due) error {
	if err := m.syncTo(ctx, d.Size); err != nil {
		return err
	}
	if err := m.forgetAnswered(); err != nil {
		return err
	}
	return m.perform(ctx, d)
}

// perform does a duty that this copy of the log reaches up to.
func (m *Member) perform(ctx context.Context, d due) error {
	switch d.What {
	case dueRatify:
		return m.ratify(ctx)
	case dueKeys:
		return m.publishKeys(ctx, d.Round, d.Epoch)
	case dueBoxes:
		return m.sealBoxes(ctx, d.Epoch)
	case dueTrain:
		return m.train(ctx, d.Round)
	case dueConsent:
		return m.approve(ctx, d.Round)
	case dueAnswer:
		return m.answer(ctx, d.Round)
	case dueFingerprint:
		return m.fingerprint(ctx, d.Round)
	case dueForecast:
		return m.declare(ctx, d.Period)
	case dueCheck:
		return m.check(ctx, d.Period)
	}
	return fmt.Errorf("the hub asks for %.40q, which this version does not know", d.What)
}

// syncTo folds the log up to the newest witnessed checkpoint of at least size entries,
// and of no fewer than were folded before.
func (m *Member) syncTo(ctx context.Context, size int) error {
	for {
		m.mu.Lock()
		data, news := m.checkpoint, m.news
		m.mu.Unlock()
		if data != nil {
			c, err := m.believe(data)
			if err != nil {
				return err
			}
			if c.Size >= int64(max(size, m.state.View().Size)) {
				return m.fold(ctx, c)
			}
		}
		select {
		case <-news:
		case <-time.After(askAgain):
			m.refresh(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// believe checks a checkpoint, once: its cosignatures are most of what folding costs.
func (m *Member) believe(data []byte) (ledger.Checkpoint, error) {
	if bytes.Equal(data, m.seen.data) {
		return m.seen.checkpoint, nil
	}
	c, err := ledger.ParseCheckpoint(data, m.policy)
	if err == nil {
		m.seen = believed{data, c}
	}
	return c, err
}

// unseen tells whether there is a checkpoint that was not folded yet, with a channel that
// closes when the next one comes.
func (m *Member) unseen() (bool, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !bytes.Equal(m.checkpoint, m.seen.data), m.news
}

// catchUp folds what the newest checkpoint has more than this copy of the log, if it has
// more. Who waits for something else must not wait here.
func (m *Member) catchUp(ctx context.Context) error {
	m.mu.Lock()
	data := m.checkpoint
	m.mu.Unlock()
	if data == nil {
		return nil
	}
	c, err := m.believe(data)
	if err != nil || c.Size <= int64(m.state.View().Size) {
		return err
	}
	return m.fold(ctx, c)
}

// refresh asks for the newest checkpoint.
func (m *Member) refresh(ctx context.Context) {
	answer, err := m.link.Request(ctx, msgDuty, nil)
	var now duty
	if err == nil && json.Unmarshal(answer, &now) == nil && len(now.Checkpoint) > 0 {
		m.heard(now.Checkpoint)
	}
}

// fold fetches and folds entries and requires that they are the checkpoint's.
func (m *Member) fold(ctx context.Context, c ledger.Checkpoint) error {
	for m.state.View().Size < int(c.Size) {
		request, err := json.Marshal(entriesRequest{From: m.state.View().Size, To: int(c.Size)})
		if err != nil {
			return err
		}
		answer, err := m.link.Request(ctx, msgEntries, request)
		if err != nil {
			return err
		}
		var entries [][]byte
		if err := json.Unmarshal(answer, &entries); err != nil || len(entries) == 0 {
			return fmt.Errorf("%w: %d of %d entries served", ErrSplit, m.state.View().Size, c.Size)
		}
		for _, e := range entries {
			if _, err := m.state.Fold(e); err != nil {
				return err
			}
		}
	}
	root, ok := m.state.Root(int(c.Size))
	if !ok || root != [32]byte(c.Root) {
		return fmt.Errorf("%w: %d entries have another root than the witnessed checkpoint", ErrSplit, c.Size)
	}
	if m.state.View().Charter != canon.Sum(m.cfg.Charter) {
		return fmt.Errorf("%w: the log's charter %q is not the one this member signed, %q",
			ErrSplit, m.state.View().Charter.Words(), canon.Sum(m.cfg.Charter).Words())
	}
	return nil
}

// submit signs a record as this member's next statement and waits until it is logged.
func (m *Member) submit(ctx context.Context, counter int, kind comity.Kind, record any) error {
	raw, err := canon.Marshal(record)
	if err != nil {
		return fmt.Errorf("%s statement: %w", kind, err)
	}
	entry, err := ledger.Sign(comity.Statement{
		Body: m.charter.ID, Charter: canon.Sum(m.cfg.Charter), Author: m.cfg.Self, Counter: counter, Kind: kind, Record: raw,
	}, m.key)
	if err != nil {
		return err
	}
	if _, err := m.link.Request(ctx, msgSubmit, entry); err != nil {
		return fmt.Errorf("%s statement: %w", kind, err)
	}
	return nil
}

// next is the counter of this member's next statement, by its own copy of the log.
func (m *Member) next() int { return m.state.View().Counters[m.cfg.Self] + 1 }

// ratify seals the charter with the officers' keys that lie in this home.
func (m *Member) ratify(ctx context.Context) error {
	if m.state.View().Ratified[m.cfg.Self] {
		return nil
	}
	digest := canon.Sum(m.cfg.Charter)
	seals, err := sealCharter(m.cfg.Home, m.charter, m.cfg.Self, digest)
	if err != nil {
		return err
	}
	return m.submit(ctx, m.next(), comity.KindRatify, comity.Ratification{Charter: digest, Seals: seals})
}

// sealCharter signs with as many officers' keys as the party's threshold asks for.
func sealCharter(home Home, c comity.Charter, id party.ID, digest canon.Digest) ([]party.Seal, error) {
	p, ok := charter.PartyOf(c, id)
	if !ok {
		return nil, fmt.Errorf("%w: %s is not a party of the charter", party.ErrID, id)
	}
	var seals []party.Seal
	for n := range p.Keys.Threshold {
		k, err := party.LoadKey(home.OfficerKey(strconv.Itoa(n + 1)))
		if err != nil {
			return nil, err
		}
		seals = append(seals, party.SealDocument(k, c.ID, digest))
	}
	return seals, nil
}

// check says what state this member found when it replayed the log, after it allocated
// again by itself. What does not agree is logged as a dissent.
func (m *Member) check(ctx context.Context, period string) error {
	d, ok := m.state.View().Decisions[period]
	if !ok || d.Allocation == nil {
		return fmt.Errorf("the hub asks to check %s, which is not allocated in the log", period)
	}
	if slices.Contains(d.Checks, m.cfg.Self) || slices.Contains(d.Dissents, m.cfg.Self) {
		return nil
	}
	found := d.Expected
	if err := m.checkScores(ctx, d.Round); err != nil {
		return m.dissent(ctx, found, err)
	}
	if m.cfg.Solver != nil {
		own, err := m.allocate(ctx, period)
		if err != nil {
			return err
		}
		if !slices.Equal(own, d.Allocation.Units) {
			if found.State, err = canon.DigestOf(own); err != nil {
				return err
			}
			err = m.submit(ctx, m.next(), comity.KindCheck, found)
			return errors.Join(fmt.Errorf("%w: the logged allocation of %s is not the one that the rules name: %s", ErrDissent, period, moved(own, d.Allocation.Units)), err)
		}
	}
	return m.submit(ctx, m.next(), comity.KindCheck, found)
}

// allocate solves the period's problem again: among all optima the rules name one.
func (m *Member) allocate(ctx context.Context, period string) ([]quantity.Amount, error) {
	problem, err := m.state.Problem(period)
	if err != nil {
		return nil, err
	}
	lot, err := m.state.Lot(period)
	if err != nil {
		return nil, err
	}
	result, err := solve.Allocate(ctx, problem, m.cfg.Solver, lot)
	return result.Units, err
}

// moved says how many units stand elsewhere in two plans of the same columns.
func moved(a, b []quantity.Amount) string {
	var units quantity.Amount
	for i := range min(len(a), len(b)) {
		units += max(a[i]-b[i], 0)
	}
	return units.String() + " units moved"
}
