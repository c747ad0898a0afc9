// Package party knows who takes part: identifiers, key pairs, and M-of-N seals.
package party

import (
	"errors"
	"fmt"
	"strings"
)

// ID names a party within one body: 2 to 32 capital letters, digits and hyphens, as
// ISO 3166 codes are ("KE", "GB-SCT").
type ID string

// ErrID says that a text cannot name a party.
var ErrID = errors.New("not a party id")

// Check refuses an ID that does not have the form of one.
func (id ID) Check() error {
	ok := len(id) >= 2 && len(id) <= 32 && id[0] != '-'
	for i := range len(id) {
		c := id[i]
		ok = ok && (c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return fmt.Errorf("%w: %.40q; use 2 to 32 capital letters, digits and hyphens", ErrID, string(id))
	}
	return nil
}

// WitnessName returns the name that the key of id's witness has: "ke.witness".
func WitnessName(id ID) string { return strings.ToLower(string(id)) + ".witness" }
