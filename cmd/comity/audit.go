package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"comity/audit"
	"comity/canon"
	"comity/replay"
	"comity/verifier/ledger"
)

type auditCommand struct {
	Verify verifyCommand `cmd:"" help:"Check receipts: no network, no hub, no solver."`
	Replay replayCommand `cmd:"" help:"Fold a whole log and re-compute everything in it."`
}

type verifyCommand struct {
	Files   []string `arg:"" help:"Receipt files; - reads standard input."`
	Charter []string `help:"Digest (sha256:...) or eight words of the charter you trust." placeholder:"WORDS" sep:"none"`
}

// verifiedFile is one file's part of the JSON document.
type verifiedFile struct {
	File string `json:"file"`
	audit.Report
}

// Run checks every file and fails with the first failure's code if any fails.
func (c *verifyCommand) Run(t *terminal) error {
	anchor, err := anchorOf(c.Charter)
	if err != nil {
		return err
	}
	var all []verifiedFile
	var text strings.Builder
	var first error
	for _, name := range c.Files {
		report, err := verifyFile(name, anchor)
		if err != nil {
			return err
		}
		all = append(all, verifiedFile{name, report})
		writeReport(&text, name, report)
		if first == nil && report.Err != nil {
			first = fmt.Errorf("%s: %w", name, report.Err)
		}
	}
	if first != nil && t.json {
		// The document says what was checked; the exit code says what failed.
		return errors.Join(t.result("verify", false, map[string]any{"files": all}, ""), quiet{first})
	}
	if err := t.result("verify", first == nil, map[string]any{"files": all}, text.String()); err != nil {
		return err
	}
	if first != nil {
		return quiet{first}
	}
	return nil
}

// quiet is an error that the result has already explained.
type quiet struct{ error }

func (q quiet) Unwrap() error { return q.error }

func anchorOf(words []string) (*canon.Anchor, error) {
	if len(words) == 0 {
		return nil, nil //nolint:nilnil // No anchor is a valid choice, and the report says so.
	}
	a, err := canon.ParseAnchor(strings.Join(words, " "))
	if err != nil {
		return nil, err
	}
	return &a, nil
}

func verifyFile(name string, anchor *canon.Anchor) (audit.Report, error) {
	data, err := readBounded(name, ledger.MaxReceipt)
	if err != nil {
		return audit.Report{}, err
	}
	return audit.Receipt(data, anchor), nil
}

// readBounded reads a file, or standard input for "-", of at most limit bytes.
func readBounded(name string, limit int64) ([]byte, error) {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // Read only.
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: %w: more than %d bytes", name, ledger.ErrMalformed, limit)
	}
	return data, nil
}

func writeReport(b *strings.Builder, name string, r audit.Report) {
	fmt.Fprintf(b, "%s\n", name)
	for _, c := range r.Checks {
		mark := "ok  "
		if !c.OK {
			mark = "FAIL"
		}
		fmt.Fprintf(b, "  %s  %-10s %s\n", mark, c.Name, c.Detail)
	}
	switch {
	case !r.Verified:
		b.WriteString("NOT VERIFIED. Keep this file: it is evidence. Show it to a party of the consortium.\n")
	case r.Anchor == "pinned":
		b.WriteString("VERIFIED under the charter that you pinned.\n")
	default:
		fmt.Fprintf(b, "VERIFIED, self-consistent under charter\n  %s\nAnybody can found a consortium that agrees with itself: compare these words with a\nsource you trust, or pin them: --charter \"%s\"\n", r.Words, r.Words)
	}
}

type replayCommand struct {
	Place   string   `arg:"" help:"Home folder, log folder or URL."`
	Charter []string `help:"Digest or eight words of the charter you trust." placeholder:"WORDS" sep:"none"`
}

// Run replays a log.
func (c *replayCommand) Run(ctx context.Context, t *terminal) error {
	anchor, err := anchorOf(c.Charter)
	if err != nil {
		return err
	}
	source, err := replay.Open(ctx, c.Place)
	if err != nil {
		return err
	}
	t.say("replaying %s", c.Place)
	s, err := replay.Run(ctx, source, anchor)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(`ok  %d statements folded by the rules, %d signatures
ok  %d rounds: %d sums match what members committed to, %d models trained again to the same digest
ok  %d allocations, %d certificates, %d in effect
ok  head %s
REPLAYED under charter (%s)
  %s
`, s.Statements, s.Signatures, s.Rounds, s.Sums, s.Models, s.Allocations, s.Certificates, s.Effective, s.Head, s.Anchor, s.Words)
	return t.result("replay", true, s, text)
}
