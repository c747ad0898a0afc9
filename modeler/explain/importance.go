package explain

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"comity/chance"
)

// Importance is how much a feature matters, and how sure that is.
type Importance struct {
	Feature int
	Mean    float64
	// SE is the standard error of Mean: how far that of other rows of the same kind, and
	// other permutations, would lie from it. NaN with fewer than two rows.
	SE float64
}

// Importances returns the mean magnitude of each feature's values over the rows, which is
// in units of the score, with its standard error.
func (v *Values) Importances() []Importance {
	var t Tally
	t.Add(v)
	return t.Importances()
}

// Tally adds up the importances of many rows, explained some at a time.
type Tally struct {
	rows          float64
	sums, squares []float64 // By feature, of magnitudes.
}

// Add counts the rows of v, which has the features of those before.
func (t *Tally) Add(v *Values) {
	for _, phi := range v.Phi {
		if t.sums == nil {
			t.sums, t.squares = make([]float64, len(phi)), make([]float64, len(phi))
		}
		t.rows++
		for f, p := range phi {
			t.sums[f] += math.Abs(p)
			t.squares[f] += p * p
		}
	}
}

// Importances returns the importances of all rows so far, by feature.
func (t *Tally) Importances() []Importance {
	out := make([]Importance, len(t.sums))
	for f := range out {
		mean := t.sums[f] / t.rows
		variance := max(0, t.squares[f]-t.rows*mean*mean) / (t.rows - 1)
		out[f] = Importance{f, mean, math.Sqrt(variance / t.rows)}
	}
	return out
}

// meanOf returns a mean and its standard error.
func meanOf(values []float64) (mean, se float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	var squares float64
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(squares / (n - 1) / n)
}

// Trial is a permutation test of features: by how much the model is worse when a feature
// tells nothing.
type Trial struct {
	Score   func(row []float64) float64          // The model.
	Loss    func(row int, score float64) float64 // How bad a score is for row number row; smaller is better.
	Rows    [][]float64                          // At least 2.
	Seed    chance.Seed                          // Of the public permutations.
	Repeats int                                  // Permutations of each feature: 1 to 1000.
}

// maxRepeats bounds the permutations of each feature.
const maxRepeats = 1000

// Permutation returns by how much the mean loss grows when the values of a feature change
// places among the rows (Breiman, "Random forests", 2001; Fisher, Rudin and Dominici, "All
// models are wrong, but many are useful", 2019, equation 3.2). The permutations are those of
// the public coin, one stream for each feature and repeat, so that anybody finds the same
// numbers.
//
// A growth belongs to two rows, the one that receives a value and the one that gave it. The
// standard error is that of the mean over rows of what a row received and gave together
// (Hoeffding's projection of such a statistic: van der Vaart, "Asymptotic Statistics", 1998,
// theorem 12.3). With few repeats it errs on the large side.
func (t *Trial) Permutation(ctx context.Context) ([]Importance, error) {
	n := len(t.Rows)
	if n < 2 || t.Repeats < 1 || t.Repeats > maxRepeats {
		return nil, fmt.Errorf("%w: %d rows and %d repeats; give at least 2 rows and 1 to %d repeats", ErrBounds, n, t.Repeats, maxRepeats)
	}
	m := len(t.Rows[0])
	if err := checkRows(t.Rows, m); err != nil {
		return nil, err
	}
	plain := make([]float64, n)
	for r, row := range t.Rows {
		plain[r] = t.Loss(r, t.Score(row))
	}
	out := make([]Importance, m)
	for f := range out {
		both := make([]float64, n)
		for repeat := range t.Repeats {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			seed := chance.Derive(t.Seed, "permutation", strconv.Itoa(f), strconv.Itoa(repeat))
			t.once(f, chance.NewStream(seed).Perm(n), plain, both)
		}
		mean, se := meanOf(both)
		out[f] = Importance{f, mean / 2, se}
	}
	return out, nil
}

// once permutes feature f and adds the growth of each row's loss to both rows that took
// part, as a share of all repeats.
func (t *Trial) once(f int, order []int, plain, both []float64) {
	mixed := make([]float64, len(t.Rows[0]))
	for r, row := range t.Rows {
		copy(mixed, row)
		mixed[f] = t.Rows[order[r]][f]
		growth := (t.Loss(r, t.Score(mixed)) - plain[r]) / float64(t.Repeats)
		both[r] += growth
		both[order[r]] += growth
	}
}

// Gains returns by feature how much its splits take apart what the trees say: at each
// split, the cover-weighted squares of the two sides' mean values less that of the node's,
// summed over all nodes. It is what the splits of a squared loss gained, read off the
// finished trees, and it favours features with many cuts; the other importances do not.
func (e *Ensemble) Gains() ([]float64, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if !e.Covered() {
		return nil, fmt.Errorf("%w: its trees do not say how many rows came where; count them with Recover", ErrModel)
	}
	gains := make([]float64, e.Features)
	for _, t := range e.Trees {
		mean := make([]float64, len(t))
		for at := len(t) - 1; at >= 0; at-- { // Children stand behind their parents.
			n := &t[at]
			if n.Feature < 0 {
				mean[at] = n.Value
				continue
			}
			to := share(t, n)
			left, right := mean[n.Left], mean[n.Right]
			mean[at] = to*left + (1-to)*right
			gains[n.Feature] += n.Cover * to * (1 - to) * (left - right) * (left - right)
		}
	}
	return gains, nil
}
