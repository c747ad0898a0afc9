package secagg

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
)

var update = flag.Bool("update", false, "write golden files")

// goldenRound is a round of three members and two steps from fixed secrets: what
// docs/format/secagg.md describes, byte by byte.
func goldenRound(t *testing.T) []byte {
	t.Helper()
	ids := []party.ID{"AA", "BB", "CC"}
	cohort := comity.Cohort{Round: "2026-W46/forecast", Number: 1, Members: ids, Reason: "opened"}
	plan := canon.Sum([]byte("plan"))
	hub, err := NewHub(HubConfig{Plan: plan, Cohort: cohort, MinMembers: 3, Store: shelf{}})
	must(t, err)
	members := make([]*Member, len(ids))
	for i, id := range ids {
		p := &Pairs{}
		for j, peer := range ids {
			if j != i {
				p.Set(peer, [keySize]byte{byte(16*min(i, j) + max(i, j))}) // 01, 02 and 12, then zeros.
			}
		}
		secret := bytes.Repeat([]byte{byte(0xa0 + i)}, keySize)
		members[i], err = NewMember(MemberConfig{
			Plan: plan, Self: id, Cohort: cohort, MinMembers: 3, Pairs: p,
			Secret: bytes.NewReader(secret), Journal: &notebook{}, Store: shelf{},
		})
		must(t, err)
	}
	var out bytes.Buffer
	line := func(name string, data []byte) { fmt.Fprintf(&out, "%s %s\n", name, hex.EncodeToString(data)) }
	line("chain-0", digestBytes(hub.Head().Chain))
	for k, s := range []Step{{"tree/1", 32, 3}, {"tree/2", 64, 2}} {
		must(t, hub.Begin(s))
		for i, m := range members {
			x := []int64{int64(i + 1), -5, 1000}[:s.Lanes]
			u, err := m.Upload(s.Name, s.Bits, x)
			must(t, err)
			must(t, hub.Upload(ids[i], u))
			line(fmt.Sprintf("upload-%d-%s", k, ids[i]), u.Bytes())
		}
		c, err := hub.Commitments()
		must(t, err)
		line(fmt.Sprintf("commitments-%d", k), c.Bytes())
		for i, m := range members {
			v, err := m.Reveal(c)
			must(t, err)
			must(t, hub.Reveal(ids[i], v))
			line(fmt.Sprintf("reveal-%d-%s", k, ids[i]), v.Bytes())
		}
		b, err := hub.Broadcast()
		must(t, err)
		for _, m := range members {
			_, err := m.Finish(b)
			must(t, err)
		}
		line(fmt.Sprintf("broadcast-%d", k), b.Bytes())
		line(fmt.Sprintf("chain-%d", k+1), digestBytes(hub.Head().Chain))
	}
	seed := FingerprintSeed(cohort.Round, []byte("root"))
	line("fingerprint-seed", seed[:])
	for i, m := range members {
		for e, entry := range m.cfg.Journal.(*notebook).entries {
			line(fmt.Sprintf("journal-%s-%d", ids[i], e), entry)
		}
		f, err := m.Fingerprint(seed)
		must(t, err)
		fmt.Fprintf(&out, "fingerprint-%s %d %d\n", ids[i], f.Points[0], f.Points[1])
	}
	transcript, err := canon.Marshal(hub.Transcript())
	must(t, err)
	fmt.Fprintf(&out, "transcript %s\n", transcript)
	return out.Bytes()
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
		t.Fatalf("the byte form changed; if that is meant, raise the version in labelPrefix:\n%s", diff)
	}
}

// A box that was sealed once opens for good: randomness makes no two boxes alike.
func TestGoldenBox(t *testing.T) {
	path := filepath.Join("testdata", "box.txt")
	key, public, err := NewEpoch(bytes.NewReader(bytes.Repeat([]byte{5}, 2*keySize)))
	must(t, err)
	at := BoxContext{Body: "health", Epoch: "2026", From: "AA", To: "BB"}
	if *update {
		box, err := Seal(at, public, [keySize]byte{1, 2, 3})
		must(t, err)
		must(t, os.WriteFile(path, []byte(hex.EncodeToString(box)+"\n"), 0o644))
	}
	text, err := os.ReadFile(path)
	must(t, err)
	box, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	must(t, err)
	pair, err := key.Open(at, canon.Sum(box), box)
	must(t, err)
	if pair != [keySize]byte{1, 2, 3} {
		t.Fatal("the box holds another secret")
	}
}

func digestBytes(d canon.Digest) []byte { return d[:] }
