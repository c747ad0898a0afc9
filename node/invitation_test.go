package node_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"comity"
	"comity/adapter/nats"
	"comity/canon"
	"comity/node"
	"comity/party"
)

// invitation is one to KE, whose draft holds no more than is looked at here.
func invitation(t testing.TB) *node.Invitation {
	t.Helper()
	token, err := nats.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v := &node.Invitation{
		Comity: "invitation/v1", Party: "KE", Addresses: []string{"hub.example.org:7475", "wss://hub.example.org:443"}, Pin: canon.Sum(nil),
		Expires: "2026-11-27T12:00:00Z", Officers: 3, Needed: 2, Token: token.Seed(), Text: "id: body",
		Declares: map[string]canon.Int{"stock": 7}, Draft: comity.Charter{ID: "body", Parties: []comity.Party{{ID: "KE"}, {ID: "TZ"}}},
	}
	if err := v.Seal(); err != nil {
		t.Fatal(err)
	}
	return v
}

func write(t testing.TB, v *node.Invitation) (file string, data []byte) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "KE.invitation")
	if err := v.Write(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, data
}

func TestAnInvitationIsReadBack(t *testing.T) {
	v := invitation(t)
	file, _ := write(t, v)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	got, err := node.ReadInvitation(file)
	if err != nil || got.Digest != v.Digest || got.Words() != v.Words() || got.Token != v.Token {
		t.Errorf("%+v, %v", got, err)
	}
	if err := v.Write(file); !errors.Is(err, os.ErrExist) {
		t.Errorf("written over another one: %v", err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := node.ReadInvitation(file); !errors.Is(err, node.ErrInvitation) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
}

// TestEveryAlteredByteIsSeen flips each byte of an invitation. The token is covered
// through its public half.
func TestEveryAlteredByteIsSeen(t *testing.T) {
	_, data := write(t, invitation(t))
	for i := range len(data) - 1 {
		altered := bytes.Clone(data)
		altered[i] ^= 1
		v, err := node.ParseInvitation(altered)
		if err == nil {
			t.Fatalf("byte %d, %q, was altered and nobody sees it: %+v", i, data[max(0, i-20):i+1], v)
		}
		if !errors.Is(err, node.ErrInvitation) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

// TestInvitationsThatNoOperatorWrites are refused although their digests fit.
func TestInvitationsThatNoOperatorWrites(t *testing.T) {
	for name, change := range map[string]func(*node.Invitation){
		"another form":         func(v *node.Invitation) { v.Comity = "invitation/v2" },
		"no party":             func(v *node.Invitation) { v.Party = "" },
		"not in the draft":     func(v *node.Invitation) { v.Party = "QQ" },
		"no address":           func(v *node.Invitation) { v.Addresses = nil },
		"many addresses":       func(v *node.Invitation) { v.Addresses = strings.Split(strings.Repeat("a:1 ", 9), " ")[:9] },
		"address of a path":    func(v *node.Invitation) { v.Addresses = []string{"a/b:1"} },
		"address of a user":    func(v *node.Invitation) { v.Addresses = []string{"wss://me@a:1"} },
		"address without host": func(v *node.Invitation) { v.Addresses = []string{":1"} },
		"address without port": func(v *node.Invitation) { v.Addresses = []string{"a"} },
		"another scheme":       func(v *node.Invitation) { v.Addresses = []string{"http://a:1"} },
		"no end":               func(v *node.Invitation) { v.Expires = "soon" },
		"no officers":          func(v *node.Invitation) { v.Officers = 0 },
		"too many officers":    func(v *node.Invitation) { v.Officers = 1 << 20 },
		"officers who cannot":  func(v *node.Invitation) { v.Needed = 4 },
	} {
		v := invitation(t)
		change(v)
		if err := v.Seal(); err != nil {
			t.Fatal(err)
		}
		_, data := write(t, v)
		if _, err := node.ParseInvitation(data); !errors.Is(err, node.ErrInvitation) {
			t.Errorf("%s: %v, want ErrInvitation", name, err)
		}
	}
}

func FuzzParseInvitation(f *testing.F) {
	_, data := write(f, invitation(f))
	f.Add(data)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := node.ParseInvitation(data)
		if err != nil && !errors.Is(err, node.ErrInvitation) {
			t.Fatal(err)
		}
		if err == nil {
			if _, err := v.Deadline(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// enrolment is KE's, signed with the keys that it names.
func enrolment(t testing.TB) (node.Enrolment, []party.Key, party.Key) {
	t.Helper()
	key := func(name string) party.Key {
		k, err := party.NewKey(name, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	officers := []party.Key{key("ke.officer-1"), key("ke.officer-2")}
	own, witness := key("ke.node"), key(party.WitnessName("KE"))
	return node.Enrolment{
		Party: "KE", Terms: canon.Sum([]byte("terms")), Officers: []string{officers[0].Verifier(), officers[1].Verifier()},
		Node: own.Verifier(), Witness: witness.Cosigner(), Transport: "U",
	}, officers, own
}

// TestNobodyEnrolsAKeyOfAnother holds every part of an enrolment against its seals.
func TestNobodyEnrolsAKeyOfAnother(t *testing.T) {
	e, officers, own := enrolment(t)
	parse := func(s node.SignedEnrolment, body string) error {
		data, err := canon.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		_, err = node.ParseEnrolment(data, body)
		return err
	}
	signed, err := e.Sign("body", officers, own)
	if err != nil {
		t.Fatal(err)
	}
	if err := parse(signed, "body"); err != nil {
		t.Errorf("an honest enrolment: %v", err)
	}
	other, _, _ := enrolment(t)
	for name, change := range map[string]func(*node.SignedEnrolment){
		"party":       func(s *node.SignedEnrolment) { s.Enrolment.Party = "TZ" },
		"terms":       func(s *node.SignedEnrolment) { s.Enrolment.Terms = canon.Sum(nil) },
		"officers":    func(s *node.SignedEnrolment) { s.Enrolment.Officers = other.Officers },
		"no officers": func(s *node.SignedEnrolment) { s.Enrolment.Officers = nil },
		"node":        func(s *node.SignedEnrolment) { s.Enrolment.Node = other.Node },
		"witness":     func(s *node.SignedEnrolment) { s.Enrolment.Witness = other.Witness },
		"transport":   func(s *node.SignedEnrolment) { s.Enrolment.Transport = "V" },
		"seal":        func(s *node.SignedEnrolment) { s.Seals[1].Signature[3] ^= 1 },
		"fewer seals": func(s *node.SignedEnrolment) { s.Seals = s.Seals[:2] },
		"other order": func(s *node.SignedEnrolment) { s.Seals[0], s.Seals[1] = s.Seals[1], s.Seals[0] },
	} {
		s, err := e.Sign("body", officers, own)
		if err != nil {
			t.Fatal(err)
		}
		change(&s)
		if err := parse(s, "body"); !errors.Is(err, node.ErrEnrolment) {
			t.Errorf("%s: %v, want ErrEnrolment", name, err)
		}
	}
	if err := parse(signed, "another body"); !errors.Is(err, node.ErrEnrolment) {
		t.Errorf("of another body: %v", err)
	}
	if _, err := node.ParseEnrolment(make([]byte, 1<<20), "body"); !errors.Is(err, node.ErrEnrolment) {
		t.Errorf("too many bytes: %v", err)
	}
}

func FuzzParseEnrolment(f *testing.F) {
	e, officers, own := enrolment(f)
	s, err := e.Sign("body", officers, own)
	if err != nil {
		f.Fatal(err)
	}
	data, err := canon.Marshal(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := node.ParseEnrolment(data, "body"); err != nil && !errors.Is(err, node.ErrEnrolment) {
			t.Fatal(err)
		}
	})
}

// TestTokensStayOutOfSight holds that no error quotes a token.
func TestTokensStayOutOfSight(t *testing.T) {
	v := invitation(t)
	token := v.Token
	other := "A"
	if token[40:41] == other {
		other = "B"
	}
	v.Token = token[:40] + other + token[41:]
	if err := v.Seal(); err == nil || strings.Contains(err.Error(), token[:20]) || strings.Contains(err.Error(), v.Token[20:]) {
		t.Errorf("a broken token: %v", err)
	}
	if ends, err := invitation(t).Deadline(); err != nil || !ends.Equal(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("it ends at %s, %v", ends, err)
	}
}
