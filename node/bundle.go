package node

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/governor/charter"
	"comity/party"
)

// A bundle is one side of the conversation between hub and member as a file, for a member
// that talks to its hub through a carrier: a stick, or a host's mailbox. Down go the log, what
// is due, and the hub's answers to what a member will ask; up go the requests that a connected
// member would have made. All of it is public, masked, or sealed to a member's own keys, and
// its author seals the whole, so that a carrier can lose it or hold it back, and nothing else.
// docs/format/bundle.md has every byte.

var (
	// ErrBundle says that a file is no bundle, or not whole.
	ErrBundle = errors.New("not a bundle")
	// ErrAddressee says that a bundle is for somebody else.
	ErrAddressee = errors.New("the bundle is not for this party")
	// ErrStale says that a newer bundle was taken before this one.
	ErrStale = errors.New("the bundle is older than one that was taken")
	// ErrGap says that a bundle begins after the log that is held here ends.
	ErrGap = errors.New("the bundle leaves out entries of the log")
)

// BundleHeader says what a bundle is, from whom and for whom.
type BundleHeader struct {
	Comity  string       `json:"comity"` // bundleMagic without its newline.
	Body    string       `json:"body"`
	Charter canon.Digest `json:"charter"`
	From    party.ID     `json:"from"`
	To      party.ID     `json:"to"`
	// Number counts the bundles of the hub to this member, from 1; a reply has that of the
	// bundle which it answers.
	Number int `json:"number"`
	// Since is how many entries of the log the receiver is taken to hold, and Size how many
	// the sender does: those between are in the bundle. In a reply both are what it holds.
	Since int `json:"since"`
	Size  int `json:"size"`
	Parts int `json:"parts"`
}

// part is one message of the conversation.
type part struct {
	kind  string // A message between hub and member; see the constants of this package.
	about []byte // Down: what it answers. Empty otherwise.
	data  []byte
}

// Bundle is one that was read.
type Bundle struct {
	BundleHeader
	parts  []part
	digest canon.Digest // Of all that the seal covers.
	seal   []byte
}

const (
	bundleMagic = "comity-bundle/v1\n"
	// MaxBundle bounds a bundle in bytes: 170,000 entries of usual size.
	MaxBundle = 256 << 20
	// maxBundleHeader bounds its header, and maxParts how many messages it has.
	maxBundleHeader = 4 << 10
	maxParts        = 1 << 20
	// maxKind bounds the name of a message.
	maxKind = 16
	// sealSize is that of an Ed25519 signature (RFC 8032).
	sealSize = 64
	// partEntry is the kind of a log entry in a bundle.
	partEntry = "entry"
)

// downKinds and upKinds are the messages that may travel in a bundle.
func downKinds() []string {
	return []string{partEntry, msgCheckpoint, msgDue, msgBoxes, msgLetter, msgBlob}
}

func upKinds() []string { return []string{msgSubmit, msgSealed, msgLetter, msgFail} }

// sealBundle writes a bundle: the magic, length and header, the parts, the author's seal.
func sealBundle(h BundleHeader, parts []part, key party.Key) ([]byte, error) {
	h.Comity, h.Parts = bundleMagic[:len(bundleMagic)-1], len(parts)
	header, err := canon.Marshal(h)
	if err != nil {
		return nil, err
	}
	out := append([]byte(bundleMagic), byte(len(header)>>8), byte(len(header))) //nolint:gosec // Below maxBundleHeader.
	out = append(out, header...)
	for _, p := range parts {
		out = append(out, byte(len(p.kind))) //nolint:gosec // One of a few short words.
		out = append(out, p.kind...)
		for _, field := range [][]byte{p.about, p.data} {
			out = binary.BigEndian.AppendUint32(out, uint32(len(field))) //nolint:gosec // Bounded by the transport's messages.
			out = append(out, field...)
		}
	}
	if len(out)+sealSize > MaxBundle || len(parts) > maxParts {
		return nil, fmt.Errorf("%w: %d bytes in %d parts, at most %d and %d", ErrBundle, len(out)+sealSize, len(parts), MaxBundle, maxParts)
	}
	return append(out, party.SealDocument(key, h.Body, canon.Sum(out)).Signature...), nil
}

// ParseBundle reads a bundle and believes none of it: see Bundle.check.
func ParseBundle(data []byte) (*Bundle, error) {
	if len(data) > MaxBundle {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrBundle, len(data), MaxBundle)
	}
	if len(data) < len(bundleMagic)+sealSize || string(data[:len(bundleMagic)]) != bundleMagic {
		return nil, fmt.Errorf("%w: it does not begin with %q, or is cut short after %d bytes", ErrBundle, bundleMagic, len(data))
	}
	signed := data[:len(data)-sealSize]
	b := &Bundle{seal: data[len(signed):], digest: canon.Sum(signed)}
	r := cutter{rest: signed[len(bundleMagic):]}
	header := r.take(int(r.number(2)))
	switch {
	case r.short || len(header) > maxBundleHeader:
		return nil, fmt.Errorf("%w: header of %d bytes, at most %d", ErrBundle, len(header), maxBundleHeader)
	default:
		if err := canon.Unmarshal(header, &b.BundleHeader); err != nil {
			return nil, fmt.Errorf("%w: header: %w", ErrBundle, err)
		}
	}
	if err := b.BundleHeader.check(); err != nil {
		return nil, err
	}
	for len(b.parts) < b.Parts && !r.short {
		p := part{kind: string(r.take(int(r.number(1))))}
		p.about, p.data = r.take(int(r.number(4))), r.take(int(r.number(4)))
		if len(p.kind) > maxKind {
			return nil, fmt.Errorf("%w: part %d is of kind %.40q", ErrBundle, len(b.parts), p.kind)
		}
		b.parts = append(b.parts, p)
	}
	if r.short || len(r.rest) > 0 {
		return nil, fmt.Errorf("%w: cut short, or bytes after the last of %d parts", ErrBundle, b.Parts)
	}
	return b, nil
}

func (h BundleHeader) check() error {
	if h.Comity+"\n" != bundleMagic || h.Number < 1 || h.Since < 0 || h.Size < h.Since || h.Parts < 0 || h.Parts > maxParts {
		return fmt.Errorf("%w: header of %.40q, number %d, entries %d to %d, %d parts", ErrBundle, h.Comity, h.Number, h.Since, h.Size, h.Parts)
	}
	return nil
}

// cutter cuts a message into fields; short says that one of them was not there.
type cutter struct {
	rest  []byte
	short bool
}

func (c *cutter) take(n int) []byte {
	if n < 0 || n > len(c.rest) {
		c.short, c.rest = true, nil
		return nil
	}
	field := c.rest[:n:n]
	c.rest = c.rest[n:]
	return field
}

func (c *cutter) number(size int) (n uint32) {
	for _, b := range c.take(size) {
		n = n<<8 | uint32(b)
	}
	return n
}

// check holds a bundle against the charter: it is of this body, between the operator and one
// member, in this direction, and its author sealed these bytes.
func (b *Bundle) check(c comity.Charter, rules canon.Digest, from, to party.ID) error {
	if b.Body != c.ID || b.Charter != rules {
		return fmt.Errorf("%w: it is of %.80q under charter %q; here it is %q under %q", ErrAddressee, b.Body, b.Charter.Words(), c.ID, rules.Words())
	}
	if b.From != from || b.To != to {
		return fmt.Errorf("%w: it is from %.40q to %.40q, wanted is one from %s to %s", ErrAddressee, b.From, b.To, from, to)
	}
	author, ok := charter.PartyOf(c, from)
	if !ok {
		return fmt.Errorf("%w: %s is not a party of the charter", ErrAddressee, from)
	}
	seal := party.Seal{Key: author.Node.Key, Signature: b.seal}
	if err := party.CheckSeals(b.Body, b.digest, []string{author.Node.Key}, 1, []party.Seal{seal}); err != nil {
		return fmt.Errorf("bundle %d from %s to %s was altered on its way, or is not by %s: %w", b.Number, from, to, from, err)
	}
	allowed := upKinds()
	if from == c.Transparency.Log.Operator {
		allowed = downKinds()
	}
	for i, p := range b.parts {
		if !slices.Contains(allowed, p.kind) {
			return fmt.Errorf("%w: part %d of %s is of kind %.40q", ErrBundle, i, from, p.kind)
		}
	}
	return nil
}

// Statements lists the log entries that a reply says, in order.
func (b *Bundle) Statements() (all []string) {
	for _, entry := range b.of(msgSubmit) {
		all = append(all, string(entry))
	}
	return all
}

// Due lists what a bundle asks of its receiver: "consent", "keys", "boxes", "answer",
// "ratify", "check".
func (b *Bundle) Due() (all []string) {
	for _, raw := range b.of(msgDue) {
		var d due
		if json.Unmarshal(raw, &d) == nil {
			all = append(all, d.What)
		}
	}
	return all
}

// of returns the messages of one kind, in order.
func (b *Bundle) of(kind string) (all [][]byte) {
	for _, p := range b.parts {
		if p.kind == kind {
			all = append(all, p.data)
		}
	}
	return all
}
