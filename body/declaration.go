package body

import (
	"maps"
	"slices"

	"comity"
	"comity/allocator/program"
	"comity/governor/charter"
	"comity/party"
)

// Declared keeps the declarations of each party under one clause. A party that is late
// keeps the numbers it last signed; one that is early does not disturb the decision
// under way.
type Declared struct {
	Latest  map[party.ID]comity.Declaration   `json:"latest"`
	Earlier map[party.ID][]comity.Declaration `json:"earlier"` // By ascending period; those that an allocation may still rest on.
}

const (
	// maxAhead bounds how many declarations of one party wait for an allocation: those
	// of more than a year of weeks.
	maxAhead = 64
	// maxValue bounds a declared number: above any count of people or units, and a
	// thousand such numbers still add up to no more than program.MaxAmount.
	maxValue = program.MaxAmount >> 10
)

// declaration takes the numbers that a clause asks of a party, for later and later
// periods.
func (s *State) declaration(author party.ID, r comity.Declaration) (func(), broken) {
	if b := checkPeriod(r.Period); b.err != nil {
		return nil, b
	}
	clause, ok := charter.Clause(s.charter, r.Clause)
	if !ok || len(clause.Values) == 0 || !slices.Contains(clause.From, author) {
		return nil, breaks(RuleClause, "no clause %.40q asks plain numbers of %s", r.Clause, author)
	}
	names := charter.Declared(clause, s.charter.Scope.Periods)
	if want := slices.Sorted(slices.Values(names)); !slices.Equal(slices.Sorted(maps.Keys(r.Values)), want) {
		return nil, breaks(RuleClause, "clause %s wants exactly %v", clause.ID, want)
	}
	for _, name := range names {
		if v := r.Values[name]; v < 0 || v > maxValue {
			return nil, breaks(RuleForm, "%s is %d, want 0 to %d", name, v, int64(maxValue))
		}
	}
	d := s.view.Declared[clause.ID]
	last, said := d.Latest[author]
	if said && last.Period >= r.Period {
		return nil, breaks(RuleOnce, "%s declared %s for %s", author, clause.ID, last.Period)
	}
	if n := len(d.Earlier[author]); n >= maxAhead {
		return nil, breaks(RuleClause, "%d declarations of %s under %s wait for an allocation", n, author, clause.ID)
	}
	return func() {
		if said {
			d.Earlier = with(d.Earlier, author, append(slices.Clip(d.Earlier[author]), last))
		}
		d.Latest = with(d.Latest, author, r)
		s.view.Declared[clause.ID] = d
	}, broken{}
}

// at returns the newest declaration of a party that is not after a period.
func (d Declared) at(id party.ID, period string) (comity.Declaration, bool) {
	if last, said := d.Latest[id]; said && last.Period <= period {
		return last, true
	}
	for _, r := range slices.Backward(d.Earlier[id]) {
		if r.Period <= period {
			return r, true
		}
	}
	return comity.Declaration{}, false
}

// settle drops what no allocation after that of a period can rest on.
func (d Declared) settle(period string) Declared {
	kept := map[party.ID][]comity.Declaration{}
	for _, id := range slices.Sorted(maps.Keys(d.Earlier)) {
		newest, _ := d.at(id, period)
		later := slices.DeleteFunc(slices.Clone(d.Earlier[id]), func(r comity.Declaration) bool { return r.Period < newest.Period })
		if newest.Period != d.Latest[id].Period {
			kept[id] = later
		}
	}
	d.Earlier = kept
	return d
}

// declarations returns what the allocation of a period rests on. A party's own numbers
// are carried forward from the period for which it last signed some; a supply is not:
// what was there last week may be handed out.
func (s *State) declarations(period string) []program.Declared {
	var all []program.Declared
	for _, clause := range s.charter.Data {
		d := s.view.Declared[clause.ID]
		for _, id := range clause.From {
			r, ok := d.at(id, period)
			if !ok || clause.As != asParty && r.Period != period {
				continue
			}
			r.Period = period
			all = append(all, program.Declared{Party: id, Declaration: r})
		}
	}
	return all
}

// asParty marks a clause whose numbers each party declares for itself (comity.DataClause).
const asParty = "party"
