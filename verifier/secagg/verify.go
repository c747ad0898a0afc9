package secagg

import (
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/canon"
	"comity/chance"
	"comity/party"
	"comity/verifier/secagg/internal/field"
)

// Evidence is what a stranger checks a round with. All but the blobs comes from the
// log, with the signatures already checked.
type Evidence struct {
	Plan         canon.Digest    // Of the logged plan.
	MinMembers   int             // The plan's minimum.
	Cohorts      []comity.Cohort // As logged, ascending by number.
	Heads        map[party.ID]comity.Head
	Fingerprints map[party.ID]comity.Fingerprint
	Seed         chance.Seed // FingerprintSeed of the checkpoint that covers the heads.

	// Blob returns the blob of a digest; its bytes are checked against the digest.
	Blob func(canon.Digest) ([]byte, error)
	// Opened returns what Hub.Opened gives, for members who have no fingerprint because
	// they left. It may be nil. Cohorts only shrink, so a member that left has opened
	// vectors for every step from the first to its last.
	Opened func(number int, who party.ID) ([]byte, error)
	// ChainOnly accepts that members who left have neither fingerprint nor opened
	// vectors, as an offline audit must: then heads, reveals and chain are checked, and
	// that the sums are of the committed vectors is left to who holds the vectors.
	ChainOnly bool
}

// Left returns the members who took part and have no fingerprint.
func (e Evidence) Left() []party.ID {
	var left []party.ID
	for _, who := range e.Cohorts[0].Members {
		if _, ok := e.Fingerprints[who]; !ok {
			left = append(left, who)
		}
	}
	return left
}

// VerifyTranscript checks that every sum of the transcript is the sum of vectors that
// the members committed to: the steps give the chain that every remaining member
// signed, the self masks open their commitments, and the fingerprints add up to those
// of the sums. It costs one mask expansion per member and step, and no secret.
func VerifyTranscript(t Transcript, e Evidence) error {
	_, err := verify(t, e)
	return err
}

// Blame settles fingerprints that do not add up, with the vectors that the hub opens
// for every member. An error puts it on the hub: what it opened is not what was
// committed to, or does not add up to its sums. Otherwise the listed members' own
// fingerprints are not of what they committed to. On a round that verifies it is the
// full check, which also finds a member that lies in its fingerprint for the hub.
func Blame(t Transcript, e Evidence) ([]party.ID, error) {
	given := e.Fingerprints
	e.Fingerprints = nil
	v, err := verify(t, e)
	if err != nil {
		return nil, fmt.Errorf("opened by the hub: %w", err)
	}
	var liars []party.ID
	for _, who := range slices.Sorted(maps.Keys(given)) {
		opened := v.opened[who]
		if said, err := elements(given[who], t.Round); err != nil || opened == nil || said != opened.Value {
			liars = append(liars, who)
		}
	}
	return liars, nil
}

func verify(t Transcript, e Evidence) (*verification, error) {
	if err := checkCohorts(t, e); err != nil {
		return nil, err
	}
	v := &verification{Evidence: e, t: t, total: field.New(e.Seed), opened: map[party.ID]*field.Evaluation{}}
	if err := v.start(); err != nil {
		return nil, err
	}
	for number, s := range t.Steps {
		if err := v.step(number, s); err != nil {
			return nil, fmt.Errorf("step %d of round %s: %w", number, t.Round, err)
		}
	}
	if err := v.enter(len(t.Steps)); err != nil {
		return nil, err
	}
	if v.current != len(t.Cohorts)-1 {
		late := t.Cohorts[v.current+1]
		return nil, fmt.Errorf("%w: cohort %d starts at step %d of %d", ErrCohort, late.Number, late.FromStep, len(t.Steps))
	}
	if err := v.checkHeads(); err != nil {
		return nil, err
	}
	if v.ChainOnly && len(v.Left()) > 0 {
		return v, nil
	}
	return v, v.checkFingerprints()
}

// checkCohorts compares the transcript's cohorts with those of the log.
func checkCohorts(t Transcript, e Evidence) error {
	if t.Plan != e.Plan {
		return fmt.Errorf("%w: transcript of plan %s, logged is %s", ErrTranscript, t.Plan, e.Plan)
	}
	logged, err := canon.DigestOf(e.Cohorts)
	if err != nil {
		return err
	}
	said, err := canon.DigestOf(t.Cohorts)
	if err != nil {
		return err
	}
	switch {
	case len(t.Cohorts) == 0 || len(t.Cohorts) > maxCohorts || len(t.Steps) > MaxSteps:
		return fmt.Errorf("%w: %d cohorts and %d steps; at most %d and %d", ErrMalformed, len(t.Cohorts), len(t.Steps), maxCohorts, MaxSteps)
	case logged != said:
		return fmt.Errorf("%w: the transcript's cohorts have digest %s, the logged ones %s", ErrCohort, said, logged)
	case t.Cohorts[0].Round != t.Round:
		return fmt.Errorf("%w: transcript of round %.80q, its cohort is of %.80q", ErrCohort, t.Round, t.Cohorts[0].Round)
	}
	return nil
}

// verification walks a transcript.
type verification struct {
	Evidence
	t       Transcript
	current int // Index of the cohort in force.
	at      standing
	chain   chain
	chains  [][]canon.Digest  // By number of finished steps: what a head may be.
	total   *field.Evaluation // Of the exact sums.
	opened  map[party.ID]*field.Evaluation
}

func (v *verification) start() error {
	first := v.t.Cohorts[0]
	if err := checkFirst(first, v.MinMembers); err != nil {
		return err
	}
	t, _, err := startChain(v.t.Round, v.t.Plan).cohort(first)
	if err != nil {
		return err
	}
	v.chain = t
	v.chains = append(v.chains, []canon.Digest{canon.Digest(t)})
	return nil
}

// enter brings the cohorts into force that start at step number.
func (v *verification) enter(number int) error {
	for v.current+1 < len(v.t.Cohorts) && v.t.Cohorts[v.current+1].FromStep == number {
		next := v.t.Cohorts[v.current+1]
		v.at.number = number // Whether commitments were shown in a lost step is not on record.
		if err := checkSuccessor(v.t.Cohorts[v.current], next, v.at, v.MinMembers); err != nil {
			return err
		}
		v.at = v.at.follow(v.t.Cohorts[v.current], next)
		t, _, err := v.chain.cohort(next)
		if err != nil {
			return err
		}
		v.chain = t
		v.chains[number] = append(v.chains[number], canon.Digest(t))
		v.current++
	}
	return nil
}

// step checks one step and adds its words to the evaluations.
func (v *verification) step(number int, s StepRecord) error {
	if err := v.enter(number); err != nil {
		return err
	}
	cohort := v.t.Cohorts[v.current]
	n := len(cohort.Members)
	if s.Cohort != cohort.Number {
		return fmt.Errorf("%w: run by cohort %d, in force is %d", ErrCohort, s.Cohort, cohort.Number)
	}
	step := s.step()
	if err := step.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(s.Commitments) != n || len(s.Reveals) != n {
		return fmt.Errorf("%w: %d commitments and %d reveals of %d members", ErrCohort, len(s.Commitments), len(s.Reveals), n)
	}
	context := Position{number, cohort.Number, cohort.Attempt, canon.Digest(v.chain)}.context(step)
	reveals, err := checkReveals(context, cohort, s)
	if err != nil {
		return err
	}
	blob, err := v.Blob(s.Sum)
	if err != nil {
		return fmt.Errorf("%w: sum blob %s: %w", ErrIncomplete, s.Sum, err)
	}
	if got := canon.Sum(blob); got != s.Sum {
		return fmt.Errorf("%w: blob has digest %s, named is %s", ErrSum, got, s.Sum)
	}
	sum, err := ParseSum(blob)
	if err != nil {
		return err
	}
	if err := sum.check(step, n); err != nil {
		return err
	}
	v.total.Sums(sum.wordSums(context, reveals))
	if err := v.open(number, cohort, context, s); err != nil {
		return err
	}
	v.chain = v.chain.step(context, s.Commitments, reveals, s.Sum)
	v.chains = append(v.chains, []canon.Digest{canon.Digest(v.chain)})
	return nil
}

func checkReveals(context canon.Digest, cohort comity.Cohort, s StepRecord) ([][keySize]byte, error) {
	reveals := make([][keySize]byte, len(s.Reveals))
	for i, self := range s.Reveals {
		if len(self) != keySize {
			return nil, fmt.Errorf("%w: self mask of %s has %d bytes, want %d", ErrMalformed, cohort.Members[i], len(self), keySize)
		}
		reveals[i] = [keySize]byte(self)
		if err := checkReveal(context, cohort.Members[i], s.Commitments[i], reveals[i]); err != nil {
			return nil, err
		}
	}
	return reveals, nil
}

// open evaluates the opened vectors of members who have no fingerprint.
func (v *verification) open(number int, cohort comity.Cohort, context canon.Digest, s StepRecord) error {
	for i, who := range cohort.Members {
		if _, ok := v.Fingerprints[who]; ok {
			continue
		}
		if v.ChainOnly && !slices.Contains(v.t.Cohorts[len(v.t.Cohorts)-1].Members, who) {
			continue
		}
		if v.Opened == nil {
			return fmt.Errorf("%w: no fingerprint of %s and no opened vectors", ErrIncomplete, who)
		}
		data, err := v.Opened(number, who)
		if err != nil {
			return fmt.Errorf("%w: opened vector of %s: %w", ErrIncomplete, who, err)
		}
		if len(data) != keySize+s.step().size() {
			return fmt.Errorf("%w: of %s has %d bytes, want %d", ErrOpening, who, len(data), keySize+s.step().size())
		}
		got := commitMasked(context, who, [keySize]byte(data[:keySize]), data[keySize:])
		if got != s.Commitments[i].Masked {
			return fmt.Errorf("%w: of %s has digest %s, committed is %s", ErrOpening, who, got, s.Commitments[i].Masked)
		}
		if v.opened[who] == nil {
			v.opened[who] = field.New(v.Seed) // Cohorts only shrink: this is the first step.
		}
		v.opened[who].Masked(s.step().shape(), data[keySize:])
	}
	return nil
}

// checkHeads wants the final head of every remaining member and no head off the chain.
func (v *verification) checkHeads() error {
	last := v.t.Cohorts[v.current]
	for _, who := range last.Members {
		head, ok := v.Heads[who]
		if !ok {
			return fmt.Errorf("%w: no head of %s", ErrIncomplete, who)
		}
		if head.Steps != len(v.t.Steps) || head.Chain != canon.Digest(v.chain) {
			return fmt.Errorf("%w: %s signed %s after %d steps, the transcript gives %s after %d", ErrHead,
				who, head.Chain, head.Steps, canon.Digest(v.chain), len(v.t.Steps))
		}
	}
	for _, who := range slices.Sorted(maps.Keys(v.Heads)) {
		head := v.Heads[who]
		if head.Round != v.t.Round || head.Steps < 0 || head.Steps >= len(v.chains) ||
			!slices.Contains(v.chains[head.Steps], head.Chain) {
			return fmt.Errorf("%w: %s signed %s after %d steps of round %.80q", ErrHead, who, head.Chain, head.Steps, head.Round)
		}
	}
	return nil
}

// checkFingerprints compares the sum of all fingerprints with that of the sums.
func (v *verification) checkFingerprints() error {
	var all [field.Points]field.Element
	for _, who := range v.t.Cohorts[0].Members {
		var own [field.Points]field.Element
		if f, ok := v.Fingerprints[who]; ok {
			var err error
			if own, err = elements(f, v.t.Round); err != nil {
				return fmt.Errorf("fingerprint of %s: %w", who, err)
			}
		} else if e := v.opened[who]; e != nil {
			own = e.Value
		}
		for i := range all {
			all[i] = all[i].Plus(own[i])
		}
	}
	if all != v.total.Value {
		return fmt.Errorf("%w: members give %d, sums give %d; let the hub open the vectors to see whose differ",
			ErrFingerprint, all, v.total.Value)
	}
	return nil
}
