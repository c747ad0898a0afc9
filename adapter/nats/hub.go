package nats

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// HubConfig says where a hub listens and whom it knows.
type HubConfig struct {
	// Address is HOST:PORT; default 127.0.0.1:0. Port 0 picks a free one.
	Address string
	// Web is HOST:PORT of a second door: the same server behind a websocket over the same
	// TLS key, for members whose network lets only HTTPS out. Empty: none.
	Web string
	// Folder keeps the TLS key; it is made if missing.
	Folder string
	// Members may connect, at most 1,000. Names and NKeys are unique.
	Members []MemberIdentity
	// MaxPayload is the largest message in bytes; default DefaultMaxPayload.
	MaxPayload int
	// Presence, if set, is told when a connection of a member opens or ends, and of those
	// that are there before Listen returns; an opening may be told twice. It must not block.
	Presence func(name string, connected bool)
	// Moved, if set, is told when a piece of a member's large request arrives. It must not
	// block.
	Moved func(name string)
	// Logger gets the server's own log at debug level; default none.
	Logger *slog.Logger
}

// MemberIdentity is one member that may connect.
type MemberIdentity struct {
	Name string // One token of a subject: letters, digits, hyphens, underscores.
	NKey string // Public user NKey, "U...".
}

// HubHandler answers a member. The name in from is that of the connection.
type HubHandler func(ctx context.Context, from string, data []byte) ([]byte, error)

const (
	maxMembers = 1000
	// maxOpen bounds the requests of one member that are handled at the same time.
	maxOpen = 16
	// answerWithin is how long a member may take to answer a request of the hub.
	answerWithin = 5 * time.Minute
	// minPending is nats-server's own default for what may wait for one connection.
	minPending = 64 << 20
	// maxConnections of one member: the one it uses, one that died unnoticed, one more.
	maxConnections = 3
)

// Hub is the end to which members connect.
type Hub struct {
	server  *server.Server
	conn    *nats.Conn
	members map[string]*peer
	byNKey  map[string]string
	pin     string
	web     string // HOST:PORT of the websocket.
	payload int
	logger  *slog.Logger
	moved   func(name string)

	ctx  context.Context // Ends with Close; handlers get it.
	stop context.CancelFunc
	// open counts running handlers. The lock orders its Add before Close's Wait.
	mu     sync.Mutex
	closed bool
	open   sync.WaitGroup
	kinds  map[string]HubHandler
}

// peer is what the hub keeps of one member.
type peer struct {
	slots chan struct{} // For requests that are being handled.
	life  lifeline      // Ends with each of its connections.
	parts transfers     // Owned by the subscription to pieces.
}

// Listen starts the server and returns when members can connect. It lives until Close.
func Listen(ctx context.Context, cfg HubConfig) (*Hub, error) {
	h := &Hub{
		members: map[string]*peer{}, byNKey: map[string]string{}, kinds: map[string]HubHandler{}, moved: cfg.Moved,
		logger: cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)),
	}
	var err error
	if h.payload, err = payloadOf(cfg.MaxPayload); err != nil {
		return nil, err
	}
	if cfg.Presence == nil {
		cfg.Presence = func(string, bool) {}
	}
	if h.moved == nil {
		h.moved = func(string) {}
	}
	if err := h.admit(cfg.Members); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("transport folder: %w", err)
	}
	// The hub's own two connections stay inside the process, so their keys may too.
	own, err := NewIdentity(rand.Reader)
	if err != nil {
		return nil, err
	}
	watcher, err := NewIdentity(rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := h.start(ctx, cfg, own, watcher); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Address, err)
	}
	h.ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	if h.conn, err = h.dial(own); err == nil {
		err = h.gather()
	}
	if err == nil {
		err = h.watch(watcher, cfg.Presence)
	}
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("connect hub to its own server: %w", err)
	}
	return h, nil
}

// admit checks the list of members.
func (h *Hub) admit(members []MemberIdentity) error {
	if len(members) > maxMembers {
		return fmt.Errorf("%w: %d members, at most %d; let some members be hubs of others", ErrConfig, len(members), maxMembers)
	}
	for _, m := range members {
		if err := checkToken("member name", m.Name); err != nil {
			return err
		}
		if !nkeys.IsValidPublicUserKey(m.NKey) {
			return fmt.Errorf("%w: NKey %.80q of member %s is not a public user NKey (U...)", ErrConfig, m.NKey, m.Name)
		}
		if other, twice := h.byNKey[m.NKey]; twice {
			return fmt.Errorf("%w: members %s and %s have one NKey", ErrConfig, other, m.Name)
		}
		if h.members[m.Name] != nil {
			return fmt.Errorf("%w: two members are called %s", ErrConfig, m.Name)
		}
		h.byNKey[m.NKey], h.members[m.Name] = m.Name, &peer{slots: make(chan struct{}, maxOpen)}
	}
	return nil
}

// Address returns HOST:PORT as it is bound.
func (h *Hub) Address() string { return h.server.Addr().String() }

// Web returns HOST:PORT of the websocket as it is bound, empty if there is none.
func (h *Hub) Web() string { return h.web }

// Pin returns the digest of the hub's public TLS key (SubjectPublicKeyInfo, RFC 5280),
// as "sha256:..." for the members' invitations.
func (h *Hub) Pin() string { return h.pin }

// Handle answers the members' requests of one kind. Requests are handled side by side,
// up to 16 of each member; a member that needs an order waits for each answer.
func (h *Hub) Handle(kind string, handle HubHandler) error {
	if err := checkToken("kind", kind); err != nil {
		return err
	}
	h.mu.Lock()
	twice := h.kinds[kind] != nil
	h.kinds[kind] = handle
	h.mu.Unlock()
	if twice {
		return fmt.Errorf("%w: kind %s is handled twice", ErrConfig, kind)
	}
	if err := h.subscribe(kind, func(m *nats.Msg) { h.receive(m, handle) }); err != nil {
		return fmt.Errorf("handle %s: %w", kind, err)
	}
	return nil
}

// gather puts the pieces of large requests together.
func (h *Hub) gather() error {
	return h.subscribe(kindPiece, func(m *nats.Msg) {
		name, from := h.sender(m)
		if from == nil {
			return
		}
		h.moved(name)
		kind, whole, err := from.parts.add(m.Data, h.payload)
		h.mu.Lock()
		handle := h.kinds[kind]
		h.mu.Unlock()
		switch {
		case err != nil:
			h.respond(m, nil, err)
		case handle == nil:
			h.respond(m, nil, &RemoteError{codeNobody, "nobody handles " + kind})
		case whole == nil:
			h.respond(m, nil, nil)
		default:
			m.Data = whole
			h.receive(m, handle)
		}
	})
}

// subscribe hears one kind of all members.
func (h *Hub) subscribe(kind string, hear func(*nats.Msg)) error {
	sub, err := h.conn.Subscribe("m.*."+kind, hear)
	if err != nil {
		return err
	}
	// Requests wait here only until a goroutine takes or refuses them; every member
	// may have all its slots full and as many more on the way.
	if err := sub.SetPendingLimits(2*maxOpen*maxMembers, 2*h.pending()); err != nil {
		return err
	}
	return h.flush()
}

// flush returns when the server knows of a subscription.
func (h *Hub) flush() error { return h.conn.FlushTimeout(dialTimeout) }

// receive starts the handler of one request, or refuses it.
func (h *Hub) receive(m *nats.Msg, handle HubHandler) {
	name, from := h.sender(m)
	if from == nil {
		return
	}
	select {
	case from.slots <- struct{}{}:
	default:
		h.respond(m, nil, &RemoteError{CodeBusy, fmt.Sprintf("%d requests of %s are open; wait for their answers", maxOpen, name)})
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		<-from.slots
		return
	}
	h.open.Go(func() {
		defer func() { <-from.slots }()
		body, err := handle(h.ctx, name, m.Data)
		h.respond(m, body, err)
	})
}

// sender returns who sent a request, nil if there is no place for its answer. The member
// chose that place: without this check it could have the hub speak to others in its stead.
func (h *Hub) sender(m *nats.Msg) (name string, from *peer) {
	name, _, _ = strings.Cut(strings.TrimPrefix(m.Subject, "m."), ".")
	if from = h.members[name]; from == nil || !strings.HasPrefix(m.Reply, inboxOf(name)+".") {
		h.logger.Warn("request without a place for its answer", slog.String("subject", m.Subject))
		return name, nil
	}
	return name, from
}

func (h *Hub) respond(m *nats.Msg, body []byte, err error) {
	if err := m.Respond(encodeAnswer(body, err, h.payload)); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		h.logger.Warn("answer not sent", slog.String("subject", m.Subject), slog.Any("error", err))
	}
}

// Request asks one member and returns its answer, a *RemoteError of its handler, or
// ErrUnreachable if it is away. Without a deadline in ctx it waits a minute.
func (h *Hub) Request(ctx context.Context, to, kind string, data []byte) ([]byte, error) {
	subject, err := h.subject(to, kind, data)
	if err != nil {
		return nil, err
	}
	answer, err := h.members[to].life.request(ctx, h.conn, subject, data)
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", to, kind, err)
	}
	return answer, nil
}

// Send tells one member; it does not wait and does not know whether the member is there.
// Messages of one kind, broadcasts included, arrive in the order of sending.
func (h *Hub) Send(to, kind string, data []byte) error {
	subject, err := h.subject(to, kind, data)
	if err != nil {
		return err
	}
	return h.publish(subject, data)
}

// Broadcast tells every member that is connected.
func (h *Hub) Broadcast(kind string, data []byte) error {
	if err := errors.Join(checkToken("kind", kind), checkSize("broadcast "+kind, data, h.payload)); err != nil {
		return err
	}
	return h.publish("b."+kind, data)
}

func (h *Hub) subject(to, kind string, data []byte) (string, error) {
	if h.members[to] == nil {
		return "", fmt.Errorf("%w: no member %.80q", ErrConfig, to)
	}
	if err := errors.Join(checkToken("kind", kind), checkSize("message "+kind+" to "+to, data, h.payload)); err != nil {
		return "", err
	}
	return "h." + to + "." + kind, nil
}

func (h *Hub) publish(subject string, data []byte) error {
	if err := h.conn.Publish(subject, data); err != nil {
		return fmt.Errorf("publish %s: %w", subject, translate(err))
	}
	return nil
}

// Connected returns the names of the members that are connected now, ascending.
func (h *Hub) Connected() []string {
	state, err := h.server.Connz(&server.ConnzOptions{Username: true, Limit: maxConnections * (maxMembers + 2)})
	if err != nil { // Only for options that contradict one another.
		h.logger.Warn("connections not listed", slog.Any("error", err))
		return nil
	}
	names := map[string]bool{}
	for _, c := range state.Conns {
		if name, ok := h.byNKey[c.AuthorizedUser]; ok {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Close tells handlers to stop, waits for them, and ends all connections.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop()
	h.open.Wait()
	if h.conn != nil {
		_ = h.flush() // The last answers; a server that is gone needs none.
		h.conn.Close()
	}
	h.server.Shutdown()
	h.server.WaitForShutdown()
}
