package main

import (
	"cmp"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"comity/adapter/csv"
	"comity/modeler/ensemble"
	"comity/modeler/forecast"
	"comity/modeler/score"
)

type healthEnsembleCommand struct {
	Forecasts []string `required:"" placeholder:"FILE" sep:"none" help:"Quantile forecasts as a hub stores them; give it again, or name more files after it."`
	More      []string `arg:"" optional:"" name:"forecasts" help:"More files of forecasts."`
	Out       string   `required:"" placeholder:"FILE" help:"Where to write the ensemble's quantiles; .gz compresses, - is standard output."`
	Model     string   `default:"comity-ensemble" placeholder:"NAME" help:"Name in the output."`
	Without   []string `placeholder:"NAME" help:"Models that are no members, such as the hub's own ensemble."`
	Members   int      `default:"3" help:"Tasks with fewer sound members are left out (1 to 500)."`
	Least     float64  `default:"0" help:"Least that can come to pass; a member below is left out."`
	Most      float64  `default:"0" help:"Most that can come to pass, such as 100000 of 100,000 people; a member above is left out. 0: not known."`
	Truth     string   `placeholder:"FILE" help:"What came to pass: weighs members by skill, as far as it was known at each origin. Without it all weigh the same."`
	Theta     float64  `default:"0.5" help:"How much skill counts: 0 to 20."`
}

// ensembleData is the JSON form.
type ensembleData struct {
	Rows     int             `json:"rows"`
	TooFew   int             `json:"too_few"` // Tasks left out.
	Members  []string        `json:"members"`
	Model    string          `json:"model"`
	Weighted bool            `json:"weighted"`
	Faults   []ensembleFault `json:"faults"`
}

// ensembleFault is how often a member was at fault.
type ensembleFault struct {
	Member string `json:"member"`
	Kind   string `json:"kind"`
	Count  int    `json:"count"`
	First  string `json:"first"` // The first case, in words.
}

// Run combines and writes.
func (c *healthEnsembleCommand) Run(t *terminal) error {
	if err := c.check(); err != nil {
		return err
	}
	p, err := c.read(t)
	if err != nil {
		return err
	}
	if c.Truth != "" {
		if err := p.remember(c.Truth); err != nil {
			return err
		}
	}
	rows, d, err := c.combine(p)
	if err != nil {
		return err
	}
	if err := writeTo(t, c.Out, func(w io.Writer) error { return stdcsv.NewWriter(w).WriteAll(rows) }); err != nil {
		return err
	}
	if c.Out == "-" && !t.json {
		return nil // The rows are the result.
	}
	return t.result("health-ensemble", d, d.text())
}

func (c *healthEnsembleCommand) check() error {
	fromInput := 0
	for _, f := range slices.Concat(c.Forecasts, c.More, []string{c.Truth}) {
		if f == "-" {
			fromInput++
		}
	}
	switch {
	case fromInput > 1:
		return usageError{errors.New("only one file can be standard input; name the others")}
	case c.Members < 1 || c.Members > 500:
		return usageError{fmt.Errorf("--members %d: give 1 to 500", c.Members)}
	case math.IsNaN(c.Least) || math.IsNaN(c.Most) || c.Most != 0 && c.Most <= c.Least:
		return usageError{fmt.Errorf("--least %v --most %v: give two numbers, the second above the first", c.Least, c.Most)}
	}
	return checkOut(c.Out)
}

// poll is what all members say.
type poll struct {
	levels []float64
	tasks  map[forecast.Task][]ensemble.Member
	past   []ensemble.Past
}

func (c *healthEnsembleCommand) read(t *terminal) (*poll, error) {
	p := &poll{tasks: map[forecast.Task][]ensemble.Member{}}
	for _, file := range slices.Concat(c.Forecasts, c.More) {
		t.draw("reading " + file)
		err := readFrom(file, func(name string, in io.Reader) error {
			return csv.ReadForecasts(name, in, func(levels []float64) (func(string, forecast.Task, []float64) error, error) {
				if p.levels == nil {
					p.levels = slices.Clone(levels)
				}
				if !slices.Equal(p.levels, levels) {
					return nil, fmt.Errorf("%w: levels %v after %v; all files need the same", score.ErrLevels, levels, p.levels)
				}
				return c.add(p), nil
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add takes one forecast. A later one of the same model and task takes the place of an
// earlier one.
func (c *healthEnsembleCommand) add(p *poll) func(string, forecast.Task, []float64) error {
	return func(model string, task forecast.Task, quantiles []float64) error {
		if slices.Contains(c.Without, model) {
			return nil
		}
		m := ensemble.Member{Name: model, Quantiles: slices.Clone(quantiles), Weight: 1}
		members := p.tasks[task]
		if at := slices.IndexFunc(members, func(o ensemble.Member) bool { return o.Name == model }); at >= 0 {
			members[at] = m
			return nil
		}
		p.tasks[task] = append(members, m)
		return nil
	}
}

// remember scores all members on the log scale. A week is taken as known seven days after
// its end: surveillance of a week is published in the next.
func (p *poll) remember(file string) error {
	var truth score.Truth
	if err := readFrom(file, func(name string, in io.Reader) (err error) {
		truth, err = csv.ReadTruth(name, in)
		return err
	}); err != nil {
		return err
	}
	const delay = 7
	for task, members := range p.tasks {
		y, ok := truth[score.Week{Target: task.Target, Place: task.Place, Date: task.Date}]
		if !ok {
			continue
		}
		end, err := time.Parse(time.DateOnly, task.Date)
		if err != nil {
			return err
		}
		known := end.AddDate(0, 0, delay).Format(time.DateOnly)
		for _, m := range members {
			p.past = append(p.past, ensemble.Past{Member: m.Name, Task: nameOf(task), Known: known, Score: score.LogWIS(p.levels, m.Quantiles, y)})
		}
	}
	return nil
}

func nameOf(t forecast.Task) string {
	return strings.Join([]string{t.Origin, t.Target, strconv.Itoa(t.Horizon), t.Date, string(t.Place)}, "\x00")
}

// combine returns the rows to write, the header first.
func (c *healthEnsembleCommand) combine(p *poll) ([][]string, *ensembleData, error) {
	d := &ensembleData{Model: c.Model, Weighted: c.Truth != "", Faults: []ensembleFault{}, Members: []string{}}
	rows := [][]string{c.header(p.levels)}
	bounds := ensemble.Config{Least: c.Least, Most: c.Most, Far: ensemble.DefaultFar}
	if c.Most == 0 {
		bounds.Most = math.Inf(1)
	}
	weights, of := map[string]float64{}, "" // Of one origin.
	for _, task := range slices.SortedFunc(maps.Keys(p.tasks), func(x, y forecast.Task) int { return cmp.Compare(nameOf(x), nameOf(y)) }) {
		if c.Truth != "" && task.Origin != of {
			var err error
			if weights, err = (ensemble.Skill{Theta: c.Theta, Prior: ensemble.DefaultSkill().Prior}).Weights(p.past, task.Origin); err != nil {
				return nil, nil, usageError{err}
			}
			of = task.Origin
		}
		f, err := ensemble.Combine(p.levels, weighed(p.tasks[task], weights, d), bounds)
		d.note(f.Faults)
		switch {
		case errors.Is(err, ensemble.ErrNoMember) || err == nil && f.Members < c.Members:
			d.TooFew++
		case err != nil:
			return nil, nil, err
		default:
			rows = append(rows, c.row(task, f.Quantiles))
		}
	}
	slices.Sort(d.Members)
	d.Members, d.Rows = slices.Compact(d.Members), len(rows)-1
	return rows, d, nil
}

// weighed gives members their weights, and notes that there are such members.
func weighed(members []ensemble.Member, weights map[string]float64, d *ensembleData) []ensemble.Member {
	for i, m := range members {
		if w, ok := weights[m.Name]; ok {
			members[i].Weight = w
		}
		d.Members = append(d.Members, m.Name)
	}
	return members
}

// header has three digits for each level, as hubs write them, unless it needs more.
func (c *healthEnsembleCommand) header(levels []float64) []string {
	header := []string{"model", "origin_date", "target", "horizon", "target_end_date", "location"}
	for _, l := range levels {
		name := strconv.FormatFloat(l, 'f', 3, 64)
		if v, err := strconv.ParseFloat(name, 64); err != nil || v != l {
			name = strconv.FormatFloat(l, 'f', -1, 64)
		}
		header = append(header, "q"+name)
	}
	return header
}

func (c *healthEnsembleCommand) row(task forecast.Task, quantiles []float64) []string {
	row := []string{c.Model, task.Origin, task.Target, strconv.Itoa(task.Horizon), task.Date, string(task.Place)}
	for _, v := range quantiles {
		row = append(row, digits(v))
	}
	return row
}

// note counts faults by member and kind.
func (d *ensembleData) note(faults []ensemble.Fault) {
	for _, f := range faults {
		at := slices.IndexFunc(d.Faults, func(e ensembleFault) bool { return e.Member == f.Member && e.Kind == string(f.Kind) })
		if at < 0 {
			d.Faults = append(d.Faults, ensembleFault{Member: f.Member, Kind: string(f.Kind), First: f.String()})
			at = len(d.Faults) - 1
		}
		d.Faults[at].Count++
	}
}

func (d *ensembleData) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s from %s", count(d.Rows, "forecast"), d.Model, count(len(d.Members), "member"))
	if d.TooFew > 0 {
		fmt.Fprintf(&b, "; %s with too few sound members left out", count(d.TooFew, "task"))
	}
	b.WriteString("\n")
	for _, f := range d.Faults {
		fmt.Fprintf(&b, "  %s %s, %d times; first: %s\n", f.Member, f.Kind, f.Count, f.First)
	}
	return b.String()
}
