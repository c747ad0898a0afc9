// Package neutrality asks whether a model treats parties and groups of people alike: how
// well it serves each, whether a party's name can matter, and what each party's rows do to
// the others' predictions.
//
// All numbers come from rows that the model in question was not fitted to, and all
// intervals of one audit hold at once: with twenty groups and single intervals, one would
// look wronged by chance.
package neutrality

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"comity/chance"
	"comity/modeler/interval"
)

var (
	// ErrInput says that predictions cannot be audited so.
	ErrInput = errors.New("audit of neutrality cannot be made")
	// ErrTrain wraps the error of a training.
	ErrTrain = errors.New("training failed")
)

// Config says how sure an audit is, and what it may show.
type Config struct {
	// Confidence that all intervals of the audit hold: .95.
	Confidence float64
	Seed       chance.Seed // Public coin of the bootstrap.
	// MinimumCell is the fewest rows of a group that is shown: smaller ones are put
	// together, and left out if even together they are fewer. 0 shows all.
	MinimumCell int
	// Level is how often intervals of predictions should hold the truth: .9.
	Level float64
}

// Case is one row with a prediction that did not know it.
type Case struct {
	Group     string
	Truth     float64 // For yes and no 1 and 0.
	Predicted float64
	Loss      float64 // Of the prediction: the squared error, or what is natural.
	Baseline  float64 // The same of a prediction that knows nothing of the row.
	Covered   bool    // The truth is within the prediction's interval.
}

// Audit is how well each group is served.
type Audit struct {
	Confidence float64
	Level      float64 // Stated coverage of intervals.
	Withheld   Withheld
	Measures   []Measure
}

// Withheld says what the minimum cell hides.
type Withheld struct {
	Groups  int  // Put together under Others.
	LeftOut bool // Even together they were too few.
}

// Others is the name of all groups below the minimum cell together.
const Others = "(smaller groups)"

// Measure is one question asked of every group.
type Measure struct {
	Name     Name
	Overall  interval.Mean // Of all groups together.
	Expected *float64      // What an even-handed model has in every group, where that is a number.
	Groups   []Finding
}

// Name names a measure.
type Name string

// Measures.
const (
	// Loss is the mean loss. It may differ for good reasons: some groups are harder.
	Loss Name = "loss"
	// Skill is how much less the loss is than that of knowing nothing; above 0 the model
	// helps the group.
	Skill Name = "skill"
	// Bias is the mean of truth less prediction; 0 is even-handed, above 0 the group is
	// underestimated.
	Bias Name = "bias"
	// Coverage is how often intervals hold the truth, which should be the stated level.
	Coverage Name = "coverage"
)

// Finding is one group under one measure.
type Finding struct {
	Group string
	interval.Mean
	// Apart says that the interval excludes what is expected or, where nothing is, lies
	// wholly beside that of some other group.
	Apart bool
}

// Groups audits cases. Each measure has an even part of the error: means have bootstrap
// intervals or Hoeffding's (interval.Many.Means), coverage has exact ones. Bounds that cases
// surely lie within make intervals for small groups: of yes and no they are known, for
// numbers bounds is nil. Rows are taken as independent given the models that predicted them.
func Groups(cases []Case, bounds *interval.Interval, c Config) (Audit, error) {
	a := Audit{Confidence: c.Confidence, Level: c.Level}
	if err := c.check(cases); err != nil {
		return a, err
	}
	kept, withheld := c.hide(cases)
	a.Withheld = withheld
	if len(kept) == 0 {
		return a, fmt.Errorf("%w: no group has %d rows", ErrInput, c.MinimumCell)
	}
	zero, level := 0., c.Level
	for _, m := range []struct {
		name     Name
		of       func(Case) float64
		expected *float64
	}{
		{Loss, func(c Case) float64 { return c.Loss }, nil},
		{Skill, func(c Case) float64 { return c.Baseline - c.Loss }, nil},
		{Bias, func(c Case) float64 { return c.Truth - c.Predicted }, &zero},
		{Coverage, func(c Case) float64 { return one(c.Covered) }, &level},
	} {
		measure, err := c.measure(kept, m.name, m.of, bounds)
		if err != nil {
			return a, fmt.Errorf("%s: %w", m.name, err)
		}
		measure.Expected = m.expected
		measure.judge()
		a.Measures = append(a.Measures, measure)
	}
	return a, nil
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (c Config) check(cases []Case) error {
	switch {
	case len(cases) == 0:
		return fmt.Errorf("%w: no case", ErrInput)
	case !(c.Confidence > 0 && c.Confidence < 1) || !(c.Level > 0 && c.Level < 1):
		return fmt.Errorf("%w: confidence %v and level %v; give numbers between 0 and 1", ErrInput, c.Confidence, c.Level)
	case c.MinimumCell < 0:
		return fmt.Errorf("%w: minimum cell %d; give 0 or more", ErrInput, c.MinimumCell)
	}
	for i, k := range cases {
		for _, v := range []float64{k.Truth, k.Predicted, k.Loss, k.Baseline} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("%w: case %d has %v", ErrInput, i, v)
			}
		}
	}
	return nil
}

// Hidden returns the groups whose number of rows must not be shown: those below the minimum
// cell and, if together they are fewer too, the smallest of the others, without which their
// number would follow from the total.
func Hidden(count map[string]int, minimumCell int) map[string]bool {
	hidden, rows := map[string]bool{}, 0
	for name, n := range count {
		if n < minimumCell {
			hidden[name] = true
			rows += n
		}
	}
	if len(hidden) == 0 || rows >= minimumCell || len(hidden) == len(count) {
		return hidden
	}
	least := ""
	for _, name := range sortedKeys(count) {
		if !hidden[name] && (least == "" || count[name] < count[least]) {
			least = name
		}
	}
	hidden[least] = true
	return hidden
}

// hide puts hidden groups together.
func (c Config) hide(cases []Case) ([]Case, Withheld) {
	count := map[string]int{}
	for _, k := range cases {
		count[k.Group]++
	}
	hidden, rows := Hidden(count, c.MinimumCell), 0
	for name := range hidden {
		rows += count[name]
	}
	w := Withheld{Groups: len(hidden), LeftOut: len(hidden) > 0 && rows < c.MinimumCell}
	var kept []Case
	for _, k := range cases {
		if hidden[k.Group] {
			if w.LeftOut {
				continue
			}
			k.Group = Others
		}
		kept = append(kept, k)
	}
	return kept, w
}

// measures is among how many the error is divided.
const measures = 4

func (c Config) measure(cases []Case, name Name, of func(Case) float64, bounds *interval.Interval) (Measure, error) {
	m := Measure{Name: name}
	values, all := map[string][]float64{}, make([]float64, len(cases))
	for i, k := range cases {
		all[i] = of(k)
		values[k.Group] = append(values[k.Group], all[i])
	}
	names, groups := sortedKeys(values), [][]float64{all}
	for _, group := range names {
		groups = append(groups, values[group])
	}
	many := interval.Many{
		Confidence: 1 - (1-c.Confidence)/measures, Seed: chance.Derive(c.Seed, "neutrality", string(name)), Bounds: boundsOf(name, bounds),
	}
	intervals := many.Means
	if name == Coverage {
		intervals = func(hits [][]float64) ([]interval.Mean, error) { return sharesOf(many, hits) }
	}
	means, err := intervals(groups)
	if err != nil {
		return m, err
	}
	m.Overall = means[0]
	for g, group := range names {
		m.Groups = append(m.Groups, Finding{Group: group, Mean: means[g+1]})
	}
	return m, nil
}

// sharesOf returns the intervals of proportions, of ones among ones and zeros.
func sharesOf(many interval.Many, hits [][]float64) ([]interval.Mean, error) {
	ones, n := make([]int, len(hits)), make([]int, len(hits))
	for g, values := range hits {
		for _, v := range values {
			ones[g] += int(v)
		}
		n[g] = len(values)
	}
	shares, err := many.Shares(ones, n)
	if err != nil {
		return nil, err
	}
	means := make([]interval.Mean, len(hits))
	for g, s := range shares {
		means[g] = interval.Mean{Interval: s.Interval, N: s.Of, Value: s.Value, Method: interval.Exact}
	}
	return means, nil
}

// boundsOf returns what losses within bounds say of a measure: differences of two lie
// within their width on both sides.
func boundsOf(name Name, bounds *interval.Interval) *interval.Interval {
	if bounds == nil || name == Loss {
		return bounds
	}
	width := bounds.High - bounds.Low
	return &interval.Interval{Low: -width, High: width}
}

// judge marks the groups that stand apart.
func (m *Measure) judge() {
	highest, lowest := math.Inf(-1), math.Inf(1)
	for _, f := range m.Groups {
		highest, lowest = max(highest, f.Low), min(lowest, f.High)
	}
	for i, f := range m.Groups {
		if m.Expected != nil {
			m.Groups[i].Apart = !f.Holds(*m.Expected)
		} else {
			m.Groups[i].Apart = f.High < highest || f.Low > lowest
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
