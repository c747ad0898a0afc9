// Package schema says what the rows of a data clause are: columns with types, units and
// ranges, which columns tell rows apart, which cells a publisher withheld. It checks
// rows against that one by one, whatever file or database they come from.
//
// A Schema is a record with one canonical form; its digest is what a plan names
// (comity.Plan.Schema). Rows stay at home: nothing here leaves a member.
package schema

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"comity/canon"
	"comity/place"
)

// ErrSchema says that a schema contradicts itself. It wraps place.ErrUnreadable, as a
// schema is what somebody wrote.
var ErrSchema = fmt.Errorf("schema not valid: %w", place.ErrUnreadable)

// Type is what the cells of a column are.
type Type string

// The types of a column.
const (
	Integer  Type = "integer"  // Whole numbers within ±MaxNumber.
	Decimal  Type = "decimal"  // Numbers with a fixed count of digits after the point.
	Text     Type = "text"     // Any text of at most MaxText bytes.
	Date     Type = "date"     // YYYY-MM-DD, 1900 to 2999.
	Category Type = "category" // One of the values listed.
)

// Bounds of a schema and of a cell.
const (
	MaxColumns    = 200
	MaxValues     = 10_000 // Of a category: four digits of ICD-10 codes.
	MaxSuppressed = 8
	MaxName       = 64 // Bytes of a name, unit or value of a category.
	MaxText       = 256
	MaxDecimals   = 9 // A billionth of the unit.
	// MaxNumber bounds a number in its smallest units: 18 digits always fit 64 bits.
	MaxNumber = 999_999_999_999_999_999
)

// Schema describes one table.
type Schema struct {
	ID      string   `json:"id"`      // "health/series@1", as a data clause names it.
	Columns []Column `json:"columns"` // In the order in which rows give their cells.
	// Key lists the columns that tell rows apart; empty if no two rows may be equal as a
	// whole.
	Key []string `json:"key"`
	// Suppressed lists the cells by which a publisher withholds a small number, such as
	// "<5" or "*". They are counted and never replaced by a guess.
	Suppressed []string `json:"suppressed"`
	// Person names the column that tells persons apart, empty if there is none: then
	// each row with personal columns is taken for a person of its own.
	Person string `json:"person"`
}

// Column describes the cells under one name.
type Column struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
	Unit string `json:"unit"` // "m3/s"; empty where none is meant.
	// Decimals is how many digits after the point a decimal keeps, 0 to MaxDecimals.
	Decimals int `json:"decimals"`
	// Rounded says that further digits are rounded to the nearest, halves away from
	// zero; otherwise they are an error.
	Rounded  bool     `json:"rounded"`
	Least    string   `json:"least"`  // Smallest number or first date allowed; empty for none.
	Most     string   `json:"most"`   // Largest number or last date allowed; empty for none.
	Values   []string `json:"values"` // Of a category, in their order.
	Required bool     `json:"required"`
	Personal bool     `json:"personal"` // About a person: an answer about it needs noise.
}

// Check refuses a schema that no reader could follow. Errors wrap ErrSchema and name the
// column.
func (s Schema) Check() error {
	_, err := s.compile()
	return err
}

// Digest returns the digest of the canonical form.
func (s Schema) Digest() (canon.Digest, error) {
	if err := s.Check(); err != nil {
		return canon.Digest{}, err
	}
	return canon.DigestOf(s)
}

// Find returns the position of a column, or -1.
func (s Schema) Find(name string) int {
	return slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == name })
}

// IsPersonal tells whether any column is about a person.
func (s Schema) IsPersonal() bool {
	return s.Person != "" || slices.ContainsFunc(s.Columns, func(c Column) bool { return c.Personal })
}

// compile checks the schema and prepares the reading of its cells.
func (s Schema) compile() ([]parser, error) {
	if err := checkID(s.ID); err != nil {
		return nil, err
	}
	if n := len(s.Columns); n == 0 || n > MaxColumns {
		return nil, fmt.Errorf("%w: %d columns; 1 to %d are possible", ErrSchema, n, MaxColumns)
	}
	if len(s.Suppressed) > MaxSuppressed {
		return nil, fmt.Errorf("%w: %d marks of suppressed cells, at most %d", ErrSchema, len(s.Suppressed), MaxSuppressed)
	}
	for i, mark := range s.Suppressed {
		if err := checkName("mark of suppressed cells", mark); err != nil {
			return nil, err
		}
		if slices.Contains(s.Suppressed[:i], mark) {
			return nil, fmt.Errorf("%w: suppressed cells are marked %q twice", ErrSchema, mark)
		}
	}
	parsers := make([]parser, len(s.Columns))
	for i, c := range s.Columns {
		if at := s.Find(c.Name); at != i {
			return nil, fmt.Errorf("%w: columns %d and %d are both %q", ErrSchema, at+1, i+1, c.Name)
		}
		p, err := c.compile()
		if err != nil {
			return nil, err
		}
		for _, mark := range s.Suppressed {
			if _, reason, _ := p.parse([]byte(mark)); reason == "" && c.Type != Text {
				return nil, fmt.Errorf("%w: %q marks suppressed cells and is a value of column %s", ErrSchema, mark, c.Name)
			}
		}
		parsers[i] = p
	}
	for i, name := range s.Key {
		if s.Find(name) < 0 || slices.Contains(s.Key[:i], name) {
			return nil, fmt.Errorf("%w: key column %.64q; name each of the columns once at most", ErrSchema, name)
		}
	}
	if s.Person != "" && s.Find(s.Person) < 0 {
		return nil, fmt.Errorf("%w: person is column %.64q, which there is not", ErrSchema, s.Person)
	}
	return parsers, nil
}

// compile checks one column.
func (c Column) compile() (parser, error) {
	p := parser{column: c, least: -MaxNumber, most: MaxNumber}
	refuse := func(format string, args ...any) (parser, error) {
		return parser{}, fmt.Errorf("%w: column %s: %s", ErrSchema, clip(c.Name), fmt.Sprintf(format, args...))
	}
	if err := checkName("column", c.Name); err != nil {
		return parser{}, err
	}
	if c.Unit != "" {
		if err := checkName("unit of column "+c.Name, c.Unit); err != nil {
			return parser{}, err
		}
	}
	switch {
	case !slices.Contains([]Type{Integer, Decimal, Text, Date, Category}, c.Type):
		return refuse("type %.40q; write integer, decimal, text, date or category", string(c.Type))
	case c.Decimals < 0 || c.Decimals > MaxDecimals || c.Decimals > 0 && c.Type != Decimal:
		return refuse("%d decimals; a decimal has 0 to %d, other types have none", c.Decimals, MaxDecimals)
	case c.Rounded && c.Type != Decimal:
		return refuse("only decimals are rounded")
	case c.Unit != "" && c.Type != Integer && c.Type != Decimal:
		return refuse("only numbers have a unit")
	case (len(c.Values) > 0) != (c.Type == Category) || len(c.Values) > MaxValues:
		return refuse("%d values; a category lists 1 to %d, other types none", len(c.Values), MaxValues)
	case (c.Least != "" || c.Most != "") && (c.Type == Text || c.Type == Category):
		return refuse("only numbers and dates have a least and a most")
	}
	if c.Type == Category {
		p.values = make(map[string]int64, len(c.Values))
		for i, v := range c.Values {
			if err := checkName("value of column "+c.Name, v); err != nil {
				return parser{}, err
			}
			if _, ok := p.values[v]; ok {
				return refuse("value %q is listed twice", v)
			}
			p.values[v] = int64(i)
		}
	}
	exact := p
	exact.column.Rounded = false
	for _, end := range []struct {
		text string
		into *int64
	}{{c.Least, &p.least}, {c.Most, &p.most}} {
		if end.text == "" {
			continue
		}
		value, reason, _ := exact.parse([]byte(end.text))
		if reason != "" {
			return refuse("least or most: %s", reason)
		}
		*end.into = value
	}
	if p.least > p.most {
		return refuse("least %s is above most %s", c.Least, c.Most)
	}
	return p, nil
}

// checkID accepts what a data clause accepts as a schema: words with slashes, @, a version.
func checkID(id string) error {
	name, version, found := strings.Cut(id, "@")
	ok := found && len(id) <= MaxName && name != "" && version != "" && version[0] != '0' && strings.Trim(version, "0123456789") == ""
	for part := range strings.SplitSeq(name, "/") {
		ok = ok && part != "" && strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
	}
	if !ok {
		return fmt.Errorf("%w: id %.80q; write a name, @ and a version, as health/series@1", ErrSchema, id)
	}
	return nil
}

// checkName accepts one line of printable text that can stand in a header.
func checkName(what, name string) error {
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) || strings.TrimSpace(name) != name ||
		strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.ContainsAny(name, "[]") {
		return fmt.Errorf("%w: %s is %.80q; write 1 to %d bytes of printable text without square brackets", ErrSchema, what, name, MaxName)
	}
	return nil
}

// clip keeps what fits an error message.
func clip(text string) string {
	if len(text) > 40 {
		return strings.ToValidUTF8(text[:40], "") + "..."
	}
	return text
}

// joined lists names as messages do.
func joined(columns []Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}
