// Package stakes reads what is on the table of a bargain, as a person wrote it in YAML or
// JSON: parties and their outside options, scenarios, drafts with their utilities, what
// coalitions can do alone, a voting table, a frontier.
package stakes

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"comity/exact"
	"comity/governor/bargain"
	"comity/governor/charter"
	"comity/party"
	"comity/schema/written"
)

// Version is the first line of the form.
const Version = "bargain/v1"

// Terms is one document.
type Terms struct {
	// Game has no drafts if the document has a frontier in their place.
	Game       bargain.Game
	Coalitions []bargain.Coalition
	Table      *bargain.Table
	Frontier   *bargain.Frontier
}

// Read returns the terms in a document. Errors are *place.Error and point at the value.
func Read(file string, root charter.Node) (Terms, error) {
	r := &reader{Reader: written.Reader{File: file}}
	tenth, _ := exact.Ratio(1, 10)
	half, _ := exact.Ratio(1, 2)
	r.t.Game.Tail, r.t.Game.Optimism = tenth, half
	var version charter.Node
	parts := map[string]charter.Node{}
	keep := func(name string) func(charter.Node) { return func(n charter.Node) { parts[name] = n } }
	r.Object(root, map[string]func(charter.Node){
		"comity": func(n charter.Node) { version = n }, "parties": keep("parties"), "scenarios": keep("scenarios"), "drafts": keep("drafts"),
		"coalitions": keep("coalitions"), "vote": keep("vote"), "frontier": keep("frontier"),
		"tail": func(n charter.Node) {
			if r.t.Game.Tail = r.share(n); r.t.Game.Tail.Sign() == 0 {
				r.Refuse(n, "a tail of 0 has no worst cases", `write a share above 0, as "1/10"`)
			}
		},
		"optimism": func(n charter.Node) { r.t.Game.Optimism = r.share(n) },
	})
	if r.Err == nil && version.Text != Version {
		r.Refuse(version, fmt.Sprintf("comity: %.40q is not the form that is read", version.Text), "write comity: "+Version)
	}
	// Scenarios and parties say how long everything else is, wherever they are written.
	r.scenarios(parts["scenarios"])
	r.parties(root, parts["parties"])
	for _, part := range []struct {
		name string
		read func(charter.Node)
	}{{"drafts", r.drafts}, {"coalitions", r.coalitions}, {"vote", r.table}, {"frontier", r.frontier}} {
		if n, ok := parts[part.name]; ok && r.Err == nil {
			part.read(n)
		}
	}
	if r.Err != nil {
		return Terms{}, r.Err
	}
	return r.t, r.check(root, parts)
}

// reader reads one document. Parties and scenarios come first: the rest refers to them.
type reader struct {
	written.Reader
	t Terms
}

// check lets the engine judge the whole, and points at the part that it names.
func (r *reader) check(root charter.Node, parts map[string]charter.Node) error {
	_, hasDrafts := parts["drafts"]
	if hasDrafts == (r.t.Frontier != nil) {
		r.Refuse(root, "the terms need drafts or a frontier, and not both", "write one of them")
		return r.Err
	}
	var err error
	at := root
	if r.t.Frontier != nil {
		err, at = r.t.Frontier.Check(), parts["frontier"]
		for _, name := range []string{"scenarios", "coalitions"} {
			if n, ok := parts[name]; ok {
				r.Refuse(n, name+" beside a frontier, which has none", "take them out, or write drafts")
			}
		}
	} else {
		err = r.t.Game.Check()
		for _, name := range []string{"parties", "scenarios", "drafts"} {
			// A scenario or draft that is there twice; weights that are too fine.
			if n, ok := parts[name]; ok && err != nil && strings.Contains(err.Error(), strings.TrimSuffix(name, "s")) {
				at = n
			}
		}
	}
	if err != nil {
		reason, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), bargain.ErrInput.Error()+": "), "\n")
		r.Refuse(at, reason, "see docs/guide/bargain.md")
	}
	return r.Err
}

func (r *reader) list(n charter.Node, most int, read func(at int, n charter.Node)) {
	if n.Shape != charter.Sequence {
		r.Refuse(n, n.Shape.String()+" where a list is expected", "write - for each")
		return
	}
	if len(n.Items) == 0 || len(n.Items) > most {
		r.Refuse(n, fmt.Sprintf("a list of %d", len(n.Items)), fmt.Sprintf("write 1 to %d", most))
		return
	}
	for at, item := range n.Items {
		read(at, item)
	}
}

// share reads a number of 0 to 1.
func (r *reader) share(n charter.Node) exact.Rat {
	v := r.Number(n)
	if v.Sign() < 0 || v.Cmp(exact.Int(1)) > 0 {
		r.Refuse(n, fmt.Sprintf("a share of %s", v), "write 0 to 1")
	}
	return v
}

func (r *reader) positive(n charter.Node) exact.Rat {
	v := r.Number(n)
	if v.Sign() <= 0 {
		r.Refuse(n, fmt.Sprintf("%s where a number above 0 is expected", v), `write a number above 0, as "1"`)
	}
	return v
}

// scenarios reads the futures; without a list there is one.
func (r *reader) scenarios(n charter.Node) {
	if n.Line == 0 {
		r.t.Game.Scenarios = []bargain.Scenario{{Name: "expected", Probability: exact.Int(1)}}
		return
	}
	var sum exact.Rat
	r.list(n, bargain.MaxScenarios, func(_ int, n charter.Node) {
		var s bargain.Scenario
		r.Object(n, map[string]func(charter.Node){
			"name":        func(n charter.Node) { s.Name = r.Text(n) },
			"probability": func(n charter.Node) { s.Probability = r.positive(n) },
		})
		if s.Name == "" || s.Probability.Sign() == 0 {
			r.Refuse(n, "a scenario without name or probability", "write {name: base, probability: \"1/2\"}")
		}
		sum = sum.Add(s.Probability)
		r.t.Game.Scenarios = append(r.t.Game.Scenarios, s)
	})
	if sum.Cmp(exact.Int(1)) != 0 {
		r.Refuse(n, fmt.Sprintf("the probabilities add up to %s", sum), "make them add up to 1")
	}
}

// byScenario reads one number for all scenarios or a list of one for each.
func (r *reader) byScenario(n charter.Node) []exact.Rat {
	scenarios := len(r.t.Game.Scenarios)
	if n.Shape == charter.Scalar {
		return slices.Repeat([]exact.Rat{r.Number(n)}, scenarios)
	}
	v := r.Numbers(n)
	if len(v) != scenarios {
		r.Refuse(n, fmt.Sprintf("%d numbers for %d scenarios", len(v), scenarios), "write one for each scenario, or a single one for all")
	}
	return v
}

func (r *reader) parties(root, n charter.Node) {
	if n.Line == 0 {
		r.Refuse(root, "the terms have no parties", "add them")
		return
	}
	r.list(n, bargain.MaxParties, func(_ int, n charter.Node) {
		p := bargain.Party{Weight: exact.Int(1), Outside: make([]exact.Rat, len(r.t.Game.Scenarios))}
		r.Object(n, map[string]func(charter.Node){
			"id":      func(n charter.Node) { p.ID = r.newParty(n) },
			"weight":  func(n charter.Node) { p.Weight = r.positive(n) },
			"outside": func(n charter.Node) { p.Outside = r.byScenario(n) },
			"minimum": func(n charter.Node) { p.Minimum, p.Demands = r.Number(n), true },
		})
		if p.ID == "" {
			r.Refuse(n, "a party without id", `write {id: "KE", outside: "0"}`)
		}
		r.t.Game.Parties = append(r.t.Game.Parties, p)
	})
}

func (r *reader) newParty(n charter.Node) party.ID {
	id := party.ID(r.Text(n))
	if err := id.Check(); err != nil {
		r.Refuse(n, fmt.Sprintf("%.40q is not a party id", n.Text), `write 2 to 32 capital letters, digits and hyphens, in quotes: "KE"`)
		return ""
	}
	if r.place(id) >= 0 {
		r.Refuse(n, fmt.Sprintf("party %s is there twice", id), "write each party once")
	}
	return id
}

func (r *reader) place(id party.ID) int {
	return slices.IndexFunc(r.t.Game.Parties, func(p bargain.Party) bool { return p.ID == id })
}

// member returns the place of a party that the document has.
func (r *reader) member(n charter.Node) int {
	id := r.Text(n)
	at := r.place(party.ID(id))
	if at < 0 {
		r.Refuse(n, fmt.Sprintf("%.40q is none of the parties", id), "add it to parties, or correct the id")
		return 0
	}
	return at
}

// byParty reads a mapping from each of some parties to its value.
func (r *reader) byParty(n charter.Node, of []int, read func(i int, n charter.Node)) {
	if n.Shape != charter.Mapping {
		r.Refuse(n, n.Shape.String()+" where a value for each party is expected", `write {"KE": "1", ...}`)
		return
	}
	seen := make([]bool, len(r.t.Game.Parties))
	for _, f := range n.Fields {
		i := r.member(f.Key)
		if r.Err != nil {
			return
		}
		if !slices.Contains(of, i) {
			r.Refuse(f.Key, fmt.Sprintf("%s is no member", f.Key.Text), "take it out, or add it to members")
			return
		}
		seen[i] = true
		read(i, f.Value)
	}
	for _, i := range of {
		if !seen[i] {
			r.Refuse(n, fmt.Sprintf("nothing for %s", r.t.Game.Parties[i].ID), "write a value for every party")
		}
	}
}

func (r *reader) everyone() []int {
	out := make([]int, len(r.t.Game.Parties))
	for i := range out {
		out[i] = i
	}
	return out
}

func (r *reader) drafts(n charter.Node) {
	r.list(n, bargain.MaxDrafts, func(_ int, n charter.Node) {
		d := bargain.Draft{}
		r.Object(n, map[string]func(charter.Node){
			"id": func(n charter.Node) { d.ID = r.Text(n) },
			"utilities": func(n charter.Node) {
				d.Utility = make([][]exact.Rat, len(r.t.Game.Parties))
				r.byParty(n, r.everyone(), func(i int, n charter.Node) { d.Utility[i] = r.byScenario(n) })
			},
			"alone": func(n charter.Node) {
				d.Alone = make([]exact.Rat, len(r.t.Game.Parties))
				r.byParty(n, r.everyone(), func(i int, n charter.Node) { d.Alone[i] = r.Number(n) })
			},
		})
		if !charter.IsWord(d.ID) {
			r.Refuse(n, fmt.Sprintf("a draft with the id %.40q", d.ID), "write id: and one lower-case word")
		}
		if d.Utility == nil {
			r.Refuse(n, "a draft without utilities", `write utilities: {"KE": "1", ...}`)
		}
		r.t.Game.Drafts = append(r.t.Game.Drafts, d)
	})
}

func (r *reader) coalitions(n charter.Node) {
	r.list(n, bargain.MaxCoalitions, func(_ int, n charter.Node) {
		var c bargain.Coalition
		r.members(n, &c)
		var worths int
		r.Object(n, map[string]func(charter.Node){
			"members": func(charter.Node) {}, // Read above, as utilities refer to them.
			"worth":   func(n charter.Node) { c.Worth, worths = r.Number(n), worths+1 },
			"utilities": func(n charter.Node) {
				c.Utility, worths = make([]exact.Rat, len(c.Members)), worths+1
				r.byParty(n, c.Members, func(i int, n charter.Node) { c.Utility[slices.Index(c.Members, i)] = r.Number(n) })
			},
		})
		if worths != 1 {
			r.Refuse(n, "a coalition needs what it can do alone, once", "write worth: and a number, or utilities: by member")
		}
		same := func(other bargain.Coalition) bool { return slices.Equal(other.Members, c.Members) }
		if slices.ContainsFunc(r.t.Coalitions, same) {
			r.Refuse(n, "a coalition of the same members is there already", "write each once")
		}
		r.t.Coalitions = append(r.t.Coalitions, c)
	})
}

func (r *reader) members(n charter.Node, c *bargain.Coalition) {
	list, ok := n.Get("members")
	if !ok {
		r.Refuse(n, "a coalition without members", `write members: ["KE", "NO"]`)
		return
	}
	r.list(list, bargain.MaxParties, func(_ int, n charter.Node) {
		i := r.member(n)
		if slices.Contains(c.Members, i) {
			r.Refuse(n, fmt.Sprintf("member %.40q is there twice", n.Text), "write each once")
		}
		c.Members = append(c.Members, i)
	})
	slices.Sort(c.Members)
}

func (r *reader) table(n charter.Node) {
	t := bargain.Table{}
	for _, p := range r.t.Game.Parties {
		t.Weights = append(t.Weights, p.Weight)
	}
	r.Object(n, map[string]func(charter.Node){
		"parties": func(n charter.Node) { t.Parties = r.share(n) },
		"weight":  func(n charter.Node) { t.Weight = r.share(n) },
		"weights": func(n charter.Node) {
			r.byParty(n, r.everyone(), func(i int, n charter.Node) { t.Weights[i] = r.Number(n) })
		},
	})
	if r.Err == nil {
		if _, err := t.Power(); err != nil && !errors.Is(err, bargain.ErrTooLarge) {
			r.Refuse(n, strings.TrimPrefix(err.Error(), bargain.ErrInput.Error()+": "), "see docs/guide/bargain.md")
		}
	}
	r.t.Table = &t
}

func (r *reader) frontier(n charter.Node) {
	if len(r.t.Game.Parties) != 2 {
		r.Refuse(n, fmt.Sprintf("a frontier between %d parties", len(r.t.Game.Parties)), "write two parties, or drafts")
		return
	}
	f := bargain.Frontier{}
	for i, p := range r.t.Game.Parties {
		f.Weights[i], f.Outside[i] = p.Weight, p.Outside[0]
	}
	r.Object(n, map[string]func(charter.Node){
		"from":     func(n charter.Node) { f.From = r.Number(n) },
		"to":       func(n charter.Node) { f.To = r.Number(n) },
		"constant": func(n charter.Node) { f.Constant = r.Number(n) },
		"linear":   func(n charter.Node) { f.Linear = r.Number(n) },
		"square":   func(n charter.Node) { f.Square = r.Number(n) },
	})
	r.t.Frontier = &f
}
