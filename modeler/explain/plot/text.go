package plot

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// num writes a coordinate with at most two decimals.
func num(v float64) string {
	text := strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	if text == "-0" {
		return "0"
	}
	return text
}

// minus is the sign as it is printed; a hyphen is too short.
const minus = "\u2212"

// number writes a number for people, with at most four digits that count.
func number(v float64) string { return shortened(v, 4) }

func shortened(v float64, digits int) string {
	size := math.Abs(v)
	var text string
	switch {
	case size == 0:
		return "0"
	case size >= 1e6 || size < 1e-4:
		text = strconv.FormatFloat(v, 'e', digits-2, 64)
		mantissa, power, _ := strings.Cut(text, "e")
		text = trim(mantissa) + "e" + strings.TrimLeft(strings.TrimPrefix(power, "+"), "0")
		if p, negative := strings.CutPrefix(power, "-"); negative {
			text = trim(mantissa) + "e-" + strings.TrimLeft(p, "0")
		}
	default:
		after := max(0, digits-1-int(math.Floor(math.Log10(size))))
		text = trim(strconv.FormatFloat(v, 'f', min(after, 6), 64))
	}
	return strings.ReplaceAll(text, "-", minus)
}

// interval writes a number with half the width of its interval, both to the second digit
// of the width.
func interval(v, half float64) string {
	if !(half > 0) {
		return number(v)
	}
	after := 1 - int(math.Floor(math.Log10(half)))
	if after < 0 || after > 6 || math.Abs(v) >= 1e6 {
		return number(v) + " ± " + number(half)
	}
	text := strconv.FormatFloat(v, 'f', after, 64) + " ± " + strconv.FormatFloat(half, 'f', after, 64)
	return strings.ReplaceAll(text, "-", minus)
}

// signed writes a difference: with its sign and at most three digits that count.
func signed(v float64) string {
	const digits = 3
	if v > 0 {
		return "+" + shortened(v, digits)
	}
	return shortened(v, digits)
}

// trim takes zeros from the end of decimals.
func trim(text string) string {
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// escape writes text so that it is text in XML whatever is in it. Characters that XML does
// not have, and those that turn the direction of what follows, become U+FFFD: a label must
// not break a file or make another label read differently.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&#39;")
		case r == '\t' || r == '\n' || r == '\r':
			b.WriteByte(' ')
		case r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r&0xfffe == 0xfffe || turns(r):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// turns tells whether a character changes the direction of text around it: the embeddings,
// overrides and isolates of Unicode Standard Annex 9.
func turns(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// label is a text and what of it there is room for.
type label struct{ full, shown string }

// plain is a label that always has room.
func plain(text string) label { return label{text, text} }

// fit cuts a text to about so many units. Fonts differ, so it counts wide.
func fit(text string, room float64, size int) label {
	if textWidth(text, size) <= room {
		return plain(text)
	}
	room -= float64(size) // For the dots.
	var b strings.Builder
	for _, r := range text {
		if room -= runeWidth(r) * float64(size); room < 0 {
			break
		}
		b.WriteRune(r)
	}
	return label{text, strings.TrimSpace(b.String()) + "\u2026"}
}

func textWidth(text string, size int) float64 {
	var sum float64
	for _, r := range text {
		sum += runeWidth(r) * float64(size)
	}
	return sum
}

// runeWidth is about how wide a character is, in parts of the font's size, from the widths
// of common sans-serif fonts.
func runeWidth(r rune) float64 {
	switch {
	case strings.ContainsRune("iljI.,:;'|!()[] ", r):
		return 0.32
	case strings.ContainsRune("mwMW@%\u2026", r):
		return 0.9
	case unicode.Is(unicode.Mn, r):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0x1f000:
		return 1.05
	case unicode.IsUpper(r):
		return 0.68
	default:
		return 0.56
	}
}
