package secagg

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"comity"
	"comity/canon"
	"comity/chance"
)

// prime is 2^61-1, a Mersenne prime: reduction is a shift and an add.
const prime = 1<<61 - 1

// points is how many places the polynomial is opened at. For K words in the whole
// sequence two polynomials agree at both with probability at most (K/2^61)^2:
// 2^-80 for 2 million words.
const points = 2

// element is a number below prime.
type element uint64

func reduce(x uint64) element {
	x = x&prime + x>>61
	if x >= prime {
		x -= prime
	}
	return element(x)
}

func (a element) plus(b element) element { return reduce(uint64(a) + uint64(b)) }

// times uses 2^64 = 8 modulo prime.
func (a element) times(b element) element {
	high, low := bits.Mul64(uint64(a), uint64(b))
	return reduce(low&prime + (low>>61 | high<<3))
}

func (a element) power(n int) element {
	r := element(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			r = r.times(a)
		}
		a = a.times(a)
	}
	return r
}

// FingerprintSeed is where the fingerprints of a round are taken: a hash of the round
// and of the root of a checkpoint that covers every member's last head and that
// witnesses cosigned.
func FingerprintSeed(round string, root []byte) chance.Seed {
	return chance.Seed(encode(labelPoints).text(round).bytes(root).sum())
}

// evaluation sums w_k * r^k at each point, over the 32-bit words of a sequence, k from
// 1. Words may be sums of up to MaxMembers words.
type evaluation struct {
	at    [points]element // r.
	power [points]element // r^k of the next word, less one factor r.
	value [points]element
}

func newEvaluation(seed chance.Seed) *evaluation {
	e := &evaluation{}
	for i := range e.at {
		for try := 0; e.at[i] == 0; try++ {
			h := encode(labelPoint).bytes(seed[:]).number(i).number(try).sum()
			if r := binary.BigEndian.Uint64(h[:8]) & prime; r < prime {
				e.at[i] = element(r)
			}
		}
		e.power[i] = 1
	}
	return e
}

// skip passes over the words of a step that a member took no part in.
func (e *evaluation) skip(words int) {
	for i, r := range e.at {
		e.power[i] = e.power[i].times(r.power(words))
	}
}

// masked adds the words of one masked vector, by Horner's rule from the last.
func (e *evaluation) masked(y []byte) {
	words := len(y) / 4
	var a, b element
	for k := words - 1; k >= 0; k-- {
		w := element(binary.LittleEndian.Uint32(y[4*k:]))
		a = (a + w).times(e.at[0]) // Below 2^62: times reduces it.
		b = (b + w).times(e.at[1])
	}
	e.gather(words, a, b)
}

// sums adds exact sums of masked words, each below 2^40.
func (e *evaluation) sums(words []uint64) {
	var a, b element
	for _, word := range slices.Backward(words) {
		w := element(word)
		a = (a + w).times(e.at[0])
		b = (b + w).times(e.at[1])
	}
	e.gather(len(words), a, b)
}

// gather puts the value of one step in its place in the sequence.
func (e *evaluation) gather(words int, values ...element) {
	for i, v := range values {
		e.value[i] = e.value[i].plus(v.times(e.power[i]))
	}
	e.skip(words)
}

// record is what a member logs.
func (e *evaluation) record(round string) comity.Fingerprint {
	f := comity.Fingerprint{Round: round}
	for _, v := range e.value {
		f.Points = append(f.Points, canon.Int(v)) //nolint:gosec // Below 2^61.
	}
	return f
}

// elements reads a logged fingerprint.
func elements(f comity.Fingerprint, round string) (out [points]element, err error) {
	if f.Round != round || len(f.Points) != points {
		return out, fmt.Errorf("%w: %d points for round %.80q, want %d for %q", ErrFingerprint, len(f.Points), f.Round, points, round)
	}
	for i, v := range f.Points {
		if v < 0 || v >= prime {
			return out, fmt.Errorf("%w: point %d is %d; it must be from 0 to 2^61-2", ErrFingerprint, i, v)
		}
		out[i] = element(v)
	}
	return out, nil
}
