package score

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"comity/party"
)

// Against says what models are compared with.
type Against struct {
	Baseline string
	Ensemble string  // May be empty.
	MinShare float64 // Models with a smaller share of the baseline's tasks are no opponents of others.
}

// Row is one model's scores. A number that cannot be computed is NaN: a ratio without
// shared tasks, or over a score of zero.
type Row struct {
	Model   string
	N       int     // Forecasts scored.
	Share   float64 // N over the baseline's.
	Small   bool    // Share is below MinShare.
	WIS     float64 // Mean.
	LogWIS  float64 // Mean on the log scale.
	VsBase  float64 // WIS over the baseline's, on shared tasks.
	RelWIS  float64 // Pairwise relative WIS, the baseline's being 1.
	RelLog  float64 // The same on the log scale: what models are ranked by.
	GeoLoc  float64 // Geometric mean over targets and places of WIS over the baseline's.
	VsEns   float64 // Log WIS over the ensemble's, on shared tasks.
	Chance  float64 // Probability of such a difference from the baseline if both were equally good (Book.Compare).
	Cover50 float64 // Share of truths within the central 50 % interval.
	Cover95 float64
}

// Table compares all models, best first, those below MinShare after the others. It needs a settled Book. The error wraps
// ErrModel if the baseline has no scored forecast.
func (b *Book) Table(against Against) ([]Row, error) {
	return b.table(b.sheets, against)
}

// Group is the table of one horizon, place or target.
type Group struct {
	Name string
	Rows []Row
}

// Groups returns a table for each horizon, location or target, in ascending order of
// its name as a text. Groups without the baseline are absent.
func (b *Book) Groups(by string, against Against) ([]Group, error) {
	names := make([]string, len(b.list))
	for i, t := range b.list {
		switch by {
		case "horizon":
			names[i] = strconv.Itoa(t.Horizon)
		case "location":
			names[i] = string(t.Place)
		case "target":
			names[i] = t.Target
		default:
			return nil, fmt.Errorf("%w: %q; group by horizon, location or target", ErrGroup, by)
		}
	}
	var groups []Group
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		var sheets []sheet
		for _, s := range b.sheets {
			part := sheet{model: s.model}
			for _, c := range s.cells {
				if names[c.task] == name {
					part.cells = append(part.cells, c)
				}
			}
			if len(part.cells) > 0 {
				sheets = append(sheets, part)
			}
		}
		if find(sheets, against.Baseline) == nil {
			continue
		}
		rows, err := b.table(sheets, against)
		if err != nil {
			return nil, err
		}
		groups = append(groups, Group{name, rows})
	}
	return groups, nil
}

func find(sheets []sheet, model string) []cell {
	for _, s := range sheets {
		if s.model == model {
			return s.cells
		}
	}
	return nil
}

func (b *Book) table(sheets []sheet, against Against) ([]Row, error) {
	base, ensemble := find(sheets, against.Baseline), find(sheets, against.Ensemble)
	if base == nil {
		return nil, fmt.Errorf("%w: the baseline %q has no forecast with a known outcome", ErrModel, against.Baseline)
	}
	rows := make([]Row, len(sheets))
	var opponents, opponentsLog [][]cell
	for i, s := range sheets {
		r := describe(s, len(base), against.MinShare)
		direct := share(s.cells, base)
		r.VsBase, r.GeoLoc = direct.wis(), b.byPlace(s.cells, base)
		r.VsEns, r.Chance = share(s.cells, ensemble).log(), b.chance(s.cells, base)
		// One that has blown up is no opponent either (ratio above blownUp); NaN is none.
		if !r.Small && direct.wis() <= blownUp {
			opponents = append(opponents, s.cells)
		}
		if !r.Small && direct.log() <= blownUp {
			opponentsLog = append(opponentsLog, s.cells)
		}
		rows[i] = r
	}
	ofBase, ofBaseLog := pairwise(base, opponents, pair.wis), pairwise(base, opponentsLog, pair.log)
	for i, s := range sheets {
		rows[i].RelWIS = pairwise(s.cells, opponents, pair.wis) / ofBase
		rows[i].RelLog = pairwise(s.cells, opponentsLog, pair.log) / ofBaseLog
	}
	slices.SortStableFunc(rows, func(x, y Row) int {
		if x.Small != y.Small {
			if x.Small {
				return 1
			}
			return -1
		}
		if math.IsNaN(x.RelLog) || math.IsNaN(y.RelLog) {
			return cmp.Compare(y.RelLog, x.RelLog) // NaN is the least for Compare and comes last here.
		}
		return cmp.Compare(x.RelLog, y.RelLog)
	})
	return rows, nil
}

// blownUp is the ratio to the baseline from which on a model would drown the
// differences between the others.
const blownUp = 10

// describe fills in what a model's own scores say.
func describe(s sheet, base int, minShare float64) Row {
	n := len(s.cells)
	r := Row{Model: s.model, N: n, Share: float64(n) / float64(base)}
	r.Small = float64(n) < minShare*float64(base)
	for _, c := range s.cells {
		r.WIS, r.LogWIS = r.WIS+c.wis, r.LogWIS+c.log
		if c.in50 {
			r.Cover50++
		}
		if c.in95 {
			r.Cover95++
		}
	}
	for _, v := range [...]*float64{&r.WIS, &r.LogWIS, &r.Cover50, &r.Cover95} {
		*v /= float64(n)
	}
	return r
}

// pair holds the sums of two models' scores over the tasks that both forecast.
type pair struct {
	n          int
	wisA, wisB float64
	logA, logB float64
}

func (p pair) wis() float64 { return ratio(p.wisA, p.wisB) }
func (p pair) log() float64 { return ratio(p.logA, p.logB) }

// ratio is NaN over zero: a perfect opponent says nothing about how much worse one is.
func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// share adds up two sheets over their common tasks.
func share(a, b []cell) pair {
	var p pair
	both(a, b, func(x, y cell) {
		p.n++
		p.wisA, p.wisB = p.wisA+x.wis, p.wisB+y.wis
		p.logA, p.logB = p.logA+x.log, p.logB+y.log
	})
	return p
}

// both walks over the common tasks of two sheets.
func both(a, b []cell, with func(x, y cell)) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch d := a[i].task - b[j].task; {
		case d < 0:
			i++
		case d > 0:
			j++
		default:
			with(a[i], b[j])
			i++
			j++
		}
	}
}

// pairwise returns the geometric mean of a model's ratios to its opponents, itself
// included if it is one (Cramer et al., "Evaluation of individual and ensemble
// probabilistic forecasts of COVID-19 mortality in the United States", 2022). Opponents
// without shared tasks, and scores of zero, do not count.
func pairwise(a []cell, opponents [][]cell, of func(pair) float64) float64 {
	var sum, n float64
	for _, b := range opponents {
		if v := of(share(a, b)); v > 0 { // False for NaN.
			sum, n = sum+math.Log(v), n+1
		}
	}
	return math.Exp(sum / max(n, 1))
}

// leastTasks is how many tasks of a target at a place make a ratio.
const leastTasks = 10

// byPlace returns the geometric mean over targets and places of the ratio to the baseline.
func (b *Book) byPlace(a, base []cell) float64 {
	type where struct {
		target string
		place  party.ID
	}
	pairs := map[where]pair{}
	both(a, base, func(x, y cell) {
		t := b.list[x.task]
		at := where{t.Target, t.Place}
		p := pairs[at]
		p.n, p.wisA, p.wisB = p.n+1, p.wisA+x.wis, p.wisB+y.wis
		pairs[at] = p
	})
	var logs []float64
	for _, p := range pairs {
		if v := p.wis(); p.n >= leastTasks && v > 0 {
			logs = append(logs, math.Log(v))
		}
	}
	if len(logs) == 0 {
		return math.NaN()
	}
	slices.Sort(logs) // The sum must not depend on the order of a map.
	var sum float64
	for _, l := range logs {
		sum += l
	}
	return math.Exp(sum / float64(len(logs)))
}
