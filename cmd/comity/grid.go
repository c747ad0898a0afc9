package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"comity/adapter/highs"
	"comity/adapter/matpower"
	"comity/allocator/linear"
	"comity/allocator/network/dc"
	"comity/allocator/network/dispatch"
	"comity/allocator/solve"
	"comity/canon"
	"comity/exact"
)

type gridCommand struct {
	OPF   gridOPFCommand   `cmd:"" name:"opf" help:"Find the cheapest dispatch of a grid and prove it."`
	Check gridCheckCommand `cmd:"" help:"Check such a proof, without a solver."`
}

type gridOPFCommand struct {
	Case        string `arg:"" help:"A MATPOWER case, version 2; .gz is fine, - reads standard input."`
	Certificate string `placeholder:"OUT" help:"Where to write the proof; .gz compresses, - is standard output."`
}

// dispatchData is the JSON form of a settled grid. Money is for each hour, in the
// currency of the file, exact.
type dispatchData struct {
	Status     linear.Status `json:"status"`
	Objective  string        `json:"objective,omitempty"`
	Bound      string        `json:"bound,omitempty"`
	Gap        string        `json:"gap,omitempty"`
	Buses      int           `json:"buses"`
	Branches   int           `json:"branches"`
	Generators int           `json:"generators"`
	Conflict   []string      `json:"conflict,omitempty"` // Branches whose limits cannot all be kept.
	Seconds    string        `json:"seconds"`
}

// gapWanted is how far above the bound a dispatch may cost, as a share of its cost.
const gapWanted = "0.0000001"

// Run settles a grid and writes its certificate.
func (c *gridOPFCommand) Run(ctx context.Context, t *terminal) error {
	start := time.Now()
	if c.Certificate != "" {
		if checkOut(c.Certificate) != nil {
			return usageError{fmt.Errorf("--certificate %s: name a file in a folder that exists", c.Certificate)}
		}
		if c.Certificate == "-" && t.json {
			return usageError{errors.New("--certificate - and --json both want standard output; name a file")}
		}
	}
	grid, err := readGrid(c.Case)
	if err != nil {
		return err
	}
	engine, err := highs.New(highs.Config{Cache: cacheFolder()})
	if err != nil {
		return err
	}
	defer engine.Close(context.WithoutCancel(ctx)) //nolint:errcheck // Its memory is gone either way.
	gap, err := exact.Parse(gapWanted)
	if err != nil {
		return err
	}
	found, err := dispatch.Solve(ctx, grid, gap, engine)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Case, err)
	}
	if c.Certificate != "" {
		data, err := canon.Marshal(found)
		if err != nil {
			return fmt.Errorf("%w: %w", dc.ErrInvalid, err)
		}
		if err := writeTo(t, c.Certificate, func(out io.Writer) error { _, err := out.Write(data); return err }); err != nil {
			return err
		}
	}
	d, err := dispatched(grid, found)
	if err != nil {
		return err
	}
	d.Seconds = strconv.FormatFloat(time.Since(start).Seconds(), 'f', 2, 64)
	return c.report(t, d, found)
}

// report says what was proved; only a dispatch is a success.
func (c *gridOPFCommand) report(t *terminal, d dispatchData, found dc.Certificate) error {
	if found.Status == linear.Infeasible {
		limits := "generators"
		if len(d.Conflict) > 0 {
			limits += " and branch " + listed(d.Conflict)
		}
		err := fmt.Errorf("%s: %w: no dispatch meets the load within the limits of %s; this is proved", c.Case, solve.ErrInfeasible, limits)
		return &refusal{err, d, err.Error() + "\n"}
	}
	text := fmt.Sprintf("%d buses, %d branches, %d generators\nobjective %s\nbound     %s\ngap       %s: %s\n%s s\n",
		d.Buses, d.Branches, d.Generators, about(found.Objective), about(found.Bound), about(found.Gap), meaning(found.Gap), d.Seconds)
	if c.Certificate == "-" {
		t.say("%s", text)
		return nil
	}
	return t.result("grid-opf", d, text)
}

type gridCheckCommand struct {
	Case        string `arg:"" help:"A MATPOWER case, version 2; .gz is fine."`
	Certificate string `arg:"" name:"cert" help:"What opf wrote; .gz is fine."`
}

// Run checks a certificate.
func (c *gridCheckCommand) Run(t *terminal) error {
	if c.Case == "-" && c.Certificate == "-" {
		return usageError{errors.New("case and certificate cannot both be standard input; name a file for one of them")}
	}
	grid, err := readGrid(c.Case)
	if err != nil {
		return err
	}
	var data []byte
	if err := readFrom(c.Certificate, func(_ string, in io.Reader) (err error) {
		data, err = readUnzipped(in, canon.MaxBytes)
		return err
	}); err != nil {
		return err
	}
	found, err := dc.Parse(data)
	if err == nil {
		err = dc.Check(grid, found)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", c.Certificate, err)
		return &refusal{err, verdictData{Verdict: "refused"}, err.Error() + "\n"}
	}
	d := verdictData{Verdict: "valid", Status: found.Status, Objective: exactly(found.Objective), Bound: exactly(found.Bound), Gap: exactly(found.Gap)}
	text := fmt.Sprintf("valid: the case is %s\n", found.Status)
	if found.Gap != nil {
		text = fmt.Sprintf("valid: objective %s, gap %s: %s\n", about(found.Objective), about(found.Gap), meaning(found.Gap))
	}
	return t.result("grid-check", d, text)
}

func readGrid(name string) (c dc.Case, err error) {
	err = readFrom(name, func(name string, in io.Reader) (err error) {
		c, err = matpower.Read(name, in)
		return err
	})
	return c, err
}

// dispatched describes what was proved.
func dispatched(grid dc.Case, found dc.Certificate) (dispatchData, error) {
	conflict, err := dc.Conflict(grid, found)
	if err != nil {
		return dispatchData{}, err
	}
	return dispatchData{
		Status: found.Status, Objective: exactly(found.Objective), Bound: exactly(found.Bound), Gap: exactly(found.Gap),
		Buses: len(grid.Buses), Branches: len(grid.Branches), Generators: len(grid.Generators), Conflict: conflict,
	}, nil
}
