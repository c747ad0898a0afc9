package durable_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"comity/durable"
)

func TestWriteFileReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for _, want := range []string{"first", "a longer second", ""} {
		if err := durable.WriteFile(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		holds(t, path, want)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

// TestPublishFollowsTheUmask compares with a file that is simply made, so that any umask
// will do.
func TestPublishFollowsTheUmask(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "proof.json")
	publish := func(text string) fs.FileMode {
		if err := durable.Publish(path, func(out io.Writer) error { _, err := io.WriteString(out, text); return err }); err != nil {
			t.Fatal(err)
		}
		holds(t, path, text)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	if got := publish("first"); got != want.Mode() {
		t.Errorf("mode %v, want %v", got, want.Mode())
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if got := publish("second"); got != 0o640 {
		t.Errorf("mode %v, want that of the file before, 0640", got)
	}
}

// TestPublishPassesWhatACrashLeft has a temporary file in the way.
func TestPublishPassesWhatACrashLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proof.json")
	left := filepath.Join(filepath.Dir(path), fmt.Sprintf(".proof.json.%d-0", os.Getpid()))
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := durable.Publish(path, func(out io.Writer) error { _, err := io.WriteString(out, "whole"); return err }); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(left); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "whole")
}

// A failure at any moment leaves the old bytes and no second file.
func TestFailureLeavesTheOldFile(t *testing.T) {
	broken := errors.New("broken")
	path := filepath.Join(t.TempDir(), "state")
	if err := durable.WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	for _, write := range []func(string, func(io.Writer) error) error{durable.Write, durable.Publish} {
		for _, some := range []string{"", "half of the n"} {
			err := write(path, func(out io.Writer) error {
				if _, err := io.WriteString(out, some); err != nil {
					return err
				}
				return broken
			})
			if !errors.Is(err, broken) {
				t.Fatalf("after %q: %v, want %v", some, err, broken)
			}
			holds(t, path, "old")
		}
	}
}

func TestFolderThatVanishedIsNotMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vanished", "state")
	if err := durable.WriteFile(path, []byte("new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want %v", err, os.ErrNotExist)
	}
}

// A folder cannot be replaced by a file: the rename fails.
func TestFailedRenameLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := os.MkdirAll(filepath.Join(path, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(path, []byte("new")); err == nil {
		t.Fatal("a file took the place of a folder")
	}
	alone(t, path)
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Fatalf("%s holds %q, %v; want %q", path, got, err, want)
	}
	alone(t, path)
}

func alone(t *testing.T, path string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v beside %s, %v; want nothing", files, path, err)
	}
}
