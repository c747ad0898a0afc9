package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"comity/adapter/highs"
	"comity/audit"
	"comity/canon"
	"comity/replay"
	"comity/verifier/ledger"
)

type auditCommand struct {
	Verify verifyCommand `cmd:"" help:"Check receipts: no network, no hub, no solver."`
	Replay replayCommand `cmd:"" help:"Fold a whole log and re-compute everything in it."`
}

// trusted is the charter that the person already trusts, if any.
type trusted struct {
	Charter string `help:"Charter that you trust: its digest (sha256:...) or its eight words." placeholder:"WORDS"`
}

// anchor returns nil without --charter: that is a valid choice, and reports say so.
func (c trusted) anchor() (*canon.Anchor, error) {
	if c.Charter == "" {
		return nil, nil //nolint:nilnil // See above.
	}
	a, err := canon.ParseAnchor(c.Charter)
	if err != nil {
		return nil, usageError{fmt.Errorf("--charter: %w", err)}
	}
	return &a, nil
}

type verifyCommand struct {
	Files []string `arg:"" help:"Receipt files; - reads standard input."`
	trusted
}

// verifiedFile is one file's part of the JSON document.
type verifiedFile struct {
	File string `json:"file"`
	audit.Report
}

// Run checks every file, whatever becomes of the others, and fails with the code of the
// first that fails.
func (c *verifyCommand) Run(t *terminal) error {
	anchor, err := c.anchor()
	if err != nil {
		return err
	}
	all := make([]verifiedFile, 0, len(c.Files))
	var first error
	for _, name := range c.Files {
		f := verifiedFile{name, verifyFile(name, anchor)}
		all = append(all, f)
		if f.Err != nil {
			first = cmp.Or(first, fmt.Errorf("%s: %w", name, f.Err))
		}
	}
	data, text := map[string]any{"files": all}, verdict(t, all)
	if first != nil {
		return &refusal{cause: first, data: data, text: text}
	}
	return t.result("verify", data, text)
}

// verifyFile checks one file. A file that cannot be read fails the check "file".
func verifyFile(name string, anchor *canon.Anchor) audit.Report {
	data, err := readBounded(name, ledger.MaxReceipt)
	if err != nil {
		r := audit.Receipt(nil, anchor)
		r.Err, r.Checks = err, []audit.Check{{Name: "file", Detail: reason(err)}}
		return r
	}
	return audit.Receipt(data, anchor)
}

// reason leaves out the file's name, which stands above it already.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return "cannot be read: " + e.Err.Error()
	}
	return err.Error()
}

// readBounded reads a file, or standard input for "-", of at most limit bytes. Errors
// name the file: of the operating system, ledger.ErrMalformed.
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
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: %w: more than %s bytes", name, ledger.ErrMalformed, grouped(limit))
	}
	return data, nil
}

// verdict lists the checks of every file and ends with one verdict over all of them.
func verdict(t *terminal, all []verifiedFile) string {
	var b strings.Builder
	var failed []verifiedFile
	words := map[string]bool{}
	for _, f := range all {
		fmt.Fprintf(&b, "%s\n", f.File)
		for _, c := range f.Checks {
			mark := "ok  "
			if !c.OK {
				mark = "FAIL"
			}
			line := hang(fmt.Sprintf("  %s  %-9s  ", mark, c.Name), c.Detail)
			fmt.Fprintln(&b, strings.Replace(line, "FAIL", t.paint(red, "FAIL"), 1))
		}
		if f.Err != nil {
			failed = append(failed, f)
		}
		words[f.Words] = true
	}
	pinned := all[0].Anchor == "pinned"
	switch {
	case len(failed) > 0:
		fmt.Fprintf(&b, "%s  %s\n", t.paint(red, "NOT VERIFIED"), advice(failed[0].Err))
		if len(all) > 1 {
			fmt.Fprintf(&b, "%d of %d receipts failed; the first is %s\n", len(failed), len(all), failed[0].File)
		}
	case pinned:
		fmt.Fprintf(&b, "%s  %s, under the charter that you pinned\n", t.paint(green, "VERIFIED"), count(len(all), "receipt"))
	case len(words) == 1:
		fmt.Fprintf(&b, `%s  %s, self-consistent under the charter
  %s
Anybody can found a consortium that agrees with itself. Compare these words
with a source that you trust, or pin them:
  --charter %s
`, t.paint(green, "VERIFIED"), count(len(all), "receipt"), all[0].Words, all[0].Words)
	default:
		fmt.Fprintf(&b, `%s  %s, each self-consistent, under %d different charters
Pin the one that you trust: --charter WORDS
`, t.paint(green, "VERIFIED"), count(len(all), "receipt"), len(words))
	}
	return b.String()
}

// advice says what a failure means for the person who holds the file.
func advice(err error) string {
	switch codeOf(err).exit {
	case 11:
		if errors.Is(err, audit.ErrAnchor) {
			return "It is of another consortium than the one you pinned.\nCompare the words with your source once more; if they are right, do not rely\non the file."
		}
		return "A key in it is not the one that the charter names. Do not rely on it.\nKeep the file: it is evidence. Show it to a party of the consortium."
	case 20:
		return "It is not readable as a receipt: cut short, damaged or another file.\nNothing was proved or disproved; get it again."
	case 3, 74:
		return "Nothing was checked."
	default:
		return "Do not rely on it.\nKeep the file: it is evidence. Show it to a party of the consortium."
	}
}

type replayCommand struct {
	Place string `arg:"" help:"Home folder, log folder, or URL of a log."`
	Since string `help:"Receipt that you kept: the log must continue the one in it." placeholder:"RECEIPT"`
	trusted
}

// Run replays a log.
func (c *replayCommand) Run(ctx context.Context, t *terminal) error {
	anchor, err := c.anchor()
	if err != nil {
		return err
	}
	var kept []byte
	if c.Since != "" {
		if kept, err = readBounded(c.Since, ledger.MaxReceipt); err != nil {
			return err
		}
	}
	source, err := replay.Open(ctx, c.Place)
	if err != nil {
		return err
	}
	engine, err := highs.New(highs.Config{Cache: cacheFolder()})
	if err != nil {
		return err
	}
	defer engine.Close(context.WithoutCancel(ctx)) //nolint:errcheck // Frees memory of a process that ends.
	source.Solver = engine
	since := ""
	if kept != nil {
		size, err := source.Continues(ctx, kept)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Since, err)
		}
		since = fmt.Sprintf("ok  continues the log of %s in %s\n", statements(size), c.Since)
	}
	t.say("replaying %s", count(int(source.Log().Size()), "statement"))
	s, err := replay.Run(ctx, source, anchor)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(`ok  %s folded by the rules, %s checked
ok  %s: %s match what members committed to
ok  %s trained again to the same digest
ok  %s with %s, %d in effect; %d solved again to the same units
%s%s%sok  head %s
%s`, count(s.Statements, "statement"), count(s.Signatures, "signature"), count(s.Rounds, "round"), count(s.Sums, "sum"),
		count(s.Models, "model"), count(s.Allocations, "allocation"), count(s.Certificates, "exact certificate"), s.Effective, s.Canonical,
		reread(s.Scores), questioned(s.Questions), since, s.Head, replayed(t, s))
	return t.result("replay", s, text)
}

// reread counts the weeks whose scores were read again, and says nothing where none are.
func reread(weeks int) string {
	if weeks == 0 {
		return ""
	}
	return fmt.Sprintf("ok  %s of scores read again from the sums\n", count(weeks, "statement"))
}

// questioned says what became of the questions, and nothing where none were asked.
func questioned(q replay.Questions) string {
	if q.Asked == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ok  %s: %d answered, %d refused, %d failed, %d under way\n", count(q.Asked, "question"), q.Answered, q.Refused, q.Failed, q.Unanswered)
	if q.Answered > 0 {
		fmt.Fprintf(&b, "ok  %s computed again from masked sum and masks; %s decoded\n", count(q.Answered, "sum"), count(q.Decoded, "answer"))
	}
	if q.MasksOnly > 0 {
		fmt.Fprintf(&b, "%s\n", hang("--  ", count(q.MasksOnly, "sum")+" without the fingerprint of a member: whether the masked sum holds what members committed to, only the hub and those it shows the masked vectors can check"))
	}
	if q.Disputed > 0 {
		fmt.Fprintf(&b, "%s\n", hang("!!  ", count(q.Disputed, "sum")+" disputed: fingerprints do not add up, so the hub or a member lied; do not rely on the answer before members were shown the masked vectors"))
	}
	if len(q.Spent) > 0 {
		releases := 0
		for _, s := range q.Spent {
			releases += s.Releases
		}
		fmt.Fprintf(&b, "ok  privacy: %s in %s, folded from the log\n", count(releases, "charge"), count(len(q.Spent), "account"))
	}
	return b.String()
}

func statements(n int64) string { return count(int(n), "statement") }

// replayed is the verdict over a whole log.
func replayed(t *terminal, s replay.Summary) string {
	if s.Anchor == "pinned" {
		return t.paint(green, "REPLAYED") + "  the whole log, under the charter that you pinned\n"
	}
	return fmt.Sprintf(`%s  the whole log, self-consistent under the charter
  %s
Compare these words with a source that you trust, or pin them:
  --charter %s
`, t.paint(green, "REPLAYED"), s.Words, s.Words)
}
