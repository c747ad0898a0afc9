package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
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

// stepRequest asks for what the hub showed of one step of a round, after a message was
// missed; with What msgPosition, for how many steps are finished.
type stepRequest struct {
	Round  string `json:"round"`
	What   string `json:"what"`
	Number int    `json:"number"`
}

// maxInbox bounds uploads and reveals that wait: two of each member of the largest cohort.
const maxInbox = 4 * secagg.MaxMembers

// stepServer runs the steps of a round at the hub, one round at a time. The hub trains
// along from the sums alone, so it knows which step is due and ends with the model
// that any replay of the logged sums gives.
//
// A finished step is on disk before it is broadcast. A hub that was killed goes on after
// it: members give the same uploads and reveals for the step under way again.
type stepServer struct {
	hub   *Hub
	inbox chan stepMessage

	mu    sync.Mutex
	round string                 // The one that is open, or was last.
	ended int                    // How many of its steps were on disk when it was opened.
	shown []shownStep            // By step number; the last may lack its broadcast.
	last  map[party.ID]time.Time // When a piece of a member's message came.
	met   map[party.ID]bool      // Who was connected since the hub started.

	// Owned by conduct.
	agg        *secagg.Hub
	journal    *journal
	resumed    []secagg.StepRecord // Steps on disk that the training has not reached again.
	logged     []comity.Cohort     // Successors in the log that it has not reached again.
	plan       comity.Plan
	started    bool // Commitments were shown since conduct began.
	total      int  // Steps to expect.
	bytes      int64
	transcript secagg.Transcript
}

// shownStep is what the hub showed of one step.
type shownStep struct {
	commitments, sum []byte
}

func newStepServer(h *Hub) *stepServer {
	return &stepServer{hub: h, inbox: make(chan stepMessage, maxInbox), last: map[party.ID]time.Time{}, met: map[party.ID]bool{}}
}

func (s *stepServer) put(m stepMessage) error {
	select {
	case s.inbox <- m:
		return nil
	default:
		return fmt.Errorf("%w: %d step messages are waiting", ErrBusy, maxInbox)
	}
}

// answer serves a member that missed what was shown, or that starts again.
func (s *stepServer) answer(_ context.Context, from string, data []byte) ([]byte, error) {
	var r stepRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.What == msgPosition {
		return []byte(strconv.Itoa(s.finished(r.Round))), nil
	}
	switch {
	case r.Round != s.round: // What was shown of another round would be of other members and masks.
		return nil, nil
	case r.Number < 0 || r.Number >= len(s.shown):
		return nil, nil
	case r.What == msgCommitments:
		return s.hub.shown(party.ID(from), msgCommitments, s.shown[r.Number].commitments), nil
	case s.shown[r.Number].sum == nil:
		return nil, nil
	default:
		return s.hub.shown(party.ID(from), msgSum, s.shown[r.Number].sum), nil
	}
}

// finished is how many steps of a round are over. Those on disk are, although the hub's
// training may not have reached them again. The caller holds the lock.
func (s *stepServer) finished(round string) int {
	if round != s.round {
		return 0
	}
	n := len(s.shown)
	if n > 0 && s.shown[n-1].sum == nil {
		n--
	}
	return max(n, s.ended)
}

// show keeps what members are about to see and broadcasts it.
func (s *stepServer) show(kind string, data []byte) error {
	s.mu.Lock()
	if kind == msgCommitments {
		if n := len(s.shown); n > 0 && s.shown[n-1].sum == nil {
			s.shown = s.shown[:n-1] // Of a step that is repeated.
		}
		s.shown = append(s.shown, shownStep{commitments: data})
	} else {
		s.shown[len(s.shown)-1].sum = data
	}
	s.mu.Unlock()
	return s.hub.broadcast(kind, data)
}

// task is what the hub computes from the sums of a round.
type task func(ctx context.Context, in forecast.Input, sum learn.Summer) (model []byte, err error)

// conduct runs the round that was opened to its end, or on from where it was interrupted,
// and returns the model and the digest of the transcript, which is stored beside the log.
func (s *stepServer) conduct(ctx context.Context, name string, run task) (model []byte, transcript canon.Digest, err error) {
	var nonces [][]byte
	s.hub.Look(func(st *body.State) { nonces = st.Nonces(name) })
	seed, err := publicSeed(name, nonces)
	if err != nil {
		return nil, canon.Digest{}, err
	}
	model, err = run(ctx, forecast.Input{
		Origin: s.plan.Period, Targets: s.hub.charter.Models.Targets, Unit: s.hub.charter.Models.Unit, Recipe: s.plan.Recipe, Seed: seed,
	}, s)
	if err != nil {
		return nil, canon.Digest{}, fmt.Errorf("conduct %s: %w", name, err)
	}
	s.transcript = s.agg.Transcript()
	raw, err := canon.Marshal(s.transcript)
	if err != nil {
		return nil, canon.Digest{}, err
	}
	transcript, err = storeBlob(s.hub.cfg.Home.Log(), raw)
	return model, transcript, err
}

// open prepares a round and reads which of its steps are finished. It comes before members
// are asked to train: the first thing that they want to know is where the round stands.
func (s *stepServer) open(name string) error {
	r := s.hub.round(name)
	if len(r.Cohorts) == 0 {
		return fmt.Errorf("%w: it has no cohort", ErrQuorum)
	}
	plan, err := canon.DigestOf(r.Plan)
	if err != nil {
		return err
	}
	folder := s.folder(name)
	s.agg, err = secagg.NewHub(secagg.HubConfig{Plan: plan, Cohort: r.Cohorts[0], MinMembers: r.Plan.MinMembers, Store: fileStore(folder)})
	if err != nil {
		return err
	}
	s.plan, s.started, s.bytes, s.resumed, s.logged = r.Plan, false, 0, nil, r.Cohorts[1:]
	if s.total, err = forecast.Steps(r.Plan.Recipe); err != nil {
		return err
	}
	if s.hub.charter.Models.Adoption != nil {
		s.total++ // The scores.
	}
	if s.journal, err = openJournal(folder + "/steps"); err != nil {
		return err
	}
	for i, entry := range s.journal.entries {
		var record secagg.StepRecord
		if err := canon.Unmarshal(entry, &record); err != nil {
			return fmt.Errorf("finished step %d: %w", i, err)
		}
		s.resumed = append(s.resumed, record)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.round, s.ended, s.shown = name, len(s.resumed), nil
	return nil
}

// folder is where the hub keeps a round until it has been checked: its finished steps
// and the masked vectors.
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
		if len(s.resumed) > 0 {
			return s.again(step)
		}
		if err := s.agg.Begin(secagg.Step{Name: step.Name, Bits: step.Bits, Lanes: len(x)}); err != nil {
			return nil, err
		}
		late, err := s.exchange(ctx, len(x)*step.Bits/8)
		if err != nil {
			return nil, err
		}
		if len(late) == 0 {
			if err := s.rehearsedLate(ctx, step.Name); err != nil {
				return nil, err
			}
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

// again gives the sum of a step that was finished before an interruption.
func (s *stepServer) again(step learn.Step) ([]int64, error) {
	record := s.resumed[0]
	s.resumed = s.resumed[1:]
	if record.Name != step.Name {
		return nil, fmt.Errorf("%w: step %s on disk, due is %s", secagg.ErrJournal, record.Name, step.Name)
	}
	blob, err := os.ReadFile(Blob(s.hub.cfg.Home.Log(), record.Sum))
	if err != nil {
		return nil, err
	}
	c, b, err := s.agg.Resume(record, blob)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.shown = append(s.shown, shownStep{c.Bytes(), b.Bytes()})
	s.mu.Unlock()
	sum, err := secagg.ParseSum(blob)
	if err != nil {
		return nil, err
	}
	return sum.Values(), nil
}

// exchange collects uploads, shows the commitments, and collects reveals. It returns
// whom it waited for in vain, each for as long as its line needs to bring up bytes. A member's time counts from when something of it moved: see
// window.
func (s *stepServer) exchange(ctx context.Context, up int) (late []party.ID, err error) {
	w := s.window(s.lastShown(), up)
	shown := false
	_, first := w.late(s.agg.Missing(), w.began, s.lines())
	look := time.NewTimer(first)
	defer look.Stop()
	for len(s.agg.Missing()) > 0 {
		select {
		case m := <-s.inbox:
			err := s.take(m)
			if _, own := errors.AsType[*fs.PathError](err); own {
				return nil, err // The hub's own disk failed: no member is to blame or to be left out.
			}
			if err != nil {
				s.refused(m.from, err)
				s.hub.logger.LogAttrs(ctx, slog.LevelDebug, "step message refused", slog.String("party", string(m.from)), slog.Any("err", err))
				continue
			}
		case <-look.C:
			late, next := w.late(s.agg.Missing(), s.hub.cfg.Clock(), s.lines())
			if len(late) > 0 {
				return late, nil
			}
			look.Reset(next)
			continue
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
			if err := s.show(msgCommitments, c.Bytes()); err != nil {
				return nil, err
			}
			w = s.window(len(c.Bytes()), 0)
			look.Reset(w.patience)
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

// finish puts a step on disk, then broadcasts its sum.
func (s *stepServer) finish() ([]int64, error) {
	b, err := s.agg.Broadcast()
	if err == nil {
		b, err = s.rehearsedSum(b)
	}
	if err != nil {
		return nil, err
	}
	if _, err := storeBlob(s.hub.cfg.Home.Log(), b.Sum); err != nil {
		return nil, err
	}
	record, _ := s.agg.Last()
	raw, err := canon.Marshal(record)
	if err != nil {
		return nil, err
	}
	if err := s.journal.Append(raw); err != nil {
		return nil, err
	}
	if err := s.show(msgSum, b.Bytes()); err != nil {
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
	return s.hub.tell(ctx, due{What: dueCohort, Round: next.Round})
}

// verify checks the round as a stranger would: sums against fingerprints, heads
// against the transcript.
func (s *stepServer) verify(name string) error {
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

// Trained says what the last round of this process was: its steps, and the bytes that one
// member uploaded on average.
func (h *Hub) Trained() (steps int, bytes int64) {
	s := h.steps
	if s.agg == nil || len(s.transcript.Cohorts) == 0 {
		return 0, 0
	}
	return len(s.transcript.Steps), s.bytes / int64(len(s.transcript.Cohorts[0].Members))
}
