package linear

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"

	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// Train fits the model of cfg. Members run it on their own rows with a Summer that adds
// over the federation, pooled runs on all rows with one that returns its input, replays
// on no rows with one that returns the logged sums: all get the same model.
//
// A *learn.Restart in the first sum is returned to the caller, because it has no sample
// that a new attempt could change; in a later one it starts the step again. Every step of
// an attempt sees the same rows, so the Summer returns one also where a step would have
// other members than the one before. Besides the errors of package learn Train returns
// ErrCollinear and ErrSteps.
func Train(ctx context.Context, rows *learn.Rows, cfg *Config, summer learn.Summer) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if rows == nil {
		rows = &learn.Rows{}
	}
	if err := cfg.checkRows(rows); err != nil {
		return nil, err
	}
	t := &trainer{cfg: cfg, summer: summer, member: &member{cfg: cfg, data: rows}}
	if err := t.moments(ctx); err != nil {
		return nil, fmt.Errorf("train %s: moments: %w", cfg.Name, err)
	}
	t.member.sample(0)
	t.member.standard(t.terms)
	if t.rows == 0 { // Nobody knows anything.
		return &Model{
			Config: *cfg, Terms: t.terms, Value: []int64{0}, Covariance: []int64{0}, Dispersion: 1 << variance, Trace: t.trace,
		}, nil
	}
	m, err := t.fit(ctx)
	if err != nil {
		return nil, fmt.Errorf("train %s: %w", cfg.Name, err)
	}
	return m, nil
}

// trainer holds what lasts over the steps.
type trainer struct {
	cfg     *Config
	summer  learn.Summer
	member  *member
	terms   []Term
	rows    int64
	start   int64 // The coefficient of the intercept.
	trace   learn.Trace
	attempt int // In force.
}

// state is what one step's sum says, in fixed point of 128 bits but for the loss.
type state struct {
	rows     int64
	loss     *big.Int     // As a Q16, or the sum of squared residuals in 2^-32; with what lambda costs.
	gradient []*big.Int   // Of the negative loss.
	products [][]*big.Int // Its second derivatives: a lower triangle, lambda added.
}

const (
	// maxHalvings bounds how often a step of Newton's method is halved.
	maxHalvings = 10
	// maxCoefficient is where a coefficient is given up, in 2^-32: 4,096 for a standard unit.
	maxCoefficient = 1 << (fine + 12)
	// slackBits: losses are rounded, so that one that rises by less than 2^-14 a row is
	// none that rises.
	slackBits = 14
	// enoughBits: the fit ends when the next step would take less than 2^-24 a row from
	// the loss. That step is still taken; Newton's method squares what is left.
	enoughBits = 24
)

// fit takes the steps of Newton's method.
func (t *trainer) fit(ctx context.Context) (*Model, error) {
	here := make([]int64, len(t.terms))
	here[0] = t.start
	next := here
	var best *big.Int // The loss at here.
	var step []*big.Int
	halvings := 0
	for taken := 1; taken <= t.cfg.Steps; taken++ {
		s, err := t.step(ctx, taken, next, &best)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", taken, err)
		}
		if best != nil && t.worse(s, best) && halvings < maxHalvings {
			halvings++
			if next, err = t.moved(here, step, halvings); err != nil {
				return nil, err
			}
			continue
		}
		here, best, halvings = next, s.loss, 0
		f, err := factor(s.products, t.cfg.LambdaPermille > 0)
		if err != nil {
			return nil, t.named(err)
		}
		step = f.solve(s.gradient)
		if next, err = t.moved(here, step, 0); err != nil {
			return nil, err
		}
		if t.cfg.Loss.Kind == loss.Squared || t.enough(s, step) {
			return t.finish(s, f, step, next, taken), nil
		}
	}
	return nil, fmt.Errorf("%w: %d; use a lambda above %d thousandths, or more steps", ErrSteps, t.cfg.Steps, t.cfg.LambdaPermille)
}

// step makes the sum of one step, under a new attempt whenever it is lost. A loss from
// before then says nothing any more, because it is of other rows.
func (t *trainer) step(ctx context.Context, taken int, value []int64, best **big.Int) (*state, error) {
	for {
		name := fmt.Sprintf("%s/step/%d/attempt/%d", t.cfg.Name, taken-1, t.attempt)
		sum, trace, err := t.trace.Sum(ctx, t.summer, learn.Step{Name: name, Bits: 64}, t.member.step(value))
		if err == nil {
			t.trace = trace
			return t.read(sum, value)
		}
		var restart *learn.Restart
		if !errors.As(err, &restart) {
			return nil, err
		}
		if restart.Attempt <= t.attempt || restart.Attempt > learn.MaxAttempt {
			return nil, fmt.Errorf("%w: %d after %d, at most %d", learn.ErrAttempt, restart.Attempt, t.attempt, learn.MaxAttempt)
		}
		t.attempt = restart.Attempt
		t.member.sample(t.attempt)
		*best = nil
	}
}

// read takes a step's sum apart.
func (t *trainer) read(sum, value []int64) (*state, error) {
	n := len(value)
	s := &state{rows: sum[0]}
	if s.rows < 0 || s.rows > t.rows {
		return nil, fmt.Errorf("%w: %d rows, of %d at the start", learn.ErrSum, s.rows, t.rows)
	}
	var err error
	if s.loss, err = readWide(sum[1:], s.rows); err != nil {
		return nil, fmt.Errorf("loss: %w", err)
	}
	residual := residualBits
	if t.cfg.Loss.Kind == loss.Squared {
		residual = squareBits
	}
	shrink := t.cfg.shrink()
	lambda := big.NewInt(int64(t.cfg.LambdaPermille))
	lambda.Quo(lambda.Lsh(lambda, digits), big.NewInt(permille))
	cost := new(big.Int)
	for i := range n {
		g, err := readWide(sum[headWords+wideWords*i:], s.rows)
		if err != nil {
			return nil, fmt.Errorf("gradient %d: %w", i, err)
		}
		g.Lsh(g, uint(digits-residual-16+shrink))
		row := make([]*big.Int, i+1)
		for j := range row {
			at := headWords + wideWords*(n+i*(i+1)/2+j)
			if row[j], err = readWide(sum[at:], s.rows); err != nil {
				return nil, fmt.Errorf("product %d, %d: %w", i, j, err)
			}
			row[j].Lsh(row[j], uint(digits-2*16-weightBits+shrink))
		}
		if i > 0 {
			row[i].Add(row[i], lambda)
			pull := new(big.Int).Mul(lambda, big.NewInt(value[i]))
			g.Sub(g, pull.Rsh(pull, fine))
			cost.Add(cost, new(big.Int).Mul(big.NewInt(value[i]), big.NewInt(value[i])))
		}
		s.gradient, s.products = append(s.gradient, g), append(s.products, row)
	}
	// lambda/2 times the squares, which have 64 bits after the point.
	cost.Mul(cost, lambda).Rsh(cost, digits+1+2*fine-16)
	s.loss.Add(s.loss, cost)
	return s, nil
}

// worse says whether a loss rose by more than rounding explains.
func (t *trainer) worse(s *state, best *big.Int) bool {
	slack := big.NewInt(s.rows<<16>>slackBits + 1)
	return s.loss.Cmp(slack.Add(slack, best)) > 0
}

// enough says whether a step takes next to nothing from the loss: half the product of
// gradient and step.
func (t *trainer) enough(s *state, step []*big.Int) bool {
	gain := new(big.Int)
	for i, g := range s.gradient {
		gain.Add(gain, new(big.Int).Mul(g, step[i]))
	}
	return gain.Rsh(gain, 2*digits+1-enoughBits).Cmp(big.NewInt(s.rows)) <= 0
}

// moved returns coefficients after a step, halved some times.
func (t *trainer) moved(here []int64, step []*big.Int, halvings int) ([]int64, error) {
	next := make([]int64, len(here))
	whole := new(big.Int).Lsh(big.NewInt(1), uint(digits-fine+halvings))
	for i := range next {
		by := roundQuo(step[i], whole)
		if by.Add(by, big.NewInt(here[i])); by.CmpAbs(big.NewInt(maxCoefficient)) > 0 {
			return nil, fmt.Errorf("%w: the coefficient of %s grows beyond 4096; use a lambda above %d thousandths",
				ErrSteps, t.name(i), t.cfg.LambdaPermille)
		}
		next[i] = by.Int64()
	}
	return next, nil
}

// name says which term an error is about.
func (t *trainer) name(i int) string {
	term := &t.terms[i]
	if term.Feature < 0 {
		return "the intercept"
	}
	what := fmt.Sprintf("column %d", term.Feature)
	if name := t.cfg.Features[term.Feature].Name; name != "" {
		what = fmt.Sprintf("column %q", name)
	}
	switch term.Kind {
	case Absent:
		return what + " being missing"
	case Level:
		return fmt.Sprintf("%s in bin %d", what, term.Bin)
	default:
		return what
	}
}

// named gives a dependence the name of its column.
func (t *trainer) named(err error) error {
	var d *dependence
	if !errors.As(err, &d) {
		return err
	}
	if d.term == 0 {
		return fmt.Errorf("%w: the score of every row grows without end; use a lambda above %d thousandths", ErrSteps, t.cfg.LambdaPermille)
	}
	return fmt.Errorf("%w: %s follows from the columns before it; leave it out, or use a lambda above 0", ErrCollinear, t.name(d.term))
}

// finish makes the model of the last step.
func (t *trainer) finish(s *state, f *factors, step []*big.Int, value []int64, taken int) *Model {
	m := &Model{
		Config: *t.cfg, Terms: t.terms, Value: value, Dispersion: 1 << variance,
		Rows: t.rows, Steps: taken, Attempt: t.attempt, Trace: t.trace,
	}
	if t.cfg.Loss.Kind == loss.Squared {
		m.Dispersion = t.dispersion(s, step)
	}
	for _, v := range f.inverse() {
		v.Mul(v, big.NewInt(m.Dispersion))
		m.Covariance = append(m.Covariance, heldBig(v.Rsh(v, digits)))
	}
	return m
}

// dispersion returns the sum of squared residuals over the degrees of freedom, rows less
// terms. The squares at coefficients of zero less what the step takes from them are those
// after it: S - 2 b'x + x'A x, where A x = b, and A without lambda.
func (t *trainer) dispersion(s *state, step []*big.Int) int64 {
	sum := new(big.Int).Lsh(s.loss, 2*digits-32)
	part := new(big.Int)
	for i, x := range step {
		sum.Sub(sum, part.Mul(s.gradient[i], x))
		if i > 0 {
			// x'A x = b'x - lambda x'x.
			square := new(big.Int).Mul(x, x)
			square.Mul(square, big.NewInt(int64(t.cfg.LambdaPermille))).Quo(square, big.NewInt(permille))
			sum.Sub(sum, square)
		}
	}
	free := max(1, s.rows-int64(len(t.terms)))
	sum.Rsh(sum, 2*digits-variance).Quo(sum, big.NewInt(free))
	return max(0, heldBig(sum))
}

// heldBig returns what fits of a number.
func heldBig(v *big.Int) int64 {
	switch {
	case v.IsInt64():
		return max(v.Int64(), -math.MaxInt64)
	case v.Sign() < 0:
		return -math.MaxInt64
	default:
		return math.MaxInt64
	}
}
