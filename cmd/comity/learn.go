package main

type learnCommand struct {
	Fit     learnFitCommand     `cmd:"" help:"Learn a model from a file; with --party as a federation of parties that keep their rows."`
	Predict learnPredictCommand `cmd:"" help:"Predict with a model for the rows of a file."`
	Explain learnExplainCommand `cmd:"" help:"Say why a model gave its scores: what each column adds, how scores move with it, and what would change one."`
	Card    learnCardCommand    `cmd:"" help:"Say what a model is, how good it is and for whom, and what it gives away."`
	Audit   learnAuditCommand   `cmd:"" help:"Ask whether a model treats parties and groups alike, and what each party brought and got."`
	Curve   learnCurveCommand   `cmd:"" name:"privacy-curve" help:"Measure how good private models are, by privacy budget."`
	Verify  learnVerifyCommand  `cmd:"" help:"Check one round, a training or a question, from the log alone."`
}
