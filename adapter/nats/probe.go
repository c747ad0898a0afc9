package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"comity/canon"
)

// Probe tells whether the hub of a pin answers at an address (HOST:PORT), without an
// identity and without joining. Errors: ErrConfig, ErrPin, ErrUnreachable.
func Probe(ctx context.Context, address, pin string) error {
	digest, err := canon.ParseDigest(pin)
	if err != nil {
		return fmt.Errorf("%w: pin: %w", ErrConfig, err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(ctx))
	defer cancel()
	dialer := tls.Dialer{NetDialer: &net.Dialer{}, Config: memberTLS(digest)}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	switch {
	case errors.Is(err, ErrPin):
		return fmt.Errorf("hub at %s: %w", address, err)
	case err != nil:
		return fmt.Errorf("hub at %s: %w: %w", address, ErrUnreachable, err)
	}
	return conn.Close()
}
