package analytics

import (
	"fmt"
	"math/big"
	"slices"
)

// Nest turns the sum over the members of a body into the vector of that body, where it is
// itself one member of a larger one: numbers that are split over lanes are split again,
// and what one member of this layout cannot have counted is refused. MemberRows bounds
// all rows below together. Of a noisy sum only the lanes can be held against a bound.
// Errors: ErrSum for another number of lanes or a count below 0, ErrRows for more than the
// bounds allow. They name lanes and bounds and no number of the sum: a member's errors
// reach the hub above, the sum must not.
func (l *Layout) Nest(sum []int64, noisy bool) ([]int64, error) {
	if len(sum) != len(l.Lanes) {
		return nil, fmt.Errorf("%w: %d numbers from below, the query has %d", ErrSum, len(sum), len(l.Lanes))
	}
	vector := slices.Clone(sum)
	if err := l.carry(vector); err != nil {
		return nil, err
	}
	for i, lane := range l.Lanes {
		if v := vector[i]; v > lane.Bound || v < -lane.Bound {
			return nil, l.tooMany(lane.Name, fmt.Sprint(lane.Bound))
		}
	}
	if noisy {
		return vector, nil
	}
	rows, err := l.counted(vector)
	if err == nil && rows > int64(l.query.MemberRows) {
		err = l.tooMany("the number of rows", fmt.Sprint(l.query.MemberRows))
	}
	if err != nil {
		return nil, err
	}
	return vector, nil
}

// carry makes single numbers of the added limbs of each moment, and splits them again.
func (l *Layout) carry(vector []int64) error {
	for cell := range l.cells {
		for _, m := range l.moments {
			limbs := vector[cell*l.bins+m.first:][:m.limbs]
			total := join(limbs)
			most := new(big.Int).Mul(m.most, big.NewInt(int64(l.query.MemberRows)))
			if total.CmpAbs(most) > 0 {
				return l.tooMany(l.prefix(cell)+m.name, most.String())
			}
			split(total, limbs)
		}
	}
	return nil
}

func (l *Layout) tooMany(what, most string) error {
	return fmt.Errorf("%w: %s is beyond %s in the sum from below, the most for one member; raise member_rows (%d) to the rows of all below it",
		ErrRows, what, most, l.query.MemberRows)
}

// counted adds up the rows of a sum without noise: those in the answer, and with a report
// those that were left out of it.
func (l *Layout) counted(vector []int64) (rows int64, err error) {
	lanes := l.cells * l.bins
	step := 1
	if len(l.moments) > 0 { // Of each cell the first lane counts.
		step = l.bins
	}
	at := func(i int) {
		if vector[i] < 0 && err == nil {
			err = fmt.Errorf("%w: %s is a count below 0 in the sum from below", ErrSum, l.Lanes[i].Name)
		}
		rows += vector[i] // At most MaxLanes numbers of at most schema.MaxRows.
	}
	for i := 0; i < lanes; i += step {
		at(i)
	}
	if l.report >= 0 {
		at(l.report + reportMissing)
		at(l.report + reportSuppressed)
	}
	return rows, err
}
