// Package skill says how good predictions were, each kind of target by the score that is
// natural for it. Scores are for people: they are computed with floats and never replayed.
package skill

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// ErrRows says that rows cannot be scored: none, or all of one class.
var ErrRows = errors.New("rows cannot be scored")

// Score is one number with its name.
type Score struct {
	Name  string
	Value float64
}

// String writes the value with five digits after the point, or six significant ones where
// it is very small or large.
func (s Score) String() string {
	const small, large = 1e-3, 1e6
	if a := math.Abs(s.Value); a != 0 && a < small || a >= large {
		return strconv.FormatFloat(s.Value, 'g', 6, 64)
	}
	return strconv.FormatFloat(s.Value, 'f', 5, 64)
}

// Binary scores probabilities of what happened (true) or did not: the area under the ROC
// curve, which is the chance that a row of the one class has a higher probability than one
// of the other, ties counting half; the mean logarithmic loss; and the share of rows for
// which the likelier class was right, even chances counting as no.
func Binary(happened []bool, probability []float64) ([]Score, error) {
	order := make([]int, len(happened))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case probability[a] < probability[b]:
			return -1
		case probability[a] > probability[b]:
			return 1
		}
		return 0
	})
	var yes, no, twice int64 // twice: of pairs in the right order two each, of ties one.
	var loss float64
	var right int64
	for i := 0; i < len(order); {
		var tied, tiedNo int64
		at := probability[order[i]]
		for ; i < len(order) && probability[order[i]] == at; i++ {
			if happened[order[i]] == (at > 0.5) {
				right++
			}
			if happened[order[i]] {
				tied++
				loss -= math.Log(at)
			} else {
				tiedNo++
				loss -= math.Log1p(-at)
			}
		}
		twice += tied * (2*no + tiedNo)
		yes += tied
		no += tiedNo
	}
	if yes == 0 || no == 0 {
		return nil, fmt.Errorf("%w: %d yes and %d no; both are needed", ErrRows, yes, no)
	}
	return []Score{
		{"auc", float64(twice) / (2 * float64(yes) * float64(no))},
		{"log_loss", loss / float64(len(happened))},
		{"accuracy", float64(right) / float64(len(happened))},
	}, nil
}

// Regression scores predicted means: R2, the part of the variance that they explain, and
// the root of the mean squared error.
func Regression(actual, predicted []float64) ([]Score, error) {
	if len(actual) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrRows)
	}
	mean := 0.0
	for _, y := range actual {
		mean += y / float64(len(actual))
	}
	var left, all float64
	for i, y := range actual {
		left += (y - predicted[i]) * (y - predicted[i])
		all += (y - mean) * (y - mean)
	}
	if all == 0 {
		return nil, fmt.Errorf("%w: the target is the same in all", ErrRows)
	}
	return []Score{{"r2", 1 - left/all}, {"rmse", math.Sqrt(left / float64(len(actual)))}}, nil
}

// Quantile scores predicted quantiles of a level between 0 and 1: the mean pinball loss,
// and the share of rows that lie below, which should be the level.
func Quantile(actual, predicted []float64, level float64) ([]Score, error) {
	if len(actual) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrRows)
	}
	var loss, below float64
	for i, y := range actual {
		d := y - predicted[i]
		loss += max(level*d, (level-1)*d)
		if d < 0 {
			below++
		}
	}
	n := float64(len(actual))
	return []Score{{"pinball", loss / n}, {"below", below / n}}, nil
}

// Count scores predicted means of counts: the mean Poisson deviance, and the part of the
// deviance of the overall mean that they explain.
func Count(actual, predicted []float64) ([]Score, error) {
	if len(actual) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrRows)
	}
	mean := 0.0
	for _, y := range actual {
		mean += y / float64(len(actual))
	}
	var left, all float64
	for i, y := range actual {
		left += deviance(y, predicted[i])
		all += deviance(y, mean)
	}
	if all == 0 {
		return nil, fmt.Errorf("%w: the target is the same in all", ErrRows)
	}
	return []Score{{"deviance", left / float64(len(actual))}, {"d2", 1 - left/all}}, nil
}

// Mean returns the means of several lists of the same scores, and the standard error of
// the first one; 0 for a single list.
func Mean(lists [][]Score) (means []Score, standardError float64) {
	n := float64(len(lists))
	means = slices.Clone(lists[0])
	for k := range means {
		sum := 0.0
		for _, l := range lists {
			sum += l[k].Value
		}
		means[k].Value = sum / n
	}
	if len(lists) == 1 {
		return means, 0
	}
	squares := 0.0
	for _, l := range lists {
		d := l[0].Value - means[0].Value
		squares += d * d
	}
	return means, math.Sqrt(squares / (n - 1) / n)
}

// deviance is twice the difference of log likelihoods. A mean of 0 is read as a very
// small one: the prediction said never.
func deviance(y, mean float64) float64 {
	const never = 1e-12
	mean = max(mean, never)
	if y == 0 {
		return 2 * mean
	}
	return 2 * (y*math.Log(y/mean) - (y - mean))
}
