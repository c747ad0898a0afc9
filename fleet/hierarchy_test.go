package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"comity"
	"comity/adapter/csv"
	"comity/body"
	"comity/canon"
	"comity/chance"
	"comity/exact"
	"comity/node"
	"comity/pack"
	"comity/packs/health"
	"comity/party"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
	"comity/verifier/privacy"
)

// beds is a schema of rows about nobody: their sums need no noise.
func beds() schema.Schema {
	return schema.Schema{
		ID: "test/beds@1",
		Columns: []schema.Column{
			{Name: "ward", Type: schema.Text, Required: true},
			{Name: "kind", Type: schema.Category, Values: []string{"general", "intensive"}, Required: true},
			{Name: "free", Type: schema.Integer, Unit: "beds", Least: "0", Most: "500"},
			{Name: "stay", Type: schema.Integer, Unit: "d", Least: "0", Most: "400"},
			{Name: "end", Type: schema.Category, Values: []string{"home", "elsewhere"}, Required: true},
		},
		Key: []string{"ward"},
	}
}

// wards makes up the rows of one hospital.
func wards(id party.ID) [][]string {
	lots := chance.NewStream(chance.Derive(chance.Seed{}, "wards", string(id)))
	rows := [][]string{{"ward", "kind", "free", "stay", "end"}}
	for n := range 3 + lots.IntN(9) {
		free := strconv.Itoa(lots.IntN(40))
		if lots.IntN(8) == 0 {
			free = ""
		}
		rows = append(rows, []string{
			fmt.Sprintf("%s/%d", id, n), beds().Columns[1].Values[lots.IntN(2)], free, strconv.Itoa(lots.IntN(30)), beds().Columns[4].Values[lots.IntN(2)],
		})
	}
	return rows
}

// visitsOf proposes a body of any members that may be asked about visits.
func visitsOf(t testing.TB, name string, members []party.ID) pack.Scenario {
	t.Helper()
	s, err := health.Scenario("respiratory", chance.Seed{})
	if err != nil {
		t.Fatal(err)
	}
	s.Name, s.Members = name, nil
	for _, id := range members {
		s.Members = append(s.Members, pack.Party{ID: id, Kind: "state", Name: string(id), Weight: "1", Groups: []string{}})
	}
	return s
}

// wardsOf proposes one that may be asked about free beds.
func wardsOf(t testing.TB, name string, members []party.ID) pack.Scenario {
	t.Helper()
	s := visitsOf(t, name, members)
	s.Charter = strings.NewReplacer(
		"personal: true", "personal: false", "health/visits@1", beds().ID,
		"kinds: [contingency, count, histogram, mean, quantiles, survival]", "kinds: [contingency, count, heavy_hitters, histogram, mean, quantiles, sum, survival, variance]",
	).Replace(s.Charter)
	s.Tables = []pack.Table{{Clause: "d.visits", Name: "wards", Schema: beds(), Rows: wards}}
	return s
}

// asks is a question about wards.
func asks(name string, q comity.Query) comity.Question {
	lists := []*[]string{&q.By, &q.Edges, &q.Prefixes}
	for _, list := range lists {
		if *list == nil {
			*list = []string{}
		}
	}
	if q.Levels == nil {
		q.Levels = []exact.Rat{}
	}
	if q.Salt == nil {
		q.Salt = []byte{}
	}
	q.MemberRows, q.MinimumCell, q.Report = 1000, 11, true
	return comity.Question{Round: "2026-11-18/" + name, Period: "2026-11-18", Clause: "d.visits", Disclosure: "exact", Seconds: 30, Query: q}
}

// meanBeds asks how many beds are free in a ward, by kind.
func meanBeds() comity.Question {
	return asks("free-beds", comity.Query{Kind: comity.QueryMean, Column: "free", By: []string{"kind"}, Lower: "0", Upper: "30"})
}

// tier is a body whose members are bodies, down to those that have rows.
type tier struct {
	bodies   map[node.Home]pack.Scenario
	scenario func(t testing.TB, name string, members []party.ID) pack.Scenario
	schema   schema.Schema
}

// wardTier has members with wards.
func wardTier() tier { return tier{map[node.Home]pack.Scenario{}, wardsOf, beds()} }

// raise founds a body, and below each of its members one of its own, so many levels deep.
// It returns those at the bottom.
func (w tier) raise(t testing.TB, home node.Home, name string, widths ...int) (leaves []party.ID) {
	t.Helper()
	var members []party.ID
	for i := range widths[0] {
		members = append(members, party.ID(fmt.Sprintf("%s-%c", name, 'A'+i)))
	}
	w.bodies[home] = w.scenario(t, name, members)
	if err := Init(Config{Home: home, Scenario: w.bodies[home], Clock: time.Now, Progress: func(node.Event) {}}); err != nil {
		t.Fatal(err)
	}
	if len(widths) == 1 {
		return members
	}
	for _, id := range members {
		leaves = append(leaves, w.put(t, home.Member(id), string(id), widths[1:]...)...)
	}
	return leaves
}

// put founds a body below one member.
func (w tier) put(t testing.TB, member node.Home, name string, widths ...int) []party.ID {
	t.Helper()
	tables := "tables:\n  - clause: d.visits\n    schema: " + w.schema.ID + "\n    federation: below\n"
	if err := os.WriteFile(member.Tables(), []byte(tables), 0o600); err != nil {
		t.Fatal(err)
	}
	return w.raise(t, node.Home(filepath.Join(string(member), "below")), name, widths...)
}

// start runs all of them, from the top.
func (w tier) start(t testing.TB, cfg Config) *Fleet {
	t.Helper()
	cfg.Scenario = w.bodies[cfg.Home]
	cfg.Below = func(home node.Home) (pack.Scenario, error) {
		s, ok := w.bodies[home]
		if !ok {
			return s, fmt.Errorf("%s: %w", home, ErrHome)
		}
		return s, nil
	}
	return start(t, cfg)
}

func ask(t testing.TB, f *Fleet, q comity.Question) (federation.Board, analytics.Answer, error) {
	t.Helper()
	q, err := node.Terms(f.hub.Charter(), q, beds())
	if err != nil {
		t.Fatal(err)
	}
	return f.Ask(t.Context(), q, beds())
}

// Three levels give the numbers of one (analytics.TestNestedIsFlat has every kind): the same hospitals as members
// of members of members, in one flat body, and with all their rows in one place.
func TestThreeLevelsAreOne(t *testing.T) {
	t.Parallel()
	world := wardTier()
	top := node.Home(t.TempDir())
	world.raise(t, top, "W", 3)
	world.put(t, top.Member("W-A"), "W-A", 3)
	middle := belowOf(top)
	leaves := append(world.put(t, middle.Member("W-A-C"), "W-A-C", 3), "W-A-A", "W-A-B", "W-B", "W-C")
	f := world.start(t, Config{Home: top})
	flat := start(t, Config{Home: node.Home(t.TempDir()), Scenario: wardsOf(t, "flat", leaves)})
	for _, q := range []comity.Question{
		meanBeds(),
		asks("frequent", comity.Query{Kind: comity.QueryHeavy, Column: "ward", Bits: 4, Salt: []byte("0123456789abcdef")}),
		asks("stays", comity.Query{Kind: comity.QuerySurvival, Column: "stay", Event: "end", EventValue: "home", Edges: []string{"5", "10", "20"}, By: []string{"kind"}}),
	} {
		began := time.Now()
		b, deep, err := ask(t, f, q)
		if err != nil {
			t.Fatal(q.Round, err)
		}
		t.Logf("%s: %v", q.Round, time.Since(began))
		if len(b.Survivors.Members) != 3 {
			t.Fatalf("survivors %v", b.Survivors.Members)
		}
		began = time.Now()
		_, wide, err := ask(t, flat, q)
		if err != nil {
			t.Fatal(q.Round, err)
		}
		t.Logf("%s flat: %v", q.Round, time.Since(began))
		same(t, wide, deep)
		same(t, pooled(t, q, leaves), deep)
	}
	staysBelow(t, f, top)
}

// staysBelow requires that the log above has nothing of what the bodies below said: their
// sums are of few, and what they withhold is for them to say.
func staysBelow(t *testing.T, f *Fleet, top node.Home) {
	t.Helper()
	lower := f.lower(t)
	lower.hub.Look(func(s *body.State) {
		for name, r := range s.View().Questions {
			if r.Result == nil {
				t.Errorf("below, %s has no result", name)
				continue
			}
			if _, err := os.Stat(node.Blob(lower.cfg.Home.Log(), r.Result.Sum)); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(node.Blob(top.Log(), r.Result.Sum)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the sum of %s below lies beside the log above: %v", name, err)
			}
		}
	})
	f.hub.Look(func(s *body.State) {
		said, err := canon.Marshal(s.View().Questions)
		if err != nil || !bytes.Contains(said, []byte(`"W-A"`)) || bytes.Contains(said, []byte("W-A-")) {
			t.Errorf("the log above says (%v) %s; want W-A and nobody below", err, said)
		}
	})
}

// same requires the same numbers; how many members gave them differs.
func same(t *testing.T, want, got analytics.Answer) {
	t.Helper()
	want.Members = got.Members
	if diff := cmp.Diff(want, got, cmp.Transformer("text", func(x exact.Rat) string { return x.String() })); diff != "" {
		t.Error(diff)
	}
}

// pooled answers from all rows in one place.
func pooled(t *testing.T, q comity.Question, leaves []party.ID) analytics.Answer {
	t.Helper()
	l, err := analytics.NewLayout(q.Query, beds())
	if err != nil {
		t.Fatal(err)
	}
	e := l.Encoder()
	for _, id := range leaves {
		var file strings.Builder
		for _, row := range wards(id) {
			fmt.Fprintln(&file, strings.Join(row, ","))
		}
		rows, err := csv.NewRows(string(id), strings.NewReader(file.String()))
		if err != nil {
			t.Fatal(err)
		}
		report, err := schema.Read(beds(), rows, 1, e.Add)
		if err := errors.Join(err, report.Err()); err != nil {
			t.Fatal(err)
		}
	}
	a, err := l.Decode(analytics.Opened{Sum: e.Vector(), Members: 1})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Who is silent below is missing below and nowhere else: before it approves, or after,
// when its table turns out to be wrong.
func TestASilentLeafIsMissingAtItsLevel(t *testing.T) {
	t.Parallel()
	for name, sabotage := range map[string]func(node.Home) (file, text string){
		"does not consent": func(h node.Home) (string, string) { return h.Consent(), "refuse: nothing that can be read\n" },
		"does not add": func(h node.Home) (string, string) {
			return filepath.Join(h.Data(), "wards.csv"), "ward,kind,free,stay,end\n1,cellar,3,1,home\n"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := wardTier()
			top := node.Home(t.TempDir())
			world.raise(t, top, "W", 3)
			below := belowOf(top)
			leaves := append(world.put(t, top.Member("W-A"), "W-A", 4), "W-B", "W-C")
			silent := party.ID("W-A-B")
			if err := dealTables(below.Member(silent), world.bodies[below], silent); err != nil {
				t.Fatal(err)
			}
			file, text := sabotage(below.Member(silent))
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			f := world.start(t, Config{Home: top, Patience: 10 * time.Second})
			q := meanBeds()
			q.Seconds = 4
			b, got, err := ask(t, f, q)
			if err != nil {
				t.Fatal(err)
			}
			if len(b.Survivors.Members) != 3 {
				t.Errorf("above, %v are in the sum, want all", b.Survivors.Members)
			}
			same(t, pooled(t, q, slices.DeleteFunc(leaves, func(id party.ID) bool { return id == silent })), got)
			f.lower(t).hub.Look(func(s *body.State) {
				b, _ := s.Board(q.Round)
				if want := []party.ID{"W-A-A", "W-A-C", "W-A-D"}; b.Survivors == nil || !slices.Equal(b.Survivors.Members, want) {
					t.Errorf("below, %+v are in the sum, want %v", b.Survivors, want)
				}
			})
		})
	}
}

// The same question without one hospital would tell that hospital's rows. Nobody above sees
// that it is missing; the body below does, and gives no sum. Its operator says so.
func TestANearCohortBelowIsRefused(t *testing.T) {
	t.Parallel()
	world := wardTier()
	top := node.Home(t.TempDir())
	world.raise(t, top, "W", 5)
	world.put(t, top.Member("W-A"), "W-A", 4)
	below := belowOf(top)
	f := world.start(t, Config{Home: top})
	q := meanBeds()
	q.Seconds = 3
	if b, _, err := ask(t, f, q); err != nil || len(b.Survivors.Members) != 5 {
		t.Fatalf("survivors %v (%v), want all", b.Survivors, err)
	}
	if err := os.WriteFile(below.Member("W-A-B").Consent(), []byte("refuse:\n  - when: \"true\"\n    because: closed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	q.Round = "2026-11-18/again"
	_, _, err := ask(t, f, q)
	if err == nil || !strings.Contains(err.Error(), "W-A reports") || !strings.Contains(err.Error(), privacy.ErrNearCohort.Error()) {
		t.Errorf("without one hospital: %v, want what W-A reports of it", err)
	}
}

// lower returns the body below W-A.
func (f *Fleet) lower(t *testing.T) *Fleet {
	t.Helper()
	for _, m := range f.members {
		for _, l := range m.under.running {
			if m.under.home == f.cfg.Home.Member("W-A") {
				return l.fleet
			}
		}
	}
	t.Fatal("no body runs below W-A")
	return nil
}

// What a body refuses its operator refuses above, in its words; the others answer. A body
// may have stricter rules than the one above: they hold for what is asked from above, too.
func TestARefusalBelowIsOneAbove(t *testing.T) {
	t.Parallel()
	world := wardTier()
	top := node.Home(t.TempDir())
	world.raise(t, top, "W", 12)
	stricter := func(from, to string) tier {
		return tier{world.bodies, func(t testing.TB, name string, members []party.ID) pack.Scenario {
			s := wardsOf(t, name, members)
			if !strings.Contains(s.Charter, from) {
				t.Fatalf("no %s in the charter", from)
			}
			s.Charter = strings.Replace(s.Charter, from, to, 1)
			return s
		}, world.schema}
	}
	world.put(t, top.Member("W-A"), "W-A", 3)
	stricter("personal: false", "personal: true").put(t, top.Member("W-B"), "W-B", 3)
	stricter("minimum_cell: 11", "minimum_cell: 20").put(t, top.Member("W-C"), "W-C", 3)
	const review = "the ward book is under review"
	if err := os.WriteFile(belowOf(top).Member("W-A-C").Consent(), []byte("refuse:\n  - when: plan.kind == \"mean\"\n    because: "+review+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := world.start(t, Config{Home: top})
	b, got, err := ask(t, f, meanBeds())
	if err != nil {
		t.Fatal(err)
	}
	for id, says := range map[party.ID][]string{
		"W-A": {"W-A-C", review},
		"W-B": {"about persons"},
		"W-C": {"below 11 are withheld", "wants 20"},
	} {
		for _, text := range says {
			if c := b.Consents[id]; c.Approves || !strings.Contains(c.Reason, text) {
				t.Errorf("%s says %+v, want %q", id, c, text)
			}
		}
	}
	same(t, pooled(t, meanBeds(), []party.ID{"W-D", "W-E", "W-F", "W-G", "W-H", "W-I", "W-J", "W-K", "W-L"}), got)
}

// Noise is added at every level: the question says how much of it a member may bring, and
// intervals count it.
func TestNoiseOfTwoLevels(t *testing.T) {
	t.Parallel()
	schema := health.Visits()
	world := tier{map[node.Home]pack.Scenario{}, visitsOf, schema}
	top := node.Home(t.TempDir())
	world.raise(t, top, "W", 3)
	leaves := append(world.put(t, top.Member("W-A"), "W-A", 3), "W-B", "W-C")
	f := world.start(t, Config{Home: top})
	terms := func(name string, carried int64) comity.Question {
		q := byAge(name)
		q.Seconds, q.Carried = 30, exact.Int(carried)
		q, err := node.Terms(f.hub.Charter(), q, schema)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	if _, _, err := f.Ask(t.Context(), terms("quiet", 0), schema); !errors.Is(err, node.ErrUnanswered) || !strings.Contains(err.Error(), "carried") {
		t.Fatalf("a member may carry no noise: %v, want a refusal that says how much it must be", err)
	}
	q := terms("noisy", 10_000)
	b, answer, err := f.Ask(t.Context(), q, schema)
	if err != nil {
		t.Fatal(err)
	}
	if want := federation.Noise(q, 3, 3); answer.Variance.Cmp(want) != 0 || want.Cmp(exact.Int(3*10_000)) < 0 {
		t.Errorf("noise of variance %s, want %s, of all that was added and carried", answer.Variance, want)
	}
	within(t, f, leaves, answer)
	spent := func(f *Fleet, id party.ID) (n int) {
		f.hub.Look(func(s *body.State) {
			l, err := s.Ledger()
			if err != nil {
				t.Error(err)
				return
			}
			n = l.Spent(privacy.Account{Party: id, Schema: b.Question.Schema, Unit: privacy.UnitPerson, Year: "2026"}).Releases
		})
		return n
	}
	// A round of that name below which asked something else is not taken for the answer.
	other := byAge("own")
	other.Query.Edges = []string{"50"}
	lower := f.lower(t)
	if other, err = node.Terms(lower.hub.Charter(), other, schema); err != nil {
		t.Fatal(err)
	}
	if err := lower.hub.Propose(t.Context(), other, schema); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Ask(t.Context(), terms("own", 10_000), schema); !errors.Is(err, node.ErrUnanswered) || !strings.Contains(err.Error(), "other terms") {
		t.Errorf("another question below: %v, want a refusal that says so", err)
	}
	if above, below := spent(f, "W-A"), spent(f.lower(t), "W-A-A"); above != 1 || below != 1 {
		t.Errorf("charged %d times above and %d below, want once each", above, below)
	}
}

// Everybody may die while the sum is on its way up: the same question goes on, once at
// each level.
func TestAnInterruptedDescentGoesOn(t *testing.T) {
	t.Parallel()
	world := wardTier()
	top := node.Home(t.TempDir())
	world.raise(t, top, "W", 3)
	leaves := append(world.put(t, top.Member("W-A"), "W-A", 3), "W-B", "W-C")
	f := world.start(t, Config{Home: top})
	asking, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		defer stop()
		lower := f.lower(t).hub
		for opened := false; !opened && asking.Err() == nil; time.Sleep(10 * time.Millisecond) {
			lower.Look(func(s *body.State) {
				b, asked := s.Board(meanBeds().Round)
				opened = asked && b.Open != nil
			})
		}
	}()
	q, err := node.Terms(f.hub.Charter(), meanBeds(), beds())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Ask(asking, q, beds()); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want the question to be interrupted", err)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := world.start(t, Config{Home: top})
	b, got, err := ask(t, again, meanBeds())
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Survivors.Members) != 3 {
		t.Errorf("%v are in the sum, want all", b.Survivors.Members)
	}
	same(t, pooled(t, meanBeds(), leaves), got)
}
