package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"comity/adapter/nats"
	"comity/canon"
	"comity/party"
)

func sealedBundle(t testing.TB, parts ...part) []byte {
	t.Helper()
	key, err := party.NewKey("op.node", strings.NewReader(strings.Repeat("\x07", 64)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := sealBundle(BundleHeader{
		Body: "pool-5", Charter: canon.Sum(nil), From: "OP", To: "XA", Number: 3, Since: 10, Size: 12,
	}, parts, key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func someParts() []part {
	return []part{
		{kind: msgDue, data: []byte(`{"what":"consent"}`)},
		{kind: msgBoxes, about: []byte("pool-5/2026-11-18/questions"), data: []byte("[]")},
		{kind: partEntry, data: []byte{}},
	}
}

func TestABundleIsReadAsItWasWritten(t *testing.T) {
	b, err := ParseBundle(sealedBundle(t, someParts()...))
	if err != nil {
		t.Fatal(err)
	}
	if b.Number != 3 || b.From != "OP" || b.Parts != 3 || len(b.of(partEntry)) != 1 || string(b.parts[1].about) != "pool-5/2026-11-18/questions" {
		t.Errorf("%+v", b)
	}
}

// TestBundlesThatAreNone spoils the form alone; seals are tried with whole consortia.
func TestBundlesThatAreNone(t *testing.T) {
	good := sealedBundle(t, someParts()...)
	header := bytes.IndexByte(good, '{')
	for name, bad := range map[string][]byte{
		"nothing":             nil,
		"only the magic":      []byte(bundleMagic),
		"another version":     bytes.Replace(good, []byte("comity-bundle/v1\n"), []byte("comity-bundle/v2\n"), 1),
		"version in header":   bytes.Replace(good, []byte(`"comity-bundle/v1"`), []byte(`"comity-bundle/v2"`), 1),
		"a long header":       append(append([]byte(bundleMagic), 0xff, 0xff), make([]byte, 1<<17)...),
		"number 0":            bytes.Replace(good, []byte(`"number":3`), []byte(`"number":0`), 1),
		"entries backwards":   bytes.Replace(good, []byte(`"since":10`), []byte(`"since":99`), 1),
		"fewer parts":         bytes.Replace(good, []byte(`"parts":3`), []byte(`"parts":2`), 1),
		"more parts":          bytes.Replace(good, []byte(`"parts":3`), []byte(`"parts":4`), 1),
		"a huge length":       bytes.Replace(good, []byte("due\x00\x00\x00\x00"), []byte("due\xff\xff\xff\xff"), 1),
		"a header not sealed": append(append(bytes.Clone(good[:header]), ' '), good[header:]...),
	} {
		if _, err := ParseBundle(bad); !errors.Is(err, ErrBundle) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	good := sealedBundle(f, someParts()...)
	f.Add(good)
	f.Add(good[:len(good)-70])
	f.Add([]byte(bundleMagic))
	key, err := party.NewKey("op.node", strings.NewReader(strings.Repeat("\x07", 64)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBundle(data)
		if err != nil {
			return
		}
		again, err := sealBundle(b.BundleHeader, b.parts, key)
		if err != nil || !bytes.Equal(again[:len(again)-sealSize], data[:len(data)-sealSize]) {
			t.Fatalf("%x is read as a bundle that is written %x: %v", data, again, err)
		}
	})
}

// counterTo is a connection to a post.
type counterTo struct{ to *post }

func (l counterTo) Request(ctx context.Context, kind string, data []byte) ([]byte, error) {
	if kind == msgBundle {
		return l.to.give(ctx, "XA", data)
	}
	return l.to.accept(ctx, "XA", data)
}

func TestBundlesTravelInPieces(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), bundlePieceBytes/8) // Two pieces and a half would do.
	var taken []byte
	p := &post{
		out: map[string]outgoing{}, in: map[string][]byte{},
		bundle: func(_ context.Context, _ string, r bundleRequest) ([]byte, error) {
			if r.Than == 7 {
				return nil, nil
			}
			return large, nil
		},
		take: func(_ context.Context, _ string, reply []byte) (Receipt, error) {
			taken = reply
			return Receipt{Party: "XA", News: 2}, nil
		},
	}
	got, err := Fetch(t.Context(), counterTo{p}, "XA", 0, false)
	if err != nil || !bytes.Equal(got, large) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if got, err := Fetch(t.Context(), counterTo{p}, "XA", 7, false); err != nil || got != nil {
		t.Errorf("%d bytes where there is nothing new, %v", len(got), err)
	}
	for range 2 {
		r, err := Deliver(t.Context(), counterTo{p}, large)
		if err != nil || r != (Receipt{Party: "XA", News: 2}) || !bytes.Equal(taken, large) {
			t.Fatalf("%+v, %v, %d bytes", r, err, len(taken))
		}
	}
	if len(p.in) != 0 || len(p.out) != 0 {
		t.Errorf("%d and %d are kept", len(p.in), len(p.out))
	}
	for _, bad := range []replyPiece{
		{Total: 10, Offset: 5, Data: []byte("abcde")},
		{Total: 3, Offset: 0, Data: []byte("abcde")},
		{Total: MaxBundle + 1, Offset: 0, Data: []byte("abcde")},
	} {
		data, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.accept(t.Context(), "XA", data); !errors.Is(fromCode(err), ErrBundle) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestErrorsKeepTheirMeaning passes each over a connection.
func TestErrorsKeepTheirMeaning(t *testing.T) {
	for code, want := range bundleErrors() {
		coded := toCode(fmt.Errorf("what happened: %w", want))
		remote, ok := errors.AsType[*nats.RemoteError](coded)
		if back := fromCode(coded); !ok || remote.Code != code || !errors.Is(back, want) {
			t.Errorf("%s: %v, then %v", code, coded, back)
		}
	}
	if other := errors.New("other"); !errors.Is(fromCode(toCode(other)), other) {
		t.Error("an error without a name changes")
	}
}

func FuzzParseLetterbox(f *testing.F) {
	l, _, err := NewLetterbox(Letterbox{Body: "pool-5", Host: "XB", Party: "XA", Address: "xb.example:7497", Pin: canon.Sum(nil).String()}, rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	good, err := l.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	if read, err := ParseLetterbox(good); err != nil || read != l {
		f.Fatalf("%+v, %v", read, err)
	}
	f.Add(good)
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseLetterbox(data)
		if err != nil {
			return
		}
		if again, err := l.Bytes(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%q is read as a mailbox that is written %q: %v", data, again, err)
		}
	})
}
