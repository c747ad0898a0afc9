package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"comity"
	"comity/adapter/cel"
	"comity/adapter/csv"
	"comity/adapter/highs"
	"comity/adapter/yaml"
	"comity/allocator/explore"
	"comity/allocator/program"
	"comity/allocator/solve"
	"comity/canon"
	"comity/console"
	"comity/governor/charter"
	"comity/pack/template"
	"comity/replay"
)

// caseFlags say which division is asked about: one that a home decided, or what a charter
// file would decide on numbers in a file.
type caseFlags struct {
	File   string `arg:"" optional:"" help:"Charter in YAML; with --home none."`
	Inputs string `placeholder:"CSV" help:"Numbers to try the charter with: party,name,value. Default for a template: its own."`
	Home   string `placeholder:"DIR" help:"Ask about a decision of this home."`
	Week   string `placeholder:"DATE" help:"With --home: of this week. Default: the newest."`
}

// inquiry is a division that questions are answered about.
type inquiry struct {
	engine *explore.Engine
	teller console.Teller
	now    explore.Answer
	before *explore.Answer // Of the period before, in a home.
	close  func()
}

// open divides, and of a home checks that dividing again gives what was decided.
func (f *caseFlags) open(ctx context.Context, t *terminal) (*inquiry, error) {
	switch {
	case (f.File == "") == (f.Home == ""):
		return nil, usageError{errors.New("name a charter file or --home, one of the two")}
	case f.Home != "" && f.Inputs != "", f.Home == "" && f.Week != "":
		return nil, usageError{errors.New("--inputs goes with a charter file, --week with --home")}
	}
	solver, err := highs.New(highs.Config{Cache: cacheFolder()})
	if err != nil {
		return nil, err
	}
	a := &inquiry{
		engine: explore.New(solver, 0),
		close:  func() { _ = solver.Close(context.WithoutCancel(ctx)) }, // Frees memory of a process that ends.
	}
	t.draw("dividing")
	if f.Home != "" {
		err = f.decided(ctx, a)
	} else {
		err = f.rehearsed(ctx, a)
	}
	if err == nil {
		a.teller, err = console.NewTeller(a.now.Inputs.Charter, "en")
	}
	if err != nil {
		a.close()
		return nil, conflicted(err)
	}
	return a, nil
}

// decided reads a home's decision and the one before it.
func (f *caseFlags) decided(ctx context.Context, a *inquiry) error {
	source, err := replay.Open(ctx, f.Home)
	if err != nil {
		return err
	}
	all, err := source.Decisions(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("%s: %w: nothing was decided in it yet; decide first: %s", f.Home, explore.ErrName, command("up", "--home", f.Home))
	}
	at := len(all) - 1
	if f.Week != "" {
		at = slices.IndexFunc(all, func(d replay.Decided) bool { return d.Allocation.Period == f.Week })
	}
	if at < 0 {
		var weeks []string
		for _, d := range all {
			weeks = append(weeks, d.Allocation.Period)
		}
		return fmt.Errorf("%w: week %.40q; %s", explore.ErrName, f.Week, meant(f.Week, weeks))
	}
	if a.now, err = again(ctx, a.engine, all[at]); err != nil || at == 0 {
		return err
	}
	before, err := again(ctx, a.engine, all[at-1])
	a.before = &before
	return err
}

// again divides as a body did, and refuses if that gives anything else.
func again(ctx context.Context, e *explore.Engine, d replay.Decided) (explore.Answer, error) {
	answer, err := e.Solve(ctx, explore.Case{Inputs: d.Inputs, Lot: d.Lot})
	if err == nil && !slices.Equal(answer.Units, d.Allocation.Units) {
		err = fmt.Errorf("allocation of %s: %w: its units are not those that the rules give", d.Allocation.Period, replay.ErrDiffers)
	}
	return answer, err
}

// rehearsed divides by a charter file on numbers from a file. The lot of a rehearsal is
// always the same: nobody committed to any.
func (f *caseFlags) rehearsed(ctx context.Context, a *inquiry) error {
	rules, err := readRules(f.File)
	if err != nil {
		return err
	}
	inputs, err := f.numbers(rules)
	if err != nil {
		return err
	}
	a.now, err = a.engine.Solve(ctx, explore.Case{Inputs: inputs, Lot: canon.Sum([]byte("comity rehearsal"))})
	return err
}

// numbers reads the inputs, or those of the template that the charter began as.
func (f *caseFlags) numbers(rules comity.Charter) (inputs program.Inputs, err error) {
	if f.Inputs != "" {
		if f.File == "-" && f.Inputs == "-" {
			return inputs, usageError{errors.New("charter and numbers cannot both be standard input; name a file for one of them")}
		}
		err = readFrom(f.Inputs, func(name string, in io.Reader) (err error) {
			inputs, err = csv.ReadInputs(name, in, rules)
			return err
		})
		return inputs, err
	}
	for _, name := range template.Names() {
		if from, err := fromTemplate(name, rules); err != nil || !from {
			if err != nil {
				return inputs, err
			}
			continue
		}
		data, err := template.Inputs(name)
		if err != nil {
			return inputs, err
		}
		return csv.ReadInputs("numbers of template "+name, bytes.NewReader(data), rules)
	}
	return inputs, usageError{fmt.Errorf("charter %s needs numbers: give --inputs CSV with columns party,name,value and a row for each of %s; or see comity charter new --template vaccines --inputs OUT.csv",
		rules.ID, strings.Join(charter.Inputs(rules), ", "))}
}

// fromTemplate tells whether a charter still has the id that a template gives it.
func fromTemplate(name string, rules comity.Charter) (bool, error) {
	if !strings.HasPrefix(rules.ID, name) {
		return false, nil
	}
	document, err := template.Charter(name)
	if err != nil {
		return false, err
	}
	original, err := parseRules("template "+name, document)
	return original.ID == rules.ID, err
}

// readRules reads a charter that lints clean.
func readRules(file string) (comity.Charter, error) {
	data, err := readBounded(file, maxCharter)
	if err != nil {
		return comity.Charter{}, err
	}
	return parseRules(file, data)
}

func parseRules(file string, data []byte) (comity.Charter, error) {
	root, err := yaml.Read(file, data)
	if err != nil {
		return comity.Charter{}, err
	}
	rules, problems := charter.Read(root, cel.Compile)
	return rules, problems.Err(file)
}

// conflictData is the JSON form of rules that contradict each other.
type conflictData struct {
	Conflict []string `json:"conflict"` // Clauses.
	Rows     []string `json:"rows"`     // The rows of them that the proof needs.
}

// conflicted adds to an error about rules that contradict each other which ones these are.
func conflicted(err error) error {
	conflict, ok := errors.AsType[*solve.ConflictError](err)
	if !ok {
		return err
	}
	return &refusal{err, conflictData{append([]string{}, conflict.Clauses...), append([]string{}, conflict.Rows...)}, err.Error() + "\n"}
}

// meant proposes a name, or lists a few of those that there are.
func meant(word string, names []string) string {
	if best := charter.Nearest(word, names); best != "" {
		return "did you mean " + best + "?"
	}
	const most = 12
	if len(names) > most {
		return fmt.Sprintf("there are %s to %s and %d between", names[0], names[len(names)-1], len(names)-2)
	}
	return "there are " + strings.Join(names, ", ")
}
