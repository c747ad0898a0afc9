package forecast

import (
	"fmt"
	"math"
)

// regional is what one series adds to the region's means: 1-week change, 2-week change,
// level in standard deviations.
const regional = 3

// regionClip bounds what one series can add, so that none drags the mean: 3 in Q16.
const regionClip = 3 * one

// regionLeast is how many series a mean needs to say something about the region.
const regionLeast = 4

// vintageWeeks is how many of its last weeks a past snapshot adds means for.
const vintageWeeks = 8

// region lays out one sum: for every target and week a sum and a count of each of the
// three, of the origin's snapshot for all weeks and of earlier ones for their last eight.
type region struct {
	targets, columns, vintages int
	entries                    []entry // What this participant's series add.
	sums                       []int64 // What all add.
}

// entry is what one series adds for one week, as one snapshot knew it.
type entry struct {
	cell   int
	key    uint64 // For the public coin.
	values [regional]int32
}

func newRegion(targets, columns, vintages int) *region {
	g := &region{targets: targets, columns: columns, vintages: vintages}
	g.sums = make([]int64, g.length())
	return g
}

func (g *region) length() int {
	return g.targets * (g.columns + (g.vintages-1)*vintageWeeks) * regional * 2
}

// cell returns where the numbers of a week begin, or -1 if the snapshot of so many weeks
// before the origin has none for it.
func (g *region) cell(vintage, target, col int) int {
	if vintage == 0 {
		return (target*g.columns + col) * regional * 2
	}
	back := g.columns - 1 - vintage - col // Weeks before that snapshot's own.
	if back < 0 || back >= vintageWeeks || vintage >= g.vintages {
		return -1
	}
	at := g.targets*g.columns + ((vintage-1)*g.targets+target)*vintageWeeks + back
	return at * regional * 2
}

// add enters what the panel's places know, as of a vintage.
func (g *region) add(p *panel, vintage int) {
	from := 0
	if vintage > 0 {
		from = max(0, g.columns-vintage-vintageWeeks)
	}
	for s := range p.keys {
		for col := from; col < g.columns-vintage; col++ {
			if p.value(s, col) == missing {
				continue
			}
			g.entries = append(g.entries, entry{
				cell:   g.cell(vintage, p.target[s], col),
				key:    rowKey(p.keys[s], p.first+week(col), vintage),
				values: [regional]int32{p.change(s, col-1, col), p.change(s, col-2, col), p.level(s, col).standard},
			})
		}
	}
}

// part is this participant's vector: all entries that the public coin keeps.
func (g *region) part(keep func(key uint64) bool) []int64 {
	sums := make([]int64, g.length())
	for _, e := range g.entries {
		if !keep(e.key) {
			continue
		}
		for i, v := range e.values {
			if v != missing {
				sums[e.cell+2*i] += clamp(int64(v), regionClip)
				sums[e.cell+2*i+1]++
			}
		}
	}
	return sums
}

// check refuses sums that no series can have added up to.
func (g *region) check(total []int64) error {
	for at := 0; at < len(total); at += 2 {
		sum, n := total[at], total[at+1]
		if n < 0 || n > math.MaxInt32 || max(sum, -sum) > n*regionClip {
			return fmt.Errorf("%w: region: %d series add up to %d", ErrSum, n, sum)
		}
	}
	return nil
}

// means returns the region's three means, missing where too few series report.
func (g *region) means(vintage, target, col int) [regional]int32 {
	m := [regional]int32{missing, missing, missing}
	at := g.cell(vintage, target, col)
	if at < 0 {
		return m
	}
	for i := range m {
		if n := g.sums[at+2*i+1]; n >= regionLeast {
			m[i] = int32(nearest(g.sums[at+2*i], n)) //nolint:gosec // Clipped at 3.
		}
	}
	return m
}
