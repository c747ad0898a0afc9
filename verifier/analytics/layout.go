package analytics

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"comity"
	"comity/exact"
	"comity/schema"
)

// NewLayout checks a query against the schema of its rows. Errors: ErrQuery,
// schema.ErrSchema.
func NewLayout(q comity.Query, s schema.Schema) (*Layout, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	l := &Layout{query: q, schema: s, column: -1, weight: -1, event: -1, person: -1, report: -1}
	for _, step := range []func() error{l.fields, l.columns, l.groups, l.rows, l.bounds, l.kind} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if q.Report {
		l.report = len(l.Lanes)
		for _, name := range []string{"missing", "suppressed", "below", "above"} {
			l.Lanes = append(l.Lanes, Lane{name, int64(q.MemberRows)})
		}
	}
	if len(l.Lanes) > MaxLanes {
		return nil, refuse("%d lanes, at most %d", len(l.Lanes), MaxLanes)
	}
	for _, lane := range l.Lanes {
		l.Bound = max(l.Bound, lane.Bound)
	}
	l.Member = l.sensitivity(q.MemberRows)
	if q.PersonRows > 0 {
		p := l.sensitivity(q.PersonRows)
		l.Person = &p
	}
	return l, nil
}

// uses lists the optional fields that a kind has.
func uses(kind string) ([]string, bool) {
	switch kind {
	case comity.QueryCount:
		return []string{"by"}, true
	case comity.QuerySum, comity.QueryMean:
		return []string{"column", "weight", "by", "lower", "upper"}, true
	case comity.QueryVariance:
		return []string{"column", "by", "lower", "upper"}, true
	case comity.QueryHistogram:
		return []string{"column", "by", "edges"}, true
	case comity.QueryContingency:
		return []string{"by"}, true
	case comity.QueryQuantiles:
		return []string{"column", "by", "lower", "upper", "edges", "levels", "bits"}, true
	case comity.QueryHeavy:
		return []string{"column", "bits", "salt", "prefixes"}, true
	case comity.QuerySurvival:
		return []string{"column", "by", "edges", "event"}, true
	default:
		return nil, false
	}
}

// fields refuses fields that the kind does not use: a reader could think they count.
func (l *Layout) fields() error {
	q := l.query
	used, ok := uses(q.Kind)
	if !ok {
		return refuse("kind %.40q; write contingency, count, heavy_hitters, histogram, mean, quantiles, sum, survival or variance", q.Kind)
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"column", q.Column != ""},
		{"weight", q.Weight != ""},
		{"by", len(q.By) > 0},
		{"lower", q.Lower != ""},
		{"upper", q.Upper != ""},
		{"edges", len(q.Edges) > 0},
		{"levels", len(q.Levels) > 0},
		{"bits", q.Bits != 0},
		{"salt", len(q.Salt) > 0},
		{"prefixes", len(q.Prefixes) > 0},
		{"event", q.Event != "" || q.EventValue != ""},
	} {
		if f.set && !slices.Contains(used, f.name) {
			return refuse("%s has no %s; leave it empty", q.Kind, f.name)
		}
	}
	return nil
}

// columns finds the columns that the query names.
func (l *Layout) columns() error {
	q := l.query
	used, _ := uses(q.Kind)
	if slices.Contains(used, "column") {
		allowed := []schema.Type{schema.Integer, schema.Decimal}
		switch q.Kind {
		case comity.QueryHistogram, comity.QueryQuantiles:
			allowed = append(allowed, schema.Date)
		case comity.QueryHeavy:
			allowed = []schema.Type{schema.Text, schema.Category, schema.Integer}
		}
		at, err := l.find("column", q.Column, allowed...)
		if err != nil {
			return err
		}
		l.column = at
	}
	if q.Weight != "" {
		at, err := l.find("weight", q.Weight, schema.Integer, schema.Decimal)
		if err != nil {
			return err
		}
		c := l.schema.Columns[at]
		if c.Most == "" || c.Least == "" || strings.HasPrefix(c.Least, "-") {
			return refuse("weight %s can be below 0 or has no end; give the column a least of 0 or more and a most", q.Weight)
		}
		l.weight = at
	}
	if q.Kind != comity.QuerySurvival {
		return nil
	}
	at, err := l.find("event", q.Event, schema.Category)
	if err != nil {
		return err
	}
	l.event = at
	l.eventValue = int64(slices.Index(l.schema.Columns[at].Values, q.EventValue))
	if l.eventValue < 0 {
		return refuse("event_value %.40q is no value of column %s", q.EventValue, q.Event)
	}
	return nil
}

// find returns the position of a column of one of some types.
func (l *Layout) find(what, name string, types ...schema.Type) (int, error) {
	at := l.schema.Find(name)
	if at < 0 {
		return 0, refuse("%s %.64q is no column of %s", what, name, l.schema.ID)
	}
	if got := l.schema.Columns[at].Type; !slices.Contains(types, got) {
		return 0, refuse("%s %s is of type %s; %s takes %v", what, name, got, l.query.Kind, types)
	}
	return at, nil
}

// groups counts the combinations of the categories.
func (l *Layout) groups() error {
	l.cells = 1
	if len(l.query.By) > MaxBy || l.query.Kind == comity.QueryContingency && len(l.query.By) == 0 {
		return refuse("by has %d columns; 1 to %d make a table", len(l.query.By), MaxBy)
	}
	for i, name := range l.query.By {
		at, err := l.find("by", name, schema.Category)
		if err != nil {
			return err
		}
		if slices.Contains(l.query.By[:i], name) {
			return refuse("by names %s twice", name)
		}
		l.by = append(l.by, at)
		if l.cells *= len(l.schema.Columns[at].Values); l.cells > MaxCells {
			return refuse("by makes more than %d groups; leave a column out", MaxCells)
		}
	}
	return nil
}

// rows checks how many rows count.
func (l *Layout) rows() error {
	q := l.query
	if q.MemberRows < 1 || q.MemberRows > schema.MaxRows {
		return refuse("member_rows is %d; 1 to %d are possible", q.MemberRows, schema.MaxRows)
	}
	if q.PersonRows < 0 || q.PersonRows > q.MemberRows {
		return refuse("person_rows is %d; 0 to member_rows (%d) are possible", q.PersonRows, q.MemberRows)
	}
	if q.MinimumCell < 0 || q.MinimumCell > 1000 {
		return refuse("minimum_cell is %d; 0 to 1000 are possible", q.MinimumCell)
	}
	if l.schema.IsPersonal() != (q.PersonRows > 0) {
		return refuse("person_rows is %d and rows of %s are about persons: %t; rows about persons count for 1 row or more, others for 0",
			q.PersonRows, l.schema.ID, l.schema.IsPersonal())
	}
	if l.schema.Person != "" {
		l.person = l.schema.Find(l.schema.Person)
	} else if q.PersonRows > 1 {
		return refuse("person_rows is %d and %s has no column that tells persons apart; write 1", q.PersonRows, l.schema.ID)
	}
	return nil
}

// bounds reads numbers of the column.
func (l *Layout) bounds() error {
	q := l.query
	used, _ := uses(q.Kind)
	if slices.Contains(used, "edges") && len(q.Edges) > 0 || q.Kind == comity.QueryHistogram || q.Kind == comity.QuerySurvival {
		if len(q.Edges) == 0 || len(q.Edges) > MaxEdges {
			return refuse("%d edges; 1 to %d are possible", len(q.Edges), MaxEdges)
		}
		for i, text := range q.Edges {
			edge, err := l.schema.Columns[l.column].Number(text)
			if err != nil {
				return refuse("edge %.40q: %v", text, err)
			}
			if i > 0 && edge <= l.edges[i-1] {
				return refuse("edge %s does not lie above %s", text, q.Edges[i-1])
			}
			l.edges = append(l.edges, edge)
		}
	}
	if !slices.Contains(used, "lower") {
		return nil
	}
	for _, end := range []struct {
		name, text string
		into       *int64
	}{{"lower", q.Lower, &l.lower}, {"upper", q.Upper, &l.upper}} {
		value, err := l.schema.Columns[l.column].Number(end.text)
		if err != nil {
			return refuse("%s %.40q: %v", end.name, end.text, err)
		}
		*end.into = value
	}
	if l.lower > l.upper {
		return refuse("lower %s lies above upper %s", q.Lower, q.Upper)
	}
	return nil
}

// kind lays out the lanes.
func (l *Layout) kind() error {
	switch l.query.Kind {
	case comity.QueryCount:
		return l.layBins([]string{"rows"})
	case comity.QueryContingency:
		if err := l.searchable(0); err != nil {
			return err
		}
		return l.layBins([]string{"rows"})
	case comity.QuerySum, comity.QueryMean, comity.QueryVariance:
		return l.layMoments()
	case comity.QueryHistogram:
		if err := l.searchable(len(l.edges) + 1); err != nil {
			return err
		}
		return l.layBins(l.binNames())
	case comity.QueryQuantiles:
		return l.layQuantiles()
	case comity.QueryHeavy:
		return l.layHeavy()
	default:
		return l.laySurvival()
	}
}

// searchable refuses tables that are too large to look for complements of withheld cells.
func (l *Layout) searchable(bins int) error {
	total := bins + 1
	for _, at := range l.by {
		total *= len(l.schema.Columns[at].Values) + 1
	}
	if l.query.MinimumCell > 1 && total > MaxCells {
		return refuse("the table has %d cells with its totals, at most %d can be withheld from; leave a column or edges out", total, MaxCells)
	}
	return nil
}

// layBins lays out lanes each of which counts rows; a row is in one of them at most.
func (l *Layout) layBins(names []string) error {
	l.bins = len(names)
	if l.cells*l.bins > MaxLanes {
		return refuse("%d groups of %d bins are more than %d lanes; leave out columns or edges", l.cells, l.bins, MaxLanes)
	}
	for cell := range l.cells {
		prefix := l.prefix(cell)
		for _, name := range names {
			l.Lanes = append(l.Lanes, Lane{prefix + name, int64(l.query.MemberRows)})
		}
	}
	return nil
}

// prefix names a cell: "sex=f/age=0-4/", or "" without groups.
func (l *Layout) prefix(cell int) string {
	var b strings.Builder
	for _, g := range l.labels(cell) {
		b.WriteString(g.Column + "=" + g.Value + "/")
	}
	return b.String()
}

// labels returns the values of the categories of a cell. The last category varies first.
func (l *Layout) labels(cell int) []Label {
	labels := make([]Label, len(l.by))
	for i := len(l.by) - 1; i >= 0; i-- {
		c := l.schema.Columns[l.by[i]]
		labels[i] = Label{c.Name, c.Values[cell%len(c.Values)]}
		cell /= len(c.Values)
	}
	return labels
}

// layMoments lays out numbers that are added up: rows, values, squares.
func (l *Layout) layMoments() error {
	most := big.NewInt(max(l.upper, -l.lower, 1))
	add := func(name string, each *big.Int) {
		l.moments = append(l.moments, moment{name: name, most: each})
	}
	add("rows", big.NewInt(1))
	switch {
	case l.weight >= 0:
		c := l.schema.Columns[l.weight]
		w, err := c.Number(c.Most)
		if err != nil {
			return err
		}
		heaviest := big.NewInt(max(w, 1))
		add("weights", heaviest)
		add("values", new(big.Int).Mul(most, heaviest))
	default:
		add("values", most)
		if l.query.Kind == comity.QueryVariance {
			add("squares", new(big.Int).Mul(most, most))
		}
	}
	width := 0
	for i := range l.moments {
		m := &l.moments[i]
		m.first, m.limbs = width, 1
		total := new(big.Int).Mul(m.most, big.NewInt(int64(l.query.MemberRows)))
		if total.Cmp(big.NewInt(MaxBound)) > 0 {
			m.limbs = total.BitLen()/limbBits + 1
			l.Split = true
		}
		width += m.limbs
	}
	l.bins = width
	if l.cells*width > MaxLanes {
		return refuse("%d groups of %d numbers are more than %d lanes", l.cells, width, MaxLanes)
	}
	for cell := range l.cells {
		prefix := l.prefix(cell)
		for _, m := range l.moments {
			if m.limbs == 1 {
				l.Lanes = append(l.Lanes, Lane{prefix + m.name, m.most.Int64() * int64(l.query.MemberRows)})
				continue
			}
			for i := range m.limbs {
				l.Lanes = append(l.Lanes, Lane{fmt.Sprintf("%s%s.%d", prefix, m.name, i), 1 << limbBits})
			}
		}
	}
	return nil
}

// sensitivity returns that of a unit with so many rows. The worst such rows are equal:
// all of them in one lane, or all as far from 0 as the bounds let them be. A row that is
// reported as clipped counts once more.
func (l *Layout) sensitivity(rows int) Sensitivity {
	one := new(big.Int).SetInt64(1)
	sum, squares, largest := new(big.Int), new(big.Int), new(big.Int)
	take := func(m *big.Int) {
		sum.Add(sum, m)
		squares.Add(squares, new(big.Int).Mul(m, m))
		if m.Cmp(largest) > 0 {
			largest.Set(m)
		}
	}
	for _, m := range l.moments {
		take(m.most)
	}
	if len(l.moments) == 0 {
		take(one)
	}
	if l.report >= 0 {
		take(one)
	}
	k := exact.Int(int64(rows))
	whole := func(n *big.Int) exact.Rat { return exact.FromBig(new(big.Rat).SetInt(n)) }
	return Sensitivity{L1: k.Mul(whole(sum)), L2Squared: k.Mul(k).Mul(whole(squares)), Linf: k.Mul(whole(largest))}
}
