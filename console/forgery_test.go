package console

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
	"comity/verifier/ledger"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
)

// forger holds every key of the consortium, as if all its officers conspired: what it
// logs is signed, witnessed and included, so that only the later checks can refuse it.
type forger struct {
	home    home
	charter comity.Charter
	sealed  []byte
	hub     party.Key
	log     party.Key
	members []party.ID
}

func newForger(t *testing.T, h home) forger {
	t.Helper()
	f := forger{home: h, charter: h.book().Charter, sealed: h.state.Sealed(), members: h.book().Contributors()}
	f.hub, f.log = loadKey(t, h.Hub().NodeKey()), loadKey(t, h.Hub().LogKey())
	return f
}

func loadKey(t *testing.T, file string) party.Key {
	t.Helper()
	k, err := party.LoadKey(file)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// receipt logs one statement in a log of its own and returns the receipt.
func (f forger) receipt(t *testing.T, st comity.Statement, k party.Key, problem []byte) []byte {
	t.Helper()
	entry, err := ledger.Sign(st, k)
	if err != nil {
		t.Fatal(err)
	}
	leaf := tlog.RecordHash(entry)
	text := fmt.Sprintf("%s\n1\n%s\n", f.charter.Transparency.Log.Origin, leaf)
	checkpoint := text + "\n" + noteLine(t, f.log.Verifier(), f.log.Sign([]byte(text)))
	policy := ledger.PolicyOf(f.charter)
	for _, id := range f.members {
		line, err := ledger.Cosign(loadKey(t, f.home.Member(id).WitnessKey()), []byte(checkpoint), 1_790_000_000)
		if err != nil {
			t.Fatal(err)
		}
		checkpoint += string(line)
	}
	normal, err := ledger.Normalise([]byte(checkpoint), policy)
	if err != nil {
		t.Fatal(err)
	}
	data, err := ledger.WriteReceipt(ledger.Receipt{
		Extra: ledger.Extra{Entry: entry, Charter: f.sealed, Problem: problem}, Proof: tlog.RecordProof{}, Checkpoint: normal,
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// noteLine is a signature line of the log (C2SP signed-note).
func noteLine(t *testing.T, verifier string, signature []byte) string {
	t.Helper()
	name, rest, _ := cutPlus(verifier)
	hash, err := hex.DecodeString(rest[:8])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("— %s %s\n", name, base64.StdEncoding.EncodeToString(append(hash, signature...)))
}

func cutPlus(key string) (name, rest string, ok bool) {
	i := slices.Index([]byte(key), '+')
	return key[:i], key[i+1:], i >= 0
}

// decision returns the newest allocation and its problem, to be forged.
func (f forger) decision(t *testing.T) (comity.Allocation, comity.Problem) {
	t.Helper()
	periods := f.home.book().Decided()
	logged := *f.home.book().View.Decisions[periods[len(periods)-1]].Allocation
	var a comity.Allocation
	copied(t, logged, &a)
	data, err := f.home.book().Blobs.Read(a.Problem)
	if err != nil {
		t.Fatal(err)
	}
	var p comity.Problem
	if err := canon.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	return a, p
}

func copied[T any](t *testing.T, from T, to *T) {
	t.Helper()
	raw, err := canon.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := canon.Unmarshal(raw, to); err != nil {
		t.Fatal(err)
	}
}

func TestForgeriesByAllKeysTogetherAreRefusedByBoth(t *testing.T) {
	h := consortium(t)
	f := newForger(t, h)
	ctx := browser(t)
	do(t, ctx, chromedp.Navigate(serve(t, h.config())+"/audit"))
	solved := func(a *comity.Allocation, p *comity.Problem) { // The problem in the receipt is the one that is named.
		raw, err := canon.Marshal(*p)
		if err != nil {
			t.Fatal(err)
		}
		a.Problem = canon.Sum(raw)
	}
	other := exact.Int(12345)
	for _, c := range []struct {
		name   string
		good   bool
		change func(a *comity.Allocation, p *comity.Problem)
	}{
		{"nothing", true, func(*comity.Allocation, *comity.Problem) {}},
		{"a unit more", false, func(a *comity.Allocation, _ *comity.Problem) { a.Units[0]++; a.Parties[0].Amount++ }},
		{"a unit less", false, func(a *comity.Allocation, _ *comity.Problem) { a.Units[0]--; a.Parties[0].Amount-- }},
		{"units below zero", false, func(a *comity.Allocation, _ *comity.Problem) { a.Units[1] = -1 }},
		{"units missing", false, func(a *comity.Allocation, _ *comity.Problem) { a.Units = a.Units[1:] }},
		{"a share that does not add up", false, func(a *comity.Allocation, _ *comity.Problem) { a.Parties[1].Amount++ }},
		{"shares in another order", false, func(a *comity.Allocation, _ *comity.Problem) { slices.Reverse(a.Parties) }},
		{"a share missing", false, func(a *comity.Allocation, _ *comity.Problem) { a.Parties = a.Parties[1:] }},
		{"objective", false, func(a *comity.Allocation, _ *comity.Problem) { a.Certificate.Stages[0].Value = other }},
		{"bound", false, func(a *comity.Allocation, _ *comity.Problem) { a.Certificate.Stages[0].Bound = other }},
		{"gap", false, func(a *comity.Allocation, _ *comity.Problem) { a.Certificate.Stages[0].Gap = other }},
		{"a price", false, func(a *comity.Allocation, _ *comity.Problem) { a.Certificate.Stages[0].Proof.Prices[0] += 1 << 20 }},
		{"prices missing", false, func(a *comity.Allocation, _ *comity.Problem) { a.Certificate.Stages[0].Proof.Prices = nil }},
		{"another period", false, func(a *comity.Allocation, _ *comity.Problem) { a.Period = "2020-01-01" }},
		{"another picture", false, func(a *comity.Allocation, _ *comity.Problem) { a.Picture = canon.Sum(nil) }},
		{"another problem", false, func(a *comity.Allocation, _ *comity.Problem) { a.Problem = canon.Sum(nil) }},
		{"a looser rule", false, func(a *comity.Allocation, p *comity.Problem) {
			more := *p.Rows[0].Upper + 1000
			p.Rows[0].Upper = &more
			solved(a, p)
		}},
		{"a worth", false, func(a *comity.Allocation, p *comity.Problem) { p.Stages[0].Costs[0]++; solved(a, p) }},
		{"columns out of order", false, func(a *comity.Allocation, p *comity.Problem) {
			p.Columns[0], p.Columns[1] = p.Columns[1], p.Columns[0]
			solved(a, p)
		}},
		{"rows out of order", false, func(a *comity.Allocation, p *comity.Problem) {
			p.Rows[0], p.Rows[1] = p.Rows[1], p.Rows[0]
			solved(a, p)
		}},
		{"a term outside", false, func(a *comity.Allocation, p *comity.Problem) { p.Rows[0].Terms[0].Column = 1000; solved(a, p) }},
		{"a term of zero", false, func(a *comity.Allocation, p *comity.Problem) { p.Rows[0].Terms[0].Coeff = 0; solved(a, p) }},
		{"a need below zero", false, func(a *comity.Allocation, p *comity.Problem) { p.Needs[0].Amount = -1; solved(a, p) }},
		{"a need missing", false, func(a *comity.Allocation, p *comity.Problem) { p.Needs = p.Needs[1:]; solved(a, p) }},
		{"an empty interval", false, func(a *comity.Allocation, p *comity.Problem) {
			p.Columns[0].Lower = p.Columns[0].Upper + 1
			solved(a, p)
		}},
		{"another charter's problem", false, func(a *comity.Allocation, p *comity.Problem) { p.Charter = canon.Sum(nil); solved(a, p) }},
		{"numbers at the end of 64 bits", false, func(a *comity.Allocation, p *comity.Problem) {
			p.Columns[0].Upper, a.Units[0], p.Columns[1].Upper, a.Units[1] = 1<<63-1, 1<<63-1, 1<<63-1, quantity.Amount(1<<62)
			p.Rows, a.Certificate.Stages[0].Proof.Prices = nil, []canon.Int{}
			solved(a, p)
		}},
	} {
		a, p := f.decision(t)
		c.change(&a, &p)
		problem, err := canon.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		f.same(t, ctx, c.name, c.good, f.receipt(t, f.statement(t, comity.KindAllocation, a), f.hub, problem))
	}
}

func TestForgedStatementsAreRefusedByBoth(t *testing.T) {
	h := consortium(t)
	f := newForger(t, h)
	ctx := browser(t)
	do(t, ctx, chromedp.Navigate(serve(t, h.config())+"/audit"))
	_, p := f.decision(t)
	problem, err := canon.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	check := comity.Check{Size: 1, State: canon.Sum(nil), About: canon.Sum(nil)}
	member := loadKey(t, h.Member(f.members[0]).NodeKey())
	for _, c := range []struct {
		name    string
		good    bool
		change  func(st *comity.Statement)
		key     party.Key
		problem []byte
	}{
		{"a check", true, func(*comity.Statement) {}, f.hub, nil},
		{"a kind that nobody knows", true, func(st *comity.Statement) { st.Kind = "song" }, f.hub, nil},
		{"a problem beside it", false, func(*comity.Statement) {}, f.hub, problem},
		{"said by another party", false, func(st *comity.Statement) { st.Author = f.members[0] }, f.hub, nil},
		{"signed by another party", false, func(*comity.Statement) {}, member, nil},
		{"said by a stranger", false, func(st *comity.Statement) { st.Author = "ZZ-STRANGER" }, f.hub, nil},
		{"for another body", false, func(st *comity.Statement) { st.Body = "other" }, f.hub, nil},
		{"under another charter", false, func(st *comity.Statement) { st.Charter = canon.Sum(nil) }, f.hub, nil},
		{"an allocation that is none", false, func(st *comity.Statement) { st.Kind = comity.KindAllocation }, f.hub, problem},
		{"a charter that is none", false, func(st *comity.Statement) { st.Kind = comity.KindCharter }, f.hub, nil},
	} {
		st := f.statement(t, comity.KindCheck, check)
		c.change(&st)
		f.same(t, ctx, c.name, c.good, f.receipt(t, st, c.key, c.problem))
	}
}

// statement is what the operator would say.
func (f forger) statement(t *testing.T, kind comity.Kind, record any) comity.Statement {
	t.Helper()
	raw, err := canon.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return comity.Statement{
		Body: f.charter.ID, Charter: canon.Sum(f.sealed), Author: f.charter.Transparency.Log.Operator, Counter: 7, Kind: kind, Record: raw,
	}
}

// same requires the same verdict in Go and in the browser.
func (f forger) same(t *testing.T, ctx context.Context, name string, good bool, data []byte) {
	t.Helper()
	words := canon.Sum(f.sealed).Words()
	got := inBrowser(t, ctx, data, words, []int{-1})[0]
	if diff := cmp.Diff(inGo(data, anchorOf(t, words)), got); diff != "" {
		t.Errorf("%s (-Go +browser):\n%s", name, diff)
	}
	if got.Verified != good {
		t.Errorf("%s: verified is %v, want %v", name, got.Verified, good)
	}
}
