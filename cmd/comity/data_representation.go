package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"comity/dataset"
	"comity/exact"
	"comity/modeler/representation"
)

type dataRepresentationCommand struct {
	Data       string   `required:"" placeholder:"FILE" help:"Rows, or their number by group: CSV (.gz is fine), Parquet, SQLite or a folder of them; - reads CSV from standard input."`
	Population string   `required:"" placeholder:"FILE" help:"People by group: columns that the data have too, and a number of people."`
	By         []string `placeholder:"COLUMN" help:"Columns that make groups; without it all that both files have."`
	People     string   `placeholder:"COLUMN" help:"Column of the population with the number of people; without it people, population, or the last."`
	Count      string   `placeholder:"COLUMN" help:"Column of the data that says how many rows a line stands for; without it rows, n_rows or count if every group has one line."`
}

// representationData is the JSON form of an audit. Numbers are rounded to ten digits;
// exact ones stand under exact as ratios.
type representationData struct {
	Gini             string             `json:"gini"`
	JensenShannon    string             `json:"jensen_shannon"` // A distance, 0 to 1.
	Divergence       string             `json:"jensen_shannon_divergence"`
	LogBase          string             `json:"log_base"`
	EffectiveGroups  string             `json:"effective_groups"`
	EffectiveOfAll   string             `json:"effective_groups_of_people"`
	WithoutData      string             `json:"share_without_data"`
	Needed           string             `json:"share_to_move"`
	Exact            map[string]string  `json:"exact"`
	Rows             string             `json:"rows"`
	People           string             `json:"people"`
	By               []string           `json:"by"`
	PeopleColumn     string             `json:"people_column"`
	CountColumn      string             `json:"count_column"` // Empty: each line is a row.
	RowsWithoutGroup string             `json:"rows_of_unknown_groups"`
	UnknownGroups    []string           `json:"unknown_groups"`
	Groups           []representedGroup `json:"groups"` // Fewest rows per person first.
}

type representedGroup struct {
	Group         string `json:"group"`
	People        string `json:"people"`
	Rows          string `json:"rows"`
	ShareOfPeople string `json:"share_of_people"`
	ShareOfRows   string `json:"share_of_rows"`
	Ratio         string `json:"ratio"` // Share of rows over share of people.
}

// Run compares rows with people.
func (c *dataRepresentationCommand) Run(ctx context.Context, t *terminal) error {
	if c.Data == "-" && c.Population == "-" {
		return usageError{errors.New("--data and --population cannot both be standard input; name a file for one of them")}
	}
	people, err := openRows(ctx, c.Population)
	if err != nil {
		return err
	}
	defer people.Close() //nolint:errcheck // Read only.
	rows, err := openRows(ctx, c.Data)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Read only.
	a, source, err := representation.Read(people, rows, representation.Columns{By: c.By, People: c.People, Count: c.Count})
	if err != nil {
		return err
	}
	d := newRepresentationData(a, source)
	return t.result("data-representation", d, d.text())
}

// openRows opens a table, or standard input for "-".
func openRows(ctx context.Context, name string) (*dataset.Source, error) {
	if name == "-" {
		return dataset.Open(ctx, dataset.Config{Input: os.Stdin, Name: "standard input"})
	}
	return dataset.Open(ctx, dataset.Config{Path: name})
}

func newRepresentationData(a representation.Audit, s representation.Source) *representationData {
	d := &representationData{
		Gini: rational(a.Gini), JensenShannon: digits(a.JensenShannon), Divergence: digits(a.Divergence), LogBase: "2",
		EffectiveGroups: rational(a.EffectiveGroups), EffectiveOfAll: rational(a.EffectiveOfPeople),
		WithoutData: rational(a.WithoutData), Needed: rational(a.Needed),
		Exact: map[string]string{
			"gini": a.Gini.String(), "effective_groups": a.EffectiveGroups.String(), "effective_groups_of_people": a.EffectiveOfPeople.String(),
			"share_without_data": a.WithoutData.String(), "share_to_move": a.Needed.String(),
		},
		Rows: fmt.Sprint(a.Rows), People: a.People.String(), By: s.By, PeopleColumn: s.People, CountColumn: s.Count,
		RowsWithoutGroup: fmt.Sprint(s.Strange), UnknownGroups: append([]string{}, s.Strangers...),
	}
	groups := slices.Clone(a.Groups)
	slices.SortStableFunc(groups, func(x, y representation.Group) int {
		// Rows per person, and of those without rows the larger first.
		return cmp.Or(exact.Int(x.Rows).Mul(y.People).Cmp(exact.Int(y.Rows).Mul(x.People)), y.People.Cmp(x.People))
	})
	for _, g := range groups {
		people, _ := g.People.Quo(a.People) // Neither divisor is 0: the audit has people and rows.
		rows, _ := exact.Int(g.Rows).Quo(exact.Int(a.Rows))
		ratio, _ := rows.Quo(people)
		d.Groups = append(d.Groups, representedGroup{g.Name, g.People.String(), fmt.Sprint(g.Rows), rational(people), rational(rows), rational(ratio)})
	}
	return d
}

// rational writes an exact number as a decimal of ten digits.
func rational(v exact.Rat) string {
	f, _ := v.Big().Float64()
	return digits(f)
}

// text is the audit as people read it.
func (d *representationData) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s rows about %s people in %s by %s\n", d.Rows, d.People, count(len(d.Groups), "group"), strings.Join(d.By, ", "))
	for _, line := range [][2]string{
		{"gini", "rows per person: 0 even, 1 all about few"},
		{"jensen_shannon", "distance of shares of rows from shares of people, base 2: 0 equal, 1 apart"},
		{"effective_groups", "as many groups with equal rows are as diverse; of people: " + d.EffectiveOfAll},
		{"share_without_data", "of the people, in groups without a row"},
		{"share_to_move", "of the rows, for rows in proportion to people"},
	} {
		value := map[string]string{
			"gini": d.Gini, "jensen_shannon": d.JensenShannon, "effective_groups": d.EffectiveGroups, "share_without_data": d.WithoutData, "share_to_move": d.Needed,
		}[line[0]]
		fmt.Fprintf(&b, "%-18s %12s  %s\n", line[0], value, line[1])
	}
	if d.RowsWithoutGroup != "0" {
		fmt.Fprintf(&b, "%s rows of groups that the population does not name are left out: %s\n", d.RowsWithoutGroup, strings.Join(d.UnknownGroups, ", "))
	}
	const most = 10 // Lines for people; all are in the JSON document.
	b.WriteString("fewest rows per person first:\n")
	for _, g := range d.Groups[:min(len(d.Groups), most)] {
		fmt.Fprintf(&b, "  %s: %s rows, %s people, %s of the rows that its people would give\n", g.Group, g.Rows, g.People, g.Ratio)
	}
	return b.String()
}
