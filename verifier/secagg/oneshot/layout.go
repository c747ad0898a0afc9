package oneshot

import (
	"crypto/subtle"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"slices"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg"
	"comity/verifier/secagg/internal/wire"
)

// Layout says who adds with whom: buckets, and neighbours in large ones. It is chosen
// by the nonces of the first round of an epoch, to which members committed before any
// was known, and it stays for the epoch: buckets that change every round let everybody
// solve for single members after a few rounds.
type Layout struct {
	first   comity.Open
	seed    chance.Seed
	buckets []bucket
}

type bucket struct {
	members    []party.ID // Ascending.
	neighbours [][]int    // By member, ascending, without itself.
}

// NewJoin draws a nonce and writes the statement that commits to it. The nonce is kept
// until the deadline for joining has passed, and then published as comity.Nonce.
func NewJoin(round string, self party.ID, secret io.Reader) (comity.Join, comity.Nonce, error) {
	nonce, err := wire.Draw(secret)
	if err != nil {
		return comity.Join{}, comity.Nonce{}, fmt.Errorf("join %s: %w", round, err)
	}
	return comity.Join{Round: round, NonceCommit: commitNonce(round, self, nonce[:])},
		comity.Nonce{Round: round, Nonce: nonce[:]}, nil
}

// commitNonce binds a nonce to one party and round, so that nobody can hand in another
// party's commitment as its own.
func commitNonce(round string, self party.ID, nonce []byte) canon.Digest {
	return label("nonce").Text(round).Text(string(self)).Bytes(nonce).Sum()
}

// CheckNonce refuses a nonce that its author did not commit to.
func CheckNonce(self party.ID, j comity.Join, n comity.Nonce) error {
	if n.Round != j.Round {
		return fmt.Errorf("nonce of %s: %w: %.80q, joined %q", self, ErrRound, n.Round, j.Round)
	}
	if len(n.Nonce) != keySize {
		return fmt.Errorf("nonce of %s: %w: %d bytes, want %d", self, ErrNonce, len(n.Nonce), keySize)
	}
	got := commitNonce(n.Round, self, n.Nonce)
	if subtle.ConstantTimeCompare(got[:], j.NonceCommit[:]) != 1 {
		return fmt.Errorf("nonce of %s: %w: its digest is %s, committed is %s", self, ErrNonce, got, j.NonceCommit)
	}
	return nil
}

// Roster lists who is in a round: all who joined in time and opened their nonce in time.
func Roster(o comity.Open, joins map[party.ID]comity.Join, nonces map[party.ID]comity.Nonce) ([]party.ID, error) {
	var in []party.ID
	for _, who := range slices.Sorted(maps.Keys(nonces)) {
		j, ok := joins[who]
		if !ok {
			return nil, fmt.Errorf("nonce of %.40q: %w: it did not join", who, secagg.ErrStranger)
		}
		if err := who.Check(); err != nil {
			return nil, fmt.Errorf("%w: %w", secagg.ErrStranger, err)
		}
		if j.Round != o.Round {
			return nil, fmt.Errorf("join of %s: %w: %.80q, this is %q", who, ErrRound, j.Round, o.Round)
		}
		if err := CheckNonce(who, j, nonces[who]); err != nil {
			return nil, err
		}
		in = append(in, who)
	}
	switch n := len(in); {
	case n < o.MinMembers:
		return nil, fmt.Errorf("roster of %s: %w: %d members, at least %d", o.Round, secagg.ErrMinMembers, n, o.MinMembers)
	case n > MaxMembers:
		return nil, fmt.Errorf("roster of %s: %w: %d members, at most %d", o.Round, ErrTerms, n, MaxMembers)
	}
	return in, nil
}

// NewLayout lays out the first round of an epoch from its own joins and nonces.
func NewLayout(o comity.Open, joins map[party.ID]comity.Join, nonces map[party.ID]comity.Nonce) (*Layout, error) {
	if err := CheckOpen(o); err != nil {
		return nil, err
	}
	if o.Layout != o.Round {
		return nil, fmt.Errorf("layout of %s: %w: it takes its layout from round %q", o.Round, ErrTerms, o.Layout)
	}
	in, err := Roster(o, joins, nonces)
	if err != nil {
		return nil, err
	}
	digest, err := canon.DigestOf(o)
	if err != nil {
		return nil, err
	}
	e := label("layout").Bytes(digest[:]).Number(len(in))
	for _, who := range in {
		e = e.Text(string(who)).Bytes(nonces[who].Nonce)
	}
	l := &Layout{first: o, seed: chance.Seed(e.Sum())}
	l.fill(in)
	return l, nil
}

// fill shuffles the members, cuts them into as many buckets as the least size allows,
// whose sizes differ by one at most, and joins neighbours in each.
func (l *Layout) fill(in []party.ID) {
	count := 1
	if l.first.Bucket > 0 {
		count = max(1, len(in)/l.first.Bucket)
	}
	l.buckets = make([]bucket, count)
	for place, i := range chance.NewStream(chance.Derive(l.seed, "buckets")).Perm(len(in)) {
		b := &l.buckets[place%count]
		b.members = append(b.members, in[i])
	}
	for k := range l.buckets {
		b := &l.buckets[k]
		slices.Sort(b.members)
		b.join(l.first.Degree, chance.NewStream(chance.Derive(l.seed, "neighbours", fmt.Sprint(k))))
	}
}

// join makes everybody neighbours in a small bucket. In a large one the graph is the
// union of degree/2 random rings through all members: it is connected, has even degree,
// and no small set of members has most of its neighbours among themselves.
func (b *bucket) join(degree int, lots *chance.Stream) {
	n := len(b.members)
	b.neighbours = make([][]int, n)
	if degree == 0 {
		degree = degreeFor(n)
	}
	if n <= MaxComplete || n <= degree+1 {
		for i := range n {
			for j := range n {
				if j != i {
					b.neighbours[i] = append(b.neighbours[i], j)
				}
			}
		}
		return
	}
	for range degree / 2 {
		ring := lots.Perm(n)
		for place, i := range ring {
			j := ring[(place+1)%n]
			b.neighbours[i] = append(b.neighbours[i], j)
			b.neighbours[j] = append(b.neighbours[j], i)
		}
	}
	for i := range b.neighbours {
		slices.Sort(b.neighbours[i])
		b.neighbours[i] = slices.Compact(b.neighbours[i]) // Two rings may share an edge.
	}
}

// degreeFor is the least even number that is at least 3*log2(n), that is, 2^degree >= n^3.
func degreeFor(n int) int {
	d := bits.Len(uint(n*n*n - 1))
	return d + d%2
}

// Buckets returns the members of each bucket, ascending.
func (l *Layout) Buckets() [][]party.ID {
	out := make([][]party.ID, len(l.buckets))
	for i, b := range l.buckets {
		out[i] = slices.Clone(b.members)
	}
	return out
}

// Neighbours lists with whom a member shares pair secrets in this epoch.
func (l *Layout) Neighbours(who party.ID) []party.ID {
	for _, b := range l.buckets {
		if i, found := slices.BinarySearch(b.members, who); found {
			var out []party.ID
			for _, j := range b.neighbours[i] {
				out = append(out, b.members[j])
			}
			return out
		}
	}
	return nil
}
