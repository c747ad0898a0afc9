package oneshot

import (
	"encoding/binary"
	"fmt"

	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/wire"
)

// The first four bytes of each byte form.
const (
	magicMessage = "CSO1" // A message between a member and the hub.
	magicMasked  = "CSY1" // The masked sum.
	magicOpening = "CSR1" // Recovered secrets.
	magicSum     = "CSX1" // The sum.
	magicJournal = "CSK1" // A journal entry.
)

// The fifth byte of a message.
const (
	kindBundle = iota + 1
	kindParcels
	kindUpload
)

// maxPath bounds a path in the tree of a dealer's shares: 255 leaves are 8 levels deep.
const maxPath = 8

// Bundle is what a dealer sends to the hub: a leaf for each of its holders and the
// sealed table of its pair masks. Deal binds both.
type Bundle struct {
	Context canon.Digest
	Table   []byte
	leaves  []leaf // By holder, ascending.
}

// Parcels is what the hub hands to one holder: its leaf of every dealer.
type Parcels struct {
	Context canon.Digest
	list    []parcel // Ascending by dealer.
}

type parcel struct {
	dealer party.ID
	leaf   leaf
	path   []canon.Digest
}

// Upload is a member's masked vector, with what it takes to check its commitment. It
// goes to the hub alone: masked vectors never enter the public log.
type Upload struct {
	Context canon.Digest
	Salt    [keySize]byte
	Masked  []byte // Lanes, little-endian.
}

func header(kind byte, context canon.Digest) []byte {
	return append(append([]byte(magicMessage), kind), context[:]...)
}

func readHeader(r *wire.Reader, kind byte) canon.Digest {
	r.Magic(magicMessage)
	if got := r.Byte(); r.Err == nil && got != kind {
		r.Err = fmt.Errorf("%w: message of kind %d, want %d", secagg.ErrMalformed, got, kind)
	}
	return r.Digest()
}

// readCount reads how many members a list is for.
func readCount(r *wire.Reader, least, most int) int {
	n := r.Uint16()
	if r.Err == nil && (n < least || n > most) {
		r.Err = fmt.Errorf("%w: a list of %d; it has %d to %d", secagg.ErrMalformed, n, least, most)
	}
	if r.Err != nil {
		return 0
	}
	return n
}

func appendCount(b []byte, n int) []byte {
	return binary.BigEndian.AppendUint16(b, uint16(n)) //nolint:gosec // At most MaxMembers.
}

// Bytes returns the message as it travels.
func (b Bundle) Bytes() []byte {
	out := appendCount(header(kindBundle, b.Context), len(b.leaves))
	for i := range b.leaves {
		out = append(out, b.leaves[i].bytes()...)
	}
	return append(out, b.Table...)
}

// ParseBundle reads what Bundle.Bytes wrote and nothing else.
func ParseBundle(data []byte) (Bundle, error) {
	r := wire.Reader{Data: data}
	b := Bundle{Context: readHeader(&r, kindBundle)}
	for range readCount(&r, secagg.MinMembers, MaxHolders) {
		b.leaves = append(b.leaves, readLeaf(&r))
		if r.Err != nil {
			break
		}
	}
	b.Table = r.Take(tableSize(max(1, len(b.leaves))))
	if err := r.End(); err != nil {
		return Bundle{}, err
	}
	return b, nil
}

// Bytes returns the message as it travels.
func (p Parcels) Bytes() []byte {
	out := appendCount(header(kindParcels, p.Context), len(p.list))
	for i := range p.list {
		e := &p.list[i]
		out = append(out, byte(len(e.dealer))) //nolint:gosec // Party ids have at most 32 bytes.
		out = append(out, e.dealer...)
		out = append(out, e.leaf.bytes()...)
		out = append(out, byte(len(e.path))) //nolint:gosec // At most maxPath.
		for _, d := range e.path {
			out = append(out, d[:]...)
		}
	}
	return out
}

// ParseParcels reads what Parcels.Bytes wrote and nothing else.
func ParseParcels(data []byte) (Parcels, error) {
	r := wire.Reader{Data: data}
	p := Parcels{Context: readHeader(&r, kindParcels)}
	for range readCount(&r, 0, MaxHolders) {
		e := parcel{dealer: party.ID(r.Take(int(r.Byte())))}
		e.leaf = readLeaf(&r)
		n := int(r.Byte())
		if r.Err != nil {
			break
		}
		if e.dealer.Check() != nil || len(p.list) > 0 && p.list[len(p.list)-1].dealer >= e.dealer || n > maxPath {
			return Parcels{}, fmt.Errorf("%w: parcel of %.40q with a path of %d; dealers ascend, paths have at most %d",
				secagg.ErrMalformed, e.dealer, n, maxPath)
		}
		for range n {
			e.path = append(e.path, r.Digest())
		}
		p.list = append(p.list, e)
	}
	if err := r.End(); err != nil {
		return Parcels{}, err
	}
	return p, nil
}

// Bytes returns the message as it travels.
func (u Upload) Bytes() []byte {
	out := append(header(kindUpload, u.Context), u.Salt[:]...)
	return append(out, u.Masked...)
}

// ParseUpload reads what Upload.Bytes wrote and nothing else. Masked shares data's memory.
func ParseUpload(data []byte) (Upload, error) {
	r := wire.Reader{Data: data}
	u := Upload{Context: readHeader(&r, kindUpload), Salt: r.Key()}
	u.Masked = r.Rest()
	if n := len(u.Masked); r.Err == nil && (n == 0 || n%2 != 0 || n > 8*secagg.MaxLanes) {
		r.Err = fmt.Errorf("%w: %d masked bytes; lanes take 2 to %d", secagg.ErrMalformed, n, 8*secagg.MaxLanes)
	}
	if r.Err != nil {
		return Upload{}, r.Err
	}
	return u, nil
}

// parseLeaf reads a leaf out of a complaint.
func parseLeaf(data []byte) (leaf, error) {
	r := wire.Reader{Data: data}
	l := readLeaf(&r)
	return l, r.End()
}
