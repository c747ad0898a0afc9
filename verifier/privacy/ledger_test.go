package privacy

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comity/canon"
	"comity/exact"
	"comity/party"
)

func schema(name string) canon.Digest { return canon.Digest([]byte(fmt.Sprintf("%32s", name))) }

func budget() Budget {
	return Budget{Release: Limit{exact.Int(1), ratio(1, 1_000_000)}, Year: Limit{exact.Int(4), ratio(1, 1_000_000)}}
}

func charge(round int) Charge {
	return Charge{
		Party: "KEN", Schema: schema("cases"), Unit: UnitPerson, Period: "2026-11-20", Round: fmt.Sprintf("2026-11-20/%d", round),
		Rho: ratio(1, 100), Delta: exact.Rat{}, Disclosure: Noisy,
	}
}

func newLedger(t interface{ Fatal(...any) }) *Ledger {
	l, err := NewLedger(Rules{Budget: budget(), NonPersonal: []canon.Digest{schema("sensors")}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLedgerRunsDry(t *testing.T) {
	l := newLedger(t)
	n := 0
	var err error
	for ; err == nil; n++ {
		c := charge(n)
		if want := l.May([]Charge{c}); fmt.Sprint(want) != fmt.Sprint(l.clone().Fold(c)) {
			t.Fatalf("release %d: May says %v", n, want)
		}
		err = l.Fold(c)
		if n > 1000 {
			t.Fatal("the budget has no end")
		}
	}
	n-- // The last one was refused.
	if !errors.Is(err, ErrExhausted) || !strings.Contains(err.Error(), "2026") {
		t.Fatalf("after %d releases: %v", n, err)
	}
	spent := l.Spent(charge(0).Account())
	if spent.Releases != n || spent.Rho.Cmp(ratio(int64(n), 100)) != 0 {
		t.Errorf("%d releases cost %s", spent.Releases, spent.Rho)
	}
	epsilon, err := Epsilon(spent.Rho, budget().Year.Delta)
	if err != nil || epsilon.Cmp(budget().Year.Epsilon) > 0 {
		t.Errorf("ε = %v was spent, %v", float(epsilon), err)
	}
	more, err := Epsilon(spent.Rho.Add(ratio(1, 100)), budget().Year.Delta)
	if err != nil || more.Cmp(budget().Year.Epsilon) <= 0 {
		t.Errorf("one more would have come to ε = %v, %v", float(more), err)
	}
	left, err := l.Left(charge(0).Account())
	if err != nil || left.Cmp(ratio(1, 100)) >= 0 {
		t.Errorf("%s is left, %v", left, err)
	}
	// A little that fits still goes through; another year, party, schema and unit too.
	for i, change := range []func(*Charge){
		func(c *Charge) { c.Rho = left.Mul(ratio(1, 2)) },
		func(c *Charge) { c.Period = "2027-01-01" },
		func(c *Charge) { c.Party = "TZA" },
		func(c *Charge) { c.Schema = schema("deaths") },
		func(c *Charge) { c.Unit = UnitMember },
	} {
		c := charge(5000 + i)
		change(&c)
		if err := l.Fold(c); err != nil {
			t.Errorf("charge %d: %v", i, err)
		}
	}
}

// clone copies a ledger.
func (l *Ledger) clone() *Ledger {
	return &Ledger{l.rules, maps.Clone(l.balances), maps.Clone(l.seen)}
}

func TestChargeRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Charge)
		want   error
	}{
		"party":            {func(c *Charge) { c.Party = "" }, ErrCharge},
		"period":           {func(c *Charge) { c.Period = "2026-13-01" }, ErrCharge},
		"period form":      {func(c *Charge) { c.Period = "2026" }, ErrCharge},
		"round":            {func(c *Charge) { c.Round = "" }, ErrCharge},
		"long round":       {func(c *Charge) { c.Round = strings.Repeat("r", maxRound+1) }, ErrCharge},
		"unit":             {func(c *Charge) { c.Unit = "household" }, ErrCharge},
		"disclosure":       {func(c *Charge) { c.Disclosure = "" }, ErrCharge},
		"rho 0":            {func(c *Charge) { c.Rho = exact.Rat{} }, ErrCharge},
		"rho below 0":      {func(c *Charge) { c.Rho = exact.Int(-1) }, ErrCharge},
		"rho too large":    {func(c *Charge) { c.Rho = exact.Int(maxRho + 1) }, ErrCharge},
		"rho too long":     {func(c *Charge) { c.Rho = number(t, "1e-300") }, ErrCharge},
		"delta below 0":    {func(c *Charge) { c.Delta = exact.Int(-1) }, ErrCharge},
		"delta above 1":    {func(c *Charge) { c.Delta = exact.Int(2) }, ErrCharge},
		"exact but costly": {func(c *Charge) { c.Disclosure, c.Schema = Exact, schema("sensors") }, ErrCharge},
		"exact persons":    {func(c *Charge) { c.Disclosure, c.Rho = Exact, exact.Rat{} }, ErrPersonal},
		"costly release":   {func(c *Charge) { c.Rho = exact.Int(1) }, ErrExhausted},
		"likely to fail":   {func(c *Charge) { c.Delta = ratio(1, 1_000_000) }, ErrExhausted},
	} {
		l := newLedger(t)
		bad := charge(1)
		c.change(&bad)
		if err := l.FoldAll([]Charge{charge(0), bad}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if len(l.Balances()) != 0 {
			t.Errorf("%s: a refused release left %v", name, l.Balances())
		}
	}
}

func TestSameReleaseIsChargedOnce(t *testing.T) {
	l := newLedger(t)
	for range 3 {
		if err := l.Fold(charge(1)); err != nil {
			t.Fatal(err)
		}
	}
	if b := l.Spent(charge(1).Account()); b.Releases != 1 || b.Rho.Cmp(ratio(1, 100)) != 0 {
		t.Errorf("spent %v", b)
	}
	for name, change := range map[string]func(*Charge){
		"rho":    func(c *Charge) { c.Rho = ratio(1, 200) },
		"delta":  func(c *Charge) { c.Delta = ratio(1, 1<<40) },
		"period": func(c *Charge) { c.Period = "2027-11-20" },
	} {
		c := charge(1)
		change(&c)
		if err := l.Fold(c); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.FoldAll([]Charge{charge(2), func() Charge { d := charge(2); change(&d); return d }()}); !errors.Is(err, ErrConflict) {
			t.Errorf("%s in one release: %v", name, err)
		}
	}
}

func TestExactReleasesAreFree(t *testing.T) {
	l := newLedger(t)
	c := charge(1)
	c.Schema, c.Disclosure, c.Rho = schema("sensors"), Exact, exact.Rat{}
	if err := l.Fold(c); err != nil {
		t.Fatal(err)
	}
	if b := l.Spent(c.Account()); b.Rho.Sign() != 0 || b.Releases != 0 {
		t.Errorf("spent %v", b)
	}
}

// The order of charges that all fit does not matter, and awkward fractions only cost more.
func TestFoldLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var charges []Charge
		var sum exact.Rat
		for i := range rapid.IntRange(1, 8).Draw(t, "charges") {
			c := charge(i)
			c.Party = party.ID([]string{"KEN", "TZA"}[rapid.IntRange(0, 1).Draw(t, "party")])
			c.Rho = ratio(1, rapid.Int64Range(1<<10, 1<<60).Draw(t, "one over"))
			charges = append(charges, c)
			sum = sum.Add(c.Rho)
		}
		a, b := newLedger(t), newLedger(t)
		if err := a.FoldAll(charges); err != nil {
			t.Fatal(err)
		}
		for _, i := range rapid.Permutation(indexes(len(charges))).Draw(t, "order") {
			if err := b.Fold(charges[i]); err != nil {
				t.Fatal(err)
			}
		}
		var got exact.Rat
		for i, balance := range a.Balances() {
			other := b.Balances()[i]
			if balance.Account != other.Account || balance.Releases != other.Releases || balance.Rho.Sub(other.Rho).Big().Denom().BitLen() > maxDenominator+1 {
				t.Fatalf("%v and %v", balance, other)
			}
			got = got.Add(balance.Rho)
		}
		if got.Cmp(sum) < 0 || float(got.Sub(sum)) > 1e-100 {
			t.Fatalf("charges of %v are booked as %v", float(sum), float(got))
		}
	})
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestRoomIsWhatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limit{ratio(rapid.Int64Range(1, 80).Draw(t, "epsilon"), 8), ratio(1, rapid.Int64Range(100, 1<<40).Draw(t, "one in"))}
		spent := Cost{ratio(rapid.Int64Range(0, 100).Draw(t, "rho"), 10_000), ratio(1, 1<<62)}
		room, err := l.Room(spent)
		if err != nil {
			t.Fatal(err)
		}
		if room.Sign() > 0 && l.Admit(Cost{spent.Rho.Add(room), spent.Delta}) != nil {
			t.Fatalf("a room of %v does not fit", float(room))
		}
		over := spent.Rho.Add(room.Mul(ratio(1001, 1000))).Add(ratio(1, 10_000))
		if err := l.Admit(Cost{over, spent.Delta}); !errors.Is(err, ErrExhausted) {
			t.Fatalf("more than the room of %v fits: %v", float(room), err)
		}
	})
}

func TestBudgetRefused(t *testing.T) {
	for name, change := range map[string]func(*Budget){
		"epsilon 0":        func(b *Budget) { b.Release.Epsilon = exact.Rat{} },
		"epsilon below 0":  func(b *Budget) { b.Year.Epsilon = exact.Int(-1) },
		"epsilon too much": func(b *Budget) { b.Year.Epsilon = exact.Int(MaxEpsilon + 1) },
		"delta 0":          func(b *Budget) { b.Release.Delta = exact.Rat{} },
		"delta 1":          func(b *Budget) { b.Year.Delta = exact.Int(1) },
	} {
		b := budget()
		change(&b)
		if _, err := NewLedger(Rules{Budget: b}); !errors.Is(err, ErrParameter) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChargeIsCanonical(t *testing.T) {
	c := charge(1)
	c.Delta = ratio(1, 1<<40)
	bytes, err := canon.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	// The example of docs/format/privacy.md.
	want, err := os.ReadFile("testdata/charge.json")
	if err != nil || string(bytes) != strings.TrimSuffix(string(want), "\n") {
		t.Errorf("%s, want %s, %v", bytes, want, err)
	}
	page, err := os.ReadFile("../../docs/format/privacy.md")
	if err != nil || !strings.Contains(string(page), string(bytes)) {
		t.Errorf("docs/format/privacy.md does not show %s, %v", bytes, err)
	}
	var back Charge
	if err := canon.Unmarshal(bytes, &back); err != nil || !back.equal(c) || back.release() != c.release() {
		t.Errorf("%v, %v", back, err)
	}
}

func FuzzCharge(f *testing.F) {
	bytes, err := canon.Marshal(charge(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes)
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Charge
		if canon.Unmarshal(data, &c) != nil {
			return
		}
		l := newLedger(t)
		if err := l.Fold(c); err == nil && c.Check() != nil {
			t.Fatalf("%s was booked", data)
		}
	})
}

func BenchmarkFoldCohort(b *testing.B) {
	charges := make([]Charge, 200)
	for i := range charges {
		charges[i] = charge(1)
		charges[i].Party = party.ID(fmt.Sprintf("P%03d", i))
	}
	for b.Loop() {
		if err := newLedger(b).FoldAll(charges); err != nil {
			b.Fatal(err)
		}
	}
}
