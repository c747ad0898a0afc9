package analytics

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/exact"
	"comity/schema"
)

// visits is a schema with a column of every type. With person, rows are about persons.
func visits(person bool) schema.Schema {
	s := schema.Schema{ID: "test/visits@1", Columns: []schema.Column{
		{Name: "who", Type: schema.Integer},
		{Name: "dose", Type: schema.Decimal, Unit: "mg", Decimals: 2},
		{Name: "weight", Type: schema.Decimal, Decimals: 1, Least: "0", Most: "9"},
		{Name: "sex", Type: schema.Category, Values: []string{"f", "m"}},
		{Name: "age", Type: schema.Category, Values: []string{"young", "middle", "old"}},
		{Name: "code", Type: schema.Text},
		{Name: "months", Type: schema.Integer},
		{Name: "end", Type: schema.Category, Values: []string{"alive", "dead"}},
	}, Suppressed: []string{"*"}}
	if person {
		s.Person = "who"
		s.Columns[0].Personal = true
	}
	return s
}

// memberRows bounds the rows of a member in tests.
const memberRows = 500

func ratio(num, den int64) exact.Rat {
	r, err := exact.Ratio(num, den)
	if err != nil {
		panic(err)
	}
	return r
}

// queries is one query of every kind and shape.
func queries() map[string]comity.Query {
	all := map[string]comity.Query{
		"count":           {Kind: comity.QueryCount},
		"count by":        {Kind: comity.QueryCount, By: []string{"sex", "age"}},
		"sum":             {Kind: comity.QuerySum, Column: "dose", Lower: "-10", Upper: "10"},
		"weighted sum":    {Kind: comity.QuerySum, Column: "dose", Weight: "weight", Lower: "-10", Upper: "10"},
		"mean":            {Kind: comity.QueryMean, Column: "dose", Lower: "-10", Upper: "10", By: []string{"age"}},
		"weighted mean":   {Kind: comity.QueryMean, Column: "dose", Weight: "weight", Lower: "-10", Upper: "10"},
		"variance":        {Kind: comity.QueryVariance, Column: "dose", Lower: "-10", Upper: "10"},
		"wide variance":   {Kind: comity.QueryVariance, Column: "dose", Lower: "-9999999999999999.99", Upper: "9999999999999999.99", By: []string{"sex"}},
		"histogram":       {Kind: comity.QueryHistogram, Column: "dose", Edges: []string{"-5", "0", "0.01", "7.5"}},
		"histogram by":    {Kind: comity.QueryHistogram, Column: "dose", Edges: []string{"0", "5"}, By: []string{"sex"}},
		"contingency":     {Kind: comity.QueryContingency, By: []string{"age", "sex", "end"}},
		"quantiles":       {Kind: comity.QueryQuantiles, Column: "dose", Lower: "-20", Upper: "20", Bits: 3, Levels: []exact.Rat{ratio(1, 4), ratio(1, 2), exact.Int(1)}},
		"quantiles edges": {Kind: comity.QueryQuantiles, Column: "dose", Lower: "-20", Upper: "20", Edges: []string{"-1", "0", "3"}, Levels: []exact.Rat{ratio(1, 2)}},
		"heavy hitters":   {Kind: comity.QueryHeavy, Column: "code", Bits: 8, Salt: []byte("0123456789abcdef"), MinimumCell: 1},
		"survival":        {Kind: comity.QuerySurvival, Column: "months", Event: "end", EventValue: "dead", Edges: []string{"1", "2", "4", "8"}, By: []string{"sex"}},
	}
	for name, q := range all {
		q.MemberRows = memberRows
		all[name] = q
	}
	return all
}

// drawRows draws rows, some cells of which are empty or suppressed.
func drawRows(t *rapid.T, most int) [][]schema.Cell {
	cell := func(number int64) schema.Cell {
		switch rapid.IntRange(0, 19).Draw(t, "state") {
		case 0:
			return schema.Cell{}
		case 1:
			return schema.Cell{State: schema.Suppressed}
		default:
			return schema.Cell{State: schema.Present, Number: number}
		}
	}
	rows := make([][]schema.Cell, rapid.IntRange(0, most).Draw(t, "rows"))
	for i := range rows {
		number := func(low, high int64) int64 { return rapid.Int64Range(low, high).Draw(t, "number") }
		rows[i] = []schema.Cell{
			{State: schema.Present, Number: number(0, 5)},
			cell(number(-1500, 1500)),
			cell(number(0, 90)),
			cell(number(0, 1)),
			cell(number(0, 2)),
			{State: schema.Present, Text: fmt.Appendf(nil, "code %d", number(0, 4))},
			cell(number(0, 10)),
			cell(number(0, 1)),
		}
	}
	return rows
}

// deal gives rows to members at random.
func deal(t *rapid.T, rows [][]schema.Cell) [][][]schema.Cell {
	members := make([][][]schema.Cell, rapid.IntRange(1, 6).Draw(t, "members"))
	for _, row := range rows {
		at := rapid.IntRange(0, len(members)-1).Draw(t, "member")
		members[at] = append(members[at], row)
	}
	return members
}

// layoutOf fails the test if a query has no layout.
func layoutOf(t testing.TB, q comity.Query, s schema.Schema) *Layout {
	t.Helper()
	l, err := NewLayout(q, s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// added sums up vectors.
func added(vectors ...[]int64) []int64 {
	sum := make([]int64, len(vectors[0]))
	for _, v := range vectors {
		for i, x := range v {
			sum[i] += x
		}
	}
	return sum
}
