package canon

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// writer builds the canonical form of one value.
type writer struct{ bytes.Buffer }

// value appends the canonical form of v, which stands inside depth lists and objects.
func (w *writer) value(v reflect.Value, depth int) error {
	if !v.IsValid() {
		return fmt.Errorf("%w: untyped nil", ErrUnsupported)
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			w.WriteString("null")
			return nil
		}
		return w.value(v.Elem(), depth)
	}
	switch x := v.Interface().(type) {
	case Raw:
		return w.raw(x, depth)
	case json.Marshaler:
		return fmt.Errorf("%w: %s has its own JSON form; give it a text form", ErrUnsupported, v.Type())
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		if err != nil {
			return err
		}
		return w.string(string(text))
	case []byte:
		return w.string(base64.StdEncoding.EncodeToString(x))
	}
	switch v.Kind() {
	case reflect.Bool:
		w.WriteString(strconv.FormatBool(v.Bool()))
		return nil
	case reflect.Int:
		return w.int(v.Int())
	case reflect.String:
		return w.string(v.String())
	case reflect.Slice, reflect.Array:
		return w.list(v, depth+1)
	case reflect.Map:
		return w.mapping(v, depth+1)
	case reflect.Struct:
		return w.structure(v, depth+1)
	default:
		return fmt.Errorf("%w: %s", ErrUnsupported, v.Type())
	}
}

func (w *writer) raw(r Raw, depth int) error {
	if err := check(r, depth); err != nil {
		return fmt.Errorf("%w: raw document: %w", ErrUnsupported, err)
	}
	w.Write(r)
	return nil
}

func (w *writer) int(i int64) error {
	if i <= -maxSafe || i >= maxSafe {
		return fmt.Errorf("%w: integer %d, from 2^53 on; use canon.Int", ErrUnsupported, i)
	}
	w.WriteString(strconv.FormatInt(i, 10))
	return nil
}

func (w *writer) list(v reflect.Value, depth int) error {
	if err := checkDepth(depth); err != nil {
		return err
	}
	w.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			w.WriteByte(',')
		}
		if err := w.value(v.Index(i), depth); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	w.WriteByte(']')
	return nil
}

// checkDepth also ends a cycle of pointers.
func checkDepth(depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("%w: nested deeper than %d levels", ErrUnsupported, MaxDepth)
	}
	return nil
}

// field is one member of an object.
type field struct {
	key   string
	value reflect.Value
}

func (w *writer) mapping(v reflect.Value, depth int) error {
	if v.Type().Key().Kind() != reflect.String {
		return fmt.Errorf("%w: map with %s keys", ErrUnsupported, v.Type().Key())
	}
	fields := make([]field, 0, v.Len())
	for _, key := range v.MapKeys() { // In no order; object sorts.
		fields = append(fields, field{key.String(), v.MapIndex(key)})
	}
	return w.object(fields, depth)
}

func (w *writer) structure(v reflect.Value, depth int) error {
	fields := make([]field, 0, v.NumField())
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || !f.IsExported() || f.Anonymous {
			return fmt.Errorf("%w: field %s.%s needs a name and a json tag", ErrUnsupported, v.Type(), f.Name)
		}
		switch option {
		case "":
		case "omitempty":
			if isEmpty(v.Field(i)) {
				continue
			}
		default:
			return fmt.Errorf("%w: json option %q of %s.%s", ErrUnsupported, option, v.Type(), f.Name)
		}
		fields = append(fields, field{name, v.Field(i)})
	}
	return w.object(fields, depth)
}

// isEmpty follows encoding/json, so that what is left out reads back as it was.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String, reflect.Array:
		return v.Len() == 0
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Pointer:
		return v.IsZero()
	default:
		return false
	}
}

func (w *writer) object(fields []field, depth int) error {
	if err := checkDepth(depth); err != nil {
		return err
	}
	slices.SortFunc(fields, func(x, y field) int { return CompareKeys(x.key, y.key) })
	w.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			if fields[i-1].key == f.key {
				return fmt.Errorf("%w: key %q twice", ErrUnsupported, f.key)
			}
			w.WriteByte(',')
		}
		if err := w.string(f.key); err != nil {
			return err
		}
		w.WriteByte(':')
		if err := w.value(f.value, depth); err != nil {
			return fmt.Errorf(".%s: %w", f.key, err)
		}
	}
	w.WriteByte('}')
	return nil
}

// CompareKeys orders object keys by UTF-16 code units (RFC 8785, section 3.2.3). It
// differs from the order of the bytes only above U+FFFF.
func CompareKeys(x, y string) int {
	for x != "" && y != "" {
		a, n := utf8.DecodeRuneInString(x)
		b, m := utf8.DecodeRuneInString(y)
		if a != b {
			return slices.Compare(utf16.AppendRune(nil, a), utf16.AppendRune(nil, b))
		}
		x, y = x[n:], y[m:]
	}
	return cmp.Compare(len(x), len(y))
}

// string escapes as RFC 8785, section 3.2.2.2: the two-character escapes where JSON
// has them, \u00xx for other controls, everything else as it is.
func (w *writer) string(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: string %.24q is not UTF-8", ErrUnsupported, s)
	}
	w.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.WriteByte('\\')
			w.WriteByte(c)
		case c < ' ':
			w.WriteString(escape(c))
		default:
			w.WriteByte(c)
		}
	}
	w.WriteByte('"')
	return nil
}

// escape returns the one escape of a control character.
func escape(c byte) string {
	switch c {
	case '\b':
		return `\b`
	case '\t':
		return `\t`
	case '\n':
		return `\n`
	case '\f':
		return `\f`
	case '\r':
		return `\r`
	}
	return fmt.Sprintf(`\u%04x`, c)
}
