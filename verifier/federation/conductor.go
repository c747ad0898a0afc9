package federation

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/oneshot"
)

// Conductor is the hub's side of one question: it keeps what members send, adds it, and
// says when a phase is over. It decides nothing: what it says follows from the log, or is
// checked against it by everybody.
type Conductor struct {
	store   oneshot.Store
	hub     *oneshot.Hub
	taken   map[string]bool // Letters that the sum holds.
	outcome *oneshot.Outcome
}

// NewConductor starts or goes on with what is in its store.
func NewConductor(store oneshot.Store) *Conductor {
	return &Conductor{store: store, taken: map[string]bool{}}
}

// Due is what the hub has to say, with the public blobs that it names.
type Due struct {
	Say
	Blobs [][]byte
}

// Next returns the hub's next statement, nil while it waits for others.
func (c *Conductor) Next(b Board) (*Due, error) {
	phase := b.Phase()
	if phase == Asked {
		return c.open(b)
	}
	if err := c.follow(b, phase); err != nil || c.hub == nil {
		return nil, err
	}
	switch phase {
	case Closing:
		s, blob, err := c.hub.CloseUploads()
		if err != nil {
			return nil, err
		}
		return &Due{Say{comity.KindSurvivors, s}, [][]byte{blob}}, nil
	case Unmasking:
		return c.finish(b)
	default:
		return nil, nil
	}
}

// open opens the round when everybody asked has answered, or was silent for as long as a
// phase may take, and enough approved.
func (c *Conductor) open(b Board) (*Due, error) {
	if !b.Decided() || b.Approvals() < b.Needed {
		return nil, nil
	}
	o, err := Terms(b.Question, b.Ready, b.Now)
	if err != nil {
		return nil, err
	}
	return &Due{Say: Say{comity.KindOpen, o}}, nil
}

// follow brings the sum to where the log stands.
func (c *Conductor) follow(b Board, phase Phase) error {
	if phase == Joining || phase == Drawing || phase == Failed || phase == Answered {
		return nil
	}
	if c.hub == nil {
		g, err := b.Group()
		if err != nil {
			return err
		}
		if c.hub, err = oneshot.NewHub(oneshot.HubConfig{Group: g, Store: c.store}); err != nil {
			return err
		}
	}
	for _, who := range slices.Sorted(maps.Keys(b.Deals)) {
		if err := c.arrived(Bundle, who, func(data []byte) error {
			m, err := oneshot.ParseBundle(data)
			if err != nil {
				return err
			}
			return c.hub.Deal(who, b.Deals[who], m)
		}); err != nil {
			return err
		}
	}
	if phase == Dealing {
		return nil
	}
	if c.hub.Phase() == oneshot.Dealing {
		if err := c.hub.CloseDeals(); err != nil {
			return err
		}
	}
	if phase == Complaining {
		return nil
	}
	if c.hub.Phase() == oneshot.Complaining {
		for _, f := range b.Filed() {
			_ = c.hub.Complain(f.By, f.Complaint) // It was checked before it was logged.
		}
		if _, err := c.hub.CloseComplaints(); err != nil {
			return err
		}
	}
	return c.uploads(b, phase)
}

func (c *Conductor) uploads(b Board, phase Phase) error {
	for _, who := range slices.Sorted(maps.Keys(b.Commits)) {
		if b.Survivors != nil && !slices.Contains(b.Survivors.Members, who) {
			continue
		}
		if err := c.arrived(Upload, who, func(data []byte) error {
			u, err := oneshot.ParseUpload(data)
			if err != nil {
				return err
			}
			return c.hub.Upload(who, b.Commits[who], u)
		}); err != nil {
			return err
		}
	}
	if phase != Unmasking {
		return nil
	}
	if c.hub.Phase() == oneshot.Uploading { // The survivors were named before a crash.
		s, _, err := c.hub.CloseUploads()
		if err != nil {
			return err
		}
		if got, want := digestOf(s), digestOf(*b.Survivors); got != want {
			return fmt.Errorf("%w: the store gives survivors %s, logged are %s", secagg.ErrJournal, got, want)
		}
	}
	return nil
}

func digestOf(s comity.Survivors) canon.Digest {
	d, err := canon.DigestOf(s)
	if err != nil {
		return canon.Digest{}
	}
	return d
}

// finish takes the shares that are in the log, and ends the round as soon as they are
// enough and nobody is waited for, or time is up.
func (c *Conductor) finish(b Board) (*Due, error) {
	if c.outcome == nil {
		root, ok := b.Root(b.SurvivorsAt)
		if !ok {
			return nil, nil
		}
		if err := c.hub.Witness(b.SurvivorsAt, root[:]); err != nil {
			return nil, err
		}
		for _, who := range slices.Sorted(maps.Keys(b.Unmasks)) {
			_ = c.hub.Unmask(who, b.Unmasks[who]) // A false share is refused by name and does without.
		}
		if len(c.hub.Missing()) > 0 && b.Now < b.Open.UnmaskBy {
			return nil, nil
		}
		o, err := c.hub.Finish()
		if err != nil {
			return nil, err
		}
		c.outcome = &o
	}
	return &Due{Say{comity.KindResult, c.outcome.Result}, [][]byte{c.outcome.Opening, c.outcome.Sum}}, nil
}

// Evidence is what the round is verified with at the hub, which holds the vectors of
// those who gave no fingerprint, and who they are.
func (c *Conductor) Evidence(b Board, blob func(canon.Digest) ([]byte, error)) (oneshot.Evidence, error) {
	g, err := b.Group()
	if err != nil {
		return oneshot.Evidence{}, err
	}
	e := oneshot.Evidence{Group: g, Record: b.Record(), Result: *b.Result, Blob: blob}
	if c.hub != nil && c.outcome != nil {
		e.Opened, e.Disputed = c.hub.Opened, c.outcome.Disputed
	}
	return e, nil
}

// ErrEarly says that a statement must wait for the letter that it is about.
var ErrEarly = errors.New("its letter has not arrived; send that first")

// Hear keeps a letter of a member, whom the caller has authenticated, and answers one
// that asks. A member may send another one as long as its statement is not logged.
func (c *Conductor) Hear(b Board, from party.ID, l Letter) (*Letter, error) {
	switch l.Kind {
	case Asking:
		if c.hub == nil || c.hub.Phase() == oneshot.Dealing {
			if err := c.follow(b, b.Phase()); err != nil || c.hub == nil || c.hub.Phase() == oneshot.Dealing {
				return nil, err
			}
		}
		p, err := c.hub.Parcels(from)
		if err != nil {
			return nil, err
		}
		return &Letter{Parcels, p.Bytes()}, nil
	case Bundle:
		if _, logged := b.Deals[from]; logged {
			return nil, nil
		}
		if _, err := oneshot.ParseBundle(l.Data); err != nil {
			return nil, err
		}
	case Upload:
		if _, logged := b.Commits[from]; logged {
			return nil, nil
		}
		if _, err := oneshot.ParseUpload(l.Data); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%w: letter of kind %.20q", secagg.ErrMalformed, l.Kind)
	}
	return nil, c.store.Put(letterName(l.Kind, from), l.Data)
}

// Wants refuses a statement whose letter is not here, or does not fit it: once it is
// logged nobody could hand out what it stands for. Others wait for no letter.
func (c *Conductor) Wants(b Board, author party.ID, record any) error {
	switch r := record.(type) {
	case comity.Deal:
		data, err := c.letter(Bundle, author)
		if err != nil {
			return err
		}
		m, err := oneshot.ParseBundle(data)
		if err != nil {
			return err
		}
		g, err := b.Group()
		if err != nil {
			return err
		}
		return g.CheckBundle(author, r, m)
	case comity.Commit:
		data, err := c.letter(Upload, author)
		if err != nil {
			return err
		}
		u, err := oneshot.ParseUpload(data)
		if err != nil {
			return err
		}
		cast, err := b.Cast()
		if err != nil {
			return err
		}
		return cast.CheckUpload(author, r, u)
	default:
		return nil
	}
}

func (c *Conductor) letter(kind string, from party.ID) ([]byte, error) {
	data, err := c.store.Get(letterName(kind, from))
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", kind, from, ErrEarly)
	}
	return data, nil
}

func letterName(kind string, from party.ID) string { return "letter-" + kind + "-" + string(from) }

// arrived hands over a letter whose statement is logged, once. It fits its statement, or
// that would not have been logged; so an error is this hub's own trouble.
func (c *Conductor) arrived(kind string, who party.ID, take func([]byte) error) error {
	name := letterName(kind, who)
	if c.taken[name] {
		return nil
	}
	data, err := c.store.Get(name)
	if err != nil {
		return err
	}
	if err := take(data); err != nil {
		return err
	}
	c.taken[name] = true
	return nil
}
