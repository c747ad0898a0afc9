package tlog_test

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"comity/adapter/tlog"
	"comity/party/partytest"
)

// crashFolder tells the test binary to be the process that is killed.
const crashFolder = "COMITY_TEST_TLOG_CRASH_FOLDER"

// TestKilledLogKeepsWhatItConfirmed kills a process that appends as fast as it can,
// at different moments, and opens its folder again each time.
func TestKilledLogKeepsWhatItConfirmed(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(crashFolder); dir != "" {
		appendUntilKilled(t, dir)
		return
	}
	dir := t.TempDir()
	confirmed := map[int64]string{}
	for round, appends := range []int{3, 25} {
		maps.Copy(confirmed, runAndKill(t, dir, appends))
		s := crashSetting(t, dir)
		l := s.open(t)
		size, err := l.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("after crash %d", round)
		index, err := l.Append(t.Context(), []byte(text))
		if err != nil || index != size {
			t.Fatalf("entry after a crash has index %d of %d: %v", index, size, err)
		}
		confirmed[index] = text
		if _, err := l.Witnessed(t.Context(), index); err != nil {
			t.Fatal(err)
		}
		closeLog(t, l)
		r, err := tlog.OpenFolder(t.Context(), s.config.Folder)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := r.Entries(t.Context(), 0, r.Size())
		if err != nil {
			t.Fatal(err)
		}
		for index, text := range confirmed {
			if index >= r.Size() || !bytes.Equal(entries[index], []byte(text)) {
				t.Fatalf("confirmed entry %d, %q, is lost in a log of %d", index, text, r.Size())
			}
		}
	}
}

// crashSetting keeps log and witness in dir, so that both survive the process.
func crashSetting(t testing.TB, dir string) *setting {
	t.Helper()
	s := newSetting(t, 1, 1)
	s.config.Folder = filepath.Join(dir, "log")
	s.config.Batch = 5 * time.Millisecond
	w := newWitness(t, filepath.Join(dir, "witness"))
	s.config.Witnesses = []tlog.WitnessEndpoint{{Key: partytest.Key(t, "ke.witness").Cosigner(), Ask: askInProcess(w)}}
	return s
}

func appendUntilKilled(t *testing.T, dir string) {
	t.Helper()
	l := crashSetting(t, dir).open(t)
	for i := 0; ; i++ {
		text := fmt.Sprintf("process %d entry %d", os.Getpid(), i)
		index, err := l.Append(t.Context(), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("confirmed\t%d\t%s\n", index, text)
	}
}

// runAndKill returns what a process confirmed before it was killed.
func runAndKill(t *testing.T, dir string, appends int) map[int64]string {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestKilledLogKeepsWhatItConfirmed$")
	c.Env = append(os.Environ(), crashFolder+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	confirmed := map[int64]string{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 || fields[0] != "confirmed" {
			t.Errorf("process says %q", lines.Text())
			break
		}
		index, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		confirmed[index] = fields[2]
		if len(confirmed) == appends {
			break
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if c.Wait() == nil {
		t.Error("process ended by itself")
	}
	if len(confirmed) != appends {
		t.Fatalf("%d of %d appends confirmed", len(confirmed), appends)
	}
	return confirmed
}
