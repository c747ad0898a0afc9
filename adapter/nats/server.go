package nats

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Accounts of the server: members and hub meet in one, the server's own events are in
// the other. Users need an account by name, or their connections are not reported.
const (
	bodyAccount   = "BODY"
	systemAccount = "SYS"
)

// maxStrangers bounds connections that have not yet said who they are, so that idle
// sockets of somebody else do not keep members out; each lasts dialTimeout at most.
const maxStrangers = 1000

// start runs the server with the walls that the package comment describes.
func (h *Hub) start(ctx context.Context, cfg HubConfig, own, watcher Identity) error {
	host, port, err := h.probe(ctx, cfg.Address)
	if err != nil {
		return err
	}
	tlsConfig, pin, err := hubTLS(cfg.Folder)
	if err != nil {
		return err
	}
	h.pin = pin.String()
	body, system := server.NewAccount(bodyAccount), server.NewAccount(systemAccount)
	users := []*server.NkeyUser{{Nkey: own.Public(), Account: body}, {Nkey: watcher.Public(), Account: system}}
	for _, m := range cfg.Members {
		users = append(users, &server.NkeyUser{Nkey: m.NKey, Account: body, Permissions: permissionsOf(m.Name)})
	}
	options := &server.Options{
		ServerName: "comity-hub", Host: host, Port: port,
		Nkeys: users, Accounts: []*server.Account{body, system}, SystemAccount: systemAccount,
		TLSConfig: tlsConfig, TLSHandshakeFirst: true, TLSTimeout: dialTimeout.Seconds(), AuthTimeout: dialTimeout.Seconds(),
		MaxPayload: int32(h.payload + envelope), MaxPending: int64(h.pending()), //nolint:gosec // Bounded by payloadOf.
		MaxConn: maxConnections*len(cfg.Members) + maxStrangers, MaxSubs: 100, MaxControlLine: 1024,
		PingInterval: pingEvery, MaxPingsOut: 2,
		// A slow line is no reason to hang up as long as it moves.
		WriteDeadline: stuck, WriteTimeout: server.WriteTimeoutPolicyRetry,
		NoSigs: true, NoLog: true,
	}
	if err := h.openWeb(ctx, cfg.Web, tlsConfig, options); err != nil {
		return err
	}
	if h.server, err = server.NewServer(options); err != nil {
		return err
	}
	log := &serverLog{logger: h.logger}
	h.server.SetLogger(log, false, false)
	h.server.Start()
	if !h.server.ReadyForConnections(dialTimeout) {
		h.server.Shutdown()
		return errors.New("the server does not accept connections; its log is at debug level")
	}
	return nil
}

// openWeb adds the websocket's door to the options of the server. Walls and keys are those
// of the other door.
func (h *Hub) openWeb(ctx context.Context, address string, tlsConfig *tls.Config, options *server.Options) error {
	if address == "" {
		return nil
	}
	host, port, err := h.probe(ctx, address)
	if err != nil {
		return err
	}
	if port == server.RANDOM_PORT { // The server would not say which one it took.
		return fmt.Errorf("%w: websocket at %s; give its port", ErrConfig, address)
	}
	options.Websocket = server.WebsocketOpts{
		Host: host, Port: port, TLSConfig: tlsConfig.Clone(), HandshakeTimeout: dialTimeout, AuthTimeout: dialTimeout.Seconds(),
	}
	h.web = net.JoinHostPort(host, strconv.Itoa(port))
	return nil
}

// probe binds the address once, since the server does not return why it could not.
func (h *Hub) probe(ctx context.Context, address string) (host string, port int, err error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if port, err = strconv.Atoi(text); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%w: port %q; use 0 to 65535", ErrConfig, text)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return "", 0, err
	}
	if err := l.Close(); err != nil {
		return "", 0, err
	}
	if port == 0 {
		port = server.RANDOM_PORT // The server's zero means 4222.
	}
	return host, port, nil
}

// pending is what may wait for one connection. The hub's own gets a message of every
// member at the same time.
func (h *Hub) pending() int { return minPending + (len(h.members)+1)*(h.payload+envelope) }

// permissionsOf are the walls around one member. An answer goes to the place that a
// request of the hub names, once and within answerWithin.
func permissionsOf(name string) *server.Permissions {
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{"m." + name + ".>"}},
		Subscribe: &server.SubjectPermission{Allow: []string{"h." + name + ".>", "b.>", inboxOf(name) + ".>"}},
		Response:  &server.ResponsePermission{MaxMsgs: 1, Expires: answerWithin},
	}
}

// inboxOf is where answers to name arrive.
func inboxOf(name string) string { return "i." + name }

// dial connects to the server inside this process. Should the server ever drop that
// connection, it comes back; requests that were on it are lost and time out.
func (h *Hub) dial(identity Identity) (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(h.server), nats.Nkey(identity.Public(), identity.sign),
		nats.Name(hubName), nats.CustomInboxPrefix(inboxOf(hubName)), nats.Timeout(dialTimeout),
		nats.MaxReconnects(-1), nats.ReconnectWait(firstPause), nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if h.ctx.Err() == nil {
				h.logger.Error("hub lost its own connection", slog.Any("error", err))
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			h.logger.Error("hub connection", slog.Any("error", err))
		}))
}

// watch learns from the server's own events whose connections open and end.
func (h *Hub) watch(identity Identity, presence func(string, bool)) error {
	conn, err := h.dial(identity)
	if err != nil {
		return err
	}
	context.AfterFunc(h.ctx, conn.Close)
	// Members may have come while the server was up and nobody listened to its events.
	// The lock puts them before the first event.
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	// One subscription for both events keeps them in order.
	_, err = conn.Subscribe("$SYS.ACCOUNT.*.*", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if connected := strings.HasSuffix(m.Subject, ".CONNECT"); connected || strings.HasSuffix(m.Subject, ".DISCONNECT") {
			h.present(m, connected, presence)
		}
	})
	if err != nil {
		return err
	}
	if err := conn.FlushTimeout(dialTimeout); err != nil {
		return err
	}
	for _, name := range h.Connected() {
		presence(name, true)
	}
	return nil
}

func (h *Hub) present(m *nats.Msg, connected bool, presence func(string, bool)) {
	var event server.ConnectEventMsg // A disconnection has the same fields and more.
	if err := json.Unmarshal(m.Data, &event); err != nil {
		h.logger.Warn("server event not read", slog.String("subject", m.Subject), slog.Any("error", err))
		return
	}
	if name, ok := h.byNKey[event.Client.User]; ok {
		if !connected {
			h.members[name].life.cut()
			connected = slices.Contains(h.Connected(), name) // By another connection.
		}
		presence(name, connected)
	}
}

// serverLog gives the server's log to ours. The server writes no payloads, since its
// trace is off.
type serverLog struct{ logger *slog.Logger }

func (l *serverLog) write(level, format string, v []any) {
	l.logger.Debug("nats server", slog.String("level", level), slog.String("text", fmt.Sprintf(format, v...)))
}

func (l *serverLog) Noticef(format string, v ...any) { l.write("notice", format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.write("warn", format, v) }
func (l *serverLog) Fatalf(format string, v ...any)  { l.write("fatal", format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.write("error", format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.write("debug", format, v) }
func (l *serverLog) Tracef(string, ...any)           {}
