package nats

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
)

// A large request travels in pieces, so that on a slow line the other messages of a member
// find their way between them and the hub sees it move. A piece is
//
//	the length of the kind in one byte, the kind, 8 bytes that name the transfer,
//	the length of the whole in four bytes, big-endian, and the next bytes of the whole.
//
// Pieces of one transfer arrive in order, for a connection keeps the order of messages.
// The hub answers each, and the last one with what its handler returned.
const (
	// PieceBytes is the size of a piece but the last: 1.3 s on a line of 400 kbit/s.
	PieceBytes = 64 << 10
	// pieceWindow is how many pieces may be under way: 2.6 MB/s over a line of 100 ms.
	pieceWindow = 4
	// kindPiece cannot be another kind: those begin with a letter or digit.
	kindPiece = "_piece"
	// maxTransfers of one member are put together at the same time; the oldest gives way,
	// as one does whose sender has gone.
	maxTransfers = 2
	// SlowestLine is what a member's line must carry, each way, in bytes a second: a
	// request may take as long as that, and whoever waits for one waits so long.
	SlowestLine = 20_000
)

// Carries returns how long the slowest line takes for so many bytes.
func Carries(bytes int) time.Duration {
	return time.Duration(bytes) * time.Second / SlowestLine
}

// pieces cuts a request. They share nothing with data.
func pieces(kind string, data []byte, transfer uint64) [][]byte {
	var all [][]byte
	for from := 0; from < len(data); from += PieceBytes {
		p := append([]byte{byte(len(kind))}, kind...) //nolint:gosec // At most maxToken.
		p = binary.BigEndian.AppendUint64(p, transfer)
		p = binary.BigEndian.AppendUint32(p, uint32(len(data))) //nolint:gosec // Bounded by payloadOf.
		all = append(all, append(p, data[from:min(from+PieceBytes, len(data))]...))
	}
	return all
}

// parsePiece reads what pieces wrote. The bytes are those of message.
func parsePiece(message []byte) (kind string, transfer uint64, total int, data []byte, err error) {
	if len(message) < 1 || len(message) < 1+int(message[0])+12 {
		return "", 0, 0, nil, fmt.Errorf("%w: piece of %d bytes", ErrConfig, len(message))
	}
	kind = string(message[1 : 1+message[0]])
	rest := message[1+message[0]:]
	if err := checkToken("kind", kind); err != nil {
		return "", 0, 0, nil, err
	}
	return kind, binary.BigEndian.Uint64(rest), int(binary.BigEndian.Uint32(rest[8:])), rest[12:], nil
}

// transfer is a request that is being put together.
type transfer struct {
	id    uint64
	kind  string
	total int
	data  []byte
}

// transfers are those of one member, the oldest first. They are used by one goroutine.
type transfers []transfer

// add takes a piece and returns the whole when it was the last one.
func (ts *transfers) add(message []byte, most int) (kind string, whole []byte, err error) {
	kind, id, total, data, err := parsePiece(message)
	if err != nil {
		return "", nil, err
	}
	if total > most || len(data) == 0 {
		return "", nil, fmt.Errorf("%w: piece of %d bytes of a request of %d, at most %d", ErrTooLarge, len(data), total, most)
	}
	at := -1
	for i, t := range *ts {
		if t.id == id && t.kind == kind && t.total == total {
			at = i
		}
	}
	if at < 0 {
		if len(*ts) >= maxTransfers {
			*ts = (*ts)[1:]
		}
		*ts = append(*ts, transfer{id: id, kind: kind, total: total})
		at = len(*ts) - 1
	}
	t := &(*ts)[at]
	if t.data = append(t.data, data...); len(t.data) < total {
		return kind, nil, nil
	}
	whole = t.data
	*ts = append((*ts)[:at:at], (*ts)[at+1:]...)
	if len(whole) > total {
		return "", nil, fmt.Errorf("%w: %d bytes of a request of %d", ErrTooLarge, len(whole), total)
	}
	return kind, whole, nil
}

// large asks in pieces. Each answer to a piece lets one more go.
func (l *lifeline) large(ctx context.Context, conn *nats.Conn, name, kind string, data []byte) ([]byte, error) {
	waiting, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	defer l.hold(fail)()
	inbox := conn.NewInbox()
	answers, err := conn.SubscribeSync(inbox)
	if err != nil {
		return nil, translate(err)
	}
	defer answers.Unsubscribe()              //nolint:errcheck // The connection may be gone.
	all := pieces(kind, data, rand.Uint64()) //nolint:gosec // Tells one's own transfers apart.
	sent := 0
	for answered := range all {
		for ; sent < len(all) && sent < answered+pieceWindow; sent++ {
			if err := conn.PublishRequest("m."+name+"."+kindPiece, inbox, all[sent]); err != nil {
				return nil, translate(err)
			}
		}
		m, err := answers.NextMsgWithContext(waiting)
		switch {
		case err != nil && waiting.Err() != nil:
			return nil, context.Cause(waiting)
		case err != nil:
			return nil, translate(err)
		case len(m.Data) == 0 && m.Header.Get("Status") == "503":
			return nil, translate(nats.ErrNoResponders)
		}
		body, err := decodeAnswer(m.Data)
		if remote, ok := errors.AsType[*RemoteError](err); ok && remote.Code == codeNobody {
			return nil, translate(nats.ErrNoResponders)
		}
		if err != nil || answered == len(all)-1 {
			return body, err
		}
	}
	return nil, ErrClosed // Not reached: a large request has pieces.
}
