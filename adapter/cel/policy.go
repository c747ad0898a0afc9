package cel

import (
	"fmt"

	"cel.dev/cel-go/cel"

	"comity/governor/charter"
)

// Policy is a yes-or-no question about a plan, in all of CEL. It is asked at home and
// never sealed, so that floating point and texts do no harm in it.
type Policy struct{ program cel.Program }

const (
	// maxPolicy bounds a policy in bytes and maxCost one evaluation in units of CEL, each
	// about one operation: a policy reads a dozen words.
	maxPolicy = 4 << 10
	maxCost   = 100_000
)

// CompilePolicy compiles a condition over the map plan: plan.kind == "histogram". A
// refusal is a *charter.SourceError.
func CompilePolicy(source string) (Policy, error) {
	if len(source) > maxPolicy {
		return Policy{}, &charter.SourceError{Line: 1, Column: 1, Message: fmt.Sprintf("the condition has %d bytes, at most %d", len(source), maxPolicy), Fix: "split it"}
	}
	env, err := cel.NewEnv(cel.Variable("plan", cel.MapType(cel.StringType, cel.DynType)), cel.ParserRecursionLimit(10*charter.MaxDepth))
	if err != nil {
		return Policy{}, fmt.Errorf("declare policies: %w", err)
	}
	checked, issues := env.Compile(source)
	if issues.Err() != nil {
		return Policy{}, refusal(issues, "not a condition: ")
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return Policy{}, &charter.SourceError{Line: 1, Column: 1, Message: "the condition gives a " + checked.OutputType().String() + ", not yes or no", Fix: "compare something"}
	}
	program, err := env.Program(checked, cel.CostLimit(maxCost))
	if err != nil {
		return Policy{}, fmt.Errorf("plan condition: %w", err)
	}
	return Policy{program}, nil
}

// Holds answers the question about a plan. A word that the plan does not have is an error.
func (p Policy) Holds(plan map[string]any) (bool, error) {
	out, _, err := p.program.Eval(map[string]any{"plan": plan})
	if err != nil {
		return false, fmt.Errorf("evaluate condition: %w", err)
	}
	holds, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("%w: a condition gave a %s", charter.ErrExpression, out.Type().TypeName())
	}
	return holds, nil
}
