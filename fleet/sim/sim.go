package sim

import (
	"errors"
	"fmt"
	"slices"

	"comity"
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg"
)

// Report is what came out of a run.
type Report struct {
	Members, Steps int
	Left           int    // Members that fell out.
	Finished       bool   // With a model that all agree on.
	Why            string // It did not finish.
	Lie            string // That somebody told, or empty.
	Blamed         []party.ID
}

// Founded keeps consortia by their number of members, to found each only once.
type Founded map[int]*consortium

// of returns the consortium of so many members.
func (f Founded) of(n int) (*consortium, error) {
	if f[n] == nil {
		c, err := found(n)
		if err != nil {
			return nil, err
		}
		f[n] = c
	}
	return f[n], nil
}

// Train runs one training under a seed and holds its end against what must hold: sums are
// exact or there is none, every honest party finds the same, and nobody honest is blamed.
func (f Founded) Train(number uint64) (Report, error) {
	seed := chance.Derive(chance.Seed{}, "sim", fmt.Sprint(number))
	draw := chance.NewStream(seed)
	n := 3 + draw.IntN(5)
	c, err := f.of(n)
	if err != nil {
		return Report{}, err
	}
	t := task{trees: 1 + draw.IntN(2), levels: 1 + draw.IntN(3), lanes: 1 + draw.IntN(30), seed: seed}
	w, err := newWorld(c, seed, drawFaults(draw), drawLiar(draw, c, t))
	if err != nil {
		return Report{}, err
	}
	q, err := newSequence(w, t)
	if err != nil {
		return Report{}, err
	}
	h, members := q.run()
	if h.end == nil {
		h.stop("time is up")
	}
	r := Report{Members: n, Finished: h.end.model, Why: h.end.why, Blamed: h.blamed, Steps: len(h.end.transcript.Steps)}
	if w.liar.lies {
		r.Lie = w.liar.how
	}
	if c := q.state.View().Rounds[roundName].Cohort(); len(c) > 0 {
		r.Left = n - len(c)
	}
	return r, q.judge(h, members)
}

// drawFaults gives a third of the runs perfect links, and the others faults of up to a
// tenth each.
func drawFaults(draw *chance.Stream) Faults {
	if draw.IntN(3) == 0 {
		return Faults{}
	}
	upTo := func(most int) int { return draw.IntN(2) * draw.IntN(most+1) }
	return Faults{Drop: upTo(100), Repeat: upTo(100), Corrupt: upTo(20), Slow: upTo(100), Crash: upTo(30), Disk: upTo(50)}
}

// drawLiar gives a third of the runs a liar.
func drawLiar(draw *chance.Stream, c *consortium, t task) liar {
	if draw.IntN(3) > 0 {
		return liar{}
	}
	l := liar{lies: true, at: draw.IntN(t.trees * t.levels)}
	if draw.IntN(2) == 0 {
		l.who, l.how = hub, hubLies()[draw.IntN(len(hubLies()))]
	} else {
		l.who, l.how = c.members[draw.IntN(len(c.members))], memberLies()[draw.IntN(len(memberLies()))]
	}
	return l
}

// errWrong says that something came out that must not.
var errWrong = errors.New("the oracle disagrees")

// judge is the oracle.
func (q *sequence) judge(h *hubNode, members []*memberNode) error {
	for _, id := range h.blamed {
		if !q.liar.lies || q.liar.who != id {
			return fmt.Errorf("%w: %q is blamed and honest (liar: %+v): %s", errWrong, id, q.liar, h.end.why)
		}
	}
	if err := q.replays(); err != nil {
		return err
	}
	if c := q.state.View().Rounds[roundName].Cohort(); q.calm() && (!h.end.model || len(c) != len(members)) {
		return fmt.Errorf("%w: nothing went wrong, and the round ended with %s", errWrong, h.end.why)
	}
	if !h.end.model {
		return q.excused(h)
	}
	if q.liar.lies && (q.liar.how == lieSum || q.liar.how == lieFingerprint) && q.told() {
		return fmt.Errorf("%w: a model although %s", errWrong, q.liar.how)
	}
	return q.exact(h, members)
}

// replays requires that whoever folds the log finds the hub's state.
func (w *world) replays() error {
	want, err := w.state.Digest()
	if err != nil {
		return err
	}
	again, err := replay(w.log)
	if err != nil {
		return fmt.Errorf("the log does not replay: %w", err)
	}
	got, err := again.Digest()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%w: a replay finds state %s, the hub %s", errWrong, got, want)
	}
	return nil
}

// told tells whether the lie reached the end of the round: who fell out before, or
// whose step was repeated, told nobody.
func (q *sequence) told() bool {
	if q.liar.how == lieSum {
		return true
	}
	return slices.Contains(q.state.View().Rounds[roundName].Cohort(), q.liar.who)
}

// exact holds every sum against a trusted party's: the plain sum of what the cohort of
// that step put in.
func (q *sequence) exact(h *hubNode, members []*memberNode) error {
	t := h.end.transcript
	on := round{h.disk, roundName}
	for number, s := range t.Steps {
		blob, err := on.Get(s.Sum.Hex())
		if err != nil {
			return err
		}
		sum, err := secagg.ParseSum(blob)
		if err != nil {
			return err
		}
		cohort := t.Cohorts[slices.IndexFunc(t.Cohorts, func(c comity.Cohort) bool { return c.Number == s.Cohort })]
		want := make([]int64, q.task.lanes)
		for _, id := range cohort.Members {
			for i, x := range q.task.input(id, s.Name) {
				want[i] += x
			}
		}
		if !slices.Equal(sum.Values(), want) {
			return fmt.Errorf("%w: sum %d, %s, is %v, the members' rows give %v", errWrong, number, s.Name, sum.Values(), want)
		}
		for _, m := range members {
			if got, took := m.sums[number]; took && slices.Contains(q.state.View().Rounds[roundName].Cohort(), m.id) && !slices.Equal(got, want) {
				return fmt.Errorf("%w: %s was shown %v as sum %d, want %v", errWrong, m.id, got, number, want)
			}
		}
	}
	e, err := h.evidence(q.state, t)
	if err != nil {
		return err
	}
	if err := secagg.VerifyTranscript(t, e); err != nil {
		return fmt.Errorf("a model whose transcript does not verify: %w", err)
	}
	return nil
}

// excused requires a reason for a round without a model: a liar, or too few members.
func (q *sequence) excused(h *hubNode) error {
	if q.liar.lies || q.net.faults.Corrupt > 0 && len(h.blamed) == 0 {
		return nil
	}
	if h.short {
		return nil
	}
	return fmt.Errorf("%w: no model, and no reason: %s", errWrong, h.end.why)
}
