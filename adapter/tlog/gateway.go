package tlog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"k8s.io/klog/v2"
)

// askTimeout bounds one request to a witness and one round of them: Tessera's own
// default (DefaultWitnessTimeout), which a slow satellite link still meets.
const askTimeout = 5 * time.Second

// maxAnswer bounds the answer of a witness in bytes: a few signature lines.
const maxAnswer = 4 << 10

// WitnessEndpoint is a witness and the way to it, usually the member's own connection.
type WitnessEndpoint struct {
	Key string // Verifier key of type cosignature/v1.
	// Ask carries an add-checkpoint request (https://c2sp.org/tlog-witness) there and
	// the HTTP status, content type and body of the answer back.
	Ask func(ctx context.Context, request []byte) (status int, contentType string, body []byte, err error)
}

// gateway lets Tessera's HTTP witness client reach witnesses that have no address:
// it is an http.RoundTripper that opens no socket and calls Ask.
type gateway struct {
	witnesses []*line
	keys      []tessera.Witness
	logger    *slog.Logger

	mu     sync.Mutex
	closed bool
	asking sync.WaitGroup // Requests under way; none begins after closed.
}

// line is the way to one witness. It carries one request at a time.
type line struct {
	WitnessEndpoint
	busy chan struct{}
}

func newGateway(endpoints []WitnessEndpoint, logger *slog.Logger) (*gateway, error) {
	g := &gateway{logger: logger}
	for i, e := range endpoints {
		// Reserved by RFC 2606 never to resolve; the path says which witness is meant.
		w, err := tessera.NewWitness(e.Key, &url.URL{Scheme: "http", Host: "witness.invalid", Path: "/" + strconv.Itoa(i)})
		if err != nil {
			return nil, fmt.Errorf("witness %.80q: %w", e.Key, err)
		}
		if e.Ask == nil {
			return nil, fmt.Errorf("witness %.80q cannot be asked", e.Key)
		}
		g.witnesses = append(g.witnesses, &line{e, make(chan struct{}, 1)})
		g.keys = append(g.keys, w)
	}
	return g, nil
}

// group returns all witnesses as Tessera wants them.
func (g *gateway) group(threshold int) tessera.WitnessGroup {
	group := tessera.WitnessGroup{N: threshold}
	for _, w := range g.keys {
		group.Components = append(group.Components, w)
	}
	return group
}

// RoundTrip asks the witness that the path names. Tessera abandons the other
// requests once enough witnesses answered; they run on to their end here, so that a
// slow witness still follows the log instead of starting over each time.
func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close() //nolint:errcheck // Read to its end.
	var i int
	if _, err := fmt.Sscanf(r.URL.Path, "/%d/add-checkpoint", &i); err != nil || i < 0 || i >= len(g.witnesses) {
		return nil, fmt.Errorf("no witness at %.80q", r.URL.Path)
	}
	w := g.witnesses[i]
	request, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	select {
	case w.busy <- struct{}{}:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	answers := make(chan answer, 1)
	ctx := context.WithoutCancel(r.Context())
	err = g.begin(func() {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		var a answer
		a.status, a.contentType, a.body, a.err = w.Ask(ctx, request)
		<-w.busy
		if a.err == nil && len(a.body) > maxAnswer {
			a.err = fmt.Errorf("answer of %d bytes, at most %d", len(a.body), maxAnswer)
		}
		if a.err != nil {
			g.logger.DebugContext(ctx, "witness did not answer", slog.String("witness", g.keys[i].Key.Name()), slog.Any("error", a.err))
		}
		answers <- a
	})
	if err != nil {
		<-w.busy
		return nil, err
	}
	select {
	case a := <-answers:
		return a.response(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func (g *gateway) begin(request func()) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	g.asking.Go(request)
	return nil
}

// close lets no request begin and waits for those under way, at most askTimeout.
func (g *gateway) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.asking.Wait()
}

// answer is what came back from a witness.
type answer struct {
	status      int
	contentType string
	body        []byte
	err         error
}

func (a answer) response(r *http.Request) (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		Status: strconv.Itoa(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {a.contentType}},
		Body:          io.NopCloser(bytes.NewReader(a.body)),
		ContentLength: int64(len(a.body)),
		Request:       r,
	}, nil
}

// forwardTesseraLog sends what Tessera writes through klog, which is process-wide
// and prints to standard error, to the logger of the log that was opened last. What
// klog calls an error goes to standard error as well.
func forwardTesseraLog(logger *slog.Logger) {
	klog.LogToStderr(false)
	klog.SetOutput(klogLines{logger})
}

type klogLines struct{ logger *slog.Logger }

// Write logs one line of klog.
func (k klogLines) Write(line []byte) (int, error) {
	k.logger.Debug("tessera", slog.String("line", string(bytes.TrimSpace(line))))
	return len(line), nil
}
