package representation

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"comity/exact"
	"comity/place"
	"comity/schema"
)

// Columns says what the columns of both tables mean. Everything may be left out.
type Columns struct {
	// By names the columns that make groups; empty for all columns of the population but
	// People that the data have too. Groups that differ only in other columns are one.
	By []string
	// People is the column of the population with the number of people; empty for one
	// called people or population, or else the last.
	People string
	// Count is the column of the data that says how many rows a line stands for; empty for
	// one called rows, n_rows or count if every group has one line only, or else none: then
	// each line is one row.
	Count string
}

// Source says how two tables were read.
type Source struct {
	By      []string // Columns that made groups.
	People  string   // Column of the population.
	Count   string   // Column of the data; empty where each line was one row.
	Strange int64    // Rows of groups that the population does not name; they are not in the audit.
	// Strangers are the first of their groups, ascending.
	Strangers []string
}

// maxStrangers bounds how many unknown groups are listed.
const maxStrangers = 20

// separator stands between the cells of a group's name; a slash inside a cell is doubled, so
// that two groups never have one name.
const separator = " / "

// Read audits the rows of data against the people of population. Errors are *place.Error
// where a cell is at fault; others wrap ErrInput.
func Read(population, data schema.Rows, c Columns) (Audit, Source, error) {
	people, source, err := readPeople(population, data.Header(), c)
	if err != nil {
		return Audit{}, source, err
	}
	if err := people.count(data, c.Count, &source); err != nil {
		return Audit{}, source, err
	}
	a, err := New(people.groups)
	return a, source, err
}

// people is the population by group, in the order of its file.
type people struct {
	groups []Group
	at     map[string]int
}

// readPeople reads the population and settles which columns make groups.
func readPeople(t schema.Rows, data []schema.Heading, c Columns) (people, Source, error) {
	p, s := people{at: map[string]int{}}, Source{}
	head := t.Header()
	number, err := peopleColumn(t, c.People)
	if err != nil {
		return p, s, err
	}
	s.People = head[number].Name
	by, err := groupColumns(t, data, c.By, number)
	if err != nil {
		return p, s, err
	}
	for _, i := range by {
		s.By = append(s.By, head[i].Name)
	}
	for {
		row, err := t.Next()
		if errors.Is(err, io.EOF) {
			return p, s, nil
		}
		if err != nil {
			return p, s, err
		}
		for _, i := range by {
			if len(row[i].Text) == 0 {
				return p, s, fault(t, row[i].Column, "column "+head[i].Name+" is empty", "name the group")
			}
		}
		n, err := exact.Parse(string(row[number].Text))
		if err != nil || n.Sign() <= 0 {
			return p, s, fault(t, row[number].Column, fmt.Sprintf("column %s: %q is no number of people", s.People, clip(row[number].Text)),
				"write a decimal above 0, or leave the group out")
		}
		if err := p.add(nameOf(row, by), n); err != nil {
			return p, s, fault(t, 1, err.Error(), "make coarser groups")
		}
	}
}

func (p *people) add(name string, n exact.Rat) error {
	if i, ok := p.at[name]; ok {
		p.groups[i].People = p.groups[i].People.Add(n)
		return nil
	}
	if len(p.groups) == MaxGroups {
		return fmt.Errorf("more than %d groups", MaxGroups)
	}
	p.at[name] = len(p.groups)
	p.groups = append(p.groups, Group{Name: name, People: n})
	return nil
}

// peopleColumn finds the number of people.
func peopleColumn(t schema.Rows, named string) (int, error) {
	head := t.Header()
	wanted := []string{named}
	if named == "" {
		wanted = []string{"people", "population"}
	}
	for _, name := range wanted {
		if at := find(head, name); at >= 0 {
			return at, nil
		}
	}
	if named != "" {
		return 0, fault(t, 1, "no column "+named, "the table has "+names(head))
	}
	return len(head) - 1, nil
}

// groupColumns returns the places of the columns that make groups.
func groupColumns(t schema.Rows, data []schema.Heading, named []string, number int) (by []int, err error) {
	head := t.Header()
	for _, name := range named {
		at := find(head, name)
		if at < 0 || at == number || find(data, name) < 0 || slices.Contains(by, at) {
			return nil, fault(t, 1, fmt.Sprintf("no groups by %s", name),
				fmt.Sprintf("name each column once that both tables have: the population has %s, the data %s", names(head), names(data)))
		}
		by = append(by, at)
	}
	if len(named) > 0 {
		return by, nil
	}
	for i, h := range head {
		if i != number && h.Name != "" && find(data, h.Name) >= 0 {
			by = append(by, i)
		}
	}
	if len(by) == 0 {
		return nil, fault(t, 1, "no column that the data have too",
			fmt.Sprintf("name the columns of groups alike: the population has %s, the data %s", names(head), names(data)))
	}
	return by, nil
}

// count adds the rows of the data to their groups.
func (p *people) count(t schema.Rows, named string, s *Source) error {
	head := t.Header()
	var by []int
	for _, name := range s.By {
		by = append(by, find(head, name))
	}
	number, err := countColumn(t, named, by)
	if err != nil {
		return err
	}
	whole, lines := map[string]int64{}, map[string]int64{}
	tally := number >= 0 // As long as every group has one line, and every count is whole.
	for {
		row, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := nameOf(row, by)
		if _, ok := lines[name]; !ok && len(lines) == 2*MaxGroups {
			return fault(t, 1, fmt.Sprintf("more than %d groups", 2*MaxGroups), "name columns of groups with fewer values")
		}
		lines[name]++
		if number < 0 {
			continue
		}
		n, err := strconv.ParseInt(string(row[number].Text), 10, 64)
		if err != nil || n < 0 || whole[name]+n < whole[name] {
			if named != "" {
				return fault(t, row[number].Column, fmt.Sprintf("column %s: %q is no number of rows", named, clip(row[number].Text)), "write a whole number from 0 on")
			}
			tally = false
			continue
		}
		whole[name] += n
		tally = tally && (named != "" || lines[name] == 1)
	}
	if tally {
		s.Count, lines = head[number].Name, whole
	}
	return p.take(lines, s)
}

// take puts the rows of all groups where they belong.
func (p *people) take(rows map[string]int64, s *Source) error {
	var strangers []string
	for name, n := range rows { // Sums of integers, and a list that is sorted below.
		if i, ok := p.at[name]; ok {
			p.groups[i].Rows = n
			continue
		}
		if s.Strange += n; s.Strange < 0 {
			return fmt.Errorf("%w: more rows than can be counted", ErrInput)
		}
		strangers = append(strangers, name)
	}
	slices.Sort(strangers)
	s.Strangers = strangers[:min(len(strangers), maxStrangers)]
	return nil
}

// countColumn finds the column that may say how many rows a line stands for, or -1.
func countColumn(t schema.Rows, named string, by []int) (int, error) {
	head := t.Header()
	if named != "" {
		at := find(head, named)
		if at < 0 || slices.Contains(by, at) {
			return 0, fault(t, 1, "no column "+named+" beside those of groups", "the table has "+names(head))
		}
		return at, nil
	}
	for _, name := range []string{"rows", "n_rows", "count"} {
		if at := find(head, name); at >= 0 && !slices.Contains(by, at) {
			return at, nil
		}
	}
	return -1, nil
}

// nameOf joins the cells of a group.
func nameOf(row []schema.Field, by []int) string {
	cells := make([]string, len(by))
	for k, i := range by {
		cells[k] = strings.ReplaceAll(string(row[i].Text), "/", "//")
	}
	if len(cells) == 1 {
		return string(row[by[0]].Text)
	}
	return strings.Join(cells, separator)
}

func find(head []schema.Heading, name string) int {
	return slices.IndexFunc(head, func(h schema.Heading) bool { return h.Name == name })
}

func names(head []schema.Heading) string {
	const most = 20
	var all []string
	for _, h := range head[:min(len(head), most)] {
		all = append(all, h.Name)
	}
	if len(head) > most {
		all = append(all, "…")
	}
	return strings.Join(all, ", ")
}

// clip keeps a message short.
func clip(text []byte) string {
	const most = 40
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}

// fault is an error at the row that was read last.
func fault(t schema.Rows, column int, reason, fix string) error {
	at := t.Place()
	if at.Record {
		reason = fmt.Sprintf("row %d: %s", at.Line, reason)
	}
	return &place.Error{File: at.File, Line: max(at.Line, 1), Column: max(column, 1), Reason: reason, Fix: fix}
}
