package solve

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
	"comity/party"
	"comity/quantity"
)

// drawFace draws a small face with rows of few columns, so that most of them say nothing
// or bound one column, and some leave nothing.
func drawFace(r *rapid.T) *face {
	var p comity.Problem
	columns := rapid.IntRange(1, 6).Draw(r, "columns")
	stage := comity.Stage{ID: "sum", Kind: certificate.Weighted, Scale: 1}
	for j := range columns {
		low := rapid.Int64Range(0, 2).Draw(r, "low")
		high := low + rapid.Int64Range(0, 3).Draw(r, "more")
		c := comity.Column{ID: fmt.Sprintf("c%d", j), Lower: quantity.Amount(low), Upper: quantity.Amount(high)}
		if rapid.Bool().Draw(r, "owned") {
			c.Party = party.ID(fmt.Sprintf("P%d", j%2))
		}
		p.Columns, stage.Costs = append(p.Columns, c), append(stage.Costs, 1)
	}
	p.Stages = []comity.Stage{stage}
	for k := range 2 {
		p.Needs = append(p.Needs, comity.Need{Party: party.ID(fmt.Sprintf("P%d", k)), Amount: 5})
	}
	for i := range rapid.IntRange(0, 6).Draw(r, "rows") {
		row := comity.Row{ID: fmt.Sprintf("r%d", i), Clause: "c"}
		for j := range columns {
			if coeff := rapid.SampledFrom([]int64{0, 0, 1, 1, -1, 2}).Draw(r, "coeff"); coeff != 0 {
				row.Terms = append(row.Terms, comity.Term{Column: j, Coeff: canon.Int(coeff)})
			}
		}
		low := quantity.Amount(rapid.Int64Range(-3, 6).Draw(r, "least"))
		high := low + quantity.Amount(rapid.Int64Range(0, 3).Draw(r, "room"))
		switch rapid.IntRange(0, 2).Draw(r, "ends") {
		case 0:
			row.Lower = &low
		case 1:
			row.Upper = &high
		default:
			row.Lower, row.Upper = &low, &high
		}
		p.Rows = append(p.Rows, row)
	}
	return newForm(p, canon.Digest{}).open()
}

// points lists the allocations of a face, without the rows that are gone.
func (fc *face) points() [][]int64 {
	rest := *fc
	if t := fc.trimmed; t != nil {
		rest.rows = nil
		for i, r := range fc.rows {
			if !t.gone[i] {
				rest.rows = append(rest.rows, r)
			}
		}
	}
	all := [][]int64{nil}
	for j := range fc.columns {
		var longer [][]int64
		for _, x := range all {
			for v := fc.lower[j]; v <= fc.upper[j]; v++ {
				longer = append(longer, append(slices.Clone(x), v))
			}
		}
		all = longer
	}
	return slices.DeleteFunc(all, func(x []int64) bool { return !rest.holds(x) })
}

func TestATrimmedFaceHoldsTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		fc := drawFace(r)
		if got, want := fc.trim().points(), fc.points(); !slices.EqualFunc(got, want, slices.Equal) {
			r.Fatalf("trimmed, the face holds %v, want %v", got, want)
		}
	})
}

func TestRestoredPricesProveWhatTheyProvedOnTheTrimmedFace(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		fc := drawFace(r)
		trimmed := fc.trim()
		weights := rapid.SliceOfN(rapid.Int64Range(-9, 9), len(fc.need), len(fc.need)).Draw(r, "weights")
		objective := make([]big.Int, len(fc.columns))
		for k, members := range fc.members {
			for _, j := range members {
				objective[j].SetInt64(weights[k])
			}
		}
		prices := make([]int64, len(fc.rows))
		for i, b := range fc.rows {
			if !trimmed.trimmed.gone[i] {
				prices[i] = rapid.Int64Range(-9, 9).Draw(r, "price")
			}
			if prices[i] > 0 && b.upper == nil || prices[i] < 0 && b.lower == nil {
				prices[i] = 0
			}
		}
		want := trimmed.above(fc.reduced(objective, prices, 0), prices)
		trimmed.restore(prices, weights)
		if got := fc.above(fc.reduced(objective, prices, 0), prices); got.Cmp(want) != 0 {
			r.Fatalf("prices %v prove %v, on the trimmed face %v", prices, got, want)
		}
	})
}
