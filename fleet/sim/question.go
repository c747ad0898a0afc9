package sim

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/chance"
	"comity/exact"
	"comity/party"
	"comity/verifier/federation"
	"comity/verifier/ledger"
	"comity/verifier/privacy"
	"comity/verifier/secagg"
	"comity/verifier/secagg/oneshot"
)

// asking is a world in which members answer one question.
type asking struct {
	world

	question comity.Question
	keys     map[party.ID]*secagg.Pairs
}

const questionName = period + "/question"

// The lies about a question.
const (
	lieMasked  = "member uploads another vector than it commits to, at the log's door"
	lieUnmask  = "member signs another fingerprint of its vector"
	lieShares  = "member gives false shares"
	lieRefusal = "member joins and says nothing more"
	lieResult  = "hub publishes another sum"
	lieBlob    = "hub publishes another masked sum"
)

func questionLies() (members, hubs []string) {
	return []string{lieMasked, lieUnmask, lieShares, lieRefusal}, []string{lieResult, lieBlob}
}

// newAsking founds the consortium, asks, and exchanges keys, all on perfect links.
func newAsking(w world, draw *chance.Stream) (*asking, error) {
	n := len(w.consortium.members)
	q := comity.Question{
		Round: questionName, Period: period, Clause: "d.rows", Epoch: body.QuestionEpoch(w.charter.ID, period), Code: federation.Code,
		Schema: canon.Sum([]byte("sim/rows@1")), Query: comity.Query{Kind: comity.QuerySum, Column: "rows", By: []string{}, Edges: []string{}, Levels: []exact.Rat{}, Salt: []byte{}, Prefixes: []string{}},
		Lanes: 1 + draw.IntN(40), Bound: 1000, Disclosure: privacy.Exact, MinMembers: max(3, n/2+1), Seconds: 5,
	}
	if draw.IntN(2) == 0 {
		q.Clause, q.Disclosure, q.Square, q.Variance = "d.people", privacy.Noisy, exact.Int(4), exact.Int(600)
	}
	a := &asking{world: w, question: q}
	if err := a.say(operator, comity.KindQuestion, q); err != nil {
		return nil, err
	}
	var err error
	a.keys, err = a.exchange(q.Epoch, questionName)
	return a, err
}

// input is what a member's rows give.
func (a *asking) input(id party.ID) []int64 {
	s := chance.NewStream(chance.Derive(a.seed, "answer", string(id)))
	x := make([]int64, a.question.Lanes)
	for i := range x {
		x[i] = int64(s.IntN(2001) - 1000)
	}
	return x
}

// answerer is one member that answers.
type answerer struct {
	*asking
	id    party.ID
	disk  *disk
	state *body.State
	p     *federation.Participant
}

func (m *answerer) forget() {
	m.p, m.state = nil, body.New()
}

func (m *answerer) participant() *federation.Participant {
	if m.p == nil {
		on := round{m.disk, questionName}
		m.p = federation.NewParticipant(federation.ParticipantConfig{
			Self: m.id, Secret: secretOf(m.seed, "secret", string(m.id), fmt.Sprint(m.net.now)), Journal: on, Store: on,
			Consent: func(comity.Question) (string, error) { return "", nil },
			Vector:  func(comity.Question) ([]int64, error) { return m.input(m.id), nil },
			Pairs:   func() (*secagg.Pairs, error) { return secagg.ParsePairs(m.keys[m.id].Bytes()) },
		})
	}
	return m.p
}

func (m *answerer) look() []message {
	request := binary.BigEndian.AppendUint32(nil, uint32(m.state.View().Size)) //nolint:gosec // A few hundred.
	out := []message{{m.id, hub, "entries?", request}}
	b, ok := m.state.Board(questionName)
	if !ok || m.silent(b) {
		return out
	}
	say, letters, err := m.participant().Next(b)
	if err != nil {
		return out // A full disk, or a hub that lies; again later.
	}
	for _, l := range letters {
		out = append(out, message{m.id, hub, letterPrefix + l.Kind, m.liar.letter(m.id, l)})
	}
	if say == nil {
		return out
	}
	entry, err := m.sign(m.state, m.id, say.Kind, m.liar.statement(m.id, *say))
	if err != nil {
		return out
	}
	return append(out, message{m.id, hub, "submit", entry})
}

func (m *answerer) silent(b federation.Board) bool {
	return m.liar.about(m.id, lieRefusal) && b.Phase() != federation.Asked && b.Phase() != federation.Joining && b.Phase() != federation.Drawing
}

const letterPrefix = "letter/"

func (m *answerer) hear(in message) []message {
	if in.kind == "entries" {
		catchUp(m.state, in.data)
		return nil
	}
	kind, ok := strings.CutPrefix(in.kind, letterPrefix)
	b, asked := m.state.Board(questionName)
	if ok && asked {
		_ = m.participant().Hear(b, federation.Letter{Kind: kind, Data: in.data}) // It is asked for again.
	}
	return nil
}

// asker is the hub.
type asker struct {
	*asking
	disk  *disk
	c     *federation.Conductor
	ticks int
	end   *answerEnd
}

// answerEnd is how a question ended.
type answerEnd struct {
	answered bool
	why      string
	sum      []int64
	blamed   []party.ID
}

func (h *asker) forget() { h.c = nil }

func (h *asker) conductor() *federation.Conductor {
	if h.c == nil {
		h.c = federation.NewConductor(round{h.disk, questionName})
	}
	return h.c
}

func (h *asker) look() []message {
	if h.net.now/1000 > h.ticks { // Log time moves once a second.
		h.ticks = h.net.now / 1000
		if t, err := h.tick(h.state, noon+int64(h.ticks)); err == nil {
			_ = h.say(operator, comity.KindTick, t)
		}
	}
	b, _ := h.state.Board(questionName)
	if b.Result != nil {
		h.judge(b)
		return nil
	}
	if b.Phase() == federation.Failed {
		h.end = &answerEnd{why: "too few were left"}
		return nil
	}
	due, err := h.conductor().Next(b)
	if err != nil {
		if federation.Short(err) && (b.Open == nil || b.Now > b.Open.UnmaskBy) || b.Open != nil && b.Now > b.Open.UnmaskBy+10 {
			h.end = &answerEnd{why: err.Error()}
		}
		return nil
	}
	if due == nil {
		return nil
	}
	h.liar.due(due)
	on := round{h.disk, questionName}
	for _, blob := range due.Blobs {
		if on.Put(canon.Sum(blob).Hex(), blob) != nil {
			return nil
		}
	}
	if err := h.say(operator, due.Kind, due.Record); err != nil {
		h.end = &answerEnd{why: err.Error()}
	}
	return nil
}

// judge verifies the round as the hub can, and otherwise sees who lied.
func (h *asker) judge(b federation.Board) {
	on := round{h.disk, questionName}
	e, err := h.conductor().Evidence(b, func(d canon.Digest) ([]byte, error) { return on.Get(d.Hex()) })
	if err != nil {
		h.end = &answerEnd{why: err.Error()}
		return
	}
	sum, err := oneshot.Verify(e)
	if err == nil {
		h.end = &answerEnd{answered: true, sum: sum}
		if len(e.Disputed) > 0 {
			h.end.blamed, err = oneshot.Blame(e)
		}
	}
	if err != nil {
		h.end = &answerEnd{why: err.Error(), blamed: []party.ID{hub}}
	}
}

func (h *asker) hear(in message) []message {
	b, _ := h.state.Board(questionName)
	switch kind, letter := strings.CutPrefix(in.kind, letterPrefix); {
	case in.kind == "entries?":
		if data := h.entriesFrom(in.data); data != nil {
			return []message{{hub, in.from, "entries", data}}
		}
	case in.kind == "submit":
		if h.wanted(b, in) {
			_ = h.admit(in.data) // Who was refused tries again.
		}
	case letter:
		answer, err := h.conductor().Hear(b, in.from, federation.Letter{Kind: kind, Data: in.data})
		if err == nil && answer != nil {
			return []message{{hub, in.from, letterPrefix + answer.Kind, answer.Data}}
		}
	}
	return nil
}

// wanted keeps out statements whose letters did not arrive.
func (h *asker) wanted(b federation.Board, in message) bool {
	e, err := ledger.Parse(in.data)
	if err != nil {
		return false
	}
	st := e.Statement()
	var record any
	switch st.Kind { //nolint:exhaustive // Others have no letter.
	case comity.KindDeal:
		var d comity.Deal
		err = canon.Unmarshal(st.Record, &d)
		record = d
	case comity.KindCommit:
		var c comity.Commit
		err = canon.Unmarshal(st.Record, &c)
		record = c
	}
	return err == nil && h.conductor().Wants(b, st.Author, record) == nil
}

// run lets everybody work until the question is answered or time is up.
func (a *asking) run() (*asker, []*answerer) {
	h := &asker{asking: a, disk: newDisk(&a.net)}
	at := map[party.ID]actor{hub: h}
	var members []*answerer
	for _, id := range a.consortium.members {
		m := &answerer{asking: a, id: id, disk: newDisk(&a.net), state: body.New()}
		members, at[id] = append(members, m), m
	}
	a.net.run(at, func() bool { return h.end != nil })
	if h.end == nil {
		h.end = &answerEnd{why: "time is up"}
	}
	return h, members
}

// hold is the oracle.
func (a *asking) hold(h *asker, members []*answerer) error {
	for _, id := range h.end.blamed {
		if !a.liar.lies || a.liar.who != id {
			return fmt.Errorf("%w: %q is blamed and honest (liar: %+v): %s", errWrong, id, a.liar, h.end.why)
		}
	}
	if err := a.replays(); err != nil {
		return err
	}
	if b, _ := a.state.Board(questionName); a.calm() && (!h.end.answered || len(b.Survivors.Members) != len(members)) {
		return fmt.Errorf("%w: nothing went wrong, and the round ended with %s", errWrong, h.end.why)
	}
	if !h.end.answered {
		b, _ := a.state.Board(questionName)
		if a.liar.lies || a.tooFew(b) {
			return nil
		}
		return fmt.Errorf("%w: no answer, and no reason: %s, %s", errWrong, h.end.why, b.Phase())
	}
	if a.liar.how == lieResult || a.liar.how == lieBlob {
		return fmt.Errorf("%w: an answer although %s", errWrong, a.liar.how)
	}
	b, _ := a.state.Board(questionName)
	want := make([]int64, a.question.Lanes)
	for _, m := range members {
		if !slices.Contains(b.Survivors.Members, m.id) {
			continue
		}
		kept, err := round{m.disk, questionName}.Get("input")
		if err != nil {
			return err
		}
		for i := range want {
			want[i] += int64(binary.BigEndian.Uint64(kept[8*i:])) //nolint:gosec // As federation wrote it.
		}
	}
	if !slices.Equal(h.end.sum, want) {
		return fmt.Errorf("%w: the sum is %v, the survivors' numbers give %v", errWrong, h.end.sum, want)
	}
	return nil
}

// tooFew tells whether faults alone explain that nothing came out: a deadline passed with
// fewer members in than the round needs.
func (a *asking) tooFew(b federation.Board) bool {
	if b.Open == nil {
		return false
	}
	least := b.Open.MinMembers
	return len(b.Joins) < least || len(b.Nonces) < least || b.Phase() == federation.Failed ||
		b.Phase() == federation.Closing || b.Phase() == federation.Unmasking && 3*len(b.Unmasks) < 2*len(b.Joins)
}

// Ask runs one question under a seed and holds its end against what must hold.
func (f Founded) Ask(number uint64) (Report, error) {
	seed := chance.Derive(chance.Seed{}, "ask", fmt.Sprint(number))
	draw := chance.NewStream(seed)
	n := 3 + draw.IntN(5)
	c, err := f.of(n)
	if err != nil {
		return Report{}, err
	}
	l := liar{}
	if draw.IntN(3) == 0 {
		of, by := questionLies()
		if l.lies = true; draw.IntN(3) == 0 {
			l.who, l.how = hub, by[draw.IntN(len(by))]
		} else {
			l.who, l.how = c.members[draw.IntN(n)], of[draw.IntN(len(of))]
		}
	}
	w, err := newWorld(c, seed, drawFaults(draw), l)
	if err != nil {
		return Report{}, err
	}
	a, err := newAsking(w, draw)
	if err != nil {
		return Report{}, err
	}
	h, members := a.run()
	r := Report{Members: n, Finished: h.end.answered, Why: h.end.why, Blamed: h.end.blamed, Steps: 1}
	if l.lies {
		r.Lie = l.how
	}
	if b, _ := a.state.Board(questionName); b.Survivors != nil {
		r.Left = n - len(b.Survivors.Members)
	}
	return r, a.hold(h, members)
}
