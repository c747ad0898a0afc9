// Package sim runs whole federations in one thread of one process, in a time of its own,
// under one seed: over links that drop, delay, repeat, reorder and corrupt, with disks
// that fill up, and with parties that crash and lie. The state machines, the rules and
// the log are the real ones; sockets, files and clocks are not there. The same seed gives
// the same run, so that a red one is replayed with a debugger.
package sim

import (
	"cmp"
	"maps"
	"slices"

	"comity/chance"
	"comity/party"
)

// hub is the address of the hub; members have their party's id.
const hub party.ID = ""

// message is what travels between hub and members.
type message struct {
	from, to party.ID
	kind     string
	data     []byte
}

// Faults says how bad links, machines and disks are, each of a thousand times.
type Faults struct {
	Drop    int // A message is lost.
	Repeat  int // It arrives twice.
	Corrupt int // One of its bits flips.
	Slow    int // It takes up to ten times as long, so that later ones overtake it.
	Crash   int // A party that is about to receive a message loses its memory instead.
	Disk    int // A write fails.
}

// Times in milliseconds of simulated time.
const (
	linkDelay = 20      // Of a message, at least 1.
	tickEvery = 100     // How often everybody looks around.
	downFor   = 700     // How long a crashed party is away, at most.
	giveUp    = 120_000 // Of a run: thirty times the hub's patience.
)

// network delivers messages in a time of its own.
type network struct {
	now    int
	sent   int // Orders what is due at one moment.
	lots   *chance.Stream
	faults Faults
	queue  events
}

// event is a message that arrives, or with an empty kind a look around.
type event struct {
	at, order int
	message
}

// events are ordered by time, and at one time by when they were sent.
type events []event

// put keeps a new event in its place: queues are short.
func (q *events) put(e event) {
	i, _ := slices.BinarySearchFunc(*q, e, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order))
	})
	*q = slices.Insert(*q, i, e)
}

func (q *events) pop() event {
	e := (*q)[0]
	*q = (*q)[1:]
	return e
}

// happens draws whether a fault of so many in a thousand happens now.
func (n *network) happens(perMille int) bool { return perMille > 0 && n.lots.IntN(1000) < perMille }

// send puts messages on their way, each with its own bad luck.
func (n *network) send(all []message) {
	for _, m := range all {
		if n.happens(n.faults.Drop) {
			continue
		}
		copies := 1
		if n.happens(n.faults.Repeat) {
			copies = 2
		}
		for range copies {
			n.put(n.delay(), n.damaged(m))
		}
	}
}

func (n *network) delay() int {
	d := 1 + n.lots.IntN(linkDelay)
	if n.happens(n.faults.Slow) {
		d *= 1 + n.lots.IntN(10)
	}
	return d
}

// damaged returns the message, or a copy of it with one bit flipped.
func (n *network) damaged(m message) message {
	if len(m.data) == 0 || !n.happens(n.faults.Corrupt) {
		return m
	}
	m.data = append([]byte(nil), m.data...)
	bit := n.lots.IntN(8 * len(m.data))
	m.data[bit/8] ^= 1 << (bit % 8)
	return m
}

func (n *network) put(after int, m message) {
	n.sent++
	n.queue.put(event{n.now + after, n.sent, m})
}

// next moves time on to the next event.
func (n *network) next() event {
	e := n.queue.pop()
	n.now = e.at
	return e
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

// run lets all actors work until over, or until time is up.
func (n *network) run(at map[party.ID]actor, over func() bool) {
	for _, id := range slices.Sorted(maps.Keys(at)) {
		n.put(1+n.lots.IntN(tickEvery), message{to: id})
	}
	down := map[party.ID]int{}
	for !over() && n.now < giveUp {
		e := n.next()
		switch {
		case e.at < down[e.to]: // Nobody is there to hear it.
			if e.kind == "" {
				n.put(down[e.to]-e.at, e.message)
			}
		case e.kind == "":
			n.put(tickEvery, e.message)
			n.send(at[e.to].look())
		case n.happens(n.faults.Crash):
			at[e.to].forget()
			down[e.to] = e.at + 1 + n.lots.IntN(downFor)
		default:
			n.send(at[e.to].hear(e.message))
		}
	}
}
