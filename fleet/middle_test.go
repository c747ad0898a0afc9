package fleet

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"comity/node"
	"comity/pack"
	"comity/party"
)

// middleHome names the home above, where this process is the member in the middle.
const middleHome = "COMITY_TEST_MIDDLE"

// apart is three members, each in a process of its own, one of them the hub of three more.
func apart(t *testing.T, top node.Home) Config {
	t.Helper()
	world := wardTier()
	world.bodies[top] = wardsOf(t, "W", []party.ID{"W-A", "W-B", "W-C"})
	world.bodies[belowOf(top)] = wardsOf(t, "W-A", []party.ID{"W-A-A", "W-A-B", "W-A-C"})
	return Config{
		Home: top, Scenario: world.bodies[top], Apart: true, Clock: time.Now, Progress: func(node.Event) {},
		Cache: filepath.Join(os.TempDir(), "comity-test-wasm"),
		Below: func(home node.Home) (pack.Scenario, error) { return world.bodies[home], nil },
	}
}

// belowOf is where put founds the body below W-A.
func belowOf(top node.Home) node.Home {
	return node.Home(filepath.Join(string(top.Member("W-A")), "below"))
}

// The process of a member that is a hub is killed again and again while its body answers,
// with all the members below it: the answer is the same.
func TestAKilledMiddleGoesOn(t *testing.T) {
	if top := os.Getenv(middleHome); top != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(1) // Who would kill this process is gone.
		}()
		t.Fatal(RunMember(t.Context(), apart(t, node.Home(top)), "W-A"))
	}
	t.Parallel()
	world := wardTier()
	top := node.Home(t.TempDir())
	world.raise(t, top, "W", 3)
	leaves := append(world.put(t, top.Member("W-A"), "W-A", 3), "W-B", "W-C")
	cfg := apart(t, top)
	f, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close(t.Context())
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for _, id := range []party.ID{"W-B", "W-C"} {
		running.Go(func() {
			if err := RunMember(ctx, cfg, id); err != nil {
				t.Error(err)
			}
		})
	}
	end := middle(t, top)
	defer func() { end() }()
	if err := f.Found(t.Context()); err != nil {
		t.Fatal(err, f.reported())
	}
	answered := make(chan struct{})
	running.Go(func() {
		defer close(answered)
		b, got, err := ask(t, f, meanBeds())
		if err != nil || len(b.Survivors.Members) != 3 {
			t.Errorf("survivors %v (%v), want all", b.Survivors, err)
			return
		}
		same(t, pooled(t, meanBeds(), leaves), got)
	})
	kills, at := 0, logged(belowOf(top))
	for over := false; !over; {
		select {
		case <-answered:
			over = true
		case <-time.After(5 * time.Millisecond):
			// Every seventh statement: approvals, keys, nonces, shares, vectors, openings.
			if now := logged(belowOf(top)); at > 0 && now >= at+7 {
				end()
				t.Logf("killed at %d entries", now)
				kills, at = kills+1, logged(belowOf(top))
				end = middle(t, top)
			} else if at == 0 {
				at = now
			}
		}
	}
	if kills < 4 {
		t.Errorf("killed %d times, want at least 4", kills)
	}
}

// middle starts the process, and returns what kills it.
func middle(t *testing.T, top node.Home) (kill func()) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestAKilledMiddleGoesOn$")
	c.Env = append(os.Environ(), middleHome+"="+string(top))
	if _, err := c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := c.Process.Kill(); err != nil {
			t.Errorf("the middle ended by itself: %v\n%s", err, said.Bytes())
		}
		_ = c.Wait()
	}
}

// logged is how many entries the checkpoint of a log covers, 0 without one.
func logged(home node.Home) int {
	data, _ := os.ReadFile(filepath.Join(home.Log(), "checkpoint"))
	lines := bytes.SplitN(data, []byte("\n"), 3)
	if len(lines) < 3 {
		return 0
	}
	n, err := strconv.Atoi(string(lines[1]))
	if err != nil {
		panic(fmt.Sprintf("checkpoint %q", data)) // Files are replaced in one step.
	}
	return n
}
