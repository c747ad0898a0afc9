package model

import (
	"fmt"
	"slices"
	"strconv"

	"comity/canon"
	"comity/exact"
	"comity/modeler/fixed"
	"comity/modeler/learn"
	"comity/modeler/learn/additive"
	"comity/modeler/learn/linear"
	"comity/modeler/learn/loss"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
	"comity/modeler/learn/trees"
)

// MaxBytes bounds a model file, as canon.MaxBytes does.
const MaxBytes = canon.MaxBytes

// format names the version of the form.
const format = "comity/learned@1"

// maxExponent bounds the exponents of scales: binary64 ends at 2^-1074.
const maxExponent = 1200

// record is the canonical JSON form of a model (docs/format/learned.md).
type record struct {
	Format  string          `json:"format"`
	Columns []columnRecord  `json:"columns"`
	Dropped []droppedRecord `json:"dropped"`
	Target  targetRecord    `json:"target"`
	Loss    lossRecord      `json:"loss"`
	Learner string          `json:"learner"`
	Learned []byte          `json:"learned"`
	Rows    canon.Int       `json:"rows"`
	Parties int             `json:"parties"`
	Sums    int             `json:"sums"`
	Survey  canon.Digest    `json:"survey"`
	Rho     *exact.Rat      `json:"rho,omitempty"`
}

type columnRecord struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Cuts are decimals that read back to the exact binary64; of a category its keys.
	Cuts     []string `json:"cuts"`
	Exponent int      `json:"exponent"`
}

type droppedRecord struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

type targetRecord struct {
	Name     string    `json:"name"`
	Task     string    `json:"task"`
	Low      string    `json:"low"`  // Of a binary target, as a decimal; otherwise empty.
	High     string    `json:"high"` // The same.
	Exponent int       `json:"exponent"`
	Offset   canon.Int `json:"offset"`
}

type lossRecord struct {
	Kind  string    `json:"kind"`
	Scale canon.Int `json:"scale"`
	Level int       `json:"level"`
	Power int       `json:"power"`
}

// Encode returns the canonical form.
func (m *Model) Encode() ([]byte, error) {
	t := &m.Target
	r := record{
		Format: format,
		Target: targetRecord{Name: t.Name, Task: string(t.Task), Exponent: t.Exponent, Offset: canon.Int(t.Offset)},
		Loss:   lossRecord{string(t.Loss.Kind), canon.Int(t.Loss.Scale), t.Loss.Level, t.Loss.Power},
		Rows:   canon.Int(m.Facts.Rows), Parties: m.Facts.Parties, Sums: m.Facts.Sums, Survey: canon.Digest(m.Facts.Survey), Rho: m.Facts.Rho,
		Learner: string(m.Learner()),
	}
	if t.Task == table.Binary {
		r.Target.Low, r.Target.High = number.Text(t.Low), number.Text(t.High)
	}
	for _, c := range m.Columns {
		out := columnRecord{Name: c.Name, Kind: string(c.Kind), Exponent: c.Exponent}
		for _, cut := range c.Cuts {
			out.Cuts = append(out.Cuts, cutText(c.Kind, cut))
		}
		r.Columns = append(r.Columns, out)
	}
	for _, d := range m.Dropped {
		r.Dropped = append(r.Dropped, droppedRecord(d))
	}
	switch {
	case m.Linear != nil:
		r.Learned = m.Linear.Encode()
	case m.Additive != nil:
		r.Learned = m.Additive.Encode()
	default:
		r.Learned = m.Trees.Encode()
	}
	data, err := canon.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m, err)
	}
	return data, nil
}

// Decode reads what Encode writes and nothing else. Errors wrap learn.ErrModel.
func Decode(data []byte) (*Model, error) {
	var r record
	if err := canon.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", learn.ErrModel, err)
	}
	if r.Format != format {
		return nil, fmt.Errorf("%w: format %.40q; this program reads %s", learn.ErrModel, r.Format, format)
	}
	m, err := r.model()
	if err == nil {
		err = m.fill(&r)
	}
	if err == nil && m.Facts.Rho != nil && (m.Facts.Rho.Sign() <= 0 || m.Additive == nil || !m.Additive.Config.Noise.Private()) {
		err = fmt.Errorf("a privacy cost of %s; only noisy sums have one, above 0", *m.Facts.Rho)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", learn.ErrModel, err)
	}
	return m, nil
}

// model reads all but the learner's own bytes.
func (r *record) model() (*Model, error) {
	m := &Model{Facts: Facts{int64(r.Rows), r.Parties, r.Sums, learn.Trace(r.Survey), r.Rho}}
	if r.Rows < 1 || r.Rows > learn.MaxRows || r.Parties < 1 || r.Sums < 1 {
		return nil, fmt.Errorf("fitted to %d rows of %d parties in %d sums", r.Rows, r.Parties, r.Sums)
	}
	if n := len(r.Columns); n < 1 || n > table.MaxColumns {
		return nil, fmt.Errorf("%d columns; 1 to %d are possible", n, table.MaxColumns)
	}
	names := map[string]bool{r.Target.Name: true}
	for i, in := range r.Columns {
		c, err := in.column()
		if err != nil {
			return nil, fmt.Errorf("column %d: %w", i, err)
		}
		if names[c.Name] {
			return nil, fmt.Errorf("column %d: %.40q for the second time", i, c.Name)
		}
		names[c.Name] = true
		m.Columns = append(m.Columns, c)
	}
	if err := m.Features().Check(); err != nil {
		return nil, err
	}
	for _, d := range r.Dropped {
		m.Dropped = append(m.Dropped, table.Dropped(d))
	}
	var err error
	m.Target, err = r.target()
	return m, err
}

func (r *columnRecord) column() (table.Column, error) {
	c := table.Column{Name: r.Name, Kind: table.Kind(r.Kind), Exponent: r.Exponent}
	if c.Kind != table.Number && c.Kind != table.Date && c.Kind != table.Category && c.Kind != table.Hashed {
		return c, fmt.Errorf("kind %.40q; use number, date, category or hashed", r.Kind)
	}
	if r.Exponent < -maxExponent || r.Exponent > maxExponent {
		return c, fmt.Errorf("exponent %d; use -%d to %d", r.Exponent, maxExponent, maxExponent)
	}
	for i, text := range r.Cuts {
		cut, err := readCut(c.Kind, text)
		if err != nil {
			return c, fmt.Errorf("cut %d: %w", i, err)
		}
		c.Cuts = append(c.Cuts, cut)
	}
	return c, nil
}

func cutText(kind table.Kind, cut int64) string {
	if kind == table.Category || kind == table.Hashed {
		return strconv.FormatInt(cut, 10)
	}
	return number.Text(cut)
}

// readCut reads what cutText writes.
func readCut(kind table.Kind, text string) (int64, error) {
	if kind == table.Category || kind == table.Hashed {
		key, err := strconv.ParseInt(text, 10, 64)
		if err != nil || strconv.FormatInt(key, 10) != text {
			return 0, fmt.Errorf("%.40q is no whole number of 64 bits", text)
		}
		return key, nil
	}
	return readNumber(text)
}

// readNumber reads a decimal in its one spelling.
func readNumber(text string) (int64, error) {
	key, state := number.Parse([]byte(text))
	if state != number.Finite || number.Text(key) != text {
		return 0, fmt.Errorf("%.40q is not the shortest decimal of a binary64", text)
	}
	return key, nil
}

func (r *record) target() (table.Target, error) {
	in := r.Target
	t := table.Target{
		Name: in.Name, Task: table.Task(in.Task), Exponent: in.Exponent, Offset: int64(in.Offset),
		Loss: loss.Loss{Kind: loss.Kind(r.Loss.Kind), Scale: fixed.Q16(r.Loss.Scale), Level: r.Loss.Level, Power: r.Loss.Power},
	}
	kinds := map[table.Task][]loss.Kind{
		table.Regression: {loss.Squared}, table.Binary: {loss.Logistic}, table.Count: {loss.Poisson}, table.Quantile: {loss.Quantile},
	}
	if !slices.Contains(kinds[t.Task], t.Loss.Kind) {
		return t, fmt.Errorf("task %.40q with a loss %.40q", in.Task, r.Loss.Kind)
	}
	if err := t.Loss.Check(); err != nil {
		return t, err
	}
	if in.Exponent < -maxExponent || in.Exponent > maxExponent {
		return t, fmt.Errorf("target: exponent %d; use -%d to %d", in.Exponent, maxExponent, maxExponent)
	}
	const room = 1 << 62
	if in.Offset < -room || in.Offset > room {
		return t, fmt.Errorf("target: offset %d beyond 2^62", in.Offset)
	}
	if t.Task != table.Binary {
		if in.Low != "" || in.High != "" {
			return t, fmt.Errorf("target: two values, which only a binary one has")
		}
		return t, nil
	}
	var err error
	if t.Low, err = readNumber(in.Low); err != nil {
		return t, fmt.Errorf("target: low: %w", err)
	}
	if t.High, err = readNumber(in.High); err != nil {
		return t, fmt.Errorf("target: high: %w", err)
	}
	if t.Low >= t.High {
		return t, fmt.Errorf("target: %s is not below %s", in.Low, in.High)
	}
	return t, nil
}

// fill reads the learner's own bytes.
func (m *Model) fill(r *record) error {
	var err error
	var features learn.Features
	switch Learner(r.Learner) {
	case Linear:
		if m.Linear, err = linear.Decode(r.Learned); err == nil {
			features = m.Linear.Config.Features
		}
	case Additive:
		if m.Additive, err = additive.Decode(r.Learned); err == nil {
			features = m.Additive.Config.Features
		}
	case Trees:
		if m.Trees, err = trees.Decode(r.Learned); err == nil {
			features = m.Trees.Config.Features
		}
	default:
		return fmt.Errorf("learner %.40q; this program knows additive, trees and linear", r.Learner)
	}
	if err != nil {
		return fmt.Errorf("learned: %w", err)
	}
	return m.agree(features)
}

// agree refuses a learner that was fitted to other columns than the envelope says.
func (m *Model) agree(inside learn.Features) error {
	outside := m.Features()
	if len(inside) != len(outside) {
		return fmt.Errorf("%d columns, the learner has %d", len(outside), len(inside))
	}
	for i, f := range inside {
		if f.Name != outside[i].Name || f.Category != outside[i].Category || !slices.Equal(f.Cuts, outside[i].Cuts) {
			return fmt.Errorf("column %d: the learner's is another", i)
		}
	}
	return nil
}
