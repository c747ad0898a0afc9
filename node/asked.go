package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"

	"comity/body"
	"comity/canon"
	"comity/verifier/federation"
	"comity/verifier/secagg/oneshot"
)

// questionFolder is where the hub keeps what members send beside the log for a question:
// their masked vectors above all. It is erased when the question is answered and verified,
// or when nothing can answer it any more.
func (h *Hub) questionFolder(round string) string {
	return h.cfg.Home.Hub().path("questions", canon.Sum([]byte(round)).Hex()[:16])
}

// lost tells whether no statement that may still be logged answers a question: too few are
// in, by the log or by what the conductor says of it.
func lost(b federation.Board, conductor error) bool {
	return b.Result == nil && (b.Phase() == federation.Failed || federation.Short(conductor))
}

// erasing marks a folder that is being erased: what a crash leaves of it is of no more use.
const erasing = ".erasing"

// erase removes what was kept for a question.
func erase(folder string) error {
	if err := os.RemoveAll(folder + erasing); err != nil {
		return err
	}
	if err := os.Rename(folder, folder+erasing); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(folder + erasing)
}

// kept refuses to go on with a question of which masked vectors are logged that are not here.
func (h *Hub) kept(b federation.Board) error {
	if len(b.Deals) == 0 {
		return nil
	}
	if _, err := os.Stat(h.questionFolder(b.Question.Round)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: too few members were left, and what they sent is erased; ask under another name", ErrUnanswered)
	}
	return nil
}

// forgetAsked erases what a hub that was stopped in between kept for questions that have
// ended. The vectors of an answer that does not verify stay: members to whom they are shown
// can tell whose fault that is.
func (h *Hub) forgetAsked() error {
	var rounds []string
	h.Look(func(s *body.State) { rounds = slices.Sorted(maps.Keys(s.View().Questions)) })
	for _, round := range rounds {
		folder := h.questionFolder(round)
		_, err := os.Stat(folder)
		if err == nil && !h.ended(round) {
			continue
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = erase(folder)
		}
		if err != nil {
			return fmt.Errorf("question %s: %w", round, err)
		}
	}
	return nil
}

// ended tells whether a question needs nothing any more of what is kept for it.
func (h *Hub) ended(round string) bool {
	b, _ := h.board(round)
	c := federation.NewConductor(fileStore(h.questionFolder(round)))
	open := b
	open.Result = nil // So that an answer is computed again, and its verification has all vectors.
	_, err := c.Next(open)
	if b.Result == nil {
		return lost(b, err)
	}
	if err == nil {
		err = h.verifyWith(b, c)
	}
	if err != nil {
		h.logger.Warn("answer not verified, its vectors are kept", slog.String("round", round), slog.Any("err", err))
	}
	return err == nil
}

// verify checks the sum that the hub has just published.
func (h *Hub) verify(b federation.Board) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.verifyWith(b, h.asking.conductor)
}

// verifyWith checks a sum against what its members committed to, as the hub can that holds
// their masked vectors.
func (h *Hub) verifyWith(b federation.Board, c *federation.Conductor) error {
	e, err := c.Evidence(b, func(d canon.Digest) ([]byte, error) { return os.ReadFile(Blob(h.cfg.Home.Log(), d)) })
	if err != nil {
		return err
	}
	_, err = oneshot.Verify(e)
	return err
}
