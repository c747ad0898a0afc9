package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"comity/adapter/nats"
	"comity/party"
)

// Messages by which a carrier that has a connection fetches and delivers bundles. Any party
// of the charter may carry: what it gets is of no use to it, and what it brings is sealed.
const (
	msgBundle = "bundle" // bundleRequest; the answer is a bundlePiece.
	msgTake   = "take"   // replyPiece; the answer is a Receipt, or empty before the last piece.
)

// bundleRequest asks for the bundle of a member that is newer than one, from an offset on.
type bundleRequest struct {
	Party  party.ID `json:"party"`
	Than   int      `json:"than"`
	Whole  bool     `json:"whole"` // With the whole log.
	Offset int      `json:"offset"`
}

// bundlePiece is a piece of a bundle of so many bytes. None of any: there is no newer one.
type bundlePiece struct {
	Total int    `json:"total"`
	Data  []byte `json:"data"`
}

// replyPiece is a piece of a reply of so many bytes.
type replyPiece struct {
	Total  int    `json:"total"`
	Offset int    `json:"offset"`
	Data   []byte `json:"data"`
}

// Receipt says what became of a reply.
type Receipt struct {
	Party party.ID `json:"party"`
	News  int      `json:"news"` // Statements that the log does not have yet.
	Kept  bool     `json:"kept"` // By a host: the hub is away.
}

// bundlePieceBytes is how much of a bundle one message carries: in base64 it stays within
// the transport's messages.
const bundlePieceBytes = 4 << 20

// asker is a connection to a hub or host.
type asker interface {
	Request(ctx context.Context, kind string, data []byte) ([]byte, error)
}

// Fetch fetches a bundle for a member over somebody's connection: one that is newer than a
// number, nil if there is none, or one with the whole log.
func Fetch(ctx context.Context, by asker, id party.ID, than int, whole bool) ([]byte, error) {
	var out []byte
	for {
		request, err := json.Marshal(bundleRequest{Party: id, Than: than, Whole: whole, Offset: len(out)})
		if err != nil {
			return nil, err
		}
		answer, err := by.Request(ctx, msgBundle, request)
		if err != nil {
			return nil, fromCode(err)
		}
		var p bundlePiece
		if err := json.Unmarshal(answer, &p); err != nil {
			return nil, fmt.Errorf("%w: piece at %d: %w", ErrBundle, len(out), err)
		}
		if out = append(out, p.Data...); len(out) >= p.Total {
			return out, nil
		}
		if len(p.Data) == 0 || p.Total > MaxBundle {
			return nil, fmt.Errorf("%w: %d of %d bytes came", ErrBundle, len(out), p.Total)
		}
	}
}

// Deliver delivers a member's reply over somebody's connection.
func Deliver(ctx context.Context, by asker, reply []byte) (r Receipt, err error) {
	for at := 0; ; {
		end := min(len(reply), at+bundlePieceBytes)
		request, err := json.Marshal(replyPiece{Total: len(reply), Offset: at, Data: reply[at:end]})
		if err != nil {
			return r, err
		}
		answer, err := by.Request(ctx, msgTake, request)
		if err != nil {
			return r, fromCode(err)
		}
		if at = end; at == len(reply) {
			return r, json.Unmarshal(answer, &r)
		}
	}
}

// post hands bundles out and takes replies in, in pieces, for a hub or a host.
type post struct {
	bundle func(ctx context.Context, by string, r bundleRequest) ([]byte, error)
	take   func(ctx context.Context, by string, reply []byte) (Receipt, error)

	mu  sync.Mutex
	out map[string]outgoing // By who asks: one at a time.
	in  map[string][]byte   // By who brings: one at a time.
}

type outgoing struct {
	id   party.ID
	data []byte
}

// serve answers both kinds of message.
func (p *post) serve(hub *nats.Hub) error {
	p.out, p.in = map[string]outgoing{}, map[string][]byte{}
	return errors.Join(hub.Handle(msgBundle, p.give), hub.Handle(msgTake, p.accept))
}

func (p *post) give(ctx context.Context, by string, data []byte) ([]byte, error) {
	var r bundleRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	p.mu.Lock()
	now := p.out[by]
	p.mu.Unlock()
	if r.Offset == 0 {
		whole, err := p.bundle(ctx, by, r)
		if err != nil {
			return nil, toCode(err)
		}
		now = outgoing{r.Party, whole}
	}
	if now.id != r.Party || r.Offset < 0 || r.Offset > len(now.data) {
		return nil, toCode(fmt.Errorf("%w: no byte %d of one for %.40q; begin again", ErrBundle, r.Offset, r.Party))
	}
	end := min(len(now.data), r.Offset+bundlePieceBytes)
	p.mu.Lock()
	if p.out[by] = now; end == len(now.data) {
		delete(p.out, by)
	}
	p.mu.Unlock()
	return json.Marshal(bundlePiece{Total: len(now.data), Data: now.data[r.Offset:end]})
}

func (p *post) accept(ctx context.Context, by string, data []byte) ([]byte, error) {
	var r replyPiece
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	p.mu.Lock()
	have := p.in[by]
	if r.Offset == 0 {
		have = nil
	}
	bad := r.Offset != len(have) || r.Total > MaxBundle || len(r.Data) > r.Total-len(have)
	delete(p.in, by)
	if have = append(slices.Clip(have), r.Data...); !bad && len(have) < r.Total {
		p.in[by] = have
	}
	p.mu.Unlock()
	switch {
	case bad:
		return nil, toCode(fmt.Errorf("%w: %d bytes at %d of %d, %d have come; begin again", ErrBundle, len(r.Data), r.Offset, r.Total, len(have)-len(r.Data)))
	case len(have) < r.Total:
		return nil, nil
	}
	receipt, err := p.take(ctx, by, have)
	if err != nil {
		return nil, toCode(err)
	}
	return json.Marshal(receipt)
}

// bundleErrors are those that keep their meaning across a connection, by code.
func bundleErrors() map[string]error {
	return map[string]error{
		"bundle": ErrBundle, "addressee": ErrAddressee, "stale": ErrStale, "gap": ErrGap, "split": ErrSplit,
		"signature": party.ErrSignature, "quorum": ErrQuorum,
	}
}

func toCode(err error) error {
	for code, sentinel := range bundleErrors() {
		if errors.Is(err, sentinel) {
			return &nats.RemoteError{Code: code, Text: err.Error()}
		}
	}
	return err
}

func fromCode(err error) error {
	remote, ok := errors.AsType[*nats.RemoteError](err)
	if !ok {
		return err
	}
	if sentinel, known := bundleErrors()[remote.Code]; known {
		return &told{remote.Text, sentinel}
	}
	return err
}

// told is an error of the other end that has a name here.
type told struct {
	text  string
	cause error
}

// Error returns the other end's words.
func (t *told) Error() string { return t.text }

// Unwrap returns what the words mean.
func (t *told) Unwrap() error { return t.cause }

// hubPost serves bundles at the hub. The operator's own commands are a carrier too: whoever
// has a stick written is waited for.
func (h *Hub) hubPost() *post {
	operator := string(h.charter.Transparency.Log.Operator)
	return &post{
		bundle: func(ctx context.Context, by string, r bundleRequest) ([]byte, error) {
			return h.write(ctx, r, by == operator)
		},
		take: func(ctx context.Context, _ string, reply []byte) (Receipt, error) {
			from, news, err := h.Take(ctx, reply)
			return Receipt{Party: from, News: news}, err
		},
	}
}
