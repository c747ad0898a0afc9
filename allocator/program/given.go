package program

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"comity"
	"comity/canon"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
)

// Given is one number of a rehearsal, under the name that expressions have for it.
type Given struct {
	Party party.ID  // Whose number it is; that of supply.<value> is its declarer's.
	Name  string    // "party.population", "supply.doses", "party.load/3", "picture.ratio_w2".
	Value exact.Rat // Whole, at least 0 and at most MaxGiven; a ratio need not be whole.
}

// MaxGiven bounds a number that a party declares: a thousand of them still add up to no
// more than MaxAmount.
const MaxGiven = MaxAmount >> 10

// GivenError is a number that cannot be what it is said to be.
type GivenError struct {
	Index int // Of the number.
	Err   error
}

// Error says what is wrong with the number, not which one it is.
func (e *GivenError) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e *GivenError) Unwrap() error { return e.Err }

// InputsFrom makes the inputs of a rehearsal: as if each party had declared the numbers
// that are given for it, and the picture forecast the ratios. A party for which nothing
// is given never declared; one for which something is given needs all that its clauses
// ask. The order of the numbers leaves no trace. Errors wrap ErrInput, ErrDeclaration or
// ErrRange; those about one number are *GivenError.
func InputsFrom(c comity.Charter, given []Given) (Inputs, error) {
	in := Inputs{Charter: c}
	r := rehearsal{inputs: &in, wanted: wanted(c), values: map[valueKey]canon.Int{}, ratios: map[party.ID]map[int]exact.Rat{}}
	for i, g := range given {
		if err := r.take(g); err != nil {
			return Inputs{}, &GivenError{i, fmt.Errorf("%s of %.40s: %w", strconv.Quote(clip(g.Name)), g.Party, err)}
		}
	}
	if err := r.declare(); err != nil {
		return Inputs{}, err
	}
	if err := r.forecast(); err != nil {
		return Inputs{}, err
	}
	var err error
	if in.CharterDigest, err = canon.DigestOf(c); err != nil {
		return Inputs{}, err
	}
	in.PictureDigest, err = canon.DigestOf(in.Picture)
	return in, err
}

// rehearsal collects numbers by whose they are.
type rehearsal struct {
	inputs *Inputs
	wanted map[string]comity.DataClause
	values map[valueKey]canon.Int
	ratios map[party.ID]map[int]exact.Rat // By weeks ahead.
}

// wanted returns the clause that asks for each name: "party.population", "party.load/3".
func wanted(c comity.Charter) map[string]comity.DataClause {
	names := map[string]comity.DataClause{}
	for _, d := range c.Data {
		for _, v := range charter.Declared(d, c.Scope.Periods) {
			names[d.As+"."+v] = d
		}
	}
	return names
}

func (r *rehearsal) take(g Given) error {
	if digits, ok := strings.CutPrefix(g.Name, "picture.ratio_w"); ok {
		return r.ratio(g, digits)
	}
	d, ok := r.wanted[g.Name]
	switch {
	case !ok:
		return fmt.Errorf("%w: no data clause asks for it; write party.VALUE, supply.VALUE, a number by period as party.VALUE/1, or picture.ratio_w1 to picture.ratio_w4", ErrInput)
	case !slices.Contains(d.From, g.Party):
		return fmt.Errorf("%w: clause %s does not ask this party", ErrDeclaration, d.ID)
	case !g.Value.IsInt() || g.Value.Sign() < 0 || g.Value.Cmp(exact.Int(MaxGiven)) > 0:
		return fmt.Errorf("%w: %.40s; write a whole number from 0 to %d", ErrRange, g.Value, int64(MaxGiven))
	}
	key := valueKey{where{party: g.Party}, g.Name}
	if _, ok := r.values[key]; ok {
		return fmt.Errorf("%w: given twice; keep one", ErrDeclaration)
	}
	r.values[key] = canon.Int(g.Value.Floor().Int64())
	return nil
}

func (r *rehearsal) ratio(g Given, digits string) error {
	weeks, err := strconv.Atoi(digits)
	switch {
	case err != nil || weeks < 1 || weeks > maxWeeks || strconv.Itoa(weeks) != digits:
		return fmt.Errorf("%w: write picture.ratio_w1 to picture.ratio_w%d", ErrInput, maxWeeks)
	case !slices.Contains(charter.Members(r.inputs.Charter), g.Party):
		return fmt.Errorf("%w: the party takes part in no forecast", ErrPicture)
	case g.Value.Sign() < 0:
		return fmt.Errorf("%w: %.40s is below 0", ErrRange, g.Value)
	}
	if r.ratios[g.Party] == nil {
		r.ratios[g.Party] = map[int]exact.Rat{}
	}
	if _, ok := r.ratios[g.Party][weeks]; ok {
		return fmt.Errorf("%w: given twice; keep one", ErrDeclaration)
	}
	r.ratios[g.Party][weeks] = g.Value
	return nil
}

// declare turns the numbers into declarations, whole clauses at a time.
func (r *rehearsal) declare() error {
	c := r.inputs.Charter
	r.inputs.Picture.Period = day(c)
	silent := r.silent()
	for _, d := range c.Data {
		for _, id := range d.From {
			if len(d.Values) == 0 || slices.Contains(silent, id) {
				continue
			}
			values := map[string]canon.Int{}
			for _, v := range charter.Declared(d, c.Scope.Periods) {
				n, ok := r.values[valueKey{where{party: id}, d.As + "." + v}]
				if !ok {
					return fmt.Errorf("%w: %s.%s of %s is missing, which clause %s asks for; add it", ErrDeclaration, d.As, v, id, d.ID)
				}
				values[v] = n
			}
			r.inputs.Declarations = append(r.inputs.Declarations, Declared{Party: id, Declaration: comity.Declaration{Period: day(c), Clause: d.ID, Values: values}})
		}
	}
	return nil
}

// silent returns the parties for which nothing is given.
func (r *rehearsal) silent() []party.ID {
	var list []party.ID
	for _, p := range r.inputs.Charter.Parties {
		said := false
		for _, d := range r.inputs.Charter.Data {
			for _, v := range charter.Declared(d, r.inputs.Charter.Scope.Periods) {
				_, ok := r.values[valueKey{where{party: p.ID}, d.As + "." + v}]
				said = said || ok
			}
		}
		if !said {
			list = append(list, p.ID)
		}
	}
	return list
}

// day is the period of a rehearsal: the day on which the charter begins.
func day(c comity.Charter) string {
	date, _, _ := strings.Cut(c.Effective, "T")
	return date
}

// forecast makes a picture in which every median over its reference level is the ratio
// that is given: one series for a party, whose level is the common denominator.
func (r *rehearsal) forecast() error {
	m, picture := r.inputs.Charter.Models, &r.inputs.Picture
	picture.Series, picture.Absent = []comity.Series{}, []party.ID{}
	for _, id := range charter.Members(r.inputs.Charter) {
		weeks, numbers := []int{}, []exact.Rat{}
		for n := 1; n <= maxWeeks; n++ {
			if ratio, ok := r.ratios[id][n]; ok {
				weeks, numbers = append(weeks, n), append(numbers, ratio)
			}
		}
		if len(weeks) == 0 {
			picture.Absent = append(picture.Absent, id)
			continue
		}
		level, over := common(numbers)
		if over >= 0 {
			return fmt.Errorf("ratios of %s: %w: their common denominator exceeds 2^40; write fewer decimals", id, ErrRange)
		}
		s := comity.Series{Place: id, Unit: m.Unit, LastDate: picture.Period, Reference: canon.Int(level.Int64())}
		if len(m.Targets) > 0 {
			s.Target = m.Targets[0]
		}
		for k, n := range weeks {
			median, ok := times(numbers[k], level, MaxCost)
			if !ok {
				return fmt.Errorf("picture.ratio_w%d of %s: %w: %.40s times %s exceeds 2^40; write a smaller or rounder number", n, id, ErrRange, numbers[k], level)
			}
			s.Horizons = append(s.Horizons, comity.Horizon{Weeks: n, Date: picture.Period, Quantiles: slices.Repeat([]canon.Int{median}, len(comity.QuantileLevels))})
		}
		picture.Series = append(picture.Series, s)
	}
	slices.SortFunc(picture.Series, func(a, b comity.Series) int { return cmp.Compare(a.Place, b.Place) })
	return nil
}

func clip(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
