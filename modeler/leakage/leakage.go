// Package leakage attacks a model before others do: can somebody tell from it whether a
// person's row was in the training, and does what was published of the training give rows
// away?
//
// The attacks know more than any real attacker would: they train as many models as they
// like with the same recipe on the same kind of rows, and know every row but the answer to
// the question. What they find is a lower bound of what leaks, never a proof that no more
// does; the proof is the privacy charged by package privacy.
package leakage

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"comity/chance"
	"comity/modeler/interval"
)

var (
	// ErrInput says that an attack cannot be run so.
	ErrInput = errors.New("attack cannot be run")
	// ErrTrain wraps the error of a training.
	ErrTrain = errors.New("training failed")
)

// Train fits a model to the rows that are in, with everything that depends on rows, and
// returns for every row of the pool, in or not, how confident the model is of its true
// answer: Logit for yes and no, minus a loss for numbers. run tells the trainings apart, so
// that private ones draw other noise each time.
type Train func(run int, in []bool) (confidence []float64, err error)

// Logit returns ln(p/(1-p)) of the probability p given to the true answer, held within
// ±16: of all monotone scales it is the one on which the confidences of many trainings look
// normal. Source: Carlini and others (see Membership), section IV.A.
func Logit(p float64, came bool) float64 {
	const least = 1e-7 // As logits of ±16.1: beyond, only rounding is left.
	if !came {
		p = 1 - p
	}
	p = min(max(p, least), 1-least)
	return math.Log(p / (1 - p))
}

// Config says how hard to try.
type Config struct {
	// References are trainings that say what confidences look like with a row and without
	// it: an even number, 8 to 1024.
	References int
	// Targets are trainings that are attacked, 1 to 1024: more of them make rates and bounds
	// surer, and no attack stronger.
	Targets int
	Seed    chance.Seed
	Delta   float64 // Of the claim under audit; 0 for none.
	// Confidence of the lower bound of epsilon: .95.
	Confidence float64
}

// Bounds of an audit.
const (
	leastReferences, mostModels = 8, 1024
	// MaxRows bounds the pool.
	MaxRows   = 1 << 20
	maxScores = 1 << 27
)

// Membership is what the likelihood ratio attack finds out.
type Membership struct {
	Rows   int
	Models int     // Trainings.
	AUC    float64 // Of telling members from others: .5 is guessing, 1 certainty.
	// Rate1 and RateTenth are the shares of members that are found when 1 % and .1 % of the
	// others are taken for members: .01 and .001 is guessing. They show what AUC hides, that
	// a few people may be given away for certain.
	Rate1, RateTenth float64
	// Epsilon is the largest privacy loss that the attack refutes: with the stated
	// confidence no training with less could have been attacked so well.
	Epsilon float64
	Guesses int // That it rests on, and
	Right   int // how many of them are right.
	// Estimate is the privacy loss that the best of many thresholds would show if its rates
	// were exact and independent: no bound, but what others report.
	Estimate float64
}

// Attack runs the online likelihood ratio attack.
//
// Every row is in each target with probability one half, by a coin of its own. The
// references say how confident models are of a row when it was in and when it was not; the
// score of a row is the log of the ratio of the two normal densities at the target's
// confidence. Source: Carlini, Chien, Nasr, Song, Terzis and Tramèr, "Membership inference
// attacks from first principles", IEEE S&P (2022), algorithm 1, with a spread for each row.
//
// References come in pairs, the second with the rows that the first left out, so that
// every row is in exactly half of them. Where that number differs by row, or targets are
// references of one another, scores tell members apart although nothing leaks: the rate at
// 1 % then reads .013.
func Attack(rows int, train Train, c Config) (Membership, error) {
	if err := c.check(rows); err != nil {
		return Membership{}, err
	}
	r, err := newReferences(rows, train, c)
	if err != nil {
		return Membership{}, err
	}
	var all []guess
	for target := range c.Targets {
		in := coins(rows, chance.Derive(c.Seed, "target", fmt.Sprint(target)))
		confidence, err := observe(c.References+target, train, in)
		if err != nil {
			return Membership{}, err
		}
		for i, v := range confidence {
			all = append(all, guess{r.score(i, v), in[i]})
		}
	}
	m := Membership{Rows: rows, Models: c.References + c.Targets}
	order := byScore(all)
	m.rates(order)
	m.audit(order, c)
	return m, nil
}

func (c Config) check(rows int) error {
	switch {
	case c.References < leastReferences || c.References > mostModels || c.References%2 != 0:
		return fmt.Errorf("%w: %d references; give an even number of %d to %d", ErrInput, c.References, leastReferences, mostModels)
	case c.Targets < 1 || c.Targets > mostModels:
		return fmt.Errorf("%w: %d targets; give 1 to %d", ErrInput, c.Targets, mostModels)
	case rows < 2 || rows > MaxRows || rows*c.Targets > maxScores:
		return fmt.Errorf("%w: %d rows in %d targets; give 2 to %d rows, and at most %d times targets", ErrInput, rows, c.Targets, MaxRows, maxScores)
	case !(c.Delta >= 0 && c.Delta < 1):
		return fmt.Errorf("%w: delta %v; give 0 to below 1", ErrInput, c.Delta)
	case !(c.Confidence > 0 && c.Confidence < 1):
		return fmt.Errorf("%w: confidence %v; give a number between 0 and 1", ErrInput, c.Confidence)
	}
	return nil
}

// coins draws who is in.
func coins(rows int, seed chance.Seed) []bool {
	in, coin := make([]bool, rows), chance.NewStream(seed)
	for i := range in {
		in[i] = coin.Uint64()>>63 == 1
	}
	return in
}

// observe trains one model.
func observe(run int, train Train, in []bool) ([]float64, error) {
	confidence, err := train(run, slices.Clone(in))
	if err != nil {
		return nil, fmt.Errorf("%w: model %d: %w", ErrTrain, run, err)
	}
	if len(confidence) != len(in) {
		return nil, fmt.Errorf("%w: model %d says something of %d rows, of %d", ErrInput, run, len(confidence), len(in))
	}
	for i, v := range confidence {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%w: model %d is confident %v of row %d", ErrInput, run, v, i)
		}
	}
	return confidence, nil
}

// references say, by row, how confident models without it (0) and with it (1) were.
type references [][2]spread

func newReferences(rows int, train Train, c Config) (references, error) {
	r := make(references, rows)
	for pair := range c.References / 2 {
		in := coins(rows, chance.Derive(c.Seed, "references", fmt.Sprint(pair)))
		for second := range 2 {
			confidence, err := observe(2*pair+second, train, in)
			if err != nil {
				return nil, err
			}
			for i, v := range confidence {
				r[i][index(in[i])].add(v)
				in[i] = !in[i]
			}
		}
	}
	return r, nil
}

// score returns the log likelihood ratio of one confidence.
func (r references) score(row int, v float64) float64 { return r[row][1].log(v) - r[row][0].log(v) }

func index(in bool) int {
	if in {
		return 1
	}
	return 0
}

// spread is the mean and spread of values as they come (Welford, "Note on a method for
// calculating corrected sums of squares and products", Technometrics 4 (1962)).
type spread struct{ n, mean, squares float64 }

func (s *spread) add(v float64) {
	s.n++
	d := v - s.mean
	s.mean += d / s.n
	s.squares += d * (v - s.mean)
}

// leastSpread is added to the spread of a row's confidences, so that a row on which all
// models agree to the last digit does not divide by zero: a thousandth of a logit.
const leastSpread = 1e-3

// log returns the log of the normal density at v, less what is the same for all.
func (s *spread) log(v float64) float64 {
	sd := math.Sqrt(s.squares/s.n) + leastSpread
	z := (v - s.mean) / sd
	return -math.Log(sd) - z*z/2
}

// guess is a row of one target: how much it looks like a member, and whether it was one.
type guess struct {
	score float64
	in    bool
}

// byScore sorts guesses from the likeliest member down.
func byScore(all []guess) []guess {
	return slices.SortedStableFunc(slices.Values(all), func(x, y guess) int { return cmp.Compare(y.score, x.score) })
}

// rates fills in what a threshold on the score can do. Guesses of one score stand or fall
// together.
func (m *Membership) rates(order []guess) {
	var in, out float64
	for _, g := range order {
		if g.in {
			in++
		} else {
			out++
		}
	}
	var found, wrong, area float64
	for k := 0; k < len(order); {
		var f, w float64
		for s := order[k].score; k < len(order) && order[k].score == s; k++ {
			if order[k].in {
				f++
			} else {
				w++
			}
		}
		area += w * (found + f/2)
		found, wrong = found+f, wrong+w
		if wrong <= .01*out {
			m.Rate1 = found / in
		}
		if wrong <= .001*out {
			m.RateTenth = found / in
		}
		m.Estimate = max(m.Estimate, estimate(found, in, wrong, out))
	}
	m.AUC = area / (in * out)
}

// estimate is ln(TPR/FPR) with both rates at the unlikelier end of their 95 % intervals,
// for thresholds that take at least 20 for members.
func estimate(found, in, wrong, out float64) float64 {
	const least = 20
	if found+wrong < least || found+wrong > (in+out)/2 {
		return 0
	}
	f, err := interval.Wilson(int(found), int(in), .95)
	w, err2 := interval.Wilson(int(wrong), int(out), .95)
	if err != nil || err2 != nil || f.Low <= 0 {
		return 0
	}
	return math.Log(f.Low / w.High)
}
