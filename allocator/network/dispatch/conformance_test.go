package dispatch_test

import (
	"encoding/csv"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comity/adapter/highs/highstest"
	"comity/adapter/matpower"
	"comity/allocator/linear"
	"comity/allocator/network/dc"
	"comity/allocator/network/dispatch"
	"comity/canon"
	"comity/conformance"
)

// cases returns the case files of the data set and what its reference says of them.
func cases(t *testing.T) (files []string, baseline, recomputed map[string]string) {
	t.Helper()
	files = conformance.Glob(t, "grid*/pglib*/*.m")
	f, err := os.Open(conformance.Glob(t, "grid*/pglib*/reference*.csv")[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("reference: %d rows, %v", len(rows), err)
	}
	at := map[string]int{}
	for k, name := range rows[0] {
		at[name] = k
	}
	baseline, recomputed = map[string]string{}, map[string]string{}
	for _, row := range rows[1:] {
		baseline[row[at["case"]]], recomputed[row[at["case"]]] = row[at["dc_baseline"]], row[at["dc_recomputed"]]
	}
	return files, baseline, recomputed
}

// TestConformancePglib settles every case of the data set: within 5e-5 of the library's
// own baseline, within 1e-6 of the recomputation, infeasible ones proved to be so, and
// every certificate accepted as it is read back.
func TestConformancePglib(t *testing.T) {
	files, baseline, recomputed := cases(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".m")
		if baseline[name] == "" {
			t.Logf("%s is not in the reference", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			c := load(t, file)
			found, err := dispatch.Solve(t.Context(), c, gapWanted, highstest.Engine(t))
			if err != nil {
				t.Fatal(err)
			}
			data, err := canon.Marshal(found)
			if err != nil {
				t.Fatal(err)
			}
			if found, err = dc.Parse(data); err != nil {
				t.Fatal(err)
			}
			if err := dc.Check(c, found); err != nil {
				t.Fatal(err)
			}
			if baseline[name] == "inf." {
				if found.Status != linear.Infeasible {
					t.Errorf("got %s at %s, want infeasible", found.Status, found.Objective)
				}
				return
			}
			compare(t, found, baseline[name], big.NewRat(5, 100_000))
			if recomputed[name] != "" {
				compare(t, found, recomputed[name], big.NewRat(1, 1_000_000))
			}
		})
	}
}

func load(t *testing.T, file string) dc.Case {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := matpower.Read(file, f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func compare(t *testing.T, found dc.Certificate, want string, share *big.Rat) {
	t.Helper()
	w, ok := new(big.Rat).SetString(want)
	if !ok {
		t.Fatalf("reference %q", want)
	}
	if found.Status != linear.Optimal {
		t.Fatalf("got %s, want %s", found.Status, want)
	}
	distance := new(big.Rat).Sub(found.Objective.Big(), w)
	if distance.Abs(distance).Cmp(share.Mul(share, new(big.Rat).Abs(w))) > 0 {
		t.Errorf("objective %s, want %s", found.Objective.Big().FloatString(6), want)
	}
	if gap := new(big.Rat).Sub(found.Objective.Big(), found.Bound.Big()); gap.Sign() < 0 || gap.Cmp(new(big.Rat).Mul(gapWanted.Big(), new(big.Rat).Abs(w))) > 0 {
		t.Errorf("objective %s, bound %s", found.Objective.Big().FloatString(6), found.Bound.Big().FloatString(6))
	}
}
