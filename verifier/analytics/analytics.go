// Package analytics turns a query about the rows of many members into vectors of whole
// numbers that they may add without showing them, and the sum of these vectors into the
// answer that all rows together would give.
//
// NewLayout says what a vector holds, how large its numbers become and how much one
// person or one member can change them. An Encoder makes a member's vector at home.
// Layout.Decode makes the answer. All is exact: federated equals pooled, digit by digit.
// See docs/format/query.md.
package analytics

import (
	"errors"
	"fmt"
	"math/big"

	"comity"
	"comity/exact"
	"comity/schema"
)

// Bounds of a query.
const (
	// MaxMembers bounds a cohort, as package secagg does.
	MaxMembers = 200
	// MaxLanes bounds a vector, as package secagg does.
	MaxLanes = 1 << 20
	// MaxBound bounds what one member adds to a lane: the ring needs the sum of a cohort
	// below 2^60 (secure aggregation, one-shot), and 200 times 2^52 is.
	MaxBound = 1 << 52
	// MaxCells bounds groups, and a table with its totals, in which complements are
	// sought: their search takes at most MaxCells^2 steps for each corner.
	MaxCells = 4096
	// MaxBy bounds the axes of a table.
	MaxBy = 4
	// MaxEdges and MaxLevels bound the lists of a query.
	MaxEdges  = 4096
	MaxLevels = 100
	// limbBits is the width of a lane of a number that needs several.
	limbBits = 48
)

// What can be wrong. Each refusal wraps exactly one of these.
var (
	ErrQuery = errors.New("query not possible")
	// ErrRows says that rows are not what a query or its layout allows.
	ErrRows = errors.New("rows not within the query")
	// ErrSum says that a sum cannot be the sum of vectors of this layout.
	ErrSum = errors.New("not a sum of answers to the query")
	// ErrSplit says that noise cannot be added to numbers that are split over lanes.
	ErrSplit = errors.New("noise does not fit a split number")
)

// Lane is one number of a vector.
type Lane struct {
	Name  string
	Bound int64 // A member's number is within ±Bound.
}

// Sensitivity is by how much a vector changes at most, in lanes' units, when all rows of
// one unit are added or taken away: the sum of changes, the sum of their squares, and the
// largest. It is what noise of differential privacy is scaled by.
type Sensitivity struct {
	L1        exact.Rat
	L2Squared exact.Rat
	Linf      exact.Rat
}

// Layout is what a query's vectors hold.
type Layout struct {
	Lanes  []Lane
	Bound  int64       // The largest of all lanes.
	Member Sensitivity // Of all rows of one member.
	// Person is that of all rows of one person that count; nil if rows are not about
	// persons.
	Person *Sensitivity
	// Split says that a number takes several lanes; see Noisy.
	Split bool

	query  comity.Query
	schema schema.Schema
	column int // Positions in the schema, or -1.
	weight int
	event  int
	person int
	by     []int
	cells  int // Product of the values of by.
	bins   int // Lanes for each cell of a kind that counts rows in bins.

	eventValue   int64
	lower, upper int64
	edges        []int64
	grid         *grid    // Of quantiles without edges.
	heavy        *heavy   // Of heavy hitters.
	moments      []moment // Of kinds that add up numbers, for each cell.
	report       int      // First lane of the report, or -1.
}

// moment is a number that is added up for each cell.
type moment struct {
	name  string
	most  *big.Int // Magnitude for one row.
	first int      // Of its lanes, from the first of the cell.
	limbs int
}

// Noisy refuses layouts to which noise cannot be added: a person moves every limb of a
// split number, so that noise in the topmost would drown it. Errors: ErrSplit.
func (l *Layout) Noisy() error {
	if l.Split {
		return fmt.Errorf("%w: a %s within bounds of %s and %s takes several lanes; tighten the bounds or the rows of a member (%d)",
			ErrSplit, l.query.Kind, l.query.Lower, l.query.Upper, l.query.MemberRows)
	}
	return nil
}

// refuse returns an error about a query.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrQuery, fmt.Sprintf(format, args...))
}
