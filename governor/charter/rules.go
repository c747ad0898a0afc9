package charter

// Rule is one condition that every charter meets.
type Rule struct {
	ID   string
	Says string
}

// The rules: E1 about the form of a document and its values, E2 about expressions,
// E3 about what the law of a body may say. Ids are never used again for another rule.
const (
	ruleShape       = "E101"
	ruleUnknownKey  = "E102"
	ruleMissingKey  = "E103"
	ruleRepeatedKey = "E104"
	ruleQuotedID    = "E105"
	ruleInteger     = "E106"
	ruleText        = "E107"
	ruleNumber      = "E108"
	ruleID          = "E109"
	rulePartyID     = "E110"
	ruleDuration    = "E111"
	ruleInstant     = "E112"
	ruleLanguages   = "E113"
	ruleChoice      = "E114"
	ruleDigest      = "E115"
	ruleBounds      = "E116"
	ruleKey         = "E117"
	ruleFlag        = "E118"
	ruleUnfounded   = "E119"

	ruleCompile  = "E201"
	ruleUnknown  = "E202"
	ruleNotHere  = "E203"
	ruleTree     = "E204"
	ruleForbids  = "E205"
	ruleConstant = "E206"
	rulePeriod   = "E207"

	ruleVersion     = "E301"
	ruleParties     = "E302"
	ruleAscending   = "E303"
	ruleKeyTwice    = "E304"
	ruleThreshold   = "E305"
	ruleWeight      = "E306"
	ruleWitnesses   = "E307"
	ruleOperator    = "E308"
	ruleNoSuchParty = "E309"
	ruleValueTwice  = "E310"
	ruleValues      = "E311"
	ruleModels      = "E312"
	ruleDisclosure  = "E313"
	ruleMinMembers  = "E314"
	ruleConstraint  = "E315"
	ruleGap         = "E316"
	ruleSunset      = "E317"
	ruleBanned      = "E318"
	ruleIDTwice     = "E319"
	ruleObjective   = "E320"
	ruleRecipients  = "E321"
	ruleBudget      = "E322"
	ruleStage       = "E323"
	ruleBenefit     = "E324"
	ruleRange       = "E325"
	ruleFlow        = "E326"
	ruleNoSuchGroup = "E327"
	ruleQueries     = "E328"
	rulePrivacy     = "E329"
	ruleAdoption    = "E330"
)

// Rules returns all rules in the order of their ids.
func Rules() []Rule {
	return []Rule{
		{ruleShape, "every part has the shape (mapping, list, single value) that its place has"},
		{ruleUnknownKey, "a key that the format does not know is an error, never ignored"},
		{ruleMissingKey, "every key is there unless its place says that it may be left out"},
		{ruleRepeatedKey, "a key is written once"},
		{ruleQuotedID, "a party's id is quoted, as NO reads as false for many YAML readers"},
		{ruleInteger, "a count is a whole number without quotes, below 2^53 (a parameter of a recipe below 2^63)"},
		{ruleText, "a text is not empty, has no control characters or direction marks, and is quoted where a reader could take it for something else"},
		{ruleNumber, "a number that need not be whole is an exact one in quotes"},
		{ruleID, "an id or name has the form of its kind"},
		{rulePartyID, "a party's id is 2 to 32 capital letters, digits and hyphens"},
		{ruleDuration, "a duration is ISO 8601 in weeks, days, hours, minutes or seconds; months and years have no fixed length"},
		{ruleInstant, "an instant is RFC 3339 in UTC, whole seconds, written with Z"},
		{ruleLanguages, "a text is there in every authentic language, under BCP 47 tags"},
		{ruleChoice, "a word is one of the list that its place has"},
		{ruleDigest, "a digest is sha256: and 64 lower-case hex digits"},
		{ruleBounds, "a list, table or count is within its bounds"},
		{ruleKey, "a key is a C2SP verifier key of the type that its place has, or a NATS user key for transport"},
		{ruleFlag, "a yes or no is true or false, without quotes"},
		{ruleUnfounded, "parties and keys are written out; only the charter of a data folder has the word founding in their place"},
		{ruleCompile, "an expression is one that the compiler takes"},
		{ruleUnknown, "an expression uses only inputs that the data clauses and the picture provide"},
		{ruleNotHere, "one number for all uses supply and total, never one party's values"},
		{ruleTree, "a sealed expression is a well-formed tree within its bounds"},
		{ruleForbids, "nothing uses a forbidden input: no expression, no sum of it, no constraint that names parties or their groups"},
		{ruleConstant, "no part of an expression is certain to fail: no division by a constant zero, no rounding to a step that is not positive"},
		{rulePeriod, "one number for the whole plan uses no value that each period has its own of"},
		{ruleVersion, "version 1 supersedes nothing, every later version the one before"},
		{ruleParties, "a body has at least two parties"},
		{ruleAscending, "lists of parties, inputs and targets ascend and name each once, so that order carries no meaning"},
		{ruleKeyTwice, "one key has one holder and one use"},
		{ruleThreshold, "a threshold is at least 1 and at most the number of its keys"},
		{ruleWeight, "weights are not negative, their sum is positive, and observers have none"},
		{ruleWitnesses, "at least two witnesses count, each of a party, and floor(2n/3)+1 of n must sign"},
		{ruleOperator, "the operator of the log is a party and is not among its own witnesses, and the log's key bears its origin"},
		{ruleNoSuchParty, "a clause names parties of this charter"},
		{ruleValueTwice, "a declared value is defined by one clause"},
		{ruleValues, "signed plain data names its values, other data has none, by period or not, and a common value has one declarer"},
		{ruleModels, "models are trained on a data clause of which only aggregates leave home"},
		{ruleDisclosure, "a model is trained on sums as they are, of rows that are not about persons"},
		{ruleMinMembers, "a sum has at least 3 members and more than half of its clause's"},
		{ruleConstraint, "a constraint has the fields of its kind and no others"},
		{ruleGap, "the largest certified gap is a share: at least 0, below 1"},
		{ruleSunset, "a charter ends after it begins, within three years"},
		{ruleBanned, "a charter bans at least one use"},
		{ruleIDTwice, "an id names one clause, constraint, stage or group"},
		{ruleObjective, "groups have positive weights, and ties are broken by least_squares_unmet, webster, lot"},
		{ruleRecipients, "all clauses that declare party values are from the same parties, and each of them is a member"},
		{ruleBudget, "what is handed out is bounded by a budget, a conservation or a stock"},
		{ruleStage, "a stage has the fields of its kind and no others; only weighted stages are minimised"},
		{ruleBenefit, "the pieces of a benefit have shares above 0 that add up to 1 and weights that fall, and are maximised"},
		{ruleRange, "a divisor and a power are above 0, a slack is at least 0 and below 1, an index lies between 0 and 1 and that of Jain above 0, a lot is not negative"},
		{ruleFlow, "a flow goes from one recipient to another, and one constraint counts what flows in and out of a party"},
		{ruleNoSuchGroup, "a constraint names groups that there are"},
		{ruleQueries, "what may be asked is asked of a clause of which only aggregates leave home, by as many approvals as it has parties at most"},
		{rulePrivacy, "rows about persons have a privacy budget: epsilon above 0 and at most 20, delta above 0 and at most 1/1000, a release within a year's"},
		{ruleAdoption, "a model is adopted and rolled back by ratios above 0 and at most 10, scored by at least one member, and retires only after its successor was tried and could be rolled back"},
	}
}
