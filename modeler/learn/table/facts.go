package table

import (
	"fmt"

	"comity/modeler/learn"
	"comity/modeler/learn/number"
	"comity/place"
)

// facts are how many cells of each kind the first sum counts, in the order of the kinds.
const factKinds = int(word-figure) + 1

// facts is the first sum: the number of rows, how many cells of each column are of which
// kind, and the signs and exponents of those that are numbers or dates.
func (s *survey) facts() stage {
	st := stage{parts: make([]part, len(s.columns))}
	st.head = part{1, func(x []int64) { x[0] = int64(s.table.Rows()) }, func(sum []int64) error {
		if s.rows = sum[0]; s.rows < 0 || s.rows > learn.MaxRows {
			return fmt.Errorf("%w: %d rows", learn.ErrSum, s.rows)
		}
		return nil
	}}
	for i, c := range s.columns {
		c.sketch = newSketch(rootBits)
		length := factKinds
		if !c.declared {
			length += c.sketch.counted()
		}
		st.parts[i] = part{length, func(x []int64) { s.state(c, x) }, func(sum []int64) error { return s.learnKind(c, sum) }}
	}
	st.after = s.drop
	return st
}

// state fills one column's part of the first sum.
func (s *survey) state(c *surveyed, x []int64) {
	counts, cells := x[:factKinds], x[factKinds:]
	for i := range s.table.Rows() {
		at := s.table.position(i)
		k := c.column.kind(at)
		if k == empty {
			continue
		}
		counts[k-figure]++
		if (k == figure || k == day) && len(cells) > 0 {
			cells[ordered(c.column.keys[at])>>(keyBits-rootBits)]++
		}
	}
}

// learnKind reads one column's part of the first sum.
func (s *survey) learnKind(c *surveyed, sum []int64) error {
	var all int64
	for i, n := range sum[:factKinds] {
		if n < 0 || n > s.rows {
			return fmt.Errorf("%w: %d cells of kind %d in %d rows", learn.ErrSum, n, i, s.rows)
		}
		all += n
	}
	if all > s.rows {
		return fmt.Errorf("%w: %d cells in %d rows", learn.ErrSum, all, s.rows)
	}
	figures, days, marks, words := sum[0], sum[1], sum[2], sum[3]
	if c == s.target && figures+days+words == 0 {
		return fmt.Errorf("%w: no row has one; check the column's name", ErrTarget)
	}
	if !c.declared {
		if err := c.sketch.read(sum[factKinds:]); err != nil {
			return err
		}
		if c.sketch.cells[0].n != figures+days {
			return fmt.Errorf("%w: %d numbers and dates, %d in cells", learn.ErrSum, figures+days, c.sketch.cells[0].n)
		}
	}
	switch {
	case figures+days+words == 0:
		if c.declared && marks > 0 {
			c.kind = Category
			return nil
		}
		c.kind = ""
	case c.declared:
		c.kind = Category
	case days+words == 0:
	case figures+words == 0:
		c.kind = Date
	case c == s.target:
		return c.wrong(word, ErrTarget, fmt.Sprintf("the target %s has %d cells that are no numbers", c.name, days+words),
			"write numbers, or no and yes")
	case figures > 9*(days+words):
		return c.wrong(word, ErrColumn, fmt.Sprintf("column %s has %d numbers and %d cells that are none", c.name, figures, days+words),
			"correct those cells or leave them empty, or declare the column a category")
	default:
		c.kind = Category
	}
	if c == s.target && c.kind != Number {
		return c.wrong(day, ErrTarget, fmt.Sprintf("the target %s holds no numbers", c.name), "write numbers, or no and yes")
	}
	return nil
}

// drop takes columns without any value away.
func (s *survey) drop() error {
	kept := s.columns[:0]
	for _, c := range s.columns {
		if c.kind == "" {
			s.dropped = append(s.dropped, Dropped{c.name, "every cell is empty"})
			continue
		}
		kept = append(kept, c)
	}
	s.columns = kept
	if len(kept) == 1 {
		return fmt.Errorf("%w: every column but the target is empty in every row", ErrColumn)
	}
	return nil
}

// wrong names the first cell of a kind that this participant has, if it has one: what is
// wrong is known from the sums to all.
func (c *surveyed) wrong(k kind, cause error, reason, fix string) error {
	if c.column == nil || c.column.counts[k] == 0 {
		return fmt.Errorf("%w: %s; %s", cause, reason, fix)
	}
	at := c.column.first[k]
	return &place.Error{File: at.File, Line: max(at.Line, 1), Column: c.column.seen[k], Reason: reason, Fix: fix, Cause: cause}
}

// resolved returns the keys of the rows of t as those of a column of that kind.
func (c *column) resolved(as Kind, t *Table) []int64 {
	if as != Category && c.kinds == nil && t.at == nil {
		return c.keys
	}
	keys := make([]int64, t.Rows())
	var numbers map[int64]int64 // Of numbers in a column of texts: their keys as categories.
	for i := range keys {
		at := t.position(i)
		key, k := c.keys[at], c.kind(at)
		switch {
		case as == Category && (k == figure || k == day):
			if numbers == nil {
				numbers = map[int64]int64{}
			}
			known, ok := numbers[key]
			if !ok {
				known = CategoryKey(c.text(at))
				numbers[key] = known
			}
			key = known
		case as == Number && k != figure, as == Date && k != day:
			key = number.Missing
		}
		keys[i] = key
	}
	return keys
}
