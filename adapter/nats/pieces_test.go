package nats

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestPiecesMakeTheWhole mixes the pieces of two transfers as a connection may.
func TestPiecesMakeTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := func(name string) int { return rapid.IntRange(1, 3*PieceBytes+5).Draw(t, name) }
		wholes := [][]byte{bytes.Repeat([]byte("a"), size("first")), bytes.Repeat([]byte("b"), size("second"))}
		left := [][][]byte{pieces("upload", wholes[0], 1), pieces("reveal", wholes[1], 2)}
		var ts transfers
		got := map[string][]byte{}
		for len(left[0])+len(left[1]) > 0 {
			from := rapid.IntRange(0, 1).Draw(t, "from")
			if len(left[from]) == 0 {
				from = 1 - from
			}
			kind, whole, err := ts.add(left[from][0], 4*PieceBytes)
			if err != nil {
				t.Fatal(err)
			}
			if whole != nil {
				got[kind] = whole
			}
			left[from] = left[from][1:]
		}
		if !bytes.Equal(got["upload"], wholes[0]) || !bytes.Equal(got["reveal"], wholes[1]) || len(ts) != 0 {
			t.Fatalf("%d and %d bytes arrive as %d and %d, %d transfers stay", len(wholes[0]), len(wholes[1]), len(got["upload"]), len(got["reveal"]), len(ts))
		}
	})
}

// TestPiecesAreBounded holds that a member cannot have the hub keep more than it may send.
func TestPiecesAreBounded(t *testing.T) {
	var ts transfers
	whole := make([]byte, 2*PieceBytes)
	if _, _, err := ts.add(pieces("x", whole, 1)[0], len(whole)-1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a request that is too large: %v", err)
	}
	for id := range uint64(10) {
		if _, got, err := ts.add(pieces("x", whole, id)[0], len(whole)); got != nil || err != nil {
			t.Fatal(err)
		}
	}
	if len(ts) != maxTransfers {
		t.Errorf("%d transfers are kept, want %d", len(ts), maxTransfers)
	}
	first := pieces("x", whole, 9)[0]
	if _, got, err := ts.add(append(slices.Clone(first), 1), len(whole)); got != nil || !errors.Is(err, ErrTooLarge) {
		t.Errorf("more bytes than the whole: %d, %v", len(got), err)
	}
	if _, _, err := ts.add(first[:len(first)-PieceBytes], len(whole)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an empty piece: %v", err)
	}
}

// FuzzPiece throws bytes of a hostile member at what puts pieces together.
func FuzzPiece(f *testing.F) {
	f.Add([]byte{})
	f.Add(pieces("upload", make([]byte, 100), 7)[0])
	f.Add([]byte{255, 'x'})
	f.Fuzz(func(t *testing.T, message []byte) {
		const most = 1 << 10
		var ts transfers
		for range 3 {
			kind, whole, err := ts.add(message, most)
			if len(whole) > most || len(ts) > maxTransfers {
				t.Fatalf("%d bytes of %q, %d transfers, %v", len(whole), kind, len(ts), err)
			}
		}
	})
}

// TestLargeRequestsMove holds that the hub hears of a large request while it arrives, and
// that handlers and errors are those of small ones.
func TestLargeRequestsMove(t *testing.T) {
	identity, err := NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	moved := 0
	hub, err := Listen(t.Context(), HubConfig{
		Folder: t.TempDir(), Members: []MemberIdentity{{Name: "KE", NKey: identity.Public()}},
		Moved: func(string) { mu.Lock(); defer mu.Unlock(); moved++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	m, err := Dial(t.Context(), MemberConfig{Address: hub.Address(), Pin: hub.Pin(), Name: "KE", Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	data := make([]byte, 10*PieceBytes)
	if _, err := m.Request(t.Context(), "upload", data); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a kind that nobody handles: %v, want ErrUnreachable", err)
	}
	if err := hub.Handle("upload", func(_ context.Context, from string, got []byte) ([]byte, error) {
		if from != "KE" || !bytes.Equal(got, data) {
			return nil, &RemoteError{"409", "other bytes"}
		}
		return []byte("taken"), nil
	}); err != nil {
		t.Fatal(err)
	}
	rand.Read(data)
	mu.Lock()
	moved = 0
	mu.Unlock()
	if got, err := m.Request(t.Context(), "upload", data); err != nil || string(got) != "taken" {
		t.Errorf("%q, %v", got, err)
	}
	mu.Lock()
	if moved < 10 { // Pieces of the request that nobody handled may be told of after its answer.
		t.Errorf("the hub heard of %d pieces, want 10", moved)
	}
	mu.Unlock()
	if _, err := m.Request(t.Context(), "upload", data[:5*PieceBytes]); err == nil {
		t.Error("a handler's refusal is lost")
	}
}
