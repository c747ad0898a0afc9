package oneshot

import (
	"bytes"
	"testing"

	"comity"
	"comity/canon"
	"comity/verifier/secagg/internal/wire"
)

// Each parser takes any bytes, and what it takes it writes back byte for byte: no two
// byte sequences mean one message.

func FuzzParseBundle(f *testing.F) {
	w := newWorld(f, terms(), 3)
	_, b, err := w.members[w.ids()[0]].Deal()
	must(f, err)
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := ParseBundle(data); err == nil && !bytes.Equal(b.Bytes(), data) {
			t.Fatalf("%x writes back as %x", data, b.Bytes())
		}
	})
}

func FuzzParseParcels(f *testing.F) {
	w := newWorld(f, terms(), 3)
	w.deal(f, w.ids())
	p, err := w.hub.Parcels(w.ids()[1])
	must(f, err)
	f.Add(p.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseParcels(data)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Bytes(), data) {
			t.Fatalf("%x writes back as %x", data, p.Bytes())
		}
		_, _ = w.members[w.ids()[1]].Take(w.log.Deals, p) // It may refuse; it must not panic.
	})
}

func FuzzParseUpload(f *testing.F) {
	f.Add(Upload{Masked: []byte{1, 2, 3, 4}}.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if u, err := ParseUpload(data); err == nil && !bytes.Equal(u.Bytes(), data) {
			t.Fatalf("%x writes back as %x", data, u.Bytes())
		}
	})
}

// blobs of two rounds: with and without a member that fell out.
func seeds(f *testing.F, pick func(w *world) []byte) {
	f.Helper()
	for _, gone := range [][]int{nil, {8}} {
		w := unmasking(f, 9, gone...)
		w.unmask(f, w.log.Survivors.Members)
		w.finish(f)
		f.Add(pick(w))
	}
}

func FuzzParseMasked(f *testing.F) {
	seeds(f, func(w *world) []byte { return w.blobs[w.log.Survivors.Masked] })
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := ParseMasked(data); err == nil && !bytes.Equal(m.Bytes(), data) {
			t.Fatalf("%x writes back as %x", data, m.Bytes())
		}
	})
}

func FuzzParseSum(f *testing.F) {
	seeds(f, func(w *world) []byte { return w.outcome.Sum })
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := ParseSum(data); err == nil && (!bytes.Equal(s.Bytes(), data) || len(s.Values()) == 0) {
			t.Fatalf("%x writes back as %x", data, s.Bytes())
		}
	})
}

func FuzzParseOpening(f *testing.F) {
	seeds(f, func(w *world) []byte { return w.outcome.Opening })
	f.Fuzz(func(t *testing.T, data []byte) {
		if o, err := ParseOpening(data); err == nil && !bytes.Equal(o.Bytes(), data) {
			t.Fatalf("%x writes back as %x", data, o.Bytes())
		}
	})
}

// Evidence comes from outside as a whole: whatever its blobs hold, a check only refuses.
func FuzzVerify(f *testing.F) {
	w := finished(f)
	masked, opening := w.blobs[w.log.Survivors.Masked], w.outcome.Opening
	f.Add(masked, opening, int64(1), []byte{1})
	f.Fuzz(func(_ *testing.T, masked, opening []byte, point int64, share []byte) {
		e := w.evidence()
		e.Survivors.Masked, e.Result.Opening = canon.Sum(masked), canon.Sum(opening)
		digest, err := canon.DigestOf(e.Survivors)
		if err != nil {
			return
		}
		e.Result.Survivors = digest
		for _, id := range e.Survivors.Members[:6] {
			u := e.Unmasks[id]
			u.Survivors, u.Points = digest, []canon.Int{canon.Int(point), 2}
			u.Shares = append([][]byte{share}, u.Shares[1:]...)
			e.Unmasks[id] = u
		}
		e.Blob = func(d canon.Digest) ([]byte, error) {
			switch d {
			case e.Survivors.Masked:
				return masked, nil
			case e.Result.Opening:
				return opening, nil
			}
			return nil, errNotKept
		}
		_, _ = Verify(e)
		_, _ = Blame(e)
	})
}

// A complaint is a record from the log: whatever it says, it is settled.
func FuzzComplaint(f *testing.F) {
	w := newWorld(f, terms(), 6)
	w.deal(f, w.ids())
	good := w.fairShare(f, w.ids()[0], w.ids()[1])
	f.Add(good.Leaf, good.Path[0][:], good.Key)
	f.Fuzz(func(t *testing.T, leaf, path, key []byte) {
		c := comity.Complaint{Round: w.open.Round, Dealer: w.ids()[1], Leaf: leaf, Key: key}
		for len(path) >= keySize {
			c.Path = append(c.Path, canon.Digest(path[:keySize]))
			path = path[keySize:]
		}
		if len(key) > 0 && w.group.CheckComplaint(w.ids()[0], w.log.Deals[w.ids()[1]], c) == nil {
			t.Fatalf("%+v proves an honest dealer guilty", c)
		}
	})
}

func FuzzJournalEntry(f *testing.F) {
	w := unmasking(f, 5)
	w.unmask(f, w.ids()[:1])
	entries := w.journals[w.ids()[0]].entries
	for _, e := range entries {
		f.Add(e)
	}
	r := wire.Reader{Data: entries[0], At: len(magicJournal) + 1}
	binding := r.Digest()
	f.Fuzz(func(_ *testing.T, data []byte) {
		for _, all := range [][][]byte{{data}, {entries[0], data}, {entries[0], entries[1], data}} {
			_, _ = remember(&notebook{entries: all}, binding, nil)
		}
	})
}
