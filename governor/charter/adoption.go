package charter

import (
	"fmt"

	"comity"
	"comity/exact"
)

// Bounds of the clause models.adoption. A trial of more than a year would compare seasons
// that the older model was never meant for. A ratio above 10 would keep any model.
const (
	maxTrialWeeks  = 52
	maxRatio       = 10
	maxRetireWeeks = 520
)

// adoption checks how models come and go. Every model has a last week: the next one is
// trained, tried and, if need be, rolled back before that.
func (l *linter) adoption(d comity.DataClause) {
	const path = "models.adoption"
	a := l.c.Models.Adoption
	if a == nil {
		return
	}
	if a.CanaryWeeks < 0 || a.CanaryWeeks > maxTrialWeeks {
		l.refuse(path+".canary_weeks", ruleBounds, fmt.Sprintf("%d", a.CanaryWeeks), fmt.Sprintf("write 0 to %d", maxTrialWeeks))
	}
	l.within(path+".rollback_weeks", a.RollbackWeeks, maxTrialWeeks)
	if n := len(d.From); a.MinScored < 1 || a.MinScored > n {
		l.refuse(path+".min_scored", ruleAdoption, fmt.Sprintf("%d of the %d members of %s", a.MinScored, n, clip(d.ID)), fmt.Sprintf("write 1 to %d", n))
	}
	l.ratio(path+".adopt_ratio", a.AdoptRatio)
	l.ratio(path+".rollback_ratio", a.RollbackRatio)
	least := l.c.Models.RefitWeeks + a.CanaryWeeks + a.RollbackWeeks + 1
	if a.RetireWeeks < least || a.RetireWeeks > maxRetireWeeks {
		l.refuse(path+".retire_weeks", ruleAdoption,
			fmt.Sprintf("%d weeks, with a training every %d, %d of trial and %d before a rollback", a.RetireWeeks, l.c.Models.RefitWeeks, a.CanaryWeeks, a.RollbackWeeks),
			fmt.Sprintf("write %d to %d, or shorten the others", least, maxRetireWeeks))
	}
}

func (l *linter) ratio(path string, r exact.Rat) {
	if r.Sign() <= 0 || r.Cmp(exact.Int(maxRatio)) > 0 {
		l.refuse(path, ruleAdoption, "a ratio of "+clip(r.String()), fmt.Sprintf(`write above "0" and at most "%d"`, maxRatio))
	}
}
