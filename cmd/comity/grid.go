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
	"comity/exact"
)

type gridCommand struct {
	OPF   gridOPFCommand   `cmd:"" name:"opf" help:"Find the cheapest dispatch of a grid and prove it."`
	Check gridCheckCommand `cmd:"" help:"Check such a proof, without a solver."`
}

type gridOPFCommand struct {
	Case string `arg:"" help:"A MATPOWER case, version 2; .gz is fine, - reads standard input."`
	proofFlags
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
	if err := c.check(t); err != nil {
		return err
	}
	grid, err := readGrid(c.Case)
	if err != nil {
		return err
	}
	gap, err := exact.Parse(gapWanted)
	if err != nil {
		return err
	}
	var found dc.Certificate
	if err := withEngine(ctx, highs.Config{}, func(engine *highs.Engine) error {
		found, err = dispatch.Solve(ctx, grid, gap, engine)
		return err
	}); err != nil {
		return fmt.Errorf("%s: %w", c.Case, err)
	}
	if err := c.write(t, found); err != nil {
		return err
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
	text := fmt.Sprintf("%d buses, %d branches, %d generators\n%s%s s\n", d.Buses, d.Branches, d.Generators, claimOfCase(found).text(), d.Seconds)
	return c.proofFlags.report(t, "grid-opf", d, text)
}

func claimOfCase(c dc.Certificate) claim { return claim{c.Status, c.Objective, c.Bound, c.Gap} }

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
	return checkProof(t, "grid-check", "case", c.Certificate, func(data []byte) (claim, error) {
		found, err := dc.Parse(data)
		if err == nil {
			err = dc.Check(grid, found)
		}
		return claimOfCase(found), err
	})
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
