package node

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/party"
	"comity/verifier/ledger"
)

// Take takes a member's reply from whoever brought it. Taken again, it changes nothing. It
// returns the member and how many statements are new. Errors: ErrBundle, ErrAddressee,
// ErrStale, ErrSplit, party.ErrSignature.
func (h *Hub) Take(ctx context.Context, data []byte) (from party.ID, news int, err error) {
	b, err := ParseBundle(data)
	if err != nil {
		return "", 0, err
	}
	if !slices.Contains(h.members, b.From) {
		return "", 0, fmt.Errorf("%w: it is from %.40q, who is not a member of %s", ErrAddressee, b.From, h.charter.ID)
	}
	if err := b.check(h.charter, canon.Sum(h.cfg.Charter), b.From, h.charter.Transparency.Log.Operator); err != nil {
		return "", 0, err
	}
	for i, p := range b.parts {
		if err := p.upward(b.From); err != nil {
			return "", 0, fmt.Errorf("part %d of %s: %w", i, b.From, err)
		}
	}
	e := h.errands
	if err := e.lock(ctx); err != nil {
		return "", 0, err
	}
	defer e.unlock()
	s, err := e.state(b.From)
	if err != nil {
		return "", 0, err
	}
	switch size := h.size(); {
	case b.Number < s.Taken:
		return "", 0, fmt.Errorf("%w: it answers number %d, an answer of %s to number %d was taken", ErrStale, b.Number, b.From, s.Taken)
	case b.Number > s.Written || b.Size > size:
		return "", 0, fmt.Errorf("%w: it answers number %d over %d entries, this hub wrote %d to %s and has %d entries", ErrSplit, b.Number, b.Size, s.Written, b.From, size)
	}
	news = len(e.unsaid(b))
	if had := e.waiting[b.From]; had != nil && b.Number == s.Taken && news < len(e.unsaid(had)) {
		return b.From, 0, nil // The member answered that bundle again since.
	}
	s.Taken, s.Held, s.Away = b.Number, b.Size, true
	if err := writeFile(e.file(b.From, "reply"), data); err != nil {
		return "", 0, err
	}
	e.waiting[b.From] = b
	for _, text := range b.of(msgFail) {
		h.report(ctx, b.From, text)
	}
	return b.From, news, e.keep(b.From, s)
}

// upward refuses a message that a connected member could not have sent.
func (p part) upward(from party.ID) error {
	var err error
	switch p.kind {
	case msgSubmit:
		var entry ledger.Entry
		if entry, err = ledger.Parse(p.data); err == nil && entry.Statement().Author != from {
			err = fmt.Errorf("a statement of %.40q", entry.Statement().Author)
		}
	case msgLetter:
		_, _, err = parseLetter(p.data)
	case msgSealed:
		var dealt []sealedBox
		err = json.Unmarshal(p.data, &dealt)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBundle, err)
	}
	return nil
}

// saying is a statement with what must reach the hub before it.
type saying struct {
	before []part
	entry  []byte
	st     comity.Statement
}

// unsaid are the statements of a reply that the log does not have yet.
func (e *errands) unsaid(b *Bundle) (all []saying) {
	logged := 0
	e.hub.Look(func(s *body.State) { logged = s.View().Counters[b.From] })
	var before []part
	for _, p := range b.parts {
		if p.kind != msgSubmit {
			before = append(before, p)
			continue
		}
		if entry, err := ledger.Parse(p.data); err == nil && entry.Statement().Counter > logged {
			all = append(all, saying{before, p.data, entry.Statement()})
		}
		before = nil
	}
	return all
}

// run passes on what members left, whenever the log moves, until ctx ends.
func (e *errands) run(ctx context.Context) {
	e.recall(ctx)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		var moved <-chan struct{}
		e.hub.queue.watch(func(_ *body.State, m <-chan struct{}) { moved = m })
		if e.lock(ctx) != nil {
			return
		}
		for _, id := range sortedParties(e.waiting) {
			if e.pass(ctx, e.waiting[id]) {
				delete(e.waiting, id)
			}
		}
		e.unlock()
		select {
		case <-moved:
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// recall reads the replies that a hub before this one took.
func (e *errands) recall(ctx context.Context) {
	if e.lock(ctx) != nil {
		return
	}
	defer e.unlock()
	for _, id := range e.hub.members {
		data, err := os.ReadFile(e.file(id, "reply"))
		if err != nil {
			continue
		}
		b, err := ParseBundle(data)
		if err != nil {
			e.hub.logger.LogAttrs(ctx, slog.LevelWarn, "reply not read", slog.String("party", string(id)), slog.Any("err", err))
			continue
		}
		e.waiting[id] = b
	}
}

// pass says what of a reply is due now, in order, and tells whether nothing is left.
func (e *errands) pass(ctx context.Context, b *Bundle) (done bool) {
	h := e.hub
	for _, next := range e.unsaid(b) {
		var early error
		h.Look(func(s *body.State) { early = s.Admissible(next.entry) })
		if early != nil {
			return false // Others must speak before, or it was said too late; a newer reply replaces it.
		}
		if err := e.say(ctx, b.From, next); err != nil {
			h.logger.LogAttrs(ctx, slog.LevelWarn, "carried statement refused", slog.String("party", string(b.From)), slog.String("kind", string(next.st.Kind)), slog.Any("err", err))
			return false
		}
	}
	return true
}

// say passes one statement on as if its author were connected.
func (e *errands) say(ctx context.Context, from party.ID, s saying) error {
	for _, p := range s.before {
		var err error
		switch p.kind {
		case msgSealed:
			_, err = e.hub.takeBoxes(ctx, string(from), p.data)
		case msgLetter:
			_, err = e.hub.takeLetter(ctx, string(from), p.data)
		}
		if err != nil {
			return err
		}
	}
	if err := e.hub.wanted(s.entry); err != nil {
		return err
	}
	_, err := e.hub.queue.submit(ctx, s.entry)
	return err
}
