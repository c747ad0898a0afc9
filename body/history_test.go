package body_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/party"
)

// A whole decision is admitted, statement by statement, and takes effect with the
// fourth check by a party whose witness counts.
func TestHistory(t *testing.T) {
	w := whole(t)
	d := w.state.View().Decisions[period]
	if want := append(slices.Clone(states[:4]), observer); !slices.Equal(d.Checks, want) || !slices.Equal(d.Dissents, states[4:]) {
		t.Errorf("checks %v, want %v; dissents %v, want %v", d.Checks, want, d.Dissents, states[4:])
	}
	for _, kind := range kinds(t) {
		w.find(comity.Kind(kind), "")
	}
	last := w.find(comity.KindCheck, "PE")
	for size, want := range map[int]bool{0: false, last: false, last + 1: true, len(w.entries): true} {
		if got := w.before(size).state.Effective(period); got != want {
			t.Errorf("after %d entries the allocation has effect: %v, want %v", size, got, want)
		}
	}
}

// An observer's check is on record and counts for nothing.
func TestObserversPutNothingIntoEffect(t *testing.T) {
	w := history(t)
	w = w.before(w.find(comity.KindCheck, "PE"))
	w.say(observer, comity.KindCheck, w.state.View().Decisions[period].Expected)
	if d := w.state.View().Decisions[period]; len(d.Checks) != 4 || w.state.Effective(period) {
		t.Fatalf("checks %v, effective %v", d.Checks, w.state.Effective(period))
	}
}

// Whoever folds the same bytes holds the same state.
func TestReplay(t *testing.T) {
	w := whole(t)
	again := w.before(len(w.entries))
	if w.digest() != again.digest() {
		t.Fatal("two folds of one log differ")
	}
	if diff := cmp.Diff(marshal(t, *w.state.View()), marshal(t, *again.state.View())); diff != "" {
		t.Fatal(diff)
	}
}

// Every field of every record, changed alone and signed by its author, is refused or
// changes what is known, apart from the root, which changes with any byte. What a
// dissenter found is all that the View does not keep: it stands in the log.
func TestEveryFieldCounts(t *testing.T) {
	w := whole(t)
	tampered := map[comity.Kind]int{}
	for i, entry := range w.entries {
		honest := parse(t, entry)
		dissent := honest.Kind == comity.KindCheck && honest.Author == "TZ"
		if tampered[honest.Kind] >= 400 || dissent {
			continue // More of the same kind.
		}
		now := w.before(i)
		want := known(t, w.before(i+1).state)
		for _, record := range changes(t, honest.Record) {
			st := honest
			st.Record = record
			before := now.digest()
			_, err := now.state.Fold(now.sign(st))
			tampered[st.Kind]++
			if err != nil {
				if now.digest() != before {
					t.Fatalf("a refusal of %s moved the state: %v", st.Kind, err)
				}
				continue
			}
			if bytes.Equal(known(t, now.state), want) {
				t.Errorf("entry %d, %s: %.300s is taken for %.300s", i, st.Kind, record, honest.Record)
			}
			now = w.before(i)
		}
	}
	for _, kind := range kinds(t) {
		if tampered[comity.Kind(kind)] < 3 {
			t.Errorf("only %d records of kind %s were tampered with", tampered[comity.Kind(kind)], kind)
		}
	}
}

// known is the View without what depends on the bytes of the log alone.
func known(t testing.TB, s *body.State) []byte {
	t.Helper()
	v := *s.View()
	v.Root = canon.Digest{}
	return marshal(t, v)
}

// changes returns all records in which one leaf of a record differs, or one list has
// one item less or more.
func changes(t testing.TB, record []byte) []canon.Raw {
	t.Helper()
	var root any
	d := json.NewDecoder(bytes.NewReader(record))
	d.UseNumber()
	must(t, d.Decode(&root))
	var all []canon.Raw
	emit := func() {
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		must(t, e.Encode(root))
		if raw := canon.Raw(bytes.TrimSpace(out.Bytes())); canon.Check(raw) == nil {
			all = append(all, raw)
		}
	}
	var walk func(v any, set func(any))
	try := func(v any, set func(any), others ...any) {
		for _, other := range others {
			set(other)
			emit()
		}
		set(v)
	}
	walk = func(v any, set func(any)) {
		switch x := v.(type) {
		case string:
			try(v, set, x+"0", other(x), "")
		case json.Number:
			n, err := x.Int64()
			must(t, err)
			try(v, set, n+1, n-1, 0, 1<<40)
		case bool:
			try(v, set, !x)
		case []any:
			if len(x) > 0 {
				try(v, set, x[1:], x[:len(x)-1], append(slices.Clone(x), x[len(x)-1]), []any{})
			}
			for i := range x {
				walk(x[i], func(v any) { x[i] = v })
			}
		case map[string]any:
			for key := range x {
				walk(x[key], func(v any) { x[key] = v })
			}
		}
	}
	walk(root, func(v any) { root = v })
	return slices.DeleteFunc(all, func(r canon.Raw) bool { return bytes.Equal(r, record) })
}

// other changes the last character of a text so that hex stays hex and base64 base64.
func other(text string) string {
	for i := len(text) - 1; i >= 0; i-- {
		for _, pair := range []string{"01", "12", "23", "34", "45", "56", "67", "78", "89", "90", "AB", "BA", "ab", "ba"} {
			if text[i] == pair[0] {
				return text[:i] + pair[1:] + text[i+1:]
			}
		}
	}
	return text + "x"
}

// What was read from a View stays as it was read when the log goes on.
func TestViewsAreNotWrittenTo(t *testing.T) {
	full := history(t)
	w := full.before(0)
	for i, e := range full.entries {
		v := w.state.View()
		e0, r0, c0, d0 := v.Epochs[epoch], v.Rounds[round], v.Declared["d.capacity"], v.Decisions[period]
		before := [][]byte{marshal(t, e0), marshal(t, r0), marshal(t, c0), marshal(t, d0)}
		if _, err := w.state.Fold(e); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, [][]byte{marshal(t, e0), marshal(t, r0), marshal(t, c0), marshal(t, d0)}); diff != "" {
			t.Fatalf("entry %d: %s", i, diff)
		}
	}
}

// The caller may use its buffer again.
func TestEntriesAreCopied(t *testing.T) {
	full := history(t)
	w := full.before(0)
	for _, e := range full.entries {
		buffer := bytes.Clone(e)
		st, err := w.state.Fold(buffer)
		must(t, err)
		clear(buffer)
		clear(st.Record)
	}
	if w.digest() != full.digest() {
		t.Fatal("the state changed with the caller's bytes")
	}
}

// A party that is late keeps the numbers it last signed, one that is early does not
// disturb the decision under way, and an allocation ends what nothing can rest on.
func TestDeclarationsAreCarriedForward(t *testing.T) {
	w := history(t)
	at := w.find(comity.KindDeclaration, operator)
	now := w.before(at)
	now.say("BR", comity.KindDeclaration, capacity("2026-11-11", 30))
	now.say("BR", comity.KindDeclaration, capacity("2026-11-12", 31)) // The one in force.
	now.say("BR", comity.KindDeclaration, capacity("2026-11-25", 32))
	now.say("FJ", comity.KindDeclaration, capacity("2026-11-11", 40))
	now.repeat(slices.DeleteFunc(slices.Clone(w.entries[at:]), func(e []byte) bool {
		st := parse(t, e)
		return st.Kind == comity.KindDeclaration && (st.Author == "BR" || st.Author == "FJ") || st.Kind == comity.KindAllocation || st.Kind == comity.KindCheck
	}), nil)
	p, err := now.state.Problem(period)
	must(t, err)
	for j, want := range []int64{31, 40, 300, 350, 400} {
		if got := p.Columns[j].Upper; int64(got) != want {
			t.Errorf("%s can use %d, declared %d", p.Columns[j].Party, got, want)
		}
	}
	if got := len(now.state.View().Declared["d.capacity"].Earlier["BR"]); got != 2 {
		t.Fatalf("%d earlier declarations, want 2", got)
	}
	now.say(operator, comity.KindAllocation, now.allocation(period))
	d := now.state.View().Declared["d.capacity"]
	if got := d.Earlier["BR"]; len(got) != 1 || got[0].Period != "2026-11-12" || d.Latest["BR"].Period != "2026-11-25" {
		t.Errorf("kept are %v and %v", got, d.Latest["BR"])
	}
	if got := d.Earlier["FJ"]; len(got) != 0 || d.Latest["FJ"].Period != "2026-11-11" {
		t.Errorf("kept are %v and %v", got, d.Latest["FJ"])
	}
}

// Nobody gets into a round who could choose its share of the public coin after the
// others', or who left somebody out; nobody is kept out by another's doing.
func TestEligible(t *testing.T) {
	full := history(t)
	start := full.find(comity.KindKeys, "")
	for name, c := range map[string]struct {
		late  party.ID                // Publishes its key after the first box.
		boxes map[party.ID][]party.ID // Other than to all.
		quiet party.ID                // Seals nothing.
		want  []party.ID
	}{
		"all":                 {want: states},
		"one late":            {late: "BR", want: states[1:]},
		"one quiet":           {quiet: "KE", want: []party.ID{"BR", "FJ", "PE", "TZ"}},
		"one leaves out":      {boxes: map[party.ID][]party.ID{"FJ": {"KE", "TZ"}}, want: []party.ID{"BR", "KE", "PE", "TZ"}},
		"leaves out a quiet":  {quiet: "KE", boxes: map[party.ID][]party.ID{"BR": {"FJ", "PE", "TZ"}}, want: []party.ID{"BR", "FJ", "PE", "TZ"}},
		"leaves out a late":   {late: "TZ", boxes: map[party.ID][]party.ID{"BR": {"FJ", "KE", "PE"}}, want: states[:4]},
		"two leave out a one": {boxes: map[party.ID][]party.ID{"BR": {}, "FJ": {}}, want: states[2:]},
	} {
		t.Run(name, func(t *testing.T) {
			w := full.before(start)
			for _, id := range states {
				if id != c.late {
					w.say(id, comity.KindKeys, w.epochKey(epoch, id).Record(epoch, id))
				}
			}
			seal := func(id party.ID) {
				to := slices.DeleteFunc(slices.Clone(states), func(x party.ID) bool {
					_, has := w.state.View().Epochs[epoch].Keys[x]
					return x <= id || !has
				})
				if other, ok := c.boxes[id]; ok {
					to = other
				}
				if id != c.quiet {
					w.say(id, comity.KindBoxes, w.boxes(epoch, id, to))
				}
			}
			for _, id := range states {
				if id != c.late {
					seal(id)
				}
			}
			if c.late != "" {
				w.say(c.late, comity.KindKeys, w.epochKey(epoch, c.late).Record(epoch, c.late))
				seal(c.late)
			}
			if got := w.state.Eligible(epoch); !slices.Equal(got, c.want) {
				t.Fatalf("eligible are %v, want %v", got, c.want)
			}
			w.say(operator, comity.KindCohort, comity.Cohort{Round: round, Number: 1, Members: c.want})
			if got := len(w.state.Nonces(round)); got != len(c.want) {
				t.Errorf("%d nonces of %d members", got, len(c.want))
			}
		})
	}
}

// Whoever refuses a plan is not in its cohort, and may say so until the cohort is fixed.
func TestRefusal(t *testing.T) {
	full := history(t)
	w := full.before(full.find(comity.KindCohort, ""))
	no := w.consent(period)
	no.Approves, no.Reason = false, "outside our mandate"
	w.say("TZ", comity.KindConsent, no)
	if got := w.state.Ready(round); !slices.Equal(got, states[:4]) {
		t.Fatalf("ready are %v, want %v", got, states[:4])
	}
	w.refuses(w.sign(w.statement(operator, comity.KindCohort, comity.Cohort{Round: round, Number: 1, Members: states})), body.RuleCohort)
	w.say(operator, comity.KindCohort, comity.Cohort{Round: round, Number: 1, Members: states[:4]})
	w.refuses(w.sign(w.statement("PE", comity.KindConsent, no)), body.RuleRound)
}

// All forecasts of a decision are made with one model, even if a newer one comes in
// between.
func TestOneModelForOneDecision(t *testing.T) {
	full := history(t)
	w := full.before(full.find(comity.KindForecast, "KE")) // BR and FJ forecast before.
	w.training("2026-11-25")
	newer := forecastOf(period, "KE", 2)
	newer.Model = modelOf("2026-11-25/forecast")
	w.refuses(w.sign(w.statement("KE", comity.KindForecast, newer)), body.RuleModel)
	w.say("KE", comity.KindForecast, forecastOf(period, "KE", 2))
	w.say(operator, comity.KindPicture, w.frozen(period))
	p, err := w.state.Freeze(period)
	must(t, err)
	if got := w.state.View().Decisions[period].Picture; p.Model != modelOf(round) || len(p.Series) != 3 || cmp.Diff(*got, p) != "" {
		t.Errorf("frozen is %v of %s", len(p.Series), p.Model)
	}
}

// An update keeps the model, and with it the weeks that the model serves.
func TestUpdate(t *testing.T) {
	full := history(t)
	w := full.before(full.find(comity.KindDeclaration, ""))
	w.update("2026-11-25")
	w.say(operator, comity.KindModel, comity.Model{Round: "2026-11-25/update", Model: modelOf(round)})
	f := forecastOf("2026-11-25", "KE", 0)
	f.Series[0].Horizons[0].Date = "2026-11-29"
	must(t, w.state.Admissible(w.sign(w.statement("KE", comity.KindForecast, f))))
	w.refuses(w.sign(w.statement("KE", comity.KindForecast, forecastOf(period, "KE", 0))), body.RuleModel)
	f.Period, f.Series[0].Horizons[0].Date = "2026-12-02", "2026-12-06"
	w.refuses(w.sign(w.statement("KE", comity.KindForecast, f)), body.RuleModel)
	if newest, model, _ := w.state.LatestModel(); newest != "2026-11-25/update" || model.Model != modelOf(round) {
		t.Errorf("in force is %s of %s", model.Model, newest)
	}
	w.training("2026-12-02")
}

// An allocation follows the earlier ones.
func TestAllocationsGoForward(t *testing.T) {
	w := history(t)
	if _, err := w.state.Problem("2026-11-25"); err == nil {
		t.Error("a problem without a picture")
	}
	next := "2026-11-25"
	for i, id := range states[:4] {
		f := forecastOf(period, id, i)
		f.Period = next
		f.Series[0].Horizons[0].Date = "2026-11-29"
		w.say(id, comity.KindForecast, f)
	}
	w.say(operator, comity.KindDeclaration, comity.Declaration{Period: next, Clause: "d.supply", Values: map[string]canon.Int{"doses": 10}})
	w.say(operator, comity.KindTick, w.tick(noon+60))
	w.say(operator, comity.KindPicture, w.frozen(next))
	w.say(operator, comity.KindAllocation, w.allocation(next))
	if w.state.Effective(next) || !w.state.Effective(period) {
		t.Error("checks of one allocation count for another")
	}
}

func BenchmarkFold(b *testing.B) {
	w := history(b)
	for b.Loop() {
		w.before(len(w.entries))
	}
	b.ReportMetric(float64(len(w.entries)), "entries/op")
}

func BenchmarkDigest(b *testing.B) {
	w := history(b)
	for b.Loop() {
		w.digest()
	}
}

func ExampleRefusal() {
	err := error(&body.Refusal{Rule: body.RuleOnce, Author: "KE", Counter: 7, Kind: comity.KindKeys, Cause: body.ErrRefused})
	fmt.Println(err)
	// Output: "keys" statement 7 of KE refused by rule once: refused
}
