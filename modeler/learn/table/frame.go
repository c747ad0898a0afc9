package table

import (
	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// Kind is what the values of a column are.
type Kind string

// The kinds of a column.
const (
	Number   Kind = "number"
	Date     Kind = "date"     // Days since 1970-01-01, as a number.
	Category Kind = "category" // Texts without order.
	// Hashed is a column of texts whose keys are cut as numbers are: of private models, which
	// do not learn which texts there are.
	Hashed Kind = "hashed"
)

// Column is one column that a learner gets.
type Column struct {
	Name string
	Kind Kind
	// Cuts ascend. Number, Date: the least key (package number) of each value bin but the
	// first. Category: the CategoryKeys that have a bin of their own.
	Cuts []int64
	// Exponent is that of the whole numbers which linear models read: a value is units
	// times 2^-Exponent. 0 for a category.
	Exponent int
}

// Dropped is a column that no learner gets.
type Dropped struct {
	Name   string
	Reason string
}

// Frame is what all participants agreed on before they learn.
type Frame struct {
	Columns []Column
	Target  Target
	// Least and Most bound the scaled targets of all rows.
	Least, Most fixed.Q16
	Clamped     bool // Targets beyond are moved there: of private surveys.
	Dropped     []Dropped
	Count       int64 // Rows with a target, of all participants.
	Sums        int   // That were made.
	Trace       learn.Trace
}

// Features returns the columns as learners take them.
func (f *Frame) Features() learn.Features {
	features := make(learn.Features, len(f.Columns))
	for i, c := range f.Columns {
		features[i] = c.Feature()
	}
	return features
}

// Feature returns one column as learners take it.
func (c *Column) Feature() learn.Feature {
	cuts := make([]fixed.Q16, len(c.Cuts))
	for i, cut := range c.Cuts {
		cuts[i] = fixed.Q16(cut)
	}
	return learn.Feature{Name: c.Name, Category: c.Kind == Category, Cuts: cuts}
}
