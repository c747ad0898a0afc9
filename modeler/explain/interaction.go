package explain

import (
	"context"
	"fmt"
	"math"
)

// Interactions explain scores row by row, by features and pairs of them.
type Interactions struct {
	*Values

	// Pairs[r][i][j] is half of what features i and j add together, beyond what they add
	// alone; Pairs[r][i][i] is what is left of feature i alone, its main effect. A row of
	// the matrix adds up to the feature's value, all of it and the base to the score.
	Pairs [][][]float64
}

// maxMatrix bounds the features of interactions, maxPairs the numbers that one call returns.
const (
	maxMatrix = 1024
	maxPairs  = 1 << 27 // 1 GiB.
)

// Interactions returns the Shapley interaction values of each row (Lundberg et al. 2020,
// equations 8 to 10; Fujimoto, Kojadinovic and Marichal 2006), with the same meaning of a
// missing feature as Explain. Ask for few rows at a time: each has features² numbers.
func (x *Explainer) Interactions(ctx context.Context, rows [][]float64) (*Interactions, error) {
	m := x.features
	if err := checkMatrix(m, len(rows)); err != nil {
		return nil, err
	}
	v, err := x.Explain(ctx, rows)
	if err != nil {
		return nil, err
	}
	flat := matrix(len(rows), m*m)
	if err := x.each(ctx, rows, make([]float64, len(rows)), flat, true); err != nil {
		return nil, err
	}
	return newInteractions(v, flat), nil
}

// checkMatrix refuses more numbers than one call returns.
func checkMatrix(features, rows int) error {
	if features > maxMatrix || rows > maxPairs/(features*features) {
		return fmt.Errorf("%w: interactions of %d features in %d rows; at most %d features, and %d numbers in all: ask for fewer rows",
			ErrBounds, features, rows, maxMatrix, maxPairs)
	}
	return nil
}

// newInteractions completes matrices that are filled above their diagonals.
func newInteractions(v *Values, flat [][]float64) *Interactions {
	out := &Interactions{v, make([][][]float64, len(flat))}
	for r, all := range flat {
		m := len(v.Phi[r])
		pairs := make([][]float64, m)
		for i := range pairs {
			pairs[i] = all[i*m : (i+1)*m]
			for j := range i {
				pairs[i][j] = pairs[j][i]
			}
		}
		for i := range pairs {
			pairs[i][i] = v.Phi[r][i] - others(pairs[i], i)
		}
		out.Pairs[r] = pairs
	}
	return out
}

// others adds up all of a row but its element i.
func others(row []float64, i int) float64 {
	var sum float64
	for j, p := range row {
		if j != i {
			sum += p
		}
	}
	return sum
}

// Strength returns the mean magnitude of each pair over the rows, both halves together.
func (x *Interactions) Strength() [][]float64 {
	if len(x.Pairs) == 0 {
		return nil
	}
	m := len(x.Pairs[0])
	mean := matrix(m, m)
	for _, pairs := range x.Pairs {
		for i := range pairs {
			for j := range i {
				size := 2 * math.Abs(pairs[i][j]) / float64(len(x.Pairs))
				mean[i][j] += size
				mean[j][i] += size
			}
		}
	}
	return mean
}
