package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// process is one hub or member that the test may kill and start again.
type process struct {
	name string
	args []string
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan error
}

func (p *process) start(t *testing.T, binary string, env []string) {
	t.Helper()
	p.cmd = exec.Command(binary, p.args...)
	p.cmd.Env = env
	p.out.Reset()
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.done = make(chan error, 1)
	go func() { p.done <- p.cmd.Wait() }()
}

// kill ends a process as a power cut would.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	<-p.done
}

// TestKillsLoseAndDuplicateNothing runs a hub and members as processes and kills one of
// them again and again, at random moments. COMITY_KILLS sets how often (make soak: 200).
func TestKillsLoseAndDuplicateNothing(t *testing.T) {
	kills := 8
	if text := os.Getenv("COMITY_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	work := t.TempDir()
	binary := filepath.Join(work, "comity")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	env := append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(os.TempDir(), "comity-test-cache"))
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(binary, args...)
		cmd.Env = env
		out, err := cmd.Output()
		if err != nil {
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				t.Fatalf("comity %v: %v\n%s", args, err, exit.Stderr)
			}
			t.Fatal(err)
		}
		return out
	}
	data, home := filepath.Join(work, "data"), filepath.Join(work, "home")
	run("up", "--example", data)
	var founded struct {
		Data struct {
			Members []string `json:"members"`
		} `json:"data"`
	}
	if err := json.Unmarshal(run("init", "--home", home, "--data", data, "--origin", "2025-11-26", "--json"), &founded); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d kills, %d members", seed, kills, len(founded.Data.Members))
	chance := rand.New(rand.NewPCG(seed, 1))

	hub := &process{name: "hub", args: []string{"serve", "--hub", "--home", home, "--until", "520"}}
	all := []*process{hub}
	hub.start(t, binary, env)
	waitFor(t, filepath.Join(home, "hub", "place.json"))
	for _, id := range founded.Data.Members {
		m := &process{name: id, args: []string{"serve", "--member", id, "--home", home}}
		m.start(t, binary, env)
		all = append(all, m)
	}
	defer func() {
		for _, p := range all {
			p.kill(t)
		}
	}()
	for n := range kills {
		time.Sleep(time.Duration(100+chance.IntN(1200)) * time.Millisecond)
		// The hub is one of many and the worst to lose: it dies every third time.
		victim := all[chance.IntN(len(all))]
		if chance.IntN(3) == 0 {
			victim = hub
		}
		select {
		case err := <-victim.done:
			victim.done <- err // For who waits for it at the end.
			t.Fatalf("kill %d: %s had ended by itself: %v\n%s", n, victim.name, err, victim.out.Bytes())
		default:
		}
		victim.kill(t)
		time.Sleep(time.Duration(chance.IntN(1500)) * time.Millisecond)
		victim.start(t, binary, env)
	}
	before := decided(t, home)
	deadline := time.Now().Add(3 * time.Minute)
	for decided(t, home) < before+2 {
		if time.Now().After(deadline) {
			t.Fatalf("no two more decisions within three minutes of the last kill; hub says:\n%s", hub.out.Bytes())
		}
		time.Sleep(200 * time.Millisecond)
	}
	for _, p := range all {
		p.kill(t)
	}
	var replayed struct {
		Data struct {
			Statements int `json:"statements"`
			Models     int `json:"models"`
			Effective  int `json:"effective"`
		} `json:"data"`
	}
	// Folding the log again refuses every counter that is missing or comes twice, and
	// trains every model again from the sums.
	if err := json.Unmarshal(run("audit", "replay", home, "--json"), &replayed); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d decisions in effect, %d statements, %d models, after %d kills", replayed.Data.Effective, replayed.Data.Statements, replayed.Data.Models, kills)
	if replayed.Data.Effective < before {
		t.Errorf("%d decisions have effect, %d had before", replayed.Data.Effective, before)
	}
	for _, p := range all {
		p.start(t, binary, env) // So that the deferred kill finds something.
	}
}

// decided counts the allocations with a receipt.
func decided(t *testing.T, home string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(home, "receipts", "*-allocation.proof"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func waitFor(t *testing.T, file string) {
	t.Helper()
	for range 300 {
		if _, err := os.Stat(file); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal(fmt.Errorf("%s did not appear within 30 s", file))
}
