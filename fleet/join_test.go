package fleet

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"comity"
	"comity/adapter/nats"
	"comity/canon"
	"comity/governor/charter"
	"comity/modeler/forecast"
	"comity/node"
	"comity/pack"
	"comity/party"
)

// operator is a home in which a consortium was founded, and where its hub will be.
type operator struct {
	cfg     Config
	address string
}

func founds(t *testing.T) *operator {
	t.Helper()
	o := &operator{
		cfg: Config{
			Home: node.Home(t.TempDir()), Scenario: small(t, 5), Apart: true, Clock: time.Now, Progress: func(node.Event) {},
			Cache: filepath.Join(os.TempDir(), "comity-test-wasm"), Patience: 30 * time.Second,
		},
		address: free(t),
	}
	if err := Init(o.cfg); err != nil {
		t.Fatal(err)
	}
	return o
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (o *operator) offer(id party.ID) Offer {
	return Offer{Home: o.cfg.Home, Scenario: o.cfg.Scenario, Party: id, Address: o.address, Clock: o.cfg.Clock}
}

// invites passes an invitation through a file.
func (o *operator) invites(t *testing.T, id party.ID) *node.Invitation {
	t.Helper()
	v, err := Invite(o.offer(id), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "invitation")
	if err := v.Write(file); err != nil {
		t.Fatal(err)
	}
	read, err := node.ReadInvitation(file)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// receives serves newcomers until the test or the enrolment ends.
func (o *operator) receives(t *testing.T) (sealed <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var serving sync.WaitGroup
	serving.Go(func() { done <- Enrol(ctx, o.cfg) })
	t.Cleanup(func() { cancel(); serving.Wait() })
	return done
}

func newcomer(t *testing.T, v *node.Invitation) Newcomer {
	t.Helper()
	return Newcomer{Home: node.Home(t.TempDir()), Invitation: v, Clock: time.Now}
}

// rowsOf are the rows of one member, at its own home.
func rowsOf(s pack.Scenario, id party.ID) func(string) ([]forecast.Observation, error) {
	return func(asOf string) ([]forecast.Observation, error) {
		rows, err := s.Rows.Known(asOf)
		return slices.DeleteFunc(rows, func(o forecast.Observation) bool { return o.Place != id }), err
	}
}

// TestFromInvitationToDecision has two of five parties make their keys in homes of their
// own, and decides a week with them.
func TestFromInvitationToDecision(t *testing.T) {
	t.Parallel()
	o := founds(t)
	s := o.cfg.Scenario
	began := time.Now()
	homes := map[party.ID]node.Home{}
	var invitations []*node.Invitation
	for _, m := range s.Members[1:3] {
		invitations = append(invitations, o.invites(t, m.ID))
	}
	sealed := o.receives(t)
	for _, v := range invitations {
		words, err := canon.ParseAnchor(v.Words())
		if err != nil {
			t.Fatal(err)
		}
		n := newcomer(t, v)
		n.Words = &words
		m, missing, err := Join(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s joined %s after the first invitation, missing %v", m.Party, time.Since(began).Round(time.Millisecond), missing)
		homes[v.Party] = n.Home
	}
	if err := <-sealed; err != nil {
		t.Fatal(err)
	}
	f, err := Start(t.Context(), o.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, m := range s.Members {
		running.Go(func() {
			var err error
			if home, ok := homes[m.ID]; ok {
				cfg := o.cfg
				cfg.Home = home
				err = RunHome(ctx, cfg, nil, rowsOf(s, m.ID))
			} else {
				err = RunMember(ctx, o.cfg, m.ID)
			}
			if err != nil {
				t.Errorf("%s: %v", m.ID, err)
			}
		})
	}
	if err := f.Found(t.Context()); err != nil {
		t.Fatal(err, f.reported())
	}
	t.Logf("in force %s after the first invitation", time.Since(began).Round(time.Millisecond))
	period, err := s.Period(0)
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.Week(t.Context(), period)
	if err != nil {
		t.Fatal(err)
	}
	verifies(t, f, w)
	if w.Checks != 5 || len(w.Frozen.Absent) != 0 || !w.Pooled.IsZero() {
		t.Errorf("%d checks, absent %v, pooled %s; want 5, nobody, and no twin of rows that are elsewhere: %v", w.Checks, w.Frozen.Absent, w.Pooled, f.reported())
	}
	for id, home := range homes {
		o.knowsNothingOf(t, home)
		agreesToNothingElse(t, home, f.Sealed())
		theirs, err := os.ReadFile(home.Charter())
		if err != nil || !bytes.Equal(theirs, f.Sealed()) {
			t.Errorf("%s holds another charter: %v", id, err)
		}
	}
	here, err := Connected(o.cfg.Home)
	if err != nil || len(here) != 5 || !here[s.Members[1].ID] {
		t.Errorf("connected are %v, %v; want all", here, err)
	}
	if _, err := Invite(o.offer(s.Members[0].ID), rand.Reader); !errors.Is(err, ErrRuns) {
		t.Errorf("invited into a consortium that runs: %v, want ErrRuns", err)
	}
}

// agreesToNothingElse holds a member against charters that its hub could have sealed
// instead.
func agreesToNothingElse(t *testing.T, home node.Home, sealed []byte) {
	t.Helper()
	m, err := LoadMembership(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.Agreed(sealed, m.Enrolment); err != nil {
		t.Errorf("%s refuses its own charter: %v", m.Party, err)
	}
	for name, change := range map[string]func(*comity.Charter, int){
		"a rule":        func(c *comity.Charter, _ int) { c.Purpose.Banned = append(slices.Clone(c.Purpose.Banned), "To tell.") },
		"a deadline":    func(c *comity.Charter, _ int) { c.Models.StepSeconds++ },
		"officers":      func(c *comity.Charter, own int) { c.Parties[own].Keys.Of = slices.Clone(c.Parties[own].Keys.Of[:2]) },
		"node key":      func(c *comity.Charter, own int) { c.Parties[own].Node.Key = other(t, m.Party, ".node").Verifier() },
		"transport key": func(c *comity.Charter, own int) { c.Parties[own].Node.Transport = spare(t) },
		"witness": func(c *comity.Charter, _ int) {
			at := slices.Index(c.Transparency.Witnesses.Of, m.Enrolment.Witness)
			c.Transparency.Witnesses.Of = slices.Clone(c.Transparency.Witnesses.Of)
			c.Transparency.Witnesses.Of[at] = other(t, m.Party, ".witness").Cosigner()
		},
	} {
		c, _, err := charter.Open(sealed)
		if err != nil {
			t.Fatal(err)
		}
		change(&c, slices.IndexFunc(c.Parties, func(p comity.Party) bool { return p.ID == m.Party }))
		altered, _, err := charter.Seal(c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := node.Agreed(altered, m.Enrolment); !errors.Is(err, node.ErrTerms) {
			t.Errorf("%s: %v, want ErrTerms", name, err)
		}
	}
}

// other is a key that a party does not hold.
func other(t *testing.T, id party.ID, suffix string) party.Key {
	t.Helper()
	k, err := party.NewKey(strings.ToLower(string(id))+suffix, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func spare(t *testing.T) string {
	t.Helper()
	i, err := nats.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return i.Public()
}

// knowsNothingOf looks for a member's private keys in the operator's home.
func (o *operator) knowsNothingOf(t *testing.T, home node.Home) {
	t.Helper()
	keys, err := filepath.Glob(filepath.Join(filepath.Dir(home.NodeKey()), "*"))
	if err != nil || len(keys) != 6 {
		t.Fatalf("keys %v, %v; want 6", keys, err)
	}
	for _, file := range keys {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", file, info.Mode(), err)
		}
		secret, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		err = filepath.WalkDir(string(o.cfg.Home), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, bytes.TrimSpace(secret)) {
				t.Errorf("%s holds what only %s may hold", path, file)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestNewcomersAreRefused tries every way in that is not an open invitation.
func TestNewcomersAreRefused(t *testing.T) {
	t.Parallel()
	o := founds(t)
	var mu sync.Mutex
	ahead := time.Duration(0)
	o.cfg.Clock = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(ahead)
	}
	ids := []party.ID{o.cfg.Scenario.Members[0].ID, o.cfg.Scenario.Members[1].ID, o.cfg.Scenario.Members[2].ID}
	used, withdrawn, last := o.invites(t, ids[0]), o.invites(t, ids[1]), o.invites(t, ids[2])
	late := o.invites(t, ids[1])
	o.receives(t)
	first := newcomer(t, used)
	if _, _, err := Join(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Join(t.Context(), first); err != nil {
		t.Errorf("the same keys again, for the answer may have been lost: %v", err)
	}
	mu.Lock()
	ahead = 8 * 24 * time.Hour
	mu.Unlock()
	change := func(v *node.Invitation, f func(*node.Invitation)) *node.Invitation {
		other := *v
		f(&other)
		if err := other.Seal(); err != nil {
			t.Fatal(err)
		}
		return &other
	}
	stranger, err := nats.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		invitation *node.Invitation
		words      string
		want       error
	}{
		"used":      {used, "", node.ErrExpired},
		"withdrawn": {withdrawn, "", node.ErrExpired},
		"expired":   {late, "", node.ErrExpired},
		"wrong token": {
			change(last, func(v *node.Invitation) { v.Token = stranger.Seed() }), "",
			node.ErrExpired,
		},
		"other words": {last, used.Words(), node.ErrWords},
		"another hub": {
			change(last, func(v *node.Invitation) { v.Pin = canon.Sum(nil) }), "",
			nats.ErrPin,
		},
		"another party": {
			change(last, func(v *node.Invitation) { v.Party = ids[1] }), "",
			node.ErrExpired,
		}, // The hub's clock stands where the token is over.
		"other terms": {
			change(last, func(v *node.Invitation) { v.Draft.Models.MinMembers = 3 }), "",
			node.ErrInvitation,
		},
		"nobody there": {
			change(last, func(v *node.Invitation) { v.Addresses = []string{free(t)} }), "",
			nats.ErrUnreachable,
		},
	} {
		n := newcomer(t, c.invitation)
		if c.words != "" {
			words, err := canon.ParseAnchor(c.words)
			if err != nil {
				t.Fatal(err)
			}
			n.Words = &words
		}
		_, _, err := Join(t.Context(), n)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), c.invitation.Token) {
			t.Errorf("%s: the error tells the token: %v", name, err)
		}
		if m, err := LoadMembership(n.Home); err == nil && m.Joined {
			t.Errorf("%s: the home says that it has joined", name)
		}
	}
	if _, err := Invite(o.offer("QQ"), rand.Reader); !errors.Is(err, pack.ErrUnknown) {
		t.Errorf("a party that is not in the draft: %v, want ErrUnknown", err)
	}
	if _, err := Invite(o.offer(ids[0]), rand.Reader); !errors.Is(err, node.ErrExpired) {
		t.Errorf("a party that has joined: %v", err)
	}
	if _, err := Start(t.Context(), o.cfg); !errors.Is(err, node.ErrBusy) {
		t.Errorf("a hub beside one that enrols: %v, want ErrBusy", err)
	}
	seats, whole, err := Seats(o.cfg.Home)
	if err != nil || whole || seats[0].Joined == "" || seats[1].Joined != "" || seats[2].Joined != "" || !seats[3].Here {
		t.Errorf("seats %+v, sealed %v, %v", seats, whole, err)
	}
	if _, err := Charter(t.Context(), first.Home, nil); !errors.Is(err, ErrOpen) {
		t.Errorf("the charter of a draft: %v, want ErrOpen", err)
	}
}

// TestANewcomerBehindAProxy joins and fetches its charter from a network whose only way
// out is a proxy that tunnels to the websocket and refuses everything else.
func TestANewcomerBehindAProxy(t *testing.T) {
	t.Parallel()
	o := founds(t)
	offer := o.offer(o.cfg.Scenario.Members[0].ID)
	offer.Web = free(t)
	v, err := Invite(offer, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{o.address, "wss://" + offer.Web}; !slices.Equal(v.Addresses, want) {
		t.Fatalf("the invitation leads to %v, want %v", v.Addresses, want)
	}
	v.Addresses[0] = free(t) // A port that this network does not let out.
	if err := v.Seal(); err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 100)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		if r.Method != http.MethodConnect || r.Host != offer.Web {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		tunnel(t, w, r.Host)
	}))
	defer proxy.Close()
	sealed := o.receives(t)
	n := newcomer(t, v)
	n.Proxy = proxy.URL
	if _, _, err := Join(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if err := <-sealed; err != nil {
		t.Fatal(err)
	}
	f, err := Start(t.Context(), o.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close(t.Context())
	got, err := Charter(t.Context(), n.Home, nil)
	if err != nil || !bytes.Equal(got, f.Sealed()) {
		t.Errorf("the charter through the proxy: %d bytes, %v", len(got), err)
	}
	if s, err := mustLoad(t, n.Home).Standing(t.Context(), n.Home, got, nil); err != nil || time.Since(s.Hub) > time.Minute {
		t.Errorf("the hub through the proxy: %+v, %v", s, err)
	}
	close(asked)
	for request := range asked {
		if request != "CONNECT "+offer.Web {
			t.Errorf("the proxy was asked to %s", request)
		}
	}
}

// tunnel carries a connection that a proxy has granted until either side hangs up.
func tunnel(t *testing.T, w http.ResponseWriter, to string) {
	out, err := net.Dial("tcp", to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer out.Close()
	in, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer in.Close()
	_, _ = io.WriteString(in, "HTTP/1.1 200 Connection Established\r\n\r\n")
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(out, in); done <- struct{}{} }()
	go func() { _, _ = io.Copy(in, out); done <- struct{}{} }()
	<-done
}

func mustLoad(t *testing.T, home node.Home) *Membership {
	t.Helper()
	m, err := LoadMembership(home)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestADraftIsNotStarted holds that nothing runs on a charter that parties have to join.
func TestADraftIsNotStarted(t *testing.T) {
	t.Parallel()
	o := founds(t)
	id := o.cfg.Scenario.Members[0].ID
	o.invites(t, id)
	if f, err := Start(t.Context(), o.cfg); !errors.Is(err, ErrOpen) || f == nil {
		t.Errorf("started: %v, want ErrOpen", err)
	}
	if err := RunMember(t.Context(), o.cfg, id); !errors.Is(err, ErrHome) {
		t.Errorf("an invited member runs from the operator's home: %v, want ErrHome", err)
	}
	if err := Init(o.cfg); !errors.Is(err, ErrHome) {
		t.Errorf("founded twice: %v, want ErrHome", err)
	}
	if _, err := os.Stat(string(o.cfg.Home.Member(id))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("keys of an invited party lie in the operator's home: %v", err)
	}
	if _, err := os.Stat(o.cfg.Home.Charter()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a draft has a charter: %v", err)
	}
}
