package nats_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"comity/adapter/nats"
	"comity/party"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// network is a hub on loopback and the identities of its members.
type network struct {
	hub        *nats.Hub
	config     nats.HubConfig
	identities map[string]nats.Identity
}

func listen(t testing.TB, config nats.HubConfig, names ...string) *network {
	t.Helper()
	n := &network{identities: map[string]nats.Identity{}}
	for _, name := range names {
		i, err := nats.NewIdentity(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		n.identities[name] = i
		config.Members = append(config.Members, nats.MemberIdentity{Name: name, NKey: i.Public()})
	}
	config.Folder = t.TempDir()
	n.config = config
	n.restart(t)
	t.Cleanup(func() { n.hub.Close() })
	return n
}

func (n *network) restart(t testing.TB) {
	t.Helper()
	hub, err := nats.Listen(t.Context(), n.config)
	if err != nil {
		t.Fatal(err)
	}
	n.hub, n.config.Address = hub, hub.Address()
}

func (n *network) dial(t testing.TB, name string) *nats.Member {
	t.Helper()
	m, err := nats.Dial(t.Context(), n.member(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func (n *network) member(name string) nats.MemberConfig {
	return nats.MemberConfig{Address: n.hub.Address(), Pin: n.hub.Pin(), Name: name, Identity: n.identities[name], MaxPayload: n.config.MaxPayload}
}

// rogue is a member with its own client software.
func (n *network) rogue(t testing.TB, name string) (*client.Conn, chan error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nkey")
	if err := nats.SaveIdentity(file, n.identities[name]); err != nil {
		t.Fatal(err)
	}
	seed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err != nil {
		t.Fatal(err)
	}
	refusals := make(chan error, 10)
	conn, err := client.Connect("tls://"+n.hub.Address(), client.Secure(&tls.Config{InsecureSkipVerify: true}), client.TLSHandshakeFirst(),
		client.Nkey(n.identities[name].Public(), pair.Sign), client.CustomInboxPrefix("i."+name),
		client.ErrorHandler(func(_ *client.Conn, _ *client.Subscription, err error) { refusals <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn, refusals
}

func TestRequests(t *testing.T) {
	n := listen(t, nats.HubConfig{}, "KE", "GB-SCT")
	if err := n.hub.Handle("echo", func(_ context.Context, from string, data []byte) ([]byte, error) {
		return fmt.Appendf(nil, "%s said %s", from, data), nil
	}); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("plain")
	if err := n.hub.Handle("fail", func(_ context.Context, _ string, data []byte) ([]byte, error) {
		if len(data) == 0 {
			return nil, cause
		}
		return nil, fmt.Errorf("wrapped: %w", &nats.RemoteError{Code: string(data), Text: "told"})
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"KE", "GB-SCT"} {
		m := n.dial(t, name)
		if got, err := m.Request(t.Context(), "echo", []byte("hello")); err != nil || string(got) != name+" said hello" {
			t.Errorf("answer %q, %v", got, err)
		}
		if _, err := m.Request(t.Context(), "fail", []byte("409")); !hasCode(err, "409", "wrapped: told") {
			t.Errorf("error with code: %v", err)
		}
		if _, err := m.Request(t.Context(), "fail", nil); !hasCode(err, nats.CodeFailed, "plain") || errors.Is(err, cause) {
			t.Errorf("plain error: %v", err)
		}
		if _, err := m.Request(t.Context(), "other", nil); !errors.Is(err, nats.ErrUnreachable) {
			t.Errorf("kind without handler: %v", err)
		}
		if err := m.Handle("witness", func(_ context.Context, data []byte) ([]byte, error) {
			return append([]byte(name+" cosigns "), data...), nil
		}); err != nil {
			t.Fatal(err)
		}
		if got, err := n.hub.Request(t.Context(), name, "witness", []byte("7")); err != nil || string(got) != name+" cosigns 7" {
			t.Errorf("answer %q, %v", got, err)
		}
		if got, err := n.hub.Request(t.Context(), name, "witness", nil); err != nil || string(got) != name+" cosigns " {
			t.Errorf("answer %q, %v", got, err)
		}
		m.Close()
		if _, err := m.Request(t.Context(), "echo", nil); !errors.Is(err, nats.ErrClosed) {
			t.Errorf("closed member: %v", err)
		}
		wait(t, "the hub to see it leave", func() bool {
			_, err := n.hub.Request(t.Context(), name, "witness", nil)
			return errors.Is(err, nats.ErrUnreachable)
		})
	}
	if _, err := n.hub.Request(t.Context(), "FR", "witness", nil); !errors.Is(err, nats.ErrConfig) {
		t.Errorf("request to no member: %v", err)
	}
}

func hasCode(err error, code, text string) bool {
	remote, ok := errors.AsType[*nats.RemoteError](err)
	return ok && remote.Code == code && remote.Text == text
}

// wait polls a condition that another goroutine brings about.
func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10 s for %s", what)
		}
	}
}

func TestWrongPeersAreRefused(t *testing.T) {
	n := listen(t, nats.HubConfig{}, "KE", "TZ")
	stranger, err := nats.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*nats.MemberConfig)
		want   error
	}{
		"other pin":        {func(c *nats.MemberConfig) { c.Pin = "sha256:" + strings.Repeat("00", 32) }, nats.ErrPin},
		"no pin":           {func(c *nats.MemberConfig) { c.Pin = "" }, nats.ErrConfig},
		"unknown identity": {func(c *nats.MemberConfig) { c.Identity = stranger }, nats.ErrRefused},
		"no identity":      {func(c *nats.MemberConfig) { c.Identity = nats.Identity{} }, nats.ErrConfig},
		"no name":          {func(c *nats.MemberConfig) { c.Name = "" }, nats.ErrConfig},
		"no hub":           {func(c *nats.MemberConfig) { c.Address = "127.0.0.1:1" }, nats.ErrUnreachable},
		"name of a path":   {func(c *nats.MemberConfig) { c.Name = "KE.>" }, nats.ErrConfig},
	} {
		config := n.member("KE")
		c.change(&config)
		m, err := nats.Dial(t.Context(), config)
		if err == nil {
			m.Close()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
	// Another's name with one's own identity connects, and every door is shut.
	config := n.member("KE")
	config.Name = "TZ"
	m, err := nats.Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := n.hub.Handle("echo", func(context.Context, string, []byte) ([]byte, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := m.Request(ctx, "echo", nil); err == nil {
		t.Error("KE asks as TZ")
	}
}

func TestWallsBetweenMembers(t *testing.T) {
	n := listen(t, nats.HubConfig{}, "KE", "TZ")
	heard := make(chan string, 100)
	if err := n.hub.Handle("submit", func(_ context.Context, from string, _ []byte) ([]byte, error) {
		if from != "KE" {
			heard <- "request of " + from
		}
		return []byte("forged answer"), nil
	}); err != nil {
		t.Fatal(err)
	}
	victim := n.dial(t, "TZ")
	for _, kind := range []string{"sum", "due"} {
		if err := victim.Handle(kind, func(_ context.Context, data []byte) ([]byte, error) {
			heard <- kind + " " + string(data)
			return nil, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	conn, refusals := n.rogue(t, "KE")
	for _, subject := range []string{"m.TZ.submit", "b.sum", "h.TZ.due", "h.KE.due", "i.TZ.x", "i._hub.x", "$SYS.REQ.SERVER.PING", "anything"} {
		if err := conn.Publish(subject, []byte("forged")); err != nil {
			t.Fatal(err)
		}
		expectRefusal(t, conn, refusals, "publish "+subject)
	}
	for _, subject := range []string{"m.KE.submit", "m.>", "h.TZ.due", "h.*.due", "h.>", "i.TZ.>", "i.>", "i._hub.>", "*.TZ.*", ">", "$SYS.>"} {
		if _, err := conn.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		expectRefusal(t, conn, refusals, "subscribe "+subject)
	}
	// The place for the answer must not let the hub speak for the rogue.
	for _, reply := range []string{"b.sum", "h.TZ.due", "m.TZ.submit", "i.TZ.x", "i.KEx.y"} {
		if err := conn.PublishRequest("m.KE.submit", reply, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Publish("m.KE.submit", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if answer, err := conn.Request("m.KE.submit", nil, 5*time.Second); err != nil || string(answer.Data) != "\x00forged answer" {
		t.Errorf("an honest request: %v, %v", answer, err)
	}
	// Forgeries that got through would have been heard before what the hub sends now.
	if err := errors.Join(n.hub.Send("TZ", "sum", []byte("of the hub")), n.hub.Broadcast("due", []byte("of the hub"))); err != nil {
		t.Fatal(err)
	}
	got := []string{<-heard, <-heard}
	if slices.Sort(got); !slices.Equal(got, []string{"due of the hub", "sum of the hub"}) {
		t.Errorf("heard %q", got)
	}
}

func expectRefusal(t *testing.T, conn *client.Conn, refusals chan error, what string) {
	t.Helper()
	if err := conn.Flush(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	select {
	case err := <-refusals:
		if !errors.Is(err, client.ErrPermissionViolation) {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("%s is not refused", what)
	}
}

func TestOversizeIsRefused(t *testing.T) {
	const most = 10_000
	n := listen(t, nats.HubConfig{MaxPayload: most}, "KE")
	m := n.dial(t, "KE")
	if err := n.hub.Handle("size", func(_ context.Context, _ string, data []byte) ([]byte, error) {
		length, err := strconv.Atoi(strings.TrimRight(string(data), " "))
		return make([]byte, length), err
	}); err != nil {
		t.Fatal(err)
	}
	pad := func(n, size int) []byte { return fmt.Appendf(nil, "%-*d", size, n) }
	if got, err := m.Request(t.Context(), "size", pad(most, most)); err != nil || len(got) != most {
		t.Errorf("largest message: %d bytes, %v", len(got), err)
	}
	if _, err := m.Request(t.Context(), "size", pad(1, most+1)); !errors.Is(err, nats.ErrTooLarge) {
		t.Errorf("request: %v", err)
	}
	if _, err := m.Request(t.Context(), "size", pad(most+1, 9)); !hasCode(err, nats.CodeTooLarge, "answer of 10001 bytes, at most 10000") {
		t.Errorf("answer: %v", err)
	}
	for name, err := range map[string]error{
		"send": n.hub.Send("KE", "x", pad(1, most+1)), "broadcast": n.hub.Broadcast("x", pad(1, most+1)),
	} {
		if !errors.Is(err, nats.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Client software without that check loses its connection.
	conn, _ := n.rogue(t, "KE")
	if err := conn.Publish("m.KE.size", make([]byte, 2*most)); err == nil {
		t.Error("the server announces no largest payload")
	}
}

func TestBusyMembersWait(t *testing.T) {
	n := listen(t, nats.HubConfig{}, "KE", "TZ")
	hold, entered := make(chan struct{}), make(chan struct{}, 100)
	if err := n.hub.Handle("slow", func(_ context.Context, from string, _ []byte) ([]byte, error) {
		if from == "KE" {
			entered <- struct{}{}
			<-hold
		}
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	m := n.dial(t, "KE")
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if _, err := m.Request(t.Context(), "slow", nil); err != nil {
				t.Error(err)
			}
		})
	}
	for range 16 {
		<-entered
	}
	if _, err := m.Request(t.Context(), "slow", nil); err == nil || !strings.Contains(err.Error(), "16 requests of KE are open") {
		t.Errorf("request 17: %v", err)
	}
	if _, err := n.dial(t, "TZ").Request(t.Context(), "slow", nil); err != nil {
		t.Errorf("another member waits for KE: %v", err)
	}
	close(hold)
	all.Wait()
}

func TestMembersReturnAfterARestart(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	n := listen(t, nats.HubConfig{Presence: func(name string, connected bool) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(name, connected))
	}}, "KE")
	handle := func() {
		if err := n.hub.Handle("echo", func(_ context.Context, _ string, data []byte) ([]byte, error) { return data, nil }); err != nil {
			t.Fatal(err)
		}
	}
	m, got := n.dial(t, "KE"), make(chan string, 10)
	if err := m.Handle("news", func(_ context.Context, data []byte) ([]byte, error) { got <- string(data); return nil, nil }); err != nil {
		t.Fatal(err)
	}
	pin := n.hub.Pin()
	for round := range 2 {
		n.hub.Close()
		if _, err := m.Request(timeout(t, 50*time.Millisecond), "echo", nil); !errors.Is(err, nats.ErrUnreachable) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("request without a hub: %v", err)
		}
		n.restart(t)
		handle()
		if n.hub.Pin() != pin {
			t.Fatalf("the pin changed from %s to %s", pin, n.hub.Pin())
		}
		wait(t, "the member to return", func() bool { return slices.Equal(n.hub.Connected(), []string{"KE"}) })
		wait(t, "an answer", func() bool { _, err := m.Request(timeout(t, time.Second), "echo", nil); return err == nil })
		if err := n.hub.Broadcast("news", fmt.Append(nil, round)); err != nil {
			t.Fatal(err)
		}
		if text := <-got; text != strconv.Itoa(round) {
			t.Errorf("news %q, want %d", text, round)
		}
	}
	m.Close()
	wait(t, "the end to be seen", func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) > 0 && seen[len(seen)-1] == "KEfalse" })
	if seen[0] != "KEtrue" {
		t.Errorf("presence %v", seen)
	}
}

// A member that cannot keep up loses messages, is told, and goes on with the newest.
func TestASlowMemberDropsAndGoesOn(t *testing.T) {
	n := listen(t, nats.HubConfig{}, "KE")
	var out lockedBuffer
	config := n.member("KE")
	config.Logger = slog.New(slog.NewTextHandler(&out, nil))
	m, err := nats.Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	hold, last := make(chan struct{}), make(chan struct{})
	var once sync.Once
	if err := m.Handle("news", func(_ context.Context, data []byte) ([]byte, error) {
		<-hold
		if string(data) == "last" {
			once.Do(func() { close(last) })
		}
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if err := n.hub.Broadcast("news", nil); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, "the log to tell", func() bool { return strings.Contains(out.String(), "slow consumer") })
	close(hold)
	wait(t, "a late message", func() bool {
		if err := n.hub.Broadcast("news", []byte("last")); err != nil {
			t.Fatal(err)
		}
		select {
		case <-last:
			return true
		default:
			return false
		}
	})
}

func timeout(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// A request that was under way when the hub vanished must not wait for its deadline.
func TestALostConnectionFailsRequests(t *testing.T) {
	n := listen(t, nats.HubConfig{}, "KE")
	entered := make(chan struct{})
	if err := n.hub.Handle("never", func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	m, failed := n.dial(t, "KE"), make(chan error)
	go func() { _, err := m.Request(t.Context(), "never", nil); failed <- err }()
	<-entered
	n.hub.Close()
	if err := <-failed; err == nil {
		t.Error("an answer from a closed hub")
	}
}

func TestThirtyMembersHearBroadcastsInOrder(t *testing.T) {
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("M%02d", i))
	}
	n := listen(t, nats.HubConfig{}, names...)
	const messages, size = 100, 80_000 // A step of a federated round.
	start := time.Now()
	heard := make([]atomic.Int32, len(names))
	var all, done sync.WaitGroup
	done.Add(len(names))
	for i, name := range names {
		all.Go(func() {
			m := n.dial(t, name)
			err := m.Handle("sum", func(_ context.Context, data []byte) ([]byte, error) {
				if want := heard[i].Add(1); string(data[:8]) != fmt.Sprintf("%08d", want) {
					t.Errorf("%s hears %s, want %d", name, data[:8], want)
				}
				if heard[i].Load() == messages {
					done.Done()
				}
				return nil, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := n.hub.Connected(); !slices.Equal(got, names) {
		t.Fatalf("connected: %v", got)
	}
	t.Logf("30 members connected and listening after %v", time.Since(start))
	start = time.Now()
	data := make([]byte, size)
	for i := range messages {
		// Sends and broadcasts share one order.
		copy(data, fmt.Sprintf("%08d", i+1))
		if i%10 == 9 {
			for _, name := range names {
				if err := n.hub.Send(name, "sum", data); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		if err := n.hub.Broadcast("sum", data); err != nil {
			t.Fatal(err)
		}
	}
	done.Wait()
	t.Logf("%d messages of %d bytes reached 30 members after %v", messages, size, time.Since(start))
}

func TestListenRefusesBadConfigs(t *testing.T) {
	a, err := nats.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := nats.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := listen(t, nats.HubConfig{})
	for name, config := range map[string]nats.HubConfig{
		"one NKey twice": {Members: []nats.MemberIdentity{{Name: "A", NKey: a.Public()}, {Name: "B", NKey: a.Public()}}},
		"one name twice": {Members: []nats.MemberIdentity{{Name: "A", NKey: a.Public()}, {Name: "A", NKey: b.Public()}}},
		"wildcard":       {Members: []nats.MemberIdentity{{Name: "*", NKey: a.Public()}}},
		"two tokens":     {Members: []nats.MemberIdentity{{Name: "A.B", NKey: a.Public()}}},
		"hub's name":     {Members: []nats.MemberIdentity{{Name: "_hub", NKey: a.Public()}}},
		"no NKey":        {Members: []nats.MemberIdentity{{Name: "A"}}},
		"payload":        {MaxPayload: 1 << 30},
		"no port":        {Address: "127.0.0.1"},
		"bad port":       {Address: "127.0.0.1:x"},
	} {
		config.Folder = t.TempDir()
		if h, err := nats.Listen(t.Context(), config); !errors.Is(err, nats.ErrConfig) {
			t.Errorf("%s: %v, %v; want ErrConfig", name, h, err)
		}
	}
	if _, err := nats.Listen(t.Context(), nats.HubConfig{Address: good.hub.Address(), Folder: t.TempDir()}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("two hubs on one port: %v", err)
	}
	if err := good.hub.Handle("a.b", nil); !errors.Is(err, nats.ErrConfig) {
		t.Errorf("kind of two tokens: %v", err)
	}
}

// Whatever passes through, no log shows it.
func TestLogsHoldNoData(t *testing.T) {
	var out lockedBuffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	n := listen(t, nats.HubConfig{Logger: logger}, "KE")
	echo := func(_ context.Context, _ string, data []byte) ([]byte, error) { return data, nil }
	if err := n.hub.Handle("echo", echo); err != nil {
		t.Fatal(err)
	}
	config := n.member("KE")
	config.Logger = logger
	m, err := nats.Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Handle("echo", func(_ context.Context, data []byte) ([]byte, error) { return data, nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Request(t.Context(), "echo", []byte("4711 patients")); err != nil {
		t.Fatal(err)
	}
	if _, err := n.hub.Request(t.Context(), "KE", "echo", []byte("4711 patients")); err != nil {
		t.Fatal(err)
	}
	m.Close()
	n.hub.Close()
	if text := out.String(); strings.Contains(text, "4711") || !strings.Contains(text, "nats server") {
		t.Errorf("log:\n%s", text)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func TestSecretFiles(t *testing.T) {
	identity, err := nats.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "transport.nkey")
	if err := nats.SaveIdentity(path, identity); err != nil {
		t.Fatal(err)
	}
	loaded, err := nats.LoadIdentity(path)
	if err != nil || loaded.Public() != identity.Public() {
		t.Fatalf("%s loads as %s, %v", identity, loaded, err)
	}
	seed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s %x", identity, &identity, struct{ i nats.Identity }{identity}, []any{identity}, identity); strings.Contains(shown, string(seed[:20])) {
		t.Errorf("the seed is printed: %s", shown)
	}
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	other, err := account.Seed()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"empty": "\n", "account": string(other) + "\n", "public": identity.Public() + "\n", "cut": string(seed[:30]) + "\n"} {
		path := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := nats.LoadIdentity(path); !errors.Is(err, party.ErrKeyFile) || strings.Contains(err.Error(), strings.TrimSpace(text)) && len(text) > 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "tls.key"), []byte("AAAA\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := nats.Listen(t.Context(), nats.HubConfig{Folder: folder}); !errors.Is(err, party.ErrKeyFile) {
		t.Errorf("bad TLS key: %v", err)
	}
}

// All members of a round upload their largest vector at the same time.
func BenchmarkUpload(b *testing.B) {
	const members, size = 30, nats.DefaultMaxPayload
	var names []string
	for i := range members {
		names = append(names, fmt.Sprintf("M%02d", i))
	}
	n := listen(b, nats.HubConfig{}, names...)
	if err := n.hub.Handle("upload", func(_ context.Context, _ string, data []byte) ([]byte, error) { return fmt.Append(nil, len(data)), nil }); err != nil {
		b.Fatal(err)
	}
	var dialled []*nats.Member
	for _, name := range names {
		dialled = append(dialled, n.dial(b, name))
	}
	data := make([]byte, size)
	b.SetBytes(members * size)
	for b.Loop() {
		var all sync.WaitGroup
		for _, m := range dialled {
			all.Go(func() {
				if got, err := m.Request(b.Context(), "upload", data); err != nil || string(got) != strconv.Itoa(size) {
					b.Errorf("answer %q, %v", got, err)
				}
			})
		}
		all.Wait()
	}
}
