package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestJury runs the scripts of testdata/jury, which need no consortium.
func TestJury(t *testing.T) {
	cache := t.TempDir() // Compiled code is shared between the commands.
	testscript.Run(t, testscript.Params{
		Dir: "testdata/jury", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TERM", "dumb")
			e.Setenv("XDG_CACHE_HOME", cache)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": bothWays, "once": once},
	})
}
