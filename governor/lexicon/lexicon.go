// Package lexicon defines the words that a charter may rely on: fairness, bias, trust and
// the rest, each with one sentence for people, a formula, a decidable check and examples
// with their results. The lexicon has a version and a digest, so that two parties who name
// the same words mean the same thing.
//
// It holds definitions only and computes nothing. A Check decides a term on a table of
// data; package governor/lexicon/measure has one for every term, out of the computations
// of the pillars above. Read is the strict reader of such tables.
package lexicon

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"comity"
	"comity/canon"
)

// Name is the name and version of this lexicon, as a charter writes it. A term that
// changes its meaning gets a new version, and so does the lexicon.
const Name = "comity-lexicon@1.2"

var (
	// ErrTerm says that no term has the id.
	ErrTerm = errors.New("no such term")
	// ErrParameter says that a parameter is unknown, missing, repeated or out of bounds.
	ErrParameter = errors.New("wrong parameter")
)

// Class says how sure the value of a term is.
type Class string

// The classes of exactness.
const (
	Exact       Class = "exact"             // A rational number or a text: every machine gets the same.
	UpperBound  Class = "exact upper bound" // A rational number surely not below the true one.
	Interval    Class = "interval"          // Two rational numbers with the true one surely between them.
	Statistical Class = "statistical"       // An estimate, with an interval at the stated confidence.
)

// Term is one word of the lexicon.
type Term struct {
	ID         string      `json:"id"`
	Version    int         `json:"version"`
	Definition comity.Text `json:"definition"` // One sentence for people, in each language.
	Formula    string      `json:"formula"`
	Class      Class       `json:"class"`
	Inputs     []Input     `json:"inputs"`
	Parameters []Parameter `json:"parameters"`
	Check      string      `json:"check"`  // When the term holds.
	Limits     string      `json:"limits"` // What the check does not show.
	Source     string      `json:"source"`
	Vectors    []Vector    `json:"vectors"`
}

// Kind is what the cells of a column are.
type Kind string

// The kinds of cells.
const (
	Number  Kind = "number"  // Exact: 7, -7/3 or 0.05.
	Whole   Kind = "whole"   // A whole number.
	Word    Kind = "text"    // 1 to 1,000 bytes.
	Instant Kind = "instant" // UTC, as 2027-03-01T06:00:00Z.
)

// Input is one column of the data that a term is checked on.
type Input struct {
	Name     string   `json:"name"`
	Aliases  []string `json:"aliases"` // Other names of the column that are read too.
	Kind     Kind     `json:"kind"`
	Unit     string   `json:"unit"`
	Low      string   `json:"low"`      // Smallest number; empty for none.
	High     string   `json:"high"`     // Largest number; empty for none.
	Optional bool     `json:"optional"` // The column, or a cell of it, may be missing.
	Default  string   `json:"default"`  // Stands for what is missing.
	Meaning  string   `json:"meaning"`
}

// Parameter is a number that whoever checks a term chooses, or a charter fixes.
type Parameter struct {
	Name     string `json:"name"`
	Unit     string `json:"unit"`
	Low      string `json:"low"`  // Smallest; empty for none.
	High     string `json:"high"` // Largest; empty for none.
	Whole    bool   `json:"whole"`
	Required bool   `json:"required"`
	Default  string `json:"default"` // Empty: without it there is no such bound.
	Meaning  string `json:"meaning"`
}

// Vector is an example with its result: whoever implements the term must get it too.
type Vector struct {
	Data       string            `json:"data"` // The file, as comma-separated values.
	Parameters map[string]string `json:"parameters"`
	// Value is the exact value; for a term of class Interval it has the decimals to which
	// the value rounds; where Sampled, it need only lie in the interval of the result.
	Value   string `json:"value"`
	Sampled bool   `json:"sampled"`
	Holds   bool   `json:"holds"`
}

// Check decides a term. Its errors wrap place.ErrUnreadable or the sentinel of the
// computation beneath.
type Check func(data *Data, given Given) (Verdict, error)

// Verdict is the result of a check.
type Verdict struct {
	Value string // A ratio, a whole number or a word; a decimal for class Interval.
	Low   string // Of the interval; empty for exact values.
	High  string
	Holds bool
	Rule  string // What was compared: both sides.
}

// Terms returns all terms in the order of their ids.
func Terms() []Term {
	terms := slices.Concat(fairnessTerms(), biasTerms(), trustTerms(), processTerms())
	slices.SortFunc(terms, func(a, b Term) int { return strings.Compare(a.ID, b.ID) })
	return terms
}

// Find returns the term with an id. Error: ErrTerm.
func Find(id string) (Term, error) {
	terms := Terms()
	for _, t := range terms {
		if t.ID == id {
			return t, nil
		}
	}
	ids := make([]string, len(terms))
	for i, t := range terms {
		ids[i] = t.ID
	}
	return Term{}, fmt.Errorf("%w: %.60q is not in %s; use one of %s", ErrTerm, id, Name, strings.Join(ids, ", "))
}

// record is what the digest of the lexicon covers.
type record struct {
	Lexicon string `json:"lexicon"`
	Terms   []Term `json:"terms"`
}

// Seal returns the canonical bytes of all definitions and their digest, by which a charter
// pins the lexicon.
func Seal() ([]byte, canon.Digest, error) {
	bytes, err := canon.Marshal(record{Name, Terms()})
	if err != nil {
		return nil, canon.Digest{}, fmt.Errorf("seal %s: %w", Name, err)
	}
	return bytes, canon.Sum(bytes), nil
}
