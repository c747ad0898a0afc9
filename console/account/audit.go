package account

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
	"comity/verifier/ledger"
)

// Audit is the account of the log and of what can be checked.
type Audit struct {
	Body       string       `json:"body"`
	Charter    canon.Digest `json:"charter"`
	Words      string       `json:"words"` // The charter's digest as eight words.
	Version    int          `json:"version"`
	InForce    bool         `json:"in_force"`
	Expires    string       `json:"expires"`
	Size       int          `json:"size"` // Statements that are logged.
	Root       canon.Digest `json:"root"`
	Time       int          `json:"log_time"` // Seconds since 1970; 0 before the first TICK.
	Origin     string       `json:"origin"`
	Operator   party.ID     `json:"operator"`
	Threshold  int          `json:"threshold"` // Witnesses that must have cosigned.
	Checkpoint Checkpoint   `json:"checkpoint"`
	Decisions  []Decision   `json:"decisions"` // Newest first.
	Receipts   []Receipt    `json:"receipts"`  // The charter's, then newest first.
	Models     Models       `json:"models"`
}

// Checkpoint is the newest checkpoint that the log publishes, checked with the charter's
// keys. Size 0 means that there is none, or none that checks; Trouble then says why.
type Checkpoint struct {
	Size      int64     `json:"size"`
	Root      string    `json:"root"` // In base64, as the checkpoint has it.
	Witnesses []Witness `json:"witnesses"`
	Cosigned  int       `json:"cosigned"`
	Newest    int64     `json:"newest"` // The latest cosignature, in seconds since 1970.
	Trouble   string    `json:"trouble,omitempty"`
}

// Witness is one witness that counts.
type Witness struct {
	Party party.ID `json:"party"`
	Name  string   `json:"name"`
	At    int64    `json:"at"` // When it cosigned, in seconds since 1970; 0 if it did not.
}

// Decision is one line in the list of decisions.
type Decision struct {
	Period   string          `json:"period"`
	Total    quantity.Amount `json:"total"`
	Unit     string          `json:"unit"`
	Gap      exact.Rat       `json:"gap"`
	Checks   int             `json:"checks"`
	Dissents int             `json:"dissents"`
	Effect   bool            `json:"effective"`
}

// Receipt is one file that proves a statement.
type Receipt struct {
	File string `json:"file"`
	Size int64  `json:"bytes"`
}

// Audit returns the account of the log. Log and receipts are folders.
func (b Book) Audit(log, receipts string) (Audit, error) {
	v, t := b.View, b.Charter.Transparency
	a := Audit{
		Body: v.Body, Charter: v.Charter, Words: v.Charter.Words(), Version: b.Charter.Version, InForce: v.InForce,
		Expires: b.Charter.Sunset.Expires, Size: v.Size, Root: v.Root, Time: v.Time,
		Origin: t.Log.Origin, Operator: t.Log.Operator, Threshold: t.Witnesses.Threshold,
		Checkpoint: b.Checkpoint(log),
	}
	for _, period := range slices.Backward(b.Decided()) {
		d := v.Decisions[period]
		total, err := comity.Total(d.Allocation.Parties)
		if err != nil {
			return a, fmt.Errorf("total of %s: %w", period, err)
		}
		a.Decisions = append(a.Decisions, Decision{
			Period: period, Total: total, Unit: b.Charter.Scope.Unit, Gap: d.Allocation.Certificate.Stages[0].Gap,
			Checks: len(d.Checks), Dissents: len(d.Dissents), Effect: b.Effective[period],
		})
	}
	var err error
	if a.Models, err = b.Models(); err != nil {
		return a, err
	}
	for _, m := range a.Models.Models {
		for i := range m.Scores {
			m.Scores[i].Cells = nil // Years of them outgrow a page; comity model show has them.
		}
	}
	a.Receipts, err = Receipts(receipts)
	return a, err
}

// Receipts lists the receipt files of a folder, the charter's first, then the newest; a
// folder that is not there yet has none.
func Receipts(folder string) ([]Receipt, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Receipt
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".proof") || strings.HasPrefix(e.Name(), ".") || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // Replaced while we looked; the next look finds it.
		}
		out = append(out, Receipt{File: e.Name(), Size: info.Size()})
	}
	slices.SortStableFunc(out, func(x, y Receipt) int { return strings.Compare(order(x.File), order(y.File)) })
	slices.Reverse(out)
	return out, nil
}

// order puts the charter first, then the newest decision, with its allocation before its
// picture and model, in descending order.
func order(file string) string {
	if file == "charter.proof" {
		return "~"
	}
	const day = len("2006-01-02")
	if len(file) > day && strings.HasPrefix(file[day:], "-allocation") {
		return file[:day] + "~"
	}
	return file
}

// maxCheckpoint bounds the checkpoint file, as package ledger bounds its bytes.
const maxCheckpoint = 64 << 10

// Checkpoint reads the newest checkpoint in a log's folder and who cosigned it.
func (b Book) Checkpoint(log string) Checkpoint {
	policy := ledger.PolicyOf(b.Charter)
	var c Checkpoint
	for _, p := range b.Charter.Parties {
		if _, ok := policy.WitnessOf(p.ID); ok {
			c.Witnesses = append(c.Witnesses, Witness{Party: p.ID, Name: party.WitnessName(p.ID)})
		}
	}
	data, err := readSmall(filepath.Join(log, "checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return c
	}
	if err == nil {
		err = c.check(data, policy)
	}
	if err != nil {
		c.Trouble = err.Error()
	}
	return c
}

// check verifies every cosignature that the policy knows, not only as many as it needs.
func (c *Checkpoint) check(data []byte, policy ledger.Policy) error {
	needed := policy.Threshold
	policy.Threshold = len(policy.Witnesses)
	all, err := ledger.Normalise(data, policy)
	if err != nil {
		return err
	}
	// After the empty line stand the log's line and one for each witness.
	_, lines, _ := bytes.Cut(all, []byte("\n\n"))
	policy.Threshold = bytes.Count(lines, []byte("\n")) - 1
	if policy.Threshold < needed {
		return fmt.Errorf("%w: %d of %d needed cosigned", ledger.ErrWitnesses, policy.Threshold, needed)
	}
	checkpoint, err := ledger.ParseCheckpoint(all, policy)
	if err != nil {
		return err
	}
	c.Size, c.Root, c.Cosigned = checkpoint.Size, checkpoint.Root.String(), len(checkpoint.Cosigned)
	for _, s := range checkpoint.Cosigned {
		i := slices.IndexFunc(c.Witnesses, func(w Witness) bool { return w.Name == s.Name })
		if i >= 0 {
			c.Witnesses[i].At = s.UnixTime
			c.Newest = max(c.Newest, s.UnixTime)
		}
	}
	return nil
}

func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxCheckpoint {
		return nil, fmt.Errorf("%s: %d bytes, at most %d", name, info.Size(), maxCheckpoint)
	}
	return os.ReadFile(name)
}
