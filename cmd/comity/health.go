package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"comity/adapter/csv"
	"comity/canon"
	"comity/chance"
	"comity/durable"
	"comity/modeler/forecast"
	"comity/modeler/hindcast"
)

type healthCommand struct {
	Forecast healthForecastCommand `cmd:"" help:"Answer a forecast hub's tasks from surveillance data, each with what was known then."`
	Allocate healthAllocateCommand `cmd:"" help:"Divide vaccine courses among countries by a strategy, and count the deaths it averts."`
	Score    healthScoreCommand    `cmd:"" help:"Score quantile forecasts against what came to pass."`
	Ensemble healthEnsembleCommand `cmd:"" help:"Make one forecast of many, whatever broken ones say."`
}

type healthForecastCommand struct {
	Vintages string `required:"" placeholder:"FILE" help:"What was known when: as_of,target,location,truth_date,value; .gz is fine, - reads standard input."`
	Tasks    string `required:"" placeholder:"FILE" help:"What to forecast: origin_date,target,horizon,target_end_date,location; other columns are ignored."`
	Out      string `required:"" placeholder:"FILE" help:"Where to write the quantiles; .gz compresses, - is standard output."`
	Recipe   string `default:"full" enum:"quick,full" help:"full is better, quick takes a fifth of the time."`
	Refit    int    `default:"6" help:"Train anew every so many origins (1 to 1000), and after eight weeks in any case."`
	Model    string `placeholder:"NAME" help:"Name in the output (default comity-quick or comity-full)."`
}

// forecastData is the JSON form of what was forecast.
type forecastData struct {
	Rows      int          `json:"rows"`
	Tasks     int          `json:"tasks"`
	Share     string       `json:"share"` // Rows over tasks.
	Model     string       `json:"model"`
	Seconds   string       `json:"seconds"`
	Refits    int          `json:"refits"`
	Sums      int          `json:"sums"`    // That members of a federation would have taken.
	Carried   int          `json:"carried"` // Rows without a model.
	Untrained []string     `json:"untrained"`
	Negative  int          `json:"negative"` // Values below zero, which count as unknown.
	Absent    []absentTask `json:"absent"`
}

// absentTask is a task without a forecast.
type absentTask struct {
	Origin  string `json:"origin_date"`
	Target  string `json:"target"`
	Horizon int    `json:"horizon"`
	Date    string `json:"target_end_date"`
	Place   string `json:"location"`
	Reason  string `json:"reason"`
}

// Run forecasts all tasks and writes them.
func (c *healthForecastCommand) Run(ctx context.Context, t *terminal) error {
	start := time.Now()
	if err := c.check(t); err != nil {
		return err
	}
	var tasks []forecast.Task
	if err := readFrom(c.Tasks, func(name string, in io.Reader) (err error) {
		tasks, err = csv.ReadTasks(name, in)
		return err
	}); err != nil {
		return err
	}
	var rows []forecast.Observation
	var negative int
	if err := readFrom(c.Vintages, func(name string, in io.Reader) (err error) {
		rows, negative, err = csv.ReadWeekly(name, in)
		return err
	}); err != nil {
		return err
	}
	result, err := hindcast.Run(ctx, rows, tasks, c.config(), func(origin string) { t.draw("forecast of " + origin) })
	if err != nil {
		return err
	}
	d := c.data(result)
	d.Negative = negative
	if err := writeTo(t, c.Out, func(out io.Writer) (err error) {
		d.Rows, err = csv.WriteForecasts(out, c.Model, result.Answers)
		return err
	}); err != nil {
		return err
	}
	d.Share = ratioText(d.Rows, d.Tasks)
	d.Seconds = strconv.FormatFloat(time.Since(start).Seconds(), 'f', 1, 64)
	for _, line := range d.remarks() {
		t.say("%s", line)
	}
	text := fmt.Sprintf("%s of %s forecast by %s in %s s: %s\n", grouped(int64(d.Rows)), count(d.Tasks, "task"), d.Model, d.Seconds, c.Out)
	if c.Out == "-" {
		t.say("%s", strings.TrimSuffix(text, "\n"))
		return nil
	}
	return t.result("health-forecast", d, text)
}

// check refuses what would fail only after the work.
func (c *healthForecastCommand) check(t *terminal) error {
	if c.Model == "" {
		c.Model = "comity-" + c.Recipe
	}
	switch {
	case c.Refit < 1 || c.Refit > 1000:
		return usageError{fmt.Errorf("--refit %d: give 1 to 1000 origins", c.Refit)}
	case c.Vintages == "-" && c.Tasks == "-":
		return usageError{errors.New("--vintages and --tasks cannot both be standard input; name a file for one of them")}
	case c.Out == "-" && t.json:
		return usageError{errors.New("--out - and --json cannot share standard output; name a file")}
	}
	if _, err := csv.WriteForecasts(io.Discard, c.Model, nil); err != nil {
		return usageError{err}
	}
	return checkOut(c.Out)
}

func (c *healthForecastCommand) config() hindcast.Config {
	recipe := map[string]func() map[string]canon.Int{"quick": forecast.Quick, "full": forecast.Full}[c.Recipe]
	// The seed is public and always the same: whoever has the data gets the same file.
	return hindcast.Config{Recipe: recipe(), Refit: c.Refit, Seed: chance.Derive(chance.Seed{}, "health forecast")}
}

func (c *healthForecastCommand) data(r *hindcast.Result) *forecastData {
	d := &forecastData{
		Tasks: len(r.Answers), Model: c.Model, Refits: r.Refits, Sums: r.Sums,
		Untrained: append([]string{}, r.Untrained...), Absent: []absentTask{},
	}
	for _, a := range r.Answers {
		switch {
		case a.Quantiles == nil:
			d.Absent = append(d.Absent, absentTask{a.Task.Origin, a.Task.Target, a.Task.Horizon, a.Task.Date, string(a.Task.Place), a.Absent})
		case a.Carried:
			d.Carried++
		}
	}
	return d
}

// remarks say what a reader of the file should know.
func (d *forecastData) remarks() []string {
	var lines []string
	if d.Negative > 0 {
		lines = append(lines, count(d.Negative, "value")+" below zero count as unknown")
	}
	for _, u := range d.Untrained {
		lines = append(lines, "no model on "+u)
	}
	if d.Carried > 0 {
		lines = append(lines, count(d.Carried, "task")+" without a model: the last value and the series' own past changes")
	}
	reasons := map[string]int{}
	for _, a := range d.Absent {
		reasons[a.Reason]++
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		lines = append(lines, count(reasons[reason], "task")+" without a forecast: "+reason)
	}
	return lines
}

// ratioText writes a share with four decimals, rounded down: only all is 1.
func ratioText(part, whole int) string {
	if part == whole {
		return "1"
	}
	return fmt.Sprintf("0.%04d", part*10_000/whole)
}

// readFrom opens a file, or standard input for "-", for read. Errors of csv name the file.
func readFrom(name string, read func(name string, in io.Reader) error) error {
	if name == "-" {
		return read("standard input", os.Stdin)
	}
	f, err := csv.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // Read only.
	return read(name, f)
}

// checkOut refuses a place where no file can be written, before the work and not after.
func checkOut(name string) error {
	if name == "-" {
		return nil
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return usageError{fmt.Errorf("--out %s is a folder; name a file in it", name)}
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return usageError{fmt.Errorf("--out %s: there is no folder %s; make it first", name, filepath.Dir(name))}
	}
	return nil
}

// writeTo writes a file whole or not at all, compressed if its name ends in .gz, or
// standard output for "-". Devices and pipes are written to as they are. Who may read
// it is up to the umask: nothing that a command is told to write so is secret.
func writeTo(t *terminal, name string, fill func(io.Writer) error) error {
	if name == "-" {
		t.settle()
		return fill(t.out)
	}
	if strings.HasSuffix(name, ".gz") {
		plain := fill
		fill = func(out io.Writer) error {
			z := gzip.NewWriter(out) // Without name and time: the same rows give the same bytes.
			return errors.Join(plain(z), z.Close())
		}
	}
	if info, err := os.Stat(name); err == nil && info.Mode()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0 {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(fill(f), f.Close())
	}
	return durable.Publish(name, fill)
}
