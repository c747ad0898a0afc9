package table

import (
	"fmt"
	"math/bits"
	"slices"

	"comity/modeler/learn"
	"comity/modeler/learn/number"
)

// sketch is a tree of cells over the keys of one column. A cell is all keys that begin
// with the same bits; the sums say how many values lie in it, and the heavy ones are split
// further. Everybody has the same sketch after every sum.
type sketch struct {
	cells []cell
	open  []int // Cells that the next sum splits or looks into, in the order of their keys.
	fresh int   // Cells from here on are counted by the next sum.
}

// cell is the keys from start to start + 2^free - 1, with their sign flipped so that they
// order as unsigned numbers.
type cell struct {
	start uint64
	free  int   // Low bits that differ; 0: one key.
	n     int64 // Values in it.
	// A split cell has 2^wide children of 2^low keys each, from cell first on.
	wide, low int
	first     int
}

const keyBits = 64

// ordered returns a key as the unsigned number that orders as it does.
func ordered(key int64) uint64 { return uint64(key) ^ 1<<(keyBits-1) } //nolint:gosec // The bits, not their value.

// keyOf undoes ordered.
func keyOf(u uint64) int64 { return int64(u ^ 1<<(keyBits-1)) } //nolint:gosec // The bits, not their value.

// newSketch starts with one cell that is split into 2^wide.
func newSketch(wide int) *sketch {
	s := &sketch{cells: []cell{{free: keyBits}}, fresh: 1}
	s.split(0, wide)
	return s
}

// split gives a cell 2^wide children, to be counted by the next sum.
func (s *sketch) split(at, wide int) {
	c := &s.cells[at]
	wide = min(wide, c.free)
	low := c.free - wide
	c.wide, c.low, c.first = wide, low, len(s.cells)
	start := c.start
	for i := range uint64(1) << wide {
		s.cells = append(s.cells, cell{start: start + i<<low, free: low})
	}
}

// find returns the leaf that holds a key.
func (s *sketch) find(key int64) int {
	u, at := ordered(key), 0
	for {
		c := &s.cells[at]
		if c.first == 0 {
			return at
		}
		at = c.first + int(u>>c.low&(1<<c.wide-1)) //nolint:gosec // At most 2^wide.
	}
}

// leaves returns the cells with values that are not split, in the order of their keys.
func (s *sketch) leaves() []int {
	var list []int
	for at := range s.cells {
		if c := &s.cells[at]; c.first == 0 && c.n > 0 {
			list = append(list, at)
		}
	}
	slices.SortFunc(list, func(a, b int) int {
		if s.cells[a].start < s.cells[b].start {
			return -1
		}
		return 1 // No two leaves start with the same key.
	})
	return list
}

// counted is the length of a sum over the fresh cells.
func (s *sketch) counted() int { return len(s.cells) - s.fresh }

// count adds one participant's values to a vector over the fresh cells.
func (s *sketch) count(keys []int64, x []int64) {
	for _, key := range keys {
		if key == number.Missing {
			continue
		}
		if at := s.find(key) - s.fresh; at >= 0 {
			x[at]++
		}
	}
}

// read takes the sum over the fresh cells. The children of a cell hold what it holds.
func (s *sketch) read(sum []int64) error {
	for i, n := range sum {
		if n < 0 || n > learn.MaxRows {
			return fmt.Errorf("%w: %d values in cell %d", learn.ErrSum, n, i)
		}
		s.cells[s.fresh+i].n = n
	}
	for at := range s.fresh {
		c := &s.cells[at]
		if c.first < s.fresh {
			continue // Split before, or not at all.
		}
		var n int64
		for _, child := range s.cells[c.first : c.first+1<<c.wide] {
			n += child.n
		}
		if at > 0 && n != c.n {
			return fmt.Errorf("%w: cell of %d values has %d in its parts", learn.ErrSum, c.n, n)
		}
		c.n = n
	}
	s.fresh = len(s.cells)
	return nil
}

// probe is what the next sum asks of the open cells: into which parts their values fall,
// and how many of them have each bit. It splits a heavy cell into more parts, so that all
// parts weigh about the same: about cells parts in all, 2^least to 2^most in each.
func (s *sketch) probe(cells int) {
	const least, most = 4, 13
	total := max(1, s.cells[0].n)
	for _, at := range s.open {
		share := uint64(s.cells[at].n * int64(cells) / total) //nolint:gosec // Not negative.
		s.split(at, min(max(bits.Len64(share), least), most))
	}
}

// asked is the length of a sum that probes.
func (s *sketch) asked() int { return s.counted() + s.looked() }

// answer adds one participant's values to a vector that probes.
func (s *sketch) answer(keys []int64, x []int64) {
	s.look(keys, x[s.counted():])
	s.count(keys, x)
}

// probed takes the sum that probes. The bits tell what all values of a cell have in common.
// If that is more than what its parts have in common, as with a cell of one key, the cell
// shrinks to it and has no parts.
func (s *sketch) probed(sum []int64) error {
	inside := sum[s.counted():]
	if err := s.read(sum[:s.counted()]); err != nil {
		return err
	}
	for _, at := range s.open {
		c := &s.cells[at]
		looked := inside[:c.free]
		inside = inside[c.free:]
		free, common := 0, uint64(0)
		for bit, n := range looked {
			if n < 0 || n > c.n {
				return fmt.Errorf("%w: %d of %d values have bit %d", learn.ErrSum, n, c.n, bit)
			}
			if n == c.n {
				common |= 1 << bit
			} else if n > 0 {
				free = bit + 1
			}
		}
		if free > c.low {
			continue
		}
		c.start |= common >> free << free
		for i := range s.cells[c.first : c.first+1<<c.wide] {
			s.cells[c.first+i].n = 0
		}
		c.free, c.first = free, 0
	}
	s.open = nil
	return nil
}

// looked is the length of a sum that looks into the open cells: how many of their values
// have each of the free bits.
func (s *sketch) looked() int {
	length := 0
	for _, at := range s.open {
		length += s.cells[at].free
	}
	return length
}

// look adds one participant's values to the vector that looks into the open cells.
func (s *sketch) look(keys []int64, x []int64) {
	if len(s.open) == 0 {
		return
	}
	open := make([]int, s.fresh) // Which of the open cells it is, plus 1.
	tallies := make([]tally, len(s.open))
	for i, at := range s.open {
		open[at] = i + 1
	}
	for _, key := range keys {
		if key == number.Missing {
			continue
		}
		if i := open[s.holder(key)]; i > 0 {
			tallies[i-1].add(ordered(key))
		}
	}
	for i, at := range s.open {
		tallies[i].write(x[:s.cells[at].free])
		x = x[s.cells[at].free:]
	}
}

// holder returns the cell that holds a key and was counted: its parts, if it has any, are
// what the next sum asks for.
func (s *sketch) holder(key int64) int {
	u, at := ordered(key), 0
	for {
		c := &s.cells[at]
		if c.first == 0 || c.first >= s.fresh {
			return at
		}
		at = c.first + int(u>>c.low&(1<<c.wide-1)) //nolint:gosec // At most 2^wide.
	}
}

// majority returns, from the sum that looks into the open cells, the key of each whose bits
// are those that more than half of the values have. It is the key of any category that is
// more than half of its cell.
func (s *sketch) majority(sum []int64) ([]int64, error) {
	keys := make([]int64, 0, len(s.open))
	for _, at := range s.open {
		c := &s.cells[at]
		u := c.start
		for bit, n := range sum[:c.free] {
			if n < 0 || n > c.n {
				return nil, fmt.Errorf("%w: %d of %d values have bit %d", learn.ErrSum, n, c.n, bit)
			}
			if 2*n > c.n {
				u |= 1 << bit
			}
		}
		sum = sum[c.free:]
		keys = append(keys, keyOf(u))
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// heaviest opens the leaves with most values, at most so many, ties by key.
func (s *sketch) heaviest(most int) {
	list := s.leaves()
	if len(list) > most {
		slices.SortStableFunc(list, func(a, b int) int { return int(s.cells[b].n - s.cells[a].n) })
		list = list[:most]
		slices.SortFunc(list, func(a, b int) int {
			if s.cells[a].start < s.cells[b].start {
				return -1
			}
			return 1
		})
	}
	s.open = list
}

// heavy opens the leaves of more than one key that hold at least one part in parts of all
// values; where the leaves are at most parts, all of more than one key.
func (s *sketch) heavy(parts int) {
	list := s.leaves()
	few := len(list) <= parts
	s.open = nil
	for _, at := range list {
		if c := &s.cells[at]; c.free > 0 && (few || c.n*int64(parts) >= s.cells[0].n) {
			s.open = append(s.open, at)
		}
	}
}

// cuts returns where bins begin so that at most so many bins hold about equally many
// values each, and a key that would fill a bin has it for itself. The first bin has no
// cut: it holds all below the first one. It needs the leaves in order.
func (s *sketch) cuts(bins int) []int64 {
	list := s.leaves()
	cuts := []int64{}
	left, parts := s.cells[0].n, int64(bins)
	var have int64
	for i, at := range list {
		c := &s.cells[at]
		full := have*parts >= left || c.n*parts >= left || len(list) <= bins
		if i > 0 && have > 0 && parts > 1 && full {
			cuts = append(cuts, keyOf(c.start))
			left -= have
			parts--
			have = 0
		}
		have += c.n
	}
	return cuts
}

// exponent returns that of the whole numbers that linear models read: the largest value
// has at most 40 bits, and the middle one of those that are not 0 at least 16 where that
// leaves room.
func (s *sketch) exponent() int {
	const most, good = 40, 16
	list := s.leaves()
	if len(list) == 0 {
		return 0
	}
	last := s.cells[list[len(list)-1]]
	largest := max(number.Exponent(keyOf(s.cells[list[0]].start)), number.Exponent(keyOf(last.start+(1<<last.free-1))))
	return most - largest
}
