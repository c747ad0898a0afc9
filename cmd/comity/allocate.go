package main

import (
	"bufio"
	"compress/gzip"
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
	"comity/canon"
)

type allocateCommand struct {
	Solve allocateSolveCommand `cmd:"" help:"Solve a linear programme and prove the answer in exact numbers."`
	Check allocateCheckCommand `cmd:"" help:"Check such a proof, without a solver."`

	Explain explainCommand `cmd:"" help:"Say why a party gets what it gets, and what would change it."`
	WhatIf  whatifCommand  `cmd:"" name:"what-if" help:"Divide again with other numbers: who gains, who loses."`
}

type allocateSolveCommand struct {
	File        string `arg:"" help:"The programme in MPS form; .gz is fine, - reads standard input."`
	Certificate string `placeholder:"OUT" help:"Where to write the proof; .gz compresses, - is standard output."`
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
	if c.Certificate != "" {
		if checkOut(c.Certificate) != nil {
			return usageError{fmt.Errorf("--certificate %s: name a file in a folder that exists", c.Certificate)}
		}
		if c.Certificate == "-" && t.json {
			return usageError{errors.New("--certificate - and --json both want standard output; name a file")}
		}
	}
	p, err := readProgramme(c.File)
	if err != nil {
		return err
	}
	engine, err := highs.New(highs.Config{Cache: cacheFolder()})
	if err != nil {
		return err
	}
	defer engine.Close(context.WithoutCancel(ctx)) //nolint:errcheck // Its memory is gone either way.
	found, err := basis.Solve(ctx, p, engine)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	found, smallest, err := basis.Reduce(ctx, p, found, engine)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if c.Certificate != "" {
		if err := writeCertificate(t, c.Certificate, found); err != nil {
			return err
		}
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
		text := fmt.Sprintf("objective %s\nbound     %s\ngap       %s: %s\n%s s\n",
			about(found.Objective), about(found.Bound), about(found.Gap), meaning(found.Gap), d.Seconds)
		if c.Certificate == "-" {
			t.say("%s", text)
			return nil
		}
		return t.result("allocate-solve", d, text)
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

// verdictData is the JSON form of a check.
type verdictData struct {
	Verdict   string        `json:"verdict"` // "valid" or "refused".
	Status    linear.Status `json:"status,omitempty"`
	Objective string        `json:"objective,omitempty"`
	Bound     string        `json:"bound,omitempty"`
	Gap       string        `json:"gap,omitempty"`
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
	var data []byte
	if err := readFrom(c.Certificate, func(_ string, in io.Reader) (err error) {
		data, err = readUnzipped(in, canon.MaxBytes)
		return err
	}); err != nil {
		return err
	}
	found, err := linear.Parse(data)
	if err == nil {
		err = linear.Check(p, found)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", c.Certificate, err)
		return &refusal{err, verdictData{Verdict: "refused"}, err.Error() + "\n"}
	}
	s := settled(p, found)
	d := verdictData{Verdict: "valid", Status: s.Status, Objective: s.Objective, Bound: s.Bound, Gap: s.Gap}
	text := fmt.Sprintf("valid: the programme is %s\n", s.Status)
	if found.Gap != nil {
		text = fmt.Sprintf("valid: objective %s, gap %s: %s\n", about(found.Objective), about(found.Gap), meaning(found.Gap))
	}
	return t.result("allocate-check", d, text)
}

func readProgramme(name string) (p linear.Programme, err error) {
	err = readFrom(name, func(name string, in io.Reader) (err error) {
		p, err = mps.Read(name, in)
		return err
	})
	return p, err
}

// readUnzipped reads a whole file, plain or gzip, of at most limit bytes.
func readUnzipped(in io.Reader, limit int64) ([]byte, error) {
	raw := bufio.NewReader(in)
	in = raw
	if magic, err := raw.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b { // RFC 1952, section 2.3.1.
		unzipped, err := gzip.NewReader(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %w; get another copy", linear.ErrAltered, err)
		}
		in = unzipped
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w; get another copy", linear.ErrAltered, err)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%w: more than %d bytes", linear.ErrAltered, limit)
	}
	return data, nil
}

func writeCertificate(t *terminal, name string, c linear.Certificate) error {
	data, err := canon.Marshal(c)
	if err != nil {
		return fmt.Errorf("%w: %w", linear.ErrInvalid, err)
	}
	return writeTo(t, name, func(out io.Writer) error {
		_, err := out.Write(data)
		return err
	})
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
