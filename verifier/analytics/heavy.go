package analytics

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"comity"
	"comity/schema"
)

// hashDigits is the length of a value's name among heavy hitters: 64 bits in hexadecimal.
// Two of N different values share a name with a chance below N^2/2^65: one in a thousand
// for 2^27 values.
const hashDigits = 16

// heavy counts values by the beginning of their hash.
type heavy struct {
	salt     []byte
	prefixes []string // At least "".
	digits   int      // By which a prefix grows.
	children int
}

// layHeavy lays out a lane for each way in which a prefix can go on.
func (l *Layout) layHeavy() error {
	q := l.query
	if q.Bits != 4 && q.Bits != 8 && q.Bits != 12 {
		return refuse("bits is %d; prefixes grow by 4, 8 or 12", q.Bits)
	}
	if len(q.Salt) < 16 || len(q.Salt) > 64 {
		return refuse("a salt of %d bytes; 16 to 64 are possible, new ones for each new question", len(q.Salt))
	}
	if q.MinimumCell < 1 {
		return refuse("minimum_cell is %d; a value is frequent from a count of 1 on", q.MinimumCell)
	}
	h := &heavy{salt: q.Salt, prefixes: q.Prefixes, digits: q.Bits / 4, children: 1 << q.Bits}
	if len(h.prefixes) == 0 {
		h.prefixes = []string{""}
	} else if h.prefixes[0] == "" {
		return refuse("an empty prefix; leave prefixes empty to look everywhere")
	}
	for i, p := range h.prefixes {
		if len(p) != len(h.prefixes[0]) || len(p)+h.digits > hashDigits || strings.Trim(p, "0123456789abcdef") != "" ||
			i > 0 && p <= h.prefixes[i-1] {
			return refuse("prefix %.20q; prefixes are of one length, at most %d hexadecimal digits, and ascend", p, hashDigits-h.digits)
		}
	}
	if len(h.prefixes)*h.children > MaxLanes {
		return refuse("%d prefixes with %d children are more than %d lanes; raise minimum_cell", len(h.prefixes), h.children, MaxLanes)
	}
	l.heavy = h
	names := make([]string, 0, len(h.prefixes)*h.children)
	for _, p := range h.prefixes {
		for child := range h.children {
			names = append(names, p+h.child(child))
		}
	}
	return l.layBins(names)
}

// child writes the digits by which a prefix grows.
func (h *heavy) child(i int) string {
	text := hex.EncodeToString([]byte{byte(i >> 8), byte(i)}) //nolint:gosec // Below 2^12.
	return text[len(text)-h.digits:]
}

// bin returns the lane of a value, or -1 if it is under no prefix.
func (h *heavy) bin(c schema.Column, cell schema.Cell) int {
	name := hashName(h.salt, textOf(c, cell))
	n := len(h.prefixes[0])
	at, found := slices.BinarySearch(h.prefixes, name[:n])
	if !found {
		return -1
	}
	child := 0
	for _, d := range name[n : n+h.digits] {
		child = child<<4 | strings.IndexRune("0123456789abcdef", d)
	}
	return at*h.children + child
}

// textOf writes a cell of a column whose values are counted.
func textOf(c schema.Column, cell schema.Cell) string {
	if c.Type == schema.Text {
		return string(cell.Text)
	}
	return c.Format(cell.Number)
}

// hashName names a value: the first 64 bits of SHA-256 over the salt, a byte with its
// length in front, and the text.
func hashName(salt []byte, text string) string {
	b := append([]byte{byte(len(salt))}, salt...) //nolint:gosec // At most 64.
	sum := sha256.Sum256(append(b, text...))
	return hex.EncodeToString(sum[:hashDigits/2])
}

// Descend returns the query that follows an answer: the same one under the prefixes that
// were frequent. It returns false when the names are complete. Each query is a release of
// its own.
func (l *Layout) Descend(a Answer) (comity.Query, bool, error) {
	q := l.query
	if l.heavy == nil {
		return q, false, refuse("only heavy hitters descend")
	}
	q.Prefixes = nil
	for _, v := range a.Values {
		q.Prefixes = append(q.Prefixes, v.Name)
	}
	done := len(q.Prefixes) == 0 || len(q.Prefixes[0]) == hashDigits
	if !done && len(q.Prefixes[0])+l.heavy.digits > hashDigits {
		q.Bits = 4
	}
	return q, !done, nil
}

// Spell returns what a member's own rows call the frequent names of a complete answer,
// by name. A member that shows them tells that it has such a row.
func (l *Layout) Spell(a Answer, rows [][]schema.Cell) (map[string]string, error) {
	if l.heavy == nil {
		return nil, refuse("only heavy hitters have names to spell")
	}
	wanted := make(map[string]bool, len(a.Values))
	for _, v := range a.Values {
		wanted[v.Name] = true
	}
	texts := map[string]string{}
	for _, row := range rows {
		if cell := row[l.column]; cell.State == schema.Present {
			text := textOf(l.schema.Columns[l.column], cell)
			if name := hashName(l.heavy.salt, text); wanted[name] {
				texts[name] = text
			}
		}
	}
	return texts, nil
}
