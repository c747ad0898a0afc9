// Package query gets rows from a database server by running the program that a member
// configured for it, such as psql or sqlcmd, and reading what it prints as CSV. There is
// no shell in between, so that no part of a command can turn into another one.
package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"comity/place"
)

// Bounds of one run.
const (
	// MaxDeadline bounds Config.Deadline: a query that takes longer belongs into a file.
	MaxDeadline = time.Hour
	// MaxBytes is how much a program may print, the bound that package csv has for a file.
	MaxBytes = 512 << 20
	// grace is how long a program that was told to end may keep its pipes open.
	grace = 2 * time.Second
	// maxComplaint is how much of standard error goes into a message, in bytes.
	maxComplaint = 400
)

// ErrConfig says that a command cannot be run as it is configured.
var ErrConfig = fmt.Errorf("query command not usable: %w", place.ErrUnreadable)

// Config is one command.
type Config struct {
	Argv     []string      // Program and arguments, as they are passed.
	Env      []string      // NAME=value; nothing else of the caller's environment is passed.
	Folder   string        // Where it runs; empty for the caller's.
	Deadline time.Duration // Above 0, at most MaxDeadline.
	Bytes    int64         // Above 0, at most MaxBytes.
}

// Output is what a running command prints. Close it.
type Output struct {
	config    Config
	command   *exec.Cmd
	cancel    context.CancelFunc
	ctx       context.Context //nolint:containedctx // Of the child process, which lives as long as the Output.
	pipe      io.ReadCloser
	left      int64
	complaint complaint
	once      sync.Once
	result    error
}

// Start runs a command until ctx ends, the deadline passes or Close is called.
func Start(ctx context.Context, c Config) (*Output, error) {
	switch {
	case len(c.Argv) == 0 || c.Argv[0] == "":
		return nil, fmt.Errorf("%w: no program", ErrConfig)
	case c.Deadline <= 0 || c.Deadline > MaxDeadline:
		return nil, fmt.Errorf("%w: deadline %v; it lies above 0 and at most at %v", ErrConfig, c.Deadline, MaxDeadline)
	case c.Bytes <= 0 || c.Bytes > MaxBytes:
		return nil, fmt.Errorf("%w: %d bytes of output; 1 to %d are possible", ErrConfig, c.Bytes, int64(MaxBytes))
	}
	ctx, cancel := context.WithTimeout(ctx, c.Deadline)
	o := &Output{config: c, left: c.Bytes, ctx: ctx, cancel: cancel}
	o.command = exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...) //nolint:gosec // The member's own configuration.
	o.command.Env = append([]string{}, c.Env...)
	o.command.Dir = c.Folder
	o.command.Stderr = &o.complaint
	// A group of its own, so that what the program started ends with it.
	o.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	o.command.Cancel = func() error { return syscall.Kill(-o.command.Process.Pid, syscall.SIGKILL) }
	o.command.WaitDelay = grace
	pipe, err := o.command.StdoutPipe()
	if err == nil {
		o.pipe = pipe
		err = o.command.Start()
	}
	if err != nil {
		o.cancel()
		return nil, fmt.Errorf("%w: %s: %w", ErrConfig, c.Argv[0], err)
	}
	return o, nil
}

// Read reads what the program prints. After its last byte the program must have ended
// well: a failure comes instead of io.EOF, so that half an answer is never taken for one.
func (o *Output) Read(b []byte) (int, error) {
	n, err := o.pipe.Read(b)
	if o.left -= int64(n); o.left < 0 {
		o.cancel()
		_ = o.wait() // It was ended; that is no news.
		return 0, o.fail("it printed more than %d bytes; let the query select less", o.config.Bytes)
	}
	if err == nil {
		return n, nil
	}
	if failed := o.wait(); failed != nil {
		return n, failed
	}
	return n, io.EOF
}

// Close ends the program if it still runs.
func (o *Output) Close() error {
	o.cancel()
	_ = o.wait() // Whoever read to the end has seen it; whoever did not does not care.
	return nil
}

// wait waits for the program, once.
func (o *Output) wait() error {
	o.once.Do(func() {
		err := o.command.Wait()
		switch {
		case errors.Is(o.ctx.Err(), context.DeadlineExceeded):
			o.result = o.fail("it did not end within %v", o.config.Deadline)
		case err != nil && o.complaint.String() != "":
			o.result = o.fail("%v: %s", err, o.complaint.String())
		case err != nil:
			o.result = o.fail("%v", err)
		}
		o.cancel()
	})
	return o.result
}

func (o *Output) fail(format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrConfig, o.config.Argv[0], fmt.Sprintf(format, args...))
}

// complaint keeps the beginning of what a program writes on standard error.
type complaint struct {
	mu   sync.Mutex
	text []byte
}

func (c *complaint) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, b[:min(len(b), maxComplaint-len(c.text))]...)
	return len(b), nil
}

// String returns one line of printable text.
func (c *complaint) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(c.text), "?"))
	return strings.TrimSpace(clean)
}
