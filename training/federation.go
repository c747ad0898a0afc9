// Package training runs a learner (modeler) over secure sums (verifier): the two pillars
// do not know of each other, so what joins them stands above both.
//
// Federate runs a whole federation in one process, each member with its own rows, for
// people who want to see on their own files that the federated model is the pooled one.
package training

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"comity"
	"comity/canon"
	"comity/modeler/learn"
	"comity/party"
	"comity/verifier/secagg"
)

// ErrMembers says that there are too few or too many members.
var ErrMembers = errors.New("number of members is not possible")

// MaxMembers bounds a federation, as secagg.MaxMembers does.
const MaxMembers = secagg.MaxMembers

// Secured tells whether sums of so many members are made under masks. The sum of two tells
// each what the other has, so masks would hide nothing.
func Secured(members int) bool { return members >= secagg.MinMembers }

// Federate runs work for every member at once, with a Summer that adds over all of them:
// from three members on by secure aggregation, in its sequence mode, so that nobody sees
// the vector of another; otherwise by plain addition. The members' secrets are drawn from
// secret instead of exchanged, as all are in this process. It returns the first error and
// then ends the others.
func Federate(ctx context.Context, members int, secret io.Reader, work func(ctx context.Context, member int, sum learn.Summer) error) error {
	if members < 1 || members > MaxMembers {
		return fmt.Errorf("%w: %d; 1 to %d", ErrMembers, members, MaxMembers)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	meet := newMeeting(members)
	sums := make([]learn.Summer, members)
	if Secured(members) {
		masked, err := newMasked(members, secret, meet)
		if err != nil {
			return err
		}
		for i := range sums {
			sums[i] = &maskedMember{masked, i}
		}
	} else {
		total := &total{meet: meet}
		for i := range sums {
			sums[i] = &plainMember{total, i}
		}
	}
	var wait sync.WaitGroup
	for i := range members {
		wait.Go(func() {
			if err := work(ctx, i, sums[i]); err != nil {
				stop(fmt.Errorf("member %d: %w", i+1, err))
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

// meeting is where all members wait for the last one.
type meeting struct {
	mu      sync.Mutex
	members int
	arrived int
	done    chan struct{} // Closed when all have arrived.
	err     error         // Of what the last one did, for all.
}

func newMeeting(members int) *meeting {
	return &meeting{members: members, done: make(chan struct{})}
}

// hold runs do for one member after another, and last once, when all did; then it lets
// all of them go.
func (m *meeting) hold(ctx context.Context, do, last func() error) error {
	m.mu.Lock()
	if err := do(); err != nil {
		m.mu.Unlock()
		return err
	}
	done := m.done
	if m.arrived++; m.arrived == m.members {
		defer m.mu.Unlock()
		m.err = last()
		m.arrived, m.done = 0, make(chan struct{})
		close(done)
		return m.err
	}
	m.mu.Unlock()
	select {
	case <-done:
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// total adds in the open.
type total struct {
	meet *meeting
	step learn.Step
	next []int64 // What is being added up.
	sum  []int64 // The sum that was finished last.
}

type plainMember struct {
	*total
	member int
}

// Sum adds the vectors of all members.
func (p *plainMember) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	t := p.total
	err := t.meet.hold(ctx, func() error {
		if t.next == nil {
			t.step, t.next = step, make([]int64, len(x))
		}
		if t.step != step || len(t.next) != len(x) {
			return fmt.Errorf("%w: member %d is at %s of %d values, others at %s of %d",
				learn.ErrSum, p.member+1, step.Name, len(x), t.step.Name, len(t.next))
		}
		for i, v := range x {
			t.next[i] += v
		}
		return nil
	}, func() error {
		t.sum, t.next = t.next, nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return slices.Clone(t.sum), nil
}

// masked adds by secure aggregation: the hub and the members' state machines.
type masked struct {
	meet    *meeting
	secret  io.Reader
	round   int // How many rounds were opened; each has at most secagg.MaxSteps sums.
	steps   int // Of the round.
	hub     *secagg.Hub
	members []*secagg.Member
	shown   secagg.Commitments
	said    secagg.Broadcast
}

func newMasked(members int, secret io.Reader, meet *meeting) (*masked, error) {
	m := &masked{meet: meet, secret: secret, members: make([]*secagg.Member, members)}
	return m, m.open()
}

// open opens a round.
func (m *masked) open() error {
	m.round, m.steps = m.round+1, 0
	cohort := comity.Cohort{Round: fmt.Sprintf("training/%d", m.round), Number: 1, Reason: "opened"}
	for i := range m.members {
		cohort.Members = append(cohort.Members, memberID(i))
	}
	plan := canon.Sum([]byte(cohort.Round)) // Nothing is logged; the plan is the command line.
	var err error
	if m.hub, err = secagg.NewHub(secagg.HubConfig{Plan: plan, Cohort: cohort, MinMembers: secagg.MinMembers, Store: forgetful{}}); err != nil {
		return err
	}
	pairs := make([]*secagg.Pairs, len(m.members))
	for i := range pairs {
		pairs[i] = &secagg.Pairs{}
	}
	for i := range pairs {
		for j := range i {
			var key [32]byte
			if _, err := io.ReadFull(m.secret, key[:]); err != nil {
				return fmt.Errorf("secret of members %d and %d: %w", j+1, i+1, err)
			}
			pairs[i].Set(memberID(j), key)
			pairs[j].Set(memberID(i), key)
		}
	}
	for i := range m.members {
		m.members[i], err = secagg.NewMember(secagg.MemberConfig{
			Plan: plan, Self: memberID(i), Cohort: cohort, MinMembers: secagg.MinMembers,
			Pairs: pairs[i], Secret: m.secret, Journal: &notes{}, Store: forgetful{},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// memberID gives members names whose order is theirs.
func memberID(i int) party.ID { return party.ID(fmt.Sprintf("M%03d", i)) }

type maskedMember struct {
	*masked
	member int
}

// Sum adds the vectors of all members under masks. A vector longer than secagg takes is
// added piece by piece.
func (p *maskedMember) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	var sum []int64
	for piece := 0; piece == 0 || piece*secagg.MaxLanes < len(x); piece++ {
		part := x[piece*secagg.MaxLanes : min(len(x), (piece+1)*secagg.MaxLanes)]
		added, err := p.add(ctx, fmt.Sprintf("%s/%d", step.Name, piece), step.Bits, part)
		if err != nil {
			return nil, fmt.Errorf("sum %s: %w", step.Name, err)
		}
		if len(x) == len(part) {
			return added, nil
		}
		sum = append(sum, added...)
	}
	return sum, nil
}

// add makes one step: masked vectors, commitments, opened masks, sum. The members mask and
// unmask side by side, and the hub takes one message after another.
func (p *maskedMember) add(ctx context.Context, name string, bits int, x []int64) ([]int64, error) {
	m := p.masked
	id := memberID(p.member)
	upload, err := m.members[p.member].Upload(name, bits, x)
	if err != nil {
		return nil, err
	}
	err = m.meet.hold(ctx, func() error {
		if m.meet.arrived == 0 { // The first to come.
			if err := m.hub.Begin(upload.Step); err != nil {
				return err
			}
		}
		return m.hub.Upload(id, upload)
	}, func() (err error) {
		m.shown, err = m.hub.Commitments()
		return err
	})
	if err != nil {
		return nil, err
	}
	reveal, err := m.members[p.member].Reveal(m.shown)
	if err != nil {
		return nil, err
	}
	err = m.meet.hold(ctx, func() error { return m.hub.Reveal(id, reveal) }, func() (err error) {
		m.said, err = m.hub.Broadcast()
		return err
	})
	if err != nil {
		return nil, err
	}
	sum, err := m.members[p.member].Finish(m.said)
	if err != nil {
		return nil, err
	}
	// Nobody begins the next step before all have finished this one.
	return sum, m.meet.hold(ctx, func() error { return nil }, func() error {
		if m.steps++; m.steps == secagg.MaxSteps {
			return m.open()
		}
		return nil
	})
}

// notes is a member's journal for as long as the process lasts.
type notes struct{ entries [][]byte }

func (n *notes) Entries() ([][]byte, error) { return n.entries, nil }

func (n *notes) Append(entry []byte) error {
	n.entries = append(n.entries, slices.Clone(entry))
	return nil
}

// forgetful keeps no masked vectors: they are kept to settle who lied about a sum, and here
// the pooled model settles it.
type forgetful struct{}

func (forgetful) Put(string, []byte) error { return nil }

func (forgetful) Get(name string) ([]byte, error) {
	return nil, fmt.Errorf("%w: %s was not kept", secagg.ErrJournal, name)
}
