// Package replay folds a whole log and re-computes everything in it: every signature
// and rule, every round's sums against what members committed to, every model from the
// logged sums, every picture, problem and certificate. It needs the public log and the
// blobs beside it, and no member's data.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"comity"
	"comity/allocator/solve"
	"comity/body"
	"comity/canon"
	"comity/modeler/forecast"
	"comity/verifier/ledger"
	"comity/verifier/secagg"
)

var (
	// ErrDiffers says that recomputing gave something else than the log says.
	ErrDiffers = errors.New("recomputing gives another result")
	// ErrAnchor says that the log is of another charter than the pinned one.
	ErrAnchor = errors.New("another consortium's charter")
	// ErrIncomplete says that the log names something that is not there, so that nobody
	// can check it.
	ErrIncomplete = errors.New("the log names what it does not show")
	// ErrUnreachable says that the place of a log did not answer.
	ErrUnreachable = errors.New("log not reachable")
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
	ChainOnly    int          `json:"chain_only"` // Rounds whose sums no outsider can match with vectors: a member left.
	Models       int          `json:"models"`
	Allocations  int          `json:"allocations"`
	Certificates int          `json:"certificates"`
	Canonical    int          `json:"canonical"` // Allocations that were solved again to the same units.
	Effective    int          `json:"effective"` // Allocations that enough members checked.
	Head         string       `json:"head"`
}

// Run replays a log. With a nil anchor the log's own charter is taken at its word.
func Run(ctx context.Context, s *Source, pinned *canon.Anchor) (Summary, error) {
	out := Summary{Anchor: "unpinned"}
	sealed, _, err := s.Charter(ctx)
	if err != nil {
		return out, err
	}
	out.Charter = canon.Sum(sealed)
	out.Words = out.Charter.Words()
	if pinned != nil {
		out.Anchor = "pinned"
		if !pinned.Matches(out.Charter) {
			return out, fmt.Errorf("%w: the log is of %q, pinned is %q", ErrAnchor, out.Words, pinned)
		}
	}
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
	case comity.KindPicture:
		var p comity.Frozen
		if err := canon.Unmarshal(st.Record, &p); err != nil {
			return err
		}
		return r.shown(ctx, p.Picture)
	case comity.KindAllocation:
		var a comity.Allocation
		if err := canon.Unmarshal(st.Record, &a); err != nil {
			return err
		}
		r.out.Allocations++
		r.out.Certificates++
		if err := r.shown(ctx, a.Problem); err != nil {
			return err
		}
		return r.allocate(ctx, a)
	default:
	}
	return nil
}

// shown checks that a public blob is there. Its content was computed again already: the
// rules compare digests.
func (r *run) shown(ctx context.Context, d canon.Digest) error {
	_, err := r.source.read(ctx, d)
	return err
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
	if len(evidence.Left()) > 0 {
		// The vectors of members who left are not public; the hub and the members that
		// stayed could check them, an outsider cannot.
		evidence.ChainOnly = true
		r.out.ChainOnly++
	}
	if err := secagg.VerifyTranscript(t, evidence); err != nil {
		return fmt.Errorf("round %s: %w", m.Round, differs(err))
	}
	if err := r.compute(ctx, m, t); err != nil {
		return err
	}
	r.out.Rounds++
	r.out.Sums += len(t.Steps)
	return r.shown(ctx, m.Model)
}

// allocate solves a period's problem again. Its certificate proves that no plan is
// better; that this plan is the one of many as good that the rules name, only solving shows.
func (r *run) allocate(ctx context.Context, a comity.Allocation) error {
	if r.source.Solver == nil {
		return nil
	}
	problem, err := r.state.Problem(a.Period)
	if err != nil {
		return err
	}
	lot, err := r.state.Lot(a.Period)
	if err != nil {
		return err
	}
	again, err := solve.Allocate(ctx, problem, r.source.Solver, lot)
	if err != nil {
		return fmt.Errorf("allocate %s again: %w", a.Period, err)
	}
	if !slices.Equal(again.Units, a.Units) {
		return fmt.Errorf("allocation of %s: %w: among the plans that are as good, the rules name another", a.Period, ErrDiffers)
	}
	r.out.Canonical++
	return nil
}

// compute does the task of a round again from its sums. An update keeps the model: what
// is checked is that its sums are those that the model needs.
func (r *run) compute(ctx context.Context, m comity.Model, t secagg.Transcript) error {
	plan, models := r.state.View().Rounds[m.Round].Plan, r.state.Charter().Models
	in := forecast.Input{
		Origin: plan.Period, Targets: models.Targets, Unit: models.Unit, Recipe: plan.Recipe,
		Seed: secagg.PublicSeed(m.Round, r.state.Nonces(m.Round)),
	}
	sums := Recorded(t, r.source.read)
	if plan.Task == body.TaskUpdate {
		model, err := r.source.read(ctx, m.Model)
		if err != nil {
			return err
		}
		if _, err := forecast.Update(ctx, in, model, sums); err != nil {
			return fmt.Errorf("update of round %s again: %w", m.Round, differs(err))
		}
		return nil
	}
	result, err := forecast.Run(ctx, in, sums)
	if err != nil {
		return fmt.Errorf("train round %s again: %w", m.Round, differs(err))
	}
	if got := canon.Sum(result.Model); got != m.Model {
		return fmt.Errorf("round %s: %w: model %s, logged is %s", m.Round, ErrDiffers, got, m.Model)
	}
	r.out.Models++
	return nil
}

// differs marks an error as a disagreement, unless the evidence itself was altered or is
// missing: then nothing could be recomputed.
func differs(err error) error {
	for _, cause := range []error{ledger.ErrAltered, ErrIncomplete, ErrUnreachable, fs.ErrPermission, context.Canceled} {
		if errors.Is(err, cause) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrDiffers, err)
}
