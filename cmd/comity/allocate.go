package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"time"

	"comity/adapter/highs"
	"comity/adapter/mps"
	"comity/allocator/basis"
	"comity/allocator/linear"
	"comity/allocator/solve"
)

type allocateCommand struct {
	Solve allocateSolveCommand `cmd:"" help:"Solve a linear programme and prove the answer in exact numbers."`
	Check allocateCheckCommand `cmd:"" help:"Check such a proof, without a solver."`

	Explain explainCommand `cmd:"" help:"Say why a party gets what it gets, and what would change it."`
	WhatIf  whatifCommand  `cmd:"" name:"what-if" help:"Divide again with other numbers: who gains, who loses."`
}

type allocateSolveCommand struct {
	File string `arg:"" help:"The programme in MPS form; .gz is fine, - reads standard input."`
	proofFlags
}

// settledData is the JSON form of a settled programme. Numbers are exact.
type settledData struct {
	Status    linear.Status `json:"status"`
	Objective string        `json:"objective,omitempty"`
	Bound     string        `json:"bound,omitempty"`
	Gap       string        `json:"gap,omitempty"`
	Columns   int           `json:"columns"`
	Rows      int           `json:"rows"`
	Proof     string        `json:"proof"`              // "basis", "tree" or "rounded".
	Conflict  []string      `json:"conflict,omitempty"` // Rows and bounds that no point can obey together.
	Smallest  bool          `json:"smallest,omitempty"` // Without any one of them some point obeys the others.
	Seconds   string        `json:"seconds"`
}

// Run solves a programme and writes its certificate.
func (c *allocateSolveCommand) Run(ctx context.Context, t *terminal) error {
	start := time.Now()
	if err := c.check(t); err != nil {
		return err
	}
	p, err := readProgramme(c.File)
	if err != nil {
		return err
	}
	var found linear.Certificate
	var smallest bool
	if err := withEngine(ctx, highs.Config{}, func(engine *highs.Engine) error {
		if found, err = basis.Solve(ctx, p, engine); err == nil {
			found, smallest, err = basis.Reduce(ctx, p, found, engine)
		}
		return err
	}); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if err := c.write(t, found); err != nil {
		return err
	}
	d := settled(p, found)
	d.Smallest = smallest
	d.Seconds = strconv.FormatFloat(time.Since(start).Seconds(), 'f', 2, 64)
	return c.report(t, d, found)
}

// report says what was proved; only an optimum is a success.
func (c *allocateSolveCommand) report(t *terminal, d settledData, found linear.Certificate) error {
	switch found.Status {
	case linear.Infeasible:
		err := fmt.Errorf("%s: %w: no point obeys %s; this is proved%s",
			c.File, solve.ErrInfeasible, listed(d.Conflict), needed(d))
		return &refusal{err, d, err.Error() + "\n"}
	case linear.Unbounded:
		err := fmt.Errorf("%s: %w: it improves without end along a direction; this is proved", c.File, errUnbounded)
		return &refusal{err, d, err.Error() + "\n"}
	default:
		return c.proofFlags.report(t, "allocate-solve", d, claimOf(found).text()+d.Seconds+" s\n")
	}
}

// listed names rules, the first few of many.
func listed(rules []string) string {
	const most = 8 // More are no explanation; the JSON document has all of them.
	if len(rules) == 0 {
		return "the bounds of the columns"
	}
	text := strings.Join(rules[:min(len(rules), most)], ", ")
	if len(rules) > most {
		return fmt.Sprintf("%s and %d other rules", text, len(rules)-most)
	}
	return text
}

// needed says whether a conflict is a smallest one.
func needed(d settledData) string {
	switch {
	case d.Smallest && len(d.Conflict) == 1:
		return ", and without this rule there is a point"
	case d.Smallest:
		return fmt.Sprintf(", and without any one of these %d rules some point obeys the others", len(d.Conflict))
	}
	return ""
}

func meaning(gap *linear.Ratio) string {
	if gap.Sign() == 0 {
		return "nothing feasible is better"
	}
	return "nothing feasible is better by more than this"
}

type allocateCheckCommand struct {
	File        string `arg:"" help:"The programme in MPS form; .gz is fine."`
	Certificate string `arg:"" name:"cert" help:"What solve wrote; .gz is fine."`
}

// Run checks a certificate.
func (c *allocateCheckCommand) Run(t *terminal) error {
	if c.File == "-" && c.Certificate == "-" {
		return usageError{errors.New("programme and certificate cannot both be standard input; name a file for one of them")}
	}
	p, err := readProgramme(c.File)
	if err != nil {
		return err
	}
	return checkProof(t, "allocate-check", "programme", c.Certificate, func(data []byte) (claim, error) {
		found, err := linear.Parse(data)
		if err == nil {
			err = linear.Check(p, found)
		}
		return claimOf(found), err
	})
}

func claimOf(c linear.Certificate) claim { return claim{c.Status, c.Objective, c.Bound, c.Gap} }

func readProgramme(name string) (p linear.Programme, err error) {
	err = readFrom(name, func(name string, in io.Reader) (err error) {
		p, err = mps.Read(name, in)
		return err
	})
	return p, err
}

func settled(p linear.Programme, c linear.Certificate) settledData {
	return settledData{
		Conflict: conflict(p, c), Proof: proofOf(c), Status: c.Status,
		Objective: exactly(c.Objective), Bound: exactly(c.Bound), Gap: exactly(c.Gap),
		Columns: len(p.Columns), Rows: len(p.Rows),
	}
}

// proofOf names the kind of proof; docs/format/mps-certificate.md tells them apart.
func proofOf(c linear.Certificate) string {
	switch {
	case c.Tree == nil:
		return "basis"
	case len(c.Tree.Nodes) == 1 && len(c.Tree.Cuts) == 0:
		return "rounded"
	}
	return "tree"
}

// conflict lists the rules that a proof of infeasibility is about.
func conflict(p linear.Programme, c linear.Certificate) []string {
	if c.Status != linear.Infeasible {
		return nil
	}
	found := c.Conflict(p)
	var rules []string
	for _, i := range found.Rows {
		rules = append(rules, "row "+p.Rows[i].Name)
	}
	if found.Whole { // All columns take part in a tree.
		return append(rules, "the bounds of the columns", "that columns are whole")
	}
	for _, j := range found.Lowers {
		rules = append(rules, p.Columns[j].Name+" >= "+p.Columns[j].Lower.String())
	}
	for _, j := range found.Uppers {
		rules = append(rules, p.Columns[j].Name+" <= "+p.Columns[j].Upper.String())
	}
	return rules
}

// maxPlaces is how many decimals are written before a ratio says the same shorter.
const maxPlaces = 40

// exactly writes a decimal where that is exact and short, else a ratio.
func exactly(r *linear.Ratio) string {
	if r == nil {
		return ""
	}
	if places, finite := r.Big().FloatPrec(); finite && places <= maxPlaces {
		return r.Big().FloatString(places)
	}
	return r.String()
}

// about writes twelve digits for people, and says so where they are not all.
func about(r *linear.Ratio) string {
	short := new(big.Float).SetPrec(128).SetRat(r.Big()).Text('g', 12)
	if same, ok := new(big.Rat).SetString(short); ok && same.Cmp(r.Big()) == 0 {
		return short
	}
	return "about " + short
}
