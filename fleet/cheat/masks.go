package cheat

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/node"
	"comity/party"
	"comity/verifier/secagg"
)

func hubDropsMember() Cheat {
	return Cheat{
		Name: "hub-drops-member", Title: "The hub drops a member to subtract it", Who: "hub",
		Tries: "When all have revealed, the hub calls one member silent and asks the others for the same sum without it: the difference would be that member's own numbers.",
		run:   dropsMember,
	}
}

func dropsMember(ctx context.Context, s *stage) error {
	victim := s.last()
	s.cheat.Hub = &node.HubRehearsal{
		Late: func(_ int, step string) []party.ID {
			if s.over.Load() || step != stepEdges {
				return nil
			}
			return []party.ID{victim}
		},
		Say: func(st *comity.Statement) (bool, error) {
			return st.Kind == comity.KindCohort && st.Counter > 0 && !firstCohort(st), nil
		},
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	wanted := breaks(body.RuleCohort)
	if err := s.until(ctx, s.decide, wanted, s.everybody()); err != nil {
		return err
	}
	s.caught(wanted)
	s.out.Tried = fmt.Sprintf("After all %d members had revealed for sum 2, the hub logged a cohort without %s under the same attempt, against its own rules.", s.everybody(), s.name(victim))
	return s.subtracted(ctx, victim)
}

// firstCohort tells whether a statement opens a round.
func firstCohort(st *comity.Statement) bool {
	var c comity.Cohort
	return canon.Unmarshal(st.Record, &c) == nil && c.Number == 1
}

// subtracted shows that the two sums would have differed by exactly what the victim gave.
func (s *stage) subtracted(ctx context.Context, victim party.ID) error {
	var parts [3][]int64 // Of everybody, of everybody else, of the victim.
	for i, of := range [][]party.ID{s.members(), others(s.members(), victim), {victim}} {
		x, err := s.vector(ctx, of, stepEdges)
		if err != nil {
			return err
		}
		parts[i] = x
	}
	values, filled := int64(0), 0
	for i := range parts[0] {
		difference := parts[0][i] - parts[1][i]
		if difference != parts[2][i] {
			return fmt.Errorf("the difference of two sums is %d at %d, the member gave %d", difference, i, parts[2][i])
		}
		values += difference
		if difference != 0 {
			filled++
		}
	}
	s.out.WouldHave = fmt.Sprintf("One sum minus the other is %s's own histogram, exactly: %s cells, %s of them filled, with all of the %s values that it counted at home.",
		s.name(victim), grouped(len(parts[0])), grouped(filled), grouped(values))
	return nil
}

// vector is what some members would add in one of the first steps.
func (s *stage) vector(ctx context.Context, of []party.ID, step string) ([]int64, error) {
	in := s.input()
	var err error
	if in.Archive, err = s.archive(s.Scenario.Rows, of); err != nil {
		return nil, err
	}
	f := &first{tape: s.tape, until: step}
	if _, err := forecast.Run(ctx, in, f); !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("vector of step %s: %w", step, err)
	}
	return f.x, nil
}

func hubSwapsKey() Cheat {
	return Cheat{
		Name: "hub-swaps-key", Title: "The hub swaps keys", Who: "hub",
		Tries: "The hub gives one member secrets that it made up itself in the place of those that the other members sealed for it, to know its masks.",
		run:   swapsKey,
	}
}

const stepRegion = "region/attempt/0"

func swapsKey(ctx context.Context, s *stage) error {
	victim := s.last()
	var mu sync.Mutex
	known := map[party.ID][32]byte{}
	s.cheat.Hub = &node.HubRehearsal{Box: func(from, to party.ID, epoch string, box []byte) ([]byte, error) {
		if to != victim {
			return box, nil
		}
		var public []byte
		s.view(func(st *body.State) { public = st.View().Epochs[epoch].Keys[victim].Key })
		var secret [32]byte
		if _, err := rand.Read(secret[:]); err != nil {
			return nil, err
		}
		mu.Lock()
		known[from] = secret
		mu.Unlock()
		return secagg.Seal(secagg.BoxContext{Body: s.rules.ID, Epoch: epoch, From: from, To: victim}, public, secret)
	}}
	if err := s.open(ctx); err != nil {
		return err
	}
	wanted := is(secagg.ErrBox)
	if err := s.until(ctx, s.decide, wanted, 1); err != nil {
		return err
	}
	s.caught(wanted)
	mu.Lock()
	defer mu.Unlock()
	s.out.Tried = fmt.Sprintf("The hub sealed %d secrets of its own to the key of %s and handed them out as those of the other members.", len(known), s.name(victim))
	return s.bared(ctx, victim, known)
}

// bared shows what planted secrets are good for: the hub plays all other members, with
// vectors of zeros, and the sum is the victim's own vector.
func (s *stage) bared(ctx context.Context, victim party.ID, known map[party.ID][32]byte) error {
	in := s.input()
	var err error
	if in.Archive, err = s.archive(s.Scenario.Rows, []party.ID{victim}); err != nil {
		return err
	}
	f := &first{until: stepRegion}
	if _, err := forecast.Run(ctx, in, f); !errors.Is(err, errEnough) {
		return fmt.Errorf("vector of %s: %w", victim, err)
	}
	sum, err := playAll(s.members(), victim, known, f.x)
	if err != nil {
		return err
	}
	if !slices.Equal(sum, f.x) {
		return errors.New("planted secrets do not bare the vector")
	}
	filled := len(slices.DeleteFunc(slices.Clone(sum), func(v int64) bool { return v == 0 }))
	s.out.WouldHave = fmt.Sprintf("Knowing all of its masks, the hub could have played the other %d members with vectors of zeros: the sum is then %s's own first vector, %s numbers, %s of them not zero, read in the clear.",
		len(known), s.name(victim), grouped(len(sum)), grouped(filled))
	return nil
}

// playAll runs one step in which everybody but the victim is played with zeros.
func playAll(members []party.ID, victim party.ID, known map[party.ID][32]byte, x []int64) ([]int64, error) {
	cohort := comity.Cohort{Round: "bared", Number: 1, Members: members}
	at := canon.Sum([]byte("bared"))
	hub, err := secagg.NewHub(secagg.HubConfig{Plan: at, Cohort: cohort, Store: memory{}})
	if err != nil {
		return nil, err
	}
	step := secagg.Step{Name: "region", Bits: 32, Lanes: len(x)}
	if err := hub.Begin(step); err != nil {
		return nil, err
	}
	played := make([]*secagg.Member, len(members))
	for i, id := range members {
		pairs := &secagg.Pairs{}
		for _, peer := range members {
			switch { // Between two members that it plays itself, any secret does.
			case peer == id:
			case id == victim:
				pairs.Set(peer, known[peer])
			case peer == victim:
				pairs.Set(peer, known[id])
			default:
				pairs.Set(peer, [32]byte{1})
			}
		}
		played[i], err = secagg.NewMember(secagg.MemberConfig{
			Plan: at, Self: id, Cohort: cohort, Pairs: pairs, Secret: rand.Reader, Journal: &notes{}, Store: memory{},
		})
		if err != nil {
			return nil, err
		}
		own := make([]int64, len(x))
		if id == victim {
			own = x
		}
		u, err := played[i].Upload(step.Name, step.Bits, own)
		if err != nil {
			return nil, err
		}
		if err := hub.Upload(id, u); err != nil {
			return nil, err
		}
	}
	shown, err := hub.Commitments()
	if err != nil {
		return nil, err
	}
	for i, id := range members {
		v, err := played[i].Reveal(shown)
		if err != nil {
			return nil, err
		}
		if err := hub.Reveal(id, v); err != nil {
			return nil, err
		}
	}
	b, err := hub.Broadcast()
	if err != nil {
		return nil, err
	}
	sum, err := secagg.ParseSum(b.Sum)
	return sum.Values(), err
}

// notes is a secagg.Journal that lasts as long as the process.
type notes struct{ entries [][]byte }

// Entries returns all entries.
func (n *notes) Entries() ([][]byte, error) { return n.entries, nil }

// Append keeps an entry.
func (n *notes) Append(entry []byte) error {
	n.entries = append(n.entries, slices.Clone(entry))
	return nil
}

// memory is a secagg.Store that lasts as long as the process.
type memory map[string][]byte

// Put keeps a copy.
func (m memory) Put(name string, data []byte) error {
	m[name] = slices.Clone(data)
	return nil
}

// Get returns what Put kept.
func (m memory) Get(name string) ([]byte, error) { return m[name], nil }
