package highs

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"comity/allocator/basis"
	"comity/allocator/solve"
)

// HiGHS states of a column or row in a basis (HConst.h, HighsBasisStatus).
const (
	basisLower = 0
	basisBasic = 1
	basisUpper = 2
	basisZero  = 3
)

// statusUnbounded is HighsModelStatus::kUnbounded.
const statusUnbounded = 10

// Vertex solves one programme from scratch and returns where the simplex method
// stopped. whole names the columns of whole numbers, nil none; with any of them the
// answer is a point without states. It fails as Solve does; a programme that is
// infeasible or unbounded is no failure.
func (e *Engine) Vertex(ctx context.Context, lp solve.LP, whole []bool) (basis.Vertex, error) {
	if whole != nil && len(whole) != len(lp.Cost) {
		return basis.Vertex{}, fmt.Errorf("%w: %d kinds of %d columns", ErrProgramme, len(whole), len(lp.Cost))
	}
	kinds := kindsOf(lp, whole)
	var found basis.Vertex
	err := e.run(ctx, lp, func(ctx context.Context, s *session) (err error) {
		found, err = s.vertex(ctx, lp, kinds, e.config)
		return err
	})
	if err != nil {
		return basis.Vertex{}, err
	}
	return found, nil
}

// kindsOf returns the kind of each column (HighsVarType), or nil if none is whole.
func kindsOf(lp solve.LP, whole []bool) []int32 {
	kinds, found := make([]int32, len(lp.Cost)), lp.Integer
	for j := range kinds {
		if lp.Integer || len(whole) > j && whole[j] {
			kinds[j], found = 1, true // HighsVarType::kInteger.
		}
	}
	if !found {
		return nil
	}
	return kinds
}

func (s *session) vertex(ctx context.Context, lp solve.LP, kinds []int32, c Config) (basis.Vertex, error) {
	s.begin(ctx, lp, kinds, c)
	s.call(ctx, fnRun, s.highs)
	status := s.status(ctx)
	if s.err != nil {
		return basis.Vertex{}, s.err
	}
	limited := status == statusIterationLimit || status == statusSolutionLimit
	switch {
	case status == statusInfeasible, status == statusUnbounded, status == statusUnboundedOrInfeasible:
		return basis.Vertex{}, nil
	case status != statusOptimal && (kinds == nil || !limited):
		return basis.Vertex{}, failed(status, lp, c)
	}
	point := lp
	point.Integer = kinds != nil
	solution, err := s.optimal(ctx, point)
	if err != nil {
		return basis.Vertex{}, err
	}
	v := basis.Vertex{Optimal: true, Primal: solution.Primal}
	if kinds == nil {
		columns, rows := len(lp.Cost), len(lp.RowLower)
		columnAt, rowAt := s.malloc(ctx, 4*columns), s.malloc(ctx, 4*rows)
		s.must(ctx, fnBasis, s.highs, columnAt, rowAt)
		v.Columns, v.Rows = s.states(columnAt, columns), s.states(rowAt, rows)
	}
	return v, s.err
}

// states reads a list of basis states.
func (s *session) states(at uint64, count int) []basis.State {
	data := s.bytes(at, 4*count)
	if s.err != nil {
		return nil
	}
	states := make([]basis.State, count)
	for k := range states {
		switch code := api.DecodeI32(uint64(binary.LittleEndian.Uint32(data[4*k:]))); code {
		case basisLower:
			states[k] = basis.AtLower
		case basisBasic:
			states[k] = basis.Basic
		case basisUpper:
			states[k] = basis.AtUpper
		case basisZero:
			states[k] = basis.Free
		default:
			s.err = fmt.Errorf("%w: state %d of column or row %d in a basis", ErrEngine, code, k)
			return nil
		}
	}
	return states
}
