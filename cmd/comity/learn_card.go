package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"comity/canon"
	"comity/chance"
	"comity/exact"
	"comity/modeler/card"
	"comity/modeler/learn/model"
	"comity/modeler/learn/table"
	"comity/modeler/neutrality"
	"comity/modeler/representation"
	"comity/place"
	"comity/training"
)

type learnCardCommand struct {
	Model string `arg:"" help:"What comity learn fit wrote."`
	Data  string `placeholder:"FILE" help:"Rows like those that the model was fitted to, or the same: the recipe is assessed on them, part for part."`
	assess
	Population string `placeholder:"FILE" help:"People by group, to see whom the rows are about (comity data representation); needs --data."`
	Redteam    string `placeholder:"FILE" help:"What comity redteam run membership --json printed."`
	Unseen     bool   `help:"The model was not fitted to any of these rows: judge it as it is, not its recipe."`
	Unit       string `help:"Of what is predicted."`
	Delta      string `default:"0.00001" help:"At which the privacy loss of a private model is stated: the chance that it is more."`
	Out        string `placeholder:"FILE" help:"Also write the card as a page (.html), or its drawings into a folder that is there."`
}

// assess is what card and audit ask of rows.
type assess struct {
	Group       []string `placeholder:"COLUMN" help:"Columns of groups to be served alike, such as region,income."`
	Party       string   `placeholder:"COLUMN" help:"Names who holds each row."`
	MinimumCell int      `default:"10" help:"Groups and parties with fewer rows are not counted in public."`
	Folds       int      `default:"0" help:"Parts in turn held out: 2 to 20; 0 for 5, or 2 from 20,000 rows on."`
	Confidence  float64  `default:"0.95" help:"That all intervals hold at once."`
	Level       float64  `default:"0.9" help:"How often intervals of predictions should hold the truth."`

	unseen bool // Judge the model itself.
}

// cardData is the JSON form.
type cardData struct {
	Card *card.Card `json:"card"`
}

// Run makes the card.
func (c *learnCardCommand) Run(ctx context.Context, t *terminal) error {
	m, digest, err := readModel(c.Model)
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	doc := card.New(m, digest)
	doc.Model.Unit = c.Unit
	if err := c.spent(m, doc); err != nil {
		return err
	}
	if c.Data != "" {
		c.unseen = c.Unseen
		if err := c.assess.fill(ctx, t, c.Data, m, doc); err != nil {
			return err
		}
	}
	if c.Population != "" {
		if err := c.represent(ctx, doc); err != nil {
			return err
		}
	}
	if c.Redteam != "" {
		if err := c.report(doc); err != nil {
			return err
		}
	}
	doc.Replay = c.replay(m)
	if c.Out != "" {
		if err := writeCard(t, c.Out, doc); err != nil {
			return err
		}
	}
	return t.result("learn-card", cardData{doc}, doc.Text())
}

func (c *learnCardCommand) check() error {
	if c.Data == "" && (len(c.Group) > 0 || c.Party != "" || c.Population != "") {
		return usageError{errors.New("--group, --party and --population are about rows; name them with --data")}
	}
	return c.assess.check(c.Data)
}

// spent states what a private training cost each row: zero-concentrated costs add up over
// its steps.
func (c *learnCardCommand) spent(m *model.Model, doc *card.Card) error {
	if m.Additive == nil || !m.Additive.Config.Noise.Private() {
		return nil
	}
	delta, err := exact.Parse(c.Delta)
	if err != nil {
		return usageError{fmt.Errorf("--delta %s: %w", c.Delta, err)}
	}
	epsilon, err := training.Spent(m, delta)
	if err != nil {
		return err
	}
	doc.Spent(toFloat(epsilon), toFloat(delta))
	return nil
}

func toFloat(v exact.Rat) float64 {
	f, _ := v.Big().Float64()
	return f
}

func (c *assess) check(data string) error {
	switch {
	case data == "-":
		return usageError{errors.New("rows are read more than once; name a file instead of -")}
	case c.MinimumCell < 0:
		return usageError{fmt.Errorf("--minimum-cell %d: give 0 or more", c.MinimumCell)}
	case !(c.Confidence > 0 && c.Confidence < 1) || !(c.Level > 0 && c.Level < 1):
		return usageError{fmt.Errorf("--confidence %v --level %v: give numbers between 0 and 1", c.Confidence, c.Level)}
	case slices.Contains(c.Group, c.Party):
		return usageError{fmt.Errorf("--party %s is a column of groups by itself; leave it out of --group", c.Party)}
	}
	return nil
}

// fill assesses the recipe of a model on rows and puts it on the card.
func (c *assess) fill(ctx context.Context, t *terminal, data string, m *model.Model, doc *card.Card) error {
	rows, err := readTable(ctx, data, table.Want{Target: m.Target.Name})
	if err != nil {
		return err
	}
	t.draw(fmt.Sprintf("assessing on %s rows", grouped(int64(rows.Rows()))))
	fitter, err := fitterOf(m)
	if err != nil {
		return err
	}
	recipe, err := card.NewRecipe(recipeOf(m), &m.Target, rows, fitter)
	if err != nil {
		return err
	}
	q := card.Question{Groups: c.Group, Party: c.Party, Folds: c.folds(recipe.Rows()), Config: neutrality.Config{
		Confidence: c.Confidence, MinimumCell: c.MinimumCell, Level: c.Level, Seed: auditSeed(),
	}}
	if c.unseen {
		q.Unseen = m
	}
	a, err := recipe.Assess(ctx, q)
	if err != nil {
		return err
	}
	doc.Assessed(recipe, a, q)
	named, err := recipe.Named(&m.Target, a)
	if err != nil {
		return err
	}
	doc.Scores.Named = named
	digest, err := fileDigest(data)
	if err != nil {
		return err
	}
	doc.Data = []card.Commitment{{Name: filepath.Base(data), Digest: digest}}
	return nil
}

// folds is how many parts are held out in turn: fewer of many rows, whose models take long
// and need no more.
func (c *assess) folds(rows int) int {
	const many, usual, least = 20_000, 5, 2
	switch {
	case c.Folds != 0:
		return c.Folds
	case rows >= many:
		return least
	default:
		return usual
	}
}

// recipeOf is how a model was made, as far as it says: of the columns that it reads, with
// other lots.
func recipeOf(m *model.Model) model.Config {
	cfg := model.Config{
		Table:   table.Config{Columns: m.Names(), Target: m.Target.Name, Task: m.Target.Task},
		Learner: m.Learner(), Seed: chance.Derive(chance.Seed{}, "card", "recipe"), Parties: 1,
	}
	for _, column := range m.Columns {
		if column.Kind == table.Category {
			cfg.Table.Categories = append(cfg.Table.Categories, column.Name)
		}
	}
	if m.Target.Task == table.Quantile {
		cfg.Table.Level = m.Target.Loss.Level
	}
	return cfg
}

// fitterOf makes models as this one was made: a private one with as much noise.
func fitterOf(m *model.Model) (card.Fitter, error) {
	if m.Additive == nil || !m.Additive.Config.Noise.Private() {
		return card.Pooled, nil
	}
	p, err := training.Like(m)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ *model.Config, t *table.Table, _ int) (*model.Model, error) {
		return p.Fit(ctx, t, rand.Reader)
	}, nil
}

// represent compares the rows with a population.
func (c *learnCardCommand) represent(ctx context.Context, doc *card.Card) error {
	people, err := openRows(ctx, c.Population)
	if err != nil {
		return err
	}
	defer people.Close() //nolint:errcheck // Read only.
	rows, err := openRows(ctx, c.Data)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Read only.
	a, source, err := representation.Read(people, rows, representation.Columns{})
	if err != nil {
		return err
	}
	doc.Represented(a, source.By)
	return nil
}

// maxRedteam bounds a report of an attack: it lists no rows.
const maxRedteam = 1 << 20

// report puts what comity redteam run membership --json printed on the card.
func (c *learnCardCommand) report(doc *card.Card) error {
	data, err := readBounded(c.Redteam, maxRedteam)
	if err != nil {
		return err
	}
	if err := doc.Reported(data); err != nil {
		return &place.Error{File: c.Redteam, Line: 1, Column: 1, Reason: err.Error(), Fix: "write it with comity redteam run membership --json for this kind of model", Cause: err}
	}
	return nil
}

// replay says how to come to the same model and the same card.
func (c *learnCardCommand) replay(m *model.Model) []string {
	lines := []string{"comity audit replay HOME makes the model again from the sums in the log, if it was learned by a consortium"}
	if c.Data != "" {
		fit := []string{"learn", "fit", c.Data, "--target", m.Target.Name, "--task", string(m.Target.Task), "--model", string(m.Learner()), "--out", "again.model"}
		if c.Party != "" {
			fit = append(fit, "--party", c.Party)
		}
		again := []string{"learn", "card", c.Model, "--data", c.Data}
		for _, g := range c.Group {
			again = append(again, "--group", g)
		}
		if c.Party != "" {
			again = append(again, "--party", c.Party)
		}
		lines = append(lines, command(fit...)+" names the digest of the model again, if these are its rows and all its columns", command(again...)+" makes this card again")
	}
	return lines
}

// fileDigest is the SHA-256 of a file, as it lies there.
func fileDigest(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return "", usageError{fmt.Errorf("%s is a folder; name a file, so that the card can name its digest", name)}
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // Read only.
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return canon.Digest(h.Sum(nil)).String(), nil
}

// writeCard writes a page, or drawings into a folder.
func writeCard(t *terminal, name string, doc *card.Card) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		drawings := doc.SVG()
		for _, key := range slices.Sorted(maps.Keys(drawings)) {
			file := filepath.Join(name, plainName(key)+".svg")
			if err := writeTo(t, file, func(w io.Writer) error { _, err := w.Write(drawings[key]); return err }); err != nil {
				return err
			}
		}
		return nil
	}
	if !strings.HasSuffix(name, ".html") {
		return usageError{fmt.Errorf("--out %s: name a page that ends in .html, or a folder that is there", name)}
	}
	if err := checkOut(name); err != nil {
		return err
	}
	return writeTo(t, name, func(w io.Writer) error { _, err := io.WriteString(w, page(doc)); return err })
}

// plainName keeps a name of a column and a measure to what every disk takes.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, name)
}

// page puts a card into a page of its own: black on white where nothing else is wished,
// readable on any width and when printed.
func page(doc *card.Card) string {
	return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">" +
		"<title>" + html.EscapeString("Model card: "+doc.Model.Target) + "</title>\n" +
		"<style>:root{color-scheme:light dark}body{font-family:system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;line-height:1.45}" +
		"table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums}th,td{text-align:left;padding:.15rem .7rem .15rem 0}" +
		"caption{text-align:left;font-weight:600}p{overflow-wrap:anywhere}.card-plot{width:100%;max-width:42rem;height:auto}</style></head>\n<body><h1>" +
		html.EscapeString("Model card: "+doc.Model.Target) + "</h1>\n" + doc.HTML() + "</body></html>\n"
}
