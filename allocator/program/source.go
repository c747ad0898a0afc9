package program

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"comity"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
)

// source answers what a name in an expression stands for.
type source struct {
	clauses   map[string]comity.DataClause // By "party.<value>" or "supply.<value>".
	values    map[valueKey]exact.Rat
	receivers []party.ID // Ascending.
	absent    []party.ID // Receivers that never declared, ascending.
	picture   comity.Picture
	ratios    map[int][]exact.Rat // By horizon in weeks: one for each receiver.
}

// valueKey is one declared number; the party is empty for what is one for all.
type valueKey struct {
	party party.ID
	name  string // "party.<value>" or "supply.<value>".
}

const (
	fromParty  = "party"
	fromSupply = "supply"
)

func newSource(in Inputs) (*source, error) {
	s := &source{
		clauses: map[string]comity.DataClause{},
		values:  map[valueKey]exact.Rat{},
		picture: in.Picture,
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
			if _, ok := s.values[valueKey{id, name}]; !ok {
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
		for _, name := range inputNames(g.Need) {
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
	given, want := slices.Sorted(maps.Keys(d.Declaration.Values)), slices.Sorted(slices.Values(c.Values))
	if !slices.Equal(given, want) {
		return fmt.Errorf("%w: values %q, the clause asks for %q", ErrDeclaration, given, want)
	}
	for _, v := range want {
		key := valueKey{d.Party, c.As + "." + v}
		if c.As == fromSupply {
			key.party = ""
		}
		if _, ok := s.values[key]; ok {
			return fmt.Errorf("%w: declared twice; keep one", ErrDeclaration)
		}
		s.values[key] = exact.Int(int64(d.Declaration.Values[v]))
	}
	return nil
}

// eval computes e for one party, or for no party in particular if id is empty.
func (s *source) eval(e comity.Expr, id party.ID) (exact.Rat, error) {
	return charter.Eval(e, func(name string) (exact.Rat, error) { return s.input(name, id) })
}

func (s *source) input(name string, id party.ID) (exact.Rat, error) {
	family, value, _ := strings.Cut(name, ".")
	switch {
	case family == fromSupply:
		return s.declared(name, "")
	case family == "total":
		return s.total(value)
	case id == "":
		return exact.Rat{}, fmt.Errorf("%w: %s differs by party and this rule is one for all", ErrInput, name)
	case family == fromParty:
		return s.declared(name, id)
	case family == "picture":
		return s.ratio(value, id)
	default:
		return exact.Rat{}, fmt.Errorf("%w: %s; names are party.X, supply.X, total.X and picture.X", ErrInput, name)
	}
}

func (s *source) declared(name string, id party.ID) (exact.Rat, error) {
	c, ok := s.clauses[name]
	if !ok {
		return exact.Rat{}, fmt.Errorf("%w: no data clause declares %s", ErrInput, name)
	}
	x, ok := s.values[valueKey{id, name}]
	if !ok {
		return exact.Rat{}, fmt.Errorf("%w: %s under clause %s is missing; ask its author to declare", ErrDeclaration, name, c.ID)
	}
	return x, nil
}

func (s *source) total(value string) (exact.Rat, error) {
	name := fromParty + "." + value
	if _, ok := s.clauses[name]; !ok {
		return exact.Rat{}, fmt.Errorf("%w: no data clause declares %s", ErrInput, name)
	}
	var sum exact.Rat
	for _, id := range slices.Compact(slices.Sorted(slices.Values(s.clauses[name].From))) {
		if slices.Contains(s.absent, id) {
			continue
		}
		x, err := s.declared(name, id)
		if err != nil {
			return exact.Rat{}, fmt.Errorf("total over %s: %w", id, err)
		}
		sum = sum.Add(x)
	}
	return sum, nil
}
