package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestHealth runs the scripts of testdata/health, which need no consortium.
func TestHealth(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/health", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TERM", "dumb")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": bothWays, "once": once, "epidemic": epidemic},
	})
}

// epidemic writes three years of waves at five places, in RespiCast's calendar and
// columns: vintages.csv, the tasks of four Wednesdays in tasks.csv, and truth.csv.
func epidemic(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: epidemic")
	}
	var vintages, tasks, truth strings.Builder
	vintages.WriteString("as_of,target,location,truth_date,value\n")
	tasks.WriteString("model,origin_date,target,horizon,target_end_date,location\n")
	truth.WriteString("target,location,truth_date,value\n")
	first := time.Date(2021, 1, 3, 0, 0, 0, 0, time.UTC) // A Sunday.
	day := func(week, days int) string { return first.AddDate(0, 0, 7*week+days).Format(time.DateOnly) }
	r := rand.New(rand.NewPCG(1, 1))
	for p := range 5 {
		for week := range 160 {
			far := int64((week+2*p)%52) - 26
			value := (30 + far*far/5) * (90 + r.Int64N(20))
			fmt.Fprintf(&vintages, "%s,ILI,P%d,%s,%d.%02d\n", day(week, 5), p, day(week, 0), value/100, value%100)
			fmt.Fprintf(&truth, "ILI,P%d,%s,%d.%02d\n", p, day(week, 0), value/100, value%100)
		}
		for origin := 150; origin < 154; origin++ {
			for h := range 4 {
				fmt.Fprintf(&tasks, "any,%s,ILI,%d,%s,P%d\n", day(origin, 3), h+1, day(origin+h, 0), p)
			}
		}
	}
	for name, text := range map[string]string{"vintages.csv": vintages.String(), "tasks.csv": tasks.String(), "truth.csv": truth.String()} {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}
