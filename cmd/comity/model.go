package main

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"comity/body"
	"comity/canon"
	"comity/console/account"
	"comity/durable"
	"comity/modeler/forecast"
)

type modelCommand struct {
	List   modelListCommand   `cmd:"" help:"List the models of a consortium: which is in force, which on trial."`
	Show   modelShowCommand   `cmd:"" help:"Show one model: its status, its scores over time, and how to check it."`
	Export modelExportCommand `cmd:"" help:"Write one model as JSON, for anybody's use."`
}

// models folds the log and returns the account of its models.
func (p logPlace) models(ctx context.Context) (*opened, account.Models, error) {
	o, err := p.open(ctx)
	if err != nil {
		return nil, account.Models{}, err
	}
	state, err := o.source.State(ctx)
	if err != nil {
		return nil, account.Models{}, err
	}
	book := account.Open(func(f func(*body.State)) { f(state) }, "")
	m, err := book.Models()
	return o, m, err
}

// model finds one by digest or words.
func (p logPlace) model(ctx context.Context, name string) (*opened, account.Model, error) {
	asked, err := canon.ParseAnchor(name)
	if err != nil {
		return nil, account.Model{}, usageError{err}
	}
	o, all, err := p.models(ctx)
	if err != nil {
		return nil, account.Model{}, err
	}
	for _, m := range all.Models {
		if asked.Matches(m.Digest) {
			return o, m, nil
		}
	}
	return nil, account.Model{}, fmt.Errorf("model %s: %w: the log has %s; see comity model list", name, fs.ErrNotExist, count(len(all.Models), "model"))
}

type modelListCommand struct{ logPlace }

// Run lists the models.
func (c *modelListCommand) Run(ctx context.Context, t *terminal) error {
	_, all, err := c.models(ctx)
	if err != nil {
		return err
	}
	var b strings.Builder
	if len(all.Models) == 0 {
		b.WriteString("no model yet\n")
	}
	for _, m := range all.Models {
		fmt.Fprintf(&b, "%-11s  %s\n", statusText(m.Status), m.Words)
		lines := []string{m.Digest.String(), fmt.Sprintf("trained %s, retires by %s", m.Trained, m.RetireBy), besideText(m.Served)}
		if m.Tried.Ratio != "" {
			lines = append(lines, "on trial "+besideText(m.Tried))
		}
		for _, line := range lines {
			fmt.Fprintf(&b, "%13s%s\n", "", line)
		}
	}
	return t.result("model-list", all, b.String())
}

func statusText(s body.Status) string { return strings.ReplaceAll(string(s), "_", " ") }

// besideText words a sum of scores beside its reference.
func besideText(s account.ModelScore) string {
	if s.Ratio == "" {
		return "not scored"
	}
	against := "carried forecasts"
	if s.Against != account.Carried {
		against = "the model in force"
	}
	return fmt.Sprintf("%s of %s, %s", s.Ratio, against, count(int(s.Forecasts), "forecast"))
}

// modelData is the JSON form of one model.
type modelData struct {
	account.Model
	Skill  forecast.Skill `json:"skill"`  // What cooperation changed when it was trained.
	Replay string         `json:"replay"` // What trains it again from the logged sums.
}

type modelShowCommand struct {
	logPlace
	Digest string `arg:"" help:"Digest of the model, or its eight words joined by hyphens."`
}

// Run shows one model.
func (c *modelShowCommand) Run(ctx context.Context, t *terminal) error {
	o, m, err := c.model(ctx, c.Digest)
	if err != nil {
		return err
	}
	read, err := o.weights(ctx, m)
	if err != nil {
		return err
	}
	d := modelData{
		Model: m, Skill: read.Skill,
		Replay: command("learn", "verify", m.Round, "--home", c.Home, "--charter", canon.Sum(o.sealed).Words()),
	}
	return t.result("model-show", d, d.text())
}

// weights reads a model's blob and refuses one that cannot forecast.
func (o *opened) weights(ctx context.Context, m account.Model) (*forecast.Model, error) {
	data, err := o.source.Blob(ctx, m.Digest)
	if err != nil {
		return nil, err
	}
	return forecast.ParseModel(data)
}

func (d modelData) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", d.Digest, d.Words)
	fmt.Fprintf(&b, "status   %s since %s, retires by %s\n", statusText(d.Status), d.Since, d.RetireBy)
	fmt.Fprintf(&b, "code     %s as %s, plan %s\n", d.Task, d.Interface, d.Plan)
	fmt.Fprintln(&b, hang("trained  ", fmt.Sprintf("in %s by %s", d.Round, memberNames(d.Members))))
	fmt.Fprintln(&b, hang("gained   ", fmt.Sprintf("error %s together, %s alone, smaller at %d of %d places",
		millionths(int64(d.Skill.Together)), millionths(int64(d.Skill.Alone)), d.Skill.Better, d.Skill.Places)))
	fmt.Fprintln(&b, hang("served   ", fmt.Sprintf("%s; %s", count(len(d.Rounds), "round"), besideText(d.Served))))
	for _, s := range d.Scores {
		fmt.Fprintf(&b, "  %s  %s, of %s; %d in 50 %%, %d in 90 %%\n", s.Period, besideText(s), count(int(s.Members), "member"), s.Within50, s.Within90)
	}
	fmt.Fprintf(&b, "train it again from the sums:\n  %s\n", d.Replay)
	return b.String()
}

type modelExportCommand struct {
	logPlace
	Digest string `arg:"" help:"Digest of the model, or its eight words joined by hyphens."`
	Out    string `required:"" help:"Write the model to this file." placeholder:"FILE"`
}

// modelExportData says what was written.
type modelExportData struct {
	Digest canon.Digest `json:"digest"`
	Out    string       `json:"out"`
	Bytes  string       `json:"bytes"`
}

// Run writes the very bytes that the log names: canonical JSON as docs/format/forecast.md
// says.
func (c *modelExportCommand) Run(ctx context.Context, t *terminal) error {
	o, m, err := c.model(ctx, c.Digest)
	if err != nil {
		return err
	}
	data, err := o.source.Blob(ctx, m.Digest)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(c.Out, data); err != nil {
		return err
	}
	return t.result("model-export", modelExportData{m.Digest, c.Out, strconv.Itoa(len(data))},
		fmt.Sprintf("%s written to %s, %s; its digest is %s\n", m.Words, c.Out, count(len(data), "byte"), m.Digest))
}
