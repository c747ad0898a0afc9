// Package explore answers why an allocation is as it is and what would change it. Every
// answer is a division of its own: inputs are changed, the problem is lowered and solved
// again, and the result has its certificate. Nothing is estimated from prices.
//
// It only asks. What it computes binds nobody and is never published as a decision.
package explore

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"comity"
	"comity/allocator/certificate"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

var (
	// ErrName says that nothing in the charter or its inputs has this name.
	ErrName = errors.New("unknown name")
	// ErrChange says that a change has no meaning for what it names.
	ErrChange = errors.New("change has no meaning")
	// ErrTooMany says that an answer would take more solves than are allowed.
	ErrTooMany = errors.New("too many solves")
)

// Case is all that a division depends on.
type Case struct {
	Inputs program.Inputs
	Lot    canon.Digest // Decides between parties that no number tells apart.
}

// Answer is the division of a case, with its certificate.
type Answer struct {
	Case
	Problem     comity.Problem
	Units       []quantity.Amount // By column of the problem.
	Shares      []comity.Share    // By need of the problem.
	Certificate comity.Certificate
}

// Engine solves cases, at most Limit of them, and remembers each: a change without
// effect on the problem costs no solve. It is not safe for concurrent use.
type Engine struct {
	solver solve.Solver
	limit  int
	solves int
	known  map[canon.Digest]known
}

// known is what solving a problem gave: an answer or a conflict.
type known struct {
	result solve.Result
	err    error
}

// DefaultLimit bounds the solves of one engine: an explanation with all its
// counterfactuals takes about a hundred, of a tenth of a second each for 50 parties.
const DefaultLimit = 1000

// maxKnown bounds what an engine remembers: 300 answers of the largest problem measured,
// 48,012 columns, are 120 MB.
const maxKnown = 300

// New returns an engine over a solver. A limit of 0 means DefaultLimit.
func New(solver solve.Solver, limit int) *Engine {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Engine{solver: solver, limit: limit, known: map[canon.Digest]known{}}
}

// Solves returns how many problems were solved so far.
func (e *Engine) Solves() int { return e.solves }

// refused tells whether an error is about these numbers alone: nothing can be computed
// with them, or nothing was found that has a proof. A question with other numbers may
// still be answered.
func refused(err error) bool {
	for _, cause := range []error{ErrChange, solve.ErrSolver, program.ErrRange, program.ErrCharter, exact.ErrDivision} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// setback is why a change gives no division: clauses that then contradict each other, or
// what nothing can be computed from.
type setback struct {
	conflict []string
	refused  string
}

func (s setback) is() bool { return s.conflict != nil || s.refused != "" }

// attempt is Solve for a change that is only tried: what it leads to is no error.
func (e *Engine) attempt(ctx context.Context, in program.Inputs, lot canon.Digest) (Answer, setback, error) {
	then, err := e.Solve(ctx, Case{in, lot})
	if conflict, ok := errors.AsType[*solve.ConflictError](err); ok {
		return Answer{}, setback{conflict: conflict.Clauses}, nil
	}
	if refused(err) {
		return Answer{}, setback{refused: err.Error()}, nil
	}
	return then, setback{}, err
}

// Solve lowers a case and divides. Rules that contradict each other are a
// *solve.ConflictError; other errors are those of program.Lower and solve.Allocate, and
// ErrTooMany.
func (e *Engine) Solve(ctx context.Context, c Case) (Answer, error) {
	p, err := program.Lower(c.Inputs)
	if err != nil {
		return Answer{}, err
	}
	return e.divide(ctx, c, p)
}

// divide solves a problem of a case, or of one like it with other rows or stages.
func (e *Engine) divide(ctx context.Context, c Case, p comity.Problem) (Answer, error) {
	key, err := keyOf(p, c.Lot)
	if err != nil {
		return Answer{}, err
	}
	k, ok := e.known[key]
	if !ok {
		if e.solves >= e.limit {
			return Answer{}, fmt.Errorf("%w: %d, as many as are allowed; ask for less at once", ErrTooMany, e.limit)
		}
		e.solves++
		k.result, k.err = solve.Allocate(ctx, p, e.solver, c.Lot)
		if k.err == nil {
			if _, err := canon.DigestOf(k.result.Certificate); err != nil { // Nobody could publish it.
				k.err = fmt.Errorf("%w: its certificate cannot be written down: %w", solve.ErrSolver, err)
			}
		}
		if k.err != nil && !errors.Is(k.err, solve.ErrInfeasible) {
			return Answer{}, k.err // It may be another one next time: interrupted, or out of memory.
		}
		if len(e.known) >= maxKnown {
			clear(e.known)
		}
		e.known[key] = k
	}
	if k.err != nil {
		return Answer{}, k.err
	}
	return Answer{Case: c, Problem: p, Units: k.result.Units, Shares: k.result.Parties, Certificate: k.result.Certificate}, nil
}

// keyOf tells problems apart that could have different divisions: their numbers and
// names, but not which charter and picture they come from.
func keyOf(p comity.Problem, lot canon.Digest) (canon.Digest, error) {
	p.Charter, p.Picture, p.Period = canon.Digest{}, canon.Digest{}, ""
	return canon.DigestOf(struct {
		Problem comity.Problem `json:"problem"`
		Lot     canon.Digest   `json:"lot"`
	}{p, lot})
}

// Of returns what a party gets, and whether it receives at all.
func (a Answer) Of(id party.ID) (quantity.Amount, bool) {
	k, ok := a.need(id)
	if !ok {
		return 0, false
	}
	return a.Shares[k].Amount, true
}

func (a Answer) need(id party.ID) (int, bool) {
	for k, n := range a.Problem.Needs {
		if n.Party == id {
			return k, true
		}
	}
	return 0, false
}

// Party returns the index of a receiving party, or ErrName with the name that was
// probably meant.
func (a Answer) Party(id party.ID) (int, error) {
	k, ok := a.need(id)
	if ok {
		return k, nil
	}
	var names []string
	for _, n := range a.Problem.Needs {
		names = append(names, string(n.Party))
	}
	if slices.Contains(a.Problem.Absent, id) {
		return 0, fmt.Errorf("%w: %s receives nothing: it never declared what it needs", ErrName, id)
	}
	return 0, fmt.Errorf("%w: party %.40q%s", ErrName, id, meant(string(id), names))
}

// meant proposes a name, or lists the first of those that there are.
func meant(word string, names []string) string {
	if best := charter.Nearest(word, names); best != "" {
		return fmt.Sprintf("; did you mean %s?", best)
	}
	const most = 12
	list := ""
	for i, n := range names {
		if i == most {
			return fmt.Sprintf("; there are %s and %d others", list, len(names)-most)
		}
		if i > 0 {
			list += ", "
		}
		list += n
	}
	return "; there are " + list
}

// Total returns all units that parties get.
func (a Answer) Total() (quantity.Amount, error) { return comity.Total(a.Shares) }

// Digest names the certificate.
func (a Answer) Digest() (canon.Digest, error) { return canon.DigestOf(a.Certificate) }

// AimOf returns the stage that worths and prices of an answer are told in: the first
// weighted one, or the first of all where none is.
func AimOf(p comity.Problem) int {
	for k, s := range p.Stages {
		if s.Kind == certificate.Weighted {
			return k
		}
	}
	return 0
}

// ValueOf returns what units reach in a stage, in the charter's own worths:
//
//	weighted, nash    the sum of cost times units over all columns, over Scale
//	maximin, leximin  the least of a party's worth over its Per, over Scale
//
// A stage that is minimised has its sign turned back.
func ValueOf(c comity.Charter, p comity.Problem, stage int, units []quantity.Amount) exact.Rat {
	s := p.Stages[stage]
	worth := worths(p, s, units)
	total := new(big.Rat)
	if s.Kind == certificate.Maximin || s.Kind == certificate.Leximin {
		for k, w := range worth {
			share := new(big.Rat).SetFrac(w, big.NewInt(int64(s.Per[k])))
			if k == 0 || share.Cmp(total) < 0 {
				total = share
			}
		}
	} else {
		for j, cost := range s.Costs {
			total.Add(total, new(big.Rat).SetInt(new(big.Int).Mul(big.NewInt(int64(cost)), big.NewInt(int64(units[j])))))
		}
	}
	return signed(c, exact.FromBig(total.Quo(total, big.NewRat(int64(s.Scale), 1))))
}

// signed turns the sign of what is minimised back.
func signed(c comity.Charter, x exact.Rat) exact.Rat {
	if c.Objective.Sense == charter.Minimise {
		return x.Neg()
	}
	return x
}

// worths sums costs times units by need.
func worths(p comity.Problem, s comity.Stage, units []quantity.Amount) []*big.Int {
	at := map[party.ID]int{}
	sums := make([]*big.Int, len(p.Needs))
	for k, n := range p.Needs {
		at[n.Party], sums[k] = k, new(big.Int)
	}
	for j, c := range p.Columns {
		if k, ok := at[c.Party]; ok {
			sums[k].Add(sums[k], new(big.Int).Mul(big.NewInt(int64(s.Costs[j])), big.NewInt(int64(units[j]))))
		}
	}
	return sums
}

// Value returns what the answer reaches in its aim (AimOf).
func (a Answer) Value() exact.Rat {
	return ValueOf(a.Inputs.Charter, a.Problem, AimOf(a.Problem), a.Units)
}

// Gap returns by how much a division could exceed what the solver reached in the aim, as
// the certificate proves, in the charter's own worths. Of a nash stage it is in logarithms.
func (a Answer) Gap() exact.Rat {
	proof, scale := a.aim()
	return over(proof.Gap, scale)
}

// Given returns what was reached in the aim and then given up within its slack, so that
// later aims could do better.
func (a Answer) Given() exact.Rat {
	proof, scale := a.aim()
	if a.Problem.Stages[AimOf(a.Problem)].Kind != certificate.Weighted {
		return exact.Int(0)
	}
	return over(proof.Value, scale).Sub(signed(a.Inputs.Charter, a.Value()))
}

// aim returns the proof of the aim, and what its numbers are divided by.
func (a Answer) aim() (comity.StageProof, int64) {
	aim := a.Problem.Stages[AimOf(a.Problem)]
	for _, s := range a.Certificate.Stages {
		if s.Stage == aim.ID && aim.Kind == certificate.Nash {
			return s, 1
		}
		if s.Stage == aim.ID {
			return s, int64(aim.Scale)
		}
	}
	return comity.StageProof{}, 1
}

// over divides by a number that is never 0: a scale or a need above 0.
func over(x exact.Rat, n int64) exact.Rat {
	r, err := x.Quo(exact.Int(n))
	if err != nil {
		return exact.Int(0)
	}
	return r
}
