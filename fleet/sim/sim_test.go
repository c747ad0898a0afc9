package sim

import (
	"os"
	"strconv"
	"testing"
)

// Every training under every seed ends as it must. COMITY_SEEDS says how many, 100
// without it; COMITY_SEED replays one.
func TestTrainings(t *testing.T) {
	from, to := uint64(0), uint64(100)
	if n, err := strconv.ParseUint(os.Getenv("COMITY_SEEDS"), 10, 64); err == nil {
		to = n
	}
	if n, err := strconv.ParseUint(os.Getenv("COMITY_SEED"), 10, 64); err == nil {
		from, to = n, n+1
	}
	founded, finished, left, caught := Founded{}, 0, 0, map[string]int{}
	for seed := from; seed < to; seed++ {
		r, err := founded.Train(seed)
		if err != nil {
			t.Errorf("seed %d (COMITY_SEED=%d replays it): %v; %+v", seed, seed, err, r)
			continue
		}
		if r.Finished {
			finished++
		} else if r.Lie != "" {
			caught[r.Lie]++
		}
		left += r.Left
	}
	t.Logf("%d of %d trainings finished, %d members fell out, rounds ended by lies: %v", finished, to-from, left, caught)
	if to-from >= 100 && (finished < int(to-from)/3 || left == 0 || len(caught) == 0) {
		t.Errorf("%d finished, %d fell out, %v: the runs do not try what they should", finished, left, caught)
	}
}
