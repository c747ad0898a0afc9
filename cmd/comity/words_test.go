package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"comity/canon"
	"comity/governor/lexicon"
)

// TestWords runs the scripts of testdata/words, which need no consortium.
func TestWords(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/words", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TERM", "dumb")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": bothWays, "once": once},
	})
}

// TestWordsListCarriesTheLexicon recomputes the digest from what the command prints.
func TestWordsListCarriesTheLexicon(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"words", "list", "--json"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var d struct {
		Schema string
		Data   lexiconData
	}
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	digest, err := canon.DigestOf(struct {
		Lexicon string         `json:"lexicon"`
		Terms   []lexicon.Term `json:"terms"`
	}{d.Data.Lexicon, d.Data.Terms})
	if err != nil {
		t.Fatal(err)
	}
	if d.Schema != "comity/words-list@1" || digest.String() != d.Data.Digest || digest.Words() != d.Data.Words {
		t.Errorf("%s: terms have digest %s, printed is %s", d.Schema, digest, d.Data.Digest)
	}
}
