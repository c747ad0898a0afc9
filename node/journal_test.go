package node

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// A crash may cut the file anywhere. What was acknowledged before the cut is read back,
// nothing else is, and the journal goes on from there.
func TestAJournalCutAnywhereKeepsItsWholeEntries(t *testing.T) {
	folder := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		name := filepath.Join(folder, "journal", string(rune('a'+n%20)))
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
		entries := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 1, 6).Draw(t, "entries")
		j, err := openJournal(name)
		if err != nil {
			t.Fatal(err)
		}
		ends := []int{0}
		for _, e := range entries {
			if err := j.Append(e); err != nil {
				t.Fatal(err)
			}
			ends = append(ends, ends[len(ends)-1]+8+len(e))
		}
		cut := rapid.IntRange(0, ends[len(ends)-1]).Draw(t, "cut")
		if err := os.Truncate(name, int64(cut)); err != nil {
			t.Fatal(err)
		}
		whole := 0
		for whole < len(entries) && ends[whole+1] <= cut {
			whole++
		}
		again, err := openJournal(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Append([]byte("after")); err != nil {
			t.Fatal(err)
		}
		third, err := openJournal(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := third.Entries()
		if err != nil {
			t.Fatal(err)
		}
		want := append(append([][]byte{}, entries[:whole]...), []byte("after"))
		if len(got) != len(want) {
			t.Fatalf("cut at %d of %d: %d entries, want %d", cut, ends[len(ends)-1], len(got), len(want))
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("entry %d is %x, want %x", i, got[i], want[i])
			}
		}
	})
}

func TestAFlippedBitEndsTheJournalBeforeIt(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []string{"first", "second", "third"} {
		if err := j.Append([]byte(e)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[8+len("first")+8] ^= 1 // In "second".
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := openJournal(name)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := again.Entries(); len(got) != 1 || string(got[0]) != "first" {
		t.Fatalf("%q, want the first entry alone", got)
	}
	if err := again.Append(make([]byte, maxJournal+1)); err == nil {
		t.Fatal("an entry above the bound was accepted")
	}
}

// TestAFullDiskLeavesNoHalfFile writes to a device that takes nothing: what is kept under a
// digest would else be believed to be there.
func TestAFullDiskLeavesNoHalfFile(t *testing.T) {
	s := fileStore(t.TempDir())
	if err := os.Symlink("/dev/full", filepath.Join(string(s), "sum.part")); err != nil {
		t.Fatal(err)
	}
	if err := s.Put("sum", []byte("masked")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("put on a full disk: %v, want ENOSPC", err)
	}
	if _, err := s.Get("sum"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get after that: %v, want ErrNotExist", err)
	}
}

// TestAKilledWriteIsNotThere holds that what a killed process wrote half is not taken for
// what it kept, and that it can be kept again.
func TestAKilledWriteIsNotThere(t *testing.T) {
	s := fileStore(t.TempDir())
	for _, half := range []string{"", "mas"} {
		if err := os.WriteFile(filepath.Join(string(s), "sum.part"), []byte(half), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get("sum"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("half of it: %v, want ErrNotExist", err)
		}
		if err := s.Put("sum", []byte("masked")); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get("sum"); err != nil || string(got) != "masked" {
			t.Errorf("kept %q (%v)", got, err)
		}
		if err := os.Remove(filepath.Join(string(s), "sum")); err != nil {
			t.Fatal(err)
		}
	}
}
