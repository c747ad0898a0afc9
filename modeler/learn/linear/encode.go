package linear

import (
	"cmp"
	"encoding/binary"

	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/internal/form"
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
	b = form.AppendInt(b, m.Rows)
	for _, v := range []int{m.Steps, m.Attempt} {
		b = binary.BigEndian.AppendUint32(b, uint32(v)) //nolint:gosec // At most 65,535.
	}
	b = append(b, m.Trace[:]...)
	b = form.AppendInt(b, m.Dispersion)
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Terms))) //nolint:gosec // At most 400.
	for i := range m.Terms {
		t := &m.Terms[i]
		feature := uint16(noFeature)
		if t.Feature >= 0 {
			feature = uint16(t.Feature) //nolint:gosec // Below 4096.
		}
		b = append(binary.BigEndian.AppendUint16(b, feature), byte(t.Kind), t.Bin)
		b = append(form.AppendInt(b, t.Centre), byte(t.Shift)) //nolint:gosec // Two's complement.
	}
	for _, list := range [][]int64{m.Value, m.Covariance} {
		for _, v := range list {
			b = form.AppendInt(b, v)
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
	b = append(b, c.Seed[:]...)
	return form.AppendFeatures(b, c.Features)
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
	r := reader{form.NewReader(data, MaxBytes, modelMagic)}
	m := &Model{}
	if err := r.config(&m.Config); err != nil {
		return nil, err
	}
	c := &m.Config
	m.Rows = r.Within("rows", r.Int64(), 0, learn.MaxRows)
	m.Steps, m.Attempt = r.UpTo("steps", r.Uint32(), c.Steps), r.UpTo("attempt", r.Uint32(), learn.MaxAttempt)
	copy(m.Trace[:], r.Next(len(m.Trace)))
	m.Dispersion = r.Within("dispersion", r.Int64(), 0, 1<<63-1)
	for i := range r.UpTo("terms", r.Uint16(), maxTerms) {
		t := r.term(c)
		if i > 0 && compareTerms(&m.Terms[i-1], &t) >= 0 || i == 0 && t.Kind != Intercept {
			return nil, r.Fail("term %d is out of order", i)
		}
		if r.Err() != nil {
			return nil, r.Err()
		}
		m.Terms = append(m.Terms, t)
	}
	n := len(m.Terms)
	if n == 0 {
		return nil, r.Fail("no terms")
	}
	if want := 8 * (n + n*(n+1)/2); r.Left() != want {
		return nil, r.Fail("%d bytes after the terms, which ask for %d", r.Left(), want)
	}
	for range n {
		m.Value = append(m.Value, r.Within("coefficient", r.Int64(), -maxCoefficient, maxCoefficient))
	}
	for i := range n {
		for j := range i + 1 {
			least := int64(-1<<63 + 1)
			if i == j {
				least = 0
			}
			m.Covariance = append(m.Covariance, r.Within("covariance", r.Int64(), least, 1<<63-1))
		}
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return m, nil
}

// compareTerms orders terms by feature, kind and bin.
func compareTerms(a, b *Term) int {
	return cmp.Or(cmp.Compare(a.Feature, b.Feature), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Bin, b.Bin))
}

// reader takes a model apart. After the first error it reads zeros.
type reader struct{ *form.Reader }

func (r reader) config(c *Config) error {
	c.Name = r.Text()
	c.Loss.Kind = loss.Kind(r.Text())
	for _, v := range c.numbers() {
		*v = r.Uint32()
	}
	for _, v := range c.quantities() {
		*v = fixed.Q16(r.Int64())
	}
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

// term reads one term and refuses what its kind does not have.
func (r reader) term(c *Config) Term {
	t := Term{Feature: r.Uint16(), Kind: Kind(r.Byte()), Bin: r.Byte(), Centre: r.Int64()}
	t.Shift = int(int8(r.Byte())) //nolint:gosec // Two's complement.
	if t.Feature == noFeature {
		t.Feature = -1
	}
	if t.Feature >= len(c.Features) || (t.Feature < 0) != (t.Kind == Intercept) || t.Kind > Level {
		_ = r.Fail("a term of kind %d of feature %d of %d", t.Kind, t.Feature, len(c.Features))
		return t
	}
	if t.Kind != Number && (t.Centre != 0 || t.Shift != 0) || t.Kind != Level && t.Bin != 0 {
		_ = r.Fail("a term of kind %d with bin %d, centre %d, shift %d", t.Kind, t.Bin, t.Centre, t.Shift)
	}
	if t.Kind == Number && (max(t.Centre, -t.Centre) > maxNumber || t.Shift < minShift || t.Shift > maxShift) {
		_ = r.Fail("a centre of %d and a shift of %d", t.Centre, t.Shift)
	}
	if t.Feature >= 0 {
		f := &c.Features[t.Feature]
		if f.Category != (t.Kind == Level) || int(t.Bin) >= f.Bins() {
			_ = r.Fail("a term of kind %d and bin %d of feature %d, whose kind is another", t.Kind, t.Bin, t.Feature)
		}
	}
	return t
}
