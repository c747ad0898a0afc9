package table

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/parallel"
	"comity/modeler/learn/number"
	"comity/place"
)

// Keyed gives every row its key, from which all its lots are drawn: the first eight bytes
// of the SHA-256 of what the row says under the columns named, in the order of their names;
// among rows that say the same, the second and later ones add their number. So the keys of
// a table are the same in whatever order its rows come.
func (t *Table) Keyed(names []string) (*Table, error) {
	names = slices.Sorted(slices.Values(names))
	columns := make([]*column, len(names))
	for i, name := range names {
		if columns[i] = t.column(name); columns[i] == nil {
			return nil, fmt.Errorf("%w: no column %s", ErrColumn, name)
		}
	}
	keyed := *t
	keyed.keys = make([]uint64, t.Rows())
	const some = 1 << 12 // Rows that one processor takes at a time.
	_ = parallel.Each((t.Rows()+some-1)/some, func(part int) error {
		content := make([]byte, 8*len(columns))
		for i := part * some; i < min(t.Rows(), (part+1)*some); i++ {
			at := t.position(i)
			for k, c := range columns {
				binary.BigEndian.PutUint64(content[8*k:], uint64(c.keys[at])) //nolint:gosec // Two's complement.
			}
			digest := sha256.Sum256(content)
			keyed.keys[i] = binary.BigEndian.Uint64(digest[:8])
		}
		return nil
	})
	seen := make(map[uint64]uint64, t.Rows())
	for i, key := range keyed.keys {
		n := seen[key]
		seen[key] = n + 1
		if n > 0 {
			digest := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, key), n))
			keyed.keys[i] = binary.BigEndian.Uint64(digest[:8])
		}
	}
	return &keyed, nil
}

// Key returns the key of row i of a table that has keys.
func (t *Table) Key(i int) uint64 { return t.keys[i] }

// Rows returns the rows of a table as learners take them: those with a target. numbers asks
// for what linear models read besides. The table has keys.
func (f *Frame) Rows(t *Table, numbers bool) (*learn.Rows, error) {
	t = t.Having(f.Target.Name)
	rows := &learn.Rows{Key: t.keys}
	if t.keys == nil {
		return nil, fmt.Errorf("%w: rows without keys", learn.ErrData)
	}
	var err error
	if rows.Target, err = f.scaled(t); err != nil {
		return nil, err
	}
	if rows.Bins, err = Bins(f.Columns, t); err != nil {
		return nil, err
	}
	if numbers {
		rows.Numbers, err = Numbers(f.Columns, t)
	}
	return rows, err
}

// scaled returns what a learner fits for every row.
func (f *Frame) scaled(t *Table) ([]fixed.Q16, error) {
	c := t.column(f.Target.Name)
	if c == nil {
		return nil, fmt.Errorf("%w: no column %s", ErrColumn, f.Target.Name)
	}
	targets := make([]fixed.Q16, t.Rows())
	for i, key := range c.resolved(Number, t) {
		y, ok := f.Target.Scaled(key)
		if f.Clamped {
			y, ok = min(max(y, f.Least), f.Most), true
		}
		if !ok {
			return nil, fmt.Errorf("%w: row %d has a target beyond what the sums said", ErrTarget, i)
		}
		targets[i] = y
	}
	return targets, nil
}

// Bins returns the bins of every row of a table, column after column: Bins(...)[f][i] is
// that of column f in row i. Where the table says words under a column of numbers, the
// error names the first place; it wraps ErrColumn, as for an absent column.
func Bins(columns []Column, t *Table) ([][]uint8, error) {
	bins := make([][]uint8, len(columns))
	return bins, parallel.Each(len(columns), func(f int) error {
		keys, err := t.under(&columns[f])
		if err != nil {
			return err
		}
		bins[f] = binned(columns[f].Feature(), keys)
		return nil
	})
}

// Numbers returns the whole numbers that linear models read: those of column f in row i,
// value times 2^Exponent. Missing values are number.Missing; the list of a category is nil.
func Numbers(columns []Column, t *Table) ([][]int64, error) {
	numbers := make([][]int64, len(columns))
	return numbers, parallel.Each(len(columns), func(f int) error {
		if columns[f].Kind == Category {
			return nil
		}
		keys, err := t.under(&columns[f])
		if err != nil {
			return err
		}
		numbers[f] = make([]int64, len(keys))
		for i, key := range keys {
			numbers[f][i] = number.Units(key, columns[f].Exponent)
		}
		return nil
	})
}

// under returns the keys of all rows under a column of a frame.
func (t *Table) under(want *Column) ([]int64, error) {
	c := t.column(want.Name)
	if c == nil {
		return nil, fmt.Errorf("%w: no column %s", ErrColumn, want.Name)
	}
	wrong := map[Kind][]kind{Number: {word, day}, Date: {word, figure}}
	for _, k := range wrong[want.Kind] {
		if c.counts[k] == 0 {
			continue
		}
		at := c.first[k]
		return nil, &place.Error{
			File: at.File, Line: max(at.Line, 1), Column: max(c.seen[k], 1),
			Reason: fmt.Sprintf("column %s holds %ss, and this is none", c.name, want.Kind),
			Fix:    "correct the cell, or leave it empty if the value is unknown", Cause: ErrColumn,
		}
	}
	as := want.Kind
	if as == Hashed {
		as = Category
	}
	return c.resolved(as, t), nil
}

// Numbers returns the keys under a column of numbers, in the order of the rows;
// number.Missing where there is none.
func (t *Table) Numbers(name string) ([]int64, error) {
	return t.under(&Column{Name: name, Kind: Number})
}
