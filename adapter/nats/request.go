package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// lifeline fails the requests over a connection when the connection ends: the answer
// will not come, and the deadline may be far. Its zero value is ready.
type lifeline struct {
	mu      sync.Mutex
	waiting map[*call]bool
}

// call is a request under way.
type call struct{ fail context.CancelCauseFunc }

// cut fails all requests under way.
func (l *lifeline) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.waiting {
		c.fail(fmt.Errorf("%w: the connection was lost", ErrUnreachable))
	}
	l.waiting = nil
}

// hold has cut fail the request, until it lets go.
func (l *lifeline) hold(fail context.CancelCauseFunc) (letGo func()) {
	c := &call{fail}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = map[*call]bool{}
	}
	l.waiting[c] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.waiting, c)
	}
}

// request is one question and its answer. Without a deadline in ctx it gives up after a
// minute.
func (l *lifeline) request(ctx context.Context, conn *nats.Conn, subject string, data []byte) ([]byte, error) {
	ctx, cancel := withPatience(ctx, defaultPatience)
	defer cancel()
	waiting, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	defer l.hold(fail)()
	m, err := conn.RequestWithContext(waiting, subject, data)
	switch {
	case err == nil:
		return decodeAnswer(m.Data)
	case waiting.Err() != nil: // Canceled by the caller or by the end of the connection.
		return nil, context.Cause(waiting)
	}
	return nil, translate(err)
}

// withPatience gives a context without a deadline one.
func withPatience(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, patience)
}

// translate gives the library's errors the names of this package.
func translate(err error) error {
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: not connected, or it does not handle this kind", ErrUnreachable)
	case errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrStaleConnection):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrBadSubscription):
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return err
}
