package highs

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tetratelabs/wazero/api"

	"comity/allocator/solve"
)

// HiGHS model statuses (HConst.h, HighsModelStatus).
const (
	statusOptimal               = 7
	statusInfeasible            = 8
	statusUnboundedOrInfeasible = 9
	statusIterationLimit        = 14
	statusSolutionLimit         = 16 // Also the limit of nodes.
)

const (
	columnwise = 1  // MatrixFormat::kColwise.
	maximise   = -1 // ObjSense::kMaximize.
	// tolerance is how far a bound or price may be missed; HiGHS accepts 1e-10 and
	// more. At 1e-9 the simplex method ended on every problem measured.
	tolerance = 1e-9
	// slack is added to every allocation: HiGHS may be handed arrays of length zero.
	slack = 8
)

// session is one instance solving one programme. The first failure sticks: later
// calls do nothing, and solve reports it.
type session struct {
	module api.Module
	highs  uint64 // Handle of the HiGHS object.
	err    error
}

func (s *session) solve(ctx context.Context, lp solve.LP, c Config) (solve.Solution, error) {
	if lp.Nodes > 0 {
		c.Nodes = min(c.Nodes, lp.Nodes)
	}
	kinds := kindsOf(lp, lp.Whole)
	lp.Integer = kinds != nil
	s.begin(ctx, lp, kinds, c)
	if lp.From != nil && !lp.Integer {
		s.start(ctx, *lp.From)
	}
	s.call(ctx, fnRun, s.highs)
	status := s.status(ctx)
	if status == statusInfeasible || status == statusUnboundedOrInfeasible {
		// Presolve proves infeasibility without a ray; the simplex method brings one.
		s.setString(ctx, "presolve", "off")
		s.call(ctx, fnClear, s.highs)
		s.call(ctx, fnRun, s.highs)
		status = s.status(ctx)
	}
	if s.err != nil {
		return solve.Solution{}, s.err
	}
	limited := status == statusIterationLimit || status == statusSolutionLimit
	switch {
	case status == statusOptimal, lp.Integer && limited:
		return s.optimal(ctx, lp)
	case status == statusInfeasible:
		return s.infeasible(ctx, lp)
	default:
		return solve.Solution{}, failed(status, lp, c)
	}
}

// start sets the vertex at which the simplex method begins; HiGHS then leaves out
// presolve, which would lose it. Its dual method needs half the time of its primal one,
// even where the vertex is feasible and only costs have changed.
func (s *session) start(ctx context.Context, from solve.Basis) {
	columns, rows := make([]int32, len(from.Columns)), make([]int32, len(from.Rows))
	for j, at := range from.Columns {
		columns[j] = int32(at)
	}
	for i, at := range from.Rows {
		rows[i] = int32(at)
	}
	s.must(ctx, fnSetBasis, s.highs, s.ints(ctx, columns), s.ints(ctx, rows))
}

// begin makes a HiGHS object of the programme.
func (s *session) begin(ctx context.Context, lp solve.LP, kinds []int32, c Config) {
	s.call(ctx, fnInitialise)
	s.highs = s.call(ctx, fnCreate)
	s.configure(ctx, c)
	s.pass(ctx, lp, kinds)
}

// failed reports a status that is no answer.
func failed(status int32, lp solve.LP, c Config) error {
	return fmt.Errorf("%w: model status %d for %d columns, %d rows after at most %d iterations",
		ErrEngine, status, len(lp.Cost), len(lp.RowLower), c.Iterations)
}

func (s *session) configure(ctx context.Context, c Config) {
	s.setBool(ctx, "output_flag", false)
	s.setString(ctx, "parallel", "off")
	s.setInt(ctx, "threads", 1)
	s.setInt(ctx, "simplex_iteration_limit", int32(c.Iterations)) //nolint:gosec // At most 2^30 by New.
	s.setInt(ctx, "mip_max_nodes", int32(c.Nodes))                //nolint:gosec // At most 2^30 by New.
	s.setDouble(ctx, "primal_feasibility_tolerance", tolerance)
	s.setDouble(ctx, "dual_feasibility_tolerance", tolerance)
	s.setDouble(ctx, "mip_rel_gap", 0)
}

// pass hands over the programme; kinds are nil if no column is whole.
func (s *session) pass(ctx context.Context, lp solve.LP, kinds []int32) {
	if kinds == nil {
		s.setString(ctx, "solver", "simplex")
	}
	if lp.Gap > 0 {
		s.setDouble(ctx, "mip_abs_gap", lp.Gap)
	}
	if lp.Once {
		s.setBool(ctx, "mip_allow_restart", false)
	}
	args := []uint64{
		s.highs, word(len(lp.Cost)), word(len(lp.RowLower)), word(len(lp.Value)),
		columnwise, api.EncodeI32(maximise), api.EncodeF64(0),
		s.doubles(ctx, lp.Cost), s.doubles(ctx, lp.Lower), s.doubles(ctx, lp.Upper),
		s.doubles(ctx, lp.RowLower), s.doubles(ctx, lp.RowUpper),
		s.ints(ctx, lp.Start), s.ints(ctx, lp.Index), s.doubles(ctx, lp.Value),
	}
	pass := fnPassLp
	if kinds != nil {
		args, pass = append(args, s.ints(ctx, kinds)), fnPassMip
	}
	s.must(ctx, pass, args...)
}

func (s *session) optimal(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	columns, rows := len(lp.Cost), len(lp.RowLower)
	primal, reduced := s.malloc(ctx, 8*columns), s.malloc(ctx, 8*columns)
	activity, dual := s.malloc(ctx, 8*rows), s.malloc(ctx, 8*rows)
	s.must(ctx, fnSolution, s.highs, primal, reduced, activity, dual)
	solution := solve.Solution{Status: solve.Optimal, Primal: s.read(primal, columns)}
	if !lp.Integer {
		solution.Dual = s.read(dual, rows)
		solution.Basis = s.basis(ctx, columns, rows)
	}
	if s.err != nil {
		return solve.Solution{}, s.err
	}
	if err := finite("value of column", solution.Primal); err != nil {
		return solve.Solution{}, err
	}
	return solution, finite("price of row", solution.Dual)
}

// basis returns where the simplex method stopped, nil if HiGHS has no such place.
func (s *session) basis(ctx context.Context, columns, rows int) *solve.Basis {
	columnAt, rowAt := s.malloc(ctx, 4*columns), s.malloc(ctx, 4*rows)
	if code := api.DecodeI32(s.call(ctx, fnBasis, s.highs, columnAt, rowAt)); code < 0 {
		return nil
	}
	b := &solve.Basis{Columns: s.standings(columnAt, columns), Rows: s.standings(rowAt, rows)}
	if s.err != nil || checkBasis(*b, columns, rows) != nil {
		return nil
	}
	return b
}

func (s *session) standings(at uint64, count int) []solve.Standing {
	data := s.bytes(at, 4*count)
	if s.err != nil {
		return nil
	}
	list := make([]solve.Standing, count)
	for k := range list {
		list[k] = solve.Standing(api.DecodeI32(uint64(binary.LittleEndian.Uint32(data[4*k:]))))
	}
	return list
}

func (s *session) infeasible(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	solution := solve.Solution{Status: solve.NoSolution}
	if lp.Integer {
		return solution, s.err
	}
	rows := len(lp.RowLower)
	has, ray := s.malloc(ctx, 4), s.malloc(ctx, 8*rows)
	s.must(ctx, fnDualRay, s.highs, has, ray)
	if found := s.bytes(has, 4); s.err == nil && binary.LittleEndian.Uint32(found) != 0 {
		solution.Ray = s.read(ray, rows)
	}
	if s.err != nil {
		return solve.Solution{}, s.err
	}
	return solution, finite("ray at row", solution.Ray)
}

func (s *session) status(ctx context.Context) int32 {
	return api.DecodeI32(s.call(ctx, fnStatus, s.highs))
}

// must calls a function that answers -1 for an error, 0 or 1 (a warning) otherwise.
func (s *session) must(ctx context.Context, name string, args ...uint64) {
	if code := api.DecodeI32(s.call(ctx, name, args...)); code < 0 && s.err == nil {
		s.err = fmt.Errorf("%w: %s refuses its arguments", ErrEngine, name)
	}
}

func (s *session) call(ctx context.Context, name string, args ...uint64) uint64 {
	if s.err != nil {
		return 0
	}
	results, err := s.module.ExportedFunction(exportOf(name)).Call(ctx, args...)
	if err != nil {
		s.err = fmt.Errorf("%w: %s: %w", ErrEngine, name, err)
		return 0
	}
	if len(results) == 0 {
		return 0
	}
	return results[0]
}

func (s *session) setBool(ctx context.Context, name string, value bool) {
	var v uint64
	if value {
		v = 1
	}
	s.must(ctx, fnSetBool, s.highs, s.text(ctx, name), v)
}

func (s *session) setInt(ctx context.Context, name string, value int32) {
	s.must(ctx, fnSetInt, s.highs, s.text(ctx, name), api.EncodeI32(value))
}

func (s *session) setDouble(ctx context.Context, name string, value float64) {
	s.must(ctx, fnSetDouble, s.highs, s.text(ctx, name), api.EncodeF64(value))
}

func (s *session) setString(ctx context.Context, name, value string) {
	s.must(ctx, fnSetString, s.highs, s.text(ctx, name), s.text(ctx, value))
}

// word passes a count that is not below 0.
func word(n int) uint64 { return uint64(n) } //nolint:gosec // Lengths are not negative.

// malloc reserves memory that lives as long as the instance.
func (s *session) malloc(ctx context.Context, size int) uint64 {
	at := s.call(ctx, fnMalloc, word(size+slack))
	if at == 0 && s.err == nil {
		s.err = fmt.Errorf("%w: no memory for %d bytes within 2 GiB", ErrEngine, size)
	}
	return at
}

func (s *session) text(ctx context.Context, value string) uint64 {
	return s.write(ctx, append([]byte(value), 0))
}

func (s *session) doubles(ctx context.Context, values []float64) uint64 {
	at := s.malloc(ctx, 8*len(values))
	if data := s.bytes(at, 8*len(values)); data != nil {
		for k, v := range values {
			binary.LittleEndian.PutUint64(data[8*k:], math.Float64bits(v))
		}
	}
	return at
}

func (s *session) ints(ctx context.Context, values []int32) uint64 {
	at := s.malloc(ctx, 4*len(values))
	if data := s.bytes(at, 4*len(values)); data != nil {
		for k, v := range values {
			binary.LittleEndian.PutUint32(data[4*k:], uint32(v)) //nolint:gosec // The same 32 bits.
		}
	}
	return at
}

func (s *session) write(ctx context.Context, data []byte) uint64 {
	at := s.malloc(ctx, len(data))
	if s.err == nil && !s.module.Memory().Write(api.DecodeU32(at), data) {
		s.err = fmt.Errorf("%w: %d bytes do not fit at %d", ErrEngine, len(data), at)
	}
	return at
}

func (s *session) bytes(at uint64, size int) []byte {
	if s.err != nil {
		return nil
	}
	data, ok := s.module.Memory().Read(api.DecodeU32(at), uint32(size)) //nolint:gosec // At most 8 * maxEntries.
	if !ok {
		s.err = fmt.Errorf("%w: %d bytes at %d lie outside its memory", ErrEngine, size, at)
	}
	return data
}

func (s *session) read(at uint64, count int) []float64 {
	data := s.bytes(at, 8*count)
	if s.err != nil {
		return nil
	}
	values := make([]float64, count)
	for k := range values {
		values[k] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*k:]))
	}
	return values
}
