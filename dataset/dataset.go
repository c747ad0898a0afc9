// Package dataset opens a member's own rows, whatever they are kept in: CSV, Parquet or
// SQLite, a folder of such files, or a server that a command asks. What comes out is one
// schema.Rows.
package dataset

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"comity/adapter/csv"
	"comity/adapter/parquet"
	"comity/adapter/query"
	"comity/adapter/sqlite"
	"comity/place"
	"comity/schema"
)

// MaxFiles bounds a folder.
const MaxFiles = 10_000

// Config says where rows are. One of Path, Input and Command is given.
type Config struct {
	Path    string    // A file or a folder.
	Input   io.Reader // CSV, plain or gzip, that Name stands for.
	Name    string    // Of Input in messages: "standard input".
	Command *query.Config
	Table   string // Of an SQLite database; empty for the only one.
	Query   string // For an SQLite database, instead of a table.
}

// Source is an opened table. Close it.
type Source struct {
	schema.Rows
	closers []func() error
}

// Close closes all that was opened.
func (s *Source) Close() error {
	var err error
	for _, c := range slices.Backward(s.closers) {
		err = errors.Join(err, c())
	}
	s.closers = nil
	return err
}

// Open opens a table. ctx ends the reading of databases and commands. Errors wrap
// place.ErrUnreadable.
func Open(ctx context.Context, c Config) (*Source, error) {
	switch {
	case c.Table != "" && c.Query != "":
		return nil, refuse(c.Path, "a table and a query are named", "name one of the two")
	case c.Command != nil:
		out, err := query.Start(ctx, *c.Command)
		if err != nil {
			return nil, err
		}
		s, err := opened(csv.NewRows("output of "+filepath.Base(c.Command.Argv[0]), out))
		if err != nil {
			_ = out.Close() // The first error tells more.
			return nil, err
		}
		s.closers = append(s.closers, out.Close)
		return s, nil
	case c.Input != nil:
		if c.Table != "" || c.Query != "" {
			return nil, refuse(c.Name, "a table or query is named, and the input is CSV", "leave it out")
		}
		return opened(csv.NewRows(c.Name, c.Input))
	}
	info, err := os.Stat(c.Path)
	switch {
	case err != nil:
		return nil, &place.Error{File: c.Path, Line: 1, Column: 1, Reason: "cannot be opened: " + cause(err), Fix: "check the name and the permissions", Cause: err}
	case info.IsDir():
		return openFolder(ctx, c)
	default:
		return openFile(ctx, c)
	}
}

func opened(rows *csv.Rows, err error) (*Source, error) {
	if err != nil {
		return nil, err
	}
	return &Source{Rows: rows}, nil
}

// openFile opens a file as what its first bytes say that it is.
func openFile(ctx context.Context, c Config) (_ *Source, err error) {
	f, err := csv.Open(c.Path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // The first error tells more.
		}
	}()
	start := make([]byte, len(sqlite.Magic))
	n, err := f.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) && !isPipe(f) {
		return nil, refuse(c.Path, err.Error(), "check the disk and the file's permissions")
	}
	kind := string(start[:n])
	if kind != sqlite.Magic && (c.Table != "" || c.Query != "") {
		return nil, refuse(c.Path, "a table or query is named, and the file is no SQLite database", "leave it out")
	}
	s := &Source{closers: []func() error{f.Close}}
	switch {
	case strings.HasPrefix(kind, parquet.Magic):
		info, err := f.Stat()
		if err != nil {
			return nil, refuse(c.Path, err.Error(), "check the disk")
		}
		rows, err := parquet.NewRows(c.Path, f, info.Size())
		if err != nil {
			return nil, err
		}
		s.Rows, s.closers = rows, append(s.closers, rows.Close)
	case kind == sqlite.Magic:
		rows, err := openDatabase(ctx, c)
		if err != nil {
			return nil, err
		}
		s.Rows, s.closers = rows, append(s.closers, rows.Close)
	default:
		rows, err := csv.NewRows(c.Path, f)
		if err != nil {
			return nil, err
		}
		s.Rows = rows
	}
	return s, nil
}

func openDatabase(ctx context.Context, c Config) (*sqlite.Rows, error) {
	if c.Query != "" {
		return sqlite.Query(ctx, c.Path, c.Query)
	}
	return sqlite.Table(ctx, c.Path, c.Table)
}

// isPipe tells whether a file cannot be read at a position: a pipe is CSV.
func isPipe(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && !info.Mode().IsRegular()
}

// cause leaves out the path, which the error names already.
func cause(err error) string {
	if wrong, ok := errors.AsType[*fs.PathError](err); ok {
		return wrong.Err.Error()
	}
	return err.Error()
}

func refuse(file, reason, fix string) error {
	return &place.Error{File: file, Line: 1, Column: 1, Reason: reason, Fix: fix}
}
