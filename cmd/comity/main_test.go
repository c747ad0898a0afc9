package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write golden files and docs/guide/exit-codes.md")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"comity": main})
}

// TestCommand founds one consortium, interrupts and resumes it, and then runs every
// script on what it left: see testdata/script.
func TestCommand(t *testing.T) {
	h := newWorld(t)
	t.Run("up", func(t *testing.T) { testUp(t, h) })
	if t.Failed() {
		return
	}
	t.Run("script", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir: "testdata/script", RequireExplicitExec: true, UpdateScripts: false,
			Setup: h.setup,
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"code": bothWays, "once": once, "golden": golden, "copy": copyFolder, "flip": flip, "cut": cut, "same": same,
			},
		})
	})
}

// setup tells a script where things are.
func (w *world) setup(e *testscript.Env) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e.Defer(func() { _ = listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"HOME_FOLDER": w.home, "OTHER": w.other, "EARLY": w.early, "WORDS": w.words, "DIGEST": w.digest, "OTHER_WORDS": w.otherWords,
		"ALLOCATION": w.allocation, "URL": w.site, "BUSY_PORT": port, "XDG_STATE_HOME": filepath.Join(e.WorkDir, "state"),
		"TERM": "dumb",
	} {
		e.Setenv(name, value)
	}
	return nil
}

// bothWays runs a command with --json and then without, and wants one exit code of both:
//
//	code 12 audit verify altered.proof
//
// With --json there is one document of the contract's form on standard output and
// nothing on standard error. What the run without --json printed is left for stdout and
// stderr lines.
func bothWays(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N ARGUMENT...")
	}
	want := wholeNumber(ts, args[0])
	got := status(ts, append([]string{"--json"}, args[1:]...))
	if got != want {
		ts.Fatalf("with --json the code is %d, want %d", got, want)
	}
	if text := ts.ReadFile("stderr"); text != "" {
		ts.Fatalf("with --json standard error says %q", text)
	}
	if err := checkDocument([]byte(ts.ReadFile("stdout")), want); err != nil {
		ts.Fatalf("%v", err)
	}
	once(ts, false, args)
}

// once runs a command as it is and wants its exit code.
func once(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: once N ARGUMENT...")
	}
	if got, want := status(ts, args[1:]), wholeNumber(ts, args[0]); got != want {
		ts.Fatalf("the code is %d, want %d", got, want)
	}
}

func wholeNumber(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

func status(ts *testscript.TestScript, args []string) int {
	err := ts.Exec("comity", args...)
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed.ExitCode()
	}
	ts.Check(err)
	return 0
}

// checkDocument checks the form of what --json printed.
func checkDocument(out []byte, exit int) error {
	var d struct {
		Schema string
		OK     *bool
		Data   json.RawMessage
		Error  *failure
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return fmt.Errorf("not a document: %w: %q", err, out)
	}
	if decoder.More() || bytes.Count(out, []byte("\n")) != 1 {
		return fmt.Errorf("more than one document: %q", out)
	}
	switch {
	case d.OK == nil, *d.OK != (exit == 0), (d.Schema == "comity/error@1") == *d.OK, !regexp.MustCompile(`^comity/[a-z-]+@1$`).MatchString(d.Schema):
		return fmt.Errorf("schema %q and ok do not fit exit code %d", d.Schema, exit)
	case exit == 0 && (d.Error != nil || d.Data == nil):
		return fmt.Errorf("a success with an error or without data: %s", out)
	case exit != 0 && (d.Error == nil || d.Error.Exit != exit || d.Error.Slug == "" || d.Error.Message == "" || d.Error.Help == ""):
		return fmt.Errorf("an error that does not say everything: %s", out)
	}
	return nil
}

// golden compares standard output with a file, apart from what differs in every run:
//
//	golden verify.json
func golden(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: golden FILE")
	}
	if err := compare(args[0], ts.ReadFile("stdout")); err != nil {
		ts.Fatalf("%v", err)
	}
}

func compare(name, out string) error {
	got := masked(out)
	file := filepath.Join(sourceFolder(), "testdata", "golden", name)
	if *update {
		return os.WriteFile(file, []byte(got), 0o600)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if got != string(want) {
		return fmt.Errorf("%s differs; run with -update and read the change\n got: %s\nwant: %s", name, got, want)
	}
	return nil
}

// sourceFolder is this package's folder: tests start there and scripts do not.
func sourceFolder() string { return os.Getenv("COMITY_TEST_SOURCE") }

// masked replaces what differs in every run: digests, roots, words, places and numbers.
func masked(out string) string {
	for _, m := range []struct{ pattern, with string }{
		{`[0-9a-f]{64}`, "DIGEST"},
		{`[0-9a-f]{12}\.\.\.`, "DIGEST"},
		{`[A-Za-z0-9+/]{43}=`, "ROOT"},
		{`("ROOT",)+`, ""},
		{`([a-z]{5,8}-){7}[a-z]{5,8}`, "WORDS"},
		{`[a-z-]+\.witness`, "WITNESS"},
		{`("WITNESS",)+`, ""},
		{`/[^"']*/(our home|other|early)`, "HOME"},
		{`http://[^" ]*`, "URL"},
		{`[A-Za-z0-9+/=]{200,}`, "BASE64"},
		{`\b\d+([.,/]\d+)*\b`, "0"},
		{`@0"`, `@1"`},
	} {
		out = regexp.MustCompile(m.pattern).ReplaceAllString(out, m.with)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(out), "", " "); err == nil {
		return b.String()
	}
	return out
}

// copyFolder copies a folder with all that is in it.
func copyFolder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copy FROM TO")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
}

// flip changes one byte of a file to another digit or letter; a negative place counts
// from the end, and a text means the byte after its first occurrence.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE PLACE")
	}
	data := []byte(ts.ReadFile(args[0]))
	at, err := strconv.Atoi(args[1])
	switch {
	case err != nil:
		at = strings.Index(string(data), args[1]) + len(args[1])
	case at < 0:
		at += len(data)
	}
	others := "AB" // Of the base64 alphabet, so that the text stays readable.
	if data[at] >= '0' && data[at] <= '9' {
		others = "12"
	}
	if data[at] == others[0] {
		others = others[1:]
	}
	data[at] = others[0]
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// cut shortens a file to a number of bytes.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cut FILE BYTES")
	}
	ts.Check(os.Truncate(ts.MkAbs(args[0]), int64(wholeNumber(ts, args[1]))))
}

// same wants standard output to be a file of the repository.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: same FILE")
	}
	file := filepath.Join(sourceFolder(), args[0])
	if *update {
		ts.Check(os.WriteFile(file, []byte(ts.ReadFile("stdout")), 0o644))
	}
	want, err := os.ReadFile(file)
	ts.Check(err)
	if string(want) != ts.ReadFile("stdout") {
		ts.Fatalf("%s is not what the command prints; run with -update", args[0])
	}
}

// inProcess runs one command line in this process.
func inProcess(ctx context.Context, args ...string) (exit int, out, err string) {
	var o, e bytes.Buffer
	exit = run(ctx, args, &o, &e)
	return exit, o.String(), e.String()
}
