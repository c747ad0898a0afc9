package charter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
)

// Bounds of one value. They hold every charter that people can read, and keep what a
// stranger sends small.
const (
	maxItems = 256  // Of a list.
	maxText  = 4096 // Bytes of one text.
)

// text reads a text: quoted, or plain where no reader could take it for anything else.
func (r *reader) text(n Node, path string) string {
	if !r.shape(n, path, Scalar) {
		return ""
	}
	if !n.Quoted() && isAmbiguous(n.Text) {
		r.refuse(n, path, ruleText, fmt.Sprintf("%q is not a text to every YAML reader", clip(n.Text)), fmt.Sprintf("write %q in quotes", clip(n.Text)))
		return ""
	}
	return n.Text
}

// isAmbiguous tells whether some version of YAML takes a plain scalar for something
// else than text: a truth value, nothing, a number, a time (YAML 1.1 type repository).
func isAmbiguous(text string) bool {
	switch strings.ToLower(text) {
	case "", "~", "null", "y", "yes", "n", "no", "true", "false", "on", "off", ".inf", ".nan", "<<", "=":
		return true
	}
	return strings.Trim(text[:1], "0123456789+-.") == "" && strings.Trim(text[1:], "0123456789+-._:,/eExXoObBtTzZaAcCdDfF ") == ""
}

// partyID reads a party's id, which must be quoted.
func (r *reader) partyID(n Node, path string) party.ID {
	if !r.shape(n, path, Scalar) {
		return ""
	}
	if !n.Quoted() {
		reason := fmt.Sprintf("party id %s is not quoted", clip(n.Text))
		if strings.EqualFold(n.Text, "no") {
			reason += ": NO reads as false for many YAML readers"
		}
		r.refuse(n, path, ruleQuotedID, reason, fmt.Sprintf("write %q", clip(n.Text)))
		return ""
	}
	return party.ID(n.Text)
}

// integer reads a whole number below 2^53, as JSON writes it.
func (r *reader) integer(n Node, path string) int {
	v := int(r.wide(n, path))
	const maxSafe = 1 << 53 // RFC 8785, appendix D: larger numbers are not sealed as numbers.
	if v >= maxSafe || v <= -maxSafe {
		r.refuse(n, path, ruleInteger, fmt.Sprintf("%d is 2^53 or more", v), "write a smaller number")
		return 0
	}
	return v
}

// flag reads true or false, the only two words that every reader of YAML takes for it.
func (r *reader) flag(n Node, path string) bool {
	if !r.shape(n, path, Scalar) {
		return false
	}
	if n.Quoted() || n.Text != "true" && n.Text != "false" {
		r.refuse(n, path, ruleFlag, fmt.Sprintf("%q is not true or false", clip(n.Text)), "write true or false without quotes")
		return false
	}
	return n.Text == "true"
}

// wide reads a whole number of 64 bits.
func (r *reader) wide(n Node, path string) canon.Int {
	if !r.shape(n, path, Scalar) {
		return 0
	}
	v, err := strconv.ParseInt(n.Text, 10, 64)
	if n.Quoted() || err != nil || strconv.FormatInt(v, 10) != n.Text {
		r.refuse(n, path, ruleInteger, fmt.Sprintf("%q is not a whole number", clip(n.Text)), "write digits without quotes, as 12")
		return 0
	}
	return canon.Int(v)
}

// number reads an exact number, which must be quoted: "1", "0.05", "2/3".
func (r *reader) number(n Node, path string) exact.Rat {
	if !r.shape(n, path, Scalar) {
		return exact.Rat{}
	}
	if !n.Quoted() {
		r.refuse(n, path, ruleNumber, fmt.Sprintf("number %s is not quoted, so many readers make it binary", clip(n.Text)), fmt.Sprintf("write %q", clip(n.Text)))
		return exact.Rat{}
	}
	v, err := exact.Parse(n.Text)
	if err != nil {
		r.refuse(n, path, ruleNumber, fmt.Sprintf("%q is not an exact number", clip(n.Text)), `write "1", "0.05" or "2/3"`)
	}
	return v
}

// digestOrNull reads the digest of an earlier version, or null.
func (r *reader) digestOrNull(n Node, path string) *canon.Digest {
	if !r.shape(n, path, Scalar) || !n.Quoted() && n.Text == "null" {
		return nil
	}
	d, err := canon.ParseDigest(n.Text)
	if err != nil || !n.Quoted() {
		r.refuse(n, path, ruleDigest, fmt.Sprintf("%q is not a digest in quotes", clip(n.Text)), `write null, or "sha256:" and 64 lower-case hex digits`)
		return nil
	}
	return &d
}

// languages reads one text in several languages.
func (r *reader) languages(n Node, path string) comity.Text {
	text := comity.Text{}
	r.table(n, path, func(tag string, value Node, path string) { text[tag] = r.text(value, path) })
	return text
}

// recipe reads the parameters of a task.
func (r *reader) recipe(n Node, path string) map[string]canon.Int {
	recipe := map[string]canon.Int{}
	r.table(n, path, func(name string, value Node, path string) { recipe[name] = r.wide(value, path) })
	return recipe
}

// table reads a mapping whose keys are free.
func (r *reader) table(n Node, path string, read func(name string, value Node, path string)) {
	if !r.shape(n, path, Mapping) {
		return
	}
	if len(n.Fields) > maxItems {
		r.refuse(n, path, ruleBounds, fmt.Sprintf("%d keys, at most %d", len(n.Fields), maxItems), "shorten the table")
		return
	}
	for i, f := range n.Fields {
		name := r.text(f.Key, path)
		if isRepeated(n.Fields[:i], name) {
			r.refuse(f.Key, path+"."+clip(name), ruleRepeatedKey, fmt.Sprintf("key %q is written a second time", clip(name)), "keep one of the two")
			continue
		}
		read(name, f.Value, path+"."+name)
	}
}

// expression reads {cel: '...'}.
func (r *reader) expression(n Node, path string) (e comity.Expr) {
	r.mapping(n, path, key{"cel", true, func(n Node, path string) {
		if !r.shape(n, path, Scalar) {
			return
		}
		compiled, err := r.compile(n.Text)
		if err == nil {
			e = compiled
			return
		}
		problem := Problem{n.Line, n.Column, path, ruleCompile, err.Error(), "see docs/format/charter.md, Expressions"}
		if source := new(SourceError); errors.As(err, &source) {
			problem.Message, problem.Fix = source.Message, source.Fix
			problem.Column += offset(n, source)
		}
		r.add(problem)
	}})
	return e
}

// offset returns how many characters after the start of the scalar a place in its
// text stands in the file, or 0 where escapes or line breaks make that uncertain.
func offset(n Node, at *SourceError) int {
	escapes := map[Style]string{Plain: "\n", SingleQuoted: "'\n", DoubleQuoted: "\"\\\n"}[n.Style]
	if n.Style == Block || at.Line != 1 || strings.ContainsAny(n.Text, escapes) {
		return 0
	}
	if n.Quoted() {
		return at.Column
	}
	return at.Column - 1
}

// Nearest returns the candidate that a slip of the hand most likely meant, or "":
// smallest edit distance, at most a third of the word and one more. It looks at the
// first thousand only: a hint is not worth more time.
func Nearest(word string, candidates []string) string {
	if len(word) > maxName {
		return ""
	}
	best, least := "", len(word)/3+2
	for _, c := range candidates[:min(len(candidates), 1000)] {
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of single-byte edits between two short words (Levenshtein 1965).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			change := previous[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, previous[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
