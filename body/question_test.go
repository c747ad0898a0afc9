package body_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/verifier/federation"
	"comity/verifier/privacy"
	"comity/verifier/secagg"
)

// question asks for a histogram of persons' rows, with noise.
func (w *world) question(name string) comity.Question {
	return comity.Question{
		Round: period + "/" + name, Period: period, Clause: "d.cases", Epoch: body.QuestionEpoch(w.charter.ID, period), Code: federation.Code,
		Schema: canon.Sum([]byte("health/cases@1")), Query: comity.Query{
			Kind: comity.QueryHistogram, Column: "age", By: []string{}, Edges: []string{"18", "65"}, Levels: []exact.Rat{}, Salt: []byte{}, Prefixes: []string{}, MemberRows: 1000, PersonRows: 1, MinimumCell: 11,
		},
		Lanes: 3, Bound: 1000, Disclosure: privacy.Noisy, Square: exact.Int(1), Variance: exact.Int(60), MinMembers: 3, Seconds: 60,
	}
}

// weekly asks for a count of rows about nobody, without noise.
func (w *world) weekly(name string) comity.Question {
	q := w.question(name)
	q.Clause, q.Disclosure, q.Square, q.Variance = "d.weeks", privacy.Exact, exact.Rat{}, exact.Rat{}
	q.Query = comity.Query{Kind: comity.QueryCount, By: []string{}, Edges: []string{}, Levels: []exact.Rat{}, Salt: []byte{}, Prefixes: []string{}, MemberRows: 9}
	return q
}

// asking is a whole question: TZ refuses, PE falls out before it commits.
func (w *world) asking(name string) {
	q := w.weekly(name)
	w.say("KE", comity.KindQuestion, q)
	must(w.t, w.run(q, map[party.ID]comity.Kind{"TZ": comity.KindConsent, "PE": comity.KindCommit}))
}

// run answers a question; quiet lists who says nothing from a kind of statement on. Who
// is quiet from the first refuses. It returns why a statement of the hub is refused.
func (w *world) run(q comity.Question, quiet map[party.ID]comity.Kind) error {
	w.t.Helper()
	members := map[party.ID]*federation.Participant{}
	for _, id := range states {
		on := &notes{files: map[string][]byte{}}
		members[id] = federation.NewParticipant(federation.ParticipantConfig{
			Self: id, Secret: endless(string(id) + q.Round), Journal: on, Store: on,
			Consent: func(comity.Question) (string, error) {
				if quiet[id] == comity.KindConsent {
					return "no mandate", nil
				}
				return "", nil
			},
			Vector: func(comity.Question) ([]int64, error) { return []int64{1, 2, 3}, nil },
			Pairs:  func() (*secagg.Pairs, error) { return pairsOf(id, q.Round), nil },
		})
	}
	if len(w.state.View().Epochs[q.Epoch].Keys) == 0 {
		w.keysOf(q.Epoch)
	}
	hub := federation.NewConductor(&notes{files: map[string][]byte{}})
	for turn := 0; ; turn++ {
		b, _ := w.state.Board(q.Round)
		if b.Result != nil {
			return nil
		}
		if turn > 60 {
			w.t.Fatalf("%s stays %s", q.Round, b.Phase())
		}
		moved := false
		for _, id := range states {
			moved = w.turn(members[id], id, hub, q.Round, quiet[id]) || moved
		}
		b, _ = w.state.Board(q.Round)
		due, err := hub.Next(b)
		must(w.t, err)
		if due != nil {
			if err := w.state.Admissible(w.sign(w.statement(operator, due.Kind, due.Record))); err != nil {
				return err
			}
			w.say(operator, due.Kind, due.Record)
		} else if !moved {
			w.say(operator, comity.KindTick, w.tick(int64(w.state.View().Time)+60))
		}
	}
}

// turn has one member say what is due.
func (w *world) turn(m *federation.Participant, id party.ID, hub *federation.Conductor, round string, quiet comity.Kind) bool {
	w.t.Helper()
	b, _ := w.state.Board(round)
	say, letters, err := m.Next(b)
	must(w.t, err)
	for _, l := range letters {
		answer, err := hub.Hear(b, id, l)
		must(w.t, err)
		if answer != nil {
			must(w.t, m.Hear(b, *answer))
		}
	}
	if say == nil || say.Kind == quiet && quiet != comity.KindConsent {
		return len(letters) > 0 && say == nil
	}
	must(w.t, hub.Wants(b, id, say.Record))
	w.say(id, say.Kind, say.Record)
	return true
}

// notes is a journal and a store in memory.
type notes struct {
	entries [][]byte
	files   map[string][]byte
}

var errNoFile = errors.New("no such file")

func (n *notes) Entries() ([][]byte, error)      { return n.entries, nil }
func (n *notes) Append(e []byte) error           { n.entries = append(n.entries, slices.Clone(e)); return nil }
func (n *notes) Put(name string, d []byte) error { n.files[name] = slices.Clone(d); return nil }
func (n *notes) Get(name string) ([]byte, error) {
	if d, ok := n.files[name]; ok {
		return d, nil
	}
	return nil, errNoFile
}

// endless is a secret coin that is the same in every run.
func endless(name string) io.Reader { return rand.NewChaCha8(canon.Sum([]byte(name))) }

// pairsOf gives both ends of a pair the same secret.
func pairsOf(id party.ID, round string) *secagg.Pairs {
	p := &secagg.Pairs{}
	for _, peer := range states {
		if peer != id {
			p.Set(peer, canon.Sum([]byte(min(id, peer)+max(id, peer))))
		}
	}
	return p.Ratchet(round)
}

// A question is answered by those who stayed, charged to them alone, and its sum is
// theirs.
func TestQuestion(t *testing.T) {
	w := found(t, nil)
	w.founding()
	q := w.question("cases")
	w.say("KE", comity.KindQuestion, q)
	must(t, w.run(q, map[party.ID]comity.Kind{"TZ": comity.KindConsent, "PE": comity.KindCommit}))
	r := w.state.View().Questions[q.Round]
	if want := states[:3]; !slices.Equal(r.Survivors.Members, want) || r.Result == nil {
		t.Fatalf("survivors %v, want %v", r.Survivors.Members, want)
	}
	l, err := w.state.Ledger()
	must(t, err)
	for _, id := range states {
		spent := l.Spent(privacy.Account{Party: id, Schema: r.Question.Schema, Unit: privacy.UnitPerson, Year: "2026"})
		if charged := spent.Releases == 1; charged != slices.Contains(states[:3], id) {
			t.Errorf("%s was charged %d times", id, spent.Releases)
		}
	}
	if _, ok := w.state.Root(r.SurvivorsAt); !ok {
		t.Fatal("no root for the fingerprints")
	}
}

// The budget of a year ends, and with it the questions; a replay finds the same.
func TestBudgetEnds(t *testing.T) {
	w := found(t, nil)
	w.founding()
	asked := 0
	for ; asked < 40; asked++ {
		q := w.question("n" + string(rune('a'+asked)))
		entry := w.sign(w.statement("KE", comity.KindQuestion, q))
		if err := w.state.Admissible(entry); err != nil {
			if !errors.Is(err, privacy.ErrExhausted) {
				t.Fatal(err)
			}
			break
		}
		w.say("KE", comity.KindQuestion, q)
		must(t, w.run(q, nil))
	}
	if asked < 2 || asked == 40 {
		t.Fatalf("%d questions were answered", asked)
	}
	again := w.before(len(w.entries))
	again.refuses(again.sign(again.statement("KE", comity.KindQuestion, again.question("late"))), body.RulePrivacy)
}

// Sums without noise over cohorts that differ by one member tell that member's numbers.
func TestNearCohortRefused(t *testing.T) {
	w := found(t, nil)
	w.founding()
	w.say("KE", comity.KindQuestion, w.weekly("all"))
	must(t, w.run(w.weekly("all"), nil))
	q := w.weekly("but-one")
	w.say("KE", comity.KindQuestion, q)
	if err := w.run(q, map[party.ID]comity.Kind{"TZ": comity.KindConsent}); !errors.Is(err, privacy.ErrNearCohort) {
		t.Fatalf("got %v, want ErrNearCohort", err)
	}
}
