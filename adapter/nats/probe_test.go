package nats

import (
	"errors"
	"strings"
	"testing"
)

// TestProbe holds that only the pinned hub passes, and that who is away is told apart.
func TestProbe(t *testing.T) {
	hub, err := Listen(t.Context(), HubConfig{Address: "127.0.0.1:0", Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	address, pin := hub.Address(), hub.Pin()
	if err := Probe(t.Context(), address, pin, nil); err != nil {
		t.Errorf("the hub itself: %v", err)
	}
	if err := Probe(t.Context(), address, "sha256:"+strings.Repeat("0", 64), nil); !errors.Is(err, ErrPin) {
		t.Errorf("another pin: %v, want ErrPin", err)
	}
	if err := Probe(t.Context(), address, "none", nil); !errors.Is(err, ErrConfig) {
		t.Errorf("no pin: %v, want ErrConfig", err)
	}
	hub.Close()
	if err := Probe(t.Context(), address, pin, nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a closed hub: %v, want ErrUnreachable", err)
	}
}
