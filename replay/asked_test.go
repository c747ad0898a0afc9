package replay_test

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"

	"comity"
	"comity/adapter/cel"
	"comity/body"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/party/partytest"
	"comity/schema"
	"comity/verifier/federation"
	"comity/verifier/ledger"
	"comity/verifier/privacy"
	"comity/verifier/secagg"
)

// The consortium of the questions: five states and the secretariat that runs the log.
var states = []party.ID{"BR", "FJ", "KE", "PE", "TZ"}

const (
	operator party.ID = "SECRETARIAT"

	origin = "comity.example/pool-5"
	period = "2026-11-18"
	noon   = 1_795_003_200 // 2026-11-18T12:00:00Z.
)

// asked is a log under construction in which members answer questions, and the public
// blobs beside it.
type asked struct {
	t       testing.TB
	charter comity.Charter
	sealed  []byte
	state   *body.State
	entries [][]byte
	blobs   map[string][]byte
}

func newAsked(t testing.TB) *asked {
	t.Helper()
	w := &asked{t: t, state: body.New(), charter: pool(t), blobs: map[string][]byte{}}
	sealed, _, err := charter.Seal(w.charter)
	must(t, err)
	w.sealed = sealed
	w.say(operator, comity.KindCharter, canon.Raw(sealed))
	for _, p := range w.charter.Parties {
		digest := canon.Sum(sealed)
		r := comity.Ratification{Charter: digest}
		for _, k := range officers(t, p.ID)[:2] {
			r.Seals = append(r.Seals, party.SealDocument(k, w.charter.ID, digest))
		}
		w.say(p.ID, comity.KindRatify, r)
	}
	w.tick(noon)
	return w
}

// say signs a statement and folds it.
func (w *asked) say(author party.ID, kind comity.Kind, record any) {
	w.t.Helper()
	raw, err := canon.Marshal(record)
	must(w.t, err)
	entry, err := ledger.Sign(comity.Statement{
		Body: w.charter.ID, Charter: canon.Sum(w.sealed), Author: author,
		Counter: w.state.View().Counters[author] + 1, Kind: kind, Record: raw,
	}, nodeKey(w.t, author))
	must(w.t, err)
	if _, err := w.state.Fold(entry); err != nil {
		w.t.Fatal(err)
	}
	w.entries = append(w.entries, entry)
}

func (w *asked) tick(at int) {
	w.t.Helper()
	w.say(operator, comity.KindTick, comity.Tick{Checkpoint: string(w.checkpoint(at)), UnixTime: at})
}

// checkpoint is that of the whole log, cosigned by as many witnesses as must.
func (w *asked) checkpoint(at int) []byte {
	w.t.Helper()
	root, _ := w.state.Root(w.state.View().Size)
	signer, err := note.NewSigner(partytest.Key(w.t, origin).Skey())
	must(w.t, err)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, w.state.View().Size, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(w.t, err)
	for _, id := range states[:4] {
		line, err := ledger.Cosign(partytest.Key(w.t, party.WitnessName(id)), signed[:len(text)+1], int64(at))
		must(w.t, err)
		signed = append(signed, line...)
	}
	normal, err := ledger.Normalise(signed, ledger.PolicyOf(w.charter))
	must(w.t, err)
	return normal
}

// write puts log and blobs into a new folder, as https://c2sp.org/tlog-tiles says.
func (w *asked) write() string {
	w.t.Helper()
	const width = 256
	folder := w.t.TempDir()
	put := func(name string, data []byte) {
		file := filepath.Join(folder, filepath.FromSlash(name))
		must(w.t, os.MkdirAll(filepath.Dir(file), 0o700))
		must(w.t, os.WriteFile(file, data, 0o600))
	}
	name := func(kind string, number, n int) string {
		if n < width {
			return fmt.Sprintf("tile/%s/%03d.p/%d", kind, number, n)
		}
		return fmt.Sprintf("tile/%s/%03d", kind, number)
	}
	var top []byte // Roots of full tiles.
	for number := 0; number*width < len(w.entries); number++ {
		part := w.entries[number*width : min(len(w.entries), (number+1)*width)]
		var bundle, tile []byte
		var edge ledger.Frontier
		for _, e := range part {
			leaf := merkle.RecordHash(e)
			edge.Append(leaf)
			bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(e))), e...)
			tile = append(tile, leaf[:]...)
		}
		put(name("entries", number, len(part)), bundle)
		put(name("0", number, len(part)), tile)
		if len(part) == width {
			root := edge.Root()
			top = append(top, root[:]...)
		}
	}
	if len(top) > 0 {
		put(name("1", 0, len(top)/merkle.HashSize), top)
	}
	put("checkpoint", w.checkpoint(w.state.View().Time+60))
	for name, data := range w.blobs {
		put("blob/"+name, data)
	}
	return folder
}

// publish puts a blob beside the log.
func (w *asked) publish(data []byte) canon.Digest {
	d := canon.Sum(data)
	w.blobs[d.Hex()] = data
	return d
}

// cases asks about persons, with noise: how old those with a disease were.
func (w *asked) cases(name string) comity.Question {
	w.t.Helper()
	return w.question(name, "d.cases", casesSchema(), comity.Query{
		Kind: comity.QueryHistogram, Column: "age", Edges: []string{"18", "65"}, MemberRows: 1000, PersonRows: 1, MinimumCell: 11,
	})
}

// weeks asks about nobody, without noise: how many weeks were reported.
func (w *asked) weeks(name string) comity.Question {
	w.t.Helper()
	return w.question(name, "d.weeks", weeksSchema(), comity.Query{Kind: comity.QueryCount, MemberRows: 9})
}

func (w *asked) question(name, clause string, s schema.Schema, query comity.Query) comity.Question {
	w.t.Helper()
	raw, err := canon.Marshal(s)
	must(w.t, err)
	q := comity.Question{
		Round: period + "/" + name, Period: period, Clause: clause, Epoch: body.QuestionEpoch(w.charter.ID, period), Code: federation.Code,
		Schema: w.publish(raw), Query: query, Lanes: 1, Bound: 9, Disclosure: privacy.Exact, MinMembers: 3, Seconds: 60,
	}
	if clause == "d.cases" {
		q.Lanes, q.Bound, q.Disclosure, q.Square, q.Variance = 3, 1000, privacy.Noisy, exact.Int(1), exact.Int(60)
	}
	return q
}

func casesSchema() schema.Schema {
	return schema.Schema{ID: "health/cases@1", Columns: []schema.Column{{Name: "age", Type: schema.Integer, Unit: "years", Least: "0", Most: "120", Personal: true}}}
}

func weeksSchema() schema.Schema {
	return schema.Schema{ID: "health/weeks@1", Columns: []schema.Column{{Name: "week", Type: schema.Date}}}
}

// script says how a question goes.
type script struct {
	quiet  map[party.ID]comity.Kind // Says nothing from that kind of statement on; consent: refuses.
	member func(party.ID, *federation.Say)
	view   func(*federation.Board) // What the hub takes the log for.
	hub    func(*federation.Due)
}

// run asks a question and has it answered, until nothing moves any more.
func (w *asked) run(q comity.Question, s script) {
	w.t.Helper()
	w.say("KE", comity.KindQuestion, q)
	if len(w.state.View().Epochs[q.Epoch].Keys) == 0 {
		w.keys(q.Epoch)
	}
	members := map[party.ID]*federation.Participant{}
	for i, id := range states {
		members[id] = w.participant(q, id, i, s.quiet[id] == comity.KindConsent)
	}
	hub := federation.NewConductor(notes{})
	for idle := 0; idle < 8; {
		b, _ := w.state.Board(q.Round)
		if b.Result != nil || b.Phase() == federation.Failed {
			return
		}
		moved := false
		for _, id := range states {
			moved = w.turn(members[id], id, hub, q.Round, s) || moved
		}
		b, _ = w.state.Board(q.Round)
		if s.view != nil {
			s.view(&b)
		}
		due, err := hub.Next(b)
		must(w.t, err)
		switch {
		case due != nil:
			if s.hub != nil {
				s.hub(due)
			}
			for _, blob := range due.Blobs {
				w.publish(blob)
			}
			w.say(operator, due.Kind, due.Record)
			idle = 0
		case !moved:
			w.tick(w.state.View().Time + 60)
			idle++
		}
	}
}

// participant adds its number, from 1, in each lane.
func (w *asked) participant(q comity.Question, id party.ID, i int, refuses bool) *federation.Participant {
	on := notes{}
	return federation.NewParticipant(federation.ParticipantConfig{
		Self: id, Secret: endless(string(id) + q.Round), Journal: &pages{}, Store: on,
		Consent: func(comity.Question) (string, error) {
			if refuses {
				return "no mandate", nil
			}
			return "", nil
		},
		Vector: func(q comity.Question) ([]int64, error) {
			x := make([]int64, q.Lanes)
			for k := range x {
				x[k] = int64(i + 1)
			}
			return x, nil
		},
		Pairs: func() (*secagg.Pairs, error) {
			p := &secagg.Pairs{}
			for _, peer := range states {
				if peer != id {
					p.Set(peer, canon.Sum([]byte(min(id, peer)+max(id, peer))))
				}
			}
			return p.Ratchet(q.Round), nil
		},
	})
}

// turn has one member say what is due.
func (w *asked) turn(m *federation.Participant, id party.ID, hub *federation.Conductor, round string, s script) bool {
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
	if say == nil || say.Kind == s.quiet[id] && say.Kind != comity.KindConsent {
		return len(letters) > 0 && say == nil
	}
	must(w.t, hub.Wants(b, id, say.Record))
	if s.member != nil {
		s.member(id, say)
	}
	w.say(id, say.Kind, say.Record)
	return true
}

// keys are the epoch's, and boxes that nobody opens: both ends of a pair are given their
// secret.
func (w *asked) keys(epoch string) {
	w.t.Helper()
	of := func(id party.ID) *secagg.EpochKey {
		k, _, err := secagg.NewEpoch(endless("epoch " + epoch + string(id)))
		must(w.t, err)
		return k
	}
	for _, id := range states {
		w.say(id, comity.KindKeys, of(id).Record(epoch, id))
	}
	for i, id := range states {
		b := comity.Boxes{Epoch: epoch, Nonce: of(id).Bytes()[32:]}
		for _, other := range states[i+1:] {
			b.Boxes = append(b.Boxes, comity.SealedBox{To: other, Digest: canon.Sum([]byte(id + other))})
		}
		w.say(id, comity.KindBoxes, b)
	}
}

// notes is a store in memory.
type notes map[string][]byte

var errNoFile = errors.New("no such file")

func (n notes) Put(name string, d []byte) error { n[name] = slices.Clone(d); return nil }
func (n notes) Get(name string) ([]byte, error) {
	if d, ok := n[name]; ok {
		return d, nil
	}
	return nil, errNoFile
}

// pages is a journal in memory.
type pages struct{ list [][]byte }

func (p *pages) Entries() ([][]byte, error) { return p.list, nil }
func (p *pages) Append(e []byte) error      { p.list = append(p.list, slices.Clone(e)); return nil }

// endless is a secret coin that is the same in every run.
func endless(name string) io.Reader { return rand.NewChaCha8(canon.Sum([]byte(name))) }

// pool is a small charter that allows both questions.
func pool(t testing.TB) comity.Charter {
	t.Helper()
	millionth, err := exact.Ratio(1, 1_000_000)
	must(t, err)
	text := func(en string) comity.Text { return comity.Text{"en": en} }
	rows := func(id, schema string, q *comity.Queries) comity.DataClause {
		return comity.DataClause{ID: id, From: states, What: text("Rows."), Schema: schema, LeavesHome: charter.AggregateOnly, Due: "P7D", Queries: q}
	}
	expr := func(source string) comity.Expr {
		e, err := cel.Compile(source)
		must(t, err)
		return e
	}
	supply := expr("supply.doses")
	c := comity.Charter{
		Comity: charter.Version1, ID: "pool-5", Version: 1, Domain: "health.vaccines", Pack: "health@1",
		Title: text("Pool of five"), Languages: []string{"en"}, Effective: "2026-11-18T00:00:00Z",
		Purpose: comity.Purpose{Allowed: []string{"To share vaccine."}, Banned: []string{"To watch persons."}},
		Scope:   comity.Scope{Resource: "doses", Unit: "dose", Cadence: "P7D", Periods: 1, Excludes: text("Own doses.")},
		Data: []comity.DataClause{
			rows("d.series", "health/series@1", nil),
			rows("d.cases", "health/cases@1", &comity.Queries{Kinds: []string{comity.QueryHistogram}, Personal: true, MinMembers: 3, MinimumCell: 11, Approvals: 4}),
			rows("d.weeks", "health/weeks@1", &comity.Queries{Kinds: []string{comity.QueryCount}, MinMembers: 3}),
			{ID: "d.forecast", From: states, What: text("Quantiles."), Schema: "health/forecast@1", LeavesHome: charter.SignedPlain, Due: "P7D"},
			{ID: "d.capacity", From: states, What: text("People."), Schema: "health/capacity@1", LeavesHome: charter.SignedPlain, As: "party", Values: []string{"need"}, Due: "P7D"},
			{ID: "d.supply", From: []party.ID{operator}, What: text("Doses."), Schema: "health/supply@1", LeavesHome: charter.SignedPlain, As: "supply", Values: []string{"doses"}, Due: "P7D"},
		},
		Privacy: &comity.Privacy{
			Unit: charter.UnitPerson, PerRelease: comity.Budget{Epsilon: exact.Int(1), Delta: millionth},
			PerYear: comity.Budget{Epsilon: exact.Int(2), Delta: millionth}, OnExhausted: "stop_releases",
		},
		Models: comity.ModelClause{
			Interface: "forecast/quantile@1", Targets: []string{"ARI incidence", "ILI incidence"}, Unit: "per 100,000 per week",
			Task: "forecast/quick@1", Recipe: map[string]canon.Int{"rounds": 24}, Clause: "d.series", Disclosure: "exact",
			MinMembers: 3, StepSeconds: 2, RefitWeeks: 2,
		},
		Objective: comity.Objective{
			Sense:    "maximise",
			Stages:   []comity.Aim{{Counts: "worth", ID: "worth", Kind: "weighted", Measure: expr(`max(q("1/16"), min(q("4"), round(picture.ratio_w2, q("1/16"))))`)}},
			Groups:   []comity.Group{{ID: "all", Weight: exact.Int(1), Need: expr("party.need")}},
			TieBreak: []string{"least_squares_unmet", "webster", "lot"},
		},
		Constraints: []comity.Constraint{{ID: "c.supply", Kind: "budget", AtMost: &supply, Why: text("No more than there is.")}},
		Sunset:      comity.Sunset{Expires: "2027-11-18T00:00:00Z", OnExpiry: "stop"},
	}
	for _, id := range append(slices.Clone(states), operator) {
		p := comity.Party{
			ID: id, Kind: "state", Name: text("State of " + string(id)), Weight: exact.Int(1), Keys: comity.Threshold{Threshold: 2},
			Node: comity.Node{Key: nodeKey(t, id).Verifier(), Transport: partytest.Transport(string(id))},
		}
		for _, k := range officers(t, id) {
			p.Keys.Of = append(p.Keys.Of, k.Verifier())
		}
		if id == operator {
			p.Kind, p.Weight = "agency", exact.Int(0)
		} else {
			c.Transparency.Witnesses.Of = append(c.Transparency.Witnesses.Of, partytest.Key(t, party.WitnessName(id)).Cosigner())
		}
		c.Parties = append(c.Parties, p)
	}
	slices.SortFunc(c.Parties, func(a, b comity.Party) int { return cmp.Compare(a.ID, b.ID) })
	c.Transparency.Witnesses.Threshold = charter.LeastWitnesses(len(states))
	c.Transparency.Log = comity.LogClause{Origin: origin, Key: partytest.Key(t, origin).Verifier(), Operator: operator}
	return c
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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
