package additive

import (
	"encoding/binary"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/form"
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
	b = form.AppendInt(b, int64(m.Intercept))
	for _, v := range []int{m.Rounds, m.PairRounds, m.Attempt} {
		b = binary.BigEndian.AppendUint32(b, uint32(v)) //nolint:gosec // At most 65,535.
	}
	b = form.AppendInt(form.AppendInt(b, m.Before), m.After)
	b = append(b, m.Trace[:]...)
	for f := range m.Shapes {
		for bin, v := range m.Shapes[f].Value {
			b = form.AppendInt(form.AppendInt(b, int64(v)), int64(m.Shapes[f].Error[bin]))
		}
	}
	b = append(b, byte(len(m.Pairs))) //nolint:gosec // At most 64.
	for i := range m.Pairs {
		p := &m.Pairs[i]
		b = binary.BigEndian.AppendUint16(b, uint16(p.A)) //nolint:gosec // Below 4096.
		b = binary.BigEndian.AppendUint16(b, uint16(p.B)) //nolint:gosec // Below 4096.
		b = append(append(b, p.GroupA...), p.GroupB...)
		for _, v := range p.Value {
			b = form.AppendInt(b, int64(v))
		}
	}
	return b
}

func (c *Config) append(b []byte) []byte {
	b = form.AppendText(form.AppendText(b, c.Name), string(c.Loss.Kind))
	for _, v := range c.numbers() {
		b = binary.BigEndian.AppendUint32(b, uint32(*v)) //nolint:gosec // Checked by Config.Check.
	}
	for _, v := range c.quantities() {
		b = form.AppendInt(b, int64(*v))
	}
	b = form.AppendInt(b, c.Noise.Variance)
	b = append(b, c.Seed[:]...)
	return form.AppendFeatures(b, c.Features)
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
	r := reader{form.NewReader(data, MaxBytes, modelMagic)}
	m := &Model{}
	if err := r.config(&m.Config); err != nil {
		return nil, err
	}
	c := &m.Config
	m.Intercept = r.value()
	m.Rounds, m.PairRounds = r.UpTo("rounds", r.Uint32(), c.Rounds), r.UpTo("pair rounds", r.Uint32(), c.PairRounds)
	m.Attempt = r.UpTo("attempt", r.Uint32(), learn.MaxAttempt)
	m.Before, m.After = int64(r.value()), int64(r.value())
	copy(m.Trace[:], r.Next(len(m.Trace)))
	for f := range c.Features {
		bins := c.Features.Bins(f)
		shape := Shape{make([]fixed.Q16, bins), make([]fixed.Q16, bins)}
		for bin := range bins {
			shape.Value[bin], shape.Error[bin] = r.value(), r.value()
			if shape.Error[bin] < 0 {
				return nil, r.Fail("feature %d, bin %d: a standard error below 0", f, bin)
			}
		}
		m.Shapes = append(m.Shapes, shape)
		if r.Err() != nil {
			return nil, r.Err()
		}
	}
	for range r.UpTo("pairs", int(r.Byte()), c.Pairs) {
		p := r.pair(c)
		if r.Err() != nil {
			return nil, r.Err()
		}
		for i := range m.Pairs {
			if m.Pairs[i].A == p.A && m.Pairs[i].B == p.B {
				return nil, r.Fail("features %d and %d are paired twice", p.A, p.B)
			}
		}
		m.Pairs = append(m.Pairs, p)
	}
	if r.Left() > 0 {
		_ = r.Fail("%d bytes too many", r.Left())
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return m, nil
}

// reader takes a model apart. After the first error it reads zeros.
type reader struct{ *form.Reader }

// value reads a number of the model.
func (r reader) value() fixed.Q16 {
	v := r.Int64()
	if v < -maxValue || v > maxValue {
		_ = r.Fail("value %d above %d in magnitude", v, int64(maxValue))
		return 0
	}
	return fixed.Q16(v)
}

func (r reader) config(c *Config) error {
	c.Name = r.Text()
	c.Loss.Kind = loss.Kind(r.Text())
	for _, v := range c.numbers() {
		*v = r.Uint32()
	}
	for _, v := range c.quantities() {
		*v = fixed.Q16(r.Int64())
	}
	c.Noise.Variance = r.Int64()
	copy(c.Seed[:], r.Next(len(c.Seed)))
	c.Features = r.Features()
	if r.Err() != nil {
		return r.Err()
	}
	if err := c.Check(); err != nil {
		return r.Fail("%v", err)
	}
	return nil
}

func (r reader) pair(c *Config) Pair {
	p := Pair{A: r.Uint16(), B: r.Uint16()}
	if p.A >= p.B || p.B >= len(c.Features) || c.Features[p.A].Monotone != 0 || c.Features[p.B].Monotone != 0 {
		_ = r.Fail("a pair of features %d and %d of %d, neither of which may be monotone", p.A, p.B, len(c.Features))
		return p
	}
	p.GroupA = append(p.GroupA, r.Next(c.Features.Bins(p.A))...)
	p.GroupB = append(p.GroupB, r.Next(c.Features.Bins(p.B))...)
	for range r.UpTo("rows", groups(p.GroupA), maxGroups) * r.UpTo("columns", groups(p.GroupB), maxGroups) {
		p.Value = append(p.Value, r.value())
	}
	return p
}
