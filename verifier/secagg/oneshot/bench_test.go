package oneshot

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/verifier/secagg/internal/lane"
)

// cpu is the processor time of this process in seconds: other work on the machine
// changes wall time, but hardly this.
func cpu(b *testing.B) float64 {
	b.Helper()
	var r syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// folder is a store on disk, as a hub has it.
type folder string

func (f folder) Put(name string, data []byte) error {
	return os.WriteFile(filepath.Join(string(f), name), data, 0o600)
}

func (f folder) Get(name string) ([]byte, error) { return os.ReadFile(filepath.Join(string(f), name)) }

// counts is a round of whole numbers that take 32 bits for n members.
func counts(lanes int) comity.Open {
	o := terms()
	o.Lanes, o.Bound = lanes, 1_000_000
	return o
}

// wires are all messages of a finished round, for measuring one side alone.
type wires struct {
	bundles, uploads map[party.ID][]byte
}

// record runs a round and keeps what travelled.
func (w *world) record(b *testing.B, x inputs) wires {
	b.Helper()
	out := wires{map[party.ID][]byte{}, map[party.ID][]byte{}}
	for _, id := range w.ids() {
		_, bundle, err := w.members[id].Deal()
		must(b, err)
		out.bundles[id] = bundle.Bytes()
	}
	w.deal(b, w.ids())
	w.take(b, w.ids())
	for _, id := range w.ids() {
		_, u, err := w.members[id].Upload(w.cast, x[id])
		must(b, err)
		out.uploads[id] = u.Bytes()
	}
	w.upload(b, x, w.ids())
	w.unmask(b, w.ids())
	if got := w.finish(b); !slices.Equal(got, trusted(x, w.ids(), w.open.Lanes)) {
		b.Fatal("another sum than a trusted party's")
	}
	return out
}

// BenchmarkMember is all that one of 10 members does for 10^6 values: deal, check its
// parcels, mask, commit, unmask.
func BenchmarkMember(b *testing.B) {
	w := newWorld(b, counts(1_000_000), 10)
	x := w.randomInputs(1)
	sent := w.record(b, x)
	id := w.ids()[4]
	parcels, err := w.hub.Parcels(id)
	must(b, err)
	data := parcels.Bytes()
	commit, survivors, unmask := w.log.Commits[id], w.log.Survivors, w.log.Unmasks[id]
	logged := 0
	for _, s := range []any{w.log.Deals[id], commit, unmask} {
		text, err := canon.Marshal(s)
		must(b, err)
		logged += len(text)
	}
	start := cpu(b)
	for b.Loop() {
		w.journals[id], w.stores[id] = &notebook{}, shelf{}
		w.restart(b, id)
		m := w.members[id]
		_, bundle, err := m.Deal()
		must(b, err)
		_ = bundle.Bytes()
		p, err := ParseParcels(data)
		must(b, err)
		_, err = m.Take(w.log.Deals, p)
		must(b, err)
		_, u, err := m.Upload(w.cast, x[id])
		must(b, err)
		_ = u.Bytes()
		_, err = m.Unmask(Witnessed{w.cast, w.log.Commits, survivors, w.log.Size, w.log.Root})
		must(b, err)
	}
	b.ReportMetric((cpu(b)-start)/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(len(sent.bundles[id])+len(sent.uploads[id])+logged), "bytes-up")
}

// BenchmarkHub is all that the hub does for 10 members of 10^6 values.
func BenchmarkHub(b *testing.B) {
	w := newWorld(b, counts(1_000_000), 10)
	sent := w.record(b, w.randomInputs(1))
	dir := folder(b.TempDir())
	start := cpu(b)
	for b.Loop() {
		w.replayHub(b, sent, dir)
	}
	b.ReportMetric((cpu(b)-start)/float64(b.N), "cpu-s/op")
}

// BenchmarkPlain is what a hub does for 10 plain vectors of 10^6 values in the same lanes,
// without masks, shares and log: the least that a sum costs. With digests each vector is
// checked against what its member signed.
func BenchmarkPlain(b *testing.B) {
	s := lane.Shape{Bits: 32, Lanes: 1_000_000}
	x, want := make([]int64, s.Lanes), make([]int64, s.Lanes)
	var sent [][]byte
	var signed []canon.Digest
	for i := range 10 {
		for k := range x {
			x[k] = int64((i + 1) * k)
			want[k] += x[k]
		}
		v, err := lane.Pack(s, x, 1<<31-1)
		must(b, err)
		sent, signed = append(sent, v.Bytes()), append(signed, canon.Sum(v.Bytes()))
	}
	for _, digests := range []bool{false, true} {
		b.Run(map[bool]string{false: "add", true: "add-and-digests"}[digests], func(b *testing.B) {
			start := cpu(b)
			for b.Loop() {
				words := make([]uint64, s.Words())
				for i, data := range sent {
					if digests && canon.Sum(data) != signed[i] {
						b.Fatal("another vector than signed")
					}
					lane.AddWords(words, s, data)
				}
				if got := lane.Reduce(s, words).Unpack(); !slices.Equal(got, want) {
					b.Fatal("another sum than a trusted party's")
				}
			}
			b.ReportMetric((cpu(b)-start)/float64(b.N), "cpu-s/op")
		})
	}
}

// replayHub runs a fresh hub over recorded messages.
func (w *world) replayHub(b *testing.B, sent wires, store Store) {
	b.Helper()
	h, err := NewHub(HubConfig{Group: w.group, Store: store})
	must(b, err)
	for _, id := range w.ids() {
		bundle, err := ParseBundle(sent.bundles[id])
		must(b, err)
		must(b, h.Deal(id, w.log.Deals[id], bundle))
	}
	must(b, h.CloseDeals())
	for _, id := range w.ids() {
		p, err := h.Parcels(id)
		must(b, err)
		_ = p.Bytes()
	}
	_, err = h.CloseComplaints()
	must(b, err)
	for _, id := range w.ids() {
		u, err := ParseUpload(sent.uploads[id])
		must(b, err)
		must(b, h.Upload(id, w.log.Commits[id], u))
	}
	_, _, err = h.CloseUploads()
	must(b, err)
	must(b, h.Witness(w.log.Size, w.log.Root))
	for _, id := range w.ids() {
		must(b, h.Unmask(id, w.log.Unmasks[id]))
	}
	_, err = h.Finish()
	must(b, err)
}

// BenchmarkRound is a whole round, all members, the hub and one stranger's check on one
// machine: without drop-outs, with a third gone, and over neighbours.
func BenchmarkRound(b *testing.B) {
	for _, c := range []struct {
		name           string
		members, lanes int
		gone           int
	}{
		{"10x1e6", 10, 1_000_000, 0},
		{"10x1e6-third-gone", 10, 1_000_000, 3},
		{"30x1e5", 30, 100_000, 0},
		{"30x1e5-third-gone", 30, 100_000, 10},
		{"200x1e4", 200, 10_000, 0},
		{"200x1e4-tenth-gone", 200, 10_000, 20},
		{"1000x1e3", 1000, 1_000, 0},
		{"1000x1e3-tenth-gone", 1000, 1_000, 100},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := counts(c.lanes)
			if c.members > MaxComplete {
				o.Threshold, _ = exact.Ratio(3, 5)
			}
			w := newWorld(b, o, c.members)
			x := w.randomInputs(1)
			var left []party.ID
			for i, id := range w.ids() {
				if i*c.gone/c.members == (i+1)*c.gone/c.members {
					left = append(left, id)
				}
			}
			start := cpu(b)
			for b.Loop() {
				w.again(b)
				if got := w.run(b, x, w.ids(), left, left); !slices.Equal(got, trusted(x, left, c.lanes)) {
					b.Fatal("another sum than a trusted party's")
				}
				_, err := Verify(w.evidence())
				must(b, err)
			}
			b.ReportMetric((cpu(b)-start)/float64(b.N), "cpu-s/op")
		})
	}
}

// again starts the same round from nothing.
func (w *world) again(b *testing.B) {
	b.Helper()
	w.log = Record{Deals: map[party.ID]comity.Deal{}, Commits: map[party.ID]comity.Commit{}, Unmasks: map[party.ID]comity.Unmask{}}
	var err error
	w.hub, err = NewHub(HubConfig{Group: w.group, Store: folder(b.TempDir())})
	must(b, err)
	for _, id := range w.ids() {
		w.journals[id], w.stores[id] = &notebook{}, shelf{}
		w.restart(b, id)
	}
}

// BenchmarkVerify is what a stranger spends on 30 members of 10^6 values.
func BenchmarkVerify(b *testing.B) {
	for _, c := range []struct {
		name  string
		bound canon.Int
		gone  int
	}{{"32-bit", 1_000_000, 0}, {"64-bit", 1 << 40, 0}, {"32-bit-third-gone", 1_000_000, 10}} {
		b.Run(c.name, func(b *testing.B) {
			o := counts(1_000_000)
			o.Bound = c.bound
			w := newWorld(b, o, 30)
			w.again(b)
			for _, id := range w.ids() {
				w.stores[id] = folder(b.TempDir())
				w.restart(b, id)
			}
			left, x := w.ids()[c.gone:], make([]int64, o.Lanes)
			all := inputs{}
			for _, id := range left {
				all[id] = x
			}
			w.run(b, all, w.ids(), left, left)
			e := w.evidence()
			start := cpu(b)
			for b.Loop() {
				_, err := Verify(e)
				must(b, err)
			}
			b.ReportMetric((cpu(b)-start)/float64(b.N), "cpu-s/op")
		})
	}
}

// BenchmarkHubMemory is the most heap in use while 30 members of 10^6 values, in lanes of
// 64 bits, upload to one hub one by one and it finishes: of the hub, and of the one
// member under way. Vectors are on disk.
func BenchmarkHubMemory(b *testing.B) {
	o := counts(1_000_000)
	o.Bound = 1 << 40
	for b.Loop() {
		w := newWorld(b, o, 30)
		w.again(b)
		most := uint64(0)
		look := func() {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
		}
		for _, id := range w.ids() {
			w.stores[id] = folder(b.TempDir())
			w.restart(b, id)
		}
		w.deal(b, w.ids())
		w.take(b, w.ids())
		x := make([]int64, o.Lanes)
		for _, id := range w.ids() {
			c, u, err := w.members[id].Upload(w.cast, x)
			must(b, err)
			must(b, w.hub.Upload(id, c, u))
			w.log.Commits[id] = c
			look()
		}
		w.upload(b, nil, nil)
		look()
		w.unmask(b, w.ids())
		look()
		if got := w.finish(b); !slices.Equal(got, x) {
			b.Fatal("another sum than a trusted party's")
		}
		look()
		b.ReportMetric(float64(most)/1e6, "MB-heap")
	}
}

// BenchmarkDeal is the dealing of one of 60 members.
func BenchmarkDeal(b *testing.B) {
	w := newWorld(b, counts(10), MaxComplete)
	start := cpu(b)
	for b.Loop() {
		_, bundle, err := w.members[w.ids()[0]].Deal()
		must(b, err)
		_ = bytes.Clone(bundle.Table)
	}
	b.ReportMetric((cpu(b)-start)/float64(b.N), "cpu-s/op")
}
