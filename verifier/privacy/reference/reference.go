// Package reference compares the accountant with published values: rows of mechanism,
// parameters and expected value, as data/privacy holds them.
package reference

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"comity/exact"
	"comity/verifier/privacy/accountant"
)

// ErrRow says that nothing can be computed for a row.
var ErrRow = errors.New("row cannot be computed")

// Row is one published value. Numbers that a row does not have are NaN.
type Row struct {
	ID           string
	Source       string  // "opacus-rdp": what is after the last dash tells the method where orders do not.
	Mechanism    string  // See Row.Compute.
	Scale        float64 // See accountant.Noise.
	Sensitivity  float64
	Truncation   float64
	SamplingRate float64
	Adjacency    string // "add", "remove", "add_or_remove_one", "replace_one"; empty is the third.
	Compositions float64
	Orders       string // See Orders.
	Quantity     string // "epsilon", "delta" or "rdp".
	AtEpsilon    float64
	AtDelta      float64
	AtOrder      float64
	Expected     float64
	AbsTol       float64
	RelTol       float64
}

// Result is what came of one row. Numbers are decimals.
type Result struct {
	ID       string `json:"id"`
	Computed string `json:"computed"` // Empty if there is none.
	Expected string `json:"expected"`
	Pass     bool   `json:"pass"`
	Reason   string `json:"reason,omitempty"` // Why it does not pass.
}

// Check computes a row and compares it with what is expected:
//
//	|computed - expected| <= abs_tol + rel_tol·|expected|
func Check(r Row) Result {
	result := Result{ID: r.ID, Expected: decimal(r.Expected)}
	v, err := r.Compute()
	if err != nil {
		result.Reason = err.Error()
		return result
	}
	result.Computed = decimal(v)
	allowed := or(r.AbsTol, 0) + or(r.RelTol, 0)*math.Abs(r.Expected)
	result.Pass = v == r.Expected || math.Abs(v-r.Expected) <= allowed
	if !result.Pass {
		result.Reason = fmt.Sprintf("differs by %s, allowed is %s", decimal(math.Abs(v-r.Expected)), decimal(allowed))
	}
	return result
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'g', 12, 64) }

// or returns v, or another number for one that the row does not have.
func or(v, other float64) float64 {
	if math.IsNaN(v) {
		return other
	}
	return v
}

// Compute returns the row's quantity. Mechanisms are
//
//	gaussian, laplace, discrete_gaussian, discrete_laplace, randomized_response
//	poisson_sampled_ before one of these; or simply a sampling rate below 1
//	constant_rdp_C     the divergence C at every order
//	zcdp_C             the divergence C·a at order a
//
// For randomized response the scale is the probability of a uniform answer, and the
// sensitivity the number of answers. ε and δ come from Rényi divergences if the row lists
// orders, or its source says so, and from the loss's distribution otherwise.
func (r Row) Compute() (float64, error) {
	releases := or(r.Compositions, 1)
	if releases < 1 || releases > 1<<30 || releases != math.Trunc(releases) {
		return 0, fmt.Errorf("%w: %v compositions; want a whole number from 1", ErrRow, releases)
	}
	divergence, m, err := r.mechanism()
	if err != nil {
		return 0, err
	}
	switch {
	case r.Quantity == "rdp":
		v, err := divergence(r.AtOrder)
		return releases * v, err
	case r.Quantity == "epsilon" && !(r.AtDelta >= 0 && r.AtDelta <= 1):
		return 0, fmt.Errorf("%w: ε at δ = %v; fill at_delta with 0 to 1", ErrRow, r.AtDelta)
	case r.Quantity == "delta" && math.IsNaN(r.AtEpsilon):
		return 0, fmt.Errorf("%w: δ at no ε; fill at_epsilon", ErrRow)
	case r.Quantity != "epsilon" && r.Quantity != "delta":
		return 0, fmt.Errorf("%w: quantity %q; want epsilon, delta or rdp", ErrRow, r.Quantity)
	}
	if m == nil || r.Orders != "" || strings.HasSuffix(r.Source, "-rdp") {
		return r.byDivergences(divergence, releases)
	}
	runs := []accountant.Run{{Mechanism: *m, Releases: int(releases)}}
	if r.Quantity == "delta" {
		return accountant.Delta(runs, r.AtEpsilon)
	}
	return accountant.Epsilon(runs, r.AtDelta)
}

// byDivergences converts at the row's orders, or at Opacus' if it lists none.
func (r Row) byDivergences(divergence func(float64) (float64, error), releases float64) (float64, error) {
	spec := r.Orders
	if spec == "" {
		spec = opacusDefault
	}
	orders, err := Orders(spec)
	if err != nil {
		return 0, err
	}
	orders = slices.DeleteFunc(orders, func(a float64) bool { return a <= 1 }) // They bound nothing here.
	values := make([]float64, len(orders))
	for i, a := range orders {
		v, err := divergence(a)
		if err != nil {
			return 0, err
		}
		values[i] = releases * v
	}
	if r.Quantity == "delta" {
		return accountant.DeltaRDP(orders, values, r.AtEpsilon), nil
	}
	return accountant.EpsilonRDP(orders, values, r.AtDelta), nil
}

// noises are the names of mechanisms.
func noises() map[string]accountant.Noise {
	return map[string]accountant.Noise{
		"gaussian": accountant.Gaussian, "laplace": accountant.Laplace, "discrete_gaussian": accountant.DiscreteGaussian,
		"discrete_laplace": accountant.DiscreteLaplace, "randomized_response": accountant.RandomizedResponse,
	}
}

func adjacencies() map[string]accountant.Adjacency {
	return map[string]accountant.Adjacency{
		"": accountant.AddOrRemove, "add_or_remove_one": accountant.AddOrRemove, "add": accountant.Add,
		"remove": accountant.Remove, "replace_one": accountant.ReplaceOne,
	}
}

// mechanism returns the divergence of one release, and the mechanism unless a divergence
// is all that is known.
func (r Row) mechanism() (func(float64) (float64, error), *accountant.Mechanism, error) {
	for prefix, power := range map[string]float64{"constant_rdp_": 0, "zcdp_": 1} {
		text, found := strings.CutPrefix(r.Mechanism, prefix)
		if !found {
			continue
		}
		c, err := strconv.ParseFloat(text, 64)
		if err != nil || !(c >= 0) || math.IsInf(c, 0) {
			return nil, nil, fmt.Errorf("%w: %q ends in no number of at least 0", ErrRow, r.Mechanism)
		}
		return func(a float64) (float64, error) {
			if !(a >= 1) {
				return 0, fmt.Errorf("%w: order %v; want at least 1", ErrRow, a)
			}
			return c * math.Pow(a, power), nil
		}, nil, nil
	}
	name, poisson := strings.CutPrefix(r.Mechanism, "poisson_sampled_")
	noise, known := noises()[name]
	if !known {
		return nil, nil, fmt.Errorf("%w: unknown mechanism %q; known are gaussian, laplace, discrete_gaussian, discrete_laplace, "+
			"randomized_response, poisson_sampled_ before these, constant_rdp_NUMBER and zcdp_NUMBER", ErrRow, r.Mechanism)
	}
	adjacency, known := adjacencies()[r.Adjacency]
	truncation := or(r.Truncation, 0)
	switch {
	case !known:
		return nil, nil, fmt.Errorf("%w: unknown adjacency %q; known are add, remove, add_or_remove_one, replace_one", ErrRow, r.Adjacency)
	case truncation != math.Trunc(truncation) || math.Abs(truncation) > 1<<30:
		return nil, nil, fmt.Errorf("%w: truncation bound %v; want a whole number", ErrRow, truncation)
	case poisson && math.IsNaN(r.SamplingRate):
		return nil, nil, fmt.Errorf("%w: no sampling probability; fill sampling_prob", ErrRow)
	}
	m := &accountant.Mechanism{
		Noise: noise, Scale: r.Scale, Sensitivity: or(r.Sensitivity, 1), Truncation: int(truncation), Rate: or(r.SamplingRate, 1),
		// Published rows take the sample's secrecy for granted.
		Coin: accountant.SecretCoin, Adjacency: adjacency,
	}
	if err := m.Check(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrRow, err)
	}
	return m.RDP, m, nil
}

// opacusDefault are the orders that Opacus minimises over unless told otherwise.
const opacusDefault = "1.1..10.9 step 0.1 plus 12..63"

// maxOrders bounds a list of orders.
const maxOrders = 1 << 18

// Orders reads a list of Rényi orders: numbers and ranges, joined by "plus", a comma or a
// semicolon. A range is A..B, both included, by 1 or by "step S". "integers" may stand
// before it, and a name with a colon before all; "opacus-default" alone means its orders.
func Orders(spec string) ([]float64, error) {
	if strings.TrimSpace(spec) == "opacus-default" {
		spec = opacusDefault
	}
	if _, list, named := strings.Cut(spec, ":"); named {
		spec = list
	}
	var orders []float64
	for _, part := range strings.FieldsFunc(strings.ReplaceAll(spec, "plus", ","), func(c rune) bool { return c == ',' || c == ';' }) {
		part = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(part), "integers"))
		span, step, stepped := strings.Cut(part, "step")
		from, to, ranged := strings.Cut(span, "..")
		if !ranged {
			to = from
		}
		if !stepped {
			step = "1"
		}
		a, errA := order(from)
		b, errB := order(to)
		s, errS := order(step)
		if err := errors.Join(errA, errB, errS); err != nil || s.Sign() <= 0 || a.Sign() <= 0 || stepped && !ranged {
			return nil, fmt.Errorf("%w: orders %.60q; write 1.1..10.9 step 0.1 plus 12..63", ErrRow, part)
		}
		count, err := b.Sub(a).Quo(s)
		if err != nil || count.Sign() < 0 || count.Cmp(exact.Int(maxOrders)) > 0 || int64(len(orders))+count.Floor().Int64() >= maxOrders {
			return nil, fmt.Errorf("%w: orders %.60q: want an ascending range, and at most %d orders", ErrRow, part, maxOrders)
		}
		for i := range count.Floor().Int64() + 1 {
			v, _ := a.Add(s.Mul(exact.Int(i))).Big().Float64()
			orders = append(orders, v)
		}
	}
	if len(orders) == 0 {
		return nil, fmt.Errorf("%w: no orders in %.60q", ErrRow, spec)
	}
	return orders, nil
}

// order reads one number exactly: steps of 0.1 would not meet 10.9 in floats.
func order(text string) (exact.Rat, error) {
	return exact.ParseScientific(strings.TrimSpace(text), 30, 30)
}
