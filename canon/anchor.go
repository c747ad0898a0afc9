package canon

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

const (
	anchorWords = 8
	wordBits    = 11 // 2^11 = 2,048 words.

	// maxAnchor bounds the text of an anchor: eight words of eight letters take 71
	// characters, a digest takes the same, and people add spaces.
	maxAnchor = 200
)

// Words returns the first 88 bits of d as eight words of the list, 11 bits a word, most
// significant first, joined by hyphens. Nobody can find another document with the
// words of a given one (2^88 trials); but whoever writes a document can, with 2^44
// trials, prepare two of the same words. Compare the whole digest with such an author.
func (d Digest) Words() string {
	list := words()
	var picked [anchorWords]string
	for i := range picked {
		at := i * wordBits // The word's bits lie in the four bytes from at/8 on.
		window := binary.BigEndian.Uint32(d[at/8:])
		picked[i] = list[window<<(at%8)>>(32-wordBits)]
	}
	return strings.Join(picked[:], "-")
}

// Anchor is what a person was told to trust: a digest, or eight words of one.
type Anchor struct {
	digest Digest
	words  string // Empty if the digest is whole.
}

// ParseAnchor reads a digest as ParseDigest does, or eight words of the list in any
// case, separated by spaces or hyphens.
func ParseAnchor(text string) (Anchor, error) {
	if len(text) > maxAnchor {
		return Anchor{}, fmt.Errorf("%w: %d characters; give sha256:... or eight words", ErrDigest, len(text))
	}
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, digestPrefix) {
		d, err := ParseDigest(trimmed)
		return Anchor{digest: d}, err
	}
	given := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == '-' || r == ' ' || r == '\t' || r == '\n' })
	if len(given) != anchorWords {
		return Anchor{}, fmt.Errorf("%w: %.80q has %d words; give sha256:... or eight words", ErrDigest, text, len(given))
	}
	list := words()
	for i, word := range given {
		if _, ok := slices.BinarySearch(list, word); !ok {
			return Anchor{}, fmt.Errorf("%w: word %d, %q, is not in the list%s", ErrDigest, i+1, word, suggestion(list, word))
		}
	}
	return Anchor{words: strings.Join(given, "-")}, nil
}

// suggestion names the one word with the same first four letters, if there is one.
func suggestion(list []string, word string) string {
	if len(word) < 4 {
		return ""
	}
	at, _ := slices.BinarySearch(list, word[:4])
	if at < len(list) && strings.HasPrefix(list[at], word[:4]) {
		return fmt.Sprintf("; did you mean %q?", list[at])
	}
	return ""
}

// Matches tells whether d is the anchor's digest, or has its eight words.
func (a Anchor) Matches(d Digest) bool {
	if a.words != "" {
		return a.words == d.Words()
	}
	return !a.digest.IsZero() && a.digest == d
}

// String returns the digest, or the words with hyphens.
func (a Anchor) String() string {
	if a.words != "" {
		return a.words
	}
	return a.digest.String()
}

// UnmarshalText reads what ParseAnchor reads.
func (a *Anchor) UnmarshalText(text []byte) error {
	parsed, err := ParseAnchor(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}
