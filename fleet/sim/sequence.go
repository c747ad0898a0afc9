package sim

import (
	"fmt"
	"slices"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg"
)

// task is what is trained: so many trees of so many sums. When the cohort shrinks, the
// tree under way starts again from a fresh sample, which is another attempt.
type task struct {
	trees, levels, lanes int
	seed                 chance.Seed
}

// cursor is where a party stands in a task.
type cursor struct{ tree, level, attempt int }

func (c *cursor) finish(t task) {
	if c.level++; c.level == t.levels {
		c.tree, c.level = c.tree+1, 0
	}
}

func (c *cursor) restart(attempt int) { c.level, c.attempt = 0, attempt }

func (c *cursor) done(t task) bool { return c.tree == t.trees }

func (c *cursor) step(t task) secagg.Step {
	return secagg.Step{Name: fmt.Sprintf("tree/%d/attempt/%d/level/%d", c.tree, c.attempt, c.level), Bits: 32, Lanes: t.lanes}
}

// input is what a member adds in a step: a fresh sample for each attempt.
func (t task) input(id party.ID, step string) []int64 {
	s := chance.NewStream(chance.Derive(t.seed, "input", string(id), step))
	x := make([]int64, t.lanes)
	for i := range x {
		x[i] = int64(s.IntN(2001) - 1000)
	}
	return x
}

// sequence is a world in which members train together.
type sequence struct {
	world

	task task
	plan comity.Plan
	keys map[party.ID]*secagg.Pairs // Of the round, as each member's disk has them.
}

const roundName = period + "/train"

// newSequence founds the consortium and exchanges keys, all on perfect links: they are
// tried in the training itself.
func newSequence(w world, t task) (*sequence, error) {
	q := &sequence{world: w, task: t, keys: map[party.ID]*secagg.Pairs{}}
	m := w.charter.Models
	q.plan = comity.Plan{
		Round: roundName, Epoch: body.EpochName(w.charter.ID, period), Clause: m.Clause, Task: m.Task, Period: period,
		Schema: canon.Sum([]byte("sim/rows@1")), Recipe: m.Recipe, Disclosure: m.Disclosure, MinMembers: m.MinMembers, StepSeconds: m.StepSeconds,
	}
	if err := q.say(operator, comity.KindPlan, q.plan); err != nil {
		return nil, err
	}
	epochs := map[party.ID]*secagg.EpochKey{}
	var peers []secagg.Peer
	for _, id := range q.consortium.members {
		k, public, err := secagg.NewEpoch(secretOf(q.seed, "epoch", string(id)))
		if err != nil {
			return nil, err
		}
		epochs[id] = k
		peers = append(peers, secagg.Peer{Party: id, Key: public})
		if err := q.say(id, comity.KindKeys, k.Record(q.plan.Epoch, id)); err != nil {
			return nil, err
		}
	}
	return q, q.exchange(epochs, peers)
}

// exchange deals and opens the pair secrets of everybody.
func (q *sequence) exchange(epochs map[party.ID]*secagg.EpochKey, peers []secagg.Peer) error {
	records, boxes := map[party.ID]comity.Boxes{}, map[party.ID][]secagg.Box{}
	for _, id := range q.consortium.members {
		var err error
		records[id], boxes[id], q.keys[id], err = epochs[id].Deal(q.charter.ID, q.plan.Epoch, id, peers, secretOf(q.seed, "deal", string(id)))
		if err != nil {
			return err
		}
		if err := q.say(id, comity.KindBoxes, records[id]); err != nil {
			return err
		}
	}
	for _, id := range q.consortium.members {
		for i, b := range boxes[id] {
			at := secagg.BoxContext{Body: q.charter.ID, Epoch: q.plan.Epoch, From: id, To: b.To}
			key, err := epochs[b.To].Open(at, records[id].Boxes[i].Digest, b.Sealed)
			if err != nil {
				return err
			}
			q.keys[b.To].Set(id, key)
		}
	}
	for _, id := range q.consortium.members {
		q.keys[id] = q.keys[id].Ratchet(roundName)
	}
	return nil
}

// run lets everybody work until the round ended or time is up.
func (q *sequence) run() (*hubNode, []*memberNode) {
	h := &hubNode{sequence: q, disk: newDisk(&q.net)}
	var members []*memberNode
	at := map[party.ID]actor{hub: h}
	for _, id := range q.consortium.members {
		m := &memberNode{sequence: q, id: id, disk: newDisk(&q.net), state: body.New(), sums: map[int][]int64{}}
		members, at[id] = append(members, m), m
	}
	for _, id := range append(slices.Clone(q.consortium.members), hub) {
		q.net.put(1+q.net.lots.IntN(tickEvery), message{to: id})
	}
	down := map[party.ID]int{}
	for h.end == nil && q.net.now < giveUp {
		e := q.net.next()
		if e.at < down[e.to] {
			if e.kind == "" {
				q.net.put(down[e.to]-e.at, e.message)
			}
			continue // Nobody is there to hear it.
		}
		if e.kind != "" && q.net.happens(q.net.faults.Crash) {
			at[e.to].forget()
			down[e.to] = e.at + 1 + q.net.lots.IntN(downFor)
			continue
		}
		if e.kind == "" {
			q.net.put(tickEvery, e.message)
			q.net.send(at[e.to].look())
			continue
		}
		q.net.send(at[e.to].hear(e.message))
	}
	return h, members
}

// actor is a party that messages reach.
type actor interface {
	// hear takes a message and answers.
	hear(m message) []message
	// look does what is due.
	look() []message
	// forget loses what is not on disk.
	forget()
}
