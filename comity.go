// Package comity holds the records that the parts of Comity exchange.
//
// Each record has one canonical form (package canon) and is what a party signs,
// what the log keeps and what a stranger re-checks. Records carry no behaviour:
// what a record does to the state of a body is said in package body.
package comity

import (
	"comity/canon"
	"comity/exact"
	"comity/party"
	"comity/quantity"
)

// Kind says what a statement is about. Each kind has one record type below.
type Kind string

// The kinds of statement, in the order in which one decision uses them.
const (
	KindCharter     Kind = "charter"     // Charter: the rules, proposed.
	KindRatify      Kind = "ratify"      // Ratification: one party's seals on the rules.
	KindTick        Kind = "tick"        // Tick: log time moves to the witnesses' median.
	KindKeys        Kind = "keys"        // EpochKeys: a member's key for sealed exchanges.
	KindBoxes       Kind = "boxes"       // Boxes: hashes of the pair secrets it sealed to peers.
	KindPlan        Kind = "plan"        // Plan: a federated computation is opened.
	KindConsent     Kind = "consent"     // Consent: a party takes part in it, or refuses to.
	KindCohort      Kind = "cohort"      // Cohort: who takes part in it.
	KindHead        Kind = "head"        // Head: a member's chain over the steps so far.
	KindFingerprint Kind = "fingerprint" // Fingerprint: proof that the sums are of what was committed.
	KindModel       Kind = "model"       // Model: what the computation gave.
	KindScore       Kind = "score"       // Score: how earlier forecasts stood up to what is known now.
	KindForecast    Kind = "forecast"    // Forecast: a member's quantiles for its own place.
	KindDeclaration Kind = "declaration" // Declaration: signed plain numbers under a data clause.
	KindPicture     Kind = "picture"     // Picture: all forecasts of one period, frozen.
	KindAllocation  Kind = "allocation"  // Allocation: who gets what, with its certificate.
	KindCheck       Kind = "check"       // Check: a member replayed the log and got this state.
)

// Statement is what one author says to one body. Counter is the author's own: its
// first statement is 1 and none is left out, so nothing can be dropped or repeated.
type Statement struct {
	Body    string       `json:"body"`
	Charter canon.Digest `json:"charter"` // Of the rules it is said under; a charter names itself.
	Author  party.ID     `json:"author"`
	Counter int          `json:"counter"`
	Kind    Kind         `json:"kind"`
	Record  canon.Raw    `json:"record"` // The canonical form of the kind's record.
}

// Text is one sentence or name in several languages, by BCP 47 tag.
type Text map[string]string

// Ratification is one party's consent to a charter: at least its threshold of seals.
type Ratification struct {
	Charter canon.Digest `json:"charter"`
	Seals   []party.Seal `json:"seals"` // In the order of the party's keys, each key at most once.
}

// Tick carries a cosigned checkpoint; log time becomes the median of its witnesses' times.
type Tick struct {
	Checkpoint string `json:"checkpoint"` // A C2SP signed note with cosignatures.
	UnixTime   int    `json:"unix_time"`  // The median, in seconds, stated so that readers need no crypto.
}

// EpochKeys publishes the key to which peers seal pair secrets for one epoch.
type EpochKeys struct {
	Epoch       string       `json:"epoch"`
	Key         []byte       `json:"key"`          // HPKE public key, MLKEM768-X25519.
	NonceCommit canon.Digest `json:"nonce_commit"` // Digest of the nonce that Boxes reveals: this party's share of the public coin.
}

// Boxes anchors the sealed pair secrets of one member, so that no box can be swapped.
type Boxes struct {
	Epoch string      `json:"epoch"`
	Nonce []byte      `json:"nonce"` // 32 bytes whose digest EpochKeys committed to.
	Boxes []SealedBox `json:"boxes"` // To every member after this one in party order.
}

// SealedBox is the digest of one pair secret sealed to one peer.
type SealedBox struct {
	To     party.ID     `json:"to"`
	Digest canon.Digest `json:"digest"`
}

// Plan opens a federated computation: what is computed, under which clause, on what terms.
type Plan struct {
	Round       string               `json:"round"`      // Unique in the body: period, slash, task.
	Epoch       string               `json:"epoch"`      // Whose keys mask it.
	Clause      string               `json:"clause"`     // The data clause that allows it.
	Task        string               `json:"task"`       // What the members run: "forecast/quick@1".
	Period      string               `json:"period"`     // The origin date the data must not exceed, YYYY-MM-DD.
	Schema      canon.Digest         `json:"schema"`     // Of the rows that enter.
	Recipe      map[string]canon.Int `json:"recipe"`     // The task's parameters by name.
	Disclosure  string               `json:"disclosure"` // "exact": sums leave as they are (non-personal rows only).
	MinMembers  int                  `json:"min_members"`
	StepSeconds int                  `json:"step_seconds"` // How long a silent member may delay one step.
}

// Consent is a party's answer to a plan. To refuse is a normal outcome: others go on.
// For a training, which the charter itself authorises, silence consents.
type Consent struct {
	Round    string       `json:"round"`
	Plan     canon.Digest `json:"plan"` // Of the Plan or the Question: its code, schema and budget.
	Approves bool         `json:"approves"`
	Reason   string       `json:"reason"` // Of a refusal.
}

// Cohort fixes who takes part from step FromStep on. Each cohort has at most one successor.
type Cohort struct {
	Round    string     `json:"round"`
	Number   int        `json:"number"`    // 1 for the first; a successor is one more.
	FromStep int        `json:"from_step"` // The first step it runs; the lost step is repeated.
	Attempt  int        `json:"attempt"`   // Grows by one when a step was lost after commitment: its input must not be summed again.
	Members  []party.ID `json:"members"`   // In ascending order.
	Reason   string     `json:"reason"`
}

// Head is a member's signature on everything it saw and committed to in a round so far.
type Head struct {
	Round string       `json:"round"`
	Steps int          `json:"steps"` // How many steps the chain covers.
	Chain canon.Digest `json:"chain"` // Transcript digest after that step (docs/format/secagg.md).
}

// Fingerprint opens two points of the polynomial over all masked words that a member
// committed to, at places nobody knew before every Head was witnessed.
type Fingerprint struct {
	Round  string      `json:"round"`
	Size   int         `json:"size"`   // The witnessed log size whose root chose the places.
	Points []canon.Int `json:"points"` // Values modulo 2^61-1.
}

// Model names the result of a round and the public record it can be recomputed from.
type Model struct {
	Round      string       `json:"round"`
	Transcript canon.Digest `json:"transcript"` // Blob: every step's commitments, reveals and sum.
	Model      canon.Digest `json:"model"`      // Blob: the fixed-point model.
}

// Score says how forecasts of earlier periods stood up to what became known since the
// round before. Its numbers are the last sum of a round: members add up at home, and
// nobody's own errors are shown.
type Score struct {
	Round  string        `json:"round"`
	Model  *canon.Digest `json:"model"`  // In force when the round was planned; null for none.
	Canary *canon.Digest `json:"canary"` // On trial then; null for none.
	Served ScoreSum      `json:"served"` // Of published forecasts of the model, beside carried ones.
	Tried  ScoreSum      `json:"tried"`  // Of forecasts of the canary, which stayed at home, beside the published ones.
	Void   bool          `json:"void"`   // The sums are none that members can have added up to, and count as nothing.
}

// ScoreSum adds up forecasts that were scored in one round.
type ScoreSum struct {
	Members canon.Int   `json:"members"` // Who had at least one.
	Cells   []ScoreCell `json:"cells"`   // By target, in the charter's order, then weeks 1 to 4.
}

// ScoreCell adds up the forecasts of one target so many weeks ahead: weighted interval
// scores of log1p, less is better, and truths inside intervals.
type ScoreCell struct {
	Target    string    `json:"target"`
	Weeks     int       `json:"weeks"`
	Forecasts canon.Int `json:"forecasts"`
	WIS       canon.Int `json:"wis"`       // Thousandths of a natural logarithm.
	Reference canon.Int `json:"reference"` // The same of what they are compared with.
	Within50  canon.Int `json:"within_50"` // Truths from the 25 % to the 75 % quantile.
	Within90  canon.Int `json:"within_90"` // From the 5 % to the 95 % quantile.
}

// QuantileLevels are the 23 levels of hubverse forecasts, in thousandths
// (hubverse documentation, "Model output", quantile output type).
var QuantileLevels = [...]int{ //nolint:gochecknoglobals // A constant table.
	10, 25, 50, 100, 150, 200, 250, 300, 350, 400, 450, 500, 550, 600, 650, 700, 750, 800, 850, 900, 950, 975, 990,
}

// Forecast is what one member expects at its own place, computed at home from the
// shared model and its own rows.
type Forecast struct {
	Period string       `json:"period"` // Origin date, YYYY-MM-DD.
	Model  canon.Digest `json:"model"`
	Series []Series     `json:"series"` // By target.
}

// Series is one variable at one place: quantiles by horizon, in thousandths of the unit.
type Series struct {
	Place    party.ID `json:"place"`
	Target   string   `json:"target"`    // "ILI incidence".
	Unit     string   `json:"unit"`      // "per 100,000 per week".
	LastDate string   `json:"last_date"` // Week end of the newest row used.
	// Reference is the place's own high level: the 90th percentile of its last 156
	// weeks. Levels differ a hundredfold between reporting systems; ratios to it do not.
	Reference canon.Int `json:"reference"`
	Horizons  []Horizon `json:"horizons"` // Ascending weeks.
}

// Horizon is one forecast date: 23 ascending quantiles at QuantileLevels.
type Horizon struct {
	Weeks     int         `json:"weeks"`
	Date      string      `json:"date"`      // End of the week that is forecast.
	Quantiles []canon.Int `json:"quantiles"` // Thousandths of the unit.
}

// Declaration is a party's signed plain numbers for one period under one data clause.
type Declaration struct {
	Period string               `json:"period"`
	Clause string               `json:"clause"`
	Values map[string]canon.Int `json:"values"` // By name as the clause lists them, in whole units.
}

// Frozen is the statement of a picture. The picture itself outgrows a log entry and is
// a blob; whoever folds the log rebuilds it from the logged forecasts.
type Frozen struct {
	Period  string       `json:"period"`
	Model   canon.Digest `json:"model"`
	Picture canon.Digest `json:"picture"` // Of the Picture.
}

// Picture is the frozen state of risk of one period: every admitted series, ordered
// by target and place. Anybody can rebuild it from the logged forecasts.
type Picture struct {
	Period string       `json:"period"`
	Model  canon.Digest `json:"model"`
	Series []Series     `json:"series"`
	Absent []party.ID   `json:"absent"` // Cohort members without a forecast.
}

// Problem is a division in whole numbers: over all whole x that keep column bounds,
// rows and limits, reach the aims of the stages, an earlier one before a later one, and
// then meet needs as evenly as that allows. Rows and columns are in ascending order of
// their ids, so that input order leaves no trace.
type Problem struct {
	Charter canon.Digest `json:"charter"`
	Picture canon.Digest `json:"picture"`
	Period  string       `json:"period"`
	Unit    string       `json:"unit"`
	Columns []Column     `json:"columns"`
	Rows    []Row        `json:"rows"`
	Needs   []Need       `json:"needs"`            // By party: what evenness is measured against.
	Stages  []Stage      `json:"stages"`           // In order of precedence, at least one.
	Limits  []Limit      `json:"limits,omitempty"` // Ascending by id.
	Absent  []party.ID   `json:"absent,omitempty"` // Left out: they never declared what they need.
}

// Column is one quantity to be chosen: whole units in [Lower, Upper]. A column without
// a party is a means: a flow, a stock, a yes or no.
type Column struct {
	ID    string          `json:"id"` // "KE/frontline".
	Party party.ID        `json:"party,omitempty"`
	Lower quantity.Amount `json:"lower"`
	Upper quantity.Amount `json:"upper"`
}

// Stage is one aim. A party's worth is the sum over its columns of cost times units.
//
//	weighted  the sum of cost times units over all columns
//	maximin   the least worth of a party, over its Per
//	leximin   the same, then the next least, and so on
//	nash      the sum over parties of Power times the logarithm of worth less Outside
//
// All are maximised. Later stages, and evenness, may miss it by Slack, a share of it.
type Stage struct {
	ID      string            `json:"id"`
	Kind    string            `json:"kind"`
	Scale   canon.Int         `json:"scale"`             // Costs and Outside are the charter's worths times this; with their sign turned to minimise.
	Costs   []canon.Int       `json:"costs"`             // By column.
	Per     []quantity.Amount `json:"per,omitempty"`     // By need, above 0: maximin and leximin.
	Outside []canon.Int       `json:"outside,omitempty"` // By need: nash.
	Power   []canon.Int       `json:"power,omitempty"`   // By need, above 0: nash.
	Slack   exact.Rat         `json:"slack"`
}

// Limit bounds how unequal parties may be served. Served is a party's units over its Per.
//
//	gini  the Gini index of what is served is at most Bound
//	jain  the Jain index of what is served is at least Bound
type Limit struct {
	ID     string            `json:"id"`
	Clause string            `json:"clause"`
	Kind   string            `json:"kind"`
	Per    []quantity.Amount `json:"per"` // By need, above 0.
	Bound  exact.Rat         `json:"bound"`
}

// Row is one constraint; an absent bound is infinite.
type Row struct {
	ID     string           `json:"id"`     // "c.floor/KE".
	Clause string           `json:"clause"` // "c.floor"; "need" for what a group can use over a whole plan.
	Lower  *quantity.Amount `json:"lower,omitempty"`
	Upper  *quantity.Amount `json:"upper,omitempty"`
	Terms  []Term           `json:"terms"` // By ascending column.
}

// Term is one non-zero coefficient of a row.
type Term struct {
	Column int       `json:"column"` // Index into Problem.Columns.
	Coeff  canon.Int `json:"coeff"`
}

// Need is the outcome one party could use; unmet need is Need minus what it gets.
type Need struct {
	Party  party.ID        `json:"party"`
	Amount quantity.Amount `json:"amount"`
}

// Allocation is a decision: whole units by column and by party, and its proof.
type Allocation struct {
	Period      string            `json:"period"`
	Picture     canon.Digest      `json:"picture"`
	Problem     canon.Digest      `json:"problem"` // Of the Problem that anybody can lower again.
	Units       []quantity.Amount `json:"units"`   // By column of the problem.
	Parties     []Share           `json:"parties"` // Sums by party, ascending.
	Certificate Certificate       `json:"certificate"`
}

// Share is what one party gets.
type Share struct {
	Party  party.ID        `json:"party"`
	Amount quantity.Amount `json:"amount"`
}

// Certificate proves, stage by stage, that no feasible plan is better than the published
// one by more than a stated gap, and last that none is more even
// (docs/format/certificate.md).
type Certificate struct {
	Stages []StageProof `json:"stages"`
}

// StageProof bounds one aim, given that the aims before it are kept. For leximin there
// is one for each level. Weights turn an aim that is no weighted sum into one that is
// never smaller where a better plan would be.
type StageProof struct {
	Stage   string      `json:"stage"` // Id of the stage; "evenness" for the last.
	Value   exact.Rat   `json:"value"` // Of the published units.
	Bound   exact.Rat   `json:"bound"` // No feasible plan exceeds it.
	Gap     exact.Rat   `json:"gap"`   // Bound minus value.
	Weights []canon.Int `json:"weights,omitempty"`
	Cuts    []Cut       `json:"cuts,omitempty"` // Consequences of limits that the proof uses.
	Proof   Proof       `json:"proof"`
}

// Cut is a linear consequence of a limit: one whole number for each need, in units of
// 2^-30 for gini, of any size for jain.
type Cut struct {
	Limit  int         `json:"limit"` // Index into Problem.Limits.
	Vector []canon.Int `json:"vector"`
}

// Proof bounds a weighted sum: by prices, or by a tree of cases each of which has prices.
//
// Prices are those of the rows, of the floors that earlier stages leave, and of the cuts.
// Any values give a valid bound.
type Proof struct {
	Prices []canon.Int `json:"prices,omitempty"`
	// Tree lists cases in the order split, its lower half, its upper half: a list, because
	// a tree of minimum lots is deeper than canonical documents may be.
	Tree []Case `json:"tree,omitempty"`
}

// Case is one node of a tree: a split, or prices.
type Case struct {
	Split  *Split      `json:"split,omitempty"`
	Prices []canon.Int `json:"prices,omitempty"`
}

// Split parts plans into those with at most At units in a column and those with more.
type Split struct {
	Column int             `json:"column"`
	At     quantity.Amount `json:"at"`
}

// Check says that a member replayed the log up to Size entries and holds State.
type Check struct {
	Size  int          `json:"size"`
	State canon.Digest `json:"state"`
	About canon.Digest `json:"about"` // The allocation that takes effect when enough members agree.
}
