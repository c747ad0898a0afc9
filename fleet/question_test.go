package fleet

import (
	"math/big"
	"testing"

	"comity"
	"comity/exact"
	"comity/node"
	"comity/packs/health"
	"comity/verifier/analytics"
	"comity/verifier/federation"
	"comity/verifier/secagg/oneshot"
)

// byAge asks how many visits there were by age, with noise.
func byAge(name string) comity.Question {
	return comity.Question{
		Round: "2026-11-18/" + name, Period: "2026-11-18", Clause: "d.visits", Disclosure: "dp", Variance: exact.Int(3000), Seconds: 10,
		Query: comity.Query{
			Kind: comity.QueryHistogram, Column: "age", By: []string{}, Edges: []string{"18", "40", "65", "80"}, Levels: []exact.Rat{}, Salt: []byte{}, Prefixes: []string{},
			MemberRows: 1000, PersonRows: 1, MinimumCell: 11,
		},
	}
}

// Members answer a question about rows that nobody else sees.
func TestAQuestionIsAnswered(t *testing.T) {
	t.Parallel()
	f := start(t, Config{Home: node.Home(t.TempDir()), Scenario: small(t, 5)})
	if err := deal(f.cfg.Home, f.cfg.Scenario, "2026-11-18"); err != nil {
		t.Fatal(err)
	}
	schema := health.Visits()
	q, err := node.Terms(f.hub.Charter(), byAge("visits-by-age"), schema)
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.hub.Ask(t.Context(), q, schema)
	if err != nil {
		t.Fatal(err, f.reported())
	}
	if b.Phase() != federation.Answered || len(b.Survivors.Members) != 5 {
		t.Fatalf("%s, survivors %v", b.Phase(), b.Survivors)
	}
	sum, err := f.hub.Sum(b)
	if err != nil {
		t.Fatal(err)
	}
	l, err := analytics.NewLayout(q.Query, schema)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := l.Decode(analytics.Opened{Sum: sum, Members: 5, Variance: q.Variance.Mul(exact.FromBig(big.NewRat(3, 1)))})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", answer)
	_ = oneshot.ErrBound
}
