package oneshot

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/party"
)

// delivery is one message on its way, or one that only looks like it.
type delivery struct {
	from party.ID
	data []byte
	true bool
}

// noisy repeats messages, adds corrupted copies, hands some in under another name, and
// shuffles them all.
func noisy(r *rand.Rand, sent map[party.ID][]byte, ids []party.ID) []delivery {
	var out []delivery
	for _, id := range ids {
		data, ok := sent[id]
		if !ok {
			continue
		}
		for range 1 + r.IntN(3) {
			out = append(out, delivery{id, data, true})
		}
		for range r.IntN(3) {
			out = append(out, delivery{id, flip(data, r.IntN(8*len(data))), false})
		}
		out = append(out, delivery{id, data[:r.IntN(len(data))], false})
		if other := ids[r.IntN(len(ids))]; other != id {
			out = append(out, delivery{other, data, false})
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// Whatever else arrives, in whatever order and however often, true messages are taken,
// all others refused, and the sum is that of the survivors.
func TestRoundUnderNoise(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "noise"), 1))
		w := newWorld(t, terms(), 7)
		ids, x := w.ids(), w.randomInputs(1)
		deliver := func(sent map[party.ID][]byte, take func(party.ID, []byte) error) {
			for _, d := range noisy(r, sent, ids) {
				if err := take(d.from, d.data); (err == nil) != d.true {
					rt.Fatalf("message of %s, true %v: %v", d.from, d.true, err)
				}
			}
		}
		bundles := map[party.ID][]byte{}
		for _, id := range ids {
			d, b, err := w.members[id].Deal()
			must(t, err)
			w.log.Deals[id], bundles[id] = d, b.Bytes()
		}
		deliver(bundles, func(from party.ID, data []byte) error {
			b, err := ParseBundle(data)
			if err != nil {
				return err
			}
			return w.hub.Deal(from, w.log.Deals[from], b)
		})
		must(t, w.hub.CloseDeals())
		w.noisyParcels(t, r)
		uploads := map[party.ID][]byte{}
		left := ids[:5+r.IntN(3)]
		for _, id := range left {
			c, u, err := w.members[id].Upload(w.cast, x[id])
			must(t, err)
			w.log.Commits[id], uploads[id] = c, u.Bytes()
		}
		deliver(uploads, func(from party.ID, data []byte) error {
			u, err := ParseUpload(data)
			if err != nil {
				return err
			}
			return w.hub.Upload(from, w.log.Commits[from], u)
		})
		w.upload(t, nil, nil)
		w.unmask(t, left)
		if got, want := w.finish(t), trusted(x, left, 5); !slices.Equal(got, want) {
			rt.Fatalf("sum %v, want %v", got, want)
		}
		_, err := Verify(w.evidence())
		must(t, err)
	})
}

// noisyParcels hands out parcels to the wrong holder, corrupted, and right, in turn.
func (w *world) noisyParcels(t *testing.T, r *rand.Rand) {
	t.Helper()
	ids := w.ids()
	sent := map[party.ID][]byte{}
	for _, id := range ids {
		p, err := w.hub.Parcels(id)
		must(t, err)
		sent[id] = p.Bytes()
	}
	for _, d := range noisy(r, sent, ids) {
		p, err := ParseParcels(d.data)
		var complaints []comity.Complaint
		if err == nil {
			complaints, err = w.members[d.from].Take(w.log.Deals, p)
		}
		if (err == nil) != d.true || len(complaints) > 0 {
			t.Fatalf("parcels of %s, true %v: %v, %d complaints", d.from, d.true, err, len(complaints))
		}
	}
	var err error
	w.cast, err = w.hub.CloseComplaints()
	must(t, err)
}
