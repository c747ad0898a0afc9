package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/ledger"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "log.example/vaccines-5"

// world is a body with one log, three parties and their witnesses; the hub belongs
// to KE, whose witness is listed and must not count.
type world struct {
	logKey    party.Key
	nodes     map[party.ID]party.Key
	witnesses []party.Key // KE, TZ, UG, RW.
	charter   comity.Charter
	entries   [][]byte
}

var parties = []party.ID{"KE", "RW", "TZ", "UG"}

func newKey(t testing.TB, name string) party.Key {
	t.Helper()
	k, err := party.NewKey(name, secretOf(name))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// secretOf returns the same secret for a name in every run, for golden files.
func secretOf(name string) io.Reader {
	var seed [32]byte
	copy(seed[:], name)
	return rand.NewChaCha8(seed)
}

func newWorld(t testing.TB, entries int) *world {
	t.Helper()
	w := &world{logKey: newKey(t, origin), nodes: map[party.ID]party.Key{}}
	w.charter = comity.Charter{Comity: "charter/v1", ID: "vaccines-5", Version: 1, Parties: []comity.Party{}}
	for _, id := range parties {
		w.nodes[id] = newKey(t, "node.example/"+string(id))
		witness := newKey(t, party.WitnessName(id))
		w.witnesses = append(w.witnesses, witness)
		w.charter.Parties = append(w.charter.Parties, comity.Party{ID: id, Node: comity.Node{Key: w.nodes[id].Verifier()}})
		w.charter.Transparency.Witnesses.Of = append(w.charter.Transparency.Witnesses.Of, witness.Cosigner())
	}
	w.charter.Transparency.Log = comity.LogClause{Origin: origin, Key: w.logKey.Verifier(), Operator: "KE"}
	w.charter.Transparency.Witnesses.Threshold = 2
	for i := range entries {
		s := w.statement(i)
		w.entries = append(w.entries, w.sign(t, s))
	}
	return w
}

func (w *world) statement(i int) comity.Statement {
	return comity.Statement{
		Body: "vaccines-5", Charter: canon.Sum([]byte(sealed)), Author: parties[i%4], Counter: 1 + i/4, Kind: comity.KindCheck,
		Record: canon.Raw(fmt.Sprintf(`{"about":"%v","size":%d,"state":"%v"}`, canon.Sum(problem), i, canon.Sum(nil))),
	}
}

func (w *world) sign(t testing.TB, s comity.Statement) []byte {
	t.Helper()
	e, err := ledger.Sign(s, w.nodes[s.Author])
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (w *world) policy() ledger.Policy { return ledger.PolicyOf(w.charter) }

// hashes returns the stored hashes of the log's entries.
func (w *world) hashes(t testing.TB) tlog.HashReader {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for i, e := range w.entries {
		h, err := tlog.StoredHashes(int64(i), e, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, h...)
	}
	return reader
}

// text returns the note text of a checkpoint of the first size entries.
func (w *world) text(t testing.TB, size int64) string {
	t.Helper()
	root, err := tlog.TreeHash(size, w.hashes(t))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s\n%d\n%v\n", origin, size, root)
}

// publish returns text signed by the log and cosigned by the given witnesses, all at
// different times.
func publish(t testing.TB, text string, log party.Key, witnesses ...party.Key) []byte {
	t.Helper()
	signer, err := note.NewSigner(log.Skey())
	if err != nil {
		t.Fatal(err)
	}
	data, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		t.Fatal(err)
	}
	signed := bytes.Clone(data)
	for i, k := range witnesses {
		line, err := ledger.Cosign(k, signed, 1_790_000_000+int64(i))
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, line...)
	}
	return data
}

// sealed stands for a charter where its own fields do not matter.
const sealed = `{"comity":"charter/v1"}`

var problem = []byte(`{"scale":"1"}`)

// receipt returns a valid receipt for the entry at index.
func (w *world) receipt(t testing.TB, index int64) ledger.Receipt {
	t.Helper()
	size := int64(len(w.entries))
	proof, err := tlog.ProveRecord(size, index, w.hashes(t))
	if err != nil {
		t.Fatal(err)
	}
	charter, err := canon.Marshal(w.charter)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Receipt{
		Extra:      ledger.Extra{Entry: w.entries[index], Charter: charter, Problem: problem},
		Index:      index,
		Proof:      proof,
		Checkpoint: publish(t, w.text(t, size), w.logKey, w.witnesses[1:3]...),
	}
}

var errAnchor = errors.New("another charter or problem")

// verify does what package audit does with a receipt under a pinned charter.
func verify(data []byte, anchor canon.Digest) error {
	r, err := ledger.ReadReceipt(data)
	if err != nil {
		return err
	}
	if canon.Sum(r.Extra.Charter) != anchor || !bytes.Equal(r.Extra.Problem, problem) {
		return errAnchor
	}
	charter, err := r.Charter()
	if err != nil {
		return err
	}
	if _, err := r.CheckInclusion(ledger.PolicyOf(charter)); err != nil {
		return err
	}
	author := r.Entry().Statement().Author
	for _, p := range charter.Parties {
		if p.ID == author {
			return r.Entry().Verify(p.Node.Key)
		}
	}
	return ledger.ErrSignature
}
