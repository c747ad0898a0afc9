package highs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"comity/allocator/solve"
)

// The calls of a Master beyond those of a session, and their minified names.
const (
	fnAddColumns   = "_Highs_addCols"
	fnAddRows      = "_Highs_addRows"
	fnColumnCosts  = "_Highs_changeColsCostByRange"
	fnColumnBounds = "_Highs_changeColsBoundsByRange"
	fnRowBounds    = "_Highs_changeRowsBoundsBySet"
	fnIntInfo      = "_Highs_getIntInfoValue"
	fnFree         = "_free"
)

func masterExports() []function {
	return []function{
		{fnAddColumns, "bb"},
		{fnAddRows, "fb"},
		{fnColumnCosts, "qb"},
		{fnColumnBounds, "ub"},
		{fnRowBounds, "zb"},
		{fnIntInfo, "Aa"},
		{fnFree, "tc"},
	}
}

// primalSimplex is SimplexStrategy::kSimplexStrategyPrimal: after new columns the old
// point is still feasible, and the primal method goes on from it. On the levels of a
// citizens' assembly it takes half the time of the dual one.
const primalSimplex = 4

// Master is one programme that is solved again and again, with more columns, more rows
// or other bounds each time: column generation, cutting planes, levels. Each solution
// starts from the basis of the one before. The first failure sticks, because nobody
// knows what HiGHS holds after it.
//
// The answers depend on the order of the calls, and on nothing else. A Master serves one
// goroutine; Close frees its memory.
type Master struct {
	engine  *Engine
	session *session
	columns int
	rows    int
	entries int
	whole   bool
	warm    bool
	effort  int64
	scratch []uint64 // What to free after a call.
}

// Open starts an instance with a programme. It fails as Solve does.
func (e *Engine) Open(ctx context.Context, lp solve.LP) (*Master, error) {
	if err := check(lp); err != nil {
		return nil, err
	}
	if err := e.Warm(ctx); err != nil {
		return nil, err
	}
	s, err := e.instance(ctx)
	if err != nil {
		return nil, err
	}
	m := &Master{
		engine: e, session: s, whole: lp.Integer,
		columns: len(lp.Cost), rows: len(lp.RowLower), entries: len(lp.Value),
	}
	config := e.config
	if lp.Nodes > 0 {
		config.Nodes = min(config.Nodes, lp.Nodes)
	}
	s.begin(ctx, lp, kindsOf(lp, nil), config)
	if s.err != nil {
		return nil, errors.Join(s.err, m.Close(ctx))
	}
	return m, nil
}

// Close frees the instance.
func (m *Master) Close(ctx context.Context) error {
	return m.session.module.Close(context.WithoutCancel(ctx))
}

// SetColumns gives new costs and bounds to the columns from first on.
func (m *Master) SetColumns(ctx context.Context, first int, cost, lower, upper []float64) error {
	n := len(cost)
	if first < 0 || n == 0 || first+n > m.columns || len(lower) != n || len(upper) != n {
		return fmt.Errorf("%w: %d costs, %d and %d bounds from column %d of %d", ErrProgramme, n, len(lower), len(upper), first, m.columns)
	}
	if err := check(solve.LP{Cost: cost, Lower: lower, Upper: upper, Start: make([]int32, n+1)}); err != nil {
		return err
	}
	from, to := word(first), word(first+n-1)
	m.must(ctx, fnColumnCosts, from, to, m.doubles(ctx, cost))
	m.must(ctx, fnColumnBounds, from, to, m.doubles(ctx, lower), m.doubles(ctx, upper))
	return m.session.err
}

// SetRows gives new bounds to the rows named, which ascend.
func (m *Master) SetRows(ctx context.Context, rows []int32, lower, upper []float64) error {
	for k, i := range rows {
		if i < 0 || int(i) >= m.rows || k > 0 && rows[k-1] >= i {
			return fmt.Errorf("%w: row %d of %d, or out of order", ErrProgramme, i, m.rows)
		}
	}
	if len(rows) == 0 || len(lower) != len(rows) || len(upper) != len(rows) {
		return fmt.Errorf("%w: %d and %d bounds of %d rows", ErrProgramme, len(lower), len(upper), len(rows))
	}
	for k := range rows {
		if !interval(lower[k], upper[k]) {
			return fmt.Errorf("%w: row %d has bounds %g to %g", ErrProgramme, rows[k], lower[k], upper[k])
		}
	}
	m.must(ctx, fnRowBounds, word(len(rows)), m.ints(ctx, rows), m.doubles(ctx, lower), m.doubles(ctx, upper))
	return m.session.err
}

// AddColumns appends columns: Cost, bounds and entries of lp, whose row bounds are not
// used. Master programmes of whole numbers refuse it.
func (m *Master) AddColumns(ctx context.Context, lp solve.LP) error {
	lp.RowLower, lp.RowUpper = make([]float64, m.rows), make([]float64, m.rows)
	if err := m.room(len(lp.Cost), 0, len(lp.Value)); err != nil {
		return err
	}
	if err := check(lp); err != nil {
		return err
	}
	n, entries := len(lp.Cost), len(lp.Value)
	m.must(ctx, fnAddColumns, word(n), m.doubles(ctx, lp.Cost), m.doubles(ctx, lp.Lower), m.doubles(ctx, lp.Upper),
		word(entries), m.ints(ctx, lp.Start[:n]), m.ints(ctx, lp.Index), m.doubles(ctx, lp.Value))
	m.columns += n
	m.entries += entries
	return m.session.err
}

// AddRow appends one row over the columns named.
func (m *Master) AddRow(ctx context.Context, columns []int32, values []float64, lower, upper float64) error {
	if err := m.room(0, 1, len(values)); err != nil {
		return err
	}
	if !interval(lower, upper) || len(columns) != len(values) {
		return fmt.Errorf("%w: new row of %d columns and %d values with bounds %g to %g", ErrProgramme, len(columns), len(values), lower, upper)
	}
	for _, j := range columns {
		if j < 0 || int(j) >= m.columns {
			return fmt.Errorf("%w: new row names column %d of %d", ErrProgramme, j, m.columns)
		}
	}
	if err := finite("coefficient", values); err != nil {
		return fmt.Errorf("%w: %w", ErrProgramme, err)
	}
	m.must(ctx, fnAddRows, 1, m.doubles(ctx, []float64{lower}), m.doubles(ctx, []float64{upper}),
		word(len(values)), m.ints(ctx, []int32{0}), m.ints(ctx, columns), m.doubles(ctx, values))
	m.rows++
	m.entries += len(values)
	return m.session.err
}

// room refuses growth beyond what the engine holds.
func (m *Master) room(columns, rows, entries int) error {
	if m.whole {
		return fmt.Errorf("%w: a programme of whole numbers does not grow", ErrProgramme)
	}
	if m.columns+columns > maxEntries || m.rows+rows > maxEntries || m.entries+entries > maxEntries {
		return fmt.Errorf("%w: more than %d columns, rows or coefficients", ErrProgramme, maxEntries)
	}
	return nil
}

// Run solves the programme as it stands. A programme without a point is no failure: its
// status says so, without a ray.
func (m *Master) Run(ctx context.Context) (solve.Solution, error) {
	s := m.session
	s.call(ctx, fnRun, s.highs)
	status := s.status(ctx)
	m.effort += int64(max(0, m.info(ctx, "simplex_iteration_count")))
	if status == statusUnboundedOrInfeasible { // Presolve does not tell which; the simplex method does.
		if !m.whole {
			s.setString(ctx, "presolve", "off")
		}
		s.call(ctx, fnClear, s.highs)
		s.call(ctx, fnRun, s.highs)
		status = s.status(ctx)
		s.setString(ctx, "presolve", "choose")
	}
	if err := ctx.Err(); err != nil {
		return solve.Solution{}, fmt.Errorf("solve %d columns, %d rows: %w", m.columns, m.rows, err)
	}
	if s.err != nil {
		return solve.Solution{}, s.err
	}
	if !m.warm { // From here on there is a point to start from.
		m.warm = true
		s.setInt(ctx, "simplex_strategy", primalSimplex)
		if !m.whole {
			s.setString(ctx, "presolve", "off")
		}
	}
	limited := m.whole && (status == statusIterationLimit || status == statusSolutionLimit) && m.feasible(ctx)
	switch {
	case status == statusInfeasible:
		return solve.Solution{Status: solve.NoSolution}, nil
	case status == statusOptimal, limited:
		return m.optimal(ctx)
	default:
		shape := solve.LP{Cost: make([]float64, m.columns), RowLower: make([]float64, m.rows)}
		return solve.Solution{}, failed(status, shape, m.engine.config)
	}
}

// feasible tells whether a search that met a limit has found any point.
func (m *Master) feasible(ctx context.Context) bool {
	const feasible = 2 // SolutionStatus::kSolutionStatusFeasible.
	return m.info(ctx, "primal_solution_status") == feasible
}

// Effort returns how many steps of the simplex method the runs so far took, those within
// the search for whole numbers included: a measure of work that is the same everywhere.
func (m *Master) Effort() int64 { return m.effort }

// info returns a number that HiGHS keeps of its last run, -1 if it keeps none.
func (m *Master) info(ctx context.Context, key string) int32 {
	s := m.session
	name, at := s.text(ctx, key), s.malloc(ctx, 4)
	code := api.DecodeI32(m.call(ctx, fnIntInfo, s.highs, name, at))
	data := s.bytes(at, 4)
	value := int32(-1)
	if code == 0 && data != nil {
		value = api.DecodeI32(uint64(binary.LittleEndian.Uint32(data)))
	}
	m.call(ctx, fnFree, name)
	m.call(ctx, fnFree, at)
	return value
}

// optimal reads the point and, unless it is whole, the prices.
func (m *Master) optimal(ctx context.Context) (solve.Solution, error) {
	s := m.session
	primal, reduced := s.malloc(ctx, 8*m.columns), s.malloc(ctx, 8*m.columns)
	activity, dual := s.malloc(ctx, 8*m.rows), s.malloc(ctx, 8*m.rows)
	s.must(ctx, fnSolution, s.highs, primal, reduced, activity, dual)
	found := solve.Solution{Status: solve.Optimal, Primal: s.read(primal, m.columns)}
	if !m.whole {
		found.Dual = s.read(dual, m.rows)
	}
	for _, at := range []uint64{primal, reduced, activity, dual} {
		m.call(ctx, fnFree, at)
	}
	if s.err != nil {
		return solve.Solution{}, s.err
	}
	if err := finite("value of column", found.Primal); err != nil {
		return solve.Solution{}, err
	}
	return found, finite("price of row", found.Dual)
}

// must calls with the HiGHS object first, and frees the arrays that were written for it.
func (m *Master) must(ctx context.Context, name string, args ...uint64) {
	s := m.session
	code := api.DecodeI32(m.call(ctx, name, append([]uint64{s.highs}, args...)...))
	if code < 0 && s.err == nil {
		s.err = fmt.Errorf("%w: %s refuses its arguments", ErrEngine, name)
	}
	for _, at := range m.scratch {
		m.call(ctx, fnFree, at)
	}
	m.scratch = m.scratch[:0]
}

func (m *Master) call(ctx context.Context, name string, args ...uint64) uint64 {
	s := m.session
	if s.err != nil {
		return 0
	}
	export := ""
	for _, f := range masterExports() {
		if f.c == name {
			export = f.export
		}
	}
	results, err := s.module.ExportedFunction(export).Call(ctx, args...)
	if err != nil {
		s.err = fmt.Errorf("%w: %s: %w", ErrEngine, name, err)
	}
	if len(results) == 0 {
		return 0
	}
	return results[0]
}

func (m *Master) doubles(ctx context.Context, values []float64) uint64 {
	at := m.session.doubles(ctx, values)
	m.scratch = append(m.scratch, at)
	return at
}

func (m *Master) ints(ctx context.Context, values []int32) uint64 {
	at := m.session.ints(ctx, values)
	m.scratch = append(m.scratch, at)
	return at
}

// instance starts the compiled module.
func (e *Engine) instance(ctx context.Context) (*session, error) {
	e.mu.Lock()
	runtime, compiled := e.runtime, e.compiled
	e.mu.Unlock()
	if compiled == nil {
		return nil, fmt.Errorf("%w: the engine is closed", ErrEngine)
	}
	module, err := runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEngine, err)
	}
	return &session{module: module}, nil
}
