package canon

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Check refuses bytes that are not a canonical document of any shape, and says where.
// It needs no record type and no memory to speak of, so it comes before anything else
// reads bytes from outside.
func Check(data []byte) error { return check(data, 0) }

// check is Check for a document that stands inside depth lists and objects.
func check(data []byte, depth int) error {
	if len(data) > MaxBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrNotCanonical, len(data), MaxBytes)
	}
	s := scanner{data: data}
	if err := s.value(depth); err != nil {
		return err
	}
	if s.at != len(data) {
		return s.refuse("bytes after the document")
	}
	return nil
}

// scanner reads a document once, from front to back.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) refuse(reason string) error {
	return fmt.Errorf("%w: byte %d: %s", ErrNotCanonical, s.at, reason)
}

// peek returns the byte to be read next, or 0 at the end: no document holds a zero byte.
func (s *scanner) peek() byte {
	if s.at == len(s.data) {
		return 0
	}
	return s.data[s.at]
}

// take reads c if it comes next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(depth + 1)
	case c == '[':
		return s.list(depth + 1)
	case c == '"':
		_, err := s.string()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return s.int()
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if rest := s.data[s.at:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.at += len(word)
			return nil
		}
	}
	return s.refuse("no value begins here")
}

func (s *scanner) list(depth int) error {
	if depth > MaxDepth {
		return s.refuse(fmt.Sprintf("nested deeper than %d levels", MaxDepth))
	}
	s.at++
	if s.take(']') {
		return nil
	}
	for {
		if err := s.value(depth); err != nil {
			return err
		}
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return s.refuse("want , or ]")
		}
	}
}

func (s *scanner) object(depth int) error {
	if depth > MaxDepth {
		return s.refuse(fmt.Sprintf("nested deeper than %d levels", MaxDepth))
	}
	s.at++
	if s.take('}') {
		return nil
	}
	last, first := "", true
	for {
		start := s.at
		key, err := s.string()
		if err != nil {
			return err
		}
		if !first && CompareKeys(last, key) >= 0 {
			s.at = start
			return s.refuse(fmt.Sprintf("key %.24q does not come after %.24q", key, last))
		}
		last, first = key, false
		if !s.take(':') {
			return s.refuse("want :")
		}
		if err := s.value(depth); err != nil {
			return err
		}
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return s.refuse("want , or }")
		}
	}
}

// int accepts the decimals that Marshal writes: no fraction, no exponent, no leading
// zero, no minus zero, and a magnitude below 2^53.
func (s *scanner) int() error {
	start := s.at
	negative := s.take('-')
	zero := s.peek() == '0'
	magnitude, digits := int64(0), 0
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		magnitude = magnitude*10 + int64(c-'0')
		digits++
		s.at++
		if magnitude >= maxSafe {
			s.at = start
			return s.refuse("integer from 2^53 on; such numbers are strings")
		}
	}
	if digits == 0 || zero && (digits > 1 || negative) {
		s.at = start
		return s.refuse("want an integer without leading zeros")
	}
	return nil
}

// string returns the text between two quotes.
func (s *scanner) string() (string, error) {
	if !s.take('"') {
		return "", s.refuse("want a string")
	}
	start := s.at
	var text []byte // Of a string with escapes, what was read before start.
	for {
		switch c := s.peek(); {
		case c == '"':
			text = append(text, s.data[start:s.at]...)
			s.at++
			return string(text), nil
		case c < ' ':
			return "", s.refuse("string without an end, or with a bare control character")
		case c == '\\':
			text = append(text, s.data[start:s.at]...)
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			text = append(text, r)
			start = s.at
		case c < utf8.RuneSelf:
			s.at++
		default:
			_, n := utf8.DecodeRune(s.data[s.at:])
			if n == 1 { // Only an invalid sequence has a rune of one byte up here.
				return "", s.refuse("not UTF-8")
			}
			s.at += n
		}
	}
}

// escape reads an escape and returns the character it stands for. All escapes stand
// for one byte: the form writes everything from U+0020 on as it is, so that halves of
// surrogate pairs cannot be written at all.
func (s *scanner) escape() (byte, error) {
	rest := s.data[s.at:]
	if len(rest) >= 2 {
		if i := strings.IndexByte(`"\btnfr`, rest[1]); i >= 0 {
			s.at += 2
			return "\"\\\b\t\n\f\r"[i], nil
		}
	}
	if len(rest) >= 6 && string(rest[:4]) == `\u00` {
		var c [1]byte
		_, err := hex.Decode(c[:], rest[4:6])
		if err == nil && c[0] < ' ' && escape(c[0]) == string(rest[:6]) {
			s.at += 6
			return c[0], nil
		}
	}
	return 0, s.refuse(`want one of \" \\ \b \t \n \f \r, or \u00 and two lower-case hex digits below 20`)
}
