package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"comity"
	"comity/exact"
	"comity/party"
)

const (
	medianLevel = 500 // In thousandths, as comity.QuantileLevels.
	maxWeeks    = 104 // No forecast of a public body looks further than two years.
)

// ratio answers picture.ratio_w<N>: the median forecast N weeks ahead over the
// series' own reference level. Of several series at one place the largest ratio
// counts: the worst danger decides. A party without such a series gets the lower
// median of the receivers that have one, because missing data never cuts an
// allocation; a series whose reference is not positive counts as missing.
func (s *source) ratio(value string, id party.ID) (exact.Rat, error) {
	digits, ok := strings.CutPrefix(value, "ratio_w")
	weeks, err := strconv.Atoi(digits)
	if !ok || err != nil || weeks < 1 || weeks > maxWeeks || strconv.Itoa(weeks) != digits {
		return exact.Rat{}, fmt.Errorf("%w: picture.%s; write picture.ratio_w1 to picture.ratio_w%d", ErrInput, value, maxWeeks)
	}
	if s.ratios[weeks] == nil {
		if s.ratios[weeks], err = ratios(s.picture, s.unit, s.receivers, weeks); err != nil {
			return exact.Rat{}, err
		}
	}
	k, _ := slices.BinarySearch(s.receivers, id)
	return s.ratios[weeks][k], nil
}

func ratios(p comity.Picture, unit string, receivers []party.ID, weeks int) ([]exact.Rat, error) {
	found := make([]*exact.Rat, len(receivers))
	for _, series := range p.Series {
		k, ok := slices.BinarySearch(receivers, series.Place)
		if !ok || series.Reference <= 0 {
			continue
		}
		if series.Unit != unit {
			return nil, fmt.Errorf("%w: %s at %s is in %q, the charter's models are in %q", ErrUnit, series.Target, series.Place, series.Unit, unit)
		}
		r, err := seriesRatio(series, weeks)
		if err != nil {
			return nil, err
		}
		if r != nil && (found[k] == nil || r.Cmp(*found[k]) > 0) {
			found[k] = r
		}
	}
	var present []exact.Rat
	for _, r := range found {
		if r != nil {
			present = append(present, *r)
		}
	}
	if len(present) == 0 {
		return nil, fmt.Errorf("%w: no receiving party has a forecast %d weeks ahead; the rows are too old: give the members newer ones", ErrPicture, weeks)
	}
	slices.SortFunc(present, exact.Rat.Cmp)
	typical := present[(len(present)-1)/2]
	list := make([]exact.Rat, len(receivers))
	for k, r := range found {
		list[k] = typical
		if r != nil {
			list[k] = *r
		}
	}
	return list, nil
}

// seriesRatio returns nil if the series has no such horizon.
func seriesRatio(s comity.Series, weeks int) (*exact.Rat, error) {
	for _, h := range s.Horizons {
		if h.Weeks != weeks {
			continue
		}
		if len(h.Quantiles) != len(comity.QuantileLevels) {
			return nil, fmt.Errorf("%w: %s at %s has %d quantiles, want %d", ErrPicture, s.Target, s.Place, len(h.Quantiles), len(comity.QuantileLevels))
		}
		r, err := exact.Ratio(int64(h.Quantiles[slices.Index(comity.QuantileLevels[:], medianLevel)]), int64(s.Reference))
		return &r, err
	}
	return nil, nil
}
