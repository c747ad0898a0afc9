package oneshot

import (
	"fmt"
	"io"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/field"
	"comity/verifier/secagg/internal/lane"
	"comity/verifier/secagg/internal/wire"
)

// MemberConfig says who takes part in what.
type MemberConfig struct {
	Group   *Group
	Self    party.ID
	Pairs   *secagg.Pairs // The round's secrets with every neighbour: what Ratchet returned.
	Secret  io.Reader     // The secret coin; read once, when the journal is empty.
	Journal Journal       // Of this member, round and bucket.
	Store   Store         // Keeps this member's masked vector until Unmask.
}

// Member is one party's side of a round. It is used from one goroutine at a time.
//
// A round is Deal, Take, Upload, Unmask. After a crash the member is built again with
// the same journal and led through the same calls with the same arguments: it gives the
// same bytes, and never others.
type Member struct {
	cfg    MemberConfig
	at     int // Its place in the group.
	memory *memory
	dealt  *comity.Deal
	shares [][]byte // By member of the group: both shares of its secrets, once they arrived.
	answer *comity.Unmask
	closed bool
}

// NewMember opens or resumes a round.
func NewMember(cfg MemberConfig) (*Member, error) {
	if cfg.Group == nil || cfg.Pairs == nil || cfg.Journal == nil || cfg.Store == nil {
		return nil, fmt.Errorf("%w: group, pairs, journal and store are needed", secagg.ErrConfig)
	}
	g := cfg.Group
	i, err := g.index(cfg.Self)
	if err != nil {
		return nil, err
	}
	peers := cfg.Pairs.Peers()
	for _, j := range g.holders[i] {
		if _, known := slices.BinarySearch(peers, g.members[j]); j != i && !known {
			return nil, fmt.Errorf("%w: no pair secret with %s", secagg.ErrConfig, g.members[j])
		}
	}
	binding := label("journal").Bytes(g.context[:]).Text(string(cfg.Self)).Sum()
	notes, err := remember(cfg.Journal, binding, cfg.Secret)
	if err != nil {
		return nil, fmt.Errorf("round %s: %w", g.open.Round, err)
	}
	return &Member{cfg: cfg, at: i, memory: notes, shares: make([][]byte, len(g.members))}, nil
}

// Deal returns the statement to log and the bundle to send to the hub. Asked again, it
// returns the same.
func (m *Member) Deal() (comity.Deal, Bundle, error) {
	if m.closed {
		return comity.Deal{}, Bundle{}, fmt.Errorf("deal: %w", secagg.ErrClosed)
	}
	d, b := m.cfg.Group.deal(m.at, m.cfg.Pairs, m.memory.secret)
	m.dealt = &d
	return d, b, nil
}

// Take keeps the shares that dealers sent to this member. deals are those in the log,
// p is what the hub hands out; a parcel that does not belong to its logged deal is the
// hub's fault and an error. The complaints it returns are to be logged at once. Taken
// again, the same parcels give the same; parcels that come later may be taken later.
func (m *Member) Take(deals map[party.ID]comity.Deal, p Parcels) ([]comity.Complaint, error) {
	g := m.cfg.Group
	if m.closed {
		return nil, fmt.Errorf("parcels: %w", secagg.ErrClosed)
	}
	if err := g.sameContext(p.Context); err != nil {
		return nil, fmt.Errorf("parcels: %w", err)
	}
	for k := range p.list {
		if err := m.checkParcel(deals, &p.list[k]); err != nil {
			return nil, fmt.Errorf("parcel of %s: %w", p.list[k].dealer, err)
		}
	}
	var complaints []comity.Complaint
	for k := range p.list {
		e := &p.list[k]
		if c := m.open(deals[e.dealer], e); c != nil {
			complaints = append(complaints, *c)
		}
	}
	return complaints, nil
}

// checkParcel refuses a leaf that its dealer's logged root does not cover.
func (m *Member) checkParcel(deals map[party.ID]comity.Deal, e *parcel) error {
	g := m.cfg.Group
	j, err := g.index(e.dealer)
	if err != nil {
		return err
	}
	d, logged := deals[e.dealer]
	place, held := slices.BinarySearch(g.holders[j], m.at)
	if !held || !logged || j == m.at {
		return fmt.Errorf("%w: its deal is not logged, or is not for %s", ErrParcel, m.cfg.Self)
	}
	digest := leafDigest(g.context, e.dealer, m.cfg.Self, e.leaf.pair, e.leaf.rest())
	if got, ok := climb(digest, place, len(g.holders[j]), e.path); !ok || got != d.Shares {
		return fmt.Errorf("%w: it is not under the logged root %s", ErrParcel, d.Shares)
	}
	return nil
}

// open keeps a share, or says what to complain of.
func (m *Member) open(d comity.Deal, e *parcel) *comity.Complaint {
	g := m.cfg.Group
	j, _ := g.index(e.dealer) // Checked before.
	c := &comity.Complaint{Round: g.open.Round, Bucket: g.bucket, Dealer: e.dealer}
	mask := g.pairMask(m.cfg.Pairs, m.cfg.Self, e.dealer)
	defer clear(mask[:])
	key := g.shareKey(m.cfg.Pairs, e.dealer, e.dealer, m.cfg.Self, d)
	defer clear(key[:])
	if !sameDigest(pairDigest(g.context, m.cfg.Self, e.dealer, mask), e.leaf.pair) ||
		!sameDigest(checkDigest(g.context, e.dealer, m.cfg.Self, key), e.leaf.check) {
		return c // The dealer knows the pair secret as well as we do; nobody else can tell.
	}
	shares, err := e.leaf.openShare(g.context, e.dealer, m.cfg.Self, key)
	if err != nil {
		c.Leaf, c.Path, c.Key = e.leaf.bytes(), slices.Clone(e.path), slices.Clone(key[:])
		return c
	}
	m.shares[j] = shares[:]
	return nil
}

// Upload masks x with everybody in the cast. Each |x| is at most the bound of the
// terms. It happens once in a round: asked again for the same input and cast it gives
// the same bytes, and for others it refuses.
func (m *Member) Upload(c *Cast, x []int64) (comity.Commit, Upload, error) {
	g := m.cfg.Group
	switch {
	case m.closed:
		return comity.Commit{}, Upload{}, fmt.Errorf("upload: %w", secagg.ErrClosed)
	case c == nil || c.group.context != g.context:
		return comity.Commit{}, Upload{}, fmt.Errorf("upload: %w: a cast of another group", ErrContext)
	case !c.in[m.at]:
		return comity.Commit{}, Upload{}, fmt.Errorf("upload of %s: %w", m.cfg.Self, ErrExcluded)
	}
	if m.dealt == nil { // It dealt before a crash.
		if _, _, err := m.Deal(); err != nil {
			return comity.Commit{}, Upload{}, err
		}
	}
	if *m.dealt != c.deals[m.cfg.Self] {
		return comity.Commit{}, Upload{}, fmt.Errorf("upload of %s: %w: another deal than its own is logged", m.cfg.Self, ErrDeal)
	}
	v, err := lane.Pack(g.shape, x, int64(g.open.Bound))
	if err != nil {
		return comity.Commit{}, Upload{}, fmt.Errorf("upload of %s: %w: %w", m.cfg.Self, secagg.ErrRange, err)
	}
	note := uploaded{dealers: c.digest, input: m.inputDigest(v)}
	u := Upload{Context: g.context, Salt: m.salt(note)}
	m.mask(c, v)
	u.Masked = v.Bytes()
	note.masked = c.commitMasked(m.cfg.Self, u.Salt, u.Masked)
	if err := m.memory.upload(note); err != nil {
		return comity.Commit{}, Upload{}, fmt.Errorf("upload of %s: %w", m.cfg.Self, err)
	}
	if err := m.cfg.Store.Put(maskedName, u.Masked); err != nil {
		return comity.Commit{}, Upload{}, fmt.Errorf("keep masked vector: %w", err)
	}
	return comity.Commit{Round: g.open.Round, Bucket: g.bucket, Dealers: c.digest, Masked: note.masked}, u, nil
}

// maskedName names a member's own masked vector in its store.
const maskedName = "masked"

// inputDigest recognises an input without giving it away.
func (m *Member) inputDigest(v lane.Vector) (out [keySize]byte) {
	plain := label("input").SumWith(v.Bytes())
	wire.Move(&out, wire.Expand(m.memory.secret[:], label("input").Bytes(plain[:]), keySize))
	return out
}

// salt derives from the journalled secret, so that a crash changes nothing.
func (m *Member) salt(u uploaded) (out [keySize]byte) {
	wire.Move(&out, wire.Expand(m.memory.secret[:], label("secret/salt").Bytes(u.dealers[:]).Bytes(u.input[:]), keySize))
	return out
}

// mask adds the self mask and the masks of all neighbours in the cast to v.
func (m *Member) mask(c *Cast, v lane.Vector) {
	g := m.cfg.Group
	var mask lane.Masker
	defer mask.Erase()
	s := newSecrets(m.memory.secret, g.context)
	mask.Apply(v, maskKey(g.context, s.self), false)
	s.erase()
	for _, j := range g.holders[m.at] {
		if j == m.at || !c.in[j] {
			continue
		}
		key := g.pairMask(m.cfg.Pairs, m.cfg.Self, g.members[j])
		mask.Apply(v, key, j < m.at) // The lower adds, the higher subtracts.
		clear(key[:])
	}
	v.Trim()
}

// Witnessed is what a member answers at the end: the survivors that a member's own log
// has as the first admissible ones, under a checkpoint that at least as many witnesses
// cosigned as the charter wants.
type Witnessed struct {
	Cast      *Cast
	Commits   map[party.ID]comity.Commit // As logged.
	Survivors comity.Survivors
	Size      int    // Of the log under that checkpoint.
	Root      []byte // Its root; both cover Survivors and every commitment.
}

// Unmask gives shares of the self masks of survivors, shares of the table keys of those
// who fell out, and the fingerprint of the member's own masked vector. The journal has
// the survivors before Unmask returns, and no others are ever answered: who held both
// kinds of shares of one member could open its vector. A member that is not among the
// survivors does not answer, so that nobody can be cut off from all its neighbours and
// still have its masks recovered. Afterwards the member's secrets are erased from
// memory; the caller erases journal and store when the round is verified.
func (m *Member) Unmask(w Witnessed) (comity.Unmask, error) {
	g := m.cfg.Group
	if w.Cast == nil || w.Cast.group.context != g.context {
		return comity.Unmask{}, fmt.Errorf("unmask: %w: a cast of another group", ErrContext)
	}
	if len(w.Root) != keySize || w.Size < 1 {
		return comity.Unmask{}, fmt.Errorf("unmask: %w: a root of %d bytes at size %d", ErrWitness, len(w.Root), w.Size)
	}
	present, err := w.Cast.survivors(w.Survivors, w.Commits)
	if err != nil {
		return comity.Unmask{}, fmt.Errorf("unmask: %w", err)
	}
	switch {
	case m.closed && m.answer == nil:
		return comity.Unmask{}, fmt.Errorf("unmask: %w", secagg.ErrClosed)
	case !present[m.at]:
		return comity.Unmask{}, fmt.Errorf("unmask: %s: %w", m.cfg.Self, ErrExcluded)
	case m.memory.uploaded == nil:
		return comity.Unmask{}, fmt.Errorf("unmask: %w: nothing was uploaded", secagg.ErrOrder)
	case m.memory.uploaded.dealers != w.Cast.digest:
		return comity.Unmask{}, fmt.Errorf("unmask: %s: %w: %s, settled is %s", m.cfg.Self, ErrDealers, m.memory.uploaded.dealers, w.Cast.digest)
	case m.memory.uploaded.masked != w.Commits[m.cfg.Self].Masked:
		return comity.Unmask{}, fmt.Errorf("unmask: %s: %w", m.cfg.Self, secagg.ErrOwnCommitment)
	}
	digest, err := canon.DigestOf(w.Survivors)
	if err != nil {
		return comity.Unmask{}, err
	}
	note := unmasked{digest, w.Cast.points(w.Root, w.Survivors.Masked)}
	if m.answer != nil {
		return m.repeat(note, w.Size)
	}
	points, err := m.fingerprint(note)
	if err != nil {
		return comity.Unmask{}, fmt.Errorf("unmask: %w", err)
	}
	if err := m.memory.unmask(note); err != nil {
		return comity.Unmask{}, fmt.Errorf("unmask: %w", err)
	}
	m.answer = &comity.Unmask{
		Round: g.open.Round, Bucket: g.bucket, Survivors: digest, Size: w.Size,
		Shares: m.reveal(w.Cast, present), Points: points,
	}
	m.Close()
	return *m.answer, nil
}

// repeat gives the answer that was given before, to the same survivors at the same place.
func (m *Member) repeat(u unmasked, size int) (comity.Unmask, error) {
	if err := m.memory.unmask(u); err != nil {
		return comity.Unmask{}, fmt.Errorf("unmask: %w", err)
	}
	if size != m.answer.Size {
		return comity.Unmask{}, fmt.Errorf("unmask: %w: size %d, answered was %d", secagg.ErrEquivocation, size, m.answer.Size)
	}
	return *m.answer, nil
}

// fingerprint evaluates the member's own masked vector.
func (m *Member) fingerprint(u unmasked) ([]canon.Int, error) {
	y, err := m.cfg.Store.Get(maskedName)
	if err != nil {
		return nil, fmt.Errorf("masked vector: %w", err)
	}
	if len(y) != m.cfg.Group.shape.Size() {
		return nil, fmt.Errorf("%w: store has %d bytes, want %d", secagg.ErrMalformed, len(y), m.cfg.Group.shape.Size())
	}
	e := field.New(u.seed)
	e.Masked(m.cfg.Group.shape, y)
	return e.Record(), nil
}

// reveal picks one share of each member of the cast that this one holds for.
func (m *Member) reveal(c *Cast, present []bool) [][]byte {
	m.shares[m.at] = m.ownShare()
	var out [][]byte
	for _, j := range c.holds(m.at) {
		both := m.shares[j]
		switch {
		case both == nil:
			out = append(out, []byte{}) // Its parcel never came.
		case present[j]:
			out = append(out, slices.Clone(both[:keySize]))
		default:
			out = append(out, slices.Clone(both[keySize:]))
		}
	}
	return out
}

// ownShare is what a member holds of its own secrets.
func (m *Member) ownShare() []byte {
	g := m.cfg.Group
	s := newSecrets(m.memory.secret, g.context)
	defer s.erase()
	random := coefficients(m.memory.secret, g.context, g.need[m.at])
	defer clear(random)
	both := s.pair()
	defer clear(both[:])
	place, _ := slices.BinarySearch(g.holders[m.at], m.at)
	shares := split(both, random, place+1)
	defer clear(shares)
	return slices.Clone(shares[place][:])
}

// Close erases the member's secrets from memory, the pair secrets of the round among
// them. Only a repeat of Unmask is possible afterwards.
func (m *Member) Close() {
	m.closed = true
	clear(m.memory.secret[:])
	for _, s := range m.shares {
		clear(s)
	}
	m.cfg.Pairs.Erase()
}

// Waiting lists the dealers whose shares have not arrived, to ask the hub for again.
func (m *Member) Waiting(deals map[party.ID]comity.Deal) []party.ID {
	var late []party.ID
	for _, j := range m.cfg.Group.holders[m.at] {
		who := m.cfg.Group.members[j]
		if _, dealt := deals[who]; dealt && j != m.at && m.shares[j] == nil {
			late = append(late, who)
		}
	}
	return late
}
