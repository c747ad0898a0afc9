// Package jury draws citizens' assemblies: a panel out of a pool of volunteers, under
// quotas, so that everybody's chance is as equal as the quotas allow.
//
// It holds the records and the exact check; package jury/sortition searches. A result is
// a lottery over listed panels and a certificate, in rationals: who reads Check needs to
// trust neither the search nor its solver.
//
// Source: Flanigan, Gölz, Gupta, Hennig and Procaccia, "Fair algorithms for selecting
// citizens' assemblies", Nature 596 (2021).
package jury

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of one selection. The largest pool that is known had 2,000 people.
const (
	MaxPool   = 100_000
	MaxQuotas = 1_000
)

// ErrPool says that a pool or its quotas contradict themselves.
var ErrPool = errors.New("pool or quotas are not valid")

// ErrQuotas says that no panel obeys the quotas.
var ErrQuotas = errors.New("no panel obeys the quotas")

// Quota bounds how many members of a panel have one feature, such as age 30-44.
type Quota struct {
	Category, Feature string
	Min, Max          int // 0 <= Min <= Max.
}

// String names the quota as a person would read it out.
func (q Quota) String() string {
	return fmt.Sprintf("%s %q: %d to %d", q.Category, q.Feature, q.Min, q.Max)
}

// Pool is who may be drawn and how the panel must look.
type Pool struct {
	Size   int     // Of the panel.
	Quotas []Quota // Of one category: one for each feature.
	// People gives every person one quota of each category, as ascending indices.
	People [][]int
	// Households numbers the household of each person; at most one of each is drawn.
	// Nil: nobody lives together.
	Households []int
}

// Check refuses a pool that no computation can start with.
func (p Pool) Check() error {
	switch {
	case p.Size < 1 || p.Size > len(p.People):
		return fmt.Errorf("%w: a panel of %d out of %d people", ErrPool, p.Size, len(p.People))
	case len(p.People) > MaxPool || len(p.Quotas) > MaxQuotas:
		return fmt.Errorf("%w: %d people, %d quotas; at most %d and %d are computed", ErrPool, len(p.People), len(p.Quotas), MaxPool, MaxQuotas)
	case p.Households != nil && len(p.Households) != len(p.People):
		return fmt.Errorf("%w: households of %d people, pool of %d", ErrPool, len(p.Households), len(p.People))
	}
	categories := map[string]bool{}
	for i, q := range p.Quotas {
		if q.Min < 0 || q.Max < q.Min {
			return fmt.Errorf("%w: quota %s", ErrPool, q)
		}
		if j := slices.IndexFunc(p.Quotas[:i], func(o Quota) bool { return o.Category == q.Category && o.Feature == q.Feature }); j >= 0 {
			return fmt.Errorf("%w: quota %s and quota %s", ErrPool, p.Quotas[j], q)
		}
		categories[q.Category] = true
	}
	for i, features := range p.People {
		if err := p.checkPerson(features, len(categories)); err != nil {
			return fmt.Errorf("%w: person %d %w", ErrPool, i, err)
		}
	}
	return nil
}

func (p Pool) checkPerson(features []int, categories int) error {
	if len(features) != categories {
		return fmt.Errorf("has %d features, want one of each of %d categories", len(features), categories)
	}
	seen := map[string]bool{}
	for k, f := range features {
		if f < 0 || f >= len(p.Quotas) || k > 0 && features[k-1] >= f {
			return fmt.Errorf("has feature %d of %d, or features out of order", f, len(p.Quotas))
		}
		if seen[p.Quotas[f].Category] {
			return fmt.Errorf("has two features of category %s", p.Quotas[f].Category)
		}
		seen[p.Quotas[f].Category] = true
	}
	return nil
}

// Row bounds a count over groups: of a feature, of the households of one kind, or of the
// whole panel.
type Row struct {
	Name      string
	Min, Max  int
	Household bool // It counts households of one kind; Max is how many there are.
}

// Group is people whom the rules cannot tell apart. A fair lottery gives them the same
// chance: the mean over their permutations of any lottery is a lottery.
type Group struct {
	People []int // Ascending.
	Rows   []int // Of Form, ascending: the rows that count them.
}

// Form is a pool in terms of groups. A panel is feasible if and only if its number of
// people from each group, between 0 and the size of the group, satisfies every row:
// households with the same members are alike, and each sends at most one person.
type Form struct {
	Rows   []Row // The quotas in their order, the size of the panel, kinds of households of two or more.
	Groups []Group
	Of     []int // Group of each person.
}

// Form groups the people of a checked pool, in the order of their first members.
func (p Pool) Form() Form {
	f := Form{Of: make([]int, len(p.People))}
	for _, q := range p.Quotas {
		// A panel has at most Size of anything; Size + 1 stands for all that is more.
		f.Rows = append(f.Rows, Row{Name: q.Category + "=" + q.Feature, Min: min(q.Min, p.Size+1), Max: min(q.Max, p.Size+1)})
	}
	f.Rows = append(f.Rows, Row{Name: "size", Min: p.Size, Max: p.Size})
	kind := p.householdRows(&f)
	groups := map[string]int{}
	for i, features := range p.People {
		rows := append(slices.Clone(features), len(p.Quotas))
		if kind[i] >= 0 {
			rows = append(rows, kind[i])
		}
		key := fmt.Sprint(rows)
		g, ok := groups[key]
		if !ok {
			g = len(f.Groups)
			groups[key] = g
			f.Groups = append(f.Groups, Group{Rows: rows})
		}
		f.Groups[g].People = append(f.Groups[g].People, i)
		f.Of[i] = g
	}
	return f
}

// householdRows appends one row for each kind of household with two members or more and
// returns the row of each person, or -1.
func (p Pool) householdRows(f *Form) []int {
	row := slices.Repeat([]int{-1}, len(p.People))
	members := map[int][]int{}
	for i, home := range p.Households {
		members[home] = append(members[home], i)
	}
	kinds := map[string]int{}
	for i, number := range p.Households {
		home := members[number]
		if len(home) < 2 || row[i] >= 0 {
			continue
		}
		key := p.householdKey(home)
		at, ok := kinds[key]
		if !ok {
			at = len(f.Rows)
			kinds[key] = at
			f.Rows = append(f.Rows, Row{Name: fmt.Sprintf("household like that of person %d", i), Household: true})
		}
		f.Rows[at].Max++
		for _, j := range home {
			row[j] = at
		}
	}
	return row
}

// householdKey is equal for households whose members have the same features.
func (p Pool) householdKey(home []int) string {
	profiles := make([]string, len(home))
	for k, i := range home {
		profiles[k] = fmt.Sprint(p.People[i])
	}
	slices.SortFunc(profiles, cmp.Compare)
	return strings.Join(profiles, ";")
}

// CheckPanel refuses a list of people who are no panel. They ascend.
func (p Pool) CheckPanel(panel []int) error {
	if len(panel) != p.Size {
		return fmt.Errorf("%w: a panel of %d people, want %d", ErrQuotas, len(panel), p.Size)
	}
	count := make([]int, len(p.Quotas))
	homes := make(map[int]int, len(panel))
	for k, i := range panel {
		if i < 0 || i >= len(p.People) || k > 0 && panel[k-1] >= i {
			return fmt.Errorf("%w: person %d of %d, or out of order", ErrQuotas, i, len(p.People))
		}
		for _, f := range p.People[i] {
			count[f]++
		}
		if p.Households == nil {
			continue
		}
		if j, ok := homes[p.Households[i]]; ok {
			return fmt.Errorf("%w: persons %d and %d share household %d", ErrQuotas, j, i, p.Households[i])
		}
		homes[p.Households[i]] = i
	}
	for f, q := range p.Quotas {
		if count[f] < q.Min || count[f] > q.Max {
			return fmt.Errorf("%w: %d members where the quota is %s", ErrQuotas, count[f], q)
		}
	}
	return nil
}
