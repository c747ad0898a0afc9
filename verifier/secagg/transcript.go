package secagg

import (
	"bytes"
	"fmt"

	"comity"
	"comity/canon"
)

// Transcript is the public record of a round: with the sum blobs it names, all that is
// needed to recompute every member's chain. Its canonical form is a blob of the log.
type Transcript struct {
	Round   string          `json:"round"`
	Plan    canon.Digest    `json:"plan"`
	Cohorts []comity.Cohort `json:"cohorts"` // All of them, as logged, ascending by number.
	Steps   []StepRecord    `json:"steps"`   // The finished ones, in order.
}

// StepRecord is one finished step. Commitments and reveals are in the order of the
// cohort, whose attempt the step ran in.
type StepRecord struct {
	Name        string       `json:"name"`
	Bits        int          `json:"bits"`
	Lanes       int          `json:"lanes"`
	Cohort      int          `json:"cohort"`
	Commitments []Commitment `json:"commitments"`
	Reveals     [][]byte     `json:"reveals"` // Self masks, 32 bytes each.
	Sum         canon.Digest `json:"sum"`     // Of the sum blob.
}

func newStepRecord(r *round, cohort int, sum canon.Digest) StepRecord {
	s := StepRecord{Name: r.step.Name, Bits: r.step.Bits, Lanes: r.step.Lanes, Cohort: cohort, Commitments: r.list, Sum: sum}
	for i := range r.reveals {
		s.Reveals = append(s.Reveals, bytes.Clone(r.reveals[i][:]))
	}
	return s
}

func (s StepRecord) step() Step { return Step{s.Name, s.Bits, s.Lanes} }

// ParseTranscript reads the canonical form of a transcript and nothing else. What it
// says is checked by VerifyTranscript.
func ParseTranscript(data []byte) (Transcript, error) {
	var t Transcript
	if err := canon.Unmarshal(data, &t); err != nil {
		return Transcript{}, fmt.Errorf("%w: transcript: %w", ErrMalformed, err)
	}
	return t, nil
}
