// Package mps reads and writes linear programmes in the MPS form, in exact decimals, so
// that any solver can be pointed at the same problem.
//
// It reads fixed and free MPS, plain or gzip. Fields are separated by spaces; a file
// whose ROWS section has names with spaces is read by the fixed places 2-3, 5-12,
// 15-22, 25-36, 40-47 and 50-61. What the form leaves open is read as HiGHS reads it:
//
//   - the first N row is the objective, later ones are left out;
//   - a right side of the objective row is minus the constant of the objective;
//   - a column between INTORG and INTEND without bounds of its own lies in 0 to 1;
//   - a negative UP without a lower bound makes the lower bound infinite;
//   - in BOUNDS, RHS and RANGES, 10^20 and more is infinite.
//
// Sections for quadratic terms, sets and cones are refused, and so is a second set of
// right sides, ranges or bounds: a certificate must be of one programme only.
//
// Sources: IBM, "Mathematical Programming System Extended/370 (MPSX/370)" (1979);
// HiGHS, "io/HMpsFF.cpp".
package mps

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"comity/allocator/linear"
)

// Bounds of one file. The largest netlib problem has 4 MB and 13,525 columns.
const (
	maxBytes   = 256 << 20 // After decompression: a small gzip file cannot fill the memory.
	maxLine    = 4 << 10
	maxName    = 255
	maxColumns = 1 << 18
	maxRows    = 1 << 17
	maxTerms   = 1 << 22
)

// Read reads one programme. Errors are *Error.
func Read(file string, in io.Reader) (linear.Programme, error) {
	r := &reader{file: file, line: 1, rowAt: map[string]int{}, columnAt: map[string]int{}, objective: -1}
	raw := bufio.NewReader(in)
	in = raw
	if magic, err := raw.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b { // RFC 1952, section 2.3.1.
		unzipped, err := gzip.NewReader(raw)
		if err != nil {
			return linear.Programme{}, r.broken(err)
		}
		in = unzipped
	}
	data, err := io.ReadAll(io.LimitReader(in, maxBytes+1))
	if err != nil {
		return linear.Programme{}, r.broken(err)
	}
	if len(data) > maxBytes {
		return linear.Programme{}, r.fail(0, fmt.Sprintf("more than %d bytes of text", maxBytes), "remove comments or split the problem")
	}
	r.fixed = hasSpacedNames(data)
	for r.line = 0; len(data) > 0 && r.section != "ENDATA"; {
		r.line++
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		if err := r.take(string(bytes.TrimRight(line, "\r"))); err != nil {
			return linear.Programme{}, err
		}
	}
	if r.section != "ENDATA" {
		return linear.Programme{}, r.fail(0, "the file ends without ENDATA", "copy the whole file")
	}
	return r.programme()
}

// hasSpacedNames tells whether a line of ROWS has more than a type and a name.
func hasSpacedNames(data []byte) bool {
	inside := false
	for len(data) > 0 {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		switch {
		case len(line) == 0 || line[0] == '*':
		case line[0] != ' ' && line[0] != '\t':
			if inside {
				return false
			}
			inside = bytes.HasPrefix(line, []byte("ROWS"))
		case inside && len(bytes.Fields(line)) > 2:
			return true
		}
	}
	return false
}

// field is one word of a line and where it starts, from 0.
type field struct {
	text string
	at   int
}

// take reads one line.
func (r *reader) take(line string) error {
	if len(line) > maxLine {
		return r.fail(maxLine, fmt.Sprintf("line of more than %d bytes", maxLine), "check for a missing line break")
	}
	for k := range len(line) {
		if c := line[k]; c < ' ' && c != '\t' || c == 0x7f {
			return r.fail(k, fmt.Sprintf("control character %#02x", c), "remove it, and check that this is a text file")
		}
	}
	if strings.HasPrefix(line, "*") || strings.TrimSpace(line) == "" {
		return nil
	}
	if line[0] != ' ' && line[0] != '\t' {
		return r.header(words(line))
	}
	fields := words(line)
	if r.fixed && r.section != "OBJSENSE" {
		var outside int
		if fields, outside = places(line); outside >= 0 {
			return r.fail(outside, "text outside the fixed places of a file whose names hold spaces", "move it into 2-3, 5-12, 15-22, 25-36, 40-47 or 50-61, or replace the spaces in names")
		}
	}
	for _, f := range fields {
		if len(f.text) > maxName {
			return r.fail(f.at, fmt.Sprintf("name or number of more than %d bytes", maxName), "shorten it")
		}
	}
	switch r.section {
	case "OBJSENSE":
		return r.sense(fields)
	case "ROWS":
		return r.row(fields)
	case "COLUMNS":
		return r.column(fields)
	case "RHS":
		return r.ofRows(fields, 0, r.right)
	case "RANGES":
		return r.ofRows(fields, 1, r.span)
	case "BOUNDS":
		return r.bound(fields)
	}
	return r.fail(0, "data before a section that holds any", "start with NAME and ROWS")
}

// words splits a line at spaces.
func words(line string) []field {
	var fields []field
	for at := 0; at < len(line); {
		if line[at] == ' ' || line[at] == '\t' {
			at++
			continue
		}
		end := strings.IndexAny(line[at:], " \t")
		if end < 0 {
			end = len(line) - at
		}
		fields = append(fields, field{line[at : at+end], at})
		at += end
	}
	return fields
}

// places splits a line at the fixed places of MPS; empty ones are left out. It returns
// the first byte of text outside them, or -1.
func places(line string) (fields []field, outside int) {
	free := 0
	for _, p := range [][2]int{{1, 3}, {4, 12}, {14, 22}, {24, 36}, {39, 47}, {49, 61}} {
		from, to := min(p[0], len(line)), min(p[1], len(line))
		if at := strings.IndexFunc(line[free:from], notSpace); at >= 0 {
			return nil, free + at
		}
		if at := strings.IndexFunc(line[from:to], notSpace); at >= 0 {
			fields = append(fields, field{strings.TrimSpace(line[from:to]), from + at})
		}
		free = to
	}
	if at := strings.IndexFunc(line[free:], notSpace); at >= 0 {
		return nil, free + at
	}
	return fields, -1
}

func notSpace(c rune) bool { return c != ' ' && c != '\t' }

// header begins a section.
func (r *reader) header(fields []field) error {
	name := fields[0].text
	order := map[string]int{"NAME": 1, "OBJSENSE": 2, "ROWS": 3, "COLUMNS": 4, "RHS": 5, "RANGES": 6, "BOUNDS": 7, "ENDATA": 8}
	switch {
	case order[name] == 0:
		return r.fail(0, fmt.Sprintf("section %.20q is not read here", name), "write NAME, OBJSENSE, ROWS, COLUMNS, RHS, RANGES, BOUNDS or ENDATA; linear programmes need no other")
	case r.seen[order[name]]:
		return r.fail(0, "section "+name+" appears twice", "join the two")
	case order[name] >= 4 && !r.seen[3], order[name] >= 5 && !r.seen[4], r.seen[4] && order[name] < 4, r.seen[3] && order[name] < 3:
		return r.fail(0, "section "+name+" out of order", "order them NAME, OBJSENSE, ROWS, COLUMNS, RHS, RANGES, BOUNDS, ENDATA")
	}
	r.seen[order[name]] = true
	r.section = name
	switch {
	case name == "NAME":
		for _, f := range fields[1:] {
			if r.name = strings.TrimSpace(r.name + " " + f.text); len(r.name) > maxName {
				return r.fail(f.at, "name of the problem is too long", "shorten it")
			}
		}
	case name == "OBJSENSE" && len(fields) > 1:
		return r.sense(fields[1:])
	case len(fields) > 1:
		return r.fail(fields[1].at, "text after section "+name, "remove it")
	}
	return nil
}

func (r *reader) sense(fields []field) error {
	switch strings.ToUpper(fields[0].text) {
	case "MAX", "MAXIMIZE", "MAXIMISE":
		r.maximise = true
	case "MIN", "MINIMIZE", "MINIMISE":
		r.maximise = false
	default:
		return r.fail(fields[0].at, fmt.Sprintf("%.20q is no sense of an objective", fields[0].text), "write MIN or MAX")
	}
	if len(fields) > 1 {
		return r.fail(fields[1].at, "text after the sense", "remove it")
	}
	return nil
}

// fail returns an error at a byte of the current line, from 0.
func (r *reader) fail(at int, reason, fix string) error {
	return &Error{File: r.file, Line: max(r.line, 1), Column: at + 1, Reason: reason, Fix: fix}
}

func (r *reader) broken(cause error) error {
	reason, fix := "reading stopped: "+cause.Error(), "check the disk and the file's permissions"
	if errors.Is(cause, gzip.ErrHeader) || errors.Is(cause, gzip.ErrChecksum) || errors.Is(cause, io.ErrUnexpectedEOF) || isCorrupt(cause) {
		reason, fix = "the compressed data is damaged", "copy or download the file again"
	}
	return &Error{File: r.file, Line: 1, Column: 1, Reason: reason, Fix: fix, Cause: cause}
}
