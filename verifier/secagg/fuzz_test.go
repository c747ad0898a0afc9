package secagg

import (
	"bytes"
	"testing"

	"comity/canon"
	"comity/verifier/secagg/internal/lane"
	"comity/verifier/secagg/internal/wire"
)

// Each parser takes any bytes, and what it takes it writes back byte for byte: no two
// byte sequences mean one message.

func FuzzParseUpload(f *testing.F) {
	fed := newFederation(f, 3)
	u, err := fed.members[fed.ids[0]].Upload("tree/1", 32, []int64{1, -2, 3})
	must(f, err)
	f.Add(u.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if u, err := ParseUpload(data); err == nil && !bytes.Equal(u.Bytes(), data) {
			t.Fatalf("%x writes back as %x", data, u.Bytes())
		}
	})
}

func FuzzParseCommitments(f *testing.F) {
	f.Add(Commitments{List: make([]Commitment, 3)}.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := ParseCommitments(data); err == nil && !bytes.Equal(c.Bytes(), data) {
			t.Fatalf("%x writes back as %x", data, c.Bytes())
		}
	})
}

func FuzzParseReveal(f *testing.F) {
	f.Add(Reveal{Self: [keySize]byte{1}}.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := ParseReveal(data); err == nil && !bytes.Equal(v.Bytes(), data) {
			t.Fatalf("%x writes back as %x", data, v.Bytes())
		}
	})
}

func FuzzParseBroadcast(f *testing.F) {
	for _, s := range []Step{{"a", 32, 3}, {"a", 64, 2}} {
		f.Add(Broadcast{Reveals: make([][keySize]byte, 3), Sum: Sum{lane.New(s.shape()), make([]byte, s.words())}.Bytes()}.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBroadcast(data)
		if err != nil {
			return
		}
		if !bytes.Equal(b.Bytes(), data) {
			t.Fatalf("%x writes back as %x", data, b.Bytes())
		}
		sum, err := ParseSum(b.Sum)
		if err != nil || !bytes.Equal(sum.Bytes(), b.Sum) {
			t.Fatalf("%x: sum writes back as %x: %v", data, sum.Bytes(), err)
		}
	})
}

func FuzzParsePairs(f *testing.F) {
	p := &Pairs{}
	p.Set("AA", [keySize]byte{1})
	f.Add(p.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := ParsePairs(data); err == nil && !bytes.Equal(p.Bytes(), data) {
			t.Fatalf("%x writes back as %x", data, p.Bytes())
		}
	})
}

func FuzzJournalEntry(f *testing.F) {
	fed := newFederation(f, 3)
	fed.upload(f, small(), fed.randomInputs(small(), 1), fed.ids)
	fed.reveal(f, fed.commitments(f), fed.ids)
	for _, e := range fed.journals[fed.ids[0]].entries {
		f.Add(e)
	}
	start := fed.journals[fed.ids[0]].entries[0]
	r := wire.Reader{Data: start, At: len(magicJournal) + 1}
	binding := r.Digest()
	f.Fuzz(func(_ *testing.T, data []byte) {
		for _, entries := range [][][]byte{{data}, {start, data}} {
			_, _ = remember(&notebook{entries: entries}, binding, nil)
		}
	})
}

func FuzzParseTranscript(f *testing.F) {
	fed := newFederation(f, 3)
	fed.step(f, small(), fed.randomInputs(small(), 1))
	data, err := canon.Marshal(fed.hub.Transcript())
	must(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := ParseTranscript(data)
		if err != nil {
			return
		}
		if again, err := canon.Marshal(tr); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%s writes back as %s: %v", data, again, err)
		}
		e := Evidence{
			Plan: tr.Plan, Cohorts: tr.Cohorts,
			Blob: func(canon.Digest) ([]byte, error) { return nil, errNotKept },
		}
		_ = VerifyTranscript(tr, e) // It may refuse; it must not panic.
	})
}
