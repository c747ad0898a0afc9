package linear

import (
	"fmt"
	"math/big"
	"math/bits"

	"comity/modeler/learn"
)

// wide is a sum of products that one word of a vector does not hold: the low 32 bits of
// each product in one word, the rest in the next. Rows are split one by one, so that the
// words add up alike however rows lie with members.
const (
	wideWords = 2
	lowBits   = 32
	lowMask   = 1<<lowBits - 1
)

// addWide adds one value below 2^62 in magnitude to two words.
func addWide(words []int64, v int64) {
	words[0] += v & lowMask
	words[1] += v >> lowBits
}

// addProduct adds a product of factors below 2^51 and 2^27 in magnitude to two words. The
// upper one may be as large as 2^46 for a single row; that the squares of a column in
// standard units add up to at most 2^34 a row keeps sums within 2^30 a row.
func addProduct(words []int64, a, b int64) {
	low := (a & lowMask) * b
	words[0] += low & lowMask
	words[1] += low>>lowBits + (a>>lowBits)*b
}

// readWide returns the sum of rows values, and refuses words that it cannot have.
func readWide(words []int64, rows int64) (*big.Int, error) {
	const most = 1 << 30 // Of the upper part of one value.
	if words[0] < 0 || words[0] > rows*lowMask || words[1] > rows*most || words[1] < -rows*most {
		return nil, fmt.Errorf("%w: words %d and %d of %d rows", learn.ErrSum, words[0], words[1], rows)
	}
	sum := big.NewInt(words[1])
	return sum.Lsh(sum, lowBits).Add(sum, big.NewInt(words[0])), nil
}

// squareWords is the number of words of a sum of squares, which are at most 2^82 each.
const (
	squareWords = 3
	mostBits    = 82
)

// addSquare adds the square of a number, at most 2^41 in magnitude, to three words.
func addSquare(words []int64, v int64) {
	a := uint64(max(v, -v)) //nolint:gosec // A magnitude.
	hi, lo := bits.Mul64(a, a)
	words[0] += int64(lo & lowMask)
	words[1] += int64(lo >> lowBits)
	words[2] += int64(hi & (1<<20 - 1))
}

// readSquare returns the sum of rows squares.
func readSquare(words []int64, rows int64) (*big.Int, error) {
	sum := new(big.Int)
	for i := squareWords - 1; i >= 0; i-- {
		if words[i] < 0 || words[i] > rows*lowMask {
			return nil, fmt.Errorf("%w: word %d of a sum of %d squares", learn.ErrSum, words[i], rows)
		}
		sum.Lsh(sum, lowBits).Add(sum, big.NewInt(words[i]))
	}
	if limit := big.NewInt(rows); sum.Cmp(limit.Mul(limit, new(big.Int).Lsh(big.NewInt(1), mostBits))) > 0 {
		return nil, fmt.Errorf("%w: %d squares add up to more than 2^%d each", learn.ErrSum, rows, mostBits)
	}
	return sum, nil
}
