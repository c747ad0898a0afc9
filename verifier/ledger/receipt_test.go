package ledger_test

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/ledger"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
)

var update = flag.Bool("update", false, "rewrite golden files")

func written(t testing.TB, r ledger.Receipt) []byte {
	t.Helper()
	data, err := ledger.WriteReceipt(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func anchorOf(t testing.TB, c comity.Charter) canon.Digest {
	t.Helper()
	d, err := canon.DigestOf(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryReceiptOfALogVerifies(t *testing.T) {
	for _, size := range []int{1, 2, 3, 8, 21} {
		w := newWorld(t, size)
		for i := range size {
			if err := verify(written(t, w.receipt(t, int64(i))), anchorOf(t, w.charter)); err != nil {
				t.Fatalf("entry %d of %d: %v", i, size, err)
			}
		}
	}
}

func TestReceiptIsByteForByteTheGoldenFile(t *testing.T) {
	r := newWorld(t, 11).receipt(t, 4)
	r.Extra.Charter = canon.Raw(sealed)
	data := written(t, r)
	const file = "testdata/receipt.tlog-proof"
	if *update {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(data)); diff != "" {
		t.Errorf("receipt differs from %s (-file +written):\n%s", file, diff)
	}
}

func TestAnyFlippedBitIsRefused(t *testing.T) {
	w := newWorld(t, 21)
	data, anchor := written(t, w.receipt(t, 9)), anchorOf(t, w.charter)
	// The seed is fixed so that a failure can be replayed.
	coin := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		bit := coin.IntN(8 * len(data))
		flipped := bytes.Clone(data)
		flipped[bit/8] ^= 1 << (bit % 8)
		if verify(flipped, anchor) == nil {
			t.Fatalf("bit %d of byte %d (%q) may be flipped", bit%8, bit/8, data[bit/8])
		}
	}
	// The checkpoint is where spare bits would hide: every bit of it.
	for bit := 8 * bytes.LastIndex(data, []byte("\n\n"+origin)); bit < 8*len(data); bit++ {
		flipped := bytes.Clone(data)
		flipped[bit/8] ^= 1 << (bit % 8)
		if verify(flipped, anchor) == nil {
			t.Fatalf("bit %d of byte %d (%q) may be flipped", bit%8, bit/8, data[bit/8])
		}
	}
}

func TestTruncatedOrExtendedReceiptIsRefused(t *testing.T) {
	w := newWorld(t, 5)
	data, anchor := written(t, w.receipt(t, 3)), anchorOf(t, w.charter)
	for n := range data {
		if verify(data[:n], anchor) == nil {
			t.Fatalf("the first %d of %d bytes pass", n, len(data))
		}
	}
	for _, more := range []string{"\n", " ", "x", "— a b\n"} {
		if verify(append(bytes.Clone(data), more...), anchor) == nil {
			t.Errorf("%q may be appended", more)
		}
	}
}

func TestEachAlteredFieldHasItsError(t *testing.T) {
	w := newWorld(t, 21)
	other := newWorld(t, 21)
	stranger := newKey(t, "stranger")
	foreign := newKey(t, origin+"x")
	reencode := func(r *ledger.Receipt, s comity.Statement, k party.Key) {
		e, err := ledger.Sign(s, k)
		if err != nil {
			t.Fatal(err)
		}
		r.Extra.Entry = e
	}
	tests := map[string]struct {
		change func(r *ledger.Receipt)
		want   error
	}{
		"entry of another index": {func(r *ledger.Receipt) { r.Extra.Entry = w.entries[3] }, ledger.ErrProof},
		"record changed and signed again": {func(r *ledger.Receipt) {
			s := w.statement(9)
			s.Counter++
			reencode(r, s, w.nodes[s.Author])
		}, ledger.ErrProof},
		"index moved":           {func(r *ledger.Receipt) { r.Index++ }, ledger.ErrProof},
		"index beyond the tree": {func(r *ledger.Receipt) { r.Index = 21 }, ledger.ErrProof},
		"proof hash changed":    {func(r *ledger.Receipt) { r.Proof[0][7] ^= 1 }, ledger.ErrProof},
		"proof too short":       {func(r *ledger.Receipt) { r.Proof = r.Proof[1:] }, ledger.ErrProof},
		"proof too long":        {func(r *ledger.Receipt) { r.Proof = append(r.Proof, tlog.Hash{}) }, ledger.ErrProof},
		"no proof":              {func(r *ledger.Receipt) { r.Proof = nil }, ledger.ErrProof},
		"root changed": {func(r *ledger.Receipt) {
			r.Checkpoint = bytes.Replace(r.Checkpoint, []byte("\n21\n"), []byte("\n22\n"), 1)
		}, ledger.ErrAltered},
		"checkpoint of an earlier tree": {func(r *ledger.Receipt) {
			r.Checkpoint = publish(t, w.text(t, 12), w.logKey, w.witnesses[1:3]...)
		}, ledger.ErrProof},
		"log key of somebody else": {func(r *ledger.Receipt) {
			r.Checkpoint = publish(t, w.text(t, 21), stranger, w.witnesses[1:]...)
		}, ledger.ErrLogKey},
		"origin of another log": {func(r *ledger.Receipt) {
			text := bytes.Replace([]byte(w.text(t, 21)), []byte(origin), []byte(origin+"x"), 1)
			r.Checkpoint = publish(t, string(text), foreign, w.witnesses[1:]...)
		}, ledger.ErrOrigin},
		"one witness": {func(r *ledger.Receipt) {
			r.Checkpoint = publish(t, w.text(t, 21), w.logKey, w.witnesses[1])
		}, ledger.ErrWitnesses},
		"one witness twice": {func(r *ledger.Receipt) {
			r.Checkpoint = publish(t, w.text(t, 21), w.logKey, w.witnesses[1], w.witnesses[1])
		}, ledger.ErrWitnesses},
		"one witness and the operator's": {func(r *ledger.Receipt) {
			r.Checkpoint = publish(t, w.text(t, 21), w.logKey, w.witnesses[0], w.witnesses[1])
		}, ledger.ErrWitnesses},
		"one witness and a stranger": {func(r *ledger.Receipt) {
			r.Checkpoint = publish(t, w.text(t, 21), w.logKey, w.witnesses[1], stranger)
		}, ledger.ErrWitnesses},
		"enough witnesses and a stranger": {func(r *ledger.Receipt) {
			r.Checkpoint = publish(t, w.text(t, 21), w.logKey, w.witnesses[1], w.witnesses[2], stranger)
		}, ledger.ErrAltered},
		"more witnesses than asked for": {func(r *ledger.Receipt) {
			r.Checkpoint = publish(t, w.text(t, 21), w.logKey, w.witnesses[1:]...)
		}, ledger.ErrAltered},
		"witnesses in another order": {func(r *ledger.Receipt) {
			r.Checkpoint = publish(t, w.text(t, 21), w.logKey, w.witnesses[2], w.witnesses[1])
		}, ledger.ErrAltered},
		"a cosignature on another tree": {func(r *ledger.Receipt) {
			earlier := publish(t, w.text(t, 12), w.logKey, w.witnesses[1], w.witnesses[2])
			lines := bytes.SplitAfter(earlier, []byte("\n"))
			r.Checkpoint = bytes.Join([][]byte{publish(t, w.text(t, 21), w.logKey), lines[5], lines[6]}, nil)
		}, ledger.ErrAltered},
		"signed by somebody else": {func(r *ledger.Receipt) {
			s := w.statement(9)
			*r = resign(t, other, s, 9, w.nodes["UG"])
		}, ledger.ErrSignature},
		"signed under the author's key name": {func(r *ledger.Receipt) {
			s := w.statement(9)
			*r = resign(t, other, s, 9, sameName(t, w.nodes[s.Author].Name()))
		}, ledger.ErrSignature},
		"another charter":       {func(r *ledger.Receipt) { r.Extra.Charter = canon.Raw(`{}`) }, errAnchor},
		"another problem":       {func(r *ledger.Receipt) { r.Extra.Problem = canon.Raw(`{"scale":"2"}`) }, errAnchor},
		"problem taken out":     {func(r *ledger.Receipt) { r.Extra.Problem = nil }, errAnchor},
		"problem of null":       {func(r *ledger.Receipt) { r.Extra.Problem = canon.Raw(`null`) }, ledger.ErrMalformed},
		"entry taken out":       {func(r *ledger.Receipt) { r.Extra.Entry = nil }, ledger.ErrMalformed},
		"checkpoint without \n": {func(r *ledger.Receipt) { r.Checkpoint = bytes.TrimSpace(r.Checkpoint) }, ledger.ErrMalformed},
		"checkpoint taken out":  {func(r *ledger.Receipt) { r.Checkpoint = nil }, ledger.ErrMalformed},
		"negative index":        {func(r *ledger.Receipt) { r.Index = -1 }, ledger.ErrMalformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := w.receipt(t, 9)
			if err := verify(written(t, r), anchorOf(t, w.charter)); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			test.change(&r)
			data, err := ledger.WriteReceipt(r)
			if err == nil {
				err = verify(data, anchorOf(t, w.charter))
			}
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// resign returns a receipt in which statement s, signed by k, really was logged.
func resign(t testing.TB, w *world, s comity.Statement, index int64, k party.Key) ledger.Receipt {
	t.Helper()
	e, err := ledger.Sign(s, k)
	if err != nil {
		t.Fatal(err)
	}
	w.entries[index] = e
	return w.receipt(t, index)
}

func sameName(t testing.TB, name string) party.Key {
	t.Helper()
	k, err := party.NewKey(name, rand.NewChaCha8([32]byte{9}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSpareBitsOfBase64AreRefused(t *testing.T) {
	w := newWorld(t, 5)
	data, anchor := written(t, w.receipt(t, 3)), anchorOf(t, w.charter)
	tried := 0
	for at := 1; at < len(data); at++ {
		if data[at] != '=' || data[at-1] == '=' {
			continue
		}
		// The last sign before the padding carries bits that decode to nothing.
		changed := bytes.Clone(data)
		const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		value := bytes.IndexByte([]byte(signs), data[at-1])
		if value < 0 {
			continue
		}
		changed[at-1] = signs[value^1]
		tried++
		if err := verify(changed, anchor); err == nil {
			t.Errorf("spare bit before byte %d passes", at)
		}
	}
	if tried < 3 {
		t.Fatalf("only %d paddings found in\n%s", tried, data)
	}
}

func FuzzReadReceipt(f *testing.F) {
	w := newWorld(f, 5)
	f.Add(written(f, w.receipt(f, 3)))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra e30=\nindex 0\n\n" + origin + "\n"))
	anchor := anchorOf(f, w.charter)
	valid := written(f, w.receipt(f, 3))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ledger.ReadReceipt(data)
		if err != nil {
			return
		}
		again, err := ledger.WriteReceipt(r)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("a receipt that was read is written otherwise: %v", err)
		}
		if verify(data, anchor) == nil && !bytes.Equal(data, valid) {
			t.Fatalf("a forged receipt passes")
		}
	})
}
