package csv

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"comity/durable"
	"comity/modeler/forecast"
)

// ErrRow says that a row cannot be written.
var ErrRow = errors.New("row refused")

// WriteSeries writes rows as an archive that Vintages reads back, in the order given.
// The file appears whole or not at all: it is written beside its name, forced to disk
// and renamed. Only its owner may read it. Missing folders are made.
func WriteSeries(path string, rows []forecast.Observation) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err := durable.Write(path, func(file io.Writer) error {
		out := bufio.NewWriterSize(file, 1<<16)
		if _, err := out.WriteString(strings.Join(columns()[:len(columns())-optional], ",") + "\n"); err != nil {
			return err
		}
		for i, row := range rows {
			line, err := render(row)
			if err != nil {
				return fmt.Errorf("row %d of %d: %w", i+1, len(rows), err)
			}
			if _, err := out.WriteString(line); err != nil {
				return err
			}
		}
		return out.Flush()
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// render writes one row. What Vintages would not read back is refused.
func render(o forecast.Observation) (string, error) {
	if err := o.Place.Check(); err != nil {
		return "", fmt.Errorf("%w: %w", ErrRow, err)
	}
	asOf, errA := date([]byte(o.AsOf))
	week, errW := date([]byte(o.Date))
	if err := errors.Join(errA, errW); err != nil {
		return "", fmt.Errorf("%w: week to %q, seen on %q: %w", ErrRow, o.Date, o.AsOf, err)
	}
	if reason, fix := disorder(asOf, week, time.Sunday); reason != "" {
		return "", fmt.Errorf("%w: %s; %s", ErrRow, reason, fix)
	}
	if o.Target == "" || len(o.Target) > maxTarget || !utf8.ValidString(o.Target) || strings.ContainsFunc(o.Target, unicode.IsControl) {
		return "", fmt.Errorf("%w: target %q; give 1 to %d bytes of text", ErrRow, clip([]byte(o.Target)), maxTarget)
	}
	if o.Value < 0 || o.Value > forecast.MaxValue || o.Withdrawn && o.Value != 0 {
		return "", fmt.Errorf("%w: value %d thousandths; use 0 to %d, and 0 if withdrawn", ErrRow, o.Value, int64(forecast.MaxValue))
	}
	value := ""
	if !o.Withdrawn {
		value = decimal(o.Value)
	}
	return o.AsOf + "," + quoted(o.Target) + "," + string(o.Place) + "," + o.Date + "," + value + "\n", nil
}

// decimal writes thousandths exactly and without zeros at the end.
func decimal(v int64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%03d", v/1000, v%1000), "0"), ".")
}

// quoted puts a text into quotes if it has to be.
func quoted(text string) string {
	if !strings.ContainsAny(text, `",`) {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}
