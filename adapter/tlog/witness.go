package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"comity/durable"
	"comity/party"
	"comity/verifier/ledger"

	merkle "golang.org/x/mod/sumdb/tlog"
)

// maxRequest bounds an add-checkpoint request in bytes: 63 proof lines and a checkpoint.
const maxRequest = maxCheckpoint + 4<<10

// maxProofLines is the most that a request may carry (https://c2sp.org/tlog-witness).
const maxProofLines = 63

// Content types of answers (https://c2sp.org/tlog-witness).
const (
	typeText = "text/plain; charset=utf-8"
	typeSize = "text/x.tlog.size"
)

// WitnessConfig says which log a witness follows.
type WitnessConfig struct {
	Key    party.Key // Cosigns; it must sign nothing else.
	Origin string    // Of the log.
	LogKey string    // The log's verifier key.
	File   string    // Where the newest cosigned checkpoint is kept; its folder must exist.
}

// Witness cosigns the checkpoints of one log as long as each continues the one
// before. What it cosigned last is on disk before anybody gets the cosignature, so
// that no crash makes it sign two histories.
type Witness struct {
	config WitnessConfig
	policy ledger.Policy

	mu     sync.Mutex
	latest ledger.Checkpoint
}

// NewWitness opens a witness and reads what it cosigned last. A missing file means
// that it has cosigned nothing yet; a file that cannot be read is an error, because
// a witness that forgot could be shown another history.
func NewWitness(c WitnessConfig) (*Witness, error) {
	w := &Witness{config: c, policy: ledger.Policy{Origin: c.Origin, Log: c.LogKey}}
	if err := w.policy.Check(); err != nil {
		return nil, fmt.Errorf("open witness: %w", err)
	}
	w.latest.Origin = c.Origin
	data, err := readFile(c.File, maxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open witness: %w", err)
	}
	if w.latest, err = ledger.ParseCheckpoint(data, w.policy); err != nil {
		return nil, fmt.Errorf("open witness: %s: %w; restore the file, never start without it", c.File, err)
	}
	return w, nil
}

// Latest returns the newest checkpoint that the witness cosigned; Size 0 if none.
func (w *Witness) Latest() ledger.Checkpoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latest
}

// AddCheckpoint answers an add-checkpoint request (https://c2sp.org/tlog-witness) at
// unixTime, in seconds: 200 and a signature line; 400 malformed; 403 not signed by
// the log; 404 another log; 409 and the size that was cosigned last, or another
// root for that size; 422 the proof does not verify; 500 the disk failed.
func (w *Witness) AddCheckpoint(ctx context.Context, body []byte, unixTime int64) (status int, contentType string, answer []byte) {
	r, err := parseRequest(body)
	if err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	normal, err := ledger.Normalise(r.checkpoint, w.policy)
	switch {
	case errors.Is(err, ledger.ErrOrigin):
		return refuse(http.StatusNotFound, err)
	case errors.Is(err, ledger.ErrLogKey), errors.Is(err, ledger.ErrAltered):
		return refuse(http.StatusForbidden, err)
	case err != nil:
		return refuse(http.StatusBadRequest, err)
	}
	next, err := ledger.ParseCheckpoint(normal, w.policy)
	if err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	if r.old > next.Size {
		return refuse(http.StatusBadRequest, fmt.Errorf("%w: old size %d, new size %d", ledger.ErrMalformed, r.old, next.Size))
	}
	// From comparison to disk under one lock: two requests must not pass each other.
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return refuse(http.StatusInternalServerError, err)
	}
	if r.old != w.latest.Size {
		return http.StatusConflict, typeSize, fmt.Appendf(nil, "%d\n", w.latest.Size)
	}
	switch err := ledger.CheckConsistency(w.known(next), next, r.proof); {
	case errors.Is(err, ledger.ErrRollback):
		return refuse(http.StatusConflict, err)
	case err != nil:
		return refuse(http.StatusUnprocessableEntity, err)
	}
	line, err := ledger.Cosign(w.config.Key, normal, unixTime)
	if err != nil {
		return refuse(http.StatusInternalServerError, err)
	}
	if next.Size != w.latest.Size {
		if err := durable.WriteFile(w.config.File, normal); err != nil {
			return refuse(http.StatusInternalServerError, errors.New("cannot keep the checkpoint"))
		}
		w.latest = next
	}
	return http.StatusOK, typeText, line
}

// known returns the latest checkpoint. The root of the empty tree is no choice of
// the log's, so a witness that has cosigned nothing takes next's word only if next
// is larger.
func (w *Witness) known(next ledger.Checkpoint) ledger.Checkpoint {
	if w.latest.Size > 0 || next.Size > 0 {
		return w.latest
	}
	var empty ledger.Frontier
	return ledger.Checkpoint{Origin: w.latest.Origin, Root: empty.Root()}
}

func refuse(status int, err error) (int, string, []byte) {
	return status, typeText, []byte(err.Error() + "\n")
}

// request is an add-checkpoint request.
type request struct {
	old        int64
	proof      merkle.TreeProof
	checkpoint []byte
}

func parseRequest(body []byte) (request, error) {
	if len(body) > maxRequest {
		return request{}, fmt.Errorf("%w: request of %d bytes, at most %d", ledger.ErrMalformed, len(body), maxRequest)
	}
	head, checkpoint, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return request{}, fmt.Errorf("%w: request has no empty line", ledger.ErrMalformed)
	}
	lines := strings.Split(string(head), "\n")
	digits, ok := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || old < 0 || strconv.FormatInt(old, 10) != digits {
		return request{}, fmt.Errorf("%w: request does not begin with an old size: %.40q", ledger.ErrMalformed, lines[0])
	}
	if len(lines)-1 > maxProofLines {
		return request{}, fmt.Errorf("%w: %d proof lines, at most %d", ledger.ErrMalformed, len(lines)-1, maxProofLines)
	}
	r := request{old: old, checkpoint: checkpoint}
	for _, line := range lines[1:] {
		hash, err := merkle.ParseHash(line)
		if err != nil || hash.String() != line {
			return request{}, fmt.Errorf("%w: proof line %.60q is not a hash", ledger.ErrMalformed, line)
		}
		r.proof = append(r.proof, hash)
	}
	return r, nil
}
