package highs

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tetratelabs/wazero/api"

	"comity/allocator/basis"
	"comity/allocator/solve"
)

// looseTolerance is what HiGHS starts with. Branching asks many questions, and the proof
// does not depend on the digits of the answers.
const looseTolerance = 1e-7

// Session keeps one programme in an instance while work solves it again and again, each
// time from the last basis, the first time from the one given, if any. The answers depend
// on the calls alone, and on their order. It fails as Solve does.
func (e *Engine) Session(ctx context.Context, lp solve.LP, from *basis.Vertex, work func(basis.Session) error) error {
	return e.run(ctx, lp, func(ctx context.Context, s *session) error {
		s.begin(ctx, lp, nil, e.config)
		s.setString(ctx, "presolve", "off")
		s.setInt(ctx, "simplex_scale_strategy", 0)
		s.setDouble(ctx, "primal_feasibility_tolerance", looseTolerance)
		s.setDouble(ctx, "dual_feasibility_tolerance", looseTolerance)
		if from != nil {
			if len(from.Columns) != len(lp.Cost) || len(from.Rows) != len(lp.RowLower) {
				return fmt.Errorf("%w: a basis of %d columns and %d rows", ErrProgramme, len(from.Columns), len(from.Rows))
			}
			s.must(ctx, fnSetBasis, s.highs, s.ints(ctx, codes(from.Columns)), s.ints(ctx, codes(from.Rows)))
		}
		if s.err != nil {
			return s.err
		}
		return work(&held{session: s, config: e.config, columns: len(lp.Cost), rows: len(lp.RowLower)})
	})
}

// codes writes states as HiGHS does.
func codes(states []basis.State) []int32 {
	all := make([]int32, len(states))
	for k, s := range states {
		all[k] = map[basis.State]int32{basis.AtLower: basisLower, basis.Basic: basisBasic, basis.AtUpper: basisUpper, basis.Free: basisZero}[s]
	}
	return all
}

// held is a programme in an instance. What it writes and reads has a place of its own
// in the memory, which is used again.
type held struct {
	*session
	config        Config
	columns, rows int
	places        [8]place
}

// place is some memory of the instance.
type place struct {
	at   uint64
	size int
}

// The uses of held.places.
const (
	placeLower = iota
	placeUpper
	placePrimal
	placeReduced
	placeActivity
	placePrices
	placeColumnStates
	placeRowStates
)

// room returns memory of at least some size for one use.
func (h *held) room(ctx context.Context, use, size int) uint64 {
	if p := &h.places[use]; p.size < size || p.at == 0 {
		p.at, p.size = h.malloc(ctx, size), size
	}
	return h.places[use].at
}

// put writes numbers to the memory of one use.
func (h *held) put(ctx context.Context, use int, values []float64) uint64 {
	at := h.room(ctx, use, 8*len(values))
	data := make([]byte, 0, 8*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	if h.err == nil && !h.module.Memory().Write(api.DecodeU32(at), data) {
		h.err = fmt.Errorf("%w: %d bytes do not fit at %d", ErrEngine, len(data), at)
	}
	return at
}

// Solve sets the bounds of all columns and runs the simplex method.
func (h *held) Solve(ctx context.Context, lower, upper []float64) (basis.Relaxation, error) {
	if len(lower) != h.columns || len(upper) != h.columns {
		return basis.Relaxation{}, fmt.Errorf("%w: %d and %d bounds of %d columns", ErrProgramme, len(lower), len(upper), h.columns)
	}
	for j := range lower {
		if !interval(lower[j], upper[j]) {
			return basis.Relaxation{}, fmt.Errorf("%w: column %d has bounds %g to %g", ErrProgramme, j, lower[j], upper[j])
		}
	}
	h.must(ctx, fnChangeBounds, h.highs, 0, word(h.columns-1), h.put(ctx, placeLower, lower), h.put(ctx, placeUpper, upper))
	h.call(ctx, fnRun, h.highs)
	status := h.status(ctx)
	if status != statusOptimal && status != statusInfeasible {
		h.call(ctx, fnClear, h.highs) // A basis that leads nowhere is no place to start from.
		h.call(ctx, fnRun, h.highs)
		status = h.status(ctx)
	}
	if h.err != nil {
		return basis.Relaxation{}, h.err
	}
	switch status {
	case statusOptimal:
		return h.found(ctx)
	case statusInfeasible:
		return h.ray(ctx)
	}
	return basis.Relaxation{}, nil
}

func (h *held) found(ctx context.Context) (basis.Relaxation, error) {
	primal, reduced := h.room(ctx, placePrimal, 8*h.columns), h.room(ctx, placeReduced, 8*h.columns)
	activity, prices := h.room(ctx, placeActivity, 8*h.rows), h.room(ctx, placePrices, 8*h.rows)
	h.must(ctx, fnSolution, h.highs, primal, reduced, activity, prices)
	columnAt, rowAt := h.room(ctx, placeColumnStates, 4*h.columns), h.room(ctx, placeRowStates, 4*h.rows)
	h.must(ctx, fnBasis, h.highs, columnAt, rowAt)
	r := basis.Relaxation{Optimal: true, Primal: h.read(primal, h.columns), Prices: h.read(prices, h.rows)}
	r.States = basis.Vertex{Optimal: true, Columns: h.states(columnAt, h.columns), Rows: h.states(rowAt, h.rows), Primal: r.Primal}
	if h.err != nil {
		return basis.Relaxation{}, h.err
	}
	if err := finite("value of column", r.Primal); err != nil {
		return basis.Relaxation{}, err
	}
	return r, finite("price of row", r.Prices)
}

func (h *held) ray(ctx context.Context) (basis.Relaxation, error) {
	has, ray := h.room(ctx, placePrimal, 4), h.room(ctx, placePrices, 8*h.rows)
	h.must(ctx, fnDualRay, h.highs, has, ray)
	var r basis.Relaxation
	if found := h.bytes(has, 4); h.err == nil && binary.LittleEndian.Uint32(found) != 0 {
		r.Prices = h.read(ray, h.rows)
	}
	if h.err != nil {
		return basis.Relaxation{}, h.err
	}
	return r, finite("ray at row", r.Prices)
}

// Inverse returns rows of the inverse of the basis.
func (h *held) Inverse(ctx context.Context, columns []int) ([][]float64, error) {
	basic, weights := h.room(ctx, placeRowStates, 4*h.rows), h.room(ctx, placePrices, 8*h.rows)
	h.must(ctx, fnBasicVariables, h.highs, basic)
	data := h.bytes(basic, 4*h.rows)
	if h.err != nil {
		return nil, h.err
	}
	at := make(map[int]int, h.rows)
	for k := range h.rows {
		at[int(api.DecodeI32(uint64(binary.LittleEndian.Uint32(data[4*k:]))))] = k
	}
	all := make([][]float64, len(columns))
	for k, j := range columns {
		place, found := at[j]
		if !found {
			continue
		}
		h.must(ctx, fnInverseRow, h.highs, word(place), weights, 0, 0)
		all[k] = h.read(weights, h.rows)
		if h.err != nil {
			return nil, h.err
		}
		if err := finite("weight of row", all[k]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
