package oneshot

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
)

// Whoever drops out, and when, the sum is that of the survivors or nothing is opened;
// and a stranger agrees.
func TestSumIsThatOfTheSurvivors(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o := terms()
		o.Lanes = rapid.IntRange(1, 9).Draw(r, "lanes")
		o.Bound = rapid.SampledFrom([]canon.Int{1, 1000, 1 << 20, 1 << 40}).Draw(r, "bound")
		o.MinMembers = rapid.IntRange(3, 5).Draw(r, "least")
		w := newWorld(t, o, rapid.IntRange(5, 12).Draw(r, "members"))
		x := w.randomInputs(rapid.Uint64().Draw(r, "inputs"))
		some := func(of []party.ID, when string) []party.ID {
			gone := rapid.IntRange(0, 2).Draw(r, when)
			shuffled := rapid.Permutation(of).Draw(r, when+" order")
			return shuffled[:max(0, len(of)-gone)]
		}
		dealt := some(w.ids(), "before the deal")
		for _, id := range dealt {
			d, b, err := w.members[id].Deal()
			must(t, err)
			must(t, w.hub.Deal(id, d, b))
			w.log.Deals[id] = d
		}
		if err := w.hub.CloseDeals(); err != nil {
			return // Too few dealt: refused before anybody masked anything.
		}
		w.take(t, dealt)
		uploaded := some(dealt, "after the deal")
		for _, id := range uploaded {
			c, u, err := w.members[id].Upload(w.cast, x[id])
			must(t, err)
			must(t, w.hub.Upload(id, c, u))
			w.log.Commits[id] = c
		}
		s, blob, err := w.hub.CloseUploads()
		if err != nil {
			return // Too few are left: refused before anybody revealed anything.
		}
		w.log.Survivors, w.blobs[s.Masked] = s, blob
		w.log.Size, w.log.Root = 9, make([]byte, keySize)
		must(t, w.hub.Witness(w.log.Size, w.log.Root))
		answered := some(uploaded, "before unmasking")
		w.unmask(t, answered)
		_, need, err := w.group.Holders(w.ids()[0])
		must(t, err)
		if len(answered) < need {
			_, err := w.hub.Finish()
			wants(t, err, ErrThreshold)
			return
		}
		got, want := w.finish(t), trusted(x, uploaded, o.Lanes)
		if !slices.Equal(got, want) {
			r.Fatalf("sum %v, a trusted party gets %v", got, want)
		}
		verified, err := Verify(w.evidence())
		must(t, err)
		if !slices.Equal(verified, want) {
			r.Fatalf("a stranger gets %v, want %v", verified, want)
		}
	})
}

// The same with neighbours instead of everybody.
func TestSumOverNeighbours(t *testing.T) {
	o := terms()
	o.Degree = 20
	o.Threshold, _ = exact.Ratio(3, 5)
	w := newWorld(t, o, 80)
	x, ids := w.randomInputs(3), w.ids()
	dealt := without(ids, ids[3], ids[40])
	uploaded := without(dealt, ids[7], ids[50], ids[79])
	answered := without(uploaded, ids[0], ids[20])
	got, want := w.run(t, x, dealt, uploaded, answered), trusted(x, uploaded, o.Lanes)
	if !slices.Equal(got, want) {
		t.Fatalf("sum %v, want %v", got, want)
	}
	_, err := Verify(w.evidence())
	must(t, err)
}

// Buckets add by themselves; their sums add up to that of all.
func TestBuckets(t *testing.T) {
	o := terms()
	o.Bucket = 5
	total, want := make([]int64, o.Lanes), make([]int64, o.Lanes)
	contexts := map[canon.Digest]bool{}
	for number := range 3 {
		w := newBucket(t, o, 17, number)
		x, ids := w.randomInputs(uint64(number)), w.ids()
		if n := len(w.layout.Buckets()); n != 3 || len(ids) < 5 {
			t.Fatalf("%d buckets, %d members in one", n, len(ids))
		}
		contexts[w.group.Context()] = true
		for k, v := range w.run(t, x, ids, ids[1:], ids[1:]) {
			total[k] += v
		}
		for k, v := range trusted(x, ids[1:], o.Lanes) {
			want[k] += v
		}
		_, err := Verify(w.evidence())
		must(t, err)
	}
	if !slices.Equal(total, want) || len(contexts) != 3 {
		t.Fatalf("%d contexts, sum %v, want %v", len(contexts), total, want)
	}
}

// A third of the members may drop out, after they dealt.
func TestOneThirdDropsOut(t *testing.T) {
	w := newWorld(t, terms(), 12)
	x, ids := w.randomInputs(3), w.ids()
	left := ids[4:]
	if got, want := w.run(t, x, ids, left, left), trusted(x, left, 5); !slices.Equal(got, want) {
		t.Fatalf("sum %v, want %v", got, want)
	}
	_, err := Verify(w.evidence())
	must(t, err)
}

// Lanes are as narrow as every sum allows, and no narrower.
func TestLanesFollowTheBound(t *testing.T) {
	for _, c := range []struct {
		bound canon.Int
		n     int
		bits  int
	}{{1, 3, 16}, {3276, 10, 16}, {3277, 10, 32}, {1<<31/10 - 1, 10, 32}, {1<<31/8 + 1, 8, 64}, {1<<60/8 - 1, 8, 64}} {
		o := terms()
		o.Bound = c.bound
		s, err := shapeOf(o, c.n)
		must(t, err)
		if s.Bits != c.bits {
			t.Errorf("%d members of bound %d: %d bits, want %d", c.n, c.bound, s.Bits, c.bits)
		}
	}
	o := terms()
	o.Bound = 1 << 57
	_, err := shapeOf(o, 8)
	wants(t, err, ErrTerms)
}

// The threshold is the stated share rounded up, and more than half for any admissible share.
func TestThreshold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		den := rapid.Int64Range(1, 1000).Draw(t, "denominator")
		num := rapid.Int64Range(den/2+1, den).Draw(t, "numerator")
		m := rapid.IntRange(1, MaxHolders).Draw(t, "holders")
		share, err := exact.Ratio(num, den)
		if err != nil {
			t.Fatal(err)
		}
		o := comity.Open{Threshold: share}
		got := threshold(o, m)
		if 2*got <= m || got > m {
			t.Fatalf("%s of %d holders is %d", share, m, got)
		}
		least := new(big.Rat).Mul(share.Big(), big.NewRat(int64(m), 1))
		if big.NewRat(int64(got), 1).Cmp(least) < 0 || big.NewRat(int64(got-1), 1).Cmp(least) >= 0 {
			t.Fatalf("%s of %d holders is %d", share, m, got)
		}
	})
}

// slowTimes multiplies as FIPS 197 defines it, with branches on everything.
func slowTimes(a, b byte) byte {
	var p int
	for i := range 8 {
		if b>>i&1 == 1 {
			p ^= int(a) << i
		}
	}
	for i := 14; i >= 8; i-- {
		if p>>i&1 == 1 {
			p ^= 0x11b << (i - 8)
		}
	}
	return byte(p)
}

// All products and all inverses of GF(256).
func TestFieldOf256(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			if got, want := times(byte(a), byte(b)), slowTimes(byte(a), byte(b)); got != want {
				t.Fatalf("%d * %d = %d, want %d", a, b, got, want)
			}
		}
		if a > 0 && slowTimes(byte(a), inverse(byte(a))) != 1 {
			t.Fatalf("1/%d is not %d", a, inverse(byte(a)))
		}
	}
	// Eight at a time is one at a time.
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		v, c := r.Uint64(), byte(r.Uint32())
		got := uint64(bytes8(v).times(c))
		for k := range 8 {
			if want := slowTimes(byte(v>>(8*k)), c); byte(got>>(8*k)) != want {
				t.Fatalf("element %d of %x times %d: %x, want %d", k, v, c, got, want)
			}
		}
	}
}

// Any need shares recover the secret, whichever they are; one fewer fits any secret.
func TestShares(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(r, "holders")
		need := rapid.IntRange(1, n).Draw(r, "need")
		source := rand.NewChaCha8([32]byte{byte(n), byte(need)})
		var secret [pairSize]byte
		source.Read(secret[:])
		random := make([]byte, (need-1)*pairSize)
		source.Read(random)
		shares := split(secret, random, n)
		order := rapid.Permutation(rangeOf(n)).Draw(r, "which")[:need]
		var places []byte
		var self, recovery [][keySize]byte
		for _, i := range order {
			places = append(places, byte(i+1))
			self = append(self, [keySize]byte(shares[i][:keySize]))
			recovery = append(recovery, [keySize]byte(shares[i][keySize:]))
		}
		if combine(places, self) != [keySize]byte(secret[:keySize]) || combine(places, recovery) != [keySize]byte(secret[keySize:]) {
			r.Fatalf("shares %v do not give the secret", order)
		}
		// With the last share free, every secret is possible: a share that makes it so exists.
		other := self[need-1]
		other[0] ^= 1
		if need > 1 && combine(places, append(slices.Clone(self[:need-1]), other)) == combine(places, self) {
			r.Fatal("one share fewer already fixes the secret")
		}
	})
}

func rangeOf(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// A leaf climbs to the root by its own path, from its own place, and by no other.
func TestPaths(t *testing.T) {
	for n := 1; n <= 20; n++ {
		leaves := make([]canon.Digest, n)
		for i := range leaves {
			leaves[i] = canon.Sum([]byte{byte(i)})
		}
		top, all := paths(leaves)
		if top != root(leaves) {
			t.Fatalf("%d leaves have two roots", n)
		}
		for i := range n {
			p := all[i]
			if got, ok := climb(leaves[i], i, n, p); !ok || got != root(leaves) {
				t.Fatalf("leaf %d of %d does not climb", i, n)
			}
			for j := range n {
				if got, ok := climb(leaves[i], j, n, p); j != i && ok && got == root(leaves) {
					t.Fatalf("leaf %d of %d climbs from place %d", i, n, j)
				}
			}
			if _, ok := climb(leaves[i], i, n, append(slices.Clone(p), leaves[0])); ok {
				t.Fatalf("leaf %d of %d climbs by a longer path", i, n)
			}
			if n > 1 {
				if _, ok := climb(leaves[i], i, n, p[1:]); ok {
					t.Fatalf("leaf %d of %d climbs by a shorter path", i, n)
				}
			}
		}
	}
}

// Buckets part the members, differ by one at most, and stay while the roster shrinks.
func TestLayout(t *testing.T) {
	o := terms()
	o.Bucket = 6
	joins, nonces := joined(t, o, 32)
	l, err := NewLayout(o, joins, nonces)
	must(t, err)
	again, err := NewLayout(o, joins, nonces)
	must(t, err)
	var all []party.ID
	for k, b := range l.Buckets() {
		if len(b) != 6 && len(b) != 7 || !slices.IsSorted(b) || !slices.Equal(b, again.Buckets()[k]) {
			t.Errorf("bucket %d is %v", k, b)
		}
		all = append(all, b...)
	}
	slices.Sort(all)
	roster, err := Roster(o, joins, nonces)
	must(t, err)
	if len(l.Buckets()) != 5 || !slices.Equal(all, roster) {
		t.Fatalf("buckets hold %v", all)
	}
	next := o
	next.Round, next.JoinBy = "2026-W47/count", 1
	left := without(roster, l.Buckets()[2][0])
	g, err := NewGroup(next, l, left, 2)
	must(t, err)
	if !slices.Equal(g.Members(), l.Buckets()[2][1:]) {
		t.Fatalf("the second round has %v of %v", g.Members(), l.Buckets()[2])
	}
	_, err = NewGroup(next, l, without(roster, l.Buckets()[2][:3]...), 2)
	if err == nil {
		t.Fatal("a bucket of 3 or 4 went on")
	}
	// One other nonce, another layout.
	j, v, err := NewJoin(o.Round, partyID(5), coin(99))
	must(t, err)
	joins[partyID(5)], nonces[partyID(5)] = j, v
	other, err := NewLayout(o, joins, nonces)
	must(t, err)
	if slices.EqualFunc(l.Buckets(), other.Buckets(), slices.Equal) {
		t.Fatal("a nonce did not matter")
	}
}

// Neighbours are mutual, nobody is its own, and degrees are near the rule.
func TestNeighbours(t *testing.T) {
	for _, n := range []int{3, 60, 61, 200, 1000} {
		o := terms()
		joins, nonces := joined(t, o, n)
		l, err := NewLayout(o, joins, nonces)
		must(t, err)
		degree, edges := degreeFor(n), 0
		for i := range n {
			mine := l.Neighbours(partyID(i))
			edges += len(mine)
			if n <= MaxComplete && len(mine) != n-1 || n > MaxComplete && (len(mine) > degree || len(mine) < degree*2/3) {
				t.Errorf("%d members: %s has %d neighbours, the rule says %d", n, partyID(i), len(mine), degree)
			}
			for _, peer := range mine {
				if peer == partyID(i) || !slices.Contains(l.Neighbours(peer), partyID(i)) {
					t.Fatalf("%d members: %s and %s are not mutual neighbours", n, partyID(i), peer)
				}
			}
		}
		t.Logf("%d members: %d neighbours by the rule, %d.%02d on average", n, degree, edges/n, edges*100/n%100)
	}
	if degreeFor(200) != 24 || degreeFor(1000) != 30 || degreeFor(64) != 18 {
		t.Errorf("degrees %d, %d, %d", degreeFor(200), degreeFor(1000), degreeFor(64))
	}
}
