package charter

import (
	"fmt"

	"comity"
)

// Compiler turns what people type into a sealed expression. Package adapter/cel has
// one; this package needs none to check a sealed charter.
type Compiler func(source string) (comity.Expr, error)

// SourceError is what a Compiler says about a source it refuses.
type SourceError struct {
	Line    int    // In the source, from 1.
	Column  int    // From 1, in characters.
	Message string // What is wrong.
	Fix     string // What to write instead.
}

// Error writes the place in the source, the reason and the fix.
func (e *SourceError) Error() string {
	return fmt.Sprintf("%d:%d: %s; %s", e.Line, e.Column, e.Message, e.Fix)
}
