package fleet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/node"
	"comity/packs/health"
	"comity/party"
	"comity/verifier/federation"
)

// keptAt is where a hub keeps what members sent for a question.
func keptAt(home node.Home, round string) string {
	return filepath.Join(string(home.Hub()), "questions", canon.Sum([]byte(round)).Hex()[:16])
}

// there requires that a folder is there, or is not.
func there(t *testing.T, folder string, want bool) {
	t.Helper()
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) == want {
		t.Fatalf("%s: %v, want it there: %t", folder, err, want)
	}
}

// copied keeps a copy of a folder, and returns what puts it where it is said.
func copied(t *testing.T, folder string) (back func(folder string)) {
	t.Helper()
	aside := filepath.Join(t.TempDir(), "kept")
	if err := os.CopyFS(aside, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return func(folder string) {
		if err := os.CopyFS(folder, os.DirFS(aside)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheHubErasesWhatAFailedQuestionLeaves has three of five members find a wrong cell when
// they count. The hub is stopped while it waits for them, after the question has failed, and
// while it erases.
func TestTheHubErasesWhatAFailedQuestionLeaves(t *testing.T) {
	t.Parallel()
	s := small(t, 5)
	wrong := []party.ID{s.Members[0].ID, s.Members[2].ID, s.Members[3].ID}
	tables := slices.Clone(s.Tables)
	tables[0].Rows = func(id party.ID) [][]string {
		rows := s.Tables[0].Rows(id)
		if slices.Contains(wrong, id) {
			rows[1] = slices.Clone(rows[1])
			rows[1][3] = "old" // An age.
		}
		return rows
	}
	cfg := Config{Home: node.Home(t.TempDir()), Scenario: s, Patience: 20 * time.Second}
	cfg.Scenario.Tables = tables
	f := start(t, cfg)
	q, err := node.Terms(f.hub.Charter(), byAge("ages"), health.Visits())
	if err != nil {
		t.Fatal(err)
	}
	kept := keptAt(cfg.Home, q.Round)
	asked := make(chan error, 1)
	go func() {
		_, _, err := f.Ask(t.Context(), q, health.Visits())
		asked <- err
	}()
	for len(board(f, q.Round).Commits) < 2 {
		select {
		case err := <-asked:
			t.Fatal("the question ended before two members committed: ", err, f.reported())
		case <-time.After(10 * time.Millisecond):
		}
	}
	back := copied(t, kept)
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-asked; err == nil {
		t.Fatal("answered although the hub was stopped")
	}

	f = start(t, cfg)
	there(t, kept, true) // The question goes on.
	fails(t, f, q)
	there(t, kept, false)
	if b := board(f, q.Round); b.Phase() != federation.Closing || len(b.Commits) != 2 {
		t.Errorf("%s with %d vectors, want %s with two", b.Phase(), len(b.Commits), federation.Closing)
	}
	fails(t, f, q) // For the same reason, whatever is gone.

	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	back(kept)
	back(kept + ".erasing")
	start(t, cfg)
	there(t, kept, false)
	there(t, kept+".erasing", false)
}

// TestTheHubErasesWhatAnAnsweredQuestionLeaves stops the hub between the result and the
// erasing. What was sent stays as long as the answer does not verify.
func TestTheHubErasesWhatAnAnsweredQuestionLeaves(t *testing.T) {
	t.Parallel()
	cfg := Config{Home: node.Home(t.TempDir()), Scenario: small(t, 5), Patience: 20 * time.Second}
	kept := keptAt(cfg.Home, byAge("ages").Round)
	var back func(folder string)
	rehearsed := cfg
	rehearsed.Cheat = &Cheat{Hub: &node.HubRehearsal{Say: func(st *comity.Statement) (bool, error) {
		if st.Kind == comity.KindResult {
			back = copied(t, kept)
		}
		return false, nil
	}}}
	f := start(t, rehearsed)
	q, err := node.Terms(f.hub.Charter(), byAge("ages"), health.Visits())
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := f.Ask(t.Context(), q, health.Visits())
	if err != nil {
		t.Fatal(err, f.reported())
	}
	there(t, kept, false)
	back(kept)
	masked := node.Blob(cfg.Home.Log(), b.Survivors.Masked)
	if err := os.Rename(masked, masked+".aside"); err != nil {
		t.Fatal(err)
	}
	again := func() {
		t.Helper()
		if err := f.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		f = start(t, cfg)
	}
	again()
	there(t, kept, true)
	if err := os.Rename(masked+".aside", masked); err != nil {
		t.Fatal(err)
	}
	again()
	there(t, kept, false)
}

// board is a question in the hub's log.
func board(f *Fleet, round string) (b federation.Board) {
	f.Hub().Look(func(s *body.State) { b, _ = s.Board(round) })
	return b
}

func fails(t *testing.T, f *Fleet, q comity.Question) {
	t.Helper()
	if _, _, err := f.Ask(t.Context(), q, health.Visits()); !errors.Is(err, node.ErrUnanswered) {
		t.Fatalf("three of five count nothing: %v, want ErrUnanswered", err)
	}
}
