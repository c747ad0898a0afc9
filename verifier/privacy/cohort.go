package privacy

import (
	"fmt"
	"math/bits"
	"slices"

	"comity/canon"
	"comity/party"
)

// Published is a sum that was or would be published: over which rows, and over whom.
type Published struct {
	Round  string
	Schema canon.Digest
	// Query says what was summed over which rows: the digest of task, recipe and, where
	// rows of one period alone enter, that period. Sums of the same query are comparable.
	Query  canon.Digest
	Cohort []party.ID // In any order, each once.
}

// CheckCohort decides whether a sum may follow earlier ones, in the order of the log.
// Two sums of the same query over cohorts that differ tell the sum over those who differ;
// if these are fewer than minimum, that is a sum over too few.
//
// With noise each sum is charged in full to each member of its cohort, nearly equal
// cohorts or not, so that what the difference tells has been paid for twice: nothing is
// refused. Publishing the same round again costs nothing, as no noise is fresh in it.
//
// Without noise the sum is refused with ErrNearCohort, and with ErrIsolated if sums of
// the query together, added and subtracted in whatever multiples, give the values of one
// member: in secure aggregation, shuffling 30 members into buckets of 5 does so after six
// rounds. Longer combinations that single out a few but not one are not looked for.
func CheckCohort(next Published, disclosure string, earlier []Published, minimum int) error {
	if disclosure == Noisy {
		return nil
	}
	if len(next.Cohort) < minimum {
		return fmt.Errorf("%w: round %s has %d members, want at least %d", ErrNearCohort, next.Round, len(next.Cohort), minimum)
	}
	sums := span{}
	for _, e := range earlier {
		if e.Schema != next.Schema || e.Query != next.Query {
			continue
		}
		if e.Round == next.Round && sameMembers(e.Cohort, next.Cohort) {
			return nil
		}
		if d := difference(e.Cohort, next.Cohort); len(d) > 0 && len(d) < minimum {
			return fmt.Errorf("%w: rounds %s and %s differ by %v: want no difference, or at least %d members; wait for the others, or add noise",
				ErrNearCohort, e.Round, next.Round, d, minimum)
		}
		sums.add(e.Cohort)
	}
	sums.add(next.Cohort)
	if who, found := sums.single(); found {
		return fmt.Errorf("%w: round %s and the earlier ones give the values of %s; keep the partition of earlier rounds, or add noise",
			ErrIsolated, next.Round, who)
	}
	return nil
}

func sameMembers(a, b []party.ID) bool { return len(difference(a, b)) == 0 }

// difference returns those who are in one of two lists, ascending.
func difference(a, b []party.ID) []party.ID {
	var d []party.ID
	for _, pair := range [][2][]party.ID{{a, b}, {b, a}} {
		for _, p := range pair[0] {
			if !slices.Contains(pair[1], p) {
				d = append(d, p)
			}
		}
	}
	slices.Sort(d)
	return slices.Compact(d)
}

// prime is 2^61-1: the sums are combined modulo it. A combination that is right over the
// rationals is right modulo a prime but where the prime divides one of its minors, which
// these, of zeros and ones, have no reason to.
const prime = 1<<61 - 1

// span is what can be had by combining sums: rows in reduced echelon form, one column a
// member.
type span struct {
	members []party.ID
	rows    []row
}

// row has a 1 in its pivot column, where all others have 0.
type row struct {
	pivot  int
	values []uint64 // May be shorter than the members: the rest is 0.
}

// add takes the sum over a cohort in.
func (s *span) add(cohort []party.ID) {
	values := make([]uint64, len(s.members), len(s.members)+len(cohort))
	for _, p := range cohort {
		i := slices.Index(s.members, p)
		if i < 0 {
			i = len(s.members)
			s.members = append(s.members, p)
			values = append(values, 0)
		}
		values[i] = 1
	}
	for _, r := range s.rows {
		values = eliminate(values, r)
	}
	pivot := slices.IndexFunc(values, func(v uint64) bool { return v != 0 })
	if pivot < 0 {
		return
	}
	scale := invert(values[pivot])
	for i, v := range values {
		values[i] = multiply(v, scale)
	}
	fresh := row{pivot, values}
	for i, r := range s.rows {
		for len(r.values) < len(values) {
			r.values = append(r.values, 0)
		}
		s.rows[i].values = eliminate(r.values, fresh)
	}
	s.rows = append(s.rows, fresh)
}

// single returns a member whose own values are in the span: a row of one entry, as any
// such combination uses one row of a reduced form only.
func (s *span) single() (party.ID, bool) {
	for _, r := range s.rows {
		others := slices.ContainsFunc(r.values[r.pivot+1:], func(v uint64) bool { return v != 0 })
		before := slices.ContainsFunc(r.values[:r.pivot], func(v uint64) bool { return v != 0 })
		if !others && !before {
			return s.members[r.pivot], true
		}
	}
	return "", false
}

// eliminate subtracts the multiple of r that makes values 0 at its pivot.
func eliminate(values []uint64, r row) []uint64 {
	factor := values[r.pivot]
	if factor == 0 {
		return values
	}
	for i, v := range r.values {
		values[i] = (values[i] + prime - multiply(v, factor)) % prime
	}
	return values
}

// multiply returns a·b modulo the prime, for a and b below it.
func multiply(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	_, rest := bits.Div64(high, low, prime)
	return rest
}

// invert returns 1/a by Fermat's little theorem.
func invert(a uint64) uint64 {
	result := uint64(1)
	for e := uint64(prime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			result = multiply(result, a)
		}
		a = multiply(a, a)
	}
	return result
}
