package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestLearn runs the scripts of testdata/learn, which need no consortium.
func TestLearn(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/learn", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TERM", "dumb")
			e.Setenv("COMITY_TEST_SOURCE", sourceOf(t))
			if err := os.WriteFile(filepath.Join(e.WorkDir, "two.csv"), []byte(patients(300, "AB")), 0o600); err != nil {
				return err
			}
			rows := patients(400, "ABC") + "D,50,f,3,,no\n"
			return os.WriteFile(filepath.Join(e.WorkDir, "rows.csv"), []byte(rows), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": bothWays, "once": once, "golden": golden},
	})
}

func sourceOf(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// patients are rows with numbers, categories and gaps; y depends on all but the clinic.
func patients(rows int, clinics string) string {
	r := rand.New(rand.NewPCG(1, uint64(len(clinics))))
	var b strings.Builder
	b.WriteString("clinic,age,sex,visits,void,y\n")
	for range rows {
		age, sex, visits := 20+r.IntN(60), r.IntN(2), r.IntN(8)
		y := "no"
		if age+10*sex+3*visits+r.IntN(20) > 75 {
			y = "yes"
		}
		ageText := fmt.Sprint(age)
		if r.IntN(20) == 0 {
			ageText = "NA"
		}
		fmt.Fprintf(&b, "%c,%s,%c,%d,,%s\n", clinics[r.IntN(len(clinics))], ageText, "fm"[sex], visits, y)
	}
	return b.String()
}
