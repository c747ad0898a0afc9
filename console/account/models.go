package account

import (
	"fmt"
	"maps"
	"slices"

	"comity"
	"comity/body"
	"comity/canon"
	"comity/modeler/tally"
	"comity/party"
)

// Models is the account of the models of a body: which one is in force and why.
type Models struct {
	Period   string           `json:"period"`             // Of the newest closed round; empty before the first.
	Adoption *comity.Adoption `json:"adoption,omitempty"` // The charter's terms; absent where each model is in force once it is trained.
	Models   []Model          `json:"models"`             // In the order of their training.
}

// Model is one model.
type Model struct {
	Digest    canon.Digest `json:"digest"`
	Words     string       `json:"words"`
	Status    body.Status  `json:"status"`
	Since     string       `json:"since"` // The period from which it has this status.
	RetireBy  string       `json:"retire_by"`
	Interface string       `json:"interface"`
	Task      string       `json:"task"`
	Round     string       `json:"round"` // In which it was trained.
	Plan      canon.Digest `json:"plan"`  // Of the PLAN record: task, recipe, schema and clause.
	Trained   string       `json:"trained"`
	Members   []party.ID   `json:"members"` // Who trained it.
	Rounds    []string     `json:"rounds"`  // After which published forecasts were made with it.
	Scores    []ModelScore `json:"scores"`
	Served    ModelScore   `json:"served"` // All weeks in force together.
	Tried     ModelScore   `json:"tried"`  // All weeks on trial together.
}

// ModelScore is how a model did in one period, or in several.
type ModelScore struct {
	Period    string             `json:"period,omitempty"`
	Against   string             `json:"against"` // Carried, ModelInForce, or the digest of that model.
	Members   canon.Int          `json:"members"` // Of several periods the most.
	Forecasts canon.Int          `json:"forecasts"`
	WIS       canon.Int          `json:"wis"` // Thousandths of a natural logarithm, summed.
	Reference canon.Int          `json:"reference"`
	Ratio     string             `json:"ratio"` // WIS over Reference to three decimals; empty where nothing was scored.
	Within50  canon.Int          `json:"within_50"`
	Within90  canon.Int          `json:"within_90"`
	Cells     []comity.ScoreCell `json:"cells,omitempty"`
}

// What models are compared with.
const (
	Carried      = "carried"        // In force: forecasts without a model.
	ModelInForce = "model_in_force" // On trial, over all weeks; of one week its digest.
)

// Models returns the account of all models as of the newest closed round.
func (b Book) Models() (Models, error) {
	out := Models{Adoption: b.Charter.Models.Adoption, Models: []Model{}}
	for _, name := range slices.Sorted(maps.Keys(b.View.Rounds)) {
		if r := b.View.Rounds[name]; r.Model != nil {
			out.Period = max(out.Period, r.Plan.Period)
		}
	}
	g := body.RegistryOf(b.View.Rounds, b.Charter.Models, out.Period)
	for _, r := range g.Models {
		m := Model{
			Digest: r.Model, Words: r.Model.Words(), Status: r.Status, Since: r.Since, RetireBy: r.RetireBy,
			Interface: r.Interface, Task: r.Task, Round: r.Round, Trained: r.Trained,
			Members: b.View.Rounds[r.Round].Cohort(), Rounds: b.served(r.Model), Scores: []ModelScore{}, Served: ModelScore{Against: Carried}, Tried: ModelScore{Against: ModelInForce},
		}
		var err error
		if m.Plan, err = canon.DigestOf(b.View.Rounds[r.Round].Plan); err != nil {
			return out, err
		}
		for _, s := range r.Scores {
			m.add(s)
		}
		out.Models = append(out.Models, m)
	}
	return out, nil
}

// served lists the rounds whose published forecasts were made with a model.
func (b Book) served(model canon.Digest) []string {
	rounds := []string{}
	for _, period := range b.Periods() {
		if d := b.View.Decisions[period]; d.Picture.Model == model {
			rounds = append(rounds, d.Round)
		}
	}
	return rounds
}

func (m *Model) add(s body.Scored) {
	t := tally.Total(s.Sum)
	row := ModelScore{
		Period: s.Period, Against: Carried, Members: s.Sum.Members, Forecasts: t.Forecasts, WIS: t.WIS, Reference: t.Reference,
		Within50: t.Within50, Within90: t.Within90, Cells: s.Sum.Cells,
	}
	row.Ratio = ratio(row.WIS, row.Reference)
	sum := &m.Served
	if s.Against != nil {
		row.Against, sum = s.Against.String(), &m.Tried
	}
	sum.Members = max(sum.Members, row.Members)
	sum.Forecasts += row.Forecasts
	sum.WIS += row.WIS
	sum.Reference += row.Reference
	sum.Within50 += row.Within50
	sum.Within90 += row.Within90
	sum.Ratio = ratio(sum.WIS, sum.Reference)
	m.Scores = append(m.Scores, row)
}

// ratio writes a sum of scores over the reference's, rounded to the nearest thousandth.
func ratio(wis, reference canon.Int) string {
	if reference <= 0 {
		return ""
	}
	r := (1000*wis + reference/2) / reference
	return fmt.Sprintf("%d.%03d", r/1000, r%1000)
}
