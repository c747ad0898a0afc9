package console

import (
	"strings"

	"comity"
	"comity/allocator/explore"
	"comity/console/account"
	"comity/exact"
	"comity/governor/charter"
	"comity/party"
	"comity/quantity"
)

// Teller says in one language what package explore found out. Pages and commands tell
// through it, so that all of them show the same digits.
type Teller struct {
	words   catalogue
	charter comity.Charter
}

// NewTeller returns the teller of a charter. A language without a catalogue is told in
// the first that there is.
func NewTeller(c comity.Charter, language string) (Teller, error) {
	all, err := catalogues()
	if err != nil {
		return Teller{}, err
	}
	words, ok := all[language]
	if !ok {
		words = all[languages[0]]
	}
	return Teller{words, c}, nil
}

// Reason is one reason for an amount: the numbers, and the sentence that says them.
type Reason struct {
	ID     string           `json:"id"`   // Of the group or clause; else what it is about.
	Kind   string           `json:"kind"` // amount, group, floor, cap, kept, level, lot, slackness, last, outside, unused.
	Amount *quantity.Amount `json:"amount,omitempty"`
	Weight *exact.Rat       `json:"weight,omitempty"`
	Worth  *exact.Rat       `json:"worth,omitempty"`
	Binds  *bool            `json:"binds,omitempty"`
	Price  *exact.Rat       `json:"price,omitempty"`
	Says   string           `json:"says"`
}

// Number writes a whole number as all sentences do.
func Number(n quantity.Amount) string { return grouped(int64(n)) }

// Change writes a difference as all sentences do.
func Change(n quantity.Amount) string { return signed(int64(n)) }

// Ratio writes an exact number as all sentences do: four decimals, and "about" where
// that rounds it.
func (t Teller) Ratio(x exact.Rat) string { return t.words.decimal(x) }

// Share writes a share as a percentage.
func (t Teller) Share(x exact.Rat) string { return t.words.share(x) }

// maxOwn bounds the rules of a party's own that are told although they do not bind: a plan
// of a year of weeks has hundreds.
const maxOwn = 8

// Why tells the reasons of one account, the number itself first.
func (t Teller) Why(a explore.Account) []Reason {
	r := reasons{Teller: t}
	name := t.name(a.Party)
	r.add(Reason{ID: "amount", Kind: "amount", Amount: &a.Amount}, "why.amount", name, Number(a.Amount), Number(a.Need), t.Resource(), t.met(a))
	for _, g := range a.Groups {
		r.add(Reason{ID: g.ID, Kind: "group", Amount: &g.Units, Weight: &g.Weight, Worth: &g.Worth}, "why.group",
			t.words.group(g.ID), Number(g.Units), Number(g.Need), t.unit(), t.Ratio(g.Worth), t.Ratio(g.Weight))
	}
	for _, rule := range a.Own {
		if rule.IsSum() && (rule.Binds || len(a.Own) <= maxOwn) || rule.Binds && rule.Price != nil && rule.Price.Sign() != 0 {
			r.rule(rule)
		}
	}
	r.kept(a)
	if a.Level != nil && (a.Kept == explore.ByBudget || a.Kept == explore.ByRule) {
		r.add(Reason{ID: "level", Kind: "level"}, "why.level", t.unit(), t.Ratio(a.Level.Next), t.Ratio(a.Level.Last))
	}
	r.lot(a)
	r.slackness(a)
	return r.list
}

type reasons struct {
	Teller
	list []Reason
}

func (r *reasons) add(reason Reason, key string, parts ...any) {
	reason.Says = r.words.say(key, parts...)
	r.list = append(r.list, reason)
}

// Resource names what is divided in the plural: by its name if that counts units, as
// doses do, else by the unit, as nobody gets 12 energy.
func (t Teller) Resource() string {
	if name, one := t.charter.Scope.Resource, t.unit(); name == "" || name != one+"s" {
		return one + "s"
	}
	return t.charter.Scope.Resource
}

// unit names one of them.
func (t Teller) unit() string { return strings.ReplaceAll(t.charter.Scope.Unit, "_", " ") }

// row names a rule, and the period of a plan that a row of it is for.
func (t Teller) row(r explore.Rule) string {
	_, period, of := strings.Cut(r.Row, "@")
	if !of {
		return r.Clause
	}
	period, _, _ = strings.Cut(period, "/")
	return t.words.say("why.period", r.Clause, strings.TrimLeft(period, "0"))
}

func (t Teller) name(id party.ID) string {
	for _, p := range t.charter.Parties {
		if p.ID == id && len(p.Name) > 0 {
			return account.Say(p.Name, t.words["language"])
		}
	}
	return string(id)
}

func (t Teller) met(a explore.Account) string {
	if a.Level == nil {
		return t.words.say("why.nothing")
	}
	return t.Share(a.Level.Met)
}

// reason returns the clause's own reason, in words.
func (t Teller) reason(clause string) string {
	for _, c := range t.charter.Constraints {
		if c.ID == clause && len(c.Why) > 0 {
			return account.Say(c.Why, t.words["language"])
		}
	}
	return ""
}

// rule tells one row of the party's own: what is demanded of it or allowed to it.
func (r *reasons) rule(rule explore.Rule) {
	reason := Reason{ID: rule.Clause, Kind: "cap", Amount: &rule.Bound, Binds: &rule.Binds, Price: rule.Price}
	key := "why.cap.below"
	if rule.Floor {
		reason.Kind, key = "floor", "why.floor.above"
	}
	switch {
	case !rule.IsSum():
		reason.Kind, key = rule.Kind, "why.other"
	case rule.Binds && rule.Floor:
		key = "why.floor.binds"
	case rule.Binds:
		key = "why.cap.binds"
	}
	r.add(reason, key, r.row(rule), Number(rule.Bound), r.Resource(), r.reason(rule.Clause))
	if rule.Price == nil || rule.Price.Sign() == 0 {
		return
	}
	price := *rule.Price
	key = "why.cap.price"
	if rule.Floor {
		price, key = price.Neg(), "why.floor.price"
	}
	last := &r.list[len(r.list)-1]
	last.Says = strings.TrimSpace(last.Says) + " " + r.words.say(key, rule.Clause, r.unit(), r.Ratio(price))
}

// kept tells what keeps the party from more.
func (r *reasons) kept(a explore.Account) {
	reason := Reason{ID: a.Clause, Kind: "kept"}
	switch a.Kept {
	case explore.ByNeed:
		reason.ID = "need"
		r.add(reason, "why.need", r.Resource())
	case explore.ByBudget:
		for _, rule := range a.Shared {
			if rule.Clause == a.Clause && rule.Binds {
				reason.Amount, reason.Price = &rule.Bound, rule.Price
				key := "why.budget"
				if !a.Priced() {
					key = "why.budget.later"
				}
				r.add(reason, key, Number(rule.Bound), r.Resource(), r.price(rule), r.unit(), rule.Clause)
				return
			}
		}
		r.add(reason, "why.left", a.Clause)
	case explore.ByRule:
		r.add(reason, "why.rule", a.Clause)
	case explore.ByCap, explore.ByFloor: // Said with the rule itself.
	}
}

func (t Teller) price(rule explore.Rule) string {
	if rule.Price == nil {
		return t.words.say("price.none")
	}
	return t.Ratio(*rule.Price)
}

func (r *reasons) lot(a explore.Account) {
	if len(a.Equals) == 0 {
		return
	}
	var names []string
	for _, id := range a.Equals {
		names = append(names, r.name(id))
	}
	key := "why.equal"
	if a.ByLot {
		key = "why.lot"
	}
	r.add(Reason{ID: "lot", Kind: "lot"}, key, r.words.list(names), r.unit())
}

// slackness tells whether the units are the best at the prices of the proof: price times
// slack is 0 for every rule that touches the party, and so is what its groups are short of.
func (r *reasons) slackness(a explore.Account) {
	checked, wrong := 0, 0
	for _, rules := range [][]explore.Rule{a.Own, a.Shared} {
		for _, rule := range rules {
			switch {
			case rule.Slackness == nil:
			case rule.Slackness.Sign() == 0:
				checked++
			default:
				wrong++
				r.add(Reason{ID: rule.Clause, Kind: "slackness", Price: rule.Price}, "why.slack", r.row(rule), r.Ratio(*rule.Price), Number(rule.Bound-rule.Used), r.Ratio(*rule.Slackness))
			}
		}
	}
	for _, g := range a.Groups {
		if g.Shortfall != nil && g.Shortfall.Sign() != 0 {
			wrong++
			r.add(Reason{ID: g.ID, Kind: "slackness", Worth: g.Shortfall}, "why.short", r.words.group(g.ID), r.Ratio(*g.Shortfall))
		}
	}
	switch {
	case wrong > 0:
	case checked > 0:
		r.add(Reason{ID: "slackness", Kind: "slackness"}, "why.slackness", Number(quantity.Amount(checked)))
	case len(a.Own)+len(a.Shared) > 0:
		r.add(Reason{ID: "slackness", Kind: "slackness"}, "why.tree")
	}
}

// Outside tells what a party would get without the others.
func (t Teller) Outside(o explore.Outside) string {
	switch o.Kind {
	case explore.OutsideBaseline:
		return t.words.say("outside.baseline", o.Clause, Number(*o.Amount), t.Resource())
	case explore.OutsideNash:
		return t.words.say("outside.nash", o.Clause, t.Ratio(*o.Worth), t.Ratio(*o.Inside))
	case explore.OutsideAlone:
		return t.words.say("outside.alone", o.Clause, Number(*o.Amount), t.Resource())
	default:
		return t.words.say("outside.none")
	}
}

// Counterfactual tells one change and what a party then gets.
func (t Teller) Counterfactual(c explore.Counterfactual) string {
	what := c.Name + " " + t.by(c.By)
	if c.From != nil && c.To != nil {
		what = t.words.say("if.number", c.Name, t.exactly(*c.To), t.exactly(*c.From), t.by(c.By))
	}
	switch {
	case c.Conflict != nil:
		return t.words.say("if.conflict", what, t.words.list(c.Conflict))
	case c.Refused != "":
		return t.words.say("if.refused", what)
	case c.Gain == 0:
		return t.words.say("if.same", what)
	default:
		return t.words.say("if.gain", what, Change(c.Gain), t.Resource(), Number(c.Amount))
	}
}

// Counterfactuals tells changes one by one, and those without effect in one sentence.
func (t Teller) Counterfactuals(list []explore.Counterfactual) (says []string) {
	var idle []string
	for _, c := range list {
		if c.Conflict == nil && c.Refused == "" && c.Gain == 0 {
			idle = append(idle, c.Name)
			continue
		}
		says = append(says, t.Counterfactual(c))
	}
	if len(idle) > 0 {
		says = append(says, t.words.say("if.idle", explore.StepPercent, t.words.list(idle)))
	}
	return says
}

// by writes "+10%" for people.
func (catalogue) by(text string) string {
	return strings.NewReplacer("%", "\u00a0%", "-", "\u2212").Replace(text)
}

func (t Teller) by(text string) string { return t.words.by(text) }

// exactly writes a whole number in groups, and any other as a ratio.
func (t Teller) exactly(x exact.Rat) string {
	if n := x.Floor(); x.IsInt() && n.IsInt64() {
		return grouped(n.Int64())
	}
	return t.Ratio(x)
}

// Smallest tells what it takes for a party to gain or lose so much.
func (t Teller) Smallest(s explore.Smallest) string {
	target := Change(s.Target)
	if !s.Found {
		return t.words.say("least.none", s.Name, Number(s.Low), Number(s.High), target, t.Resource())
	}
	change := t.words.say("least.change", s.Name, Number(s.To), Number(s.From), Change(s.By))
	if s.Periods > 1 {
		change = t.words.say("least.each", s.Name, Change(s.By), Number(quantity.Amount(s.Periods)), Number(s.To), Number(s.From))
	}
	says := t.words.say("least.found", target, t.Resource(), change, Change(s.Gain))
	if !s.Exact {
		return says + " " + t.words.say("least.near")
	}
	beside := s.By - 1
	if s.By < 0 {
		beside = s.By + 1
	}
	return says + " " + t.words.say("least.exact", Change(beside))
}

// Since tells how a party's amount came from the one of the period before.
func (t Teller) Since(s explore.Since, id party.ID) []string {
	var out []string
	for _, p := range s.Parties {
		if p.Party != id {
			continue
		}
		out = append(out, t.words.say("since.total", t.words.date(s.Before), Number(p.Before), Change(p.Change)))
		var parts []string
		for i, step := range s.Steps {
			switch {
			case step.Joined:
				parts = append(parts, t.words.say("since.joined", t.words.say("family."+step.Family)))
			case step.Changed:
				parts = append(parts, t.words.say("since.part", t.words.say("family."+step.Family), Change(p.By[i])))
			}
		}
		if len(parts) > 0 && p.Change != 0 {
			out = append(out, t.words.say("since.parts", t.words.list(parts)))
		}
	}
	var inputs []string
	for _, x := range s.Inputs {
		if strings.HasPrefix(x.Name, string(id)+".") || strings.HasPrefix(x.Name, "supply.") {
			inputs = append(inputs, t.words.say("since.input", x.Name, grouped(int64(x.Now)), grouped(int64(x.Before))))
		}
	}
	if len(inputs) > 0 {
		out = append(out, t.words.say("since.inputs", t.words.list(inputs)))
	}
	return out
}

// Effect tells what a clause, a weight or a stage does.
func (t Teller) Effect(e explore.Effect) string {
	if e.Inert {
		switch e.Kind {
		case "weight":
			return t.words.say("effect.inert.weight", e.ID)
		case "stage":
			return t.words.say("effect.inert.stage", e.ID)
		default:
			return t.words.say("effect.inert", e.ID)
		}
	}
	var parts []string
	for _, try := range e.Tries {
		by := t.by(try.By)
		if try.By == string(explore.Off) {
			by = t.words.say("effect.off")
		}
		switch {
		case try.Conflict != nil:
			parts = append(parts, t.words.say("effect.conflict", by, t.words.list(try.Conflict)))
		case try.Refused != "":
			parts = append(parts, t.words.say("effect.refused", by))
		default:
			parts = append(parts, t.words.say("effect.moves", by, Number(try.Moved), t.Resource()))
		}
	}
	says := t.words.say("effect", e.ID, t.words.list(parts))
	if e.Price != nil {
		key, price := "effect.price", *e.Price
		if price.Sign() < 0 {
			key, price = "effect.brings", price.Neg()
		}
		says += " " + t.words.say(key, t.Ratio(price))
	}
	return says
}

// Fairness tells the price of fairness.
func (t Teller) Fairness(f explore.Fairness) string {
	switch {
	case f.Stage == "":
		return t.words.say("fair.noaim")
	case len(f.Conflict) > 0:
		return t.words.say("fair.conflict", t.words.list(f.Rules), t.words.list(f.Conflict))
	case f.Refused != "":
		return t.words.say("fair.refused", t.words.list(f.Rules))
	case len(f.Rules) == 0 || f.With == nil:
		return t.words.say("fair.none", t.words.list(f.Kinds))
	case f.Share == nil:
		return t.words.say("fair.worthless", t.words.list(f.Rules))
	case f.Share.Sign() == 0:
		return t.words.say("fair.free", t.words.list(f.Rules), f.Stage, t.Ratio(*f.With))
	default:
		return t.words.say("fair", t.Share(*f.Share), t.Ratio(f.Without.Sub(*f.With)), t.Ratio(*f.Without), f.Stage, t.words.list(f.Rules))
	}
}

// Outcome tells a division in short.
func (t Teller) Outcome(o explore.Outcome) string {
	switch o.Kind {
	case charter.Maximin, charter.Leximin:
		return t.words.say("outcome.least", Number(o.Total), t.Resource(), t.Ratio(o.Value))
	case charter.Nash:
		says := t.words.say("outcome", Number(o.Total), t.Resource(), t.Ratio(o.Value)) + " "
		if o.Gap.Sign() == 0 {
			return says + t.words.say("outcome.nash.exact")
		}
		return says + t.words.say("outcome.nash", t.Ratio(o.Gap))
	}
	says := t.words.say("outcome", Number(o.Total), t.Resource(), t.Ratio(o.Value)) + " "
	if o.Given.Sign() > 0 {
		says += t.words.say("outcome.given", t.Ratio(o.Given)) + " "
	}
	switch {
	case o.Gap.Sign() == 0 && o.Given.Sign() > 0:
		return says + t.words.say("outcome.both")
	case o.Gap.Sign() == 0:
		return says + t.words.say("outcome.exact")
	}
	return says + t.words.say("outcome.gap", t.Ratio(o.Gap))
}

// Comparison tells who gained and who lost.
func (t Teller) Comparison(c explore.Comparison) string {
	if c.Moved == 0 {
		return t.words.say("whatif.same")
	}
	return t.words.say("whatif.moved", Number(c.Moved), t.Resource(), Number(quantity.Amount(len(c.Gained))), Number(quantity.Amount(len(c.Lost))))
}

// Point tells one division on a front.
func (t Teller) Point(p explore.Point, published exact.Rat) string {
	key := "front.point"
	if p.Published {
		key = "front.published"
	}
	share := exact.Int(1)
	if x, err := p.Value.Quo(published); err == nil {
		share = x
	}
	return t.words.say(key, t.Share(p.Floor), t.Ratio(p.Value), t.Share(share), t.name(p.Worst), t.Share(p.Coverage))
}
