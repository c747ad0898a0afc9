package main

import (
	"net"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMembers invites, joins and serves in processes of their own.
func TestMembers(t *testing.T) {
	cache := t.TempDir() // Compiled code is shared between the commands.
	testscript.Run(t, testscript.Params{
		Dir: "testdata/member", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			hub, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			e.Setenv("HUB", hub.Addr().String())
			e.Setenv("TERM", "dumb")
			e.Setenv("XDG_CACHE_HOME", cache)
			return hub.Close()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": bothWays, "once": once},
	})
}
