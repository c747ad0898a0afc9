package csv

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"comity/modeler/forecast"
)

// ErrRow says that a row cannot be written.
var ErrRow = errors.New("row refused")

// WriteSeries writes rows as an archive that Vintages reads back, in the order given.
// The file appears whole or not at all: it is written beside its name, forced to disk
// and renamed. Only its owner may read it. Missing folders are made.
func WriteSeries(path string, rows []forecast.Observation) (err error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(folder, ".series-*") // Mode 0600.
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()           // The first error tells more.
			_ = os.Remove(f.Name()) // A leftover is harmless.
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	out := bufio.NewWriterSize(f, 1<<16)
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
	if err := out.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(folder)
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
	if reason, fix := disorder(asOf, week); reason != "" {
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
		value = strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%03d", o.Value/1000, o.Value%1000), "0"), ".")
	}
	target := o.Target
	if strings.ContainsAny(target, `",`) {
		target = `"` + strings.ReplaceAll(target, `"`, `""`) + `"`
	}
	return o.AsOf + "," + target + "," + string(o.Place) + "," + o.Date + "," + value + "\n", nil
}

// syncFolder makes a rename survive a power failure.
func syncFolder(folder string) error {
	d, err := os.Open(folder) //nolint:gosec // The node's own folder.
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close() // The first error tells more.
		return err
	}
	return d.Close()
}
