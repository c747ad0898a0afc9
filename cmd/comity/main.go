// Command comity founds, runs and checks a consortium: see README.md.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the build.
var version = "development" //nolint:gochecknoglobals // Set by -ldflags -X.

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// cli is the whole command line. Nouns first, verbs second.
type cli struct {
	JSON  bool `name:"json" help:"Print one JSON document on standard output and nothing else there."`
	Quiet bool `short:"q" help:"Print the result only, no progress."`

	Up      upCommand      `cmd:"" help:"Run a whole consortium on this machine: members, hub, log, witnesses, page."`
	Audit   auditCommand   `cmd:"" help:"Check evidence, offline."`
	Charter charterCommand `cmd:"" help:"Read and check charters."`
	Log     logCommand     `cmd:"" help:"Look into a transparency log."`
	Version versionCommand `cmd:"" help:"Print the version."`
	Help    helpCommand    `cmd:"" help:"Explain: exit-codes, json, words."`
}

// run parses and runs one command line and returns the exit code.
func run(ctx context.Context, args []string, out, err io.Writer) int {
	t := &terminal{out: out, err: err}
	// A wrong command line must also answer in JSON if it asks for JSON.
	for _, a := range args {
		t.json = t.json || a == "--json"
	}
	var c cli
	exited := -1
	parser, perr := kong.New(&c, kong.Name("comity"),
		kong.Description("Share a picture of a common danger, execute rules agreed beforehand, and let anyone check."),
		kong.Writers(out, err), kong.Exit(func(code int) { exited = code }), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if perr != nil {
		return t.fail(perr)
	}
	parsed, perr := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if perr != nil {
		return t.fail(usageError{perr})
	}
	t.json, t.quiet = c.JSON, c.Quiet
	t.live, t.color = isLive(err)
	parsed.BindTo(ctx, (*context.Context)(nil))
	if perr := parsed.Run(t); perr != nil {
		return t.fail(perr)
	}
	return 0
}

// usageError is what the command line parser refused.
type usageError struct{ cause error }

func (e usageError) Error() string { return e.cause.Error() + "; see comity --help" }
func (e usageError) Unwrap() error { return errUsage }

// isLive tells whether a writer is a terminal that can be redrawn and coloured.
func isLive(w io.Writer) (live, color bool) {
	f, ok := w.(*os.File)
	if !ok {
		return false, false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("TERM") == "dumb" {
		return false, false
	}
	return os.Getenv("ACCESSIBLE") == "", os.Getenv("NO_COLOR") == ""
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(t *terminal) error {
	return t.result("version", true, map[string]string{"version": version}, version+"\n")
}
