package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"comity/allocator/certificate"
	"comity/replay"
	"comity/verifier/ledger"
)

// TestEveryCauseHasOneCode wraps each cause the way callers do.
func TestEveryCauseHasOneCode(t *testing.T) {
	seen := map[error]int{}
	exits := map[int]bool{0: true}
	for _, row := range codes() {
		if exits[row.exit] || row.slug == "" || row.meaning == "" || row.next == "" {
			t.Errorf("code %d is not one whole row: %+v", row.exit, row)
		}
		exits[row.exit] = true
		for _, cause := range row.causes {
			if other, ok := seen[cause]; ok {
				t.Errorf("%v has codes %d and %d", cause, other, row.exit)
			}
			seen[cause] = row.exit
			if got := codeOf(fmt.Errorf("while working: %w", fmt.Errorf("%w: details", cause))); got.exit != row.exit {
				t.Errorf("%v has code %d, want %d", cause, got.exit, row.exit)
			}
		}
	}
}

// TestTheStrongerCauseWins holds the order of the table.
func TestTheStrongerCauseWins(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{fmt.Errorf("%w: %w", replay.ErrIncomplete, os.ErrNotExist), 12},
		{fmt.Errorf("%w: %w", ledger.ErrMalformed, syscall.ENOSPC), 74},
		{fmt.Errorf("%w: %w", replay.ErrDiffers, ledger.ErrAltered), 12},
		{fmt.Errorf("%w: %w", replay.ErrDiffers, certificate.ErrGap), 40},
		{usageError{os.ErrNotExist}, 2},
		{errors.Join(errInterrupted, os.ErrNotExist), 130},
		{errors.New("something else"), 1},
		{&os.PathError{Op: "read", Path: "x", Err: syscall.EISDIR}, 74},
	} {
		if got := codeOf(tt.err); got.exit != tt.want {
			t.Errorf("%v has code %d, want %d", tt.err, got.exit, tt.want)
		}
	}
}

// TestFullOutput holds that a result that cannot be written is no success.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Logf("no /dev/full here: %v", err)
		return
	}
	defer full.Close()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, args := range [][]string{{"version"}, {"--json", "version"}, {"help"}} {
		if got := run(t.Context(), args, full, log); got != 74 {
			t.Errorf("%v on a full disk has code %d, want 74", args, got)
		}
	}
}

// silent lists the sentinels without a row of their own, and why.
func silent() map[string]string {
	return map[string]string{
		"allocator/certificate.ErrShape": "wraps ErrInvalid", "allocator/certificate.ErrPrimal": "wraps ErrInvalid",
		"allocator/certificate.ErrObjective": "wraps ErrInvalid", "allocator/certificate.ErrBound": "wraps ErrInvalid",
		"allocator/certificate.ErrGap": "wraps ErrInvalid", "allocator/certificate.ErrRay": "wraps ErrInvalid",
		"allocator/linear.ErrShape": "wraps ErrInvalid", "allocator/linear.ErrAltered": "wraps ErrInvalid",
		"allocator/linear.ErrPrimal": "wraps ErrInvalid", "allocator/linear.ErrDual": "wraps ErrInvalid",
		"allocator/linear.ErrStated": "wraps ErrInvalid", "allocator/linear.ErrRay": "wraps ErrInvalid",
		"allocator/network/dc.ErrShape": "wraps ErrInvalid", "allocator/network/dc.ErrAltered": "wraps ErrInvalid",
		"allocator/network/dc.ErrPoint": "wraps ErrInvalid", "allocator/network/dc.ErrStated": "wraps ErrInvalid",
		"allocator/network/dc.ErrUndecided": "wraps ErrInvalid", "allocator/network/potential.ErrUnproved": "wrapped by dc.ErrUndecided",
		"adapter/mps.ErrUnwritable":         "no command writes MPS",
		"packs/health/campaign.ErrStrategy": "only under a wrong usage", "allocator/fairness.ErrInput": "the jury's pool was checked before; words check says it as place.ErrUnreadable", "allocator/fairness.ErrUnfair": "words check says that it does not hold",
		"fleet/own.ErrOccupied": "only under a wrong usage", "fleet/cheat.ErrUnknown": "only under a wrong usage", "console/account.ErrNone": "only on the page",
		"canon.ErrUnsupported": "a bug", "adapter/highs.ErrProgramme": "a bug", "adapter/tlog.ErrClosed": "a bug",
		"modeler/learn.ErrAttempt": "a bug", "verifier/secagg.ErrConfig": "a bug", "verifier/secagg.ErrRandom": "no chance in the machine",
		"verifier/secagg.ErrOrder": "a bug", "verifier/secagg.ErrStep": "asked again", "verifier/secagg.ErrAttempt": "asked again",
		"verifier/secagg.ErrRepeated": "refused within the round", "verifier/secagg.ErrReused": "restarts the round",
		"adapter/query.ErrConfig": "wraps place.ErrUnreadable", "schema.ErrSchema": "wraps place.ErrUnreadable",
		"verifier/federation.ErrPhase": "asked again", "verifier/federation.ErrRepeat": "asked again", "verifier/federation.ErrEarly": "asked again",
		"verifier/federation.ErrAbsent": "refused within the round", "verifier/secagg/oneshot.ErrDispute": "says who is out, in words",
		"verifier/privacy/noise.ErrCoin": "no chance in the machine", "verifier/secagg/internal/wire.ErrRandom": "no chance in the machine",
		"verifier/secagg/internal/wire.ErrMalformed": "wrapped by secagg.ErrMalformed", "verifier/secagg/internal/field.ErrRange": "wrapped by secagg.ErrFingerprint",
		"verifier/secagg/internal/lane.ErrLanes": "wrapped by secagg.ErrSum", "verifier/secagg/internal/lane.ErrBound": "wrapped by secagg.ErrRange",
		"verifier/secagg.ErrClosed": "refused within the round", "verifier/secagg.ErrSuccessor": "refused within the round",
		"modeler/leakage.ErrTrain": "wraps what failed", "modeler/neutrality.ErrTrain": "wraps what failed", "training.ErrUnplanned": "a bug",
	}
}

// TestEverySentinelHasARow reads the module's sources: an error that callers may rely on
// has an exit code, or a reason to have none.
func TestEverySentinelHasARow(t *testing.T) {
	table, err := os.ReadFile("exit.go")
	if err != nil {
		t.Fatal(err)
	}
	// What is not linked into the command cannot reach its user.
	linked, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^\s*(?:var )?(Err[A-Z]\w*)\s+= (?:errors\.New|fmt\.Errorf)`)
	root, excused, found := os.DirFS("../.."), silent(), 0
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == ".git"):
			return fs.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"),
			!strings.Contains(string(linked), "\ncomity/"+path.Dir(name)+"\n"):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for _, m := range declared.FindAllSubmatch(text, -1) {
			found++
			folder, sentinel := path.Dir(name), string(m[1])
			as := path.Base(folder)
			if alias := regexp.MustCompile(`(\w+) "comity/` + folder + `"`).FindSubmatch(table); alias != nil {
				as = string(alias[1])
			}
			listed := regexp.MustCompile(`\b` + as + `\.` + sentinel + `\b`).Match(table)
			switch why := excused[folder+"."+sentinel]; {
			case listed && why != "":
				t.Errorf("%s.%s has a row, and an excuse for having none: %s", folder, sentinel, why)
			case !listed && why == "":
				t.Errorf("%s.%s has no exit code: give it a row in exit.go, or say in silent why not", folder, sentinel)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < len(excused) {
		t.Errorf("%d sentinels found in the sources, %d are excused", found, len(excused))
	}
}
