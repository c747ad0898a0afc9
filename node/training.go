package node

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/verifier/secagg"
)

// training is one member's part in a round.
type training struct {
	round  string
	agg    *secagg.Member
	model  canon.Digest
	result *forecast.Result
}

// stepInbox holds what the hub sent for the step under way.
type stepInbox struct {
	commitments, sums box
	cohorts           chan due
}

// box is a short queue of messages.
type box chan []byte

// maxBoxed bounds messages of one kind that wait at a member: a step has one of each.
const maxBoxed = 8

func newStepInbox() stepInbox {
	return stepInbox{make(box, maxBoxed), make(box, maxBoxed), make(chan due, maxBoxed)}
}

func (b box) put(data []byte) error {
	select {
	case b <- data:
		return nil
	default:
		return fmt.Errorf("%w: %d step messages are waiting", ErrBusy, maxBoxed)
	}
}

// askAgain is how long a member waits for a broadcast before it asks for it.
const askAgain = 2 * time.Second

// train takes part in a round: it adds its masked histograms to everybody's and ends
// with the same model as everybody, and a forecast for its own place.
func (m *Member) train(ctx context.Context, name string) error {
	r, ok := m.state.View().Rounds[name]
	if !ok || len(r.Cohorts) == 0 || !slices.Contains(r.Cohort(), m.cfg.Self) {
		return nil // Not asked of this member.
	}
	agg, err := m.aggregate(ctx, r)
	if err != nil {
		return err
	}
	rows, err := m.cfg.Rows()
	if err != nil {
		return err
	}
	archive, err := forecast.NewArchive(rows)
	if err != nil {
		return err
	}
	seed, err := publicSeed(name, m.state.Nonces(name))
	if err != nil {
		return err
	}
	result, err := forecast.Run(ctx, forecast.Input{
		Archive: archive, Origin: r.Plan.Period, Targets: m.charter.Models.Targets, Unit: m.charter.Models.Unit,
		Recipe: r.Plan.Recipe, Seed: seed,
	}, &summer{member: m, agg: agg, round: name})
	if err != nil {
		return fmt.Errorf("train %s: %w", name, err)
	}
	m.trained = &training{round: name, agg: agg, model: canon.Sum(result.Model), result: result}
	_, err = m.submit(ctx, m.next(), comity.KindHead, agg.Head())
	return err
}

// aggregate opens this member's side of a round. Its secrets for the round derive from
// those of the epoch, which the ratchet moves on and the disk keeps.
func (m *Member) aggregate(ctx context.Context, r body.Round) (*secagg.Member, error) {
	plan, err := canon.DigestOf(r.Plan)
	if err != nil {
		return nil, err
	}
	pairs, err := m.pairs(ctx, r.Plan.Epoch, r.Cohorts[0].Members)
	if err != nil {
		return nil, err
	}
	folder := m.roundFolder(r.Plan.Round)
	journal, err := openJournal(folder + "/journal")
	if err != nil {
		return nil, err
	}
	return secagg.NewMember(secagg.MemberConfig{
		Plan: plan, Self: m.cfg.Self, Cohort: r.Cohorts[0], MinMembers: r.Plan.MinMembers,
		Pairs: pairs.Ratchet(r.Plan.Round), Secret: rand.Reader, Journal: journal, Store: fileStore(folder),
	})
}

// summer adds this member's vectors under masks. It implements learn.Summer.
type summer struct {
	member *Member
	agg    *secagg.Member
	round  string
}

// errCohort says that the cohort changed while a member waited.
var errCohort = errors.New("the cohort changed")

// Sum masks x, uploads it, reveals its self-mask once everybody has committed, and
// returns the sum. If the cohort shrinks, the caller starts its tree again from a fresh
// sample.
func (s *summer) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	for {
		cohort := s.agg.Position().Cohort
		if err := s.follow(); err != nil {
			return nil, err
		}
		if now := s.agg.Position(); now.Cohort > cohort {
			return nil, &learn.Restart{Attempt: now.Attempt}
		}
		values, err := s.once(ctx, step, x)
		if !errors.Is(err, errCohort) {
			return values, err
		}
	}
}

// follow takes over the successors that the log has for this step: none, unless the
// cohort just shrank or the round is led through the same steps again after an interruption.
func (s *summer) follow() error {
	m := s.member
	for _, c := range m.state.View().Rounds[s.round].Cohorts {
		if c.FromStep != s.agg.Position().Number || c.Number <= s.agg.Position().Cohort {
			continue
		}
		if !slices.Contains(c.Members, m.cfg.Self) {
			return fmt.Errorf("%w: cohort %d goes on without %s: %s", errDropped, c.Number, m.cfg.Self, c.Reason)
		}
		if err := s.agg.Recohort(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *summer) once(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	m := s.member
	upload, err := s.agg.Upload(step.Name, step.Bits, x)
	if err != nil {
		return nil, err
	}
	if err := s.send(ctx, msgUpload, upload.Bytes()); err != nil {
		return nil, err
	}
	reveal, err := await(ctx, s, m.step.commitments, msgCommitments, func(data []byte) (secagg.Reveal, bool, error) {
		c, err := secagg.ParseCommitments(data)
		if err != nil || s.stale(c.Position) {
			return secagg.Reveal{}, false, err
		}
		v, err := s.agg.Reveal(c)
		return v, true, err
	})
	if err != nil {
		return nil, err
	}
	if err := s.send(ctx, msgReveal, reveal.Bytes()); err != nil {
		return nil, err
	}
	return await(ctx, s, m.step.sums, msgSum, func(data []byte) ([]int64, bool, error) {
		b, err := secagg.ParseBroadcast(data)
		if err != nil || s.stale(b.Position) {
			return nil, false, err
		}
		values, err := s.agg.Finish(b)
		return values, true, err
	})
}

// send carries one message of a step to the hub.
func (s *summer) send(ctx context.Context, kind string, data []byte) error {
	if rehearse := s.member.cfg.Rehearse; rehearse != nil {
		if err := rehearse(kind, s.agg.Position().Number); err != nil {
			return err
		}
	}
	_, err := s.member.link.Request(ctx, kind, data)
	return err
}

// stale tells whether a message is of a step or cohort that is over.
func (s *summer) stale(p secagg.Position) bool {
	own := s.agg.Position()
	return p.Number < own.Number || p.Cohort < own.Cohort
}

// await takes messages of one kind until use has what it needs, asks again for one that
// may have been missed, and turns to the log when the cohort changed.
func await[T any](ctx context.Context, s *summer, in box, kind string, use func([]byte) (T, bool, error)) (T, error) {
	var none T
	for {
		var data []byte
		select {
		case data = <-in:
		case d := <-s.member.step.cohorts:
			if err := s.member.syncTo(ctx, d.Size); err != nil {
				return none, err
			}
			return none, errCohort
		case <-time.After(askAgain):
			request, err := json.Marshal(stepRequest{What: kind})
			if err != nil {
				return none, err
			}
			if data, err = s.member.link.Request(ctx, msgAnswer, request); err != nil || len(data) == 0 {
				continue // The hub is away or has nothing yet.
			}
		case <-ctx.Done():
			return none, ctx.Err()
		}
		if v, ok, err := use(data); ok || err != nil {
			return v, err
		}
	}
}

// errDropped says that a round goes on without this member.
var errDropped = errors.New("dropped from the round")

// fingerprint opens this member's vectors at places that the witnessed log of that size
// chooses, after every head.
func (m *Member) fingerprint(ctx context.Context, name string, size int) error {
	r := m.state.View().Rounds[name]
	if _, said := r.Fingerprints[m.cfg.Self]; said || m.trained == nil || m.trained.round != name {
		return nil
	}
	root, ok := m.state.Root(size)
	if !ok {
		return fmt.Errorf("%w: no root of %d entries", ErrSplit, size)
	}
	f, err := m.trained.agg.Fingerprint(secagg.FingerprintSeed(name, root[:]))
	if err != nil {
		return err
	}
	f.Size = size
	_, err = m.submit(ctx, m.next(), comity.KindFingerprint, f)
	return err
}

// declare publishes what the charter asks of this member for a period: the forecast for
// its own place and its plain numbers.
func (m *Member) declare(ctx context.Context, period string) error {
	v := m.state.View()
	counter := m.next()
	if _, said := v.Decisions[period].Forecasts[m.cfg.Self]; !said && m.trained != nil {
		round, model, ok := m.state.LatestModel()
		if !ok || round != m.trained.round || model.Model != m.trained.model {
			return fmt.Errorf("%w: logged model %s of round %q, trained here %s of %q", ErrDissent, model.Model, round, m.trained.model, m.trained.round)
		}
		f := comity.Forecast{Period: period, Model: model.Model, Series: m.trained.result.Series}
		if f.Series == nil {
			f.Series = []comity.Series{}
		}
		if _, err := m.submit(ctx, counter, comity.KindForecast, f); err != nil {
			return err
		}
		counter++
		m.forget()
	}
	for _, c := range m.charter.Data {
		if c.LeavesHome != "signed_plain" || len(c.Values) == 0 || !slices.Contains(c.From, m.cfg.Self) ||
			v.Declared[c.ID].Latest[m.cfg.Self].Period == period {
			continue
		}
		values, err := m.cfg.Declare(c, period, m.received())
		if err != nil {
			return err
		}
		if _, err := m.submit(ctx, counter, comity.KindDeclaration, comity.Declaration{Period: period, Clause: c.ID, Values: values}); err != nil {
			return err
		}
		counter++
	}
	return nil
}

// forget erases the masks and masked vectors of a round whose model is in the log: they
// have been checked, and what is not kept cannot be stolen.
func (m *Member) forget() {
	if err := os.RemoveAll(m.roundFolder(m.trained.round)); err != nil {
		m.logger.Warn("round not erased", slog.String("round", m.trained.round), slog.Any("err", err))
	}
}

// roundFolder is where a member keeps the secrets of one round.
func (m *Member) roundFolder(round string) string {
	return m.cfg.Home.path("rounds", canon.Sum([]byte(round)).Hex()[:16])
}

// received is all that this member was allocated in the log so far.
func (m *Member) received() (units int64) {
	for _, d := range m.state.View().Decisions { //nolint:maprange // A sum.
		if d.Allocation == nil {
			continue
		}
		for _, s := range d.Allocation.Parties {
			if s.Party == m.cfg.Self {
				units += int64(s.Amount)
			}
		}
	}
	return units
}
