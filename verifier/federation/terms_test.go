package federation

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/verifier/privacy"
	"comity/verifier/secagg"
	"comity/verifier/secagg/oneshot"
)

func members(n int) []party.ID {
	var all []party.ID
	for i := range n {
		all = append(all, party.ID([]byte{'A' + byte(i/26), 'A' + byte(i%26)}))
	}
	return all
}

func noisy() comity.Question {
	return comity.Question{
		Round: "2026-11-18/ages", Period: "2026-11-18", Clause: "d.cases", Epoch: "body/2026-11-18/questions", Code: Code,
		Schema: canon.Sum([]byte("schema")), Query: comity.Query{Kind: comity.QueryHistogram, By: []string{}, Edges: []string{}, Levels: []exact.Rat{}, Salt: []byte{}, Prefixes: []string{}},
		Lanes: 5, Bound: 1000, Disclosure: privacy.Noisy, Square: exact.Int(1), Variance: exact.Int(400), MinMembers: 3, Seconds: 30,
	}
}

// The terms of a round leave room for every sum of all who are invited, noise included,
// and ask for as many members as the cost counts on.
func TestTerms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := noisy()
		q.Bound = canon.Int(rapid.Int64Range(1, 1<<20).Draw(rt, "bound"))
		q.Variance = exact.Int(rapid.Int64Range(100, 1<<30).Draw(rt, "variance"))
		n := rapid.IntRange(3, 200).Draw(rt, "members")
		q.MinMembers = rapid.IntRange(3, n).Draw(rt, "least")
		o, err := Terms(q, members(n), 1000)
		if err != nil {
			if !errors.Is(err, ErrQuestion) {
				rt.Fatal(err)
			}
			return
		}
		if int64(o.Bound)*int64(n) >= 1<<31 {
			rt.Fatalf("%d members of bound %d do not fit 32 bits", n, o.Bound)
		}
		if o.MinMembers < q.MinMembers || o.MinMembers < n-n/3 {
			rt.Fatalf("at least %d of %d members", o.MinMembers, n)
		}
		if o.JoinBy != 1000+q.Seconds || o.UnmaskBy != 1000+6*q.Seconds {
			rt.Fatalf("deadlines %d to %d", o.JoinBy, o.UnmaskBy)
		}
		if err := oneshot.CheckOpen(o); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestTermsRefused(t *testing.T) {
	for name, change := range map[string]func(*comity.Question) int{
		"too few":         func(q *comity.Question) int { q.MinMembers = 5; return 4 },
		"no room":         func(q *comity.Question) int { q.Bound = 1 << 30; return 9 },
		"too little":      func(q *comity.Question) int { q.Variance = exact.Int(1); return 200 },
		"no sensitivity":  func(q *comity.Question) int { q.Square = exact.Int(0); return 9 },
		"too many lanes":  func(q *comity.Question) int { q.Lanes = 1 << 21; return 9 },
		"without a bound": func(q *comity.Question) int { q.Disclosure, q.Bound = privacy.Exact, 0; return 9 },
	} {
		q := noisy()
		n := change(&q)
		if _, err := Terms(q, members(n), 1); !errors.Is(err, ErrQuestion) {
			t.Errorf("%s: %v, want ErrQuestion", name, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	if err := Check(noisy()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*comity.Question){
		"round of another period": func(q *comity.Question) { q.Round = "2026-11-25/ages" },
		"no name":                 func(q *comity.Question) { q.Round = "2026-11-18/" },
		"a path":                  func(q *comity.Question) { q.Round = "2026-11-18/../x" },
		"code":                    func(q *comity.Question) { q.Code = "query@2" },
		"no time":                 func(q *comity.Question) { q.Seconds = 0 },
		"too long":                func(q *comity.Question) { q.Seconds = MaxSeconds + 1 },
		"disclosure":              func(q *comity.Question) { q.Disclosure = "" },
		"noise without noise":     func(q *comity.Question) { q.Disclosure = privacy.Exact },
	} {
		q := noisy()
		change(&q)
		if err := Check(q); !errors.Is(err, ErrQuestion) {
			t.Errorf("%s: %v, want ErrQuestion", name, err)
		}
	}
}

// The least variance is within the limit, and one less is not.
func TestLeastVariance(t *testing.T) {
	limit := privacy.Limit{Epsilon: ratio(t, 1, 2), Delta: ratio(t, 1, 1e8)}
	for _, n := range []int{3, 5, 30} {
		q := noisy()
		least, err := LeastVariance(q, n, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			less int64
			fits bool
		}{{0, true}, {1, false}} {
			q.Variance = least.Sub(exact.Int(c.less))
			cost, err := Release(q, n).Cost()
			if err == nil {
				err = limit.Admit(cost)
			}
			if (err == nil) != c.fits {
				t.Errorf("%d members, variance %s: %v", n, q.Variance, err)
			}
		}
	}
	q := noisy()
	q.Bound = 1 << 27
	if _, err := LeastVariance(q, 30, limit); err == nil {
		t.Error("noise for values that leave no room")
	}
}

func ratio(t *testing.T, num, den int64) exact.Rat {
	t.Helper()
	r, err := exact.Ratio(num, den)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Who is charged is who is in the sum, each the whole cost; without noise nothing.
func TestCharges(t *testing.T) {
	q := noisy()
	all, err := Charges(q, privacy.UnitPerson, members(9), members(6))
	if err != nil || len(all) != 6 {
		t.Fatal(len(all), err)
	}
	for _, c := range all {
		if err := c.Check(); err != nil || c.Rho.Cmp(all[0].Rho) != 0 {
			t.Errorf("%+v: %v", c, err)
		}
	}
	q.Disclosure, q.Square, q.Variance = privacy.Exact, exact.Rat{}, exact.Rat{}
	if all, err = Charges(q, privacy.UnitPerson, members(9), members(6)); err != nil || all[0].Rho.Sign() != 0 {
		t.Errorf("without noise: %v, %v", all, err)
	}
}

func TestInputIsKept(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := rapid.SliceOf(rapid.Int64()).Draw(rt, "x")
		got, err := parseInput(inputBytes(x), len(x))
		if err != nil || !slices.Equal(got, x) {
			rt.Fatalf("%v became %v (%v)", x, got, err)
		}
		if _, err := parseInput(inputBytes(x), len(x)+1); !errors.Is(err, secagg.ErrJournal) {
			rt.Fatalf("cut short: %v", err)
		}
	})
}
