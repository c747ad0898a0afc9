package nats

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// dialer opens a member's connection, through a proxy where there is one. It implements
// the library's CustomDialer.
type dialer struct {
	within time.Duration // For one attempt, TLS not included.
	proxy  *url.URL

	mu   sync.Mutex
	last error // Why the proxy did not let the last attempt through.
}

// refused returns what the proxy said to the last attempt, nil if it let it through.
func (d *dialer) refused() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

func (d *dialer) note(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = err
}

// Dial returns a connection that ends when the line is dead and not when it is slow.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d.within)
	defer cancel()
	return d.dial(ctx, network, address)
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if d.proxy == nil {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &patient{Conn: conn}, nil
	}
	conn, err := d.tunnel(ctx, network, address)
	d.note(err)
	if err != nil {
		return nil, err
	}
	return &patient{Conn: conn}, nil
}

// tunnel reaches an address through the proxy.
func (d *dialer) tunnel(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.reach(ctx, network)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrProxy, d.proxy.Redacted(), err)
	}
	if err := d.connect(ctx, conn, address); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: %s to %s: %w", ErrProxy, d.proxy.Redacted(), address, err)
	}
	return conn, nil
}

// reach connects to the proxy itself.
func (d *dialer) reach(ctx context.Context, network string) (net.Conn, error) {
	port := d.proxy.Port()
	if port == "" {
		port = map[bool]string{true: "443", false: "80"}[d.proxy.Scheme == "https"]
	}
	at := net.JoinHostPort(d.proxy.Hostname(), port)
	if d.proxy.Scheme == "https" {
		// This is the proxy's own certificate, which the machine's owners vouch for; the
		// hub's key is pinned inside.
		return (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(ctx, network, at)
	}
	return new(net.Dialer).DialContext(ctx, network, at)
}

// connect asks the proxy for a tunnel (RFC 9110, section 9.3.6).
func (d *dialer) connect(ctx context.Context, conn net.Conn, address string) error {
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if user := d.proxy.User; user != nil {
		password, _ := user.Password()
		token := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		request.Header.Set("Proxy-Authorization", "Basic "+token)
	}
	if err := request.Write(conn); err != nil {
		return err
	}
	// The buffer may be dropped: the hub speaks after the member's TLS greeting, so nothing
	// of the tunnel follows the answer.
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, maxProxyAnswer), request)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", clip(answer.Status, maxText))
	}
	return conn.SetDeadline(time.Time{})
}

// maxProxyAnswer is the buffer for a proxy's answer, in bytes.
const maxProxyAnswer = 4096

// ProxyURL reads the address of a proxy. An empty text is none.
func ProxyURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // See above.
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		// The text may hold a password, so it is not quoted.
		return nil, fmt.Errorf("%w: address of the proxy; write http://HOST:PORT or https://HOST:PORT", ErrConfig)
	}
	return u, nil
}

// patient is a connection whose reads end with an error when nothing at all came for as
// long as silence. The library's own pings cannot tell a dead line from one that carries
// a large message slowly.
type patient struct {
	net.Conn

	mu    sync.Mutex
	fixed bool // Somebody set a deadline, which holds instead.
}

// Read waits for the next bytes, at most as long as silence.
func (p *patient) Read(b []byte) (int, error) {
	p.mu.Lock()
	if !p.fixed {
		_ = p.Conn.SetReadDeadline(time.Now().Add(silence)) // If it fails, so does reading.
	}
	p.mu.Unlock()
	return p.Conn.Read(b)
}

// SetReadDeadline fixes the deadline; the zero time lets it count from the last bytes
// again.
func (p *patient) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fixed = !t.IsZero()
	return p.Conn.SetReadDeadline(t)
}

// SetDeadline is SetReadDeadline for both directions.
func (p *patient) SetDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fixed = !t.IsZero()
	return p.Conn.SetDeadline(t)
}
