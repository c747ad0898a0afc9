package account

import (
	"fmt"

	"comity/allocator/explore"
	"comity/body"
)

// Case returns all that the newest decision rests on, to divide again with other numbers;
// "" asks for the newest. Earlier ones are gone from the state (body.State.Inputs): a
// replay of the log has them. Errors: ErrNone.
func Case(look func(func(*body.State)), period string) (c explore.Case, err error) {
	look(func(s *body.State) {
		newest := ""
		for at, d := range s.View().Decisions {
			if d.Allocation != nil {
				newest = max(newest, at)
			}
		}
		if newest == "" || period != "" && period != newest {
			err = fmt.Errorf("%w: period %.20q is not the newest, %q", ErrNone, period, newest)
			return
		}
		if c.Inputs, err = s.Inputs(newest); err == nil {
			c.Lot, err = s.Lot(newest)
		}
	})
	return c, err
}
