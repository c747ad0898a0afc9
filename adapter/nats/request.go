package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// lifeline fails the requests over a connection when the connection ends: the answer
// will not come, and the deadline may be far.
type lifeline struct {
	mu   sync.Mutex
	life context.Context // Of the present connection, or of the next one.
	end  context.CancelCauseFunc
}

// renew ends what hangs on the old connection and starts with the next.
func (l *lifeline) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil {
		l.end(fmt.Errorf("%w: the connection was lost", ErrUnreachable))
	}
	l.life, l.end = context.WithCancelCause(context.Background())
}

// request is one question and its answer. Without a deadline in ctx it gives up after a
// minute.
func (l *lifeline) request(ctx context.Context, conn *nats.Conn, subject string, data []byte) ([]byte, error) {
	l.mu.Lock()
	life := l.life
	l.mu.Unlock()
	ctx, cancel := withPatience(ctx)
	defer cancel()
	waiting, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	defer context.AfterFunc(life, func() { fail(context.Cause(life)) })()
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
func withPatience(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, defaultPatience)
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
