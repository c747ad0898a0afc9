package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"comity"
	"comity/durable"
	"comity/fleet"
	"comity/node"
	"comity/party"
)

// exportCommand writes a bundle: of the hub for a member, or of a member for the hub.
type exportCommand struct {
	Bundle string `help:"Write the next bundle for this member, which the running hub then waits for in questions. Without ID, in a member's own home: the reply again." placeholder:"[ID]" required:""`
	Home   string `help:"Folder of the hub, or the member's own." required:"" placeholder:"DIR"`
	Out    string `help:"File or folder to write to. Default: ID.bundle, or ID.reply." placeholder:"FILE"`
	Whole  bool   `help:"With the whole log, for a member that lost what it kept of it."`
}

// exportData is the JSON form of a bundle that was written.
type exportData struct {
	Party  string   `json:"party"` // The member.
	File   string   `json:"file"`
	Number int      `json:"number"`
	Bytes  int      `json:"bytes"`
	Size   int      `json:"log_size"`
	Due    []string `json:"due"` // What it asks of the member.
	Next   string   `json:"next"`
}

// Run writes one file.
func (c *exportCommand) Run(ctx context.Context, t *terminal) error {
	own, err := findOwn(c.Home)
	if err != nil {
		return err
	}
	if own != nil {
		return c.reply(own, t)
	}
	if c.Bundle == itself {
		return usageError{fmt.Errorf("%s is no member's own home; give --bundle ID", c.Home)}
	}
	folder, err := filepath.Abs(c.Home)
	if err != nil {
		return err
	}
	data, err := fleet.WriteBundle(ctx, node.Home(folder), party.ID(c.Bundle), c.Whole)
	if err != nil {
		return err
	}
	d, err := c.write(data, c.Bundle, ".bundle")
	if err != nil {
		return err
	}
	d.Next = command("import", filepath.Base(d.File), "--home", c.Bundle)
	asks := "nothing is due of it now"
	if len(d.Due) > 0 {
		asks = "it asks for: " + strings.Join(d.Due, ", ")
	}
	return t.result("export", d, fmt.Sprintf("%s: bundle %d for %s, %s, the log up to %s; %s\nAt %s:\n  %s\n",
		d.File, d.Number, c.Bundle, bytesText(int64(d.Bytes)), count(d.Size, "entry"), asks, c.Bundle, d.Next))
}

// reply writes the member's newest reply again: the stick may be lost.
func (c *exportCommand) reply(own *ownHome, t *terminal) error {
	id := string(own.membership.Party)
	if c.Bundle != itself && c.Bundle != id || c.Whole {
		return usageError{fmt.Errorf("%s is the home of member %s; give --bundle alone", c.Home, id)}
	}
	data, err := node.LastReply(own.Home)
	if err != nil {
		return fmt.Errorf("%w: %s has answered no bundle; comity import one", err, id)
	}
	d, err := c.write(data, id, ".reply")
	if err != nil {
		return err
	}
	d.Next = command("import", filepath.Base(d.File), "--home", "HUB")
	return t.result("export", d, fmt.Sprintf("%s: the reply to bundle %d, %s\nAt the hub:\n  %s\n", d.File, d.Number, bytesText(int64(d.Bytes)), d.Next))
}

// write puts a bundle where the command line says.
func (c *exportCommand) write(data []byte, id, ending string) (exportData, error) {
	b, err := node.ParseBundle(data)
	if err != nil {
		return exportData{}, err
	}
	file := c.Out
	if info, err := os.Stat(file); file == "" || err == nil && info.IsDir() {
		file = filepath.Join(file, id+ending)
	}
	d := exportData{Party: id, File: file, Number: b.Number, Bytes: len(data), Size: b.Size, Due: append([]string{}, b.Due()...)}
	return d, durable.WriteFile(file, data)
}

// importCommand takes a bundle at its other end.
type importCommand struct {
	File string `arg:"" help:"The bundle, or the reply."`
	Home string `help:"Folder of the hub, or the member's own." required:"" placeholder:"DIR"`
	Out  string `help:"In a member's own home: where to write the reply. Default: ID.reply beside the bundle." placeholder:"FILE"`
}

// importData is the JSON form of a bundle that a member took.
type importData struct {
	Party   string   `json:"party"`
	Number  int      `json:"number"`
	Size    int      `json:"log_size"`
	Round   string   `json:"round"` // The question that is under way, empty if there is none.
	Phase   string   `json:"phase"`
	Refusal string   `json:"refusal"` // Why the member takes no part in it, empty if it does.
	Said    []string `json:"said"`    // Statements in the reply.
	Ahead   int      `json:"ahead"`   // How many of them wait for others to speak.
	Trouble []string `json:"trouble"`
	Reply   string   `json:"reply"` // The file.
	Next    string   `json:"next"`
}

// takenData is the JSON form of a reply that the hub took.
type takenData struct {
	Party string `json:"party"`
	News  int    `json:"news"` // Statements that the log does not have yet.
}

// Run does what the bundle asks, or hands the reply to the hub.
func (c *importCommand) Run(ctx context.Context, t *terminal) error {
	data, err := readBounded(c.File, node.MaxBundle)
	if err != nil {
		return err
	}
	if _, err := node.ParseBundle(data); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	own, err := findOwn(c.Home)
	if err != nil {
		return err
	}
	if own != nil {
		return c.visit(ctx, t, own, data)
	}
	folder, err := filepath.Abs(c.Home)
	if err != nil {
		return err
	}
	if c.Out != "" {
		return usageError{errors.New("--out goes with a member's own home")}
	}
	r, err := fleet.TakeReply(ctx, node.Home(folder), data)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	text := fmt.Sprintf("%s: the hub took it; %s of %s wait to be logged\n", c.File, count(r.News, "statement"), r.Party)
	if r.News == 0 {
		text = fmt.Sprintf("%s: the hub took it; it has nothing that the log does not have\n", c.File)
	}
	return t.result("import", takenData{string(r.Party), r.News}, text)
}

// visit answers a bundle.
func (c *importCommand) visit(ctx context.Context, t *terminal, own *ownHome, bundle []byte) error {
	id := string(own.membership.Party)
	v, err := fleet.VisitHome(ctx, fleet.Config{Home: own.Home, Cache: cacheFolder(), Clock: time.Now, Schemas: knownSchemas()}, own.rows, bundle)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	out := &exportCommand{Out: c.Out}
	if out.Out == "" {
		out.Out = filepath.Dir(c.File)
	}
	written, err := out.write(v.Reply, id, ".reply")
	if err != nil {
		return fmt.Errorf("%w; what was done is kept; to write the reply elsewhere: %s", err, command("export", "--bundle", "--home", string(own.Home), "--out", "FILE"))
	}
	d := importData{
		Party: id, Number: v.Number, Size: v.Size, Round: v.Round, Phase: string(v.Phase), Refusal: v.Refusal, Said: []string{}, Ahead: v.Ahead,
		Trouble: append([]string{}, v.Trouble...), Reply: written.File, Next: command("import", filepath.Base(written.File), "--home", "HUB"),
	}
	for _, kind := range v.Said {
		d.Said = append(d.Said, string(kind))
	}
	return t.result("import", d, d.text(v.Said))
}

func (d importData) text(said []comity.Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "bundle %d: the log has %s, and continues what this home has seen\n", d.Number, count(d.Size, "entry"))
	if d.Round != "" {
		fmt.Fprintf(&b, "question %s: %s\n", d.Round, d.Phase)
	}
	if d.Refusal != "" {
		fmt.Fprintln(&b, hang("refused, and not asked again: ", d.Refusal))
	}
	for _, text := range d.Trouble {
		fmt.Fprintln(&b, hang("not done: ", text))
	}
	if len(said) == 0 {
		b.WriteString("nothing is due; the reply says what was received\n")
	} else {
		fmt.Fprintf(&b, "signed: %s", strings.Join(d.Said, ", "))
		if d.Ahead > 0 {
			fmt.Fprintf(&b, " (the last %d for when the others have spoken)", d.Ahead)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s: the reply. At the hub:\n  %s\n", d.Reply, d.Next)
	return b.String()
}
