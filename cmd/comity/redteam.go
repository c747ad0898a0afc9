package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"comity/adapter/csv"
	"comity/chance"
	"comity/exact"
	"comity/modeler/card"
	"comity/modeler/leakage"
	"comity/modeler/learn"
	"comity/modeler/learn/model"
	"comity/modeler/learn/table"
	"comity/training"
	"comity/verifier/privacy"
)

type redteamCommand struct {
	Run redteamRunCommand `cmd:"" help:"Attack what could be attacked, and say how far it got."`
}

type redteamRunCommand struct {
	Suite      string   `arg:"" enum:"membership" default:"membership" help:"membership: can one tell from a model, or from the sums of its training, whose rows it learned from?"`
	Data       string   `placeholder:"FILE" help:"Rows to learn from; without it a small made-up study."`
	Target     string   `placeholder:"COLUMN" help:"What to learn; needed with --data."`
	Without    []string `placeholder:"COLUMN" help:"Columns not to learn from, separated by commas."`
	Model      string   `enum:"additive,trees,linear" default:"additive" help:"additive, trees or linear."`
	Epsilon    float64  `default:"0" help:"Learn with noise for this privacy loss, and hold the audit against it; without it sums are exact."`
	Delta      float64  `default:"1e-5" help:"Of the privacy loss: the chance that it is more."`
	References int      `default:"64" help:"Trainings that the attack learns from: even, 8 to 1024."`
	Targets    int      `default:"32" help:"Trainings that are attacked: 1 to 1024."`
	Seed       string   `default:"" help:"Of who is in which training; another seed gives another sample."`
}

// redteamData is the JSON form of a run. Numbers that matter are strings.
type redteamData struct {
	Attacks    []attackData `json:"attacks"`
	AUC        string       `json:"attack_auc"`
	Rate1      string       `json:"tpr_at_1_percent"`
	RateTenth  string       `json:"tpr_at_0.1_percent"`
	Bound      string       `json:"epsilon_lower_bound"`
	Estimate   string       `json:"epsilon_estimate"`
	Claimed    *string      `json:"claimed_epsilon"` // null: nothing is claimed, sums are exact.
	Delta      *string      `json:"claimed_delta"`
	Refuted    bool         `json:"claim_refuted"`
	Guesses    int          `json:"guesses"`
	Right      int          `json:"right_guesses"`
	Models     int          `json:"models"`
	Rows       int          `json:"rows"`
	Model      string       `json:"model"`
	Target     string       `json:"target"`
	Data       string       `json:"data"` // Empty: the made-up study.
	Confidence string       `json:"confidence"`
	// Reconstruction is what exact counts by bin give away; null with noise, and where the
	// target is not yes or no.
	Reconstruction *reconstructionData `json:"reconstruction"`
}

// attackData is one attack as all suites report it.
type attackData struct {
	Name     string `json:"name"`
	Strength string `json:"strength"`
	// SeenAfter is when the attack is noticed. Whoever reads a model leaves no trace.
	SeenAfter *string `json:"seen_after"`
	OnPicture string  `json:"effect_on_picture"` // Reading changes nothing.
	OnPeople  string  `json:"effect_on_people"`  // Share of people given away.
}

type reconstructionData struct {
	Cells  int    `json:"cells"`
	Alone  int    `json:"alone"`  // Rows that are the only ones of a cell.
	Solved int    `json:"solved"` // Rows that follow by linear algebra.
	Known  int    `json:"known"`  // Rows that follow if answers are yes or no.
	Share  string `json:"share"`
}

// bound is how sure the lower bound of epsilon is.
const bound = .95

// Run attacks and reports. What an attack finds is a finding, unless it refutes a claim:
// that is a failure.
func (c *redteamRunCommand) Run(ctx context.Context, t *terminal) error {
	if err := c.check(); err != nil {
		return err
	}
	rows, err := c.read(ctx)
	if err != nil {
		return err
	}
	recipe, fitted, err := c.recipe(ctx, rows)
	if err != nil {
		return err
	}
	models := c.References + c.Targets
	train := recipe.Train(ctx)
	m, err := leakage.Attack(recipe.Rows(), func(run int, in []bool) ([]float64, error) {
		t.draw(fmt.Sprintf("training %d of %d", run+1, models))
		return train(run, in)
	}, leakage.Config{
		References: c.References, Targets: c.Targets, Confidence: bound, Delta: c.claimedDelta(),
		Seed: chance.Derive(chance.Seed{}, "redteam", c.Seed),
	})
	if err != nil {
		return err
	}
	d := c.report(m)
	if err := d.reconstruct(recipe, fitted, c.Epsilon > 0); err != nil {
		return err
	}
	if d.Refuted {
		return &refusal{
			cause: fmt.Errorf("%w: the claim is epsilon %v at delta %v, the attack shows at least %s", errLeaks, c.Epsilon, c.Delta, d.Bound),
			data:  d, text: d.text(),
		}
	}
	return t.result("redteam-run", d, d.text())
}

// errLeaks says that a model gives away more than was claimed: a fault of ours.
var errLeaks = errors.New("audit refutes the claim of privacy")

func (c *redteamRunCommand) check() error {
	switch {
	case c.Data != "" && c.Target == "":
		return usageError{errors.New("--data needs --target: the column to learn")}
	case c.Data == "" && c.Target != "":
		return usageError{errors.New("--target needs --data: the rows to learn from")}
	case !(c.Epsilon >= 0) || math.IsInf(c.Epsilon, 0):
		return usageError{fmt.Errorf("--epsilon %v: give a number above 0, or leave it out for exact sums", c.Epsilon)}
	case c.Epsilon > 0 && c.Model != string(model.Additive):
		return usageError{fmt.Errorf("--epsilon goes with --model additive: %s models are not made with noise", c.Model)}
	case !(c.Delta > 0 && c.Delta < 1):
		return usageError{fmt.Errorf("--delta %v: give a number between 0 and 1", c.Delta)}
	}
	return nil
}

// claimedDelta is that of the claim under audit. Exact sums claim nothing.
func (c *redteamRunCommand) claimedDelta() float64 {
	if c.Epsilon == 0 {
		return 0
	}
	return c.Delta
}

func (c *redteamRunCommand) read(ctx context.Context) (*table.Table, error) {
	if c.Data == "" {
		c.Target = study
		return madeUp(chance.Derive(chance.Seed{}, "redteam", "study"))
	}
	return readTable(ctx, c.Data, table.Want{Target: c.Target})
}

// recipe fits once to learn what the task is.
func (c *redteamRunCommand) recipe(ctx context.Context, rows *table.Table) (*card.Recipe, *model.Model, error) {
	names := rows.Names()
	for _, name := range slices.Concat([]string{c.Target}, c.Without) {
		if !slices.Contains(names, name) {
			return nil, nil, fmt.Errorf("%s: %w: no column %s; it has %s", c.Data, table.ErrColumn, name, few(names))
		}
	}
	left := slices.DeleteFunc(names, func(name string) bool { return name == c.Target || slices.Contains(c.Without, name) })
	cfg := model.Config{
		Table: table.Config{Columns: left, Target: c.Target}, Learner: model.Learner(c.Model),
		Seed: chance.Derive(chance.Seed{}, "redteam", "model", c.Seed), Parties: 1,
	}
	keyed, err := rows.Keyed(append(slices.Clone(left), c.Target))
	if err != nil {
		return nil, nil, err
	}
	fitter := card.Fitter(card.Pooled)
	if c.Epsilon > 0 {
		if fitter, err = c.private(ctx, &cfg, keyed); err != nil {
			return nil, nil, err
		}
	}
	fitted, err := fitter(ctx, &cfg, keyed, -1)
	if err != nil {
		return nil, nil, err
	}
	recipe, err := card.NewRecipe(cfg, &fitted.Target, rows, fitter)
	return recipe, fitted, err
}

// private returns trainings with noise. The bins are those of all rows and the same in each
// training, as if a schema gave them: what is attacked is what noise protects.
func (c *redteamRunCommand) private(ctx context.Context, cfg *model.Config, keyed *table.Table) (card.Fitter, error) {
	surveyed := cfg.Table
	surveyed.Bins = training.PrivateBins
	frame, err := table.Survey(ctx, &surveyed, keyed, learn.Pooled{})
	if err != nil {
		return nil, err
	}
	limit := privacy.Limit{}
	if limit.Epsilon, err = exact.Parse(strconv.FormatFloat(c.Epsilon, 'f', -1, 64)); err != nil {
		return nil, err
	}
	if limit.Delta, err = exact.Parse(strconv.FormatFloat(c.Delta, 'f', -1, 64)); err != nil {
		return nil, err
	}
	p, err := training.NewPrivate(frame, limit)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ *model.Config, t *table.Table, _ int) (*model.Model, error) {
		return p.Fit(ctx, t, rand.Reader)
	}, nil
}

func (c *redteamRunCommand) report(m leakage.Membership) *redteamData {
	d := &redteamData{
		AUC: digits(m.AUC), Rate1: digits(m.Rate1), RateTenth: digits(m.RateTenth), Bound: digits(m.Epsilon), Estimate: digits(m.Estimate),
		Guesses: m.Guesses, Right: m.Right, Models: m.Models, Rows: m.Rows, Model: c.Model, Target: c.Target, Data: c.Data,
		Confidence: digits(bound),
		Attacks: []attackData{{
			Name: "membership", Strength: fmt.Sprintf("likelihood ratios from %s on %s", count(c.References, "training"), count(m.Rows, "row")),
			OnPicture: "0", OnPeople: digits(max(0, m.Rate1-.01)),
		}},
	}
	if c.Epsilon > 0 {
		claimed, delta := digits(c.Epsilon), digits(c.Delta)
		d.Claimed, d.Delta, d.Refuted = &claimed, &delta, m.Refutes(c.Epsilon)
	}
	return d
}

// reconstruct tries what exact counts by bin give away.
func (d *redteamData) reconstruct(recipe *card.Recipe, fitted *model.Model, noisy bool) error {
	if noisy || fitted.Target.Task != table.Binary {
		return nil
	}
	cells, secrets, err := recipe.Cells(fitted.Columns)
	if err != nil {
		return err
	}
	r, err := leakage.Reconstruct(cells, secrets)
	if errors.Is(err, leakage.ErrInput) { // More rows than elimination takes in reasonable time.
		return nil
	}
	if err != nil {
		return err
	}
	share := digits(float64(len(r.Known)) / float64(r.Rows))
	d.Reconstruction = &reconstructionData{r.Cells, r.Alone, r.Solved, len(r.Known), share}
	d.Attacks = append(d.Attacks, attackData{
		Name: "reconstruction", Strength: fmt.Sprintf("%s of exact sums, every row known but for its answer", count(r.Cells, "cell")), OnPicture: "0", OnPeople: share,
	})
	return nil
}

// text is what a person reads.
func (d *redteamData) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "membership: %s trained on halves of %s\n", count(d.Models, "model"), count(d.Rows, "row"))
	fmt.Fprintf(&b, "  %-34s %s  (0.5 is guessing)\n", "attack AUC", d.AUC)
	fmt.Fprintf(&b, "  %-34s %s  (0.01 is guessing)\n", "members found at 1 % false alarms", d.Rate1)
	fmt.Fprintf(&b, "  %-34s %s  (%d of %d guesses right)\n", "privacy loss is at least", d.Bound, d.Right, d.Guesses)
	switch {
	case d.Claimed == nil:
		b.WriteString("  nothing is claimed: the sums are exact\n")
	case d.Refuted:
		fmt.Fprintf(&b, "  REFUTED: %s at delta %s is claimed\n", *d.Claimed, *d.Delta)
	default:
		fmt.Fprintf(&b, "  %-34s %s at delta %s: not refuted\n", "claimed", *d.Claimed, *d.Delta)
	}
	if r := d.Reconstruction; r != nil {
		fmt.Fprintf(&b, "reconstruction from exact counts in %s: %d of %s follow for who knows all else of everybody,\n", count(r.Cells, "cell"), r.Known, count(d.Rows, "row"))
		fmt.Fprintf(&b, "  %d of them by linear algebra, %d because they are alone in a cell\n", r.Solved, r.Alone)
	}
	return b.String()
}

// study names the target of the made-up rows.
const study = "ill"

// madeUp returns a study of 400 people: six findings, of which three count.
func madeUp(seed chance.Seed) (*table.Table, error) {
	const people, findings = 400, 6
	coin := chance.NewStream(seed)
	var b strings.Builder
	for f := range findings {
		fmt.Fprintf(&b, "finding_%d,", f+1)
	}
	b.WriteString(study + "\n")
	for range people {
		var sum int
		for f := range findings {
			v := coin.IntN(101)
			if f < findings/2 {
				sum += v
			}
			b.WriteString(strconv.Itoa(v) + ",")
		}
		ill := 0
		if sum+coin.IntN(150) > 225 { // Half of them, less surely the nearer they are to the middle.
			ill = 1
		}
		fmt.Fprintf(&b, "%d\n", ill)
	}
	return tableOf("the made-up study", b.String())
}

// tableOf reads rows that a text holds.
func tableOf(name, text string) (*table.Table, error) {
	rows, err := csv.NewRows(name, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return table.Read(rows, table.Want{Target: study})
}
