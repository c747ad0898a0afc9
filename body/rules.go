package body

// The rules. A refusal names one of them; docs/format/statements.md explains each, and
// says which statements it holds for.
const (
	// Of every statement (fold.go).
	RuleForm      = "form"      // Canonical, known kind, known fields, sane values.
	RuleBody      = "body"      // The statement is for this body, under this charter.
	RuleAuthor    = "author"    // The author is a party of the charter.
	RuleSignature = "signature" // The author's node key signed it.
	RuleCounter   = "counter"   // The author's counter goes up by exactly 1.
	RuleOperator  = "operator"  // Only the operator of the log says this.
	RuleOnce      = "once"      // This was said already.

	// Of the charter and of time (founding.go, time.go).
	RuleCharterFirst = "charter.first"    // Nothing comes before the charter, and it is version 1.
	RuleCharterOnce  = "charter.once"     // Version 1 is logged once.
	RuleSeals        = "ratify.seals"     // At least the party's threshold of valid seals.
	RuleInForce      = "charter.in-force" // All founders ratified; not before its day, not after its last.
	RuleTime         = "tick.time"        // Witnessed, of this log, never backwards.

	// Of a federated computation (epoch.go, round.go, consent.go, cohort.go).
	RuleEpoch     = "epoch"           // Keys before boxes, boxes as committed.
	RulePlan      = "plan.authorised" // The charter names this computation on these terms.
	RuleConsent   = "consent"         // It answers the plan that was logged.
	RuleCohort    = "cohort"          // First everybody with keys who did not refuse; then fewer, never under the minimum.
	RuleRound     = "round"           // The round is open and the author takes part.
	RuleAgreement = "round.agreement" // All members saw the same transcript.
	RuleScore     = "score"           // Of the newest round, about the models that it found.

	// Of a question (question.go, package federation).
	RuleQuestion = "question.authorised" // A clause allows it, on these terms.
	RulePrivacy  = "privacy"             // Rows about persons need noise, and budget for it; equal sums differ by none or by many.
	RuleSum      = "sum"                 // Due now, once, by one of those who add, and consistent with what was logged.

	// Of a decision (decision.go, allocation.go).
	RuleModel       = "model"       // Made with the model in force, for a week that it serves.
	RuleClause      = "clause"      // A data clause asks this of this party.
	RulePicture     = "picture"     // Exactly what the logged forecasts freeze to.
	RuleProblem     = "problem"     // Exactly what the charter lowers to.
	RuleCertificate = "certificate" // Proved optimal within the charter's gap.
	RuleCheck       = "check"       // About an allocation of this log, not by its operator.
)
