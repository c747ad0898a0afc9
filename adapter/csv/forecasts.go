package csv

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"comity"
	"comity/modeler/forecast"
	"comity/modeler/hindcast"
)

// ReadForecasts reads quantile forecasts row by row. It calls begin once with the
// file's quantile levels, ascending, and then the function that begin returns with each
// row; the slice of quantiles is valid until that returns. The columns of quantiles are
// named q and the level, such as q0.025. Quantiles are finite numbers up to ±1e300.
// Errors are *Error; those of begin are about the header.
func ReadForecasts(
	name string, in io.Reader,
	begin func(levels []float64) (func(model string, task forecast.Task, quantiles []float64) error, error),
) error {
	want := append(taskColumns(), "model")
	t, at, err := open(name, in, want, len(want))
	if err != nil {
		return err
	}
	columns, err := t.levels()
	if err != nil {
		return err
	}
	levels := make([]float64, len(columns))
	for i, c := range columns {
		levels[i] = c.level
	}
	add, err := begin(levels)
	if err != nil {
		return t.fail(1, err.Error(), "add the columns")
	}
	r := newTaskReader(t, at)
	quantiles := make([]float64, len(columns))
	n := 0
	return t.each(func(cells []cell) error {
		if n++; n > maxForecasts {
			return t.fail(1, fmt.Sprintf("more than %d rows", maxForecasts), "split the file by season or team")
		}
		model := cells[at[5]]
		if len(model.text) == 0 || len(model.text) > maxTarget {
			return t.fail(model.column, fmt.Sprintf("model of %d bytes", len(model.text)), "name the team and its model, such as team-model")
		}
		task, err := r.task(cells)
		if err != nil {
			return err
		}
		for i, c := range columns {
			if quantiles[i], err = t.number(cells[c.at]); err != nil {
				return err
			}
		}
		if err := add(r.word(model), task, quantiles); err != nil {
			return t.fail(1, err.Error(), "correct the row or leave it out")
		}
		return nil
	})
}

// levelColumn is a column of quantiles.
type levelColumn struct {
	level float64
	at    int
}

// levels finds the columns of quantiles in the header, which is the current row, in
// ascending order of their levels.
func (t *table) levels() ([]levelColumn, error) {
	var found []levelColumn
	for i, c := range t.cells {
		if len(c.text) < 2 || c.text[0] != 'q' || c.text[1] < '0' || c.text[1] > '9' {
			continue
		}
		level, err := strconv.ParseFloat(string(c.text[1:]), 64)
		if err != nil || !(level > 0 && level < 1) {
			return nil, t.fail(c.column, fmt.Sprintf("column %q is no quantile level", clip(c.text)), "name it q and a level between 0 and 1, such as q0.025")
		}
		if slices.ContainsFunc(found, func(f levelColumn) bool { return f.level == level }) {
			return nil, t.fail(c.column, fmt.Sprintf("level %v appears twice", level), "keep one of the two")
		}
		found = append(found, levelColumn{level, i})
	}
	if len(found) == 0 {
		return nil, t.fail(1, "no column of quantiles", "the header needs columns such as q0.025,q0.500,q0.975")
	}
	slices.SortFunc(found, func(a, b levelColumn) int {
		if a.level < b.level {
			return -1
		}
		return 1
	})
	return found, nil
}

// largest bounds numbers that are scored: a million of them can be added up.
const largest = 1e300

// number reads a finite decimal number, rounded to the nearest of 64 bits.
func (t *table) number(c cell) (float64, error) {
	for _, b := range c.text {
		if (b < '0' || b > '9') && b != '.' && b != '-' && b != '+' && b != 'e' && b != 'E' {
			return 0, t.fail(c.column, fmt.Sprintf("%q is no number", clip(c.text)), "write digits with a point, such as 1740.8")
		}
	}
	v, err := strconv.ParseFloat(string(c.text), 64)
	switch {
	case err == nil && math.Abs(v) <= largest:
		return v, nil
	case err == nil || errors.Is(err, strconv.ErrRange):
		return 0, t.fail(c.column, fmt.Sprintf("%q is beyond %g", clip(c.text), largest), "correct the value or leave the row out")
	}
	return 0, t.fail(c.column, fmt.Sprintf("%q is no number", clip(c.text)), "write digits with a point, such as 1740.8")
}

// WriteForecasts writes the answers that hold a forecast, in their order, as
// ReadForecasts reads them, and returns how many there were. Quantiles are decimals with
// at most three places, exactly the thousandths of the answers.
func WriteForecasts(to io.Writer, model string, answers []hindcast.Answer) (rows int, err error) {
	if model == "" || len(model) > maxTarget || !utf8.ValidString(model) || strings.ContainsFunc(model, unicode.IsControl) {
		return 0, fmt.Errorf("%w: model %q; give 1 to %d bytes of text", ErrRow, clip([]byte(model)), maxTarget)
	}
	out := bufio.NewWriterSize(to, 1<<16)
	header := append([]string{"model"}, taskColumns()...)
	for _, level := range comity.QuantileLevels {
		header = append(header, fmt.Sprintf("q0.%03d", level))
	}
	if _, err := out.WriteString(strings.Join(header, ",") + "\n"); err != nil {
		return 0, err
	}
	for _, a := range answers {
		if a.Quantiles == nil {
			continue
		}
		cells := []string{quoted(model), a.Task.Origin, quoted(a.Task.Target), strconv.Itoa(a.Task.Horizon), a.Task.Date, string(a.Task.Place)}
		for _, q := range a.Quantiles {
			cells = append(cells, decimal(int64(q)))
		}
		if _, err := out.WriteString(strings.Join(cells, ",") + "\n"); err != nil {
			return 0, err
		}
		rows++
	}
	return rows, out.Flush()
}
