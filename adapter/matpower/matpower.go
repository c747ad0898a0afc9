// Package matpower reads grids from case files of MATPOWER, format version 2, in exact
// decimals.
//
// A case file is a MATLAB function; this reader takes the part of the language that
// such files are written in: assignments of a number, a text, a matrix of numbers or a
// cell array to a field of mpc, comments, continuation lines. It computes nothing:
// expressions are refused. Of the fields it uses version, baseMVA, bus, gen, branch and
// gencost; others are passed over, whatever they hold.
//
// Source: Zimmerman and Murillo-Sánchez, "MATPOWER User's Manual", version 7.1 (2020),
// appendix B.
package matpower

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"comity/allocator/network/dc"
)

// Bounds of one file. The largest of pglib-opf, 78,484 buses, has 47 MB.
const (
	maxBytes  = 128 << 20 // After decompression: a small gzip file cannot fill the memory.
	maxRows   = 200_000   // Of one matrix.
	maxFields = 100       // Columns of one matrix that is used, and of words in a name.
	maxWord   = 255
)

// Read reads one case, plain or gzip. Errors are *Error. Whether the model is defined
// for the case is for dc.Case.Check to say.
func Read(file string, in io.Reader) (dc.Case, error) {
	r := &reader{lexer: lexer{file: file, line: 1}, seen: map[string]bool{}}
	raw := bufio.NewReader(in)
	in = raw
	if magic, err := raw.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b { // RFC 1952, section 2.3.1.
		unzipped, err := gzip.NewReader(raw)
		if err != nil {
			return dc.Case{}, r.broken(err)
		}
		in = unzipped
	}
	data, err := io.ReadAll(io.LimitReader(in, maxBytes+1))
	if err != nil {
		return dc.Case{}, r.broken(err)
	}
	if len(data) > maxBytes {
		return dc.Case{}, r.fail(position{1, 1}, fmt.Sprintf("more than %d bytes of text", maxBytes), "remove comments or split the case")
	}
	r.data = data
	if err := r.statements(); err != nil {
		return dc.Case{}, err
	}
	return r.grid()
}

func (r *reader) broken(cause error) error {
	reason, fix := "reading stopped: "+cause.Error(), "check the disk and the file's permissions"
	_, corrupt := errors.AsType[flate.CorruptInputError](cause)
	if corrupt || errors.Is(cause, gzip.ErrHeader) || errors.Is(cause, gzip.ErrChecksum) || errors.Is(cause, io.ErrUnexpectedEOF) {
		reason, fix = "the compressed data is damaged", "copy or download the file again"
	}
	return &Error{File: r.file, Line: 1, Column: 1, Reason: reason, Fix: fix, Cause: cause}
}

// reader holds what was read so far.
type reader struct {
	lexer

	name    string // Of the function.
	base    *token
	seen    map[string]bool
	bus     [][]token
	gen     [][]token
	branch  [][]token
	gencost [][]token
}

// statements reads all statements.
func (r *reader) statements() error {
	for {
		t, err := r.next()
		switch {
		case err != nil:
			return err
		case t.kind == end:
			return nil
		case t.kind == newline || t.text == ";" || t.text == ",":
		case t.text == "function":
			err = r.function(t)
		case t.text == "mpc":
			err = r.assignment(t)
		case t.text == "end" || t.text == "return":
			err = r.after(t)
		default:
			err = r.unexpected(t, "a statement other than mpc.FIELD = VALUE", "keep data only: this reader runs no program")
		}
		if err != nil {
			return err
		}
	}
}

// function reads "function mpc = NAME".
func (r *reader) function(at token) error {
	if r.name != "" || len(r.seen) > 0 {
		return r.fail(at.place, "a second function or one after data", "keep one case in a file")
	}
	for _, want := range []string{"mpc", "="} {
		if t, err := r.next(); err != nil || t.text != want {
			return r.other(t, err, "the function does not return mpc", "write function mpc = NAME; older formats name several results: convert them with MATPOWER's savecase")
		}
	}
	t, err := r.next()
	if err != nil || t.kind != word {
		return r.other(t, err, "no name of the function", "write function mpc = NAME")
	}
	r.name = t.text
	return r.after(t)
}

// after wants the end of a statement.
func (r *reader) after(last token) error {
	t, err := r.next()
	if err != nil {
		return err
	}
	if t.kind != newline && t.kind != end && t.text != ";" && t.text != "," {
		return r.unexpected(t, fmt.Sprintf("text after %.40q", last.text), "end the statement with a semicolon")
	}
	return nil
}

// assignment reads ".FIELD = VALUE".
func (r *reader) assignment(at token) error {
	name := ""
	t, err := r.next()
	for ; err == nil && t.text == "." && t.kind == sign; t, err = r.next() {
		if t, err = r.next(); err != nil || t.kind != word {
			return r.other(t, err, "no name of a field after the point", "write mpc.FIELD = VALUE")
		}
		if name += "." + t.text; len(name) > maxWord {
			return r.fail(t.place, "the name of the field is too long", "shorten it")
		}
	}
	if err != nil || name == "" || t.text != "=" {
		return r.other(t, err, "no field of mpc is assigned here", "write mpc.FIELD = VALUE")
	}
	name = name[1:]
	if used := map[string]bool{"version": true, "baseMVA": true, "bus": true, "gen": true, "branch": true, "gencost": true}; !used[name] {
		return r.skip()
	}
	if r.seen[name] {
		return r.fail(at.place, "mpc."+name+" is assigned twice", "keep one of the two")
	}
	r.seen[name] = true
	t, err = r.next()
	if err != nil {
		return err
	}
	switch name {
	case "version":
		if t.kind != text && t.kind != word || t.text != "2" {
			return r.unexpected(t, "not version 2 of the format", "convert the case with MATPOWER's savecase")
		}
	case "baseMVA":
		if t.kind != word {
			return r.unexpected(t, "baseMVA is not a number", "write mpc.baseMVA = 100;")
		}
		r.base = &t
	default:
		rows, err := r.matrix(name, t)
		if err != nil {
			return err
		}
		*map[string]*[][]token{"bus": &r.bus, "gen": &r.gen, "branch": &r.branch, "gencost": &r.gencost}[name] = rows
	}
	return r.after(t)
}

// matrix reads rows of numbers up to the closing bracket.
func (r *reader) matrix(name string, open token) ([][]token, error) {
	if open.text != "[" || open.kind != sign {
		return nil, r.unexpected(open, "mpc."+name+" is not a matrix", "write mpc."+name+" = [ ... ];")
	}
	r.inMatrix = true
	defer func() { r.inMatrix = false }()
	rows, row := [][]token{}, []token(nil)
	for {
		t, err := r.next()
		switch {
		case err != nil:
			return nil, err
		case t.kind == word:
			if len(row) == maxFields {
				return nil, r.fail(t.place, fmt.Sprintf("more than %d numbers in a row", maxFields), "check for a missing semicolon")
			}
			row = append(row, t)
		case t.text == "," && t.kind == sign:
		case t.kind == newline || t.kind == sign && (t.text == ";" || t.text == "]"):
			if len(row) > 0 {
				rows, row = append(rows, row), nil
			}
			if len(rows) > maxRows {
				return nil, r.fail(t.place, fmt.Sprintf("more than %d rows of mpc.%s", maxRows, name), "split the case")
			}
			if t.text == "]" {
				return rows, nil
			}
		default:
			return nil, r.unexpected(t, "this is not a number of mpc."+name, "write numbers only, and close the matrix with ]")
		}
	}
}

// skip passes over a value that is not used, up to the end of its statement.
func (r *reader) skip() error {
	var open []byte
	closing := map[string]byte{"]": '[', "}": '{', ")": '('}
	r.inMatrix, r.skipping = true, true
	defer func() { r.inMatrix, r.skipping = false, false }()
	for {
		t, err := r.next()
		if err != nil {
			return err
		}
		depth := len(open)
		switch {
		case t.kind == end && depth > 0:
			return r.fail(t.place, fmt.Sprintf("the file ends inside a bracket %c", open[depth-1]), "close it, or copy the whole file")
		case t.kind == end, depth == 0 && (t.kind == newline || t.kind == sign && t.text == ";"):
			return nil
		case t.kind != sign:
		case t.text == "[" || t.text == "{" || t.text == "(":
			if depth == maxFields {
				return r.fail(t.place, fmt.Sprintf("more than %d brackets within one another", maxFields), "remove the field")
			}
			open = append(open, t.text[0])
		case closing[t.text] != 0:
			if depth == 0 || open[depth-1] != closing[t.text] {
				return r.fail(t.place, "a bracket closes that was not opened: "+t.text, "correct it")
			}
			open = open[:depth-1]
		}
	}
}

// other reports err, or else an unexpected token.
func (r *reader) other(t token, err error, reason, fix string) error {
	if err != nil {
		return err
	}
	return r.unexpected(t, reason, fix)
}

func (r *reader) unexpected(t token, reason, fix string) error {
	found := fmt.Sprintf("found %.40q", t.text)
	switch t.kind {
	case end:
		found = "the file ends here"
	case newline:
		found = "the line ends here"
	case word, text, sign:
	}
	return r.fail(t.place, reason+": "+found, fix)
}
