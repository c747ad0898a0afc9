package secagg

// The labels: one per use, so that no value can serve in the place of another.
const (
	labelNonce       = "nonce"
	labelCoin        = "coin"
	labelBox         = "box"
	labelRatchet     = "ratchet"
	labelRoundKey    = "round-key"
	labelStart       = "transcript/start"
	labelCohort      = "transcript/cohort"
	labelFinished    = "transcript/step"
	labelContext     = "context"
	labelPairMask    = "mask/pair"
	labelSelfMask    = "mask/self"
	labelInput       = "input"
	labelSecrets     = "secrets"
	labelCommitment  = "commitment/masked"
	labelSelf        = "commitment/self"
	labelCommitments = "commitments"
	labelReveals     = "reveals"
	labelJournal     = "journal"
	labelPoints      = "points"
)
