// Package form reads and writes what the byte forms of all learners' models share.
package form

import (
	"encoding/binary"
	"fmt"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// AppendInt appends eight bytes, big-endian, in two's complement.
func AppendInt(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) } //nolint:gosec // Two's complement.

// AppendText appends a length of one byte and at most 255 bytes of text.
func AppendText(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) } //nolint:gosec // At most 255 bytes.

// AppendFlag appends a 0 or a 1.
func AppendFlag(b []byte, set bool) []byte {
	if set {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendFeatures appends the number of features in two bytes, and each one's name, whether
// it is a category, its direction, and its cuts.
func AppendFeatures(b []byte, features learn.Features) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(features))) //nolint:gosec // At most learn.MaxFeatures.
	for i := range features {
		f := &features[i]
		b = AppendFlag(AppendText(b, f.Name), f.Category)
		b = append(b, byte(f.Monotone), byte(len(f.Cuts))) //nolint:gosec // Two's complement; at most 254.
		for _, cut := range f.Cuts {
			b = AppendInt(b, int64(cut))
		}
	}
	return b
}

// Reader takes a model apart. After the first error it reads zeros.
type Reader struct {
	data   []byte
	length int
	err    error
}

// NewReader reads a model of at most so many bytes that starts with a magic line.
func NewReader(data []byte, most int, magic string) *Reader {
	r := &Reader{data: data, length: len(data)}
	if len(data) > most {
		_ = r.Fail("%d bytes; at most %d", len(data), most)
	}
	if got := r.Next(len(magic)); string(got) != magic {
		_ = r.Fail("it does not start with %q", magic)
	}
	return r
}

// Fail keeps the first reason, wrapped in learn.ErrModel with the place that was reached.
func (r *Reader) Fail(format string, args ...any) error {
	if r.err == nil {
		at := r.length - len(r.data)
		r.err = fmt.Errorf("%w: before byte %d: %s", learn.ErrModel, at, fmt.Sprintf(format, args...))
	}
	return r.err
}

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Left returns how many bytes have not been read.
func (r *Reader) Left() int { return len(r.data) }

// Next returns the next n bytes, or zeros where they end.
func (r *Reader) Next(n int) []byte {
	if n > len(r.data) || r.err != nil {
		_ = r.Fail("%d bytes end where %d are expected", len(r.data), n)
		return make([]byte, n)
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

// Byte reads one byte.
func (r *Reader) Byte() byte { return r.Next(1)[0] }

// Uint16 reads two bytes, big-endian.
func (r *Reader) Uint16() int { return int(binary.BigEndian.Uint16(r.Next(2))) }

// Uint32 reads four bytes, big-endian.
func (r *Reader) Uint32() int { return int(binary.BigEndian.Uint32(r.Next(4))) }

// Int64 reads what AppendInt writes.
func (r *Reader) Int64() int64 { return int64(binary.BigEndian.Uint64(r.Next(8))) } //nolint:gosec // Two's complement.

// Text reads what AppendText writes.
func (r *Reader) Text() string { return string(r.Next(int(r.Byte()))) }

// Flag reads what AppendFlag writes.
func (r *Reader) Flag() bool {
	b := r.Byte()
	if b > 1 {
		_ = r.Fail("%d where 0 or 1 is expected", b)
	}
	return b == 1
}

// Within returns a number that was read, or the least one if it is out of bounds.
func (r *Reader) Within(name string, v, least, most int64) int64 {
	if v < least || v > most {
		_ = r.Fail("%s is %d; %d to %d", name, v, least, most)
		return least
	}
	return v
}

// UpTo is Within for what is counted from 0.
func (r *Reader) UpTo(name string, v, most int) int {
	return int(r.Within(name, int64(v), 0, int64(most)))
}

// Features reads what AppendFeatures writes. Nothing is allocated for what is not there.
func (r *Reader) Features() learn.Features {
	var features learn.Features
	for range r.UpTo("features", r.Uint16(), learn.MaxFeatures) {
		f := learn.Feature{Name: r.Text(), Category: r.Flag()}
		f.Monotone = int8(r.Byte()) //nolint:gosec // Two's complement.
		for range r.Byte() {
			f.Cuts = append(f.Cuts, fixed.Q16(r.Int64()))
		}
		if r.err != nil {
			return nil
		}
		features = append(features, f)
	}
	return features
}
