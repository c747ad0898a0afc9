// Package conformance finds the cases that nobody here wrote: real data and reference
// outputs under the folder that COMITY_DATA names. It is for tests only.
package conformance

import (
	"os"
	"path/filepath"
	"testing"
)

// usual is where the cases lie when COMITY_DATA names nothing, from the repository root.
const usual = "../shared/data"

// Glob returns the files or folders below the cases that match a pattern such as
// "lp*/reference*.csv", ascending: sets of cases name their files differently, so none is
// named in full. Without a match the test fails, unless COMITY_DATA names another set,
// which may lack this kind of case: then it is skipped and says so.
func Glob(tb testing.TB, pattern string) []string {
	tb.Helper()
	found := Find(tb, pattern)
	if len(found) == 0 {
		tb.Skipf("the cases in COMITY_DATA hold no %s", pattern)
	}
	return found
}

// Find is Glob for a test that can do without: where another set lacks this kind of case
// it returns nothing.
func Find(tb testing.TB, pattern string) []string {
	tb.Helper()
	root, set := os.LookupEnv("COMITY_DATA")
	if !set || root == "" {
		root, set = usual, false
	}
	if !filepath.IsAbs(root) {
		root = filepath.Join(repository(tb), root)
	}
	found, err := filepath.Glob(filepath.Join(root, pattern))
	switch {
	case err != nil:
		tb.Fatal(err)
	case len(found) == 0 && !set:
		tb.Fatalf("no %s under %s; set COMITY_DATA to the folder of cases", pattern, root)
	}
	return found
}

// repository walks up to the folder of go.mod.
func repository(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			tb.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}
