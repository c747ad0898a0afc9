package oneshot

import (
	"encoding/binary"
	"fmt"

	"comity/canon"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/lane"
	"comity/verifier/secagg/internal/wire"
)

// Masked is the sum of the survivors' masked vectors, as whole numbers: lanes, and for
// each word how often it overflowed.
type Masked struct {
	members int // How many were added.
	lanes   lane.Vector
	carries []uint16 // By word, below members.
}

// newMasked splits exact word sums into lanes and carries.
func newMasked(s lane.Shape, members int, words []uint64) Masked {
	m := Masked{members, lane.Reduce(s, words), make([]uint16, len(words))}
	for w, total := range words {
		m.carries[w] = uint16(s.Carry(total)) //nolint:gosec // Below MaxMembers.
	}
	return m
}

// carrySize is how many bytes a carry below n takes.
func carrySize(n int) int {
	if n <= 256 {
		return 1
	}
	return 2
}

func appendShape(b []byte, s lane.Shape) []byte {
	b = append(b, byte(s.Bits))                              //nolint:gosec // 16, 32 or 64.
	return binary.BigEndian.AppendUint32(b, uint32(s.Lanes)) //nolint:gosec // At most secagg.MaxLanes.
}

func readShape(r *wire.Reader) lane.Shape {
	s := lane.Shape{Bits: int(r.Byte()), Lanes: r.Uint32()}
	if r.Err == nil && (s.Bits != 16 && s.Bits != 32 && s.Bits != 64 || s.Lanes < 1 || s.Lanes > secagg.MaxLanes) {
		r.Err = fmt.Errorf("%w: %d lanes of %d bits; use 1 to %d of 16, 32 or 64", secagg.ErrMalformed, s.Lanes, s.Bits, secagg.MaxLanes)
	}
	return s
}

// Bytes returns the blob, which Survivors names by its SHA-256.
func (m Masked) Bytes() []byte {
	b := appendCount(appendShape([]byte(magicMasked), m.lanes.Shape), m.members)
	b = append(b, m.lanes.Bytes()...)
	for _, c := range m.carries {
		if carrySize(m.members) == 1 {
			b = append(b, byte(c)) //nolint:gosec // Below 256.
		} else {
			b = binary.LittleEndian.AppendUint16(b, c)
		}
	}
	return b
}

// ParseMasked reads what Masked.Bytes wrote and nothing else.
func ParseMasked(data []byte) (Masked, error) {
	r := wire.Reader{Data: data}
	r.Magic(magicMasked)
	shape := readShape(&r)
	m := Masked{members: readCount(&r, 1, MaxMembers)}
	if r.Err != nil {
		return Masked{}, r.Err
	}
	lanes, size := r.Take(shape.Size()), carrySize(m.members)
	carries := r.Take(shape.Words() * size)
	if err := r.End(); err != nil {
		return Masked{}, err
	}
	m.lanes, m.carries = lane.Of(shape, lanes), make([]uint16, shape.Words())
	for w := range m.carries {
		if size == 1 {
			m.carries[w] = uint16(carries[w])
		} else {
			m.carries[w] = binary.LittleEndian.Uint16(carries[2*w:])
		}
		if int(m.carries[w]) >= m.members {
			return Masked{}, fmt.Errorf("%w: word %d carries %d; %d words carry at most %d",
				secagg.ErrMalformed, w, m.carries[w], m.members, m.members-1)
		}
	}
	return m, nil
}

// Sum is the sum of the survivors' inputs.
type Sum struct{ lanes lane.Vector }

// Values returns the sum by lane.
func (s Sum) Values() []int64 { return s.lanes.Unpack() }

// Bytes returns the blob, which Result names by its SHA-256.
func (s Sum) Bytes() []byte {
	return append(appendShape([]byte(magicSum), s.lanes.Shape), s.lanes.Bytes()...)
}

// ParseSum reads what Sum.Bytes wrote and nothing else.
func ParseSum(data []byte) (Sum, error) {
	r := wire.Reader{Data: data}
	r.Magic(magicSum)
	shape := readShape(&r)
	if r.Err != nil {
		return Sum{}, r.Err
	}
	lanes := r.Take(shape.Size())
	if err := r.End(); err != nil {
		return Sum{}, err
	}
	return Sum{lane.Of(shape, lanes)}, nil
}

// Opening is what the masks of a sum are recomputed from: the self mask of each
// survivor, and of each member of the cast that fell out its table with the key.
type Opening struct {
	Dealers canon.Digest // The cast, and so their order.
	list    []opened
}

type opened struct {
	secret [keySize]byte // A self mask, or the key of a table.
	rests  []canon.Digest
	table  []byte // None of a survivor.
}

// The first byte of each entry of an opening.
const (
	openedSelf  = 1
	openedTable = 2
)

// Bytes returns the blob, which Result names by its SHA-256.
func (o Opening) Bytes() []byte {
	b := append([]byte(magicOpening), o.Dealers[:]...)
	b = appendCount(b, len(o.list))
	for _, e := range o.list {
		if e.table == nil {
			b = append(append(b, openedSelf), e.secret[:]...)
			continue
		}
		b = append(append(b, openedTable), e.secret[:]...)
		b = appendCount(b, len(e.rests))
		for _, d := range e.rests {
			b = append(b, d[:]...)
		}
		b = append(b, e.table...)
	}
	return b
}

// ParseOpening reads what Opening.Bytes wrote and nothing else.
func ParseOpening(data []byte) (Opening, error) {
	r := wire.Reader{Data: data}
	r.Magic(magicOpening)
	o := Opening{Dealers: r.Digest()}
	for range readCount(&r, secagg.MinMembers, MaxMembers) {
		kind := r.Byte()
		e := opened{secret: r.Key()}
		switch {
		case r.Err != nil || kind == openedSelf:
		case kind == openedTable:
			m := readCount(&r, secagg.MinMembers, MaxHolders)
			for range m {
				e.rests = append(e.rests, r.Digest())
			}
			e.table = r.Take(tableSize(max(m, 1)))
		default:
			r.Err = fmt.Errorf("%w: entry of kind %d, want %d or %d", secagg.ErrMalformed, kind, openedSelf, openedTable)
		}
		if r.Err != nil {
			return Opening{}, r.Err
		}
		o.list = append(o.list, e)
	}
	if err := r.End(); err != nil {
		return Opening{}, err
	}
	return o, nil
}
