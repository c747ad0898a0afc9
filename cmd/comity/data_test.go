package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"comity/conformance"
	"comity/dataset"
	"comity/packs/health"
	"comity/schema"
)

// TestData runs the scripts of testdata/data, which need no consortium.
func TestData(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/data", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TERM", "dumb")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": bothWays, "once": once},
	})
}

// TestConformanceSeries checks the archives of respiratory surveillance against the schema that the
// health pack declares, row by row.
func TestConformanceSeries(t *testing.T) {
	for _, file := range conformance.Glob(t, "health*/respi*/*vintages*.csv*") {
		rows, err := dataset.Open(t.Context(), dataset.Config{Path: file})
		if err != nil {
			t.Fatal(err)
		}
		report, err := schema.Read(health.Series(), rows, 5, nil)
		if err != nil || report.Err() != nil || report.Rows == 0 {
			t.Errorf("%s: %d rows, %v, %v", file, report.Rows, err, report.Err())
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
}
