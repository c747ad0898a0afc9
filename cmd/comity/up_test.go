package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"comity/canon"
	"comity/chance"
	"comity/fleet"
	"comity/node"
	"comity/packs/health"
)

// world is what the scripts look at: a home with one decision, the same log before that
// decision, and the home of strangers.
type world struct {
	home, early, other        string
	words, digest, otherWords string
	allocation                string // Receipt file.
	site                      string // URL of the log.
}

func newWorld(t *testing.T) *world {
	t.Helper()
	source, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("COMITY_TEST_SOURCE", source)
	folder := t.TempDir()
	w := &world{home: filepath.Join(folder, "our home"), early: filepath.Join(folder, "early"), other: filepath.Join(folder, "other")}
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(w.home, "log"))))
	t.Cleanup(server.Close)
	w.site = server.URL
	w.otherWords = foundOther(t, w.other)
	return w
}

// foundOther founds another consortium that decides nothing, with a receipt of its charter.
func foundOther(t *testing.T, folder string) (words string) {
	t.Helper()
	s, err := health.Scenario("respiratory", chance.Derive(chance.Seed{}, "other"))
	if err != nil {
		t.Fatal(err)
	}
	s.Members = s.Members[:4]
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	f, err := fleet.Start(ctx, fleet.Config{Home: node.Home(folder), Scenario: s, Clock: time.Now, Progress: func(node.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	if err := f.Found(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Hub().Receipts(ctx); err != nil {
		t.Fatal(err)
	}
	return canon.Sum(f.Sealed()).Words()
}

// watched is an output on which a test waits for a text.
type watched struct {
	mu   sync.Mutex
	cond *sync.Cond
	text bytes.Buffer
	over bool
}

func newWatched() *watched {
	w := &watched{}
	w.cond = sync.NewCond(&w.mu)
	return w
}

// Write implements io.Writer.
func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cond.Broadcast()
	return w.text.Write(p)
}

// close ends every wait.
func (w *watched) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.cond.Broadcast()
}

// await returns false if the command ended without the text.
func (w *watched) await(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !strings.Contains(w.text.String(), text) {
		if w.over {
			return false
		}
		w.cond.Wait()
	}
	return true
}

// String returns what was written so far.
func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// started is a command that runs beside the test.
type started struct {
	out, err *watched
	exit     chan int
	stop     context.CancelFunc
}

func start(t *testing.T, args ...string) *started {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	s := &started{newWatched(), newWatched(), make(chan int, 1), stop}
	go func() {
		s.exit <- run(ctx, args, s.out, s.err)
		s.out.close()
		s.err.close()
	}()
	t.Cleanup(stop)
	return s
}

// testUp interrupts a consortium in its first training, resumes it, looks at its page,
// and ends it. The decision of the resumed run is the one that all scripts look at.
func testUp(t *testing.T, w *world) {
	first := start(t, "up", "--once", "--home", w.home)
	if !first.err.await("members exchange masking keys") {
		t.Fatalf("it ended early: %s", first.err)
	}
	if err := os.CopyFS(filepath.Join(w.early, "log"), os.DirFS(filepath.Join(w.home, "log"))); err != nil {
		t.Fatal(err)
	}
	exit, out, _ := inProcess(t.Context(), "up", "--once", "--json", "--home", w.home)
	if err := checkDocument([]byte(out), 75); err != nil || exit != 75 {
		t.Errorf("a second run on the same home: code %d, %v", exit, err)
	}
	first.stop()
	if exit := <-first.exit; exit != 130 {
		t.Fatalf("interrupted, the code is %d, want 130: %s", exit, first.err)
	}
	if text := first.err.String(); !strings.Contains(text, "to go on: "+command("up", "--home", w.home)) || first.out.String() != "" {
		t.Errorf("interrupted, it does not say how to go on: %s", text)
	}
	if exit, _, err := inProcess(t.Context(), "log", "verify", "--home", w.home); exit != 0 {
		t.Errorf("the log of an interrupted run: code %d, %s", exit, err)
	}
	blocker, err := net.Listen("tcp", "127.0.0.1:7474")
	if err == nil {
		defer blocker.Close()
	}
	second := start(t, "up", "--json", "--home", w.home)
	if !second.out.await("\n") {
		t.Fatalf("it ended early: %s%s", second.out, second.err)
	}
	report := testReport(t, w, second.out.String())
	testPage(t, report)
	second.stop()
	if exit := <-second.exit; exit != 0 {
		t.Errorf("ended by the person after the decision, the code is %d, want 0", exit)
	}
	if second.err.String() != "" || strings.Count(second.out.String(), "\n") != 1 {
		t.Errorf("with --json it says more than one document: %s%s", second.out, second.err)
	}
}

// testReport checks the JSON document of a run.
func testReport(t *testing.T, w *world, out string) upData {
	t.Helper()
	if err := checkDocument([]byte(out), 0); err != nil {
		t.Fatal(err)
	}
	var d struct{ Data upData }
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	r := d.Data
	if r.Model != r.PooledModel || r.Members != 30 || len(r.Allocation) != 30 || r.Checks != 30 || r.Label != "SYNTHETIC" {
		t.Errorf("%+v, want 30 members, each with a share and a check, and one model", r)
	}
	if strings.HasSuffix(r.Page, ":7474") {
		t.Errorf("the page is at %s, where somebody else is", r.Page)
	}
	for _, phase := range []string{"train", "picture", "allocate", "check", "pooled", "verify"} {
		if r.Seconds[phase] == "" {
			t.Errorf("no time for phase %s among %v", phase, r.Seconds)
		}
	}
	if err := compare("up.json", out); err != nil {
		t.Error(err)
	}
	w.words, w.digest = r.Words, r.Charter.String()
	w.allocation = r.Receipts[len(r.Receipts)-1]
	return r
}

// testPage reads everything that the page offers.
func testPage(t *testing.T, r upData) {
	t.Helper()
	get := func(path string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.Page+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	for path, want := range map[string]string{
		"/":               r.Label,
		"/status.json":    "{",
		"/charter.json":   `"comity":"charter/v1"`,
		"/log/checkpoint": "comity.example/respiratory-30",
		"/receipts/" + filepath.Base(r.Receipts[0]): "c2sp.org/tlog-proof@v1",
	} {
		if status, body := get(path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d without %q", path, status, want)
		}
	}
	// What is no part of the public log stays at home, however its name is spelt.
	for _, path := range []string{"/log/.state/treeState", "/log/tile/%2e%2e/.state/treeState", "/hub/keys/log.key", "/receipts/..%2fcharter.yaml"} {
		if status, body := get(path); status == http.StatusOK {
			t.Errorf("%s: %d %.60q", path, status, body)
		}
	}
	for _, place := range []string{r.Page, r.Page + "/log"} {
		if exit, out, err := inProcess(t.Context(), "audit", "replay", place, "--charter", r.Words); exit != 0 || !strings.Contains(out, "REPLAYED") {
			t.Errorf("replay of %s: code %d, %s", place, exit, err)
		}
	}
}
