package federation

import (
	"errors"
	"fmt"
	"strings"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/verifier/analytics"
	"comity/verifier/privacy"
	"comity/verifier/secagg/oneshot"
)

// Code names how rows become numbers: package analytics, as it is.
const Code = "query@1"

// Bounds of a question.
const (
	// MaxSeconds bounds a phase: a member that is offline for a day may still be in.
	MaxSeconds = 86_400
	// noisyBits is the ring in which noise is drawn: with it the sum of all members stays
	// within 32-bit lanes.
	noisyBits = 32
	// maxCarried bounds the variance that a member brings from below: beyond it deviations
	// pass 2^25 units, which 32-bit lanes do not hold for three members.
	maxCarried = 1 << 50
)

// ErrQuestion says that a question cannot be run on its own terms.
var ErrQuestion = errors.New("question not possible")

// Terms returns what the hub must open a question with: everything follows from the
// question, from who is invited, and from log time, so that nothing is left to choose.
// There is one bucket, so that the neighbours of a large round may be drawn anew each time:
// no sums but that of all are opened.
func Terms(q comity.Question, invited []party.ID, now int) (comity.Open, error) {
	digest, err := canon.DigestOf(q)
	if err != nil {
		return comity.Open{}, err
	}
	o := comity.Open{
		Round: q.Round, Epoch: q.Epoch, Clause: q.Clause, Plan: digest, Schema: q.Schema, Lanes: q.Lanes, Bound: q.Bound, Noise: noNoise,
		Threshold: oneshot.DefaultThreshold(), MinMembers: q.MinMembers, Layout: q.Round,
	}
	for i, at := range []*int{&o.JoinBy, &o.NonceBy, &o.DealBy, &o.ComplainBy, &o.CommitBy, &o.UnmaskBy} {
		*at = now + (i+1)*q.Seconds
	}
	if q.Disclosure == privacy.Noisy {
		r := Release(q, len(invited))
		if err := r.Check(); err != nil {
			return comity.Open{}, fmt.Errorf("%w: %w", ErrQuestion, err)
		}
		o.Bound = q.Bound + canon.Int(r.Limit())
		o.Noise = gaussian + r.Share().String()
		o.MinMembers = max(o.MinMembers, r.Survivors())
	}
	if len(invited) < o.MinMembers {
		return comity.Open{}, fmt.Errorf("%w: %d members are ready, at least %d must be", ErrQuestion, len(invited), o.MinMembers)
	}
	if err := oneshot.CheckOpen(o); err != nil {
		return comity.Open{}, fmt.Errorf("%w: %w", ErrQuestion, err)
	}
	return o, nil
}

// What Open.Noise says.
const (
	noNoise  = "none"
	gaussian = "discrete_gaussian "
)

// Square returns the square of the L2 sensitivity that the noise of a query is scaled to.
// Of a person, whose rows may be there or not, that is the layout's; of a member, whose
// part in it is public, any rows may stand in the place of any others: twice as far.
func Square(unit string, l *analytics.Layout) (exact.Rat, error) {
	if unit == privacy.UnitMember {
		return l.Member.L2Squared.Mul(exact.Int(4)), nil
	}
	if l.Person == nil {
		return exact.Rat{}, fmt.Errorf("%w: its rows are not about the persons whom the budget protects", ErrQuestion)
	}
	return l.Person.L2Squared, nil
}

// Release is the noise of a question that so many members answer.
func Release(q comity.Question, members int) privacy.Release {
	return privacy.Release{
		Members: members, Lanes: q.Lanes, Bits: noisyBits, Bound: int64(q.Bound), Square: q.Square, Variance: q.Variance,
	}
}

// Noise is the most variance of noise that the sum of so many members holds: each of them
// added its share of all who were invited, and brought at most what the question lets a
// member carry from a body of its own.
func Noise(q comity.Question, invited, members int) exact.Rat {
	if q.Disclosure != privacy.Noisy {
		return exact.Rat{}
	}
	return Release(q, invited).Share().Add(q.Carried).Mul(exact.Int(int64(members)))
}

// Charges is what a question costs the members of a sum, each by itself.
func Charges(q comity.Question, unit string, invited, members []party.ID) ([]privacy.Charge, error) {
	cost := privacy.Cost{}
	if q.Disclosure == privacy.Noisy {
		var err error
		if cost, err = Release(q, len(invited)).Cost(); err != nil {
			return nil, err
		}
	}
	var all []privacy.Charge
	for _, id := range members {
		all = append(all, privacy.Charge{
			Party: id, Schema: q.Schema, Unit: unit, Period: q.Period, Round: q.Round,
			Rho: cost.Rho, Delta: cost.Delta, Disclosure: q.Disclosure,
		})
	}
	return all, nil
}

// Published is the sum of a question as privacy compares it with others: of the same
// query over the same rows.
func Published(q comity.Question, members []party.ID) (privacy.Published, error) {
	digest, err := canon.DigestOf(struct {
		Clause string       `json:"clause"`
		Code   string       `json:"code"`
		Period string       `json:"period"`
		Query  comity.Query `json:"query"`
	}{q.Clause, q.Code, q.Period, q.Query})
	return privacy.Published{Round: q.Round, Schema: q.Schema, Query: digest, Cohort: members}, err
}

// Check refuses a question whose terms contradict themselves, whatever the charter says.
func Check(q comity.Question) error {
	name, ok := strings.CutPrefix(q.Round, q.Period+"/")
	zero := exact.Rat{}
	switch {
	case !ok || !isName(name):
		return fmt.Errorf("%w: round %.80q; write the period, a slash, and a name of letters, digits and hyphens", ErrQuestion, q.Round)
	case q.Code != Code:
		return fmt.Errorf("%w: code %.40q, this is %s", ErrQuestion, q.Code, Code)
	case q.Seconds < 1 || q.Seconds > MaxSeconds:
		return fmt.Errorf("%w: %d seconds a phase; use 1 to %d", ErrQuestion, q.Seconds, MaxSeconds)
	case q.Disclosure != privacy.Exact && q.Disclosure != privacy.Noisy:
		return fmt.Errorf("%w: disclosure %.20q; use %s or %s", ErrQuestion, q.Disclosure, privacy.Exact, privacy.Noisy)
	case q.Disclosure == privacy.Exact && (q.Square.Cmp(zero) != 0 || q.Variance.Cmp(zero) != 0 || q.Carried.Cmp(zero) != 0):
		return fmt.Errorf("%w: without noise sensitivity, variance and carried are 0", ErrQuestion)
	case q.Carried.Sign() < 0 || q.Carried.Cmp(exact.Int(maxCarried)) > 0 || !q.Carried.IsInt():
		return fmt.Errorf("%w: carried is %.40s; use a whole number from 0 to %d", ErrQuestion, q.Carried, int64(maxCarried))
	}
	return nil
}

func isName(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// LeastVariance returns the smallest whole variance with which a question that so many
// members answer stays within a limit, so that an answer is no noisier than it must be.
// Errors wrap privacy.ErrExhausted if no noise that fits the ring is enough.
func LeastVariance(q comity.Question, members int, limit privacy.Limit) (exact.Rat, error) {
	fits := func(variance int64) error {
		q.Variance = exact.Int(variance)
		cost, err := Release(q, members).Cost()
		if err != nil {
			return err
		}
		return limit.Admit(cost)
	}
	const most = 1 << 50 // Deviations of 2^25 units are beyond what 32-bit lanes hold for three members.
	high := int64(1)
	var err error
	for ; high < most; high *= 2 {
		if err = fits(high); err == nil {
			break
		}
	}
	if err != nil {
		return exact.Rat{}, err
	}
	low := high / 2
	for high-low > 1 {
		middle := low + (high-low)/2
		if fits(middle) == nil {
			high = middle
		} else {
			low = middle
		}
	}
	return exact.Int(high), nil
}
