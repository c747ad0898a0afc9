package csv

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"comity/governor/jury"
)

// maxMembers bounds a quota's numbers, far above any panel.
const maxMembers = 1_000_000

// ReadQuotas reads how many members of a panel may have each feature: the columns
// category, feature, min, max, or feature, value, min, max, as two common programmes
// write them. Other columns, such as min_flex, are ignored. Errors are *Error.
func ReadQuotas(name string, in io.Reader) ([]jury.Quota, error) {
	t, at, err := open(name, in, []string{"min", "max", "feature", "category", "value"}, 3)
	if err != nil {
		return nil, err
	}
	category, feature := at[3], at[2]
	if category < 0 {
		category, feature = at[2], at[4]
	}
	if feature < 0 {
		return nil, t.fail(1, "no column category and no column value", "the header needs category,feature,min,max or feature,value,min,max")
	}
	var quotas []jury.Quota
	err = t.each(func(cells []cell) error {
		q := jury.Quota{Category: string(cells[category].text), Feature: string(cells[feature].text)}
		if q.Category == "" || q.Feature == "" {
			return t.fail(cells[category].column, "quota without category or feature", "name both")
		}
		if slices.ContainsFunc(quotas, func(o jury.Quota) bool { return o.Category == q.Category && o.Feature == q.Feature }) {
			return t.fail(cells[feature].column, fmt.Sprintf("second quota for %s %q", q.Category, q.Feature), "keep one of the two")
		}
		var err error
		if q.Min, err = t.members(cells[at[0]]); err != nil {
			return err
		}
		if q.Max, err = t.members(cells[at[1]]); err != nil {
			return err
		}
		if q.Max < q.Min {
			return t.fail(cells[at[1]].column, fmt.Sprintf("max %d is below min %d", q.Max, q.Min), "exchange the two or correct one")
		}
		if len(quotas) == jury.MaxQuotas {
			return t.fail(1, fmt.Sprintf("more than %d quotas", jury.MaxQuotas), "leave out features that need no quota")
		}
		quotas = append(quotas, q)
		return nil
	})
	if err == nil && len(quotas) == 0 {
		t.line = 1
		return nil, t.fail(1, "no quota", "add a row for each feature of each category")
	}
	return quotas, err
}

// members reads a number of people.
func (t *table) members(c cell) (int, error) {
	text := string(c.text)
	n, err := strconv.Atoi(text)
	if err != nil || strings.Trim(text, "0123456789") != "" || n > maxMembers {
		return 0, t.fail(c.column, fmt.Sprintf("%q is no number of people", clip(c.text)), fmt.Sprintf("write a whole number from 0 to %d", maxMembers))
	}
	return n, nil
}

// ReadPool reads who may be drawn: a row for each person, a column for each category of
// the quotas. Other columns are ignored. With household it names the column that tells
// who lives together: equal texts share a household, an empty cell is one's own. The pool
// has no Size yet. Errors are *Error.
func ReadPool(name string, in io.Reader, quotas []jury.Quota, household string) (jury.Pool, error) {
	pool := jury.Pool{Quotas: quotas}
	var categories []string
	for _, q := range quotas {
		if !slices.Contains(categories, q.Category) {
			categories = append(categories, q.Category)
		}
	}
	want := slices.Clone(categories)
	if household != "" {
		if slices.Contains(want, household) {
			return pool, &Error{File: name, Line: 1, Column: 1, Reason: "column " + household + " is a category of the quotas", Fix: "name another column for the household"}
		}
		want = append(want, household)
	}
	t, at, err := open(name, in, want, len(want))
	if err != nil {
		return pool, err
	}
	index := map[[2]string]int{}
	for k, q := range quotas {
		index[[2]string{q.Category, q.Feature}] = k
	}
	homes := map[string]int{}
	err = t.each(func(cells []cell) error {
		if len(pool.People) == jury.MaxPool {
			return t.fail(1, fmt.Sprintf("more than %d people", jury.MaxPool), "split the pool by place")
		}
		features := make([]int, len(categories))
		for k, category := range categories {
			c := cells[at[k]]
			f, ok := index[[2]string{category, string(c.text)}]
			if !ok {
				return t.fail(c.column, fmt.Sprintf("%s %q has no quota", category, clip(c.text)), "correct the cell, or add a quota of 0 to the size of the panel")
			}
			features[k] = f
		}
		slices.Sort(features)
		pool.People = append(pool.People, features)
		if household == "" {
			return nil
		}
		home := len(pool.People) + jury.MaxPool // Nobody else's.
		if text := string(cells[at[len(categories)]].text); text != "" {
			if _, ok := homes[text]; !ok {
				homes[text] = len(homes)
			}
			home = homes[text]
		}
		pool.Households = append(pool.Households, home)
		return nil
	})
	if err == nil && len(pool.People) == 0 {
		t.line = 1
		return pool, t.fail(1, "nobody in the pool", "add a row for each person")
	}
	return pool, err
}
