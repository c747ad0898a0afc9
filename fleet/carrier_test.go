package fleet

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"comity/body"
	"comity/canon"
	"comity/node"
	"comity/party"
	"comity/verifier/federation"
)

// TestEveryTamperingWithABundle has a carrier cut, flip, mix up and forge what it carries, in
// both directions. Each is refused by its own error, and nothing of it stays: afterwards the
// untouched bundles do what they do.
func TestEveryTamperingWithABundle(t *testing.T) {
	t.Parallel()
	c := carriedFleet(t, 7, 0, 3)
	away, other := c.f.cfg.Carried[0], c.f.cfg.Carried[1]
	stranger := carriedFleet(t, 4, 0)
	q, _ := c.ask(t.Context(), "tampered")
	until(t, c.f, func(s *body.State) bool { return len(s.View().Epochs[q.Epoch].Keys) >= 5 })

	down := c.bundle(away)
	before := everything(t, c.f.cfg.Home.Member(away))
	for name, bad := range tampered(down) {
		if _, err := c.visit(away, bad); !errors.Is(err, node.ErrBundle) && !errors.Is(err, party.ErrSignature) && !errors.Is(err, node.ErrAddressee) {
			t.Errorf("bundle, %s: %v", name, err)
		}
	}
	for name, refused := range map[string]struct {
		data []byte
		want error
	}{
		"another member's":      {c.bundle(other), node.ErrAddressee},
		"another consortium's":  {stranger.bundle(stranger.f.cfg.Carried[0]), node.ErrAddressee},
		"the member's own":      {c.reply(away), node.ErrAddressee},
		"sealed by a member":    {resealed(t, down, c.f.cfg.Home.Member(other).NodeKey()), party.ErrSignature},
		"sealed by the carrier": {append(bytes.Clone(down[:len(down)-64]), make([]byte, 64)...), party.ErrSignature},
	} {
		if _, err := c.visit(away, refused.data); !errors.Is(err, refused.want) {
			t.Errorf("bundle, %s: %v, want %v", name, err, refused.want)
		}
	}
	if after := everything(t, c.f.cfg.Home.Member(away)); !bytes.Equal(before, after) {
		t.Error("what was refused changed the member's home")
	}

	v, err := c.visit(away, down)
	if err != nil || len(v.Trouble) > 0 {
		t.Fatal(err, v)
	}
	size := 0
	c.f.hub.Look(func(s *body.State) { size = s.View().Size })
	for name, bad := range tampered(v.Reply) {
		if _, _, err := c.f.hub.Take(t.Context(), bad); !errors.Is(err, node.ErrBundle) && !errors.Is(err, party.ErrSignature) && !errors.Is(err, node.ErrAddressee) {
			t.Errorf("reply, %s: %v", name, err)
		}
	}
	for name, refused := range map[string]struct {
		data []byte
		want error
	}{
		"the hub's own":        {down, node.ErrAddressee},
		"another consortium's": {stranger.reply(stranger.f.cfg.Carried[0]), node.ErrAddressee},
		"sealed by a member":   {resealed(t, v.Reply, c.f.cfg.Home.Member(other).NodeKey()), party.ErrSignature},
	} {
		if _, _, err := c.f.hub.Take(t.Context(), refused.data); !errors.Is(err, refused.want) {
			t.Errorf("reply, %s: %v, want %v", name, err, refused.want)
		}
	}
	c.f.hub.Look(func(s *body.State) {
		if s.View().Size != size {
			t.Errorf("the log grew from %d to %d entries", size, s.View().Size)
		}
	})

	if _, news, err := c.f.hub.Take(t.Context(), v.Reply); err != nil || news != len(v.Said) {
		t.Fatalf("the untouched reply: %d new, %v", news, err)
	}
	c.trip(other)
	until(t, c.f, func(s *body.State) bool { return len(s.View().Epochs[q.Epoch].Boxes) >= 5 })
	c.trip(away)
	c.trip(other)
	c.phase(q.Round, federation.Dealing, deals, 5)
	if _, err := c.visit(away, down); !errors.Is(err, node.ErrStale) {
		t.Errorf("an old bundle: %v", err)
	}
}

// reply is what a member's home keeps for the hub.
func (c *carrier) reply(id party.ID) []byte {
	c.t.Helper()
	data, err := node.LastReply(c.f.cfg.Home.Member(id))
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

// tampered cuts a bundle at, and flips a bit of, bytes all over it.
func tampered(data []byte) map[string][]byte {
	all := map[string][]byte{"empty": {}, "a byte more": append(bytes.Clone(data), 0), "twice": slices.Concat(data, data)}
	at := []int{0, 1, 16, 17, 18, 19, 20, 60, len(data) - 64, len(data) - 1}
	for i := 100; i < len(data); i += len(data)/61 + 1 {
		at = append(at, i)
	}
	for _, i := range at {
		all["cut at "+string(rune('0'+i%10))+canon.Sum(data[:i]).Hex()[:6]] = data[:i]
		flipped := bytes.Clone(data)
		flipped[i] ^= 1 << (i % 8)
		all["flipped at "+canon.Sum(flipped).Hex()[:6]] = flipped
	}
	return all
}

// resealed signs the bytes of a bundle with another key.
func resealed(t *testing.T, data []byte, keyFile string) []byte {
	t.Helper()
	key, err := party.LoadKey(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	b, err := node.ParseBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	signed := data[:len(data)-64]
	return slices.Concat(signed, party.SealDocument(key, b.Body, canon.Sum(signed)).Signature)
}

// everything is all that a home holds, but the compiled solver's cache and locks.
func everything(t *testing.T, home node.Home) (all []byte) {
	t.Helper()
	if err := filepath.WalkDir(string(home), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all = append(append(all, path...), data...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestASplitLog has the operator and all other members show one log to the member by stick,
// and then another, both with every signature that the charter asks for.
func TestASplitLog(t *testing.T) {
	t.Parallel()
	c := carriedFleet(t, 4, 2)
	away := c.f.cfg.Carried[0]
	if err := c.f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	fork := c.f.cfg
	fork.Home = node.Home(t.TempDir())
	copyHome(t, fork.Home, c.f.cfg.Home)

	c.restart(c.f.cfg)
	one, _ := c.ask(t.Context(), "one")
	c.phase(one.Round, federation.Asked, consents, 3)
	if v := c.trip(away); len(v.Trouble) > 0 {
		t.Fatalf("%+v", v)
	}
	cfg, err := c.f.cfg.member(away)(t.Context(), c.f.sealed, place{}, c.f.engine)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	c.restart(fork)
	two, _ := c.ask(t.Context(), "two")
	until(t, c.f, func(s *body.State) bool { return len(s.View().Epochs[two.Epoch].Keys) == 3 })
	for range 5 { // With larger numbers than the other hub's.
		c.bundle(away)
	}
	data := c.bundle(away)
	before := everything(t, cfg.Home)
	if _, err := node.Visit(t.Context(), cfg, data); !errors.Is(err, node.ErrSplit) {
		t.Errorf("another log: %v", err)
	}
	if !bytes.Equal(before, everything(t, cfg.Home)) {
		t.Error("the other log changed the home")
	}
	// A member that lost what it kept of the log still has its witness.
	if err := os.RemoveAll(filepath.Join(string(cfg.Home), "carried")); err != nil {
		t.Fatal(err)
	}
	if data, err = c.f.hub.Bundle(t.Context(), away, true); err != nil {
		t.Fatal(err)
	}
	if _, err := node.Visit(t.Context(), cfg, data); !errors.Is(err, node.ErrSplit) {
		t.Errorf("another log, and nothing to compare with but the witness: %v", err)
	}
}

// restart starts a fleet anew.
func (c *carrier) restart(cfg Config) {
	c.t.Helper()
	f, err := Start(c.t.Context(), cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = f.Close(c.t.Context()) })
	c.f = f
}

// copyHome copies a home with its modes.
func copyHome(t *testing.T, to, from node.Home) {
	t.Helper()
	if err := filepath.WalkDir(string(from), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(string(to), strings.TrimPrefix(path, string(from)))
		if e.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o600)
	}); err != nil {
		t.Fatal(err)
	}
}
