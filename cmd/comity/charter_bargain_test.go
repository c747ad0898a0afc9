package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestBargain runs the scripts of testdata/bargain, which need no consortium.
func TestBargain(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/bargain", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TERM", "dumb")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": bothWays, "once": once},
	})
}
