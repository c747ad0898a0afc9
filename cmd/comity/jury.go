package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"time"

	"comity/adapter/csv"
	"comity/adapter/highs"
	"comity/allocator/fairness"
	"comity/allocator/solve"
	"comity/chance"
	"comity/exact"
	"comity/governor/jury"
	"comity/governor/jury/sortition"
)

type juryCommand struct {
	Draw juryDrawCommand `cmd:"" help:"Compute a fair lottery over panels, and draw one with a public seed."`
}

type juryDrawCommand struct {
	Pool      string `required:"" placeholder:"FILE" help:"Who may be drawn: a row for each person, a column for each category of the quotas; .gz is fine, - reads standard input."`
	Quotas    string `required:"" placeholder:"FILE" help:"How many of each feature: category,feature,min,max or feature,value,min,max."`
	Size      int    `required:"" help:"People on the panel."`
	Algorithm string `default:"leximin" enum:"leximin,maximin,nash" help:"What the chances are to be best at: leximin, maximin or nash."`
	Household string `placeholder:"COLUMN" help:"Column that tells who lives together: at most one of each household is drawn."`
	Seed      string `placeholder:"HEX" help:"Draw one panel with this public seed of 64 hexadecimal digits, fixed after the lottery was published."`
}

// juryData is the JSON form of a lottery. People are their places in the pool, from 0;
// chances, weights and bounds are exact ratios.
type juryData struct {
	Algorithm     jury.Algorithm  `json:"algorithm"`
	Size          int             `json:"size"`
	Probabilities []string        `json:"probabilities"` // In the order of the pool; they add up to size.
	Minimum       string          `json:"minimum"`
	Gini          string          `json:"gini"`
	GeometricMean string          `json:"geometric_mean"` // Rounded down to 12 decimals.
	Gap           string          `json:"gap"`
	Certificate   certificateData `json:"certificate"`
	Panels        []panelData     `json:"panels"`
	Drawn         *drawnData      `json:"drawn,omitempty"`
	Seconds       string          `json:"seconds"`
}

type panelData struct {
	Members []int  `json:"members"`
	Weight  string `json:"weight"`
}

type drawnData struct {
	Seed    string `json:"seed"`
	Panel   int    `json:"panel"` // Place in panels, from 0.
	Members []int  `json:"members"`
}

// certificateData names rows and groups, so that the proof can be read without us.
type certificateData struct {
	Gap    string      `json:"gap"`
	Rows   []rowData   `json:"rows"`   // What prices refer to; cuts follow them.
	Groups [][]int     `json:"groups"` // People with the same features, by place in the pool.
	Levels []levelData `json:"levels"`
	Mean   *meanData   `json:"mean,omitempty"`
	Cuts   []jury.Cut  `json:"cuts,omitempty"`
}

type rowData struct {
	Name string `json:"name"`
	Min  int    `json:"min"`
	Max  int    `json:"max"`
}

type levelData struct {
	Chance string       `json:"chance"`
	Bound  string       `json:"bound"`
	Groups []int        `json:"groups"`
	Prices []jury.Price `json:"prices"`
	Caps   []jury.Price `json:"caps,omitempty"`
}

type meanData struct {
	Ratio  string       `json:"ratio"`
	Scale  int64        `json:"scale"`
	Prices []jury.Price `json:"prices"`
}

// juryNodes bounds the branching for one panel: what is not found by then only widens
// the gap that is stated.
const juryNodes = 300

// Run computes the lottery, checks it and draws if asked to.
func (c *juryDrawCommand) Run(ctx context.Context, t *terminal) error {
	start := time.Now()
	seed, err := c.check()
	if err != nil {
		return err
	}
	pool, err := c.read()
	if err != nil {
		return err
	}
	var result jury.Result
	if err := withEngine(ctx, highs.Config{Nodes: juryNodes}, func(engine *highs.Engine) error {
		open := func(ctx context.Context, lp solve.LP) (sortition.Session, error) { return engine.Open(ctx, lp) }
		result, err = sortition.Draw(ctx, pool, jury.Algorithm(c.Algorithm), open)
		return err
	}); err != nil {
		return fmt.Errorf("%s with %s: %w", c.Pool, c.Quotas, err)
	}
	d, err := juryReport(pool, result)
	if err != nil {
		return err
	}
	if c.Seed != "" {
		at := result.Lottery.Draw(seed)
		d.Drawn = &drawnData{c.Seed, at, result.Lottery[at].Members}
	}
	d.Seconds = strconv.FormatFloat(time.Since(start).Seconds(), 'f', 2, 64)
	return t.result("jury-draw", d, d.text())
}

// check refuses what would fail only after the work.
func (c *juryDrawCommand) check() (seed chance.Seed, err error) {
	if c.Pool == "-" && c.Quotas == "-" {
		return seed, usageError{errors.New("--pool and --quotas cannot both be standard input; name a file for one of them")}
	}
	if c.Size < 1 {
		return seed, usageError{fmt.Errorf("--size %d: a panel has at least 1 member", c.Size)}
	}
	if c.Seed == "" {
		return seed, nil
	}
	data, err := hex.DecodeString(c.Seed)
	if err != nil || len(data) != len(seed) {
		return seed, usageError{fmt.Errorf("--seed has %d characters; write %d hexadecimal digits", len(c.Seed), 2*len(seed))}
	}
	return chance.Seed(data), nil
}

func (c *juryDrawCommand) read() (pool jury.Pool, err error) {
	var quotas []jury.Quota
	if err := readFrom(c.Quotas, func(name string, in io.Reader) (err error) {
		quotas, err = csv.ReadQuotas(name, in)
		return err
	}); err != nil {
		return pool, err
	}
	err = readFrom(c.Pool, func(name string, in io.Reader) (err error) {
		pool, err = csv.ReadPool(name, in, quotas, c.Household)
		return err
	})
	pool.Size = c.Size
	return pool, err
}

// juryReport measures a lottery and writes it out.
func juryReport(pool jury.Pool, r jury.Result) (d juryData, err error) {
	d = juryData{Algorithm: r.Algorithm, Size: pool.Size, Gap: r.Certificate.Gap.String(), Certificate: juryProof(pool, r.Certificate)}
	for _, p := range r.Chances {
		d.Probabilities = append(d.Probabilities, p.String())
	}
	for _, p := range r.Lottery {
		d.Panels = append(d.Panels, panelData{p.Members, p.Weight.String()})
	}
	least, err := fairness.Least(r.Chances)
	if err != nil {
		return d, err
	}
	gini, err := fairness.Gini(r.Chances)
	if err != nil {
		return d, err
	}
	atkinson, err := fairness.Atkinson(exact.Int(1), r.Chances)
	if err != nil {
		return d, err
	}
	// Atkinson's index at 1 is 1 - geometric mean / mean, and the mean is size / pool.
	mean := big.NewRat(int64(pool.Size), int64(len(pool.People)))
	geometric := mean.Mul(mean, exact.Int(1).Sub(atkinson.High).Big())
	d.Minimum, d.Gini, d.GeometricMean = least.String(), gini.String(), decimalsDown(geometric)
	return d, nil
}

// decimalsDown writes x >= 0 with 12 decimals, rounded down.
func decimalsDown(x *big.Rat) string {
	const places, unit = 12, 1_000_000_000_000
	whole := exact.FromBig(new(big.Rat).Mul(x, big.NewRat(unit, 1))).Floor()
	return new(big.Rat).SetFrac(whole, big.NewInt(unit)).FloatString(places)
}

func juryProof(pool jury.Pool, c jury.Certificate) certificateData {
	form := pool.Form()
	d := certificateData{Gap: c.Gap.String(), Cuts: c.Cuts, Levels: []levelData{}}
	for _, r := range form.Rows {
		d.Rows = append(d.Rows, rowData{r.Name, r.Min, r.Max})
	}
	for _, g := range form.Groups {
		d.Groups = append(d.Groups, g.People)
	}
	for _, l := range c.Levels {
		d.Levels = append(d.Levels, levelData{l.Chance.String(), l.Bound.String(), l.Groups, l.Prices, l.Caps})
	}
	if c.Mean != nil {
		d.Mean = &meanData{c.Mean.Ratio.String(), c.Mean.Scale, c.Mean.Prices}
	}
	return d
}

// text says what matters to people: how small a chance is, how unequal, and how far it
// is proved.
func (d juryData) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "panel of %d out of %s, %s: %s\n", d.Size, count(len(d.Probabilities), "person"), d.Algorithm, count(len(d.Panels), "panel"))
	fmt.Fprintf(&b, "least chance   %s\n", percentOf(d.Minimum))
	fmt.Fprintf(&b, "gini           %s\n", percentOf(d.Gini))
	fmt.Fprintf(&b, "geometric mean %s\n", percentOf(d.GeometricMean))
	if d.Gap == "0" {
		fmt.Fprintf(&b, "proof          complete: no lottery over permitted panels is better\n")
	} else {
		fmt.Fprintf(&b, "proof          up to a gap of %s: no lottery is better by more than this\n", percentOf(d.Gap))
	}
	if d.Drawn != nil {
		fmt.Fprintf(&b, "drawn          panel %d: persons", d.Drawn.Panel)
		for _, i := range d.Drawn.Members {
			fmt.Fprintf(&b, " %d", i)
		}
		fmt.Fprintf(&b, " (rows of the pool, from 0)\n")
	}
	return b.String() + d.Seconds + " s\n"
}

// percentOf writes a ratio or decimal as a percentage, with the ratio where that is short.
func percentOf(text string) string {
	const short = 12
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return text
	}
	percent := new(big.Float).SetRat(x.Mul(x, big.NewRat(100, 1))).Text('g', 6) + " %"
	if len(text) <= short && strings.Contains(text, "/") {
		return percent + " (" + text + ")"
	}
	return percent
}
