package program

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"comity"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
)

// source answers what a name in an expression stands for.
type source struct {
	periods   int
	clauses   map[string]comity.DataClause // By "party.<value>" or "supply.<value>".
	values    map[valueKey]exact.Rat       // Declared, and totals once they were asked for.
	receivers []party.ID                   // Ascending.
	absent    []party.ID                   // Receivers that never declared, ascending.
	picture   comity.Picture
	unit      string              // Of all forecasts.
	ratios    map[int][]exact.Rat // By horizon in weeks: one for each receiver.
}

// valueKey is one number: the party is empty for what is one for all, the period 0 for
// what is one for the whole plan.
type valueKey struct {
	where
	name string // "party.<value>", "supply.<value>" or "total.<value>".
}

const (
	fromParty  = "party"
	fromSupply = "supply"
)

func newSource(in Inputs) (*source, error) {
	s := &source{
		periods: in.Charter.Scope.Periods,
		clauses: map[string]comity.DataClause{},
		values:  map[valueKey]exact.Rat{},
		picture: in.Picture,
		unit:    in.Charter.Models.Unit,
		ratios:  map[int][]exact.Rat{},
	}
	byID := map[string]comity.DataClause{}
	for _, c := range in.Charter.Data {
		if err := s.addClause(c); err != nil {
			return nil, err
		}
		byID[c.ID] = c
	}
	if err := s.findReceivers(in.Charter.Objective.Groups); err != nil {
		return nil, err
	}
	for _, d := range in.Declarations {
		if err := s.declare(byID, d, in.Picture.Period); err != nil {
			return nil, fmt.Errorf("declaration of %s under clause %s: %w", d.Party, d.Declaration.Clause, err)
		}
	}
	return s, s.leaveOut()
}

// leaveOut takes the parties that never declared out of the receivers: nothing can be
// computed for them, and one that stays away must not keep doses from all others.
func (s *source) leaveOut() error {
	var missing error
	s.receivers = slices.DeleteFunc(s.receivers, func(id party.ID) bool {
		for _, name := range slices.Sorted(maps.Keys(s.clauses)) {
			c := s.clauses[name]
			if c.As != fromParty || !slices.Contains(c.From, id) {
				continue
			}
			if _, ok := s.values[valueKey{where{id, first(c)}, name}]; !ok {
				missing = fmt.Errorf("%w: %s of %s under clause %s is missing", ErrDeclaration, name, id, c.ID)
				s.absent = append(s.absent, id)
				return true
			}
		}
		return false
	})
	if len(s.receivers) == 0 {
		return fmt.Errorf("nobody can receive: %w; ask its author to declare", missing)
	}
	return nil
}

// first is the period of the first number that is declared under a clause.
func first(c comity.DataClause) int {
	if c.ByPeriod {
		return 1
	}
	return 0
}

func (s *source) addClause(c comity.DataClause) error {
	if len(c.Values) == 0 {
		return nil
	}
	if c.As != fromParty && c.As != fromSupply {
		return fmt.Errorf("clause %s: %w: values as %q; write party or supply", c.ID, ErrCharter, c.As)
	}
	if c.As == fromSupply && len(c.From) != 1 {
		return fmt.Errorf("clause %s: %w: %d parties declare one supply; name one", c.ID, ErrCharter, len(c.From))
	}
	for _, v := range c.Values {
		name := c.As + "." + v
		if other, ok := s.clauses[name]; ok {
			return fmt.Errorf("clause %s: %w: %s is declared under %s already", c.ID, ErrCharter, name, other.ID)
		}
		s.clauses[name] = c
	}
	return nil
}

// findReceivers takes the parties that must declare what needs are computed from.
func (s *source) findReceivers(groups []comity.Group) error {
	for _, g := range groups {
		for _, name := range charter.InputsOf(g.Need) {
			c, ok := s.clauses[name]
			if !ok || c.As != fromParty {
				continue
			}
			from := slices.Compact(slices.Sorted(slices.Values(c.From)))
			if s.receivers == nil {
				s.receivers = from
			}
			if !slices.Equal(s.receivers, from) {
				return fmt.Errorf("need of group %s: %w: clause %s is declared by other parties than the needs before it; let the same parties declare all needs", g.ID, ErrCharter, c.ID)
			}
		}
	}
	if len(s.receivers) == 0 {
		return fmt.Errorf("%w: no need uses a value that parties declare, so nobody receives", ErrCharter)
	}
	return nil
}

func (s *source) declare(byID map[string]comity.DataClause, d Declared, period string) error {
	c, ok := byID[d.Declaration.Clause]
	switch {
	case !ok:
		return fmt.Errorf("%w: no such data clause", ErrDeclaration)
	case !slices.Contains(c.From, d.Party):
		return fmt.Errorf("%w: the clause does not ask this party", ErrDeclaration)
	case d.Declaration.Period != period:
		return fmt.Errorf("%w: period %q, the picture is of %q", ErrDeclaration, d.Declaration.Period, period)
	}
	given, want := slices.Sorted(maps.Keys(d.Declaration.Values)), slices.Sorted(slices.Values(charter.Declared(c, s.periods)))
	if !slices.Equal(given, want) {
		return fmt.Errorf("%w: values %s, the clause asks for %s", ErrDeclaration, some(given), some(want))
	}
	for _, v := range c.Values {
		key := valueKey{where{party: d.Party}, c.As + "." + v}
		if c.As == fromSupply {
			key.party = ""
		}
		for key.period = first(c); key.period <= s.periods; key.period++ {
			if _, ok := s.values[key]; ok {
				return fmt.Errorf("%w: declared twice; keep one", ErrDeclaration)
			}
			name := v
			if c.ByPeriod {
				name += "/" + strconv.Itoa(key.period)
			}
			s.values[key] = exact.Int(int64(d.Declaration.Values[name]))
			if !c.ByPeriod {
				break
			}
		}
	}
	return nil
}

// some lists names, the first few of many.
func some(names []string) string {
	const most = 12 // By period there are hundreds.
	if len(names) > most {
		return fmt.Sprintf("%q and %d more", names[:most], len(names)-most)
	}
	return fmt.Sprintf("%q", names)
}

// eval computes e for what w says.
func (s *source) eval(e comity.Expr, w where) (exact.Rat, error) {
	return charter.Eval(e, func(name string) (exact.Rat, error) { return s.input(name, w) })
}

func (s *source) input(name string, w where) (exact.Rat, error) {
	family, value, _ := strings.Cut(name, ".")
	switch {
	case name == charter.PeriodNumber && w.period > 0:
		return exact.Int(int64(w.period)), nil
	case name == charter.PeriodNumber:
		return exact.Rat{}, fmt.Errorf("%w: %s differs by period and this number is one for the whole plan", ErrInput, name)
	case family == fromSupply:
		return s.declared(name, where{period: w.period})
	case family == "total":
		return s.total(value, w.period)
	case w.party == "":
		return exact.Rat{}, fmt.Errorf("%w: %s differs by party and this number is one for all", ErrInput, name)
	case family == fromParty:
		return s.declared(name, w)
	case family == "picture":
		return s.ratio(value, w.party)
	default:
		return exact.Rat{}, fmt.Errorf("%w: %s; names are party.X, supply.X, total.X, picture.X and %s", ErrInput, name, charter.PeriodNumber)
	}
}

// clause returns the clause that declares a name, and at which period to look.
func (s *source) clause(name string, period int) (comity.DataClause, int, error) {
	c, ok := s.clauses[name]
	switch {
	case !ok:
		return c, 0, fmt.Errorf("%w: no data clause declares %s", ErrInput, name)
	case !c.ByPeriod:
		return c, 0, nil
	case period == 0:
		return c, 0, fmt.Errorf("%w: %s differs by period and this number is one for the whole plan", ErrInput, name)
	}
	return c, period, nil
}

func (s *source) declared(name string, w where) (exact.Rat, error) {
	c, period, err := s.clause(name, w.period)
	if err != nil {
		return exact.Rat{}, err
	}
	x, ok := s.values[valueKey{where{w.party, period}, name}]
	if !ok {
		return exact.Rat{}, fmt.Errorf("%w: %s under clause %s is missing; ask its author to declare", ErrDeclaration, name, c.ID)
	}
	return x, nil
}

func (s *source) total(value string, period int) (exact.Rat, error) {
	name := fromParty + "." + value
	c, period, err := s.clause(name, period)
	if err != nil {
		return exact.Rat{}, err
	}
	key := valueKey{where{period: period}, "total." + value}
	if sum, ok := s.values[key]; ok {
		return sum, nil
	}
	var sum exact.Rat
	for _, id := range slices.Compact(slices.Sorted(slices.Values(c.From))) {
		if slices.Contains(s.absent, id) {
			continue
		}
		x, err := s.declared(name, where{id, period})
		if err != nil {
			return exact.Rat{}, fmt.Errorf("total over %s: %w", id, err)
		}
		sum = sum.Add(x)
	}
	s.values[key] = sum
	return sum, nil
}
