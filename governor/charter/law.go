package charter

import (
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/exact"
	"comity/party"
)

func (l *linter) scope() {
	s := l.c.Scope
	l.form("scope.resource", s.Resource, IsWord, "one lower-case word")
	l.form("scope.unit", s.Unit, IsWord, "one lower-case word")
	l.duration("scope.cadence", s.Cadence)
	l.within("scope.periods", s.Periods, MaxPeriods)
	l.languages("scope.excludes", s.Excludes)
}

func (l *linter) data() {
	l.some("data", len(l.c.Data))
	defined := map[string]string{}
	ids := make([]string, len(l.c.Data))
	for i, d := range l.c.Data {
		path := at("data", i)
		ids[i] = d.ID
		l.form(path+".id", d.ID, isClauseID, "words with dots between, as d.series")
		l.ids(path+".from", d.From)
		l.languages(path+".what", d.What)
		l.form(path+".schema", d.Schema, isVersioned, "a name, @ and a version, as health/series@1")
		l.choice(path+".leaves_home", d.LeavesHome, Nothing, AggregateOnly, SignedPlain)
		l.duration(path+".due", d.Due)
		l.values(path, d, defined)
		l.queries(path, d)
	}
	l.unique("data", ids)
	l.recipients()
}

// values checks what a clause lets people declare.
func (l *linter) values(path string, d comity.DataClause, defined map[string]string) {
	declares := d.LeavesHome == SignedPlain && !forecasts(d)
	switch {
	case declares && (len(d.Values) == 0 || d.As == ""):
		l.refuse(path, ruleValues, fmt.Sprintf("%s is signed_plain and says not which values are declared, or not as what", clip(d.ID)), "write as: party or as: supply, and values")
	case !declares && (len(d.Values) > 0 || d.As != ""):
		l.refuse(path, ruleValues, fmt.Sprintf("%s declares no numbers (%s of %s) and has values", clip(d.ID), clip(d.LeavesHome), clip(d.Schema)), "take out as and values")
	case declares:
		l.choice(path+".as", d.As, perParty, forAll)
	}
	if d.ByPeriod && !declares {
		l.refuse(path+".by_period", ruleValues, clip(d.ID)+" declares no numbers", "take out by_period")
	}
	if d.As == forAll && len(d.From) != 1 {
		l.refuse(path+".from", ruleValues, fmt.Sprintf("%d parties declare the supply", len(d.From)), "let one party declare it")
	}
	for i, v := range d.Values {
		l.form(at(path+".values", i), v, IsWord, "a lower-case word")
		name := d.As + "." + v
		if first, ok := defined[name]; ok {
			l.refuse(at(path+".values", i), ruleValueTwice, fmt.Sprintf("%s is defined by %s too", clip(name), first), "define it in one clause")
			continue
		}
		defined[name] = path
	}
}

// recipients refuses clauses under which some recipient would lack a value, or a
// forecast because it takes no part in training.
func (l *linter) recipients() {
	everyone, members := Recipients(l.c), Members(l.c)
	for i, d := range l.c.Data {
		if d.As == perParty && !slices.Equal(d.From, everyone) {
			l.refuse(at("data", i)+".from", ruleRecipients, fmt.Sprintf("%s is from %d parties, all clauses as party together from %d", clip(d.ID), len(d.From), len(everyone)),
				"let the same parties declare all party values")
		}
	}
	outside := func(id party.ID) bool { return !slices.Contains(members, id) }
	if i := slices.IndexFunc(everyone, outside); i >= 0 {
		l.refuse("data", ruleRecipients, fmt.Sprintf("%s declares party values and is no member, so the picture lacks it", clip(string(everyone[i]))),
			"add it to an aggregate_only clause")
	}
	if len(everyone) == 0 {
		l.refuse("data", ruleRecipients, "no clause has party values, so nobody can receive anything", "add a signed_plain clause with as: party")
	}
}

func (l *linter) models() {
	m := l.c.Models
	l.form("models.interface", m.Interface, isVersioned, "a name, @ and a version, as forecast/quantile@1")
	l.targets()
	l.text("models.unit", m.Unit)
	l.form("models.task", m.Task, isVersioned, "a name, @ and a version, as forecast/quick@1")
	for _, name := range slices.Sorted(maps.Keys(m.Recipe)) {
		l.form("models.recipe."+clip(name), name, IsWord, "a lower-case word")
	}
	l.within("models.step_seconds", m.StepSeconds, 86_400)
	l.within("models.refit_weeks", m.RefitWeeks, 520)
	switch m.Disclosure {
	case "exact":
	case "dp":
		l.refuse("models.disclosure", ruleDisclosure, "this version of Comity trains on sums without noise", "write exact, and only for data that is not about persons")
	default:
		l.choice("models.disclosure", m.Disclosure, "exact", "dp")
	}
	d, ok := Clause(l.c, m.Clause)
	if !ok || d.LeavesHome != AggregateOnly {
		l.refuse("models.clause", ruleModels, fmt.Sprintf("%q is not a data clause of which only aggregates leave home", clip(m.Clause)), "name an aggregate_only clause")
		return
	}
	l.majority("models.min_members", m.MinMembers, d)
	l.disclosure(d)
	l.adoption(d)
}

// targets checks what is forecast. The list ascends like the series of a picture.
func (l *linter) targets() {
	const path, most = "models.targets", 16 // As many as one model tells apart.
	names := l.c.Models.Targets
	if n := len(names); n < 1 || n > most {
		l.refuse(path, ruleBounds, fmt.Sprintf("%d targets", n), fmt.Sprintf("write 1 to %d", most))
	}
	for i, name := range names {
		l.text(at(path, i), name)
		if i > 0 && names[i-1] >= name {
			l.ascending(at(path, i), names[i-1], name)
		}
	}
}

// within refuses a count that is not 1 to most.
func (l *linter) within(path string, n, most int) {
	if n < 1 || n > most {
		l.refuse(path, ruleBounds, fmt.Sprintf("%d", n), fmt.Sprintf("write 1 to %d", most))
	}
}

func (l *linter) decisions() {
	if gap := l.c.Decisions.MaxGap; gap.Sign() < 0 || gap.Cmp(exact.Int(1)) >= 0 {
		l.refuse("decisions.max_gap", ruleGap, fmt.Sprintf("a gap of %s", gap), `write a share of at least "0" and below "1"`)
	}
}

// sunset checks the first and the last day. Three years is the longest that a body
// may bind itself without asking again (design: charter schema, section sunset).
func (l *linter) sunset() {
	l.choice("sunset.on_expiry", l.c.Sunset.OnExpiry, "stop", "freeze")
	begins, ok := l.instant("effective", l.c.Effective)
	ends, also := l.instant("sunset.expires", l.c.Sunset.Expires)
	const years = 3
	if ok && also && (!ends.After(begins) || ends.After(begins.AddDate(years, 0, 0))) {
		l.refuse("sunset.expires", ruleSunset, fmt.Sprintf("from %s to %s", l.c.Effective, l.c.Sunset.Expires), "end after the beginning and within three years")
	}
}
