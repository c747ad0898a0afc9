package body

// The rules. A refusal names one of them; docs/format/statements.md explains each.
const (
	RuleForm         = "form"             // Canonical, known kind, known fields, sane values.
	RuleCharterFirst = "charter.first"    // Nothing comes before the charter.
	RuleCharterOnce  = "charter.once"     // Version 1 is logged once.
	RuleBody         = "body"             // The statement is for this body.
	RuleAuthor       = "author"           // The author is a party of the charter.
	RuleSignature    = "signature"        // The author's node key signed it.
	RuleCounter      = "counter"          // The author's counter goes up by exactly 1.
	RuleOperator     = "operator"         // Only the operator of the log says this.
	RuleInForce      = "charter.in-force" // All founders ratified; not before its day, not after its last.
	RuleSeals        = "ratify.seals"     // At least the party's threshold of valid seals.
	RuleOnce         = "once"             // This was said already.
	RuleTime         = "tick.time"        // Witnessed, of this log, never backwards.
	RuleEpoch        = "epoch"            // Keys before boxes, boxes as committed.
	RulePlan         = "plan.authorised"  // The charter names this computation on these terms.
	RuleCohort       = "cohort"           // Members with keys, never fewer than the minimum, one successor.
	RuleRound        = "round"            // The round is open and the author takes part.
	RuleAgreement    = "round.agreement"  // All members saw the same transcript.
	RuleModel        = "model"            // Made with the model in force.
	RuleClause       = "clause"           // A data clause asks this of this party.
	RulePicture      = "picture"          // Exactly what the logged forecasts freeze to.
	RuleProblem      = "problem"          // Exactly what the charter lowers to.
	RuleCertificate  = "certificate"      // Proved optimal within the charter's gap.
	RuleCheck        = "check"            // About an allocation of this log, by a member that counts.
)
