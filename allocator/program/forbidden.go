package program

import (
	"fmt"

	"comity"
	"comity/governor/charter"
)

// checkForbidden refuses a charter that depends on an input which one of its
// forbidden_inputs clauses names.
func checkForbidden(c comity.Charter) error {
	banned := charter.Bans(c)
	for _, use := range charter.Uses(c) {
		if clause, ok := banned[use.Name]; ok {
			return fmt.Errorf("clause %s: %w: %s uses %s; change the rule or amend the clause", clause, ErrForbidden, use.Of, use.Name)
		}
	}
	return nil
}
