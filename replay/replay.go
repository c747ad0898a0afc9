// Package replay folds a whole log and re-computes everything in it: every signature
// and rule, every round's sums against what members committed to, every model from the
// logged sums, every picture, problem and certificate. It needs the public log and the
// blobs beside it, and no member's data.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"comity"
	"comity/adapter/tlog"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/modeler/learn"
	"comity/verifier/ledger"
	"comity/verifier/secagg"
)

var (
	// ErrDiffers says that recomputing gave something else than the log says.
	ErrDiffers = errors.New("recomputing gives another result")
	// ErrAnchor says that the log is of another charter than the pinned one.
	ErrAnchor = errors.New("another consortium's charter")
)

// Summary counts what was re-computed. Head is the checkpoint's root.
type Summary struct {
	Charter      canon.Digest `json:"charter"`
	Words        string       `json:"words"`
	Anchor       string       `json:"anchor"` // "pinned" or "unpinned".
	Statements   int          `json:"statements"`
	Signatures   int          `json:"signatures"` // Of statements and cosignatures on the head.
	Rounds       int          `json:"rounds"`
	Sums         int          `json:"sums"`
	Models       int          `json:"models"`
	Allocations  int          `json:"allocations"`
	Certificates int          `json:"certificates"`
	Effective    int          `json:"effective"` // Allocations that enough members checked.
	Head         string       `json:"head"`
}

// blobs reads a public blob by its digest.
type blobs func(ctx context.Context, d canon.Digest) ([]byte, error)

// maxBlob bounds one public blob: a sum of 2^20 64-bit lanes with carries.
const maxBlob = 16 << 20

// Source is a log to replay: a home folder, a log folder, or the URL of one.
type Source struct {
	log  *tlog.Reader
	blob blobs
}

// Open finds the log at a place. Errors: fs.ErrNotExist, ledger errors.
func Open(ctx context.Context, place string) (*Source, error) {
	if u, err := url.Parse(place); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		r, err := tlog.OpenURL(ctx, place, http.DefaultClient)
		if err != nil {
			return nil, err
		}
		return &Source{r, remote(strings.TrimSuffix(place, "/"))}, nil
	}
	folder := place
	if _, err := os.Stat(filepath.Join(folder, "log", "checkpoint")); err == nil {
		folder = filepath.Join(folder, "log")
	}
	r, err := tlog.OpenFolder(ctx, folder)
	if err != nil {
		return nil, err
	}
	return &Source{r, func(_ context.Context, d canon.Digest) ([]byte, error) {
		return os.ReadFile(filepath.Join(folder, "blob", d.Hex()))
	}}, nil
}

func remote(base string) blobs {
	return func(ctx context.Context, d canon.Digest) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/blob/"+d.Hex(), http.NoBody)
		if err != nil {
			return nil, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close() //nolint:errcheck // Read only.
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("blob %s: %w: %s", d, os.ErrNotExist, response.Status)
		}
		return io.ReadAll(io.LimitReader(response.Body, maxBlob+1))
	}
}

// Run replays a log. With a nil anchor the log's own charter is taken at its word.
func Run(ctx context.Context, s *Source, pinned *canon.Anchor) (Summary, error) {
	out := Summary{Anchor: "unpinned"}
	state := body.New()
	r := &run{source: s, state: state, out: &out}
	const batch = 256
	for from := int64(0); from < s.log.Size(); from += batch {
		entries, err := s.log.Entries(ctx, from, min(s.log.Size(), from+batch))
		if err != nil {
			return out, err
		}
		for i, e := range entries {
			if err := r.fold(ctx, e); err != nil {
				return out, fmt.Errorf("entry %d: %w", from+int64(i), err)
			}
		}
	}
	out.Charter, out.Words = state.View().Charter, state.View().Charter.Words()
	if pinned != nil {
		out.Anchor = "pinned"
		if !pinned.Matches(out.Charter) {
			return out, fmt.Errorf("%w: the log is of %q, pinned is %q", ErrAnchor, out.Words, pinned)
		}
	}
	_, head, err := s.log.Check(ledger.PolicyOf(state.Charter()))
	if err != nil {
		return out, err
	}
	root, ok := state.Root(int(head.Size))
	if !ok || root != [32]byte(head.Root) {
		return out, fmt.Errorf("%w: the entries have another root than the checkpoint of %d", ledger.ErrProof, head.Size)
	}
	out.Signatures += len(head.Cosigned)
	out.Head = head.Root.String()
	for _, period := range slices.Sorted(maps.Keys(state.View().Decisions)) {
		if state.Effective(period) {
			out.Effective++
		}
	}
	return out, nil
}

// run is a replay under way.
type run struct {
	source *Source
	state  *body.State
	out    *Summary
}

// fold admits one entry by the rules, which re-check signature, picture, problem and
// certificate, and re-computes what the rules leave to a replay: models.
func (r *run) fold(ctx context.Context, entry []byte) error {
	st, err := r.state.Fold(entry)
	if err != nil {
		return err
	}
	r.out.Statements++
	r.out.Signatures++
	switch st.Kind {
	case comity.KindModel:
		var m comity.Model
		if err := canon.Unmarshal(st.Record, &m); err != nil {
			return err
		}
		return r.model(ctx, m)
	case comity.KindAllocation:
		r.out.Allocations++
		r.out.Certificates++
	default:
	}
	return nil
}

// model checks a round's sums and trains again from them.
func (r *run) model(ctx context.Context, m comity.Model) error {
	raw, err := r.source.read(ctx, m.Transcript)
	if err != nil {
		return err
	}
	var t secagg.Transcript
	if err := canon.Unmarshal(raw, &t); err != nil {
		return fmt.Errorf("transcript of round %s: %w", m.Round, err)
	}
	evidence, err := Evidence(r.state, m.Round, func(d canon.Digest) ([]byte, error) { return r.source.read(ctx, d) })
	if err != nil {
		return err
	}
	if err := secagg.VerifyTranscript(t, evidence); err != nil {
		return fmt.Errorf("round %s: %w: %w", m.Round, ErrDiffers, err)
	}
	plan, models := r.state.View().Rounds[m.Round].Plan, r.state.Charter().Models
	result, err := forecast.Run(ctx, forecast.Input{
		Origin: plan.Period, Targets: models.Targets, Unit: models.Unit, Recipe: plan.Recipe,
		Seed: secagg.PublicSeed(m.Round, r.state.Nonces(m.Round)),
	}, &logged{source: r.source, transcript: t})
	if err != nil {
		return fmt.Errorf("train round %s again: %w: %w", m.Round, ErrDiffers, err)
	}
	if got := canon.Sum(result.Model); got != m.Model {
		return fmt.Errorf("round %s: %w: model %s, logged is %s", m.Round, ErrDiffers, got, m.Model)
	}
	r.out.Rounds++
	r.out.Models++
	r.out.Sums += len(t.Steps)
	return nil
}

// read returns a blob whose bytes have the digest that the log names.
func (s *Source) read(ctx context.Context, d canon.Digest) ([]byte, error) {
	data, err := s.blob(ctx, d)
	if err != nil {
		return nil, err
	}
	if got := canon.Sum(data); got != d {
		return nil, fmt.Errorf("%w: blob %s has digest %s", ledger.ErrAltered, d, got)
	}
	return data, nil
}

// logged returns the sums of a transcript in the order in which they were made. It
// implements learn.Summer for a training without rows.
type logged struct {
	source     *Source
	transcript secagg.Transcript
	next       int
	attempt    int
}

// Sum returns the logged sum of a step, or the restart that the log shows before it.
func (l *logged) Sum(ctx context.Context, step learn.Step, x []int64) ([]int64, error) {
	if l.next >= len(l.transcript.Steps) {
		return nil, fmt.Errorf("%w: step %s is not in the transcript of %d steps", ErrDiffers, step.Name, len(l.transcript.Steps))
	}
	s := l.transcript.Steps[l.next]
	for _, c := range l.transcript.Cohorts {
		if c.Number <= s.Cohort && c.FromStep <= l.next && c.Attempt > l.attempt {
			l.attempt = c.Attempt
			return nil, &learn.Restart{Attempt: c.Attempt}
		}
	}
	if s.Name != step.Name || s.Bits != step.Bits || s.Lanes != len(x) {
		return nil, fmt.Errorf("%w: step %d of the transcript is %s of %d x %d bits, the task needs %s of %d x %d",
			ErrDiffers, l.next, s.Name, s.Lanes, s.Bits, step.Name, len(x), step.Bits)
	}
	data, err := l.source.read(ctx, s.Sum)
	if err != nil {
		return nil, err
	}
	sum, err := secagg.ParseSum(data)
	if err != nil {
		return nil, err
	}
	l.next++
	return sum.Values(), nil
}
