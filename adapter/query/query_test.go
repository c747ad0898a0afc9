package query

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"comity/place"
)

// shell runs a script: the tests' program, which prints what a database client would.
func shell(script string) Config {
	return Config{Argv: []string{"/bin/sh", "-c", script}, Deadline: 10 * time.Second, Bytes: 1000, Env: []string{"REGION=north"}}
}

func TestOutput(t *testing.T) {
	t.Setenv("SECRET", "of the caller")
	o, err := Start(t.Context(), shell(`printf 'a,b\n%s,%s\n' "$REGION" "$SECRET"`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(o)
	if err != nil || string(got) != "a,b\nnorth,\n" {
		t.Errorf("printed %q (%v)", got, err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}

// Arguments are passed as they are: no shell takes them apart.
func TestNoShell(t *testing.T) {
	o, err := Start(t.Context(), Config{Argv: []string{"/bin/echo", "$(id); `id` | cat"}, Deadline: time.Second * 10, Bytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(o); err != nil || string(got) != "$(id); `id` | cat\n" {
		t.Errorf("printed %q (%v)", got, err)
	}
	_ = o.Close()
}

func TestRefused(t *testing.T) {
	late := shell("sleep 60 & echo a; sleep 60")
	late.Deadline = 100 * time.Millisecond
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"no program":      {Config{Deadline: 1, Bytes: 1}, "no program"},
		"no deadline":     {Config{Argv: []string{"x"}, Bytes: 1}, "deadline 0s"},
		"long deadline":   {Config{Argv: []string{"x"}, Bytes: 1, Deadline: MaxDeadline + 1}, "at most at 1h0m0s"},
		"no bytes":        {Config{Argv: []string{"x"}, Deadline: 1}, "0 bytes"},
		"unknown program": {Config{Argv: []string{"/no/such/program"}, Deadline: time.Second, Bytes: 1}, "no such file"},
		"fails":           {shell("echo a,b; echo 'password\nwrong' >&2; exit 3"), "exit status 3: password wrong"},
		"says too much":   {shell("while :; do echo a,b,c,d; done"), "more than 1000 bytes"},
		"late":            {late, "did not end within 100ms"},
	} {
		o, err := Start(t.Context(), c.config)
		if err == nil {
			_, err = io.ReadAll(o)
			_ = o.Close()
		}
		if !errors.Is(err, ErrConfig) || !errors.Is(err, place.ErrUnreadable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// Whoever stops reading ends the program.
func TestCloseEnds(t *testing.T) {
	o, err := Start(t.Context(), shell("echo a; sleep 60"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Read(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- o.Close() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("still running")
	}
}
