package charter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// ErrRefused says that a document is not a charter: some rule of this package is broken.
var ErrRefused = errors.New("charter refused")

// maxProblems bounds a report: whoever has fixed a hundred problems lints again.
const maxProblems = 100

// Problem is one broken rule: where, which, why, and what to do about it.
type Problem struct {
	Line    int    // From 1; 0 when there is no file, as for a sealed charter.
	Column  int    // From 1.
	Path    string // "parties[0].keys.threshold".
	Rule    string // "E305", see Rules.
	Message string // What is wrong, with both sides.
	Fix     string // What to write instead.
}

// String writes the problem without its line: path: reason; fix [rule].
func (p Problem) String() string {
	return fmt.Sprintf("%s: %s; %s [%s]", p.Path, p.Message, p.Fix, p.Rule)
}

// Problems is a report in the order of the document. Empty means accepted.
type Problems []Problem

// Err returns nil for an empty report, else an error that wraps ErrRefused and has
// one line FILE:LINE:COLUMN: reason; fix for each problem.
func (ps Problems) Err(file string) error {
	if len(ps) == 0 {
		return nil
	}
	return &refusedError{file, ps}
}

// refusedError is a report as an error.
type refusedError struct {
	file     string
	problems Problems
}

func (r *refusedError) Error() string {
	lines := make([]string, len(r.problems))
	for i, p := range r.problems {
		place := r.file
		if p.Line > 0 {
			place = fmt.Sprintf("%s:%d:%d", r.file, p.Line, p.Column)
		}
		lines[i] = place + ": " + p.String()
	}
	return strings.Join(lines, "\n")
}

func (*refusedError) Unwrap() error { return ErrRefused }

// Locate returns the report with the line and column at which root says what each
// path names, or the closest part around it, in the order of the document.
func (ps Problems) Locate(root Node) Problems {
	located := slices.Clone(ps)
	for i, p := range located {
		if p.Line == 0 {
			at := find(root, p.Path)
			located[i].Line, located[i].Column = at.Line, at.Column
		}
	}
	slices.SortStableFunc(located, func(x, y Problem) int {
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
	})
	return located
}

// find walks path as far as the document goes.
func find(n Node, path string) Node {
	path = strings.ReplaceAll(path, "[", ".[")
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "."), ".") {
		next, ok := n.Get(step)
		if index, isIndex := strings.CutPrefix(step, "["); isIndex {
			i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
			if ok = err == nil && i >= 0 && i < len(n.Items); ok {
				next = n.Items[i]
			}
		}
		if !ok {
			return n
		}
		n = next
	}
	return n
}

// report collects problems up to maxProblems.
type report struct{ problems Problems }

func (r *report) full() bool { return len(r.problems) >= maxProblems }

// add keeps p. What a stranger wrote is quoted in it, so nothing that could steer a
// terminal or begin a line of its own gets through.
func (r *report) add(p Problem) {
	if r.full() {
		return
	}
	p.Path, p.Message, p.Fix = printable(p.Path), printable(p.Message), printable(p.Fix)
	r.problems = append(r.problems, p)
}

func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return unicode.ReplacementChar
		}
		return c
	}, text)
}
