package additive

import (
	"cmp"
	"fmt"
	"math/bits"

	"comity/modeler/fixed"
	"comity/modeler/learn"
)

// ratio is the loss of some rows, as Q16, over their weight, in 1024ths.
type ratio struct{ loss, weight int64 }

func (r ratio) plus(loss, weight int64) ratio { return ratio{r.loss + loss, r.weight + weight} }

// check refuses what no rows have: the loss of a row is -1/2 to 65,536 (package loss),
// times its weight, rounded.
func (r ratio) check() error {
	const least, most = -1 << 15, 1 << 32
	if r.weight < 0 || r.weight > learn.MaxRows*learn.WholeWeight ||
		r.loss > r.weight*(most/learn.WholeWeight+1) || r.loss < r.weight*(least/learn.WholeWeight-1) {
		return fmt.Errorf("%w: a loss of %d in rows of weight %d", learn.ErrSum, r.loss, r.weight)
	}
	return nil
}

// below says whether the mean of r is less than that of s; no mean is below or above
// that of no rows. Losses of rows are not less than -1/2 (package loss), so half a loss a
// weight makes products of what is not negative.
func (r ratio) below(s ratio) bool {
	if r.weight <= 0 || s.weight <= 0 {
		return false
	}
	return compareProducts(r.lifted(), s.weight, s.lifted(), r.weight) < 0
}

// lifted returns the loss, half a unit a row higher.
func (r ratio) lifted() uint64 {
	return uint64(max(0, r.loss+fixed.RoundDiv(r.weight*int64(fixed.One/2), learn.WholeWeight)))
}

// mean returns the loss of a whole row.
func (r ratio) mean() int64 {
	if r.weight <= 0 {
		return 0
	}
	return fixed.MulDiv(r.loss, learn.WholeWeight, r.weight)
}

// compareProducts compares a b with c d.
func compareProducts(a uint64, b int64, c uint64, d int64) int {
	ah, al := bits.Mul64(a, uint64(b)) //nolint:gosec // Weights are not negative.
	ch, cl := bits.Mul64(c, uint64(d)) //nolint:gosec // As above.
	return cmp.Or(cmp.Compare(ah, ch), cmp.Compare(al, cl))
}
