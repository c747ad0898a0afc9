package main

import (
	"fmt"
	"strconv"
	"strings"
)

// textWidth is how wide text for people is, in characters: a terminal has 80.
const textWidth = 78

func abs(x int64) int64 { return max(x, -x) }

// millionths writes millionths with three decimals.
func millionths(x int64) string { return fmt.Sprintf("%d.%03d", x/1_000_000, x%1_000_000/1000) }

// bytesText writes a size for people.
func bytesText(n int64) string {
	if n < 1_000_000 {
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d.%d MB", n/1_000_000, n%1_000_000/100_000)
}

// grouped writes a whole number with commas.
func grouped(n int64) string {
	digits := strconv.FormatInt(abs(n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n < 0 {
		return "-" + digits
	}
	return digits
}

// count writes a number of things: "1 round", "98 sums", "251 entries".
func count(n int, singular string) string {
	if n == 1 {
		return "1 " + singular
	}
	if stem, ok := strings.CutSuffix(singular, "y"); ok {
		return grouped(int64(n)) + " " + stem + "ies"
	}
	return grouped(int64(n)) + " " + singular + "s"
}

// sentenceCase makes the first letter of an English text a capital.
func sentenceCase(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// hang breaks a text at spaces into lines of textWidth. It begins after prefix, and
// all its lines begin in the same column.
func hang(prefix, text string) string {
	indent := strings.Repeat(" ", len(prefix))
	var b strings.Builder
	b.WriteString(prefix)
	column := len(prefix)
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && column+1+len(word) > textWidth:
			b.WriteString("\n" + indent)
			column = len(indent)
		case i > 0:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// quoted writes an argument so that a POSIX shell reads it back as one word.
func quoted(argument string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=@%+"
	if argument != "" && strings.Trim(argument, safe) == "" {
		return argument
	}
	return "'" + strings.ReplaceAll(argument, "'", `'\''`) + "'"
}

// command writes a command line that can be copied into a shell.
func command(arguments ...string) string {
	out := []string{"comity"}
	for _, a := range arguments {
		out = append(out, quoted(a))
	}
	return strings.Join(out, " ")
}
