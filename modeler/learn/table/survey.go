package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"comity/modeler/learn"
	"comity/modeler/learn/internal/parallel"
	"comity/modeler/learn/number"
	"comity/place"
)

// Config says what is to be learned from. All of it is public.
type Config struct {
	Columns []string // That a learner may get, in this order.
	Target  string
	Task    Task // Guess: a target of two values is binary, any other a regression.
	Level   int  // Of a quantile, in thousandths: 1 to 999; 0 for the median.
	// Bins is into how many bins a column falls at most, the one for missing values
	// included: 2 to 256, 0 for 255.
	Bins int
	// Categories lists columns that are categories even if all their cells are numbers. A
	// column with any text is one anyway.
	Categories []string
	// Levels are the categories that a schema declares for a column: they get a bin each,
	// whether or not anybody has one.
	Levels map[string][]string
}

const (
	defaultBins = 255
	// rootBits are the bits of a number that the first sum tells apart: sign and exponent.
	rootBits = 12
	// hashBits are those of a category that the second sum tells apart.
	hashBits = 15
	// splitCells is how many parts the cells of a column are split into by one sum, about.
	splitCells = 1 << 13
	// finer is how many parts of a bin a cell may be at most: cuts lie within a quarter of
	// a bin of where the quantiles are.
	finer = 4
	// candidates is how many categories are counted exactly.
	candidates = 1 << 10
	// sumWords bounds what the columns of a wide table add to one sum together: 2^22 words,
	// 32 MiB. From 80 columns on, each has fewer cells.
	sumWords = 1 << 22
)

// Survey agrees with all other participants on a Frame. It makes four sums. t is nil in a
// replay, where the Summer returns the logged sums. A *learn.Restart is returned to the
// caller: the same rows are not summed twice over different participants.
//
// Errors wrap learn.ErrConfig, learn.ErrSum, ErrColumn or ErrTarget.
func Survey(ctx context.Context, cfg *Config, t *Table, summer learn.Summer) (*Frame, error) {
	s, err := newSurvey(cfg, t, summer)
	if err != nil {
		return nil, err
	}
	for i, stage := range []func() stage{s.facts, s.cells, s.insides, s.last} {
		if err := s.sum(ctx, i+1, stage()); err != nil {
			return nil, plain(fmt.Errorf("survey: sum %d: %w", i+1, err))
		}
	}
	f, err := s.frame()
	return f, plain(err)
}

// plain returns the place that an error names, if it names one, and nothing before it.
func plain(err error) error {
	if at, ok := errors.AsType[*place.Error](err); ok {
		return at
	}
	return err
}

// survey is the work of one participant.
type survey struct {
	cfg     *Config
	summer  learn.Summer
	table   *Table // Only rows with a target; nil in a replay.
	columns []*surveyed
	target  *surveyed // Also the last of columns.
	bins    int
	rows    int64
	sums    int
	trace   learn.Trace
	dropped []Dropped
}

// surveyed is one column and what is known of it.
type surveyed struct {
	name     string
	kind     Kind
	declared bool    // A category by declaration.
	column   *column // nil in a replay.
	sketch   *sketch
	keys     []int64 // Candidates of a category, ascending.
	counts   []int64 // Of the candidates.
}

func newSurvey(cfg *Config, t *Table, summer learn.Summer) (*survey, error) {
	s := &survey{cfg: cfg, summer: summer, bins: cfg.Bins}
	if s.bins == 0 {
		s.bins = defaultBins
	}
	if err := cfg.check(s.bins); err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(cfg.Columns, []string{cfg.Target}) {
		_, levels := cfg.Levels[name]
		c := &surveyed{name: name, kind: Number, declared: levels || slices.Contains(cfg.Categories, name)}
		if t != nil {
			if c.column = t.column(name); c.column == nil {
				return nil, fmt.Errorf("%w: no column %s", ErrColumn, name)
			}
		}
		s.columns = append(s.columns, c)
	}
	s.target = s.columns[len(s.columns)-1]
	if t != nil {
		s.table = t.Having(cfg.Target)
	}
	return s, nil
}

func (cfg *Config) check(bins int) error {
	if n := len(cfg.Columns); n < 1 || n > MaxColumns {
		return fmt.Errorf("%w: %d columns to learn from; 1 to %d are possible", learn.ErrConfig, n, MaxColumns)
	}
	if bins < 2 || bins > learn.MaxBins {
		return fmt.Errorf("%w: %d bins; use 2 to %d", learn.ErrConfig, bins, learn.MaxBins)
	}
	if !cfg.Task.known() {
		return fmt.Errorf("%w: task %q; use regression, binary, count or quantile", learn.ErrConfig, cfg.Task)
	}
	if cfg.Level < 0 || cfg.Level > 999 || cfg.Level > 0 && cfg.Task != Quantile {
		return fmt.Errorf("%w: level %d for task %s; give 1 to 999 thousandths of a quantile", learn.ErrConfig, cfg.Level, cfg.Task)
	}
	seen := map[string]bool{cfg.Target: true}
	for _, name := range cfg.Columns {
		if seen[name] {
			return fmt.Errorf("%w: column %s is listed twice, or is the target", learn.ErrConfig, name)
		}
		seen[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Levels)) {
		if n := len(cfg.Levels[name]); n > named(bins) {
			return fmt.Errorf("%w: %d levels of %s; at most %d", learn.ErrConfig, n, name, named(bins))
		}
	}
	return nil
}

// named is how many categories get a bin of their own.
func named(bins int) int { return bins - 2 }

// Having returns the rows that have a number under a column.
func (t *Table) Having(name string) *Table {
	c := t.column(name)
	if c == nil || c.counts[empty]+c.counts[mark] == 0 {
		return t
	}
	return t.Where(func(i int) bool {
		k := c.kind(t.position(i))
		return k != empty && k != mark
	})
}

// part is what one column adds to one sum.
type part struct {
	length int
	fill   func(x []int64)
	read   func(sum []int64) error
}

// stage is one sum, column after column; head comes first.
type stage struct {
	head  part
	parts []part
	after func() error
}

// sum makes one sum and reads it.
func (s *survey) sum(ctx context.Context, which int, st stage) error {
	length := st.head.length
	starts := make([]int, len(st.parts))
	for i, p := range st.parts {
		starts[i] = length
		length += p.length
	}
	if length > learn.MaxValues {
		return fmt.Errorf("%w: %d values in one sum, at most %d: use fewer columns", learn.ErrConfig, length, learn.MaxValues)
	}
	x := make([]int64, length)
	if s.table != nil {
		if st.head.length > 0 {
			st.head.fill(x)
		}
		_ = parallel.Each(len(st.parts), func(i int) error {
			if p := st.parts[i]; p.length > 0 {
				p.fill(x[starts[i]:][:p.length])
			}
			return nil
		})
	}
	sum := x
	if length > 0 { // Where no cell is open there is nothing to add.
		var err error
		step := learn.Step{Name: fmt.Sprintf("table/%d", which), Bits: 64}
		if sum, s.trace, err = s.trace.Sum(ctx, s.summer, step, x); err != nil {
			return err
		}
		s.sums++
	}
	if st.head.length > 0 {
		if err := st.head.read(sum); err != nil {
			return err
		}
	}
	for i, p := range st.parts {
		if p.read == nil {
			continue
		}
		if err := p.read(sum[starts[i]:][:p.length]); err != nil {
			return fmt.Errorf("column %s: %w", s.columns[i].name, err)
		}
	}
	if st.after != nil {
		return st.after()
	}
	return nil
}

// share is how many words of a sum one column may take.
func (s *survey) share(most int) int { return min(most, sumWords/len(s.columns)) }

// cells is the second sum: a first look into the cells of numbers, and how many values have
// each beginning of a category's key.
func (s *survey) cells() stage {
	return s.each(func(c *surveyed) part {
		if c.kind != Category {
			return s.probing(c)
		}
		wide := 0
		for s.share(1<<hashBits)>>(wide+1) > 0 {
			wide++
		}
		c.sketch = newSketch(wide)
		return part{
			length: c.sketch.counted(),
			fill:   func(x []int64) { c.sketch.count(c.column.resolved(c.kind, s.table), x) },
			read:   c.sketch.read,
		}
	})
}

// insides is the third sum: a second look into the cells of numbers that are still heavy,
// and one into the heaviest cells of categories.
func (s *survey) insides() stage {
	return s.each(func(c *surveyed) part {
		if c.kind != Category {
			return s.probing(c)
		}
		c.sketch.heaviest(min(candidates, s.share(sumWords)/keyBits))
		return part{
			length: c.sketch.looked(),
			fill:   func(x []int64) { c.sketch.look(c.column.resolved(c.kind, s.table), x) },
			read: func(sum []int64) (err error) {
				c.keys, err = c.sketch.majority(sum)
				return err
			},
		}
	})
}

// last is the fourth sum: a third look into cells of numbers, and how many values the
// candidates of a category have.
func (s *survey) last() stage {
	return s.each(func(c *surveyed) part {
		if c.kind != Category {
			return s.probing(c)
		}
		return part{len(c.keys), func(x []int64) {
			for _, key := range c.column.resolved(c.kind, s.table) {
				if at, ok := slices.BinarySearch(c.keys, key); ok {
					x[at]++
				}
			}
		}, c.tally}
	})
}

// each makes a stage of what every column asks.
func (s *survey) each(ask func(c *surveyed) part) stage {
	st := stage{parts: make([]part, len(s.columns))}
	for i, c := range s.columns {
		st.parts[i] = ask(c)
	}
	return st
}

// probing looks into the cells of a column of numbers that are too heavy for a cut, or into
// all of several keys where they are few.
func (s *survey) probing(c *surveyed) part {
	const words = keyBits + 1<<4 // Of one cell at most, besides its share of splitCells.
	c.sketch.heavy(max(1, min(finer*(s.bins-1), s.share(sumWords)/words)))
	c.sketch.probe(s.share(splitCells))
	return part{
		length: c.sketch.asked(),
		fill:   func(x []int64) { c.sketch.answer(c.column.resolved(c.kind, s.table), x) },
		read:   c.sketch.probed,
	}
}

// tally takes the counts of the candidates.
func (c *surveyed) tally(sum []int64) error {
	for _, n := range sum {
		if n < 0 || n > c.sketch.cells[0].n {
			return fmt.Errorf("%w: %d of %d values in one category", learn.ErrSum, n, c.sketch.cells[0].n)
		}
	}
	c.counts = slices.Clone(sum)
	return nil
}

// categories returns the keys that get a bin: the most frequent ones, ties by key.
func (c *surveyed) categories(most int) []int64 {
	order := make([]int, 0, len(c.keys))
	for i, n := range c.counts {
		if n > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(c.counts[b] - c.counts[a]) })
	keys := []int64{}
	for _, i := range order[:min(most, len(order))] {
		keys = append(keys, c.keys[i])
	}
	slices.Sort(keys)
	return keys
}

// frame puts together what the sums said.
func (s *survey) frame() (*Frame, error) {
	target, err := s.scale()
	if err != nil {
		return nil, fmt.Errorf("survey: %w", err)
	}
	f := &Frame{Target: target, Dropped: s.dropped, Count: s.rows, Sums: s.sums, Trace: s.trace}
	low, high := s.ends()
	if !number.Valid(low) {
		return nil, fmt.Errorf("%w: the least target is no number", learn.ErrSum)
	}
	f.Least, _ = target.Scaled(low)
	f.Most, _ = target.Scaled(high)
	for _, c := range s.columns[:len(s.columns)-1] {
		out := Column{Name: c.name, Kind: c.kind}
		switch levels := s.cfg.Levels[c.name]; {
		case c.kind != Category:
			out.Cuts = c.sketch.cuts(s.bins - 1)
			if i := slices.IndexFunc(out.Cuts, func(cut int64) bool { return !number.Valid(cut) }); i >= 0 {
				return nil, fmt.Errorf("%w: column %s: cut %d is no number", learn.ErrSum, c.name, i)
			}
			out.Exponent = c.sketch.exponent()
		case levels != nil:
			out.Cuts = levelKeys(levels)
		default:
			out.Cuts = c.categories(named(s.bins))
		}
		f.Columns = append(f.Columns, out)
	}
	return f, nil
}
