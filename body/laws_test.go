package body_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/party"
	"comity/verifier/ledger"
	"comity/verifier/secagg"
)

// unordered is the View without what depends on the order of independent statements:
// the root of the log, the places of a decision's newest forecast and of a question, the order in which
// checks stand, and, where keys and boxes of one epoch meet, whose key came late.
func unordered(t testing.TB, s *body.State) canon.Raw {
	t.Helper()
	v := *s.View()
	v.Root = canon.Digest{}
	v.Decisions, v.Epochs = maps.Clone(v.Decisions), maps.Clone(v.Epochs)
	for period, d := range v.Decisions {
		d.Checks, d.Dissents = slices.Sorted(slices.Values(d.Checks)), slices.Sorted(slices.Values(d.Dissents))
		d.InputsAt = 0
		v.Decisions[period] = d
	}
	v.Questions = maps.Clone(v.Questions)
	for name, q := range v.Questions {
		q.AskedAt = 0
		v.Questions[name] = q
	}
	for name, e := range v.Epochs {
		e.Late = nil
		v.Epochs[name] = e
	}
	return marshal(t, v)
}

func drawOrder[E any](t *rapid.T, items []E) []E { return rapid.Permutation(items).Draw(t, "order") }

// Between two statements of the operator members may be heard in any order, as long as
// each says its own in its order: the same is known afterwards.
func TestMembersCommute(t *testing.T) {
	full := whole(t)
	var runs [][2]int // Stretches of members' statements.
	for i := 0; i < len(full.entries); {
		j := i
		for j < len(full.entries) && parse(t, full.entries[j]).Author != operator {
			j++
		}
		for k := i + 1; k < j; k++ {
			if kind := parse(t, full.entries[k]).Kind; kind != parse(t, full.entries[k-1]).Kind && waits(kind) {
				runs, i = append(runs, [2]int{i, k}), k
			}
		}
		if j-i > 1 {
			runs = append(runs, [2]int{i, j})
		}
		i = j + 1
	}
	if len(runs) < 5 {
		t.Fatalf("%d stretches of members' statements", len(runs))
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := rapid.SampledFrom(runs).Draw(rt, "stretch")
		w, want := full.before(r[0]), unordered(t, full.before(r[1]).state)
		queues := map[party.ID][][]byte{}
		var turns []party.ID
		for _, e := range full.entries[r[0]:r[1]] {
			author := parse(t, e).Author
			queues[author] = append(queues[author], e)
			turns = append(turns, author)
		}
		for _, author := range drawOrder(rt, turns) {
			if _, err := w.state.Fold(queues[author][0]); err != nil {
				rt.Fatal(err)
			}
			queues[author] = queues[author][1:]
		}
		if diff := cmp.Diff(string(want), string(unordered(t, w.state))); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// waits tells whether statements of a kind are due when all have said another: keys
// before boxes, for which came first decides who is late.
func waits(kind comity.Kind) bool {
	return slices.Contains([]comity.Kind{
		comity.KindBoxes, comity.KindFingerprint, comity.KindNonce, comity.KindDeal, comity.KindSettled, comity.KindCommit,
	}, kind)
}

// What members may say now they may still say after the others: a sequencer that found
// each of them admissible can log them in any order. The batch holds honest statements
// and everything else that is admissible and that a member could say against another.
func TestAdmissibleTogetherFoldInAnyOrder(t *testing.T) {
	full := history(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := full.before(rapid.IntRange(1, len(full.entries)-1).Draw(rt, "size"))
		var batch [][]byte
		for _, p := range w.charter.Parties {
			if p.ID == operator {
				continue
			}
			choice := slices.DeleteFunc(w.offers(full, p.ID), func(e []byte) bool { return w.state.Admissible(e) != nil })
			if len(choice) > 0 {
				batch = append(batch, rapid.SampledFrom(choice).Draw(rt, string(p.ID)))
			}
		}
		if len(batch) == 0 {
			return
		}
		for _, e := range drawOrder(rt, batch) {
			if _, err := w.state.Fold(e); err != nil {
				rt.Fatalf("admissible before the others: %v", err)
			}
		}
	})
}

// offers is what a member could try to say at one point: all that it said at any time,
// and variants that go against what others say at the same time.
func (w *world) offers(full *world, id party.ID) [][]byte {
	w.t.Helper()
	var all [][]byte
	say := func(kind comity.Kind, record any) { all = append(all, w.sign(w.statement(id, kind, record))) }
	for _, e := range full.entries {
		if st := parse(w.t, e); st.Author == id {
			say(st.Kind, st.Record)
		}
	}
	size := w.state.View().Size
	for i := range 3 {
		say(comity.KindFingerprint, comity.Fingerprint{Round: round, Size: size - i, Points: []canon.Int{1, 2}})
		say(comity.KindHead, comity.Head{Round: round, Steps: 9 + i, Chain: canon.Sum([]byte{byte(i)})})
		say(comity.KindDeclaration, capacity([]string{"2026-11-17", "2026-11-19", "9999-12-31"}[i], 7))
	}
	say(comity.KindKeys, w.epochKey("another", id).Record("another", id))
	say(comity.KindBoxes, w.boxes(epoch, id, nil))
	f := forecastOf(period, id, 0)
	f.Series = []comity.Series{}
	say(comity.KindForecast, f)
	f.Period = "2026-11-20"
	say(comity.KindForecast, f)
	say(comity.KindCheck, comity.Check{Size: size, About: w.state.View().Decisions[period].About})
	return all
}

// Any bit of any entry, changed on its way, has it refused and moves nothing.
func TestFlippedBitsAreRefused(t *testing.T) {
	full := history(t)
	at := make([]*world, len(full.entries))
	rapid.Check(t, func(rt *rapid.T) {
		i := rapid.IntRange(0, len(full.entries)-1).Draw(rt, "entry")
		if at[i] == nil {
			at[i] = full.before(i)
		}
		entry := bytes.Clone(full.entries[i])
		entry[rapid.IntRange(0, len(entry)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		before := at[i].digest()
		if _, err := at[i].state.Fold(entry); !errors.Is(err, body.ErrRefused) {
			rt.Fatalf("folded: %v", err)
		}
		if at[i].digest() != before {
			rt.Fatal("a refusal moved the state")
		}
	})
}

// Successors are admitted here exactly if a hub that stands at the first step, with
// nothing shown, admits them (package secagg, checkSuccessor).
func TestCohortsAgreeWithTheProtocol(t *testing.T) {
	full := history(t)
	full = full.before(full.find(comity.KindCohort, "") + 1)
	rapid.Check(t, func(rt *rapid.T) {
		w := full.before(len(full.entries))
		prev := w.state.View().Rounds[round].Cohorts[0]
		hub, err := secagg.NewHub(secagg.HubConfig{Plan: canon.Sum(nil), Cohort: prev, MinMembers: w.charter.Models.MinMembers, Store: noStore{}})
		if err != nil {
			rt.Fatal(err)
		}
		for range 4 {
			c := comity.Cohort{
				Round: round, Number: prev.Number + rapid.SampledFrom([]int{1, 1, 1, 1, 0, 2}).Draw(rt, "number"),
				Attempt: prev.Attempt + rapid.SampledFrom([]int{0, 0, 1, 1, 2, -1}).Draw(rt, "attempt"),
				Members: slices.Clone(prev.Members),
			}
			switch rapid.IntRange(0, 6).Draw(rt, "members") {
			case 0, 1, 2:
				i := rapid.IntRange(0, len(c.Members)-1).Draw(rt, "gone")
				c.Members = slices.Delete(c.Members, i, i+1)
			case 3:
				c.Members = drawOrder(rt, c.Members)
			case 4:
				c.Members[0] = rapid.SampledFrom(append(slices.Clone(states), observer, "x")).Draw(rt, "other")
			}
			theirs := hub.Recohort(c)
			_, ours := w.state.Fold(w.sign(w.statement(operator, comity.KindCohort, c)))
			if (theirs == nil) != (ours == nil) {
				rt.Fatalf("cohort %+v after %+v: the hub says %v, the log says %v", c, prev, theirs, ours)
			}
			if ours == nil {
				prev = c
			}
		}
	})
}

// noStore is for a hub that never sees a vector.
type noStore struct{}

func (noStore) Put(string, []byte) error   { return errors.ErrUnsupported }
func (noStore) Get(string) ([]byte, error) { return nil, errors.ErrUnsupported }

// snapshots holds the state before each entry of a history, rebuilt after it was moved.
type snapshots struct {
	full *world
	at   []*world
}

func (s *snapshots) before(t testing.TB, i int) *world {
	t.Helper()
	s.full.t = t
	if s.at[i] == nil {
		s.at[i] = s.full.before(i)
	}
	s.at[i].t = t
	return s.at[i]
}

// offer folds an entry at one point of the history: whatever it is, Admissible and Fold
// agree, and a refusal names a rule and moves nothing.
func (s *snapshots) offer(t *testing.T, i int, entry []byte) {
	t.Helper()
	w := s.before(t, i)
	before := w.digest()
	admissible := w.state.Admissible(entry)
	if w.digest() != before {
		t.Fatal("Admissible moved the state")
	}
	_, err := w.state.Fold(entry)
	if (admissible == nil) != (err == nil) {
		t.Fatalf("Admissible says %v, Fold says %v", admissible, err)
	}
	if err == nil {
		s.at[i] = nil
		if w.digest() == before {
			t.Fatal("an admitted statement left the state as it was")
		}
		return
	}
	var r *body.Refusal
	if !errors.As(err, &r) || r.Rule == "" || r.Error() == "" {
		t.Fatalf("refused without a rule: %v", err)
	}
	if w.digest() != before {
		t.Fatal("a refusal moved the state")
	}
}

// FuzzFold offers any bytes at any point of the history.
func FuzzFold(f *testing.F) {
	full := history(f)
	s := &snapshots{full, make([]*world, len(full.entries))}
	for i, e := range full.entries {
		f.Add(i, e)
		f.Add(i+1, e)
	}
	f.Fuzz(func(t *testing.T, i int, entry []byte) {
		s.offer(t, int(uint(i)%uint(len(full.entries))), entry)
	})
}

// FuzzRecord offers any record under any kind, properly signed: what a hostile party or
// operator could say.
func FuzzRecord(f *testing.F) {
	full := history(f)
	s := &snapshots{full, make([]*world, len(full.entries))}
	for i, e := range full.entries {
		st := parse(f, e)
		f.Add(i, string(st.Author), string(st.Kind), []byte(st.Record))
		f.Add(i+1, string(st.Author), string(st.Kind), []byte(st.Record))
		f.Add(i, string(operator), string(st.Kind), []byte(st.Record))
	}
	f.Fuzz(func(t *testing.T, i int, author, kind string, record []byte) {
		i = int(uint(i) % uint(len(full.entries)))
		id := party.ID(author)
		if id.Check() != nil || canon.Check(record) != nil {
			return
		}
		st := s.before(t, i).statement(id, comity.Kind(kind), canon.Raw(record))
		entry, err := ledger.Sign(st, nodeKey(t, id))
		if err != nil {
			return
		}
		s.offer(t, i, entry)
	})
}
