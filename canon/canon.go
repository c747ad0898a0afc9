// Package canon gives every record one byte form and one digest.
//
// The form is RFC 8785 (JSON Canonicalization Scheme) restricted to what two
// machines cannot read differently: no floating point, integers below 2^53 as
// numbers, everything larger and every amount as a decimal string, binary as
// base64, absent optional fields left out. See docs/format/canonical.md.
package canon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
)

// MaxBytes bounds a document: 64 MiB, four times the largest sealed problem that was
// measured (48,012 columns).
const MaxBytes = 64 << 20

// MaxDepth bounds how deep lists and objects nest. Sealed expressions, the deepest
// records, use two levels for each operator.
const MaxDepth = 64

// maxSafe is the first integer that a double cannot tell from its successor
// (RFC 8785, section 3.2.2.3 and appendix D); from here on integers are strings.
const maxSafe = 1 << 53

var (
	// ErrNotCanonical says that bytes are not the one canonical form of any record.
	ErrNotCanonical = errors.New("not in canonical form")
	// ErrUnsupported says that a Go value has no canonical form.
	ErrUnsupported = errors.New("value has no canonical form")
)

// Marshal returns the canonical bytes of v. A type may be a struct whose fields all
// have json tags (a name, or a name and omitempty), a map with string keys, a slice, a
// pointer, a string, a bool, an int, []byte, Raw, or implement
// encoding.TextMarshaler. Nil slices and maps are written as empty ones.
func Marshal(v any) ([]byte, error) {
	var w writer
	if err := w.value(reflect.ValueOf(v), 0); err != nil {
		return nil, err
	}
	if w.Len() > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrUnsupported, w.Len(), MaxBytes)
	}
	return w.Bytes(), nil
}

// Unmarshal reads data into v and refuses every byte sequence but the one that
// Marshal would write for the result: unknown, missing or repeated keys, other
// spacing, other order, other escapes. v is a pointer; what it points to is replaced
// as a whole, or left as it was if there is an error.
func Unmarshal(data []byte, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("%w: Unmarshal needs a pointer, not %T", ErrUnsupported, v)
	}
	// Check comes first: encoding/json accepts invalid UTF-8, keys in another case
	// and ten thousand levels, and of two equal keys it takes the last.
	if err := Check(data); err != nil {
		return err
	}
	fresh := reflect.New(target.Type().Elem())
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(fresh.Interface()); err != nil {
		return fmt.Errorf("%w: %w", ErrNotCanonical, err)
	}
	again, err := Marshal(fresh.Interface())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotCanonical, err)
	}
	if at := firstDifference(data, again); at >= 0 {
		return fmt.Errorf("%w: byte %d: %.24q where the record has %.24q", ErrNotCanonical, at, data[at:], again[at:])
	}
	target.Elem().Set(fresh.Elem())
	return nil
}

// firstDifference returns -1 for equal bytes.
func firstDifference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// Raw is a document already in canonical form, carried inside another one.
type Raw []byte

// MarshalJSON returns the document itself.
func (r Raw) MarshalJSON() ([]byte, error) { return r, nil }

// UnmarshalJSON keeps the bytes as they are; Unmarshal has checked them.
func (r *Raw) UnmarshalJSON(data []byte) error {
	*r = bytes.Clone(data)
	return nil
}

// Int is a whole number from -2^63 to 2^63-1, always written as a string.
type Int int64

// MarshalText writes i in decimal.
func (i Int) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(i), 10), nil }

// UnmarshalText reads a decimal without leading zeros, plus sign or spaces.
func (i *Int) UnmarshalText(text []byte) error {
	v, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || strconv.FormatInt(v, 10) != string(text) {
		return fmt.Errorf("%w: %.40q is not a plain decimal of 64 bits", ErrNotCanonical, text)
	}
	*i = Int(v)
	return nil
}
