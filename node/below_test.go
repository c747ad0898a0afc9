package node

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/packs/health"
	"comity/party"
	"comity/place"
	"comity/schema"
	"comity/verifier/analytics"
	"comity/verifier/federation"
	"comity/verifier/privacy"
)

// charterOf answers histograms and counts of visits, by noise alone.
func charterOf(members int) comity.Charter {
	tiny, err := exact.Ratio(1, 100_000_000)
	if err != nil {
		panic(err) // Constants.
	}
	budget := comity.Budget{Epsilon: exact.Int(1), Delta: tiny}
	c := comity.Charter{ID: "nation", Privacy: &comity.Privacy{Unit: charter.UnitPerson, PerRelease: budget, PerYear: budget}}
	d := comity.DataClause{ID: "d.cases", Schema: health.Visits().ID, Queries: &comity.Queries{Kinds: []string{comity.QueryCount, comity.QueryHistogram}, Personal: true, MinMembers: 3}}
	for i := range members {
		d.From = append(d.From, party.ID("R"+string(rune('A'+i))))
	}
	c.Data = []comity.DataClause{d}
	return c
}

// aboveOf is what a larger body asks: under a clause of another name.
func aboveOf(t *testing.T, carried int64) comity.Question {
	t.Helper()
	c := charterOf(5)
	c.ID, c.Data[0].ID = "world", "d.visits"
	q, err := Terms(c, comity.Question{
		Round: "2026-11-18/ages", Period: "2026-11-18", Clause: "d.visits", Disclosure: privacy.Noisy, Variance: exact.Int(500), Carried: exact.Int(carried), Seconds: 30,
		Query: comity.Query{
			Kind: comity.QueryHistogram, Column: "age", By: []string{}, Edges: []string{"18", "65"}, Levels: []exact.Rat{}, Salt: []byte{}, Prefixes: []string{},
			MemberRows: 100_000, PersonRows: 1, MinimumCell: 11,
		},
	}, health.Visits())
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// What is asked below has the same lanes, follows from the charter below, and brings no
// more noise up than the question above counts on.
func TestLower(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		members := rapid.IntRange(3, 9).Draw(r, "members")
		q := aboveOf(t, rapid.Int64Range(0, 1<<40).Draw(r, "carried"))
		c := charterOf(members)
		down, err := Lower(c, q, health.Visits())
		if err != nil {
			if !errors.Is(err, federation.ErrQuestion) || !strings.Contains(err.Error(), "carried") {
				t.Fatal(err)
			}
			return
		}
		if most := federation.Noise(down, members, members); most.Cmp(q.Carried) > 0 {
			t.Fatalf("noise of variance %s comes up, %s may", most, q.Carried)
		}
		cost, err := federation.Release(down, members).Cost()
		if err != nil {
			t.Fatal(err)
		}
		if err := (privacy.Limit{Epsilon: exact.Int(1), Delta: c.Privacy.PerRelease.Delta}).Admit(cost); err != nil {
			t.Fatal(err)
		}
		if down.Lanes != q.Lanes || down.Schema != q.Schema || down.Round != q.Round || down.Clause != "d.cases" || down.MinMembers != 3 || down.Seconds != 20 {
			t.Fatalf("asked below: %+v", down)
		}
		if got, want := digest(t, down.Query), digest(t, q.Query); got != want {
			t.Fatal("another query is asked below")
		}
	})
}

func digest(t *testing.T, record any) canon.Digest {
	t.Helper()
	d, err := canon.DigestOf(record)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A charter below that cannot answer refuses, and says why.
func TestLowerRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*comity.Charter, *comity.Question, *schema.Schema)
		says   string
	}{
		"no clause":     {func(c *comity.Charter, _ *comity.Question, _ *schema.Schema) { c.Data = nil }, "0 clauses"},
		"other rows":    {func(c *comity.Charter, _ *comity.Question, _ *schema.Schema) { c.Data[0].Schema = "health/beds@1" }, "0 clauses"},
		"nothing asked": {func(c *comity.Charter, _ *comity.Question, _ *schema.Schema) { c.Data[0].Queries = nil }, "0 clauses"},
		"other kinds": {func(c *comity.Charter, _ *comity.Question, _ *schema.Schema) {
			c.Data[0].Queries.Kinds = []string{comity.QueryCount}
		}, "0 clauses"},
		"two clauses": {func(c *comity.Charter, _ *comity.Question, _ *schema.Schema) {
			c.Data = append(c.Data, c.Data[0])
			c.Data[1].ID = "d.more"
		}, "2 clauses"},
		"no budget":        {func(c *comity.Charter, _ *comity.Question, _ *schema.Schema) { c.Privacy = nil }, "no privacy budget"},
		"other schema":     {func(_ *comity.Charter, _ *comity.Question, s *schema.Schema) { s.Suppressed = []string{"<5"} }, "schema"},
		"other lanes":      {func(_ *comity.Charter, q *comity.Question, _ *schema.Schema) { q.Lanes++ }, "lanes"},
		"other bound":      {func(_ *comity.Charter, q *comity.Question, _ *schema.Schema) { q.Bound++ }, "up to"},
		"other code":       {func(_ *comity.Charter, q *comity.Question, _ *schema.Schema) { q.Code = "query@2" }, "query@2"},
		"no time":          {func(_ *comity.Charter, q *comity.Question, _ *schema.Schema) { q.Seconds = 1 }, "at least 2"},
		"no noise carried": {func(_ *comity.Charter, q *comity.Question, _ *schema.Schema) { q.Carried = exact.Rat{} }, "carried of at least"},
	} {
		t.Run(name, func(t *testing.T) {
			below, q, s := charterOf(3), aboveOf(t, 1<<30), health.Visits()
			c.change(&below, &q, &s)
			if _, err := Lower(below, q, s); !errors.Is(err, federation.ErrQuestion) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want ErrQuestion with %q", err, c.says)
			} else if !isRefusal(err) {
				t.Error("it is no refusal above")
			}
		})
	}
}

// A clause of the same name is taken where several have such rows.
func TestLowerTakesTheClauseOfThatName(t *testing.T) {
	c := charterOf(3)
	c.Data = append(c.Data, c.Data[0])
	c.Data[1].ID = "d.visits"
	down, err := Lower(c, aboveOf(t, 1<<30), health.Visits())
	if err != nil || down.Clause != "d.visits" {
		t.Errorf("clause %s (%v), want d.visits", down.Clause, err)
	}
}

// At every level the round below is over, six phases of it, when the fifth above ends.
func TestSecondsBelow(t *testing.T) {
	for seconds := leastSeconds; seconds <= federation.MaxSeconds; seconds += 7 {
		if below := secondsBelow(seconds); below < 1 || 6*below > 4*seconds {
			t.Fatalf("%d seconds above, %d below", seconds, below)
		}
	}
}

// said is a body that gives one sum.
type said struct{ sum []int64 }

func (s said) Consider(context.Context, comity.Question, schema.Schema) (string, error) {
	return "", nil
}

func (s said) Ask(context.Context, comity.Question, schema.Schema) ([]int64, int, error) {
	return s.sum, 3, nil
}

// A sum from below that one member cannot have is not added.
func TestFetchRefuses(t *testing.T) {
	m := &Member{logger: slog.New(slog.DiscardHandler)}
	q := aboveOf(t, 0)
	got, err := m.fetch(t.Context(), said{[]int64{1, -2, 100_000}}, q, health.Visits())
	if want := []int64{1, -2, 100_000}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
	if _, err := m.fetch(t.Context(), said{[]int64{1, 2, 100_001}}, q, health.Visits()); !errors.Is(err, analytics.ErrRows) || !strings.Contains(err.Error(), "member_rows") {
		t.Errorf("beyond the bound: %v, want ErrRows and what to raise", err)
	}
	if _, err := m.fetch(t.Context(), said{[]int64{1, 2}}, q, health.Visits()); !errors.Is(err, analytics.ErrSum) {
		t.Errorf("a lane too few: %v, want ErrSum", err)
	}
}

// Tables say for each clause where its rows are, in one way.
func TestTablesNameFederations(t *testing.T) {
	home := Home(t.TempDir())
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(home.Tables(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	known := []schema.Schema{health.Visits()}
	clause := comity.DataClause{ID: "d.visits", Schema: health.Visits().ID}
	if all, err := Federations(home); err != nil || len(all) != 0 {
		t.Errorf("without a file: %v, %v", all, err)
	}
	entry := "tables:\n  - clause: d.visits\n    schema: health/visits@1\n"
	write(entry + "    federation: ../regions\n  - clause: d.more\n    schema: health/visits@1\n    federation: ../regions\n")
	want := Home(filepath.Join(filepath.Dir(string(home)), "regions"))
	if all, err := Federations(home); err != nil || !slices.Equal(all, []Home{want}) {
		t.Errorf("%v (%v), want %s once", all, err, want)
	}
	if s, at, err := Federation(home, known, clause); err != nil || at != want || s.ID != clause.Schema {
		t.Errorf("%s of %s (%v), want %s", at, s.ID, err, want)
	}
	if _, _, err := OpenTable(t.Context(), home, known, clause); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a table where there is a federation: %v", err)
	}
	write(entry + "    path: visits.csv\n")
	if _, _, err := Federation(home, known, clause); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a federation where there is a table: %v", err)
	}
	if all, err := Federations(home); err != nil || len(all) != 0 {
		t.Errorf("of tables: %v, %v", all, err)
	}
	for name, text := range map[string]string{
		"neither":   entry,
		"both":      entry + "    path: visits.csv\n    federation: ../regions\n",
		"part":      entry + "    federation: ../regions\n    table: visits\n",
		"twice":     entry + "    path: a.csv\n" + strings.TrimPrefix(entry, "tables:\n") + "    path: b.csv\n",
		"unknown":   entry + "    hub: ../regions\n",
		"no clause": "tables:\n  - schema: health/visits@1\n    path: a.csv\n",
		"no list":   "tables: x\n",
	} {
		write(text)
		var at *place.Error
		if _, err := Federations(home); !errors.As(err, &at) || at.Line < 1 {
			t.Errorf("%s: %v, want its place", name, err)
		}
	}
	write(strings.Replace(entry, "visits@1", "visits@2", 1) + "    federation: ../regions\n")
	if _, _, err := Federation(home, known, clause); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a schema that nobody declares: %v", err)
	}
}
