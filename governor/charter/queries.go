package charter

import (
	"fmt"
	"strings"

	"comity"
	"comity/exact"
)

// Units of a privacy budget: whose rows an answer may not tell apart.
const (
	UnitPerson = "person"
	UnitMember = "member"
)

// QueryKinds are the kinds of query that a clause may allow, ascending.
func QueryKinds() []string {
	return []string{"contingency", "count", "heavy_hitters", "histogram", "mean", "quantiles", "sum", "survival", "variance"}
}

// queries checks what may be asked of the rows of a clause.
func (l *linter) queries(path string, d comity.DataClause) {
	q := d.Queries
	if q == nil {
		return
	}
	path += ".queries"
	if d.LeavesHome != AggregateOnly {
		l.refuse(path, ruleQueries, fmt.Sprintf("%s is %s", clip(d.ID), clip(d.LeavesHome)), "write leaves_home: aggregate_only, or take out queries")
	}
	l.some(path+".kinds", len(q.Kinds))
	for i, kind := range q.Kinds {
		l.choice(at(path+".kinds", i), kind, QueryKinds()...)
		if i > 0 && q.Kinds[i-1] >= kind {
			l.ascending(at(path+".kinds", i), q.Kinds[i-1], kind)
		}
	}
	l.majority(path+".min_members", q.MinMembers, d)
	if n := len(d.From); q.Approvals < 0 || q.Approvals > n {
		l.refuse(path+".approvals", ruleQueries, fmt.Sprintf("%d of %d parties", q.Approvals, n), fmt.Sprintf("write 0 to %d", n))
	}
	const most = 1000 // A cell of a thousand hides nobody better than one of a hundred.
	if q.MinimumCell < 0 || q.MinimumCell > most {
		l.refuse(path+".minimum_cell", ruleBounds, fmt.Sprintf("%d", q.MinimumCell), fmt.Sprintf("write 0 to %d", most))
	}
	if q.Personal && l.c.Privacy == nil {
		l.refuse(path+".personal", rulePrivacy, "rows are about persons and the charter has no privacy budget", "add the section privacy")
	}
}

// majority refuses sums over so few members that two of them can be compared.
func (l *linter) majority(path string, least int, d comity.DataClause) {
	if n := len(d.From); least < 3 || 2*least <= n || least > n {
		l.refuse(path, ruleMinMembers, fmt.Sprintf("%d of the %d members of %s", least, n, clip(d.ID)),
			fmt.Sprintf("write %d to %d", max(3, n/2+1), n))
	}
}

func (l *linter) privacy() {
	p := l.c.Privacy
	if p == nil {
		return
	}
	l.choice("privacy.unit", p.Unit, UnitPerson, UnitMember)
	l.choice("privacy.on_exhausted", p.OnExhausted, "stop_releases")
	l.budget("privacy.per_release", p.PerRelease)
	l.budget("privacy.per_year", p.PerYear)
	if p.PerRelease.Epsilon.Cmp(p.PerYear.Epsilon) > 0 || p.PerRelease.Delta.Cmp(p.PerYear.Delta) > 0 {
		l.refuse("privacy.per_release", rulePrivacy, "one release may spend more than a year", "write at most what per_year says")
	}
}

// budget refuses what promises nothing: an epsilon of 20 lets an answer become 480
// million times as likely, and a delta of 1/1000 gives one person in a thousand away.
func (l *linter) budget(path string, b comity.Budget) {
	thousandth, err := exact.Ratio(1, 1000)
	if err != nil {
		panic(err) // Not a number of anybody's.
	}
	if b.Epsilon.Sign() <= 0 || b.Epsilon.Cmp(exact.Int(20)) > 0 {
		l.refuse(path+".epsilon", rulePrivacy, "epsilon is "+clip(b.Epsilon.String()), `write above "0" and at most "20"`)
	}
	if b.Delta.Sign() <= 0 || b.Delta.Cmp(thousandth) > 0 {
		l.refuse(path+".delta", rulePrivacy, "delta is "+clip(b.Delta.String()), `write above "0" and at most "1/1000"`)
	}
}

// disclosure checks on what terms a model is trained: its sums leave as they are, so that
// they are of rows about nobody.
func (l *linter) disclosure(d comity.DataClause) {
	if l.c.Models.Disclosure == "exact" && d.Queries != nil && d.Queries.Personal {
		l.refuse("models.disclosure", ruleDisclosure, fmt.Sprintf("sums of %s leave as they are and its rows are about persons", clip(d.ID)),
			"train on a clause whose rows are about places or things")
	}
}

// forecasts tells whether a clause is the one under which forecasts are published: they
// have a record of their own (comity.Forecast) and hence no declared values.
func forecasts(d comity.DataClause) bool { return strings.Contains(d.Schema, "/forecast@") }
