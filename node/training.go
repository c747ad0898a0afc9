package node

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/replay"
	"comity/verifier/secagg"
)

// training is one member's part in a round.
type training struct {
	round  string
	agg    *secagg.Member
	model  canon.Digest
	series []comity.Series
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

// put keeps a message; if nobody reads, the oldest goes, because it is of a step that is over.
func (b box) put(data []byte) {
	for {
		select {
		case b <- data:
			return
		default:
		}
		select {
		case <-b:
		default:
		}
	}
}

// clear forgets what came for an earlier round, or for one that this member gave up. What
// it forgets of this round it asks for.
func (i stepInbox) clear() {
	for {
		select {
		case <-i.commitments:
		case <-i.sums:
		case <-i.cohorts:
		default:
			return
		}
	}
}

const (
	// askAgain is how long a member waits for a broadcast before it looks whether it has to
	// ask for it.
	askAgain = 2 * time.Second
	// answerParts is how many times as long as its own upload took a member waits besides:
	// on a slow line a sum, of twice the bytes, is on its way, and what is asked for too
	// early comes twice.
	answerParts = 4
)

// train takes part in a round: it adds its masked vectors to everybody's and ends with
// the same model as everybody and a forecast for its own place. A member that was killed
// leads itself through the finished steps again, with the same masks.
func (m *Member) train(ctx context.Context, name string) error {
	r, ok := m.state.View().Rounds[name]
	if !ok || !slices.Contains(r.Cohort(), m.cfg.Self) {
		return nil // Not asked of this member.
	}
	if m.trained != nil && m.trained.round == name {
		return m.signHead(ctx, name) // The hub may have been away when it was first said.
	}
	agg, err := m.aggregate(ctx, r)
	if err != nil {
		return err
	}
	in, err := m.input(r)
	if err != nil {
		return err
	}
	m.step.clear()
	finished, err := m.finished(ctx, name)
	if err != nil {
		return err
	}
	t := &training{round: name, agg: agg}
	t.model, t.series, err = m.compute(ctx, r, in, &summer{member: m, agg: agg, round: name, finished: finished, sums: fileStore(m.roundFolder(name))})
	if errors.Is(err, errDropped) {
		m.logger.LogAttrs(ctx, slog.LevelInfo, "round goes on without this member", slog.String("round", name))
		m.left = agg.Head()
		return nil
	}
	if err != nil {
		return fmt.Errorf("train %s: %w", name, err)
	}
	m.trained = t
	return m.signHead(ctx, name)
}

// signHead says what this member saw of a round that it is through with.
func (m *Member) signHead(ctx context.Context, name string) error {
	if _, said := m.state.View().Rounds[name].Heads[m.cfg.Self]; said {
		return nil
	}
	head := m.trained.agg.Head()
	if m.cfg.Rehearse != nil {
		if err := m.cfg.Rehearse(string(comity.KindHead), head.Steps); err != nil {
			return err
		}
	}
	return m.submit(ctx, m.next(), comity.KindHead, head)
}

// compute does what the plan names: it trains a model, or brings the regional numbers of
// the model in force up to date.
func (m *Member) compute(ctx context.Context, r body.Round, in forecast.Input, sum learn.Summer) (canon.Digest, []comity.Series, error) {
	if r.Plan.Task != body.TaskUpdate {
		result, err := forecast.Run(ctx, in, sum)
		if err != nil {
			return canon.Digest{}, nil, err
		}
		return canon.Sum(result.Model), result.Series, m.score(ctx, r.Plan.Round, in, sum)
	}
	model, _ := m.state.InForce(r.Plan.Period)
	if err := m.learned(ctx, model.Model); err != nil {
		return canon.Digest{}, nil, err
	}
	data, err := m.blob(ctx, model.Model)
	if err != nil {
		return canon.Digest{}, nil, err
	}
	series, err := forecast.Update(ctx, in, data, sum)
	if err != nil {
		return canon.Digest{}, nil, err
	}
	return model.Model, series, m.score(ctx, r.Plan.Round, in, sum)
}

// input is what this member's part of a round starts from.
func (m *Member) input(r body.Round) (forecast.Input, error) {
	in, err := m.public(r.Plan)
	if err != nil {
		return in, err
	}
	rows, err := m.cfg.Rows(r.Plan.Period)
	if err != nil {
		return in, err
	}
	in.Archive, err = forecast.NewArchive(rows)
	return in, err
}

// aggregate opens this member's side of a round, or takes it up again from its journal.
func (m *Member) aggregate(ctx context.Context, r body.Round) (*secagg.Member, error) {
	plan, err := canon.DigestOf(r.Plan)
	if err != nil {
		return nil, err
	}
	pairs, err := m.roundPairs(ctx, r.Plan)
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
		Pairs: pairs, Secret: rand.Reader, Journal: journal, Store: fileStore(folder),
	})
}

// finished asks the hub how many steps of a round are over.
func (m *Member) finished(ctx context.Context, round string) (int, error) {
	request, err := json.Marshal(stepRequest{Round: round, What: msgPosition})
	if err != nil {
		return 0, err
	}
	answer, err := m.link.Request(ctx, msgAnswer, request)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(answer))
}

// fingerprint opens this member's vectors at places that the witnessed log chooses: its
// root after the last head.
func (m *Member) fingerprint(ctx context.Context, name string) error {
	r := m.state.View().Rounds[name]
	if _, said := r.Fingerprints[m.cfg.Self]; said || !slices.Contains(r.Cohort(), m.cfg.Self) {
		return nil
	}
	if err := m.train(ctx, name); err != nil {
		return err
	}
	if m.trained == nil || m.trained.round != name {
		return nil
	}
	size := m.state.View().Rounds[name].HeadsAt
	root, ok := m.state.Root(size)
	if !ok {
		return fmt.Errorf("%w: no root of %d entries", ErrSplit, size)
	}
	f, err := m.trained.agg.Fingerprint(secagg.FingerprintSeed(name, root[:]))
	if err != nil {
		return err
	}
	f.Size = size
	return m.submit(ctx, m.next(), comity.KindFingerprint, f)
}

// declare publishes what the charter asks of this member for a period: the forecast for
// its own place and its plain numbers.
func (m *Member) declare(ctx context.Context, period string) error {
	v := m.state.View()
	counter := m.next()
	if _, said := v.Decisions[period].Forecasts[m.cfg.Self]; !said && m.contributes() {
		series, model, err := m.forecast(ctx, period)
		if err != nil {
			return err
		}
		if err := m.submit(ctx, counter, comity.KindForecast, comity.Forecast{Period: period, Model: model, Series: series}); err != nil {
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
		if err := m.submit(ctx, counter, comity.KindDeclaration, comity.Declaration{Period: period, Clause: c.ID, Values: values}); err != nil {
			return err
		}
		counter++
	}
	return nil
}

// checkRound checks a logged round as a stranger would: the sums that this member saw
// against what everybody committed to, at places that nobody could foresee. The vectors
// of members who left are not public; then the chain alone is checked.
func (m *Member) checkRound(ctx context.Context, round string) error {
	t, err := m.transcript(ctx, round)
	if err != nil {
		return err
	}
	own := fileStore(m.roundFolder(round))
	e, err := replay.Evidence(m.state, round, func(d canon.Digest) ([]byte, error) {
		if data, err := own.Get(d.Hex()); err == nil && canon.Sum(data) == d {
			return data, nil
		}
		return m.blob(ctx, d)
	})
	if err != nil {
		return err
	}
	e.ChainOnly = len(e.Left()) > 0
	if m.left.Round == round {
		// It left, but what it saw until then must be what all saw.
		e.Heads = maps.Clone(e.Heads)
		e.Heads[m.cfg.Self] = m.left
	}
	return secagg.VerifyTranscript(t, e)
}

// forecast returns the quantiles for this member's own place. A member that was away
// while the others trained takes the model and the regional sum from the public record.
func (m *Member) forecast(ctx context.Context, period string) ([]comity.Series, canon.Digest, error) {
	round, model, ok := m.state.LatestModel()
	if !ok || m.state.View().Rounds[round].Plan.Period != period {
		return nil, canon.Digest{}, fmt.Errorf("%w: no model is logged for %s", ErrDissent, period)
	}
	if err := m.checkRound(ctx, round); err != nil {
		return nil, canon.Digest{}, fmt.Errorf("check round %s: %w", round, err)
	}
	if err := m.learned(ctx, model.Model); err != nil {
		return nil, canon.Digest{}, err
	}
	series := []comity.Series{}
	if m.charter.Models.Adoption != nil {
		return m.forecastInForce(ctx, round)
	}
	if m.trained != nil && m.trained.round == round {
		return append(series, m.trained.series...), model.Model, nil
	}
	found, err := m.forecastWith(ctx, round, model.Model)
	return append(series, found...), model.Model, err
}

// forecastWith forecasts from any model and the regional sum of a closed round.
func (m *Member) forecastWith(ctx context.Context, round string, model canon.Digest) ([]comity.Series, error) {
	if err := m.learned(ctx, model); err != nil {
		return nil, err
	}
	in, err := m.input(m.state.View().Rounds[round])
	if err != nil {
		return nil, err
	}
	transcript, err := m.transcript(ctx, round)
	if err != nil {
		return nil, err
	}
	data, err := m.blob(ctx, model)
	if err != nil {
		return nil, err
	}
	return forecast.Update(ctx, in, data, replay.Recorded(transcript, m.blob))
}

// transcript fetches the public record of a closed round.
func (m *Member) transcript(ctx context.Context, round string) (t secagg.Transcript, err error) {
	raw, err := m.blob(ctx, m.state.View().Rounds[round].Model.Transcript)
	if err != nil {
		return t, err
	}
	if err := canon.Unmarshal(raw, &t); err != nil {
		return t, fmt.Errorf("transcript of round %s: %w", round, err)
	}
	return t, nil
}

// blob fetches a public blob and checks that its bytes are the ones that were named.
func (m *Member) blob(ctx context.Context, d canon.Digest) ([]byte, error) {
	data, err := m.link.Request(ctx, msgBlob, []byte(d.Hex()))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d, err)
	}
	if got := canon.Sum(data); got != d {
		return nil, fmt.Errorf("%w: the hub gave %s for blob %s", ErrSplit, got, d)
	}
	return data, nil
}

// contributes tells whether the model clause draws on this member's rows.
func (m *Member) contributes() bool {
	for _, c := range m.charter.Data {
		if c.ID == m.charter.Models.Clause {
			return slices.Contains(c.From, m.cfg.Self)
		}
	}
	return false
}

// forget erases the masks and masked vectors of the round whose model is in the log, which
// may have gone on without this member: it has been checked, and what is not kept cannot be
// stolen.
func (m *Member) forget() {
	round, _, ok := m.state.LatestModel()
	if !ok {
		return
	}
	if err := os.RemoveAll(m.roundFolder(round)); err != nil {
		m.logger.Warn("round not erased", slog.String("round", round), slog.Any("err", err))
	}
}

// roundFolder is where a member keeps the secrets of one round.
func (m *Member) roundFolder(round string) string {
	return m.cfg.Home.path("rounds", canon.Sum([]byte(round)).Hex()[:16])
}

// received is all that this member was allocated in the log so far.
func (m *Member) received() (units int64) {
	for _, d := range m.state.View().Decisions {
		if d.Allocation == nil {
			continue
		}
		for _, share := range d.Allocation.Parties {
			if share.Party == m.cfg.Self {
				units += int64(share.Amount)
			}
		}
	}
	return units
}
