package privacy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comity/party"
)

func cohort(members ...int) []party.ID {
	var ids []party.ID
	for _, m := range members {
		ids = append(ids, party.ID(fmt.Sprintf("P%03d", m)))
	}
	return ids
}

func published(round string, members ...int) Published {
	return Published{Round: round, Schema: schema("cases"), Query: schema("sum"), Cohort: cohort(members...)}
}

func TestCheckCohort(t *testing.T) {
	first := published("1", 1, 2, 3, 4, 5, 6)
	for name, c := range map[string]struct {
		next    Published
		earlier []Published
		want    error
	}{
		"first":             {first, nil, nil},
		"same cohort":       {published("2", 6, 5, 4, 3, 2, 1), []Published{first}, nil},
		"one less":          {published("2", 1, 2, 3, 4, 5), []Published{first}, ErrNearCohort},
		"one more":          {published("2", 1, 2, 3, 4, 5, 6, 7), []Published{first}, ErrNearCohort},
		"one swapped":       {published("2", 1, 2, 3, 4, 5, 7), []Published{first}, ErrNearCohort},
		"three others":      {published("2", 1, 2, 3, 4, 5, 6, 7, 8, 9), []Published{first}, nil},
		"disjoint":          {published("2", 7, 8, 9), []Published{first}, nil},
		"too small":         {published("2", 7, 8), nil, ErrNearCohort},
		"same round":        {first, []Published{first}, nil},
		"other query":       {Published{"2", first.Schema, schema("mean"), cohort(1, 2, 3, 4, 5)}, []Published{first}, nil},
		"other schema":      {Published{"2", schema("deaths"), first.Query, cohort(1, 2, 3, 4, 5)}, []Published{first}, nil},
		"alone by parts":    {published("3", 1, 2, 3, 4, 5, 6, 7), []Published{published("1", 1, 2, 3), published("2", 4, 5, 6)}, ErrIsolated},
		"halves of halves":  {published("4", 2, 3, 4, 5), []Published{published("1", 1, 2, 3, 4), published("2", 1, 5, 6, 7)}, ErrNearCohort},
		"near an early one": {published("9", 1, 2, 3, 4, 5), []Published{first, published("2", 7, 8, 9)}, ErrNearCohort},
	} {
		err := CheckCohort(c.next, Exact, c.earlier, 3)
		if !errors.Is(err, c.want) || err != nil && c.want == nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err := CheckCohort(c.next, Noisy, c.earlier, 3); err != nil {
			t.Errorf("%s with noise: %v", name, err)
		}
	}
}

// The warning of the design: 30 members in six fresh buckets of five each round. Pairs of
// buckets differ by many, and yet after a few rounds everybody's values follow.
func TestShuffledBucketsIsolate(t *testing.T) {
	shuffle := rand.New(rand.NewPCG(1, 2))
	var earlier []Published
	for round := 1; ; round++ {
		order := shuffle.Perm(30)
		for i := 0; i < 30; i += 5 {
			next := published(fmt.Sprintf("%d/%d", round, i), order[i:i+5]...)
			if err := CheckCohort(next, Exact, earlier, 2); err != nil {
				if !errors.Is(err, ErrIsolated) || round < 4 || round > 7 {
					t.Fatalf("round %d: %v", round, err)
				}
				return
			}
			earlier = append(earlier, next)
		}
		if round > 10 {
			t.Fatal("nobody was singled out")
		}
	}
}

// A partition that stays isolates nobody, however often it is summed.
func TestFixedPartitionIsolatesNobody(t *testing.T) {
	var earlier []Published
	for round := range 10 {
		for i := 0; i < 30; i += 5 {
			next := published(fmt.Sprintf("%d/%d", round, i), i, i+1, i+2, i+3, i+4)
			if err := CheckCohort(next, Exact, earlier, 5); err != nil {
				t.Fatal(err)
			}
			earlier = append(earlier, next)
		}
	}
}

// The plain twin tries all combinations of few small cohorts with small multiples.
func TestIsolationAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const members = 5
		var sums []Published
		s := span{}
		for i := range rapid.IntRange(1, 4).Draw(t, "sums") {
			mask := rapid.IntRange(1, 1<<members-1).Draw(t, "cohort")
			var in []int
			for m := range members {
				if mask>>m&1 == 1 {
					in = append(in, m)
				}
			}
			sums = append(sums, published(fmt.Sprint(i), in...))
			s.add(sums[i].Cohort)
		}
		_, got := s.single()
		if want := enumerate(sums, make([]int, members), false); got != want {
			t.Fatalf("%v: singled out %v, by enumeration %v", sums, got, want)
		}
	})
}

// enumerate says whether a combination of sums with multiples from -3 to 3 is a multiple
// of one member. Four rows of zeros and ones need no larger ones.
func enumerate(sums []Published, total []int, used bool) bool {
	if len(sums) == 0 {
		nonZero := 0
		for _, v := range total {
			if v != 0 {
				nonZero++
			}
		}
		return used && nonZero == 1
	}
	for k := -3; k <= 3; k++ {
		next := slices.Clone(total)
		for _, p := range sums[0].Cohort {
			next[slices.Index(cohort(0, 1, 2, 3, 4), p)] += k
		}
		if enumerate(sums[1:], next, used || k != 0) {
			return true
		}
	}
	return false
}
