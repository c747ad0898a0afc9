package main

import (
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", 14_220_168: "14,220,168", -999_999: "-999,999"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 sums", 1: "1 sum", 1234: "1,234 sums"} {
		if got := count(n, "sum"); got != want {
			t.Errorf("count(%d) = %s, want %s", n, got, want)
		}
	}
	if got := count(2, "entry"); got != "2 entries" {
		t.Errorf("count(2, entry) = %s", got)
	}
}

// TestQuotedSurvivesAShell asks a real shell.
func TestQuotedSurvivesAShell(t *testing.T) {
	for _, argument := range []string{"", "plain", "two words", "it's", `"$HOME" \ * ? [a] ~ ; & | < > ( ) !`, "-", "ä\tö\nü", "'''"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s. "+quoted(argument)).Output()
		if err != nil || string(out) != argument+"." {
			t.Errorf("%q comes back as %q, %v", argument, out, err)
		}
	}
}

func TestHangKeepsEveryWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,30}`), 1, 60).Draw(t, "words"), " ")
		got := hang("1. ", text)
		if strings.Join(strings.Fields(got), " ") != "1. "+text {
			t.Fatalf("hang changed the words: %q", got)
		}
		for line := range strings.Lines(got) {
			if len(strings.TrimSuffix(line, "\n")) > textWidth {
				t.Fatalf("a line of %d characters: %q", len(line), line)
			}
		}
	})
}

func TestJoinWords(t *testing.T) {
	const words = "glacier warbler shamrock friend dumpling pyramid atlas escort"
	joined := strings.ReplaceAll(words, " ", "-")
	for _, tt := range []struct{ in, want []string }{
		{append([]string{"a", "--charter"}, append(strings.Fields(words), "file")...), []string{"a", "--charter", joined, "file"}},
		{[]string{"--charter", joined, "file"}, []string{"--charter", joined, "file"}},
		{[]string{"--charter", words}, []string{"--charter", words}},
		{append([]string{"--charter"}, strings.Fields(words)[:7]...), append([]string{"--charter"}, strings.Fields(words)[:7]...)},
		{[]string{"--charter"}, []string{"--charter"}},
	} {
		if got := joinWords(tt.in); strings.Join(got, "|") != strings.Join(tt.want, "|") {
			t.Errorf("joinWords(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
