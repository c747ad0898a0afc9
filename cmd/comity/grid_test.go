package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestGrid runs the scripts of testdata/grid, which need no consortium.
func TestGrid(t *testing.T) {
	cache := t.TempDir() // Compiled code is shared between the commands.
	testscript.Run(t, testscript.Params{
		Dir: "testdata/grid", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TERM", "dumb")
			e.Setenv("XDG_CACHE_HOME", cache)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": bothWays, "once": once},
	})
}
