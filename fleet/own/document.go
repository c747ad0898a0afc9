package own

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"comity/adapter/yaml"
	"comity/allocator/program"
	"comity/exact"
	"comity/governor/charter"
	"comity/pack"
	"comity/party"
)

const (
	// minMembers is the least of a sum: of two, each knows the other's part.
	minMembers = 3
	// maxMembers leaves room for the operator in a charter of 256 parties.
	maxMembers = 255
	// maxTargets is how many variables one model tells apart.
	maxTargets = 16
	maxText    = 200 // Characters of a title or name.
	maxName    = 40
	// maxNumber is the largest number that a party may declare (package body).
	maxNumber = program.MaxAmount >> 10
	// maxListed bounds a list by week at twenty years.
	maxListed = 1040
)

// document is scenario.yaml as it was read.
type document struct {
	file     string
	name     string
	title    string
	label    string
	source   string
	unit     string
	targets  []string
	start    string
	startAt  charter.Node
	operator pack.Party
	supply   numbers
	supplyAt charter.Node
	members  []member // Ascending by id.
}

// member is one entry of the list of members.
type member struct {
	party      pack.Party
	at         charter.Node
	population int64
	data       string // Path below the folder; empty: its rows are away.
	dataAt     charter.Node
	needs      numbers
	needsAt    charter.Node
}

// numbers are whole numbers by name, each for one week after another; the last one holds
// for all later weeks.
type numbers map[string]amounts

// amounts are the numbers of one name and where they stand.
type amounts struct {
	weeks []int64
	at    charter.Node
}

// of returns the number of a week.
func (a amounts) of(week int) int64 { return a.weeks[min(week, len(a.weeks)-1)] }

// readDocument reads scenario.yaml.
func readDocument(file string, data []byte) (*document, error) {
	root, err := yaml.Read(file, data)
	if err != nil {
		return nil, err
	}
	d := &document{file: file, source: "the members' files in the data folder"}
	r := &reader{document: d}
	var targets charter.Node
	r.mapping(root, "a scenario",
		need("name", func(n charter.Node) { d.name = r.slug(n) }),
		need("title", r.textInto(&d.title)),
		may("label", func(n charter.Node) { d.label = r.choice(n, pack.Synthetic) }),
		may("source", r.textInto(&d.source)),
		need("unit", r.textInto(&d.unit)),
		may("target", func(n charter.Node) { d.targets, targets = []string{r.text(n)}, n }),
		may("targets", func(n charter.Node) { r.targets(n, targets.Line > 0); targets = n }),
		may("start", func(n charter.Node) { d.start, d.startAt = r.scalar(n), n }),
		need("operator", r.operator),
		need("supply", func(n charter.Node) { d.supply, d.supplyAt = r.numbers(n, "supply"), n }),
		need("members", r.members),
	)
	if targets.Line == 0 && root.Shape == charter.Mapping {
		r.refuse(root, "no key target", `name the variable that is forecast: target: "Reported cases"`)
	}
	if len(r.problems) > 0 {
		return nil, join(r.problems)
	}
	return d, nil
}

func (d *document) refusal(n charter.Node, reason, fix string) error {
	return &yaml.Error{File: d.file, Line: max(n.Line, 1), Column: max(n.Column, 1), Reason: reason, Fix: fix}
}

// reader collects the problems of one scenario.yaml.
type reader struct {
	*document
	problems []error
}

func (r *reader) refuse(n charter.Node, reason, fix string) {
	r.problems = append(r.problems, r.refusal(n, reason, fix))
}

func (r *reader) targets(n charter.Node, already bool) {
	if already {
		r.refuse(n, "both target and targets", "keep one of the two")
		return
	}
	if n.Shape != charter.Sequence || len(n.Items) == 0 || len(n.Items) > maxTargets {
		r.refuse(n, "targets is not a list of names", fmt.Sprintf(`write 1 to %d names, as ["Influenza", "Colds"]`, maxTargets))
		return
	}
	for _, item := range n.Items {
		name := r.text(item)
		if slices.Contains(r.document.targets, name) {
			r.refuse(item, fmt.Sprintf("target %q is there twice", name), "delete one of the two")
		}
		r.document.targets = append(r.document.targets, name)
	}
	slices.Sort(r.document.targets) // The order of a charter.
}

func (r *reader) operator(n charter.Node) {
	p := pack.Party{Kind: "agency", Weight: "0", Groups: []string{}}
	r.mapping(n, "the operator",
		need("id", func(n charter.Node) { p.ID = r.id(n) }),
		need("name", r.textInto(&p.Name)),
		may("kind", func(n charter.Node) { p.Kind = r.choice(n, kinds()...) }),
	)
	r.document.operator = p
}

// kinds are those of a charter that may have a say.
func kinds() []string { return []string{"state", "agency", "hospital", "operator", "firm"} }

func (r *reader) members(n charter.Node) {
	if n.Shape != charter.Sequence {
		r.refuse(n, "members is not a list", `write one item for each member, beginning with - id: "XA"`)
		return
	}
	switch k := len(n.Items); {
	case k < minMembers:
		r.refuse(n, fmt.Sprintf("%d members", k), fmt.Sprintf("have at least %d: in a sum over two each could read the other's part", minMembers))
		return
	case k > maxMembers:
		r.refuse(n, fmt.Sprintf("%d members", k), fmt.Sprintf("have at most %d", maxMembers))
		return
	}
	for _, item := range n.Items {
		m := r.member(item)
		for _, other := range r.document.members {
			if m.party.ID != "" && m.party.ID == other.party.ID {
				r.refuse(item, fmt.Sprintf("member %s is in line %d already", m.party.ID, other.at.Line), "give each member its own id")
			}
			if m.data != "" && filepath.Clean(m.data) == filepath.Clean(other.data) {
				r.refuse(m.dataAt, fmt.Sprintf("%s is the file of %s", m.data, other.party.ID), "give each member its own file")
			}
		}
		if m.party.ID != "" && m.party.ID == r.document.operator.ID {
			r.refuse(item, fmt.Sprintf("%s is the operator", m.party.ID), "let a party without rows operate the log, and give it another id")
		}
		r.document.members = append(r.document.members, m)
	}
	slices.SortStableFunc(r.document.members, func(a, b member) int { return strings.Compare(string(a.party.ID), string(b.party.ID)) })
}

func (r *reader) member(n charter.Node) member {
	m := member{party: pack.Party{Kind: "state", Weight: "1", Groups: []string{}}, at: n}
	r.mapping(n, "a member",
		need("id", func(n charter.Node) { m.party.ID = r.id(n) }),
		need("name", r.textInto(&m.party.Name)),
		may("kind", func(n charter.Node) { m.party.Kind = r.choice(n, kinds()...) }),
		may("weight", func(n charter.Node) { m.party.Weight = r.weight(n) }),
		may("groups", func(n charter.Node) { m.party.Groups = r.groups(n) }),
		need("population", func(n charter.Node) { m.population = r.whole(n, 1) }),
		need("data", func(n charter.Node) {
			if m.dataAt = n; !isWord(n, away) {
				m.data = r.path(n)
			}
		}),
		need("needs", func(n charter.Node) { m.needs, m.needsAt = r.numbers(n, "needs"), n }),
	)
	m.party.Facts = []pack.Fact{{Name: "population", Value: m.population, Unit: "people", Source: ScenarioFile}}
	for _, name := range []string{"population", "received"} {
		if a, ok := m.needs[name]; ok {
			r.refuse(a.at, name+" among the needs", fmt.Sprintf("delete it: a charter that uses party.%s gets it by itself", name))
		}
	}
	return m
}

// key is one key of a mapping.
type key struct {
	name     string
	required bool
	read     func(charter.Node)
}

func need(name string, read func(charter.Node)) key { return key{name, true, read} }
func may(name string, read func(charter.Node)) key  { return key{name, false, read} }

// mapping reads the keys of n and refuses all others. What it is, is for errors.
func (r *reader) mapping(n charter.Node, what string, keys ...key) {
	if n.Shape != charter.Mapping {
		r.refuse(n, fmt.Sprintf("%s where %s is expected", n.Shape, what), "write key: value, one in a line")
		return
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	var meant []string // Keys that are there under a wrong name.
	for _, f := range n.Fields {
		if !slices.Contains(names, f.Key.Text) {
			fix := "keys are " + strings.Join(names, ", ")
			if near := charter.Nearest(f.Key.Text, names); near != "" {
				meant = append(meant, near)
				fix = fmt.Sprintf("did you mean %s?", near)
			}
			r.refuse(f.Key, fmt.Sprintf("unknown key %.40q", f.Key.Text), fix)
		}
	}
	for _, k := range keys { // In this order, so that what a later key needs is there.
		value, ok := n.Get(k.name)
		switch {
		case ok:
			k.read(value)
		case k.required && !slices.Contains(meant, k.name):
			r.refuse(n, fmt.Sprintf("%s without the key %s", what, k.name), "add it")
		}
	}
}

// scalar returns the text of a single value.
func (r *reader) scalar(n charter.Node) string {
	if n.Shape != charter.Scalar {
		r.refuse(n, n.Shape.String()+" where a single value is expected", "write one value")
		return ""
	}
	return n.Text
}

// text reads a text of one line.
func (r *reader) text(n charter.Node) string {
	text := r.scalar(n)
	if n.Shape == charter.Scalar && (strings.TrimSpace(text) == "" || len([]rune(text)) > maxText || strings.Contains(text, "\n")) {
		r.refuse(n, fmt.Sprintf("a text of %d characters", len([]rune(text))), fmt.Sprintf("write one line of 1 to %d", maxText))
	}
	return text
}

func (r *reader) textInto(into *string) func(charter.Node) {
	return func(n charter.Node) { *into = r.text(n) }
}

// slug reads a name that becomes part of file names and of the log's origin.
func (r *reader) slug(n charter.Node) string {
	text := r.scalar(n)
	ok := text != "" && len(text) <= maxName && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		text[0] >= 'a' && text[0] <= 'z' && !strings.HasSuffix(text, "-") && !strings.Contains(text, "--")
	if n.Shape == charter.Scalar && !ok {
		r.refuse(n, fmt.Sprintf("%.60q cannot be a name", text), fmt.Sprintf("use up to %d lower-case letters, digits and hyphens, a letter first, such as two-rivers", maxName))
	}
	return text
}

func (r *reader) choice(n charter.Node, words ...string) string {
	text := r.scalar(n)
	if n.Shape == charter.Scalar && !slices.Contains(words, text) {
		fix := "write " + strings.Join(words, ", ")
		if len(words) == 1 {
			fix += ", or delete the line"
		}
		r.refuse(n, fmt.Sprintf("%.40q is not a choice here", text), fix)
	}
	return text
}

// id reads the id of a party, which must be quoted: NO reads as false elsewhere.
func (r *reader) id(n charter.Node) party.ID {
	id := party.ID(r.scalar(n))
	if n.Shape != charter.Scalar {
		return ""
	}
	if err := id.Check(); err != nil {
		r.refuse(n, fmt.Sprintf("%.40q cannot be an id", string(id)), `use 2 to 32 capital letters, digits and hyphens in quotes, such as "KE"`)
		return ""
	}
	if !n.Quoted() {
		r.refuse(n, fmt.Sprintf("id %s is not quoted", id), fmt.Sprintf("write %q, for many YAML readers take NO for false", string(id)))
	}
	return id
}

// weight reads a share of votes.
func (r *reader) weight(n charter.Node) string {
	text := r.scalar(n)
	if v, err := exact.Parse(text); n.Shape == charter.Scalar && (err != nil || v.Sign() < 0) {
		r.refuse(n, fmt.Sprintf("%.40q is no weight", text), `write a number of at least 0 in quotes, such as "1" or "1/2"`)
	}
	return text
}

func (r *reader) groups(n charter.Node) []string {
	groups := []string{}
	if n.Shape != charter.Sequence {
		r.refuse(n, "groups is not a list", "write names with commas between in brackets: [coast, islands]")
		return groups
	}
	for _, item := range n.Items {
		groups = append(groups, r.slug(item))
	}
	return groups
}

// path reads the name of a file below the folder.
func (r *reader) path(n charter.Node) string {
	text := r.scalar(n)
	if n.Shape != charter.Scalar {
		return ""
	}
	local := filepath.FromSlash(text)
	if !filepath.IsLocal(local) || filepath.Ext(strings.TrimSuffix(local, ".gz")) != ".csv" {
		r.refuse(n, fmt.Sprintf("%.100q is not a CSV file in this folder", text), "write its name from the folder on, such as members/KE.csv")
		return ""
	}
	return local
}

// numbers reads whole numbers by name, each one for all weeks or a list by week.
func (r *reader) numbers(n charter.Node, what string) numbers {
	out := numbers{}
	if n.Shape != charter.Mapping || len(n.Fields) == 0 {
		r.refuse(n, what+" without numbers", "write name: number, such as {doses: 1200}")
		return out
	}
	for _, f := range n.Fields {
		name := f.Key.Text
		if !charter.IsWord(name) {
			r.refuse(f.Key, fmt.Sprintf("%.40q cannot name a number", name), "use lower-case letters, digits and _, a letter first; numbers have no commas in them")
			continue
		}
		a := amounts{at: f.Key}
		if f.Value.Shape == charter.Sequence {
			if k := len(f.Value.Items); k == 0 || k > maxListed {
				r.refuse(f.Value, fmt.Sprintf("a list of %d weeks", k), fmt.Sprintf("list 1 to %d; the last number holds for all later weeks", maxListed))
				continue
			}
			for _, item := range f.Value.Items {
				a.weeks = append(a.weeks, r.whole(item, 0))
			}
		} else {
			a.weeks = []int64{r.whole(f.Value, 0)}
		}
		out[name] = a
	}
	return out
}

// whole reads a whole number of at least least.
func (r *reader) whole(n charter.Node, least int64) int64 {
	text := r.scalar(n)
	if n.Shape != charter.Scalar {
		return 0
	}
	v, err := strconv.ParseInt(text, 10, 64)
	switch digits := strings.TrimLeft(text, "-"); {
	case n.Quoted():
		r.refuse(n, fmt.Sprintf("%.40q is in quotes", text), "write digits without quotes and separators, such as 1200")
	case strings.Trim(text, "0123456789-., _'") != "" || digits == "":
		r.refuse(n, fmt.Sprintf("%.40q is no number", text), "write digits, such as 1200")
	case strings.Trim(digits, "0123456789") != "":
		r.refuse(n, fmt.Sprintf("%.40q is not a whole number in plain digits", text), "write digits without separators and fractions, such as 1200")
	case err == nil && v < least:
		r.refuse(n, fmt.Sprintf("%s is below %d", text, least), fmt.Sprintf("write %d or more", least))
	case err != nil || v > maxNumber:
		r.refuse(n, fmt.Sprintf("%.40s is above %d", text, int64(maxNumber)), "choose a larger unit")
	case strconv.FormatInt(v, 10) != text:
		r.refuse(n, fmt.Sprintf("%.40q begins with a zero", text), fmt.Sprintf("write %d", v))
	}
	return v
}
