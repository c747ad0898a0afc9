package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"comity/audit"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/replay"
	"comity/verifier/analytics"
	"comity/verifier/ledger"
	"comity/verifier/secagg"
)

// answeredRound is a question with an answer of every state.
func answeredRound(t *testing.T) replay.Round {
	t.Helper()
	third, err := exact.Ratio(1, 3)
	if err != nil {
		t.Fatal(err)
	}
	one, seven := exact.Int(1), exact.Int(7)
	return replay.Round{
		Name: "2026-11-18/ages", Verified: true, Anchor: "unpinned", Words: "one-two", Kind: replay.Question,
		Members: []party.ID{"BR", "FJ", "KE"}, Sums: 1, Sum: []int64{7, -1}, SumDigest: canon.Sum(nil),
		Answer: &analytics.Answer{
			Kind: "heavy_hitters", Unit: "mg", Members: 3, Remarks: []string{"a remark"},
			Values: []analytics.Value{
				{Name: "rows", State: analytics.Given, Value: &seven, Low: &one, High: &seven},
				{Name: "mean", Group: []analytics.Label{{Column: "sex", Value: "f"}}, State: analytics.Given, Value: &third},
				{Name: "mean", Group: []analytics.Label{{Column: "sex", Value: "m"}}, State: analytics.Withheld},
			},
		},
		Unchecked: []string{"PE gave no fingerprint"}, Checks: []audit.Check{{Name: "log", OK: true, Detail: "9 statements"}},
	}
}

func TestRoundText(t *testing.T) {
	withheld := answeredRound(t)
	withheld.Answer.Withheld = 1
	if text := (roundData{Round: withheld, Lanes: 2, Sum: []string{"7", "-1"}}).text(newTerminal(&bytes.Buffer{}, &bytes.Buffer{})); !strings.Contains(text, "sum     2 numbers of BR, FJ, KE;") {
		t.Errorf("a number is withheld, and the sum beside it is not:\n%s", text)
	}
	var out bytes.Buffer
	if err := newTerminal(&out, &bytes.Buffer{}).verified(answeredRound(t)); err != nil {
		t.Fatal(err)
	}
	want := `2026-11-18/ages
  ok    log           9 statements
  --    not checked: PE gave no fingerprint
sum     7 -1 of BR, FJ, KE;
        ` + canon.Sum(nil).String() + `
answer  heavy hitters over 3 members, mg
  rows: 7 (1 to 7)
  sex f, mean: about 0.3333
  sex m, mean: withheld
  -- a remark
VERIFIED  question of 3 members, self-consistent under the charter
  one-two
Compare these words with a source that you trust, or pin them:
  --charter one-two
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

// A long sum is cut at maxShown numbers, and its digest is of all.
func TestRoundCutsLongSums(t *testing.T) {
	r := answeredRound(t)
	r.Sum = make([]int64, maxShown+1)
	r.Sum[0] = -1 << 60
	var out bytes.Buffer
	terminal := newTerminal(&out, &bytes.Buffer{})
	terminal.json = true
	if err := terminal.verified(r); err != nil {
		t.Fatal(err)
	}
	if err := checkDocument(out.Bytes(), 0); err != nil {
		t.Fatal(err)
	}
	var d struct {
		Data struct {
			Round, Kind string
			Verified    bool
			Members     []party.ID
			Lanes       int
			Sum         []string
			Digest      canon.Digest `json:"sum_digest"`
			Answer      analytics.Answer
			Checks      []audit.Check
		}
	}
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	g := d.Data
	if len(g.Sum) != maxShown || g.Lanes != maxShown+1 || g.Sum[0] != "-1152921504606846976" || g.Digest != r.SumDigest {
		t.Errorf("%d of %d numbers, the first %s, digest %s", len(g.Sum), g.Lanes, g.Sum[0], g.Digest)
	}
	if g.Round != r.Name || g.Kind != "question" || !g.Verified || !slices.Equal(g.Members, r.Members) || len(g.Answer.Values) != 3 || len(g.Checks) != 1 {
		t.Errorf("%+v", g)
	}
}

// A round that fails a check is shown with it, and has the code of its cause.
func TestRoundFails(t *testing.T) {
	for cause, exit := range map[error]int{
		fmt.Errorf("blob: %w", ledger.ErrAltered):       12,
		replay.ErrIncomplete:                            12,
		fmt.Errorf("round: %w", secagg.ErrFingerprint):  12,
		ledger.ErrWitnesses:                             14,
		fmt.Errorf("%w: lanes", replay.ErrDiffers):      41,
		fmt.Errorf("gone: %w", replay.ErrUnreachable):   69,
		errors.Join(errInterrupted, errors.New("stop")): 130,
	} {
		r := answeredRound(t)
		r.Verified, r.Err, r.Answer = false, cause, nil
		r.Checks = append(r.Checks, audit.Check{Name: "fingerprints", Detail: cause.Error()})
		for _, asJSON := range []bool{false, true} {
			var out, log bytes.Buffer
			terminal := newTerminal(&out, &log)
			terminal.json = asJSON
			if got := terminal.fail(terminal.verified(r)); got != exit {
				t.Errorf("%v has code %d, want %d", cause, got, exit)
			}
			if text := out.String(); asJSON != strings.Contains(text, `"verified":false`) || asJSON == strings.Contains(text, "  FAIL  fingerprints  ") {
				t.Errorf("%v with JSON %t prints\n%s", cause, asJSON, text)
			}
		}
	}
}
