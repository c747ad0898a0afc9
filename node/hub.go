package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"comity"
	"comity/adapter/nats"
	"comity/adapter/tlog"
	"comity/allocator/solve"
	"comity/body"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
	"comity/verifier/ledger"
	"comity/verifier/secagg"
)

// HubConfig says which body a hub serves and how long it waits.
type HubConfig struct {
	Home    Home
	Charter []byte // Sealed.
	Address string // Listen here; "127.0.0.1:0" picks a free port.
	Web     string // Listen here for websockets too; empty: nowhere.
	// Presence, if set, is told when a member's connection opens or ends. It must not block.
	Presence func(id party.ID, connected bool)
	Solver   solve.Solver
	// Supply returns what the operator declares for a period under a clause.
	Supply func(clause comity.DataClause, period string) (map[string]canon.Int, error)
	// Patience bounds every wait for members' statements. Default 60 s.
	Patience time.Duration
	Clock    Clock
	Progress Progress
	Logger   *slog.Logger
	// Rehearse, if set, makes the hub misbehave; see HubRehearsal.
	Rehearse *HubRehearsal
}

// Hub sequences a body's log and adds masked vectors. It has keys of its own only as
// the party that operates the log.
type Hub struct {
	cfg      HubConfig
	logger   *slog.Logger
	charter  comity.Charter
	policy   ledger.Policy
	operator party.Key
	members  []party.ID // All parties but the operator.
	log      *tlog.Log
	link     *nats.Hub
	queue    *sequencer
	steps    *stepServer
	errands  *errands

	mu       sync.Mutex
	current  due // What members are asked for now.
	asking   conducting
	invited  string // The newest question whose members have said whether they take part.
	failures []Failure
	stop     context.CancelFunc
	stopped  chan error
}

// Failure is something a member reported as wrong.
type Failure struct {
	Party party.ID
	Text  string
}

const (
	// checkpointEvery is how often the log publishes. Every barrier of a decision waits
	// for it, so it is Tessera's shortest; its default of one second would cost 20 s.
	checkpointEvery = 100 * time.Millisecond
	// batchEvery is how long the log waits for more entries: the sequencer has gathered
	// them already.
	batchEvery      = 5 * time.Millisecond
	defaultPatience = 60 * time.Second
	maxFailures     = 1000
)

// Serve opens the log, folds it, and listens for members.
func Serve(ctx context.Context, cfg HubConfig) (*Hub, error) {
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	if cfg.Progress == nil {
		cfg.Progress = func(Event) {}
	}
	if cfg.Presence == nil {
		cfg.Presence = func(party.ID, bool) {}
	}
	h := &Hub{cfg: cfg, logger: orDiscard(cfg.Logger), stopped: make(chan error, 1)}
	h.steps, h.errands = newStepServer(h), newErrands(h)
	var err error
	if h.charter, _, err = charter.Open(cfg.Charter); err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	h.policy = ledger.PolicyOf(h.charter)
	if h.operator, err = party.LoadKey(cfg.Home.Hub().NodeKey()); err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	var identities []nats.MemberIdentity
	for _, p := range h.charter.Parties {
		if p.ID != h.charter.Transparency.Log.Operator {
			h.members = append(h.members, p.ID)
		}
		// The operator's own commands connect as it does.
		identities = append(identities, nats.MemberIdentity{Name: string(p.ID), NKey: p.Node.Transport})
	}
	h.link, err = nats.Listen(ctx, nats.HubConfig{
		Address: cfg.Address, Web: cfg.Web, Folder: cfg.Home.Hub().Transport(), Members: identities, Logger: cfg.Logger,
		Moved: func(name string) { h.steps.moved(party.ID(name)) },
		Presence: func(name string, connected bool) {
			if !slices.Contains(h.members, party.ID(name)) {
				return
			}
			if connected {
				h.steps.greet(party.ID(name))
			}
			cfg.Presence(party.ID(name), connected)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	if err := h.openLog(ctx); err != nil {
		h.link.Close()
		return nil, fmt.Errorf("hub: %w", err)
	}
	if err := h.listen(); err != nil {
		return nil, errors.Join(err, h.Close(ctx))
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.stop = stop
	var serving sync.WaitGroup
	serving.Go(func() { h.errands.run(running) })
	go func() {
		err := h.queue.run(running)
		serving.Wait()
		h.stopped <- err
	}()
	return h, nil
}

// openLog opens the log with the members as its witnesses and folds what it holds.
func (h *Hub) openLog(ctx context.Context) error {
	key, err := party.LoadKey(h.cfg.Home.Hub().LogKey())
	if err != nil {
		return err
	}
	var witnesses []tlog.WitnessEndpoint
	for _, id := range h.members {
		if key, ok := h.policy.WitnessOf(id); ok {
			witnesses = append(witnesses, tlog.WitnessEndpoint{Key: key, Ask: h.askWitness(id)})
		}
	}
	h.log, err = tlog.Open(ctx, tlog.Config{
		Folder: h.cfg.Home.Log(), Key: key, Origin: h.policy.Origin, Interval: checkpointEvery, Batch: batchEvery,
		Witnesses: witnesses, Threshold: h.policy.Threshold, Logger: h.cfg.Logger,
	})
	if err != nil {
		return err
	}
	h.queue = newSequencer(h.log)
	size, err := h.log.Size(ctx)
	if err != nil {
		return err
	}
	for from := int64(0); from < size; from += maxEntries {
		entries, err := h.log.Entries(ctx, from, min(size, from+maxEntries))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := h.queue.fold(e); err != nil {
				return fmt.Errorf("log entry %d: %w", h.queue.state.View().Size, err)
			}
		}
	}
	if logged := h.queue.state.View().Charter; size > 0 && logged != canon.Sum(h.cfg.Charter) {
		return fmt.Errorf("%w: the log in %s is of charter %q", ErrSplit, h.cfg.Home.Log(), logged.Words())
	}
	return h.forgetAsked()
}

// askWitness forwards a C2SP add-checkpoint request over the member's own connection.
func (h *Hub) askWitness(id party.ID) func(context.Context, []byte) (int, string, []byte, error) {
	return func(ctx context.Context, request []byte) (status int, contentType string, body []byte, err error) {
		data, err := h.link.Request(ctx, string(id), msgWitness, h.shown(id, msgWitness, request))
		if err != nil {
			return 0, "", nil, err
		}
		var a witnessAnswer
		if err := json.Unmarshal(data, &a); err != nil {
			return 0, "", nil, fmt.Errorf("answer of witness %s: %w", id, err)
		}
		return a.Status, a.ContentType, a.Body, nil
	}
}

// listen answers members. The sender's name is the transport's, never the message's.
func (h *Hub) listen() error {
	return errors.Join(
		h.hubPost().serve(h.link),
		h.link.Handle(msgSubmit, func(ctx context.Context, from string, data []byte) ([]byte, error) {
			err := h.wanted(data)
			if err == nil {
				_, err = h.queue.submit(ctx, data)
			}
			if err != nil {
				h.logger.LogAttrs(ctx, slog.LevelWarn, "statement refused", slog.String("party", from), slog.Any("err", err))
			}
			return nil, err
		}),
		h.link.Handle(msgEntries, h.serveEntries),
		h.link.Handle(msgSealed, h.takeBoxes),
		h.link.Handle(msgBoxes, h.giveBoxes),
		h.link.Handle(msgUpload, func(_ context.Context, from string, data []byte) ([]byte, error) {
			return nil, h.steps.put(stepMessage{from: party.ID(from), upload: data})
		}),
		h.link.Handle(msgReveal, func(_ context.Context, from string, data []byte) ([]byte, error) {
			return nil, h.steps.put(stepMessage{from: party.ID(from), reveal: data})
		}),
		h.link.Handle(msgAnswer, h.steps.answer),
		h.link.Handle(msgLetter, h.takeLetter),
		h.link.Handle(msgDuty, h.serveDuty),
		h.link.Handle(msgBlob, h.serveBlob),
		h.link.Handle(MsgCharter, func(context.Context, string, []byte) ([]byte, error) { return h.cfg.Charter, nil }),
		h.link.Handle(msgFail, func(ctx context.Context, from string, data []byte) ([]byte, error) {
			h.report(ctx, party.ID(from), data)
			return nil, nil
		}),
	)
}

// report keeps what a member found wrong.
func (h *Hub) report(ctx context.Context, from party.ID, text []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	said := string(text[:min(len(text), maxFail)])
	if len(h.failures) < maxFailures {
		h.failures = append(h.failures, Failure{from, said})
	}
	h.logger.LogAttrs(ctx, slog.LevelWarn, "member reports a failure", slog.String("party", string(from)), slog.String("text", said))
}

func (h *Hub) serveEntries(ctx context.Context, _ string, data []byte) ([]byte, error) {
	var r entriesRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	if r.From < 0 || r.To <= r.From {
		return nil, fmt.Errorf("%w: entries %d to %d", body.ErrRefused, r.From, r.To)
	}
	entries, err := h.log.Entries(ctx, int64(r.From), min(int64(r.To), int64(r.From)+maxEntries))
	if err != nil {
		return nil, err
	}
	total := 0
	for i, e := range entries {
		if total += len(e); total > maxEntriesBytes && i > 0 {
			entries = entries[:i]
			break
		}
	}
	return json.Marshal(entries)
}

// takeBoxes keeps the pair secrets that a member sealed, for their receivers to fetch.
// Sent again, they replace the earlier ones: the log decides which are right.
func (h *Hub) takeBoxes(_ context.Context, from string, data []byte) ([]byte, error) {
	var dealt []sealedBox
	if err := json.Unmarshal(data, &dealt); err != nil {
		return nil, err
	}
	if len(dealt) > len(h.members) {
		return nil, fmt.Errorf("%w: %d boxes for %d members", body.ErrRefused, len(dealt), len(h.members))
	}
	for _, b := range dealt {
		if !slices.Contains(h.members, party.ID(b.To)) || len(b.Box) != secagg.BoxSize {
			return nil, fmt.Errorf("%w: box of %d bytes to %.40q", body.ErrRefused, len(b.Box), b.To)
		}
	}
	byEpoch := map[string][]sealedBox{}
	for _, b := range dealt {
		b.From = from
		byEpoch[b.Epoch] = append(byEpoch[b.Epoch], b)
	}
	for _, epoch := range slices.Sorted(maps.Keys(byEpoch)) {
		raw, err := json.Marshal(byEpoch[epoch])
		if err != nil {
			return nil, err
		}
		if err := writeFile(filepath.Join(h.boxFolder(epoch), from), raw); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// boxFolder is where the hub keeps the boxes of one epoch, a file for each sender.
func (h *Hub) boxFolder(epoch string) string {
	return h.cfg.Home.Hub().path("boxes", canon.Sum([]byte(epoch)).Hex()[:16])
}

// giveBoxes returns the boxes that were sealed to the asker.
func (h *Hub) giveBoxes(_ context.Context, from string, epoch []byte) ([]byte, error) {
	mine := []sealedBox{}
	for _, id := range h.members {
		raw, err := os.ReadFile(filepath.Join(h.boxFolder(string(epoch)), string(id)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var dealt []sealedBox
		if err := json.Unmarshal(raw, &dealt); err != nil {
			return nil, fmt.Errorf("boxes of %s: %w", id, err)
		}
		for _, b := range dealt {
			if b.To != from {
				continue
			}
			if b.Box, err = h.box(id, party.ID(from), string(epoch), b.Box); err != nil {
				return nil, err
			}
			mine = append(mine, b)
		}
	}
	return json.Marshal(mine)
}

// Address returns where members connect.
func (h *Hub) Address() string { return h.link.Address() }

// Pin returns what members pin the hub's TLS key by.
func (h *Hub) Pin() string { return h.link.Pin() }

// Charter returns the rules of the body.
func (h *Hub) Charter() comity.Charter { return h.charter }

// Members returns the parties that should connect.
func (h *Hub) Members() []party.ID { return h.members }

// Connected returns the members that are connected now.
func (h *Hub) Connected() []string {
	return slices.DeleteFunc(h.link.Connected(), func(name string) bool { return !slices.Contains(h.members, party.ID(name)) })
}

// Failures returns what members reported as wrong.
func (h *Hub) Failures() []Failure {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.failures)
}

// Look runs f on the state of the body while it cannot move.
func (h *Hub) Look(f func(*body.State)) { h.queue.look(f) }

// Close stops sequencing and closes the log and the transport.
func (h *Hub) Close(ctx context.Context) error {
	if h.stop != nil {
		h.stop()
		if err := <-h.stopped; err != nil && !errors.Is(err, context.Canceled) {
			h.logger.LogAttrs(ctx, slog.LevelError, "sequencer stopped", slog.Any("err", err))
		}
	}
	err := h.log.Close(ctx)
	h.link.Close()
	return err
}

// say signs a record as the operator's next statement and waits until it is logged.
func (h *Hub) say(ctx context.Context, kind comity.Kind, record any) (index int, err error) {
	raw, err := canon.Marshal(record)
	if err != nil {
		return 0, fmt.Errorf("%s statement: %w", kind, err)
	}
	st := comity.Statement{
		Body: h.charter.ID, Charter: canon.Sum(h.cfg.Charter), Author: h.charter.Transparency.Log.Operator, Kind: kind, Record: raw,
	}
	h.Look(func(s *body.State) { st.Counter = s.View().Counters[st.Author] + 1 })
	forced := false
	if r := h.cfg.Rehearse; r != nil && r.Say != nil {
		if forced, err = r.Say(&st); err != nil {
			return 0, err
		}
	}
	entry, err := ledger.Sign(st, h.operator)
	if err != nil {
		return 0, err
	}
	if forced {
		return h.force(ctx, entry)
	}
	return h.queue.submit(ctx, entry)
}

// size is how many entries the log has now.
func (h *Hub) size() (n int) {
	h.Look(func(s *body.State) { n = s.View().Size })
	return n
}

// barrier waits until a witnessed checkpoint covers the whole log as it is now, tells
// the members, and returns it with the size it covers. Only barriers wait for
// witnesses: founding, cohort, heads, model and allocation.
func (h *Hub) barrier(ctx context.Context) (size int, err error) {
	n := h.size()
	waiting, cancel := context.WithTimeout(ctx, max(h.cfg.Patience, absence))
	defer cancel()
	data, err := h.log.Witnessed(waiting, int64(n-1))
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return 0, fmt.Errorf("%w: %d of %d witnesses must cosign, %d members are connected", ErrQuorum,
			h.policy.Threshold, len(h.policy.Witnesses), len(h.Connected()))
	}
	if err != nil {
		return 0, err
	}
	c, err := ledger.ParseCheckpoint(data, h.policy)
	if err != nil {
		return 0, err
	}
	if err := h.broadcast(msgCheckpoint, data); err != nil {
		return 0, err
	}
	return int(c.Size), nil
}

// ask tells all members what is due, and those who come later.
func (h *Hub) ask(ctx context.Context, d due) error {
	return h.tellAll(ctx, d, true)
}

// tell tells those who are there, in the middle of something that stays due.
func (h *Hub) tell(ctx context.Context, d due) error { return h.tellAll(ctx, d, false) }

func (h *Hub) tellAll(ctx context.Context, d due, stays bool) error {
	size, err := h.barrier(ctx)
	if err != nil {
		return err
	}
	d.Size = size
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if stays {
		h.mu.Lock()
		h.current = d
		h.mu.Unlock()
	}
	return h.link.Broadcast(msgDue, data)
}

// serveDuty says what is due now.
func (h *Hub) serveDuty(ctx context.Context, from string, _ []byte) ([]byte, error) {
	h.mu.Lock()
	now := duty{Due: h.current, Now: h.cfg.Clock().Unix()}
	h.mu.Unlock()
	if data, _, err := h.log.Checkpoint(ctx); err == nil {
		now.Checkpoint = h.shown(party.ID(from), msgCheckpoint, data)
	}
	return json.Marshal(now)
}

// serveBlob gives out a public blob.
func (h *Hub) serveBlob(_ context.Context, _ string, name []byte) ([]byte, error) {
	d, err := canon.ParseDigest("sha256:" + string(name))
	if err != nil {
		return nil, err
	}
	return os.ReadFile(Blob(h.cfg.Home.Log(), d))
}

// patiently waits until done holds for everybody in who. It waits as long as its patience
// lasts for members that are connected, and for others only as long as one needs to come
// back from a restart. It tells whether everybody was done.
func (h *Hub) patiently(ctx context.Context, who []party.ID, done func(*body.State, party.ID) bool) (all bool, err error) {
	began := h.cfg.Clock()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	here, away := h.split(who)
	for {
		left, moved := h.queue.undone(here, done)
		if len(left) == 0 {
			left, _ = h.queue.undone(away, done)
			return len(left) == 0, nil
		}
		waited := h.cfg.Clock().Sub(began)
		if waited > min(absence, h.cfg.Patience) {
			here := h.link.Connected()
			left = slices.DeleteFunc(left, func(id party.ID) bool { return !slices.Contains(here, string(id)) })
		}
		if len(left) == 0 || waited > h.cfg.Patience {
			return false, nil
		}
		select {
		case <-moved:
		case <-look.C:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

const (
	// absence is how long the hub waits for a member that is not connected: a process
	// that was killed is back within seconds.
	absence = 15 * time.Second
	// lookEvery is how often the hub looks again who is connected.
	lookEvery = 200 * time.Millisecond
)
