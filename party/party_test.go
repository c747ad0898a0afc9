package party

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comity/canon"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

func TestIDCheck(t *testing.T) {
	for _, id := range []ID{"KE", "GB-SCT", "A1", ID(strings.Repeat("A", 32))} {
		if err := id.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, id := range []ID{"", "K", "ke", "K E", "-KE", "K\u00c9", "KE/1", "KE.", ID(strings.Repeat("A", 33))} {
		if err := id.Check(); !errors.Is(err, ErrID) {
			t.Errorf("%q: %v; want ErrID", string(id), err)
		}
	}
}

// newKey draws a key; a seed of fixed bytes makes it the same in every run.
func newKey(t testing.TB, name string, fill byte) Key {
	t.Helper()
	k, err := NewKey(name, bytes.NewReader(bytes.Repeat([]byte{fill}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The oracle for both encodings is golang.org/x/mod/sumdb/note.
func TestKeysAgreeWithNote(t *testing.T) {
	for fill := range byte(50) { // Some of these keys have plus signs in their base64.
		k := newKey(t, "example.org/officer", fill)
		signer, err := note.NewSigner(k.Skey())
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := note.NewVerifier(k.Verifier())
		if err != nil {
			t.Fatal(err)
		}
		message := []byte("text\n")
		sig, err := signer.Sign(message)
		if err != nil || !bytes.Equal(sig, k.Sign(message)) || !verifier.Verify(message, sig) {
			t.Fatalf("signature %x of note, %x of ours, %v", sig, k.Sign(message), err)
		}
		if want := fmt.Sprintf("%s+%08x+", k.Name(), signer.KeyHash()); !strings.HasPrefix(k.Verifier(), want) {
			t.Fatalf("verifier key %s, want %s...", k.Verifier(), want)
		}
		again, err := ParseKey(k.Skey())
		if err != nil || again.Skey() != k.Skey() {
			t.Fatal(err)
		}
		v, err := ParseVerifier(k.Verifier())
		if err != nil || v.String() != k.Verifier() || v.Cosigner().String() != k.Cosigner() || v.Name() != k.Name() {
			t.Fatalf("%s reads as %s, %v", k.Verifier(), v, err)
		}
		if err := v.Verify(message, sig); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryBitOfAKeyTextCounts(t *testing.T) {
	k := newKey(t, "example.org/officer", 7)
	for name, c := range map[string]struct {
		text  string
		parse func(string) error
	}{
		"private":  {k.Skey(), func(s string) error { _, err := ParseKey(s); return err }},
		"verifier": {k.Verifier(), func(s string) error { _, err := ParseVerifier(s); return err }},
		"cosigner": {k.Cosigner(), func(s string) error { _, err := ParseCosigner(s); return err }},
	} {
		if err := c.parse(c.text); err != nil {
			t.Fatal(err)
		}
		for i := range 8 * len(c.text) {
			b := []byte(c.text)
			b[i/8] ^= 1 << (i % 8)
			err := c.parse(string(b))
			if !errors.Is(err, ErrKey) {
				t.Errorf("%s: bit %d: %q gives %v; want ErrKey", name, i, b, err)
			}
			if name == "private" && strings.Contains(fmt.Sprint(err), c.text[len(c.text)-10:]) {
				t.Errorf("%s: error shows the secret: %v", name, err)
			}
		}
		for _, s := range []string{"", c.text + "\n", " " + c.text, c.text[1:], c.text[:len(c.text)-1], strings.Repeat("x", 1000) + c.text, "+++"} {
			if err := c.parse(s); !errors.Is(err, ErrKey) {
				t.Errorf("%s: %.100q gives %v; want ErrKey", name, s, err)
			}
		}
	}
	if _, err := ParseVerifier(k.Cosigner()); !errors.Is(err, ErrKey) {
		t.Errorf("a witness key passes as a signing key: %v", err)
	}
	if _, err := ParseCosigner(k.Verifier()); !errors.Is(err, ErrKey) {
		t.Errorf("a signing key passes as a witness key: %v", err)
	}
}

func TestKeyNames(t *testing.T) {
	for _, name := range []string{"", "a b", "a+b", "a\nb", "a\u00a0b", "a\x00b", "\xff", strings.Repeat("a", maxName+1)} {
		if _, err := NewKey(name, rand.Reader); !errors.Is(err, ErrKey) {
			t.Errorf("name %q: %v; want ErrKey", name, err)
		}
	}
	if _, err := NewKey("short", strings.NewReader("too short")); err == nil {
		t.Error("a key from nine bytes")
	}
}

func TestKeyNeverPrintsItsSecret(t *testing.T) {
	k := newKey(t, "officer", 0xab)
	secret := []string{"abab", "171", "q6ur", "\xab\xab", strings.TrimPrefix(k.Skey(), privatePrefix)}
	type holder struct {
		K Key
		k Key
	}
	var out bytes.Buffer
	for _, v := range []any{k, &k, holder{k, k}, &holder{k, k}, []Key{k}, map[string]Key{"k": k}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("key", slog.Any("key", v))
		slog.New(slog.NewJSONHandler(&out, nil)).Info("key", slog.Any("key", v))
		if data, err := json.Marshal(v); err == nil {
			out.Write(data)
		}
	}
	for _, s := range secret {
		if strings.Contains(out.String(), s) {
			t.Errorf("output holds %q:\n%s", s, &out)
		}
	}
}

// An Ed25519 key of small order would accept one signature for many messages.
func TestWeakKeysAreRefused(t *testing.T) {
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1 // R is the neutral point and S is 0: valid whenever 8 divides the hash.
	for _, point := range []string{
		"\x00", "\x01", "\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
		"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
		"\xec" + strings.Repeat("\xff", 30) + "\x7f", "\xed" + strings.Repeat("\xff", 30) + "\x7f", "\xee" + strings.Repeat("\xff", 30) + "\x7f",
	} {
		for _, sign := range []byte{0, 0x80} {
			public := append([]byte(point), make([]byte, 32-len(point))...)
			public[31] |= sign
			weak := false
			for i := range 200 {
				weak = weak || ed25519.Verify(public, fmt.Append(nil, i), forged)
			}
			if !weak && sign == 0 {
				t.Errorf("%x is not weak", public)
			}
			if _, err := ParseVerifier(encodeKey("weak", ed25519Type, public)); !errors.Is(err, ErrKey) {
				t.Errorf("%x: %v; want ErrKey", public, err)
			}
		}
	}
}

func TestCosignatures(t *testing.T) {
	k, text := newKey(t, "witness.example", 1), []byte("example.org/log\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")
	sig, err := k.Cosign(text, 1679315147)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCosigner(k.Cosigner())
	if err != nil {
		t.Fatal(err)
	}
	if at, err := c.Verify(text, sig); err != nil || at != 1679315147 {
		t.Fatalf("time %d, %v", at, err)
	}
	if !ed25519.Verify(c.PublicKey(), append([]byte("cosignature/v1\ntime 1679315147\n"), text...), sig[8:]) {
		t.Error("the signed message is not the one of c2sp.org/tlog-cosignature")
	}
	for i := range 8 * len(sig) {
		b := bytes.Clone(sig)
		b[i/8] ^= 1 << (i % 8)
		if _, err := c.Verify(text, b); !errors.Is(err, ErrSignature) {
			t.Errorf("bit %d: %v; want ErrSignature", i, err)
		}
	}
	for _, b := range [][]byte{nil, sig[:71], append(bytes.Clone(sig), 0)} {
		if _, err := c.Verify(text, b); !errors.Is(err, ErrSignature) {
			t.Errorf("%d bytes: %v; want ErrSignature", len(b), err)
		}
	}
	if _, err := k.Cosign(text, -1); !errors.Is(err, ErrSignature) {
		t.Errorf("time -1: %v", err)
	}
}

func TestSealsPassFromTheThresholdOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "keys")
		threshold := rapid.IntRange(1, n).Draw(t, "threshold")
		d := canon.Sum([]byte("charter"))
		var keys []string
		var seals []Seal
		for i := range n {
			k, err := NewKey(fmt.Sprintf("officer-%d", i), bytes.NewReader(bytes.Repeat([]byte{byte(i)}, 32)))
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, k.Verifier())
			if rapid.Bool().Draw(t, "seals") {
				seals = append(seals, SealDocument(k, "body", d))
			}
		}
		err := CheckSeals("body", d, keys, threshold, seals)
		if len(seals) >= threshold && err != nil {
			t.Fatal(err)
		}
		if len(seals) < threshold && !errors.Is(err, ErrThreshold) {
			t.Fatalf("%d seals of %d: %v", len(seals), threshold, err)
		}
	})
}

func TestEveryTamperingWithSealsIsRefused(t *testing.T) {
	a, b, c := newKey(t, "a", 1), newKey(t, "b", 2), newKey(t, "c", 3)
	twin := newKey(t, "a-again", 1)
	keys, d := []string{a.Verifier(), b.Verifier(), c.Verifier()}, canon.Sum(nil)
	sa, sb, sc := SealDocument(a, "body", d), SealDocument(b, "body", d), SealDocument(c, "body", d)
	bad := sc
	bad.Signature = bytes.Clone(sc.Signature)
	bad.Signature[5] ^= 1
	for name, x := range map[string]struct {
		body      string
		digest    canon.Digest
		keys      []string
		threshold int
		seals     []Seal
		want      error
	}{
		"valid":             {"body", d, keys, 2, []Seal{sa, sb}, nil},
		"more than needed":  {"body", d, keys, 2, []Seal{sa, sb, sc}, nil},
		"too few":           {"body", d, keys, 2, []Seal{sb}, ErrThreshold},
		"none":              {"body", d, keys, 2, nil, ErrThreshold},
		"repeated":          {"body", d, keys, 2, []Seal{sa, sa}, ErrThreshold},
		"out of order":      {"body", d, keys, 2, []Seal{sb, sa}, ErrThreshold},
		"bad extra seal":    {"body", d, keys, 2, []Seal{sa, sb, bad}, ErrSignature},
		"other body":        {"other", d, keys, 2, []Seal{sa, sb}, ErrSignature},
		"other digest":      {"body", canon.Sum([]byte("x")), keys, 2, []Seal{sa, sb}, ErrSignature},
		"unknown key":       {"body", d, keys[:2], 2, []Seal{sa, sc}, ErrUnknownSigner},
		"other's signature": {"body", d, keys, 2, []Seal{sa, {keys[1], sa.Signature}}, ErrSignature},
		"plain signature":   {"body", d, keys, 1, []Seal{{keys[0], a.Sign([]byte(d.String()))}}, ErrSignature},
		"no signature":      {"body", d, keys, 1, []Seal{{keys[0], nil}}, ErrSignature},
		"threshold zero":    {"body", d, keys, 0, nil, ErrThreshold},
		"threshold beyond":  {"body", d, keys, 4, []Seal{sa, sb, sc}, ErrThreshold},
		"key listed twice":  {"body", d, []string{keys[0], keys[0]}, 2, []Seal{sa, sa}, ErrKey},
		"pair listed twice": {"body", d, []string{keys[0], twin.Verifier()}, 2, []Seal{sa, SealDocument(twin, "body", d)}, ErrKey},
		"witness key":       {"body", d, []string{a.Cosigner()}, 1, []Seal{{a.Cosigner(), sa.Signature}}, ErrKey},
		"no key":            {"body", d, []string{""}, 1, nil, ErrKey},
	} {
		if err := CheckSeals(x.body, x.digest, x.keys, x.threshold, x.seals); !errors.Is(err, x.want) || x.want != nil && !errors.Is(err, ErrSeals) {
			t.Errorf("%s: %v; want %v", name, err, x.want)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "officer.key")
	k := newKey(t, "officer", 9)
	if err := SaveKey(path, k); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadKey(path); err != nil || got.Skey() != k.Skey() {
		t.Fatalf("LoadKey: %v", err)
	}
	if err := SaveKey(path, k); !errors.Is(err, ErrKeyFile) || !errors.Is(err, os.ErrExist) {
		t.Errorf("a key is overwritten: %v", err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(path); !errors.Is(err, ErrKeyFile) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "no newline": k.Skey(), "two lines": k.Skey() + "\n\n", "space": " " + k.Skey() + "\n",
		"long": strings.Repeat("x", 1<<20) + "\n", "verifier key": k.Verifier() + "\n",
	} {
		path := filepath.Join(t.TempDir(), "other.key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(path); !errors.Is(err, ErrKeyFile) || strings.Contains(err.Error(), k.Skey()[60:]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadKey(t.TempDir()); !errors.Is(err, ErrKeyFile) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := LoadKey(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func FuzzParseVerifier(f *testing.F) {
	f.Add("officer+00000000+AQ==")
	f.Add(newKey(f, "officer", 3).Verifier())
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := ParseVerifier(text); err == nil && v.String() != text {
			t.Fatalf("%q reads as %s", text, v)
		}
		if c, err := ParseCosigner(text); err == nil && c.String() != text {
			t.Fatalf("%q reads as %s", text, c)
		}
		if k, err := ParseKey(text); err == nil && k.Skey() != text {
			t.Fatalf("%q reads as %s", text, k)
		}
	})
}
