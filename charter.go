package comity

import (
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// Charter is the sealed form of the rules of one body. Its digest is the trust
// anchor: keys, thresholds, log and clauses all follow from it. People write YAML
// (package adapter/yaml); package governor/charter reads, lints and seals it.
type Charter struct {
	Comity       string        `json:"comity"` // "charter/v1".
	ID           string        `json:"id"`     // Names the body.
	Version      int           `json:"version"`
	Supersedes   *canon.Digest `json:"supersedes"` // Null for version 1.
	Domain       string        `json:"domain"`     // "health.vaccines".
	Pack         string        `json:"pack"`       // "health@1": the vocabulary of inputs.
	Title        Text          `json:"title"`
	Languages    []string      `json:"authentic_languages"`
	Effective    string        `json:"effective"` // RFC 3339 in UTC: nothing has effect before.
	Purpose      Purpose       `json:"purpose"`
	Parties      []Party       `json:"parties"` // Ascending by id.
	Scope        Scope         `json:"scope"`
	Data         []DataClause  `json:"data"`
	Privacy      *Privacy      `json:"privacy,omitempty"` // Absent where no answer is about persons.
	Models       ModelClause   `json:"models"`
	Objective    Objective     `json:"objective"`
	Constraints  []Constraint  `json:"constraints"`
	Decisions    Decisions     `json:"decisions"`
	Transparency Transparency  `json:"transparency"`
	Sunset       Sunset        `json:"sunset"`
}

// Purpose says what the body is for and what it must never be used for.
type Purpose struct {
	Allowed []string `json:"allowed"`
	Banned  []string `json:"banned"` // Wins over everything.
}

// Party is one signatory: its officers' keys, which seal rules, and its node's keys,
// which sign statements, cosign checkpoints and open connections.
type Party struct {
	ID     party.ID  `json:"id"`
	Kind   string    `json:"kind"` // state, agency, hospital, operator, firm, observer.
	Name   Text      `json:"name"`
	Weight exact.Rat `json:"weight"`
	Groups []string  `json:"groups"`
	Keys   Threshold `json:"keys"`
	Node   Node      `json:"node"`
}

// Threshold is an M-of-N rule over C2SP verifier keys.
type Threshold struct {
	Threshold int      `json:"threshold"`
	Of        []string `json:"of"`
}

// Node names the keys of a party's running node, all of them C2SP verifier keys but
// Transport, which is a NATS user NKey.
type Node struct {
	Key       string `json:"key"`       // Signs statements (Ed25519).
	Transport string `json:"transport"` // Opens the connection to the hub.
}

// Scope is what is allocated and how often.
type Scope struct {
	Resource string `json:"resource"` // "doses".
	Unit     string `json:"unit"`     // "dose": always whole.
	Cadence  string `json:"cadence"`  // ISO 8601 duration.
	Periods  int    `json:"periods"`  // How many cadences one decision plans, from 1.
	Excludes Text   `json:"excludes"`
}

// DataClause is one commitment to provide data.
type DataClause struct {
	ID         string     `json:"id"`
	From       []party.ID `json:"from"`
	What       Text       `json:"what"`
	Schema     string     `json:"schema"`      // "health/series@1".
	LeavesHome string     `json:"leaves_home"` // nothing, aggregate_only, signed_plain.
	As         string     `json:"as"`          // Prefix of the values in expressions: "party" (each its own) or "supply" (one for all); empty without values.
	Values     []string   `json:"values"`      // Names of declared numbers, for signed_plain.
	ByPeriod   bool       `json:"by_period"`   // Each value is declared once for every period: "doses/1", "doses/2".
	Due        string     `json:"due"`         // ISO 8601 duration: how often.
	Queries    *Queries   `json:"queries,omitempty"`
}

// Queries says what may be asked of the rows of a clause; without it, nothing.
type Queries struct {
	Kinds       []string `json:"kinds"`        // Of Query, ascending.
	Personal    bool     `json:"personal"`     // Rows are about persons: answers carry noise.
	MinMembers  int      `json:"min_members"`  // Fewer answer nothing.
	MinimumCell int      `json:"minimum_cell"` // Counts below it are withheld; 0 withholds none.
	Approvals   int      `json:"approvals"`    // How many of the clause's parties agree to a query before anybody answers.
}

// Privacy bounds what all answers together may tell of one person, or of all rows of one
// member.
type Privacy struct {
	Unit        string `json:"unit"` // person or member.
	PerRelease  Budget `json:"per_release"`
	PerYear     Budget `json:"per_year"`
	OnExhausted string `json:"on_exhausted"` // stop_releases.
}

// Budget is a pair of differential privacy: but for probability delta, no answer becomes
// more than exp(epsilon) times as likely through one unit's rows.
type Budget struct {
	Epsilon exact.Rat `json:"epsilon"`
	Delta   exact.Rat `json:"delta"`
}

// ModelClause fixes what is trained, on what terms.
type ModelClause struct {
	Interface   string               `json:"interface"` // "forecast/quantile@1".
	Targets     []string             `json:"targets"`   // What is forecast, in the order of the model.
	Unit        string               `json:"unit"`      // Of all targets.
	Task        string               `json:"task"`      // "forecast/quick@1".
	Recipe      map[string]canon.Int `json:"recipe"`    // Parameters of the task.
	Clause      string               `json:"clause"`    // The data clause it draws on.
	Disclosure  string               `json:"disclosure"`
	MinMembers  int                  `json:"min_members"`
	StepSeconds int                  `json:"step_seconds"`
	RefitWeeks  int                  `json:"refit_weeks"`
	Adoption    *Adoption            `json:"adoption,omitempty"` // Absent: a model is in force once it is trained, until the next.
}

// Adoption says how a new model comes into force, how it falls out of it, and when it
// ends. Ratios are of sums of weighted interval scores, of which less is better.
type Adoption struct {
	CanaryWeeks   int       `json:"canary_weeks"` // A new model forecasts beside the one in force for so long and decides nothing.
	MinScored     int       `json:"min_scored"`   // Members whose forecasts were scored; a week with fewer does not count.
	AdoptRatio    exact.Rat `json:"adopt_ratio"`  // At most: the canary's sum over that of the model in force.
	RollbackRatio exact.Rat `json:"rollback_ratio"`
	RollbackWeeks int       `json:"rollback_weeks"` // Over so many weeks in force, the model's sum over the carried forecast's is at most the ratio.
	RetireWeeks   int       `json:"retire_weeks"`   // From its training on; no model serves longer.
}

// Objective is what the allocation aims at.
type Objective struct {
	Sense    string   `json:"sense"`  // maximise, or minimise: weighted stages only.
	Stages   []Aim    `json:"stages"` // In order of precedence.
	Groups   []Group  `json:"groups"`
	TieBreak []string `json:"tie_break"` // least_squares_unmet, webster, lot.
}

// Aim is one stage of an objective. Its kinds are those of Stage.
type Aim struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`              // weighted, maximin, leximin, nash.
	Measure Expr      `json:"measure"`           // Worth of one unit at one party.
	Counts  string    `json:"counts"`            // worth: times the weights of group and piece; units: without them.
	Per     *Expr     `json:"per,omitempty"`     // maximin and leximin: what a party's worth is divided by.
	Outside *Expr     `json:"outside,omitempty"` // nash: a party's worth without an agreement.
	Power   *Expr     `json:"power,omitempty"`   // nash: bargaining weight.
	Slack   exact.Rat `json:"slack"`             // Share of its best that later stages may give up; 0 for nash.
}

// Group is a part of a party's people with its own weight and need.
type Group struct {
	ID      string    `json:"id"`
	Weight  exact.Rat `json:"weight"`
	Need    Expr      `json:"need"` // Units this group could use, rounded down.
	Benefit []Piece   `json:"benefit,omitempty"`
}

// Piece is one step of a benefit that falls: so large a share of the group's need counts
// Weight times the group's weight. Weights fall and shares add up to 1.
type Piece struct {
	Share  exact.Rat `json:"share"`
	Weight exact.Rat `json:"weight"`
}

// Constraint is one rule that no allocation may break. Which fields a kind has is said in
// docs/format/charter.md, Kinds of constraint.
type Constraint struct {
	ID          string   `json:"id"`
	Kind        string   `json:"kind"`
	Each        string   `json:"each,omitempty"`   // party, period, party_period or all, where a kind leaves it open.
	Groups      []string `json:"groups,omitempty"` // The groups whose units count; all without it.
	AtMost      *Expr    `json:"at_most,omitempty"`
	AtLeast     *Expr    `json:"at_least,omitempty"`
	Coefficient *Expr    `json:"coefficient,omitempty"` // affine: of one unit at a party.
	Of          []string `json:"of,omitempty"`          // ratio: the groups compared with.
	Lot         *Expr    `json:"lot,omitempty"`         // minimum_lot: nothing, or at least this.
	Measure     string   `json:"measure,omitempty"`     // inequality: fairness.gini, fairness.jain, fairness.demographic_parity.
	Per         *Expr    `json:"per,omitempty"`         // inequality: what a party's units are divided by.
	Between     []string `json:"between,omitempty"`     // demographic_parity: two groups of parties.
	Baseline    *Expr    `json:"baseline,omitempty"`    // individual_rationality: units a party has alone.
	From        party.ID `json:"from,omitempty"`        // flow_limit: where it starts.
	To          party.ID `json:"to,omitempty"`          // flow_limit: where it ends.
	Opening     *Expr    `json:"opening,omitempty"`     // stock: in store before the first period.
	Arrivals    *Expr    `json:"arrivals,omitempty"`    // stock and conservation: what comes in.
	Inputs      []string `json:"inputs,omitempty"`      // forbidden_inputs: names no expression may use.
	Why         Text     `json:"why,omitempty"`
}

// Expr is a sealed expression: a typed tree over exact rationals, so that a checker
// needs no expression engine.
type Expr struct {
	// Op is const, input, add, sub, mul, div, min, max or round (to a multiple of the
	// second argument, halves up).
	Op    string     `json:"op"`
	Value *exact.Rat `json:"value,omitempty"` // const
	Name  string     `json:"name,omitempty"`  // input: "party.population".
	Args  []Expr     `json:"args,omitempty"`
}

// Decisions says what an allocation must bring with it.
type Decisions struct {
	MaxGap exact.Rat `json:"max_gap"` // Largest certified gap, as a share of the bound.
}

// Transparency names the log and who must have seen it.
type Transparency struct {
	Log       LogClause `json:"log"`
	Witnesses Threshold `json:"witnesses"` // Verifier keys of type cosignature/v1.
}

// LogClause identifies the body's transparency log.
type LogClause struct {
	Origin   string   `json:"origin"`
	Key      string   `json:"key"`
	Operator party.ID `json:"operator"` // Runs the hub; its witness is not counted.
}

// Sunset is the last day.
type Sunset struct {
	Expires  string `json:"expires"` // RFC 3339 in UTC.
	OnExpiry string `json:"on_expiry"`
}

// Total sums whole amounts, or fails with quantity.ErrOverflow.
func Total(shares []Share) (quantity.Amount, error) {
	var total quantity.Amount
	for _, s := range shares {
		var err error
		if total, err = total.Add(s.Amount); err != nil {
			return 0, err
		}
	}
	return total, nil
}
