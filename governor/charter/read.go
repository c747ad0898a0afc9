// Package charter reads, checks and seals the rules of a body.
//
// People write a charter as a document (package adapter/yaml reads the file). Read
// turns it into the sealed record comity.Charter and reports every broken rule with
// its place and a fix; Lint checks the record itself; Seal gives the bytes that are
// signed and their digest, the trust anchor of the body; Open reads them back. What is
// sealed, byte by byte, is in docs/format/charter.md.
//
// Each section of the charter is one function below that lists its keys, and one or
// more rules in lint.go, so a section is added without touching the others.
package charter

import (
	"fmt"
	"strings"

	"comity"
)

// Read turns a document into a charter. Unknown, missing and repeated keys, values of
// another type and every rule of Lint are problems. The charter is complete only when
// there are none.
func Read(root Node, compile Compiler) (comity.Charter, Problems) {
	r := &reader{compile: compile}
	if r.unfounded(root) {
		return comity.Charter{}, r.problems
	}
	c := r.charter(root, "")
	if len(r.problems) == 0 {
		r.problems = Lint(c)
	}
	return c, r.problems.Locate(root)
}

// unfounded refuses the charter of a data folder with one problem instead of one for
// each word that founding has yet to replace.
func (r *reader) unfounded(root Node) bool {
	for _, name := range []string{"parties", "transparency"} {
		if n, ok := root.Get(name); ok && n.Shape == Scalar && !n.Quoted() && n.Text == founding {
			r.refuse(n, name, ruleUnfounded, "this is the charter of a data folder: its parties and keys are made when it is founded",
				"check it with comity up --data and its folder, which names your lines; then lint the charter.yaml of the home")
			return true
		}
	}
	return false
}

// founding stands in the charter of a data folder for what its author cannot write.
const founding = "founding"

// reader collects the problems of one document.
type reader struct {
	report
	compile Compiler
}

func (r *reader) charter(n Node, path string) (c comity.Charter) {
	r.mapping(n, path,
		need("comity", &c.Comity, r.text),
		need("id", &c.ID, r.text),
		need("version", &c.Version, r.integer),
		need("supersedes", &c.Supersedes, r.digestOrNull),
		need("domain", &c.Domain, r.text),
		need("pack", &c.Pack, r.text),
		need("title", &c.Title, r.languages),
		need("authentic_languages", &c.Languages, list(r, r.text)),
		need("effective", &c.Effective, r.text),
		need("purpose", &c.Purpose, r.purpose),
		need("parties", &c.Parties, list(r, r.party)),
		need("scope", &c.Scope, r.scope),
		need("data", &c.Data, list(r, r.dataClause)),
		may("privacy", &c.Privacy, pointer(r.privacy)),
		need("models", &c.Models, r.models),
		need("objective", &c.Objective, r.objective),
		need("constraints", &c.Constraints, list(r, r.constraint)),
		need("decisions", &c.Decisions, r.decisions),
		need("transparency", &c.Transparency, r.transparency),
		need("sunset", &c.Sunset, r.sunset),
	)
	return c
}

func (r *reader) purpose(n Node, path string) (p comity.Purpose) {
	r.mapping(n, path,
		need("allowed", &p.Allowed, list(r, r.text)),
		need("banned", &p.Banned, list(r, r.text)),
	)
	return p
}

func (r *reader) party(n Node, path string) (p comity.Party) {
	r.mapping(n, path,
		need("id", &p.ID, r.partyID),
		need("kind", &p.Kind, r.text),
		need("name", &p.Name, r.languages),
		need("weight", &p.Weight, r.number),
		need("groups", &p.Groups, list(r, r.text)),
		need("keys", &p.Keys, r.threshold),
		need("node", &p.Node, r.node),
	)
	return p
}

func (r *reader) threshold(n Node, path string) (t comity.Threshold) {
	r.mapping(n, path,
		need("threshold", &t.Threshold, r.integer),
		need("of", &t.Of, list(r, r.text)),
	)
	return t
}

func (r *reader) node(n Node, path string) (keys comity.Node) {
	r.mapping(n, path,
		need("key", &keys.Key, r.text),
		need("transport", &keys.Transport, r.text),
	)
	return keys
}

func (r *reader) scope(n Node, path string) (s comity.Scope) {
	s.Periods = 1
	r.mapping(n, path,
		need("resource", &s.Resource, r.text),
		need("unit", &s.Unit, r.text),
		need("cadence", &s.Cadence, r.text),
		may("periods", &s.Periods, r.integer),
		need("excludes", &s.Excludes, r.languages),
	)
	return s
}

func (r *reader) dataClause(n Node, path string) (d comity.DataClause) {
	r.mapping(n, path,
		need("id", &d.ID, r.text),
		need("from", &d.From, list(r, r.partyID)),
		need("what", &d.What, r.languages),
		need("schema", &d.Schema, r.text),
		need("leaves_home", &d.LeavesHome, r.text),
		may("as", &d.As, r.text),
		may("values", &d.Values, list(r, r.text)),
		may("by_period", &d.ByPeriod, r.flag),
		need("due", &d.Due, r.text),
		may("queries", &d.Queries, pointer(r.queries)),
	)
	return d
}

func (r *reader) queries(n Node, path string) (q comity.Queries) {
	r.mapping(n, path,
		need("kinds", &q.Kinds, list(r, r.text)),
		need("personal", &q.Personal, r.flag),
		need("min_members", &q.MinMembers, r.integer),
		need("minimum_cell", &q.MinimumCell, r.integer),
		need("approvals", &q.Approvals, r.integer),
	)
	return q
}

func (r *reader) privacy(n Node, path string) (p comity.Privacy) {
	r.mapping(n, path,
		need("unit", &p.Unit, r.text),
		need("per_release", &p.PerRelease, r.budget),
		need("per_year", &p.PerYear, r.budget),
		need("on_exhausted", &p.OnExhausted, r.text),
	)
	return p
}

func (r *reader) budget(n Node, path string) (b comity.Budget) {
	r.mapping(n, path,
		need("epsilon", &b.Epsilon, r.number),
		need("delta", &b.Delta, r.number),
	)
	return b
}

func (r *reader) models(n Node, path string) (m comity.ModelClause) {
	r.mapping(n, path,
		need("interface", &m.Interface, r.text),
		need("targets", &m.Targets, list(r, r.text)),
		need("unit", &m.Unit, r.text),
		need("task", &m.Task, r.text),
		need("recipe", &m.Recipe, r.recipe),
		need("clause", &m.Clause, r.text),
		need("disclosure", &m.Disclosure, r.text),
		need("min_members", &m.MinMembers, r.integer),
		need("step_seconds", &m.StepSeconds, r.integer),
		need("refit_weeks", &m.RefitWeeks, r.integer),
		may("adoption", &m.Adoption, pointer(r.adoption)),
	)
	return m
}

func (r *reader) adoption(n Node, path string) (a comity.Adoption) {
	r.mapping(n, path,
		need("canary_weeks", &a.CanaryWeeks, r.integer),
		need("min_scored", &a.MinScored, r.integer),
		need("adopt_ratio", &a.AdoptRatio, r.number),
		need("rollback_ratio", &a.RollbackRatio, r.number),
		need("rollback_weeks", &a.RollbackWeeks, r.integer),
		need("retire_weeks", &a.RetireWeeks, r.integer),
	)
	return a
}

func (r *reader) objective(n Node, path string) (o comity.Objective) {
	r.mapping(n, path,
		need("sense", &o.Sense, r.text),
		need("stages", &o.Stages, list(r, r.stage)),
		need("groups", &o.Groups, list(r, r.group)),
		need("tie_break", &o.TieBreak, list(r, r.text)),
	)
	return o
}

func (r *reader) stage(n Node, path string) (a comity.Aim) {
	r.mapping(n, path,
		need("id", &a.ID, r.text),
		need("kind", &a.Kind, r.text),
		need("measure", &a.Measure, r.expression),
		may("per", &a.Per, pointer(r.expression)),
		may("outside", &a.Outside, pointer(r.expression)),
		may("power", &a.Power, pointer(r.expression)),
		may("counts", &a.Counts, r.text),
		may("slack", &a.Slack, r.number),
	)
	if a.Counts == "" {
		a.Counts = CountsWorth
	}
	return a
}

func (r *reader) group(n Node, path string) (g comity.Group) {
	r.mapping(n, path,
		need("id", &g.ID, r.text),
		need("weight", &g.Weight, r.number),
		need("need", &g.Need, r.expression),
		may("benefit", &g.Benefit, list(r, r.piece)),
	)
	return g
}

func (r *reader) piece(n Node, path string) (p comity.Piece) {
	r.mapping(n, path,
		need("share", &p.Share, r.number),
		need("weight", &p.Weight, r.number),
	)
	return p
}

func (r *reader) constraint(n Node, path string) (c comity.Constraint) {
	r.mapping(n, path,
		need("id", &c.ID, r.text),
		need("kind", &c.Kind, r.text),
		may("each", &c.Each, r.text),
		may("groups", &c.Groups, list(r, r.text)),
		may("at_most", &c.AtMost, pointer(r.expression)),
		may("at_least", &c.AtLeast, pointer(r.expression)),
		may("coefficient", &c.Coefficient, pointer(r.expression)),
		may("of", &c.Of, list(r, r.text)),
		may("lot", &c.Lot, pointer(r.expression)),
		may("measure", &c.Measure, r.text),
		may("per", &c.Per, pointer(r.expression)),
		may("between", &c.Between, list(r, r.text)),
		may("baseline", &c.Baseline, pointer(r.expression)),
		may("from", &c.From, r.partyID),
		may("to", &c.To, r.partyID),
		may("opening", &c.Opening, pointer(r.expression)),
		may("arrivals", &c.Arrivals, pointer(r.expression)),
		may("inputs", &c.Inputs, list(r, r.text)),
		need("why", &c.Why, r.languages),
	)
	return c
}

func (r *reader) decisions(n Node, path string) (d comity.Decisions) {
	r.mapping(n, path, need("max_gap", &d.MaxGap, r.number))
	return d
}

func (r *reader) transparency(n Node, path string) (t comity.Transparency) {
	r.mapping(n, path,
		need("log", &t.Log, r.log),
		need("witnesses", &t.Witnesses, r.threshold),
	)
	return t
}

func (r *reader) log(n Node, path string) (l comity.LogClause) {
	r.mapping(n, path,
		need("origin", &l.Origin, r.text),
		need("key", &l.Key, r.text),
		need("operator", &l.Operator, r.partyID),
	)
	return l
}

func (r *reader) sunset(n Node, path string) (s comity.Sunset) {
	r.mapping(n, path,
		need("expires", &s.Expires, r.text),
		need("on_expiry", &s.OnExpiry, r.text),
	)
	return s
}

// key is one key of a mapping: whether it must be there and what reads its value.
type key struct {
	name     string
	required bool
	read     func(n Node, path string)
}

// need is a key that must be there; its value goes to into.
func need[T any](name string, into *T, read func(Node, string) T) key {
	return key{name, true, func(n Node, path string) { *into = read(n, path) }}
}

// may is a key that has no place in every case; Lint says where it belongs.
func may[T any](name string, into *T, read func(Node, string) T) key {
	k := need(name, into, read)
	k.required = false
	return k
}

// pointer reads an optional value.
func pointer[T any](read func(Node, string) T) func(Node, string) *T {
	return func(n Node, path string) *T {
		v := read(n, path)
		return &v
	}
}

// list reads a list whose items read understands.
func list[T any](r *reader, read func(Node, string) T) func(Node, string) []T {
	return func(n Node, path string) []T {
		if !r.shape(n, path, Sequence) {
			return nil
		}
		if len(n.Items) > maxItems {
			r.refuse(n, path, ruleBounds, fmt.Sprintf("%d items, at most %d", len(n.Items), maxItems), "shorten the list")
			return nil
		}
		items := make([]T, 0, len(n.Items))
		for i, item := range n.Items {
			items = append(items, read(item, fmt.Sprintf("%s[%d]", path, i)))
		}
		return items
	}
}

// mapping reads the keys of n, each at most once and no others.
func (r *reader) mapping(n Node, path string, keys ...key) {
	if !r.shape(n, path, Mapping) {
		return
	}
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	for i, f := range n.Fields {
		if r.full() {
			return
		}
		name := f.Key.Text
		at := -1
		for j, k := range keys {
			if k.name == name {
				at = j
			}
		}
		switch {
		case f.Key.Shape != Scalar:
			r.refuse(f.Key, path, ruleShape, "a key is "+f.Key.Shape.String(), "use a word as the key")
		case at < 0:
			r.refuse(f.Key, prefix+clip(name), ruleUnknownKey, fmt.Sprintf("unknown key %q", clip(name)), suggestKey(name, keys))
		case isRepeated(n.Fields[:i], name):
			r.refuse(f.Key, prefix+name, ruleRepeatedKey, fmt.Sprintf("key %q is written a second time", name), "keep one of the two")
		default:
			keys[at].read(f.Value, prefix+name)
		}
	}
	for _, k := range keys {
		if _, ok := n.Get(k.name); k.required && !ok {
			r.refuse(n, prefix+k.name, ruleMissingKey, fmt.Sprintf("key %q is missing", k.name), "add it")
		}
	}
}

func isRepeated(before []Field, name string) bool {
	for _, f := range before {
		if f.Key.Text == name {
			return true
		}
	}
	return false
}

func suggestKey(name string, keys []key) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	if best := Nearest(name, names); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "use one of " + strings.Join(names, ", ")
}

// shape refuses a node of another shape than wanted.
func (r *reader) shape(n Node, path string, want Shape) bool {
	if n.Shape == want {
		return true
	}
	r.refuse(n, path, ruleShape, fmt.Sprintf("%s where %s is expected", n.Shape, want), "write "+want.String())
	return false
}

func (r *reader) refuse(n Node, path, rule, message, fix string) {
	if path == "" {
		path = "charter"
	}
	r.add(Problem{n.Line, n.Column, path, rule, message, fix})
}
