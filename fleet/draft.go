package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"comity"
	"comity/adapter/cel"
	"comity/adapter/yaml"
	"comity/canon"
	"comity/durable"
	"comity/governor/charter"
	"comity/node"
	"comity/pack"
	"comity/party"
)

// draft is what a charter is made of: the template, the parties' public keys, and the
// seats of those who were invited to bring their own. It holds no secret.
type draft struct {
	State    string        `json:"state"`
	Founding pack.Founding `json:"founding"` // At an open seat, keys that nobody holds.
	Template string        `json:"template"`
	Seats    []invitee     `json:"seats"` // Ascending by party.
	// Where the hub listens, and where members from other machines find it.
	Listen    string   `json:"listen"`
	ListenWeb string   `json:"listen_web"`
	Addresses []string `json:"addresses"`
}

// States of a draft.
const (
	stateHeld   = "held"   // All keys lie in this home, and nobody has started.
	stateOpen   = "open"   // Parties are invited; there is no charter.
	stateSealed = "sealed" // The charter may be in the log: it changes by amendment alone.
)

// invitee is a party of the charter that makes its own keys.
type invitee struct {
	Party   party.ID `json:"party"`
	Token   string   `json:"token"`   // Public half of the newest invitation's; empty: not invited yet.
	Expires string   `json:"expires"` // RFC 3339 in UTC.
	Spent   []string `json:"spent"`   // Tokens of earlier invitations.
	Joined  string   `json:"joined"`  // When, RFC 3339 in UTC; empty: not yet.
	Terms   string   `json:"terms"`   // The digest that it agreed to.
}

// maxSpent bounds the invitations of one party.
const maxSpent = 20

var (
	// ErrRuns says that a charter is sealed: parties come and go by amendment.
	ErrRuns = errors.New("the charter is sealed")
	// ErrOpen says that a charter is not sealed, because parties who were invited have not
	// joined.
	ErrOpen = errors.New("the charter is a draft")
)

func draftFile(home node.Home) string { return filepath.Join(string(home), "draft.json") }

// maxDraft bounds a draft in bytes: a template and two hundred parties.
const maxDraft = 4 << 20

func loadDraft(home node.Home) (*draft, error) {
	info, err := os.Stat(draftFile(home))
	if err != nil {
		return nil, err
	}
	if info.Size() > maxDraft {
		return nil, fmt.Errorf("%s:1:1: %w: %d bytes, at most %d", draftFile(home), ErrHome, info.Size(), maxDraft)
	}
	data, err := os.ReadFile(draftFile(home))
	if err != nil {
		return nil, err
	}
	d := new(draft)
	if err := json.Unmarshal(data, d); err != nil {
		return nil, fmt.Errorf("%s:1:1: %w: %w", draftFile(home), ErrHome, err)
	}
	return d, nil
}

func (d *draft) save(home node.Home) error {
	data, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	return durable.WriteFile(draftFile(home), append(data, '\n'))
}

// change runs f on the draft of a home while no other process can change it, and saves
// what f left. It does not need the home's lock, which a hub holds while it serves.
func change(home node.Home, f func(*draft) error) (err error) {
	if _, err := os.Stat(draftFile(home)); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(string(home), "draft.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	d, err := loadDraft(home)
	if err != nil {
		return err
	}
	if err := f(d); err != nil {
		return err
	}
	return d.save(home)
}

// begin marks a charter as sealed before it can reach the log. A home without a draft was
// founded by an earlier version.
func begin(home node.Home) error {
	err := change(home, func(d *draft) error {
		d.State = stateSealed
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// render writes the charter as people read it and reads it back as a person's file.
func (d *draft) render(file string) (text []byte, c comity.Charter, err error) {
	if text, err = pack.Draft(d.Template, d.Founding); err != nil {
		return nil, c, err
	}
	root, err := yaml.Read(file, text)
	if err != nil {
		return nil, c, err
	}
	c, problems := charter.Read(root, cel.Compile)
	return text, c, problems.Err(file)
}

// terms returns the charter without keys, as people read it, and its digest.
func (d *draft) terms(home node.Home) (c comity.Charter, text []byte, digest canon.Digest, err error) {
	if text, c, err = d.render(home.Text()); err != nil {
		return c, nil, digest, err
	}
	c = node.WithoutKeys(c)
	digest, err = canon.DigestOf(c)
	return c, text, digest, err
}

// reads tells whether a text says what a draft without keys says.
func reads(text string, terms comity.Charter) error {
	root, err := yaml.Read("the draft", []byte(text))
	if err != nil {
		return err
	}
	c, problems := charter.Read(root, cel.Compile)
	if err := problems.Err("the draft"); err != nil {
		return err
	}
	says, err := canon.DigestOf(node.WithoutKeys(c))
	if err != nil {
		return err
	}
	want, err := canon.DigestOf(terms)
	if err == nil && says != want {
		err = fmt.Errorf("%w: what people read in it is %s, what is signed would be %s; ask the operator which is meant", node.ErrInvitation, says, want)
	}
	return err
}

// seal writes the charter and returns its sealed form.
func (d *draft) seal(home node.Home) ([]byte, error) {
	file := home.Text()
	text, c, err := d.render(file)
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(file, text); err != nil {
		return nil, err
	}
	sealed, _, err := charter.Seal(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	// The charter is written last: a home without it was not founded.
	return sealed, durable.WriteFile(home.Charter(), sealed)
}

// missing lists the seats that nobody has taken.
func (d *draft) missing() (ids []party.ID) {
	for _, s := range d.Seats {
		if s.Joined == "" {
			ids = append(ids, s.Party)
		}
	}
	return ids
}

// seatOf returns the seat of a party, or nil.
func (d *draft) seatOf(id party.ID) *invitee {
	if i := slices.IndexFunc(d.Seats, func(s invitee) bool { return s.Party == id }); i >= 0 {
		return &d.Seats[i]
	}
	return nil
}

// party returns what the charter will say of a party, or nil.
func (d *draft) party(id party.ID) *pack.FoundingParty {
	if i := slices.IndexFunc(d.Founding.Parties, func(p pack.FoundingParty) bool { return p.ID == string(id) }); i >= 0 {
		return &d.Founding.Parties[i]
	}
	return nil
}

// take puts a newcomer's keys in the place of those that stood in, if the charter is then
// one that could be sealed.
func (d *draft) take(home node.Home, e node.Enrolment) error {
	p := d.party(e.Party)
	if p == nil || len(e.Officers) != len(p.Keys) {
		return fmt.Errorf("%w: %d officers' keys of %s", node.ErrEnrolment, len(e.Officers), e.Party)
	}
	p.Keys, p.NodeKey, p.Transport = e.Officers, e.Node, e.Transport
	for i, w := range d.Founding.Witnesses {
		if strings.HasPrefix(w, party.WitnessName(e.Party)+"+") {
			d.Founding.Witnesses[i] = e.Witness
		}
	}
	if _, _, err := d.render(home.Text()); err != nil {
		return fmt.Errorf("%w: %w", node.ErrEnrolment, err)
	}
	return nil
}

// holds tells whether the keys of a member lie in this home.
func holds(home node.Home, id party.ID) bool {
	_, err := os.Stat(home.Member(id).NodeKey())
	return err == nil
}
