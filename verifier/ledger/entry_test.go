package ledger_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"comity"
	"comity/canon"
	"comity/verifier/ledger"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestEntryIsByteForByteTheGoldenFile(t *testing.T) {
	got := newWorld(t, 2).entries[1]
	const file = "testdata/entry.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("entry differs from %s (-file +signed):\n%s", file, diff)
	}
}

func TestSignedStatementsReadBack(t *testing.T) {
	w := newWorld(t, 0)
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.SampledFrom(parties).Draw(t, "author")
		text, err := canon.Marshal(rapid.String().Filter(func(s string) bool { return strings.ToValidUTF8(s, "") == s }).Draw(t, "text"))
		if err != nil {
			t.Fatal(err)
		}
		s := comity.Statement{
			Body: rapid.StringMatching(`[a-z0-9-]{1,30}`).Draw(t, "body"), Author: id,
			Counter: rapid.IntRange(1, 1<<53-1).Draw(t, "counter"), Kind: comity.KindTick,
			Record: canon.Raw(fmt.Sprintf(`{"checkpoint":%s}`, text)),
		}
		data, err := ledger.Sign(s, w.nodes[id])
		if err != nil {
			t.Fatal(err)
		}
		e, err := ledger.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, e.Statement()); diff != "" {
			t.Fatal(diff)
		}
		for _, other := range parties {
			err := e.Verify(w.nodes[other].Verifier())
			if (other == id) != (err == nil) || err != nil && !errors.Is(err, ledger.ErrSignature) {
				t.Fatalf("statement of %s under the key of %s: %v", id, other, err)
			}
		}
	})
}

func TestEntryRefusesAllButItsOneForm(t *testing.T) {
	w := newWorld(t, 1)
	e := string(w.entries[0])
	before := func(s, part string) string { head, _, _ := strings.Cut(s, part); return head }
	payload := func(change func(string) string) string {
		start := strings.Index(e, `"payload":"`) + len(`"payload":"`)
		end := start + strings.Index(e[start:], `"`)
		text, err := base64.StdEncoding.DecodeString(e[start:end])
		if err != nil {
			t.Fatal(err)
		}
		changed := change(string(text))
		if changed == string(text) {
			t.Fatal("nothing changed")
		}
		return e[:start] + base64.StdEncoding.EncodeToString([]byte(changed)) + e[end:]
	}
	replace := func(old, with string) string {
		return payload(func(s string) string { return strings.Replace(s, old, with, 1) })
	}
	tests := map[string]string{
		"empty":                 "",
		"null":                  "null",
		"no object":             "[]",
		"space":                 e + " ",
		"two documents":         e + e,
		"other type":            strings.Replace(e, "in-toto+json", "in-toto+jsom", 1),
		"capital key":           strings.Replace(e, `"payload"`, `"Payload"`, 1),
		"no signature":          before(e, `"signatures":[`) + `"signatures":[]}`,
		"two signatures":        strings.Replace(e, `"signatures":[`, `"signatures":[{"keyid":"x","sig":""},`, 1),
		"other statement type":  replace("Statement/v1", "Statement/v2"),
		"other predicate type":  replace("statement/v1", "statement/v2"),
		"other digest":          replace(`"sha256":"`, `"sha256":"0`),
		"other digest method":   replace(`"sha256":`, `"sha512":`),
		"other subject":         replace("vaccines-5/KE/1", "vaccines-5/KE/2"),
		"other body":            replace(`"body":"vaccines-5"`, `"body":"vaccines-6"`),
		"other author":          replace(`"author":"KE"`, `"author":"TZ"`),
		"author in small":       replace(`"author":"KE"`, `"author":"ke"`),
		"counter of nought":     replace(`"counter":1`, `"counter":0`),
		"body without a name":   replace(`"body":"vaccines-5"`, `"body":""`),
		"body with a long name": replace(`"body":"vaccines-5"`, `"body":"`+strings.Repeat("x", 101)+`"`),
		"kind without a name":   replace(`"kind":"check"`, `"kind":""`),
		"record changed":        replace(`"size":0`, `"size":1`),
		"record with a space":   replace(`"size":0`, `"size": 0`),
		"record out of order":   replace(`{"about"`, `{"zbout"`),
		"record of null":        payload(func(s string) string { return before(s, `"record":`) + `"record":null},"x":1}` }),
		"field too many":        replace(`{"_type"`, `{"":0,"_type"`),
		"payload of other base": strings.Replace(e, "ey", "e-", 1),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := ledger.Parse([]byte(data)); !errors.Is(err, ledger.ErrMalformed) {
				t.Errorf("got %v, want %v", err, ledger.ErrMalformed)
			}
		})
	}
	large := comity.Statement{Body: "b", Author: "KE", Counter: 1, Kind: comity.KindModel, Record: canon.Raw(`{"a":"` + strings.Repeat("x", 50_000) + `"}`)}
	if _, err := ledger.Sign(large, w.nodes["KE"]); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("an entry above 64 KiB: got %v, want %v", err, ledger.ErrMalformed)
	}
}

func TestFlippedEntryIsRefusedOrNotSigned(t *testing.T) {
	w := newWorld(t, 1)
	data := w.entries[0]
	for bit := range 8 * len(data) {
		flipped := bytes.Clone(data)
		flipped[bit/8] ^= 1 << (bit % 8)
		e, err := ledger.Parse(flipped)
		if err == nil {
			err = e.Verify(w.nodes["KE"].Verifier())
		}
		if !errors.Is(err, ledger.ErrMalformed) && !errors.Is(err, ledger.ErrSignature) {
			t.Fatalf("bit %d of byte %d (%q): %v", bit%8, bit/8, data[bit/8], err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, e := range newWorld(f, 3).entries {
		f.Add(e)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ledger.Parse(data)
		if err != nil {
			if !errors.Is(err, ledger.ErrMalformed) {
				t.Fatalf("an unreadable entry is %v", err)
			}
			return
		}
		if e.Statement().Counter < 1 || e.Statement().Author.Check() != nil {
			t.Fatalf("read %+v", e.Statement())
		}
	})
}
