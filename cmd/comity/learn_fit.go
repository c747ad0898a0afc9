package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"comity/canon"
	"comity/chance"
	"comity/dataset"
	"comity/durable"
	"comity/modeler/learn"
	"comity/modeler/learn/model"
	"comity/modeler/learn/skill"
	"comity/modeler/learn/table"
	"comity/schema"
	"comity/training"
)

type learnFitCommand struct {
	File     string   `arg:"" help:"CSV (.gz is fine), Parquet, SQLite, or a folder of them; - reads CSV from standard input."`
	Target   string   `required:"" placeholder:"COLUMN" help:"What to learn: a column of numbers, or of no and yes."`
	Party    string   `placeholder:"COLUMN" help:"Names who holds each row: learn as a federation of these parties, and pooled, and compare."`
	Task     string   `enum:",regression,binary,count,quantile" default:"" help:"What to predict: regression, binary, count or quantile. Without it: binary for a target of two values, otherwise regression."`
	Level    float64  `default:"0.5" help:"Of --task quantile: 0.001 to 0.999."`
	Model    string   `enum:"additive,trees,linear" default:"additive" help:"additive, trees or linear."`
	Out      string   `required:"" placeholder:"FILE" help:"Where the model goes (docs/format/learned.md)."`
	Without  []string `placeholder:"COLUMN" help:"Columns not to learn from, separated by commas."`
	Category []string `placeholder:"COLUMN" help:"Columns whose numbers are names of categories, separated by commas."`
	Schema   string   `placeholder:"FILE" help:"Declares categories with their values, and how withheld numbers are marked: a YAML or JSON file, or the id of a pack's schema."`
	Seed     string   `default:"" help:"Of all lots; another seed gives another sample."`
	Epsilon  string   `placeholder:"NUMBER" help:"Learn with noise, so that the model tells so little of any one row; additive models of rows in one place."`
	Delta    string   `default:"1e-5" help:"Of --epsilon: the chance that it tells more."`

	declared schema.Schema
}

// fitData is the JSON form of a fit. Numbers that matter are strings.
type fitData struct {
	Model      canon.Digest      `json:"model"`
	Pooled     *canon.Digest     `json:"pooled_model,omitempty"` // With parties: of the model that all rows in one place give.
	Learner    string            `json:"learner"`
	Task       string            `json:"task"`
	Target     string            `json:"target"`
	Score      string            `json:"score"` // The first of scores; empty if the rows do not allow one.
	Scores     map[string]string `json:"scores"`
	Validation string            `json:"validation"` // On which rows the scores are, or why there are none.
	Rows       int64             `json:"rows"`       // That the model was fitted to; with noise 0, because nobody counts them.
	NoTarget   int               `json:"rows_without_target"`
	Columns    []fitColumn       `json:"columns"`
	Dropped    []fitDropped      `json:"dropped"`
	Parties    []fitParty        `json:"parties"`
	Sums       int               `json:"sums"`
	Summed     string            `json:"summed"` // "pooled", "plain" or "secure".
	Bytes      int               `json:"bytes"`
	Privacy    *fitPrivacy       `json:"privacy,omitempty"` // Of a model made of noisy sums.
	Seconds    string            `json:"seconds"`
	Phases     map[string]string `json:"phases"` // Seconds of reading, fitting, the federation and scoring.

	order []skill.Score
	out   string
}

type fitColumn struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Bins int    `json:"bins"`
}

type fitDropped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

type fitParty struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
}

// Run reads the file, fits, scores and writes the model.
func (c *learnFitCommand) Run(ctx context.Context, t *terminal) error {
	defer debug.SetGCPercent(debug.SetGCPercent(lean))
	clock := newStopwatch()
	if err := c.checkPrivacy(); err != nil {
		return err
	}
	whole, err := c.read(ctx)
	if err != nil {
		return err
	}
	clock.lap("read")
	cfg, parts, err := c.prepare(whole)
	if err != nil {
		return err
	}
	if c.Epsilon != "" {
		return c.fitPrivately(ctx, t, clock, cfg, parts[0].Table)
	}
	all := table.Join(parts)
	plan := model.PlanFor(all.Rows())
	d := &fitData{Learner: c.Model, Target: c.Target, NoTarget: whole.Rows() - whole.Having(c.Target).Rows(), out: c.Out}
	t.say("%s of %s rows, %s; reading took %s s", c.Model, grouped(int64(all.Rows())), count(len(cfg.Table.Columns), "column"), clock.laps["read"])
	pooled, err := model.Fit(ctx, cfg, plan.Kept(all, cfg.Seed), &counted{Summer: learn.Pooled{}, t: t, what: "fitting"})
	if err != nil {
		return err
	}
	clock.lap("fit")
	fitted := pooled
	d.Summed = "pooled"
	if c.Party != "" {
		t.say("the same as a federation of %s", count(len(parts), "party"))
		if fitted, err = c.federate(ctx, t, cfg, parts); err != nil {
			return err
		}
		clock.lap("federation")
		d.parties(parts)
	}
	if err := d.digests(fitted, pooled, c.Party != ""); err != nil {
		return err
	}
	if err := d.judge(ctx, plan, cfg, all, pooled); err != nil {
		return err
	}
	clock.lap("score")
	d.describe(fitted)
	if err := c.write(fitted, d); err != nil {
		return err
	}
	d.Seconds, d.Phases = seconds(time.Since(clock.start)), clock.laps
	return t.result("learn-fit", d, d.text())
}

// read reads the whole file.
func (c *learnFitCommand) read(ctx context.Context) (*table.Table, error) {
	if c.Target == c.Party {
		return nil, usageError{errors.New("--target and --party are one column; name two")}
	}
	if c.Schema != "" {
		var err error
		if c.declared, err = findSchema(c.Schema); err != nil {
			return nil, err
		}
	}
	return readTable(ctx, c.File, table.Want{Target: c.Target, Marks: c.declared.Suppressed})
}

// lean makes the collector of garbage run when a quarter has been added to what is in use:
// it costs nothing where memory holds numbers only, and a table is large.
const lean = 25

// readTable reads a file, a folder or standard input.
func readTable(ctx context.Context, file string, want table.Want) (*table.Table, error) {
	config := dataset.Config{Path: file}
	if file == "-" {
		config = dataset.Config{Input: os.Stdin, Name: "standard input"}
	}
	source, err := dataset.Open(ctx, config)
	if err != nil {
		return nil, err
	}
	defer source.Close() //nolint:errcheck // Read only.
	return table.Read(source, want)
}

// prepare makes the recipe, and gives every party its rows with their keys.
func (c *learnFitCommand) prepare(whole *table.Table) (*model.Config, []table.Part, error) {
	names := whole.Names()
	for _, name := range slices.Concat([]string{c.Target}, c.Without, c.Category) {
		if !slices.Contains(names, name) {
			return nil, nil, fmt.Errorf("%s: %w: no column %s; it has %s", c.File, table.ErrColumn, name, few(names))
		}
	}
	parts := []table.Part{{Table: whole}}
	if c.Party != "" {
		var err error
		if parts, err = whole.Split(c.Party); err != nil {
			return nil, nil, err
		}
		if len(parts) > training.MaxMembers {
			return nil, nil, fmt.Errorf("--party %s: %w: %d; at most %d. Is it the right column?", c.Party, training.ErrMembers, len(parts), training.MaxMembers)
		}
	}
	left := slices.DeleteFunc(names, func(name string) bool {
		return name == c.Target || name == c.Party || slices.Contains(c.Without, name)
	})
	cfg := &model.Config{
		Table:   table.Config{Columns: left, Target: c.Target, Task: table.Task(c.Task), Categories: c.Category},
		Learner: model.Learner(c.Model), Seed: chance.Derive(chance.Seed{}, "learn", c.Seed), Parties: len(parts),
	}
	c.declare(&cfg.Table)
	if cfg.Table.Task == table.Quantile {
		cfg.Table.Level = int(math.Round(c.Level * 1000))
	}
	for i, p := range parts {
		keyed, err := p.Table.Keyed(append(slices.Clone(left), c.Target))
		if err != nil {
			return nil, nil, err
		}
		parts[i].Table = keyed
	}
	return cfg, parts, nil
}

// declare takes over what a schema says of columns that are not numbers.
func (c *learnFitCommand) declare(cfg *table.Config) {
	for _, col := range c.declared.Columns {
		if !slices.Contains(cfg.Columns, col.Name) {
			continue
		}
		switch col.Type {
		case schema.Category:
			if cfg.Levels == nil {
				cfg.Levels = map[string][]string{}
			}
			cfg.Levels[col.Name] = col.Values
		case schema.Text:
			cfg.Categories = append(cfg.Categories, col.Name)
		default:
		}
	}
}

// federate fits the model again, every party with its own rows and the sums of all.
func (c *learnFitCommand) federate(ctx context.Context, t *terminal, cfg *model.Config, parts []table.Part) (*model.Model, error) {
	rows := 0
	for _, p := range parts {
		rows += p.Table.Rows()
	}
	plan := model.PlanFor(rows)
	models := make([]*model.Model, len(parts))
	err := training.Federate(ctx, len(parts), rand.Reader, func(ctx context.Context, member int, sum learn.Summer) error {
		if member == 0 {
			sum = &counted{Summer: sum, t: t, what: "adding"}
		}
		m, err := model.Fit(ctx, cfg, plan.Kept(parts[member].Table, cfg.Seed), sum)
		models[member] = m
		return err
	})
	if err != nil {
		return nil, err
	}
	first, err := models[0].Digest()
	if err != nil {
		return nil, err
	}
	for i, m := range models {
		d, err := m.Digest()
		if err != nil {
			return nil, err
		}
		if d != first {
			return nil, fmt.Errorf("%w: party %s has %s, party %s has %s", errDiffers, parts[0].Name, first, parts[i].Name, d)
		}
	}
	return models[0], nil
}

// errDiffers says that two participants, or the federation and the pooled rows, have
// different models: a fault of ours.
var errDiffers = errors.New("models differ")

// digests names the models and refuses a federated one that is not the pooled one.
func (d *fitData) digests(fitted, pooled *model.Model, federated bool) (err error) {
	if d.Model, err = fitted.Digest(); err != nil || !federated {
		return err
	}
	p, err := pooled.Digest()
	if err != nil {
		return err
	}
	if d.Pooled = &p; p != d.Model {
		return fmt.Errorf("%w: the federation has %s, all rows in one place give %s", errDiffers, d.Model, p)
	}
	return nil
}

// judge scores the recipe on rows that it was not fitted to. Rows that allow no score are
// no fault of the model.
func (d *fitData) judge(ctx context.Context, plan model.Plan, cfg *model.Config, all *table.Table, pooled *model.Model) error {
	scores, err := plan.Try(ctx, cfg, all, pooled)
	d.Scores, d.Validation = map[string]string{}, plan.Text
	if errors.Is(err, skill.ErrRows) || errors.Is(err, table.ErrTarget) || errors.Is(err, table.ErrColumn) {
		d.Validation = "not scored: " + err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	d.order, d.Score = scores, scores[0].String()
	for _, s := range scores {
		d.Scores[s.Name] = s.String()
	}
	return nil
}

func (d *fitData) parties(parts []table.Part) {
	for _, p := range parts {
		d.Parties = append(d.Parties, fitParty{p.Name, p.Table.Rows()})
	}
	d.Summed = "plain"
	if training.Secured(len(parts)) {
		d.Summed = "secure"
	}
}

func (d *fitData) describe(m *model.Model) {
	d.Task, d.Rows, d.Sums = string(m.Target.Task), m.Facts.Rows, m.Facts.Sums
	d.Dropped, d.Columns = []fitDropped{}, []fitColumn{}
	if d.Parties == nil {
		d.Parties = []fitParty{}
	}
	for _, c := range m.Columns {
		f := c.Feature()
		d.Columns = append(d.Columns, fitColumn{c.Name, string(c.Kind), f.Bins()})
	}
	for _, x := range m.Dropped {
		d.Dropped = append(d.Dropped, fitDropped(x))
	}
}

func (c *learnFitCommand) write(m *model.Model, d *fitData) error {
	data, err := m.Encode()
	if err != nil {
		return err
	}
	d.Bytes = len(data)
	return durable.Publish(c.Out, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// text is what a person reads.
func (d *fitData) text() string {
	var b strings.Builder
	from := count(len(d.Columns), "column")
	if d.Privacy == nil {
		from += fmt.Sprintf(" and %s rows", grouped(d.Rows))
	}
	fmt.Fprintf(&b, "%s model of %s (%s) from %s\n", d.Learner, d.Target, d.Task, from)
	if d.NoTarget > 0 {
		fmt.Fprintf(&b, "  %s without a target left out\n", count(d.NoTarget, "row"))
	}
	for _, x := range d.Dropped {
		fmt.Fprintf(&b, "  column %s left out: %s\n", x.Name, x.Reason)
	}
	line := make([]string, 0, len(d.order))
	for _, s := range d.order {
		line = append(line, s.Name+" "+s.String())
	}
	if len(line) > 0 {
		fmt.Fprintf(&b, "score   %s\n", strings.Join(line, ", "))
	}
	fmt.Fprintf(&b, "%s\n", hang("        ", d.Validation))
	if d.Privacy != nil {
		fmt.Fprint(&b, d.Privacy.text())
	}
	fmt.Fprintf(&b, "model   %s\n", d.Model)
	if d.Pooled != nil {
		fmt.Fprintf(&b, "pooled  %s\n%s\n", *d.Pooled, hang("        ", d.federation()))
	}
	fmt.Fprintf(&b, "        %s, %s in %s s\n", d.out, bytesText(int64(d.Bytes)), d.Seconds)
	return b.String()
}

// federation says in a sentence how the parties learned together.
func (d *fitData) federation() string {
	how := "by secure aggregation: nobody saw another's numbers"
	if d.Summed == "plain" {
		how = "in the open, as the sum of two tells each what the other has"
	}
	said := []string{fmt.Sprintf("equal: %s learned the same bytes in %s, added %s", count(len(d.Parties), "party"), count(d.Sums, "sum"), how)}
	for _, p := range d.Parties {
		if p.Rows == 1 {
			said = append(said, p.Name+" has one row only")
		}
	}
	return strings.Join(said, "; ")
}

// few lists names, or the first of them.
func few(names []string) string {
	const most = 12
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
