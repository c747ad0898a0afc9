package main

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestLearnExplain runs the scripts of testdata/explain, which need no consortium.
func TestLearnExplain(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/explain", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TERM", "dumb")
			return os.WriteFile(e.WorkDir+"/plants.csv", []byte(plants()), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": bothWays, "once": once, "additive": additive},
	})
}

// plants is a table in which water helps the more the warmer it is, and soil a little.
func plants() string {
	var b strings.Builder
	b.WriteString("water,warm,soil,site,grown,tall\n")
	for i := range 400 {
		water, warm, soil := i%20, i/20, i*7%3
		height := float64(water*warm)/20 + float64(soil)
		tall := 0
		if height > 6 {
			tall = 1
		}
		b.WriteString(strings.Join([]string{
			strconv.Itoa(water), strconv.Itoa(10 + warm), []string{"sand", "loam", "clay"}[soil], "a", strconv.FormatFloat(height, 'f', 2, 64), strconv.Itoa(tall),
		}, ",") + "\n")
	}
	return b.String()
}

// additive checks that the cells of every line add up to its last one.
func additive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: additive FILE ROWS")
	}
	lines, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	if want, err := strconv.Atoi(args[1]); err != nil || len(lines) != want+1 {
		ts.Fatalf("%s has %d rows, not %s", args[0], len(lines)-1, args[1])
	}
	last := len(lines[0]) - 1
	if lines[0][last] != "score" || lines[0][last-1] != "base" {
		ts.Fatalf("%s ends with %q", args[0], lines[0])
	}
	for i, line := range lines[1:] {
		sum := 0.0
		for j, cell := range line {
			v, err := strconv.ParseFloat(cell, 64)
			ts.Check(err)
			if j < last {
				sum += v
			} else if math.Abs(sum-v) > 1e-8*max(1, math.Abs(v)) {
				ts.Fatalf("row %d adds up to %v, its score is %v", i+1, sum, v)
			}
		}
	}
}
