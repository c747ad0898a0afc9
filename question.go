package comity

import (
	"comity/canon"
	"comity/exact"
)

// The kinds of statement around a one-shot sum that oneshot.go does not have.
const (
	KindQuestion Kind = "question" // Question: one answer is asked for.
	KindSettled  Kind = "settled"  // Settled: a holder has nothing more to complain of.
)

// Question asks for one answer from rows that stay at home. Members approve or refuse it
// (Consent) by its digest, so that what they approved is what is run: its code, schema,
// query and budget.
type Question struct {
	Round      string       `json:"round"` // Unique in the body: period, slash, name.
	Period     string       `json:"period"`
	Clause     string       `json:"clause"` // The data clause that allows it.
	Epoch      string       `json:"epoch"`  // Whose pair secrets mask it.
	Code       string       `json:"code"`   // How rows become numbers: "query@1".
	Schema     canon.Digest `json:"schema"` // Of the rows.
	Query      Query        `json:"query"`
	Lanes      int          `json:"lanes"`      // How many numbers a member adds.
	Bound      canon.Int    `json:"bound"`      // Their largest size, without noise.
	Disclosure string       `json:"disclosure"` // exact, or dp: members add noise.
	Square     exact.Rat    `json:"square"`     // dp: square of the L2 sensitivity of the charter's unit; else 0.
	Variance   exact.Rat    `json:"variance"`   // dp: of the noise that honest members add together; else 0.
	Carried    exact.Rat    `json:"carried"`    // dp: the most variance of noise that a member's numbers bring from a body of its own; else 0.
	MinMembers int          `json:"min_members"`
	Seconds    int          `json:"seconds"` // How long each phase waits for those who are silent.
}

// Settled says that a holder took all shares that were sent to it, and complained of what
// was wrong.
type Settled struct {
	Round string `json:"round"`
}
