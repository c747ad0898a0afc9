package basis

import (
	"context"

	"comity/allocator/solve"
)

// Session is one programme inside an engine, solved again and again: each answer starts
// from the last one.
type Session interface {
	// Solve sets the bounds of all columns and solves.
	Solve(ctx context.Context, lower, upper []float64) (Relaxation, error)
	// Inverse returns, for some columns, the weights of the rows whose sum holds the
	// column alone of all that stand between their bounds after the last Solve; nil for
	// a column that does not.
	Inverse(ctx context.Context, columns []int) ([][]float64, error)
}

// Relaxation is one answer of a Session. It is a proposal like any other.
type Relaxation struct {
	Optimal bool      // Else there is no feasible point, or no answer.
	Primal  []float64 // By column.
	Prices  []float64 // By row: of the objective, or a ray; may be missing.
	States  Vertex    // Only with Optimal.
}

// Engine proposes answers.
type Engine interface {
	// Vertex solves one programme. Columns that are named in whole must be whole
	// numbers; the states then mean nothing. An answer without Optimal says that the
	// engine found the programme infeasible or unbounded.
	Vertex(ctx context.Context, lp solve.LP, whole []bool) (Vertex, error)
	// Session holds one programme for the time of work. It starts from a basis, if one
	// is given.
	Session(ctx context.Context, lp solve.LP, from *Vertex, work func(Session) error) error
}
