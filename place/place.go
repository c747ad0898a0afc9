// Package place says where in a file something could not be read, and what to do.
package place

import (
	"errors"
	"fmt"
)

// ErrUnreadable is wrapped by every Error.
var ErrUnreadable = errors.New("unreadable file")

// Error points at the first character that could not be read as what it should be.
type Error struct {
	File   string
	Line   int // From 1; the file as a whole is 1:1.
	Column int // From 1, in bytes or, where people write the file by hand, in characters.
	Reason string
	Fix    string
	Cause  error // From the operating system or the decompressor; may be nil.
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
