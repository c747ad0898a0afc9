package matpower

import (
	"bytes"
	"fmt"
	"strings"
)

// kind is what a token is.
type kind int

const (
	word    kind = iota // A name or number.
	text                // Between quotes.
	sign                // One of = . , ; and brackets.
	newline             // The end of a line.
	end                 // The end of the file.
)

// position is a line and a column in bytes, both from 1.
type position struct{ line, column int }

type token struct {
	kind  kind
	text  string
	place position
}

// lexer splits a file into tokens. Comments and continuation marks are passed over.
type lexer struct {
	file     string
	data     []byte // Not yet read.
	line     int
	column   int  // Bytes of the line that were read.
	inMatrix bool // A point then belongs to a number.
	skipping bool // Any character is a sign.
}

func (l *lexer) fail(at position, reason, fix string) error {
	return &Error{File: l.file, Line: at.line, Column: at.column, Reason: reason, Fix: fix}
}

func (l *lexer) take(n int) string {
	taken := string(l.data[:n])
	l.data, l.column = l.data[n:], l.column+n
	return taken
}

// next returns the next token.
func (l *lexer) next() (token, error) {
	for {
		at := position{l.line, l.column + 1}
		if len(l.data) == 0 {
			return token{end, "", at}, nil
		}
		switch c := l.data[0]; {
		case c == '\n':
			l.newLine()
			return token{newline, "\n", at}, nil
		case c == ' ' || c == '\t' || c == '\r':
			l.take(1)
		case c == '%':
			if err := l.comment(at); err != nil {
				return token{}, err
			}
		case bytes.HasPrefix(l.data, []byte("...")):
			l.dropLine()
			if len(l.data) > 0 {
				l.newLine()
			}
		case c == '\'' || c == '"':
			return l.quoted(at, c)
		case strings.IndexByte("=,;()[]{}", c) >= 0 || c == '.' && !l.inMatrix:
			return token{sign, l.take(1), at}, nil
		default:
			return l.word(at)
		}
	}
}

func (l *lexer) newLine() {
	l.data, l.line, l.column = l.data[1:], l.line+1, 0
}

// dropLine passes over what is left of a line.
func (l *lexer) dropLine() {
	n := bytes.IndexByte(l.data, '\n')
	if n < 0 {
		n = len(l.data)
	}
	l.data, l.column = l.data[n:], l.column+n
}

// comment passes over one, up to the end of the line, or if %{ stands alone on its line,
// up to the line with %} that closes it.
func (l *lexer) comment(at position) error {
	if l.opens("%{") == "" {
		l.dropLine()
		return nil
	}
	for depth := 0; ; {
		switch {
		case len(l.data) == 0:
			return l.fail(at, "the comment that %{ opens is not closed", "write %} on a line of its own")
		case l.opens("%{") != "":
			depth++
		case l.opens("%}") != "":
			depth--
		}
		l.dropLine()
		if depth == 0 {
			return nil
		}
		if len(l.data) > 0 {
			l.newLine()
		}
	}
}

// opens returns the mark if it is all that is left of the line.
func (l *lexer) opens(mark string) string {
	rest, _, _ := bytes.Cut(l.data, []byte("\n"))
	if string(bytes.TrimSpace(rest)) == mark {
		return mark
	}
	return ""
}

// quoted reads a text; a doubled quote stands for one.
func (l *lexer) quoted(at position, quote byte) (token, error) {
	l.take(1)
	var b strings.Builder
	for len(l.data) > 0 && l.data[0] != '\n' {
		if l.data[0] == quote {
			if l.take(1); len(l.data) == 0 || l.data[0] != quote {
				return token{text, b.String(), at}, nil
			}
		}
		b.WriteString(l.take(1))
	}
	return token{}, l.fail(at, "the text is not closed on its line", "close it with "+string(quote))
}

// word reads a name or number: letters, digits, underscores, points and signs.
func (l *lexer) word(at position) (token, error) {
	n := 0
	for ; n < len(l.data); n++ {
		c := l.data[n]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
		// A number may hold points; in a name they stand between fields.
		numeric := (c == '.' || c == '+' || c == '-') && (l.inMatrix || n > 0 && isDigit(l.data[0]) || n == 0 && c != '.')
		if !letter && !numeric {
			break
		}
	}
	switch {
	case n == 0 && l.skipping:
		return token{sign, l.take(1), at}, nil
	case n == 0:
		return token{}, l.fail(at, fmt.Sprintf("unexpected character %q", l.data[0]), "remove it: this reader computes nothing")
	case n > maxWord:
		return token{}, l.fail(at, fmt.Sprintf("a name or number of more than %d bytes", maxWord), "shorten it")
	}
	return token{word, l.take(n), at}, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
