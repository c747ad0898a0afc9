package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"strings"

	"comity"
	"comity/adapter/tlog"
	"comity/canon"
	"comity/replay"
	"comity/verifier/ledger"
)

type logCommand struct {
	Checkpoint  checkpointCommand  `cmd:"" help:"Print the newest witnessed checkpoint."`
	Proof       proofCommand       `cmd:"" help:"Write the receipt of one entry to standard output."`
	Verify      logVerifyCommand   `cmd:"" help:"Recompute the root from all entries and check every witness."`
	Consistency consistencyCommand `cmd:"" help:"Prove that a later log of a size continues an earlier one."`
}

// logPlace is where a log lies.
type logPlace struct {
	Home string `help:"Home folder, log folder or URL." default:"." placeholder:"PLACE"`
	trusted
}

// opened is a log with the policy of its own charter.
type opened struct {
	source     *replay.Source
	reader     *tlog.Reader
	sealed     []byte
	checkpoint []byte
	head       ledger.Checkpoint
	policy     ledger.Policy
}

func (p logPlace) open(ctx context.Context) (*opened, error) {
	anchor, err := p.anchor()
	if err != nil {
		return nil, err
	}
	o := &opened{}
	if o.source, err = replay.Open(ctx, p.Home); err != nil {
		return nil, err
	}
	o.reader = o.source.Log()
	var rules comity.Charter
	if o.sealed, rules, err = o.source.Charter(ctx); err != nil {
		return nil, err
	}
	if digest := canon.Sum(o.sealed); anchor != nil && !anchor.Matches(digest) {
		return nil, fmt.Errorf("%w: the log is of %q, pinned is %q", replay.ErrAnchor, digest.Words(), anchor)
	}
	o.policy = ledger.PolicyOf(rules)
	if o.checkpoint, o.head, err = o.reader.Check(o.policy); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *opened) data() map[string]any {
	names := []string{}
	for _, c := range o.head.Cosigned {
		names = append(names, c.Name)
	}
	return map[string]any{
		"origin": o.head.Origin, "size": fmt.Sprint(o.head.Size), "root": o.head.Root.String(), "witnesses": names,
		"charter": canon.Sum(o.sealed).String(), "words": canon.Sum(o.sealed).Words(),
	}
}

type checkpointCommand struct{ logPlace }

// Run prints the checkpoint as it is.
func (c *checkpointCommand) Run(ctx context.Context, t *terminal) error {
	o, err := c.open(ctx)
	if err != nil {
		return err
	}
	return t.result("checkpoint", o.data(), string(o.checkpoint))
}

type proofCommand struct {
	logPlace
	Index int64 `arg:"" help:"Log index, from 0."`
}

// Run writes a receipt.
func (c *proofCommand) Run(ctx context.Context, t *terminal) error {
	o, err := c.open(ctx)
	if err != nil {
		return err
	}
	if c.Index < 0 || c.Index >= o.head.Size {
		return fmt.Errorf("entry %d: %w: the log has entries 0 to %d", c.Index, fs.ErrNotExist, o.head.Size-1)
	}
	data, err := o.source.Receipt(ctx, c.Index, o.sealed, o.checkpoint)
	if err != nil {
		return err
	}
	return t.result("proof", map[string]string{"proof": base64.StdEncoding.EncodeToString(data)}, string(data))
}

type logVerifyCommand struct{ logPlace }

// Run checks the log against its own root. tlog.Reader recomputes it from the entries.
func (c *logVerifyCommand) Run(ctx context.Context, t *terminal) error {
	o, err := c.open(ctx)
	if err != nil {
		return err
	}
	return t.result("log", o.data(), fmt.Sprintf("ok  %s lead to root %s\nok  %d of %d witnesses cosigned, %d needed\n",
		count(int(o.head.Size), "entry"), o.head.Root, len(o.head.Cosigned), len(o.policy.Witnesses), o.policy.Threshold))
}

type consistencyCommand struct {
	logPlace
	Old        int64  `arg:"" help:"Earlier size, in entries."`
	New        int64  `arg:"" optional:"" help:"Later size; default: the newest."`
	Checkpoint string `help:"File with a checkpoint of the earlier size that you kept; the log must continue it." placeholder:"FILE"`
}

// Run proves that the log only grew.
func (c *consistencyCommand) Run(ctx context.Context, t *terminal) error {
	o, err := c.open(ctx)
	if err != nil {
		return err
	}
	if c.New == 0 {
		c.New = o.head.Size
	}
	switch seen := max(c.Old, c.New); {
	case seen > o.head.Size:
		return fmt.Errorf("%w: it has %d entries now, %d were seen", ledger.ErrRollback, o.head.Size, seen)
	case c.Old < 0 || c.Old > c.New:
		return usageError{fmt.Errorf("sizes %d and %d: give the earlier one first, from 0", c.Old, c.New)}
	}
	older, newer, proof, err := o.reader.Between(ctx, c.Old, c.New)
	if err != nil {
		return err
	}
	if c.Checkpoint != "" {
		if err := o.continues(c.Checkpoint, older); err != nil {
			return fmt.Errorf("%s: %w", c.Checkpoint, err)
		}
	}
	if err := ledger.CheckConsistency(older, newer, proof); err != nil {
		return err
	}
	lines := []string{}
	var text strings.Builder
	fmt.Fprintf(&text, "ok  the log of %s continues that of %s\n", count(int(newer.Size), "entry"), grouped(older.Size))
	for _, h := range proof {
		lines = append(lines, h.String())
		fmt.Fprintln(&text, h)
	}
	data := o.data()
	data["old"], data["new"], data["proof"] = fmt.Sprint(older.Size), fmt.Sprint(newer.Size), lines
	return t.result("consistency", data, text.String())
}

// continues checks a checkpoint that somebody kept against the log's own tree of that size.
func (o *opened) continues(file string, then ledger.Checkpoint) error {
	data, err := readBounded(file, maxCharter)
	if err != nil {
		return err
	}
	kept, err := ledger.ParseCheckpoint(data, o.policy)
	switch {
	case err != nil:
		return err
	case kept.Size != then.Size:
		return usageError{fmt.Errorf("the checkpoint is of size %d; give %d as the earlier size", kept.Size, kept.Size)}
	case kept.Root != then.Root:
		return fmt.Errorf("%w: size %d has root %s in it and %s in the log; keep both", ledger.ErrRollback, kept.Size, kept.Root, then.Root)
	}
	return nil
}
