package ledger

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Frontier is the right edge of a Merkle tree (RFC 6962, section 2.1): what a reader
// has to keep of the entries so far in order to know the root after the next one.
// The zero value is the empty tree.
type Frontier struct {
	size  int64
	peaks []tlog.Hash // Roots of the full subtrees, largest first: one for each 1 in size.
}

// Append adds the leaf hash of the next entry.
func (f *Frontier) Append(leaf tlog.Hash) {
	for range bits.TrailingZeros64(^uint64(f.size)) { //nolint:gosec // A size is not negative.
		last := len(f.peaks) - 1
		leaf = tlog.NodeHash(f.peaks[last], leaf)
		f.peaks = f.peaks[:last]
	}
	f.peaks = append(f.peaks, leaf)
	f.size++
}

// Size returns the number of entries.
func (f *Frontier) Size() int64 { return f.size }

// Root returns the root hash of the tree.
func (f *Frontier) Root() tlog.Hash {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	root := f.peaks[len(f.peaks)-1]
	for i := len(f.peaks) - 2; i >= 0; i-- {
		root = tlog.NodeHash(f.peaks[i], root)
	}
	return root
}

// Check fails with ErrProof unless the entries so far are exactly those under c.
func (f *Frontier) Check(c Checkpoint) error {
	if f.size != c.Size || f.Root() != c.Root {
		return fmt.Errorf("%w: %d entries have root %v, the checkpoint of %d entries says %v",
			ErrProof, f.size, f.Root(), c.Size, c.Root)
	}
	return nil
}
