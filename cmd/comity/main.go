// Command comity founds, runs and checks a consortium: see README.md.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"comity/canon"
)

// version is set by the build.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the command in good order, the second one at once.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// cli is the whole command line. Nouns first, verbs second.
type cli struct {
	JSON  bool `name:"json" help:"Print one JSON document on standard output and nothing else there."`
	Quiet bool `short:"q" help:"Print the result only, no progress."`

	Up       upCommand       `cmd:"" help:"Run a whole consortium on this machine: members, hub, log, witnesses, page."`
	Init     initCommand     `cmd:"" help:"Found a consortium and start nobody: for hub and members in processes of their own."`
	Serve    serveCommand    `cmd:"" help:"Run the hub or one member of a founded consortium."`
	Member   memberCommand   `cmd:"" help:"Invite parties to a consortium, take up an invitation, see who has joined."`
	Export   exportCommand   `cmd:"" help:"Write a bundle for a member without a line to the hub, or a member's reply: for a stick."`
	Import   importCommand   `cmd:"" help:"Do what a bundle asks, in a member's own home, or give a reply to the hub."`
	Audit    auditCommand    `cmd:"" help:"Check evidence, offline."`
	Charter  charterCommand  `cmd:"" help:"Read and check charters."`
	Log      logCommand      `cmd:"" help:"Look into a transparency log."`
	Health   healthCommand   `cmd:"" help:"Forecast diseases and score forecasts, without a consortium."`
	Allocate allocateCommand `cmd:"" help:"Explain divisions and try others; settle a linear programme with a proof, and check such a proof."`
	Grid     gridCommand     `cmd:"" help:"Find the cheapest dispatch of an electric grid, with a proof."`
	Jury     juryCommand     `cmd:"" help:"Draw citizens' panels under quotas, with chances as equal as the quotas allow, and prove it."`
	Words    lexiconCommand  `cmd:"" help:"Read what fairness, bias and trust mean here, and decide them on data."`
	Query    queryCommand    `cmd:"" help:"Ask members one question about rows that stay with them."`
	Learn    learnCommand    `cmd:"" help:"Learn models from files, predict with them; check a training or a question from the log alone."`
	Model    modelCommand    `cmd:"" help:"List models, show how they did, and take them along."`
	Data     dataCommand     `cmd:"" help:"Check your own rows where they are."`
	Redteam  redteamCommand  `cmd:"" help:"Attack a model or a consortium before others do."`
	Doctor   doctorCommand   `cmd:"" help:"Look for what is wrong with a home, and say what to type next."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
	Help     helpCommand     `cmd:"" help:"List the topics, or explain one: exit-codes, json, words, environment, accessibility, licences."`

	Completion completionCommand `cmd:"" help:"Write a script that completes this command line in bash, zsh or fish."`
}

// run parses and runs one command line and returns the exit code.
func run(ctx context.Context, args []string, out, err io.Writer) int {
	t := newTerminal(out, err)
	// A wrong command line must also answer in JSON if it asks for JSON.
	for _, a := range args {
		if a == "--" {
			break
		}
		t.json = t.json || a == "--json"
	}
	var c cli
	var help bytes.Buffer // Kong writes nothing else without being asked.
	exited := false
	parser, perr := kong.New(&c, kong.Name("comity"),
		kong.Description("Share a picture of a common danger, execute rules agreed beforehand, and let anyone check."),
		kong.Writers(&help, &help), kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if perr != nil {
		return t.fail(perr)
	}
	if len(args) > 0 && args[0] == "help" && !slices.ContainsFunc(args[1:], func(a string) bool { return !strings.HasPrefix(a, "-") }) {
		args = append([]string{"--help"}, args[1:]...)
	}
	parsed, perr := parser.Parse(ownMember(joinWords(args)))
	switch {
	case exited: // --help was among the arguments.
		if args[0] == "--help" {
			help.WriteString("\n" + topicList())
		}
		perr = t.result("help", map[string]string{"topic": "usage", "text": help.String()}, help.String())
	case perr != nil:
		perr = usageError{perr}
	default:
		t.json, t.quiet = c.JSON, c.Quiet
		parsed.BindTo(ctx, (*context.Context)(nil))
		perr = parsed.Run(t)
	}
	if perr != nil {
		return t.fail(perr)
	}
	return 0
}

// joinWords makes one argument of eight words that follow --charter or --words without quotes, as
// somebody types them who has them read aloud.
func joinWords(args []string) []string {
	const words = 8
	for i, a := range args {
		if a != "--charter" && a != "--words" || len(args) < i+1+words {
			continue
		}
		joined := strings.Join(args[i+1:i+1+words], "-")
		if _, err := canon.ParseAnchor(joined); err == nil && strings.Count(joined, "-") == words-1 {
			return slices.Concat(args[:i+1], []string{joined}, joinWords(args[i+1+words:]))
		}
	}
	return args
}

// ownMember gives --member and --bundle without an id the value that means the member whose
// home it is.
func ownMember(args []string) []string {
	for i, a := range args {
		if (a == "--member" || a == "--bundle") && (i+1 == len(args) || strings.HasPrefix(args[i+1], "-")) {
			return slices.Concat(args[:i], []string{a + "=" + itself}, args[i+1:])
		}
	}
	return args
}

// usageError is what the command line got wrong.
type usageError struct{ cause error }

// Error says what was wrong and where to read on.
func (e usageError) Error() string {
	return fmt.Sprintf("%v; see comity --help", e.cause)
}

// Unwrap hides the cause: whatever it is, the command line is what to change.
func (e usageError) Unwrap() error { return errUsage }

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(t *terminal) error {
	return t.result("version", map[string]string{"version": version}, version+"\n")
}
