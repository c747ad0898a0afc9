package nats_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"comity/adapter/nats"
)

// proxy is a network's only way out: it tunnels to one address and refuses all else.
type proxy struct {
	listener net.Listener
	allowed  string
	header   string // Proxy-Authorization that it wants; empty: none.

	mu      sync.Mutex
	tunnels []net.Conn
}

func newProxy(t *testing.T, allowed, header string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, allowed: allowed, header: header}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		serving.Wait()
	})
	return p
}

// cut ends all tunnels.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.tunnels {
		_ = c.Close()
	}
	p.tunnels = nil
}

func (p *proxy) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.tunnels) / 2
}

func (p *proxy) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	status := ""
	switch {
	case request.Method != http.MethodConnect:
		status = "405 Method Not Allowed"
	case request.Host != p.allowed:
		status = "403 Forbidden"
	case request.Header.Get("Proxy-Authorization") != p.header:
		status = "407 Proxy Authentication Required"
	}
	if status != "" {
		_, _ = io.WriteString(conn, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
		return
	}
	out, err := net.Dial("tcp", p.allowed)
	if err != nil {
		return
	}
	defer out.Close()
	p.mu.Lock()
	p.tunnels = append(p.tunnels, conn, out)
	p.mu.Unlock()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection Established\r\n\r\n")
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
	both.Go(func() { _, _ = io.Copy(conn, out); _ = conn.Close() })
	both.Wait()
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func proxyURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := nats.ProxyURL(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestAWebsocketThroughAProxyIsAConnectionLikeAnyOther crosses a network whose only way
// out is a proxy that tunnels to the websocket's address and refuses everything else.
func TestAWebsocketThroughAProxyIsAConnectionLikeAnyOther(t *testing.T) {
	n := listen(t, nats.HubConfig{Web: freeAddress(t)}, "KE", "TZ")
	if err := n.hub.Handle("size", func(_ context.Context, from string, data []byte) ([]byte, error) {
		return append([]byte(from), data...), nil
	}); err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, n.hub.Web(), "Basic a2U6c2VjcmV0") // ke:secret
	config := n.member("KE")
	config.Address = "wss://" + n.hub.Web()
	config.Proxy = proxyURL(t, "http://ke:secret@"+p.listener.Addr().String())
	m, err := nats.Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	large := make([]byte, nats.DefaultMaxPayload-2)
	if got, err := m.Request(t.Context(), "size", large); err != nil || len(got) != nats.DefaultMaxPayload || string(got[:2]) != "KE" {
		t.Errorf("a large message through the proxy: %d bytes, %v", len(got), err)
	}
	if err := m.Handle("witness", func(_ context.Context, data []byte) ([]byte, error) { return data, nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := n.hub.Request(t.Context(), "KE", "witness", []byte("7")); err != nil || string(got) != "7" {
		t.Errorf("a request of the hub: %q, %v", got, err)
	}
	if tunnels := p.open(); tunnels != 1 {
		t.Errorf("%d tunnels, want 1", tunnels)
	}
	p.cut() // The member comes back by the same way.
	wait(t, "another tunnel", func() bool { return p.open() == 1 })
	if _, err := m.Request(t.Context(), "size", nil); err != nil {
		t.Errorf("after the tunnel was cut: %v", err)
	}
	if err := nats.Probe(t.Context(), config.Address, config.Pin, config.Proxy); err != nil {
		t.Errorf("probe: %v", err)
	}
}

// TestAProxyThatRefusesIsNamed tells a proxy that says no from a hub that is away, and
// holds that the pin counts inside a tunnel too.
func TestAProxyThatRefusesIsNamed(t *testing.T) {
	n := listen(t, nats.HubConfig{Web: freeAddress(t)}, "KE")
	p := newProxy(t, n.hub.Web(), "")
	open := "http://" + p.listener.Addr().String()
	for name, c := range map[string]struct {
		change func(*nats.MemberConfig)
		want   error
	}{
		"another port":       {func(c *nats.MemberConfig) { c.Address = n.hub.Address() }, nats.ErrProxy},
		"no such proxy":      {func(c *nats.MemberConfig) { c.Proxy = proxyURL(t, "http://"+freeAddress(t)) }, nats.ErrProxy},
		"unwanted password":  {func(c *nats.MemberConfig) { c.Proxy.User = url.UserPassword("ke", "secret") }, nats.ErrProxy},
		"other pin":          {func(c *nats.MemberConfig) { c.Pin = "sha256:" + strings.Repeat("00", 32) }, nats.ErrPin},
		"a websocket's wall": {func(c *nats.MemberConfig) { c.Identity = stranger(t) }, nats.ErrRefused},
	} {
		config := n.member("KE")
		config.Address, config.Proxy = "wss://"+n.hub.Web(), proxyURL(t, open)
		c.change(&config)
		m, err := nats.Dial(t.Context(), config)
		// A hub that hangs up may be gone before its reason is read.
		for try := 0; errors.Is(err, nats.ErrUnreachable) && try < 20; try++ {
			m, err = nats.Dial(t.Context(), config)
		}
		if err == nil {
			m.Close()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
	for _, text := range []string{"127.0.0.1:3128", "socks5://127.0.0.1:1", "http://", "http://:3128", "http://a b"} {
		if _, err := nats.ProxyURL(text); !errors.Is(err, nats.ErrConfig) {
			t.Errorf("proxy %q: %v, want ErrConfig", text, err)
		}
	}
	if u, err := nats.ProxyURL(""); u != nil || err != nil {
		t.Errorf("no proxy: %v, %v", u, err)
	}
}

// TestAProxyThatSaysNothing holds that dialing ends with its deadline.
func TestAProxyThatSaysNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	n := listen(t, nats.HubConfig{Web: freeAddress(t)}, "KE")
	config := n.member("KE")
	config.Address, config.Proxy = "wss://"+n.hub.Web(), proxyURL(t, "http://"+listener.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := nats.Dial(ctx, config); !errors.Is(err, nats.ErrProxy) || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s, want ErrProxy at once", err, time.Since(began))
	}
}

func stranger(t *testing.T) nats.Identity {
	t.Helper()
	i, err := nats.NewIdentity(strings.NewReader(strings.Repeat("s", 64)))
	if err != nil {
		t.Fatal(err)
	}
	return i
}
