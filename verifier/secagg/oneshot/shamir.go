package oneshot

import "encoding/binary"

// Secrets are shared byte by byte with polynomials over GF(256), modulo
// x^8+x^4+x^3+x+1 (Shamir, "How to Share a Secret", 1979; FIPS 197, section 4). Places
// are public, secrets and shares are not: a product is computed by doubling the secret
// side and branches on the bits of the place alone, so neither time nor memory access
// depends on a secret.

// pairSize is a self mask and a table key side by side, shared together.
const pairSize = 2 * keySize

// bytes8 is eight elements of GF(256) side by side.
type bytes8 uint64

// double multiplies each element by x.
func (a bytes8) double() bytes8 {
	high := a >> 7 & 0x0101_0101_0101_0101
	return a<<1&^0x0101_0101_0101_0101 ^ high*0x1b // No element of high exceeds 1: nothing carries.
}

// times multiplies each element by a public one.
func (a bytes8) times(public byte) bytes8 {
	var out bytes8
	for ; public != 0; public >>= 1 {
		if public&1 == 1 {
			out ^= a
		}
		a = a.double()
	}
	return out
}

// times multiplies two public elements.
func times(a, b byte) byte { return byte(bytes8(a).times(b)) } //nolint:gosec // One element of eight.

// inverse is a^254, which is 1/a for every a but 0.
func inverse(a byte) byte {
	square, out := a, byte(1)
	for range 7 {
		square = times(square, square)
		out = times(out, square)
	}
	return out
}

// lanes8 is 64 bytes of secret, eight at a time.
type lanes8 [pairSize / 8]bytes8

func loadPair(b []byte) (out lanes8) {
	for i := range out {
		out[i] = bytes8(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return out
}

func (l lanes8) store() (out [pairSize]byte) {
	for i, v := range l {
		binary.LittleEndian.PutUint64(out[8*i:], uint64(v))
	}
	return out
}

// split gives the shares of secret at the places 1 to n. Any need of them recover it,
// fewer say nothing: coefficients holds need-1 times 64 uniform bytes.
func split(secret [pairSize]byte, coefficients []byte, n int) [][pairSize]byte {
	shares := make([][pairSize]byte, n)
	constant := loadPair(secret[:])
	for i := range shares {
		x := byte(i + 1)
		var acc lanes8
		for at := len(coefficients) - pairSize; at >= 0; at -= pairSize {
			for k, c := range loadPair(coefficients[at:]) {
				acc[k] = (acc[k] ^ c).times(x)
			}
		}
		for k, c := range constant {
			acc[k] ^= c
		}
		shares[i] = acc.store()
	}
	return shares
}

// weights are Lagrange's at zero for distinct non-zero places, all public.
func weights(places []byte) []byte {
	out := make([]byte, len(places))
	for i, x := range places {
		num, den := byte(1), byte(1)
		for j, z := range places {
			if j != i {
				num, den = times(num, z), times(den, x^z)
			}
		}
		out[i] = times(num, inverse(den))
	}
	return out
}

// combine recovers what was shared from shares of 32 bytes at the given places.
func combine(places []byte, shares [][keySize]byte) (secret [keySize]byte) {
	for i, w := range weights(places) {
		for at := 0; at < keySize; at += 8 {
			v := bytes8(binary.LittleEndian.Uint64(shares[i][at:])).times(w)
			sum := bytes8(binary.LittleEndian.Uint64(secret[at:])) ^ v
			binary.LittleEndian.PutUint64(secret[at:], uint64(sum))
		}
	}
	return secret
}
