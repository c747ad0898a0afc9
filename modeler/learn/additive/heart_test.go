package additive_test

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"comity/chance"
	"comity/conformance"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/loss"
)

// hearts are the rows of the heart disease data that have no gaps in the columns that
// FLamby keeps: all but 10, 11 and 12.
type hearts struct {
	values [][]fixed.Q16 // By feature and row.
	target []fixed.Q16
	party  []int // The hospital.
}

// readHearts reads all hospitals under the data folder.
func readHearts(t testing.TB) *hearts {
	t.Helper()
	files := conformance.Glob(t, "benchmarks/uci_heart*/*.data")
	w := &hearts{values: make([][]fixed.Q16, 10)}
	for party, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			w.add(r, party)
		}
	}
	return w
}

// add adds one row if it is whole.
func (w *hearts) add(record []string, party int) {
	var row []fixed.Q16
	for i, text := range record {
		if i >= 10 && i <= 12 {
			continue
		}
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) {
			return
		}
		row = append(row, fixed.Q16(math.Round(x*65536)))
	}
	for f := range w.values {
		w.values[f] = append(w.values[f], row[f])
	}
	w.target = append(w.target, min(row[10], fixed.One)/fixed.One*fixed.One)
	w.party = append(w.party, party)
}

// features cuts every column at quantiles of all rows.
func (w *hearts) features(bins int) learn.Features {
	features := make(learn.Features, len(w.values))
	for f, column := range w.values {
		sorted := slices.Sorted(slices.Values(column))
		distinct := slices.Compact(slices.Clone(sorted))
		if len(distinct) < bins {
			features[f].Cuts = distinct[1:]
			continue
		}
		for k := 1; k < bins-1; k++ {
			cut := sorted[len(sorted)*k/(bins-1)]
			if at := len(features[f].Cuts); cut > sorted[0] && (at == 0 || cut > features[f].Cuts[at-1]) {
				features[f].Cuts = append(features[f].Cuts, cut)
			}
		}
	}
	return features
}

// rows are the rows that are asked for.
func (w *hearts) rows(features learn.Features, take func(i int) bool) *learn.Rows {
	r := &learn.Rows{Bins: make([][]uint8, len(features))}
	for i, y := range w.target {
		if !take(i) {
			continue
		}
		for f := range features {
			r.Bins[f] = append(r.Bins[f], features.Bin(f, w.values[f][i]))
		}
		r.Key = append(r.Key, uint64(i))
		r.Target = append(r.Target, y)
	}
	return r
}

func (w *hearts) row(features learn.Features, i int) []uint8 {
	row := make([]uint8, len(features))
	for f := range features {
		row[f] = features.Bin(f, w.values[f][i])
	}
	return row
}

// recipe is the usual training for hearts.
func recipe(features learn.Features) *additive.Config {
	c := additive.Usual(loss.Loss{Kind: loss.Logistic, Scale: fixed.One}, features, 740)
	c.Name, c.Seed, c.TargetHi = "heart", chance.Seed{1}, fixed.One
	return c
}

// auc is the chance that a yes scores above a no.
func auc(scores []float64, yes []bool) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	var ranks, n float64
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && scores[order[to]] == scores[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			if yes[i] {
				ranks += float64(from+to+1) / 2
				n++
			}
		}
		from = to
	}
	return (ranks - n*(n+1)/2) / n / (float64(len(scores)) - n)
}

// audit is what an attack on many models finds, and how good they are.
type audit struct{ auc, accuracy, attack, tpr float64 }

// attack trains models on random halves of the rows and tells members from others by the
// likelihood ratio of Carlini et al., "Membership Inference Attacks From First
// Principles" (2022), each model against all others.
func attack(t testing.TB, w *hearts, models int, train func(model int, in []bool) []float64) audit {
	t.Helper()
	n := len(w.target)
	stream := chance.NewStream(chance.Seed{3})
	in, confidence := make([][]bool, models), make([][]float64, models)
	var a audit
	for m := range models {
		in[m] = make([]bool, n)
		for _, i := range stream.Perm(n)[:n/2] {
			in[m][i] = true
		}
		scores := train(m, in[m])
		var outside []float64
		var yes []bool
		right := 0
		for i, s := range scores {
			answer := w.target[i] > 0
			if !in[m][i] {
				outside, yes = append(outside, s), append(yes, answer)
				if (s > 0) == answer {
					right++
				}
			}
			if !answer {
				s = -s
			}
			confidence[m] = append(confidence[m], s)
		}
		a.auc += auc(outside, yes) / float64(models)
		a.accuracy += float64(right) / float64(len(outside)) / float64(models)
	}
	var scores []float64
	var member []bool
	for m := range models {
		for i := range n {
			scores = append(scores, ratio(confidence, in, m, i))
			member = append(member, in[m][i])
		}
	}
	a.attack, a.tpr = auc(scores, member), truePositives(scores, member, .01)
	return a
}

// ratio is the log likelihood ratio of row i having been in model m.
func ratio(confidence [][]float64, in [][]bool, m, i int) float64 {
	var sum, squares, count [2]float64
	for o := range confidence {
		if o == m {
			continue
		}
		at := 0
		if in[o][i] {
			at = 1
		}
		sum[at] += confidence[o][i]
		squares[at] += confidence[o][i] * confidence[o][i]
		count[at]++
	}
	var log [2]float64
	for at := range log {
		mean := sum[at] / count[at]
		sd := math.Sqrt(max(0, squares[at]/count[at]-mean*mean)) + 1e-3
		z := (confidence[m][i] - mean) / sd
		log[at] = -z*z/2 - math.Log(sd)
	}
	return log[1] - log[0]
}

// truePositives is the share of members found when a share of others is accused.
func truePositives(scores []float64, member []bool, share float64) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	var found, accused, members float64
	for _, is := range member {
		if is {
			members++
		}
	}
	for _, i := range order {
		if member[i] {
			found++
		} else if accused++; accused >= share*(float64(len(scores))-members) {
			break
		}
	}
	return found / members
}
