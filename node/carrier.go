package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"comity/body"
	"comity/canon"
	"comity/party"
	"comity/verifier/federation"
	"comity/verifier/ledger"
)

// errands are what the hub does for members that come through carriers: it writes bundles
// for them, takes their replies, and passes on what they say when its phase has come.
type errands struct {
	hub     *Hub
	mu      chan struct{} // Held by who reads or writes a member's folder; a lock that ctx ends.
	waiting map[party.ID]*Bundle
}

// carriedState is what the hub keeps of the bundles of one member.
type carriedState struct {
	Written int          `json:"written"` // Number of the newest bundle to it.
	Taken   int          `json:"taken"`   // Of the newest that it answered.
	Held    int          `json:"held"`    // Entries of the log that it said it holds.
	Away    bool         `json:"away"`    // It is waited for: it answered a bundle, or the operator had one written.
	Told    canon.Digest `json:"told"`    // Of log size and parts of the newest bundle,
	Since   int          `json:"since"`   // and the first number that said the same.
}

func newErrands(h *Hub) *errands {
	return &errands{hub: h, mu: make(chan struct{}, 1), waiting: map[party.ID]*Bundle{}}
}

// CarriedFolder is where a hub keeps what belongs to a member that comes through a carrier.
// A member has one from its first bundle on.
func CarriedFolder(hub Home, id party.ID) string { return hub.path("carried", string(id)) }

func (e *errands) file(id party.ID, name string) string {
	return Home(CarriedFolder(e.hub.cfg.Home.Hub(), id)).path(name)
}

func (e *errands) lock(ctx context.Context) error {
	select {
	case e.mu <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *errands) unlock() { <-e.mu }

func (e *errands) state(id party.ID) (s carriedState, err error) {
	data, err := os.ReadFile(e.file(id, "state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}

func (e *errands) keep(id party.ID, s carriedState) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return writeFile(e.file(id, "state.json"), data)
}

// Bundle writes the next bundle for a member: what the log has beyond what the member last
// said it holds, or the whole log, what is due of it, and what it will ask for. It waits
// until those who are connected have said what they can, and witnesses cosigned all of it.
func (h *Hub) Bundle(ctx context.Context, id party.ID, whole bool) ([]byte, error) {
	return h.write(ctx, bundleRequest{Party: id, Whole: whole}, true)
}

// write writes a bundle, nil if it would say nothing that the one of that number did not.
func (h *Hub) write(ctx context.Context, r bundleRequest, away bool) ([]byte, error) {
	id := r.Party
	if !slices.Contains(h.members, id) {
		return nil, fmt.Errorf("%w: %.40q is not a member of %s", ErrAddressee, id, h.charter.ID)
	}
	e := h.errands
	if away { // A stick goes once: what those who are connected say within seconds belongs on it.
		if err := e.settle(ctx, id); err != nil {
			return nil, err
		}
	}
	if err := e.lock(ctx); err != nil {
		return nil, err
	}
	defer e.unlock()
	s, err := e.state(id)
	if err != nil {
		return nil, err
	}
	parts, err := e.open(ctx, id)
	if err != nil {
		return nil, err
	}
	n := h.size() // Witnesses must see what the parts are about.
	waiting, cancel := context.WithTimeout(ctx, max(h.cfg.Patience, absence))
	defer cancel()
	checkpoint, err := h.log.Witnessed(waiting, int64(n-1))
	if err != nil {
		return nil, fmt.Errorf("bundle for %s: %w: nobody cosigned %d entries: %w", id, ErrQuorum, n, err)
	}
	c, err := ledger.ParseCheckpoint(checkpoint, h.policy)
	if err != nil {
		return nil, err
	}
	told := toldOf(c.Size, parts)
	if told == s.Told && r.Than >= s.Since && r.Than > 0 && !r.Whole {
		return nil, nil
	}
	since := s.Held
	if r.Whole {
		since = 0
	}
	parts = append(parts, part{kind: msgCheckpoint, data: h.shown(id, msgCheckpoint, checkpoint)})
	for from := int64(since); from < c.Size; {
		entries, err := h.log.Entries(ctx, from, min(c.Size, from+maxEntries))
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			parts = append(parts, part{kind: partEntry, data: entry})
		}
		from += int64(len(entries))
	}
	s.Written, s.Away = s.Written+1, s.Away || away
	if told != s.Told {
		s.Told, s.Since = told, s.Written
	}
	if err := e.keep(id, s); err != nil { // Before anybody can answer it.
		return nil, err
	}
	return sealBundle(BundleHeader{
		Body: h.charter.ID, Charter: canon.Sum(h.cfg.Charter), From: h.charter.Transparency.Log.Operator, To: id,
		Number: s.Written, Since: since, Size: int(c.Size),
	}, parts, h.operator)
}

// toldOf tells two bundles apart that say different things.
func toldOf(size int64, parts []part) canon.Digest {
	text := fmt.Appendln(nil, size)
	for _, p := range parts {
		text = fmt.Appendln(text, p.kind, canon.Sum(p.about), canon.Sum(p.data))
	}
	return canon.Sum(text)
}

// open lists what is due of a member, and answers what it will ask for then.
func (e *errands) open(ctx context.Context, id party.ID) (parts []part, err error) {
	dues, b := e.dues(id)
	for _, d := range dues {
		data, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{kind: msgDue, data: data})
	}
	if b == nil {
		return parts, nil
	}
	boxes, err := e.hub.giveBoxes(ctx, string(id), []byte(b.Question.Epoch))
	if err != nil {
		return nil, err
	}
	parts = append(parts, part{kind: msgBoxes, about: []byte(b.Question.Epoch), data: boxes})
	parcels, err := e.parcels(*b, id)
	if err != nil || parcels == nil {
		return parts, err
	}
	round := b.Question.Round
	asking := letterBytes(round, federation.Letter{Kind: federation.Asking, Data: []byte(round)})
	return append(parts, part{kind: msgLetter, about: asking, data: letterBytes(round, *parcels)}), nil
}

func (e *errands) parcels(b federation.Board, id party.ID) (*federation.Letter, error) {
	h := e.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asking.round != b.Question.Round || !b.TakesPart(id) {
		return nil, nil
	}
	return h.asking.conductor.ParcelsAhead(b, id)
}

// dues lists what a member has to do, the question last, which comes with it.
func (e *errands) dues(id party.ID) (all []due, asked *federation.Board) {
	h := e.hub
	h.mu.Lock()
	now, round := h.current, h.asking.round
	h.mu.Unlock()
	if round == "" {
		round = now.Round
	}
	h.Look(func(s *body.State) {
		v := s.View()
		if !v.InForce {
			if !v.Ratified[id] {
				all = append(all, due{What: dueRatify})
			}
			return
		}
		if p := unchecked(v, id); p != "" {
			all = append(all, due{What: dueCheck, Period: p})
		}
		b, ok := s.Board(round)
		if !ok || over(b) || !slices.Contains(b.From, id) {
			return
		}
		asked = &b
		if b.Phase() == federation.Asked {
			q := b.Question
			all = append(all, due{What: dueConsent, Round: round})
			if ep := v.Epochs[q.Epoch]; len(ep.Boxes) == 0 || has(ep.Keys, id) {
				all = append(all, due{What: dueKeys, Epoch: q.Epoch, Round: round})
				if now.What == dueBoxes || keyed(v, b, id) {
					all = append(all, due{What: dueBoxes, Epoch: q.Epoch})
				}
			}
		}
		all = append(all, due{What: dueAnswer, Round: round})
	})
	return all, asked
}

func has[V any](m map[party.ID]V, id party.ID) bool {
	_, ok := m[id]
	return ok
}

// unchecked is the newest allocated period, if a member has not said what it found.
func unchecked(v *body.View, id party.ID) (period string) {
	for name, d := range v.Decisions {
		if d.Allocation != nil {
			period = max(period, name)
		}
	}
	if d := v.Decisions[period]; slices.Contains(d.Checks, id) || slices.Contains(d.Dissents, id) {
		return ""
	}
	return period
}
