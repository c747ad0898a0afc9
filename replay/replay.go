// Package replay folds a whole log and re-computes everything in it: every signature
// and rule, every round's sums against what members committed to, every model from the
// logged sums, the sum and the answer of every question, every picture, problem and
// certificate. It needs the public log and the blobs beside it, and no member's data.
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
	"comity/party"
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
	Scores       int          `json:"scores"` // Statements of how forecasts stood up, read again from the sums.
	Allocations  int          `json:"allocations"`
	Certificates int          `json:"certificates"`
	Canonical    int          `json:"canonical"` // Allocations that were solved again to the same units.
	Effective    int          `json:"effective"` // Allocations that enough members checked.
	Questions    Questions    `json:"questions"`
	Head         string       `json:"head"`
}

// Run replays a log. With a nil anchor the log's own charter is taken at its word.
func Run(ctx context.Context, s *Source, pinned *canon.Anchor) (Summary, error) {
	r := &run{source: s, state: body.New(), out: &Summary{Anchor: "unpinned"}}
	if err := r.walk(ctx, pinned, r.fold); err != nil {
		return *r.out, err
	}
	for _, period := range slices.Sorted(maps.Keys(r.state.View().Decisions)) {
		if r.state.Effective(period) {
			r.out.Effective++
		}
	}
	return *r.out, r.tally()
}

// run is a replay under way.
type run struct {
	source *Source
	state  *body.State
	out    *Summary
}

// walk hands every entry to take, which folds it, and then compares the root over all of
// them with that of the checkpoint.
func (r *run) walk(ctx context.Context, pinned *canon.Anchor, take func(context.Context, []byte) error) error {
	sealed, _, err := r.source.Charter(ctx)
	if err != nil {
		return err
	}
	r.out.Charter = canon.Sum(sealed)
	r.out.Words = r.out.Charter.Words()
	if pinned != nil {
		r.out.Anchor = "pinned"
		if !pinned.Matches(r.out.Charter) {
			return fmt.Errorf("%w: the log is of %q, pinned is %q", ErrAnchor, r.out.Words, pinned)
		}
	}
	if err := r.source.each(ctx, func(entry []byte) error { return take(ctx, entry) }); err != nil {
		return err
	}
	_, head, err := r.source.log.Check(ledger.PolicyOf(r.state.Charter()))
	if err != nil {
		return err
	}
	root, ok := r.state.Root(int(head.Size))
	if !ok || root != [32]byte(head.Root) {
		return fmt.Errorf("%w: the entries have another root than the checkpoint of %d", ledger.ErrProof, head.Size)
	}
	r.out.Signatures += len(head.Cosigned)
	r.out.Head = head.Root.String()
	return nil
}

// fold admits one entry by the rules, which re-check signature, picture, problem and
// certificate, and re-computes what the rules leave to a replay: models.
func (r *run) fold(ctx context.Context, entry []byte) error {
	st, err := r.admit(entry)
	if err != nil {
		return err
	}
	switch st.Kind {
	case comity.KindModel:
		var m comity.Model
		if err := canon.Unmarshal(st.Record, &m); err != nil {
			return err
		}
		return r.model(ctx, m)
	case comity.KindScore:
		var sc comity.Score
		if err := canon.Unmarshal(st.Record, &sc); err != nil {
			return err
		}
		return r.scored(ctx, sc)
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
	case comity.KindResult:
		var res comity.Result
		if err := canon.Unmarshal(st.Record, &res); err != nil {
			return err
		}
		return r.answered(ctx, res.Round)
	default:
	}
	return nil
}

// admit folds one entry by the rules and counts it.
func (r *run) admit(entry []byte) (comity.Statement, error) {
	st, err := r.state.Fold(entry)
	if err != nil {
		return st, err
	}
	r.out.Statements++
	r.out.Signatures++
	return st, nil
}

// shown checks that a public blob is there. Its content was computed again already: the
// rules compare digests.
func (r *run) shown(ctx context.Context, d canon.Digest) error {
	_, err := r.source.read(ctx, d)
	return err
}

// model checks a round's sums and trains again from them.
func (r *run) model(ctx context.Context, m comity.Model) error {
	t, left, err := r.sums(ctx, m)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		r.out.ChainOnly++
	}
	if err := r.compute(ctx, m, t); err != nil {
		return err
	}
	r.out.Rounds++
	r.out.Sums += len(t.Steps)
	return r.shown(ctx, m.Model)
}

// sums checks that the sums of a round are those of vectors that its members committed
// to, and lists the members who left: their vectors are not public, so that the hub and
// the members that stayed could check them, and an outsider cannot.
func (r *run) sums(ctx context.Context, m comity.Model) (t secagg.Transcript, left []party.ID, err error) {
	raw, err := r.source.read(ctx, m.Transcript)
	if err != nil {
		return t, nil, err
	}
	if err := canon.Unmarshal(raw, &t); err != nil {
		return t, nil, fmt.Errorf("transcript of round %s: %w", m.Round, err)
	}
	evidence, err := Evidence(r.state, m.Round, r.blob(ctx))
	if err != nil {
		return t, nil, err
	}
	left = evidence.Left()
	evidence.ChainOnly = len(left) > 0
	if err := secagg.VerifyTranscript(t, evidence); err != nil {
		return t, nil, fmt.Errorf("round %s: %w", m.Round, differs(err))
	}
	return t, left, nil
}

// blob reads public blobs for packages that know no context.
func (r *run) blob(ctx context.Context) func(canon.Digest) ([]byte, error) {
	return func(d canon.Digest) ([]byte, error) { return r.source.read(ctx, d) }
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
		return r.tallied(ctx, in, m.Round, sums)
	}
	result, err := forecast.Run(ctx, in, sums)
	if err != nil {
		return fmt.Errorf("train round %s again: %w", m.Round, differs(err))
	}
	if got := canon.Sum(result.Model); got != m.Model {
		return fmt.Errorf("round %s: %w: model %s, logged is %s", m.Round, ErrDiffers, got, m.Model)
	}
	r.out.Models++
	return r.tallied(ctx, in, m.Round, sums)
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
