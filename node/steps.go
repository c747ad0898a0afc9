package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/party"
	"comity/replay"
	"comity/verifier/secagg"
)

// stepMessage is what a member sent for a step, with the name that the transport knows.
type stepMessage struct {
	from           party.ID
	upload, reveal []byte
}

// stepRequest asks for what the hub last broadcast, after a message was missed.
type stepRequest struct {
	What string `json:"what"` // msgCommitments or msgSum.
}

// maxInbox bounds uploads and reveals that wait: two of each member of the largest cohort.
const maxInbox = 4 * secagg.MaxMembers

// stepServer runs the steps of a round at the hub, one round at a time. The hub trains
// along from the sums alone, so it knows which step is due and ends with the model
// that any replay of the logged sums gives.
type stepServer struct {
	hub   *Hub
	inbox chan stepMessage

	mu   sync.Mutex
	last map[string][]byte // Newest broadcast by message kind.

	// Owned by conduct.
	agg        *secagg.Hub
	plan       comity.Plan
	logged     []comity.Cohort // Successors that were logged before an interruption.
	started    bool            // The first step's commitments were shown.
	total      int             // Steps to expect.
	bytes      int64
	skill      forecast.Skill
	transcript secagg.Transcript
}

func newStepServer(h *Hub) *stepServer {
	return &stepServer{hub: h, inbox: make(chan stepMessage, maxInbox), last: map[string][]byte{}}
}

func (s *stepServer) put(m stepMessage) error {
	select {
	case s.inbox <- m:
		return nil
	default:
		return fmt.Errorf("%w: %d step messages are waiting", ErrBusy, maxInbox)
	}
}

// answer serves a member that missed a broadcast.
func (s *stepServer) answer(_ context.Context, _ string, data []byte) ([]byte, error) {
	var r stepRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[r.What], nil
}

func (s *stepServer) broadcast(kind string, data []byte) error {
	s.mu.Lock()
	s.last[kind] = data
	s.mu.Unlock()
	return s.hub.link.Broadcast(kind, data)
}

// conduct runs a round from its first step and returns the model and the digest of the
// transcript, which is stored beside the log.
func (s *stepServer) conduct(ctx context.Context, name string) (model []byte, transcript canon.Digest, err error) {
	var r body.Round
	var nonces [][]byte
	s.hub.Look(func(st *body.State) { r, nonces = st.View().Rounds[name], st.Nonces(name) })
	if len(r.Cohorts) == 0 {
		return nil, canon.Digest{}, fmt.Errorf("conduct %s: %w: it has no cohort", name, ErrQuorum)
	}
	plan, err := canon.DigestOf(r.Plan)
	if err != nil {
		return nil, canon.Digest{}, err
	}
	store := fileStore(s.folder(name))
	s.plan, s.started, s.bytes = r.Plan, false, 0
	s.logged = r.Cohorts[1:] // Of a round that was interrupted: members are led through the same steps again.
	if s.agg, err = secagg.NewHub(secagg.HubConfig{Plan: plan, Cohort: r.Cohorts[0], MinMembers: r.Plan.MinMembers, Store: store}); err != nil {
		return nil, canon.Digest{}, err
	}
	if s.total, err = forecast.Steps(r.Plan.Recipe); err != nil {
		return nil, canon.Digest{}, err
	}
	seed, err := publicSeed(name, nonces)
	if err != nil {
		return nil, canon.Digest{}, err
	}
	result, err := forecast.Run(ctx, forecast.Input{
		Origin: r.Plan.Period, Targets: s.hub.charter.Models.Targets, Unit: s.hub.charter.Models.Unit, Recipe: r.Plan.Recipe, Seed: seed,
	}, s)
	if err != nil {
		return nil, canon.Digest{}, fmt.Errorf("conduct %s: %w", name, err)
	}
	s.skill = result.Skill
	s.transcript = s.agg.Transcript()
	raw, err := canon.Marshal(s.transcript)
	if err != nil {
		return nil, canon.Digest{}, err
	}
	transcript, err = storeBlob(s.hub.cfg.Home.Log(), raw)
	return result.Model, transcript, err
}

// folder is where the hub keeps masked vectors until a round is checked.
func (s *stepServer) folder(round string) string {
	return s.hub.cfg.Home.Hub().path("rounds", canon.Sum([]byte(round)).Hex()[:16])
}

// Sum implements learn.Summer for the hub's own training without rows.
func (s *stepServer) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	for {
		attempt := s.agg.Cohort().Attempt
		if len(s.logged) > 0 && s.logged[0].FromStep == s.agg.Position().Number {
			next := s.logged[0]
			s.logged = s.logged[1:]
			if err := s.agg.Recohort(next); err != nil {
				return nil, err
			}
			return nil, &learn.Restart{Attempt: next.Attempt}
		}
		if err := s.agg.Begin(secagg.Step{Name: step.Name, Bits: step.Bits, Lanes: len(x)}); err != nil {
			return nil, err
		}
		late, err := s.exchange(ctx)
		if err != nil {
			return nil, err
		}
		if len(late) == 0 {
			return s.finish()
		}
		if err := s.shrink(ctx, late); err != nil {
			return nil, err
		}
		if now := s.agg.Cohort().Attempt; now > attempt {
			return nil, &learn.Restart{Attempt: now}
		}
	}
}

// exchange collects uploads, shows the commitments, and collects reveals. It returns
// whom it waited for in vain.
func (s *stepServer) exchange(ctx context.Context) (late []party.ID, err error) {
	patience := time.Duration(s.plan.StepSeconds) * time.Second
	if !s.started {
		// Before the first step members read their rows and open their boxes.
		patience = max(patience, s.hub.cfg.Patience)
	}
	shown := false
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for len(s.agg.Missing()) > 0 {
		select {
		case m := <-s.inbox:
			err := s.take(m)
			if _, own := errors.AsType[*fs.PathError](err); own {
				return nil, err // The hub's disk failed, not the member.
			}
			if err != nil {
				s.hub.logger.LogAttrs(ctx, slog.LevelWarn, "step message refused", slog.String("party", string(m.from)), slog.Any("err", err))
				continue
			}
		case <-deadline.C:
			return s.agg.Missing(), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !shown {
			c, err := s.agg.Commitments()
			if errors.Is(err, secagg.ErrOrder) {
				continue // Uploads are still missing.
			}
			if err != nil {
				return nil, err
			}
			shown, s.started = true, true
			deadline.Reset(time.Duration(s.plan.StepSeconds) * time.Second)
			if err := s.broadcast(msgCommitments, c.Bytes()); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func (s *stepServer) take(m stepMessage) error {
	if m.upload != nil {
		u, err := secagg.ParseUpload(m.upload)
		if err != nil {
			return err
		}
		s.bytes += int64(len(m.upload))
		return s.agg.Upload(m.from, u)
	}
	v, err := secagg.ParseReveal(m.reveal)
	if err != nil {
		return err
	}
	return s.agg.Reveal(m.from, v)
}

// finish broadcasts and stores the sum of a step.
func (s *stepServer) finish() ([]int64, error) {
	b, err := s.agg.Broadcast()
	if err != nil {
		return nil, err
	}
	if _, err := storeBlob(s.hub.cfg.Home.Log(), b.Sum); err != nil {
		return nil, err
	}
	if err := s.broadcast(msgSum, b.Bytes()); err != nil {
		return nil, err
	}
	sum, err := secagg.ParseSum(b.Sum)
	if err != nil {
		return nil, err
	}
	s.hub.cfg.Progress(Event{Phase: "train", Text: "members train together", Done: s.agg.Position().Number, Total: s.total})
	return sum.Values(), nil
}

// shrink logs a cohort without the members that are late and tells the others.
func (s *stepServer) shrink(ctx context.Context, late []party.ID) error {
	gone := make([]string, len(late))
	for i, id := range late {
		gone[i] = string(id)
	}
	next, err := s.agg.Successor(late, "no answer in time from "+strings.Join(gone, ", "))
	if err != nil {
		return err
	}
	// Histograms of siblings are differences of sums, so all sums of one tree must be
	// over the same members (modeler/learn.Summer): the tree starts again in any case.
	next.Attempt = max(next.Attempt, s.agg.Cohort().Attempt+1)
	if _, err := s.hub.say(ctx, comity.KindCohort, next); err != nil {
		return err
	}
	if err := s.agg.Recohort(next); err != nil {
		return err
	}
	return s.hub.ask(ctx, due{What: dueCohort, Round: next.Round})
}

// verify checks the round as a stranger would: sums against fingerprints, heads
// against the transcript.
func (s *stepServer) verify(_ context.Context, name string, _ canon.Digest) error {
	var e secagg.Evidence
	var err error
	s.hub.Look(func(st *body.State) {
		e, err = replay.Evidence(st, name, func(d canon.Digest) ([]byte, error) { return os.ReadFile(Blob(s.hub.cfg.Home.Log(), d)) })
	})
	if err != nil {
		return err
	}
	e.Opened = s.agg.Opened
	return secagg.VerifyTranscript(s.transcript, e)
}

// Trained says what the last round of this process was: the skill that members
// published together, its steps, and the bytes that one member uploaded on average.
func (h *Hub) Trained() (skill forecast.Skill, steps int, bytes int64) {
	s := h.steps
	if s.agg == nil {
		return skill, 0, 0
	}
	return s.skill, len(s.transcript.Steps), s.bytes / int64(len(s.transcript.Cohorts[0].Members))
}
