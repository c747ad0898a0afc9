package mps

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"comity/allocator/linear"
	"comity/exact"
)

// ErrUnwritable says that a programme has no exact MPS form.
var ErrUnwritable = errors.New("programme has no exact MPS form")

// Write writes a programme in free MPS. Read gives the same programme back. Names
// must have 1 to 255 bytes and no spaces, numbers must be finite decimals within the
// limits of Read; everything else is ErrUnwritable.
func Write(out io.Writer, p linear.Programme) error {
	w := &writer{out: bufio.NewWriter(out)}
	w.objective = w.freeName(p)
	w.line("NAME %s", p.Name)
	if p.Maximise {
		w.line("OBJSENSE\n    MAX")
	}
	w.rows(p)
	w.columns(p)
	w.rights(p)
	w.bounds(p)
	w.line("ENDATA")
	if w.err != nil {
		return w.err
	}
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write MPS: %w", err)
	}
	return nil
}

// writer writes until the first failure, which sticks.
type writer struct {
	out       *bufio.Writer
	objective string
	err       error
}

func (w *writer) line(format string, args ...any) {
	if w.err != nil {
		return
	}
	if _, err := fmt.Fprintf(w.out, format+"\n", args...); err != nil {
		w.err = fmt.Errorf("write MPS: %w", err)
	}
}

// freeName returns a name for the objective that no row has.
func (w *writer) freeName(p linear.Programme) string {
	taken := make(map[string]bool, len(p.Rows))
	for _, r := range p.Rows {
		taken[r.Name] = true
	}
	name := "OBJ"
	for taken[name] {
		name += "_"
	}
	return name
}

func (w *writer) rows(p linear.Programme) {
	w.line("ROWS\n N %s", w.objective)
	seen := make(map[string]bool, len(p.Rows))
	for _, r := range p.Rows {
		kind := "E"
		switch {
		case r.Lower == nil && r.Upper == nil:
			w.refuse("row %q has no bounds; leave it out", r.Name)
		case r.Lower == nil:
			kind = "L"
		case r.Upper == nil, r.Lower.Cmp(*r.Upper) != 0:
			kind = "G"
		}
		w.line(" %s %s", kind, w.name(r.Name, seen))
	}
}

func (w *writer) columns(p linear.Programme) {
	type entry struct {
		row   string
		coeff exact.Rat
	}
	entries := make([][]entry, len(p.Columns))
	for _, r := range p.Rows {
		for _, t := range r.Terms {
			entries[t.Column] = append(entries[t.Column], entry{r.Name, t.Coeff})
		}
	}
	w.line("COLUMNS")
	seen, integer := make(map[string]bool, len(p.Columns)), false
	for j, c := range p.Columns {
		if c.Integer != integer {
			integer = c.Integer
			w.line(" M%d 'MARKER' '%s'", j, map[bool]string{true: "INTORG", false: "INTEND"}[integer])
		}
		name := w.name(c.Name, seen)
		w.line(" %s %s %s", name, w.objective, w.number(c.Cost))
		for _, e := range entries[j] {
			w.line(" %s %s %s", name, e.row, w.number(e.coeff))
		}
	}
	if integer {
		w.line(" M%d 'MARKER' 'INTEND'", len(p.Columns))
	}
}

func (w *writer) rights(p linear.Programme) {
	w.line("RHS")
	if p.Constant.Sign() != 0 {
		w.line(" RHS %s %s", w.objective, w.number(p.Constant.Neg()))
	}
	for _, r := range p.Rows {
		value := r.Lower
		if value == nil {
			value = r.Upper
		}
		if value != nil {
			w.line(" RHS %s %s", r.Name, w.end(*value))
		}
	}
	w.line("RANGES")
	for _, r := range p.Rows {
		if r.Lower != nil && r.Upper != nil && r.Lower.Cmp(*r.Upper) != 0 {
			w.line(" RNG %s %s", r.Name, w.end(r.Upper.Sub(*r.Lower)))
		}
	}
}

// bounds writes both bounds of every column, so that no default is needed.
func (w *writer) bounds(p linear.Programme) {
	w.line("BOUNDS")
	for _, c := range p.Columns {
		if c.Lower == nil {
			w.line(" MI BND %s", c.Name)
		} else {
			w.line(" LO BND %s %s", c.Name, w.end(*c.Lower))
		}
		if c.Upper == nil {
			w.line(" PL BND %s", c.Name)
		} else {
			w.line(" UP BND %s %s", c.Name, w.end(*c.Upper))
		}
	}
}

func (w *writer) refuse(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%w: "+format, append([]any{ErrUnwritable}, args...)...)
	}
}

// name returns a name that Read takes as one word, once.
func (w *writer) name(name string, seen map[string]bool) string {
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) || name == "'MARKER'" || seen[name] {
		w.refuse("name %.40q is empty, too long, repeated, or holds spaces", name)
	}
	seen[name] = true
	return name
}

// number returns the decimal that is x exactly.
func (w *writer) number(x exact.Rat) string {
	places, finite := x.Big().FloatPrec()
	if !finite {
		w.refuse("%s is no finite decimal; multiply the row or the objective", x)
		return ""
	}
	text := x.Big().FloatString(places)
	if len(strings.Trim(strings.ReplaceAll(text, ".", ""), "-")) > maxDigits {
		w.refuse("%s has more than %d digits", x, maxDigits)
	}
	return text
}

// end returns a number that Read does not take for infinite.
func (w *writer) end(x exact.Rat) string {
	if len(x.Floor().String()) > 20 { // 20 digits stay below 10^20.
		w.refuse("%s would be read as infinite", x)
	}
	return w.number(x)
}
