package linear

import (
	"cmp"
	"encoding/binary"
	"fmt"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// modelMagic starts every model and names the version of its form.
const modelMagic = "comity linear 1\n"

// MaxBytes bounds a model: 16 MiB, twice that of 4,096 features of 256 bins.
const MaxBytes = 16 << 20

// noFeature stands where the intercept has no feature.
const noFeature = 1<<16 - 1

// Encode returns the one byte form of the model (docs/format/linear.md).
func (m *Model) Encode() []byte {
	b := m.Config.append([]byte(modelMagic))
	b = appendInt(b, m.Rows)
	for _, v := range []int{m.Steps, m.Attempt} {
		b = binary.BigEndian.AppendUint32(b, uint32(v)) //nolint:gosec // At most 65,535.
	}
	b = append(b, m.Trace[:]...)
	b = appendInt(b, m.Dispersion)
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Terms))) //nolint:gosec // At most 400.
	for i := range m.Terms {
		t := &m.Terms[i]
		feature := uint16(noFeature)
		if t.Feature >= 0 {
			feature = uint16(t.Feature) //nolint:gosec // Below 4096.
		}
		b = append(binary.BigEndian.AppendUint16(b, feature), byte(t.Kind), t.Bin)
		b = append(appendInt(b, t.Centre), byte(t.Shift)) //nolint:gosec // Two's complement.
	}
	for _, list := range [][]int64{m.Value, m.Covariance} {
		for _, v := range list {
			b = appendInt(b, v)
		}
	}
	return b
}

func appendInt(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) } //nolint:gosec // Two's complement.

func appendText(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) } //nolint:gosec // At most 255 bytes.

func (c *Config) append(b []byte) []byte {
	b = appendText(appendText(b, c.Name), string(c.Loss.Kind))
	for _, v := range c.numbers() {
		b = binary.BigEndian.AppendUint32(b, uint32(*v)) //nolint:gosec // Checked by Config.Check.
	}
	for _, v := range c.quantities() {
		b = appendInt(b, int64(*v))
	}
	b = append(b, c.Seed[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.Features))) //nolint:gosec // At most 4096.
	for i := range c.Features {
		f := &c.Features[i]
		category := byte(0)
		if f.Category {
			category = 1
		}
		b = append(appendText(b, f.Name), category, byte(f.Monotone), byte(len(f.Cuts))) //nolint:gosec // Two's complement; at most 254.
		for _, cut := range f.Cuts {
			b = appendInt(b, int64(cut))
		}
	}
	return b
}

// numbers lists the plain numbers of a recipe in the order of their bytes.
func (c *Config) numbers() []*int {
	return []*int{&c.LambdaPermille, &c.Steps, &c.Loss.Level, &c.Loss.Power}
}

// quantities lists the Q16 numbers of a recipe in the order of their bytes.
func (c *Config) quantities() []*fixed.Q16 {
	return []*fixed.Q16{&c.Loss.Scale, &c.TargetLo, &c.TargetHi}
}

// Decode reads what Encode writes and nothing else, or returns learn.ErrModel.
func Decode(data []byte) (*Model, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes; at most %d", learn.ErrModel, len(data), MaxBytes)
	}
	r := &reader{data: data, length: len(data)}
	m := &Model{}
	if err := r.config(&m.Config); err != nil {
		return nil, err
	}
	c := &m.Config
	m.Rows = r.within("rows", r.int64(), 0, learn.MaxRows)
	m.Steps, m.Attempt = r.upTo("steps", r.uint32(), c.Steps), r.upTo("attempt", r.uint32(), learn.MaxAttempt)
	copy(m.Trace[:], r.next(len(m.Trace)))
	m.Dispersion = r.within("dispersion", r.int64(), 0, 1<<63-1)
	for i := range r.upTo("terms", r.uint16(), maxTerms) {
		t := r.term(c)
		if i > 0 && compareTerms(&m.Terms[i-1], &t) >= 0 || i == 0 && t.Kind != Intercept {
			return nil, r.fail("term %d is out of order", i)
		}
		if r.err != nil {
			return nil, r.err
		}
		m.Terms = append(m.Terms, t)
	}
	n := len(m.Terms)
	if n == 0 {
		return nil, r.fail("no terms")
	}
	if want := 8 * (n + n*(n+1)/2); len(r.data) != want {
		return nil, r.fail("%d bytes after the terms, which ask for %d", len(r.data), want)
	}
	for range n {
		m.Value = append(m.Value, r.within("coefficient", r.int64(), -maxCoefficient, maxCoefficient))
	}
	for i := range n {
		for j := range i + 1 {
			least := int64(-1<<63 + 1)
			if i == j {
				least = 0
			}
			m.Covariance = append(m.Covariance, r.within("covariance", r.int64(), least, 1<<63-1))
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

// compareTerms orders terms by feature, kind and bin.
func compareTerms(a, b *Term) int {
	return cmp.Or(cmp.Compare(a.Feature, b.Feature), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Bin, b.Bin))
}

// reader takes a model apart. After the first error it reads zeros.
type reader struct {
	data   []byte
	length int
	err    error
}

func (r *reader) fail(format string, args ...any) error {
	if r.err == nil {
		at := r.length - len(r.data)
		r.err = fmt.Errorf("%w: before byte %d: %s", learn.ErrModel, at, fmt.Sprintf(format, args...))
	}
	return r.err
}

// next returns the next n bytes, or zeros where they end.
func (r *reader) next(n int) []byte {
	if n > len(r.data) || r.err != nil {
		_ = r.fail("%d bytes end where %d are expected", len(r.data), n)
		return make([]byte, n)
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) uint16() int { return int(binary.BigEndian.Uint16(r.next(2))) }

func (r *reader) uint32() int { return int(binary.BigEndian.Uint32(r.next(4))) }

func (r *reader) int64() int64 { return int64(binary.BigEndian.Uint64(r.next(8))) } //nolint:gosec // Two's complement.

func (r *reader) text() string { return string(r.next(int(r.next(1)[0]))) }

func (r *reader) within(name string, v, least, most int64) int64 {
	if v < least || v > most {
		_ = r.fail("%s is %d; %d to %d", name, v, least, most)
		return least
	}
	return v
}

func (r *reader) upTo(name string, v, most int) int {
	return int(r.within(name, int64(v), 0, int64(most)))
}

func (r *reader) config(c *Config) error {
	if magic := r.next(len(modelMagic)); string(magic) != modelMagic {
		return r.fail("it does not start with %q", modelMagic)
	}
	c.Name = r.text()
	c.Loss.Kind = loss.Kind(r.text())
	for _, v := range c.numbers() {
		*v = r.uint32()
	}
	for _, v := range c.quantities() {
		*v = fixed.Q16(r.int64())
	}
	copy(c.Seed[:], r.next(len(c.Seed)))
	for range r.upTo("features", r.uint16(), learn.MaxFeatures) {
		f := learn.Feature{Name: r.text()}
		switch category := r.next(1)[0]; category {
		case 0, 1:
			f.Category = category == 1
		default:
			return r.fail("%d where 0 or 1 says whether a feature is a category", category)
		}
		f.Monotone = int8(r.next(1)[0]) //nolint:gosec // Two's complement.
		for range r.next(1)[0] {
			f.Cuts = append(f.Cuts, fixed.Q16(r.int64()))
		}
		if r.err != nil {
			return r.err
		}
		c.Features = append(c.Features, f)
	}
	if r.err != nil {
		return r.err
	}
	if err := c.Check(); err != nil {
		return r.fail("%v", err)
	}
	return nil
}

// term reads one term and refuses what its kind does not have.
func (r *reader) term(c *Config) Term {
	t := Term{Feature: r.uint16(), Kind: Kind(r.next(1)[0]), Bin: r.next(1)[0], Centre: r.int64()}
	t.Shift = int(int8(r.next(1)[0])) //nolint:gosec // Two's complement.
	if t.Feature == noFeature {
		t.Feature = -1
	}
	if t.Feature >= len(c.Features) || (t.Feature < 0) != (t.Kind == Intercept) || t.Kind > Level {
		_ = r.fail("a term of kind %d of feature %d of %d", t.Kind, t.Feature, len(c.Features))
		return t
	}
	if t.Kind != Number && (t.Centre != 0 || t.Shift != 0) || t.Kind != Level && t.Bin != 0 {
		_ = r.fail("a term of kind %d with bin %d, centre %d, shift %d", t.Kind, t.Bin, t.Centre, t.Shift)
	}
	if t.Kind == Number && (max(t.Centre, -t.Centre) > maxNumber || t.Shift < minShift || t.Shift > maxShift) {
		_ = r.fail("a centre of %d and a shift of %d", t.Centre, t.Shift)
	}
	if t.Feature >= 0 {
		f := &c.Features[t.Feature]
		if f.Category != (t.Kind == Level) || int(t.Bin) >= f.Bins() {
			_ = r.fail("a term of kind %d and bin %d of feature %d, whose kind is another", t.Kind, t.Bin, t.Feature)
		}
	}
	return t
}
