// Package solve finds the allocation of a problem and the prices that prove it good.
// It trusts nobody: whatever a solver returns passes package certificate or is not
// returned.
//
// Many allocations are usually worth the same. Which one is published must not depend
// on the order of a file, on names, or on a solver's habits, so it is defined:
//
//	Among all allocations of the greatest worth, the one whose sum of squared unmet
//	needs, each divided by the party's need, is smallest, in whole units. Where
//	two such allocations differ by units between parties that no number tells apart,
//	a public lot decides.
//
// Whole units at marginal value (need - k - 1/2)/need are Webster's quotients, by which
// parliaments allot seats. How it is computed: docs/decisions/canonical-allocation.md.
package solve

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"comity"
	"comity/allocator/certificate"
	"comity/canon"
	"comity/quantity"
)

var (
	// ErrInfeasible says that the charter's rules contradict each other.
	ErrInfeasible = errors.New("no feasible allocation")
	// ErrSolver says that the solver failed or returned what proves nothing.
	ErrSolver = errors.New("solver gave no usable result")
	// ErrTooLarge says that a problem exceeds the sizes that are computed with.
	ErrTooLarge = errors.New("problem too large")
)

// LP is a linear programme in floating point: maximise Cost'x subject to
// RowLower <= Ax <= RowUpper and Lower <= x <= Upper. Infinite bounds are allowed on
// rows and columns. Entries of column j are Index and Value from Start[j] to Start[j+1].
type LP struct {
	Cost, Lower, Upper []float64
	RowLower, RowUpper []float64
	Start, Index       []int32
	Value              []float64
	Integer            bool    // All columns are whole numbers.
	Whole              []bool  // Those that are, if not all; nil for none.
	Gap                float64 // How far below the best a whole-number answer may stay; 0: not at all.
	Nodes              int     // Bounds the branching for whole numbers; 0 leaves it to the solver.
	Once               bool    // Branching does not begin anew with what it learned: a good answer is enough.
	// From is where the search may start, nil anywhere. It is a hint: it saves time, and
	// it may change which of several optima is found. Whole numbers do without it.
	From *Basis
}

// Basis is a vertex of a linear programme: which columns and rows stand at a bound,
// and which between. Of these there are as many as rows.
type Basis struct {
	Columns, Rows []Standing
}

// Standing is where a column or row stands at a vertex.
type Standing int32

// The standings. AtZero is that of a column or row without bounds that is not Basic.
const (
	AtLower Standing = iota
	Basic
	AtUpper
	AtZero
)

// Status says what a solver found.
type Status int

// What a solver can find. Everything else is an error.
const (
	Optimal Status = iota + 1
	NoSolution
)

// Solution is a solver's answer. Duals are positive towards a row's upper bound; they
// are absent for Integer programmes, and so is the Basis, which a solver need not
// bring. An infeasible programme may bring a Ray: row prices, of either sign as a
// whole, that no point satisfies.
type Solution struct {
	Status Status
	Primal []float64
	Dual   []float64
	Ray    []float64
	Basis  *Basis
}

// Solver solves one programme. It must return the same answer to the same programme
// on every machine; it need not be right.
type Solver interface {
	Solve(ctx context.Context, lp LP) (Solution, error)
}

// ask solves one programme. A failure is ErrSolver unless the caller gave up. Where
// a start leads to no answer, the search begins anew.
func ask(ctx context.Context, s Solver, lp LP, purpose string) (Solution, error) {
	solution, err := s.Solve(ctx, lp)
	if lp.From != nil && ctx.Err() == nil && (err != nil || solution.Status != Optimal) {
		lp.From = nil
		solution, err = s.Solve(ctx, lp)
	}
	switch {
	case err == nil:
		return solution, nil
	case ctx.Err() != nil:
		return Solution{}, fmt.Errorf("%s: %w", purpose, err)
	default:
		return Solution{}, fmt.Errorf("%s: %w: %w", purpose, ErrSolver, err)
	}
}

// Result is an allocation with its proof.
type Result struct {
	Units       []quantity.Amount // By column of the problem.
	Parties     []comity.Share    // By party, as the problem's needs.
	Certificate comity.Certificate
}

// ConflictError is the error for rules that contradict each other: it wraps
// ErrInfeasible and carries the proof.
type ConflictError struct {
	Clauses []string               // Ids of the clauses that cannot all be kept, ascending.
	Rows    []string               // Ids of their rows that the proof needs, ascending.
	Proof   certificate.Infeasible // certificate.CheckInfeasible accepts it.
	says    []string               // What each clause demands or has, if that is a sum.
}

// Error names the clauses in one sentence.
func (e *ConflictError) Error() string {
	said := ""
	if len(e.says) > 0 {
		said = ": " + strings.Join(e.says, ", ")
	}
	if len(e.Proof.Proof.Tree) > 0 {
		said = " in whole units"
	}
	if len(e.Clauses) == 1 {
		return fmt.Sprintf("%v: %s cannot be kept%s, and needs allow no more (%s); amend it or change what it is computed from",
			ErrInfeasible, e.Clauses[0], said, listOf(e.Rows))
	}
	return fmt.Sprintf("%v: %s cannot all be kept%s (%d rows: %s); amend one of them or change what it is computed from",
		ErrInfeasible, listOf(e.Clauses), said, len(e.Rows), listOf(e.Rows))
}

// Unwrap returns ErrInfeasible.
func (e *ConflictError) Unwrap() error { return ErrInfeasible }

// Allocate returns the allocation that the package comment defines, with its
// certificate. The lot is public chance that no party could choose; it is used only
// between parties that no number of the problem tells apart.
//
// Rules that contradict each other are a *ConflictError; a solver that fails or
// misleads is ErrSolver; a malformed problem is certificate.ErrShape and one whose
// numbers are too large for checked 64-bit sums is ErrTooLarge.
func Allocate(ctx context.Context, p comity.Problem, s Solver, lot canon.Digest) (Result, error) {
	if err := check(p); err != nil {
		return Result{}, err
	}
	f := newForm(p, lot)
	h := newSearch(f, s, false)
	x, err := h.run(ctx)
	if errors.Is(err, errFractions) {
		h, x, err = f.decide(ctx, s, h.cuts)
	}
	if err != nil {
		return Result{}, err
	}
	f.cuts, f.basis, f.vertex = h.cuts, h.form.basis, h.vertex
	result := Result{Units: f.units(x)}
	proofs, err := newProver(f, s, x).run(ctx, h.hints)
	if err != nil {
		return Result{}, err
	}
	if result.Certificate, err = certificate.State(p, result.Units, comity.Certificate{Stages: proofs}); err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrSolver, err)
	}
	if result.Parties, err = certificate.Shares(p, result.Units); err != nil {
		return Result{}, err
	}
	return result, nil
}

// Certify proves units that came from elsewhere as well as it can: the bounds are those
// of the best plan, and the gaps say how far these units stay below. Its errors are those
// of Allocate; units that break a rule are certificate.ErrPrimal.
func Certify(ctx context.Context, p comity.Problem, s Solver, units []quantity.Amount) (comity.Certificate, error) {
	if err := check(p); err != nil {
		return comity.Certificate{}, err
	}
	if err := certificate.Feasible(p, units); err != nil {
		return comity.Certificate{}, err
	}
	f := newForm(p, canon.Digest{})
	proofs, err := newProver(f, s, pick(units, f.order.columns)).run(ctx, nil)
	if err != nil {
		return comity.Certificate{}, err
	}
	return certificate.State(p, units, comity.Certificate{Stages: proofs})
}

const (
	// maxNodes bounds columns, rows and parties alike: five times the largest problem
	// measured, 208,332 columns.
	maxNodes = 1 << 20
	// maxTerms bounds the terms of all rows: six times as many as that problem has.
	maxTerms = 1 << 23
	// maxSum bounds every sum over a row, so that no order of adding overflows.
	maxSum = 1 << 61
)

// check refuses malformed problems and what the 64-bit sums of this package could not
// hold.
func check(p comity.Problem) error {
	if err := certificate.CheckShape(p); err != nil {
		return err
	}
	terms := 0
	for _, r := range p.Rows {
		terms += len(r.Terms)
		sum := new(big.Int)
		for _, t := range r.Terms {
			c := p.Columns[t.Column]
			end := new(big.Int).SetUint64(max(size(int64(c.Lower)), size(int64(c.Upper))))
			sum.Add(sum, end.Mul(end, new(big.Int).SetUint64(size(int64(t.Coeff)))))
		}
		if sum.Cmp(big.NewInt(maxSum)) > 0 {
			return fmt.Errorf("row %s: %w: its sum can reach %s, at most 2^61 is computed with", r.ID, ErrTooLarge, sum)
		}
	}
	if len(p.Columns) > maxNodes || len(p.Rows) > maxNodes || len(p.Needs) > maxNodes || terms > maxTerms {
		return fmt.Errorf("%w: %d columns, %d rows, %d needs, %d terms; at most %d of the first three and %d terms", ErrTooLarge,
			len(p.Columns), len(p.Rows), len(p.Needs), terms, maxNodes, maxTerms)
	}
	total := new(big.Int)
	for _, c := range p.Columns {
		total.Add(total, new(big.Int).SetUint64(max(size(int64(c.Lower)), size(int64(c.Upper)))))
	}
	for _, n := range p.Needs {
		total.Add(total, big.NewInt(int64(n.Amount)))
	}
	if total.Cmp(big.NewInt(maxSum)) > 0 {
		return fmt.Errorf("%w: all columns and needs together reach %s, at most 2^61 is computed with", ErrTooLarge, total)
	}
	return nil
}

// listOf writes at most twelve names, as in "a, b and 3 more".
func listOf(names []string) string {
	const most = 12
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
