package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"comity/allocator/certificate"
	"comity/replay"
	"comity/verifier/ledger"
)

// TestEveryCauseHasOneCode wraps each cause the way callers do.
func TestEveryCauseHasOneCode(t *testing.T) {
	seen := map[error]int{}
	exits := map[int]bool{0: true}
	for _, row := range codes() {
		if exits[row.exit] || row.slug == "" || row.meaning == "" || row.next == "" {
			t.Errorf("code %d is not one whole row: %+v", row.exit, row)
		}
		exits[row.exit] = true
		for _, cause := range row.causes {
			if other, ok := seen[cause]; ok {
				t.Errorf("%v has codes %d and %d", cause, other, row.exit)
			}
			seen[cause] = row.exit
			if got := codeOf(fmt.Errorf("while working: %w", fmt.Errorf("%w: details", cause))); got.exit != row.exit {
				t.Errorf("%v has code %d, want %d", cause, got.exit, row.exit)
			}
		}
	}
}

// TestTheStrongerCauseWins holds the order of the table.
func TestTheStrongerCauseWins(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{fmt.Errorf("%w: %w", replay.ErrIncomplete, os.ErrNotExist), 12},
		{fmt.Errorf("%w: %w", ledger.ErrMalformed, syscall.ENOSPC), 74},
		{fmt.Errorf("%w: %w", replay.ErrDiffers, ledger.ErrAltered), 12},
		{fmt.Errorf("%w: %w", replay.ErrDiffers, certificate.ErrGap), 40},
		{usageError{os.ErrNotExist}, 2},
		{errors.Join(errInterrupted, os.ErrNotExist), 130},
		{errors.New("something else"), 1},
		{&os.PathError{Op: "read", Path: "x", Err: syscall.EISDIR}, 74},
	} {
		if got := codeOf(tt.err); got.exit != tt.want {
			t.Errorf("%v has code %d, want %d", tt.err, got.exit, tt.want)
		}
	}
}

// TestFullOutput holds that a result that cannot be written is no success.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Logf("no /dev/full here: %v", err)
		return
	}
	defer full.Close()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, args := range [][]string{{"version"}, {"--json", "version"}, {"help"}} {
		if got := run(t.Context(), args, full, log); got != 74 {
			t.Errorf("%v on a full disk has code %d, want 74", args, got)
		}
	}
}
