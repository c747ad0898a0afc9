package console

import (
	"context"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"comity"
	"comity/adapter/highs/highstest"
	"comity/adapter/tlog"
	"comity/allocator/solve"
	"comity/body"
	"comity/chance"
	"comity/console/account"
	"comity/fleet"
	"comity/modeler/forecast"
	"comity/node"
	"comity/pack"
	"comity/packs/health"
	"comity/party"
)

// images is where the pictures of the README go; with it the whole consortium runs.
var images = flag.String("images", "", "write screenshots of a whole consortium into this `folder`")

// home is a consortium that decided two weeks and stopped: all that the console shows
// of it comes from its folder.
type home struct {
	node.Home
	scenario pack.Scenario
	state    *body.State
}

// found runs the consortium once for all tests of the package.
var found = sync.OnceValues(func() (home, error) {
	s, err := health.Scenario("respiratory", chance.Derive(chance.Seed{}, "comity/world", "respiratory"))
	if err != nil {
		return home{}, err
	}
	if named := os.Getenv("COMITY_CONSOLE_HOME"); named != "" { // Saves the run while a page is being drawn.
		return fold(node.Home(named), s)
	}
	if *images == "" {
		s.Members = slices.DeleteFunc(s.Members, func(p pack.Party) bool { return !slices.Contains(few, p.ID) })
		s.Rows = some{s.Rows, s.Members}
	}
	folder, err := os.MkdirTemp("", "comity-console")
	if err != nil {
		return home{}, err
	}
	ends = append(ends, func() { _ = os.RemoveAll(folder) })
	return run(node.Home(folder), s)
})

// ends run when the tests have ended, the last one first.
var ends []func()

// few are members enough to train, with a large state, a small one and an island.
var few = []party.ID{"AR", "BB", "BR", "DE", "FJ", "KE"}

// some is the rows of some members.
type some struct {
	pack.Rows
	members []pack.Party
}

// Known leaves out what others know.
func (s some) Known(asOf string) ([]forecast.Observation, error) {
	rows, err := s.Rows.Known(asOf)
	return slices.DeleteFunc(rows, func(o forecast.Observation) bool {
		return !slices.ContainsFunc(s.members, func(p pack.Party) bool { return p.ID == o.Place })
	}), err
}

// run decides two weeks.
func run(h node.Home, s pack.Scenario) (home, error) {
	ctx := context.Background()
	f, err := fleet.Start(ctx, fleet.Config{
		Home: h, Scenario: s, Cache: filepath.Join(os.TempDir(), "comity-test-wasm"), Clock: time.Now, Progress: func(node.Event) {},
	})
	if err != nil {
		return home{}, err
	}
	defer f.Close(ctx)
	if err := f.Found(ctx); err != nil {
		return home{}, err
	}
	for week := range 2 {
		period, err := s.Period(week)
		if err != nil {
			return home{}, err
		}
		if _, err := f.Week(ctx, period); err != nil {
			return home{}, err
		}
	}
	if err := f.Close(ctx); err != nil {
		return home{}, err
	}
	return fold(h, s)
}

// fold reads the state from the log's folder.
func fold(h node.Home, s pack.Scenario) (home, error) {
	out := home{h, s, body.New()}
	ctx := context.Background()
	r, err := tlog.OpenFolder(ctx, h.Log())
	if err != nil {
		return out, err
	}
	entries, err := r.Entries(ctx, 0, r.Size())
	if err != nil {
		return out, err
	}
	for _, e := range entries {
		if _, err := out.state.Fold(e); err != nil {
			return out, err
		}
	}
	return out, nil
}

func consortium(t testing.TB) home {
	t.Helper()
	h, err := found()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h home) look(f func(*body.State)) { f(h.state) }

// config shows the home as if everybody but the last member were connected.
func (h home) config() Config {
	return Config{
		Look: h.look,
		Now: func() Now {
			now := Now{Summary: []string{"Shared.", "Gained.", "Checked."}, Commands: []string{"comity audit replay " + string(h.Home)}}
			for _, m := range h.scenario.Members[:len(h.scenario.Members)-1] {
				now.Connected = append(now.Connected, m.ID)
			}
			return now
		},
		Title: h.scenario.Title, Label: h.scenario.Label, Source: h.scenario.Source,
		Log: h.Log(), Receipts: h.Receipts(), Charter: h.Charter(), Clock: time.Now, Solver: divider{},
	}
}

// divider compiles HiGHS once for all consoles of the tests, when one of them is asked.
type divider struct{}

func (divider) Solve(ctx context.Context, lp solve.LP) (solve.Solution, error) {
	e, err := highstest.Shared()
	if err != nil {
		return solve.Solution{}, err
	}
	return e.Solve(ctx, lp)
}

func (h home) book() account.Book {
	return account.Open(h.look, account.Blobs(filepath.Join(h.Log(), "blob")))
}

// serve opens a console for one test.
func serve(t testing.TB, cfg Config) string {
	t.Helper()
	handler, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	for _, end := range slices.Backward(ends) {
		end()
	}
	os.Exit(code)
}

// without is the home as it would be if a member had left the training of the newest
// week and signed no forecast.
func (h home) without(t testing.TB, id party.ID) home {
	t.Helper()
	out, err := fold(h.Home, h.scenario)
	if err != nil {
		t.Fatal(err)
	}
	v := out.state.View()
	periods := h.book().Periods()
	d := v.Decisions[periods[len(periods)-1]]
	p := *d.Picture
	p.Series = slices.DeleteFunc(slices.Clone(p.Series), func(s comity.Series) bool { return s.Place == id })
	p.Absent = []party.ID{id}
	d.Picture = &p
	v.Decisions[d.Period] = d
	r := v.Rounds[d.Round]
	last := r.Cohorts[len(r.Cohorts)-1]
	next := last
	next.Number++
	next.Reason = "no answer in time from " + string(id)
	next.Members = slices.DeleteFunc(slices.Clone(last.Members), func(m party.ID) bool { return m == id })
	r.Cohorts = append(slices.Clone(r.Cohorts), next)
	v.Rounds[d.Round] = r
	return out
}
