package body

import "strings"

// TaskUpdate is the task of a round between two trainings: the model in force stays, and
// one sum brings the regional numbers up to date that its forecasts need.
const TaskUpdate = "update@1"

// RoundName returns the name of a task's round in one period: "2026-11-18/forecast" for
// the task "forecast/quick@1". Names begin with the period, so they ascend with time.
func RoundName(period, task string) string {
	name, _, _ := strings.Cut(task, "@")
	name, _, _ = strings.Cut(name, "/")
	return period + "/" + name
}
