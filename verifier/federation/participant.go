package federation

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/privacy"
	"comity/verifier/secagg"
	"comity/verifier/secagg/oneshot"
)

// Say is a statement that is due.
type Say struct {
	Kind   comity.Kind
	Record any
}

// Letter is a message between a member and the hub that is not for the log.
type Letter struct {
	Kind string
	Data []byte
}

// The kinds of letter.
const (
	Bundle  = "bundle"  // Up: sealed shares for all holders; before the deal is logged.
	Upload  = "vector"  // Up: a masked vector; before its commitment is logged.
	Asking  = "asking"  // Up: for the parcels that others dealt.
	Parcels = "parcels" // Down: what was asked for.
)

// ParticipantConfig says who takes part in what.
type ParticipantConfig struct {
	Self party.ID
	// Consent returns why this member refuses a question, or nothing.
	Consent func(q comity.Question) (because string, err error)
	// Vector returns the member's own numbers for a question, without noise.
	Vector func(q comity.Question) ([]int64, error)
	// Pairs returns the round's secrets with every peer: what Ratchet returned.
	Pairs func() (*secagg.Pairs, error)
	// Secret is the secret coin: nonces, masks and noise.
	Secret  io.Reader
	Journal oneshot.Journal // Of this member and round.
	Store   oneshot.Store   // Of this member and round; erased when it is over.
}

// Participant is a member's side of one question. All that it must not forget is in its
// journal and its store, so that one that was made again after a crash goes on.
type Participant struct {
	cfg    ParticipantConfig
	member *oneshot.Member
	due    []comity.Complaint // Complaints that the log does not have yet.
	taken  bool               // All parcels arrived.
	commit *comity.Commit     // Of the vector that was uploaded.
	vector []byte
	bundle []byte
	answer *comity.Unmask
}

// NewParticipant starts or goes on.
func NewParticipant(cfg ParticipantConfig) *Participant { return &Participant{cfg: cfg} }

// Next returns what this member has to say now: at most one statement, and the letters
// that must reach the hub before it. Nothing is due once both are nil.
func (p *Participant) Next(b Board) (*Say, []Letter, error) {
	switch b.Phase() {
	case Asked:
		return p.consent(b)
	case Joining:
		return p.join(b)
	case Drawing:
		return p.draw(b)
	case Dealing:
		return p.deal(b)
	case Complaining:
		return p.complain(b)
	case Committing:
		return p.upload(b)
	case Unmasking:
		return p.unmask(b)
	default:
		return nil, nil, nil
	}
}

// consent answers the question by this member's own rules.
func (p *Participant) consent(b Board) (*Say, []Letter, error) {
	if _, said := b.Consents[p.cfg.Self]; said {
		return nil, nil, nil
	}
	because, err := p.cfg.Consent(b.Question)
	if err != nil {
		return nil, nil, err
	}
	digest, err := canon.DigestOf(b.Question)
	if err != nil {
		return nil, nil, err
	}
	return &Say{comity.KindConsent, comity.Consent{Round: b.Question.Round, Plan: digest, Approves: because == "", Reason: because}}, nil, nil
}

// Names in the store.
const (
	nonceName = "nonce"
	inputName = "input"
	nonceSize = 32
)

func (p *Participant) join(b Board) (*Say, []Letter, error) {
	if _, said := b.Joins[p.cfg.Self]; said || !slices.Contains(b.Invited, p.cfg.Self) {
		return nil, nil, nil
	}
	nonce, err := p.nonce()
	if err != nil {
		return nil, nil, err
	}
	j, _, err := oneshot.NewJoin(b.Question.Round, p.cfg.Self, bytes.NewReader(nonce))
	if err != nil {
		return nil, nil, err
	}
	return &Say{comity.KindJoin, j}, nil, nil
}

// nonce returns this member's part of the public coin. It is kept before anybody hears of
// it, so that a join said twice is one join.
func (p *Participant) nonce() ([]byte, error) {
	if kept, err := p.cfg.Store.Get(nonceName); err == nil {
		return kept, nil
	}
	nonce := make([]byte, nonceSize)
	if _, err := io.ReadFull(p.cfg.Secret, nonce); err != nil {
		return nil, fmt.Errorf("%w: %w", secagg.ErrRandom, err)
	}
	return nonce, p.cfg.Store.Put(nonceName, nonce)
}

// draw opens the nonce. A member that lost its store after it joined is not in.
func (p *Participant) draw(b Board) (*Say, []Letter, error) {
	j, joined := b.Joins[p.cfg.Self]
	if _, said := b.Nonces[p.cfg.Self]; said || !joined {
		return nil, nil, nil
	}
	nonce, err := p.cfg.Store.Get(nonceName)
	if err != nil {
		return nil, nil, err
	}
	n := comity.Nonce{Round: b.Question.Round, Nonce: nonce}
	if err := oneshot.CheckNonce(p.cfg.Self, j, n); err != nil {
		return nil, nil, nil //nolint:nilerr // Then it is not in: that is no fault of this round.
	}
	return &Say{comity.KindNonce, n}, nil, nil
}

// open makes this member's side of the sum, once the roster is fixed. It is nil for who
// is not in it.
func (p *Participant) open(b Board) error {
	if p.member != nil {
		return nil
	}
	g, err := b.Group()
	if err != nil || !slices.Contains(g.Members(), p.cfg.Self) {
		return err
	}
	pairs, err := p.cfg.Pairs()
	if err != nil {
		return err
	}
	p.member, err = oneshot.NewMember(oneshot.MemberConfig{
		Group: g, Self: p.cfg.Self, Pairs: pairs, Secret: p.cfg.Secret, Journal: p.cfg.Journal, Store: p.cfg.Store,
	})
	return err
}

func (p *Participant) deal(b Board) (*Say, []Letter, error) {
	if _, said := b.Deals[p.cfg.Self]; said {
		return nil, nil, nil
	}
	if err := p.open(b); err != nil || p.member == nil {
		return nil, nil, err
	}
	d, bundle, err := p.member.Deal()
	if err != nil {
		return nil, nil, err
	}
	if p.bundle == nil {
		p.bundle = bundle.Bytes()
	}
	return &Say{comity.KindDeal, d}, []Letter{{Bundle, p.bundle}}, nil
}

// complain asks for the parcels, says what is wrong with them, and that nothing else is.
func (p *Participant) complain(b Board) (*Say, []Letter, error) {
	if _, dealt := b.Deals[p.cfg.Self]; !dealt || b.Settled[p.cfg.Self] {
		return nil, nil, nil
	}
	if err := p.open(b); err != nil || p.member == nil {
		return nil, nil, err
	}
	if !p.taken {
		return nil, []Letter{{Asking, []byte(b.Question.Round)}}, nil
	}
	for _, c := range p.due {
		filed := func(f Filed) bool { return f.By == p.cfg.Self && f.Complaint.Dealer == c.Dealer }
		if !slices.ContainsFunc(b.Complaints, filed) {
			return &Say{comity.KindComplaint, c}, nil, nil
		}
	}
	return &Say{comity.KindSettled, comity.Settled{Round: b.Question.Round}}, nil, nil
}

// Hear takes what the hub answered: the parcels of all dealers.
func (p *Participant) Hear(b Board, l Letter) error {
	if l.Kind != Parcels || p.member == nil {
		return nil
	}
	parcels, err := oneshot.ParseParcels(l.Data)
	if err != nil {
		return err
	}
	if p.due, err = p.member.Take(b.Deals, parcels); err != nil {
		return err
	}
	p.taken = true
	return nil
}

// upload masks this member's numbers. After a crash it holds no shares, so the parcels
// are asked for again while there is time.
func (p *Participant) upload(b Board) (*Say, []Letter, error) {
	if _, said := b.Commits[p.cfg.Self]; said {
		return nil, p.again(b), nil
	}
	if err := p.open(b); err != nil || p.member == nil {
		return nil, nil, err
	}
	if p.commit == nil {
		cast, err := b.Cast()
		if err != nil || !cast.Has(p.cfg.Self) {
			return nil, nil, err
		}
		x, err := p.input(b)
		if err != nil {
			return nil, nil, err
		}
		c, u, err := p.member.Upload(cast, x)
		if err != nil {
			return nil, nil, err
		}
		p.commit, p.vector = &c, u.Bytes()
	}
	return &Say{comity.KindCommit, *p.commit}, append(p.again(b), Letter{Upload, p.vector}), nil
}

// again asks for parcels that were forgotten in a crash.
func (p *Participant) again(b Board) []Letter {
	if p.taken || p.member == nil {
		return nil
	}
	return []Letter{{Asking, []byte(b.Question.Round)}}
}

// input is what this member adds: its numbers, and noise where the question asks for it.
// It is kept, because noise drawn twice would be two inputs.
func (p *Participant) input(b Board) ([]int64, error) {
	if kept, err := p.cfg.Store.Get(inputName); err == nil {
		return parseInput(kept, b.Question.Lanes)
	}
	x, err := p.cfg.Vector(b.Question)
	if err != nil {
		return nil, err
	}
	if len(x) != b.Question.Lanes {
		return nil, fmt.Errorf("%w: %d numbers, the question has %d lanes", ErrQuestion, len(x), b.Question.Lanes)
	}
	for i, v := range x {
		if v > int64(b.Question.Bound) || v < -int64(b.Question.Bound) {
			return nil, fmt.Errorf("%w: lane %d holds more than the bound %d", secagg.ErrRange, i, b.Question.Bound)
		}
	}
	if b.Question.Disclosure == privacy.Noisy {
		s, err := Release(b.Question, len(b.Invited)).Sampler()
		if err != nil {
			return nil, err
		}
		noise := make([]int64, len(x))
		if err := s.Fill(noise, p.cfg.Secret); err != nil {
			return nil, err
		}
		for i := range x {
			x[i] += noise[i] // Within Open.Bound, or the release would not have passed Check.
		}
	}
	return x, p.cfg.Store.Put(inputName, inputBytes(x))
}

func (p *Participant) unmask(b Board) (*Say, []Letter, error) {
	if _, said := b.Unmasks[p.cfg.Self]; said || !slices.Contains(b.Survivors.Members, p.cfg.Self) || b.Now >= b.Open.UnmaskBy {
		return nil, nil, nil
	}
	if err := p.open(b); err != nil || p.member == nil {
		return nil, nil, err
	}
	if !p.taken {
		return nil, p.again(b), nil // A crash: without the shares there is little to give.
	}
	if p.answer == nil {
		root, ok := b.Root(b.SurvivorsAt)
		if !ok {
			return nil, nil, nil // Not witnessed yet.
		}
		cast, err := b.Cast()
		if err != nil {
			return nil, nil, err
		}
		u, err := p.member.Unmask(oneshot.Witnessed{Cast: cast, Commits: b.Commits, Survivors: *b.Survivors, Size: b.SurvivorsAt, Root: root[:]})
		if errors.Is(err, oneshot.ErrExcluded) {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		p.answer = &u
	}
	return &Say{comity.KindUnmask, *p.answer}, nil, nil
}
