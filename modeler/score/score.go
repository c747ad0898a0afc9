// Package score says how good forecasts were: by proper scoring rules, by how well they
// are calibrated, by whether one forecaster beats another beyond chance, and for quantile
// forecasts by the weighted interval score and the ratios that forecast hubs publish.
//
// It is statistics about forecasts that are already written: floating point, nothing of
// it is signed. The numbers are those of the hubs' own scorers:
//
//	WIS(F, y) = 2/Q Σ_q max( q (y - F_q), (q - 1) (y - F_q) )
//
// over the Q quantile levels given, which for symmetric levels with a median is the
// weighted interval score of Bracher et al., "Evaluating epidemic forecasts in an interval
// format" (2021). Scores "on the log scale" are of log(1 + max(x, 0)) of truth and
// quantiles (Bosse et al., "Scoring epidemiological forecasts on transformed scales", 2023):
// levels of incidence differ a hundredfold between reporting systems.
package score

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"comity/modeler/forecast"
	"comity/party"
)

var (
	// ErrLevels says that a file lacks a quantile level that is needed.
	ErrLevels = errors.New("quantile levels refused")
	// ErrTooMany says that there are more models or tasks than can be compared.
	ErrTooMany = errors.New("too much to score")
	// ErrGroup says that forecasts cannot be grouped so.
	ErrGroup = errors.New("no such group")
	// ErrModel says that a model has no forecast that can be scored.
	ErrModel = errors.New("no such model")
)

// Truth is what came to pass, in the unit of the forecasts.
type Truth map[Week]float64

// Week names one true value.
type Week struct {
	Target string
	Place  party.ID
	Date   string // Last day of the week, YYYY-MM-DD.
}

// Filter leaves out forecasts. Empty fields leave out none.
type Filter struct {
	Target   string
	From, To string // First and last origin date, YYYY-MM-DD.
}

// Bounds. Thirty models of RespiCast took part in a season, with 7,000 tasks.
const (
	maxModels = 500
	maxTasks  = 4_000_000
)

// Book collects the scores of single forecasts. A forecast that repeats model and task
// takes the place of the earlier one.
type Book struct {
	WithoutTruth int // Forecasts of weeks whose value is not known.

	truth  Truth
	filter Filter
	tasks  map[forecast.Task]int
	list   []forecast.Task
	models map[string]int
	sheets []sheet // By first appearance.
}

// sheet holds one model's scores: in the order of their coming, after settle by task.
type sheet struct {
	model string
	cells []cell
}

// cell is the score of one forecast.
type cell struct {
	task       int
	wis, log   float64
	in50, in95 bool // The truth lies within the central interval.
}

// NewBook starts a collection.
func NewBook(truth Truth, filter Filter) *Book {
	return &Book{truth: truth, filter: filter, tasks: map[forecast.Task]int{}, models: map[string]int{}}
}

// Levels starts a file with its quantile levels, ascending and within 0 and 1, and
// returns the function that takes its forecasts: as many finite quantiles, in any order
// of size. Every file needs the levels .025, .25, .75 and .975.
func (b *Book) Levels(levels []float64) (func(model string, task forecast.Task, quantiles []float64) error, error) {
	var at [4]int
	for i, level := range [...]float64{.025, .25, .75, .975} {
		if at[i] = slices.Index(levels, level); at[i] < 0 {
			return nil, fmt.Errorf("%w: level %g is missing among %v", ErrLevels, level, levels)
		}
	}
	levels = slices.Clone(levels)
	logs := make([]float64, len(levels))
	return func(model string, task forecast.Task, q []float64) error {
		f := b.filter
		if f.Target != "" && task.Target != f.Target || f.From != "" && task.Origin < f.From || f.To != "" && task.Origin > f.To {
			return nil
		}
		y, ok := b.truth[Week{task.Target, task.Place, task.Date}]
		if !ok {
			b.WithoutTruth++
			return nil
		}
		for i, v := range q {
			logs[i] = logScale(v)
		}
		return b.enter(model, task, cell{
			wis: weighted(levels, q, y), log: weighted(levels, logs, logScale(y)),
			in50: q[at[1]] <= y && y <= q[at[2]], in95: q[at[0]] <= y && y <= q[at[3]],
		})
	}, nil
}

func logScale(v float64) float64 { return math.Log1p(max(v, 0)) }

// LogWIS returns the weighted interval score of one forecast on the log scale.
func LogWIS(levels, quantiles []float64, y float64) float64 {
	logs := make([]float64, len(quantiles))
	for i, v := range quantiles {
		logs[i] = logScale(v)
	}
	return weighted(levels, logs, logScale(y))
}

// weighted returns the weighted interval score.
func weighted(levels, quantiles []float64, y float64) float64 {
	var s float64
	for i, level := range levels {
		d := y - quantiles[i]
		s += max(level*d, (level-1)*d)
	}
	return 2 * s / float64(len(levels))
}

func (b *Book) enter(model string, task forecast.Task, c cell) error {
	m, ok := b.models[model]
	if !ok {
		if len(b.sheets) == maxModels {
			return fmt.Errorf("%w: more than %d models", ErrTooMany, maxModels)
		}
		m = len(b.sheets)
		b.models[model] = m
		b.sheets = append(b.sheets, sheet{model: model})
	}
	if c.task, ok = b.tasks[task]; !ok {
		if len(b.list) == maxTasks {
			return fmt.Errorf("%w: more than %d tasks", ErrTooMany, maxTasks)
		}
		c.task = len(b.list)
		b.tasks[task] = c.task
		b.list = append(b.list, task)
	}
	b.sheets[m].cells = append(b.sheets[m].cells, c)
	return nil
}

// Settle sorts what was collected and returns how many forecasts were replaced by a
// later one of the same model and task.
func (b *Book) Settle() (replaced int) {
	for i := range b.sheets {
		cells := b.sheets[i].cells
		slices.SortStableFunc(cells, func(x, y cell) int { return x.task - y.task })
		kept := cells[:0]
		for _, c := range cells {
			if n := len(kept); n > 0 && kept[n-1].task == c.task {
				kept[n-1] = c
				replaced++
				continue
			}
			kept = append(kept, c)
		}
		b.sheets[i].cells = kept
	}
	return replaced
}

// Models lists the models with a forecast that was scored, in the order of their coming.
func (b *Book) Models() []string {
	names := make([]string, len(b.sheets))
	for i, s := range b.sheets {
		names[i] = s.model
	}
	return names
}
