package main

type learnCommand struct {
	Verify learnVerifyCommand `cmd:"" help:"Check one round, a training or a question, from the log alone."`
}
