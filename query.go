package comity

import "comity/exact"

// Kinds of query: what members compute together about rows that stay at home
// (docs/format/query.md).
const (
	QueryCount       = "count"         // How many rows, by group.
	QuerySum         = "sum"           // Of a column, or of a column times a weight.
	QueryMean        = "mean"          // Weighted or not.
	QueryVariance    = "variance"      // Of a sample and of the rows themselves.
	QueryHistogram   = "histogram"     // Rows between fixed edges.
	QueryContingency = "contingency"   // Rows by one to four categories, with totals.
	QueryQuantiles   = "quantiles"     // Up to the width of a grid.
	QueryHeavy       = "heavy_hitters" // The most frequent values of a column nobody listed.
	QuerySurvival    = "survival"      // Kaplan-Meier curves, and the log-rank test of two groups.
)

// Query is one question about the rows of a data clause. Numbers are written in the
// column's unit, with no more decimals than the schema gives it. Fields that a kind does
// not use are empty.
type Query struct {
	Kind   string `json:"kind"`
	Column string `json:"column"` // What is measured; survival: the time observed.
	Weight string `json:"weight"` // sum and mean: a column without negative numbers.
	// By lists columns of categories: one answer for each combination of their values.
	By []string `json:"by"`
	// Lower and Upper bound the column for sum, mean, variance and quantiles. A value
	// outside counts as the nearer bound.
	Lower string `json:"lower"`
	Upper string `json:"upper"`
	// Edges ascend. histogram: bins begin at them and one lies below the first; quantiles:
	// the same bins instead of the grid; survival: ends of intervals.
	Edges []string `json:"edges"`
	// Levels of quantiles, above 0 and at most 1, ascending.
	Levels []exact.Rat `json:"levels"`
	// Bits of a quantile's grid, 1 to 12: a bin is at most 2^-Bits of its values wide. Of
	// heavy hitters, 4, 8 or 12: by how much a prefix grows.
	Bits int `json:"bits"`
	// Salt keeps hashes of heavy hitters from being compared with those of other queries.
	Salt []byte `json:"salt"`
	// Prefixes of heavy hitters, in hexadecimal, ascending: where to look further; empty
	// for the first query.
	Prefixes []string `json:"prefixes"`
	// Event and EventValue say which rows of survival ended with the event and not with
	// the end of observation.
	Event      string `json:"event"`
	EventValue string `json:"event_value"`
	// MemberRows is how many rows a member may count, at least 1.
	MemberRows int `json:"member_rows"`
	// PersonRows is how many rows of one person count; 0 if rows are not about persons.
	PersonRows int `json:"person_rows"`
	// MinimumCell withholds counts from 1 to below it, of noisy ones all below it; 0
	// withholds none.
	MinimumCell int `json:"minimum_cell"`
	// Report asks for counts of empty, suppressed and clipped cells as well.
	Report bool `json:"report"`
}
