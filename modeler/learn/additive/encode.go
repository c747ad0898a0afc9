package additive

import (
	"encoding/binary"
	"fmt"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/loss"
)

// modelMagic starts every model and names the version of its form.
const modelMagic = "comity additive 1\n"

// MaxBytes bounds a model: 64 MiB, three times that of 4,096 features of 256 bins.
const MaxBytes = 64 << 20

// maxValue bounds the magnitude of every value in a model: far above a thousand steps.
const maxValue = 1 << 48

// Encode returns the one byte form of the model (docs/format/additive.md).
func (m *Model) Encode() []byte {
	b := m.Config.append([]byte(modelMagic))
	b = appendInt(b, int64(m.Intercept))
	for _, v := range []int{m.Rounds, m.PairRounds, m.Attempt} {
		b = binary.BigEndian.AppendUint32(b, uint32(v)) //nolint:gosec // At most 65,535.
	}
	b = appendInt(appendInt(b, m.Before), m.After)
	b = append(b, m.Trace[:]...)
	for f := range m.Shapes {
		for bin, v := range m.Shapes[f].Value {
			b = appendInt(appendInt(b, int64(v)), int64(m.Shapes[f].Error[bin]))
		}
	}
	b = append(b, byte(len(m.Pairs))) //nolint:gosec // At most 64.
	for i := range m.Pairs {
		p := &m.Pairs[i]
		b = binary.BigEndian.AppendUint16(b, uint16(p.A)) //nolint:gosec // Below 4096.
		b = binary.BigEndian.AppendUint16(b, uint16(p.B)) //nolint:gosec // Below 4096.
		b = append(append(b, p.GroupA...), p.GroupB...)
		for _, v := range p.Value {
			b = appendInt(b, int64(v))
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
	b = appendInt(b, c.Noise.Variance)
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
	return []*int{
		&c.Folds, &c.Rounds, &c.Pairs, &c.PairRounds, &c.Patience,
		&c.RatePermille, &c.Lambda, &c.MinRows, &c.Leaves,
		&c.Loss.Level, &c.Loss.Power, &c.Noise.ClipPermille,
	}
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
	m.Intercept = r.value()
	m.Rounds, m.PairRounds = r.upTo("rounds", c.Rounds), r.upTo("pair rounds", c.PairRounds)
	m.Attempt = r.upTo("attempt", learn.MaxAttempt)
	m.Before, m.After = int64(r.value()), int64(r.value())
	copy(m.Trace[:], r.next(len(m.Trace)))
	for f := range c.Features {
		bins := c.Features.Bins(f)
		shape := Shape{make([]fixed.Q16, bins), make([]fixed.Q16, bins)}
		for bin := range bins {
			shape.Value[bin], shape.Error[bin] = r.value(), r.value()
			if shape.Error[bin] < 0 {
				return nil, r.fail("feature %d, bin %d: a standard error below 0", f, bin)
			}
		}
		m.Shapes = append(m.Shapes, shape)
		if r.err != nil {
			return nil, r.err
		}
	}
	for range r.count("pairs", int(r.next(1)[0]), c.Pairs) {
		p := r.pair(c)
		if r.err != nil {
			return nil, r.err
		}
		for i := range m.Pairs {
			if m.Pairs[i].A == p.A && m.Pairs[i].B == p.B {
				return nil, r.fail("features %d and %d are paired twice", p.A, p.B)
			}
		}
		m.Pairs = append(m.Pairs, p)
	}
	if len(r.data) > 0 {
		_ = r.fail("%d bytes too many", len(r.data))
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
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

// value reads a number of the model.
func (r *reader) value() fixed.Q16 {
	v := r.int64()
	if v < -maxValue || v > maxValue {
		_ = r.fail("value %d above %d in magnitude", v, int64(maxValue))
		return 0
	}
	return fixed.Q16(v)
}

func (r *reader) upTo(name string, most int) int { return r.count(name, r.uint32(), most) }

func (r *reader) count(name string, n, most int) int {
	if n > most {
		_ = r.fail("%s is %d; at most %d", name, n, most)
		return 0
	}
	return n
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
	c.Noise.Variance = r.int64()
	copy(c.Seed[:], r.next(len(c.Seed)))
	for range r.count("features", r.uint16(), learn.MaxFeatures) {
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

func (r *reader) pair(c *Config) Pair {
	p := Pair{A: r.uint16(), B: r.uint16()}
	if p.A >= p.B || p.B >= len(c.Features) || c.Features[p.A].Monotone != 0 || c.Features[p.B].Monotone != 0 {
		_ = r.fail("a pair of features %d and %d of %d, neither of which may be monotone", p.A, p.B, len(c.Features))
		return p
	}
	p.GroupA = append(p.GroupA, r.next(c.Features.Bins(p.A))...)
	p.GroupB = append(p.GroupB, r.next(c.Features.Bins(p.B))...)
	for range r.count("rows", groups(p.GroupA), maxGroups) * r.count("columns", groups(p.GroupB), maxGroups) {
		p.Value = append(p.Value, r.value())
	}
	return p
}
