package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"comity/adapter/csv"
	"comity/modeler/score"
)

type healthScoreCommand struct {
	Truth     string   `required:"" placeholder:"FILE" help:"What came to pass: target,location,truth_date,value; .gz is fine, - reads standard input."`
	Forecasts []string `required:"" placeholder:"FILE" sep:"none" help:"Quantile forecasts as a hub stores them; give it again, or name more files after it."`
	More      []string `arg:"" optional:"" name:"forecasts" help:"More files of forecasts."`
	Baseline  string   `required:"" placeholder:"NAME" help:"The model that is 1."`
	Ensemble  string   `placeholder:"NAME" help:"The model of the column vs_ens."`
	Target    string   `placeholder:"NAME" help:"Only this target."`
	From      string   `placeholder:"DATE" help:"Only forecasts made on or after this day (YYYY-MM-DD)."`
	To        string   `placeholder:"DATE" help:"Only forecasts made on or before this day (YYYY-MM-DD)."`
	MinShare  float64  `default:"0.05" help:"Models with a smaller share of the baseline's tasks are scored, but no opponents of others in rel_log."`
	By        string   `default:"" enum:",horizon,location,target" help:"Also a table for each horizon, location or target."`
}

// scoreData is the JSON form of a score. Ratios are rounded to ten digits.
type scoreData struct {
	Models       []modelScore `json:"models"` // Best first.
	Groups       []scoreGroup `json:"groups,omitempty"`
	Baseline     string       `json:"baseline"`
	Ensemble     string       `json:"ensemble,omitempty"`
	MinShare     string       `json:"min_share"`
	WithoutTruth int          `json:"without_truth"`
	Replaced     int          `json:"replaced"`
}

type scoreGroup struct {
	Group  string       `json:"group"`
	Models []modelScore `json:"models"`
}

// modelScore is one model's line; what cannot be computed is null.
type modelScore struct {
	Model   string  `json:"model"`
	N       int     `json:"n"`
	Share   *string `json:"share"`
	WIS     *string `json:"wis"`
	LogWIS  *string `json:"log_wis"`
	VsBase  *string `json:"vs_base"`
	RelWIS  *string `json:"rel_wis"`
	RelLog  *string `json:"rel_log"`
	GeoLoc  *string `json:"geo_loc"`
	VsEns   *string `json:"vs_ens"`
	Chance  *string `json:"p_vs_base"` // Diebold-Mariano, of log_wis by origin date.
	Cover50 *string `json:"cov50"`
	Cover95 *string `json:"cov95"`
	Small   bool    `json:"small"` // Below --min-share.
}

// Run scores all files together.
func (c *healthScoreCommand) Run(t *terminal) error {
	files := slices.Concat(c.Forecasts, c.More)
	if err := c.check(files); err != nil {
		return err
	}
	book, err := c.read(t, files)
	if err != nil {
		return err
	}
	d := scoreData{Baseline: c.Baseline, Ensemble: c.Ensemble, MinShare: digits(c.MinShare), WithoutTruth: book.WithoutTruth, Replaced: book.Settle()}
	for _, name := range []string{c.Baseline, c.Ensemble} {
		if name != "" && !slices.Contains(book.Models(), name) {
			return usageError{fmt.Errorf("no forecast of %q has a known outcome; there are %s", name, strings.Join(book.Models(), ", "))}
		}
	}
	against := score.Against{Baseline: c.Baseline, Ensemble: c.Ensemble, MinShare: c.MinShare}
	rows, err := book.Table(against)
	if err != nil {
		return err
	}
	d.Models = scored(rows)
	tables := []string{scoreText("all", rows)}
	if c.By != "" {
		groups, err := book.Groups(c.By, against)
		if err != nil {
			return err
		}
		for _, g := range groups {
			d.Groups = append(d.Groups, scoreGroup{g.Name, scored(g.Rows)})
			tables = append(tables, scoreText(g.Name, g.Rows))
		}
	}
	if d.WithoutTruth > 0 {
		t.say("%s of weeks whose outcome is not known", count(d.WithoutTruth, "forecast"))
	}
	if d.Replaced > 0 {
		t.say("%s replaced by a later one of the same model and task", count(d.Replaced, "forecast"))
	}
	return t.result("health-score", d, strings.Join(tables, "\n"))
}

func (c *healthScoreCommand) check(files []string) error {
	fromInput := 0
	for _, f := range append(files, c.Truth) {
		if f == "-" {
			fromInput++
		}
	}
	switch {
	case fromInput > 1:
		return usageError{errors.New("only one file can be standard input; name the others")}
	case !(c.MinShare >= 0 && c.MinShare <= 1): // NaN is neither.
		return usageError{fmt.Errorf("--min-share %v: give 0 to 1", c.MinShare)}
	}
	for _, day := range []string{c.From, c.To} {
		if day != "" && !csv.IsDate(day) {
			return usageError{fmt.Errorf("%q is no date; write YYYY-MM-DD", day)}
		}
	}
	return nil
}

func (c *healthScoreCommand) read(t *terminal, files []string) (*score.Book, error) {
	var truth score.Truth
	if err := readFrom(c.Truth, func(name string, in io.Reader) (err error) {
		truth, err = csv.ReadTruth(name, in)
		return err
	}); err != nil {
		return nil, err
	}
	book := score.NewBook(truth, score.Filter{Target: c.Target, From: c.From, To: c.To})
	for _, file := range files {
		t.draw("reading " + file)
		if err := readFrom(file, func(name string, in io.Reader) error {
			return csv.ReadForecasts(name, in, book.Levels)
		}); err != nil {
			return nil, err
		}
	}
	return book, nil
}

func scored(rows []score.Row) []modelScore {
	all := make([]modelScore, len(rows))
	for i, r := range rows {
		all[i] = modelScore{
			Model: r.Model, N: r.N, Small: r.Small, Share: known(r.Share), WIS: known(r.WIS), LogWIS: known(r.LogWIS),
			VsBase: known(r.VsBase), RelWIS: known(r.RelWIS), RelLog: known(r.RelLog), GeoLoc: known(r.GeoLoc),
			VsEns: known(r.VsEns), Chance: known(r.Chance), Cover50: known(r.Cover50), Cover95: known(r.Cover95),
		}
	}
	return all
}

// known writes a number, nil for one that could not be computed.
func known(v float64) *string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	text := digits(v)
	return &text
}

// digits writes ten significant digits: processors differ in the last ones of 64 bits.
func digits(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }

// scoreText is a table for people.
func scoreText(group string, rows []score.Row) string {
	var b strings.Builder
	width := len("model")
	for _, r := range rows {
		width = max(width, len([]rune(r.Model)))
	}
	fmt.Fprintf(&b, "== %s\n%-*s %6s %6s %9s %8s %8s %8s %8s %6s %6s\n", group, width, "model",
		"n", "share", "wis", "log_wis", "vs_base", "rel_log", "vs_ens", "cov50", "cov95")
	for _, r := range rows {
		fmt.Fprintf(&b, "%-*s %6d %6.3f %9.4g %8.4g %8s %8s %8s %6.3f %6.3f\n", width, r.Model, r.N, r.Share, r.WIS, r.LogWIS,
			short(r.VsBase), short(r.RelLog), short(r.VsEns), r.Cover50, r.Cover95)
	}
	return b.String()
}

func short(v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case v >= 1000:
		return fmt.Sprintf("%.1e", v)
	}
	return fmt.Sprintf("%.3f", v)
}
