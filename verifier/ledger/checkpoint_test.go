package ledger_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"comity/party"
	"comity/verifier/ledger"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func TestNormaliseDropsStrangersAndSorts(t *testing.T) {
	w := newWorld(t, 7)
	text := w.text(t, 7)
	// As a log publishes it: in the order of arrival, the operator's and a stranger's too.
	lines := bytes.SplitAfter(publish(t, text, w.logKey, w.witnesses[3], newKey(t, "stranger"), w.witnesses[0], w.witnesses[1]), []byte("\n"))
	published := bytes.Join([][]byte{[]byte(text + "\n"), lines[6], lines[5], lines[8], lines[4], lines[7]}, nil)
	if _, err := ledger.ParseCheckpoint(published, w.policy()); !errors.Is(err, ledger.ErrAltered) {
		t.Errorf("as published: got %v, want %v", err, ledger.ErrAltered)
	}
	normal, err := ledger.Normalise(published, w.policy())
	if err != nil {
		t.Fatal(err)
	}
	if want := bytes.Join([][]byte{[]byte(text + "\n"), lines[4], lines[8], lines[5]}, nil); !bytes.Equal(normal, want) {
		t.Errorf("normal form\n%s\nwant\n%s", normal, want)
	}
	c, err := ledger.ParseCheckpoint(normal, w.policy())
	if err != nil {
		t.Fatal(err)
	}
	want := []ledger.Cosignature{{Name: "rw.witness", UnixTime: 1_790_000_003}, {Name: "ug.witness", UnixTime: 1_790_000_000}}
	if diff := cmp.Diff(want, c.Cosigned); diff != "" || c.Size != 7 || c.Origin != origin {
		t.Errorf("read %+v; cosigned (-want +got):\n%s", c, diff)
	}
	reversed := w.policy()
	slices.Reverse(reversed.Witnesses)
	if _, err := ledger.ParseCheckpoint(normal, reversed); err != nil {
		t.Errorf("the order of the list matters: %v", err)
	}
	if again, err := ledger.Normalise(normal, w.policy()); err != nil || !bytes.Equal(again, normal) {
		t.Errorf("the normal form has another normal form: %v", err)
	}
}

func TestOperatorsWitnessIsNotCounted(t *testing.T) {
	w := newWorld(t, 1)
	p := w.policy()
	if len(w.charter.Transparency.Witnesses.Of) != 4 || len(p.Witnesses) != 3 {
		t.Fatalf("charter lists %d, policy %d", len(w.charter.Transparency.Witnesses.Of), len(p.Witnesses))
	}
	for _, k := range p.Witnesses {
		if strings.HasPrefix(k, "ke.witness+") {
			t.Errorf("the operator's witness counts: %s", k)
		}
	}
}

func TestPolicyCountsNobodyTwice(t *testing.T) {
	w := newWorld(t, 1)
	// newKey seeds the secret with the name, so this is the pair of rw.witness.
	twin, err := party.NewKey("twin.witness", secretOf("rw.witness"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(p *ledger.Policy){
		"key twice":              func(p *ledger.Policy) { p.Witnesses = append(p.Witnesses, p.Witnesses[0]) },
		"key under another name": func(p *ledger.Policy) { p.Witnesses = append(p.Witnesses, twin.Cosigner()) },
		"more than there are":    func(p *ledger.Policy) { p.Threshold = 4 },
		"fewer than none":        func(p *ledger.Policy) { p.Threshold = -1 },
		"witness key as log key": func(p *ledger.Policy) { p.Log = p.Witnesses[0] },
		"log key as witness":     func(p *ledger.Policy) { p.Witnesses[0] = w.logKey.Verifier() },
		"log's pair as witness":  func(p *ledger.Policy) { p.Witnesses[0] = w.logKey.Cosigner() },
		"misspelt hash":          func(p *ledger.Policy) { p.Log = strings.Replace(p.Log, "+", "+0", 1) },
		"no log key":             func(p *ledger.Policy) { p.Log = "" },
	} {
		t.Run(name, func(t *testing.T) {
			p := w.policy()
			change(&p)
			if err := p.Check(); !errors.Is(err, ledger.ErrPolicy) {
				t.Errorf("got %v, want %v", err, ledger.ErrPolicy)
			}
		})
	}
}

func TestCheckpointTextIsStrict(t *testing.T) {
	w := newWorld(t, 3)
	good := w.text(t, 3)
	lines := strings.SplitAfter(good, "\n")
	p := w.policy()
	p.Threshold = 0
	for name, text := range map[string]string{
		"extension line": good + "more\n",
		"leading nought": lines[0] + "03\n" + lines[2],
		"sign":           lines[0] + "+3\n" + lines[2],
		"negative":       lines[0] + "-3\n" + lines[2],
		"huge":           lines[0] + "9223372036854775808\n" + lines[2],
		"short root":     lines[0] + lines[1] + "AAAA\n",
		"root with bits": lines[0] + lines[1] + strings.Repeat("A", 42) + "B=\n",
		"no root":        lines[0] + lines[1],
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ledger.ParseCheckpoint(publish(t, text, w.logKey), p); !errors.Is(err, ledger.ErrMalformed) {
				t.Errorf("got %v, want %v", err, ledger.ErrMalformed)
			}
		})
	}
	if _, err := ledger.ParseCheckpoint(publish(t, good, w.logKey), p); err != nil {
		t.Errorf("a checkpoint that nobody must cosign: %v", err)
	}
}

func TestConsistency(t *testing.T) {
	const size = 20
	w := newWorld(t, size)
	at := func(n int64) ledger.Checkpoint {
		root, err := tlog.TreeHash(n, w.hashes(t))
		if err != nil {
			t.Fatal(err)
		}
		return ledger.Checkpoint{Origin: origin, Size: n, Root: root}
	}
	for older := int64(1); older <= size; older++ {
		for newer := older; newer <= size; newer++ {
			var proof tlog.TreeProof
			if newer > older {
				var err error
				if proof, err = tlog.ProveTree(newer, older, w.hashes(t)); err != nil {
					t.Fatal(err)
				}
			}
			if err := ledger.CheckConsistency(at(older), at(newer), proof); err != nil {
				t.Fatalf("%d to %d: %v", older, newer, err)
			}
			for i := range proof {
				bad := slices.Clone(proof)
				bad[i][3] ^= 8
				if err := ledger.CheckConsistency(at(older), at(newer), bad); !errors.Is(err, ledger.ErrProof) {
					t.Fatalf("%d to %d, hash %d changed: %v", older, newer, i, err)
				}
			}
			if err := ledger.CheckConsistency(at(older), at(newer), append(proof, tlog.Hash{})); !errors.Is(err, ledger.ErrProof) {
				t.Fatalf("%d to %d, a hash too many: %v", older, newer, err)
			}
			if newer > older {
				if err := ledger.CheckConsistency(at(newer), at(older), proof); !errors.Is(err, ledger.ErrRollback) {
					t.Fatalf("%d back to %d: %v", newer, older, err)
				}
			}
		}
	}
	split, other := at(7), at(7)
	split.Root[0] ^= 1
	if err := ledger.CheckConsistency(at(7), split, nil); !errors.Is(err, ledger.ErrRollback) {
		t.Errorf("two roots of one size: %v", err)
	}
	other.Origin += "x"
	if err := ledger.CheckConsistency(at(7), other, nil); !errors.Is(err, ledger.ErrOrigin) {
		t.Errorf("two logs: %v", err)
	}
}

func TestFrontierHasTheRootOfTheTree(t *testing.T) {
	w := newWorld(t, 70)
	var edge ledger.Frontier
	for n := int64(0); ; n++ {
		root, err := tlog.TreeHash(n, w.hashes(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := edge.Check(ledger.Checkpoint{Size: n, Root: root}); err != nil {
			t.Fatal(err)
		}
		if err := edge.Check(ledger.Checkpoint{Size: n + 1, Root: root}); !errors.Is(err, ledger.ErrProof) {
			t.Fatalf("%d entries pass as %d", n, n+1)
		}
		if n == int64(len(w.entries)) {
			return
		}
		edge.Append(tlog.RecordHash(w.entries[n]))
	}
}

func TestMedianTimeWithstandsAMinority(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		honest := rapid.SliceOfN(rapid.Int64Range(1000, 2000), 1, 20).Draw(t, "honest")
		lying := rapid.SliceOfN(rapid.Int64Range(0, 1<<62), 0, len(honest)-1).Draw(t, "lying")
		var all []ledger.Cosignature
		for _, at := range append(slices.Clone(lying), honest...) {
			all = append(all, ledger.Cosignature{UnixTime: at})
		}
		got, err := ledger.MedianTime(all)
		if err != nil || got < slices.Min(honest) || got > slices.Max(honest) {
			t.Fatalf("median %d of %v and %v: %v", got, honest, lying, err)
		}
	})
	if _, err := ledger.MedianTime(nil); !errors.Is(err, ledger.ErrWitnesses) {
		t.Errorf("median of nobody: %v", err)
	}
	if got, _ := ledger.MedianTime([]ledger.Cosignature{{UnixTime: 4}, {UnixTime: 1}, {UnixTime: 2}, {UnixTime: 9}}); got != 2 {
		t.Errorf("lower median of 1, 2, 4, 9 is 2, got %d", got)
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	w := newWorld(f, 3)
	valid := publish(f, w.text(f, 3), w.logKey, w.witnesses[1:3]...)
	f.Add(valid)
	f.Add([]byte(w.text(f, 3)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := ledger.ParseCheckpoint(data, w.policy()); err == nil && !bytes.Equal(data, valid) {
			t.Fatalf("a forged checkpoint passes")
		}
		if normal, err := ledger.Normalise(data, w.policy()); err == nil {
			if again, err := ledger.Normalise(normal, w.policy()); err != nil || !bytes.Equal(again, normal) {
				t.Fatalf("a normal form has another normal form: %v", err)
			}
		}
	})
}
