// Package card says what a model is, how good it is and for whom, what it gives away, who
// made it and how to check all that: a model card.
//
// A card is one JSON document, and the same as text and as a page (render.go). Numbers in
// it that matter are strings of ten digits at most: they come from floating point, and
// processors differ in the last ones. Nothing of a card is signed; its commands say how to
// come to the same numbers.
//
// After Mitchell, Wu, Zaldivar and others, "Model cards for model reporting", FAT* (2019),
// with intervals that hold at once, and without a word that nobody measured.
package card

import (
	"fmt"
	"strconv"

	"comity/modeler/learn/model"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
)

// Card is a model card.
type Card struct {
	Model          Model           `json:"model"`
	Training       Training        `json:"training"`
	Privacy        Privacy         `json:"privacy"`
	Scores         *Scores         `json:"scores"`     // null without rows.
	Groups         []Group         `json:"groups"`     // By column of groups.
	Neutrality     *Neutrality     `json:"neutrality"` // null without parties.
	Contributions  []Contribution  `json:"contributions"`
	Representation *Representation `json:"representation"` // null without a population.
	Leakage        *Leakage        `json:"leakage"`        // null without an attack.
	Data           []Commitment    `json:"data"`
	Replay         []string        `json:"replay"` // Commands.
	Limits         []string        `json:"limits"` // Sentences: what the card does not say.
}

// Model says what is predicted, from what.
type Model struct {
	Digest   string   `json:"digest"`
	Learner  string   `json:"learner"`
	Task     string   `json:"task"`
	Target   string   `json:"target"`
	Predicts string   `json:"predicts"` // A sentence.
	Unit     string   `json:"unit"`
	Columns  []Column `json:"columns"`
	Dropped  []Column `json:"dropped"` // Kind says why.
}

// Column is one column that is read.
type Column struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// Training says how the model came about.
type Training struct {
	Rows    string `json:"rows"` // "not counted" where sums carried noise.
	Parties int    `json:"parties"`
	Sums    int    `json:"sums"`   // Rounds over all parties, those that agree on bins included.
	Survey  string `json:"survey"` // Chain over the sums that agree on bins.
}

// Privacy says what the training gave away by right.
type Privacy struct {
	Disclosure string  `json:"disclosure"` // "exact" or "dp".
	Epsilon    *string `json:"epsilon"`    // Spent, per row; null for exact sums.
	Delta      *string `json:"delta"`
}

// Number is an estimate with an interval; null where it is not known.
type Number struct {
	Value  *string `json:"value"`
	Low    *string `json:"low"`
	High   *string `json:"high"`
	Rows   string  `json:"rows"`
	Method string  `json:"method"`
}

// Scores are of the recipe on rows that it was not fitted to.
type Scores struct {
	Validation string            `json:"validation"`
	Confidence string            `json:"confidence"` // That all intervals of the card hold.
	Overall    map[string]Number `json:"overall"`    // By measure: loss, skill, bias, coverage.
	Named      map[string]string `json:"named"`      // As learn fit names them: auc, r2.
	Level      string            `json:"coverage_level"`
	Loss       string            `json:"loss"` // A sentence.
}

// Group is how the groups of one column are served.
type Group struct {
	By       string    `json:"by"`
	Withheld int       `json:"withheld"` // Groups below the minimum cell, put together.
	LeftOut  bool      `json:"left_out"` // They are too few even so.
	Measures []Measure `json:"measures"`
}

// Measure is one question asked of every group.
type Measure struct {
	Name     string    `json:"name"`
	Expected *string   `json:"expected"`
	Findings []Finding `json:"groups"`
}

// Finding is one group.
type Finding struct {
	Group string `json:"group"`
	Number
	Apart bool `json:"apart"`
}

// Neutrality is whether names and parties matter.
type Neutrality struct {
	Renaming  *Renaming   `json:"renaming"`      // null where it was not tried.
	Reads     bool        `json:"reads_party"`   // The party is among the columns.
	Influence []Influence `json:"influence"`     // Of each party on the others.
	Loss      string      `json:"loss_of_helps"` // What helps is measured in.
}

// Renaming is whether the model is the same under other names.
type Renaming struct {
	Same   bool     `json:"same"`
	Digest string   `json:"digest"`
	Others []string `json:"others"` // Under other names.
}

// Influence is what a party's rows do to the others' predictions.
type Influence struct {
	Party  string  `json:"party"`
	Rows   *string `json:"rows"` // null below the minimum cell.
	Moves  Number  `json:"moves"`
	Most   *string `json:"most"`
	Helps  Number  `json:"helps"`
	Unlike bool    `json:"unlike"`
}

// Contribution is what a party brought and got.
type Contribution struct {
	Party  string  `json:"party"`
	Rows   *string `json:"rows"`
	Alone  *string `json:"loss_alone"`
	Shared *string `json:"loss_shared"`
	Gain   Number  `json:"gain"`
	Unable string  `json:"unable"` // Why it cannot train alone.
}

// Representation is whom the rows are about.
type Representation struct {
	Gini          string   `json:"gini"`
	JensenShannon string   `json:"jensen_shannon"`
	LogBase       string   `json:"log_base"`
	Effective     string   `json:"effective_groups"`
	WithoutData   string   `json:"share_without_data"`
	By            []string `json:"by"`
}

// Leakage is what an attack found out (comity redteam run membership).
type Leakage struct {
	Learner string  `json:"model"`
	Target  string  `json:"target"`
	AUC     string  `json:"attack_auc"`
	Rate1   string  `json:"tpr_at_1_percent"`
	Epsilon string  `json:"epsilon_lower_bound"`
	Claimed *string `json:"claimed_epsilon"`
	Refuted bool    `json:"claim_refuted"`
	Models  int     `json:"models"`
}

// Commitment names bytes that the model was made from.
type Commitment struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// uncounted stands for the number of rows of a training with noise, which nobody learns.
const uncounted = "not counted"

// New describes a model. The digest is that of its canonical form.
func New(m *model.Model, digest string) *Card {
	c := &Card{
		Model: Model{
			Digest: digest, Learner: string(m.Learner()), Task: string(m.Target.Task), Target: m.Target.Name, Predicts: predicts(m),
			Columns: []Column{}, Dropped: []Column{},
		},
		Training: Training{
			Rows: strconv.FormatInt(m.Facts.Rows, 10), Parties: m.Facts.Parties, Sums: m.Facts.Sums, Survey: fmt.Sprint(m.Facts.Survey),
		},
		Privacy: Privacy{Disclosure: "exact"},
		Groups:  []Group{}, Contributions: []Contribution{}, Data: []Commitment{}, Replay: []string{},
	}
	for _, column := range m.Columns {
		c.Model.Columns = append(c.Model.Columns, Column{column.Name, string(column.Kind)})
	}
	for _, column := range m.Dropped {
		c.Model.Dropped = append(c.Model.Dropped, Column{column.Name, column.Reason})
	}
	if m.Facts.Rho != nil {
		c.Training.Rows = uncounted
	}
	c.Limits = []string{
		"It is an association in these rows, not a cause: what would happen if a column were changed does not follow.",
		"Rows of other places or times may be unlike these; then none of the numbers holds.",
	}
	return c
}

// predicts says in a sentence what a prediction is.
func predicts(m *model.Model) string {
	t := &m.Target
	switch t.Task {
	case table.Binary:
		return fmt.Sprintf("the chance that %s is %s rather than %s", t.Name, number.Text(t.High), number.Text(t.Low))
	case table.Count:
		return fmt.Sprintf("the mean of the count %s", t.Name)
	case table.Quantile:
		return fmt.Sprintf("the value that %s stays below with a chance of %s", t.Name, short(float64(t.Loss.Level)/1000))
	default:
		return fmt.Sprintf("the mean of %s", t.Name)
	}
}
