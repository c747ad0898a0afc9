package trees

import (
	"fmt"

	"comity/modeler/learn/internal/parallel"
)

// vector says where the words of each ensemble stand in one step.
type vector struct {
	layout
	judging bool
	starts  []int // By ensemble; the last is where a judgement stands, or the length.
}

func (v *vector) length() int {
	n := v.starts[len(v.starts)-1]
	if v.judging {
		n += judged
	}
	return n
}

// of returns the words of one ensemble.
func (v *vector) of(words []int64, ensemble int) []int64 {
	return words[v.starts[ensemble]:v.starts[ensemble+1]]
}

// vector lays out one step from what everybody knows.
func (t *trainer) vector(growths []*growth, judging bool) *vector {
	var most int64
	for e, g := range growths {
		if len(g.asked) > 0 {
			most = max(most, g.rowsAsked(t.count[e]))
		}
	}
	v := &vector{t.cfg.layoutFor(most), judging, make([]int, 1, len(growths)+1)}
	if judging {
		v.bits = 64 // Losses do not fit 32.
	}
	for e, g := range growths {
		length := 0
		for _, n := range g.asked {
			length += g.sent(n, v.layout)
		}
		v.starts = append(v.starts, v.starts[e]+length)
	}
	return v
}

// work is one node whose histogram is wanted.
type work struct {
	ensemble int
	node     *node
	words    []int64 // Of the vector.
	cells    []cell
}

// contribution returns what this participant adds to one step.
func (t *trainer) contribution(v *vector, growths []*growth) ([]int64, error) {
	x := make([]int64, v.length())
	if t.here == 0 {
		return x, nil
	}
	if v.judging {
		lost := t.lost()
		copy(x[len(x)-judged:], lost[:])
	}
	var nodes []work
	for e, g := range growths {
		words := v.of(x, e)
		for _, n := range g.asked {
			if err := checkRows(n, t.shards[e]); err != nil {
				return nil, fmt.Errorf("ensemble %d: %w", e, err)
			}
			some := g.sent(n, v.layout)
			nodes = append(nodes, work{e, n, words[:some], g.cells()})
			words = words[some:]
		}
	}
	t.histograms(growths, nodes)
	_ = parallel.Each(len(nodes), func(i int) error {
		w := &nodes[i]
		growths[w.ensemble].write(w.words, w.node, w.cells, v.layout)
		return nil
	})
	for _, w := range nodes {
		g := growths[w.ensemble]
		g.spare = append(g.spare, w.cells)
	}
	return x, nil
}

// share is how many rows of a node are worth a processor of their own: what it costs to
// add its histogram to the others' is then small.
const share = 1 << 12

// histograms fills in the cells of all nodes. Where there are more processors than
// ensembles, each works on some shards of the larger nodes.
func (t *trainer) histograms(growths []*growth, nodes []work) {
	type part struct {
		work
		shards []*shard
	}
	var parts []part
	for _, w := range nodes {
		shards := t.shards[w.ensemble]
		clear(w.cells)
		some := max(1, min(len(shards), rowsOf(w.node, shards)/share))
		for i := range some {
			p := part{w, shards[len(shards)*i/some : len(shards)*(i+1)/some]}
			if i > 0 {
				p.cells = growths[w.ensemble].cells()
				clear(p.cells)
			}
			parts = append(parts, p)
		}
	}
	_ = parallel.Each(len(parts), func(i int) error {
		a := t.adders.take(t.slope.packing)
		a.add(growths[parts[i].ensemble], parts[i].node, parts[i].shards, parts[i].cells)
		t.adders.give(a)
		return nil
	})
	for i := 1; i < len(parts); i++ {
		p, first := &parts[i], &parts[i-1]
		if p.node != first.node || p.ensemble != first.ensemble {
			continue
		}
		for k, c := range p.cells {
			first.cells[k] = first.cells[k].plus(c)
		}
		g := growths[p.ensemble]
		g.spare = append(g.spare, p.cells)
		p.cells = first.cells // Of the next shard, too.
	}
}
