package charter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"comity"
	"comity/party"
)

// Version1 names the version of the charter format that this package reads and seals.
const Version1 = "charter/v1"

// Lint checks the sealed form of c against every rule and reports all that are
// broken. Its problems have paths; Locate finds their lines in a document.
func Lint(c comity.Charter) Problems {
	l := &linter{c: c}
	if l.sizes(); len(l.problems) > 0 {
		return l.problems // The other checks take time in proportion to products of these sizes.
	}
	for _, check := range []func(){
		l.heading, l.parties, l.keys, l.scope, l.data, l.privacy, l.models,
		l.objective, l.constraints, l.expressions, l.decisions, l.transparency, l.sunset,
	} {
		check()
	}
	return l.problems
}

// linter collects the problems of one charter.
type linter struct {
	report
	c comity.Charter
}

// sizes refuses lists and tables of more than maxItems.
func (l *linter) sizes() {
	c := l.c
	l.most("authentic_languages", len(c.Languages))
	l.most("title", len(c.Title))
	l.most("purpose.allowed", len(c.Purpose.Allowed))
	l.most("purpose.banned", len(c.Purpose.Banned))
	l.most("parties", len(c.Parties))
	for i, p := range c.Parties {
		l.most(at("parties", i)+".name", len(p.Name))
		l.most(at("parties", i)+".groups", len(p.Groups))
		l.most(at("parties", i)+".keys.of", len(p.Keys.Of))
	}
	l.most("scope.excludes", len(c.Scope.Excludes))
	l.most("data", len(c.Data))
	for i, d := range c.Data {
		l.most(at("data", i)+".from", len(d.From))
		l.most(at("data", i)+".what", len(d.What))
		l.most(at("data", i)+".values", len(d.Values))
		if d.Queries != nil {
			l.most(at("data", i)+".queries.kinds", len(d.Queries.Kinds))
		}
	}
	l.most("models.targets", len(c.Models.Targets))
	l.most("models.recipe", len(c.Models.Recipe))
	l.most("objective.stages", len(c.Objective.Stages))
	l.most("objective.groups", len(c.Objective.Groups))
	for i, g := range c.Objective.Groups {
		l.most(at("objective.groups", i)+".benefit", len(g.Benefit))
	}
	l.most("objective.tie_break", len(c.Objective.TieBreak))
	l.most("constraints", len(c.Constraints))
	for i, k := range c.Constraints {
		l.most(at("constraints", i)+".groups", len(k.Groups))
		l.most(at("constraints", i)+".of", len(k.Of))
		l.most(at("constraints", i)+".between", len(k.Between))
		l.most(at("constraints", i)+".inputs", len(k.Inputs))
		l.most(at("constraints", i)+".why", len(k.Why))
	}
	l.most("transparency.witnesses.of", len(c.Transparency.Witnesses.Of))
}

func (l *linter) most(path string, n int) {
	if n > maxItems {
		l.refuse(path, ruleBounds, fmt.Sprintf("%d items", n), fmt.Sprintf("write at most %d", maxItems))
	}
}

// some refuses an empty list where there must be something.
func (l *linter) some(path string, n int) {
	if n == 0 {
		l.refuse(path, ruleBounds, "the list is empty", fmt.Sprintf("write 1 to %d items", maxItems))
	}
}

func (l *linter) refuse(path, rule, message, fix string) {
	l.add(Problem{Path: path, Rule: rule, Message: message, Fix: fix})
}

func (l *linter) heading() {
	c := l.c
	l.choice("comity", c.Comity, Version1)
	l.form("id", c.ID, isSlug, "lower-case letters, digits and hyphens")
	l.form("domain", c.Domain, isDotted, "words with dots between, as health.vaccines")
	l.form("pack", c.Pack, isVersioned, "a name, @ and a version, as health@1")
	switch {
	case c.Version < 1:
		l.refuse("version", ruleVersion, fmt.Sprintf("version %d", c.Version), "number versions from 1")
	case (c.Version == 1) != (c.Supersedes == nil):
		l.refuse("supersedes", ruleVersion, fmt.Sprintf("version %d with supersedes %s", c.Version, orNull(c.Supersedes)),
			"write null for version 1 and the digest of the version before for every other")
	}
	l.some("authentic_languages", len(c.Languages))
	for i, tag := range c.Languages {
		if !isTag(tag) || slices.Contains(c.Languages[:i], tag) {
			l.refuse(at("authentic_languages", i), ruleLanguages, fmt.Sprintf("%q is no language tag or there twice", clip(tag)), "write BCP 47 tags, as en or pt-BR, each once")
		}
	}
	l.languages("title", c.Title)
	l.some("purpose.allowed", len(c.Purpose.Allowed))
	l.texts("purpose.allowed", c.Purpose.Allowed)
	l.texts("purpose.banned", c.Purpose.Banned)
	if len(c.Purpose.Banned) == 0 {
		l.refuse("purpose.banned", ruleBanned, "no use is banned", "name at least one use that the body must never be put to")
	}
}

func orNull[T fmt.Stringer](v *T) string {
	if v == nil {
		return "null"
	}
	return (*v).String()
}

// at is the path of the item i of a list.
func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// text refuses an empty text, a long one, and characters that make it look other
// than it is: people sign what they see.
func (l *linter) text(path, text string) {
	switch {
	case strings.TrimSpace(text) == "":
		l.refuse(path, ruleText, "the text is empty", "write it")
	case len(text) > maxText:
		l.refuse(path, ruleText, fmt.Sprintf("the text has %d bytes, at most %d", len(text), maxText), "shorten it")
	case strings.ContainsFunc(text, isDeceptive):
		l.refuse(path, ruleText, "the text has a control character or direction mark", "remove it")
	}
}

// isDeceptive finds control characters but the line end, and the marks that reorder
// lines (Unicode Technical Report 36, "Bidirectional Text Spoofing"). Joiners stay:
// Persian and Hindi are written with them.
func isDeceptive(c rune) bool {
	switch {
	case c < 0x20 && c != '\n', c >= 0x7f && c < 0xa0:
		return true
	case c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069:
		return true
	}
	return c == 0x2028 || c == 0x2029 || c == 0xfeff
}

func (l *linter) texts(path string, texts []string) {
	for i, text := range texts {
		l.text(at(path, i), text)
	}
}

// languages refuses a text that lacks an authentic language. Other languages may be
// there too: they are translations.
func (l *linter) languages(path string, text comity.Text) {
	for _, tag := range slices.Sorted(maps.Keys(text)) {
		if !isTag(tag) {
			l.refuse(path, ruleLanguages, fmt.Sprintf("%q is no language tag", clip(tag)), "write a BCP 47 tag, as en or pt-BR")
			continue
		}
		l.text(path+"."+tag, text[tag])
	}
	for _, tag := range l.c.Languages {
		if _, ok := text[tag]; !ok {
			l.refuse(path, ruleLanguages, fmt.Sprintf("the text in %q is missing", clip(tag)), "add it, or take the language out of authentic_languages")
		}
	}
}

// form refuses an id that is not of the form that good accepts.
func (l *linter) form(path, id string, good func(string) bool, form string) {
	if !good(id) || len(id) > maxName {
		l.refuse(path, ruleID, fmt.Sprintf("%q does not have the form of its kind", clip(id)), "write "+form)
	}
}

// choice refuses a word that is none of words.
func (l *linter) choice(path, word string, words ...string) {
	if slices.Contains(words, word) {
		return
	}
	fix := "write one of " + strings.Join(words, ", ")
	if best := Nearest(word, words); best != "" {
		fix = fmt.Sprintf("did you mean %q?", best)
	}
	l.refuse(path, ruleChoice, fmt.Sprintf("%q is not a choice here", clip(word)), fix)
}

// ids refuses parties that are unknown, repeated or out of order.
func (l *linter) ids(path string, ids []party.ID) {
	l.some(path, len(ids))
	for i, id := range ids {
		if _, ok := PartyOf(l.c, id); !ok {
			l.refuse(at(path, i), ruleNoSuchParty, fmt.Sprintf("%q is not a party", clip(string(id))), "name a party of this charter, or add it to parties")
		}
		if i > 0 && ids[i-1] >= id {
			l.ascending(at(path, i), string(ids[i-1]), string(id))
		}
	}
}

func (l *linter) ascending(path, before, id string) {
	l.refuse(path, ruleAscending, fmt.Sprintf("%q comes after %q", clip(id), clip(before)), "write the list in ascending order, each once")
}

// unique refuses ids that are there twice.
func (l *linter) unique(path string, ids []string) {
	for i, id := range ids {
		if first := slices.Index(ids[:i], id); first >= 0 {
			l.refuse(at(path, i)+".id", ruleIDTwice, fmt.Sprintf("id %q is that of %s too", clip(id), at(path, first)), "give each its own id")
		}
	}
}
