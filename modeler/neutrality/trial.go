package neutrality

import (
	"fmt"
	"math"
	"slices"

	"comity/chance"
	"comity/modeler/interval"
)

// Fit trains on the rows that are kept and returns a prediction for every row.
type Fit func(keep []bool) (predicted []float64, err error)

// Trial is what is predicted for each row by models that were not fitted to it: with
// everybody's rows, without one party's, and with a party's own alone.
type Trial struct {
	Parties  []string // Ascending.
	Of       []int    // By row: its party.
	Together []float64
	Without  [][]float64 // By party left out, then by row.
	Alone    []float64   // By row: of its own party's model; NaN where that party can train none.
	// Unable says, by party, why it cannot train alone; empty where it can.
	Unable []string
}

// Bounds of a trial, which trains twice a party and fold, and keeps a prediction for each
// row without each party.
const (
	MaxParties     = 200
	maxPredictions = 1 << 26
)

// Try runs a trial. party and fold say, by row, whose it is and in which part it is held
// out. A party that cannot train alone, for instance because it has one row or only one
// answer, is noted; every other training must succeed.
func Try(party []string, fold []int, fit Fit) (*Trial, error) {
	if len(party) == 0 || len(fold) != len(party) {
		return nil, fmt.Errorf("%w: %d rows with a party, %d with a fold", ErrInput, len(party), len(fold))
	}
	t := &Trial{Parties: slices.Compact(slices.Sorted(slices.Values(party))), Of: make([]int, len(party))}
	if len(t.Parties) > MaxParties || len(t.Parties)*len(party) > maxPredictions {
		return nil, fmt.Errorf("%w: %d parties with %d rows; at most %d parties, and %d times rows: take a sample", ErrInput, len(t.Parties), len(party), MaxParties, maxPredictions)
	}
	for i, p := range party {
		t.Of[i], _ = slices.BinarySearch(t.Parties, p)
	}
	blank := func() []float64 { return slices.Repeat([]float64{math.NaN()}, len(party)) }
	t.Together, t.Alone, t.Unable = blank(), blank(), make([]string, len(t.Parties))
	folds := slices.Compact(slices.Sorted(slices.Values(fold)))
	run := trialRun{fold, fit}
	for _, f := range folds {
		if err := run.into(t.Together, f, func(int) bool { return true }, func(int) bool { return true }); err != nil {
			return nil, fmt.Errorf("%w: together, without fold %d: %w", ErrTrain, f, err)
		}
	}
	if len(t.Parties) == 1 { // Together is alone.
		copy(t.Alone, t.Together)
		return t, nil
	}
	for p := range t.Parties {
		t.Without = append(t.Without, blank())
		others := func(i int) bool { return t.Of[i] != p }
		own := func(i int) bool { return t.Of[i] == p }
		for _, f := range folds {
			if err := run.into(t.Without[p], f, others, func(int) bool { return true }); err != nil {
				return nil, fmt.Errorf("%w: without %s and fold %d: %w", ErrTrain, t.Parties[p], f, err)
			}
			if err := run.into(t.Alone, f, own, own); err != nil && t.Unable[p] == "" {
				t.Unable[p] = err.Error()
			}
		}
		if t.Unable[p] != "" { // Some folds of a party would be no fair sample of it.
			for i := range t.Alone {
				if own(i) {
					t.Alone[i] = math.NaN()
				}
			}
		}
	}
	return t, nil
}

// trialRun trains on all folds but one.
type trialRun struct {
	fold []int
	fit  Fit
}

// into fits to the rows outside the fold that may be used, and notes the predictions for
// those inside that are wanted.
func (r trialRun) into(predicted []float64, fold int, use, want func(i int) bool) error {
	keep, wanted := make([]bool, len(r.fold)), false
	for i, f := range r.fold {
		keep[i] = f != fold && use(i)
		wanted = wanted || f == fold && want(i)
	}
	if !wanted {
		return nil
	}
	p, err := r.fit(keep)
	if err != nil {
		return err
	}
	if len(p) != len(predicted) {
		return fmt.Errorf("%w: %d predictions of %d rows", ErrInput, len(p), len(predicted))
	}
	for i, f := range r.fold {
		if f == fold && want(i) {
			predicted[i] = p[i]
		}
	}
	return nil
}

// Influence is what a party's rows do to the model.
type Influence struct {
	Party string
	Rows  int
	// Moves is the mean of how far predictions for the others' rows move when the party
	// joins, in the unit of predictions.
	Moves interval.Mean
	Most  float64 // The furthest that one of them moves.
	// Helps is the mean of how much the others lose less with the party in: above 0 its rows
	// are good for the others.
	Helps interval.Mean
	// Unlike says that Moves lies wholly above Usual: rows that move others so far are not
	// like the others' rows.
	Unlike bool
	// Usual is twice the median of what other parties move, at the upper ends of their
	// intervals, each by as many times more as this party has more rows than it. Twice,
	// because parties differ for good reasons: of twelve stations for air in one town, none
	// moves the others by more.
	Usual float64
}

// Influence returns what each party's rows do to the others, with intervals that all hold at
// once. It needs two parties.
func (t *Trial) Influence(truth []float64, loss func(truth, predicted float64) float64, c Config) ([]Influence, error) {
	if len(t.Parties) < 2 || len(truth) != len(t.Of) {
		return nil, fmt.Errorf("%w: %d parties and %d truths of %d rows; influence needs two parties", ErrInput, len(t.Parties), len(truth), len(t.Of))
	}
	var all []Influence
	moves, helps := make([][]float64, len(t.Parties)), make([][]float64, len(t.Parties))
	for p, name := range t.Parties {
		in := Influence{Party: name}
		for i, of := range t.Of {
			if of == p {
				in.Rows++
				continue
			}
			d := math.Abs(t.Together[i] - t.Without[p][i])
			in.Most = max(in.Most, d)
			moves[p] = append(moves[p], d)
			helps[p] = append(helps[p], loss(truth[i], t.Without[p][i])-loss(truth[i], t.Together[i]))
		}
		all = append(all, in)
	}
	// Two measures share the error.
	many := interval.Many{Confidence: 1 - (1-c.Confidence)/2, Seed: chance.Derive(c.Seed, "influence")}
	moved, err := many.Means(moves)
	if err != nil {
		return nil, err
	}
	helped, err := many.Means(helps)
	if err != nil {
		return nil, err
	}
	for p := range all {
		all[p].Moves, all[p].Helps = moved[p], helped[p]
	}
	for p := range all {
		var others []float64
		for o, other := range all {
			if o != p {
				others = append(others, other.Moves.High*max(1, float64(all[p].Rows)/float64(other.Rows)))
			}
		}
		slices.Sort(others)
		all[p].Usual = 2 * others[len(others)/2]
		all[p].Unlike = all[p].Moves.Low > all[p].Usual
	}
	return all, nil
}

// Contribution is one line of the ledger: what a party brought and what it got.
type Contribution struct {
	Party  string
	Rows   int
	Alone  float64 // Mean loss on its rows of a model of its rows alone; NaN if it can train none.
	Shared float64 // Of the model of everybody's rows.
	// Gain is the mean of how much less its rows lose together than alone: above 0 the
	// party is better off for taking part.
	Gain   interval.Mean
	Unable string // Why it can train none alone.
}

// Ledger returns what each party gained against training alone, with intervals that all hold
// at once.
func (t *Trial) Ledger(truth []float64, loss func(truth, predicted float64) float64, c Config) ([]Contribution, error) {
	if len(truth) != len(t.Of) {
		return nil, fmt.Errorf("%w: %d truths of %d rows", ErrInput, len(truth), len(t.Of))
	}
	all, gains := make([]Contribution, len(t.Parties)), make([][]float64, len(t.Parties))
	for p, name := range t.Parties {
		all[p] = Contribution{Party: name, Unable: t.Unable[p]}
	}
	for i, p := range t.Of {
		all[p].Rows++
		shared := loss(truth[i], t.Together[i])
		all[p].Shared += shared
		if t.Unable[p] == "" {
			alone := loss(truth[i], t.Alone[i])
			all[p].Alone += alone
			gains[p] = append(gains[p], alone-shared)
		}
	}
	means, err := interval.Many{Confidence: c.Confidence, Seed: chance.Derive(c.Seed, "ledger")}.Means(gains)
	if err != nil {
		return nil, err
	}
	for p := range all {
		all[p].Shared /= float64(all[p].Rows)
		all[p].Alone /= float64(all[p].Rows)
		if all[p].Unable != "" {
			all[p].Alone = math.NaN()
		}
		all[p].Gain = means[p]
	}
	return all, nil
}
