package canon

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWordList(t *testing.T) {
	list := words()
	if len(list) != 2048 || !slices.IsSorted(list) {
		t.Fatalf("%d words, sorted: %v; want 2048, true", len(list), slices.IsSorted(list))
	}
	// Words that were once read aloud must mean the same digest for ever.
	const golden = "sha256:a591f9824cb0ef6eb9f38095ed4f5d9744e28307317886fd4cddef8825996757"
	if d := Sum([]byte(strings.Join(list, "\n") + "\n")); d.String() != golden {
		t.Errorf("the list has digest %s, want %s", d, golden)
	}
	prefix := map[string]string{}
	for _, w := range list {
		if len(w) < 5 || len(w) > 8 || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("%q is not 5 to 8 letters from a to z", w)
		}
		if other, ok := prefix[w[:4]]; ok {
			t.Errorf("%q and %q begin alike", w, other)
		}
		prefix[w[:4]] = w
	}
	// One slip: whatever is left after taking out one letter (or two that were
	// swapped) marks the neighbours of a word.
	marks := map[string]string{}
	for _, w := range list {
		own := map[string]bool{w: true}
		for i := range w {
			own[w[:i]+w[i+1:]] = true     // Missing or added.
			own[w[:i]+"?"+w[i+1:]] = true // Changed.
			if i+1 < len(w) {
				own[w[:i]+w[i+1:i+2]+w[i:i+1]+w[i+2:]] = true // Swapped.
			}
		}
		for mark := range own {
			other, ok := marks[mark]
			// Two deletions may meet although the words are two slips apart.
			if ok && (strings.Contains(mark, "?") || mark == w || mark == other) {
				t.Errorf("%q and %q are one slip apart", w, other)
			}
			marks[mark] = w
		}
	}
}

// The words are the digest as a number, in base 2048.
func TestWordsAreBase2048(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDigest(t)
		n := new(big.Int).Rsh(new(big.Int).SetBytes(d[:]), 256-88)
		var want []string
		for range 8 {
			digit := new(big.Int)
			n.DivMod(n, big.NewInt(2048), digit)
			want = append(want, words()[digit.Int64()])
		}
		slices.Reverse(want)
		if got := d.Words(); got != strings.Join(want, "-") {
			t.Fatalf("%s has words %s, want %s", d, got, strings.Join(want, "-"))
		}
	})
}

func drawDigest(t *rapid.T) Digest {
	return Digest(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest"))
}

func TestAnchorMatchesItsDigestAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDigest(t)
		d[31] |= 1
		bit := rapid.IntRange(0, 87).Draw(t, "bit")
		other := d
		other[bit/8] ^= 0x80 >> (bit % 8)
		for _, text := range []string{
			d.String(), d.Words(), strings.ToUpper(d.Words()),
			" " + strings.ReplaceAll(d.Words(), "-", "  ") + "\n",
		} {
			a, err := ParseAnchor(text)
			if err != nil {
				t.Fatal(err)
			}
			if !a.Matches(d) || a.Matches(other) {
				t.Fatalf("anchor %q matches its digest: %v, another: %v", text, a.Matches(d), a.Matches(other))
			}
			again, err := ParseAnchor(a.String())
			if err != nil || again != a {
				t.Fatalf("anchor %q reads back as %v, %v", a, again, err)
			}
		}
	})
}

func TestAnchorRefusals(t *testing.T) {
	good := Sum(nil).Words()
	first, _, _ := strings.Cut(good, "-")
	for _, text := range []string{
		"", good + "-abacus", strings.TrimPrefix(good, first), strings.Repeat("abacus ", 7) + "abacos",
		"sha256:00", "SHA256:" + Sum(nil).Hex(), "sha256:" + strings.ToUpper(Sum(nil).Hex()), strings.Repeat("-", 300),
	} {
		if a, err := ParseAnchor(text); !errors.Is(err, ErrDigest) {
			t.Errorf("ParseAnchor(%q) = %v, %v; want ErrDigest", text, a, err)
		}
	}
	if (Anchor{}).Matches(Digest{}) {
		t.Error("an anchor that was never set matches")
	}
	if _, err := ParseAnchor(strings.Repeat("abacus ", 7) + "abacos"); err == nil || !strings.Contains(err.Error(), `"abacus"`) {
		t.Errorf("no suggestion in %v", err)
	}
}

func FuzzParseAnchor(f *testing.F) {
	f.Add(Sum(nil).Words())
	f.Add(Sum(nil).String())
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAnchor(text)
		if err != nil {
			return
		}
		if again, err := ParseAnchor(a.String()); err != nil || again != a {
			t.Fatalf("%q reads as %v, then as %v, %v", text, a, again, err)
		}
	})
}
