package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"comity/canon"

	"github.com/nats-io/nats.go"
)

// MemberConfig says which hub a member dials, and as whom.
type MemberConfig struct {
	Address  string // HOST:PORT of the hub, or wss://HOST:PORT of its websocket.
	Pin      string // "sha256:..." of the hub's TLS key, from the invitation.
	Name     string // As the hub lists it.
	Identity Identity
	// Proxy is asked to CONNECT to the hub (RFC 9110, section 9.3.6): http://HOST:PORT or
	// https://HOST:PORT, with USER:PASSWORD@ where it wants them. Nil: none.
	Proxy *url.URL
	// MaxPayload is the largest message in bytes; default DefaultMaxPayload.
	MaxPayload int
	// Logger hears of lost and regained connections and of dropped messages; default none.
	Logger *slog.Logger
}

// MemberHandler answers a request of the hub. For broadcasts and sends, nobody waits for
// what it returns; an error is logged.
type MemberHandler func(ctx context.Context, data []byte) ([]byte, error)

const (
	// maxWaiting bounds the messages of one kind that wait for a member's handler. More
	// are dropped and logged: a member that is so far behind asks for the newest state.
	maxWaiting = 256
	// Pauses between attempts to reconnect double from the first to the last.
	firstPause, lastPause = 50 * time.Millisecond, 5 * time.Second
)

// Member is the end that dials. It reconnects for ever.
type Member struct {
	conn    *nats.Conn
	name    string
	payload int
	logger  *slog.Logger

	ctx  context.Context // Ends with Close; handlers get it.
	stop context.CancelFunc
	work sync.WaitGroup

	life  lifeline
	mu    sync.Mutex
	up    chan struct{} // Closed while the connection stands.
	turns int           // How many connections there were.
	kinds map[string]bool
}

// Dial connects and returns an error if the first attempt fails: ErrPin for a hub with
// another key, ErrRefused for an identity that the hub does not list, ErrUnreachable if
// nobody answers.
func Dial(ctx context.Context, cfg MemberConfig) (*Member, error) {
	m := &Member{name: cfg.Name, logger: cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)), up: make(chan struct{}), kinds: map[string]bool{}}
	pin, err := canon.ParseDigest(cfg.Pin)
	if err != nil {
		return nil, fmt.Errorf("%w: pin: %w", ErrConfig, err)
	}
	if m.payload, err = payloadOf(cfg.MaxPayload); err != nil {
		return nil, err
	}
	if err := checkToken("member name", cfg.Name); err != nil {
		return nil, err
	}
	if cfg.Identity.sign == nil {
		return nil, fmt.Errorf("%w: member %s has no identity", ErrConfig, cfg.Name)
	}
	close(m.up)
	m.ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	door := &dialer{within: timeoutOf(ctx), proxy: cfg.Proxy}
	m.conn, err = nats.Connect(m.options(ctx, cfg, pin, door))
	if err != nil {
		m.stop()
		err = whyNot(err, door, cfg.Identity)
		return nil, fmt.Errorf("member %s dials %s: %w", cfg.Name, cfg.Address, err)
	}
	m.logger.DebugContext(ctx, "connected to hub", slog.String("member", m.name))
	return m, nil
}

// whyNot names why a hub was not reached.
func whyNot(err error, door *dialer, who Identity) error {
	_, broken := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return fmt.Errorf("%w: the hub does not list %s", ErrRefused, who)
	case door.refused() != nil: // The library keeps no error of a dialer.
		return door.refused()
	case errors.Is(err, ErrPin):
		return err
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout): // The library's words for a refused connection.
		return fmt.Errorf("%w: nobody answers; is the hub running, and is the address right?", ErrUnreachable)
	case broken, errors.Is(err, nats.ErrTLS), errors.Is(err, io.EOF): // It hung up, perhaps before it said why.
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// options returns the hub's URL and how the connection to it behaves.
func (m *Member) options(ctx context.Context, cfg MemberConfig, pin canon.Digest, door *dialer) (address string, set nats.Option) {
	address, web := strings.CutPrefix(cfg.Address, webScheme)
	all := []nats.Option{
		nats.Name(cfg.Name), nats.Nkey(cfg.Identity.Public(), cfg.Identity.sign), nats.CustomInboxPrefix(inboxOf(cfg.Name)),
		nats.Secure(memberTLS(pin)), nats.Timeout(timeoutOf(ctx)), nats.IgnoreDiscoveredServers(), nats.SetCustomDialer(door),
		nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.CustomReconnectDelay(pauseBefore),
		nats.ReconnectBufSize(-1), // A lost connection fails requests; nothing waits in secret.
		nats.PingInterval(memberPings), nats.MaxPingsOutstanding(patientPings),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { m.lost(err) }),
		nats.ReconnectHandler(func(*nats.Conn) { m.regained() }),
		nats.ErrorHandler(m.report),
	}
	if cfg.Proxy != nil {
		all = append(all, nats.SkipHostLookup()) // The proxy knows names that this network may not.
	}
	if web {
		address = webScheme + address
	} else {
		address = "tls://" + address
		all = append(all, nats.TLSHandshakeFirst())
	}
	return address, func(o *nats.Options) error {
		for _, option := range all {
			if err := option(o); err != nil {
				return err
			}
		}
		return nil
	}
}

func timeoutOf(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(min(time.Until(deadline), dialTimeout), time.Millisecond)
	}
	return dialTimeout
}

// pauseBefore doubles the pause and spreads members over its second half, so that they
// do not all return in the same instant.
func pauseBefore(attempts int) time.Duration {
	pause := min(firstPause<<min(max(attempts-1, 0), 10), lastPause)
	return pause/2 + rand.N(pause/2) //nolint:gosec // No secret and no public lot.
}

func (m *Member) lost(err error) {
	m.life.cut()
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.up:
		m.up = make(chan struct{})
	default: // It was down already; those who wait keep their channel.
	}
	if m.ctx.Err() == nil {
		m.logger.Warn("connection to hub lost", slog.String("member", m.name), slog.Any("error", err))
	}
}

func (m *Member) regained() {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.up:
	default:
		close(m.up)
	}
	m.turns++
	m.logger.Info("connection to hub regained", slog.String("member", m.name))
}

// Turns returns how often the connection came back. While the number stays, everything
// that was sent has arrived or is on its way.
func (m *Member) Turns() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.turns
}

// report hears of what the library cannot return, dropped messages above all.
func (m *Member) report(_ *nats.Conn, sub *nats.Subscription, err error) {
	subject := ""
	if sub != nil {
		subject = sub.Subject
	}
	m.logger.Error("member connection", slog.String("member", m.name), slog.String("subject", subject), slog.Any("error", err))
}

// Request asks the hub and returns its answer or a *RemoteError of its handler. While
// the connection is down it waits for the next one; if the connection is lost during
// the wait for an answer it returns ErrUnreachable, and whether the hub acted is not
// known. Without a deadline in ctx it gives up after five minutes, and what the slowest
// line needs for data.
func (m *Member) Request(ctx context.Context, kind string, data []byte) ([]byte, error) {
	if err := errors.Join(checkToken("kind", kind), checkSize("request "+kind, data, m.payload)); err != nil {
		return nil, err
	}
	// Whoever is at the other end is at work or its connection ends: see silence.
	ctx, cancel := withPatience(ctx, answerWithin+Carries(len(data)))
	defer cancel()
	answer, err := m.ask(ctx, kind, data)
	if err != nil {
		return nil, fmt.Errorf("ask hub for %s: %w", kind, err)
	}
	return answer, nil
}

func (m *Member) ask(ctx context.Context, kind string, data []byte) ([]byte, error) {
	m.mu.Lock()
	up := m.up
	m.mu.Unlock()
	select {
	case <-up:
	case <-m.ctx.Done():
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: no connection to the hub: %w", ErrUnreachable, context.Cause(ctx))
	}
	if m.ctx.Err() != nil {
		return nil, ErrClosed
	}
	if len(data) > PieceBytes {
		return m.life.large(ctx, m.conn, m.name, kind, data)
	}
	return m.life.request(ctx, m.conn, "m."+m.name+"."+kind, data)
}

// Handle takes the hub's requests, sends and broadcasts of one kind, one after the
// other in the order in which the hub sent them. Kinds do not wait for one another.
func (m *Member) Handle(kind string, handle MemberHandler) error {
	if err := checkToken("kind", kind); err != nil {
		return err
	}
	m.mu.Lock()
	twice := m.kinds[kind]
	m.kinds[kind] = true
	m.mu.Unlock()
	if twice {
		return fmt.Errorf("%w: kind %s is handled twice", ErrConfig, kind)
	}
	// One channel for both subjects keeps sends and broadcasts in one order.
	waiting := make(chan *nats.Msg, maxWaiting)
	for _, subject := range []string{"h." + m.name + "." + kind, "b." + kind} {
		if _, err := m.conn.ChanSubscribe(subject, waiting); err != nil {
			return fmt.Errorf("handle %s: %w", kind, translate(err))
		}
	}
	m.work.Go(func() {
		for {
			select {
			case <-m.ctx.Done():
				return
			case msg := <-waiting:
				m.serve(kind, msg, handle)
			}
		}
	})
	if err := m.conn.FlushTimeout(dialTimeout); err != nil {
		return fmt.Errorf("handle %s: %w", kind, translate(err))
	}
	return nil
}

func (m *Member) serve(kind string, msg *nats.Msg, handle MemberHandler) {
	body, err := handle(m.ctx, msg.Data)
	if err != nil {
		m.logger.Warn("message not handled", slog.String("member", m.name), slog.String("kind", kind), slog.Any("error", err))
	}
	if msg.Reply == "" {
		return
	}
	if err := msg.Respond(encodeAnswer(body, err, m.payload)); err != nil {
		m.logger.Warn("answer not sent", slog.String("member", m.name), slog.String("kind", kind), slog.Any("error", err))
	}
}

// Close ends the connection, tells handlers to stop and waits for them.
func (m *Member) Close() {
	m.stop()
	m.conn.Close()
	m.work.Wait()
}
