package ensemble

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Past is one score of the past.
type Past struct {
	Member string
	Task   string  // What was forecast; members are compared on the same tasks.
	Known  string  // Day on which the outcome was known, YYYY-MM-DD.
	Score  float64 // A loss, at least 0; NaN and infinities count as the worst.
}

// Skill says how past scores make weights.
type Skill struct {
	// Theta is how much skill counts: weights are exp(-Theta (ratio - 1)), with each
	// member's ratio to the usual score. 0 makes all equal, 20: at most.
	Theta float64
	// Prior is how many tasks' worth of ratio 1 a member starts with, so that a newcomer
	// stands in the middle and few lucky weeks do not decide.
	Prior float64
}

// DefaultSkill weighs gently. On RespiCast 2023 to 2025 past skill did not help: the log
// score relative to the hub's ensemble is .990 for the plain median, .997 for Theta .5,
// 1.003 for 2 and 1.012 for 4 (TestConformanceRespiCast), because members that are sharp
// earn weight until they are wrong together. So the plain median is the one to start with.
func DefaultSkill() Skill { return Skill{Theta: .5, Prior: 50} }

const (
	maxTheta = 20
	// worstRatio bounds what a single task can do: a score of 10^84 counts as a hundred
	// times the usual one, and one of 0 as a hundredth.
	worstRatio = 100
	// leastCompared is the fewest members whose median says what is usual.
	leastCompared = 3
)

// Weights returns the weight of each member that has a score known before the day at. Who
// has none, a newcomer, weighs 1, which is what a member of usual skill weighs. Scores known on that day or later are not read, whatever the caller
// passes: an ensemble must not know how its members will do.
//
// A member's ratio is the geometric mean of its score over the median score of all who
// forecast the same task, with Prior ratios of 1 added. Source of the weights: Ray and
// others (see Combine), equation 3.
func (s Skill) Weights(past []Past, at string) (map[string]float64, error) {
	if !(s.Theta >= 0 && s.Theta <= maxTheta && s.Prior >= 0) || math.IsInf(s.Prior, 1) {
		return nil, fmt.Errorf("%w: theta %v and prior %v; give theta of 0 to %d and a prior of 0 or more", ErrWeight, s.Theta, s.Prior, maxTheta)
	}
	type sum struct{ logs, n float64 }
	sums := map[string]sum{}
	// By task, and within by member: sums of floats must not depend on the caller's order.
	known := slices.DeleteFunc(slices.Clone(past), func(p Past) bool { return p.Known >= at })
	slices.SortFunc(known, func(x, y Past) int {
		return cmp.Or(cmp.Compare(x.Task, y.Task), cmp.Compare(x.Member, y.Member), cmp.Compare(x.Score, y.Score))
	})
	for len(known) > 0 {
		n := slices.IndexFunc(known, func(p Past) bool { return p.Task != known[0].Task })
		if n < 0 {
			n = len(known)
		}
		usual := medianScore(known[:n])
		for _, p := range known[:n] {
			v := sums[p.Member]
			if usual > 0 && n >= leastCompared {
				v = sum{v.logs + math.Log(ratioOf(p.Score, usual)), v.n + 1}
			}
			sums[p.Member] = v
		}
		known = known[n:]
	}
	weights := make(map[string]float64, len(sums))
	for name, v := range sums {
		ratio := math.Exp(v.logs / max(v.n+s.Prior, 1))
		weights[name] = math.Exp(-s.Theta * (ratio - 1))
	}
	return weights, nil
}

// ratioOf compares a score with the usual one, above 0.
func ratioOf(score, usual float64) float64 {
	if !(score >= 0) || math.IsInf(score, 1) {
		return worstRatio
	}
	return min(max(score/usual, 1./worstRatio), worstRatio)
}

func medianScore(task []Past) float64 {
	scores := make([]float64, len(task))
	for i, p := range task {
		scores[i] = p.Score
		if !(p.Score >= 0) {
			scores[i] = math.Inf(1)
		}
	}
	slices.Sort(scores)
	low, high := scores[(len(scores)-1)/2], scores[len(scores)/2]
	if low == high {
		return low // Infinite for infinities, where the mean below would be too.
	}
	return low/2 + high/2
}
