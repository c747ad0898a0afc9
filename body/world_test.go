package body_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"comity"
	"comity/adapter/cel"
	"comity/allocator/certificate"
	"comity/body"
	"comity/canon"
	"comity/chance"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/party/partytest"
	"comity/quantity"
	"comity/verifier/ledger"
	"comity/verifier/secagg"
)

// The consortium of these tests: five states, the secretariat that runs the log, and an
// observer, who is a party without a witness.
var states = []party.ID{"BR", "FJ", "KE", "PE", "TZ"}

const (
	operator party.ID = "SECRETARIAT"
	observer party.ID = "OBSERVER"

	origin = "comity.example/pool-5"
	period = "2026-11-18"
	epoch  = "pool-5/" + period
	round  = period + "/forecast"
	noon   = 1_795_003_200 // 2026-11-18T12:00:00Z.
)

// world is a log under construction: the keys of everybody, and the state of the
// entries so far.
type world struct {
	t       testing.TB
	charter comity.Charter
	sealed  []byte
	state   *body.State
	entries [][]byte
}

// found returns a world before its first entry. Adapt may change the charter.
func found(t testing.TB, adapt func(*comity.Charter)) *world {
	t.Helper()
	w := &world{t: t, state: body.New(), charter: draft(t)}
	if adapt != nil {
		adapt(&w.charter)
	}
	sealed, _, err := charter.Seal(w.charter)
	must(t, err)
	w.sealed = sealed
	return w
}

// history returns the world after one whole decision.
func history(t testing.TB) *world {
	t.Helper()
	w := found(t, nil)
	w.founding()
	w.training(period)
	w.deciding(period)
	return w
}

// whole returns the world after a decision and a question: every kind of statement but
// complaints is said.
func whole(t testing.TB) *world {
	t.Helper()
	w := history(t)
	w.asking("weeks")
	return w
}

func (w *world) founding() {
	w.say(operator, comity.KindCharter, canon.Raw(w.sealed))
	for _, p := range w.charter.Parties {
		w.say(p.ID, comity.KindRatify, w.ratification(p.ID))
	}
	w.say(operator, comity.KindTick, w.tick(noon))
}

// training is a round in which TZ drops out after three steps.
func (w *world) training(period string) {
	name := period + "/forecast"
	w.say(operator, comity.KindPlan, w.plan(period))
	w.say("KE", comity.KindConsent, w.consent(period))
	w.keys(period)
	w.say(operator, comity.KindCohort, comity.Cohort{Round: name, Number: 1, Members: states, Reason: "all members with keys"})
	w.say("BR", comity.KindHead, comity.Head{Round: name, Steps: 3, Chain: canon.Sum([]byte("early"))})
	remain := states[:4]
	w.say(operator, comity.KindCohort, comity.Cohort{Round: name, Number: 2, FromStep: 3, Attempt: 1, Members: remain, Reason: "no answer from TZ"})
	for _, id := range remain {
		w.say(id, comity.KindHead, comity.Head{Round: name, Steps: 9, Chain: canon.Sum([]byte("chain"))})
	}
	w.fingerprints(name)
	w.say(operator, comity.KindModel, comity.Model{Round: name, Transcript: canon.Sum([]byte("transcript")), Model: modelOf(name)})
}

// update is a round of one step by all, up to its model.
func (w *world) update(period string) {
	w.keys(period)
	p := w.plan(period)
	p.Task, p.Round = body.TaskUpdate, period+"/update"
	w.say(operator, comity.KindPlan, p)
	w.say(operator, comity.KindCohort, comity.Cohort{Round: p.Round, Number: 1, Members: states})
	for _, id := range states {
		w.say(id, comity.KindHead, comity.Head{Round: p.Round, Steps: 1, Chain: canon.Sum([]byte("update"))})
	}
	w.fingerprints(p.Round)
}

func (w *world) keys(period string) { w.keysOf(body.EpochName(w.charter.ID, period)) }

func (w *world) keysOf(epoch string) {
	for _, id := range states {
		w.say(id, comity.KindKeys, w.epochKey(epoch, id).Record(epoch, id))
	}
	for i, id := range states {
		w.say(id, comity.KindBoxes, w.boxes(epoch, id, states[i+1:]))
	}
}

func (w *world) fingerprints(round string) {
	r := w.state.View().Rounds[round]
	for i, id := range r.Cohort() {
		w.say(id, comity.KindFingerprint, comity.Fingerprint{Round: round, Size: r.HeadsAt, Points: []canon.Int{canon.Int(i), 1<<61 - 2}})
	}
}

func (w *world) deciding(period string) {
	w.say(operator, comity.KindDeclaration, comity.Declaration{Period: period, Clause: "d.supply", Values: map[string]canon.Int{"doses": 1000}})
	for i, id := range states {
		w.say(id, comity.KindDeclaration, capacity(period, canon.Int(200+50*i)))
		if id != "TZ" {
			w.say(id, comity.KindForecast, forecastOf(period, id, i))
		}
	}
	w.say(operator, comity.KindTick, w.tick(noon+60))
	w.say(operator, comity.KindPicture, w.frozen(period))
	w.say(operator, comity.KindAllocation, w.allocation(period))
	expected := w.state.View().Decisions[period].Expected
	for _, id := range append(slices.Clone(states[:4]), observer) {
		w.say(id, comity.KindCheck, expected)
	}
	w.say("TZ", comity.KindCheck, comity.Check{Size: expected.Size, State: canon.Sum([]byte("another")), About: expected.About})
}

// say signs a statement and folds it.
func (w *world) say(author party.ID, kind comity.Kind, record any) {
	w.t.Helper()
	entry := w.sign(w.statement(author, kind, record))
	if _, err := w.state.Fold(entry); err != nil {
		w.t.Fatal(err)
	}
	w.entries = append(w.entries, entry)
}

// repeat says again what was said in another world, changed if there is a change. Ticks
// are of this log.
func (w *world) repeat(entries [][]byte, change func(*comity.Statement)) {
	w.t.Helper()
	for _, e := range entries {
		st := parse(w.t, e)
		if change != nil {
			change(&st)
		}
		if st.Kind == comity.KindTick {
			var t comity.Tick
			must(w.t, canon.Unmarshal(st.Record, &t))
			st.Record = marshal(w.t, w.tick(int64(t.UnixTime)))
		}
		w.say(st.Author, st.Kind, st.Record)
	}
}

// statement returns the author's next.
func (w *world) statement(author party.ID, kind comity.Kind, record any) comity.Statement {
	w.t.Helper()
	return comity.Statement{
		Body: w.charter.ID, Charter: canon.Sum(w.sealed), Author: author,
		Counter: w.state.View().Counters[author] + 1, Kind: kind, Record: marshal(w.t, record),
	}
}

func (w *world) sign(st comity.Statement) []byte {
	w.t.Helper()
	entry, err := ledger.Sign(st, nodeKey(w.t, st.Author))
	must(w.t, err)
	return entry
}

// before returns the world as it was when the first n entries were logged.
func (w *world) before(n int) *world {
	w.t.Helper()
	old := &world{t: w.t, charter: w.charter, sealed: w.sealed, state: body.New(), entries: slices.Clone(w.entries[:n])}
	for _, e := range old.entries {
		if _, err := old.state.Fold(e); err != nil {
			w.t.Fatal(err)
		}
	}
	return old
}

// find returns the index of the first entry that a party, or anybody, said of a kind.
func (w *world) find(kind comity.Kind, author party.ID) int {
	w.t.Helper()
	i := slices.IndexFunc(w.entries, func(e []byte) bool {
		st := parse(w.t, e)
		return st.Kind == kind && (author == "" || st.Author == author)
	})
	if i < 0 {
		w.t.Fatalf("nobody said %s", kind)
	}
	return i
}

func (w *world) digest() canon.Digest {
	w.t.Helper()
	d, err := w.state.Digest()
	must(w.t, err)
	return d
}

func (w *world) ratification(id party.ID) comity.Ratification {
	digest := canon.Sum(w.sealed)
	r := comity.Ratification{Charter: digest}
	for _, k := range officers(w.t, id)[:2] {
		r.Seals = append(r.Seals, party.SealDocument(k, w.charter.ID, digest))
	}
	return r
}

// tick is a checkpoint of the whole log, cosigned within two minutes around a time.
func (w *world) tick(unixTime int64) comity.Tick {
	size := w.state.View().Size
	root, _ := w.state.Root(size)
	return comity.Tick{Checkpoint: string(w.checkpoint(int64(size), root, unixTime)), UnixTime: int(unixTime)}
}

func (w *world) checkpoint(size int64, root [32]byte, unixTime int64) []byte {
	w.t.Helper()
	signer, err := note.NewSigner(partytest.Key(w.t, origin).Skey())
	must(w.t, err)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(w.t, err)
	for i, id := range states[:4] { // As many as must; the lower median is that of FJ.
		line, err := ledger.Cosign(partytest.Key(w.t, party.WitnessName(id)), signed[:len(text)+1], unixTime+int64(60*(i-1)))
		must(w.t, err)
		signed = append(signed, line...)
	}
	normal, err := ledger.Normalise(signed, ledger.PolicyOf(w.charter))
	must(w.t, err)
	return normal
}

func (w *world) epochKey(epoch string, id party.ID) *secagg.EpochKey {
	w.t.Helper()
	k, _, err := secagg.NewEpoch(reader("epoch " + epoch + string(id)))
	must(w.t, err)
	return k
}

func (w *world) boxes(epoch string, id party.ID, to []party.ID) comity.Boxes {
	b := comity.Boxes{Epoch: epoch, Nonce: w.epochKey(epoch, id).Bytes()[32:]}
	for _, other := range to {
		b.Boxes = append(b.Boxes, comity.SealedBox{To: other, Digest: canon.Sum([]byte(id + other))})
	}
	return b
}

func (w *world) plan(period string) comity.Plan {
	m := w.charter.Models
	return comity.Plan{
		Round: body.RoundName(period, m.Task), Epoch: body.EpochName(w.charter.ID, period), Clause: m.Clause, Task: m.Task, Period: period,
		Schema: canon.Sum([]byte("health/series@1")), Recipe: m.Recipe, Disclosure: m.Disclosure, MinMembers: m.MinMembers, StepSeconds: m.StepSeconds,
	}
}

func (w *world) consent(period string) comity.Consent {
	w.t.Helper()
	p := w.plan(period)
	digest, err := canon.DigestOf(p)
	must(w.t, err)
	return comity.Consent{Round: p.Round, Plan: digest, Approves: true}
}

func modelOf(round string) canon.Digest { return canon.Sum([]byte("model of " + round)) }

func capacity(period string, need canon.Int) comity.Declaration {
	return comity.Declaration{Period: period, Clause: "d.capacity", Values: map[string]canon.Int{"need": need}}
}

// forecastOf rises with the place's number, so that no two doses are worth the same.
func forecastOf(period string, id party.ID, i int) comity.Forecast {
	quantiles := make([]canon.Int, len(comity.QuantileLevels))
	for q := range quantiles {
		quantiles[q] = canon.Int(1000*(i+1) + q)
	}
	return comity.Forecast{Period: period, Model: modelOf(round), Series: []comity.Series{{
		Place: id, Target: "ILI incidence", Unit: "per 100,000 per week", LastDate: "2026-11-08", Reference: 4000,
		Horizons: []comity.Horizon{{Weeks: 2, Date: "2026-11-22", Quantiles: quantiles}},
	}}}
}

func (w *world) frozen(period string) comity.Frozen {
	w.t.Helper()
	p, err := w.state.Freeze(period)
	must(w.t, err)
	digest, err := canon.DigestOf(p)
	must(w.t, err)
	return comity.Frozen{Period: period, Model: p.Model, Picture: digest}
}

// allocation fills the columns of a problem with one budget in the order of their
// worth; the price of the budget is the worth of the last unit.
func (w *world) allocation(period string) comity.Allocation {
	w.t.Helper()
	p, err := w.state.Problem(period)
	must(w.t, err)
	if len(p.Rows) != 1 {
		w.t.Fatalf("%d rows, want a budget alone", len(p.Rows))
	}
	order := make([]int, len(p.Columns))
	for j := range order {
		order[j] = j
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p.Stages[0].Costs[b], p.Stages[0].Costs[a]) })
	a := comity.Allocation{Period: period, Picture: p.Picture, Units: make([]quantity.Amount, len(p.Columns))}
	left, price := *p.Rows[0].Upper, canon.Int(0)
	for _, j := range order {
		a.Units[j] = min(left, p.Columns[j].Upper)
		if left -= a.Units[j]; a.Units[j] > 0 {
			price = p.Stages[0].Costs[j] << certificate.PriceBits
		}
	}
	a.Parties, err = certificate.Shares(p, a.Units)
	must(w.t, err)
	// Evenness needs a slope of each party and no good ones: (need-units)/need.
	slopes := make([]canon.Int, len(p.Needs))
	for k, n := range p.Needs {
		if n.Amount > 0 {
			unmet := new(big.Int).Lsh(big.NewInt(int64(n.Amount-a.Parties[k].Amount)), certificate.EvenBits)
			slopes[k] = canon.Int(unmet.Div(unmet, big.NewInt(int64(n.Amount))).Int64())
		}
	}
	a.Certificate, err = certificate.State(p, a.Units, comity.Certificate{Stages: []comity.StageProof{
		{Stage: p.Stages[0].ID, Proof: comity.Proof{Prices: []canon.Int{price}}},
		{Stage: certificate.Evenness, Weights: slopes, Proof: comity.Proof{Prices: []canon.Int{0, 0}}},
	}})
	must(w.t, err)
	a.Problem, err = canon.DigestOf(p)
	must(w.t, err)
	return a
}

// draft is a small charter that breaks no rule.
func draft(t testing.TB) comity.Charter {
	t.Helper()
	c := comity.Charter{
		Comity: charter.Version1, ID: "pool-5", Version: 1, Domain: "health.vaccines", Pack: "health@1",
		Title: text("Pool of five"), Languages: []string{"en"}, Effective: "2026-11-18T00:00:00Z",
		Purpose: comity.Purpose{Allowed: []string{"To share vaccine."}, Banned: []string{"To watch persons."}},
		Scope:   comity.Scope{Resource: "doses", Unit: "dose", Cadence: "P7D", Periods: 1, Excludes: text("Own doses.")},
		Data: []comity.DataClause{
			{ID: "d.series", From: states, What: text("Rates."), Schema: "health/series@1", LeavesHome: charter.AggregateOnly, Due: "P7D"},
			{ID: "d.cases", From: states, What: text("Cases."), Schema: "health/cases@1", LeavesHome: charter.AggregateOnly, Due: "P7D", Queries: &comity.Queries{
				Kinds: []string{comity.QueryCount, comity.QueryHistogram}, Personal: true, MinMembers: 3, MinimumCell: 11, Approvals: 4,
			}},
			{ID: "d.weeks", From: states, What: text("Weeks."), Schema: "health/weeks@1", LeavesHome: charter.AggregateOnly, Due: "P7D", Queries: &comity.Queries{Kinds: []string{comity.QueryCount}, MinMembers: 3}},
			{ID: "d.forecast", From: states, What: text("Quantiles."), Schema: "health/forecast@1", LeavesHome: charter.SignedPlain, Due: "P7D"},
			{ID: "d.capacity", From: states, What: text("People."), Schema: "health/capacity@1", LeavesHome: charter.SignedPlain, As: "party", Values: []string{"need"}, Due: "P7D"},
			{ID: "d.supply", From: []party.ID{operator}, What: text("Doses."), Schema: "health/supply@1", LeavesHome: charter.SignedPlain, As: "supply", Values: []string{"doses"}, Due: "P7D"},
		},
		Privacy: &comity.Privacy{
			Unit: charter.UnitPerson, PerRelease: comity.Budget{Epsilon: exact.Int(1), Delta: millionth(t)},
			PerYear: comity.Budget{Epsilon: exact.Int(2), Delta: millionth(t)}, OnExhausted: "stop_releases",
		},
		Models: comity.ModelClause{
			Interface: "forecast/quantile@1", Targets: []string{"ARI incidence", "ILI incidence"}, Unit: "per 100,000 per week",
			Task: "forecast/quick@1", Recipe: map[string]canon.Int{"rounds": 24}, Clause: "d.series", Disclosure: "exact",
			MinMembers: 3, StepSeconds: 2, RefitWeeks: 2,
		},
		Objective: comity.Objective{
			Sense:    "maximise",
			Stages:   []comity.Aim{{Counts: "worth", ID: "worth", Kind: "weighted", Measure: expr(t, `max(q("1/16"), min(q("4"), round(picture.ratio_w2, q("1/16"))))`)}},
			Groups:   []comity.Group{{ID: "all", Weight: exact.Int(1), Need: expr(t, "party.need")}},
			TieBreak: []string{"least_squares_unmet", "webster", "lot"},
		},
		Decisions: comity.Decisions{MaxGap: exact.Rat{}},
		Sunset:    comity.Sunset{Expires: "2027-11-18T00:00:00Z", OnExpiry: "stop"},
	}
	supply := expr(t, "supply.doses")
	c.Constraints = []comity.Constraint{{ID: "c.supply", Kind: "budget", AtMost: &supply, Why: text("No more than there is.")}}
	for _, id := range append(slices.Clone(states), operator, observer) {
		p := signatory(t, id)
		switch id {
		case operator:
			p.Kind, p.Weight = "agency", exact.Int(0)
		case observer:
			p.Kind, p.Weight = "observer", exact.Int(0)
		default:
			c.Transparency.Witnesses.Of = append(c.Transparency.Witnesses.Of, partytest.Key(t, party.WitnessName(id)).Cosigner())
		}
		c.Parties = append(c.Parties, p)
	}
	slices.SortFunc(c.Parties, func(a, b comity.Party) int { return cmp.Compare(a.ID, b.ID) })
	c.Transparency.Witnesses.Threshold = charter.LeastWitnesses(len(states))
	c.Transparency.Log = comity.LogClause{Origin: origin, Key: partytest.Key(t, origin).Verifier(), Operator: operator}
	return c
}

func signatory(t testing.TB, id party.ID) comity.Party {
	t.Helper()
	p := comity.Party{
		ID: id, Kind: "state", Name: text("State of " + string(id)), Weight: exact.Int(1), Keys: comity.Threshold{Threshold: 2},
		Node: comity.Node{Key: nodeKey(t, id).Verifier(), Transport: partytest.Transport(string(id))},
	}
	for _, k := range officers(t, id) {
		p.Keys.Of = append(p.Keys.Of, k.Verifier())
	}
	return p
}

func officers(t testing.TB, id party.ID) []party.Key {
	t.Helper()
	name := strings.ToLower(string(id)) + ".officer-"
	return []party.Key{partytest.Key(t, name+"1"), partytest.Key(t, name+"2"), partytest.Key(t, name+"3")}
}

func nodeKey(t testing.TB, id party.ID) party.Key {
	t.Helper()
	return partytest.Key(t, strings.ToLower(string(id))+".node")
}

// reader gives the same 64 bytes for the same name in every run.
func reader(name string) *bytes.Reader {
	stream := chance.NewStream(chance.Derive(chance.Seed{}, name))
	var data []byte
	for range 8 {
		data = binary.LittleEndian.AppendUint64(data, stream.Uint64())
	}
	return bytes.NewReader(data)
}

func marshal(t testing.TB, v any) canon.Raw {
	t.Helper()
	raw, err := canon.Marshal(v)
	must(t, err)
	return raw
}

func millionth(t testing.TB) exact.Rat {
	t.Helper()
	r, err := exact.Ratio(1, 1_000_000)
	must(t, err)
	return r
}

func text(en string) comity.Text { return comity.Text{"en": en} }

func expr(t testing.TB, source string) comity.Expr {
	t.Helper()
	e, err := cel.Compile(source)
	must(t, err)
	return e
}

func parse(t testing.TB, entry []byte) comity.Statement {
	t.Helper()
	e, err := ledger.Parse(entry)
	must(t, err)
	return e.Statement()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
