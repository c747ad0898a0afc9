package audit_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/fleet"
	"comity/node"
	"comity/pack"
	"comity/packs/health"
	"comity/party"
	"comity/verifier/ledger"
)

// consortium is a home in which one decision was taken, and its receipts.
type consortium struct {
	home       node.Home
	sealed     []byte
	charter    []byte // Receipt of the charter.
	allocation []byte // Receipt of the allocation.
}

// found runs the smallest consortium that the protocols allow to be interesting: five
// members, real engines, one week.
func found(t *testing.T) consortium {
	t.Helper()
	s, err := health.Scenario("respiratory", chance.Derive(chance.Seed{}, "audit test"))
	if err != nil {
		t.Fatal(err)
	}
	var members []pack.Party
	for _, m := range s.Members {
		switch m.ID {
		case "BR", "FJ", "IN", "KE", "NO":
			members = append(members, m)
		}
	}
	s.Members = members
	home := node.Home(filepath.Join(t.TempDir(), "home"))
	cache, err := os.UserCacheDir() // Of the compiled solver: seconds, if it is there.
	if err != nil {
		cache = t.TempDir()
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	f, err := fleet.Start(ctx, fleet.Config{
		Home: home, Scenario: s, Cache: filepath.Join(cache, "comity"), Clock: time.Now, Progress: func(node.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	if err := f.Found(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Week(ctx, s.Start); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(home.Receipts(), name+".proof"))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	return consortium{home, f.Sealed(), read("charter"), read(s.Start + "-allocation")}
}

// pin is the anchor of somebody who was told the charter's words.
func (c consortium) pin(t *testing.T) *canon.Anchor {
	t.Helper()
	a, err := canon.ParseAnchor(canon.Sum(c.sealed).Words())
	if err != nil {
		t.Fatal(err)
	}
	return &a
}

// forge logs a statement the way a conspiracy of the operator, the log and all witnesses
// could: everything but its content is as it should be.
func (c consortium) forge(t *testing.T, change func(*comity.Statement, *ledger.Extra)) []byte {
	t.Helper()
	r, err := ledger.ReadReceipt(c.allocation)
	if err != nil {
		t.Fatal(err)
	}
	st, extra := r.Entry().Statement(), r.Extra
	change(&st, &extra)
	load := func(file string) party.Key {
		k, err := party.LoadKey(file)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if extra.Entry, err = ledger.Sign(st, load(c.home.Hub().NodeKey())); err != nil {
		t.Fatal(err)
	}
	entry, err := ledger.Parse(extra.Entry)
	if err != nil {
		t.Fatal(err)
	}
	var tree ledger.Frontier
	tree.Append(entry.Leaf())
	rules, err := r.Charter()
	if err != nil {
		t.Fatal(err)
	}
	policy := ledger.PolicyOf(rules)
	signed := signNote(load(c.home.Hub().LogKey()), policy.Origin, tree)
	for _, p := range rules.Parties {
		if p.ID == rules.Transparency.Log.Operator {
			continue
		}
		line, err := ledger.Cosign(load(c.home.Member(p.ID).WitnessKey()), signed, time.Now().Unix())
		if err != nil {
			t.Fatal(err)
		}
		signed = append(signed, line...)
	}
	checkpoint, err := ledger.Normalise(signed, policy)
	if err != nil {
		t.Fatal(err)
	}
	data, err := ledger.WriteReceipt(ledger.Receipt{Extra: extra, Index: 0, Checkpoint: checkpoint})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
