package quantity

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"comity/exact"
)

// Rule names a way of rounding shares to whole units. Charters use the same names.
type Rule string

const (
	// LargestRemainder gives everyone its quota rounded down and the rest to the
	// largest remainders, one unit each (Hamilton; Balinski and Young, "Fair
	// Representation", 1982, appendix A). Nobody is a whole unit away from its quota.
	LargestRemainder Rule = "largest_remainder"
	// Webster gives every unit to the largest weight / (2 x units held + 1) (Webster,
	// Sainte-Lague; same source). Nobody loses a unit because the total grew.
	Webster Rule = "webster"
)

var (
	// ErrRule says that a rule has no name that Apportion knows.
	ErrRule = errors.New("unknown rounding rule")
	// ErrWeights says that a total cannot be divided by the given weights.
	ErrWeights = errors.New("weights divide nothing")
)

// maxWeightBits bounds the common denominator of all weights: 2^16 bits hold 200
// unrelated ratios of exact.MaxText characters.
const maxWeightBits = 1 << 16

// Apportion divides total >= 0 in proportion to weights >= 0, of which one is positive.
// The parts are whole and sum to total. Where the rule leaves a tie, the part that
// comes first gets the unit: put the parts in an agreed order.
func Apportion(total Amount, weights []exact.Rat, rule Rule) ([]Amount, error) {
	if total < 0 {
		return nil, fmt.Errorf("apportion %d: %w: a total below zero", total, ErrWeights)
	}
	whole, sum, err := integers(weights)
	if err != nil {
		return nil, fmt.Errorf("apportion %d: %w", total, err)
	}
	switch rule {
	case LargestRemainder:
		return largestRemainder(total, whole, sum), nil
	case Webster:
		return webster(total, whole, sum), nil
	}
	return nil, fmt.Errorf("apportion %d: %w: %.40q; use %q or %q", total, ErrRule, string(rule), LargestRemainder, Webster)
}

// integers scales weights to whole numbers in the same proportion, and sums them.
func integers(weights []exact.Rat) (whole []*big.Int, sum *big.Int, err error) {
	scale := big.NewInt(1) // The least common denominator so far.
	for i, w := range weights {
		if w.Sign() < 0 {
			return nil, nil, fmt.Errorf("%w: weight %d of %d is %s, below zero", ErrWeights, i+1, len(weights), w)
		}
		d := w.Big().Denom()
		scale.Mul(scale, new(big.Int).Quo(d, new(big.Int).GCD(nil, nil, scale, d)))
		if scale.BitLen() > maxWeightBits {
			return nil, nil, fmt.Errorf("%w: the first %d weights have a common denominator above 2^%d; use simpler ratios", ErrWeights, i+1, maxWeightBits)
		}
	}
	sum = new(big.Int)
	whole = make([]*big.Int, len(weights))
	for i, w := range weights {
		r := w.Big()
		whole[i] = new(big.Int).Mul(r.Num(), new(big.Int).Quo(scale, r.Denom()))
		sum.Add(sum, whole[i])
	}
	if sum.Sign() == 0 {
		return nil, nil, fmt.Errorf("%w: all %d weights are zero", ErrWeights, len(weights))
	}
	return whole, sum, nil
}

func largestRemainder(total Amount, whole []*big.Int, sum *big.Int) []Amount {
	parts := make([]Amount, len(whole))
	remainders := make([]*big.Int, len(whole))
	order := make([]int, len(whole))
	rest := total
	for i, w := range whole {
		quota, remainder := new(big.Int).QuoRem(new(big.Int).Mul(big.NewInt(int64(total)), w), sum, new(big.Int))
		parts[i], remainders[i], order[i] = Amount(quota.Int64()), remainder, i
		rest -= parts[i]
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(remainders[j].Cmp(remainders[i]), cmp.Compare(i, j))
	})
	for _, i := range order[:rest] { // The remainders sum to rest times sum, so rest < len.
		parts[i]++
	}
	return parts
}

// webster starts from quotas rounded to the nearest whole, halves down. Those are the
// parts that the rule gives for their own sum, which is off by at most half a unit a
// part; single units then lead to the total without ever leaving the rule.
func webster(total Amount, whole []*big.Int, sum *big.Int) []Amount {
	parts := make([]Amount, len(whole))
	rest := total
	twice := new(big.Int).Lsh(sum, 1)
	for i, w := range whole {
		// ceil(q - 1/2) = floor((2 total w + sum - 1) / (2 sum)) for q = total w / sum.
		n := new(big.Int).Mul(big.NewInt(int64(total)), w)
		n.Lsh(n, 1).Add(n, sum).Sub(n, big.NewInt(1))
		parts[i] = Amount(n.Quo(n, twice).Int64())
		rest -= parts[i]
	}
	step := Amount(1)
	if rest < 0 {
		step = -1
	}
	q := &queue{whole: whole, parts: parts, step: step}
	for i, w := range whole {
		if w.Sign() > 0 && (step > 0 || parts[i] > 0) {
			q.order = append(q.order, i)
		}
	}
	heap.Init(q)
	for ; rest != 0; rest -= step {
		i := q.order[0]
		parts[i] += step
		if parts[i] == 0 && step < 0 {
			heap.Pop(q)
			continue
		}
		heap.Fix(q, 0)
	}
	return parts
}

// queue holds the parts by their claim on the next unit (step 1), or by how little
// claim they have on the last one they got (step -1).
type queue struct {
	whole []*big.Int
	parts []Amount
	step  Amount
	order []int
}

func (q *queue) Len() int { return len(q.order) }

func (q *queue) Less(a, b int) bool {
	i, j := q.order[a], q.order[b]
	return int(q.step)*cmp.Or(q.claim(i, j).Cmp(q.claim(j, i)), cmp.Compare(j, i)) > 0
}

// claim returns w_i (2 n_j + 1), which compares with claim(j, i) as w_i / (2 n_i + 1)
// does with w_j / (2 n_j + 1), where n counts the units held before the one at stake.
func (q *queue) claim(i, j int) *big.Int {
	n := int64(q.parts[j])
	if q.step < 0 {
		n--
	}
	odd := big.NewInt(n)
	return odd.Lsh(odd, 1).Add(odd, big.NewInt(1)).Mul(odd, q.whole[i])
}

func (q *queue) Swap(a, b int) { q.order[a], q.order[b] = q.order[b], q.order[a] }

// Push is never called: parts only leave.
func (q *queue) Push(any) { panic("quantity: a part cannot join") }

func (q *queue) Pop() any {
	last := q.order[len(q.order)-1]
	q.order = q.order[:len(q.order)-1]
	return last
}
