// Package field takes fingerprints: it evaluates the polynomial whose coefficients are
// the words of masked vectors, modulo 2^61-1 at two public places. Fingerprints of
// vectors add up to the fingerprint of their exact sum.
package field

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"comity/canon"
	"comity/chance"
	"comity/verifier/secagg/internal/lane"
	"comity/verifier/secagg/internal/wire"
)

// ErrRange says that a number is no element of the field.
var ErrRange = errors.New("no element of the field")

// Prime is 2^61-1, a Mersenne prime: reduction is a shift and an add.
const Prime = 1<<61 - 1

// Points is how many places the polynomial is opened at. For K words in the whole
// sequence two polynomials agree at both with probability at most (K/2^61)^2:
// 2^-80 for 2 million words.
const Points = 2

// Element is a number below Prime.
type Element uint64

// Reduce returns x modulo Prime.
func Reduce(x uint64) Element {
	x = x&Prime + x>>61
	if x >= Prime {
		x -= Prime
	}
	return Element(x)
}

// Plus adds.
func (a Element) Plus(b Element) Element { return Reduce(uint64(a) + uint64(b)) }

// Times multiplies. It uses 2^64 = 8 modulo Prime.
func (a Element) Times(b Element) Element {
	high, low := bits.Mul64(uint64(a), uint64(b))
	return Reduce(low&Prime + (low>>61 | high<<3))
}

// Power raises a to n.
func (a Element) Power(n int) Element {
	r := Element(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			r = r.Times(a)
		}
		a = a.Times(a)
	}
	return r
}

// Evaluation sums w_k * r^k at each point, over the words of a sequence of vectors, k
// from 1. Words have at most 32 bits, and may be sums of up to 2^28 of them.
type Evaluation struct {
	at    [Points]Element // r.
	power [Points]Element // r^k of the next word, less one factor r.
	Value [Points]Element
}

// New starts at the places that seed gives.
func New(seed chance.Seed) *Evaluation {
	e := &Evaluation{}
	for i := range e.at {
		for try := 0; e.at[i] == 0; try++ {
			h := wire.Encode("point").Bytes(seed[:]).Number(i).Number(try).Sum()
			if r := binary.BigEndian.Uint64(h[:8]) & Prime; r < Prime {
				e.at[i] = Element(r)
			}
		}
		e.power[i] = 1
	}
	return e
}

// Skip passes over the words of a step that a member took no part in.
func (e *Evaluation) Skip(words int) {
	for i, r := range e.at {
		e.power[i] = e.power[i].Times(r.Power(words))
	}
}

// Masked adds the words of one masked vector, by Horner's rule from the last.
func (e *Evaluation) Masked(s lane.Shape, y []byte) {
	var a, b Element
	r, q := e.at[0], e.at[1]
	if s.WordBits() == 16 {
		for k := len(y) - 2; k >= 0; k -= 2 {
			w := Element(binary.LittleEndian.Uint16(y[k : k+2]))
			a, b = (a + w).Times(r), (b + w).Times(q) // Below 2^62: Times reduces it.
		}
	} else {
		for k := len(y) - 4; k >= 0; k -= 4 {
			w := Element(binary.LittleEndian.Uint32(y[k : k+4]))
			a, b = (a + w).Times(r), (b + w).Times(q)
		}
	}
	e.gather(s.Words(), a, b)
}

// Sums adds exact sums of masked words, each below 2^60.
func (e *Evaluation) Sums(words []uint64) {
	var a, b Element
	r, q := e.at[0], e.at[1]
	for _, word := range slices.Backward(words) {
		w := Element(word)
		a, b = (a + w).Times(r), (b + w).Times(q)
	}
	e.gather(len(words), a, b)
}

// gather puts the value of one step in its place in the sequence.
func (e *Evaluation) gather(words int, values ...Element) {
	for i, v := range values {
		e.Value[i] = e.Value[i].Plus(v.Times(e.power[i]))
	}
	e.Skip(words)
}

// Record returns the values as a statement holds them.
func (e *Evaluation) Record() []canon.Int {
	var out []canon.Int
	for _, v := range e.Value {
		out = append(out, canon.Int(v)) //nolint:gosec // Below 2^61.
	}
	return out
}

// Parse reads what Record wrote and nothing else.
func Parse(said []canon.Int) (out [Points]Element, err error) {
	if len(said) != Points {
		return out, fmt.Errorf("%w: %d values, want %d", ErrRange, len(said), Points)
	}
	for i, v := range said {
		if v < 0 || v >= Prime {
			return out, fmt.Errorf("%w: value %d is %d; it must be from 0 to 2^61-2", ErrRange, i, v)
		}
		out[i] = Element(v)
	}
	return out, nil
}
