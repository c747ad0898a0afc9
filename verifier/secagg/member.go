package secagg

import (
	"crypto/subtle"
	"fmt"
	"io"
	"slices"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg/internal/field"
	"comity/verifier/secagg/internal/lane"
	"comity/verifier/secagg/internal/wire"
)

// MemberConfig says who takes part in what.
type MemberConfig struct {
	Plan       canon.Digest  // Of the logged plan.
	Self       party.ID      // This member.
	Cohort     comity.Cohort // The first cohort of the round, from the witnessed log.
	MinMembers int           // The plan's minimum; never below the package's.
	Pairs      *Pairs        // The round's secrets with every peer: what Ratchet returned.
	Secret     io.Reader     // The secret coin; read once, when the journal is empty.
	Journal    Journal       // Of this member and round.
	Store      Store         // Keeps this member's masked vectors until Fingerprint.
}

// Member is one party's side of a round. It is used from one goroutine at a time.
//
// A step is Upload, Reveal, Finish. After a crash the member is built again from the
// first cohort and the same journal, and is led through the same steps with the same
// inputs: it gives the same uploads and reveals, and never others.
type Member struct {
	cfg     MemberConfig
	cohort  comity.Cohort
	memory  *memory
	chain   chain
	number  int
	since   int    // How many steps were finished when the attempt in force began.
	steps   []Step // The finished ones.
	pending *pending
	lost    [][keySize]byte // Keyed digests of inputs that were revealed but not finished.
	closed  *chance.Seed
}

// pending is the step under way.
type pending struct {
	upload   Upload
	context  canon.Digest
	input    [keySize]byte
	self     [keySize]byte
	list     []Commitment
	revealed bool
}

// NewMember opens or resumes a round.
func NewMember(cfg MemberConfig) (*Member, error) {
	switch {
	case cfg.Journal == nil || cfg.Store == nil || cfg.Pairs == nil:
		return nil, fmt.Errorf("%w: journal, store and pairs are needed", ErrConfig)
	case cfg.Plan.IsZero():
		return nil, fmt.Errorf("%w: no plan digest", ErrConfig)
	case cfg.Cohort.Round == "" || len(cfg.Cohort.Round) > maxText:
		return nil, fmt.Errorf("%w: round name of %d bytes; use 1 to %d", ErrConfig, len(cfg.Cohort.Round), maxText)
	}
	if err := checkFirst(cfg.Cohort, cfg.MinMembers); err != nil {
		return nil, err
	}
	if _, err := index(cfg.Cohort, cfg.Self); err != nil {
		return nil, err
	}
	for _, peer := range cfg.Cohort.Members {
		if peer != cfg.Self && cfg.Pairs.key(peer) == nil {
			return nil, fmt.Errorf("%w: no pair secret with %s", ErrConfig, peer)
		}
	}
	cfg.Cohort.Members = slices.Clone(cfg.Cohort.Members)
	t, digest, err := startChain(cfg.Cohort.Round, cfg.Plan).cohort(cfg.Cohort)
	if err != nil {
		return nil, err
	}
	binding := wire.Encode(labelJournal).Text(cfg.Cohort.Round).Bytes(cfg.Plan[:]).Bytes(digest[:]).Text(string(cfg.Self)).Sum()
	notes, err := remember(cfg.Journal, binding, cfg.Secret)
	if err != nil {
		return nil, err
	}
	return &Member{cfg: cfg, cohort: cfg.Cohort, memory: notes, chain: t}, nil
}

// Position is where the member stands.
func (m *Member) Position() Position {
	return Position{m.number, m.cohort.Number, m.cohort.Attempt, canon.Digest(m.chain)}
}

// Head is what the member signs: the digest of all it saw so far.
func (m *Member) Head() comity.Head {
	return comity.Head{Round: m.cohort.Round, Steps: m.number, Chain: canon.Digest(m.chain)}
}

// Upload masks x for one step. Each |x| may be at most (2^(bits-1)-1) divided by the
// number of members. Asked again for the same step and input, it gives the same upload,
// which the caller does not change.
func (m *Member) Upload(name string, bits int, x []int64) (Upload, error) {
	step := Step{name, bits, len(x)}
	switch {
	case m.closed != nil:
		return Upload{}, fmt.Errorf("upload %s: %w", step, ErrClosed)
	case m.number >= MaxSteps:
		return Upload{}, fmt.Errorf("upload %s: %w: a round has at most %d steps", step, ErrOrder, MaxSteps)
	}
	if err := step.check(); err != nil {
		return Upload{}, err
	}
	v, err := pack(step, x, len(m.cohort.Members))
	if err != nil {
		return Upload{}, err
	}
	input := m.inputDigest(v)
	if p := m.pending; p != nil {
		if p.upload.Step != step || subtle.ConstantTimeCompare(p.input[:], input[:]) != 1 {
			return Upload{}, fmt.Errorf("upload %s: %w: step %d is under way as %s with its input",
				step, ErrRepeated, m.number, p.upload.Step)
		}
		return p.upload, nil
	}
	zero := v.Zero()
	for _, old := range m.lost {
		if !zero && subtle.ConstantTimeCompare(old[:], input[:]) == 1 {
			return Upload{}, fmt.Errorf("upload %s: %w; draw a fresh sample for attempt %d", step, ErrReused, m.cohort.Attempt)
		}
	}
	m.pending = m.mask(step, v, input)
	return m.pending.upload, nil
}

// inputDigest recognises an input without giving it away.
func (m *Member) inputDigest(v lane.Vector) (out [keySize]byte) {
	plain := wire.Encode(labelInput).Number(v.Bits).Number(v.Lanes).SumWith(v.Bytes())
	wire.Move(&out, wire.Expand(m.memory.secret[:], wire.Encode(labelInput).Bytes(plain[:]), keySize))
	return out
}

// mask turns an input into an upload. Self mask and salt derive from the round secret,
// the place and the input: the same input gives the same bytes after a crash, another
// input another mask, so that no two inputs ever share one.
func (m *Member) mask(step Step, v lane.Vector, input [keySize]byte) *pending {
	at := m.Position()
	p := &pending{context: at.context(step), input: input}
	secrets := wire.Expand(m.memory.secret[:], wire.Encode(labelSecrets).Bytes(p.context[:]).Bytes(input[:]), 2*keySize)
	p.upload = Upload{Position: at, Step: step}
	copy(p.self[:], secrets[:keySize])
	copy(p.upload.Salt[:], secrets[keySize:])
	clear(secrets)
	masking{m.cfg.Self, m.cohort.Members, m.cfg.Pairs}.apply(v, p.context, p.self)
	p.upload.Masked = v.Bytes()
	p.upload.Commitment = Commitment{
		Masked: commitMasked(p.context, m.cfg.Self, p.upload.Salt, p.upload.Masked),
		Self:   commitSelf(p.context, m.cfg.Self, p.self),
	}
	return p
}

// Reveal opens the self mask once the hub has shown everybody's commitments. The
// journal has it before Reveal returns. The same commitments get the same answer; for
// one step and attempt no others are ever answered.
func (m *Member) Reveal(c Commitments) (Reveal, error) {
	if err := c.Position.check(m.Position()); err != nil {
		return Reveal{}, fmt.Errorf("commitments: %w", err)
	}
	p := m.pending
	if p == nil {
		return Reveal{}, fmt.Errorf("commitments of step %d: %w: nothing was uploaded", m.number, ErrOrder)
	}
	if m.memory.superseded(m.cohort.Number, m.number) {
		return Reveal{}, fmt.Errorf("commitments of step %d: %w: cohort %d was accepted from this step on",
			m.number, ErrSuccessor, m.cohort.Number+1)
	}
	i, err := index(m.cohort, m.cfg.Self)
	if err != nil {
		return Reveal{}, err
	}
	switch n := len(m.cohort.Members); {
	case len(c.List) != n:
		return Reveal{}, fmt.Errorf("commitments of step %d: %w: %d of %d members", m.number, ErrCohort, len(c.List), n)
	case c.List[i] != p.upload.Commitment:
		return Reveal{}, fmt.Errorf("commitments of step %d: %w", m.number, ErrOwnCommitment)
	}
	noted := revealed{m.Position(), listDigest(c.List), p.upload.Commitment.Masked, p.input, p.self}
	if err := m.memory.reveal(noted); err != nil {
		return Reveal{}, err
	}
	p.revealed = true
	p.list = slices.Clone(c.List)
	return Reveal{m.Position(), p.self}, nil
}

// Finish takes the sum of the step. It checks that every self mask is the one committed
// to, its own among them, and moves the chain on. That the sum itself is right shows
// when the fingerprints are compared.
func (m *Member) Finish(b Broadcast) ([]int64, error) {
	if err := b.Position.check(m.Position()); err != nil {
		return nil, fmt.Errorf("broadcast: %w", err)
	}
	p := m.pending
	if p == nil || !p.revealed {
		return nil, fmt.Errorf("broadcast of step %d: %w: nothing was revealed", m.number, ErrOrder)
	}
	if len(b.Reveals) != len(p.list) {
		return nil, fmt.Errorf("broadcast of step %d: %w: %d reveals of %d members", m.number, ErrCohort, len(b.Reveals), len(p.list))
	}
	for i, who := range m.cohort.Members {
		if who == m.cfg.Self && subtle.ConstantTimeCompare(b.Reveals[i][:], p.self[:]) != 1 {
			return nil, fmt.Errorf("broadcast of step %d: %w", m.number, ErrOwnReveal)
		}
		if err := checkReveal(p.context, who, p.list[i], b.Reveals[i]); err != nil {
			return nil, fmt.Errorf("broadcast of step %d: %w", m.number, err)
		}
	}
	sum, err := ParseSum(b.Sum)
	if err != nil {
		return nil, fmt.Errorf("broadcast of step %d: %w", m.number, err)
	}
	if err := sum.check(p.upload.Step, len(m.cohort.Members)); err != nil {
		return nil, fmt.Errorf("broadcast of step %d: %w", m.number, err)
	}
	if err := m.cfg.Store.Put(ownName(m.number), p.upload.Masked); err != nil {
		return nil, fmt.Errorf("keep masked vector of step %d: %w", m.number, err)
	}
	m.chain = m.chain.step(p.context, p.list, b.Reveals, canon.Sum(b.Sum))
	m.steps = append(m.steps, p.upload.Step)
	m.number++
	m.pending = nil
	return sum.Values(), nil
}

// ownName names a member's own masked vector in its store.
func ownName(number int) string { return fmt.Sprintf("masked-%04d", number) }

// Recohort accepts the one successor of the member's cohort, which must come from the
// witnessed log. The step under way is dropped and repeated under fresh masks. Once a
// step of the attempt in force was finished, or this member revealed in the one under
// way, only a higher attempt is accepted: the caller draws a fresh sample and begins
// again what the lost steps belonged to, and a revealed input is not summed again.
func (m *Member) Recohort(c comity.Cohort) error {
	if m.closed != nil {
		return fmt.Errorf("cohort %d: %w", c.Number, ErrClosed)
	}
	t, digest, err := m.chain.cohort(c)
	if err != nil {
		return err
	}
	if c.Number <= m.cohort.Number && c.Number > 1 {
		return m.memory.accept(c, digest) // Repeated, or another one for the same number.
	}
	lost := m.memory.unfinished(m.number, m.cohort.Number)
	answered := slices.ContainsFunc(lost, func(v revealed) bool { return v.Attempt == m.cohort.Attempt })
	at := standing{m.number, m.since, answered}
	if err := checkSuccessor(m.cohort, c, at, m.cfg.MinMembers); err != nil {
		return err
	}
	if _, err := index(c, m.cfg.Self); err != nil {
		return err
	}
	if err := m.memory.accept(c, digest); err != nil {
		return err
	}
	for _, v := range lost {
		if !slices.Contains(m.lost, v.input) {
			m.lost = append(m.lost, v.input)
		}
	}
	c.Members = slices.Clone(c.Members)
	m.since = at.follow(m.cohort, c).since
	m.cohort, m.chain, m.pending = c, t, nil
	return nil
}

// Fingerprint opens the polynomial over all words that this member committed to, at
// the places that seed gives, closes the round and erases the Pairs it was given. The
// caller takes seed from a checkpoint that covers every member's last head
// (FingerprintSeed), and erases journal, store and its own copies of the secrets when
// the round has been verified.
func (m *Member) Fingerprint(seed chance.Seed) (comity.Fingerprint, error) {
	if m.closed != nil && *m.closed != seed {
		return comity.Fingerprint{}, fmt.Errorf("fingerprint: %w at another seed", ErrClosed)
	}
	e := field.New(seed)
	for k, step := range m.steps {
		y, err := m.cfg.Store.Get(ownName(k))
		if err != nil {
			return comity.Fingerprint{}, fmt.Errorf("masked vector of step %d: %w", k, err)
		}
		if len(y) != step.size() {
			return comity.Fingerprint{}, fmt.Errorf("%w: store has %d bytes of step %d, want %d", ErrMalformed, len(y), k, step.size())
		}
		e.Masked(step.shape(), y)
	}
	m.closed, m.pending = &seed, nil
	clear(m.memory.secret[:])
	m.cfg.Pairs.Erase()
	return record(e, m.cohort.Round), nil
}
