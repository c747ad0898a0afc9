package tlog_test

import (
	"fmt"
	"strings"
	"testing"

	"comity"
	"comity/adapter/tlog"
	"comity/canon"
	"comity/party/partytest"
	"comity/verifier/ledger"

	"filippo.io/torchwood"
	"github.com/transparency-dev/formats/proof"
	merkle "golang.org/x/mod/sumdb/tlog"
)

// TestOtherImplementationsAcceptOurReceipts gives a receipt of a live log to two
// independent readers of C2SP formats.
func TestOtherImplementationsAcceptOurReceipts(t *testing.T) {
	t.Parallel()
	s := newSetting(t, 4, 3)
	l := s.open(t)
	author := partytest.Key(t, "node.example/KE")
	var entries [][]byte
	for i := range 9 {
		e, err := ledger.Sign(comity.Statement{
			Body: "test", Author: "KE", Counter: i + 1, Kind: comity.KindTick, Record: canon.Raw(`{}`),
		}, author)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	indexes, err := l.AppendAll(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := l.Witnessed(t.Context(), indexes[8])
	if err != nil {
		t.Fatal(err)
	}
	path, err := l.Prove(t.Context(), indexes[5], checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := ledger.WriteReceipt(ledger.Receipt{
		Extra: ledger.Extra{Entry: entries[5], Charter: canon.Raw(`{}`)}, Index: indexes[5], Proof: path, Checkpoint: checkpoint,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := ledger.ReadReceipt(receipt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.CheckInclusion(l.Policy()); err != nil {
		t.Errorf("our own reader: %v", err)
	}
	policy, err := torchwood.ParsePolicy([]byte(policyText(s.config)))
	if err != nil {
		t.Fatal(err)
	}
	if err := torchwood.VerifyProof(policy, merkle.RecordHash(entries[5]), receipt); err != nil {
		t.Errorf("torchwood: %v", err)
	}
	if err := torchwood.VerifyProof(policy, merkle.RecordHash(entries[4]), receipt); err == nil {
		t.Error("torchwood accepts another entry, so it proves nothing here")
	}
	var other proof.TLogProof
	if err := other.Unmarshal(receipt); err != nil || other.Index != 5 {
		t.Errorf("transparency-dev/formats: index %d: %v", other.Index, err)
	}
}

// policyText writes the policy as https://c2sp.org/tlog-policy has it.
func policyText(c tlog.Config) string {
	var b strings.Builder
	names := make([]string, 0, len(c.Witnesses))
	fmt.Fprintf(&b, "log %s\n", c.Key.Verifier())
	for i, w := range c.Witnesses {
		names = append(names, fmt.Sprintf("w%d", i))
		fmt.Fprintf(&b, "witness w%d %s\n", i, w.Key)
	}
	fmt.Fprintf(&b, "group all-of-them %d %s\nquorum all-of-them\n", c.Threshold, strings.Join(names, " "))
	return b.String()
}
