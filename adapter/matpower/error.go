package matpower

import (
	"errors"
	"fmt"
)

// ErrUnreadable is wrapped by every error about a file's content.
var ErrUnreadable = errors.New("unreadable MATPOWER file")

// Error points at the first byte that could not be read as what it should be.
type Error struct {
	File   string
	Line   int // From 1; the file as a whole is 1:1.
	Column int // In bytes, from 1.
	Reason string
	Fix    string
	Cause  error // From reading or decompression; may be nil.
}

// Error reads FILE:LINE:COLUMN: reason; fix.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s; %s", e.File, e.Line, e.Column, e.Reason, e.Fix)
}

// Unwrap makes errors.Is find ErrUnreadable and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrUnreadable}
	}
	return []error{ErrUnreadable, e.Cause}
}
