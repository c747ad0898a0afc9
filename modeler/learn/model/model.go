// Package model is one envelope around every fitted model: which columns it reads, what
// its target is, how it was fitted, and the learner's own bytes.
//
// A Model is complete: whoever has its canonical JSON form can predict with it, on the
// rows of any file that has its columns (docs/format/learned.md says how, for those who
// write their own program). The digest of that form is the model's name.
package model

import (
	"fmt"

	"comity/canon"
	"comity/exact"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/internal/parallel"
	"comity/modeler/learn/linear"
	"comity/modeler/learn/table"
	"comity/modeler/learn/trees"
)

// Learner names a kind of model.
type Learner string

// The learners, from the most to the least transparent.
const (
	Linear   Learner = "linear"
	Additive Learner = "additive"
	Trees    Learner = "trees"
)

// Model is a fitted model.
type Model struct {
	Columns []table.Column
	Target  table.Target
	Dropped []table.Dropped
	Facts   Facts

	// One of them is there.
	Linear   *linear.Model
	Additive *additive.Model
	Trees    *trees.Model
}

// Facts say how a model was fitted. They are public.
type Facts struct {
	Rows    int64       // That it was fitted to, of all participants.
	Parties int         // How many participants held them.
	Sums    int         // That were made, those of the survey included.
	Survey  learn.Trace // Chain over the sums of the survey; the learner's own is in its bytes.
	// Rho is what all sums together tell of one row, under zero-concentrated differential
	// privacy, where they carry noise and whoever added it says so; nil where it does not.
	Rho *exact.Rat
}

// Learner returns which learner made the model.
func (m *Model) Learner() Learner {
	switch {
	case m.Linear != nil:
		return Linear
	case m.Additive != nil:
		return Additive
	default:
		return Trees
	}
}

// Names returns the columns that a table needs for predictions.
func (m *Model) Names() []string {
	names := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		names[i] = c.Name
	}
	return names
}

// Features returns the columns as the learner took them.
func (m *Model) Features() learn.Features {
	f := table.Frame{Columns: m.Columns}
	return f.Features()
}

// Scores returns the score of every row of a table: what the learner adds up, before
// Target.Prediction makes a value or a probability of it. Columns that the model does not
// read are ignored; one that is absent is an error, which wraps table.ErrColumn.
func (m *Model) Scores(t *table.Table) ([]fixed.Q16, error) {
	rows := &learn.Rows{Target: make([]fixed.Q16, t.Rows())}
	var err error
	if rows.Bins, err = table.Bins(m.Columns, t); err != nil {
		return nil, err
	}
	if m.Linear != nil {
		if rows.Numbers, err = table.Numbers(m.Columns, t); err != nil {
			return nil, err
		}
	}
	return m.ScoreRows(rows), nil
}

// ScoreRows returns the scores of rows whose bins are known, and whose numbers are where
// the model is linear. Of the targets only their number matters.
func (m *Model) ScoreRows(rows *learn.Rows) []fixed.Q16 {
	if m.Trees != nil { // Laid out for many rows.
		return m.Trees.Scorer().Scores(rows)
	}
	scores := make([]fixed.Q16, rows.Len())
	const some = 1 << 12 // Rows that one processor takes at a time.
	_ = parallel.Each((rows.Len()+some-1)/some, func(part int) error {
		bins, numbers := make([]uint8, len(m.Columns)), make([]int64, len(m.Columns))
		for i := part * some; i < min(rows.Len(), (part+1)*some); i++ {
			for f := range bins {
				bins[f] = rows.Bins[f][i]
				if m.Linear != nil && m.Columns[f].Kind != table.Category {
					numbers[f] = rows.Numbers[f][i]
				}
			}
			scores[i] = m.score(bins, numbers)
		}
		return nil
	})
	return scores
}

func (m *Model) score(bins []uint8, numbers []int64) fixed.Q16 {
	if m.Linear != nil {
		return m.Linear.Score(bins, numbers)
	}
	return m.Score(bins)
}

// Score returns the score of one row of bins, as Features.Row gives them. It is our own bug
// to ask that of a linear model, which reads numbers, and panics.
func (m *Model) Score(row []uint8) fixed.Q16 {
	switch {
	case m.Additive != nil:
		return m.Additive.Score(row)
	case m.Trees != nil:
		return m.Trees.Score(row)
	}
	panic("model: a linear model has no score of bins alone")
}

// Digest returns the digest of the canonical form.
func (m *Model) Digest() (canon.Digest, error) {
	data, err := m.Encode()
	if err != nil {
		return canon.Digest{}, err
	}
	return canon.Sum(data), nil
}

// String names the model in messages.
func (m *Model) String() string {
	return fmt.Sprintf("%s model of %s from %d columns", m.Learner(), m.Target.Name, len(m.Columns))
}
