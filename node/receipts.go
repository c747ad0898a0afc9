package node

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"comity"
	"comity/canon"
	"comity/replay"
	"comity/verifier/ledger"
)

// index notes where the statements that get receipts stand in the log, by file name:
// charter, and of each period its model, picture and allocation.
type index map[string]int

func (x index) note(at int, st comity.Statement) {
	var about struct {
		Period string `json:"period"`
		Round  string `json:"round"`
	}
	if err := json.Unmarshal(st.Record, &about); err != nil {
		return // Folded statements parse; this one names no period.
	}
	switch st.Kind {
	case comity.KindCharter:
		x["charter"] = at
	case comity.KindModel:
		period, _, _ := strings.Cut(about.Round, "/")
		x[period+"-model"] = at
	case comity.KindPicture:
		x[about.Period+"-picture"] = at
	case comity.KindAllocation:
		x[about.Period+"-allocation"] = at
	default: // Other statements are found by index: comity log proof.
	}
}

// Receipts writes a receipt for the charter and for each period's model, picture and
// allocation that has none yet, and returns all their files in order of time.
func (h *Hub) Receipts(ctx context.Context) ([]string, error) {
	h.cfg.Progress(Event{Phase: "receipts", Text: "writing receipts"})
	if _, err := h.barrier(ctx); err != nil {
		return nil, err
	}
	h.queue.mu.Lock()
	at := maps.Clone(h.queue.index)
	h.queue.mu.Unlock()
	names := slices.SortedFunc(maps.Keys(at), func(a, b string) int { return at[a] - at[b] })
	var files []string
	for _, name := range names {
		file := filepath.Join(h.cfg.Home.Receipts(), name+".proof")
		files = append(files, file)
		if _, err := os.Stat(file); err == nil {
			continue
		}
		data, err := h.Receipt(ctx, at[name])
		if err != nil {
			return nil, fmt.Errorf("receipt %s: %w", name, err)
		}
		if err := writeFile(file, data); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Receipt returns the receipt of one log entry under the newest witnessed checkpoint.
func (h *Hub) Receipt(ctx context.Context, at int) ([]byte, error) {
	entries, err := h.log.Entries(ctx, int64(at), int64(at)+1)
	if err != nil {
		return nil, err
	}
	checkpoint, _, err := h.log.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	proof, err := h.log.Prove(ctx, int64(at), checkpoint)
	if err != nil {
		return nil, err
	}
	extra, err := replay.Extra(entries[0], h.cfg.Charter, func(d canon.Digest) ([]byte, error) {
		return os.ReadFile(Blob(h.cfg.Home.Log(), d))
	})
	if err != nil {
		return nil, err
	}
	return ledger.WriteReceipt(ledger.Receipt{Extra: extra, Index: int64(at), Proof: proof, Checkpoint: checkpoint})
}

// newTick makes a TICK of the newest witnessed checkpoint.
func (h *Hub) newTick(ctx context.Context) (comity.Tick, error) {
	data, c, err := h.log.Checkpoint(ctx)
	if err != nil {
		return comity.Tick{}, err
	}
	median, err := ledger.MedianTime(c.Cosigned)
	return comity.Tick{Checkpoint: string(data), UnixTime: int(median)}, err
}
