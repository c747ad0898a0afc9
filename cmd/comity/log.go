package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"comity"
	"comity/adapter/tlog"
	"comity/canon"
	"comity/governor/charter"
	"comity/replay"
	"comity/verifier/ledger"
)

type logCommand struct {
	Checkpoint  checkpointCommand  `cmd:"" help:"Print the newest witnessed checkpoint."`
	Proof       proofCommand       `cmd:"" help:"Write the receipt of one entry to standard output."`
	Verify      logVerifyCommand   `cmd:"" help:"Recompute the root from all entries and check every witness."`
	Consistency consistencyCommand `cmd:"" help:"Prove that a later log of a size continues an earlier one."`
}

// place is where a log lies.
type place struct {
	Home    string   `help:"Home folder, log folder or URL." default:"." placeholder:"PLACE"`
	Charter []string `help:"Digest or eight words of the charter you trust." placeholder:"WORDS" sep:"none"`
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

func (p place) open(ctx context.Context) (*opened, error) {
	anchor, err := anchorOf(p.Charter)
	if err != nil {
		return nil, err
	}
	o := &opened{}
	if o.source, err = replay.Open(ctx, p.Home); err != nil {
		return nil, err
	}
	o.reader = o.source.Log()
	first, err := o.reader.Entries(ctx, 0, 1)
	if err != nil {
		return nil, err
	}
	e, err := ledger.Parse(first[0])
	if err != nil {
		return nil, fmt.Errorf("entry 0: %w", err)
	}
	st := e.Statement()
	if st.Kind != comity.KindCharter {
		return nil, fmt.Errorf("entry 0: %w: a %s statement, want the charter", ledger.ErrMalformed, st.Kind)
	}
	rules, digest, err := charter.Open(st.Record)
	if err != nil {
		return nil, fmt.Errorf("entry 0: %w", err)
	}
	if anchor != nil && !anchor.Matches(digest) {
		return nil, fmt.Errorf("%w: the log is of %q, pinned is %q", replay.ErrAnchor, digest.Words(), anchor)
	}
	o.sealed, o.policy = st.Record, ledger.PolicyOf(rules)
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

type checkpointCommand struct{ place }

// Run prints the checkpoint as it is.
func (c *checkpointCommand) Run(ctx context.Context, t *terminal) error {
	o, err := c.open(ctx)
	if err != nil {
		return err
	}
	return t.result("checkpoint", true, o.data(), string(o.checkpoint))
}

type proofCommand struct {
	place
	Index int64 `arg:"" help:"Log index, from 0."`
}

// Run writes a receipt.
func (c *proofCommand) Run(ctx context.Context, t *terminal) error {
	o, err := c.open(ctx)
	if err != nil {
		return err
	}
	if c.Index < 0 || c.Index >= o.head.Size {
		return fmt.Errorf("entry %d: %w: the log has %d", c.Index, os.ErrNotExist, o.head.Size)
	}
	data, err := o.source.Receipt(ctx, c.Index, o.sealed, o.checkpoint)
	if err != nil {
		return err
	}
	return t.result("proof", true, map[string]string{"proof": base64.StdEncoding.EncodeToString(data)}, string(data))
}

type logVerifyCommand struct{ place }

// Run checks the log against its own root. tlog.Reader recomputes it from the entries.
func (c *logVerifyCommand) Run(ctx context.Context, t *terminal) error {
	o, err := c.open(ctx)
	if err != nil {
		return err
	}
	return t.result("log", true, o.data(), fmt.Sprintf("ok  %d entries lead to root %s\nok  %d of %d witnesses, %d needed\n",
		o.head.Size, o.head.Root, len(o.head.Cosigned), len(o.policy.Witnesses), o.policy.Threshold))
}

type consistencyCommand struct {
	place
	Old        int64  `arg:"" help:"Earlier size."`
	New        int64  `arg:"" optional:"" help:"Later size; default: the newest."`
	Checkpoint string `help:"File with an earlier checkpoint that you kept; its root must be the log's at that size." placeholder:"FILE"`
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
	if c.New > o.head.Size {
		return fmt.Errorf("%w: it has %d entries, %d were claimed", ledger.ErrRollback, o.head.Size, c.New)
	}
	older, newer, proof, err := o.reader.Between(ctx, c.Old, c.New)
	if err != nil {
		return err
	}
	if c.Checkpoint != "" {
		if older, err = o.kept(c.Checkpoint); err != nil {
			return err
		}
	}
	if err := ledger.CheckConsistency(older, newer, proof); err != nil {
		return err
	}
	var lines []string
	for _, h := range proof {
		lines = append(lines, h.String())
	}
	data := o.data()
	data["proof"] = lines
	return t.result("consistency", true, data, fmt.Sprintf("ok  the log of %d entries continues that of %d\n%s\n", newer.Size, older.Size, strings.Join(lines, "\n")))
}

// kept reads a checkpoint that somebody kept.
func (o *opened) kept(file string) (ledger.Checkpoint, error) {
	data, err := readBounded(file, maxCharter)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	return ledger.ParseCheckpoint(data, o.policy)
}
