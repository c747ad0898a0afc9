package explain

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// Shape is how the score moves with one feature.
type Shape struct {
	Feature int
	Points  []Point // By value, ascending; a missing value stands first, as NaN.
}

// Point is a shape at one value.
type Point struct {
	Value float64
	Mean  float64 // What the value adds to the score.
	SE    float64 // Standard error of Mean; 0 where the shape is the model itself, NaN with fewer than two rows.
	Count int     // Rows with this value.
}

// Dependence returns the partial dependence of a score on a feature (Friedman, "Greedy
// function approximation", 2001, section 8.2): the mean score of the background when all
// its rows have the value, less the mean over all values of the grid weighted by how many
// rows have them. The standard error is that of the mean of the rows' own curves, each
// centred the same way (Goldstein et al., "Peeking inside the black box", 2015), so that
// it grows where rows disagree, which is where the feature acts together with others.
func Dependence(ctx context.Context, score func(row []float64) float64, background [][]float64, feature int, grid []float64) (*Shape, error) {
	if len(background) == 0 || len(grid) == 0 {
		return nil, fmt.Errorf("%w: %d rows and %d values; give at least one of each", ErrRows, len(background), len(grid))
	}
	if m := len(background[0]); feature < 0 || feature >= m {
		return nil, fmt.Errorf("%w: feature %d of %d", ErrBounds, feature, m)
	} else if err := checkRows(background, m); err != nil {
		return nil, err
	}
	grid = slices.Clone(grid)
	slices.SortFunc(grid, cmp.Compare) // Not a number stands first.
	s := &Shape{feature, make([]Point, len(grid))}
	for i, x := range grid {
		s.Points[i].Value = x
	}
	for _, row := range background {
		if i, found := slices.BinarySearchFunc(grid, row[feature], cmp.Compare[float64]); found {
			s.Points[i].Count++
		}
	}
	curves, err := s.curves(ctx, score, background)
	if err != nil {
		return nil, err
	}
	column := make([]float64, len(background))
	for i := range s.Points {
		for r := range curves {
			column[r] = curves[r][i]
		}
		s.Points[i].Mean, s.Points[i].SE = meanOf(column)
	}
	return s, nil
}

// curves returns by row the centred scores at all values.
func (s *Shape) curves(ctx context.Context, score func(row []float64) float64, background [][]float64) ([][]float64, error) {
	curves := matrix(len(background), len(s.Points))
	mixed := make([]float64, len(background[0]))
	counted := 0
	for _, p := range s.Points {
		counted += p.Count
	}
	for r, row := range background {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		copy(mixed, row)
		var mean float64
		for i, p := range s.Points {
			mixed[s.Feature] = p.Value
			curves[r][i] = score(mixed)
			weight := 1 / float64(len(s.Points)) // Where no row has any value of the grid.
			if counted > 0 {
				weight = float64(p.Count) / float64(counted)
			}
			mean += weight * curves[r][i]
		}
		for i := range s.Points {
			curves[r][i] -= mean
		}
	}
	return curves, nil
}

// Effects returns what the values of a feature added in these rows: by value, the mean of
// what is given for each row (a column of Values.Phi, or of the diagonals of
// Interactions.Pairs for main effects alone) with its standard error.
func Effects(rows [][]float64, feature int, added func(row int) float64) (*Shape, error) {
	byValue := map[float64][]float64{}
	var missing []float64
	for r, row := range rows {
		if feature < 0 || feature >= len(row) {
			return nil, fmt.Errorf("%w: feature %d of %d", ErrBounds, feature, len(row))
		}
		if x := row[feature]; math.IsNaN(x) {
			missing = append(missing, added(r)) // Not a number is no key.
		} else {
			byValue[x] = append(byValue[x], added(r))
		}
	}
	s := &Shape{Feature: feature}
	add := func(x float64, all []float64) {
		mean, se := meanOf(all)
		s.Points = append(s.Points, Point{x, mean, se, len(all)})
	}
	if missing != nil {
		add(math.NaN(), missing)
	}
	for x, all := range byValue {
		add(x, all)
	}
	slices.SortFunc(s.Points, func(a, b Point) int { return cmp.Compare(a.Value, b.Value) })
	return s, nil
}
