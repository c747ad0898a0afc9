package oneshot

import (
	"math/bits"

	"comity/canon"
)

// The shares of one dealer hang in a Merkle tree of the shape of RFC 9162, section
// 2.1.1: the left side is the largest power of two below the number of leaves.

func node(left, right canon.Digest) canon.Digest {
	return label("node").Bytes(left[:]).Bytes(right[:]).Sum()
}

// leftOf is how many of n leaves hang on the left, n at least 2.
func leftOf(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }

// root of at least one leaf.
func root(leaves []canon.Digest) canon.Digest {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := leftOf(len(leaves))
	return node(root(leaves[:k]), root(leaves[k:]))
}

// paths lists for each leaf its siblings, from the leaf up, and returns the root.
func paths(leaves []canon.Digest) (canon.Digest, [][]canon.Digest) {
	if len(leaves) == 1 {
		return leaves[0], [][]canon.Digest{nil}
	}
	k := leftOf(len(leaves))
	left, all := paths(leaves[:k])
	right, more := paths(leaves[k:])
	for i := range all {
		all[i] = append(all[i], right)
	}
	for i := range more {
		more[i] = append(more[i], left)
	}
	return node(left, right), append(all, more...)
}

// climb returns the root that leaf i of n has by its path, or false if the path has
// another length than it must.
func climb(leaf canon.Digest, i, n int, path []canon.Digest) (canon.Digest, bool) {
	if n == 1 {
		return leaf, len(path) == 0
	}
	if len(path) == 0 {
		return leaf, false
	}
	last, k := len(path)-1, leftOf(n)
	if i < k {
		below, ok := climb(leaf, i, k, path[:last])
		return node(below, path[last]), ok
	}
	below, ok := climb(leaf, i-k, n-k, path[:last])
	return node(path[last], below), ok
}
