package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"comity/adapter/highs"
	"comity/allocator/linear"
	"comity/canon"
)

// proofFlags are those of a command that solves a file and can write down why its answer
// is right.
type proofFlags struct {
	Certificate string `placeholder:"OUT" help:"Where to write the proof; .gz compresses, - is standard output."`
}

// check refuses a place for the proof before the work and not after.
func (c proofFlags) check(t *terminal) error {
	switch {
	case c.Certificate == "":
		return nil
	case checkOut(c.Certificate) != nil:
		return usageError{fmt.Errorf("--certificate %s: name a file in a folder that exists", c.Certificate)}
	case c.Certificate == "-" && t.json:
		return usageError{errors.New("--certificate - and --json both want standard output; name a file")}
	}
	return nil
}

// write writes a certificate in its canonical form to the place that was named, if any.
func (c proofFlags) write(t *terminal, certificate any) error {
	if c.Certificate == "" {
		return nil
	}
	data, err := canon.Marshal(certificate)
	if err != nil {
		return fmt.Errorf("%w: %w", linear.ErrInvalid, err)
	}
	return writeTo(t, c.Certificate, func(out io.Writer) error {
		_, err := out.Write(data)
		return err
	})
}

// report prints what was proved, but not to where the proof itself was written.
func (c proofFlags) report(t *terminal, command string, data any, text string) error {
	if c.Certificate == "-" {
		t.say("%s", text)
		return nil
	}
	return t.result(command, data, text)
}

// withEngine lets work use the solver, whose compiled form is kept on disk.
func withEngine(ctx context.Context, config highs.Config, work func(*highs.Engine) error) error {
	config.Cache = cacheFolder()
	engine, err := highs.New(config)
	if err != nil {
		return err
	}
	defer engine.Close(context.WithoutCancel(ctx)) //nolint:errcheck // Its memory is gone either way.
	return work(engine)
}

// claim is what a certificate says and proves.
type claim struct {
	status                linear.Status
	objective, bound, gap *linear.Ratio
}

// text says it for people.
func (c claim) text() string {
	return fmt.Sprintf("objective %s\nbound     %s\ngap       %s: %s\n", about(c.objective), about(c.bound), about(c.gap), meaning(c.gap))
}

// verdictData is the JSON form of a check.
type verdictData struct {
	Verdict   string        `json:"verdict"` // "valid" or "refused".
	Status    linear.Status `json:"status,omitempty"`
	Objective string        `json:"objective,omitempty"`
	Bound     string        `json:"bound,omitempty"`
	Gap       string        `json:"gap,omitempty"`
}

// checkProof has the bytes of a certificate of what ("programme") checked and says what
// they prove.
func checkProof(t *terminal, command, what, file string, check func(data []byte) (claim, error)) error {
	var data []byte
	if err := readFrom(file, func(_ string, in io.Reader) (err error) {
		data, err = readUnzipped(in, canon.MaxBytes)
		return err
	}); err != nil {
		return err
	}
	c, err := check(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", file, err)
		return &refusal{err, verdictData{Verdict: "refused"}, err.Error() + "\n"}
	}
	d := verdictData{Verdict: "valid", Status: c.status, Objective: exactly(c.objective), Bound: exactly(c.bound), Gap: exactly(c.gap)}
	text := fmt.Sprintf("valid: the %s is %s\n", what, c.status)
	if c.gap != nil {
		text = fmt.Sprintf("valid: objective %s, gap %s: %s\n", about(c.objective), about(c.gap), meaning(c.gap))
	}
	return t.result(command, d, text)
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
