package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

	"golang.org/x/mod/sumdb/note"
)

// consortium is a home in which one decision was taken, and its receipts.
type consortium struct {
	home       node.Home
	sealed     []byte
	charter    []byte // Receipt of the charter.
	allocation []byte // Receipt of the allocation.
}

// found runs the smallest consortium that the protocols allow to be interesting: five
// members, real engines, one week. Without a decision it has the receipt of its charter.
func found(t *testing.T, decide bool) consortium {
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
	if decide {
		_, err = f.Week(ctx, s.Start)
	} else {
		_, err = f.Hub().Receipts(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(home.Receipts(), name+".proof"))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	c := consortium{home: home, sealed: f.Sealed(), charter: read("charter")}
	if decide {
		c.allocation = read(s.Start + "-allocation")
	}
	return c
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

// signNote signs the checkpoint of a tree as a log does.
func signNote(k party.Key, origin string, tree ledger.Frontier) []byte {
	text := fmt.Appendf(nil, "%s\n%d\n%s\n", origin, tree.Size(), tree.Root())
	signer, err := note.NewSigner(k.Skey())
	if err != nil {
		panic(err) // A key that was just loaded.
	}
	signed, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		panic(err)
	}
	return signed
}

// leaves calls visit for every string, number and truth value in a JSON document with
// the document in which that one is another, in canonical form.
func leaves(t *testing.T, document []byte, visit func(path string, altered []byte)) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var root any
	if err := decoder.Decode(&root); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(spell(t, root), document) {
		t.Fatal("a document that is not altered is spelt otherwise")
	}
	var walk func(path string, at any, set func(any))
	walk = func(path string, at any, set func(any)) {
		switch v := at.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(path+"/"+name, v[name], func(x any) { v[name] = x })
			}
			return
		case []any:
			for i := range v {
				walk(path+"/"+strconv.Itoa(i), v[i], func(x any) { v[i] = x })
			}
			return
		case string:
			set(another(v))
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			set(json.Number(strconv.FormatInt(n+1, 10)))
		case bool:
			set(!v)
		case nil:
			set("x")
		}
		visit(path, spell(t, root))
		set(at)
	}
	walk("", root, nil)
}

// another returns a text of the same length that differs in one place: a digit stays a
// digit and a letter a letter, so that most altered documents are still well formed.
func another(text string) string {
	b := []byte(text)
	for i := len(b) - 1; i >= 0; i-- {
		switch c := b[i]; {
		case c >= '0' && c <= '9':
			b[i] = '0' + (c-'0'+1)%10
		case c >= 'a' && c <= 'z':
			b[i] = 'a' + (c-'a'+1)%26
		case c >= 'A' && c <= 'Z':
			b[i] = 'A' + (c-'A'+1)%26
		default:
			continue
		}
		return string(b)
	}
	return text + "x"
}

// spell writes a decoded document in canonical form: encoding/json sorts names, and no
// document here has a character that it would escape.
func spell(t *testing.T, root any) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(root); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
