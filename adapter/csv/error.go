package csv

import "comity/place"

// ErrUnreadable is wrapped by every Error.
var ErrUnreadable = place.ErrUnreadable

// Error points at the first byte that could not be read as what it should be.
type Error = place.Error
