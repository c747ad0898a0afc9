package sortition

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"comity/governor/jury"
)

// conflict returns ErrQuotas with a smallest set of bounds that no panel obeys: without
// any one of them there is a panel. It is found by leaving out one after the other.
func (s *space) conflict(ctx context.Context, f *finder) error {
	b := s.whole()
	b.rowLower, b.rowUpper = slices.Clone(b.rowLower), slices.Clone(b.rowUpper)
	people := s.totals(s.sizes)
	none := make([]float64, len(s.sizes))
	var names []string
	loosen := func(bound *int64, to int64, name string) error {
		kept := *bound
		if kept == to {
			return nil
		}
		*bound = to
		panel, err := f.box(ctx, none, b)
		if err != nil {
			return err
		}
		if panel != nil { // The bound matters.
			*bound = kept
			names = append(names, name)
		}
		return nil
	}
	for r, row := range s.form.Rows {
		if row.Min == row.Max && row.Name == "size" {
			continue // The size of the panel is what is asked for.
		}
		if err := loosen(&b.rowLower[r], 0, fmt.Sprintf("at least %d of %s (the pool has %d)", row.Min, row.Name, people[r])); err != nil {
			return err
		}
		most := fmt.Sprintf("at most %d of %s", row.Max, row.Name)
		if row.Household {
			most = "one of each " + row.Name
		}
		if err := loosen(&b.rowUpper[r], max(people[r], b.rowLower[r]), most); err != nil {
			return err
		}
	}
	size := s.form.Rows[s.size()].Min
	if len(names) == 0 {
		return fmt.Errorf("%w: not even without quotas are there %d people for it", jury.ErrQuotas, size)
	}
	without := "any one of these"
	if len(names) == 1 {
		without = "this quota"
	}
	return fmt.Errorf("%w: a panel of %d cannot have %s; without %s there is a panel", jury.ErrQuotas, size, strings.Join(names, " and "), without)
}

// size returns the row that counts all members.
func (s *space) size() int {
	return slices.IndexFunc(s.form.Rows, func(r jury.Row) bool { return r.Name == "size" })
}
