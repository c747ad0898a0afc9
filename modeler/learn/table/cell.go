package table

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"comity/modeler/learn/number"
)

// CategoryKey returns the key of a category: the first eight bytes of the SHA-256 of its
// name, big-endian, with the first bit as sign. Only keys leave a participant. The one
// value that marks missing cells (2^-63 of all) is moved up by one.
func CategoryKey(name string) int64 {
	digest := sha256.Sum256([]byte(name))
	key := int64(binary.BigEndian.Uint64(digest[:8])) //nolint:gosec // Two's complement.
	return max(key, number.Missing+1)
}

// marks are the texts, in lower case, that say in a column of numbers that a value is
// missing: those of R, pandas, SQL, UCI's archives and SAS. In a column of texts they are
// texts: NA is Namibia.
func isMark(text []byte) bool {
	const longest = 4
	if len(text) > longest {
		return false
	}
	switch strings.ToLower(string(text)) {
	case "na", "n/a", "#n/a", "nan", "null", "none", "?", "-", ".":
		return true
	}
	return false
}

const secondsPerDay = 24 * 60 * 60

// parseDate returns the key of a date: that of the days since 1970-01-01.
func parseDate(text []byte) (key int64, ok bool) {
	if len(text) != len(time.DateOnly) || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	at, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return 0, false
	}
	return number.FromInt(at.Unix() / secondsPerDay), true // Midnight: without remainder.
}

// dateText writes the key of a date.
func dateText(key int64) string {
	return time.Unix(number.Units(key, 0)*secondsPerDay, 0).UTC().Format(time.DateOnly)
}

// verdict returns the number of a word that answers yes or no, in any case.
func verdict(text []byte) (key int64, ok bool) {
	const longest = 8
	if len(text) > longest {
		return 0, false
	}
	switch strings.ToLower(string(text)) {
	case "no", "n", "false", "f", "negative":
		return number.FromInt(0), true
	case "yes", "y", "true", "t", "positive":
		return number.FromInt(1), true
	}
	return 0, false
}

// levelKeys returns the keys of declared categories in ascending order.
func levelKeys(levels []string) []int64 {
	keys := make([]int64, 0, len(levels))
	for _, name := range levels {
		keys = append(keys, CategoryKey(name))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
