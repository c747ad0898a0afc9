package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"comity/conformance"
)

// TestConformanceHealthAllocation compares every reference optimum: the deaths averted
// and the courses used are the same to the last digit. Who gets a course that is worth
// the same elsewhere follows our rule and not the reference's.
func TestConformanceHealthAllocation(t *testing.T) {
	for _, file := range conformance.Glob(t, "health*/allocation*/reference_allocation*.csv") {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		at := map[string]int{}
		for j, name := range rows[0] {
			at[name] = j
		}
		for _, row := range rows[1:] {
			cell := func(name string) string { return row[at[name]] }
			t.Run(cell("strategy")+"/"+cell("supply_share"), func(t *testing.T) {
				var out, complaints bytes.Buffer
				code := run(t.Context(), []string{
					"health", "allocate", "--json", "--data", filepath.Dir(file), "--supply", cell("supply_share"), "--strategy", cell("strategy"),
				}, &out, &complaints)
				var got struct{ Data healthAllocateData }
				if err := json.Unmarshal(out.Bytes(), &got); code != 0 || err != nil {
					t.Fatalf("exit %d, %v: %s%s", code, err, out.String(), complaints.String())
				}
				want, _ := new(big.Rat).SetString(cell("deaths_averted_exact"))
				deaths, ok := new(big.Rat).SetString(got.Data.Deaths)
				if !ok || deaths.Cmp(want) != 0 {
					t.Errorf("deaths averted %s, want %s", got.Data.Deaths, want.RatString())
				}
				if got.Data.Used != cell("courses_used") || got.Data.Supply != cell("supply_courses") || got.Data.Gap != "0" {
					t.Errorf("courses %s of %s with gap %s, want %s of %s with gap 0", got.Data.Used, got.Data.Supply, got.Data.Gap, cell("courses_used"), cell("supply_courses"))
				}
				var sum int64
				for _, n := range got.Data.Doses {
					sum += int64(n)
				}
				if strconv.FormatInt(sum, 10) != got.Data.Used {
					t.Errorf("countries get %d of %s courses", sum, got.Data.Used)
				}
			})
		}
	}
}
