package forecast

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"comity/canon"
)

// ErrRecipe says that a recipe lacks a parameter, has an unknown one, or one out of bounds.
var ErrRecipe = errors.New("recipe refused")

// Quick is the recipe for people who wait: at most 100 sums one after another.
func Quick() map[string]canon.Int {
	return map[string]canon.Int{
		"bins": 20, "delta_permille": 250, "depth": 4, "features_permille": 500, "folds": 3, "history_weeks": 600,
		"lambda": 1, "leaf_rows": 20, "rate_permille": 450, "rounds": 20, "rows_permille": 700, "vintages": 104,
		"scale_delta_permille": 500, "scale_depth": 2, "scale_leaf_rows": 80, "scale_rate_permille": 550, "scale_rounds": 6,
	}
}

// Full is the recipe of docs/format/forecast.md with the best score.
func Full() map[string]canon.Int {
	return map[string]canon.Int{
		"bins": 32, "delta_permille": 250, "depth": 5, "features_permille": 700, "folds": 5, "history_weeks": 600,
		"lambda": 1, "leaf_rows": 20, "rate_permille": 250, "rounds": 40, "rows_permille": 700, "vintages": 104,
		"scale_delta_permille": 500, "scale_depth": 3, "scale_leaf_rows": 80, "scale_rate_permille": 200, "scale_rounds": 20,
	}
}

// recipe is a checked recipe.
type recipe struct {
	history  int // Weeks of history, the origin's own included.
	vintages int // Past snapshots, one a week, whose newest rows train as they were known.
	folds    int // Seasons are dealt into so many folds.
	bins     int
	point    booster
	scale    booster
}

// booster is how one kind of ensemble grows.
type booster struct {
	rounds, depth    int
	featuresPermille int // Share of features that a tree may use.
	rowsPermille     int // Share of rows that a tree sees.
	leafRows         int // Least sampled rows on either side of a split.
	lambda           int
	ratePermille     int
	deltaPermille    int // Where the pseudo-Huber loss turns from square to absolute, in thousandths.
}

// bound is one parameter's place and limits.
type bound struct {
	into     *int
	low, top int
}

func parseRecipe(from map[string]canon.Int) (recipe, error) {
	var r recipe
	bounds := map[string]bound{
		"history_weeks": {&r.history, 60, 2000}, "vintages": {&r.vintages, 1, 520}, "folds": {&r.folds, 2, 10}, "bins": {&r.bins, 4, 64},
		"rounds": {&r.point.rounds, 1, 200}, "depth": {&r.point.depth, 1, 8}, "features_permille": {&r.point.featuresPermille, 1, 1000},
		"rows_permille": {&r.point.rowsPermille, 1, 1000}, "leaf_rows": {&r.point.leafRows, 1, 10_000}, "lambda": {&r.point.lambda, 0, 1000},
		"rate_permille": {&r.point.ratePermille, 1, 1000}, "delta_permille": {&r.point.deltaPermille, 10, 4000},
		"scale_rounds": {&r.scale.rounds, 1, 200}, "scale_depth": {&r.scale.depth, 1, 8}, "scale_leaf_rows": {&r.scale.leafRows, 1, 10_000},
		"scale_rate_permille": {&r.scale.ratePermille, 1, 1000}, "scale_delta_permille": {&r.scale.deltaPermille, 10, 4000},
	}
	for _, name := range slices.Sorted(maps.Keys(bounds)) {
		b := bounds[name]
		v, ok := from[name]
		if !ok {
			return r, fmt.Errorf("%w: %s is missing; copy it from Quick or Full", ErrRecipe, name)
		}
		if v < canon.Int(b.low) || v > canon.Int(b.top) {
			return r, fmt.Errorf("%w: %s is %d, must lie within %d and %d", ErrRecipe, name, v, b.low, b.top)
		}
		*b.into = int(v)
	}
	if len(from) != len(bounds) {
		for _, name := range slices.Sorted(maps.Keys(from)) {
			if _, ok := bounds[name]; !ok {
				return r, fmt.Errorf("%w: unknown parameter %.40q; remove it", ErrRecipe, name)
			}
		}
	}
	if r.vintages > r.history-warmup {
		return r, fmt.Errorf("%w: %d vintages in %d weeks of history; use at most %d", ErrRecipe, r.vintages, r.history, r.history-warmup)
	}
	r.scale.featuresPermille, r.scale.rowsPermille, r.scale.lambda = r.point.featuresPermille, r.point.rowsPermille, r.point.lambda
	return r, nil
}

// steps is how many sums follow one another: the region, the bins, a start
// and every level of every round, the trust, the same for the scale, the residuals.
func (r recipe) steps() int {
	return 2 + (1 + r.point.rounds*r.point.depth) + 1 + (1 + r.scale.rounds*r.scale.depth) + 1
}
