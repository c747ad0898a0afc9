package oneshot

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg"
)

var update = flag.Bool("update", false, "write golden files")

// goldenRound is a round of four members from fixed secrets, one of whom falls out after
// it dealt: what docs/format/secagg-once.md describes, byte by byte.
func goldenRound(t *testing.T) []byte {
	t.Helper()
	o := terms()
	o.Lanes, o.Bound = 3, 5000
	w := &world{open: o, members: map[party.ID]*Member{}, log: Record{
		Deals: map[party.ID]comity.Deal{}, Commits: map[party.ID]comity.Commit{}, Unmasks: map[party.ID]comity.Unmask{},
	}, blobs: map[canon.Digest][]byte{}}
	ids := []party.ID{"AA", "BB", "CC", "DD"}
	joins, nonces := map[party.ID]comity.Join{}, map[party.ID]comity.Nonce{}
	var out bytes.Buffer
	line := func(name string, data []byte) { fmt.Fprintf(&out, "%s %s\n", name, hex.EncodeToString(data)) }
	record := func(name string, v any) {
		data, err := canon.Marshal(v)
		must(t, err)
		fmt.Fprintf(&out, "%s %s\n", name, data)
	}
	record("open", o)
	for i, id := range ids {
		j, n, err := NewJoin(o.Round, id, bytes.NewReader(bytes.Repeat([]byte{byte(0x70 + i)}, keySize)))
		must(t, err)
		joins[id], nonces[id] = j, n
		record("join-"+string(id), j)
		record("nonce-"+string(id), n)
	}
	var err error
	w.layout, err = NewLayout(o, joins, nonces)
	must(t, err)
	w.group, err = NewGroup(o, w.layout, ids, 0)
	must(t, err)
	w.hub, err = NewHub(HubConfig{Group: w.group, Store: shelf{}})
	must(t, err)
	line("layout-seed", w.layout.seed[:])
	line("context", w.group.context[:])
	journals := make([]*notebook, len(ids))
	for i, id := range ids {
		p := &secagg.Pairs{}
		for j, peer := range ids {
			if j != i {
				p.Set(peer, [keySize]byte{byte(16*min(i, j) + max(i, j))}) // 01, 02 and so on, then zeros.
			}
		}
		journals[i] = &notebook{}
		w.members[id], err = NewMember(MemberConfig{
			Group: w.group, Self: id, Pairs: p, Secret: bytes.NewReader(bytes.Repeat([]byte{byte(0xa0 + i)}, keySize)),
			Journal: journals[i], Store: shelf{},
		})
		must(t, err)
	}
	goldenMessages(t, w, line, record)
	for i, id := range ids {
		for e, entry := range journals[i].entries {
			line(fmt.Sprintf("journal-%s-%d", id, e), entry)
		}
	}
	return out.Bytes()
}

// goldenMessages runs the round and writes down all that is said.
func goldenMessages(t *testing.T, w *world, line func(string, []byte), record func(string, any)) {
	t.Helper()
	ids := w.ids()
	for _, id := range ids {
		d, b, err := w.members[id].Deal()
		must(t, err)
		record("deal-"+string(id), d)
		line("bundle-"+string(id), b.Bytes())
	}
	w.deal(t, ids)
	for _, id := range ids {
		p, err := w.hub.Parcels(id)
		must(t, err)
		line("parcels-"+string(id), p.Bytes())
	}
	record("complaint", w.fairShareOf(t, "AA", "BB"))
	w.take(t, ids)
	line("dealers", w.cast.digest[:])
	x := inputs{"AA": {1, -5, 1000}, "BB": {2, -5, 1000}, "CC": {3, -5, 5000}}
	for _, id := range ids[:3] {
		c, u, err := w.members[id].Upload(w.cast, x[id])
		must(t, err)
		record("commit-"+string(id), c)
		line("upload-"+string(id), u.Bytes())
	}
	w.upload(t, x, ids[:3])
	record("survivors", w.log.Survivors)
	line("masked", w.blobs[w.log.Survivors.Masked])
	seed := w.cast.points(w.log.Root, w.log.Survivors.Masked)
	line("points-seed", seed[:])
	w.unmask(t, ids[:3])
	for _, id := range ids[:3] {
		record("unmask-"+string(id), w.log.Unmasks[id])
	}
	w.finish(t)
	line("opening", w.outcome.Opening)
	line("sum", w.outcome.Sum)
	record("result", w.outcome.Result)
	_, err := Verify(w.evidence())
	must(t, err)
}

// fairShareOf is the form of a complaint; what it says proves nothing.
func (w *world) fairShareOf(t testing.TB, by, dealer party.ID) comity.Complaint {
	t.Helper()
	p, err := w.hub.Parcels(by)
	must(t, err)
	e := p.list[0]
	key := w.group.shareKey(w.members[by].cfg.Pairs, dealer, dealer, by, w.log.Deals[dealer])
	return comity.Complaint{Round: w.open.Round, Dealer: dealer, Leaf: e.leaf.bytes(), Path: e.path, Key: key[:]}
}

func TestGoldenRound(t *testing.T) {
	path := filepath.Join("testdata", "round.txt")
	got := goldenRound(t)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Fatalf("the byte form changed; if that is meant, raise the version of the labels:\n%s", diff)
	}
}
