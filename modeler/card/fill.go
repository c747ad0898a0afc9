package card

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"

	"comity/modeler/interval"
	"comity/modeler/leakage"
	"comity/modeler/learn/table"
	"comity/modeler/neutrality"
	"comity/modeler/representation"
)

// Assessed adds how the recipe does on rows that it has not seen: scores overall and by
// group, influence, contributions.
func (c *Card) Assessed(r *Recipe, a *Assessment, q Question) {
	validation := strconv.Itoa(a.Folds) + "-fold cross-validation of the recipe on " + strconv.Itoa(a.Rows) + " rows: models made as this one, each scored on rows that it was not fitted to"
	if a.Folds == 0 {
		validation = "this model on " + strconv.Itoa(a.Rows) + " rows that are said to be new to it"
	}
	c.Scores = &Scores{
		Validation: validation,
		Confidence: short(q.Confidence), Overall: map[string]Number{}, Named: map[string]string{}, Loss: r.lossName(),
	}
	for i, s := range a.Served {
		g := Group{By: s.By, Withheld: s.Withheld.Groups, LeftOut: s.Withheld.LeftOut}
		for _, m := range s.Measures {
			if i == 0 {
				c.Scores.Overall[string(m.Name)], c.Scores.Level = numberOf(m.Overall), short(s.Level)
			}
			measure := Measure{Name: string(m.Name)}
			if m.Expected != nil {
				measure.Expected = known(*m.Expected)
			}
			for _, f := range m.Groups {
				measure.Findings = append(measure.Findings, Finding{f.Group, numberOf(f.Mean), f.Apart})
			}
			g.Measures = append(g.Measures, measure)
		}
		if s.By != "" {
			c.Groups = append(c.Groups, g)
		}
	}
	if q.Party != "" && a.Folds > 0 {
		c.parties(r, a, q.Party)
	}
	c.uncover()
}

// parties adds the ledger and what parties do to one another.
func (c *Card) parties(r *Recipe, a *Assessment, column string) {
	c.Neutrality = &Neutrality{Influence: []Influence{}, Loss: r.lossName()}
	for _, x := range c.Model.Columns {
		c.Neutrality.Reads = c.Neutrality.Reads || x.Name == column
	}
	for i, in := range a.Influence {
		rows := rowsOf(in.Rows, a.Withheld[in.Party])
		line := Influence{Party: in.Party, Rows: rows, Moves: numberOf(in.Moves), Most: known(in.Most), Helps: numberOf(in.Helps), Unlike: in.Unlike}
		l := a.Ledger[i]
		entry := Contribution{Party: l.Party, Rows: rows, Alone: known(l.Alone), Shared: known(l.Shared), Gain: numberOf(l.Gain)}
		if l.Unable != "" {
			entry.Unable = cannot // The error itself may tell what its rows are.
		}
		if rows == nil {
			// A mean over a few rows, and what a few rows do to others, tell of these rows.
			nothing := Number{Method: string(interval.Unknown)}
			line = Influence{Party: in.Party, Moves: nothing, Helps: nothing}
			entry = Contribution{Party: l.Party, Gain: nothing}
		}
		c.Neutrality.Influence, c.Contributions = append(c.Neutrality.Influence, line), append(c.Contributions, entry)
	}
}

// cannot is said of a party that can train no model of its own.
const cannot = "its rows alone make no model"

func rowsOf(n int, withheld bool) *string {
	if withheld {
		return nil
	}
	text := strconv.Itoa(n)
	return &text
}

// Renamed adds whether names matter. It needs parties.
func (c *Card) Renamed(r neutrality.Renaming) {
	if c.Neutrality == nil {
		return
	}
	c.Neutrality.Renaming = &Renaming{Same: r.Same, Digest: r.Digest.String(), Others: []string{}}
	for _, d := range r.Changed {
		c.Neutrality.Renaming.Others = append(c.Neutrality.Renaming.Others, d.String())
	}
}

// Represented adds whom the rows are about.
func (c *Card) Represented(a representation.Audit, by []string) {
	c.Representation = &Representation{
		Gini: rational(a.Gini), JensenShannon: short(a.JensenShannon), LogBase: "2", Effective: rational(a.EffectiveGroups),
		WithoutData: rational(a.WithoutData), By: by,
	}
}

// Attacked adds what a membership attack found out. epsilon is what is claimed; 0 for
// nothing.
func (c *Card) Attacked(m leakage.Membership, epsilon float64) {
	c.Leakage = &Leakage{Learner: c.Model.Learner, Target: c.Model.Target, AUC: short(m.AUC), Rate1: short(m.Rate1), Epsilon: short(m.Epsilon), Models: m.Models}
	if epsilon > 0 {
		c.Leakage.Claimed, c.Leakage.Refuted = known(epsilon), m.Refutes(epsilon)
	}
}

// Reported adds what comity redteam run membership --json printed, whether or not it refuted
// a claim. It must be about a model of this kind and target; whether it is about these rows
// nobody can tell.
func (c *Card) Reported(report []byte) error {
	l, err := readLeakage(report)
	if err != nil {
		return err
	}
	if l.Learner != c.Model.Learner || l.Target != c.Model.Target {
		return fmt.Errorf("%w: the attack was on a %.40q model of %.40q, the card is about a %q model of %q", ErrInput, l.Learner, l.Target, c.Model.Learner, c.Model.Target)
	}
	c.Leakage = l
	return nil
}

func readLeakage(data []byte) (*Leakage, error) {
	var doc struct {
		Schema string   `json:"schema"`
		Data   *Leakage `json:"data"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%w: no JSON document: %w", ErrInput, err)
	}
	if doc.Schema != "comity/redteam-run@1" && doc.Schema != "comity/error@1" || doc.Data == nil {
		return nil, fmt.Errorf("%w: a document of %.40q without an attack on membership", ErrInput, doc.Schema)
	}
	numbers := []string{doc.Data.AUC, doc.Data.Rate1, doc.Data.Epsilon}
	if doc.Data.Claimed != nil {
		numbers = append(numbers, *doc.Data.Claimed)
	}
	for _, text := range numbers {
		if v, err := strconv.ParseFloat(text, 64); err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return nil, fmt.Errorf("%w: %.40q where an attack on membership has a number of at least 0", ErrInput, text)
		}
	}
	return doc.Data, nil
}

// Spent says that the training was private, and what it cost each row.
func (c *Card) Spent(epsilon, delta float64) {
	c.Privacy = Privacy{Disclosure: "dp", Epsilon: known(epsilon), Delta: known(delta)}
	c.uncover()
}

// uncover says what a private model's card gives away besides.
func (c *Card) uncover() {
	const sentence = "The privacy loss is that of the model. The numbers on this card come from rows without noise, and it does not cover them."
	if c.Scores != nil && c.Privacy.Disclosure == "dp" && !slices.Contains(c.Limits, sentence) {
		c.Limits = append(c.Limits, sentence)
	}
}

// lossName says what losses are measured in.
func (r *Recipe) lossName() string {
	switch r.task {
	case table.Binary:
		return "Brier score: the mean squared distance of the chance from what came to pass, 1 or 0"
	case table.Quantile:
		return "quantile loss, in the unit of the target"
	default:
		return "mean squared error, in the square of the target's unit"
	}
}

func numberOf(m interval.Mean) Number {
	return Number{known(m.Value), known(m.Low), known(m.High), strconv.Itoa(m.N), string(m.Method)}
}

// known writes a number, nil for one that is not known.
func known(v float64) *string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	text := short(v)
	return &text
}

// short writes ten significant digits.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }

func rational(v interface{ Big() *big.Rat }) string {
	f, _ := v.Big().Float64()
	return short(f)
}
