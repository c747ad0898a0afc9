package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"comity/schema"
)

// folder reads the files of a folder one after another, in the order of their names.
type folder struct {
	ctx    context.Context //nolint:containedctx // Of the files that are opened as they come.
	config Config
	files  []string
	header []schema.Heading
	source *Source // That is being read.
	at     []int   // Where each column of the header stands in it.
	fields []schema.Field
}

// openFolder opens the first file; its columns are those of all.
func openFolder(ctx context.Context, c Config) (*Source, error) {
	entries, err := os.ReadDir(c.Path)
	if err != nil {
		return nil, refuse(c.Path, err.Error(), "check the permissions")
	}
	f := &folder{ctx: ctx, config: c}
	for _, e := range entries { // In the order of their names.
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if e.IsDir() {
			return nil, refuse(filepath.Join(c.Path, e.Name()), "a folder inside a folder of tables", "keep one level")
		}
		f.files = append(f.files, filepath.Join(c.Path, e.Name()))
	}
	if n := len(f.files); n == 0 || n > MaxFiles {
		return nil, refuse(c.Path, fmt.Sprintf("%d files; 1 to %d are possible", n, MaxFiles), "put the tables there, and nothing else")
	}
	if err := f.open(); err != nil {
		return nil, err
	}
	return &Source{Rows: f, closers: []func() error{f.close}}, nil
}

// open opens the next file and finds the columns of the first one in it.
func (f *folder) open() error {
	c := f.config
	c.Path, f.files = f.files[0], f.files[1:]
	s, err := openFile(f.ctx, c)
	if err != nil {
		return err
	}
	f.source = s
	if f.header == nil {
		f.header = s.Header()
		f.fields = make([]schema.Field, len(f.header))
	}
	f.at = f.at[:0]
	for _, want := range f.header {
		i := slices.IndexFunc(s.Header(), func(h schema.Heading) bool { return h.Name == want.Name && h.Unit == want.Unit })
		if i < 0 {
			_ = f.close() // The error below tells more.
			return refuse(c.Path, fmt.Sprintf("no column %q with unit %q, as the first file has", want.Name, want.Unit), "give all files of a folder the same columns")
		}
		f.at = append(f.at, i)
	}
	return nil
}

// Header returns the columns of the first file.
func (f *folder) Header() []schema.Heading { return f.header }

// Place says where the row stands that was read last.
func (f *folder) Place() schema.Place { return f.source.Place() }

// Next returns the next row of the file at hand, or the first of the file after it.
func (f *folder) Next() ([]schema.Field, error) {
	for {
		fields, err := f.source.Next()
		if err == nil {
			for i, at := range f.at {
				f.fields[i] = fields[at]
			}
			return f.fields, nil
		}
		if !errors.Is(err, io.EOF) || len(f.files) == 0 {
			return nil, err
		}
		if err := f.close(); err != nil {
			return nil, err
		}
		if err := f.open(); err != nil {
			return nil, err
		}
	}
}

func (f *folder) close() error { return f.source.Close() }
