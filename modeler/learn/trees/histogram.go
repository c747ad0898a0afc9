package trees

import (
	"fmt"
	"sync"

	"comity/modeler/learn"
)

// block is how many rows are gathered before they are added. Gathering alone keeps many
// reads of far memory under way at once, which adding does not; and while eight features
// of a block are added, their sums stay in a core's first cache.
const block = 1 << 10

// sums are packed sums by lane and bin: 16 KiB.
type sums [lanes][learn.MaxBins]int64

// adder adds the rows of nodes, 32 features at a time.
type adder struct {
	packing packing
	sums    [words]sums
	values  [block]int64
	bins    [block]slab
}

// adders are those that nobody uses: they are large.
type adders struct {
	mutex sync.Mutex
	free  []*adder
}

func (a *adders) take(p packing) *adder {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if last := len(a.free) - 1; last >= 0 {
		taken := a.free[last]
		a.free = a.free[:last]
		return taken
	}
	return &adder{packing: p}
}

func (a *adders) give(back *adder) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.free = append(a.free, back)
}

// add adds the rows of one node in the features of all slabs into a histogram that is
// clear.
func (a *adder) add(g *growth, n *node, shards []*shard, out []cell) {
	for _, span := range g.spans {
		var rows int64 // Since the last flush.
		for _, s := range shards {
			for picks := s.at(n); len(picks) > 0; {
				some := picks[:min(len(picks), block)]
				picks = picks[len(some):]
				if rows+int64(len(some)) > a.packing.rows() {
					a.flush(g, span, out)
					rows = 0
				}
				rows += int64(len(some))
				a.count(span, a.gather(s, span.slab, some))
			}
		}
		a.flush(g, span, out)
	}
}

// gather copies the values of some rows and returns their bins, copied or, of rows that
// follow one another, where they are.
func (a *adder) gather(s *shard, number int, picks []uint32) []slab {
	values, bins := a.values[:len(picks)], a.bins[:len(picks)]
	slabs, from := s.table.slabs[number], s.from
	first, last := picks[0], picks[len(picks)-1]
	if int(last)-int(first) == len(picks)-1 { // Rows stand in ascending or descending order.
		bins = slabs[first : last+1]
		for i, p := range s.pulls[first-from : last+1-from] {
			values[i] = int64(p)
		}
	} else {
		for i, row := range picks {
			bins[i] = slabs[row]
			values[i] = int64(s.pulls[row-from])
		}
	}
	a.packing.spread(values)
	return bins
}

// count adds the gathered rows, to all features of a word that has any.
func (a *adder) count(span span, bins []slab) {
	for word := range span.words {
		s, values := &a.sums[word], a.values[:len(bins)]
		for i := range bins {
			b, v := bins[i][word&(words-1)], values[i]
			s[0][b&0xff] += v
			s[1][b>>8&0xff] += v
			s[2][b>>16&0xff] += v
			s[3][b>>24&0xff] += v
			s[4][b>>32&0xff] += v
			s[5][b>>40&0xff] += v
			s[6][b>>48&0xff] += v
			s[7][b>>56] += v
		}
	}
}

// flush adds the packed sums to the histogram and clears them.
func (a *adder) flush(g *growth, span span, out []cell) {
	for k := span.from; k < span.to; k++ {
		feature := g.features[k] % slabs
		packed := &a.sums[feature/lanes][feature%lanes]
		cells := out[g.offsets[k]:g.offsets[k+1]]
		for b := range cells {
			cells[b] = cells[b].plus(a.packing.unpack(packed[b]))
		}
	}
	clear(a.sums[:span.words])
}

// span is the features of a tree that are in one slab: features[from:to] of a growth, in
// its first words.
type span struct{ slab, from, to, words int }

// spansOf returns the spans of ascending features.
func spansOf(features []int) (spans []span) {
	for k, f := range features {
		if k == 0 || f/slabs != features[k-1]/slabs {
			spans = append(spans, span{slab: f / slabs, from: k})
		}
		s := &spans[len(spans)-1]
		s.to, s.words = k+1, f%slabs/lanes+1
	}
	return spans
}

// checkRows refuses a node that has fewer rows in all than are here.
func checkRows(n *node, shards []*shard) error {
	if n.parent == nil {
		return nil
	}
	if here := rowsOf(n, shards); int64(here) > n.total.n {
		return fmt.Errorf("%w: node %d has %d rows in all, fewer than are here", learn.ErrSum, n.number, n.total.n)
	}
	return nil
}

// rowsOf returns how many rows of a node are here.
func rowsOf(n *node, shards []*shard) int {
	here := 0
	for _, s := range shards {
		here += len(s.at(n))
	}
	return here
}
