// Package nats carries messages between a hub and its members over NATS.
//
// Members dial out and nobody dials in: requests of the hub travel over the member's
// own connection. The connection is TLS 1.3 to a key whose digest, the pin, came with
// the member's invitation; the member answers for itself with an NKey that the charter
// lists. The server inside the hub holds these walls, by subject:
//
//	m.NAME.KIND   a member asks the hub; only NAME may publish it
//	m.NAME._piece a piece of a large request; see PieceBytes
//	h.NAME.KIND   the hub asks or tells one member; only NAME may receive it
//	b.KIND        the hub tells everybody
//	i.NAME.>      where answers to NAME arrive; only NAME may receive them
//
// so that a sender's name is a fact about its connection and never a claim in a message.
// The same server may listen for websockets too, behind the same key and the same walls.
// Messages live in memory: whoever was away asks again for what it missed.
package nats

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// DefaultMaxPayload is the largest message unless a config says otherwise: 8 MiB, the
// most that nats-server recommends.
const DefaultMaxPayload = 8 << 20

const (
	// defaultPatience bounds a request whose context has no deadline.
	defaultPatience = time.Minute
	// dialTimeout bounds one attempt to connect, the TLS handshake included.
	dialTimeout = 10 * time.Second
	// pingEvery finds a dead connection within two intervals.
	pingEvery = 10 * time.Second
	// silence is how long a member's connection may bring no byte at all. The hub pings
	// every pingEvery, so a line that is only slow brings some.
	silence = 3*pingEvery + dialTimeout/2
	// patientPings is how many pings may be unanswered: behind the largest message on a
	// slow line an answer takes minutes. Dead lines are found by silence instead.
	patientPings = 60
	// webScheme begins the address of a websocket.
	webScheme = "wss://"
	// memberPings keep the hub from asking a member that is busy receiving: its own pings
	// come more often than the hub would send one.
	memberPings = 7 * time.Second
	// stuck is how long the hub's socket to a member may take no byte. Kernels take some
	// again when a third of their buffer is free: of 4 MiB, 70 s on the slowest line.
	stuck = 2 * time.Minute
	// hubName cannot be a member's: names begin with a letter or digit.
	hubName = "_hub"
)

var (
	// ErrConfig says that a config or an argument cannot work.
	ErrConfig = errors.New("transport misconfigured")
	// ErrPin says that the peer does not hold the hub's key.
	ErrPin = errors.New("not the hub of the invitation")
	// ErrProxy says that the proxy does not let the connection through.
	ErrProxy = errors.New("proxy refused")
	// ErrRefused says that the hub does not know the member's identity.
	ErrRefused = errors.New("identity refused")
	// ErrUnreachable says that the peer is not connected or does not handle the kind.
	ErrUnreachable = errors.New("peer not reachable")
	// ErrTooLarge says that a message exceeds the largest payload.
	ErrTooLarge = errors.New("message too large")
	// ErrClosed says that this end was closed.
	ErrClosed = errors.New("transport closed")
)

// maxToken bounds names and kinds, which are parts of subjects.
const maxToken = 64

// checkToken refuses what would not stay one token of a subject.
func checkToken(what, s string) error {
	const first = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if s == "" || len(s) > maxToken || !strings.Contains(first, s[:1]) || strings.Trim(s, first+"-_") != "" {
		return fmt.Errorf("%w: %s %.80q; use 1 to %d letters, digits, hyphens and underscores", ErrConfig, what, s, maxToken)
	}
	return nil
}

func checkSize(what string, data []byte, most int) error {
	if len(data) > most {
		return fmt.Errorf("%s: %w: %d bytes, at most %d; split it", what, ErrTooLarge, len(data), most)
	}
	return nil
}

// payloadOf returns the largest message of a config's MaxPayload.
func payloadOf(configured int) (int, error) {
	const most = 64 << 20 // The bound of package canon's documents, and of nats-server's pending bytes.
	if configured < 0 || configured > most {
		return 0, fmt.Errorf("%w: MaxPayload %d; use 1 to %d bytes, or 0 for %d", ErrConfig, configured, most, DefaultMaxPayload)
	}
	if configured == 0 {
		return DefaultMaxPayload, nil
	}
	return configured, nil
}
