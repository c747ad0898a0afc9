package oneshot

import (
	"slices"
	"testing"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
)

// A hub that shows two sets of survivors gets both secrets of a member only with at
// least 2t-n colluders: with n = 9 and t = 6, three and not two.
func TestSplitSurvivors(t *testing.T) {
	for colluders := range 4 {
		w := unmasking(t, 9)
		ids := w.ids()
		victim := ids[8]
		without8 := w.witnessed()
		without8.Survivors.Members = ids[:8]
		// Honest members are 8 and all but the first few; half of them see each story.
		honest := ids[colluders:8]
		half := (len(honest) + 1) / 2
		var self, recovery []party.ID
		for i, id := range honest {
			a := w.witnessed()
			if i < half {
				a = without8
				recovery = append(recovery, id)
			} else {
				self = append(self, id)
			}
			u, err := w.members[id].Unmask(a)
			must(t, err)
			// Nobody answers the other story as well.
			other := without8
			if i < half {
				other = w.witnessed()
			}
			_, err = w.members[id].Unmask(other)
			if err == nil {
				t.Fatalf("%s answered both", id)
			}
			share := u.Shares[8]
			want := w.bothShares(t, id, victim)
			if i < half && !slices.Equal(share, want[keySize:]) || i >= half && !slices.Equal(share, want[:keySize]) {
				t.Fatalf("%s gave the wrong share", id)
			}
		}
		self = append(self, victim) // It answers the story that it is in.
		has := func(n int) bool { return n+colluders >= 6 }
		if both := has(len(self)) && has(len(recovery)); both != (colluders >= 3) {
			t.Fatalf("%d colluders, %d honest self shares, %d honest recovery shares", colluders, len(self), len(recovery))
		}
	}
}

// A hub that claims all neighbours of a victim fell out gets no shares of it: who is not
// among the survivors does not answer.
func TestNobodyIsIsolated(t *testing.T) {
	o := terms()
	o.Threshold, _ = exact.Ratio(3, 5)
	w := newWorld(t, o, 100)
	w.deal(t, w.ids())
	w.take(t, w.ids())
	victim := w.ids()[50]
	var left []party.ID
	for _, id := range w.ids() {
		if !slices.Contains(w.layout.Neighbours(victim), id) {
			left = append(left, id)
		}
	}
	commits := map[party.ID]comity.Commit{}
	for _, id := range w.ids() {
		c, _, err := w.members[id].Upload(w.cast, make([]int64, 5))
		must(t, err)
		commits[id] = c
	}
	s := comity.Survivors{Round: o.Round, Members: left, Masked: canon.Sum(nil)}
	wants(t, w.cast.CheckSurvivors(s, commits), ErrThreshold)
	for _, peer := range w.layout.Neighbours(victim) {
		_, err := w.members[peer].Unmask(Witnessed{w.cast, commits, s, 1, make([]byte, keySize)})
		if err == nil {
			t.Fatalf("%s answered survivors that it is not among", peer)
		}
	}
}

// Whatever the hub drops within the rules, the members whose masks it opens hang
// together with many others: each keeps at least need-1 honest survivors as neighbours.
func TestSurvivorsHangTogether(t *testing.T) {
	o := terms()
	o.Threshold, _ = exact.Ratio(3, 5)
	w := newWorld(t, o, 200)
	present := make([]bool, 200)
	for i := range present {
		present[i] = i%10 != 0
	}
	c := &Cast{group: w.group, in: slices.Repeat([]bool{true}, 200)}
	must(t, c.enough(present))
	// One component: every survivor reaches every other over survivors.
	reached, queue := make([]bool, 200), []int{1}
	reached[1] = true
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for _, j := range w.group.holders[i] {
			if present[j] && !reached[j] {
				reached[j] = true
				queue = append(queue, j)
			}
		}
	}
	for i := range present {
		if present[i] && !reached[i] {
			t.Fatalf("%s is cut off", w.group.members[i])
		}
	}
}

// Masked vectors say nothing by themselves: two rounds of one input differ in every
// message, and the log has no masked vector.
func TestLogHoldsNoMaskedVector(t *testing.T) {
	w := unmasking(t, 9, 8)
	w.unmask(t, w.ids()[:8])
	w.finish(t)
	var log []byte
	for _, id := range w.ids() {
		for _, record := range []any{w.log.Deals[id], w.log.Commits[id], w.log.Unmasks[id], w.log.Survivors, w.outcome.Result} {
			data, err := canon.Marshal(record)
			must(t, err)
			log = append(log, data...)
		}
	}
	log = append(append(log, w.outcome.Opening...), w.outcome.Sum...)
	for _, id := range w.ids()[:8] {
		y, err := w.hub.Opened(id)
		must(t, err)
		for _, secret := range [][]byte{y[:keySize], y[keySize:]} {
			if contains(log, secret) {
				t.Fatalf("the log has the masked vector or the salt of %s", id)
			}
		}
		if i, _ := w.group.index(id); contains(log, w.hub.bundles[i].Table) {
			t.Fatalf("the log opens the table of %s, which survived", id)
		}
	}
}

func contains(all, part []byte) bool {
	for i := 0; i+len(part) <= len(all); i++ {
		if slices.Equal(all[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

// Two rounds of an epoch have unrelated masks, even for the same input and members.
func TestRoundsAreUnrelated(t *testing.T) {
	w := uploading(t, 5)
	o := terms()
	o.Round = "2026-W47/count"
	g, err := NewGroup(o, w.layout, w.ids(), 0)
	must(t, err)
	me := w.ids()[0]
	again := *w
	again.group, again.journals = g, map[party.ID]*notebook{me: {}}
	again.stores, again.members = map[party.ID]Store{me: shelf{}}, map[party.ID]*Member{}
	again.restart(t, me)
	a, b, err := w.members[me].Deal()
	must(t, err)
	c, d, err := again.members[me].Deal()
	must(t, err)
	if a.Self == c.Self || a.Recovery == c.Recovery || b.leaves[1].pair == d.leaves[1].pair || b.leaves[1].check == d.leaves[1].check {
		t.Fatal("a secret of one round serves in another")
	}
}
