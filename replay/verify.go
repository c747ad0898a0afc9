package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"comity"
	"comity/audit"
	"comity/body"
	"comity/canon"
	"comity/party"
	"comity/verifier/analytics"
	"comity/verifier/federation"
	"comity/verifier/secagg"
)

// Kinds of round.
const (
	Training = "training"
	Question = "question"
)

// Round says what was found out about one round. Checks stand in the order in which they
// were made and end at the first that failed.
type Round struct {
	Name      string            `json:"round"`
	Verified  bool              `json:"verified"`
	Anchor    string            `json:"anchor"` // "pinned" or "unpinned".
	Words     string            `json:"words"`  // The log's charter.
	Kind      string            `json:"kind"`
	Members   []party.ID        `json:"members"`    // Whose numbers are in the sum, ascending.
	Sums      int               `json:"sums"`       // How many were checked: 1 of a question.
	Sum       []int64           `json:"-"`          // By lane; of a training the last.
	SumDigest canon.Digest      `json:"sum_digest"` // Of its blob.
	Answer    *analytics.Answer `json:"answer,omitempty"`
	Unchecked []string          `json:"unchecked"` // What an outsider cannot check, in words.
	Checks    []audit.Check     `json:"checks"`
	Err       error             `json:"-"` // The failed check's, for errors.Is.
}

// Verify folds a log and checks one round of it, a training or a question, as Run checks
// all. The error is about what is no round to check: fs.ErrNotExist for an unknown one,
// ErrUnanswered for one without a result, ErrAnchor. Everything else is in Round.
func Verify(ctx context.Context, s *Source, pinned *canon.Anchor, name string) (Round, error) {
	v := &verification{run: run{source: s, state: body.New(), out: &Summary{Anchor: "unpinned"}}}
	v.round = Round{Name: name, Members: []party.ID{}, Unchecked: []string{}, Checks: []audit.Check{}}
	err := v.walk(ctx, pinned, func(_ context.Context, entry []byte) error {
		_, err := v.admit(entry)
		return err
	})
	v.round.Anchor, v.round.Words = v.out.Anchor, v.out.Words
	if errors.Is(err, ErrAnchor) {
		return v.round, err
	}
	var steps []step
	if err == nil {
		if steps, err = v.steps(name); err != nil {
			return v.round, err
		}
	}
	first := step{"log", func(context.Context) (string, error) {
		return fmt.Sprintf("%d statements, signed and by the rules, lead to the head that the witnesses cosigned", v.out.Statements), err
	}}
	v.check(ctx, append([]step{first}, steps...))
	return v.round, nil
}

// verification is the check of one round under way.
type verification struct {
	run
	round      Round
	model      comity.Model
	asked      federation.Round
	transcript secagg.Transcript
	opened     opened
}

// step is one check, which says what it found.
type step struct {
	name string
	run  func(context.Context) (string, error)
}

// check makes the checks up to the first that fails.
func (v *verification) check(ctx context.Context, steps []step) {
	for _, s := range steps {
		detail, err := s.run(ctx)
		if err != nil {
			v.round.Checks = append(v.round.Checks, audit.Check{Name: s.name, Detail: err.Error()})
			v.round.Err = err
			return
		}
		if detail != "" {
			v.round.Checks = append(v.round.Checks, audit.Check{Name: s.name, OK: true, Detail: detail})
		}
	}
	v.round.Verified = true
}

// steps lists what is to be checked of a round.
func (v *verification) steps(name string) ([]step, error) {
	if r, ok := v.state.View().Rounds[name]; ok {
		v.round.Kind = Training
		if r.Model == nil {
			return nil, fmt.Errorf("round %s: %w: no model was logged for it", name, ErrUnanswered)
		}
		v.model = *r.Model
		v.round.Members = r.Cohort()
		return []step{{"sums", v.trained}, {"model", v.retrained}, {"scores", v.rescored}}, nil
	}
	b, ok := v.state.Board(name)
	if !ok {
		return nil, fmt.Errorf("round %.80q: %w in this log", name, fs.ErrNotExist)
	}
	v.round.Kind = Question
	if b.Result == nil {
		return nil, fmt.Errorf("question %s: %w: it is %s", name, ErrUnanswered, v.fate(b))
	}
	v.asked, v.round.Members = b.Round, b.Survivors.Members
	return []step{{"sum", v.summed}, {"fingerprints", v.matched}, {"answer", v.decoded}}, nil
}

// trained checks the sums of a training.
func (v *verification) trained(ctx context.Context) (string, error) {
	t, left, err := v.sums(ctx, v.model)
	if err != nil {
		return "", err
	}
	for _, id := range left {
		v.round.Unchecked = append(v.round.Unchecked, fmt.Sprintf("%s left and gave no fingerprint: whether the sums hold what it committed to, only the hub and those it shows the masked vectors can check", id))
	}
	if len(t.Steps) == 0 {
		return "", fmt.Errorf("%w: the transcript has no sums", ErrDiffers)
	}
	v.transcript, v.round.Sums = t, len(t.Steps)
	last := t.Steps[len(t.Steps)-1]
	v.round.SumDigest = last.Sum
	data, err := v.source.read(ctx, last.Sum)
	if err != nil {
		return "", err
	}
	sum, err := secagg.ParseSum(data)
	if err != nil {
		return "", err
	}
	v.round.Sum = sum.Values()
	return fmt.Sprintf("%d sums match what %d members committed to", len(t.Steps), len(v.round.Members)), nil
}

// retrained computes the model again.
func (v *verification) retrained(ctx context.Context) (string, error) {
	if err := v.compute(ctx, v.model, v.transcript); err != nil {
		return "", err
	}
	if err := v.shown(ctx, v.model.Model); err != nil {
		return "", err
	}
	if v.out.Models == 0 { // An update keeps the model.
		return fmt.Sprintf("the sums are those that the update of %s needs", v.model.Model), nil
	}
	return fmt.Sprintf("trained again from the sums to the same %s", v.model.Model), nil
}

// summed recomputes the sum of a question.
func (v *verification) summed(ctx context.Context) (string, error) {
	var err error
	if v.opened, err = v.open(ctx, v.round.Name); err != nil {
		return "", err
	}
	v.round.Sums, v.round.Sum, v.round.SumDigest = 1, v.opened.sum, v.asked.Result.Sum
	return fmt.Sprintf("it is the masked sum less the masks that %d members committed to", len(v.round.Members)), nil
}

// matched says whether the masked sum is of the vectors that members committed to. A
// dispute fails: of the hub and the survivors somebody lied.
func (v *verification) matched(context.Context) (string, error) {
	if v.opened.disputed != nil {
		return "", v.opened.disputed
	}
	if len(v.opened.lacking) == 0 {
		return fmt.Sprintf("those of %d members add up to that of the masked sum", len(v.round.Members)), nil
	}
	for _, id := range v.opened.lacking {
		v.round.Unchecked = append(v.round.Unchecked, fmt.Sprintf("%s gave no fingerprint: whether the masked sum holds what members committed to, only the hub and those it shows the masked vectors can check", id))
	}
	return "", nil
}

// decoded computes the answer again.
func (v *verification) decoded(ctx context.Context) (string, error) {
	if err := v.decode(ctx, v.round.Name, &v.opened); err != nil {
		return "", err
	}
	if v.round.Answer = v.opened.answer; v.round.Answer == nil {
		v.round.Unchecked = append(v.round.Unchecked, fmt.Sprintf("schema %s does not lie beside the log: terms and answer were not computed again", v.asked.Question.Schema))
		return "", nil
	}
	return fmt.Sprintf("decoded from the sum; the question's terms follow from its query over rows of %s", v.opened.rows), nil
}
