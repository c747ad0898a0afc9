package secagg

import (
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg/internal/lane"
)

// HubConfig says what round a hub runs.
type HubConfig struct {
	Plan       canon.Digest  // Of the logged plan.
	Cohort     comity.Cohort // The first cohort of the round.
	MinMembers int           // The plan's minimum; never below the package's.
	Store      Store         // Keeps all masked vectors until the round is checked.
}

// Hub adds what the members upload. It holds no secret of theirs and decides nothing:
// members check what concerns them, and anyone can check the rest from the transcript.
// It is used from one goroutine at a time.
type Hub struct {
	cfg        HubConfig
	cohort     comity.Cohort
	chain      chain
	number     int
	since      int // How many steps were finished when the attempt in force began.
	open       *round
	last       *Broadcast
	transcript Transcript
}

// round is the step under way at the hub.
type round struct {
	step    Step
	context canon.Digest
	words   []uint64 // Exact sums of the uploads' words so far.
	list    []Commitment
	in      []bool // Whose upload arrived.
	shown   bool   // Whether the commitments may have left the hub.
	reveals [][keySize]byte
	opened  []bool // Whose reveal arrived.
}

// NewHub opens a round.
func NewHub(cfg HubConfig) (*Hub, error) {
	if cfg.Store == nil || cfg.Plan.IsZero() || cfg.Cohort.Round == "" || len(cfg.Cohort.Round) > maxText {
		return nil, fmt.Errorf("%w: store, plan digest and a round name of at most %d bytes are needed", ErrConfig, maxText)
	}
	if err := checkFirst(cfg.Cohort, cfg.MinMembers); err != nil {
		return nil, err
	}
	cfg.Cohort.Members = slices.Clone(cfg.Cohort.Members)
	t, _, err := startChain(cfg.Cohort.Round, cfg.Plan).cohort(cfg.Cohort)
	if err != nil {
		return nil, err
	}
	return &Hub{cfg: cfg, cohort: cfg.Cohort, chain: t, transcript: Transcript{
		Round: cfg.Cohort.Round, Plan: cfg.Plan, Cohorts: []comity.Cohort{cfg.Cohort}, Steps: []StepRecord{},
	}}, nil
}

// Position is where the hub stands.
func (h *Hub) Position() Position {
	return Position{h.number, h.cohort.Number, h.cohort.Attempt, canon.Digest(h.chain)}
}

// Head is what every member's head must equal.
func (h *Hub) Head() comity.Head {
	return comity.Head{Round: h.cohort.Round, Steps: h.number, Chain: canon.Digest(h.chain)}
}

// Cohort is the cohort that runs the next step.
func (h *Hub) Cohort() comity.Cohort {
	c := h.cohort
	c.Members = slices.Clone(c.Members)
	return c
}

// Begin says which step is due, as the hub's own replay of the task knows it.
func (h *Hub) Begin(s Step) error {
	if err := s.check(); err != nil {
		return err
	}
	if h.open != nil {
		return fmt.Errorf("begin %s: %w: %s is under way", s, ErrOrder, h.open.step)
	}
	if h.number >= MaxSteps {
		return fmt.Errorf("begin %s: %w: a round has at most %d steps", s, ErrOrder, MaxSteps)
	}
	n := len(h.cohort.Members)
	h.open = &round{
		step: s, context: h.Position().context(s), words: make([]uint64, s.words()),
		list: make([]Commitment, n), in: make([]bool, n), reveals: make([][keySize]byte, n), opened: make([]bool, n),
	}
	return nil
}

// Upload takes a member's masked vector; the caller has authenticated who sent it. The
// same upload may come twice, another one may not.
func (h *Hub) Upload(from party.ID, u Upload) error {
	r, i, err := h.place(from, u.Position)
	if err != nil {
		return fmt.Errorf("upload of %s: %w", from, err)
	}
	switch {
	case u.Step != r.step:
		return fmt.Errorf("upload of %s: %w: %s, due is %s", from, ErrStep, u.Step, r.step)
	case len(u.Masked) != r.step.size():
		return fmt.Errorf("upload of %s: %w: %d bytes, step %s has %d", from, ErrMalformed, len(u.Masked), r.step, r.step.size())
	}
	if got := commitMasked(r.context, from, u.Salt, u.Masked); got != u.Commitment.Masked {
		return fmt.Errorf("upload of %s: %w: its digest is %s, committed is %s", from, ErrCommitment, got, u.Commitment.Masked)
	}
	if r.in[i] {
		if r.list[i] != u.Commitment {
			return fmt.Errorf("upload of %s: %w: commitment %s, before it was %s", from, ErrRepeated, u.Commitment.Masked, r.list[i].Masked)
		}
		return nil
	}
	kept := append(u.Salt[:len(u.Salt):len(u.Salt)], u.Masked...)
	if err := h.cfg.Store.Put(openedName(h.number, from), kept); err != nil {
		return fmt.Errorf("keep upload of %s: %w", from, err)
	}
	lane.AddWords(r.words, r.step.shape(), u.Masked)
	r.list[i], r.in[i] = u.Commitment, true
	return nil
}

// place finds the step under way and the sender's index in it.
func (h *Hub) place(from party.ID, at Position) (*round, int, error) {
	i, err := index(h.cohort, from)
	if err != nil {
		return nil, 0, err
	}
	if err := at.check(h.Position()); err != nil {
		return nil, 0, err
	}
	if h.open == nil {
		return nil, 0, fmt.Errorf("%w: step %d has not begun", ErrOrder, h.number)
	}
	return h.open, i, nil
}

// Commitments is what the hub shows when all uploads are in. From then on members may
// have revealed, and a lost step costs an attempt.
func (h *Hub) Commitments() (Commitments, error) {
	if h.open == nil || slices.Contains(h.open.in, false) {
		return Commitments{}, fmt.Errorf("commitments of step %d: %w: uploads missing from %v", h.number, ErrOrder, h.Missing())
	}
	h.open.shown = true
	return Commitments{h.Position(), slices.Clone(h.open.list)}, nil
}

// Reveal takes a member's self mask.
func (h *Hub) Reveal(from party.ID, v Reveal) error {
	r, i, err := h.place(from, v.Position)
	if err != nil {
		return fmt.Errorf("reveal of %s: %w", from, err)
	}
	if !r.shown {
		return fmt.Errorf("reveal of %s: %w: no commitments were shown", from, ErrOrder)
	}
	if err := checkReveal(r.context, from, r.list[i], v.Self); err != nil {
		return err
	}
	r.reveals[i], r.opened[i] = v.Self, true
	return nil
}

// Broadcast ends the step when all reveals are in. Asked again before the next step
// begins, it gives the same answer.
func (h *Hub) Broadcast() (Broadcast, error) {
	r := h.open
	if r == nil && h.last != nil {
		return *h.last, nil
	}
	if r == nil || slices.Contains(r.opened, false) {
		return Broadcast{}, fmt.Errorf("broadcast of step %d: %w: waiting for %v", h.number, ErrOrder, h.Missing())
	}
	blob := unmask(r.step, r.words, r.context, r.reveals).Bytes()
	digest := canon.Sum(blob)
	h.last = &Broadcast{h.Position(), r.reveals, blob}
	h.transcript.Steps = append(h.transcript.Steps, newStepRecord(r, h.cohort.Number, digest))
	h.chain = h.chain.step(r.context, r.list, r.reveals, digest)
	h.number++
	h.open = nil
	return *h.last, nil
}

// Missing lists whom the step under way waits for: for uploads before all are in, for
// reveals afterwards.
func (h *Hub) Missing() []party.ID {
	if h.open == nil {
		return nil
	}
	arrived := h.open.in
	if !slices.Contains(arrived, false) {
		arrived = h.open.opened
	}
	var late []party.ID
	for i, id := range h.cohort.Members {
		if !arrived[i] {
			late = append(late, id)
		}
	}
	return late
}

// Successor writes the cohort without the parties in drop, for the log. It raises the
// attempt unless nothing of the attempt in force can be out: no step of it was
// finished, and no commitments were shown in the one under way.
func (h *Hub) Successor(drop []party.ID, reason string) (comity.Cohort, error) {
	c := h.Cohort()
	c.Number, c.FromStep, c.Reason = c.Number+1, h.number, reason
	c.Members = slices.DeleteFunc(c.Members, func(id party.ID) bool { return slices.Contains(drop, id) })
	if h.standing().used() {
		c.Attempt++
	}
	if err := checkSuccessor(h.cohort, c, h.standing(), h.cfg.MinMembers); err != nil {
		return comity.Cohort{}, err
	}
	return c, nil
}

func (h *Hub) standing() standing {
	return standing{h.number, h.since, h.open != nil && h.open.shown}
}

// Recohort continues with a logged successor. The step under way is dropped.
func (h *Hub) Recohort(c comity.Cohort) error {
	at := h.standing()
	if err := checkSuccessor(h.cohort, c, at, h.cfg.MinMembers); err != nil {
		return err
	}
	t, _, err := h.chain.cohort(c)
	if err != nil {
		return err
	}
	c.Members = slices.Clone(c.Members)
	h.since = at.follow(h.cohort, c).since
	h.cohort, h.chain, h.open, h.last = c, t, nil, nil
	h.transcript.Cohorts = append(h.transcript.Cohorts, c)
	return nil
}

// Resume takes one finished step of a round that was interrupted, from the hub's own
// record, and returns what was shown of it, for members that missed it. Steps come in
// order; a logged successor goes in by Recohort before the step that it starts at.
func (h *Hub) Resume(s StepRecord, blob []byte) (Commitments, Broadcast, error) {
	n := len(h.cohort.Members)
	if h.open != nil || s.Cohort != h.cohort.Number || len(s.Commitments) != n || len(s.Reveals) != n || canon.Sum(blob) != s.Sum {
		return Commitments{}, Broadcast{}, fmt.Errorf("resume step %d: %w: the record is of cohort %d with %d members, in force is %d with %d",
			h.number, ErrJournal, s.Cohort, len(s.Commitments), h.cohort.Number, n)
	}
	context := h.Position().context(s.step())
	reveals, err := checkReveals(context, h.cohort, s)
	if err != nil {
		return Commitments{}, Broadcast{}, fmt.Errorf("resume step %d: %w", h.number, err)
	}
	c, b := Commitments{h.Position(), s.Commitments}, Broadcast{h.Position(), reveals, blob}
	h.last = &b
	h.transcript.Steps = append(h.transcript.Steps, s)
	h.chain = h.chain.step(context, s.Commitments, reveals, s.Sum)
	h.number++
	return c, b, nil
}

// Last returns the record of the newest finished step, for who must not forget it.
func (h *Hub) Last() (StepRecord, bool) {
	if len(h.transcript.Steps) == 0 {
		return StepRecord{}, false
	}
	return h.transcript.Steps[len(h.transcript.Steps)-1], true
}

// Transcript is the public record so far.
func (h *Hub) Transcript() Transcript {
	t := h.transcript
	t.Cohorts, t.Steps = slices.Clone(t.Cohorts), slices.Clone(t.Steps)
	return t
}

// Opened returns the salt and the masked vector of one member in one finished step, to
// settle a missing or disputed fingerprint. Show it to members, never to the public
// log: the peer masks still cover it, but what is recorded today may be opened later.
func (h *Hub) Opened(number int, who party.ID) ([]byte, error) {
	if number < 0 || number >= h.number {
		return nil, fmt.Errorf("open step %d: %w: %d steps are finished", number, ErrStep, h.number)
	}
	return h.cfg.Store.Get(openedName(number, who))
}

// openedName names one member's upload in the hub's store.
func openedName(number int, who party.ID) string { return fmt.Sprintf("opened-%04d-%s", number, who) }
