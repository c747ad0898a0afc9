package oneshot

import (
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/field"
	"comity/verifier/secagg/internal/lane"
)

// Phase says what a hub waits for.
type Phase int

// The phases of a bucket, in order.
const (
	Dealing     Phase = iota // Bundles, until CloseDeals.
	Complaining              // Complaints, until CloseComplaints.
	Uploading                // Masked vectors, until CloseUploads.
	Unmasking                // Shares and fingerprints, until Finish.
	Finished
)

// String names the phase in errors.
func (p Phase) String() string {
	return [...]string{"dealing", "complaining", "uploading", "unmasking", "finished"}[p]
}

// HubConfig says which bucket a hub runs.
type HubConfig struct {
	Group *Group
	Store Store // Keeps bundles and masked vectors until the result is verified.
}

// Hub collects what the members of one bucket send and adds it. It holds no secret of
// theirs until enough of them unmask. Its caller has authenticated every sender, passes
// signed statements in log order, logs none that the hub refused, and says when a phase
// is over: each Close either moves on or says whom it lacks. What arrived once may arrive
// again; another message from the same party may not. It is used from one goroutine at a
// time.
type Hub struct {
	cfg        HubConfig
	phase      Phase
	deals      map[party.ID]comity.Deal
	bundles    []Bundle           // By member.
	paths      [][][]canon.Digest // By dealer and place: of its leaves.
	complaints []Filed
	cast       *Cast
	commits    map[party.ID]comity.Commit
	words      []uint64 // Exact sums of the words so far.
	present    []bool   // Whose vector is in them.
	survivors  comity.Survivors
	digest     canon.Digest // Of survivors.
	masked     Masked
	size       int
	root       []byte
	unmasks    map[party.ID]comity.Unmask
	outcome    *Outcome
}

// NewHub opens a bucket.
func NewHub(cfg HubConfig) (*Hub, error) {
	if cfg.Group == nil || cfg.Store == nil {
		return nil, fmt.Errorf("%w: group and store are needed", secagg.ErrConfig)
	}
	n := len(cfg.Group.members)
	return &Hub{
		cfg: cfg, deals: map[party.ID]comity.Deal{}, bundles: make([]Bundle, n), paths: make([][][]canon.Digest, n), commits: map[party.ID]comity.Commit{},
		present: make([]bool, n), unmasks: map[party.ID]comity.Unmask{},
	}, nil
}

// Phase is what the hub waits for.
func (h *Hub) Phase() Phase { return h.phase }

// in refuses what is not due.
func (h *Hub) in(p Phase) error {
	if h.phase != p {
		return fmt.Errorf("%w: due in phase %s, this is %s", secagg.ErrOrder, p, h.phase)
	}
	return nil
}

// Deal takes a member's bundle with its statement, which goes into the log only when the
// bundle is here: everybody takes the cast from the log, and a member in it without a
// bundle could not be recovered.
func (h *Hub) Deal(from party.ID, said comity.Deal, b Bundle) error {
	g := h.cfg.Group
	i, err := g.index(from)
	if err != nil {
		return fmt.Errorf("deal: %w", err)
	}
	if old, ok := h.deals[from]; ok {
		if old != said || g.checkBundle(i, said, b) != nil {
			return fmt.Errorf("deal of %s: %w", from, secagg.ErrRepeated)
		}
		return nil
	}
	if err := h.in(Dealing); err != nil {
		return fmt.Errorf("deal of %s: %w", from, err)
	}
	if err := g.CheckBundle(from, said, b); err != nil {
		return err
	}
	b.Table, b.leaves = slices.Clone(b.Table), slices.Clone(b.leaves)
	if err := h.cfg.Store.Put(bundleName(from), b.Bytes()); err != nil {
		return fmt.Errorf("keep bundle of %s: %w", from, err)
	}
	h.deals[from], h.bundles[i] = said, b
	return nil
}

// Names of what the hub keeps.
func bundleName(who party.ID) string { return "bundle-" + string(who) }
func openedName(who party.ID) string { return "opened-" + string(who) }

// CloseDeals ends dealing.
func (h *Hub) CloseDeals() error {
	if err := h.in(Dealing); err != nil {
		return fmt.Errorf("close deals: %w", err)
	}
	if _, err := h.cfg.Group.Settle(h.deals, nil); err != nil {
		return fmt.Errorf("close deals: %w", err)
	}
	h.phase = Complaining
	return nil
}

// Parcels is what a holder gets, from the end of dealing on: its leaf of each dealer.
func (h *Hub) Parcels(to party.ID) (Parcels, error) {
	if h.phase == Dealing {
		return Parcels{}, fmt.Errorf("parcels of %s: %w: dealing is not over", to, secagg.ErrOrder)
	}
	return h.ParcelsAhead(to)
}

// ParcelsAhead is what a holder gets of those who dealt so far, for one that may not come
// back when dealing is over.
func (h *Hub) ParcelsAhead(to party.ID) (Parcels, error) {
	g := h.cfg.Group
	j, err := g.index(to)
	if err != nil {
		return Parcels{}, fmt.Errorf("parcels: %w", err)
	}
	p := Parcels{Context: g.context}
	for _, i := range g.holders[j] { // Holding is mutual.
		if _, dealt := h.deals[g.members[i]]; !dealt || i == j {
			continue
		}
		place, _ := slices.BinarySearch(g.holders[i], j)
		if h.paths[i] == nil {
			_, h.paths[i] = paths(g.leafDigests(i, h.bundles[i]))
		}
		p.list = append(p.list, parcel{g.members[i], h.bundles[i].leaves[place], h.paths[i][place]})
	}
	return p, nil
}

// Complain takes a complaint, in log order.
func (h *Hub) Complain(by party.ID, c comity.Complaint) error {
	if err := h.cfg.Group.CheckComplaint(by, h.deals[c.Dealer], c); err != nil {
		return err
	}
	for _, f := range h.complaints {
		if f.By == by && f.Dealer == c.Dealer && slices.Equal(f.Key, c.Key) {
			return nil
		}
	}
	if err := h.in(Complaining); err != nil {
		return fmt.Errorf("complaint of %s: %w", by, err)
	}
	h.complaints = append(h.complaints, Filed{by, c})
	return nil
}

// CloseComplaints settles who goes on.
func (h *Hub) CloseComplaints() (*Cast, error) {
	if err := h.in(Complaining); err != nil {
		return nil, fmt.Errorf("close complaints: %w", err)
	}
	c, err := h.cfg.Group.Settle(h.deals, h.complaints)
	if err != nil {
		return nil, fmt.Errorf("close complaints: %w", err)
	}
	h.cast, h.phase = c, Uploading
	h.words = make([]uint64, h.cfg.Group.shape.Words())
	return c, nil
}

// Upload takes a member's masked vector with its commitment, spills it to the store and
// adds it. It does not keep u.
func (h *Hub) Upload(from party.ID, said comity.Commit, u Upload) error {
	if h.cast == nil {
		return fmt.Errorf("upload of %s: %w", from, h.in(Uploading))
	}
	g := h.cfg.Group
	if err := h.cast.CheckUpload(from, said, u); err != nil {
		return err
	}
	if old, ok := h.commits[from]; ok {
		if old != said {
			return fmt.Errorf("upload of %s: %w: commitment %s, before it was %s", from, secagg.ErrRepeated, said.Masked, old.Masked)
		}
		return nil
	}
	if err := h.in(Uploading); err != nil {
		return fmt.Errorf("upload of %s: %w", from, err)
	}
	i, err := g.index(from)
	if err != nil {
		return err
	}
	kept := append(u.Salt[:len(u.Salt):len(u.Salt)], u.Masked...)
	if err := h.cfg.Store.Put(openedName(from), kept); err != nil {
		return fmt.Errorf("keep upload of %s: %w", from, err)
	}
	lane.AddWords(h.words, g.shape, u.Masked)
	h.commits[from], h.present[i] = said, true
	return nil
}

// CloseUploads names the survivors and the blob of their masked sum. If too few are
// left nothing can be opened, and nobody has revealed anything.
func (h *Hub) CloseUploads() (comity.Survivors, []byte, error) {
	if err := h.in(Uploading); err != nil {
		return comity.Survivors{}, nil, fmt.Errorf("close uploads: %w", err)
	}
	g := h.cfg.Group
	s := comity.Survivors{Round: g.open.Round, Bucket: g.bucket}
	for i, who := range g.members {
		if h.present[i] {
			s.Members = append(s.Members, who)
		}
	}
	if err := h.cast.enough(h.present); err != nil {
		return comity.Survivors{}, nil, fmt.Errorf("close uploads: %w", err)
	}
	h.masked = newMasked(g.shape, len(s.Members), h.words)
	h.words = nil
	blob := h.masked.Bytes()
	s.Masked = canon.Sum(blob)
	digest, err := canon.DigestOf(s)
	if err != nil {
		return comity.Survivors{}, nil, err
	}
	h.survivors, h.digest, h.phase = s, digest, Unmasking
	return s, blob, nil
}

// Witness says under which checkpoint the survivors were witnessed: what members answer
// to.
func (h *Hub) Witness(size int, rootHash []byte) error {
	if err := h.in(Unmasking); err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	if size < 1 || len(rootHash) != keySize || h.root != nil && (h.size != size || !slices.Equal(h.root, rootHash)) {
		return fmt.Errorf("witness: %w: a root of %d bytes at size %d; before it was size %d", ErrWitness, len(rootHash), size, h.size)
	}
	h.size, h.root = size, slices.Clone(rootHash)
	return nil
}

// Unmask takes a survivor's shares and fingerprint. Each share is compared with
// what its dealer stood for, so that a false one is refused with its author's name.
func (h *Hub) Unmask(from party.ID, u comity.Unmask) error {
	g := h.cfg.Group
	i, err := g.index(from)
	if err != nil {
		return fmt.Errorf("unmask: %w", err)
	}
	if old, ok := h.unmasks[from]; ok {
		if !sameUnmask(old, u) {
			return fmt.Errorf("unmask of %s: %w", from, secagg.ErrRepeated)
		}
		return nil
	}
	if err := h.in(Unmasking); err != nil {
		return fmt.Errorf("unmask of %s: %w", from, err)
	}
	if err := h.cast.CheckUnmask(from, h.survivors, h.size, u); err != nil {
		return err
	}
	for k, j := range h.cast.holds(i) {
		place, _ := slices.BinarySearch(g.holders[j], i)
		if err := h.cast.checkShare(i, j, &h.bundles[j].leaves[place], h.present[j], u.Shares[k]); err != nil {
			return err
		}
	}
	h.unmasks[from] = u
	return nil
}

func sameUnmask(a, b comity.Unmask) bool {
	return a.Round == b.Round && a.Bucket == b.Bucket && a.Survivors == b.Survivors && a.Size == b.Size &&
		slices.Equal(a.Points, b.Points) && slices.EqualFunc(a.Shares, b.Shares, slices.Equal)
}

// Missing lists, ascending, whom the phase waits for. In Complaining nobody is waited
// for: who has nothing to complain of says nothing.
func (h *Hub) Missing() []party.ID {
	var late []party.ID
	for i, who := range h.cfg.Group.members {
		arrived := true
		switch h.phase {
		case Dealing:
			_, arrived = h.deals[who]
		case Uploading:
			arrived = h.present[i] || !h.cast.in[i]
		case Unmasking:
			_, ok := h.unmasks[who]
			arrived = ok || !h.present[i]
		default:
		}
		if !arrived {
			late = append(late, who)
		}
	}
	return late
}

// Outcome is what a bucket gave.
type Outcome struct {
	Result   comity.Result
	Opening  []byte // Blobs, for the log's blob store.
	Sum      []byte
	Values   []int64    // The sum by lane.
	Disputed []party.ID // Survivors whose fingerprint is missing or false: Opened settles it.
}

// Finish recovers the masks and the sum as soon as enough shares are in, and says whom
// it lacks otherwise. It may be called again when more have arrived.
func (h *Hub) Finish() (Outcome, error) {
	if h.outcome != nil {
		return *h.outcome, nil
	}
	if err := h.in(Unmasking); err != nil {
		return Outcome{}, fmt.Errorf("finish: %w", err)
	}
	opening, err := h.recover()
	if err != nil {
		return Outcome{}, fmt.Errorf("finish: %w", err)
	}
	sum, err := h.cast.unmask(h.masked, h.present, opening)
	if err != nil {
		return Outcome{}, fmt.Errorf("finish: %w", err)
	}
	g := h.cfg.Group
	if err := g.withinBound(sum, len(h.survivors.Members)); err != nil {
		return Outcome{}, fmt.Errorf("finish: %w", err)
	}
	disputed, err := h.disputed()
	if err != nil {
		return Outcome{}, fmt.Errorf("finish: %w", err)
	}
	o := &Outcome{Opening: opening.Bytes(), Sum: sum.Bytes(), Values: sum.Values(), Disputed: disputed}
	o.Result = comity.Result{
		Round: g.open.Round, Bucket: g.bucket, Survivors: h.digest, Opening: canon.Sum(o.Opening), Sum: canon.Sum(o.Sum),
	}
	h.outcome, h.phase = o, Finished
	return *o, nil
}

// recover combines shares to the secrets of everybody in the cast.
func (h *Hub) recover() (Opening, error) {
	g := h.cfg.Group
	o := Opening{Dealers: h.cast.digest}
	for i := range g.members {
		if !h.cast.in[i] {
			continue
		}
		secret, err := h.cast.recover(i, h.unmasks)
		if err != nil {
			return Opening{}, fmt.Errorf("%w; waiting for %v", err, h.Missing())
		}
		e := opened{secret: secret}
		if !h.present[i] {
			e.table = h.bundles[i].Table
			for k := range h.bundles[i].leaves {
				e.rests = append(e.rests, h.bundles[i].leaves[k].rest())
			}
		}
		if err := h.cast.checkSecret(i, h.present[i], e.secret); err != nil {
			return Opening{}, err
		}
		o.list = append(o.list, e)
	}
	return o, nil
}

// disputed lists whose fingerprint is missing or false. Only if the sum of those given
// and of the missing vectors differs from that of the masked sum are all vectors read.
func (h *Hub) disputed() ([]party.ID, error) {
	seed := h.cast.points(h.root, h.survivors.Masked)
	total := field.New(seed)
	total.Sums(lane.Restore(h.masked.lanes, h.masked.carries))
	var missing, disputed []party.ID
	var all [field.Points]field.Element
	for _, who := range h.survivors.Members {
		u, given := h.unmasks[who]
		own, err := field.Parse(u.Points)
		if !given {
			missing = append(missing, who)
			own, err = h.evaluate(seed, who)
		}
		if err != nil {
			return nil, err
		}
		for k := range all {
			all[k] = all[k].Plus(own[k])
		}
	}
	if all == total.Value {
		return missing, nil
	}
	for _, who := range h.survivors.Members {
		own, err := h.evaluate(seed, who)
		if err != nil {
			return nil, err
		}
		if said, err := field.Parse(h.unmasks[who].Points); err != nil || said != own {
			disputed = append(disputed, who)
		}
	}
	return disputed, nil
}

// evaluate takes the fingerprint of a kept vector.
func (h *Hub) evaluate(seed chance.Seed, who party.ID) ([field.Points]field.Element, error) {
	data, err := h.Opened(who)
	if err != nil {
		return [field.Points]field.Element{}, err
	}
	e := field.New(seed)
	e.Masked(h.cfg.Group.shape, data[keySize:])
	return e.Value, nil
}

// Bundle returns what a dealer sent, for ConvictHolder and ConvictDealer.
func (h *Hub) Bundle(who party.ID) (Bundle, error) {
	i, err := h.cfg.Group.index(who)
	if err != nil {
		return Bundle{}, fmt.Errorf("bundle: %w", err)
	}
	if _, dealt := h.deals[who]; !dealt {
		return Bundle{}, fmt.Errorf("bundle of %s: %w: it did not deal", who, secagg.ErrOrder)
	}
	return h.bundles[i], nil
}

// Opened returns the salt and the masked vector of one survivor, to settle a missing or
// disputed fingerprint. Show it to members, never to the public log: the masks of its
// neighbours still cover it, but what is recorded today may be opened later.
func (h *Hub) Opened(who party.ID) ([]byte, error) {
	if _, ok := h.commits[who]; !ok {
		return nil, fmt.Errorf("opened vector of %s: %w", who, ErrExcluded)
	}
	data, err := h.cfg.Store.Get(openedName(who))
	if err != nil {
		return nil, fmt.Errorf("opened vector of %s: %w", who, err)
	}
	if want := keySize + h.cfg.Group.shape.Size(); len(data) != want {
		return nil, fmt.Errorf("opened vector of %s: %w: store has %d bytes, want %d", who, secagg.ErrMalformed, len(data), want)
	}
	return data, nil
}
