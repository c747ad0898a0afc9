package secagg

import (
	"fmt"
	"slices"

	"comity"
	"comity/canon"
	"comity/party"
	"comity/verifier/secagg/internal/wire"
)

// maxCohorts bounds the successors of a cohort: each loses a member or an attempt.
const maxCohorts = 1 + MaxMembers + MaxAttempts

// checkFirst refuses a cohort that cannot open a round.
func checkFirst(c comity.Cohort, minMembers int) error {
	if c.Number != 1 || c.FromStep != 0 || c.Attempt != 0 {
		return fmt.Errorf("%w: a round opens with cohort 1 at step 0, attempt 0, not cohort %d at step %d, attempt %d",
			ErrCohort, c.Number, c.FromStep, c.Attempt)
	}
	return checkMembers(c, minMembers)
}

func checkMembers(c comity.Cohort, minMembers int) error {
	switch n := len(c.Members); {
	case n < minMembers || n < MinMembers:
		return fmt.Errorf("%w: cohort %d has %d members; the plan wants %d, the protocol %d",
			ErrMinMembers, c.Number, n, minMembers, MinMembers)
	case n > MaxMembers:
		return fmt.Errorf("%w: number %d has %d members, at most %d", ErrCohort, c.Number, n, MaxMembers)
	}
	for i, id := range c.Members {
		if err := id.Check(); err != nil {
			return fmt.Errorf("%w: %w", ErrCohort, err)
		}
		if i > 0 && c.Members[i-1] >= id {
			return fmt.Errorf("%w: %s and %s are not in ascending order", ErrCohort, c.Members[i-1], id)
		}
	}
	return nil
}

// standing is where a round is when a successor is proposed.
type standing struct {
	number int  // Finished steps.
	since  int  // How many of them were finished when the attempt in force began.
	shown  bool // Whether a self mask may have been revealed in the step under way.
}

// used tells whether sums of the attempt in force are out. Vectors of one attempt
// belong together: the histograms of a tree's next level add up to those of this one.
// So a smaller cohort that went on with them would show, by subtraction, the vectors of
// whoever left; it has to begin again with a fresh sample, under a higher attempt.
func (s standing) used() bool { return s.shown || s.number > s.since }

// follow is the standing under an admissible successor.
func (s standing) follow(prev, c comity.Cohort) standing {
	if c.Attempt > prev.Attempt {
		s.since = s.number
	}
	s.shown = false
	return s
}

// checkSuccessor refuses a cohort that must not follow prev.
func checkSuccessor(prev, c comity.Cohort, at standing, minMembers int) error {
	switch {
	case c.Round != prev.Round:
		return fmt.Errorf("%w: of round %.80q, this is %q", ErrCohort, c.Round, prev.Round)
	case c.Number != prev.Number+1:
		return fmt.Errorf("%w: number %d after %d", ErrCohort, c.Number, prev.Number)
	case c.FromStep != at.number:
		return fmt.Errorf("%w: from step %d, at step %d", ErrStep, c.FromStep, at.number)
	case c.Attempt != prev.Attempt && c.Attempt != prev.Attempt+1 || c.Attempt > MaxAttempts:
		return fmt.Errorf("%w: attempt %d after %d, at most %d", ErrAttempt, c.Attempt, prev.Attempt, MaxAttempts)
	case at.used() && c.Attempt == prev.Attempt:
		return fmt.Errorf("%w: cohort %d keeps attempt %d, of which sums are out since step %d; raise the attempt",
			ErrAttempt, c.Number, c.Attempt, at.since)
	case c.Attempt == prev.Attempt && len(c.Members) == len(prev.Members):
		return fmt.Errorf("%w: number %d changes neither members nor attempt", ErrCohort, c.Number)
	}
	if err := checkMembers(c, minMembers); err != nil {
		return err
	}
	for _, id := range c.Members {
		if !slices.Contains(prev.Members, id) {
			return fmt.Errorf("%w: %s was not in cohort %d", ErrCohort, id, prev.Number)
		}
	}
	return nil
}

// index is a member's place in the cohort.
func index(c comity.Cohort, who party.ID) (int, error) {
	i, found := slices.BinarySearch(c.Members, who)
	if !found {
		return 0, fmt.Errorf("%w: %.40q, cohort %d of round %s", ErrStranger, who, c.Number, c.Round)
	}
	return i, nil
}

// chain is the running transcript digest.
type chain canon.Digest

// startChain returns T before the first cohort.
func startChain(round string, plan canon.Digest) chain {
	return chain(wire.Encode(labelStart).Text(round).Bytes(plan[:]).Sum())
}

// cohort links the chain to a cohort that takes over.
func (t chain) cohort(c comity.Cohort) (chain, canon.Digest, error) {
	digest, err := canon.DigestOf(c)
	if err != nil {
		return chain{}, canon.Digest{}, fmt.Errorf("cohort %d: %w", c.Number, err)
	}
	return chain(wire.Encode(labelCohort).Bytes(t[:]).Bytes(digest[:]).Sum()), digest, nil
}

// step links the chain to a finished step. The context holds T and the step itself.
func (t chain) step(context canon.Digest, list []Commitment, reveals [][keySize]byte, sum canon.Digest) chain {
	all := wire.Encode(labelReveals).Number(len(reveals))
	for i := range reveals {
		all = all.Bytes(reveals[i][:])
	}
	commitments, revealed := listDigest(list), all.Sum()
	return chain(wire.Encode(labelFinished).Bytes(t[:]).Bytes(context[:]).
		Bytes(commitments[:]).Bytes(revealed[:]).Bytes(sum[:]).Sum())
}
