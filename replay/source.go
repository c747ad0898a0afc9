package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"comity"
	"comity/adapter/tlog"
	"comity/allocator/solve"
	"comity/canon"
	"comity/governor/charter"
	"comity/verifier/ledger"
)

// blobs opens a public blob by its digest; one that is not there is fs.ErrNotExist.
type blobs func(ctx context.Context, d canon.Digest) (io.ReadCloser, error)

const (
	// maxBlob bounds one public blob in bytes: a sum of 2^20 64-bit lanes with carries.
	maxBlob = 16 << 20
	// answerTime bounds one request to a log: a slow line takes 6 minutes for maxBlob at
	// 400 kbit/s (the slow profile of the console's budget).
	answerTime = 6 * time.Minute
)

// Source is a log to replay: a home folder, a log folder, or the URL of one.
type Source struct {
	// Solver solves every allocation again, to see that it is the one among all optima
	// that the rules name; nil leaves that out.
	Solver solve.Solver

	log  *tlog.Reader
	blob blobs
}

// Open finds the log at a place and computes its root from its entries. An address may
// be that of the log or of the page that serves it below log/. Errors: fs.ErrNotExist,
// ErrUnreachable, ledger errors.
func Open(ctx context.Context, place string) (*Source, error) {
	if u, err := url.Parse(place); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return openURL(ctx, strings.TrimSuffix(place, "/"))
	}
	folder := place
	if _, err := os.Stat(filepath.Join(folder, "log", "checkpoint")); err == nil {
		folder = filepath.Join(folder, "log")
	}
	r, err := tlog.OpenFolder(ctx, folder)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ledger.ErrProof) {
		return nil, fmt.Errorf("no log in %s: %w; give a home folder, a log folder or the URL of a log", place, err)
	}
	if err != nil {
		return nil, fmt.Errorf("log in %s: %w", folder, err)
	}
	return &Source{log: r, blob: func(_ context.Context, d canon.Digest) (io.ReadCloser, error) {
		return os.Open(filepath.Join(folder, "blob", d.Hex()))
	}}, nil
}

func openURL(ctx context.Context, base string) (*Source, error) {
	client := &http.Client{Timeout: answerTime}
	r, err := tlog.OpenURL(ctx, base, client)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ledger.ErrProof) {
		base += "/log"
		r, err = tlog.OpenURL(ctx, base, client)
	}
	switch {
	case err == nil:
	case isEvidence(err), errors.Is(err, fs.ErrNotExist), ctx.Err() != nil:
		return nil, fmt.Errorf("log at %s: %w", base, err)
	default: // No line, no server, or one that is out of order.
		return nil, fmt.Errorf("log at %s: %w: %w", base, ErrUnreachable, err)
	}
	return &Source{log: r, blob: remote(base, client)}, nil
}

// isEvidence tells whether an error is about what a log says, and not about getting it.
func isEvidence(err error) bool {
	return errors.Is(err, ledger.ErrMalformed) || errors.Is(err, ledger.ErrProof) || errors.Is(err, ledger.ErrAltered)
}

func remote(base string, client *http.Client) blobs {
	return func(ctx context.Context, d canon.Digest) (io.ReadCloser, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/blob/"+d.Hex(), http.NoBody)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		if response.StatusCode != http.StatusOK {
			return nil, errors.Join(fmt.Errorf("%w: %s", fs.ErrNotExist, response.Status), response.Body.Close())
		}
		return response.Body, nil
	}
}

// Log returns the log's own files, checked against their root.
func (s *Source) Log() *tlog.Reader { return s.log }

// Charter returns the charter that the log begins with, sealed and read. Whether it is
// the one to trust is for the caller to say. Errors: fs.ErrNotExist for a log without
// entries, ledger.ErrMalformed, charter.ErrSealed.
func (s *Source) Charter(ctx context.Context) ([]byte, comity.Charter, error) {
	if s.log.Size() == 0 {
		return nil, comity.Charter{}, fmt.Errorf("the log is empty, nothing was founded in it: entry 0: %w", fs.ErrNotExist)
	}
	first, err := s.log.Entries(ctx, 0, 1)
	if err != nil {
		return nil, comity.Charter{}, err
	}
	e, err := ledger.Parse(first[0])
	if err != nil {
		return nil, comity.Charter{}, fmt.Errorf("entry 0: %w", err)
	}
	st := e.Statement()
	if st.Kind != comity.KindCharter {
		return nil, comity.Charter{}, fmt.Errorf("entry 0: %w: a %s statement, want the charter", ledger.ErrMalformed, st.Kind)
	}
	rules, _, err := charter.Open(st.Record)
	if err != nil {
		return nil, comity.Charter{}, fmt.Errorf("entry 0: %w", err)
	}
	return st.Record, rules, nil
}

// each hands every entry to take, oldest first. An error of take names the entry.
func (s *Source) each(ctx context.Context, take func(entry []byte) error) error {
	const batch = 256
	for from := int64(0); from < s.log.Size(); from += batch {
		entries, err := s.log.Entries(ctx, from, min(s.log.Size(), from+batch))
		if err != nil {
			return err
		}
		for i, e := range entries {
			if err := take(e); err != nil {
				return fmt.Errorf("entry %d: %w", from+int64(i), err)
			}
		}
	}
	return nil
}

// Blob returns a public blob whose bytes have the digest. Errors: ErrIncomplete,
// ErrUnreachable, ledger.ErrAltered, of the operating system.
func (s *Source) Blob(ctx context.Context, d canon.Digest) ([]byte, error) { return s.read(ctx, d) }

// read returns a blob whose bytes have the digest that the log names. Errors:
// ErrIncomplete, ErrUnreachable, ledger.ErrAltered, of the operating system.
func (s *Source) read(ctx context.Context, d canon.Digest) ([]byte, error) {
	in, err := s.blob(ctx, d)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s: %w: %w", d.Hex(), ErrIncomplete, err)
	}
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d.Hex(), err)
	}
	defer in.Close() //nolint:errcheck // Read only.
	data, err := io.ReadAll(io.LimitReader(in, maxBlob+1))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d.Hex(), err)
	}
	if len(data) > maxBlob {
		return nil, fmt.Errorf("blob %s: %w: more than %d bytes", d.Hex(), ledger.ErrAltered, maxBlob)
	}
	if got := canon.Sum(data); got != d {
		return nil, fmt.Errorf("blob %s: %w: its bytes have digest %s", d.Hex(), ledger.ErrAltered, got)
	}
	return data, nil
}
