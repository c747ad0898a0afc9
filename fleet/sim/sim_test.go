package sim

import (
	"os"
	"strconv"
	"testing"
)

// seeds returns which to run. COMITY_SEEDS says how many, 100 without it; COMITY_SEED
// replays one.
func seeds() (from, to uint64) {
	if n, err := strconv.ParseUint(os.Getenv("COMITY_SEED"), 10, 64); err == nil {
		return n, n + 1
	}
	if n, err := strconv.ParseUint(os.Getenv("COMITY_SEEDS"), 10, 64); err == nil {
		return 0, n
	}
	return 0, 100
}

// Every training and every question under every seed ends as it must, and the runs try
// what they should: most finish, members fall out, lies end some.
func TestSeeds(t *testing.T) {
	founded := Founded{}
	for name, run := range map[string]func(uint64) (Report, error){"trainings": founded.Train, "questions": founded.Ask} {
		t.Run(name, func(t *testing.T) {
			from, to := seeds()
			finished, left, caught := 0, 0, map[string]int{}
			for seed := from; seed < to; seed++ {
				r, err := run(seed)
				if err != nil {
					t.Errorf("COMITY_SEED=%d: %v; %+v", seed, err, r)
					continue
				}
				if r.Finished {
					finished++
				}
				if r.Lie != "" && (!r.Finished || len(r.Blamed) > 0) {
					caught[r.Lie]++
				}
				left += r.Left
			}
			t.Logf("%d of %d %s finished, %d members fell out, lies that were caught: %v", finished, to-from, name, left, caught)
			if to-from >= 100 && (finished < int(to-from)/3 || left == 0 || len(caught) < 3) {
				t.Errorf("%d finished, %d fell out, %v: the runs do not try what they should", finished, left, caught)
			}
		})
	}
}
