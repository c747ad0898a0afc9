// Package highstest lends tests one compiled HiGHS: compiling it anew takes each test
// binary two seconds.
package highstest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"comity/adapter/highs"
)

// Shared is the engine, which lives as long as the test binary; nobody closes it.
var Shared = sync.OnceValues(func() (*highs.Engine, error) { //nolint:gochecknoglobals // As above.
	e, err := highs.New(highs.Config{Cache: Cache()})
	if err != nil {
		return nil, err
	}
	return e, e.Warm(context.Background())
})

// Engine returns it, or fails the test.
func Engine(tb testing.TB) *highs.Engine {
	tb.Helper()
	e, err := Shared()
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// Cache is the folder of compiled code that all tests on a machine share.
func Cache() string { return filepath.Join(os.TempDir(), "comity-test-wasm") }
