package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"comity/canon"
)

// Probe tells whether the hub of a pin answers at an address (HOST:PORT, or
// wss://HOST:PORT through a proxy if there is one), without an identity and without
// joining. Errors: ErrConfig, ErrPin, ErrProxy, ErrUnreachable.
func Probe(ctx context.Context, address, pin string, proxy *url.URL) error {
	digest, err := canon.ParseDigest(pin)
	if err != nil {
		return fmt.Errorf("%w: pin: %w", ErrConfig, err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(ctx))
	defer cancel()
	door := &dialer{proxy: proxy}
	plain, err := door.dial(ctx, "tcp", strings.TrimPrefix(address, webScheme))
	switch {
	case errors.Is(err, ErrProxy):
		return fmt.Errorf("hub at %s: %w", address, err)
	case err != nil:
		return fmt.Errorf("hub at %s: %w: %w", address, ErrUnreachable, err)
	}
	defer plain.Close() //nolint:errcheck // Nothing was said.
	err = tls.Client(plain, memberTLS(digest)).HandshakeContext(ctx)
	switch {
	case errors.Is(err, ErrPin):
		return fmt.Errorf("hub at %s: %w", address, err)
	case err != nil:
		return fmt.Errorf("hub at %s: %w: %w", address, ErrUnreachable, err)
	}
	return nil
}
