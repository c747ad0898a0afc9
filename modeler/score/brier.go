package score

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"comity/modeler/interval"
)

// Brier is the mean of (p - came)² over yes-no forecasts, and what it is made of. Two ways
// to take it apart are given, because one depends on bins and the other does not.
type Brier struct {
	N     int
	Score float64 // From 0, best, to 1.

	// By bins: Score = Reliability - Resolution + Uncertainty + Within. Source: Murphy, "A
	// new vector partition of the probability score", J. Applied Meteorology 12 (1973); the
	// last term, variance less twice the covariance inside the bins, makes it hold for
	// forecasts that differ within a bin: Stephenson, Coelho and Jolliffe, "Two extra
	// components in the Brier score decomposition", Weather and Forecasting 23 (2008).
	Reliability float64 // How far forecasts are from frequencies; 0 is best.
	Resolution  float64 // How far frequencies are from the base rate; more is better.
	Uncertainty float64 // Of the base rate alone: the score of who knows nothing else.
	Within      float64
	Bins        []Bin // Those with forecasts.

	// By the best monotone recalibration: Score = Miscalibration - Discrimination +
	// Uncertainty, with neither bins nor anything to choose. Source: Dimitriadis, Gneiting
	// and Jordan, "Stable reliability diagrams for probabilistic classifiers", PNAS 118
	// (2021), equation 3.
	Miscalibration, Discrimination float64
}

// Bin is one point of a reliability diagram: how often the event came when forecasts
// between Low and High said so.
type Bin struct {
	Low, High float64
	Forecast  float64        // Mean.
	Frequency interval.Share // With Wilson's 95 % interval.
}

// Event is one yes-no forecast and what came of it.
type Event struct {
	P    float64 // Within 0 and 1.
	Came bool
}

// maxBins bounds the diagram; ten is usual.
const maxBins = 1000

// NewBrier scores events with 1 to 1000 even bins, the last of which includes 1. Errors
// wrap ErrForecast.
func NewBrier(events []Event, bins int) (Brier, error) {
	if len(events) == 0 || bins < 1 || bins > maxBins {
		return Brier{}, fmt.Errorf("%w: %d events in %d bins; give at least 1, and 1 to %d bins", ErrForecast, len(events), bins, maxBins)
	}
	b := Brier{N: len(events)}
	var came float64
	for i, e := range events {
		if !(e.P >= 0 && e.P <= 1) {
			return Brier{}, fmt.Errorf("%w: event %d has probability %v", ErrForecast, i, e.P)
		}
		b.Score += loss(e.P, e.Came)
		came += truth(e.Came)
	}
	n := float64(len(events))
	b.Score /= n
	base := came / n
	b.Uncertainty = base * (1 - base)
	if err := b.bin(events, bins, base); err != nil {
		return Brier{}, err
	}
	b.recalibrate(events)
	return b, nil
}

func truth(came bool) float64 {
	if came {
		return 1
	}
	return 0
}

func loss(p float64, came bool) float64 { return (p - truth(came)) * (p - truth(came)) }

// bin fills in the decomposition by bins.
func (b *Brier) bin(events []Event, bins int, base float64) error {
	type tally struct {
		n, came           int
		inside, forecasts float64
	}
	all := make([]tally, bins)
	of := func(p float64) *tally { return &all[min(int(p*float64(bins)), bins-1)] }
	for _, e := range events {
		t := of(e.P)
		t.n, t.forecasts = t.n+1, t.forecasts+e.P
		if e.Came {
			t.came++
		}
	}
	for _, e := range events {
		// Within: mean of (p - p̄)² - 2 (p - p̄)(y - ȳ) in the bin.
		t := of(e.P)
		d := e.P - t.forecasts/float64(t.n)
		t.inside += d*d - 2*d*(truth(e.Came)-float64(t.came)/float64(t.n))
	}
	n := float64(len(events))
	for k, t := range all {
		if t.n == 0 {
			continue
		}
		share, err := interval.Wilson(t.came, t.n, .95)
		if err != nil {
			return err
		}
		mean, of := t.forecasts/float64(t.n), float64(t.n)
		b.Reliability += of / n * (mean - share.Value) * (mean - share.Value)
		b.Resolution += of / n * (share.Value - base) * (share.Value - base)
		b.Within += t.inside / n
		b.Bins = append(b.Bins, Bin{float64(k) / float64(bins), float64(k+1) / float64(bins), mean, share})
	}
	return nil
}

// recalibrate fills in the decomposition by the isotonic regression of outcomes on
// forecasts, found by pooling neighbours that fall.
func (b *Brier) recalibrate(events []Event) {
	order := slices.SortedFunc(slices.Values(events), func(x, y Event) int { return cmp.Compare(x.P, y.P) })
	type pool struct{ n, came float64 }
	var pools []pool
	for i := 0; i < len(order); {
		var p pool
		for j := i; i < len(order) && order[i].P == order[j].P; i++ { // Equal forecasts stay equal.
			p.n, p.came = p.n+1, p.came+truth(order[i].Came)
		}
		for k := len(pools) - 1; k >= 0 && pools[k].came*p.n >= p.came*pools[k].n; k-- {
			p.n, p.came = p.n+pools[k].n, p.came+pools[k].came
			pools = pools[:k]
		}
		pools = append(pools, p)
	}
	var recalibrated float64
	for _, p := range pools {
		rate := p.came / p.n
		recalibrated += p.n * rate * (1 - rate)
	}
	recalibrated /= float64(len(events))
	b.Miscalibration = max(0, b.Score-recalibrated)
	b.Discrimination = math.Max(0, b.Uncertainty-recalibrated)
}
