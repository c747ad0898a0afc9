package lexicon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"comity/exact"
)

// Given holds the parameters of one check, by name.
type Given struct{ values map[string]exact.Rat }

// Number returns the value of a parameter and whether it has one: bounds that nobody
// named have none.
func (g Given) Number(name string) (exact.Rat, bool) {
	v, ok := g.values[name]
	return v, ok
}

// Texts returns all parameters as they are sealed: whole numbers and ratios.
func (g Given) Texts() map[string]string {
	texts := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(g.values)) {
		texts[name] = g.values[name].String()
	}
	return texts
}

// Count returns the value of a whole parameter that has a default or is required.
func (g Given) Count(name string) int64 { return g.values[name].Floor().Int64() }

// Settings reads parameters such as "at_most=1/5" for a term. Numbers are written as
// package exact reads them. Error: ErrParameter.
func (t Term) Settings(settings []string) (Given, error) {
	g := Given{map[string]exact.Rat{}}
	for _, s := range settings {
		name, text, ok := strings.Cut(s, "=")
		i := slices.IndexFunc(t.Parameters, func(p Parameter) bool { return p.Name == name })
		if !ok || i < 0 {
			return g, fmt.Errorf("%w: %.60q for %s; write name=value with %s", ErrParameter, s, t.ID, t.parameterNames())
		}
		if _, twice := g.values[name]; twice {
			return g, fmt.Errorf("%w: %s for %s is given twice; keep one", ErrParameter, name, t.ID)
		}
		v, err := t.Parameters[i].read(text)
		if err != nil {
			return g, fmt.Errorf("%w for %s", err, t.ID)
		}
		g.values[name] = v
	}
	for _, p := range t.Parameters {
		if _, ok := g.values[p.Name]; ok {
			continue
		}
		if p.Required {
			return g, fmt.Errorf("%w: %s needs %s (%s); add --parameter %s=VALUE", ErrParameter, t.ID, p.Name, p.Meaning, p.Name)
		}
		if p.Default != "" {
			v, err := p.read(p.Default)
			if err != nil {
				return g, fmt.Errorf("%w for %s", err, t.ID)
			}
			g.values[p.Name] = v
		}
	}
	return g, nil
}

func (p Parameter) read(text string) (exact.Rat, error) {
	v, err := exact.Parse(text)
	switch {
	case err != nil:
		return v, fmt.Errorf("%w: %s: %w", ErrParameter, p.Name, err)
	case p.Whole && !v.IsInt():
		return v, fmt.Errorf("%w: %s is %s, want a whole number", ErrParameter, p.Name, v)
	}
	if what := outside(v, p.Low, p.High); what != "" {
		return v, fmt.Errorf("%w: %s is %s, want %s", ErrParameter, p.Name, v, what)
	}
	return v, nil
}

func (t Term) parameterNames() string {
	if len(t.Parameters) == 0 {
		return "no parameter: it has none"
	}
	names := make([]string, len(t.Parameters))
	for i, p := range t.Parameters {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}

// outside says which of two bounds, as texts that may be empty, v breaks. The texts are
// those of the lexicon, which its test reads all.
func outside(v exact.Rat, low, high string) string {
	if least, err := exact.Parse(low); err == nil && v.Cmp(least) < 0 {
		return "at least " + low
	}
	if most, err := exact.Parse(high); err == nil && v.Cmp(most) > 0 {
		return "at most " + high
	}
	return ""
}
