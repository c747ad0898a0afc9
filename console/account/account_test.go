package account

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"

	"pgregory.net/rapid"
)

// quantiles are 23 ascending values around a median, a step apart.
func quantiles(median, step int64) []canon.Int {
	out := make([]canon.Int, len(comity.QuantileLevels))
	for i := range out {
		out[i] = canon.Int(median + int64(i-len(out)/2)*step)
	}
	return out
}

func series(id party.ID, reference int64, medians ...int64) comity.Series {
	s := comity.Series{Place: id, Target: "cases", Unit: "per week", Reference: canon.Int(reference)}
	for i, m := range medians {
		s.Horizons = append(s.Horizons, comity.Horizon{Weeks: i + 1, Date: "2026-12-0" + string(rune('1'+i)), Quantiles: quantiles(m, 10)})
	}
	return s
}

// The 25 % quantile stands 5 steps, here 50, below the median, the 75 % quantile 5 above.
func TestTrendIsSaidAtThreeChancesInFour(t *testing.T) {
	for _, c := range []struct {
		first, last int64
		want        Trend
	}{
		{1000, 1051, Rising}, {1000, 1050, Unclear}, {1000, 1000, Unclear}, {1000, 950, Unclear}, {1000, 949, Falling},
	} {
		if got := trend(series("KE", 1000, c.first, 7, c.last)); got != c.want {
			t.Errorf("from %d to %d: %s, want %s", c.first, c.last, got, c.want)
		}
	}
}

func TestLevelIsTheHighestMedianOverTheReference(t *testing.T) {
	if got := level(series("KE", 2000, 500, 3001, 700)); got != 1500 {
		t.Errorf("level %d, want 1500: rounded down", got)
	}
	if got := level(series("KE", 0, 500)); got != 0 {
		t.Errorf("level %d without a reference level, want 0", got)
	}
}

// book is one decided week of three parties, of which C is absent.
func book(t testing.TB, horizons map[party.ID][]int64) Book {
	t.Helper()
	p := comity.Picture{Period: "2026-11-18", Absent: []party.ID{"CC"}}
	for _, id := range []party.ID{"AA", "BB"} {
		if m := horizons[id]; m != nil {
			p.Series = append(p.Series, series(id, 1000, m...))
		}
	}
	b := Book{
		View: body.View{
			Decisions: map[string]body.Decision{p.Period: {Period: p.Period, Round: "r", Picture: &p}},
			Rounds: map[string]body.Round{"r": {Cohorts: []comity.Cohort{
				{Number: 1, Members: []party.ID{"AA", "BB", "CC"}}, {Number: 2, Members: []party.ID{"AA", "BB"}, Reason: "no answer from CC"},
			}}},
		},
		Charter: comity.Charter{
			Data:   []comity.DataClause{{ID: "d", From: []party.ID{"AA", "BB", "CC"}}},
			Models: comity.ModelClause{Clause: "d"},
		},
	}
	return b
}

func TestPictureCountsEachPlaceOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string) []int64 {
			return rapid.SliceOfN(rapid.Int64Range(200, 3000), 4, 4).Draw(rt, name)
		}
		p, err := book(t, map[party.ID][]int64{"AA": draw("AA"), "BB": draw("BB")}).Picture("")
		if err != nil {
			rt.Fatal(err)
		}
		if p.Rising+p.Falling+p.Unclear != 2 || len(p.Places) != 3 || p.Places[2].Absent != AbsentLeft || p.Places[2].Detail != "no answer from CC" {
			rt.Fatalf("counted %d rising, %d falling, %d unclear of %+v", p.Rising, p.Falling, p.Unclear, p.Places)
		}
		if (p.Steepest == "") != (p.Rising == 0) {
			rt.Fatalf("%d rise and %q rises most", p.Rising, p.Steepest)
		}
		ranked := p.Ranked()
		if ranked[0].Level < ranked[1].Level || ranked[2].Party != "CC" || ranked[0].Rank != 1 || ranked[2].Rank != 0 {
			rt.Fatalf("ranked %+v", ranked)
		}
	})
}

func TestNothingDecidedIsAnErrorOfItsOwn(t *testing.T) {
	b := book(t, map[party.ID][]int64{"AA": {1, 2}})
	for name, err := range map[string]error{
		"unknown week":      second(b.Picture("2020-01-01")),
		"no allocation":     second(b.Allocation("")),
		"empty book":        second(Book{}.Picture("")),
		"week of no member": second(b.Members("x")),
	} {
		if !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v, want ErrNone", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// problem is 10 units for AA and BB: AA's are worth 3 and capped at 4, BB's 2, with a
// floor of 2; each could use 9.
func problem() (comity.Problem, comity.Allocation) {
	p := comity.Problem{
		Period: "2026-11-18", Unit: "dose",
		Stages:  []comity.Stage{{ID: "worth", Kind: "weighted", Scale: 2, Costs: []canon.Int{6, 4}}},
		Columns: []comity.Column{{ID: "AA/all", Party: "AA", Upper: 9}, {ID: "BB/all", Party: "BB", Upper: 9}},
		Rows: []comity.Row{
			{ID: "c.cap/AA", Clause: "c.cap", Upper: amount(4), Terms: []comity.Term{{Column: 0, Coeff: 1}}},
			{ID: "c.floor/BB", Clause: "c.floor", Lower: amount(2), Terms: []comity.Term{{Column: 1, Coeff: 1}}},
			{ID: "c.pool", Clause: "c.pool", Upper: amount(10), Terms: []comity.Term{{Column: 0, Coeff: 1}, {Column: 1, Coeff: 1}}},
		},
		Needs: []comity.Need{{Party: "AA", Amount: 9}, {Party: "BB", Amount: 9}},
	}
	a := comity.Allocation{
		Period: p.Period, Units: []quantity.Amount{4, 6}, Parties: []comity.Share{{Party: "AA", Amount: 4}, {Party: "BB", Amount: 6}},
		Certificate: comity.Certificate{Stages: []comity.StageProof{{
			Stage: "worth", Value: exact.Int(48), Bound: exact.Int(48), Gap: exact.Int(0),
			Proof: comity.Proof{Prices: []canon.Int{2 << 20, 0, 4 << 20}},
		}}},
	}
	return p, a
}

func amount(x int64) *quantity.Amount { a := quantity.Amount(x); return &a }

// decided is the book with that allocation and its problem as a blob.
func decided(t testing.TB, p comity.Problem, a comity.Allocation) Book {
	t.Helper()
	b := book(t, map[party.ID][]int64{"AA": {1}, "BB": {1}})
	b.Charter.Constraints = []comity.Constraint{
		{ID: "c.cap", Kind: "cap"}, {ID: "c.floor", Kind: "floor"}, {ID: "c.pool", Kind: "budget"}, {ID: "c.blind", Kind: "forbidden_inputs", Inputs: []string{"party.id"}},
	}
	raw, err := canon.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	a.Problem = canon.Sum(raw)
	b.Blobs = Blobs(t.TempDir())
	if err := os.WriteFile(filepath.Join(string(b.Blobs), a.Problem.Hex()), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	d := b.View.Decisions[a.Period]
	d.Allocation = &a
	b.View.Decisions[a.Period] = d
	return b
}

func TestWhichRuleKeptAPartyFromMore(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(p *comity.Problem, a *comity.Allocation)
		aa, bb Rule
	}{
		{"the cap and the empty pool", func(*comity.Problem, *comity.Allocation) {}, RuleCap, RuleBudget},
		{"need met", func(p *comity.Problem, _ *comity.Allocation) { p.Columns[0].Upper, p.Columns[1].Upper = 4, 6 }, RuleNeed, RuleNeed},
		{"the floor", func(p *comity.Problem, _ *comity.Allocation) { p.Rows[1].Lower = amount(6) }, RuleCap, RuleFloor},
		{"a few units left over", func(_ *comity.Problem, a *comity.Allocation) { a.Units[1], a.Parties[1].Amount = 5, 5 }, RuleCap, RuleBudget},
	} {
		p, a := problem()
		c.change(&p, &a)
		got, err := decided(t, p, a).Allocation("")
		if err != nil {
			t.Fatal(err)
		}
		if got.Parties[0].Rule != c.aa || got.Parties[1].Rule != c.bb {
			t.Errorf("%s: %s and %s, want %s and %s", c.name, got.Parties[0].Rule, got.Parties[1].Rule, c.aa, c.bb)
		}
	}
}

func TestPricesAreThoseOfTheCertificate(t *testing.T) {
	p, a := problem()
	got, err := decided(t, p, a).Allocation("2026-11-18")
	if err != nil {
		t.Fatal(err)
	}
	aa, _ := got.Of("AA")
	if got.Total != 10 || len(got.Budgets) != 1 || !got.Budgets[0].Binds || got.Budgets[0].Price.Cmp(exact.Int(2)) != 0 {
		t.Errorf("total %s, budgets %+v, want a price of 2", got.Total, got.Budgets)
	}
	if len(aa.Caps) != 1 || aa.Caps[0].Price.Cmp(exact.Int(1)) != 0 || aa.Groups[0].Worth.Cmp(exact.Int(3)) != 0 || aa.Groups[0].ID != "all" {
		t.Errorf("AA: %+v", aa)
	}
	if _, ok := got.Of("ZZ"); ok {
		t.Error("ZZ has a share")
	}
}

func TestABlobWithOtherBytesIsRefused(t *testing.T) {
	p, a := problem()
	b := decided(t, p, a)
	name := filepath.Join(string(b.Blobs), b.View.Decisions[a.Period].Allocation.Problem.Hex())
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Allocation(""); err == nil || !strings.Contains(err.Error(), "its bytes have") {
		t.Errorf("an altered problem is believed: %v", err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Allocation(""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing problem: %v", err)
	}
}

func TestReceiptsStandNewestFirst(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"2026-11-18-model.proof", "2026-11-18-allocation.proof", "2026-11-18-picture.proof", "2026-11-25-allocation.proof", "charter.proof", ".tmp.proof", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := Receipts(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range list {
		got = append(got, strings.TrimSuffix(r.File, ".proof"))
	}
	if want := "charter 2026-11-25-allocation 2026-11-18-allocation 2026-11-18-picture 2026-11-18-model"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if list, err := Receipts(filepath.Join(folder, "none")); err != nil || list != nil {
		t.Errorf("a folder that is not there: %v, %v", list, err)
	}
}

func TestACheckpointThatDoesNotCheckIsTrouble(t *testing.T) {
	b := book(t, nil)
	folder := t.TempDir()
	if c := b.Checkpoint(folder); c.Size != 0 || c.Trouble != "" {
		t.Errorf("no checkpoint: %+v", c)
	}
	if err := os.WriteFile(filepath.Join(folder, "checkpoint"), []byte("log.example\n1\nx\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := b.Checkpoint(folder); c.Size != 0 || c.Trouble == "" {
		t.Errorf("a checkpoint that nobody signed: %+v", c)
	}
}
