package node

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"comity"
	"comity/adapter/nats"
	"comity/adapter/yaml"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
)

// Invitation is the one file that a newcomer gets: what it is asked to sign, where the hub
// is and by which key it is known, and a token that works once. Whoever holds the file can
// take the seat, so it travels as a password does.
type Invitation struct {
	Comity    string       `json:"comity"` // "invitation/v1".
	Party     party.ID     `json:"party"`
	Addresses []string     `json:"addresses"` // HOST:PORT or wss://HOST:PORT, tried in this order; 1 to 8.
	Pin       canon.Digest `json:"pin"`       // Of the hub's TLS key.
	Expires   string       `json:"expires"`   // RFC 3339 in UTC.
	// Draft is the charter with the places of all keys empty: see WithoutKeys.
	Draft comity.Charter `json:"draft"`
	// Text is the same as people read it; keys of those who have not joined stand in.
	Text string `json:"text"`
	// Officers and Needed say how many officers' keys the party makes, and how many of them
	// must seal.
	Officers int `json:"officers"`
	Needed   int `json:"needed"`
	// World names the simulated world that the party's rows come from; empty in real life.
	World string `json:"world"`
	// Declares proposes the plain numbers that the party will sign each week, by name.
	Declares map[string]canon.Int `json:"declares"`
	// Token is the seed of the identity with which the newcomer connects, once. The hub
	// keeps only its public half.
	Token string `json:"token"`
	// Digest is of all the above with the public half in the place of the token.
	Digest canon.Digest `json:"digest"`
}

var (
	// ErrInvitation says that a file is not an invitation as it was written.
	ErrInvitation = errors.New("invitation refused")
	// ErrWords says that an invitation is not the one whose words the operator said.
	ErrWords = errors.New("other words")
	// ErrExpired says that an invitation came too late or was used.
	ErrExpired = errors.New("invitation is over")
)

const (
	invitationForm = "invitation/v1"
	// maxInvitation bounds the file in bytes: a sealed charter and its surroundings.
	maxInvitation = charter.MaxSealed + yaml.MaxBytes + 1<<16
	// maxAddresses bounds the ways to a hub.
	maxAddresses = 8
	// maxOfficers bounds a party's officers.
	maxOfficers = 16
)

// WithoutKeys returns a charter without the keys of parties and witnesses: what a newcomer can
// agree to before the others have made theirs. Everything else stays, the log's key too.
func WithoutKeys(c comity.Charter) comity.Charter {
	c.Parties = slices.Clone(c.Parties)
	for i := range c.Parties {
		c.Parties[i].Keys.Of = []string{}
		c.Parties[i].Node = comity.Node{}
	}
	c.Transparency.Witnesses.Of = []string{}
	return c
}

// Seal completes an invitation with its digest.
func (v *Invitation) Seal() error {
	d, err := v.digest()
	v.Digest = d
	return err
}

// Words are what the operator reads out to the newcomer, who compares them: they cover
// the hub's pin, the draft and the token's public half.
func (v *Invitation) Words() string { return v.Digest.Words() }

// Guest returns the identity of the token and the name that the hub knows it by.
func (v *Invitation) Guest() (nats.Identity, string, error) {
	i, err := nats.ParseIdentity(v.Token)
	if err != nil {
		return nats.Identity{}, "", fmt.Errorf("%w: its token: %w", ErrInvitation, err)
	}
	return i, GuestName(i.Public()), nil
}

// GuestName is the name of the connection that presents a token. No party has it: ids have
// no small letters.
func GuestName(token string) string { return "guest_" + token }

func (v *Invitation) digest() (canon.Digest, error) {
	shown := *v
	identity, _, err := v.Guest()
	if err != nil {
		return canon.Digest{}, err
	}
	shown.Token, shown.Digest = identity.Public(), canon.Digest{}
	return canon.DigestOf(shown)
}

// Write writes an invitation to a new file that only its owner may read.
func (v *Invitation) Write(file string) error {
	data, err := canon.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// ReadInvitation reads a file that Write wrote. A file that others may read is refused, for
// they may hold the token. Errors wrap ErrInvitation and never quote the token.
func ReadInvitation(file string) (*Invitation, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxInvitation:
		return nil, fmt.Errorf("%s:1:1: %w: want a file of at most %d bytes", file, ErrInvitation, maxInvitation)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s:1:1: %w: others can read it (mode %s); if nobody did: chmod 600 %s, otherwise ask for a new one",
			file, ErrInvitation, info.Mode().Perm(), file)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	v, err := ParseInvitation(data)
	if err != nil {
		return nil, fmt.Errorf("%s:1:1: %w; ask the operator to send it again", file, err)
	}
	return v, nil
}

// ParseInvitation reads the bytes of an invitation and refuses those that were altered.
func ParseInvitation(data []byte) (*Invitation, error) {
	if len(data) > maxInvitation {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrInvitation, len(data), maxInvitation)
	}
	v := new(Invitation)
	if err := canon.Unmarshal([]byte(strings.TrimSuffix(string(data), "\n")), v); err != nil {
		// What the error would quote may be the token.
		return nil, fmt.Errorf("%w: its bytes are not those of an invitation", ErrInvitation)
	}
	if v.Comity != invitationForm {
		return nil, fmt.Errorf("%w: form %.40q, want %s", ErrInvitation, v.Comity, invitationForm)
	}
	d, err := v.digest()
	if err != nil {
		return nil, err
	}
	if d != v.Digest {
		return nil, fmt.Errorf("%w: it was altered: it says %s and has %s", ErrInvitation, v.Digest, d)
	}
	return v, v.check()
}

// check refuses what no operator writes.
func (v *Invitation) check() error {
	if err := v.Party.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvitation, err)
	}
	if _, ok := charter.PartyOf(v.Draft, v.Party); !ok {
		return fmt.Errorf("%w: %s is not a party of its draft", ErrInvitation, v.Party)
	}
	if v.Officers < 1 || v.Officers > maxOfficers || v.Needed < 1 || v.Needed > v.Officers {
		return fmt.Errorf("%w: %d of %d officers must seal", ErrInvitation, v.Needed, v.Officers)
	}
	if _, err := v.Deadline(); err != nil {
		return err
	}
	if n := len(v.Addresses); n < 1 || n > maxAddresses {
		return fmt.Errorf("%w: %d addresses; 1 to %d", ErrInvitation, n, maxAddresses)
	}
	for _, a := range v.Addresses {
		if err := CheckAddress(a); err != nil {
			return fmt.Errorf("%w: %w", ErrInvitation, err)
		}
	}
	return nil
}

// Deadline is when the invitation ends.
func (v *Invitation) Deadline() (time.Time, error) {
	at, err := time.Parse(time.RFC3339, v.Expires)
	if err != nil {
		return at, fmt.Errorf("%w: it ends at %.40q, which is no instant", ErrInvitation, v.Expires)
	}
	return at, nil
}

// CheckAddress refuses what is neither HOST:PORT nor wss://HOST:PORT.
func CheckAddress(text string) error {
	host, port, err := net.SplitHostPort(strings.TrimPrefix(text, "wss://"))
	if err == nil {
		// A host that ends its own part of a URL would send the connection elsewhere.
		var u *url.URL
		if u, err = url.Parse("wss://" + net.JoinHostPort(host, port)); err == nil && (host == "" || port == "" || port == "0" || u.Hostname() != host || u.Port() != port) {
			err = errors.New("no host or no port")
		}
	}
	if err != nil {
		return fmt.Errorf("%w: address %.80q; write HOST:PORT", nats.ErrConfig, text)
	}
	return nil
}
