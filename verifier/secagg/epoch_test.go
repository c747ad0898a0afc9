package secagg

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comity"
	"comity/canon"
	"comity/party"
)

// Two members deal, open, ratchet and add under what they agreed on.
func TestEpochEndToEnd(t *testing.T) {
	ids := []party.ID{"AA", "BB", "CC"}
	keys, peers := map[party.ID]*EpochKey{}, []Peer(nil)
	for i, id := range ids {
		key, public, err := NewEpoch(coin(byte(i)))
		must(t, err)
		key, err = ParseEpoch(key.Bytes()) // As after a restart.
		must(t, err)
		if !bytes.Equal(key.Public(), public) || len(public) != PublicKeySize {
			t.Fatalf("%s: key of %d bytes reads back differently", id, len(public))
		}
		keys[id] = key
		peers = append(peers, Peer{id, public})
	}
	pairs, nonces := map[party.ID]*Pairs{}, [][]byte(nil)
	for _, from := range ids {
		record, boxes, dealt, err := keys[from].Deal("health", "2026", from, peers, coin(9))
		must(t, err)
		must(t, CheckNonce("2026", from, record.Nonce, keys[from].Record("2026", from).NonceCommit))
		nonces = append(nonces, record.Nonce)
		if pairs[from] == nil {
			pairs[from] = &Pairs{}
		}
		for _, to := range dealt.Peers() {
			pairs[from].Set(to, *dealt.key(to))
		}
		for i, box := range boxes {
			if len(box.Sealed) != BoxSize || record.Boxes[i].To != box.To {
				t.Fatalf("box of %d bytes to %s, logged to %s", len(box.Sealed), box.To, record.Boxes[i].To)
			}
			got, err := keys[box.To].Open(BoxContext{"health", "2026", from, box.To}, record.Boxes[i].Digest, box.Sealed)
			must(t, err)
			if pairs[box.To] == nil {
				pairs[box.To] = &Pairs{}
			}
			pairs[box.To].Set(from, got)
		}
	}
	for _, a := range ids {
		p, err := ParsePairs(pairs[a].Bytes())
		must(t, err)
		for _, b := range p.Peers() {
			if *p.key(b) != *pairs[b].key(a) {
				t.Fatalf("%s and %s hold different secrets", a, b)
			}
		}
	}
	if PublicSeed("r", nonces) == PublicSeed("s", nonces) {
		t.Fatal("two rounds have one public coin")
	}
	slices.Reverse(nonces)
	if a := PublicSeed("r", nonces); a == PublicSeed("r", nonces[:2]) {
		t.Fatal("a nonce has no say")
	}
}

// A box opens for one receiver, in one body and epoch, from one sender, and only as
// logged.
func TestBoxRefused(t *testing.T) {
	key, public, err := NewEpoch(coin(1))
	must(t, err)
	other, _, err := NewEpoch(coin(2))
	must(t, err)
	right := BoxContext{Body: "health", Epoch: "2026", From: "AA", To: "BB"}
	box, err := Seal(right, public, [keySize]byte{7})
	must(t, err)
	substituted, err := Seal(right, public, [keySize]byte{8})
	must(t, err)
	zeros, err := Seal(right, public, [keySize]byte{})
	must(t, err)
	for name, c := range map[string]struct {
		key     *EpochKey
		context BoxContext
		digest  canon.Digest
		box     []byte
		want    error
	}{
		"other body":     {key, BoxContext{"climate", "2026", "AA", "BB"}, canon.Sum(box), box, ErrBox},
		"other epoch":    {key, BoxContext{"health", "2027", "AA", "BB"}, canon.Sum(box), box, ErrBox},
		"other sender":   {key, BoxContext{"health", "2026", "AB", "BB"}, canon.Sum(box), box, ErrBox},
		"other receiver": {key, BoxContext{"health", "2026", "AA", "BC"}, canon.Sum(box), box, ErrBox},
		"border moved":   {key, BoxContext{"health2", "026", "AA", "BB"}, canon.Sum(box), box, ErrBox},
		"wrong order":    {key, BoxContext{"health", "2026", "BB", "AA"}, canon.Sum(box), box, ErrConfig},
		"no body":        {key, BoxContext{"", "2026", "AA", "BB"}, canon.Sum(box), box, ErrConfig},
		"no party":       {key, BoxContext{"health", "2026", "aa", "bb"}, canon.Sum(box), box, ErrConfig},
		"other key":      {other, right, canon.Sum(box), box, ErrBox},
		"substituted":    {key, right, canon.Sum(box), substituted, ErrBox},
		"cut short":      {key, right, canon.Sum(box[1:]), box[1:], ErrBox},
		"changed":        {key, right, canon.Sum(flip(box, 9000)), flip(box, 9000), ErrBox},
		"all zeros":      {key, right, canon.Sum(zeros), zeros, ErrBox},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.key.Open(c.context, c.digest, c.box)
			wants(t, err, c.want)
		})
	}
	got, err := key.Open(right, canon.Sum(box), box)
	must(t, err)
	if got != [keySize]byte{7} {
		t.Fatal("box holds another secret")
	}
	_, err = Seal(right, public[1:], [keySize]byte{7})
	wants(t, err, ErrBox)
}

func TestDealRefused(t *testing.T) {
	key, public, err := NewEpoch(coin(1))
	must(t, err)
	for name, c := range map[string]struct {
		peers []Peer
		coin  io.Reader
		want  error
	}{
		"unsorted":      {[]Peer{{"CC", public}, {"BB", public}}, coin(1), ErrConfig},
		"twice":         {[]Peer{{"BB", public}, {"BB", public}}, coin(1), ErrConfig},
		"too many":      {make([]Peer, MaxMembers+1), coin(1), ErrConfig},
		"no randomness": {[]Peer{{"BB", public}}, strings.NewReader("short"), ErrRandom},
		"no coin":       {[]Peer{{"BB", public}}, nil, ErrRandom},
		"bad key":       {[]Peer{{"BB", public[:9]}}, coin(1), ErrBox},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, _, err := key.Deal("health", "2026", "AA", c.peers, c.coin)
			wants(t, err, c.want)
		})
	}
	_, _, err = NewEpoch(strings.NewReader("short"))
	wants(t, err, ErrRandom)
	_, err = ParseEpoch(key.Bytes()[1:])
	wants(t, err, ErrMalformed)
}

func TestNonceRefused(t *testing.T) {
	nonce := bytes.Repeat([]byte{3}, keySize)
	commit := CommitNonce("2026", "AA", nonce)
	must(t, CheckNonce("2026", "AA", nonce, commit))
	wants(t, CheckNonce("2026", "BB", nonce, commit), ErrNonce) // Another's, copied.
	wants(t, CheckNonce("2027", "AA", nonce, commit), ErrNonce)
	wants(t, CheckNonce("2026", "AA", nonce[1:], commit), ErrNonce)
	wants(t, CheckNonce("2026", "AA", flip(nonce, 1), commit), ErrNonce)
}

// Both ends of a pair stay in step; rounds share no secret; the past is gone.
func TestRatchet(t *testing.T) {
	a, b := &Pairs{}, &Pairs{}
	secret := [keySize]byte{1, 2, 3}
	a.Set("BB", secret)
	b.Set("AA", secret)
	seen := map[[keySize]byte]bool{secret: true}
	for _, round := range []string{"r1", "r2", "r3"} {
		ra, rb := a.Ratchet(round), b.Ratchet(round)
		if *ra.key("BB") != *rb.key("AA") || *a.key("BB") != *b.key("AA") {
			t.Fatalf("round %s: the ends parted", round)
		}
		for _, k := range [][keySize]byte{*ra.key("BB"), *a.key("BB")} {
			if seen[k] {
				t.Fatalf("round %s: a secret came back", round)
			}
			seen[k] = true
		}
	}
	a.Ratchet("r4")
	b.Ratchet("r5")
	if *a.Ratchet("r6").key("BB") == *b.Ratchet("r6").key("AA") {
		t.Fatal("ends that saw other rounds still agree")
	}
	keep := a.list[:1]
	a.Erase()
	if len(a.Peers()) != 0 || keep[0].key != [keySize]byte{} {
		t.Fatal("erased secrets remain")
	}
}

func TestPairsRefused(t *testing.T) {
	p := &Pairs{}
	p.Set("CC", [keySize]byte{3})
	p.Set("AA", [keySize]byte{1})
	p.Set("AA", [keySize]byte{2})
	if diff := cmp.Diff([]party.ID{"AA", "CC"}, p.Peers()); diff != "" || p.key("AA")[0] != 2 {
		t.Fatal(diff)
	}
	data := p.Bytes()
	swapped := &Pairs{list: []pair{p.list[1], p.list[0]}}
	for name, bad := range map[string][]byte{
		"empty": nil, "cut short": data[:len(data)-1], "too long": append(slices.Clone(data), 0),
		"other magic": flip(data, 0), "unsorted": swapped.Bytes(),
		"too many": append([]byte(magicPairs), 255), "bad party": append([]byte(magicPairs+"\x01\x02aa"), make([]byte, keySize)...),
	} {
		_, err := ParsePairs(bad)
		if err == nil {
			t.Fatalf("%s: accepted", name)
		}
		wants(t, err, ErrMalformed)
	}
}

// Only one successor fits a cohort, at the step where the round stands, smaller or
// later, never below the minimum.
func TestSuccessorRefused(t *testing.T) {
	prev := comity.Cohort{Round: "r", Number: 3, FromStep: 5, Attempt: 1, Members: []party.ID{"AA", "BB", "CC", "DD"}}
	good := comity.Cohort{Round: "r", Number: 4, FromStep: 7, Attempt: 1, Members: []party.ID{"AA", "BB", "DD"}}
	must(t, checkSuccessor(prev, good, standing{7, 7, false}, 3))
	for name, c := range map[string]struct {
		lie   func(*comity.Cohort)
		shown bool
		want  error
	}{
		"other round":       {func(c *comity.Cohort) { c.Round = "s" }, false, ErrCohort},
		"number repeated":   {func(c *comity.Cohort) { c.Number = 3 }, false, ErrCohort},
		"number skipped":    {func(c *comity.Cohort) { c.Number = 5 }, false, ErrCohort},
		"earlier step":      {func(c *comity.Cohort) { c.FromStep = 6 }, false, ErrStep},
		"later step":        {func(c *comity.Cohort) { c.FromStep = 8 }, false, ErrStep},
		"attempt back":      {func(c *comity.Cohort) { c.Attempt = 0 }, false, ErrAttempt},
		"attempt skipped":   {func(c *comity.Cohort) { c.Attempt = 3 }, false, ErrAttempt},
		"attempt kept":      {func(*comity.Cohort) {}, true, ErrAttempt},
		"nothing changed":   {func(c *comity.Cohort) { c.Members = prev.Members }, false, ErrCohort},
		"below minimum":     {func(c *comity.Cohort) { c.Members = c.Members[:2] }, false, ErrMinMembers},
		"unsorted":          {func(c *comity.Cohort) { c.Members = []party.ID{"BB", "AA", "DD"} }, false, ErrCohort},
		"a member twice":    {func(c *comity.Cohort) { c.Members = []party.ID{"AA", "AA", "BB"} }, false, ErrCohort},
		"somebody new":      {func(c *comity.Cohort) { c.Members = []party.ID{"AA", "BB", "EE"} }, false, ErrCohort},
		"not a party":       {func(c *comity.Cohort) { c.Members = []party.ID{"AA", "BB", "cc"} }, false, ErrCohort},
		"no members at all": {func(c *comity.Cohort) { c.Members = nil }, false, ErrMinMembers},
	} {
		t.Run(name, func(t *testing.T) {
			next := good
			c.lie(&next)
			wants(t, checkSuccessor(prev, next, standing{7, 7, c.shown}, 3), c.want)
		})
	}
	wants(t, checkSuccessor(prev, good, standing{7, 6, false}, 3), ErrAttempt) // Step 6 is out.
	prev.Attempt, good.Attempt = MaxAttempts, MaxAttempts+1
	wants(t, checkSuccessor(prev, good, standing{7, 5, true}, 3), ErrAttempt)
}

func TestConfigRefused(t *testing.T) {
	f := newFederation(t, 3)
	for name, c := range map[string]struct {
		lie  func(*MemberConfig)
		want error
	}{
		"no journal":     {func(c *MemberConfig) { c.Journal = nil }, ErrConfig},
		"no store":       {func(c *MemberConfig) { c.Store = nil }, ErrConfig},
		"no pairs":       {func(c *MemberConfig) { c.Pairs = nil }, ErrConfig},
		"a pair missing": {func(c *MemberConfig) { c.Pairs = &Pairs{} }, ErrConfig},
		"no plan":        {func(c *MemberConfig) { c.Plan = canon.Digest{} }, ErrConfig},
		"no round":       {func(c *MemberConfig) { c.Cohort.Round = "" }, ErrConfig},
		"not a member":   {func(c *MemberConfig) { c.Self = "ZZ" }, ErrStranger},
		"too few":        {func(c *MemberConfig) { c.MinMembers = 4 }, ErrMinMembers},
		"two members":    {func(c *MemberConfig) { c.Cohort.Members = c.Cohort.Members[:2] }, ErrMinMembers},
		"later cohort":   {func(c *MemberConfig) { c.Cohort.Number = 2 }, ErrCohort},
		"no coin":        {func(c *MemberConfig) { c.Secret, c.Journal = nil, &notebook{} }, ErrRandom},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := f.configs[f.ids[0]]
			cfg.Pairs = f.pairsOf(f.ids[0])
			c.lie(&cfg)
			_, err := NewMember(cfg)
			wants(t, err, c.want)
		})
	}
	me := f.members[f.ids[0]]
	for name, s := range map[string]Step{
		"no name": {"", 32, 1}, "space": {"a b", 32, 1}, "long name": {strings.Repeat("x", MaxName+1), 32, 1},
		"bits": {"a", 16, 1}, "no lanes": {"a", 32, 0},
	} {
		_, err := me.Upload(s.Name, s.Bits, make([]int64, s.Lanes))
		if err == nil {
			t.Fatalf("%s: accepted", name)
		}
		wants(t, err, ErrConfig)
		wants(t, f.hub.Begin(s), ErrConfig)
	}
	_, err := me.Upload("a", 32, []int64{1})
	must(t, err)
	_, err = me.Upload("a", 32, []int64{2})
	wants(t, err, ErrRepeated)
	_, err = NewHub(HubConfig{Plan: testPlan, Cohort: f.logged[0]})
	wants(t, err, ErrConfig)
	_, err = f.hub.Opened(0, f.ids[0])
	wants(t, err, ErrStep)
}
