package sim

import (
	"fmt"

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
	q := &sequence{world: w, task: t}
	m := w.charter.Models
	q.plan = comity.Plan{
		Round: roundName, Epoch: body.EpochName(w.charter.ID, period), Clause: m.Clause, Task: m.Task, Period: period,
		Schema: canon.Sum([]byte("sim/rows@1")), Recipe: m.Recipe, Disclosure: m.Disclosure, MinMembers: m.MinMembers, StepSeconds: m.StepSeconds,
	}
	if err := q.say(operator, comity.KindPlan, q.plan); err != nil {
		return nil, err
	}
	var err error
	q.keys, err = q.exchange(q.plan.Epoch, roundName)
	return q, err
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
	q.net.run(at, func() bool { return h.end != nil })
	return h, members
}
