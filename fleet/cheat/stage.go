package cheat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"comity"
	"comity/adapter/highs"
	"comity/body"
	"comity/canon"
	"comity/fleet"
	"comity/governor/charter"
	"comity/node"
	"comity/party"
)

const (
	// stepSeconds is how long the rehearsed charter lets one member delay a sum: no
	// member is slow here, and one that is left out is part of a lie.
	stepSeconds = 3
	// linger is how long the others may notice what the last needed one has noticed.
	linger = 300 * time.Millisecond
	// patience is how long members may go on looking after the hub gave up.
	patience = 10 * time.Second
	// closing bounds the end of a consortium that may be unable to end well.
	closing = 5 * time.Second
)

// stage is one rehearsal under way.
type stage struct {
	Config
	cheat  fleet.Cheat
	fleet  *fleet.Fleet
	period string
	rules  comity.Charter // That the members signed.
	solver *highs.Engine
	out    *Outcome
	tape   *tape
	ended  error       // How the hub's part of the protocol ended.
	over   atomic.Bool // From here on the liar is honest, so that all can end well.

	mu    sync.Mutex
	heard map[party.ID][]error // What honest members found wrong.
	bell  chan struct{}        // Closed and replaced when something was heard.
}

// open founds a consortium and starts everybody, with the liar in it.
func (s *stage) open(ctx context.Context) error {
	s.bell = make(chan struct{})
	s.cheat.Notice = s.notice
	if s.cheat.Hub == nil {
		s.cheat.Hub = &node.HubRehearsal{}
	}
	s.record()
	var err error
	if s.period, err = s.Scenario.Period(0); err != nil {
		return err
	}
	s.fleet, err = fleet.Start(ctx, fleet.Config{
		Home: s.Home, Scenario: s.Scenario, Cache: s.Cache, Clock: s.Clock, Progress: s.Progress, Logger: s.Logger,
		StepSeconds: stepSeconds, Cheat: &s.cheat,
	})
	if err != nil {
		return err
	}
	if s.Started != nil {
		s.Started(s.fleet)
	}
	s.rules, s.out.Charter, err = charter.Open(s.fleet.Sealed())
	return err
}

// record keeps every true sum on the tape before the hub can alter it.
func (s *stage) record() {
	alter := s.cheat.Hub.Sum
	s.cheat.Hub.Sum = func(number int, step string, blob []byte) []byte {
		s.tape.keep(number, step, blob)
		if alter == nil {
			return blob
		}
		return alter(number, step, blob)
	}
}

// found brings the charter into force.
func (s *stage) found(ctx context.Context) error { return s.fleet.Found(ctx) }

// week takes the honest decision of the first week.
func (s *stage) week(ctx context.Context) error {
	if err := s.found(ctx); err != nil {
		return err
	}
	var err error
	s.out.Week, err = s.fleet.Week(ctx, s.period)
	return err
}

// decide takes the decision of the first week as far as it goes.
func (s *stage) decide(ctx context.Context) error {
	if err := s.found(ctx); err != nil {
		return err
	}
	_, err := s.fleet.Week(ctx, s.period)
	return err
}

// until runs a part of the protocol until enough members have found something wrong
// that wanted recognises, and stops it then.
func (s *stage) until(ctx context.Context, run func(context.Context) error, wanted func(error) bool, enough int) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- run(running) }()
	var err error
	for done := false; !done; {
		s.mu.Lock()
		bell := s.bell
		s.mu.Unlock()
		if len(s.noticed(wanted)) >= enough {
			select {
			case <-time.After(linger):
			case <-ctx.Done():
			}
			stop()
			err = <-ended
			break
		}
		select {
		case <-bell:
		case err = <-ended:
			done = true
		}
	}
	s.ended = err
	// The hub may give up before the members have finished looking.
	for late := time.After(patience); ctx.Err() == nil && len(s.noticed(wanted)) < enough; {
		s.mu.Lock()
		bell := s.bell
		s.mu.Unlock()
		select {
		case <-bell:
			continue
		case <-ctx.Done():
		case <-late:
		}
		break
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(s.noticed(wanted)) < enough {
		return errors.Join(fmt.Errorf("%w: %d of %d members", errUnnoticed, len(s.noticed(wanted)), enough), err)
	}
	return nil
}

// errUnnoticed says that a lie met no resistance where it should have.
var errUnnoticed = errors.New("the lie was not noticed as expected")

// notice hears what a member found wrong.
func (s *stage) notice(id party.ID, _ string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[id] = append(s.heard[id], err)
	close(s.bell)
	s.bell = make(chan struct{})
}

// noticed lists the members that found something that wanted recognises.
func (s *stage) noticed(wanted func(error) bool) []party.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []party.ID
	for _, id := range slices.Sorted(maps.Keys(s.heard)) {
		if slices.ContainsFunc(s.heard[id], wanted) {
			ids = append(ids, id)
		}
	}
	return ids
}

// caught writes down who refused the lie with which error.
func (s *stage) caught(wanted func(error) bool) {
	ids := s.noticed(wanted)
	s.out.Caught, s.out.Noticed = len(ids) > 0, ids
	switch n := len(s.Scenario.Members); {
	case len(ids) == 1:
		s.out.By = s.name(ids[0])
	case len(ids) == n:
		s.out.By = fmt.Sprintf("all %d members", n)
	default:
		s.out.By = fmt.Sprintf("%d of %d members", len(ids), n)
	}
	if len(ids) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.heard[ids[0]]
	s.refuse(first[slices.IndexFunc(first, wanted)])
}

// refuse notes a refusal: the first gives the outcome its check and words.
func (s *stage) refuse(err error) {
	s.out.Causes = append(s.out.Causes, err)
	if s.out.Refusal == "" {
		s.out.Check, s.out.Refusal = checkOf(err), err.Error()
		return
	}
	s.out.Also = append(s.out.Also, err.Error())
}

// everybody is how many members there are.
func (s *stage) everybody() int { return len(s.Scenario.Members) }

// last is the member that comes last in party order: every other seals a secret to it.
func (s *stage) last() party.ID { return s.Scenario.Members[len(s.Scenario.Members)-1].ID }

// middle is a member without any property but its place.
func (s *stage) middle() party.ID { return s.Scenario.Members[len(s.Scenario.Members)/2].ID }

// largest is the member with the most people, where the pack knows them: whoever lies
// about a forecast or to a forecaster gains most there.
func (s *stage) largest() party.ID {
	id, most := s.middle(), int64(0)
	for _, m := range s.Scenario.Members {
		if people, err := m.Fact("population"); err == nil && people.Value > most {
			id, most = m.ID, people.Value
		}
	}
	return id
}

// name is what people call a party.
func (s *stage) name(id party.ID) string {
	if p, err := s.Scenario.Member(id); err == nil && p.Name != "" {
		return p.Name
	}
	return string(id)
}

// view runs f on the hub's state.
func (s *stage) view(f func(*body.State)) {
	s.fleet.Hub().Look(f)
}

// engine is a solver of the rehearsal's own.
func (s *stage) engine() (*highs.Engine, error) {
	if s.solver != nil {
		return s.solver, nil
	}
	var err error
	s.solver, err = highs.New(highs.Config{Cache: s.Cache})
	return s.solver, err
}

// close ends the consortium. What a liar left in it may keep it from ending well, which
// is no fault of the rehearsal.
func (s *stage) close(ctx context.Context) error {
	s.over.Store(true)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if s.fleet != nil {
		s.view(func(st *body.State) { s.out.Size = st.View().Size })
		_ = s.fleet.Close(ending)
	}
	if s.solver != nil {
		return s.solver.Close(ending)
	}
	return nil
}

// digest is what the members' officers received.
func (s *stage) digest() canon.Digest { return s.out.Charter }
