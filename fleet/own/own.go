// Package own reads a consortium from a folder that people write: scenario.yaml says who
// takes part and what each needs, charter.yaml holds the rules, and each member has a CSV
// file of weekly numbers. It also writes such a folder as an example.
//
// Everything that can be wrong with a folder is found here, before a key is made: the
// charter is read as founding will complete it, and lowered once to an allocation.
package own

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"comity/adapter/cel"
	"comity/adapter/csv"
	"comity/adapter/yaml"
	"comity/governor/charter"
	"comity/modeler/forecast"
	"comity/pack"
	"comity/party"
)

// The names of the two documents of a folder.
const (
	ScenarioFile = "scenario.yaml"
	CharterFile  = "charter.yaml"
)

// recipe is what the fleet trains with.
const recipe = "forecast/quick@1"

// When says which decision is the first. The zero value asks for the newest that the
// rows allow, or for the start that the folder names.
type When struct {
	Origin string // A Wednesday, YYYY-MM-DD; wins over the folder's start.
	Weeks  int    // How many weeks will be decided; 0 means 1. The newest rows serve the last.
}

// Is tells whether a folder holds a scenario of this package.
func Is(folder string) bool {
	_, err := os.Lstat(filepath.Join(folder, ScenarioFile))
	return err == nil
}

// Read returns the scenario of a folder. Its errors have one line for each problem,
// FILE:LINE:COLUMN: reason; fix, and wrap yaml.ErrUnreadable, csv.ErrUnreadable or
// charter.ErrRefused.
func Read(folder string, when When) (pack.Scenario, error) {
	file := filepath.Join(folder, ScenarioFile)
	data, err := load(file)
	if err != nil {
		return pack.Scenario{}, err
	}
	d, err := readDocument(file, data)
	if err != nil {
		return pack.Scenario{}, err
	}
	rows, weekday, err := d.rows(folder)
	if err != nil {
		return pack.Scenario{}, err
	}
	s := d.scenario(rows, weekday)
	if s.Start, err = d.begin(rows, when); err != nil {
		return pack.Scenario{}, err
	}
	if s.Charter, s.Needs, err = readCharter(filepath.Join(folder, CharterFile), d, s); err != nil {
		return pack.Scenario{}, err
	}
	return s, nil
}

// load reads one document, at most as long as package yaml takes.
func load(file string) ([]byte, error) {
	refuse := func(reason, fix string) error {
		return &yaml.Error{File: file, Line: 1, Column: 1, Reason: reason, Fix: fix}
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refuse("there is no such file", "copy it from an example: comity up --example DIR")
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, refuse("not a regular file", "write a text file")
	case info.Size() > yaml.MaxBytes:
		return nil, refuse(fmt.Sprintf("the file has %d bytes, at most %d", info.Size(), yaml.MaxBytes), "shorten it")
	}
	return os.ReadFile(file)
}

// rows reads the members' files.
func (d *document) rows(folder string) (pack.Recorded, time.Weekday, error) {
	var all pack.Recorded
	var problems []error
	weekly := csv.NewWeekly(d.targets)
	for _, m := range d.members {
		if m.data == "" {
			continue
		}
		path := filepath.Join(folder, m.data)
		rows, err := weekly.Read(path, m.party.ID)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = d.refusal(m.dataAt, fmt.Sprintf("there is no file %s", path), fmt.Sprintf("write the weekly numbers of %s to it, or correct the name", m.party.ID))
		case err == nil:
			err = enough(path, m.party.ID, d.targets, rows)
		}
		if err != nil {
			problems = append(problems, err)
		}
		all = append(all, rows...)
		if len(all) > forecast.MaxRows {
			return nil, 0, d.refusal(m.dataAt, fmt.Sprintf("more than %d rows in all files", forecast.MaxRows), "drop the oldest")
		}
	}
	problems = append(problems, d.strays(folder)...)
	if len(problems) > 0 {
		return nil, 0, join(problems)
	}
	pack.Sort(all)
	return all, weekly.Weekday(), nil
}

// leastWeeks is how many weeks a member needs of some variable to take part: features
// look back a quarter of a year, and a change over four weeks must have been seen.
const leastWeeks = 26

// enough refuses a file from which nothing can be learned.
func enough(path string, id party.ID, targets []string, rows []forecast.Observation) error {
	most := 0
	for _, target := range targets {
		weeks := map[string]bool{}
		for _, o := range rows {
			if o.Target == target && !o.Withdrawn {
				weeks[o.Date] = true
			}
		}
		most = max(most, len(weeks))
	}
	if most < leastWeeks {
		return &csv.Error{File: path, Line: 1, Column: 1, Reason: fmt.Sprintf("%d weeks of numbers of %s", most, id), Fix: fmt.Sprintf("give at least %d, better several years", leastWeeks)}
	}
	return nil
}

// strays refuses CSV files beside those of the members that no member names: a member
// that was forgotten would be left out in silence.
func (d *document) strays(folder string) []error {
	named, folders := map[string]bool{}, map[string]bool{}
	for _, m := range d.members {
		if m.data == "" {
			continue
		}
		named[filepath.Clean(m.data)] = true
		folders[filepath.Dir(m.data)] = true
	}
	var problems []error
	for dir := range folders {
		entries, err := os.ReadDir(filepath.Join(folder, dir))
		if err != nil {
			continue // The files in it were reported.
		}
		for _, e := range entries {
			if name := filepath.Join(dir, e.Name()); filepath.Ext(name) == ".csv" && !named[name] {
				problems = append(problems, &csv.Error{
					File: filepath.Join(folder, name), Line: 1, Column: 1, Reason: "no member of scenario.yaml names this file",
					Fix: "add its member to scenario.yaml, or move the file away",
				})
			}
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return problems
}

// scenario puts together what needs no charter.
func (d *document) scenario(rows pack.Recorded, weekday time.Weekday) pack.Scenario {
	s := pack.Scenario{
		Name: d.name, Title: d.title, Label: d.label, Operator: d.operator, Source: d.source, Rows: rows, Recipe: recipe,
	}
	if weekday != time.Sunday {
		s.Source += fmt.Sprintf("; its dates are %ss, each taken for the week from Monday to Sunday in which it lies", weekday)
	}
	for _, target := range d.targets {
		s.Targets = append(s.Targets, pack.Target{Name: target, Unit: d.unit})
	}
	for _, m := range d.members {
		s.Members = append(s.Members, m.party)
		if m.data == "" {
			s.Away = append(s.Away, m.party.ID)
		}
	}
	return s
}

// lateWeeks is how old the newest row may be at an origin: package forecast looks no
// further than five weeks ahead, and four are published.
const lateWeeks = 3

// aWednesday shows how an origin date is written.
const aWednesday = "2026-11-18"

// begin returns the origin date of the first week.
func (d *document) begin(rows pack.Recorded, when When) (string, error) {
	newest := ""
	for _, o := range rows {
		newest = max(newest, o.AsOf)
	}
	if newest == "" && when.Origin == "" && d.start == "" {
		return "", d.refusal(charter.Node{}, "the rows of all members are away, so that nothing says when the first decision is", "name a Wednesday: start: "+aWednesday)
	}
	latest := aWednesday
	if newest != "" {
		var err error
		if latest, err = pack.OriginAfter(newest, 0); err != nil {
			return "", err
		}
	}
	start, refuse := d.start, func(reason, fix string) error { return d.refusal(d.startAt, reason, fix) }
	switch {
	case when.Origin != "":
		start = when.Origin
		refuse = func(reason, fix string) error { return fmt.Errorf("--origin: %s: %w; %s", reason, pack.ErrPeriod, fix) }
	case start == "":
		refuse = func(reason, fix string) error { return d.refusal(charter.Node{}, reason, fix) }
		var err error
		if start, err = pack.OriginAfter(newest, 1-max(when.Weeks, 1)); err != nil {
			return "", err
		}
	}
	at, err := time.Parse(time.DateOnly, start)
	if err != nil || at.Year() < 1970 || at.Year() > 2999 {
		return "", refuse(fmt.Sprintf("%.20q is no date", start), "write a Wednesday as "+latest)
	}
	if at.Weekday() != time.Wednesday {
		next, err := pack.OriginAfter(start, 0)
		if err != nil {
			return "", err
		}
		return "", refuse(fmt.Sprintf("%s is a %s", start, at.Weekday()), "decisions are of Wednesdays; write "+next)
	}
	late := fmt.Sprintf("the newest decision that the rows allow is that of %s; choose a date up to it and some weeks of rows before", latest)
	if reason := known(rows, d, at); reason != "" {
		return "", refuse(reason, late)
	}
	last := at.AddDate(0, 0, 7*(max(when.Weeks, 1)-1))
	if reason := fresh(rows, last); reason != "" {
		if when.Weeks > 1 {
			late += ", or decide fewer weeks"
		}
		return "", refuse(reason, late)
	}
	return start, nil
}

// known says what is wrong with a first day on which too little was known of some member.
func known(rows pack.Recorded, d *document, start time.Time) (reason string) {
	day := start.Format(time.DateOnly)
	for _, m := range d.members {
		if m.data == "" {
			continue // It is known at its home.
		}
		weeks := map[string]bool{}
		for _, o := range rows {
			if o.Place == m.party.ID && o.AsOf <= day && !o.Withdrawn {
				weeks[o.Date] = true
			}
		}
		if len(weeks) < leastWeeks {
			return fmt.Sprintf("on %s only %d weeks of %s were known, %d are needed", day, len(weeks), m.party.ID, leastWeeks)
		}
	}
	return ""
}

// fresh says what is wrong with a last day from which nobody can forecast any more.
func fresh(rows pack.Recorded, last time.Time) (reason string) {
	if len(rows) == 0 {
		return "" // All of them are away.
	}
	day, newest := last.Format(time.DateOnly), ""
	for _, o := range rows {
		if o.AsOf <= day && !o.Withdrawn {
			newest = max(newest, o.Date)
		}
	}
	if newest < last.AddDate(0, 0, -3-7*lateWeeks).Format(time.DateOnly) {
		return fmt.Sprintf("the newest week known on %s is that to %s, too old to forecast from", day, newest)
	}
	return ""
}

// readCharter reads the rules with what founding will add, and checks that they can be
// carried out with what the scenario declares.
func readCharter(file string, d *document, s pack.Scenario) (string, pack.Needs, error) {
	data, err := load(file)
	if err != nil {
		return "", nil, err
	}
	return completed(file, data, d, s)
}

// completed reads a charter's text as founding will complete it.
func completed(file string, data []byte, d *document, s pack.Scenario) (string, pack.Needs, error) {
	if err := actions(file, data); err != nil {
		return "", nil, err
	}
	root, err := yaml.Read(file, data)
	if err != nil {
		return "", nil, err
	}
	blanks, err := findBlanks(file, root, s)
	if err != nil {
		return "", nil, err
	}
	template, err := blanks.template(data)
	if err != nil {
		return "", nil, err
	}
	filled, err := blanks.fill(root, s)
	if err != nil {
		return "", nil, err
	}
	c, problems := charter.Read(filled, cel.Compile)
	if err := problems.Err(file); err != nil {
		return "", nil, err
	}
	needs, err := agree(file, filled, c, d)
	if err != nil {
		return "", nil, err
	}
	return template, needs, rehearse(file, filled, c, s, needs)
}

// maxProblems bounds a report: whoever has corrected so many runs it again.
const maxProblems = 20

// join returns one error with a line for each problem.
func join(problems []error) error {
	if n := len(problems) - maxProblems; n > 0 {
		problems = append(slices.Clip(problems[:maxProblems]), fmt.Errorf("%d more problems", n))
	}
	return errors.Join(problems...)
}
